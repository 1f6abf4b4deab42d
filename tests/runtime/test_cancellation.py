"""Repeated cancellation: wherever a run waits, it ends only when nothing of it is left, however often it is cancelled."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import anyio
import pytest

import cascade as cs
from cascade.runtime import Engine
from tests.support.tasks import identity

TIMES = range(1, 9)


class Place:
    """What a test observes of one place where a run waits."""

    def __init__(self) -> None:
        self.open = 0
        self.reached = asyncio.Event()

    async def stay(self) -> None:
        self.open += 1
        self.reached.set()
        try:
            await asyncio.sleep(60)
        finally:
            try:
                await asyncio.sleep(0.005)
            finally:
                self.open -= 1

    def task(self) -> Any:
        @cs.task
        async def stay(x: int = 0) -> None:
            await self.stay()

        return stay

    def resource(self, scope: str, *, waits: str = "") -> cs.Resource:
        @cs.resource(scope=scope)
        async def held() -> AsyncIterator[int]:
            if waits == "set-up":
                await self.stay()
            self.open += 1
            yield 1
            if waits == "tear-down":
                self.reached.set()
            for _ in range(10):
                await asyncio.sleep(0)  # a tear-down is not cancelled
            self.open -= 1

        return held

    def sync_resource(self, scope: str) -> cs.Resource:
        @cs.resource(scope=scope)
        def held() -> Iterator[int]:
            self.open += 1
            yield 1
            self.open -= 1

        return held


Target = Callable[[Place], Any]


def graph(place: Place) -> Any:
    return [place.task()(n) for n in range(3)]


def mapped(place: Place) -> Any:
    return place.task().map([1, 2, 3])


def mapped_one_by_one(place: Place) -> Any:
    return place.task().map([1, 2, 3]).with_concurrency(1)


def mapped_with_constraints(place: Place) -> Any:
    return place.task().map([1, 2, 3]).with_constraints(gpu=1)


def with_constraints(place: Place) -> Any:
    return [place.task()(n).with_constraints(gpu=1) for n in range(3)]


def map_of_maps(place: Place) -> Any:
    stay = place.task()
    return cs.task(lambda n: stay.map([n, n]), name="inner").map([1, 2])


def with_timeout(place: Place) -> Any:
    return [place.task()(n).with_timeout(50) for n in range(2)]


def between_attempts(place: Place) -> Any:
    @cs.task
    async def fail(x: int = 0) -> None:
        place.reached.set()
        raise ValueError

    return [fail(n).with_retry(3, delay=60) for n in range(2)]


def without_a_pause(place: Place) -> Any:
    @cs.task
    def step(n: int) -> Any:
        place.reached.set()
        return step.tail(n + 1)

    return [step(0), place.task()()]


def run_inside(place: Place) -> Any:
    @cs.task
    async def outer(x: int) -> Any:
        return await cs.arun(place.task().map([x, x]))

    return outer.map([1, 2])


def shared_route(place: Place) -> Any:
    shared = place.task()(1)
    routes = {"a": identity(shared), "b": identity(shared)}
    return [identity(cs.Router(cs.task(lambda: key, name="key")(), routes)) for key in ("a", "b")]


class SlowCache:
    """Waits for ever when it is asked, or when it is given something to keep."""

    def __init__(self, place: Place, waits: str) -> None:
        self.place = place
        self.waits = waits

    async def check(self, task_id: str, inputs: dict[str, Any]) -> Any:
        if self.waits == "check":
            await self.place.stay()

    async def save(self, task_id: str, inputs: dict[str, Any], output: Any) -> None:
        await self.place.stay()


def cached(place: Place, waits: str) -> Any:
    return [identity(1).with_cache(SlowCache(place, waits)), identity.map([1, 2])]


def set_up(place: Place, scope: str) -> Any:
    return cs.task(lambda x, held: held, name="use")(1, cs.inject(place.resource(scope, waits="set-up")))


def tear_down(place: Place, scope: str) -> Any:
    return cs.task(lambda x, held: held, name="use")(1, cs.inject(place.resource(scope, waits="tear-down")))


def held_by_items(place: Place, scope: str, is_async: bool) -> Any:
    made = place.resource(scope) if is_async else place.sync_resource(scope)

    @cs.task
    async def use(x: int, held: int = cs.inject(made)) -> None:
        await place.stay()

    return use.map([1, 2, 3])


def clean_up_after_failure(place: Place, mapped: bool) -> Any:
    @cs.task
    async def work(n: int) -> None:
        if n == 0:
            raise ValueError("fails at once")
        place.open += 1
        try:
            await asyncio.sleep(60)
        finally:
            place.reached.set()
            try:
                await asyncio.sleep(0.005)
            finally:
                place.open -= 1

    return work.map([1, 2, 0]) if mapped else [work(1), work(2), work(0)]


PLACES: dict[str, Target] = {
    **{function.__name__: function for function in (
        graph, mapped, mapped_one_by_one, mapped_with_constraints, with_constraints, map_of_maps, with_timeout, between_attempts,
        without_a_pause, run_inside, shared_route,
    )},
    **{f"set_up_{scope}": lambda place, scope=scope: set_up(place, scope) for scope in ("run", "task")},
    **{f"tear_down_{scope}": lambda place, scope=scope: tear_down(place, scope) for scope in ("run", "task")},
    **{
        f"held_by_items_{scope}_{is_async}": lambda place, scope=scope, is_async=is_async: held_by_items(place, scope, is_async)
        for scope in ("run", "task")
        for is_async in (False, True)
    },
    **{f"cached_{waits}": lambda place, waits=waits: cached(place, waits) for waits in ("check", "save")},
    **{f"clean_up_{mapped}": lambda place, mapped=mapped: clean_up_after_failure(place, mapped) for mapped in (False, True)},
}  # fmt: skip


def others() -> list[str]:
    return [task.get_name() for task in asyncio.all_tasks() if task is not asyncio.current_task()]


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("gap", [0, 1, 2], ids=lambda gap: f"gap{gap}")
def test_a_run_that_is_cancelled_repeatedly_leaves_nothing_behind(path, place, gap):
    async def main(times: int) -> None:
        state = Place()
        engine = Engine(system_resources={"gpu": 1})
        run = asyncio.ensure_future(engine.run(PLACES[place](state), use_vm=path.use_vm))
        await asyncio.wait_for(state.reached.wait(), 30)
        for _ in range(gap):
            await asyncio.sleep(0)
        for _ in range(times):
            run.cancel()
            await asyncio.sleep(0)
        await asyncio.wait([run], timeout=30)
        assert run.cancelled()
        assert (others(), state.open) == ([], 0)
        assert await engine.run(identity(7).with_constraints(gpu=1), use_vm=path.use_vm) == 7

    for times in TIMES:
        asyncio.run(main(times))


@pytest.mark.parametrize("place", PLACES)
def test_a_cancel_scope_of_anyio_ends_when_nothing_is_left(path, place):
    async def main() -> None:
        state = Place()
        engine = Engine(system_resources={"gpu": 1})
        with anyio.CancelScope() as scope:

            async def cancel_when_reached() -> None:
                await state.reached.wait()
                scope.cancel()

            cancelling = asyncio.ensure_future(cancel_when_reached())
            await engine.run(PLACES[place](state), use_vm=path.use_vm)
        await cancelling
        assert scope.cancelled_caught
        assert (others(), state.open) == ([], 0)

    asyncio.run(main())


def test_a_program_that_is_cancelled_repeatedly_leaves_nothing_behind():
    async def main(times: int) -> None:
        state = Place()
        run = asyncio.ensure_future(cs.compile(held_by_items(state, "task", True)).arun())
        await state.reached.wait()
        for _ in range(times):
            run.cancel()
            await asyncio.sleep(0)
        await asyncio.wait([run])
        assert (run.cancelled(), others(), state.open) == (True, [], 0)

    for times in TIMES:
        asyncio.run(main(times))
