"""An ETL: reads a file a month, cleans the rows, joins them with prices, and writes what each shop has sold.

Reading is tried again, months overlap in threads, where polars computes without the GIL, and the cleaned months are cached in a file under the time of
the last change: a second run reads only the months that have changed. The data is made up, by a fixed seed.

    pip install 'cascade-engine[cache]' polars
    python examples/sales.py                                  in the folder `sales`, which it makes
    python examples/sales.py --months 24 --rows 200000
    python examples/sales.py --compare                        how fast beside plain Python, at first and again
    python examples/sales.py --picture sales.svg              the graph
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from random import Random
from typing import Any

import polars as pl

import cascade as cs

SHOPS = ("Basel", "Lyon", "Ulm")
PRICES = {"chair": 180.0, "desk": 310.0, "lamp": 45.0, "shelf": 99.0}
DATA = Path("sales")


def make_data(months: int, rows: int) -> None:
    """Writes files as tills write them: names in all spellings, and some rows without a count. Those that are there are left alone."""
    DATA.mkdir(exist_ok=True)
    for month in range(1, months + 1):
        path = DATA / f"{month:02}.csv"
        if path.exists():
            continue
        chance = Random(month)
        lines = ["shop,thing,count"]
        for _ in range(rows):
            thing = chance.choice([*PRICES])
            count = chance.choice(("", *range(1, 10)))
            lines.append(f"{chance.choice(SHOPS)},{chance.choice((thing, thing.upper(), f' {thing}'))},{count}")
        path.write_text("\n".join(lines) + "\n")


@cs.task
def files(months: int) -> list[tuple[str, int]]:
    """Returns the files with the times of their last changes, by which a cache knows them."""
    found = sorted(DATA.glob("*.csv"))[:months]
    return [(str(path), path.stat().st_mtime_ns) for path in found]


@cs.task(mode="blocking", retry=cs.Retry(3, retry_on=OSError))
def month(file: tuple[str, int]) -> list[dict[str, Any]]:
    """Reads a month, and returns how many of each thing each shop has sold."""
    table = pl.read_csv(file[0]).with_columns(pl.col("thing").str.strip_chars().str.to_lowercase())
    sold = table.drop_nulls("count").group_by("shop", "thing").agg(pl.col("count").sum()).sort("shop", "thing")
    return sold.with_columns(pl.lit(Path(file[0]).stem).alias("month")).to_dicts()


@cs.task
def joined(months: list[list[dict[str, Any]]]) -> pl.DataFrame:
    """Returns all months in one table, with the prices."""
    prices = pl.DataFrame({"thing": [*PRICES], "price": [*PRICES.values()]})
    table = pl.DataFrame([row for each in months for row in each])
    return table.join(prices, on="thing").with_columns((pl.col("count") * pl.col("price")).alias("revenue"))


@cs.task
def by_shop(table: pl.DataFrame) -> pl.DataFrame:
    return table.group_by("shop").agg(pl.col("count").sum(), pl.col("revenue").sum()).sort("shop")


@cs.task
def by_thing(table: pl.DataFrame) -> pl.DataFrame:
    return table.group_by("thing").agg(pl.col("count").sum(), pl.col("revenue").sum()).sort("revenue", descending=True)


@cs.task(retry=3)
def write(table: pl.DataFrame, name: str) -> str:
    table.write_csv(DATA / name)
    return name


@cs.task
def shown(table: pl.DataFrame, written: list[str]) -> str:
    lines = [f"{shop:6} {count:9,} things  {revenue:14,.0f}" for shop, count, revenue in table.iter_rows()]
    return "\n".join([*lines, f"written: {', '.join(written)}"])


def pipeline(months: object, cache: cs.CachePolicy | None = None) -> cs.LazyResult[str]:
    monthly = month.map(files(months))  # type: ignore[arg-type]
    table = joined(monthly.with_cache(cache) if cache is not None else monthly)
    shops = by_shop(table)
    return shown(shops, [write(shops, "shops.txt"), write(by_thing(table), "things.txt")])


def plain(months: int) -> str:
    """Returns the same in plain Python, month after month."""
    table = joined.func([month.func(file) for file in files.func(months)])
    shops = by_shop.func(table)
    return shown.func(shops, [write.func(shops, "shops.txt"), write.func(by_thing.func(table), "things.txt")])


months = cs.Param("months", 12, type=int, description="how many files")
sales = pipeline(months)


def compare(count: int) -> str:
    """Returns the times of a run in plain Python, of one that fills a cache, and of one that finds all months in it."""
    lines, texts = [], []
    cs.run(pipeline(1))  # the first one imports asyncio, and starts threads
    cache = cs.DiskCache(DATA / "cache.db")
    cache.clear()
    for name, call in (
        ("plain Python", lambda: plain(count)),
        ("Cascade, first run", lambda: cs.run(pipeline(count, cache))),
        ("Cascade, again", lambda: cs.run(pipeline(count, cache))),
    ):
        begun = time.perf_counter()
        texts.append(call())
        lines.append(f"{name:18}  {1e3 * (time.perf_counter() - begun):7.0f} ms")
    assert texts[0] == texts[1] == texts[2]
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--months", type=int, default=12)
    parser.add_argument("--rows", type=int, default=50_000, help="of a month, where it is made")
    parser.add_argument("--compare", action="store_true")
    parser.add_argument("--picture", metavar="FILE")
    options = parser.parse_args()
    if options.picture:
        Path(options.picture).write_text(cs.visualize(sales, format="svg"))
        return
    make_data(options.months, options.rows)
    if options.compare:
        print(compare(options.months))
    else:
        print(cs.run(pipeline(options.months, cs.DiskCache(DATA / "cache.db"))))


if __name__ == "__main__":
    main()
