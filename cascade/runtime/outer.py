"""The asyncio tasks around a synchronous call: whether one was cancelled meanwhile."""

from __future__ import annotations

import contextvars
import sys
from collections.abc import Callable

from cascade.imports import Any, asyncio

_run: contextvars.ContextVar[asyncio.Task[Any] | None] = contextvars.ContextVar("cascade run", default=None)


def is_loop_running() -> bool:
    """Whether an event loop is running in this thread. Where asyncio has not been imported yet, or not all of it, none is."""
    running = getattr(sys.modules.get("asyncio.events"), "_get_running_loop", None)
    return running is not None and running() is not None


class run_of_this_task:
    """While it lasts, the current asyncio task drives a run, and all tasks that are begun meanwhile belong to that.

    While a call in one of them blocks the event loop, a cancellation of the run cannot be handed on to it.
    """

    __slots__ = ("_token",)

    def __enter__(self) -> None:
        self._token = _run.set(asyncio.current_task())

    def __exit__(self, *_: object) -> None:
        try:
            _run.reset(self._token)
        except ValueError:
            pass  # the coroutine is being closed from somewhere else


def outer_cancellation() -> Callable[[], None]:
    """A function that raises CancelledError when an asyncio task around this call has been cancelled meanwhile."""
    if not is_loop_running():
        return lambda: None
    tasks = [asyncio.current_task(), _run.get()]
    before = [(task, task.cancelling()) for task in tasks if task is not None]

    def check() -> None:
        if any(task.cancelling() > count for task, count in before):
            raise asyncio.CancelledError

    return check
