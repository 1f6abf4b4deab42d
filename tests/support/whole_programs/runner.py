"""Compares programs of many seeds in child processes; reports differences, crashes and programs that do not end."""

from __future__ import annotations

import gc
import multiprocessing
import multiprocessing.connection
import os
import platform
import resource
import signal
import time
import traceback
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from tests.support.frozen_heap import freeze_heap
from tests.support.whole_programs.comparison import Difference, LeftOut, Tally, compare
from tests.support.whole_programs.model import Program
from tests.support.whole_programs.programs import write_program

CHUNK = 40
"""So many seeds are given to a child process, which then ends."""

SILENT = 60.0
"""Seconds after which a child that has said nothing is ended: neither C functions nor typed code can be interrupted everywhere."""

MEMORY = 3 * 2**29
fork = multiprocessing.get_context("fork")


@dataclass
class Report:
    """What programs of many seeds gave."""

    tally: Tally = field(default_factory=Tally)
    left_out: Counter[str] = field(default_factory=Counter)
    differences: list[tuple[int, str, str]] = field(default_factory=list)

    def __str__(self) -> str:
        tally = self.tally
        kinds = Counter(kind for _, kind, _ in self.differences)
        return (
            f"compared {tally.programs:,} programs, {tally.calls:,} calls, {tally.raised:,} of them with an exception, on Python {platform.python_version()}; "
            f"{tally.in_machine_code:,} programs in machine code; {len(self.differences)} differences {dict(kinds)}; left out: {dict(self.left_out)}"
        )


def check(program: Program, phase: Any = lambda name: None) -> tuple[Tally, str, str]:
    """Compares one program; returns what was compared, the kind of a difference ("" for none), and a text."""
    try:
        return compare(program, None, phase), "", ""
    except Difference as difference:
        return Tally(), difference.kind, str(difference)
    except LeftOut as reason:
        return Tally(), "left out", str(reason)
    except BaseException:
        return Tally(), "harness", f"{traceback.format_exc()}\n{program}"


def _limit() -> None:
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if "asan" not in os.environ.get("LD_PRELOAD", ""):
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, resource.RLIM_INFINITY))


def _work(connection: Any, seeds: list[int]) -> None:
    _limit()
    freeze_heap()
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    if "asan" not in os.environ.get("LD_PRELOAD", ""):
        os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
    for seed in seeds:
        connection.send((seed, "begin", "", ""))
        program = write_program(seed)
        found = check(program, lambda name, seed=seed: connection.send((seed, "phase", name, "")))
        connection.send((seed, "end", *found))
        gc.collect()
    connection.send((0, "done", "", ""))
    os._exit(0)


class Worker:
    """A child process with seeds to compare."""

    def __init__(self, seeds: list[int]) -> None:
        self.left = seeds
        self.seed, self.phase = 0, ""
        self.heard = time.monotonic()
        self.connection, theirs = fork.Pipe(duplex=False)
        self.process = fork.Process(target=_work, args=(theirs, seeds))
        self.process.start()
        theirs.close()


class Runner:
    """Hands out seeds to child processes, and collects what they find."""

    def __init__(self, first: int, count: int | None, seconds: float | None, jobs: int, progress: float = 30.0) -> None:
        self.next, self.last = first, None if count is None else first + count
        self.until = None if seconds is None else time.monotonic() + seconds
        self.jobs, self.progress = jobs, progress
        self.report = Report()
        self.again: list[list[int]] = []

    def run(self) -> Report:
        workers: list[Worker] = []
        shown = time.monotonic()
        while True:
            while len(workers) < self.jobs and (seeds := self.seeds()):
                workers.append(Worker(seeds))
            if not workers:
                return self.report
            ready = multiprocessing.connection.wait([worker.connection for worker in workers], timeout=1.0)
            workers = [worker for worker in workers if worker.connection not in ready or self.hear(worker)]
            for worker in workers:
                if time.monotonic() - worker.heard > SILENT:
                    worker.process.kill()
            if time.monotonic() - shown > self.progress:
                shown = time.monotonic()
                print(f"{self.next}: {self.report}", flush=True)

    def seeds(self) -> list[int]:
        if self.again:
            return self.again.pop()
        if self.until is not None and time.monotonic() > self.until:
            return []
        end = self.next + CHUNK if self.last is None else min(self.next + CHUNK, self.last)
        found = list(range(self.next, end))
        self.next = end
        return found

    def hear(self, worker: Worker) -> bool:
        """Takes a message; returns False when the worker is at its end."""
        worker.heard = time.monotonic()
        try:
            seed, what, *rest = worker.connection.recv()
        except (EOFError, OSError):
            return self.ended(worker)
        if what == "begin":
            worker.seed, worker.phase = seed, "begin"
        elif what == "phase":
            worker.phase = rest[0]
        elif what == "end":
            worker.left = [each for each in worker.left if each > seed]
            self.take(seed, *rest)
        elif what == "done":
            worker.process.join()
            return False
        return True

    def ended(self, worker: Worker) -> bool:
        worker.process.kill()  # it may have a message that cannot be read
        worker.process.join()
        code = worker.process.exitcode
        if worker.phase in ("begin", "plain"):
            self.report.left_out[f"plain Python ends with {code}"] += 1
        else:
            self.take(worker.seed, Tally(), f"{worker.phase}: crash {code}", str(write_program(worker.seed)))
        rest = [seed for seed in worker.left if seed > worker.seed]
        if rest:
            self.again.append(rest)
        return False

    def take(self, seed: int, tally: Tally, kind: str, text: str) -> None:
        self.report.tally.add(tally)
        if kind == "left out":
            self.report.left_out[text] += 1
        elif kind:
            self.report.differences.append((seed, kind, text))
            print(
                f"\n===== DIFFERENCE, seed {seed}: {text if text.startswith(kind) else kind + chr(10) + text}\n",
                flush=True,
            )


def in_a_child(program: Program, seconds: int = 15) -> str:
    """The kind of difference that a program shows in a child process; "" for none."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        _limit()
        for number in (1, 2):
            os.dup2(os.open(os.devnull, os.O_WRONLY), number)
        signal.alarm(0)
        resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
        phases: list[str] = []

        def phase(name: str) -> None:
            os.write(writing, f"{name}\n".encode())
            phases.append(name)

        _, kind, _ = check(program, phase)
        os.write(writing, f"={kind}\n".encode(errors="replace"))
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading, encoding="utf-8", errors="replace") as file:
        lines = file.read().split("\n")
    _, status = os.waitpid(child, 0)
    ended = [line[1:] for line in lines if line.startswith("=")]
    if ended:
        return "" if ended[0] in ("left out", "harness") else ended[0]
    last = [line for line in lines if line]
    if not last or last[-1] == "plain" or not os.WIFSIGNALED(status):
        return ""
    return f"{last[-1]}: crash {-os.WTERMSIG(status)}"
