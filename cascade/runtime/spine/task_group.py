"""TaskGroup: the asyncio tasks of one run."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Iterable
from types import CoroutineType

from cascade.adapters.executors.late import LateCoroutine
from cascade.declare.failed import Failed, add_note
from cascade.events.preview import preview
from cascade.imports import Any, Protocol, TypeVar, asyncio

T = TypeVar("T")
Entry = Any
"""A node that waits. Each of the two paths has a class of its own for it, and looks into none of the other."""


class Run(Protocol):
    """A run, as its task group sees it."""

    error: BaseException | None

    def complete(self, entry: Entry, value: object) -> None: ...
    def fail(self, entry: Entry, error: BaseException) -> None: ...


class TaskGroup:
    """Awaits the awaitables that tasks returned, each in an asyncio task of its own, and cancels them all together."""

    def __init__(self) -> None:
        self._entries: dict[asyncio.Future[object], Entry] = {}
        self._finished: list[asyncio.Future[object]] = []
        self._waiter: asyncio.Future[None] | None = None

    def spawn(self, entry: Entry, awaitable: Awaitable[object], name: str) -> None:
        """Begins to await `awaitable`; `entry` is the node that waits for it."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[object]
        if isinstance(awaitable, (CoroutineType, LateCoroutine)):
            future = loop.create_task(awaitable, name=name)
        else:
            future = asyncio.ensure_future(awaitable, loop=loop)
            if future in self._entries:
                # Two tasks returned the same future.
                future = loop.create_task(_result_of(future), name=name)
        self._entries[future] = entry
        future.add_done_callback(self._done)

    def _done(self, future: asyncio.Future[object]) -> None:
        self._finished.append(future)
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    @property
    def oldest(self) -> Entry:
        """The entry that has been awaited longest, or None."""
        return next(iter(self._entries.values()), None)

    async def wait(self, deadline: float) -> bool:
        """Waits until something has finished; False if the deadline (on time.monotonic(), 0.0 for none) comes first."""
        if self._finished:
            return True
        loop = asyncio.get_running_loop()
        self._waiter = loop.create_future()
        timer = None
        if deadline:
            timer = loop.call_later(max(0.0, deadline - time.monotonic()), _wake, self._waiter)
        try:
            await self._waiter
        finally:
            self._waiter = None
            if timer is not None:
                timer.cancel()
        return bool(self._finished)

    def report(self, run: Run) -> None:
        """Hands finished awaitables to the run, in the order of finishing, up to the first failure."""
        finished, self._finished = self._finished, []
        for position, future in enumerate(finished):
            entry = self._entries.pop(future, None)
            if entry is None:
                continue
            error = error_of(future)
            if error is None:
                run.complete(entry, future.result())
            else:
                run.fail(entry, error)
            if run.error is not None:
                for other in finished[position + 1 :]:
                    self._finished.append(other)
                return

    def abandon(self) -> None:
        """Cancels the rest, without awaiting it."""
        for future in self._entries:
            if not future.get_loop().is_closed():
                future.cancel()
        self._entries.clear()

    async def cancel(self, error: BaseException) -> None:
        """Cancels and awaits the rest. Other failures are added to `error` as notes.

        Raises:
            CancelledError: the caller was cancelled meanwhile; still nothing is left running.
        """
        interrupted = await cancel_all(self._entries)
        for future in self._entries:
            other = error_of(future)
            if other is not None and other is not error and not isinstance(other, asyncio.CancelledError):
                name = future.get_name() if isinstance(future, asyncio.Task) else "a future"
                add_note(error, f"a concurrent task failed as well: {name}: {preview(other)}")
        self._entries.clear()
        if interrupted is not None:
            raise interrupted


async def cancel_all(futures: Iterable[asyncio.Future[object]]) -> asyncio.CancelledError | None:
    """Cancels futures and waits until all are done; returns the last cancellation of the caller meanwhile.

    Each such cancellation is handed on. The caller may be cancelled at every turn of the event loop, as anyio does, so nothing here
    needs a turn that is not cancelled.
    """
    interrupted = None
    while left := [future for future in futures if not future.done()]:
        for future in left:
            future.cancel()
        try:
            await asyncio.wait(left)
        except asyncio.CancelledError as cancelled:
            interrupted = cancelled
    return interrupted


def _wake(waiter: asyncio.Future[None]) -> None:
    if not waiter.done():
        waiter.set_result(None)


def error_of(future: asyncio.Future[object]) -> BaseException | None:
    """Returns the exception that an awaitable ended with, if it did."""
    error: BaseException | None
    try:
        error = future.exception()
    except asyncio.CancelledError as cancelled:
        # The exception of its task, with its message; its traceback begins in this function.
        traceback = cancelled.__traceback__
        return cancelled.with_traceback(None if traceback is None else traceback.tb_next)
    if error is None and type(result := future.result()) is Failed:
        error = result.error
    return error


def is_closed(error: BaseException, task: asyncio.Task[object] | None) -> bool:
    """Returns True if the coroutine of `task` is being closed, so that nothing can be awaited: a user may raise GeneratorExit, too."""
    if not isinstance(error, GeneratorExit):
        return False
    try:
        return asyncio.current_task() is not task
    except RuntimeError:
        return True


async def _result_of(future: asyncio.Future[T]) -> T:
    return await future


async def itself(value: T) -> T:
    """Returns a value; so one that could be awaited is not."""
    return value
