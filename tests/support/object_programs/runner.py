"""Compares programs of many seeds in child processes, and reports differences and crashes."""

from __future__ import annotations

import gc
import multiprocessing
import multiprocessing.connection
import os
import platform
import resource
import time
import traceback
from collections import Counter, deque
from dataclasses import dataclass
from typing import Any

from cascade._vm import lower_without_delay
from tests.support.frozen_heap import freeze_heap
from tests.support.object_programs.comparison import Difference, Tally, Tasks, compare
from tests.support.object_programs.minimise import MEMORY, minimise, shown_by
from tests.support.object_programs.model import Program
from tests.support.object_programs.programs import write_program

CHUNK = 50
"""So many seeds are handed to a worker at once."""

MINIMISED = 2
"""Of each kind of difference so many are made smaller by each worker; the others may well have the same cause."""

WRITING = 5.0
"""Seconds after which a program that has been written is left out: a call of it is so slow as plain Python, and no timer interrupts it."""

HUNG = 120.0
"""Seconds after which a worker that says nothing is ended: typed code that loops forever cannot be interrupted."""

fork = multiprocessing.get_context("fork")

BLOCKS = "CASCADE_BLOCK_KERNELS"
"""The environment variable by which a process is told to use block kernels."""


@dataclass(frozen=True)
class Options:
    """What is compared: so many programs, or as many as so many seconds allow."""

    seed: int = 1
    programs: int | None = None
    seconds: float | None = None
    jobs: int = 1
    progress: float = 30.0
    shrink: float = 60.0
    tasks: type[Tasks] = Tasks


@dataclass(frozen=True)
class Found:
    """A difference, as it is reported."""

    seed: int
    kind: str
    text: str


class Worker:
    """A process that compares the programs of a chunk of seeds at a time."""

    def __init__(self, options: Options) -> None:
        self.seed = fork.RawValue("q", 0)  # the one under way, for when the process crashes
        self.writing = fork.RawValue("b", 0)  # and whether its program is being written, which runs it as plain Python
        self.connection, theirs = fork.Pipe()
        self.process = fork.Process(target=_work, args=(theirs, self.seed, self.writing, options), daemon=True)
        self.process.start()
        theirs.close()
        self.chunk = range(0)
        self.given = time.monotonic()

    def give(self, chunk: range) -> None:
        self.chunk, self.given = chunk, time.monotonic()
        self.connection.send(chunk)

    def end(self) -> None:
        self.connection.send(None)
        self.process.join()


def _work(connection: Any, current: Any, writing: Any, options: Options) -> None:
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, resource.RLIM_INFINITY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    gc.disable()
    if os.environ.get(BLOCKS):
        lower_without_delay(True)
    minimised: Counter[str] = Counter()
    for chunk in iter(connection.recv, None):
        freeze_heap()  # programs collect garbage: what has been imported by now is none
        tally = Tally()
        for seed in chunk:
            current.value, writing.value = seed, True
            begun = time.monotonic()
            program = write_program(seed)
            writing.value = False
            if time.monotonic() - begun > WRITING:
                tally.left_out["its writing"] += 1
                continue
            difference = difference_of(program, tally, options)
            if difference is not None:
                minimised[difference.kind] += 1
                connection.send(Found(seed, difference.kind, str(difference)))
                if minimised[difference.kind] <= MINIMISED and options.shrink:
                    connection.send(Found(seed, "", smaller(seed, difference.kind, options)))
            gc.collect()  # not left to the collections within programs, of which each would search all of it
        connection.send(tally)


def difference_of(program: Program, tally: Tally, options: Options) -> Difference | None:
    """Compares one program; what goes wrong in the comparison itself is reported as a difference, too."""
    try:
        tally.add(compare(program, options.tasks))
    except Difference as difference:
        return difference
    except Exception:
        return Difference("harness", f"seed {program.seed}: {traceback.format_exc()}")
    return None


def smaller(seed: int, kind: str, options: Options) -> str:
    """Returns the difference of the program minimised, as text."""
    program = write_program(seed)
    if shown_by(program, options.tasks)[0] != kind:
        return f"seed {seed}: in a process of its own this program shows no such difference"
    program = minimise(program, kind, options.tasks, options.shrink)
    return f"seed {seed}, made smaller:\n{shown_by(program, options.tasks)[1]}"


