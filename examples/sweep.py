"""A parameter sweep: at which coupling do the fireflies fall into step?

Each simulation is a task that runs in a worker process (`pip install 'cascade-engine[processes]'`), so they use all cores.

    python examples/sweep.py
    python examples/sweep.py --count 100 --seconds 60
    cascade graph --format mermaid examples/sweep.py:curve
"""

from math import pi, sqrt

import cascade as cs
from fireflies import beginnings, count, rhythms, seconds, seed, simulate, spread

COUPLINGS = [0.4 * number for number in range(6)]


@cs.task(mode="compute")
def watch(phases: list[float], frequencies: list[float], coupling: float, seconds: float) -> float:
    """How together they are in the second half of the time, on average."""
    seen = cs.run(simulate(phases, frequencies, coupling, seconds)).togetherness
    return sum(seen[len(seen) // 2 :]) / len(seen[len(seen) // 2 :])


@cs.task
def table(results: list[tuple[float, float]], spread: float, width: int = 40) -> str:
    """The results, with the threshold that the theory gives for very many fireflies: 2 * spread * sqrt(2 / pi)."""
    threshold = 2 * spread * sqrt(2 / pi)
    lines = [f"{coupling:8.1f}  {'*' * round(r * width):<{width}} {r:.2f}" for coupling, r in results]
    return "\n".join([f"coupling  together (the threshold is {threshold:.2f})", *lines])


phases, frequencies = beginnings(count, seed), rhythms(count, spread, seed)
curve = table([(coupling, watch(phases, frequencies, coupling, seconds)) for coupling in COUPLINGS], spread)

if __name__ == "__main__":
    cs.create_cli(curve)()
