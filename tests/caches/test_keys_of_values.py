"""Keys of values: equal for equal arguments, different for any difference."""

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
import re
import struct
import sys
import threading
import time
import types
import uuid
import weakref
from pathlib import Path as FilePath
from pathlib import PurePosixPath, PureWindowsPath
from typing import Any, NamedTuple

import pytest

import cascade as cs
from cascade.adapters.caches.keys import encode
from cascade.errors import CacheWarning, KeyingError
from tests.support.cached_values import LOOP, MyInt, MyTuple, Point, twice
from tests.support.counted_calls import CALLS, log
from tests.support.tasks import increment

np = pytest.importorskip("numpy")

pytest.importorskip("msgspec")


class Colour(enum.Enum):
    RED = 1
    GREEN = 2


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


UTC, EAST = datetime.timezone.utc, datetime.timezone(datetime.timedelta(0), "east")


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
        with pytest.warns(
            CacheWarning, match=r"task 'use' is not cached: argument 'x' holds a value of type builtins.object"
        ):
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
    with pytest.warns(CacheWarning, match=r"its value, which holds a tests.support.cached_values.Point"):
        assert run(point()) == Point(1)
