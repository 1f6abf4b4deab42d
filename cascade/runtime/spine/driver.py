"""Driving a run: with an event loop, and without one as long as nothing is awaited.

A run is a `Machine` of the virtual machine or an `Interpreter` of the graph path; both have the same methods.
"""

from __future__ import annotations

import contextvars
import sys
from collections.abc import Callable, Coroutine

from cascade._vm import DONE, FAILED, WAIT, inside_task
from cascade.adapters.executors.late import LateCoroutine
from cascade.adapters.executors.local import own_loop
from cascade.adapters.executors.scopes import (
    Scope,
    has_scope,
    is_loop_running,
    nothing_around,
    outer_cancellation,
    undelivered_cancellation,
)
from cascade.declare.failed import KeptContext
from cascade.errors import EventLoopError, InternalError
from cascade.graph.operations import AnyTask
from cascade.imports import TYPE_CHECKING, Protocol, asyncio, threading
from cascade.runtime.spine.fairness import yield_control
from cascade.runtime.spine.task_group import Entry, TaskGroup

if TYPE_CHECKING:
    from cascade.runtime.nodes.context import NodeContext
    from cascade.runtime.spine.worker_calls import WorkerCalls

__tracebackhide__ = True  # for pytest
SLICE = 0.001
"""Seconds after which a run yields to the event loop. A timer wakes a task at the second yield, so its delay is twice that."""


NESTED_SLICE = 0.02
"""Seconds after which a run inside of another one checks whether that has been cancelled or is late."""


class Run(Protocol):
    """A run on either path: a `Machine`, or an `Interpreter`."""

    error: BaseException | None

    def run(self, slice_seconds: float = 0.0) -> int: ...
    def take(self) -> object: ...
    def attach(self, task_group: TaskGroup | WorkerCalls) -> None: ...
    def complete(self, entry: Entry, value: object) -> None: ...
    def fail(self, entry: Entry, error: BaseException) -> None: ...
    def label(self, entry: Entry) -> tuple[AnyTask, int, int, int]: ...
    def close(self) -> None: ...
    @property
    def steps(self) -> int: ...


class Outcome:
    """The value of a run, or the exception that ended it.

    An exception travels as a value up to where it is raised for the user: a coroutine cannot raise StopIteration.
    """

    __slots__ = ("error", "value")

    def __init__(self, value: object, error: BaseException | None) -> None:
        self.value = value
        self.error = error

    def unwrap(self) -> object:
        """Returns the value, or raises the exception; it has none of them afterwards.

        A value may be an exception, whose traceback leads to frames that hold this outcome.
        """
        if self.error is None:
            value, self.value = self.value, None
            return value
        try:
            with KeptContext(self.error):
                raise self.error
        finally:
            self.error = None  # or the traceback, which holds this frame, would be held by it


async def drive(run: Run, context: NodeContext, deadline: float = 0.0, begun: WorkerCalls | None = None) -> Outcome:
    """Drives a run to its end inside the running event loop, to which it yields every `SLICE` seconds.

    The resources that it sets up are torn down before it returns.

    Args:
        begun: calls in workers that the run has begun before it needed an event loop.
    """
    kept = 0 if context.inputs.resources is None else context.inputs.resources.count
    try:
        # Its loop runs, so asyncio has been imported; the stand-in of cascade.imports would take a quarter of a microsecond.
        with Scope(sys.modules["asyncio"].current_task(), deadline) as scope:
            outcome = await drive_to_end(run, context, deadline, scope, begun)
    except GeneratorExit:
        if context.inputs.resources is not None:
            context.inputs.resources.abandon()
        raise
    except BaseException as error:
        if context.inputs.resources is not None:
            await context.inputs.resources.close(error, kept)
        raise
    if context.inputs.resources is not None:
        trouble = await context.inputs.resources.close(outcome.error, kept)
        outcome = outcome if trouble is outcome.error else Outcome(None, trouble)
    return outcome


def drive_awaited(run: Run, context: NodeContext, deadline: float = 0.0) -> Coroutine[object, object, Outcome]:
    """As `drive`, for a run that code of users awaits: also in an event loop that a task's function has started."""
    check_outer = undelivered_cancellation()
    if check_outer is nothing_around:
        return drive(run, context, deadline)
    return _drive_watched(run, context, deadline, check_outer)


async def _drive_watched(run: Run, context: NodeContext, deadline: float, check_outer: Callable[[], None]) -> Outcome:
    with Watching(check_outer):
        return await drive(run, context, deadline)


