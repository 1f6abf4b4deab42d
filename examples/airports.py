"""The loneliest airports: a pipeline over a table of 28,000 airports, with retries and a cache.

Which airport of a region has the longest way to the next one? The table is read over a line that is down at first; airports that no
airline serves are left out, the others sorted by region, and in each region the loneliest is found. The findings are kept in
the file airports.db: a second run reads the table, and takes the rest from the cache.

The table comes with the package airportsdata, the cache needs `pip install 'cascade-engine[cache]'`.

    python examples/airports.py
    python examples/airports.py --no-served --failures 3
    cascade plan examples/airports.py:report
"""

import csv
import importlib.resources
import itertools
from collections.abc import Callable, Iterator
from math import asin, cos, degrees, inf, radians, sin, sqrt
from typing import NamedTuple

import cascade as cs

DEGREE = 111.195  # kilometres from one degree of latitude to the next


class Airport(NamedTuple):
    name: str
    latitude: float
    longitude: float


class Region(NamedTuple):
    name: str
    airports: list[Airport]  # from south to north


@cs.resource
def line(
    failures=cs.Param("failures", 2, type=int, description="how often the line is down"),
) -> Iterator[Callable[[], str]]:
    """Provides a function that reads the table, once the line is up."""
    attempts = itertools.count(1)

    def read() -> str:
        if next(attempts) <= failures:
            raise ConnectionError("the line is down")
        return importlib.resources.files("airportsdata").joinpath("airports.csv").read_text(encoding="utf-8")

    yield read


@cs.task(mode="blocking")
def table(read: Callable[[], str] = cs.inject(line)) -> list[dict[str, str]]:
    return list(csv.DictReader(read().splitlines()))


@cs.task
def served(rows: list[dict[str, str]]) -> list[dict[str, str]]:
    """Those with a code of three letters, as it is printed on tickets."""
    return [row for row in rows if row["iata"]]


@cs.task
def regions(rows: list[dict[str, str]]) -> list[Region]:
    """By the first part of the time zone: that of Easter Island is Pacific/Easter."""
    found: dict[str, list[Airport]] = {}
    for row in sorted(rows, key=lambda row: float(row["lat"])):
        airport = Airport(f"{row['name']}, {row['country']}", float(row["lat"]), float(row["lon"]))
        found.setdefault(row["tz"].partition("/")[0], []).append(airport)
    return [Region(name, found[name]) for name in sorted(found) if len(found[name]) > 1]


def distance(one: Airport, other: Airport) -> float:
    """Kilometres along a great circle (the haversine formula)."""
    along, across = radians(other.latitude - one.latitude) / 2, radians(other.longitude - one.longitude) / 2
    cosines = cos(radians(one.latitude)) * cos(radians(other.latitude))
    return 2 * degrees(asin(sqrt(sin(along) ** 2 + cosines * sin(across) ** 2))) * DEGREE


def way_to_the_next(place: int, airports: list[Airport]) -> float:
    """Returns the distance of the airport at an index from the next one. To the south and to the north, few have to be looked at."""
    nearest = inf
    for others in (range(place - 1, -1, -1), range(place + 1, len(airports))):
        for other in others:
            if abs(airports[other].latitude - airports[place].latitude) * DEGREE > nearest:
                break
            nearest = min(nearest, distance(airports[place], airports[other]))
    return nearest


@cs.task
def loneliest(region: Region) -> tuple[str, int, float, str]:
    ways = [way_to_the_next(place, region.airports) for place in range(len(region.airports))]
    return region.name, len(ways), max(ways), region.airports[ways.index(max(ways))].name


@cs.task
def listed(found: list[tuple[str, int, float, str]]) -> str:
    lines = [f"{region:<12}{count:>8,}{way:>8,.0f} km  {name}" for region, count, way, name in found]
    return "\n".join([f"{'region':<12}{'airports':>8}{'alone for':>11}  loneliest", *lines])


only_served = cs.Param("served", True, type=bool, description="only airports that airlines serve")

rows = cs.pipeline(
    table().with_retry(5, delay=0.1, backoff=2, retry_on=ConnectionError),
    [lambda rows: served(rows).run_if(only_served)],  # when this is skipped, the rows pass by
)
report = listed(loneliest.map(regions(rows)).with_cache(cs.DiskCache("airports.db")))

if __name__ == "__main__":
    cs.create_cli(report)()
