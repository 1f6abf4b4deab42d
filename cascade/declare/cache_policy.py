"""The protocol of cache policies. Apart from the other policies, as only programs with a cache of their own import `typing` for it."""

from __future__ import annotations

from typing import Protocol, runtime_checkable


@runtime_checkable
class CachePolicy(Protocol):
    """Keeps the results of calls. Both methods may also be coroutine functions."""

    def check(self, task_id: str, arguments: dict[str, object]) -> object:
        """Returns the value kept for a call, None if there is none. A kept None is returned as `Hit(None)`."""

    def save(self, task_id: str, arguments: dict[str, object], value: object) -> object:
        """Keeps the value of a call."""
