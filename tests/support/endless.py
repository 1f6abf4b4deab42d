"""Runs that would never end by themselves."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

import cascade as cs
from cascade.errors import RunTimeoutError


def assert_ends_early(target: Any) -> None:
    """Asserts that a timeout, and a cancellation, end the run of a target that has no end."""
    with pytest.raises(RunTimeoutError):
        cs.run(target, timeout=0.05)

    async def cancelled() -> None:
        task = asyncio.ensure_future(cs.arun(target))
        await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(cancelled())
