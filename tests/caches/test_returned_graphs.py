"""Cached tasks that return graphs: what such a graph takes from the run is no part of the key of the call."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import cascade as cs
from cascade.errors import CacheWarning
from cascade.runtime.engine import Engine

DB = cs.inject("db")
PARAM = cs.Param("db", default="none")
ENV = cs.Env("CASCADE_DB", default="none")


@cs.task
def value_of(x: Any) -> Any:
    return str(x)


@cs.task
def query(db: Any = DB) -> Any:
    return str(db)


@cs.task
def deeper() -> Any:
    return query()


def answer_injected() -> Any:
    return value_of(DB)


def answer_injected_by_default() -> Any:
    return query()


def answer_injected_in_an_answer() -> Any:
    return deeper()


def answer_parameter() -> Any:
    return value_of(PARAM)


def answer_environment() -> Any:
    return value_of(ENV)


def answer_tail_call() -> Any:
    return query.tail()


@cs.task
def count_down(n: int) -> Any:
    return query.tail() if n == 0 else count_down.tail(n - 1)


def answer_loop() -> Any:
    return count_down.tail(20)


def answer_router() -> Any:
    return cs.Router(value_of(1), {"1": query(), "2": value_of(2)})


def answer_map() -> Any:
    return value_of.map([DB_TEXT])


DB_TEXT = query()

ANSWERS = [
    answer_injected, answer_injected_by_default, answer_injected_in_an_answer, answer_tail_call, answer_loop, answer_router,
    answer_map, answer_parameter, answer_environment,
]  # fmt: skip


@pytest.fixture(params=["memory", "disk"])
def cache(request: pytest.FixtureRequest, tmp_path: Path) -> Any:
    return cs.MemoryCache() if request.param == "memory" else cs.DiskCache(tmp_path / "cache.db")


def engine_of(name: str) -> Engine:
    def db() -> Iterator[str]:
        yield name

    return Engine(resources=[cs.resource(name="db")(db)])


def runs(path: Any, target: Any, monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The values of the target in three runs, each with a database of another name."""
    found = []
    for name in ("one", "two", "one"):
        monkeypatch.setenv("CASCADE_DB", name)
        params = {"db": name} if "answer_parameter" in target.task.name else {}
        outer = value_of([target, PARAM]) if params else target
        found.append(path.run_with(engine_of(name), outer, params=params))
    return found


@pytest.mark.parametrize("answer", ANSWERS, ids=lambda each: each.__name__)
def test_an_answer_that_takes_something_from_the_run_is_not_kept(path: Any, cache: Any, monkeypatch: pytest.MonkeyPatch, answer: Any) -> None:
    task = cs.task(cache=cache)(answer)
    with pytest.warns(CacheWarning, match="not cached: a graph that was computed for its value takes"):
        found = runs(path, task(), monkeypatch)
    assert ["one" in str(each) for each in found] == [True, False, True]
    assert len(cache) == 0


def test_an_overridden_resource_is_seen_in_an_answer(path: Any, cache: Any) -> None:
    task = cs.task(cache=cache)(answer_injected_by_default)
    engine = engine_of("one")

    def other() -> Iterator[str]:
        yield "two"

    with pytest.warns(CacheWarning, match="takes resource 'db' from the run .declare it as a parameter"):
        assert path.run_with(engine, task()) == "one"
        with engine.resource_container.override("db", other):
            assert path.run_with(engine, task()) == "two"


def test_items_of_a_map_that_return_such_graphs_are_not_kept(path: Any, cache: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    @cs.task(cache=cache)
    def item(x: int) -> Any:
        return query()

    with pytest.warns(CacheWarning, match="takes resource 'db' from the run"):
        assert path.run_with(engine_of("one"), item.map([1, 2])) == ["one", "one"]
        assert path.run_with(engine_of("two"), item.map([1, 2])) == ["two", "two"]
    assert len(cache) == 0


def test_an_answer_that_takes_nothing_is_kept_beside_others_that_do(path: Any, cache: Any) -> None:
    @cs.task(cache=cache)
    def plain() -> Any:
        return value_of(1)

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert path.run_with(engine_of("one"), [query(), plain()]) == ["one", "1"]
    assert len(cache) == 1


def test_what_the_task_itself_takes_is_a_part_of_its_key(path: Any, cache: Any) -> None:
    @cs.task(cache=cache)
    def outer(db: Any = DB) -> Any:
        return value_of(db)

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert [path.run_with(engine_of(name), outer()) for name in ("one", "two", "one")] == ["one", "two", "one"]
    assert len(cache) == 2