async def drive_to_end(
    run: Run, context: NodeContext, deadline: float, scope: Scope, begun: WorkerCalls | None = None
) -> Outcome:
    """As `drive`, in a scope that has been entered; resources stay set up."""
    task_group = TaskGroup()
    try:
        run.attach(task_group)
        for entry, awaitable, name in () if begun is None else begun.left():
            try:
                task_group.spawn(entry, awaitable, name)
            except BaseException as error:
                run.fail(entry, error)
        while True:
            status = run.run(SLICE)
            if status == DONE:
                return Outcome(run.take(), None)
            if status == FAILED:
                return await _stop(task_group, scope, _error_of(run, context, scope))
            if status != WAIT:
                await yield_control()
            elif task_group.oldest is None:
                raise InternalError("a run waits, and nothing is awaited")
            elif not await task_group.wait(deadline):
                late = run.label(task_group.oldest)
                return await _stop(task_group, scope, context.timed_out(run.steps, late[3], context.where(*late)))
            task_group.report(run)
    except GeneratorExit:
        task_group.abandon()  # the coroutine is being closed, so nothing can be awaited
        raise
    except BaseException as error:
        await _stop(task_group, scope, error)
        raise
    finally:
        run.close()


async def _stop(task_group: TaskGroup, scope: Scope, error: BaseException) -> Outcome:
    scope.over = True  # the rest is cancelled by asyncio, and may make runs while it cleans up
    await task_group.cancel(error)
    return Outcome(None, error)


def _error_of(run: Run, context: NodeContext, scope: Scope) -> BaseException:
    # A run inside of one of its calls may have been cancelled since this one is late.
    error = run.error
    assert error is not None
    return (
        context.timed_out(run.steps, 0, None) if scope.expired and isinstance(error, asyncio.CancelledError) else error
    )


def drive_now(run: Run, context: NodeContext, deadline: float = 0.0, status: int | None = None) -> Outcome:
    """Drives a run to its end without an event loop; starts one when something has to be awaited.

    `status` is that of a run that has been started already. Inside a task of another run, it watches whether that one is cancelled
    (which is all that Ctrl-C does there), or late.
    """
    try:
        outcome = _drive_now(run, context, deadline, status)
    except BaseException as error:
        if context.inputs.resources is not None:
            context.inputs.resources.close_now(error)
        raise
    if context.inputs.resources is not None:
        trouble = context.inputs.resources.close_now(outcome.error)
        outcome = outcome if trouble is outcome.error else Outcome(None, trouble)
    return outcome


def _drive_now(run: Run, context: NodeContext, deadline: float, status: int | None) -> Outcome:
    check_outer = outer_cancellation() if has_scope() or is_loop_running() else nothing_around
    try:
        scope = Scope(deadline=deadline) if deadline else None
        if scope is None:
            status = _run_slices(run, check_outer, status)
        else:
            with scope:
                status = _run_slices(run, check_outer, status)
        if status == DONE:
            return Outcome(run.take(), None)
        if status == FAILED:
            return Outcome(None, run.error if scope is None else _error_of(run, context, scope))
        if context.durable is not None or "cascade.adapters.executors.worker_call" not in sys.modules:
            return run_loop(lambda: drive(run, context, deadline), check_outer)
        return _wait_for(run, context, deadline, check_outer)
    finally:
        run.close()


def _wait_for(run: Run, context: NodeContext, deadline: float, check_outer: Callable[[], None]) -> Outcome:
    """Drives a run that waits: without an event loop, as long as it does so for calls in worker processes only."""
    from cascade.runtime.spine.worker_calls import WorkerCalls

    calls = WorkerCalls()
    try:
        run.attach(calls)
        outcome = None if calls.needs_loop else _drive_calls(run, context, deadline, check_outer, calls)
        return run_loop(lambda: drive(run, context, deadline, calls), check_outer) if outcome is None else outcome
    except BaseException as error:
        calls.stop(error)
        raise


def _drive_calls(
    run: Run, context: NodeContext, deadline: float, check_outer: Callable[[], None], calls: WorkerCalls
) -> Outcome | None:
    """Drives a run as `drive_to_end` does; returns None where an event loop is needed from here on."""
    from cascade.runtime.spine.interrupts import Interrupts

    with Interrupts() as interrupts, Scope(calls, deadline) as scope:
        interrupts.watch(calls, calls)
        while True:
            status = run.run(NESTED_SLICE)
            if status == DONE:
                calls.check()
                return Outcome(run.take(), None)
            if status == FAILED:
                error = _error_of(run, context, scope)
                calls.stop(error)
                return Outcome(None, error)
            if not calls.begin():
                return None
            if status != WAIT:
                calls.check()
                check_outer()
            elif not calls.wait(deadline, check_outer):
                late = run.label(calls.oldest)
                error = context.timed_out(run.steps, late[3], context.where(*late))
                calls.stop(error)
                return Outcome(None, error)
            calls.report(run)


