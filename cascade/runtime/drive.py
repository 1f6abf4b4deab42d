"""Driving a run: with an event loop, and without one as long as nothing is awaited.

A run is a `Machine` of the virtual machine or a `Walker` of the graph path; both have the same methods.
"""

from __future__ import annotations

import asyncio
import contextvars
import threading
from collections.abc import Callable, Coroutine
from typing import Any, Protocol

from cascade._vm import DONE, FAILED, WAIT, inside_task
from cascade.adapters.executors.local import own_loop
from cascade.errors import EventLoopError, InternalError
from cascade.runtime.crew import Crew
from cascade.runtime.host import Host
from cascade.runtime.outer import outer_cancellation, run_of_this_task
from cascade.runtime.turns import give_turn

SLICE = 0.001
"""Seconds after which the event loop gets its turn. A timer needs two turns to wake a task, so its delay is twice that."""


NESTED_SLICE = 0.02
"""Seconds after which a run without an event loop looks whether the run around it has been cancelled."""


class Run(Protocol):
    error: BaseException | None

    def run(self, slice_seconds: float = 0.0) -> int: ...
    def take(self) -> Any: ...
    def attach(self, crew: Any) -> None: ...
    def complete(self, entry: Any, value: Any) -> None: ...
    def fail(self, entry: Any, error: BaseException) -> None: ...
    def label(self, entry: Any) -> tuple[Any, int, int, int]: ...
    def close(self) -> None: ...
    @property
    def steps(self) -> int: ...


class Outcome:
    """The value of a run, or the exception that ended it.

    An exception travels as a value up to where it is raised for the user: a coroutine cannot raise StopIteration.
    """

    __slots__ = ("error", "value")

    def __init__(self, value: Any, error: BaseException | None) -> None:
        self.value = value
        self.error = error

    def unwrap(self) -> Any:
        if self.error is None:
            return self.value
        try:
            raise self.error
        finally:
            self.error = None  # or the traceback, which holds this frame, would be held by it


async def drive(run: Run, host: Host, deadline: float = 0.0) -> Outcome:
    """Drives a run to its end inside the running event loop, which gets a turn every `SLICE` seconds.

    The resources that it sets up are torn down before it returns.
    """
    kept = 0 if host.leases is None else host.leases.count
    try:
        with run_of_this_task():
            outcome = await _drive(run, host, deadline)
    except GeneratorExit:
        if host.leases is not None:
            host.leases.abandon()
        raise
    except BaseException as error:
        if host.leases is not None:
            await host.leases.close(error, kept)
        raise
    if host.leases is not None:
        trouble = await host.leases.close(outcome.error, kept)
        outcome = outcome if trouble is outcome.error else Outcome(None, trouble)
    return outcome


async def _drive(run: Run, host: Host, deadline: float) -> Outcome:
    crew = Crew()
    try:
        run.attach(crew)
        while True:
            status = run.run(SLICE)
            if status == DONE:
                return Outcome(run.take(), None)
            if status == FAILED:
                assert run.error is not None
                await crew.cancel(run.error)
                return Outcome(None, run.error)
            if status != WAIT:
                await give_turn()
            elif crew.oldest is None:
                raise InternalError("a run waits, and nothing is awaited")
            elif not await crew.wait(deadline):
                late = run.label(crew.oldest)
                error = host.timed_out(run.steps, late[3], host.where(*late))
                await crew.cancel(error)
                return Outcome(None, error)
            crew.report(run)
    except GeneratorExit:
        crew.abandon()  # the coroutine is being closed, so nothing can be awaited
        raise
    except BaseException as error:
        await crew.cancel(error)
        raise
    finally:
        run.close()


def drive_now(run: Run, host: Host, deadline: float = 0.0, status: int | None = None) -> Outcome:
    """Drives a run to its end without an event loop; starts one when something has to be awaited.

    `status` is that of a run that has been started already. Inside a task that an event loop's run has called, it watches whether that
    run is cancelled: there, Ctrl-C does no more than that.
    """
    try:
        outcome = _drive_now(run, host, deadline, status)
    except BaseException as error:
        if host.leases is not None:
            host.leases.close_now(error)
        raise
    if host.leases is not None:
        trouble = host.leases.close_now(outcome.error)
        outcome = outcome if trouble is outcome.error else Outcome(None, trouble)
    return outcome


def _drive_now(run: Run, host: Host, deadline: float, status: int | None) -> Outcome:
    check_outer = outer_cancellation()
    try:
        while True:
            if status is None:
                status = run.run(NESTED_SLICE)
            if status == DONE:
                return Outcome(run.take(), None)
            if status == FAILED:
                return Outcome(None, run.error)
            if status == WAIT:
                return run_loop(lambda: drive(run, host, deadline))
            check_outer()
            status = None
    finally:
        run.close()


def run_loop(start: Callable[[], Coroutine[Any, Any, Outcome]]) -> Outcome:
    """Runs a coroutine to its end in an event loop of its own.

    Inside a task that was called from a running event loop, that is a loop on another thread: this one is busy
    calling the task anyway.
    """
    # Not in an `except` block, which would be the context of whatever the tasks raise.
    return _run_loop_in_thread(start) if _is_loop_running() else asyncio.run(_in_own_loop(start))


async def _in_own_loop(start: Callable[[], Coroutine[Any, Any, Outcome]]) -> Outcome:
    with own_loop():
        return await start()


def _is_loop_running() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


def _run_loop_in_thread(start: Callable[[], Coroutine[Any, Any, Outcome]]) -> Outcome:
    context = contextvars.copy_context()
    outcomes: list[Outcome] = []
    tasks: list[tuple[asyncio.AbstractEventLoop, asyncio.Task[Any] | None]] = []

    async def main() -> None:
        tasks.append((asyncio.get_running_loop(), asyncio.current_task()))
        outcomes.append(await _in_own_loop(start))

    def work() -> None:
        try:
            asyncio.run(main())
        except BaseException as error:
            outcomes.append(Outcome(None, error))

    check_outer = outer_cancellation()
    thread = threading.Thread(target=context.run, args=(work,), name="cascade-nested-run")
    thread.start()
    try:
        while thread.is_alive():
            thread.join(NESTED_SLICE)
            check_outer()
    except BaseException:
        # Nothing may be left running.
        for loop, task in tasks:
            if task is not None:
                loop.call_soon_threadsafe(task.cancel)
        thread.join()
        raise
    return outcomes[0]


def check_synchronous(name: str, instead: str) -> None:
    """Raises EventLoopError where a synchronous call would block a running event loop.

    A task's function may make such calls: whoever runs the task waits for it in any case.
    """
    if inside_task():
        return
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return
    raise EventLoopError(
        f"{name} was called while an event loop is running in this thread",
        expected="a call from synchronous code",
        hint=f"inside a coroutine write: {instead}",
    )


def check_asynchronous(name: str, instead: str) -> None:
    """Raises EventLoopError where a coroutine is not driven by asyncio, as under trio."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        pass
    else:
        return
    raise EventLoopError(
        f"{name} was awaited while no event loop of asyncio is running",
        expected="an await inside asyncio, such as asyncio.run(main())",
        hint=f"under trio write: await trio.to_thread.run_sync({instead})",
    )
