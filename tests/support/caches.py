"""A cache as a user would write it."""

from __future__ import annotations

from typing import Any


class PlainCache:
    """Keeps values by the repr of the arguments: what a user would write."""

    def __init__(self) -> None:
        self.kept: dict[Any, Any] = {}

    def check(self, task_id: str, arguments: dict[str, Any]) -> Any:
        return self.kept.get((task_id.split("@")[0], repr(arguments)))

    def save(self, task_id: str, arguments: dict[str, Any], value: Any) -> None:
        self.kept[task_id.split("@")[0], repr(arguments)] = value
