"""Singletons in the values that MemoryCache keeps."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

import cascade as cs


class Slotless:
    __slots__ = ()


class Named:
    pass


NAMED = Named()
BARE = object()
SLOTLESS = Slotless()


@pytest.mark.parametrize("value", [dataclasses.MISSING, dataclasses.KW_ONLY, NAMED, BARE, SLOTLESS], ids=repr)
def test_a_hit_has_the_singletons_of_the_value_and_copies_of_the_rest(value: Any) -> None:
    cache = cs.MemoryCache()
    kept = {"in a list": [value], "alone": value}
    cache.store(b"key", kept)
    for _ in range(2):
        hit = cache.load(b"key")
        assert hit is not None
        assert hit.value == kept
        assert hit.value["alone"] is value
        assert hit.value["in a list"][0] is value
        assert hit.value["in a list"] is not kept["in a list"]
        hit.value["in a list"].clear()


def test_an_object_that_can_be_changed_is_copied_although_nothing_is_in_it() -> None:
    cache, value = cs.MemoryCache(), Named()
    cache.store(b"key", value)
    hit = cache.load(b"key")
    assert hit is not None
    assert hit.value is not value
