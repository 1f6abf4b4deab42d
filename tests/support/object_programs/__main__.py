"""Compares random programs with objects in them as plain Python and as tasks.

    python -m tests.support.object_programs --programs 1000 --seed 7
    python -m tests.support.object_programs --seconds 600 --jobs 2
    python -m tests.support.object_programs --programs 1 --seed 4711 --show

Prints its progress now and then, each difference with its seed and a minimal program, and at the end the number of comparisons.
The exit code is 1 if there was a difference. Texts have the same hashes in each run, so that a seed gives the same sets again.
"""

from __future__ import annotations

import argparse
import os
import sys

from tests.support.object_programs.programs import write_program
from tests.support.object_programs.runner import BLOCKS, Options, Runner


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="object_programs", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--programs", type=int, help="how many programs (all that the seconds allow)")
    parser.add_argument("--seconds", type=float, help="how long (60, where no number of programs is given)")
    parser.add_argument("--seed", type=int, default=1, help="the first seed (1)")
    parser.add_argument("--jobs", type=int, default=1, help="processes (1)")
    parser.add_argument("--progress", type=float, default=30.0, help="seconds between two lines (30)")
    parser.add_argument(
        "--shrink", type=float, default=60.0, help="seconds to make a program smaller; 0 for not at all (60)"
    )
    parser.add_argument(
        "--features", action="store_true", help="print how often each form of the grammar was in a program"
    )
    parser.add_argument("--blocks", action="store_true", help="have kernels made at the first call")
    parser.add_argument("--show", action="store_true", help="print the programs only")
    given = parser.parse_args()
    if given.show:
        return show(given.seed, given.programs or 1)
    if given.blocks:
        os.environ[BLOCKS] = "1"  # for the processes that compare programs
    seconds = 60.0 if given.seconds is None and given.programs is None else given.seconds
    runner = Runner(Options(given.seed, given.programs, seconds, given.jobs, given.progress, given.shrink))
    troubles = runner.run()
    print(runner.summary())
    if given.features:
        print(runner.features())
    return int(troubles > 0)


def show(first: int, count: int) -> int:
    for seed in range(first, first + count):
        program = write_program(seed)
        print(f"# seed {seed}\n{program.text}", *(f"# {call}" for call in program.calls), "", sep="\n")
    return 0


if __name__ == "__main__":
    if os.environ.get("PYTHONHASHSEED") != "0":
        os.environ["PYTHONHASHSEED"] = "0"
        os.execv(sys.executable, [sys.executable, "-m", "tests.support.object_programs", *sys.argv[1:]])
    sys.exit(main())
