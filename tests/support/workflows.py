"""Targets with policies, maps, Routers, pipelines and state machines, which several tests look at."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import cascade as cs
from tests.support.tasks import add, identity, increment, later, one, total

CACHE = cs.MemoryCache()
KEPT = cs.MemoryCache()
calls: dict[str, int] = {}


class Hiccup(ConnectionError):
    """What a retry is for."""


@cs.task
def heals(name: str, after: int) -> str:
    """Fails so many times."""
    calls[name] = calls.get(name, 0) + 1
    if calls[name] <= after:
        raise Hiccup(name)
    return f"{name} healed"


@cs.task(retry=cs.Retry(3, retry_on=(Hiccup, OSError)), timeout=30.0, constraints={"cpu": 1})
def careful(name: str, after: int = 1) -> str:
    calls[name] = calls.get(name, 0) + 1
    if calls[name] <= after:
        raise Hiccup(name)
    return f"{name} done"


@cs.task(cache=KEPT)
def kept(x: int) -> int:
    return 7 * x


@cs.task
def work(n: int) -> Any:
    return cs.Jump("rest", n - 1) if n > 1 else cs.Jump("done", "tired")


@cs.task
def rest(n: int, hours: int, *more: Any, extra: Any = None) -> Any:
    return cs.Jump(0, n) if hours else cs.Jump(None)


@cs.task
def counts(n: int) -> Any:
    return cs.Jump(True, n - 1) if n else cs.Jump("end", "counted")


def machine() -> Any:
    """Two states, the second with a declared first argument that is never computed, and arguments of its own."""
    first = work(increment(3))
    second = rest(heals("never", 9), later(8), 1, extra=[one()])
    cs.bind(first, cs.select_jump({"rest": second, "done": None}))
    cs.bind(second, cs.select_jump({0: first, None: None}))
    return first


def router() -> Any:
    """Routes that share nodes with the graph and with each other, one of them a Router, one a state machine."""
    shared = increment(1)
    only = add(shared, 10)
    inner = cs.Router(identity("x"), {"x": total([only, shared]), "y": only})
    routes = {
        "inner": inner,
        (1, "only"): increment(only),
        "machine": machine(),
        None: shared,
        2: cs.Param("elsewhere", 5, type=int),
    }
    return [
        shared,
        cs.Router(later("inner"), routes),
        cs.Router(2, {2: add(shared, cs.Env("CASCADE_TEST_NOWHERE", 1))}),
    ]


def looping() -> Any:
    lazy = counts(4)
    return cs.bind(lazy, cs.select_jump({True: lazy, "end": None}))


def conditions() -> Any:
    first = identity("first")
    return [
        increment(1).run_if(identity(True)).run_if(True).after(first, one()),
        cs.pipeline(1, [increment, lambda x: increment(x).run_if(later(False)), lambda x: add(x, 10).run_if(first)]),
    ]


WORKFLOWS: dict[str, Callable[[], Any]] = {
    "retry": lambda: heals("retry", 2).with_retry(4, 0.0, 2.0, max_delay=1, jitter=0.5, retry_on=(Hiccup, ValueError)),
    "retry alone": lambda: heals("alone", 1).with_retry(2, retry_on=ConnectionError).with_timeout(9),
    "gives up": lambda: identity([heals("gives up", 9).with_retry(2, retry_on=cs.CascadeError)]),
    "defaults": lambda: [careful("as declared"), careful("other").with_retry(2).with_timeout(None).with_constraints(cpu=0.5, gpu=one())],
    "constraints": lambda: later(1).with_constraints(cpu=later(1), gpu=2, memory=0.25),
    "conditions": conditions,
    "skipped": lambda: identity([increment(1).run_if(identity(0)), increment(increment(2).run_if(False))]),
    "sequence": lambda: cs.sequence([one(), later(2), identity(3)]),
    "map": lambda: [add.map([1, later(2)], b=identity([3, 4])).with_concurrency(1), increment.map([]), increment.map(x=[5])],
    "map with policies": lambda: increment.map([1, 2]).with_retry(2).with_constraints(cpu=one()).run_if(one()).after(identity(2)),
    "router": router,
    "machine": lambda: identity([machine(), looping()]),
    "machine with policies": lambda: add(machine().with_timeout(9).run_if(one()).after(later(1)).with_constraints(cpu=one()), "!"),
    "machine of retries": lambda: cs.bind(
        heals("machine", 1).with_retry(2).after(one()), cs.select_jump({"x": looping().with_retry(2).run_if(one()), "y": None})
    ),
    "skipped machine": lambda: identity(looping().run_if(identity(None))),
    "skipped route": lambda: identity(cs.Router("a", {"a": one().run_if(False), "b": one()}).after(later(1)).run_if(one())),
}  # fmt: skip


def everything() -> Any:
    """One of each, for listings that people read."""
    lines = increment.map(later([1, 2])).with_concurrency(8).with_retry(3, delay=0.5, backoff=2)
    size = total(lines).with_timeout(5).with_cache(CACHE)
    loop = work(3)
    cs.bind(loop, cs.select_jump({"rest": loop, "done": None}))
    chosen = cs.Router(
        identity("small"), {"small": add(size, cs.Param("more", 1, type=int)), "loop": loop, "same": size}
    )
    return identity(chosen).run_if(size).after(heals("first", 0)).with_constraints(cpu=1, gpu=one())
