"""Caches that nobody holds any more go, with their values, whatever was run with them."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Callable
from typing import Any

import pytest

import cascade as cs
from tests.conftest import Path

pytest.importorskip("msgspec")


class Own:
    """A policy of a user's class."""

    def __init__(self) -> None:
        self.values: dict[Any, Any] = {}

    def check(self, task_id: str, arguments: dict[str, Any]) -> Any:
        return self.values.get((task_id, *arguments.values()))

    def save(self, task_id: str, arguments: dict[str, Any], value: Any) -> None:
        self.values[(task_id, *arguments.values())] = value


@cs.task
def double(x: int) -> int:
    return 2 * x


@cs.task
def same(x: Any) -> Any:
    return x


@cs.task
def returned(cache: Any) -> cs.LazyResult[int]:
    return same(double(4).with_cache(cache))


USES: dict[str, Callable[[Path, Any], Any]] = {
    "the target": lambda path, cache: path.run(double(1).with_cache(cache)),
    "inside": lambda path, cache: path.run(same([double(1).with_cache(cache), double(2)])),
    "a map": lambda path, cache: path.run(same(double.map([1, 2]).with_cache(cache))),
    "a condition": lambda path, cache: path.run(double(3).with_cache(cache).run_if(same(True))),
    "a key function": lambda path, cache: path.run(double(1).with_cache(cache, key=lambda x: x)),
    "a task's default": lambda path, cache: path.run(same(cs.task(cache=cache)(lambda x: x)(1))),
    "a returned graph": lambda path, cache: path.run(returned(cache)),
    "a program": lambda path, cache: cs.compile(same(double(cs.Param("x", type=int)).with_cache(cache)))(x=3),
    "two caches": lambda path, cache: path.run(
        same([double(1).with_cache(cache), double(2).with_cache(cs.MemoryCache())])
    ),
}


@pytest.mark.parametrize("use", USES.values(), ids=USES)
@pytest.mark.parametrize("kind", ["memory", "disk", "own"])
def test_a_cache_goes_when_nobody_holds_it(path, use, kind, tmp_path):
    kept = []
    for number in range(3):
        cache: Any = {
            "memory": cs.MemoryCache,
            "own": Own,
            "disk": lambda number=number: cs.DiskCache(tmp_path / f"{number}.db"),
        }[kind]()
        kept.append(weakref.ref(cache))
        first = use(path, cache)
        assert use(path, cache) == first
        del cache
    gc.collect()
    assert [reference() for reference in kept] == [None] * 3


def test_code_of_a_graph_with_a_cache_is_compiled_once(path):
    cache = cs.MemoryCache()
    for _ in range(5):
        path.run(same(double(5).with_cache(cache)))
    assert len(cache.compiled.get("code", ())) == path.use_vm