class Runner:
    """Hands out seeds and collects the differences that the workers find."""

    def __init__(self, options: Options) -> None:
        self.options = options
        self.next_seed = options.seed
        self.begun = self.reported = time.monotonic()
        self.left: deque[range] = deque()
        self.tally = Tally()
        self.found: list[Found] = []
        self.crashed: list[int] = []

    def run(self) -> int:
        """Compares all programs; returns the number of differences and crashes."""
        workers = [Worker(self.options) for _ in range(self.options.jobs)]
        busy = [worker for worker in workers if self.employ(worker)]
        while busy:
            ready = multiprocessing.connection.wait([worker.connection for worker in busy], timeout=1.0)
            busy = [worker for worker in busy if worker.connection not in ready or self.receive(worker)]
            for worker in busy:
                if time.monotonic() - worker.given > HUNG + self.options.shrink:
                    worker.process.kill()
            if time.monotonic() - self.reported > self.options.progress:
                self.report()
        return len(self.found) + len(self.crashed)

    def employ(self, worker: Worker) -> bool:
        """Sends a worker its next seeds; returns False when there are none."""
        chunk = self.left.popleft() if self.left else self.next_chunk()
        if chunk:
            worker.give(chunk)
        else:
            worker.end()
        return bool(chunk)

    def next_chunk(self) -> range:
        count = CHUNK
        if self.options.programs is not None:
            count = min(count, self.options.programs - (self.next_seed - self.options.seed))
        if self.options.seconds is not None and time.monotonic() - self.begun >= self.options.seconds:
            count = 0
        self.next_seed += count
        return range(self.next_seed - count, self.next_seed)

    def receive(self, worker: Worker) -> bool:
        """Takes a message of a worker; returns False when the worker is no longer needed."""
        worker.given = time.monotonic()
        try:
            message = worker.connection.recv()
        except (EOFError, ConnectionResetError):
            self.replace(worker)
            return self.employ(worker)
        if isinstance(message, Found):
            if message.kind:
                self.found.append(message)
            print(f"\n===== {'DIFFERENCE, ' if message.kind else ''}{message.text}\n", flush=True)
            return True
        self.tally.add(message)
        return self.employ(worker)

    def replace(self, worker: Worker) -> None:
        """Starts a new process for the other seeds of the chunk; reports a crash, unless the program itself was one, as plain Python."""
        worker.process.join()
        seed = worker.seed.value
        if worker.writing.value:
            self.tally.left_out["its writing"] += 1
            print(f"seed {seed} is left out: the process that wrote it ended with exit code {worker.process.exitcode}")
        else:
            self.show_crash(worker, seed)
        self.left += [part for part in (range(worker.chunk.start, seed), range(seed + 1, worker.chunk.stop)) if part]
        worker.__init__(self.options)  # type: ignore[misc]

    def show_crash(self, worker: Worker, seed: int) -> None:
        self.crashed.append(seed)
        print(f"\n===== CRASH, seed {seed}: the process ended with exit code {worker.process.exitcode}", flush=True)
        print(write_program(seed).text, *(f"# {call}" for call in write_program(seed).calls), sep="\n", flush=True)
        kind, _ = shown_by(write_program(seed), self.options.tasks)
        print(smaller(seed, kind, self.options) if kind else "It does not crash on its own.", flush=True)

    def report(self) -> None:
        self.reported = time.monotonic()
        seconds = self.reported - self.begun
        print(f"{seconds:7,.0f} s: {self.outcome()}, {self.tally.programs / seconds:.0f} programs a second", flush=True)

    def outcome(self) -> str:
        return f"{self.tally.programs:,} programs, {len(self.found)} differences, {len(self.crashed)} crashes"

    def summary(self) -> str:
        tally, seconds = self.tally, time.monotonic() - self.begun
        return (
            f"compared {self.outcome()} (seeds {self.options.seed}..{self.next_seed - 1}, Python {platform.python_version()})\n"
            f"  {tally.calls:,} calls, {tally.raised:,} of them with an exception; left out: {dict(tally.left_out)}\n"
            f"  {tally.in_kernels:,} programs ran in kernels: {tally.kernels:,} kernels, {tally.entries:,} entries, {tally.exits:,} exits\n"
            f"  {seconds:,.0f} s, {tally.programs / max(seconds, 1e-9):.0f} programs a second"
        )

    def features(self) -> str:
        """The rows of the grammar, by how many of a hundred programs hold them."""
        count = max(self.tally.programs, 1)
        return "\n".join(
            f"{100 * times / count:6.2f}  {feature}" for feature, times in self.tally.features.most_common()
        )
