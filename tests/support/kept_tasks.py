"""Compute tasks whose results may stay on workers."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

import cascade as cs


@cs.task(mode="compute")
def block(count: int, note: str = "") -> bytes:
    """Returns so many bytes; adds a line with its process to a file."""
    _note(note)
    return bytes(count)


@cs.task(mode="compute")
def block_of_process(count: int, note: str) -> bytes:
    """As `block`, with other bytes in each process."""
    _note(note)
    return str(os.getpid()).encode().rjust(count)


@cs.task(mode="compute")
def block_or_death(count: int, note: str) -> bytes:
    """As `block`, but its worker dies when it is called again."""
    _note(note)
    if len(Path(note).read_text().splitlines()) > 1:
        os._exit(3)
    return bytes(count)


@cs.task(mode="compute")
def longer(data: bytes, by: int) -> bytes:
    return data + bytes(by)


@cs.task(mode="compute")
def size(data: Any, *more: Any) -> int:
    return sum(map(len, (data, *more)))


@cs.task(mode="compute")
def sizes(nest: Any) -> Any:
    """Returns a nest of lists, tuples and dicts with lengths in the place of bytes."""
    if type(nest) is dict:
        return {key: sizes.func(value) for key, value in nest.items()}
    return type(nest)(map(sizes.func, nest)) if type(nest) in (list, tuple) else len(nest)


@cs.task(mode="compute")
def shared_with_itself(a: Any, b: Any) -> bool:
    return a is b


@cs.task(mode="compute")
def emptied(data: Any) -> int:
    """Returns the length of a list, and empties it."""
    length = len(data)
    data.clear()
    return length


@cs.task(mode="compute")
def numbers(count: int) -> list[int]:
    return list(range(count))


@cs.task(mode="compute")
def counted_down(data: bytes, n: int) -> Any:
    """Calls itself with the same data, which the tail call does not name."""
    return len(data) if n == 0 else cs.TailCall(kwargs={"n": n - 1})


@cs.task(mode="compute")
def continued_with(data: bytes) -> Any:
    return longer(data, 1)


@cs.task(mode="compute")
def refused(data: bytes) -> float:
    return 1 / (len(data) - len(data))


@cs.task(mode="compute")
def waits(data: bytes, note: str) -> int:
    """Makes a file, and waits until it is removed."""
    _note(note)
    while os.path.exists(note):
        time.sleep(0.01)
    return len(data)


@cs.task(mode="compute")
def process_of(_data: bytes) -> int:
    return os.getpid()


def fan_out_and_in(count: int) -> Any:
    """Returns a target with a result that several calls need, and calls that need several results."""
    shared = block(count)
    joined = sizes([longer(shared, 1), {"a": longer(shared, 2), "b": (shared, b"abc")}])
    return [size(shared), joined, size(longer(shared, 3), longer(shared, 4))]


def expected_of(count: int) -> Any:
    """Returns the value of `fan_out_and_in`."""
    return [count, [count + 1, {"a": count + 2, "b": (count, 3)}], 2 * count + 7]


def _note(note: str) -> None:
    if note:
        with open(note, "a") as file:
            print(os.getpid(), file=file)
