"""The functions that run a target, with an engine of their own."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache

from cascade.declare.lazy import LazyResult
from cascade.imports import TYPE_CHECKING, Any, TypeVar, overload
from cascade.runtime.engine import Engine

if TYPE_CHECKING:
    from cascade.events.types import Event

R = TypeVar("R")
Observer = Callable[["Event"], object]


@cache
def default_engine() -> Engine:
    """The engine of `run` and `arun`: the parts that come with Cascade, and a bus that nobody hears."""
    return Engine()


def _engine(observers: Sequence[Observer], system_resources: Mapping[str, float] | None) -> Engine:
    """The default engine, or one like it with what this run has of its own."""
    if not observers and system_resources is None:
        return default_engine()
    engine = Engine(observers=observers, system_resources=system_resources)
    engine.resource_container = default_engine().resource_container
    return engine


@overload
def run(
    target: LazyResult[R],
    params: Mapping[str, Any] | None = None,
    *,
    use_vm: bool = True,
    timeout: float | None = None,
    max_steps: int | None = None,
    observers: Sequence[Observer] = (),
    system_resources: Mapping[str, float] | None = None,
) -> R: ...
@overload
def run(
    target: list[LazyResult[R]] | tuple[LazyResult[R], ...],
    params: Mapping[str, Any] | None = None,
    *,
    use_vm: bool = True,
    timeout: float | None = None,
    max_steps: int | None = None,
    observers: Sequence[Observer] = (),
    system_resources: Mapping[str, float] | None = None,
) -> list[R]: ...
def run(
    target: Any,
    params: Mapping[str, Any] | None = None,
    *,
    use_vm: bool = True,
    timeout: float | None = None,
    max_steps: int | None = None,
    observers: Sequence[Observer] = (),
    system_resources: Mapping[str, float] | None = None,
) -> Any:
    """Runs a target and returns its value. For the arguments see `Engine` and `Engine.run`.

    `observers` are called with every event of this run, such as `cascade.console()`.

    Raises:
        EventLoopError: (a RuntimeError) an event loop is running in this thread: `await cascade.arun(...)` there.
    """
    engine = _engine(observers, system_resources)
    return engine.run_now(target, params=params, use_vm=use_vm, timeout=timeout, max_steps=max_steps)


@overload
async def arun(
    target: LazyResult[R],
    params: Mapping[str, Any] | None = None,
    *,
    use_vm: bool = True,
    timeout: float | None = None,
    max_steps: int | None = None,
    observers: Sequence[Observer] = (),
    system_resources: Mapping[str, float] | None = None,
) -> R: ...
@overload
async def arun(
    target: list[LazyResult[R]] | tuple[LazyResult[R], ...],
    params: Mapping[str, Any] | None = None,
    *,
    use_vm: bool = True,
    timeout: float | None = None,
    max_steps: int | None = None,
    observers: Sequence[Observer] = (),
    system_resources: Mapping[str, float] | None = None,
) -> list[R]: ...
async def arun(
    target: Any,
    params: Mapping[str, Any] | None = None,
    *,
    use_vm: bool = True,
    timeout: float | None = None,
    max_steps: int | None = None,
    observers: Sequence[Observer] = (),
    system_resources: Mapping[str, float] | None = None,
) -> Any:
    """Runs a target inside the running event loop. For the arguments see `Engine` and `Engine.run`."""
    engine = _engine(observers, system_resources)
    return await engine.run(target, params=params, use_vm=use_vm, timeout=timeout, max_steps=max_steps)
