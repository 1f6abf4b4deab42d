"""The functions that run a target, with an engine of their own."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any, TypeVar, overload

from cascade.runtime.engine import Engine
from cascade.spec.lazy import LazyResult

R = TypeVar("R")


@cache
def default_engine() -> Engine:
    """The engine of `run` and `arun`: the parts that come with Cascade, and a bus that nobody hears."""
    return Engine()


def engine_with(system_resources: Mapping[str, float] | None) -> Engine:
    """The default engine, or one like it with resources of its own."""
    return default_engine() if system_resources is None else Engine(system_resources=system_resources)


@overload
def run(
    target: LazyResult[R], *, use_vm: bool = True, timeout: float | None = None, max_steps: int | None = None,
    system_resources: Mapping[str, float] | None = None,
) -> R: ...
@overload
def run(
    target: list[LazyResult[R]] | tuple[LazyResult[R], ...],
    *,
    use_vm: bool = True,
    timeout: float | None = None,
    max_steps: int | None = None,
    system_resources: Mapping[str, float] | None = None,
) -> list[R]: ...
def run(
    target: Any, *, use_vm: bool = True, timeout: float | None = None, max_steps: int | None = None,
    system_resources: Mapping[str, float] | None = None,
) -> Any:
    """Runs a target and returns its value. For the arguments see `Engine` and `Engine.run`.

    Raises:
        EventLoopError: (a RuntimeError) an event loop is running in this thread: `await cascade.arun(...)` there.
    """
    return engine_with(system_resources).run_now(target, use_vm=use_vm, timeout=timeout, max_steps=max_steps)


@overload
async def arun(
    target: LazyResult[R], *, use_vm: bool = True, timeout: float | None = None, max_steps: int | None = None,
    system_resources: Mapping[str, float] | None = None,
) -> R: ...
@overload
async def arun(
    target: list[LazyResult[R]] | tuple[LazyResult[R], ...],
    *,
    use_vm: bool = True,
    timeout: float | None = None,
    max_steps: int | None = None,
    system_resources: Mapping[str, float] | None = None,
) -> list[R]: ...
async def arun(
    target: Any, *, use_vm: bool = True, timeout: float | None = None, max_steps: int | None = None,
    system_resources: Mapping[str, float] | None = None,
) -> Any:
    """Runs a target inside the running event loop. For the arguments see `Engine` and `Engine.run`."""
    return await engine_with(system_resources).run(target, use_vm=use_vm, timeout=timeout, max_steps=max_steps)
