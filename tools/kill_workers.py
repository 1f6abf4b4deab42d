"""Kills workers at random moments while maps run on them, and checks that each item has its value once, in order.

python tools/kill_workers.py                            # 200 kills on each kind of executor: some minutes
python tools/kill_workers.py --times 20 --only dask
python tools/kill_workers.py --only kept                # while results stay on the workers of Dask
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from cascade.errors import WorkerError
from tests.support.kept_tasks import block, expected_of, fan_out_and_in, process_of
from tests.support.killing import PLACES, Killer, values_while_killing

ITEMS = 1000
KEPT = 1_000_000


def kill(place: str, times: int, seed: int) -> None:
    begun, runs = time.monotonic(), 0
    longest = (
        2.0 if place == "dask" else 0.5
    )  # Dask gives work up that has killed three workers, and starts them anew for long
    with PLACES[place]() as engine, Killer(seed, times, longest) as killer:
        while killer.count < times:
            ordered = runs % 2 == 0
            values = list(values_while_killing(engine, ITEMS, killer, ordered=ordered))
            assert sorted(values) == list(range(ITEMS)), (place, runs, len(values))
            assert not ordered or values == list(range(ITEMS)), (place, runs)
            runs += 1
    print(
        f"{place}: {killer.count} workers killed in {runs} maps of {ITEMS:,} items, in {time.monotonic() - begun:.0f} s",
        flush=True,
    )


def kill_holders(times: int, seed: int) -> None:
    """Kills workers that hold results; Dask gives up what has killed four of them, which the run says, and has no wrong value."""
    begun, runs, given_up = time.monotonic(), 0, 0
    with PLACES["dask"]() as engine, Killer(seed, times, 1.0) as killer:
        while killer.count < times:
            shared = block(KEPT)
            target = [fan_out_and_in(KEPT), process_of(shared), process_of(block(KEPT))]
            try:
                values, *processes = engine.run_now(target, use_vm=runs % 2 == 0)
            except WorkerError:
                given_up += 1
                continue
            assert values == expected_of(KEPT), runs
            for process in processes:
                killer.see(process)
            runs += 1
    print(
        f"kept: {killer.count} workers killed in {runs} runs and {given_up} that Dask gave up, in {time.monotonic() - begun:.0f} s",
        flush=True,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--times", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", choices=[*PLACES, "kept"])
    options = parser.parse_args()
    for place in [*PLACES, "kept"] if options.only is None else [options.only]:
        if place == "kept":
            kill_holders(options.times, options.seed)
        else:
            kill(place, options.times, options.seed)


if __name__ == "__main__":
    main()