def _run_slices(run: Run, check_outer: Callable[[], None], status: int | None) -> int:
    while status is None or status not in (DONE, FAILED, WAIT):
        check_outer()
        status = run.run(NESTED_SLICE)
    return status


def run_loop(
    start: Callable[[], Coroutine[object, object, Outcome]], check_outer: Callable[[], None] | None = None
) -> Outcome:
    """Runs a coroutine to its end in an event loop of its own.

    Inside a task that was called from a running event loop, that is a loop on another thread: this one is busy
    calling the task anyway.

    Args:
        check_outer: raises CancelledError when the coroutine has to end; by default when a run around this call has to.
    """
    if check_outer is None:
        check_outer = outer_cancellation()
        check_outer()
    # Not in an `except` block, which would be the context of the exceptions that tasks raise.
    if is_loop_running():
        return _run_loop_in_thread(start, check_outer)
    from cascade.runtime.spine.interrupts import Interrupts

    def start_here() -> Coroutine[object, object, Outcome]:
        return _in_own_loop(start, check_outer)

    with Interrupts() as interrupts:
        outcome: Outcome = asyncio.run(LateCoroutine(lambda: interrupts.reach(start_here), "cascade run"))
    return outcome


async def _in_own_loop(
    start: Callable[[], Coroutine[object, object, Outcome]], check_outer: Callable[[], None]
) -> Outcome:
    with own_loop(), Watching(check_outer):
        return await start()


class Watching:
    """A context in which the current asyncio task is cancelled when `check_outer` raises."""

    def __init__(self, check_outer: Callable[[], None]) -> None:
        self._check_outer = check_outer
        self._is_over = check_outer is nothing_around

    def __enter__(self) -> None:
        if not self._is_over:
            # Raised here, and not by cancelling the task: calls that it makes in place may come before its first await.
            self._check_outer()
            self._loop, self._task = asyncio.get_running_loop(), asyncio.current_task()
            self._loop.call_later(NESTED_SLICE, self._look)

    def _look(self) -> None:
        if self._is_over:
            return
        try:
            self._check_outer()
        except asyncio.CancelledError:
            assert self._task is not None
            self._task.cancel()
        else:
            self._loop.call_later(NESTED_SLICE, self._look)

    def __exit__(self, *_: object) -> None:
        self._is_over = True


def _run_loop_in_thread(
    start: Callable[[], Coroutine[object, object, Outcome]], check_outer: Callable[[], None]
) -> Outcome:
    scope, context = Scope(), contextvars.copy_context()
    scope.enter_in(context)  # so that runs inside of it, which may block its loop, see it as well
    outcomes: list[Outcome] = []

    def work() -> None:
        try:
            outcomes.append(asyncio.run(_in_own_loop(start, scope.check)))
        except BaseException as error:
            outcomes.append(Outcome(None, error))

    thread = threading.Thread(target=context.run, args=(work,), name="cascade-nested-run")
    try:
        thread.start()
        while thread.is_alive():
            thread.join(NESTED_SLICE)
            check_outer()
    except BaseException:
        scope.cancelled = True  # nothing may be left running
        if thread.ident is not None:
            thread.join()
        raise
    return outcomes[0]


def check_synchronous(name: str, instead: str) -> None:
    """Raises EventLoopError where a synchronous call would block a running event loop.

    A task's function may make such calls: whoever runs the task waits for it in any case. So may a cell of a notebook, in whose event loop
    nothing else runs before the cell is done; awaitables are then run in a loop of its own, on another thread.
    """
    if inside_task() or not is_loop_running() or _is_in_cell():
        return
    raise EventLoopError(
        f"{name} was called while an event loop is running in this thread",
        expected="a call from synchronous code",
        hint=f"inside a coroutine{', and in a cell with an await of its own,' if 'ipykernel' in sys.modules else ''} write: {instead}",
    )


def _is_in_cell() -> bool:
    """Whether the running asyncio task is the one in which the kernel of Jupyter executes cells."""
    if "ipykernel" not in sys.modules:
        return False
    task = asyncio.current_task()
    frame = getattr(
        None if task is None else task.get_coro(), "cr_frame", None
    )  # names of cells' files hold "ipykernel", too
    return frame is not None and str(frame.f_globals.get("__name__")).partition(".")[0] == "ipykernel"


def check_asynchronous(name: str, instead: str) -> None:
    """Raises EventLoopError where a coroutine is not driven by asyncio, as under trio."""
    if is_loop_running():
        return
    raise EventLoopError(
        f"{name} was awaited while no event loop of asyncio is running",
        expected="an await inside asyncio, such as asyncio.run(main())",
        hint=f"under trio write: await trio.to_thread.run_sync({instead})",
    )
