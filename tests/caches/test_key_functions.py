"""Caches with a key function: `with_cache(cache, key=function)`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import cascade as cs
from cascade.errors import CacheWarning, DeclarationError
from cascade.runtime.events import TaskSkipped
from tests.support.recording import heard_from


class Model:
    """Has no key."""

    def __init__(self, name: str, weight: int) -> None:
        self.name = name
        self.weight = weight
        self.handle = object()


class Recorder:
    """A policy of the user's own, without attributes that could be added."""

    __slots__ = ("kept",)

    def __init__(self) -> None:
        self.kept: dict[Any, Any] = {}

    def check(self, task_id: str, arguments: dict[str, Any]) -> Any:
        return self.kept.get((task_id, *arguments.items()))

    def save(self, task_id: str, arguments: dict[str, Any], value: Any) -> None:
        self.kept[(task_id, *arguments.items())] = value

    def __len__(self) -> int:
        return len(self.kept)


@pytest.fixture(params=["memory", "disk", "own"])
def cache(request: pytest.FixtureRequest, tmp_path: Path) -> Any:
    return {"memory": cs.MemoryCache, "disk": lambda: cs.DiskCache(tmp_path / "cache.db"), "own": Recorder}[
        request.param
    ]()


@cs.task
def weigh(model: Any, times: int = 1, *more: int, unit: str = "g") -> str:
    return f"{model.weight * times + sum(more)}{unit}"


def name_and_times(model: Any, times: int, *more: int, unit: str) -> Any:
    return model.name, times, *more, unit


def test_calls_with_the_same_key_are_the_same_call(path: Any, cache: Any) -> None:
    def value(*args: Any, **kwargs: Any) -> Any:
        return path.run(weigh(*args, **kwargs).with_cache(cache, key=name_and_times))

    assert value(Model("a", 1)) == "1g"
    assert value(Model("a", 7)) == "1g"
    assert value(Model("b", 7)) == "7g"
    assert value(Model("a", 7), 2) == "14g"
    assert value(Model("a", 7), 1, 5) == "12g"
    assert value(Model("a", 7), unit="kg") == "7kg"
    assert len(cache) == 5


def test_a_hit_is_published(path: Any, cache: Any) -> None:
    target = weigh(Model("a", 1)).with_cache(cache, key=name_and_times)
    path.run(target)
    assert [each.reason for each in heard_from(path, target)[1] if type(each) is TaskSkipped] == ["CacheHit"]


def test_items_of_a_map_have_keys_of_their_own(path: Any, cache: Any) -> None:
    models = [Model("a", 1), Model("b", 2), Model("a", 3)]
    assert path.run(weigh.map(models).with_cache(cache, key=name_and_times)) == ["1g", "2g", "1g"]


def test_the_code_of_the_task_counts_as_well(path: Any, cache: Any) -> None:
    def make(word: str) -> Any:
        @cs.task
        def say(model: Any) -> str:
            return word

        return say

    said = [
        path.run(make(word)(Model("a", 1)).with_cache(cache, key=lambda model: model.name)) for word in ("x", "y", "x")
    ]
    assert said == ["x", "y", "x"]
    assert len(cache) == 2


def test_a_key_function_that_fails_is_named_and_the_call_is_not_cached(path: Any, cache: Any) -> None:
    with pytest.warns(CacheWarning, match=r"its key function fails \(ZeroDivisionError"):
        assert path.run(weigh(Model("a", 1)).with_cache(cache, key=lambda *args, **kwargs: 1 // 0)) == "1g"
    assert len(cache) == 0


def test_a_key_that_has_no_key_is_named(path: Any) -> None:
    cache = cs.MemoryCache()
    with pytest.warns(CacheWarning, match="argument 'key' holds a value of type"):
        assert path.run(weigh(Model("a", 1)).with_cache(cache, key=lambda model, times, unit: model)) == "1g"
    assert len(cache) == 0


def test_the_same_cache_and_function_are_one_policy_so_that_code_is_shared() -> None:
    cache = cs.MemoryCache()
    first, second = (weigh(Model("a", 1)).with_cache(cache, key=name_and_times) for _ in range(2))
    assert first.policies.cache is second.policies.cache
    assert first.with_cache(cache).policies.cache is cache


@pytest.mark.parametrize(("cache", "key"), [(None, len), (cs.MemoryCache(), "name"), (cs.MemoryCache, len)], ids=str)
def test_what_is_no_cache_or_no_function_is_refused(cache: Any, key: Any) -> None:
    with pytest.raises(DeclarationError):
        weigh(1).with_cache(cache, key=key)
