"""Ctrl-C while a run has an event loop of its own.

At the first, `asyncio.run` cancels its main task; at the second it raises KeyboardInterrupt wherever the main thread is. In the code of
asyncio that can lose the callback that would wake a task, and the loop then waits for that task for ever; in Cascade's own it can lose a
coroutine between its creation and its await. So a run handles the signal itself. It raises the second one at once only in the code of
users, and elsewhere at the next turn of the loop.

It also closes two gaps of `asyncio.run`: a signal while it begins, or beside another cancellation, came out as a bare CancelledError.
"""

from __future__ import annotations

import _signal  # type: ignore[import-not-found]
import signal
import sys
import threading
import time
from _thread import allocate_lock, interrupt_main, start_new_thread
from collections.abc import Callable, Coroutine

from cascade.imports import TYPE_CHECKING, Protocol, TypeVar, asyncio

if TYPE_CHECKING:
    from types import FrameType

T = TypeVar("T")

GRACE = 0.2
"""Seconds after which a second Ctrl-C is raised wherever the main thread is, as in a function of C that it calls."""

SIGINT = int(signal.SIGINT)
set_handler, handler_of = _signal.signal, _signal.getsignal
"""Without the enums that `signal` makes of their arguments and results: a run sets two handlers, which took 12 us more."""

_MACHINERY = frozenset({"asyncio", "cascade"})
_SHARED = frozenset({"concurrent", "contextlib", "selectors", "threading"})  # whoever calls them decides


class Cancellable(Protocol):
    """An asyncio task, or a substitute."""

    def cancel(self) -> object: ...
    def done(self) -> bool: ...


class Loop(Protocol):
    """An event loop, or a substitute."""

    def is_closed(self) -> bool: ...
    def call_soon_threadsafe(self, callback: Callable[[], object]) -> object: ...


class Interrupts:
    """A context in which a run handles Ctrl-C, if this is the main thread and Python's own handler is set.

    Attributes:
        count: how often Ctrl-C was pressed.
    """

    def __init__(self) -> None:
        self.count = 0
        self._is_ours = False
        self._is_undelivered = False
        self._is_settled = False  # nothing is left to be raised
        self._lock = allocate_lock()
        self._loop: Loop | None = None
        self._task: Cancellable | None = None
        self._outer_wakeup: int | None = None

    def __enter__(self) -> Interrupts:
        self._is_ours = _is_default()
        if self._is_ours:
            try:
                set_handler(SIGINT, self._on_signal)
            except ValueError:
                self._is_ours = False  # the interpreter is not the main one
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: object) -> None:
        """Raises KeyboardInterrupt instead of the CancelledError that Ctrl-C has caused, or for a Ctrl-C that has caused nothing yet."""
        if not self._is_ours:
            return
        try:
            self._settle()
        finally:
            self._end_waking()
            if handler_of(SIGINT) == self._on_signal:
                set_handler(SIGINT, signal.default_int_handler)
        self._loop = self._task = None
        cancelled = isinstance(error, asyncio.CancelledError) and self.count > 0
        if cancelled or (error is None and (self._is_undelivered or self.count > 1)):
            raise KeyboardInterrupt from None

    async def reach(self, start: Callable[[], Coroutine[object, object, T]]) -> T:
        """Awaits the coroutine that `start` makes; Ctrl-C cancels the task that awaits.

        Raises:
            CancelledError: Ctrl-C was pressed before. A cancellation would come at the first await, after calls made in place.
        """
        if not self._is_ours:
            return await start()
        loop, task = asyncio.get_running_loop(), asyncio.current_task()
        assert task is not None
        self.watch(loop, task)
        self._wake_by_signals(loop)
        try:
            return await start()
        finally:
            self._end_waking()

    def watch(self, loop: Loop, task: Cancellable) -> None:
        """Has Ctrl-C cancel a task, from here on.

        Raises:
            CancelledError: Ctrl-C was pressed before.
        """
        self._loop, self._task = loop, task
        if self.count:
            self._is_undelivered = False
            raise asyncio.CancelledError

    def _wake_by_signals(self, loop: asyncio.AbstractEventLoop) -> None:
        # A signal that comes when the loop is just about to wait would be noticed only when it has waited.
        own = getattr(loop, "_csock", None)
        if own is not None and sys.platform != "win32":  # there asyncio does so itself
            self._outer_wakeup = signal.set_wakeup_fd(own.fileno(), warn_on_full_buffer=False)

    def _end_waking(self) -> None:
        if self._outer_wakeup is not None:
            signal.set_wakeup_fd(self._outer_wakeup)
            self._outer_wakeup = None

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        self.count += 1
        if self.count == 1:
            self._is_undelivered = not self._cancel()
        elif self.count > 2 or not _is_machinery(frame):
            raise KeyboardInterrupt
        else:
            self._call_soon(self._interrupt)
            start_new_thread(self._insist, ())  # threading's own would take a lock, which the interrupted code may hold

    def _cancel(self) -> bool:
        if self._task is None or self._task.done():
            return False
        self._task.cancel()
        self._call_soon(_wake)
        return True

    def _call_soon(self, callback: Callable[[], object]) -> None:
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(callback)

    def _insist(self) -> None:
        time.sleep(GRACE)
        with self._lock:
            if not self._is_settled:
                _signal_main_thread()

    def _interrupt(self) -> None:
        if self._task is None or self._task.done():
            return  # asyncio cannot close a loop twice
        self._settle()  # the tasks that are cancelled now may take their time to clean up
        raise KeyboardInterrupt

    def _settle(self) -> None:
        with self._lock:
            self._is_settled = True


def _is_default() -> bool:
    if threading.current_thread() is not threading.main_thread():
        return False
    return handler_of(SIGINT) is signal.default_int_handler


def _is_machinery(frame: FrameType | None) -> bool:
    while frame is not None:
        package = str(frame.f_globals.get("__name__")).partition(".")[0]
        if package not in _SHARED:
            return package in _MACHINERY
        frame = frame.f_back
    return False


def _signal_main_thread() -> None:
    if sys.platform == "win32":
        interrupt_main()
    else:
        main = threading.main_thread().ident
        assert main is not None
        signal.pthread_kill(main, signal.SIGINT)  # so that a blocking call, as time.sleep(), is interrupted


def _wake() -> None:
    """Ends the loop's waiting for files and timers."""
