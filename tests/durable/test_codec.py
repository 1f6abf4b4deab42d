"""The codec of states: values that need no rewriting, and writers that are used again."""

from __future__ import annotations

import time
from collections import Counter, OrderedDict, defaultdict, deque
from typing import Any

import pytest

import cascade as cs
from cascade._vm import ABSENT, scalars_of
from cascade.durable.codec import LARGE, StateReader, StateWriter
from cascade.errors import KeyingError
from tests.support.durable import tasks


class Number(int):
    """An integer of another type, which has to come back as that or be refused."""


@pytest.mark.parametrize(
    "value", [None, True, 1.5, float("nan"), 0, 2**63 - 1, -(2**63), "", "a" * 7], ids=lambda value: repr(value)[:20]
)
def test_values_that_msgpack_has_are_written_as_they_are(value: object) -> None:
    found = scalars_of([ABSENT, value, ABSENT, value], 8)
    assert found == [[1, value], [3, value]] and all(each[1] is value for each in found)


@pytest.mark.parametrize("value", [2**63, -(2**63) - 1, "a" * 8, "ä", "\ud800", Number(1), b"a", []], ids=repr)
def test_other_values_are_left_to_the_codec(value: object) -> None:
    assert scalars_of([1, value], 8) is None


@pytest.mark.parametrize(
    "value", [1, "a" * (LARGE - 1), "a" * LARGE, 2**63, 2**64, -(2**63) - 1, "ä\ud800", [[1], "b"], {"a": range(3)}]
)
def test_values_come_back_from_a_writer_that_has_written_others_before(value: object) -> None:
    shared: list[int] = []
    writer = StateWriter()
    others: list[Any] = [[shared, shared], tasks.add(1, tasks.add(2, 3)), "b" * 2 * LARGE, 7]
    for other in others:
        writer.write(lambda other=other: writer.plain(other))  # type: ignore[misc]
        data = writer.write(lambda: writer.plain(value))
        reader = StateReader(writer.blobs.__getitem__)
        found = reader.target(reader.read(data))
        assert type(found) is type(value) and found == value
        assert bool(writer.blobs) == (value == "a" * LARGE)


def test_results_that_several_others_hold_are_written_once_each_after_those_in_them() -> None:
    inner = tasks.add(1, 2)
    outer: Any = [tasks.add(inner, tasks.add(inner, 3)), inner]
    writer = StateWriter()
    data = writer.write(lambda: writer.plain(outer))
    reader = StateReader(writer.blobs.__getitem__)
    found: Any = reader.target(reader.read(data))
    assert found[0].slots[0] is found[1] and found[0].slots[1].slots[0] is found[1]
    assert len(reader._results) == 3 and cs.run(found) == [9, 3]


def test_results_that_depend_on_each_other_are_refused() -> None:
    first, second = tasks.add(1, 2), tasks.add(3, 4)
    first.slots, second.slots = (second, 2), (first, 4)
    writer = StateWriter()
    with pytest.raises(TypeError, match="results that depend on each other"):
        writer.write(lambda: writer.plain(first))


def written_and_read(value: object) -> Any:
    writer = StateWriter()
    data = writer.write(lambda: writer.plain(value))
    reader = StateReader(writer.blobs.__getitem__)
    return reader.target(reader.read(data))


@pytest.mark.parametrize(
    "value",
    [
        deque([1, [2]], 3),
        deque([1]),
        Counter("abca"),
        OrderedDict([("b", 1), ("a", 2)]),
        defaultdict(list, {"a": [1]}),
        defaultdict(None, {1: 2}),
        defaultdict(time.time, {1: 2}),
    ],
    ids=repr,
)
def test_collections_come_back_with_their_options_and_their_order(value: Any) -> None:
    found, again = written_and_read([value, value])
    assert type(found) is type(value) and found == value and again is found
    assert list(found) == list(value)
    for option in ("maxlen", "default_factory"):
        assert getattr(found, option, None) is getattr(value, option, None)


def test_a_factory_without_a_name_is_refused() -> None:
    with pytest.raises(KeyingError, match="<lambda>"):
        written_and_read(defaultdict(lambda: 0))
