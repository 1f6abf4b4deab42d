"""Helpers for testing what is made with Cascade."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, NamedTuple, TypeVar

from cascade.adapters.executors.local import LocalExecutor
from cascade.declare.failed import failed
from cascade.adapters.protocols import Executor
from cascade.declare.resources import Resource
from cascade.declare.task import Task
from cascade.errors import DeclarationError
from cascade.events.bus import MessageBus
from cascade.events.types import Event
from cascade.runtime.api import default_engine
from cascade.runtime.engine import Engine
from cascade.runtime.resources import ResourceContainer

E = TypeVar("E", bound=Event)


class SpySubscriber:
    """Keeps the events of a bus.

        spy = SpySubscriber(bus)
        asyncio.run(Engine(bus=bus).run(target))
        assert [event.task_name for event in spy.events_of_type(TaskExecutionFinished)] == ["load", "total"]

    Args:
        bus: the bus, or an engine, whose bus it is then.
        event_type: only events of this type are kept.

    Attributes:
        events: in the order in which they came.
    """

    def __init__(self, bus: MessageBus | Engine, event_type: type[Event] = Event) -> None:
        if isinstance(bus, Engine):
            bus = bus.bus
        if not isinstance(bus, MessageBus):
            raise DeclarationError(f"SpySubscriber({bus!r})", expected="a MessageBus or an Engine")
        self.events: list[Event] = []
        self._end = bus.subscribe(event_type, self._hear)

    def _hear(self, event: Event) -> None:
        self.events.append(event)

    def events_of_type(self, event_type: type[E]) -> list[E]:
        """The events of a type and its subclasses."""
        return [event for event in self.events if isinstance(event, event_type)]

    def clear(self) -> None:
        """Forgets the events that have come."""
        self.events.clear()

    def close(self) -> None:
        """Hears no more."""
        self._end()

    def __enter__(self) -> SpySubscriber:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class Call(NamedTuple):
    """A call that an executor was asked for."""

    task: Task[..., Any]
    args: tuple[Any, ...]
    kwargs: dict[str, Any]

    @property
    def name(self) -> str:
        return str(self.task.name)


class _Recording:
    # Asked for every call, also of tasks that are otherwise simply called.
    calls_inline = False

    def __init__(self) -> None:
        self.calls: list[Call] = []

    @property
    def names(self) -> list[str]:
        """The names of the tasks that were called, in order."""
        return [call.name for call in self.calls]

    def calls_of(self, name: str) -> list[Call]:
        """The calls of the tasks of a name."""
        return [call for call in self.calls if call.name == name]


class SpyExecutor(_Recording):
    """Has another executor make the calls, and keeps what they were.

    Args:
        executor: makes the calls; by default a `LocalExecutor`.

    Attributes:
        calls: in the order in which they were begun.
    """

    def __init__(self, executor: Executor | None = None) -> None:
        super().__init__()
        self._executor: Executor = LocalExecutor() if executor is None else executor

    def call(self, task: Task[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Awaitable[Any] | Any:
        self.calls.append(Call(task, args, kwargs))
        return self._executor.call(task, args, kwargs)


class MockExecutor(_Recording):
    """Calls no function: each task takes a while and gives what it was told to give.

    Args:
        delay: seconds that each call takes; calls overlap, as those of async tasks do.
        values: what tasks give, by their names. An exception is raised.
        default: what all others give.

    Attributes:
        calls: in the order in which they were begun.
        most_at_once: how many calls were under way at once, at most.
    """

    def __init__(self, delay: float = 0.0, values: Mapping[str, Any] | None = None, default: Any = None) -> None:
        if isinstance(delay, Mapping) or not (hasattr(delay, "__float__") and delay >= 0):
            raise DeclarationError(
                f"MockExecutor(delay={delay!r})", expected="a number of seconds from 0 up",
                hint=f"MockExecutor(values={delay!r})" if isinstance(delay, Mapping) else None,
            )
        super().__init__()
        self.delay = delay
        self.values = {} if values is None else values
        self.default = default
        self.most_at_once = 0
        self._under_way = 0

    async def call(self, task: Task[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        self.calls.append(Call(task, args, kwargs))
        self._under_way += 1
        self.most_at_once = max(self.most_at_once, self._under_way)
        try:
            await asyncio.sleep(self.delay)
        finally:
            self._under_way -= 1
        value = self.values.get(task.name, self.default)
        if isinstance(value, type) and issubclass(value, BaseException):
            value = value()
        return failed(value) if isinstance(value, BaseException) else value


@contextmanager
def override_resource(engine: Engine | ResourceContainer | None, name: str, resource: Any) -> Iterator[Resource]:
    """While the context lasts, runs that begin get `resource` where `name` is injected.

        with override_resource(engine, "database", fake_database):
            ...

    Args:
        engine: whose runs; None for those of `cascade.run` and `cascade.arun`.
        name: what is injected.
        resource: a resource, or a generator function.

    Raises:
        DeclarationError: (a TypeError) `resource` must be a generator; or `engine` is none.
    """
    if engine is None:
        engine = default_engine()
    if not isinstance(engine, (Engine, ResourceContainer)):
        raise DeclarationError(f"override_resource({engine!r}, ...)", expected="an Engine, or None for that of cascade.run")
    container = engine.resource_container if isinstance(engine, Engine) else engine
    with container.override(name, resource) as replacement:
        yield replacement
