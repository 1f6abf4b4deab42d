"""The asyncio task around a synchronous call: whether it was cancelled meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import Callable


def outer_cancellation() -> Callable[[], None]:
    """A function that raises CancelledError when the asyncio task around this call has been cancelled meanwhile."""
    try:
        task = asyncio.current_task()
    except RuntimeError:
        return lambda: None
    before = 0 if task is None else task.cancelling()

    def check() -> None:
        if task is not None and task.cancelling() > before:
            raise asyncio.CancelledError

    return check
