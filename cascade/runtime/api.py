"""The functions that run a target, with an engine of their own."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

from cascade._vm import entry_point, show_full_tracebacks
from cascade.declare.lazy import LazyResult
from cascade.errors import DeclarationError, TargetError
from cascade.imports import TYPE_CHECKING, Any, TypeVar, Unpack, annotation, from_above, overload
from cascade.runtime.engine import RUN_OPTIONS, Engine

if TYPE_CHECKING:
    from cascade.declare.nests import D, Nest, Values
    from cascade.runtime.options import OwnRunOptions, RunOptions
    from cascade.runtime.streams import Stream
else:
    Stream = annotation("cascade.runtime.streams", "Stream")
    OwnRunOptions = annotation("cascade.runtime.options", "OwnRunOptions")
    RunOptions = annotation("cascade.runtime.options", "RunOptions")

K = TypeVar("K")
R = TypeVar("R")
__tracebackhide__ = True  # for pytest
SAVED_RUN_OPTIONS = frozenset({"store", "id", "every"})
OWN_RUN_OPTIONS = frozenset({*RUN_OPTIONS, "observers", "report", "system_resources", *SAVED_RUN_OPTIONS})


@cache
def default_engine() -> Engine:
    """Returns the engine of `run` and `arun`: the parts that come with Cascade, and a bus without subscribers."""
    return Engine()


def full_tracebacks(full: bool = True) -> bool:
    """Has tracebacks show the frames of Cascade, which are left out by default, as they say nothing about a failure of a task.

    Frames of `await arun(...)` are in every traceback; pytest leaves them out of its reports.

    Args:
        full: False to leave them out again.

    Returns:
        The value before.
    """
    return show_full_tracebacks(full)


def _several_targets(function: str) -> TargetError:
    return TargetError(
        f"{function}() was given several targets",
        expected="one target, and its params in a dict",
        hint=f"several targets go in a list: cs.{function}([a, b])",
    )


def _engine_for(function: str, options: OwnRunOptions) -> tuple[Engine, RunOptions]:
    """Returns the engine that the options ask for, and the options of the run itself."""
    if not options or options.keys() <= RUN_OPTIONS:
        return default_engine(), options
    if not options.keys() <= OWN_RUN_OPTIONS:
        from cascade.runtime.options import unexpected_option

        raise unexpected_option(function, options, OWN_RUN_OPTIONS)
    observers, system_resources = options.pop("observers", ()), options.pop("system_resources", None)
    path = options.pop("report", None)
    if path is not None:
        observers = [*observers, from_above("cascade.observers.report", "report")(path)]
    if not observers and system_resources is None:
        return default_engine(), options
    engine = Engine(observers=observers, system_resources=system_resources)
    engine.resource_container = default_engine().resource_container
    return engine, options


@overload
def run(target: LazyResult[R], params: Mapping[str, object] | None = None, **options: Unpack[OwnRunOptions]) -> R: ...
@overload
def run(
    target: list[LazyResult[R]] | tuple[LazyResult[R], ...],
    params: Mapping[str, object] | None = None,
    **options: Unpack[OwnRunOptions],
) -> list[R]: ...
@overload
def run(
    target: dict[K, LazyResult[R]], params: Mapping[str, object] | None = None, **options: Unpack[OwnRunOptions]
) -> dict[K, R]: ...
@overload
def run(target: Nest, params: Mapping[str, object] | None = None, **options: Unpack[OwnRunOptions]) -> Values: ...
@overload
def run(target: D, params: Mapping[str, object] | None = None, **options: Unpack[OwnRunOptions]) -> D: ...
@entry_point
def run(
    target: object, params: Mapping[str, object] | None = None, *more: object, **options: Unpack[OwnRunOptions]
) -> object:
    """Runs a target and returns its value.

    Args:
        target: a LazyResult, or a container of them at any depth, such as a list, dict or dataclass: the value has its shape. That of a
            tuple of results is a list.
        params: the values of the target's parameters, by name.
        use_vm: False for the graph path, which returns the same and is slower. By default True.
        timeout: seconds the run may take; None or infinity, the default, for no limit.
        max_steps: how many task calls the run may make, iterations of loops included. By default None, for no limit.
        observers: functions that are called with every event of this run, such as `cascade.console()`. By default none.
        report: the path of an HTML file to write a report of the run to; see `cascade.report`. By default None.
        system_resources: how much there is of each resource that nodes ask for `with_constraints`. By default None.
        store: a `cascade.Store`, in which the run is saved; see `cascade.start`. By default None.
        id: its name there; a run of that name that is there already continues.
        every: seconds, or `cascade.steps(n)` task calls, between two snapshots.

    Raises:
        EventLoopError: (a RuntimeError) an event loop is running in this thread, and it is not that of a notebook's cells:
            `await cascade.arun(...)` there.
        Exception: as `Engine.run` does.
    """
    if more or isinstance(params, LazyResult):
        raise _several_targets("run")
    if options and not SAVED_RUN_OPTIONS.isdisjoint(options):
        engine, saved = _saved_options("run", options)
        return from_above("cascade.durable.run", "run_saved")(target, params, engine=engine, **saved)
    engine, run_options = _engine_for("run", options)
    return engine.run_now(target, params, **run_options)


def _saved_options(function: str, options: OwnRunOptions) -> tuple[Engine, dict[str, Any]]:
    """Returns the engine of a run that is saved, and its other options."""
    saved = {name: value for name, value in options.items() if name in SAVED_RUN_OPTIONS}
    if "store" not in saved:
        raise DeclarationError(
            f"{function}({next(iter(saved))}=...) without a store",
            expected="a cascade.Store",
            hint="store=cascade.Store('runs.db')",
        )
    for name in saved:
        del options[name]  # type: ignore[misc]  # each of them may be missing
    engine, run_options = _engine_for(function, options)
    return engine, {**saved, **run_options}


@overload
async def arun(
    target: LazyResult[R], params: Mapping[str, object] | None = None, **options: Unpack[OwnRunOptions]
) -> R: ...
@overload
async def arun(
    target: list[LazyResult[R]] | tuple[LazyResult[R], ...],
    params: Mapping[str, object] | None = None,
    **options: Unpack[OwnRunOptions],
) -> list[R]: ...
@overload
async def arun(
    target: dict[K, LazyResult[R]], params: Mapping[str, object] | None = None, **options: Unpack[OwnRunOptions]
) -> dict[K, R]: ...
@overload
async def arun(
    target: Nest, params: Mapping[str, object] | None = None, **options: Unpack[OwnRunOptions]
) -> Values: ...
@overload
async def arun(target: D, params: Mapping[str, object] | None = None, **options: Unpack[OwnRunOptions]) -> D: ...
async def arun(
    target: object, params: Mapping[str, object] | None = None, *more: object, **options: Unpack[OwnRunOptions]
) -> object:
    """Runs a target inside the running event loop. The arguments are those of `run`.

    Raises:
        EventLoopError: (a RuntimeError) no event loop of asyncio is running.
        Exception: as `Engine.run` does.
    """
    if more or isinstance(params, LazyResult):
        raise _several_targets("arun")
    if options and not SAVED_RUN_OPTIONS.isdisjoint(options):
        engine, saved = _saved_options("arun", options)
        return await from_above("cascade.durable.run", "arun_saved")(target, params, engine=engine, **saved)
    engine, run_options = _engine_for("arun", options)
    return await engine.run_in_loop(target, params, **run_options)


@entry_point
def stream(
    target: LazyResult[list[R]],
    params: Mapping[str, object] | None = None,
    *,
    ordered: bool = True,
    **options: Unpack[OwnRunOptions],
) -> Stream[R]:
    """Returns an iterator over the results of a map as they come, for `for` and `async for`.

    The memory that it takes does not depend on the number of items: inputs may be generators of any length, of which it takes items as
    it needs them, and it waits while some results have not been taken. It is a run, which begins where the first result is asked for,
    and ends behind the last one, or where the iteration is given up: at the end of a `with` block, by `close()`, or
    when the iterator is dropped. Then what still runs is cancelled and awaited. Without an event loop of the caller's, async tasks run
    only while a result is waited for.

    Args:
        target: the result of `task.map(...)`.
        params: the values of the target's parameters, by name.
        ordered: whether results come in the order of the items; otherwise, in the order in which they are there.
        options: those of `run`. A `timeout` includes the time that the caller takes.

    Raises:
        DeclarationError: (a TypeError) the target is not a map, or one that becomes an array.
        Exception: as `run` does, behind the results that came before.
    """
    engine, run_options = _engine_for("stream", options)
    return engine.stream(target, params, ordered=ordered, **run_options)
