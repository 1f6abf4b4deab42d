"""Values that caches cannot keep, or keep with their class."""

from __future__ import annotations

import dataclasses
from typing import Any


@dataclasses.dataclass(frozen=True)
class Point:
    x: Any
    y: Any = 0


class MyInt(int):
    pass


class MyTuple(tuple):  # type: ignore[type-arg]
    __slots__ = ()


def twice(value: Any) -> list[Any]:
    return [value, value]


LOOP: list[Any] = []
LOOP.append(LOOP)
