"""WorkerCalls: the calls in worker processes of a run that waits for nothing else, and so needs no event loop."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from queue import Empty, SimpleQueue

from cascade.adapters.executors.scopes import nothing_around
from cascade.adapters.executors.worker_call import WorkerCall
from cascade.declare.failed import Failed, add_note
from cascade.events.preview import preview
from cascade.imports import TYPE_CHECKING, asyncio

if TYPE_CHECKING:
    from cascade.runtime.spine.task_group import Entry, Run

LOOK = 0.02
"""Seconds after which a run inside of another one checks whether that has been cancelled or is late."""
BREATH = 0.2
"""Seconds after which any wait is taken up again: it does not end where another thread takes a signal, whose handler waits for this one."""


class WorkerCalls:
    """Stands in the place of a TaskGroup, and for code that cancels, in that of an asyncio task and its event loop.

    Attributes:
        needs_loop: whether something has to be awaited that is no call in a worker.
        begun: the calls that are under way, in the order in which they were begun, with the nodes that wait for them.
    """

    def __init__(self) -> None:
        self.needs_loop = False
        self.begun: dict[WorkerCall, Entry] = {}
        self._new: list[tuple[Entry, Awaitable[object], str]] = []
        self._events: SimpleQueue[WorkerCall | Callable[[], object]] = SimpleQueue()
        self._finished: list[WorkerCall] = []
        self._cancelled = 0

    # -- As a task group --------------------------------------------------------------------------------------------

    def spawn(self, entry: Entry, awaitable: Awaitable[object], name: str) -> None:
        """Notes an awaitable; `entry` is the node that waits for it."""
        self._new.append((entry, awaitable, name))
        self.needs_loop = self.needs_loop or type(awaitable) is not WorkerCall

    def begin(self) -> bool:
        """Begins the calls that were noted; returns False where an event loop is needed."""
        while self._new and not self.needs_loop:
            entry, call, _ = self._new.pop(0)
            assert type(call) is WorkerCall
            self.begun[call] = entry
            self.needs_loop = not call.begin(self._events.put)
        return not self.needs_loop

    def left(self) -> list[tuple[Entry, Awaitable[object], str]]:
        """Returns everything that is still to be awaited, as it was noted, for a task group."""
        return [(entry, call, call.__name__) for call, entry in self.begun.items()] + self._new

    @property
    def oldest(self) -> Entry:
        """The entry whose call was begun first."""
        return next(iter(self.begun.values()))

    def wait(self, deadline: float, check_outer: Callable[[], None]) -> bool:
        """Waits until a call has an outcome; False if the deadline (on time.monotonic(), 0.0 for none) comes first.

        Raises:
            CancelledError: the run was cancelled.
        """
        while not self._finished:
            self.check()
            seconds = BREATH if check_outer is nothing_around else LOOK
            if deadline:
                left = deadline - time.monotonic()
                if left <= 0.0:
                    return False
                seconds = min(left, seconds)
            try:
                self._take(self._events.get(timeout=seconds))
            except Empty:
                check_outer()
        return True

    def report(self, run: Run) -> None:
        """Hands outcomes to the run, in the order in which they came, up to the first failure."""
        while not self._events.empty():
            self._take(self._events.get())
        while self._finished and run.error is None:
            call = self._finished.pop(0)
            entry = self.begun.pop(call)
            value, error = _outcome_of(call)
            if error is None:
                run.complete(entry, value)
            else:
                run.fail(entry, error)

    def stop(self, error: BaseException) -> None:
        """Cancels the rest. Failures that have come meanwhile are added to `error` as notes."""
        for call in self.begun:
            if call not in self._finished:
                call.cancel()
                continue
            other = _outcome_of(call)[1]
            if other is not None and other is not error:
                add_note(error, f"a concurrent task failed as well: {call.__name__}: {preview(other)}")
        self.begun.clear()
        for _, awaitable, _ in self._new:
            close = getattr(awaitable, "close", None)
            if close is not None:
                close()
        self._new.clear()

    def _take(self, event: WorkerCall | Callable[[], object]) -> None:
        if isinstance(event, WorkerCall):
            self._finished.append(event)
        else:
            event()

    def check(self) -> None:
        """Raises CancelledError if the run was cancelled."""
        if self._cancelled:
            raise asyncio.CancelledError

    # -- As an asyncio task and its loop ----------------------------------------------------------------------------

    def cancel(self) -> None:
        """Cancels the run; may be called by the handler of a signal."""
        self._cancelled += 1
        self._events.put(self.check)

    def cancelling(self) -> int:
        return self._cancelled

    def done(self) -> bool:
        return False

    def get_loop(self) -> None:
        return None

    def is_closed(self) -> bool:
        return False

    def call_soon_threadsafe(self, callback: Callable[[], object]) -> None:
        self._events.put(callback)


def _outcome_of(call: WorkerCall) -> tuple[object, BaseException | None]:
    try:
        value = call.value()
    except BaseException as error:
        return None, error
    return (None, value.error) if type(value) is Failed else (value, None)
