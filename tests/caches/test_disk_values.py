"""The values that a DiskCache keeps: they come back as they were, or are not kept."""

from __future__ import annotations

import functools
import math
import threading
import warnings
from typing import Any

import pytest

import cascade as cs
from cascade.errors import CacheWarning, KeyingError
from tests.support.cached_values import LOOP, MyInt, MyTuple, Point, twice

np = pytest.importorskip("numpy")

pytest.importorskip("msgspec")


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
    for value in (
        np.arange(6).reshape(2, 3),
        np.array(1.5),
        np.float32(2),
        np.zeros((0, 3)),
        np.asfortranarray(np.eye(3)),
        np.array(["a", "bc"]),
    ):
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
    with pytest.warns(
        CacheWarning, match=r"holds a .*Point \(return plain data, or keep it by DiskCache\(path, pickle=True\)\)"
    ):
        run(point().with_cache(cs.DiskCache(tmp_path / "c")))
    assert len(cs.DiskCache(tmp_path / "c")) == 0
    pickled = cs.DiskCache(tmp_path / "c", pickle=True)
    assert run(point().with_cache(pickled)) == Point(1)
    assert run(point().with_cache(pickled)) == Point(1)
    assert len(pickled) == 1
    with warnings.catch_warnings(record=True):
        warnings.simplefilter("always")
        assert run(point().with_cache(cs.DiskCache(tmp_path / "c"))) == Point(1)  # does not even look at it
