"""The executor that comes with Cascade."""

from __future__ import annotations

import asyncio
import contextvars
import functools
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from cascade._vm import is_awaitable

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from cascade.spec.task import Task


class LocalExecutor:
    """Runs everything in this process: inline tasks in place, blocking ones in threads.

    Args:
        threads: how many threads blocking tasks share; by default the event loop's own pool is used.
    """

    calls_inline = True

    def __init__(self, threads: int | None = None) -> None:
        self._pool = None if threads is None else ThreadPoolExecutor(threads, thread_name_prefix="cascade")

    def call(self, task: Task[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Awaitable[Any] | Any:
        """Calls the function of `task`: in a thread if it is a blocking one, with the caller's context variables."""
        if task.mode == "inline" or task.is_async:
            return task.called(*args, **kwargs)
        return self._in_thread(functools.partial(task.called, *args, **kwargs))

    async def _in_thread(self, function: Any) -> Any:
        context = contextvars.copy_context()
        loop = asyncio.get_running_loop()
        value, error = await loop.run_in_executor(self._pool, context.run, _outcome, function)
        if error is not None:
            raise error
        return await value if is_awaitable(value) else value


def _outcome(function: Any) -> tuple[Any, BaseException | None]:
    # As a pair: a future cannot carry a StopIteration, and would wait for ever.
    try:
        return function(), None
    except BaseException as error:
        return None, error
