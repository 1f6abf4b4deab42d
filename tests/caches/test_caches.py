"""Caches: what is kept, what a key is made of, and files that are damaged."""

from __future__ import annotations

import asyncio
import collections
import dataclasses
import datetime
import decimal
import enum
import fractions
import functools
import ipaddress
import logging
import math
import os
import re
import sqlite3
import struct
import subprocess
import sys
import textwrap
import threading
import time
import types
import typing
import uuid
import warnings
import weakref
from collections.abc import Callable
from pathlib import Path as FilePath
from pathlib import PurePosixPath, PureWindowsPath
from typing import Any, Generic, NamedTuple, TypeVar

import pytest

import cascade as cs
from cascade.adapters.caches.identity import identity_of
from cascade.adapters.caches.keys import encode
from cascade.errors import CacheError, CacheWarning, KeyingError, MissingExtraError
from tests.support.tasks import add, increment
from tests.support.recording import heard_from, story

np = pytest.importorskip("numpy")
pytest.importorskip("msgspec")


@pytest.fixture(params=["memory", "disk"])
def cache(request: pytest.FixtureRequest, tmp_path: FilePath) -> Any:
    return cs.MemoryCache() if request.param == "memory" else cs.DiskCache(tmp_path / "cache.db")


class Counting:
    """A function that counts its calls. A class: the cache has to see the function only."""

    def __init__(self, function: Any) -> None:
        self.calls: list[Any] = []
        calls = self.calls

        def counted(*args: Any) -> Any:
            calls.append(args)
            return function(*args)

        self.function = counted


CALLS: list[Any] = []


