"""Prices options by simulation: a Monte Carlo method over arrays, whose paths run as typed code.

A European call has a formula (Black and Scholes 1973), which the simulation is checked against; an Asian one, on the average price, has none. Each
path is an item of a map; the normal numbers are one array that all paths share, and the payoffs are an array as well.

    python examples/options.py
    python examples/options.py --paths 200000 --strike 110
    python examples/options.py --compare                       how fast beside plain Python
    python examples/options.py --picture options.svg           how the estimate settles
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from math import erf, exp, log, sqrt
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

import cascade as cs

STEPS = 50


class Estimate(NamedTuple):
    """A price with its standard error."""

    price: float
    error: float


@cs.task
def normals(paths: int, seed: int) -> np.ndarray[Any, np.dtype[np.float64]]:
    return np.random.default_rng(seed).standard_normal(paths * STEPS)


@cs.task
def european(
    path: int, numbers: Any, spot: float, strike: float, rate: float, volatility: float, years: float
) -> float:
    """Returns the payoff of the last price of a path."""
    step = years / STEPS
    drift, spread = (rate - volatility * volatility / 2) * step, volatility * sqrt(step)
    growth = 0.0
    for at in range(path * STEPS, path * STEPS + STEPS):
        growth += drift + spread * numbers[at]
    price = spot * exp(growth)
    return exp(-rate * years) * (price - strike) if price > strike else 0.0


@cs.task
def asian(path: int, numbers: Any, spot: float, strike: float, rate: float, volatility: float, years: float) -> float:
    """Returns the payoff of the average price of a path."""
    step = years / STEPS
    drift, spread = (rate - volatility * volatility / 2) * step, volatility * sqrt(step)
    growth, total = 0.0, 0.0
    for at in range(path * STEPS, path * STEPS + STEPS):
        growth += drift + spread * numbers[at]
        total += spot * exp(growth)
    average = total / STEPS
    return exp(-rate * years) * (average - strike) if average > strike else 0.0


@cs.task
def estimate(payoffs: np.ndarray[Any, np.dtype[np.float64]]) -> Estimate:
    return Estimate(float(payoffs.mean()), float(payoffs.std() / sqrt(len(payoffs))))


@cs.task
def table(european: Estimate, asian: Estimate, formula: float) -> str:
    return (
        f"European call  {european.price:8.4f} +- {1.96 * european.error:.4f}  (by the formula {formula:.4f})\n"
        f"Asian call     {asian.price:8.4f} +- {1.96 * asian.error:.4f}"
    )


@cs.task
def black_scholes(spot: float, strike: float, rate: float, volatility: float, years: float) -> float:
    """Returns the price of a European call: Black, F., and Scholes, M. (1973), *The Pricing of Options and Corporate Liabilities*."""

    def normal(x: float) -> float:
        return (1 + erf(x / sqrt(2))) / 2

    spread = volatility * sqrt(years)
    first = (log(spot / strike) + (rate + volatility * volatility / 2) * years) / spread
    return spot * normal(first) - strike * exp(-rate * years) * normal(first - spread)


paths = cs.Param("paths", 20_000, type=int, description="how many paths")
market = {
    "spot": cs.Param("spot", 100.0, type=float, description="the price now"),
    "strike": cs.Param("strike", 105.0, type=float, description="the price at which one may buy"),
    "rate": cs.Param("rate", 0.03, type=float, description="interest, a year"),
    "volatility": cs.Param("volatility", 0.2, type=float, description="of the price, a year"),
    "years": cs.Param("years", 1.0, type=float, description="until then"),
}
numbers = normals(paths, cs.Param("seed", 1, type=int))
every = cs.task(np.arange, name="every path")(paths)
payoffs = {kind: kind.partial(numbers=numbers, **market).map(every).as_array() for kind in (european, asian)}
prices = table(estimate(payoffs[european]), estimate(payoffs[asian]), black_scholes(**market))


def timed(call: Callable[[], Any]) -> tuple[Any, float]:
    """Returns a value, and the shortest time of three calls."""
    times = []
    for _ in range(3):
        begun = time.perf_counter()
        value = call()
        times.append(time.perf_counter() - begun)
    return value, min(times)


def compare(count: int) -> str:
    """Returns how long the payoffs of the Asian option take in plain Python and as a map of Cascade; they are the same to the last bit."""
    held = {"spot": 100.0, "strike": 105.0, "rate": 0.03, "volatility": 0.2, "years": 1.0}
    given = cs.run(normals(count, 1))
    program = cs.compile(asian.partial(numbers=given, **held).map(np.arange(count)).as_array())
    plain, seconds = timed(lambda: [asian.func(path, given, **held) for path in range(count)])
    program()  # the function is lowered
    found, ours = timed(program)
    assert found.tolist() == plain
    return f"{count:,} paths of {STEPS} steps: plain Python {seconds:.2f} s, Cascade {ours:.3f} s, {seconds / ours:.1f} times as fast"


def settling(values: np.ndarray[Any, np.dtype[np.float64]], formula: float) -> str:
    """Returns a picture of the estimate by the number of paths, with the band of two standard errors around it."""
    counts = np.unique(np.geomspace(20, len(values), 60).astype(int))
    means = np.cumsum(values)[counts - 1] / counts
    errors = np.array([values[:count].std() / sqrt(count) for count in counts])
    low, high = formula - 4, formula + 4
    across = 40 + 600 * np.log(counts / counts[0]) / log(counts[-1] / counts[0])

    def points(prices: np.ndarray[Any, np.dtype[np.float64]]) -> str:
        down = 20 + 260 * (high - np.clip(prices, low, high)) / (high - low)
        return " ".join(f"{x:.1f},{y:.1f}" for x, y in zip(across, down, strict=True))

    band = points(means + 1.96 * errors) + " " + " ".join(reversed(points(means - 1.96 * errors).split()))
    level = 20 + 260 * (high - formula) / (high - low)
    marks = "".join(
        f'<text x="{40 + 600 * log(count / counts[0]) / log(counts[-1] / counts[0]):.0f}" y="300" text-anchor="middle">{count:,}</text>'
        for count in (100, 1_000, 10_000, 100_000)
        if counts[0] <= count <= counts[-1]
    )
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 690 330" role="img" aria-label="The estimated price by the number of paths">'
        "<style>svg{background:#fff;font:12px sans-serif}.band{fill:#0969da;opacity:.2}.mean{fill:none;stroke:#0969da;stroke-width:1.5}"
        ".formula{stroke:#cf222e;stroke-dasharray:5 3}</style>"
        f'<polygon class="band" points="{band}"/><polyline class="mean" points="{points(means)}"/>'
        f'<line class="formula" x1="40" x2="640" y1="{level:.1f}" y2="{level:.1f}"/>'
        f'<text x="640" y="{level - 5:.0f}" text-anchor="end">{formula:.4f} by the formula</text>{marks}'
        '<text x="340" y="320" text-anchor="middle">paths; the band is two standard errors wide to each side</text></svg>\n'
    )


def main() -> None:
    parser = argparse.ArgumentParser(add_help=False)
    parser.add_argument("--compare", type=int, nargs="?", const=20_000, metavar="PATHS")
    parser.add_argument("--picture", metavar="FILE")
    given, others = parser.parse_known_args()
    if given.compare:
        print(compare(given.compare))
    elif given.picture:
        values, formula = cs.run([payoffs[european], black_scholes(**market)], params={"paths": 100_000})
        Path(given.picture).write_text(settling(values, formula))
    else:
        cs.create_cli(prices)(others)


if __name__ == "__main__":
    main()
