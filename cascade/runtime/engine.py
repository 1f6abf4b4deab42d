"""Engine: runs targets, with its own solver, executor and bus."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache

from cascade._vm import Machine, entry_point, loop_code_of, makes_machine_code
from cascade.adapters.executors.local import LocalExecutor
from cascade.adapters.protocols import Executor, Solver
from cascade.adapters.solvers.native import NativeSolver
from cascade.compiler.code_cache import CodeCache, calls_of, operations_of, task_count
from cascade.declare.amounts import is_endless
from cascade.declare.lazy import LazyResult
from cascade.declare.resources import Resource
from cascade.errors import DeclarationError, PolicyError
from cascade.events.bus import MessageBus
from cascade.events.silent import SILENT
from cascade.graph.model import Graph
from cascade.graph.search import TooManyRows
from cascade.imports import TYPE_CHECKING, TypeVar, Unpack, annotation, asyncio, overload
from cascade.runtime.nodes.capacity import Capacity, check_capacity
from cascade.runtime.resources.registry import ResourceContainer
from cascade.runtime.run_inputs import RunInputs
from cascade.runtime.spine.driver import (
    Outcome,
    check_asynchronous,
    check_synchronous,
    drive,
    drive_awaited,
    drive_now,
    run_loop,
)
from cascade.runtime.spine.failures import NO_LIMITS, Limits
from cascade.runtime.spine.run_context import RunContext

if TYPE_CHECKING:
    from uuid import UUID

    from cascade.compiler.code_cache import CompiledOperation
    from cascade.declare.nests import D, Nest, Values
    from cascade.events.publisher import EventPublisher
    from cascade.events.types import Event
    from cascade.runtime.nodes.sink import Sink
    from cascade.runtime.options import RunOptions
    from cascade.runtime.spine.interpreter import Interpreter
    from cascade.runtime.streams import Stream
else:
    Stream = annotation("cascade.runtime.streams", "Stream")
    Event = annotation("cascade.events.types", "Event")
    RunOptions = annotation("cascade.runtime.options", "RunOptions")

K = TypeVar("K")
__tracebackhide__ = True  # for pytest
R = TypeVar("R")

RUN_OPTIONS = frozenset({"use_vm", "timeout", "max_steps"})
PROMPT_ROWS = 500
"""A graph of so many rows is built and compiled in about two milliseconds."""


class RunObserver:
    """An observer that is also told of the target and of the exception of each run, which events do not have."""

    def run_begins(self, run_id: str, target: object) -> None:
        """Is called before the first event of a run."""

    def run_ends(self, run_id: str, error: BaseException | None) -> None:
        """Is called before the last event of a run."""


class Engine:
    """Runs targets. All parts are optional.

    Args:
        solver: turns a graph into an order of execution; see `cascade.adapters.protocols.Solver`.
        executor: calls the functions that are not simply called in place; see `cascade.adapters.protocols.Executor`.
        bus: carries the events of the runs.
        system_resources: how much there is of each resource that nodes claim `with_constraints`; all runs share it.
        resources: known to the runs by their names, as if registered by `register`.
        observers: functions that are called with every event, such as `cascade.console()`; one with an attribute
            `wants_items` that is False is not called with those of single items of maps; one with a `wants_calls` that is False does
            without those of plain calls in place.
        machine_code: False where runs of this engine, and runs inside of them, make no machine code. A kernel belongs to its task, so one
            to which a run of another engine has given machine code keeps it; a worker process follows the environment variable
            `CASCADE_MACHINE_CODE`, which is for a whole process.

    Attributes:
        resource_container: the resources, and `override(name, resource)`.
        machine_code: as it was given.
    """

    @entry_point
    def __init__(
        self,
        solver: Solver | None = None,
        executor: Executor | None = None,
        bus: MessageBus | None = None,
        system_resources: Mapping[str, float] | None = None,
        *,
        resources: Iterable[Resource] = (),
        observers: Iterable[Callable[[Event], object]] = (),
        machine_code: bool = True,
    ) -> None:
        if machine_code is not True and machine_code is not False:
            raise DeclarationError(f"Engine(machine_code={machine_code!r})", expected="True or False")
        self.machine_code = machine_code
        self.solver: Solver = NativeSolver() if solver is None else solver
        self.executor: Executor = LocalExecutor() if executor is None else executor
        self.bus: MessageBus = MessageBus() if bus is None else bus
        for part, method in ((self.solver, "resolve"), (self.executor, "call"), (self.bus, "publish")):
            if not hasattr(part, method):
                raise DeclarationError(f"Engine was given {part!r}", expected=f"an object with a method {method!r}")
        self.capacity: Capacity = Capacity(system_resources)
        self._code_cache = CodeCache(self.solver)
        self.resource_container: ResourceContainer = ResourceContainer()
        self.resource_container.register_all(resources)
        observing = _checked(observers)
        self._run_observers = [each for each in list[object](observing) if isinstance(each, RunObserver)]
        if observing:
            from cascade.events.types import Event

            for observer in observing:
                wanted = {name: bool(getattr(observer, f"wants_{name}", True)) for name in ("items", "calls")}
                self.bus.subscribe(Event, observer, **wanted)

    @entry_point
    def register(self, resource: Resource, *, replace: bool = False) -> Resource:
        """Makes a resource known to the runs of this engine; see `ResourceContainer.register`."""
        return self.resource_container.register(resource, replace=replace)

    @overload
    async def run(
        self, target: LazyResult[R], params: Mapping[str, object] | None = None, **options: Unpack[RunOptions]
    ) -> R: ...
    @overload
    async def run(
        self,
        target: list[LazyResult[R]] | tuple[LazyResult[R], ...],
        params: Mapping[str, object] | None = None,
        **options: Unpack[RunOptions],
    ) -> list[R]: ...
    @overload
    async def run(
        self, target: dict[K, LazyResult[R]], params: Mapping[str, object] | None = None, **options: Unpack[RunOptions]
    ) -> dict[K, R]: ...
    @overload
    async def run(
        self, target: Nest, params: Mapping[str, object] | None = None, **options: Unpack[RunOptions]
    ) -> Values: ...
    @overload
    async def run(self, target: D, params: Mapping[str, object] | None = None, **options: Unpack[RunOptions]) -> D: ...
    async def run(
        self, target: object, params: Mapping[str, object] | None = None, **options: Unpack[RunOptions]
    ) -> object:
        """Runs a target and returns its value.

        Args:
            target: a LazyResult, or a container of them, as in `cascade.run`.
            params: the values of the target's parameters, by name.
            use_vm: False for the graph path, which returns the same and is slower. By default True.
            timeout: seconds the run may take; None, the default, or infinity for no limit. A function that is being called
                is not interrupted.
            max_steps: how many task calls the run may make, iterations of loops included. By default None, for no limit.

        Raises:
            TargetError: (a TypeError) `target` is something else.
            ParameterError: (a TypeError and a ValueError) `params` does not fit the target's parameters.
            ResourceError: (a RuntimeError) a resource is not known.
            RunTimeoutError: (a TimeoutError) with the number of steps and iterations.
            StepLimitError: (a RuntimeError) likewise.
            EventLoopError: (a RuntimeError) no event loop of asyncio is running.
            Exception: whatever a task raised, as itself.
        """
        if options:
            _check_options("Engine.run", options)
        return await self.run_in_loop(target, params, **options)

    async def run_in_loop(
        self, target: object, params: Mapping[str, object] | None = None, **options: Unpack[RunOptions]
    ) -> object:
        """As `run`, of a target of any type."""
        check_asynchronous("arun", "cascade.run, target")
        try:
            session = Session(self, target, params, PROMPT_ROWS, **options)
        except TooManyRows:
            # Building takes long, so it is done in a thread, and the event loop runs meanwhile.
            loop = asyncio.get_running_loop()
            session = await loop.run_in_executor(None, lambda: Session(self, target, params, **options))
        with session:
            session.outcome = await drive_awaited(session.run, session.context, session.deadline)
        return session.outcome.unwrap()

    @entry_point
    def stream(
        self,
        target: LazyResult[list[R]],
        params: Mapping[str, object] | None = None,
        *,
        ordered: bool = True,
        **options: Unpack[RunOptions],
    ) -> Stream[R]:
        """Returns an iterator over the results of a map, also for `async for`, that takes items as it needs them; see `cascade.stream`.

        The other options, and the exceptions, are those of `run`, of which each of them is raised where the first result is asked for.

        Raises:
            DeclarationError: (a TypeError) the target is not a map, or one that becomes an array.
        """
        from cascade.runtime.streams import Stream, streamed

        _check_options("Engine.stream", options)
        copy = streamed(target, ordered)

        def start(sink: Sink) -> Session:
            session = Session(self, copy, params, **options)
            session.context.sink = sink
            return session

        return Stream(start, ordered)

    @entry_point
    def run_now(
        self, target: object, params: Mapping[str, object] | None = None, **options: Unpack[RunOptions]
    ) -> object:
        """As `run`, from synchronous code. An event loop is started only if something has to be awaited."""
        if options:
            _check_options("Engine.run_now", options)
        check_synchronous("run", "await cascade.arun(...)")
        session = Session(self, target, params, **options)
        with session:
            if session.asynchronous:
                session.outcome = run_loop(lambda: drive(session.run, session.context, session.deadline))
            else:
                session.outcome = drive_now(session.run, session.context, session.deadline)
        return session.outcome.unwrap()


def _check_options(function: str, options: RunOptions) -> None:
    """Raises TypeError for an option that a run does not have."""
    if not options.keys() <= RUN_OPTIONS:
        from cascade.runtime.options import unexpected_option

        raise unexpected_option(function, options, RUN_OPTIONS)


def _checked(observers: Iterable[Callable[[Event], object]]) -> list[Callable[[Event], object]]:
    """Returns the observers as a list.

    Raises:
        DeclarationError: (a TypeError) `observers` is a single observer, or one of them is a function that makes an observer.
    """
    if not isinstance(observers, Iterable):
        raise DeclarationError(
            f"observers={observers!r}", expected="a list of functions", hint="observers=[...], also for a single one"
        )
    checked = list(observers)
    for observer in checked:
        if getattr(observer, "makes_observers", False):
            name = getattr(observer, "__name__", repr(observer))
            raise DeclarationError(
                f"observers holds the function {name!r} itself, which makes an observer",
                expected="the observer that it returns",
                hint=f"call it: observers=[{name}()]",
            )
    return checked


def _publisher_on(bus: MessageBus) -> EventPublisher:
    """Returns the publisher of a new run."""
    publisher, new_id = _publishing()
    return publisher(bus, new_id().hex)


@cache
def _publishing() -> tuple[type[EventPublisher], Callable[[], UUID]]:
    from uuid import uuid4  # 3 ms

    from cascade.events.publisher import EventPublisher

    return EventPublisher, uuid4


def _warn_of_redefined(operations: Iterable[object]) -> None:
    from cascade.runtime.redefined import warn_of_redefined

    warn_of_redefined(operations)


class Session:
    """One run of an engine: its set-up, and the events around it.

    Attributes:
        asynchronous: whether an event loop is needed in any case.
    """

    outcome: Outcome
    run: Machine | Interpreter
    make_context: type[RunContext] = RunContext
    calls_singly = True
    """Whether a target that is a single call is run without a graph; a saved run needs the same graph in each process."""
    elapsed = 0.0
    """Seconds of its timeout that a saved run has taken in other processes."""

    def __init__(
        self,
        engine: Engine,
        target: object,
        params: Mapping[str, object] | None,
        limit: int | None = None,
        *,
        use_vm: bool = True,
        timeout: float | None = None,
        max_steps: int | None = None,
    ) -> None:
        if use_vm is not True or timeout is not None or max_steps is not None:
            _check_values(use_vm, timeout, max_steps)
        self.begun = time.monotonic()
        self.deadline = 0.0 if timeout is None or is_endless(timeout) else self.begun + timeout - self.elapsed
        publisher = _publisher_on(engine.bus) if engine.bus.has_subscribers else SILENT
        self.context = self.make_context(
            engine._code_cache,
            engine.executor,
            RunInputs(params, engine.resource_container, publisher),
            publisher,
            target=target,
            capacity=engine.capacity,
            limits=NO_LIMITS if timeout is None else Limits(timeout, self.deadline),
            lowers=use_vm,
        )
        if max_steps is not None:
            self.context.max_steps = max_steps
        self.observers = engine._run_observers if publisher is not SILENT else ()
        self.target = target
        self._makes_machine_code = engine.machine_code
        self.tasks = 0  # how many the graph has; counted for subscribers
        if use_vm:
            self._prepare_machine(limit, -1 if max_steps is None else max_steps)
        else:
            self._prepare_interpreter(limit, -1 if max_steps is None else max_steps)

    def _prepare_machine(self, limit: int | None, max_steps: int) -> None:
        context, code_cache, target = self.context, self.context.code_cache, self.target
        operations: Sequence[CompiledOperation] = ()
        inputs: Sequence[object]
        if self.calls_singly and not context.subscribed and code_cache.is_single_call(target, limit):
            code, inputs = loop_code_of(context, target.task.routine), target.slots
            self.asynchronous = target.task.is_async
        else:
            code, inputs = code_cache.code_of(target, limit, joining=context.joining)
            operations = operations_of(code)
            self.asynchronous = any([operation.is_async for operation in operations])  # noqa: C419  # a generator takes longer
            if context.subscribed:
                self.tasks = task_count(calls_of(code))
        self.code, self.inputs = code, context.inputs.fill(inputs)
        self.run = Machine(
            code,
            self.inputs,
            context,
            context.observed,
            not context.calls_inline,
            self.deadline,
            max_steps,
        )
        if operations:
            check_capacity(operations, context.capacity)
        if "IPython" in sys.modules:
            _warn_of_redefined(operations or (getattr(target, "task", None),))

    def _prepare_interpreter(self, limit: int | None, max_steps: int) -> None:
        from cascade.runtime.spine.interpreter import Interpreter

        context = self.context
        run = Interpreter(
            self.target, context, observed=context.observed, deadline=self.deadline, max_steps=max_steps, limit=limit
        )
        self.run = run
        operations = run.operations()
        check_capacity(operations, context.capacity)
        self.asynchronous = run.asynchronous
        if context.subscribed:
            self.tasks = task_count(operations)
        if "IPython" in sys.modules:
            _warn_of_redefined(operations)

    def __enter__(self) -> None:
        if self.context.subscribed:
            for observer in self.observers:
                observer.run_begins(self.context.publisher.run_id, self.target)
            self.context.publisher.run_started(name_of(self.target), self.tasks)
        if not self._makes_machine_code:
            self._before = makes_machine_code.set(False)

    def __exit__(self, kind: object, error: BaseException | None, traceback: object) -> None:
        if not self._makes_machine_code:
            makes_machine_code.reset(self._before)
        if self.context.subscribed:
            failure = self.outcome.error if error is None else error
            self.end_observers(failure)
            self.context.publisher.run_finished(time.monotonic() - self.begun, failure)

    def end_observers(self, failure: BaseException | None) -> None:
        """Has the observers of the run know that it ends here, of which a run that is parked has no event."""
        for observer in self.observers:
            observer.run_ends(self.context.publisher.run_id, failure)


def name_of(target: object) -> str:
    """Returns the name of a target in events: that of the task whose value is asked for."""
    if isinstance(target, Graph):
        name: str = target.rows[-1][0].name
        return name
    return target.task.name if isinstance(target, LazyResult) else "list"


def _check_values(use_vm: bool, timeout: float | None, max_steps: int | None) -> None:
    """Raises unless the options of a run have values that can be used.

    Raises:
        DeclarationError: (a TypeError) `use_vm` is not a bool.
        PolicyError: (a ValueError) a limit is no number, or out of range.
    """
    if use_vm is not True and use_vm is not False:
        raise DeclarationError(
            f"use_vm={use_vm!r}", expected="True for the virtual machine, or False for the graph path"
        )
    if timeout is not None and not (hasattr(timeout, "__float__") and timeout > 0):
        raise PolicyError(f"timeout={timeout!r}", expected="a positive number of seconds, or None")
    if max_steps is not None and (not isinstance(max_steps, int) or max_steps < 0):
        raise PolicyError(f"max_steps={max_steps!r}", expected="a number of task calls from 0 up, or None")
