"""A heart beside a run: it beats when the run lets the event loop have its turn."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

ENOUGH = 5


async def beats_beside(run: Coroutine[Any, Any, Any]) -> int:
    """Returns the turns that the event loop had until the run ended, up to ENOUGH; the run is stopped then."""
    beats = 0

    async def heart() -> None:
        nonlocal beats
        while beats < ENOUGH:
            await asyncio.sleep(0.001)
            beats += 1

    tasks = [asyncio.ensure_future(heart()), asyncio.ensure_future(run)]
    await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)
    assert len(asyncio.all_tasks()) == 1
    return beats
