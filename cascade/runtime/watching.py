"""Values as they come from a run: `watch` iterates over its events, `emit` adds values of tasks to them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Unpack

from cascade._vm import entry_point
from cascade.declare.lazy import LazyResult
from cascade.errors import DeclarationError
from cascade.events.types import Event, RunFinished, RunStarted
from cascade.graph.build import checked_nest
from cascade.graph.model import Graph
from cascade.runtime.engine import Engine
from cascade.runtime.options import OwnRunOptions, unexpected_option

OPTIONS = frozenset(OwnRunOptions.__annotations__)
ENGINE_OPTIONS = frozenset({"observers", "report", "system_resources"})


@dataclass(frozen=True, kw_only=True)
class Emitted(Event):
    """A task has called `cascade.emit(value)`. `value` is the very object."""

    value: object


@dataclass(frozen=True, kw_only=True)
class RunValue(Event):
    """The value of a run that has succeeded: the last one of the events that `watch` gives."""

    value: object


_put: ContextVar[Callable[[object], None] | None] = ContextVar("cascade_emit", default=None)


def emit(value: object) -> bool:
    """Gives a value to whoever watches the run, as an event `Emitted`: a partial result, or a step of an agent.

    It may be called in a task's function, and in functions that it calls: in place, in a coroutine and in a thread. In a worker
    process nobody watches.

    Args:
        value: is passed on as it is, so it should not be changed afterwards.

    Returns:
        Whether somebody watches.
    """
    put = _put.get()
    if put is None:
        return False
    put(value)
    return True


@entry_point
def watch(
    target: object,
    params: Mapping[str, object] | None = None,
    *,
    engine: Engine | None = None,
    **options: Unpack[OwnRunOptions],
) -> AsyncIterator[Event]:
    """Runs a target and iterates over its events as they come: `async for event in cs.watch(target)`.

    They are those of docs/events.md but for the items of maps, an `Emitted` for each value that a task emits, and in the end a `RunValue`.
    Events wait until they are taken, however many there are. Leaving the loop and closing the iterator cancels the run.

    Args:
        target, params, options: as for `cascade.run`.
        engine: runs it, with its resources; then options for the engine are not allowed.

    Raises:
        TargetError: (a TypeError) `target` is something else.
        Exception: whatever the run raises, after the event RunFinished.
    """
    if not options.keys() <= OPTIONS:
        raise unexpected_option("watch", options, OPTIONS)
    if engine is not None and ENGINE_OPTIONS & options.keys():
        raise DeclarationError(
            "watch was given an engine and options of engines", hint="pass them to cascade.Engine(...)"
        )
    if type(target) is not Graph and type(target) is not LazyResult:
        checked_nest(target)
    return _watched(target, params, engine, options)


async def _watched(
    target: object, params: Mapping[str, object] | None, engine: Engine | None, options: OwnRunOptions
) -> AsyncIterator[Event]:
    loop, waiting = asyncio.get_running_loop(), asyncio.Queue[Event | None]()
    thread_safe = loop.call_soon_threadsafe
    watcher = _Watcher(lambda event: thread_safe(waiting.put_nowait, event))
    run = asyncio.create_task(_run(watcher, target, params, engine, options))
    run.add_done_callback(lambda _: waiting.put_nowait(None))
    try:
        while (event := await waiting.get()) is not None:
            yield event
        value = await run
        yield RunValue(run_id=watcher.run_id, value=value)
    finally:
        run.cancel()
        await asyncio.wait([run])


class _Watcher:
    """The observer of a watched run."""

    wants_items = False

    def __init__(self, put: Callable[[Event], object]) -> None:
        self._put = put
        self.run_id = ""

    def __call__(self, event: Event) -> None:
        if (
            isinstance(event, RunStarted) and not self.run_id and _put.get() == self.emit
        ):  # not of another run of the engine
            self.run_id = event.run_id
        if event.run_id == self.run_id:
            self._put(event)

    def emit(self, value: object) -> None:
        self._put(Emitted(run_id=self.run_id, value=value))


async def _run(
    watcher: _Watcher,
    target: object,
    params: Mapping[str, object] | None,
    engine: Engine | None,
    options: OwnRunOptions,
) -> object:
    _put.set(watcher.emit)  # in the context of this asyncio task, and of those that it starts
    if engine is None:
        from cascade.runtime.api import arun

        observers = [watcher, *options.pop("observers", ())]
        return await arun(target, params, observers=observers, **options)  # type: ignore[call-overload]  # of any type
    unsubscribe = engine.bus.subscribe(Event, watcher, items=False)
    try:
        return await engine.run_in_loop(target, params, **options)  # type: ignore[misc]  # those of a run alone
    finally:
        unsubscribe()


__all__ = ["Emitted", "RunFinished", "RunValue", "emit", "watch"]
