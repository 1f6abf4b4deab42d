"""Values of types of the standard library in a DiskCache without pickle."""

from __future__ import annotations

import datetime
import decimal
import fractions
import pathlib
import uuid
from typing import Any

import pytest

pytest.importorskip("msgspec")

from cascade.adapters.caches.codec import Codec

ZONE = datetime.timezone(datetime.timedelta(hours=2), "zone")
VALUES = [
    datetime.date(2024, 2, 29),
    datetime.datetime(2024, 2, 29, 1, 2, 3, 4, fold=1),
    datetime.datetime(2024, 2, 29, tzinfo=ZONE),
    datetime.time(1, 2, 3, 4, ZONE, fold=1),
    datetime.timedelta(-1, 2, 3),
    decimal.Decimal("-0.10"),
    decimal.Decimal("NaN123"),
    fractions.Fraction(-1, 3),
    uuid.UUID(int=5, is_safe=uuid.SafeUUID.safe),
    pathlib.Path("a/b"),
    pathlib.PurePosixPath("/a"),
    pathlib.PureWindowsPath("c:/a"),
]


@pytest.mark.parametrize("value", VALUES, ids=repr)
def test_a_value_of_the_standard_library_comes_back_as_it_was(value: Any) -> None:
    codec = Codec()
    back = codec.decode(codec.encode([value, {"nested": (value,)}]))
    assert [type(back[0]), repr(back[0]), repr(back[1])] == [type(value), repr(value), repr({"nested": (value,)})]
    assert getattr(back[0], "fold", None) == getattr(value, "fold", None)
    assert getattr(back[0], "is_safe", None) == getattr(value, "is_safe", None)


def test_the_zone_utc_stays_the_one_object() -> None:
    codec = Codec()
    assert (
        codec.decode(codec.encode(datetime.datetime(2024, 1, 1, tzinfo=datetime.timezone.utc))).tzinfo
        is datetime.timezone.utc
    )
