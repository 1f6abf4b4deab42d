"""Sweeps the logistic map, x -> r x (1 - x), to see where it settles and where it is chaos.

For each r, the Lyapunov exponent: how fast two orbits that begin side by side move apart. Below 0 the map settles on a cycle, above 0 it is
chaos. The sweep is the same wherever it runs:

    python examples/orbits.py                               # here, on all cores, in one process
    python examples/orbits.py --on processes                # worker processes (pip install 'cascade-engine[processes]')
    python examples/orbits.py --on executor                 # any executor of concurrent.futures
    python examples/orbits.py --on dask                     # a Dask cluster of two processes (pip install 'cascade-engine[dask]')
    python examples/orbits.py --on dask --scheduler tcp://host:8786 --points 1000000 --steps 100000
    python examples/orbits.py --picture orbits.svg          # the exponents
    cascade bench examples/orbits.py:preview                # how fast beside plain Python
"""

from __future__ import annotations

import argparse
import contextlib
import sys
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from math import log
from multiprocessing import get_context
from pathlib import Path

import cascade as cs

PLACES = ("here", "processes", "executor", "dask")


def exponent(r: float, steps: int = 1000) -> float:
    """Returns the Lyapunov exponent of the logistic map, in nats a step: the mean of log |r (1 - 2 x)| along an orbit."""
    x = 0.5123
    total = 0.0
    for _ in range(steps):
        x = r * x * (1.0 - x)
        total += log(abs(r * (1.0 - 2.0 * x)) + 1e-300)
    return total / steps


def couplings(points: int) -> Iterator[float]:
    """Yields the values of r from 2.8 to 4: as many as one likes, as they are needed."""
    for point in range(points):
        yield 2.8 + 1.2 * point / max(points - 1, 1)


preview = cs.task(exponent).map([2.8 + 0.1 * point for point in range(13)])
"""A few of them, for `cascade run examples/orbits.py:preview` and the like."""


@contextlib.contextmanager
def executor_on(place: str, scheduler: str | None) -> Iterator[cs.Blocks | cs.DaskExecutor | None]:
    """Provides the executor of a place; None for the engine's own."""
    if place == "executor":
        with ProcessPoolExecutor(2, mp_context=get_context("forkserver")) as pool:
            yield cs.Blocks(pool)
    elif place == "dask" and scheduler is not None:
        with cs.DaskExecutor(scheduler) as executor:
            yield executor
    elif place == "dask":
        from distributed import Client, LocalCluster

        with (
            LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=":0") as cluster,
            Client(cluster) as client,
        ):
            yield cs.DaskExecutor(client)
    else:
        yield None


def sweep(engine: cs.Engine, place: str, points: int, steps: int) -> tuple[float, int, int]:
    """Returns the first r at which there is chaos, at how many there is, and at how many the computation failed."""
    task = cs.task(exponent, mode="inline" if place == "here" else "compute")
    first, chaos, failed = 4.0, 0, 0
    lengths = (steps for _ in range(points))
    results = engine.stream(task.map(couplings(points), lengths, on_error="collect"))
    for r, result in zip(couplings(points), results, strict=True):
        if isinstance(result, cs.Failure):
            failed += 1
        elif result > 0:
            first, chaos = min(first, r), chaos + 1
    return first, chaos, failed


def curve(points: int, steps: int) -> str:
    """Returns a picture of the exponents, from r = 2.8 to 4; above the line there is chaos."""
    found = cs.run(cs.task(exponent).partial(steps=steps).map(list(couplings(points))))
    down = [40 + 120 * (0.8 - max(value, -1.6)) for value in found]
    line = " ".join(f"{20 + 640 * at / (points - 1):.1f},{y:.1f}" for at, y in enumerate(down))
    marks = "".join(f'<text x="{20 + 640 * (r - 2.8) / 1.2:.0f}" y="345">{r}</text>' for r in (2.8, 3.1, 3.4, 3.7, 4.0))
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 690 370" role="img" aria-label="The Lyapunov exponent of the logistic map">'
        "<style>svg{background:#fff}text{font:12px sans-serif;text-anchor:middle}polyline{fill:none;stroke:#0969da}"
        "line{stroke:#cf222e;stroke-dasharray:5 3}</style>"
        f'<polyline points="{line}"/><line x1="20" x2="660" y1="136" y2="136"/>{marks}'
        '<text x="340" y="362">r; above the line two orbits move apart: chaos</text></svg>\n'
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--on", choices=PLACES, default="here")
    parser.add_argument("--scheduler", help="the address of a Dask scheduler")
    parser.add_argument("--points", type=int, default=2000)
    parser.add_argument("--steps", type=int, default=1000)
    parser.add_argument("--picture", metavar="FILE")
    options = parser.parse_args()
    if options.picture:
        Path(options.picture).write_text(curve(640, options.steps))
        return
    with executor_on(options.on, options.scheduler) as executor:
        engine = cs.Engine(executor=executor)
        first, chaos, failed = sweep(engine, options.on, options.points, options.steps)
    print(f"{options.points:,} values of r: chaos at {chaos:,} of them, first at r = {first:.4f}")
    if failed:
        sys.exit(f"{failed:,} failed")


if __name__ == "__main__":
    main()
