"""Models: the parts of instances and classes of pydantic, attrs and msgspec."""

from __future__ import annotations

import sys
import types
from collections.abc import Mapping
from typing import Protocol, cast

from cascade.adapters.caches.foreign import PydanticModel
from cascade.errors import KeyingError


class _Default(Protocol):
    """A private attribute of a pydantic model's class."""

    default: object
    default_factory: object


class _Factory(Protocol):
    """A factory of defaults, of attrs or msgspec."""

    factory: object


class _Config(Protocol):
    """The configuration of a Struct's class."""

    frozen: bool
    eq: bool


class _Struct(Protocol):
    """The class of a msgspec Struct."""

    __struct_fields__: tuple[str, ...]
    __struct_defaults__: tuple[object, ...]
    __struct_config__: _Config


def model_parts(value: object, kind: type) -> tuple[object, ...] | None:
    """Returns the fields of a pydantic model or msgspec Struct, and all else that it holds; None for anything else.

    Instances of attrs classes hold the fields that their class shows, as those of dataclasses do.

    Raises:
        KeyingError: (a TypeError) it may hold more.
    """
    if _is_pydantic(kind):
        model = cast("PydanticModel", value)
        held = object.__getattribute__(value, "__dict__"), model.__pydantic_extra__, model.__pydantic_private__
        return *held, tuple(sorted(model.__pydantic_fields_set__))
    if not _is_struct(kind):
        return None
    if kind.__dictoffset__:
        raise KeyingError(f"a value of type {kind.__module__}.{kind.__qualname__}, which has a __dict__")
    return tuple((name, getattr(value, name, ...)) for name in cast("_Struct", kind).__struct_fields__)


def is_frozen(kind: type) -> bool:
    """Whether instances of a model's class cannot be changed, and are compared by their fields."""
    if _is_pydantic(kind):
        return False
    config = cast("_Struct", kind).__struct_config__
    return config.frozen and config.eq


def _is_pydantic(kind: type) -> bool:
    pydantic = sys.modules.get("pydantic")
    return pydantic is not None and issubclass(kind, pydantic.BaseModel)


def _is_struct(kind: type) -> bool:
    msgspec = sys.modules.get("msgspec")
    return msgspec is not None and issubclass(kind, msgspec.Struct)


def is_machinery(kind: type, name: str) -> bool:
    """Whether a member of a class is one that a library has derived from the others."""
    if _is_pydantic(kind):
        return name.startswith("__pydantic_") or name in _OF_PYDANTIC
    return name.startswith("__attrs_") and "__attrs_attrs__" in vars(kind)


_OF_PYDANTIC = frozenset({"__signature__", "__class_vars__", "__private_attributes__"})


def declared_by(kind: type) -> tuple[object, ...]:
    """Returns a model class's declarations of its fields, beside annotations: defaults, constraints and the like."""
    if _is_pydantic(kind):
        fields: Mapping[str, object] = getattr(kind, "__pydantic_fields__", {})  # BaseModel itself has none
        private: Mapping[str, _Default] = vars(kind).get("__private_attributes__", {})
        return (
            *[part for name, field in fields.items() for part in (name, *_slots_of(field, _DERIVED))],
            *[part for name, each in private.items() for part in (name, _plain(each.default), each.default_factory)],
        )
    if "__attrs_attrs__" in vars(kind):
        return tuple(part for each in vars(kind)["__attrs_attrs__"] for part in _slots_of(each, frozenset()))
    if _is_struct(kind):
        struct = cast("_Struct", kind)
        config = struct.__struct_config__
        settings = [(name, getattr(config, name)) for name in dir(config) if not name.startswith("_")]
        return *map(_plain, struct.__struct_defaults__), *[part for pair in settings for part in pair]
    return ()


def attribute_parts(value: object, kind: type) -> list[object] | None:
    """Returns the parts of an attribute of attrs, which methods that attrs has made refer to; None for anything else."""
    module = sys.modules.get("attr")
    return None if module is None or kind is not module.Attribute else _slots_of(value, frozenset())


_DERIVED = frozenset({"_attributes_set", "_original_assignment", "_original_annotation"})


def _slots_of(value: object, without: frozenset[str]) -> list[object]:
    slots: tuple[str, ...] = getattr(type(value), "__slots__")
    return [_plain(getattr(value, name, ...)) for name in slots if name not in without]


def _plain(value: object) -> object:
    """Returns objects of these libraries that stand for a default as plain data, and others as they are."""
    kind = type(value)
    if kind.__name__ in ("PydanticUndefinedType", "_Nothing"):
        return ...
    if kind.__name__ == "Factory" and kind.__module__ in ("attr._make", "msgspec._core", "msgspec"):
        return "factory", cast("_Factory", value).factory, getattr(value, "takes_self", False)
    return dict(value) if type(value) is types.MappingProxyType else value
