"""Arguments that are objects which the function reads by another name as well: they are not equal copies of these."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import cascade as cs
from cascade.adapters.caches.identity import known_identity
from cascade.errors import CacheWarning


@dataclasses.dataclass
class Settings:
    items: list[int]


def make_helper() -> Any:
    def helper() -> None:
        pass

    return helper


DEFAULT: dict[str, int] = {}
SETTINGS = Settings([1])
NESTED = {"inner": [Settings([1])]}
ARRAY = np.arange(3)
HELPER = make_helper()
IN_A_TUPLE = ([1],)


def is_default(x: Any) -> bool:
    return x is DEFAULT


def holds_default(x: Any) -> bool:
    return x[0] is DEFAULT


def is_settings(x: Any) -> bool:
    return x is SETTINGS


def is_items(x: Any) -> bool:
    return x is SETTINGS.items


def is_nested(x: Any) -> bool:
    return x is NESTED["inner"][0]


def is_array(x: Any) -> bool:
    return x is ARRAY


def is_helper(x: Any) -> bool:
    return x is HELPER


def is_in_a_tuple(x: Any) -> bool:
    return x is IN_A_TUPLE[0]


def in_a_closure() -> Any:
    default: list[int] = []

    def is_closure(x: Any = None) -> bool:
        return (default if x is None else x) is default

    return is_closure, default


def is_own_default(x: Any, own: Any = DEFAULT) -> bool:
    return x is own


CLOSURE, IN_CLOSURE = in_a_closure()


@pytest.fixture(params=["memory", "disk"])
def cache(request: pytest.FixtureRequest, tmp_path: Path) -> Any:
    return cs.MemoryCache() if request.param == "memory" else cs.DiskCache(tmp_path / "cache.db")


@pytest.mark.parametrize(
    ("function", "copy", "itself"),
    [
        (is_default, {}, DEFAULT),
        (holds_default, [{}], [DEFAULT]),
        (is_settings, Settings([1]), SETTINGS),
        (is_items, [1], SETTINGS.items),
        (is_nested, Settings([1]), NESTED["inner"][0]),
        (is_array, np.arange(3), ARRAY),
        (is_helper, make_helper(), HELPER),
        (is_in_a_tuple, [1], IN_A_TUPLE[0]),
        (CLOSURE, [], IN_CLOSURE),
        (is_own_default, {}, DEFAULT),
    ],
    ids=lambda each: getattr(each, "__name__", ""),
)
def test_what_the_function_reads_is_another_argument_than_an_equal_copy(
    path: Any, cache: Any, function: Any, copy: Any, itself: Any
) -> None:
    task = cs.task(cache=cache)(function)
    assert [path.run(task(x)) for x in (copy, itself, copy, itself)] == [False, True, False, True]
    assert len(cache) == 2


def test_an_object_that_took_the_place_of_an_equal_one_is_known_as_itself(
    path: Any, cache: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    task = cs.task(cache=cache)(is_items)
    before = SETTINGS.items
    assert path.run(task(before)) is True
    monkeypatch.setattr(SETTINGS, "items", [1])
    assert path.run(task(before)) is False
    assert path.run(task(SETTINGS.items)) is True


def test_one_function_given_twice_is_not_the_same_as_two_equal_ones(path: Any, cache: Any) -> None:
    @cs.task(cache=cache)
    def are_one(x: Any, y: Any) -> bool:
        return x is y

    first, second = make_helper(), make_helper()
    assert [path.run(are_one(first, second)), path.run(are_one(first, first))] == [False, True]


def test_an_array_that_is_a_part_of_one_that_the_function_reads_is_not_cached(path: Any, cache: Any) -> None:
    task = cs.task(cache=cache)(is_array)
    with pytest.warns(CacheWarning, match="share their memory"):
        assert path.run(task(ARRAY[:])) is False


FIRST = SECOND = Settings([1])


def are_one_object() -> bool:
    return FIRST.items is SECOND.items


def test_what_several_globals_share_is_a_part_of_the_identity(
    path: Any, cache: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    task = cs.task(cache=cache)(are_one_object)
    monkeypatch.setitem(globals(), "SECOND", Settings(FIRST.items))
    assert path.run(task()) is True
    monkeypatch.setitem(globals(), "SECOND", Settings([1]))
    assert path.run(task()) is False


def test_the_references_to_what_is_read_are_the_same_in_each_process() -> None:
    keys = []
    for _ in range(2):
        task = cs.task(is_nested)
        keys.append(cs.MemoryCache().key_of("task", {"x": NESTED["inner"]}, known_identity(task)))
    assert keys[0] == keys[1]
