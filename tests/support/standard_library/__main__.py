"""Runs CPython's own tests of its library with the library's functions in kernels, and compares the outcomes with plain Python's.

    python -m tests.support.standard_library                          all modules
    python -m tests.support.standard_library --module difflib json    some of them
    python -m tests.support.standard_library --quick                  those of the quick set

Each module is tested three times, in child processes: without kernels; with its test functions as tasks, which call the library from kernel to
kernel; and with each function of the library's module a task of its own. Kernels are made at the first call, verified, and in machine code.
The exit code is 1 if an outcome was another one.
"""

from __future__ import annotations

import argparse
import importlib.util
import sys
from collections import Counter

from tests.support.standard_library.runner import LIMIT, compare
from tests.support.standard_library.suites import SUITES


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="standard_library", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--module", nargs="+", default=[], help="modules by name, such as difflib (all)")
    parser.add_argument("--only", default="", help="a part of the names of tests (all)")
    parser.add_argument("--quick", action="store_true", help="those of the quick set only")
    parser.add_argument("--seconds", type=float, default=LIMIT, help=f"that each process may take ({LIMIT:g})")
    given = parser.parse_args()
    names = {name if name.startswith("test_") else f"test_{name}" for name in given.module}
    total: Counter[str] = Counter()
    for suite in SUITES:
        if (names and suite.tests not in names) or (given.quick and not suite.quick):
            continue
        if importlib.util.find_spec(f"test.{suite.tests}") is None:
            continue
        for compared in compare(suite, given.seconds, given.only):
            print(compared, flush=True)
            total.update(compared.counts, tests=compared.count, differences=len(compared.differences))
    print(", ".join(f"{count:,} {name}" for name, count in total.items()))
    return int(total["differences"] > 0 or not total["entries"])


if __name__ == "__main__":
    sys.exit(main())
