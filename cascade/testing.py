"""Helpers for tests of programs that use Cascade."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import NamedTuple, TypeVar

from cascade._vm import entry_point
from cascade.adapters.executors.local import LocalExecutor
from cascade.adapters.protocols import Executor
from cascade.declare.failed import failed
from cascade.declare.resources import GeneratorFunction, Resource
from cascade.declare.task import Task
from cascade.durable.crash import Crashes as Crashes
from cascade.durable.crash import crash_at_every_commit as crash_at_every_commit
from cascade.errors import DeclarationError
from cascade.events.bus import MessageBus
from cascade.events.types import Event
from cascade.runtime.api import default_engine
from cascade.runtime.engine import Engine
from cascade.runtime.resources import ResourceContainer

E = TypeVar("E", bound=Event)


class SpySubscriber:
    """Records the events of a bus.

        spy = SpySubscriber(bus)
        asyncio.run(Engine(bus=bus).run(target))
        assert [event.task_name for event in spy.events_of_type(TaskExecutionFinished)] == ["load", "total"]

    Args:
        bus: the bus, or an engine, whose bus it is then.
        event_type: only events of this type are recorded.

    Attributes:
        events: in the order in which they were published.
    """

    @entry_point
    def __init__(self, bus: MessageBus | Engine, event_type: type[Event] = Event) -> None:
        if isinstance(bus, Engine):
            bus = bus.bus
        if not isinstance(bus, MessageBus):
            raise DeclarationError(f"SpySubscriber({bus!r})", expected="a MessageBus or an Engine")
        self.events: list[Event] = []
        self._end = bus.subscribe(event_type, self._record)

    def _record(self, event: Event) -> None:
        self.events.append(event)

    def events_of_type(self, event_type: type[E]) -> list[E]:
        """Returns the events of a type and its subclasses."""
        return [event for event in self.events if isinstance(event, event_type)]

    def clear(self) -> None:
        """Forgets the recorded events."""
        self.events.clear()

    def close(self) -> None:
        """Ends the subscription."""
        self._end()

    def __enter__(self) -> SpySubscriber:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class Call(NamedTuple):
    """A call that an executor was given to make."""

    task: Task[..., object]
    args: tuple[object, ...]
    kwargs: dict[str, object]

    @property
    def name(self) -> str:
        return str(self.task.name)


class _Recording:
    # It is given every call, also of tasks that are otherwise called directly.
    calls_inline = False

    def __init__(self) -> None:
        self.calls: list[Call] = []

    @property
    def names(self) -> list[str]:
        """The names of the tasks that were called, in order."""
        return [call.name for call in self.calls]

    def calls_of(self, name: str) -> list[Call]:
        """Returns the calls of the tasks of a name."""
        return [call for call in self.calls if call.name == name]


class SpyExecutor(_Recording):
    """Records the calls that another executor makes.

    Args:
        executor: makes the calls; by default a `LocalExecutor`.

    Attributes:
        calls: in the order in which they were begun.
    """

    @entry_point
    def __init__(self, executor: Executor | None = None) -> None:
        if executor is not None and not hasattr(executor, "call"):
            raise DeclarationError(f"SpyExecutor({executor!r:.60})", expected="an object with a method 'call'")
        super().__init__()
        self._executor: Executor = LocalExecutor() if executor is None else executor

    def call(self, task: Task[..., object], args: tuple[object, ...], kwargs: dict[str, object]) -> object:
        self.calls.append(Call(task, args, kwargs))
        return self._executor.call(task, args, kwargs)


class MockExecutor(_Recording):
    """Calls no function: each task takes a while and returns a value that the test chose.

    Args:
        delay: seconds that each call takes; calls overlap, as those of async tasks do.
        values: the results of tasks by their names; an exception is raised.
        default: the result of all other tasks.

    Attributes:
        calls: in the order in which they were begun.
        most_at_once: the largest number of calls that were under way at once.
    """

    @entry_point
    def __init__(self, delay: float = 0.0, values: Mapping[str, object] | None = None, default: object = None) -> None:
        if isinstance(delay, Mapping) or not (hasattr(delay, "__float__") and delay >= 0):
            raise DeclarationError(
                f"MockExecutor(delay={delay!r})",
                expected="a number of seconds from 0 up",
                hint=f"MockExecutor(values={delay!r})" if isinstance(delay, Mapping) else None,
            )
        super().__init__()
        self.delay = delay
        self.values: Mapping[str, object] = {} if values is None else values
        self.default = default
        self.most_at_once: int = 0
        self._under_way = 0

    async def call(self, task: Task[..., object], args: tuple[object, ...], kwargs: dict[str, object]) -> object:
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


@entry_point
def override_resource(
    engine: Engine | ResourceContainer | None, name: str, resource: Resource | GeneratorFunction
) -> AbstractContextManager[Resource]:
    """Replaces a resource for the runs that begin while the context lasts.

        with override_resource(engine, "database", fake_database):
            ...

    Args:
        engine: the engine of the runs; None for that of `cascade.run` and `cascade.arun`.
        name: the name of the replaced resource in `inject`.
        resource: a resource, or a generator function.

    Raises:
        DeclarationError: (a TypeError) `resource` must be a generator; or `engine` is none.
    """
    if engine is None:
        engine = default_engine()
    if not isinstance(engine, (Engine, ResourceContainer)):
        raise DeclarationError(
            f"override_resource({engine!r}, ...)", expected="an Engine, or None for that of cascade.run"
        )
    container = engine.resource_container if isinstance(engine, Engine) else engine
    return container.override(name, resource)
