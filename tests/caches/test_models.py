"""Keys of models of pydantic, attrs and msgspec: their fields, their class, and all else that they hold."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import pytest

import cascade as cs
from cascade.adapters.caches.identity import identity_of

pydantic = pytest.importorskip("pydantic")
attrs = pytest.importorskip("attrs")
msgspec = pytest.importorskip("msgspec")


class Model(pydantic.BaseModel):
    n: int = pydantic.Field(1, gt=0)
    items: list[int] = pydantic.Field(default_factory=list)
    _secret: int = pydantic.PrivateAttr(default=3)

    def total(self) -> int:
        return self.n + sum(self.items)


class Open(pydantic.BaseModel, extra="allow"):
    n: int = 1


class Outer(pydantic.BaseModel):
    inner: Model


@attrs.define
class Attrs:
    n: int = attrs.field(default=1, converter=int)
    items: list[int] = attrs.field(factory=list)

    def total(self) -> int:
        return self.n + sum(self.items)


@attrs.frozen(slots=False)
class Frozen:
    n: int = 1


class Struct(msgspec.Struct):
    n: int = 1
    items: list[int] = []

    def total(self) -> int:
        return self.n + sum(self.items)


class FrozenStruct(msgspec.Struct, frozen=True):
    n: int = 1


def with_secret(secret: int) -> Model:
    model = Model()
    model._secret = secret
    return model


MODELS = [
    lambda: Model(), lambda: Model(n=1), lambda: Model(n=2), lambda: Model(items=[1]), lambda: with_secret(4),
    lambda: Open(), lambda: Open(more=1), lambda: Open(more=2), lambda: Outer(inner=Model()), lambda: Outer(inner=Model(n=2)),
    lambda: Attrs(), lambda: Attrs(2), lambda: Attrs(1, [1]), lambda: Frozen(), lambda: Frozen(2),
    lambda: Struct(), lambda: Struct(2), lambda: Struct(1, [1]), lambda: FrozenStruct(), lambda: FrozenStruct(2),
]  # fmt: skip


@pytest.fixture(params=["memory", "disk"])
def cache(request: pytest.FixtureRequest, tmp_path: Path) -> Any:
    return cs.MemoryCache() if request.param == "memory" else cs.DiskCache(tmp_path / "cache.db")


def test_different_models_have_different_keys_and_equal_ones_the_same() -> None:
    cache = cs.MemoryCache()
    keys = [cache.key_of("task", {"x": make()}) for make in MODELS]
    assert len(set(keys)) == len(keys)
    assert keys == [cache.key_of("task", {"x": make()}) for make in MODELS]


@pytest.mark.parametrize("kind", [Model, Attrs, Struct])
def test_a_call_with_an_equal_model_is_a_hit_until_it_is_changed(path: Any, cache: Any, kind: Any) -> None:
    @cs.task(cache=cache)
    def total(model: Any) -> int:
        return int(model.total())

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert [path.run(total(kind(n=1, items=[2]))) for _ in range(2)] == [3, 3]
        assert len(cache) == 1
        model = kind(n=1, items=[2])
        model.items.append(5)
        assert path.run(total(model)) == 8
        model.n = 10
        assert path.run(total(model)) == 17


@pytest.mark.parametrize("kind", [Model, Attrs, Struct])
def test_one_list_in_two_models_is_another_call_than_two_equal_lists(kind: Any) -> None:
    cache, first, second, other = cs.MemoryCache(), kind(), kind(), kind()
    second.items = first.items
    assert cache.key_of("task", {"x": first, "y": second}) != cache.key_of("task", {"x": first, "y": other})


def pydantic_class(default: int, limit: int) -> Any:
    class Made(pydantic.BaseModel):
        n: int = pydantic.Field(default, gt=limit)

    return Made


def attrs_class(default: int, limit: int) -> Any:
    @attrs.define
    class Made:
        n: int = attrs.field(default=default, validator=attrs.validators.gt(limit))

    return Made


def struct_class(default: int, limit: int) -> Any:
    class Made(msgspec.Struct, frozen=limit > 0):
        n: int = default

    return Made


@pytest.mark.parametrize("make", [pydantic_class, attrs_class, struct_class])
def test_the_fields_of_a_class_are_a_part_of_the_identity_of_what_uses_it(make: Any) -> None:
    def identity(*of: int) -> str:
        kind = make(*of)
        return identity_of(cs.task(lambda: kind()))

    assert identity(1, 0) == identity(1, 0)
    assert len({identity(1, 0), identity(2, 0), identity(2, 1)}) == 3
