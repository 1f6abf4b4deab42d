"""Scopes: the runs and calls around a synchronous call, and whether they have ended meanwhile.

A run inside of a task's function cannot be reached by a cancellation: it blocks the event loop that would deliver it, or is in another
thread. So it asks, now and then, the scopes that it is in: runs, with their deadlines, and calls in threads.
"""

from __future__ import annotations

import contextvars
import sys
import time
from collections.abc import Callable, Iterator

from cascade._vm import configure
from cascade.imports import Protocol, asyncio


class Driver(Protocol):
    """An asyncio task, or a substitute."""

    def cancelling(self) -> int: ...
    def get_loop(self) -> object: ...


class Scope:
    """A run, or a call in a thread; runs inside of it ask whether they have to end.

    Like a cancellation of asyncio, it says so once: code that cleans up afterwards may make runs again.

    Args:
        task: the asyncio task that drives the run, or a substitute.
        deadline: of the run, on the clock of `time.monotonic()`; 0.0 for none.

    Attributes:
        expired: whether its deadline has ended the runs inside.
    """

    __slots__ = ("_token", "cancelled", "deadline", "expired", "over", "parent", "seen", "task")

    def __init__(self, task: Driver | None = None, deadline: float = 0.0) -> None:
        self.parent = _scope.get()
        self.task = task
        self.seen = 0 if task is None else _delivered(task)  # how many cancellations have been passed on
        self.deadline = deadline
        self.cancelled = False
        self.expired = False
        self.over = False

    def check(self) -> None:
        """Raises CancelledError where the runs inside have to end."""
        if self.over:
            return
        if self.task is not None and self.task.cancelling() > self.seen:
            self.seen = self.task.cancelling()
            raise asyncio.CancelledError
        self.expired = bool(self.deadline) and time.monotonic() >= self.deadline
        if self.cancelled or self.expired:
            self.over = True
            raise asyncio.CancelledError

    def enter_in(self, context: contextvars.Context) -> None:
        """Puts the code that runs in that context, on another thread, inside this scope. Scopes around this call end it by `cancelled` only."""
        self.parent = None
        context.run(_scope.set, self)

    def __enter__(self) -> Scope:
        self._token = _scope.set(self)
        return self

    def __exit__(self, *_: object) -> None:
        self.over = True
        self.task = None
        try:
            _scope.reset(self._token)
        except ValueError:
            pass  # the coroutine is being closed from somewhere else


_scope: contextvars.ContextVar[Scope | None] = contextvars.ContextVar("cascade scope", default=None)


def has_scope() -> bool:
    """Whether there is a run, or a call in a thread, around."""
    return _scope.get() is not None


def outer_cancellation() -> Callable[[], None]:
    """Returns a function that raises CancelledError once a scope around this call has to end, or the asyncio task is cancelled."""
    scopes = list(_around())
    task = _current_task()
    if any(scope.task is task for scope in scopes):
        task = None  # its scope reports that
    if not scopes and task is None:
        return nothing_around
    before = 0 if task is None else _delivered(task)

    def check() -> None:
        if task is not None and task.cancelling() > before:
            raise asyncio.CancelledError
        for scope in scopes:
            scope.check()

    return check


def check_scopes() -> None:
    """Raises CancelledError where a scope around this call has to end, or the asyncio task is cancelled."""
    outer_cancellation()()


configure(innermost_scope=_scope, check_scopes=check_scopes)


def undelivered_cancellation() -> Callable[[], None]:
    """As `outer_cancellation`, for a run that is awaited: only cancellations that asyncio does not deliver to its event loop.

    That is so where the loop was started inside of a call, by `asyncio.run`: the scopes around that call cannot cancel its tasks.
    """
    scope = _scope.get()
    if scope is None or (scope.task is not None and scope.task.get_loop() is asyncio.get_running_loop()):
        return nothing_around
    scopes = list(_around())

    def check() -> None:
        for scope in scopes:
            scope.check()

    return check


def _around() -> Iterator[Scope]:
    scope = _scope.get()
    while scope is not None:
        yield scope
        scope = scope.parent


def is_loop_running() -> bool:
    """Whether an event loop is running in this thread. Where asyncio has not been imported yet, or not all of it, none is."""
    running = getattr(sys.modules.get("asyncio.events"), "_get_running_loop", None)
    return running is not None and running() is not None


def _current_task() -> asyncio.Task[object] | None:
    return asyncio.current_task() if is_loop_running() else None


def _delivered(task: Driver) -> int:
    """How many cancellations the coroutine of a task has seen. One that was asked for since its last await comes at its next."""
    return task.cancelling() - bool(getattr(task, "_must_cancel", False))


def nothing_around() -> None:
    """Does nothing: the check of `outer_cancellation` where no scope is around."""
