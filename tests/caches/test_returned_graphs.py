"""Cached tasks that return graphs: the value is kept by the call and by what the graphs took from the run."""

from __future__ import annotations

import asyncio
import copy
import json
import os
import subprocess
import sys
import warnings
from collections.abc import AsyncIterator, Iterator
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
def test_the_value_is_kept_by_what_the_graph_takes_from_the_run(
    path: Any, cache: Any, monkeypatch: pytest.MonkeyPatch, answer: Any
) -> None:
    task = cs.task(cache=cache)(answer)
    found = runs(path, task(), monkeypatch)
    assert ["one" in str(each) for each in found] == [True, False, True]
    assert len(cache) == 3  # what it depends on, and two values
    monkeypatch.setenv("CASCADE_DB", "two")
    assert hits(path, task(), "two") == ["CacheHit"]
    assert len(cache) == 3


def hits(path: Any, target: Any, name: str) -> list[str]:
    """Why tasks are not called in one more run, with the database of that name."""
    engine, skipped = engine_of(name), []
    engine.bus.subscribe(cs.TaskSkipped, lambda event: skipped.append(event.reason))
    params = {"db": name} if "answer_parameter" in target.task.name else {}
    outer = value_of([target, PARAM]) if params else target
    assert name in str(path.run_with(engine, outer, params=params))
    return [reason for reason in skipped if reason != "Pruned"]


def test_an_overridden_resource_is_seen_and_the_value_not_kept(path: Any, cache: Any) -> None:
    task = cs.task(cache=cache)(answer_injected_by_default)
    engine = engine_of("one")

    def other() -> Iterator[str]:
        yield "two"

    assert path.run_with(engine, task()) == "one"
    with pytest.warns(
        CacheWarning, match="for its value takes resource 'db', which is overridden .declare it as a parameter"
    ):
        with engine.resource_container.override("db", other):
            assert path.run_with(engine, task()) == "two"
    assert path.run_with(engine, task()) == "one"
    assert len(cache) == 2


def test_a_resource_that_another_one_overrides_is_not_kept_either(path: Any, cache: Any) -> None:
    def db(name: Any = cs.inject("name")) -> Iterator[Any]:
        yield name

    def name() -> Iterator[str]:
        yield "one"

    engine = Engine(resources=[cs.resource(name="db")(db), cs.resource(name="name")(name)])
    task = cs.task(cache=cache)(answer_injected_by_default)
    assert path.run_with(engine, task()) == "one"
    with pytest.warns(CacheWarning, match="takes resource 'name', which is overridden"):
        with engine.resource_container.override("name", lambda: (yield "two")):
            assert path.run_with(engine, task()) == "two"


