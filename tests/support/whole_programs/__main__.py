"""Compares whole programs as plain Python, on the graph path, in kernels and in machine code.

    python -m tests.support.whole_programs --programs 1000 --seed 7
    python -m tests.support.whole_programs --seconds 600 --jobs 2
    python -m tests.support.whole_programs --seed 4711 --show

Prints its progress now and then, each difference with its seed, and with `--shrink SECONDS` a minimal program. The exit code is 1 if there
was a difference.
"""

from __future__ import annotations

import argparse
import os
import sys

from tests.support.whole_programs.minimise import minimise
from tests.support.whole_programs.programs import write_program
from tests.support.whole_programs.runner import Runner, check


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="whole_programs", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--programs", type=int, help="how many (all that the seconds allow)")
    parser.add_argument("--seconds", type=float, help="how long (60, where no number of programs is given)")
    parser.add_argument("--seed", type=int, default=1, help="the first seed (1)")
    parser.add_argument("--jobs", type=int, default=1, help="processes (1)")
    parser.add_argument(
        "--shrink", type=float, default=0.0, help="seconds to make each program smaller that shows a difference (0)"
    )
    parser.add_argument("--show", action="store_true", help="print the first program only")
    parser.add_argument("--here", action="store_true", help="compare the first program only, in this process")
    given = parser.parse_args()
    if given.show:
        print(write_program(given.seed))
        return 0
    if given.here:
        found = check(write_program(given.seed), lambda name: print(name, flush=True))
        print(*found, sep="\n")
        return int(found[1] not in ("", "left out"))
    seconds = 60.0 if given.seconds is None and given.programs is None else given.seconds
    report = Runner(given.seed, given.programs, seconds, given.jobs).run()
    if given.shrink:
        for seed, kind, _ in report.differences:
            small = minimise(write_program(seed), kind, given.shrink)
            print(f"\n===== seed {seed}, made smaller\n{check(small)[2] if 'crash' not in kind else small}", flush=True)
    print(report)
    return int(bool(report.differences))


if __name__ == "__main__":
    if os.environ.get("PYTHONHASHSEED") != "0":
        os.environ["PYTHONHASHSEED"] = "0"
        os.execv(sys.executable, [sys.executable, "-m", "tests.support.whole_programs", *sys.argv[1:]])
    sys.exit(main())
