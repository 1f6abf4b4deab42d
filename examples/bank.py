"""Simulates a bank with several counters and one queue, event by event, and finds how many counters it needs.

Customers come at random moments and take a random time. The events are in a heap, the next one first; the loop takes one after the other. How long
one waits on average is known by a formula (Erlang 1917), which the simulation is checked against.

    python examples/bank.py
    python examples/bank.py --customers 200000 --rate 2.5 --most 8
    python examples/bank.py --compare                    how fast beside plain Python
    python examples/bank.py --picture bank.svg           the waiting times
"""

from __future__ import annotations

import argparse
import heapq
import time
from collections import deque
from math import factorial
from pathlib import Path
from random import Random
from typing import NamedTuple

import cascade as cs

ARRIVAL, DEPARTURE = 0, 1


class Day(NamedTuple):
    """A simulation: minutes waited on average, by the longest, and the share of customers who waited at all."""

    counters: int
    average: float
    longest: float
    share: float


@cs.task
def simulate(counters: int, customers: int, rate: float, minutes: float, seed: int) -> Day:
    """Simulates a bank; `rate` is customers a minute, `minutes` how long one of them takes on average."""
    chance = Random(seed)
    events = [(chance.expovariate(rate), ARRIVAL)]
    queue: deque[float] = deque()
    free, come, begun, waited, total, longest = counters, 0, 0, 0, 0.0, 0.0
    while begun < customers:
        now, kind = heapq.heappop(events)
        if kind == ARRIVAL:
            come += 1
            queue.append(now)
            if come < customers:
                heapq.heappush(events, (now + chance.expovariate(rate), ARRIVAL))
        else:
            free += 1
        if free > 0 and len(queue) > 0:
            wait = now - queue.popleft()
            free -= 1
            begun += 1
            total += wait
            waited += wait > 0
            if wait > longest:
                longest = wait
            heapq.heappush(events, (now + chance.expovariate(1.0 / minutes), DEPARTURE))
    return Day(counters, total / customers, longest, waited / customers)


@cs.task
def numbers_of_counters(rate: float, minutes: float, most: int) -> list[int]:
    """Returns the numbers of counters that can serve as many as come."""
    return [number for number in range(1, most + 1) if number > rate * minutes]


def erlang(counters: int, rate: float, minutes: float) -> float:
    """Returns the average time of waiting: Erlang, A. K. (1917), *Solution of some Problems in the Theory of Probabilities*."""
    offered = rate * minutes
    last = offered**counters / factorial(counters) * counters / (counters - offered)
    waits = last / (sum(offered**number / factorial(number) for number in range(counters)) + last)
    return waits * minutes / (counters - offered)


@cs.task
def table(days: list[Day], rate: float, minutes: float) -> str:
    lines = [
        f"{day.counters:8}  {day.average:7.2f}  {erlang(day.counters, rate, minutes):10.2f}  {day.longest:7.1f}  {100 * day.share:6.0f} %"
        for day in days
    ]
    return "\n".join(["counters  minutes  by formula  longest  waiting", *lines])


customers = cs.Param("customers", 20_000, type=int, description="how many come")
rate = cs.Param("rate", 1.2, type=float, description="of them a minute")
minutes = cs.Param("minutes", 2.0, type=float, description="that one takes, on average")
most = cs.Param("most", 6, type=int, description="counters")
seed = cs.Param("seed", 1, type=int)
days = simulate.partial(customers=customers, rate=rate, minutes=minutes, seed=seed).map(
    numbers_of_counters(rate, minutes, most)
)
report = table(days, rate, minutes)


def compare(count: int) -> str:
    """Returns how long one simulation takes in plain Python and as a task; the results are the same."""
    program = cs.compile(simulate(3, count, 1.2, 2.0, 1))
    program()  # the kernel is made
    seconds = {}
    for name, call in (("plain Python", lambda: simulate.func(3, count, 1.2, 2.0, 1)), ("Cascade", program)):
        times = []
        for _ in range(3):
            begun = time.perf_counter()
            value = call()
            times.append(time.perf_counter() - begun)
        seconds[name] = min(times)
        assert value == simulate.func(3, count, 1.2, 2.0, 1)
    rates = ", ".join(f"{name} {2 * count / each:,.0f} events a second" for name, each in seconds.items())
    return f"{rates}: {seconds['plain Python'] / seconds['Cascade']:.1f} times as fast"


def bars(days: list[Day], rate: float, minutes: float) -> str:
    """Returns a picture of the average waiting times, with the formula as lines."""
    highest = max(max(day.average, erlang(day.counters, rate, minutes)) for day in days)
    parts = []
    for number, day in enumerate(days):
        height, level = (220 * value / highest for value in (day.average, erlang(day.counters, rate, minutes)))
        x = 60 + 100 * number
        parts.append(
            f'<rect x="{x}" y="{250 - height:.1f}" width="60" height="{height:.1f}"/>'
            f'<line x1="{x - 8}" x2="{x + 68}" y1="{250 - level:.1f}" y2="{250 - level:.1f}"/>'
            f'<text x="{x + 30}" y="{max(250 - height, 20) - 8:.0f}">{day.average:.2f}</text><text x="{x + 30}" y="270">{day.counters}</text>'
        )
    width = 60 + 100 * len(days)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} 310" role="img" aria-label="Minutes waited, by the number of counters">'
        "<style>svg{background:#fff}text{font:12px sans-serif;text-anchor:middle}rect{fill:#0969da;opacity:.6}line{stroke:#cf222e;stroke-width:2}</style>"
        f'{"".join(parts)}<text x="{width / 2}" y="295">counters; bars: minutes waited in the simulation, lines: by the formula</text></svg>\n'
    )


def main() -> None:
    parser = argparse.ArgumentParser(add_help=False)
    parser.add_argument("--compare", type=int, nargs="?", const=100_000, metavar="CUSTOMERS")
    parser.add_argument("--picture", metavar="FILE")
    given, others = parser.parse_known_args()
    if given.compare:
        print(compare(given.compare))
    elif given.picture:
        Path(given.picture).write_text(bars(cs.run(days), 1.2, 2.0))
    else:
        cs.create_cli(report)(others)


if __name__ == "__main__":
    main()
