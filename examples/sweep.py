"""Sweeps a parameter, to find the coupling at which the fireflies fall into step.

Each simulation is a task that runs in a worker process (`pip install 'cascade-engine[processes]'`), so they use all cores. How many there
are is known when the parameters are: `map` calls the task for each item of a list that is computed itself.

    python examples/sweep.py
    python examples/sweep.py --points 20 --count 100 --seconds 60
    cascade graph --format mermaid examples/sweep.py:curve
"""

from math import pi, sqrt
from typing import NamedTuple

from fireflies import beginnings, count, rhythms, seconds, seed, simulate, spread

import cascade as cs


class Case(NamedTuple):
    """One simulation: its coupling, and the settings that all have in common."""

    coupling: float
    phases: list[float]
    frequencies: list[float]
    seconds: float


@cs.task
def cases(points: int, strongest: float, phases: list[float], frequencies: list[float], seconds: float) -> list[Case]:
    return [Case(strongest * point / max(points - 1, 1), phases, frequencies, seconds) for point in range(points)]


@cs.task(mode="compute")
def watch(case: Case) -> tuple[float, float]:
    """Returns the coupling, and how synchronous they are in the second half of the time, on average."""
    seen = cs.run(simulate(case.phases, case.frequencies, case.coupling, case.seconds)).togetherness
    return case.coupling, sum(seen[len(seen) // 2 :]) / len(seen[len(seen) // 2 :])


@cs.task
def table(results: list[tuple[float, float]], spread: float, width: int = 40) -> str:
    """Returns the results, with the threshold of the theory for very many fireflies: 2 * spread * sqrt(2 / pi)."""
    threshold = 2 * spread * sqrt(2 / pi)
    lines = [f"{coupling:8.1f}  {'*' * round(r * width):<{width}} {r:.2f}" for coupling, r in results]
    return "\n".join([f"coupling  together (the threshold is {threshold:.2f})", *lines])


points = cs.Param("points", 6, type=int, description="how many couplings")
strongest = cs.Param("strongest", 2.0, type=float, description="the last of them; the first is 0")

nights = cases(points, strongest, beginnings(count, seed), rhythms(count, spread, seed), seconds)
curve = table(watch.map(nights), spread)

if __name__ == "__main__":
    cs.create_cli(curve)()