class Listening(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        CALLS.append(record.msg)


def log(x: Any) -> None:
    # By what belongs to a library: a global that changes would make another function of it.
    logging.getLogger("calls").info(x)


logging.getLogger("calls").setLevel(logging.INFO)
logging.getLogger("calls").propagate = False
logging.getLogger("calls").addHandler(Listening())


def counted_task(cache: Any, **options: Any) -> Any:
    CALLS.clear()

    @cs.task(cache=cache, **options)
    def square(x: Any) -> Any:
        log(x)
        return x * x

    return square


# -- Nodes ----------------------------------------------------------------------------------------------------------


def test_a_value_is_taken_from_the_cache(run, cache):
    square = counted_task(cache)
    assert run([square(3), square(4)]) == [9, 16]
    assert run(add(square(3), square(4))) == 25
    assert CALLS == [3, 4]


def test_a_hit_is_told_and_what_depends_on_it_runs(path, cache):
    square = counted_task(cache)
    first, events = heard_from(path, increment(square(3)))
    assert [event[0] for event in story(events)] == ["start", "Succeeded"] * 2
    second, events = heard_from(path, increment(square(3)))
    assert first == second == 10
    assert story(events) == [
        ("skipped", "square#0", "CacheHit"), ("start", "increment#1"), ("Succeeded", "increment#1", "10"),
    ]  # fmt: skip


def test_none_and_false_are_values_too(run, cache):
    @cs.task(cache=cache)
    def nothing(x: Any) -> Any:
        log(x)
        return None if x else False

    CALLS.clear()
    assert [run(nothing(1)), run(nothing(1)), run(nothing(0)), run(nothing(0))] == [None, None, False, False]
    assert CALLS == [1, 0]


def test_failures_are_not_kept(run, cache):
    @cs.task(cache=cache, retry=2)
    def flaky(x: Any) -> Any:
        log(x)
        if next(logging.getLogger("failing").handlers):  # type: ignore[call-overload]
            raise ValueError(x)
        return x

    CALLS.clear()
    logging.getLogger("failing").handlers = iter([True, True, True, False])  # type: ignore[assignment]
    with pytest.raises(ValueError, match="1"):
        run(flaky(1))
    assert run(flaky(1)) == 1
    assert run(flaky(1)) == 1
    assert CALLS == [1, 1, 1, 1]


def test_async_and_blocking_tasks_are_cached(run, cache):
    @cs.task(cache=cache)
    async def fetch(x: Any) -> Any:
        log(x)
        return x

    CALLS.clear()
    assert [run(fetch(1)), run(fetch(1))] == [1, 1]
    assert CALLS == [1]
    blocking = counted_task(cache, mode="blocking")
    assert [run(blocking(2)), run(blocking(2))] == [4, 4]
    assert CALLS == [2]


def test_equal_calls_that_are_under_way_at_once_are_each_computed(run, cache):
    @cs.task(cache=cache)
    async def fetch(x: Any) -> Any:
        log(x)
        await asyncio.sleep(0.01)
        return x

    CALLS.clear()
    assert run([fetch(1), fetch(1)]) == [1, 1]
    assert CALLS == [1, 1]
    assert run([fetch(1), fetch(1)]) == [1, 1]
    assert (CALLS, len(cache)) == ([1, 1], 1)


def test_a_loop_is_kept_by_its_first_arguments(run, cache):
    @cs.task(cache=cache)
    def loop(n: int, seen: int = 0) -> Any:
        log(n)
        return seen if n == 0 else cs.TailCall((n - 1, seen + 1))

    CALLS.clear()
    assert run(loop(3)) == 3
    assert CALLS == [3, 2, 1, 0]
    assert run(loop(3)) == 3
    assert CALLS == [3, 2, 1, 0]
    assert run(loop(2)) == 2
    assert CALLS == [3, 2, 1, 0, 2, 1, 0]


def test_an_answer_with_a_result_is_kept_with_its_value(run, cache):
    @cs.task(cache=cache)
    def fibonacci(n: int) -> Any:
        log(n)
        return n if n < 2 else add(fibonacci(n - 1), fibonacci(n - 2))

    CALLS.clear()
    assert run(fibonacci(20)) == 6765
    assert sorted(CALLS) == list(range(21))


def test_kept_values_cannot_be_changed_from_outside(run, cache):
    @cs.task(cache=cache)
    def make(x: Any) -> Any:
        return {"list": [x]}

    first = run(make(1))
    first["list"].append("changed")
    second = run(make(1))
    assert second == {"list": [1]}
    second["list"].append("changed")
    assert run(make(1)) == {"list": [1]}


def test_a_function_that_changes_its_argument_is_kept_by_what_it_was_given(run, cache):
    @cs.task(cache=cache)
    def pop(items: list[int]) -> int:
        log(len(items))
        return items.pop()

    CALLS.clear()
    assert run(pop([1, 2])) == 2
    assert run(pop([1])) == 1
    assert run(pop([1, 2])) == 2
    assert CALLS == [2, 1]


def test_constraints_are_not_taken_for_a_hit(run, cache):
    square = counted_task(cache)
    run(square(3).with_constraints(cpu=1), system_resources={"cpu": 1})
    target = square(3).with_constraints(cpu=increment(5))
    assert run(target, system_resources={"cpu": 1}) == 9


# -- Policies of one's own ------------------------------------------------------------------------------------------


class OwnPolicy:
    def __init__(self) -> None:
        self.kept: dict[Any, Any] = {}

    def check(self, task_id: str, arguments: dict[str, Any]) -> Any:
        return self.kept.get((task_id, *arguments.items()))

    def save(self, task_id: str, arguments: dict[str, Any], value: Any) -> None:
        self.kept[(task_id, *arguments.items())] = value


class AsyncPolicy(OwnPolicy):
    async def check(self, task_id: str, arguments: dict[str, Any]) -> Any:
        return super().check(task_id, arguments)

    async def save(self, task_id: str, arguments: dict[str, Any], value: Any) -> None:
        super().save(task_id, arguments, value)


@pytest.mark.parametrize("kind", [OwnPolicy, AsyncPolicy])
def test_a_policy_of_ones_own(run, kind):
    policy = kind()
    square = counted_task(policy)
    assert [run(square(3)), run(square(3))] == [9, 9]
    assert CALLS == [3]
    ((task_id, argument),) = policy.kept
    assert "square@" in task_id
    assert argument == ("x", 3)


@pytest.mark.parametrize("kind", [cs.MemoryCache, cs.DiskCache, OwnPolicy, type])
def test_a_class_is_no_policy(kind):
    with pytest.raises(cs.CascadeError, match=rf"the cache policy {kind.__name__} is a class.*\n?.*an object of it") as raised:
        increment(1).with_cache(kind)
    assert isinstance(raised.value, TypeError)
    with pytest.raises(TypeError, match=f"write {kind.__name__}"):
        cs.task(cache=kind)(lambda x: x)


@pytest.mark.parametrize("kind", [OwnPolicy, AsyncPolicy])
def test_loops_with_a_policy_of_ones_own(run, kind):
    policy = kind()

    @cs.task(cache=policy)
    def loop(n: int) -> Any:
        return "done" if n == 0 else cs.TailCall((n - 1,))

    assert run(loop(5)) == "done"
    assert list(policy.kept.values()) == ["done"]


# -- Keys -----------------------------------------------------------------------------------------------------------


class Colour(enum.Enum):
    RED = 1
    GREEN = 2


@dataclasses.dataclass(frozen=True)
class Point:
    x: Any
    y: Any = 0


class Place(NamedTuple):
    x: Any
    y: Any = 0

    def moved(self, by: int) -> Place:
        return Place(self.x + by, self.y)


class Spot(NamedTuple):
    x: Any
    y: Any = 0


DIFFERENT = [
    None, False, True, 0, 1, -1, 2**70, 0.0, -0.0, 1.0, math.nan, math.inf, 1j, 1 + 0j, "", "a", "1", b"", b"a", bytearray(b"a"), ..., (), [],
    {}, set(), frozenset(), (1,), [1], {1}, frozenset({1}), {1: 2}, {1: 2, 3: 4}, {3: 4, 1: 2}, [[1], 2], [[1, 2]], [["a", "b"]], ["ab"], ["a", "b"],
    range(3), range(4), slice(1), Point(1), Point(1.0), Point(2), Colour.RED, Colour.GREEN, datetime.date(2020, 1, 1),
    datetime.datetime(2020, 1, 1), datetime.datetime(2020, 1, 1, tzinfo=datetime.timezone.utc), datetime.timedelta(1), decimal.Decimal("1"),
    decimal.Decimal("1.0"), FilePath("a"), np.array([1, 2]), np.array([1.0, 2.0]), np.array([[1, 2]]), np.int64(1), np.float32(1), np.array(1),
    "\ud800", int, str, len, Point, increment, (1, (2, 3)), ((1, 2), 3), (1, 0), Place(1), Place(1.0), Place(2), Spot(1), Place, Spot,
]  # fmt: skip


def test_different_values_have_different_keys():
    from cascade.adapters.caches.identity import code_of

    keys = [encode(value, code_of) for value in DIFFERENT]
    for i, key in enumerate(keys):
        for j in range(i):
            assert key != keys[j], (DIFFERENT[i], DIFFERENT[j])
    assert keys == [encode(value, code_of) for value in DIFFERENT]


T = TypeVar("T")
Identifier = typing.NewType("Identifier", int)


class Bits(enum.IntFlag):
    A = 1


@dataclasses.dataclass
class Open:
    x: Any = 0


class Hidden:
    __slots__ = ("hidden",)


@dataclasses.dataclass
class Slotted(Hidden):
    __slots__ = ("x",)
    x: Any


@dataclasses.dataclass
class Rows(list):  # type: ignore[type-arg]
    unit: str = "m"


class MyInt(int):
    pass


class MyTuple(tuple):  # type: ignore[type-arg]
    __slots__ = ()


class Faked:
    """Says that it is something else."""

    def __init__(self, kind: Any) -> None:
        self.kind = kind

    @property
    def __class__(self) -> Any:
        return self.kind


class Unhashable(type):
    __hash__ = None  # type: ignore[assignment]


def with_attributes(value: Any, **attributes: Any) -> Any:
    for name, attribute in attributes.items():
        setattr(value, name, attribute)
    return value


def nan_with(payload: int) -> float:
    return float(struct.unpack("<d", struct.pack("<Q", 0x7FF8000000000000 + payload))[0])


def twice(value: Any) -> list[Any]:
    return [value, value]


UTC, EAST = datetime.timezone.utc, datetime.timezone(datetime.timedelta(0), "east")
LOOP: list[Any] = []
LOOP.append(LOOP)
ALIKE = [  # Alike in most, and yet a function can tell them apart.
    [Bits(1), Bits(8), Bits(16), Bits(9), Bits(17), 8],
    [datetime.datetime(2024, 10, 27, 2), datetime.datetime(2024, 10, 27, 2, fold=1), datetime.datetime(2024, 10, 27, 2, tzinfo=UTC),
     datetime.datetime(2024, 10, 27, 2, tzinfo=EAST)],
    [datetime.time(2), datetime.time(2, fold=1), datetime.time(2, tzinfo=UTC)],
    [Open(1), with_attributes(Open(1), more=1), with_attributes(Open(1), more=2), with_attributes(Open(1), hidden=2), with_attributes(Open(1), x=True)],
    [Slotted(1), with_attributes(Slotted(1), hidden=1), with_attributes(Slotted(1), hidden=2)],
    [decimal.Decimal("nan"), decimal.Decimal("snan"), decimal.Decimal("nan1"), decimal.Decimal("-nan"), decimal.Decimal("1e1"), decimal.Decimal("10")],
    [fractions.Fraction(1, 2), fractions.Fraction(1), 1, 0.5],
    [math.nan, nan_with(1), -math.nan, complex(0.0, 0.0), complex(-0.0, 0.0), complex(0.0, -0.0)],
    [uuid.UUID(int=1), uuid.UUID(int=1, is_safe=uuid.SafeUUID.safe), uuid.UUID(int=2)],
    [ipaddress.ip_address("::1"), ipaddress.ip_address("::1%a"), ipaddress.ip_network("1.2.3.4"), ipaddress.ip_interface("1.2.3.4"),
     ipaddress.ip_address("1.2.3.4"), "1.2.3.4"],
    [PurePosixPath("a"), PureWindowsPath("a"), FilePath("a"), PurePosixPath("/a"), PurePosixPath("//a"), "a"],
    [range(0), range(0, 0, 2), range(1), range(1, 0), slice(None), slice(None, None, 1), slice(0)],
    [[[], []], twice([]), [[], [[]]], LOOP, [LOOP]],
    [({},), ([],), (set(),), (bytearray(),), (b"",)],
    [[Open(1), Open(1)], twice(Open(1))],
    [[bytearray(1), bytearray(1)], twice(bytearray(1))],
    [[np.zeros(2), np.zeros(2)], twice(np.zeros(2))],
    [np.zeros((2, 3)), np.asfortranarray(np.zeros((2, 3))), np.zeros((3, 2)), np.zeros((2, 3), ">f8"), np.zeros((4, 3))[::2]],
    [np.zeros(2, "l"), np.zeros(2, "q"), np.zeros(2, "u8"), np.zeros(2, "m8[s]"), np.zeros(2, "m8[ms]"), np.zeros(2, "M8[s]"), np.zeros(2, "S8")],
    [np.zeros(2, [("a", "i4"), ("b", "i4")]), np.zeros(2, [("a", "i4"), ("c", "i4")]), np.zeros(2, [("a", "i4"), ("b", "u4")]),
     np.zeros(2, {"names": ["a", "b"], "formats": ["i4", "i4"], "offsets": [4, 0]}), np.zeros(2, [(("title", "a"), "i4"), ("b", "i4")]),
     np.zeros(2, [("a", "i4", (2,))]), np.zeros(2, np.dtype((np.record, [("a", "i4"), ("b", "i4")])))],
    [np.longlong(1), np.int_(1), np.bool_(1), np.float64(1), np.float64(-0.0), np.float64(0.0), 1, np.array(1), np.str_("a"), "a", np.void(b"a")],
    [eval("lambda: 1"), with_attributes(eval("lambda: 1"), __name__="a"), with_attributes(eval("lambda: 1"), more=1)],
    [functools.partial(int, base=2), functools.partial(int, base=3), with_attributes(functools.partial(int, base=2), more=1)],
    [cs.task(increment.func, name="a"), cs.task(increment.func, name="b")],
    ["\ud800\udc00", "\U00010000", "\ud800"],
]  # fmt: skip


@pytest.mark.parametrize("values", ALIKE)
def test_values_that_differ_in_little_have_different_keys(values):
    cache = cs.MemoryCache()
    keys = [cache.key_of("task", {"x": value}) for value in values]
    assert len(set(keys)) == len(values)
    assert keys == [cache.key_of("task", {"x": value}) for value in values]


UNKEYABLE = [
    Rows(), MyInt(1), MyTuple((1,)), type("MyStr", (str,), {})("a"), type("MyFloat", (float,), {})(1), with_attributes(type("MyList", (list,), {})(), x=1),
    type("MyDict", (dict,), {})(), collections.OrderedDict(a=1), collections.defaultdict(list), collections.deque([1], maxlen=2), collections.Counter("a"),
    type("MyDate", (datetime.date,), {})(2020, 1, 1), type("MyDecimal", (decimal.Decimal,), {})(1), type("MyZone", (datetime.tzinfo,), {})(),
    datetime.datetime(2020, 1, 1, tzinfo=type("MyZone", (datetime.tzinfo,), {})()), type("MyPath", (type(FilePath()),), {})("a"),
    type("MyUUID", (uuid.UUID,), {})(int=1), type("MyArray", (np.ndarray,), {})(1), np.zeros(1).view(np.recarray), np.ma.zeros(1),
    type("MyScalar", (np.float64,), {})(1), np.zeros(1, np.dtype("i4", metadata={"a": 1})), np.zeros(1, [("a", np.dtype("i4", metadata={"a": 1}))]),
    np.array([None]), memoryview(b"a"), types.MappingProxyType({}), types.SimpleNamespace(), re.compile("a"), iter([]), object(), ValueError(1),
    with_attributes(ipaddress.ip_network("1.2.3.4"), more=1), with_attributes(ipaddress.ip_network("1.2.3.4"), netmask=5), time.gmtime(0), sys,
    dataclasses.make_dataclass("Error", [], bases=(ValueError,))(), with_attributes(Open(1), __dict__=collections.OrderedDict(x=1)),
    Faked(int), Faked(Colour), Faked(type), Faked(types.FunctionType), Faked(cs.Task), Unhashable("Class", (), {})(),
    [np.arange(4)[:3], 1] + [(array := np.arange(4)), array[1:]], [(part := bytearray(8)), np.frombuffer(part)], [array, array.view("u8")],
    (spot := dataclasses.make_dataclass("Spot", [], eq=False)()) and [{spot}, spot], [spot, {spot}], weakref.ref(spot), weakref.proxy(spot),
]  # fmt: skip


@pytest.mark.parametrize("value", UNKEYABLE, ids=lambda value: "value")
def test_what_may_hold_more_than_can_be_seen_is_not_keyed(value):
    with pytest.raises(KeyingError, match=r"^argument 'x' holds"):
        cs.MemoryCache().key_of("task", {"x": value})


def test_arguments_that_are_one_object_are_another_call_than_equal_ones(run, cache):
    @cs.task(cache=cache)
    def both(x: Any, y: Any) -> Any:
        x.append(1)
        return len(y)

    one: list[int] = []
    assert run(both(one, one)) == 1
    assert run(both([], [])) == 0
    array = np.zeros(2)
    with pytest.warns(CacheWarning, match="argument 'y' holds arrays that share their memory"):
        run(cs.task(cache=cache)(lambda x, y: 1)(array[:1], array[:2]))
    assert cache.key_of("task", {"x": np.zeros((2, 2))[0]})
    columns = np.zeros((2, 2)).T
    assert cache.key_of("task", {"x": columns[0], "y": columns[1]})


def test_the_order_of_a_set_and_the_identity_of_what_cannot_change_are_of_no_matter(cache):
    def key(value: Any) -> Any:
        return cache.key_of("task", {"x": value})

    assert list({0, 8}) != list({8, 0})
    assert key({0, 8}) == key({8, 0})
    pair, equal = tuple([1, 2.5]), tuple([1, 2.5])
    assert key([pair, pair]) == key([pair, equal])
    assert key({Point(1): Point(1)}) == key(dict([twice(Point(1))]))


def test_named_tuples_and_dataclasses_are_keyed(run, cache):
    @cs.task(cache=cache)
    def move(place: Any, by: int) -> Any:
        log(by)
        return Place(place.x, place.y).moved(by).x

    CALLS.clear()
    for place in (Place(1), Point(1), Place(1), Point(1), Place(2)):
        run(move(place, 3))
    assert CALLS == [3, 3, 3]


def test_a_named_tuple_that_has_more_than_its_fields_is_not_keyed(run, cache):
    class More(Place):
        pass

    with pytest.warns(CacheWarning, match="a value of type .*More"):
        run(cs.task(cache=cache)(lambda place: place.x)(More(1)))


def test_a_class_is_looked_into_once_for_many_objects(cache, monkeypatch):
    seen: list[Any] = []
    real = sys.modules["cascade.adapters.caches.keyed"].code_of
    monkeypatch.setattr("cascade.adapters.caches.keyed.code_of", lambda value: seen.append(value) or real(value))
    cache.key_of("task", {"points": [Point(n) for n in range(100)], "more": [Place(1), Place(2)], "kind": Point})
    assert seen == [Point, Place]


def test_an_argument_that_cannot_be_keyed_is_named_and_not_cached(run, cache):
    @cs.task(cache=cache)
    def use(x: Any, y: Any) -> Any:
        log(y)
        return y

    CALLS.clear()
    for _ in range(2):
        with pytest.warns(CacheWarning, match=r"task 'use' is not cached: argument 'x' holds a value of type builtins.object"):
            assert run(use([object()], 2)) == 2
    assert CALLS == [2, 2]
    deep = functools.reduce(lambda inner, _: [inner], range(300), [])
    with pytest.raises(KeyingError, match="nested too deeply"):
        cache.key_of("task", {"x": deep})


def test_a_value_that_cannot_be_kept_is_given_all_the_same(run, tmp_path):
    lock = cs.task(cache=cs.MemoryCache())(threading.Lock)
    with pytest.warns(CacheWarning, match="cannot be copied"):
        assert run(lock()) is not None
    point = cs.task(cache=cs.DiskCache(tmp_path / "c"))(functools.partial(Point, 1))
    with pytest.warns(CacheWarning, match=r"its value, which holds a tests.caches.test_caches.Point"):
        assert run(point()) == Point(1)


def function_from(source: str, **names: Any) -> Any:
    namespace: dict[str, Any] = {"__name__": "made_for_a_test", **names}
    exec(textwrap.dedent(source), namespace)
    return namespace["f"]


BASE = "def f(x, y=1):\n    return helper(x) + y + CONSTANT"
HELPER = "def f(x):\n    return inner(x)"
INNER = "def f(x):\n    return x + 1"


def identity(base: str = BASE, helper: str = HELPER, inner: str = INNER, constant: Any = 1) -> str:
    inside = function_from(inner)
    names = {"helper": function_from(helper, inner=inside), "CONSTANT": constant}
    return identity_of(cs.task(function_from(base, **names)))


def test_the_identity_of_a_task_is_its_code_and_all_that_it_calls():
    assert identity() == identity()
    assert identity() == identity(base="def f(x, y=1):\n    # a comment\n\n    return (helper(x)\n            + y + CONSTANT)")
    others = [
        identity(base="def f(x, y=2):\n    return helper(x) + y + CONSTANT"),
        identity(base="def f(x, y=1):\n    return helper(x) - y + CONSTANT"),
        identity(base="def f(x, y=1):\n    return helper(x) + y + CONSTANT + 1"),
        identity(base="def f(x, *, y=1):\n    return helper(x) + y + CONSTANT"),
        identity(helper="def f(x):\n    return inner(x) + 1"),
        identity(inner="def f(x):\n    return x + 2"),
        identity(constant=2),
        identity(constant=1.0),
        identity(constant=[1]),
    ]
    assert len({identity(), *others}) == 1 + len(others)


def test_globals_closures_and_helpers_may_change_between_calls():
    def make(factor: Any) -> Any:
        @cs.task
        def f(x: Any) -> Any:
            return x * factor

        return f

    assert identity_of(make(2)) == identity_of(make(2)) != identity_of(make(3))
    table = [1]
    task = make(table)
    before = identity_of(task)
    table.append(2)
    assert identity_of(task) != before
    table.pop()
    assert identity_of(task) == before

    helper = function_from("def f(x):\n    return x")
    task = cs.task(function_from("def f(x):\n    return g(x)", g=helper))
    before = identity_of(task)
    assert identity_of(task) == before
    helper.__code__ = function_from("def f(x):\n    return x + 1").__code__
    assert identity_of(task) != before
    helper.__defaults__ = (5,)
    again = identity_of(task)
    assert again != before
    task.func.__globals__["g"] = function_from("def f(x):\n    return x")
    assert identity_of(task) not in (again,)


def test_recursion_classes_partials_and_modules_have_identities():
    class Scale:
        factor = 2

        def apply(self, x: int) -> int:
            return x * self.factor

    def with_class(x: int) -> int:
        return Scale().apply(x)

    task = cs.task(with_class)
    before = identity_of(task)
    Scale.factor = 3
    assert identity_of(task) != before

    def recursive(n: int) -> int:
        return 0 if n == 0 else recursive(n - 1)

    assert identity_of(cs.task(recursive))
    assert identity_of(cs.task(functools.partial(with_class, 3))) != identity_of(cs.task(functools.partial(with_class, 4)))
    assert identity_of(cs.task(lambda x: math.sqrt(os.path.getsize(x)) + np.sum([1])))  # type: ignore[misc]
    module = types.ModuleType("module_of_a_user")
    exec("def g(x): return x", module.__dict__)
    task = cs.task(function_from("def f(x): return m.g(x)", m=module))
    before = identity_of(task)
    exec("def g(x): return x + 1", module.__dict__)
    assert identity_of(task) != before


CLASS = "class Parent:\n    @staticmethod\n    def h(x): return x + 1\nclass Child(Parent): pass\ndef f(x): return Child.h(x)"
RECORD = "import dataclasses\n@dataclasses.dataclass\nclass Record:\n    x: {}\n    y: 'Kind' = 1\ndef f(x): return {}"
HELPED = "def g(x): return x + K\nK = 1\n"
CHANGES = {
    "a helper that is imported": ("def f(x):\n    from users import g\n    return g(x)", "users.g = lambda x: x + 9"),
    "what a helper reads that is imported": ("def f(x):\n    from users import g\n    return g(x)", "users.K = 9"),
    "an import inside of an inner function": ("def f(x):\n    def inner():\n        from users import g\n        return g(x)\n    return inner()", "users.K = 9"),
    "an import relative to its package": ("__package__ = 'users'\ndef f(x):\n    from . import g\n    return g(x)", "users.K = 9"),
    "the module itself": ("def f(x):\n    from users import g\n    return g(x)", "users = sys.modules['users'] = types.ModuleType('users'); users.g = abs"),
    "an attribute of a function": ("def g(x): return x * g.k\ng.k = 2\ndef f(x): return g(x)", "g.k = 3"),
    "a new attribute of a function": ("def g(x): return x * getattr(g, 'k', 1)\ndef f(x): return g(x)", "g.k = 3"),
    "what is in an attribute of a function": ("def g(x): return x * g.k[0]\ng.k = [2]\ndef f(x): return g(x)", "g.k[0] = 3"),
    "a function that another wraps": (HELPED + "import functools\n@functools.wraps(g)\ndef w(x): return w.__wrapped__(x)\ndef f(x): return w(x)", "K = 9"),
    "a cached function": ("import functools\n@functools.cache\ndef g(x): return x + K\nK = 1\ndef f(x): return g.__wrapped__(x)", "K = 9"),
    "a method that a class has later": (CLASS, "Child.h = staticmethod(lambda x: x + 9)"),
    "a method of a base class": (CLASS, "Parent.h = staticmethod(lambda x: x + 9)"),
    "the bases of a class": (CLASS, "class Other:\n    h = staticmethod(lambda x: x + 9)\nChild.__bases__ = (Other,)"),
    "a metaclass": ("class M(type):\n    def __call__(cls): return 1\nclass C(metaclass=M): pass\ndef f(x): return C()", "M.__call__ = lambda cls: 2"),
    "the docstring of a class": ("class C: 'one'\ndef f(x): return C.__doc__", "C.__doc__ = 'two'"),
    "the positions of a pattern": (
        "class C:\n    a, b = 1, 2\n    __match_args__ = ('a',)\ndef f(x):\n    match C():\n        case C(y): return y", "C.__match_args__ = ('b',)"),
    "what an abstract class has registered": ("import abc\nclass C(abc.ABC): pass\nclass D: pass\ndef f(x): return issubclass(D, C)", "C.register(D)"),
    "the type of a field": (RECORD.format("int", "[each.type(x) for each in dataclasses.fields(Record)[:1]]"), "Record.__dataclass_fields__['x'].type = str"),
    "the default of a field": (RECORD.format("int", "[str(each.default) for each in dataclasses.fields(Record)]"), "Record.__dataclass_fields__['x'].default = 5"),
    "an annotation of a class": (RECORD.format("int", "str(Record.__annotations__)"), "Record.__annotations__['x'] = float"),
    "what the text of an annotation means": (
        "Kind = int\n" + RECORD.format("int", "str(typing.get_type_hints(Record))").replace("import dataclasses", "import dataclasses, typing"), "Kind = str"),
    "a text inside of an annotation": (
        "import typing\nKind = int\n" + RECORD.format("typing.List['Kind']", "str(typing.get_type_hints(Record))"), "Kind = str"),
    "a text inside of a text": (
        "from __future__ import annotations\nimport typing\nKind = int\n" + RECORD.format("list['Kind']", "str(typing.get_type_hints(Record))"), "Kind = str"),
    "what is inside of an annotation": (
        "class Kind:\n    k = 1\n" + RECORD.format("list[Kind] | None", "Record.__annotations__['x'].__args__[0].__args__[0].k"), "Kind.k = 2"),
    "an annotation of a function": ("def g(x: int): pass\ndef f(x): return str(g.__annotations__)", "g.__annotations__['x'] = str"),
    "a signature": ("import inspect\ndef g(x: int): pass\ndef f(x): return str(inspect.signature(g))", "g.__annotations__['x'] = str"),
    "an argument that is passed by default": ("def g(x, *, k=1): return x + k\ndef f(x): return g(x)", "g.__kwdefaults__['k'] = 7"),
    "a list that is passed by default": ("def g(x, k=[1]): return x + k[0]\ndef f(x): return g(x)", "g.__defaults__[0][0] = 7"),
    "the keywords of a partial": ("import functools\np = functools.partial(lambda x, k: x + k, k=1)\ndef f(x): return p(x)", "p.keywords['k'] = 5"),
    "the function of a partial": (
        "import functools\np = functools.partial(lambda x: x)\ndef f(x): return p(x)", "p.__setstate__((lambda x: x + 9, (), {}, {}))"),
    "a name among the builtins": ("import builtins\nbuiltins.bonus = 1\ndef f(x): return x + bonus", "builtins.bonus = 9"),
    "a builtin by its module": ("import builtins\nbuiltins.bonus = 1\ndef f(x): return x + builtins.bonus", "builtins.bonus = 9"),
    "a global that hides a builtin": ("def f(x): return abs(x)", "abs = lambda x: x + 9"),
    "the docstring of a function": ("def g(): 'one'\ndef f(x): return g.__doc__", "g.__doc__ = 'two'"),
    "the name of a class": ("class C: pass\ndef f(x): return C.__name__", "C.__name__ = 'D'"),
    "the type of a class": ("class M(type):\n    k = 2\nclass N(type):\n    k = 1\nclass C(metaclass=N): pass\ndef f(x): return C.k", "C.__class__ = M"),
    "all annotations of a function": ("def g(x: int): pass\ndef f(x): return str(g.__annotations__)", "g.__annotations__ = {'x': str}"),
    "the name of a function": ("def g(): pass\ndef f(x): return g.__name__", "g.__name__ = 'h'"),
    "an alias of a type": ("class C:\n    k = 1\nAlias = list[C]\ndef f(x): return Alias.__args__[0].k", "C.k = 2"),
    "a member of an enumeration": ("import enum\nclass E(enum.Enum):\n    A = 1\nE.A.k = 1\ndef f(x): return E.A.k", "E.A.k = 2"),
    "a dataclass among the globals": (RECORD.format("int", "[x + one.x, one.z]") + "\none = Record(1)\none.z = 1", "one.z = 2"),
    "a method of an object": (RECORD.format("int", "m()") + "\none = Record(1)\nm = one.__repr__", "one.x = 2"),
    "a task that is called": ("import cascade\ng = cascade.task(lambda x: x + K, name='g')\nK = 1\ndef f(x): return g(x)", "K = 9"),
}  # fmt: skip
UNTOLD = {
    "globals": ("K = 1\ndef f(x): return globals()['K'] + x", "builtins.globals"),
    "eval": ("K = 1\ndef f(x): return eval('K') + x", "builtins.eval"),
    "another name of eval": ("K = 1\ne = eval\ndef f(x): return e('K') + x", "builtins.eval"),
    "eval of the module builtins": ("K = 1\nimport builtins\ndef f(x): return builtins.eval('K', {'K': 1}) + x", "builtins.eval"),
    "eval that is imported": ("K = 1\ndef f(x):\n    from builtins import eval as e\n    return e('K') + x", "builtins.eval"),
    "exec": ("def f(x):\n    exec('x')\n    return x", "builtins.exec"),
    "sys.modules": ("import sys\nK = 1\ndef f(x): return getattr(sys.modules[__name__], 'K') + x", "modules"),
    "sys.modules of another name": ("import sys as s\nK = 1\ndef f(x): return s.modules[__name__].K + x", "sys.modules"),
    "sys that is imported": ("K = 1\ndef f(x):\n    import sys as s\n    return s.modules[__name__].K + x", "modules"),
    "sys by another module": ("import os\nK = 1\ndef f(x): return os.sys.modules[__name__].K + x", "modules"),
    "sys as a value": ("import sys\nK = 1\ndef f(x): return vars(sys)[y][__name__].K + x\ny = 'modu' 'les'", "the module 'sys', used as a value"),
    "the modules themselves": ("from sys import modules\nK = 1\ndef f(x): return modules[__name__].K + x", "sys.modules"),
    "import_module": ("import importlib\ndef f(x): return importlib.import_module('users').g(x)", "importlib.import_module"),
    "__import__": ("def f(x): return __import__('users').g(x)", "__import__"),
    "the globals of a function": (HELPED + "def f(x): return g.__globals__['K'] + x", "__globals__"),
    "these by getattr": (HELPED + "def f(x): return getattr(g, '__globals__')['K'] + x", "__globals__"),
    "frames": ("import sys\nK = 1\ndef f(x): return sys._getframe() and x", "sys._getframe"),
    "pickle": ("import pickle\ndef g(x): return x\ndef f(x): return pickle.loads(pickle.dumps(g))(x)", "pickle.loads"),
    "a module that is imported": ("def f(x):\n    import users\n    return users.g(x)", r"the module 'users', imported inside of a function \(import it at the head"),
    "a submodule that is imported": ("def f(x):\n    from users import missing\n    return x", "users.missing, which its module does not have"),
    "a module that is a value": ("import users\nmodules = [users]\ndef f(x): return modules[0].g(x)", "the module 'users', used as a value"),
    "an object": ("class C:\n    def __call__(self, x): return x\ng = C()\ndef f(x): return g(x)", "a value of type made.C"),
    "a subclass of a property": ("class P(property): pass\nclass C:\n    p = P(lambda self: 1)\ndef f(x): return C().p", "a value of type made.P"),
    "an object that says it is a function": (
        "import types\nclass C:\n    __class__ = types.FunctionType\n    def __call__(self, x): return x\ng = C()\ndef f(x): return g(x)", "a value of type made.C"),
}  # fmt: skip


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The names of a module, beside which there is a module `users`."""
    module, users = types.ModuleType("made"), types.ModuleType("users")
    users.__dict__.update(__file__="/users.py", __path__=[])
    exec(HELPED, vars(users))
    monkeypatch.setitem(sys.modules, "made", module)
    monkeypatch.setitem(sys.modules, "users", users)
    monkeypatch.setattr("builtins.bonus", 0, raising=False)
    vars(module).update(sys=sys, types=types)
    return vars(module)


@pytest.mark.parametrize("change", CHANGES)
def test_what_code_uses_may_change_between_calls(run, made, change):
    source, then = CHANGES[change]
    exec(compile(source, "made", "exec", dont_inherit=True), made)
    cache = cs.MemoryCache()
    task = cs.task(made["f"])
    before = run(task(2).with_cache(cache))
    assert [run(task(2).with_cache(cache)), len(cache)] == [before, 1]
    exec("import users", made)
    exec(then, made)
    task = task if change != "a global that hides a builtin" else cs.task(made["f"])
    plain = task.func(2)
    after = run(task(2).with_cache(cache))
    assert after == (plain if not isinstance(plain, cs.LazyResult) else run(plain))
    assert after != before
    assert len(cache) == 2


@pytest.mark.parametrize("reach", UNTOLD)
def test_code_that_may_reach_anything_is_not_cached(run, made, reach):
    source, message = UNTOLD[reach]
    exec(compile(source, "made", "exec", dont_inherit=True), made)
    cache = cs.MemoryCache()
    with pytest.warns(CacheWarning, match=f"a call of task 'f' is not cached: .*{message}"):
        try:
            run(cs.task(made["f"])(2).with_cache(cache))
        except ImportError:
            pass
    assert len(cache) == 0


def test_libraries_may_be_imported_inside_of_functions(run, made, cache):
    exec("def f(x):\n    import json, sys, wave as w\n    from math import floor\n    return [json.loads(x), floor(1.5), sys.maxsize]", made)
    task = cs.task(made["f"])
    for _ in range(2):
        assert run(task("1").with_cache(cache)) == [1, 1, sys.maxsize]
    assert len(cache) == 1


IMPORTING = """
import sys, warnings
import cascade as cs

@cs.task(cache=cs.DiskCache(sys.argv[1]))
def f(x):
    from helper import g
    return g(x)

warnings.simplefilter("always")
use_vm = sys.argv[2] == "vm"
print([cs.run(f(1), use_vm=use_vm) for _ in range(2)])
"""


def test_a_helper_that_is_imported_may_change_between_processes(path, tmp_path):
    (tmp_path / "main.py").write_text(IMPORTING)
    command = [sys.executable, "-B", str(tmp_path / "main.py"), str(tmp_path / "cache.db"), repr(path)]
    for added, calls in ((1, 1), (1, 1), (200, 2)):
        (tmp_path / "helper.py").write_text(f"def g(x): return x + {added}")
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
        assert done.stdout == f"[{1 + added}, {1 + added}]\n", done.stderr
        assert done.stderr.count("the module 'helper', which is not imported yet (import it at the head of the module)") == 1
        assert len(cs.DiskCache(tmp_path / "cache.db")) == calls


@dataclasses.dataclass
class Annotated(Generic[T]):
    """A class with annotations of all kinds, and what `field` can be told."""

    a: list[int] | None
    b: dict[str, list[Point]]
    c: typing.Optional[Point]  # noqa: UP007
    d: Callable[[int], str]
    e: typing.Callable[..., Any]  # noqa: UP006
    f: typing.Literal["a", 1]
    g: typing.Annotated[int, "of something"]
    h: T
    i: Identifier
    j: type[Point]
    k: typing.ClassVar[int] = 1
    l: Unknown = None  # type: ignore[name-defined]  # noqa: E741, F821
    m: list[int] = dataclasses.field(default_factory=list, metadata={"unit": "m"})
    _: dataclasses.KW_ONLY
    n: "Annotated[int] | None" = None  # noqa: UP037


def test_classes_with_the_usual_annotations_are_told(made):
    text = identity_of(cs.task(lambda: Annotated))
    assert text == identity_of(cs.task(lambda: Annotated))
    fields = "\n    ".join(f"{name}: {kind}" for name, kind in Annotated.__annotations__.items() if name not in "_lmnk")
    head = "import dataclasses, typing\nfrom collections.abc import Callable\nPoint = int\nT = typing.TypeVar('T')\nAny = typing.Any\n"
    head += "Identifier = typing.NewType('Identifier', int)\n@dataclasses.dataclass\nclass Real(typing.Generic[T]):\n    "
    exec(compile(head + fields + "\ndef f(): return Real", "made", "exec", dont_inherit=True), made)
    before = identity_of(cs.task(made["f"]))
    made["Real"].__dataclass_fields__["a"].type = list[str] | None
    assert identity_of(cs.task(made["f"])) != before


def test_what_is_set_on_a_result_among_the_globals_counts(made):
    exec("import cascade\ng = cascade.task(lambda x: x, name='g')\none = g(1)\ndef f(x): return one", made)
    task = cs.task(made["f"])
    seen = [identity_of(task)]
    made["one"].run_if(True)
    seen.append(identity_of(task))
    made["one"].run_if(False).with_retry(3)
    seen.append(identity_of(task))
    assert len(set(seen)) == 3
    assert identity_of(task) == seen[-1]


def test_a_module_of_the_user_may_have_the_name_of_one_of_the_standard_library(made, monkeypatch):
    statistics = types.ModuleType("statistics")
    statistics.__dict__.update(__file__="/users/statistics.py")
    exec("def mean(x): return x", vars(statistics))
    monkeypatch.setitem(sys.modules, "statistics", statistics)
    exec("from statistics import mean\ndef f(x): return mean(x)", made)
    task = cs.task(made["f"])
    before = identity_of(task)
    statistics.__dict__["mean"].__code__ = (lambda x: x + 1).__code__
    assert identity_of(task) != before


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: (lambda lock: lambda: lock)(threading.Lock()), "the closure's 'lock': a value of type _thread.lock"),
        (lambda: function_from("def f(): return m", m=types.ModuleType("users")), "the module 'm', used as a value"),
        (lambda: function_from("def f(): return m.missing", m=types.ModuleType("users")), "m.missing"),
        (lambda: function_from("def f(): return g()", g=function_from("def f(): return h", h=object())), "the global 'g'"),
    ],
)
def test_what_cannot_be_told_is_not_cached(run, make, message):
    task = cs.task(make())
    with pytest.raises(KeyingError) as raised:
        identity_of(task)
    assert message in str(raised.value)
    with pytest.warns(CacheWarning, match="is not cached"), pytest.MonkeyPatch.context():
        try:
            run(cs.task(make(), cache=cs.MemoryCache())())  # type: ignore[call-overload]
        except AttributeError:
            pass


# -- Values on disk -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "value",
    [
        None, True, 5, -5, 2**64 - 1, 2**64, -(2**63) - 1, 10**40, 1.5, -0.0, math.inf, "", "text", "\ud800", "ü", b"bytes", bytearray(b"x"), (1, "a"), [],
        [1, [2, (3,)]], {"a": 1}, {"ü": 1}, {1: 2, None: (1,)}, {"b": {"c": {1, 2}}}, {1, "a"}, frozenset({(1, 2)}), 1 + 2j, ((),), {(1, 2): [3]},
    ],
)  # fmt: skip
def test_plain_values_come_back_as_they_were(tmp_path, value):
    from cascade.adapters.caches.codec import Codec

    codec = Codec()
    back = codec.decode(codec.encode(value))
    assert back == value
    assert repr(back) == repr(value)


def test_arrays_come_back_as_they_were():
    from cascade.adapters.caches.codec import Codec

    codec = Codec()
    for value in (np.arange(6).reshape(2, 3), np.array(1.5), np.float32(2), np.zeros((0, 3)), np.asfortranarray(np.eye(3)), np.array(["a", "bc"])):
        back = codec.decode(codec.encode([value]))[0]
        assert type(back) is type(value)
        assert back.dtype == value.dtype
        assert back.shape == value.shape
        assert (back == value).all()


ONE: list[Any] = []


@pytest.mark.parametrize(
    "value",
    [
        twice(ONE), {"a": ONE, "b": (ONE,)}, twice(np.zeros(2)), [(zeros := np.zeros(4)), zeros[:2]], LOOP, np.longlong(1), np.zeros(2, "q"),
        type("MyScalar", (np.float64,), {})(1), np.zeros(1, np.dtype("i4", metadata={"a": 1})), np.zeros(1).view(np.recarray), MyInt(1),
        MyTuple(),
    ],
)  # fmt: skip
def test_values_that_would_come_back_as_others_are_not_kept(value):
    from cascade.adapters.caches.codec import Codec

    with pytest.raises(KeyingError, match="its value, which holds"):
        Codec().encode(value)


def test_what_stands_in_several_places_is_kept_by_pickle(run, tmp_path):
    cache = cs.DiskCache(tmp_path / "c", pickle=True)
    make = cs.task(cache=cache)(lambda: twice([]))
    run(make())
    value = run(make())
    assert value[0] is value[1]
    with pytest.warns(CacheWarning, match="its value, which cannot be pickled"):
        run(cs.task(cache=cache)(threading.Lock)())
    assert len(cache) == 1


def test_pickle_is_only_used_when_it_is_asked_for(run, tmp_path):
    point = cs.task(functools.partial(Point, 1))
    with pytest.warns(CacheWarning, match=r"holds a .*Point \(return plain data, or keep it by DiskCache\(path, pickle=True\)\)"):
        run(point().with_cache(cs.DiskCache(tmp_path / "c")))
    assert len(cs.DiskCache(tmp_path / "c")) == 0
    pickled = cs.DiskCache(tmp_path / "c", pickle=True)
    assert run(point().with_cache(pickled)) == Point(1)
    assert run(point().with_cache(pickled)) == Point(1)
    assert len(pickled) == 1
    with warnings.catch_warnings(record=True):
        warnings.simplefilter("always")
        assert run(point().with_cache(cs.DiskCache(tmp_path / "c"))) == Point(1)  # does not even look at it


# -- Files ----------------------------------------------------------------------------------------------------------


def damaged(path: FilePath, how: str) -> None:
    data = path.read_bytes()
    if how == "truncated":
        path.write_bytes(data[: len(data) // 2 + 100])
    elif how == "empty":
        path.write_bytes(b"")
    elif how == "garbage":
        path.write_bytes(b"garbage" * 1000)
    elif how == "scrambled":
        path.write_bytes(data[:100] + bytes(255 - byte for byte in data[100:]))


@pytest.mark.parametrize("how", ["truncated", "garbage", "scrambled"])
def test_a_damaged_file_is_reported_and_begun_anew(run, tmp_path, how):
    file = tmp_path / "cache.db"
    cache = cs.DiskCache(file)
    square = counted_task(cache)
    run([square(i) for i in range(200)])
    cache.close()
    damaged(file, how)
    for suffix in ("-wal", "-shm"):
        FilePath(f"{file}{suffix}").unlink(missing_ok=True)
    with pytest.warns(CacheWarning, match="damaged"):
        square = counted_task(cs.DiskCache(file))
        assert run([square(i) for i in range(200)]) == [i * i for i in range(200)]
    assert run(square(3)) == 9
    assert len(CALLS) == 200
    assert len(list(tmp_path.glob("*.damaged-*"))) == 1


def test_a_damaged_entry_is_reported_and_dropped(run, tmp_path):
    cache = cs.DiskCache(tmp_path / "cache.db")
    square = counted_task(cache)
    run([square(1), square(2)])
    connection = sqlite3.connect(tmp_path / "cache.db")
    connection.execute("UPDATE entries SET value = x'07'")
    connection.commit()
    connection.close()
    with pytest.warns(CacheWarning, match="an entry is damaged"):
        assert run([square(1), square(2)]) == [1, 4]
    assert run([square(1), square(2)]) == [1, 4]
    assert CALLS == [1, 2, 1, 2]


def test_a_file_of_something_else_is_left_alone(tmp_path):
    connection = sqlite3.connect(tmp_path / "other.db")
    connection.execute("CREATE TABLE mine (x)")
    connection.commit()
    connection.close()
    with pytest.raises(CacheError, match="something else"):
        cs.DiskCache(tmp_path / "other.db")
    with pytest.raises(CacheError, match="can be written"):
        cs.DiskCache(tmp_path / "no directory" / "x.db")


def test_a_directory_is_left_alone(tmp_path):
    (tmp_path / "kept").mkdir()
    (tmp_path / "kept" / "file").write_text("of the user")
    with pytest.raises(CacheError, match="it is a directory"):
        cs.DiskCache(tmp_path / "kept")
    assert [path.name for path in tmp_path.iterdir()] == ["kept"]
    assert (tmp_path / "kept" / "file").read_text() == "of the user"


def test_a_cache_that_cannot_be_opened_for_a_while_is_not_taken_for_damaged(tmp_path):
    # As many descriptors as the process may have are open: a limit that is reached elsewhere.
    script = """
import os, resource, sys
import cascade as cs
cache = cs.DiskCache(sys.argv[1])
cache.store(b"key", 1)
cache.close()
resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
taken = []
try:
    while True:
        taken.append(os.open(os.devnull, os.O_RDONLY))
except OSError:
    pass
try:
    cache.load(b"key")
except cs.CascadeError as error:
    print(type(error).__name__)
for each in taken:
    os.close(each)
print(cache.load(b"key").value)
"""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", script, str(tmp_path / "cache.db")], capture_output=True, text=True, check=False,
        timeout=60,
    )  # fmt: skip
    assert done.stdout.split() == ["CacheError", "1"], done.stderr
    assert not list(tmp_path.glob("*.damaged-*"))


def test_a_full_disk_keeps_nothing_more(run, tmp_path):
    cache = cs.DiskCache(tmp_path / "cache.db")
    repeated = cs.task(cache=cache)(lambda n: "x" * n)
    run(repeated(10))
    cache._connection().execute("PRAGMA max_page_count = 4")
    with pytest.warns(CacheWarning, match="full; nothing more is kept"):
        assert len(run(repeated(100_000))) == 100_000
    assert len(cache) == 1
    assert not list(tmp_path.glob("*.damaged-*"))


def test_without_msgspec_a_disk_cache_says_what_is_missing(tmp_path, monkeypatch):
    monkeypatch.setattr("cascade.adapters.caches.codec.msgspec", None)
    with pytest.raises(MissingExtraError, match=r"DiskCache needs the package 'msgspec'.*\n.*cascade-engine\[cache\]"):
        cs.DiskCache(tmp_path / "cache.db")
    assert not list(tmp_path.iterdir())


WORKER = """
import sys
import cascade as cs

@cs.task(cache=cs.DiskCache(sys.argv[1]))
def square(x):
    return x * x

use_vm = sys.argv[2] == "vm"
for round in range(3):
    assert cs.run([square(i) for i in range(150)], use_vm=use_vm) == [i * i for i in range(150)]
print("ok")
"""


def test_several_processes_use_one_file(path, tmp_path):
    (tmp_path / "worker.py").write_text(WORKER)
    command = [sys.executable, str(tmp_path / "worker.py"), str(tmp_path / "cache.db"), repr(path)]
    workers = [subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) for _ in range(4)]
    for worker in workers:
        output, _ = worker.communicate(timeout=60)
        assert output == "ok\n"
    assert len(cs.DiskCache(tmp_path / "cache.db")) == 150


def test_a_cache_that_a_module_holds_ends_quietly_with_the_process(path, tmp_path):
    script = f"""
import atexit, sys
import cascade as cs
cache = cs.DiskCache(sys.argv[1])
@cs.task(cache=cache)
def double(x):
    return 2 * x
print(cs.run(double(4), use_vm={path.use_vm}))
atexit.register(lambda: print(cs.run(double(5), use_vm={path.use_vm})))
"""
    command = [sys.executable, "-W", "error", "-X", "dev", "-c", script, str(tmp_path / "cache.db")]
    for _ in range(2):
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
        assert (done.stdout.split(), done.stderr) == (["8", "10"], "")
    assert [file.name for file in tmp_path.iterdir()] == ["cache.db"]


def test_threads_share_a_cache(path, cache):
    square = counted_task(cache)
    results: list[Any] = []

    def work() -> None:
        results.append(path.run([square(i) for i in range(50)]))
        if isinstance(cache, cs.DiskCache):
            cache.close()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert results == [[i * i for i in range(50)]] * 4


def test_a_memory_cache_has_a_limit(run):
    cache = cs.MemoryCache(max_entries=2)
    square = counted_task(cache)
    for x in (1, 2, 1, 3, 1, 2):
        run(square(x))
    assert CALLS == [1, 2, 3, 2]
    assert len(cache) == 2
    cache.clear()
    assert len(cache) == 0
    with pytest.raises(TypeError):
        cs.MemoryCache(0)
