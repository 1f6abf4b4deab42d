"""Policies, maps, observers, caches and jumps: each beside the same graph without it."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from functools import partial
from io import StringIO
from pathlib import Path
from typing import Any

from measure import Measure, Run, always, awaited
from workloads import increment, trampoline

import cascade as cs
from cascade.runtime.events import TaskEvent

NODES = 1_000
OBSERVED_NODES = 10_000
ITEMS = 100_000
LONG_ITEMS = 10_000
STEPS = 10_000
TYPED_STEPS = 1_000_000
RESOURCES = {"slot": 1}

Lazy = cs.LazyResult[Any]
POLICIES: dict[str, Callable[[Lazy], Lazy]] = {
    "plain": lambda lazy: lazy,
    "retry": lambda lazy: lazy.with_retry(3),
    "constraint": lambda lazy: lazy.with_constraints(slot=1),
}


def wide(policy: Callable[[Lazy], Lazy], task: Any, nodes: int) -> list[Lazy]:
    """Returns independent calls, which together cost little more than the calls themselves."""
    return [policy(task(number % 100)) for number in range(nodes)]


def expected(nodes: int) -> list[int]:
    return [number % 100 + 1 for number in range(nodes)]


def with_policies() -> list[Measure]:
    def prepare_program(policy: Callable[[Lazy], Lazy]) -> Run:
        return cs.compile(wide(policy, cs.task(increment), NODES), system_resources=RESOURCES)

    def prepare_walk(policy: Callable[[Lazy], Lazy]) -> Run:
        target = wide(policy, cs.task(increment), NODES)
        return partial(cs.run, target, use_vm=False, system_resources=RESOURCES)

    answer = partial(expected, NODES)
    return [
        measure
        for name, policy in POLICIES.items()
        for measure in (
            Measure(f"{name} nodes, program", partial(prepare_program, policy), answer, NODES),
            Measure(f"{name} nodes, graph path", partial(prepare_walk, policy), answer, NODES),
        )
    ]


def collatz_steps(n: int) -> int:
    count = 0
    while n > 1:
        n = n // 2 if n % 2 == 0 else 3 * n + 1
        count += 1
    return count


def maps() -> list[Measure]:
    """Returns measures of maps: of a called task, of a lowered one, and of one so small that most of its time makes the result's object."""
    items = list(range(ITEMS))
    few = items[:LONG_ITEMS]
    called, small, long = (
        cs.task(lower=False)(increment),
        cs.task(lower=True)(increment),
        cs.task(lower=True)(collatz_steps),
    )
    answer, long_answer = always([item + 1 for item in items]), always([collatz_steps(item) for item in few])

    def run(task: Any, among: list[int], threads: int | None = None, **path: Any) -> Callable[[], Run]:
        return always(lambda: cs.run(task.map(among).with_concurrency(threads), **path))

    return [
        Measure("map of a called task", run(called, items), answer, ITEMS),
        Measure("map of a called task, graph path", run(called, items, use_vm=False), answer, ITEMS),
        Measure("map of a small lowered task", run(small, items), answer, ITEMS),
        Measure("list comprehension", always(lambda: [increment(item) for item in items]), answer, ITEMS),
        Measure("map of a lowered task, one thread", run(long, few, 1), long_answer, LONG_ITEMS),
        Measure("map of a lowered task, two threads", run(long, few, 2), long_answer, LONG_ITEMS),
        Measure(
            "list comprehension, Collatz",
            always(lambda: [collatz_steps(item) for item in few]),
            long_answer,
            LONG_ITEMS,
        ),
    ]


def observed() -> list[Measure]:
    """Returns measures of a subscriber that does nothing at the start and the end of each node, and of an observed map."""
    items = list(range(ITEMS))
    task = cs.task(increment)

    def prepare(heard: bool, use_vm: bool) -> Run:
        engine = cs.Engine()
        if heard:
            engine.bus.subscribe(TaskEvent, lambda event: None)
        target = wide(POLICIES["plain"], cs.task(increment), OBSERVED_NODES)
        return lambda: engine.run(target, use_vm=use_vm)

    def prepare_watched() -> Run:
        return lambda: cs.run(task.map(items), observers=[cs.console("log", file=StringIO())])

    answer = partial(expected, OBSERVED_NODES)
    return [
        *(
            Measure(
                f"nodes {who} a subscriber{way}",
                partial(prepare, who == "with", not way),
                answer,
                OBSERVED_NODES,
                awaited,
            )
            for way in ("", ", graph path")
            for who in ("with", "without")
        ),
        Measure(
            "map of a called task, watched", always(prepare_watched()), always([item + 1 for item in items]), ITEMS
        ),
    ]


def cache_hits() -> list[Measure]:
    def prepare(make: Callable[[], Any]) -> Run:
        cache = make()
        program = cs.compile(wide(lambda lazy: lazy.with_cache(cache), cs.task(increment), NODES))
        program()  # fills the cache
        return program

    def disk() -> cs.DiskCache:
        return cs.DiskCache(Path(tempfile.mkdtemp()) / "cache.db")

    answer = partial(expected, NODES)
    return [
        Measure("hit in memory", partial(prepare, cs.MemoryCache), answer, NODES),
        Measure("hit on disk", partial(prepare, disk), answer, NODES),
    ]


def jump_step(n: int) -> Any:
    return cs.Jump("again", n - 1) if n > 0 else cs.Jump("end", "done")


def tail_step(n: int) -> Any:
    return cs.TailCall(kwargs={"n": n - 1}) if n > 0 else "done"


def jumps() -> list[Measure]:
    def prepare_jump(steps: int, lower: bool) -> Run:
        state = cs.task(lower=lower)(jump_step)(steps)
        return cs.compile(cs.bind(state, cs.select_jump({"again": state, "end": None})))

    def prepare_tail(steps: int, lower: bool) -> Run:
        return cs.compile(cs.task(lower=lower)(tail_step)(steps))

    done = always("done")
    return [
        Measure("loop by Jump", partial(prepare_jump, STEPS, False), done, STEPS),
        Measure("loop by TailCall", partial(prepare_tail, STEPS, False), done, STEPS),
        Measure("loop by hand", always(partial(trampoline, tail_step, n=STEPS)), done, STEPS),
        Measure("loop by Jump, lowered", partial(prepare_jump, TYPED_STEPS, True), done, TYPED_STEPS),
        Measure("loop by TailCall, lowered", partial(prepare_tail, TYPED_STEPS, True), done, TYPED_STEPS),
    ]


def size(order: int) -> str:
    return "large" if order > 100 else "small"


def accept(order: int) -> int:
    return order + 1


def review(order: int) -> int:
    return order + 2


def by_hand(order: int) -> int:
    return {"small": accept, "large": review}[size(order)](order)


def requests() -> list[Measure]:
    """Returns measures of two calls on a request given as a parameter: the second by a Router, or unconditional."""
    order = cs.Param("order", type=int)
    small, large = cs.task(accept)(order), cs.task(review)(order)

    def prepare(target: Lazy) -> Run:
        return partial(cs.compile(target), order=5)

    return [
        Measure(
            "a request, by a Router",
            partial(prepare, cs.Router(cs.task(size)(order), {"small": small, "large": large})),
            always(6),
            1,
        ),
        Measure("a request, two calls", partial(prepare, cs.task(review)(cs.task(accept)(order))), always(8), 1),
        Measure("a request, by hand", always(partial(by_hand, 5)), always(6), 1),
    ]


def policy_measures() -> list[Measure]:
    return [*with_policies(), *maps(), *observed(), *cache_hits(), *jumps(), *requests()]
