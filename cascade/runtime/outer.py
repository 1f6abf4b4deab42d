"""The asyncio tasks around a synchronous call: whether one was cancelled meanwhile."""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Callable
from typing import Any

_run: contextvars.ContextVar[asyncio.Task[Any] | None] = contextvars.ContextVar("cascade run", default=None)


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
    try:
        tasks = [asyncio.current_task(), _run.get()]
    except RuntimeError:
        return lambda: None
    before = [(task, task.cancelling()) for task in tasks if task is not None]

    def check() -> None:
        if any(task.cancelling() > count for task, count in before):
            raise asyncio.CancelledError

    return check
