"""`cs.watch` and `cs.emit`: values as they come from a run."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

import cascade as cs


@cs.task
def step(n: int) -> int:
    cs.emit(f"step {n}")
    return n + 1


@cs.task
async def later(n: int) -> int:
    cs.emit(f"later {n}")
    await asyncio.sleep(0)
    cs.emit(f"later {n} again")
    return n


@cs.task(mode="blocking")
def in_a_thread(n: int) -> int:
    cs.emit(f"thread {n}")
    return n


async def watched(target: Any, **options: Any) -> list[cs.Event]:
    return [event async for event in cs.watch(target, **options)]


def emitted(events: list[cs.Event]) -> list[object]:
    return [event.value for event in events if isinstance(event, cs.Emitted)]


def test_events_come_in_order_and_the_value_is_the_last(path):
    events = asyncio.run(watched(step(step(1)), use_vm=path.use_vm))
    assert emitted(events) == ["step 1", "step 2"]
    assert isinstance(events[0], cs.RunStarted)
    assert isinstance(events[-2], cs.RunFinished)
    assert isinstance(events[-1], cs.RunValue)
    assert events[-1].value == 3
    assert len({event.run_id for event in events}) == 1
    kinds = [type(event).__name__ for event in events]
    assert kinds.index("Emitted") == kinds.index("TaskExecutionStarted") + 1


def test_values_come_from_coroutines_and_threads(path):
    events = asyncio.run(watched(step(later(in_a_thread(1))), use_vm=path.use_vm))
    assert emitted(events) == ["thread 1", "later 1", "later 1 again", "step 1"]


def test_values_come_while_the_run_goes_on(path):
    seen: list[object] = []

    @cs.task
    async def waits_for_the_reader() -> str:
        cs.emit("first")
        while not seen:
            await asyncio.sleep(0)
        return "done"

    async def main() -> Any:
        async for event in cs.watch(waits_for_the_reader(), use_vm=path.use_vm, timeout=60):
            if isinstance(event, cs.Emitted):
                seen.append(event.value)
        return event.value

    assert asyncio.run(main()) == "done"


def test_an_exception_comes_after_the_event_of_its_end(path):
    @cs.task
    def fails() -> None:
        cs.emit("before")
        raise ValueError("no")

    async def main() -> list[cs.Event]:
        events: list[cs.Event] = []
        with pytest.raises(ValueError, match="no"):
            async for event in cs.watch(fails(), use_vm=path.use_vm):
                events.append(event)
        return events

    events = asyncio.run(main())
    assert emitted(events) == ["before"]
    assert isinstance(events[-1], cs.RunFinished)


def test_closing_the_iterator_cancels_the_run(path):
    cancelled: list[bool] = []

    @cs.task
    async def endless() -> None:
        try:
            await asyncio.sleep(3600)
        except asyncio.CancelledError:
            cancelled.append(True)
            raise

    async def main() -> None:
        events = cs.watch(endless(), use_vm=path.use_vm)
        async for event in events:
            if isinstance(event, cs.TaskExecutionStarted):
                await asyncio.sleep(0)
                break
        await events.aclose()

    asyncio.run(main())
    assert cancelled == [True]


def test_two_runs_do_not_hear_each_other(path):
    async def main() -> list[list[cs.Event]]:
        engine = cs.Engine()
        watches = (watched(later(n), engine=engine, use_vm=path.use_vm) for n in (1, 2))
        return list(await asyncio.gather(*watches, watched(later(3), use_vm=path.use_vm)))

    found = asyncio.run(main())
    assert [emitted(events) for events in found] == [[f"later {n}", f"later {n} again"] for n in (1, 2, 3)]
    assert [events[-1].value for events in found] == [1, 2, 3]  # type: ignore[attr-defined]


def test_nobody_hears_a_value_where_nobody_watches(run):
    @cs.task
    def says() -> bool:
        return cs.emit("?")

    assert run(says()) is False
    assert cs.emit("?") is False


def test_inputs_and_resources_of_an_engine_are_used(path):
    @cs.resource(name="words")
    def words() -> Any:
        yield ["a", "b"]

    @cs.task
    def speak(n: int, found: Any = cs.inject("words")) -> int:
        for word in found:
            cs.emit(word)
        return n

    engine = cs.Engine(resources=[words])
    events = asyncio.run(watched(speak(cs.Param("n", type=int)), params={"n": 3}, engine=engine, use_vm=path.use_vm))
    assert emitted(events) == ["a", "b"]
    assert events[-1].value == 3  # type: ignore[attr-defined]
    with pytest.raises(cs.DeclarationError, match="an engine and options of engines"):
        asyncio.run(watched(step(1), engine=engine, observers=[print]))
