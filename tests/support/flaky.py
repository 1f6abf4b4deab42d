"""Functions that fail a given number of times."""

from __future__ import annotations

import asyncio
from typing import Any


class Flaky:
    """Fails so often, then gives its argument."""

    def __init__(self, failures: int, error: type[BaseException] = ValueError) -> None:
        self.failures = failures
        self.error = error
        self.calls = 0
        self.__name__ = "flaky"

    def __call__(self, value: Any = "done") -> Any:
        self.calls += 1
        if self.calls <= self.failures:
            raise self.error(f"attempt {self.calls}")
        return value


class AsyncFlaky(Flaky):
    async def __call__(self, value: Any = "done") -> Any:
        await asyncio.sleep(0)
        return super().__call__(value)
