"""Kills random saved runs, at their commits and at random moments, until there were so many kills.

    python tools/crash_runs.py --kills 1000

Each program is run undisturbed, then killed and resumed; value and effects have to be the same. The last line is the count.
"""

from __future__ import annotations

import argparse
import itertools
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
from tests.support.durable.programs import crash


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1000, help="of the first program")
    options = parser.parse_args()
    kills = programs = 0
    wrong: list[int] = []
    begun = time.monotonic()
    for seed in itertools.count(options.seed):
        if kills >= options.kills:
            break
        try:
            found = crash(seed, use_vm=seed % 2 == 0, at_random=6, most=12)
        except AssertionError as error:
            wrong.append(seed)
            print(f"seed {seed}: {error}", flush=True)
            continue
        kills += found.kills
        programs += 1
    print(
        f"{kills:,} kills of {programs} programs in {time.monotonic() - begun:.0f} s, {len(wrong)} with another result"
    )
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
