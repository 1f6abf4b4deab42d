"""Members of enumerations in DiskCache: by module, class and name, without an import."""

from __future__ import annotations

import enum
import warnings
from pathlib import Path
from typing import Any

import pytest

import cascade as cs
from cascade.errors import CacheWarning


class Color(enum.Enum):
    RED = 1
    ALSO_RED = 1
    LIST = [1]  # noqa: RUF012


class Level(enum.IntEnum):
    LOW = 1


class Right(enum.Flag):
    READ = 1
    WRITE = 2


class Outer:
    class Inner(enum.StrEnum):
        NAME = "name"


MEMBERS = [Color.RED, Color.LIST, Level.LOW, Right.READ, Outer.Inner.NAME]


@pytest.mark.parametrize("value", MEMBERS, ids=repr)
def test_a_member_comes_back_as_itself(path: Any, tmp_path: Path, value: Any) -> None:
    cache = cs.DiskCache(tmp_path / "cache.db")

    @cs.task(cache=cache)
    def answer() -> Any:
        return [value, (value,)]

    for _ in range(2):
        found = path.run(answer())
        assert found[0] is value and found[1][0] is value
    assert len(cache) == 1


def test_a_member_of_a_class_that_is_not_loaded_is_a_miss(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cache = cs.DiskCache(tmp_path / "cache.db")
    cache.store(b"key", [Color.RED])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with monkeypatch.context() as patch:
            patch.delitem(globals(), "Color")
            assert cache.load(b"key") is None
        hit = cache.load(b"key")
    assert hit is not None and hit.value[0] is Color.RED


def local_color() -> Any:
    class Local(enum.Enum):
        ONE = 1

    return Local.ONE


@pytest.mark.parametrize("value", [Right.READ | Right.WRITE, local_color()], ids=repr)
def test_what_has_no_name_of_its_own_is_not_kept(path: Any, tmp_path: Path, value: Any) -> None:
    cache = cs.DiskCache(tmp_path / "cache.db")

    @cs.task
    def same(x: int) -> Any:
        return value

    with pytest.warns(CacheWarning, match="not cached"):
        assert path.run(same(1).with_cache(cache)) is value
    assert len(cache) == 0
