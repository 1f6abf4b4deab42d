"""Caches: what is kept, what a key is made of, and files that are damaged."""

from __future__ import annotations

import collections
import dataclasses
import datetime
import decimal
import enum
import fractions
import functools
import ipaddress
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
import uuid
import warnings
import weakref
from pathlib import Path as FilePath
from pathlib import PurePosixPath, PureWindowsPath
from typing import Any, NamedTuple

import pytest

import cascade as cs
from cascade.adapters.caches.identity import identity_of
from cascade.adapters.caches.keys import encode
from cascade.errors import CacheError, CacheWarning, KeyingError, MissingExtraError
from tests.tasks import add, increment
from tests.test_policies import heard_from, story

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


def counted_task(cache: Any, **options: Any) -> Any:
    CALLS.clear()

    @cs.task(cache=cache, **options)
    def square(x: Any) -> Any:
        log(x)
        return x * x

    return square


def log(x: Any) -> None:
    sys.modules[__name__].__dict__["CALLS"].append(x)


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
        if len(sys.modules[__name__].__dict__["CALLS"]) < 4:
            raise ValueError(x)
        return x

    CALLS.clear()
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
    with pytest.warns(CacheWarning, match=r"its value, which holds a tests.test_caches.Point"):
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
    elif how == "older":
        connection = sqlite3.connect(path)
        connection.execute("PRAGMA user_version = 99")
        connection.close()


@pytest.mark.parametrize("how", ["truncated", "garbage", "scrambled", "older"])
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
