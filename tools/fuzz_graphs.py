"""Compares random graphs of all features on both paths, as programs, and with a model in plain Python.

    python tools/fuzz_graphs.py --seconds 3600 --jobs 2
    python tools/fuzz_graphs.py --graphs 50000 --seed 1
    python tools/fuzz_graphs.py --seed 4711 --graphs 1 --show

Prints each difference with its seed and a minimal graph, and at the end the number of comparisons. A graph that takes
longer than a minute has its stack printed, and ends the process. The exit code is 1 if there was a difference or a crash.
"""

from __future__ import annotations

import argparse
import faulthandler
import multiprocessing
import platform
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tests.support.random_graphs import Tally, compare, write_graph  # noqa: E402
from tests.support.random_graphs.minimise import minimise, shown_by, written  # noqa: E402

SECONDS = 60
MINIMISED = 2
"""Of each kind of difference so many are made smaller; the others may well have the same cause."""

fork = multiprocessing.get_context("fork")


def work(options: argparse.Namespace, job: int, connection: Any) -> None:
    """Compares the graphs of one job out of several."""
    tally = Tally()
    found: Counter[str] = Counter()
    begun = time.monotonic()
    seed = options.seed + job
    while (
        seed < options.seed + options.graphs
        if options.graphs is not None
        else time.monotonic() - begun < options.seconds
    ):
        connection.send(seed)
        faulthandler.dump_traceback_later(SECONDS, exit=True)
        graph = write_graph(seed)
        if options.show:
            print(written(graph), flush=True)
        try:
            tally.add(compare(graph))
        except Exception:
            kind, text = shown_by(graph)
            found[str(kind)] += 1
            if kind is None:
                text = f"seed {seed}: a difference that is not there when it is run again"
            elif found[kind] <= MINIMISED:
                smaller = minimise(graph, kind)
                text += f"\nMade smaller:\n{written(smaller)}\n{shown_by(smaller)[1]}"
            print(f"\n===== DIFFERENCE, {text}\n", flush=True)
        seed += options.jobs
    faulthandler.cancel_dump_traceback_later()
    connection.send((tally, found))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=60.0, help="how long (60)")
    parser.add_argument("--graphs", type=int, help="how many graphs, however long it takes")
    parser.add_argument("--seed", type=int, default=1, help="the first seed (1)")
    parser.add_argument("--jobs", type=int, default=1, help="processes (1)")
    parser.add_argument("--show", action="store_true", help="print the graphs first")
    options = parser.parse_args()
    begun = time.monotonic()
    tally = Tally()
    found: Counter[str] = Counter()
    workers = []
    for job in range(options.jobs):
        ours, theirs = fork.Pipe()
        worker = fork.Process(target=work, args=(options, job, theirs))
        worker.start()
        theirs.close()
        workers.append((worker, ours))
    for worker, connection in workers:
        message: Any = None
        try:
            while not isinstance(message, tuple):
                message = connection.recv()
        except EOFError:
            worker.join()
            print(f"\n===== CRASH, after seed {message}: exit code {worker.exitcode}", flush=True)
            found["crash"] += 1
        else:
            tally.add(message[0])
            found += message[1]
            worker.join()
    print(
        f"compared {tally.graphs:,} graphs from seed {options.seed} on (Python {platform.python_version()}): "
        f"{sum(found.values())} differences {dict(found) or ''}\n"
        f"  {tally.runs:,} runs; {tally.failed:,} rounds failed, {tally.missing:,} had no value; {tally.by_model:,} rounds were"
        f" known beforehand; {tally.cancelled:,} runs were cancelled while under way\n"
        f"  {time.monotonic() - begun:,.0f} s"
    )
    return int(bool(found))


if __name__ == "__main__":
    sys.exit(main())
