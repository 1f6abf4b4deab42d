"""Fireflies that fall into step: the model of Kuramoto (1975).

Each firefly has a rhythm of its own and is drawn towards the others:

    d(phase)/dt = frequency + coupling * r * sin(psi - phase)

where r (0: each for itself, 1: all together) and psi are length and angle of the mean of all exp(i * phase). Under a
critical coupling, 1.6 times the spread of the frequencies, r stays near 0; above it, most fireflies flash together.

The simulation is a loop of tail calls: however long it lasts, the stack does not grow, and the loop yields to the event loop. Try

    python examples/fireflies.py
    python examples/fireflies.py --coupling 0.5
    cascade plan examples/fireflies.py:night
"""

import math
import random
from typing import NamedTuple

import cascade as cs


class Night(NamedTuple):
    """The observations: r at each tenth of a second, and the phases at the end."""

    togetherness: list[float]
    phases: list[float]


@cs.task
def rhythms(count: int, spread: float, seed: int) -> list[float]:
    """The frequencies, in radians a second, around one flash a second."""
    numbers = random.Random(seed)
    return [numbers.gauss(math.tau, spread) for _ in range(count)]


@cs.task
def beginnings(count: int, seed: int) -> list[float]:
    """The phases at the beginning: any."""
    numbers = random.Random(-1 - seed)
    return [numbers.uniform(0, math.tau) for _ in range(count)]


def mean_field(phases: list[float]) -> tuple[float, float]:
    """Returns r and psi: the length and the angle of the mean of all exp(i * phase)."""
    x = y = 0.0
    for phase in phases:
        x += math.cos(phase)
        y += math.sin(phase)
    return math.sqrt(x * x + y * y) / len(phases), math.atan2(y, x)


@cs.task
def simulate(
    phases: list[float], frequencies: list[float], coupling: float, seconds: float, seen: tuple[float, ...] = ()
) -> Night | cs.TailCall[Night]:
    """A tenth of a second, in steps of a fiftieth (Euler's method); the rest is a tail call."""
    if len(seen) >= 10 * seconds:
        return Night([*seen, mean_field(phases)[0]], phases)
    for _ in range(5):
        r, psi = mean_field(phases)
        moved = []
        for at in range(len(phases)):
            phase = phases[at]
            moved.append((phase + 0.02 * (frequencies[at] + coupling * r * math.sin(psi - phase))) % math.tau)
        phases = moved
    return cs.TailCall(kwargs={"phases": phases, "seen": (*seen, r)})


@cs.task
def picture(night: Night, lines: int = 12, width: int = 50) -> str:
    """Draws how synchronous they were, over time."""
    moments = [night.togetherness[at * (len(night.togetherness) - 1) // (lines - 1)] for at in range(lines)]
    bars = [f"{'*' * round(r * width):<{width}} {r:.2f}" for r in moments]
    return "\n".join(["together, from the evening on:", *bars])


count = cs.Param("count", 60, type=int, description="how many fireflies")
seed = cs.Param("seed", 1, type=int, description="for the random numbers")
spread = cs.Param("spread", 0.5, type=float, description="of their rhythms, in radians a second")
coupling = cs.Param("coupling", 2.0, type=float, description="how much they mind the others")
seconds = cs.Param("seconds", 10.0, type=float, description="how long they are watched")

night = picture(simulate(beginnings(count, seed), rhythms(count, spread, seed), coupling, seconds))

if __name__ == "__main__":
    cs.create_cli(night)()
