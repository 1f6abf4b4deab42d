"""Machine code of characters and bytes: items, loops over them, lengths and stores, for texts of every kind and at every index."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from cascade import _vm
from tests.support.machine_code_functions import assert_same, machine_code

pytestmark = pytest.mark.skipif(not _vm.has_machine_code(), reason="no machine code for this platform")

TEXTS = [
    "", "a", "plain text", "\x00\x7f", "caf\xe9", "\xff", "\xe9" * 40, "a\u0101b", "\u4e2d\u6587", "x\U0001f600y", "\x80" + "a" * 99,
]  # fmt: skip
of_each_class = pytest.mark.parametrize(
    "make", [str, str.encode, lambda text: bytearray(text.encode())], ids=["str", "bytes", "bytearray"]
)
INDICES = [0, 1, -1, 2, -2, 9, -10, 10, -11, 1 << 31, -(1 << 31) - 1, (1 << 63) - 1, -(1 << 63)]


@pytest.fixture(autouse=True)
def at_once() -> Iterator[None]:
    with machine_code(0):
        yield


def item(values: Any, index: int, turns: int) -> Any:
    found = None
    for turn in range(turns):
        found = values[index]
        if found == "x" or found == 120:
            found = turn
    return found


def last_items(values: Any, turns: int) -> Any:
    count = 0
    for turn in range(turns):
        i = turn % (len(values) + 1) - 1
        while i > -len(values) and values[i] != values[-1]:
            count += 1
            i -= 1
    return count, len(values)


def counted(values: Any, turns: int) -> Any:
    small = others = 0
    last: Any = None
    for _ in range(turns):
        for each in values:
            if each == "a" or each == 97:
                small += 1
            else:
                others += 1
            last = each
    return small, others, last


def two_counted(values: Any, turns: int) -> int:
    """An iterator over a text in a loop over the same text, with what stands there."""
    equal = 0
    for _ in range(turns):
        for i, each in enumerate(values):
            for j in range(i, len(values)):
                if values[j] == each:
                    equal += j - i
    return equal


def stored(values: bytearray, index: int, new: int, turns: int) -> bytearray:
    for turn in range(turns):
        values[index] = new
        values[turn % 3] = (values[turn % 3 - 1] + turn) % 256
    return values


def shortened(values: bytearray, turns: int) -> Any:
    """It gets shorter, and longer, in a loop over it."""
    found = 0
    for turn in range(turns):
        for each in values:
            found = (found * 31 + each) % 65521
            if each == turn:
                values.pop()
                values.append(7)
            elif each == 255 and len(values) > 3:
                del values[-1]
    return found, values


@of_each_class
@pytest.mark.parametrize("function", [last_items, counted, two_counted])
def test_texts_and_bytes_of_every_kind_are_read(function: Callable[..., Any], make: Callable[[str], Any]) -> None:
    assert_same(function, [(make(text), turns) for text in TEXTS for turns in (5, 1, 3)])


@of_each_class
def test_an_item_is_the_same_or_missing_at_every_index(make: Callable[[str], Any]) -> None:
    assert_same(item, [(make(text), index, 4) for text in TEXTS for index in INDICES])


def test_bytes_are_stored_where_they_fit() -> None:
    values = [bytearray(b"abcd"), bytearray(), bytearray(range(256))]
    assert_same(
        stored, [(each, index, new, 9) for each in values for index in INDICES for new in (0, 255, 256, -1, 1 << 40)]
    )


def test_a_bytearray_changes_while_it_is_iterated() -> None:
    assert_same(shortened, [(bytearray(range(count)), 9) for count in (0, 1, 5, 256)] + [(bytearray(b"\xff" * 9), 3)])


class Text(str):
    """A text of another layout, and with another length, than its characters have."""

    def __len__(self) -> int:
        return 1


@pytest.mark.parametrize("text", TEXTS, ids=ascii)
def test_texts_of_a_subclass_are_left_to_cpython(text: str) -> None:
    for function in (counted, last_items, two_counted):
        assert_same(function, [("plain", 3), (Text(text), 3), (text, 3)])
    assert_same(item, [("plain", 2, 3), (Text(text), 0, 3), (text, 0, 3)])
