"""Containers that record when they are searched."""

from __future__ import annotations

from typing import Any, NamedTuple

events: list[Any] = []


class Pair(NamedTuple):
    first: Any
    second: Any


class Noisy(list):
    def __iter__(self) -> Any:
        events.append(("list", list.__len__(self)))
        return super().__iter__()