def test_what_a_resource_takes_itself_counts(path: Any, cache: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def db(name: Any = ENV, more: Any = cs.inject("more")) -> Iterator[Any]:
        yield name + more

    def more(suffix: Any = cs.Env("CASCADE_MORE", default="")) -> Iterator[Any]:
        yield suffix

    task = cs.task(cache=cache)(answer_injected_by_default)
    engine = Engine(resources=[cs.resource(name="db")(db), cs.resource(name="more")(more)])
    found = []
    for name, suffix in (("one", ""), ("two", ""), ("one", "!"), ("one", "")):
        monkeypatch.setenv("CASCADE_DB", name)
        monkeypatch.setenv("CASCADE_MORE", suffix)
        found.append(path.run_with(engine, task()))
    assert found == ["one", "two", "one!", "one"]
    assert len(cache) == 4


def test_a_resource_of_which_the_code_cannot_be_told_is_not_kept(path: Any, cache: Any) -> None:
    names = iter(["one", "two"])

    def db() -> Iterator[str]:
        yield next(names)

    task = cs.task(cache=cache)(answer_injected_by_default)
    with pytest.warns(
        CacheWarning, match="takes resource 'db', which depends on the closure's 'names': a value of type"
    ):
        found = [path.run_with(Engine(resources=[cs.resource(name="db")(db)]), task()) for _ in range(2)]
    assert found == ["one", "two"]
    assert len(cache) == 0


@cs.resource(name="own")
def own_db(name: Any = ENV) -> Iterator[Any]:
    yield name


@cs.task
def query_own(db: Any = cs.inject(own_db)) -> Any:
    return db


def test_a_resource_that_is_injected_by_itself_counts_by_its_code(
    path: Any, cache: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    @cs.task(cache=cache)
    def outer() -> Any:
        return query_own()

    found = runs(path, outer(), monkeypatch)
    assert found == ["one", "two", "one"]
    assert len(cache) == 3

    def other(name: Any = ENV) -> Iterator[Any]:
        yield f"other {name}"

    monkeypatch.setattr(own_db, "func", other)
    assert path.run_with(Engine(), outer()) == "other one"


@pytest.mark.parametrize("scope", ["run", "task"])
@pytest.mark.parametrize("is_async", [False, True])
def test_the_kind_of_resource_is_of_no_matter(path: Any, cache: Any, scope: str, is_async: bool) -> None:
    def engine(name: str) -> Engine:
        def now() -> Iterator[object]:
            yield Connection(name)

        async def later() -> AsyncIterator[object]:
            yield Connection(name)

        return Engine(resources=[cs.resource(name="db", scope=scope)(later if is_async else now)])

    task = cs.task(cache=cache)(answer_injected_by_default)
    assert [path.run_with(engine(name), task()) for name in ("one", "two", "one")] == ["<one>", "<two>", "<one>"]
    assert len(cache) == 3


class Connection:
    """Something that has no key."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __str__(self) -> str:
        return f"<{self.name}>"


def test_items_of_a_map_are_kept_by_what_they_take(path: Any, cache: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    @cs.task(cache=cache)
    def item(x: int) -> Any:
        return pair(x, query())

    for name in ("one", "two", "one"):
        assert path.run_with(engine_of(name), item.map([1, 2])) == [[1, name], [2, name]]
    assert len(cache) == 6


@cs.task
def pair(a: Any, b: Any) -> list[Any]:
    return [a, b]


def test_a_hit_inside_of_an_answer_takes_what_the_value_depends_on(path: Any, cache: Any) -> None:
    @cs.task(cache=cache)
    def inner() -> Any:
        return query()

    @cs.task(cache=cs.MemoryCache())
    def outer(n: int) -> Any:
        return pair(n, inner())

    for n in (1, 2):  # the second one finds the value of the inner task
        found = [path.run_with(engine_of(name), outer(n)) for name in ("one", "two", "one")]
        assert found == [[n, "one"], [n, "two"], [n, "one"]]


def test_what_is_taken_may_depend_on_what_is_taken_first(
    path: Any, cache: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    @cs.task
    def choose(which: str) -> Any:
        return value_of(cs.Env("CASCADE_A") if which == "a" else cs.Env("CASCADE_B"))

    @cs.task(cache=cache)
    def outer() -> Any:
        return choose(cs.Env("CASCADE_WHICH"))

    found = []
    for which, a, b in ["a12", "b12", "a13", "b13", "a43", "b42", "a19"]:
        for name, value in (("WHICH", which), ("A", a), ("B", b)):
            monkeypatch.setenv(f"CASCADE_{name}", value)
        found.append(path.run_with(Engine(), outer()))
    assert found == ["1", "2", "1", "3", "4", "2", "1"]
    assert len(cache) == 1 + 4


def test_a_changed_default_of_an_input_is_seen(path: Any, cache: Any) -> None:
    def declared(default: Any) -> Any:
        variable = cs.Env("CASCADE_UNSET", default=default)

        @cs.task(cache=cache)
        def outer() -> Any:
            return value_of(variable)

        return outer()

    assert [path.run_with(Engine(), declared(default)) for default in (1, 2, 1)] == ["1", "2", "1"]


def test_a_changed_type_of_an_input_is_seen(path: Any, cache: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CASCADE_DB", "3")

    def declared(kind: type) -> Any:
        variable = cs.Env("CASCADE_DB", type=kind)

        @cs.task(cache=cache)
        def outer() -> Any:
            return value_of(variable)

        return outer()

    assert [path.run_with(Engine(), declared(kind)) for kind in (int, float, int)] == ["3", "3.0", "3"]


@pytest.mark.parametrize("values", [([1], [2], [1]), ({"a": 1}, {"a": 1.0}, {"a": 1}), (1, True, 1), (None, (), None)])
def test_parameters_count_by_their_contents(path: Any, cache: Any, values: Any) -> None:
    @cs.task(cache=cache)
    def outer() -> Any:
        return value_of(PARAM)

    found = [path.run_with(Engine(), [outer(), PARAM], params={"db": copy.deepcopy(value)}) for value in values]
    assert [each[0] for each in found] == [str(value) for value in values]
    assert len(cache) == 3


def test_a_parameter_without_a_key_is_not_kept(path: Any, cache: Any) -> None:
    @cs.task(cache=cache)
    def outer() -> Any:
        return value_of(PARAM)

    with pytest.warns(CacheWarning, match="takes parameter 'db', which is a value of type .*Connection"):
        for name in ("one", "two"):
            assert path.run_with(Engine(), [outer(), PARAM], params={"db": Connection(name)})[0] == f"<{name}>"
    assert len(cache) == 0


@pytest.mark.parametrize("kind", [None, list[int]])
def test_a_parameter_that_a_task_has_changed_is_another_one(path: Any, cache: Any, kind: Any) -> None:
    numbers = cs.Param("numbers", type=kind)

    @cs.task
    def append(to: list[int], count: int) -> None:
        to.extend([0] * count)

    @cs.task(cache=cache)
    def outer() -> Any:
        return value_of(numbers)

    def run(count: int) -> Any:
        target = [append(numbers, count), outer().after(append(numbers, count))]
        return path.run_with(Engine(), target, params={"numbers": [7]})[1]

    assert [run(1), run(0), run(1)] == ["[7, 0, 0]", "[7]", "[7, 0, 0]"]


def test_a_variable_that_changes_during_a_run_counts_as_the_run_has_read_it(
    path: Any, cache: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CASCADE_DB", "one")

    @cs.task
    def change(before: str) -> None:
        os.environ["CASCADE_DB"] = "two"

    @cs.task(cache=cache)
    def outer() -> Any:
        return value_of(ENV)

    assert path.run_with(Engine(), [outer().after(change(ENV))]) == ["one"]
    assert path.run_with(Engine(), [outer()]) == ["two"]


def test_concurrent_runs_do_not_meet(path: Any, cache: Any) -> None:
    @cs.task
    async def slow_query(n: int, db: Any = DB) -> Any:
        await asyncio.sleep(0.001 * n)
        return f"{db} {n}"

    @cs.task(cache=cache)
    async def outer(n: int) -> Any:
        await asyncio.sleep(0)
        return slow_query(n)

    async def main() -> list[Any]:
        runs = [
            engine_of(name).run(outer.map([0, 1, 2]), use_vm=path.use_vm) for _ in range(2) for name in ("one", "two")
        ]
        return await asyncio.gather(*runs)

    expected = [[f"{name} {n}" for n in range(3)] for name in ("one", "two")] * 2
    assert asyncio.run(main()) == expected
    assert asyncio.run(main()) == expected
    assert len(cache) == 9


def test_a_damaged_record_is_a_miss(path: Any) -> None:
    cache = cs.MemoryCache()
    task = cs.task(cache=cache)(answer_injected_by_default)
    assert path.run_with(engine_of("one"), task()) == "one"
    for key, (value, _) in list(cache._entries.items()):
        if type(value) is not dict:
            del cache._entries[key]
    assert path.run_with(engine_of("two"), task()) == "two"
    assert path.run_with(engine_of("one"), task()) == "one"


def test_a_program_is_not_answered_from_what_it_could_not_compute(path: Any, cache: Any) -> None:
    task = cs.task(cache=cache)(answer_environment)
    assert path.run_with(Engine(), task()) == "none"
    with pytest.raises(cs.TargetError, match="answered with a graph that takes inputs"):
        cs.compile(task())()


class OwnCache:
    """A policy of a user, which keeps texts only, by a key of its own."""

    def __init__(self, with_task: bool) -> None:
        self.kept: dict[str, str] = {}
        self.with_task = with_task

    def _key(self, task_id: str, arguments: dict[str, object]) -> str:
        return json.dumps([task_id if self.with_task else "", arguments])

    def check(self, task_id: str, arguments: dict[str, object]) -> Any:
        text = self.kept.get(self._key(task_id, arguments))
        return None if text is None else cs.Hit(json.loads(text))

    def save(self, task_id: str, arguments: dict[str, object], value: object) -> None:
        self.kept[self._key(task_id, arguments)] = json.dumps(value)


class OwnAsyncCache(OwnCache):
    async def check(self, task_id: str, arguments: dict[str, object]) -> Any:
        await asyncio.sleep(0)
        return OwnCache.check(self, task_id, arguments)

    async def save(self, task_id: str, arguments: dict[str, object], value: object) -> None:
        await asyncio.sleep(0)
        OwnCache.save(self, task_id, arguments, value)


@pytest.mark.parametrize("kind", [OwnCache, OwnAsyncCache])
@pytest.mark.parametrize("with_task", [True, False])
def test_a_policy_of_ones_own_keeps_such_values(path: Any, kind: Any, with_task: bool) -> None:
    own = kind(with_task)

    @cs.task(cache=own)
    def outer(n: int) -> Any:
        return pair(n, query())

    for _ in range(2):
        assert [path.run_with(engine_of(name), outer(1)) for name in ("one", "two", "one")] == [
            [1, "one"],
            [1, "two"],
            [1, "one"],
        ]
    assert len(own.kept) == 3
    assert hits(path, outer(1), "two") == ["CacheHit"]


def test_a_policy_of_ones_own_that_cannot_keep_on_what_a_value_depends_warns(path: Any) -> None:
    class Numbers(OwnCache):
        def save(self, task_id: str, arguments: dict[str, object], value: object) -> None:
            if not isinstance(value, int):
                raise TypeError("numbers only")
            super().save(task_id, arguments, value)

    own = Numbers(True)

    @cs.task
    def size(db: Any = DB) -> int:
        return len(db)

    @cs.task(cache=own)
    def outer() -> Any:
        return size()

    with pytest.warns(
        CacheWarning, match="its cache cannot keep the names of what the value depends on .TypeError: numbers only"
    ):
        assert [path.run_with(engine_of(name), outer()) for name in ("one", "three")] == [3, 5]
    assert own.kept == {}


def test_calls_by_a_key_function_are_kept_by_what_they_take(path: Any, cache: Any) -> None:
    @cs.task
    def outer(n: int) -> Any:
        return pair(n, query())

    def run(n: int, name: str) -> Any:
        return path.run_with(engine_of(name), outer(n).with_cache(cache, key=lambda n: n % 2))

    assert [run(1, "one"), run(3, "one"), run(1, "two"), run(2, "one")] == [
        [1, "one"],
        [1, "one"],
        [1, "two"],
        [2, "one"],
    ]


def test_another_process_finds_the_values(path: Any, tmp_path: Path) -> None:
    (tmp_path / "flow.py").write_text(SCRIPT)

    def run(name: str) -> list[str]:
        command = [sys.executable, str(tmp_path / "flow.py"), str(tmp_path / "cache.db"), str(path.use_vm)]
        environment = {**os.environ, "CASCADE_DB": name, "PYTHONPATH": str(Path(cs.__file__).parent.parent)}
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout.split()

    assert [run(name) for name in ("one", "two", "one", "two")] == [
        ["computed", "one"],
        ["computed", "two"],
        ["one"],
        ["two"],
    ]


SCRIPT = """
import sys
import cascade as cs

@cs.resource(name="db")
def db(name=cs.Env("CASCADE_DB")):
    yield object() and name

@cs.task
def query(db=cs.inject(db)):
    print("computed")
    return db

@cs.task(cache=cs.DiskCache(sys.argv[1]))
def outer():
    return query()

print(cs.run(outer(), use_vm=sys.argv[2] == "True"))
"""


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
