"""Compares random programs on the VM path, on the graph path, and as plain Python, for a given time.

    python tools/fuzz.py --seconds 3600 --seed 1 --jobs 2
    python tools/fuzz.py --programs 200000
    python tools/fuzz.py --seed 4711 --programs 1 --show

Prints its progress now and then, each difference with its seed and a minimal program, and at the end the number of
comparisons. The exit code is 1 if there was a difference.
"""

from __future__ import annotations

import argparse
import dataclasses
import multiprocessing
import multiprocessing.connection
import platform
import resource
import sys
import time
from collections import Counter, deque
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tests.support.random_programs import Difference, Program, Tally, compare, write_program  # noqa: E402
from tests.support.random_programs.minimise import minimise, shown_by  # noqa: E402

CHUNK = 100
"""So many seeds are handed to a worker at once."""

MEMORY = 4 * 2**30
MINIMISED = 3
"""Of each kind of difference so many are made smaller by each worker; the others may well have the same cause."""

fork = multiprocessing.get_context("fork")


@dataclasses.dataclass(frozen=True)
class Found:
    """A difference, as it is reported."""

    seed: int
    text: str


class Worker:
    """A process that compares the programs of a chunk of seeds at a time."""

    def __init__(self) -> None:
        self.seed = fork.RawValue("q", 0)  # the one under way, for when the process crashes
        self.connection, theirs = fork.Pipe()
        self.process = fork.Process(target=_work, args=(theirs, self.seed), daemon=True)
        self.process.start()
        theirs.close()
        self.chunk = range(0)

    def give(self, chunk: range) -> None:
        self.chunk = chunk
        self.connection.send(chunk)

    def end(self) -> None:
        self.connection.send(None)
        self.process.join()


def _work(connection: Any, current: Any) -> None:
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, resource.RLIM_INFINITY))
    minimised: Counter[str] = Counter()
    for chunk in iter(connection.recv, None):
        tally = Tally()
        for seed in chunk:
            current.value = seed
            program = write_program(seed)
            try:
                tally.add(compare(program))
            except Difference as difference:
                minimised[difference.kind] += 1
                text = str(difference)
                if minimised[difference.kind] <= MINIMISED:
                    text += "\n" + smaller(program, difference.kind)
                connection.send(Found(seed, text))
        connection.send(tally)


def smaller(program: Program, kind: str) -> str:
    """Returns the difference of the program minimised, as text."""
    if shown_by(program)[0] != kind:
        return "In a process of its own this program shows no such difference."
    return "Made smaller:\n" + shown_by(minimise(program, kind))[1]


class Fuzzing:
    """Hands out seeds and collects the differences that the workers find."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.options = options
        self.next_seed = options.seed
        self.begun = time.monotonic()
        self.reported = self.begun
        self.left: deque[range] = deque()
        self.tally = Tally()
        self.found = 0
        self.crashed = 0

    def run(self) -> int:
        workers = [Worker() for _ in range(self.options.jobs)]
        busy = [worker for worker in workers if self.employ(worker)]
        while busy:
            ready = multiprocessing.connection.wait([worker.connection for worker in busy], timeout=1.0)
            busy = [worker for worker in busy if worker.connection not in ready or self.receive(worker)]
            if time.monotonic() - self.reported > self.options.progress:
                self.report()
        self.summary()
        return int(self.found + self.crashed > 0)

    def employ(self, worker: Worker) -> bool:
        """Sends a worker its next seeds; returns False when there are none."""
        chunk = self.left.popleft() if self.left else self.next_chunk()
        if chunk:
            worker.give(chunk)
        else:
            worker.end()
        return bool(chunk)

    def next_chunk(self) -> range:
        done = self.next_seed - self.options.seed
        if self.options.programs is not None:
            count = min(CHUNK, self.options.programs - done)
        else:
            count = CHUNK if time.monotonic() - self.begun < self.options.seconds else 0
        self.next_seed += count
        return range(self.next_seed - count, self.next_seed)

    def receive(self, worker: Worker) -> bool:
        """Takes a message of a worker; returns False when the worker is no longer needed."""
        try:
            message = worker.connection.recv()
        except EOFError:
            self.replace(worker)
            return self.employ(worker)
        if isinstance(message, Found):
            self.found += 1
            print(f"\n===== DIFFERENCE, {message.text}\n", flush=True)
            return True
        self.tally.add(message)
        return self.employ(worker)

    def replace(self, worker: Worker) -> None:
        """Reports a crash, and starts a new process for the other seeds of the chunk."""
        worker.process.join()
        seed = worker.seed.value
        self.crashed += 1
        print(f"\n===== CRASH, seed {seed}: the process ended with exit code {worker.process.exitcode}", flush=True)
        kind, _ = shown_by(write_program(seed))
        print(smaller(write_program(seed), kind) if kind else "It does not crash on its own.", flush=True)
        self.left += [part for part in (range(worker.chunk.start, seed), range(seed + 1, worker.chunk.stop)) if part]
        worker.__init__()  # type: ignore[misc]

    def report(self) -> None:
        self.reported = time.monotonic()
        seconds = self.reported - self.begun
        print(
            f"{seconds:7,.0f} s: {self.tally.programs:,} programs, {self.tally.programs / seconds:.0f} a second,"
            f" {self.tally.in_kernels:,} in kernels, {self.found} differences, {self.crashed} crashes",
            flush=True,
        )

    def summary(self) -> None:
        tally = self.tally
        seconds = time.monotonic() - self.begun
        memory = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
        seeds = f"seeds {self.options.seed}..{self.next_seed - 1}"
        print(
            f"compared {tally.programs:,} programs ({seeds}, Python {platform.python_version()}):"
            f" {self.found} differences, {self.crashed} crashes\n"
            f"  {tally.calls:,} calls, {tally.raised:,} of them with an exception\n"
            f"  {tally.in_kernels:,} programs ran in kernels:"
            f" {tally.kernels:,} kernels, {tally.entries:,} entries, {tally.exits:,} exits\n"
            f"  left out: {dict(tally.left_out)}; refused: {dict(tally.refused.most_common())}\n"
            f"  {seconds:,.0f} s, {tally.programs / max(seconds, 1e-9):.0f} programs a second, {memory:,.0f} MB at most"
        )


def show(first: int, count: int) -> None:
    for seed in range(first, first + count):
        program = write_program(seed)
        print(f"# seed {seed}\n{program.text}", *program.script, "", sep="\n")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=60.0, help="how long (60)")
    parser.add_argument("--programs", type=int, help="how many programs, however long it takes")
    parser.add_argument("--seed", type=int, default=1, help="the first seed (1)")
    parser.add_argument("--jobs", type=int, default=1, help="processes (1)")
    parser.add_argument("--progress", type=float, default=30.0, help="seconds between two lines (30)")
    parser.add_argument("--show", action="store_true", help="print the programs first")
    options = parser.parse_args()
    if options.show:
        show(options.seed, options.programs or 1)
    return Fuzzing(options).run()


if __name__ == "__main__":
    sys.exit(main())
