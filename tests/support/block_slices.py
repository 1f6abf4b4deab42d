"""Functions that slice, for tests of block kernels."""

from __future__ import annotations

from typing import Any


def reversed_head(items: list[Any], k: int) -> list[Any]:
    for _ in range(3):
        items[: k + 1] = items[k::-1]
    return items


def every(text: Any, step: Any) -> list[Any]:
    return [text[::step], text[1::step], text[:-1:step], text[step:2:-1]]


def moved_to_front(items: list[Any], c: int) -> list[Any]:
    items[:] = items[c : c + 1] + items[0:c] + items[c + 1 :]
    return items


def replaced(items: Any, start: Any, stop: Any, values: Any) -> Any:
    seen = items[0]
    items[start:stop] = values
    return items, seen


def replaced_each(items: Any, step: Any, values: Any) -> Any:
    items[::step] = values
    return items


def kept(items: Any, start: int) -> Any:
    part = slice(start, None)
    found = []
    for _ in range(3):
        found.append(items[part])
    return found


class Dies:
    def __init__(self, log: list[Any], n: int) -> None:
        self.log, self.n = log, n

    def __del__(self) -> None:
        self.log.append(self.n)


def deaths(n: int) -> list[Any]:
    log: list[Any] = []
    items: list[Any] = [Dies(log, i) for i in range(n)]
    log.append("made")
    items[1:3] = [7]
    log.append("stored")
    items[::2] = [None] * len(items[::2])
    log.append("again")
    return log
