"""Calls that count how many of them run at once."""

from __future__ import annotations

import asyncio
from typing import Any

import cascade as cs


class Overlap:
    """Counts the calls of its task that run at once.

    Args:
        options: those of the task.

    Attributes:
        work: the task.
        most: the most that have run at once since the last `reset`.
    """

    def __init__(self, **options: Any) -> None:
        self._running = self.most = 0
        self.work = cs.task(name="work", **options)(self._work)

    async def _work(self, n: int = 0) -> int:
        self._running += 1
        self.most = max(self.most, self._running)
        await asyncio.sleep(0.001)
        self._running -= 1
        return n

    def reset(self) -> None:
        self.most = 0
