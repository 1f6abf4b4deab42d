"""Fairness: a busy run yields to the event loop and to other threads."""

from __future__ import annotations

import time

from cascade.imports import asyncio, threading

HOLD = 0.005
"""Seconds after which other threads are let in; as CPython's own switch interval."""
NAP = 0.00005

_let_in = 0.0


async def yield_control() -> None:
    """Yields to the event loop once, and, now and then, to other threads.

    A thread that wants the interpreter requests it after waiting for a switch interval. But each time that the event loop polls, it
    lets the interpreter go and takes it back before that thread has woken up, and the thread's wait begins anew: beside a
    run that polls every millisecond it would never be seen. So this thread sleeps for a moment.
    """
    global _let_in
    if threading.active_count() > 1:
        now = time.monotonic()
        if now - _let_in >= HOLD:
            time.sleep(NAP)
            _let_in = time.monotonic()
    await asyncio.sleep(0)
