"""A request pipeline behind FastAPI, and a load test of it.

A quote needs the prices of all lines, which are looked up at once in a (pretended) database, a reduction that depends on who asks, and the tax.
The graph is compiled once; each request is one call of the program. The same in plain Python stands beside it, and gives the same answers.

    pip install fastapi httpx uvicorn
    uvicorn service:app --app-dir examples                 then POST to http://localhost:8000/quote
    python examples/service.py --requests 2000             the load test, in this process
    python examples/service.py --picture service.svg       the graph
"""

import argparse
import asyncio
import random
import statistics
import time
from pathlib import Path
from typing import Any

import cascade as cs

PRICES = {"desk": 31_000, "lamp": 4_500, "chair": 18_000, "shelf": 9_900}
"""In cents."""
TAXES = {"de": 19, "fr": 20, "ch": 8}
LATENCY = 0.002
"""Seconds that the database takes."""


class OutOfStockError(LookupError):
    """Nobody has the thing."""


@cs.task
async def look_up(line: dict[str, Any]) -> int:
    """Returns the price of a line."""
    await asyncio.sleep(LATENCY)
    if line["thing"] not in PRICES:
        raise OutOfStockError(line["thing"])
    return PRICES[line["thing"]] * int(line["count"])


@cs.task
def total(prices: list[int]) -> int:
    return sum(prices)


@cs.task
def kind(customer: str) -> str:
    return "staff" if customer.endswith("@cascade.example") else "regular" if customer else "new"


@cs.task
def full(amount: int) -> int:
    return amount


@cs.task
def reduced(amount: int, percent: int) -> int:
    return amount - amount * percent // 100


@cs.task
def taxed(amount: int, country: str) -> dict[str, int]:
    tax = amount * TAXES[country] // 100
    return {"net": amount, "tax": tax, "gross": amount + tax}


amount = total(look_up.map(cs.Param("lines", type=list)))
price = cs.Router(
    kind(cs.Param("customer", "", type=str)),
    {"new": full(amount), "regular": reduced(amount, 5), "staff": reduced(amount, 30)},
)
quote = taxed(price, cs.Param("country", "de", type=str))
program = cs.compile(quote)


async def plain_quote(lines: list[dict[str, Any]], customer: str, country: str) -> dict[str, int]:
    """Returns the same in plain Python; where a look-up fails, the others go on unheeded."""
    amount = total.func(await asyncio.gather(*(look_up.func(line) for line in lines)))
    percent = {"new": 0, "regular": 5, "staff": 30}[kind.func(customer)]
    return taxed.func(reduced.func(amount, percent) if percent else full.func(amount), country)


def make_app() -> Any:
    """Returns the application; FastAPI need not be installed for the rest."""
    from fastapi import FastAPI, HTTPException
    from pydantic import BaseModel

    class Order(BaseModel):
        lines: list[dict[str, Any]]
        customer: str = ""
        country: str = "de"

    app = FastAPI(title="Quotes")

    @app.post("/quote")
    async def through_cascade(order: Order) -> dict[str, int]:
        try:
            return await program.arun(**order.model_dump())
        except LookupError as error:  # the exception of a task is raised as it is
            raise HTTPException(404, f"not found: {error}") from None

    @app.post("/plain")
    async def in_plain_python(order: Order) -> dict[str, int]:
        try:
            return await plain_quote(**order.model_dump())
        except LookupError as error:
            raise HTTPException(404, f"not found: {error}") from None

    return app


def __getattr__(name: str) -> Any:
    if name == "app":  # for `uvicorn service:app`
        return make_app()
    raise AttributeError(name)


# -- The load test ----------------------------------------------------------------------------------------------------


def orders(count: int, seed: int = 1) -> list[dict[str, Any]]:
    chance = random.Random(seed)
    things = [*PRICES, "sofa"]  # of which there is none
    return [
        {
            "lines": [
                {"thing": chance.choices(things, [10, 10, 10, 10, 1])[0], "count": chance.randint(1, 9)}
                for _ in range(chance.randint(1, 5))
            ],
            "customer": chance.choice(["", "ada@example.org", "grace@cascade.example"]),
            "country": chance.choice([*TAXES]),
        }
        for _ in range(count)
    ]


async def load(app: Any, path: str, bodies: list[dict[str, Any]], at_once: int) -> tuple[list[Any], list[float], float]:
    """Sends all orders, so many at once; returns the answers, the time of each, and of all."""
    import httpx

    times = [0.0] * len(bodies)
    answers: list[Any] = [None] * len(bodies)
    waiting = iter(enumerate(bodies))

    async def client(session: httpx.AsyncClient) -> None:
        for number, body in waiting:
            begun = time.perf_counter()
            response = await session.post(path, json=body)
            times[number] = time.perf_counter() - begun
            answers[number] = (response.status_code, response.json())

    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://quotes") as session:
        begun = time.perf_counter()
        await asyncio.gather(*(client(session) for _ in range(at_once)))
        return answers, times, time.perf_counter() - begun


async def load_test(count: int, at_once: int) -> str:
    """Returns a line for Cascade and one for plain Python; their answers are the same."""
    app, bodies = make_app(), orders(count)
    for path in ("/quote", "/plain"):
        await load(app, path, bodies[:50], at_once)
    lines, found = [], {}
    for name, path in (("Cascade", "/quote"), ("plain Python", "/plain")):
        answers, times, seconds = await load(app, path, bodies, at_once)
        found[name] = answers
        median, last = statistics.median(times), statistics.quantiles(times, n=100)[98]
        lines.append(
            f"{name:12}  {count / seconds:6,.0f} requests a second, p50 {1e3 * median:.1f} ms, p99 {1e3 * last:.1f} ms"
        )
    assert found["Cascade"] == found["plain Python"]
    good = sum(status == 200 for status, _ in found["Cascade"])
    return "\n".join([*lines, f"{good:,} quotes, {count - good:,} not found: the same from both"])


async def overhead(count: int) -> str:
    """Returns the time of the pipeline alone, one request after the other, without HTTP and without waiting."""
    global LATENCY
    LATENCY = 0.0
    bodies = [each for each in orders(2 * count) if all(line["thing"] in PRICES for line in each["lines"])][:count]
    shown = []
    for name, call in (("Cascade", program.arun), ("plain Python", plain_quote)):
        begun = time.perf_counter()
        for body in bodies:
            await call(**body)
        shown.append(f"{name} {1e6 * (time.perf_counter() - begun) / len(bodies):.0f} us")
    return f"the pipeline alone: {', '.join(shown)} a request"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--requests", type=int, default=1000)
    parser.add_argument("--at-once", type=int, default=50)
    parser.add_argument("--picture", metavar="FILE")
    options = parser.parse_args()
    if options.picture:
        Path(options.picture).write_text(cs.visualize(quote, format="svg"))
        return
    print(asyncio.run(load_test(options.requests, options.at_once)))
    print(asyncio.run(overhead(options.requests)))


if __name__ == "__main__":
    main()
