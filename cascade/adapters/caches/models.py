"""Models: what instances and classes of pydantic, attrs and msgspec are made of."""

from __future__ import annotations

import sys
import types
from typing import Any

from cascade.errors import KeyingError


def model_parts(value: Any, kind: type) -> tuple[Any, ...] | None:
    """The fields of a pydantic model or msgspec Struct, and all else that it holds; None for anything else.

    Instances of attrs classes hold what their class shows, as those of dataclasses do.

    Raises:
        KeyingError: (a TypeError) it may hold more.
    """
    if _is_pydantic(kind):
        return (
            object.__getattribute__(value, "__dict__"), value.__pydantic_extra__, value.__pydantic_private__,
            tuple(sorted(value.__pydantic_fields_set__)),
        )  # fmt: skip
    if not _is_struct(kind):
        return None
    if kind.__dictoffset__:
        raise KeyingError(f"a value of type {kind.__module__}.{kind.__qualname__}, which has a __dict__")
    fields: tuple[str, ...] = getattr(kind, "__struct_fields__")
    return tuple((name, getattr(value, name, ...)) for name in fields)




def is_frozen(kind: type) -> bool:
    """Whether instances of a model's class cannot be changed, and are compared by what they hold."""
    if _is_pydantic(kind):
        return False
    config = getattr(kind, "__struct_config__")
    return bool(config.frozen and config.eq)


def _is_pydantic(kind: type) -> bool:
    pydantic = sys.modules.get("pydantic")
    return pydantic is not None and issubclass(kind, pydantic.BaseModel)


def _is_struct(kind: type) -> bool:
    msgspec = sys.modules.get("msgspec")
    return msgspec is not None and issubclass(kind, msgspec.Struct)


def is_machinery(kind: type, name: str) -> bool:
    """Whether a member of a class is one that a library has made from the others."""
    if _is_pydantic(kind):
        return name.startswith("__pydantic_") or name in _OF_PYDANTIC
    return name.startswith("__attrs_") and "__attrs_attrs__" in vars(kind)


_OF_PYDANTIC = frozenset({"__signature__", "__class_vars__", "__private_attributes__"})


def declared_by(kind: type) -> tuple[Any, ...]:
    """What a model's class says of its fields, beside annotations: defaults, constraints and the like."""
    if _is_pydantic(kind):
        fields = getattr(kind, "__pydantic_fields__", {}).items()
        private = vars(kind).get("__private_attributes__", {}).items()
        return (
            *[part for name, field in fields for part in (name, *_slots_of(field, _DERIVED))],
            *[part for name, attribute in private for part in (name, _plain(attribute.default), attribute.default_factory)],
        )  # fmt: skip
    if "__attrs_attrs__" in vars(kind):
        return tuple(part for each in vars(kind)["__attrs_attrs__"] for part in _slots_of(each, frozenset()))
    if _is_struct(kind):
        config = getattr(kind, "__struct_config__")
        settings = [(name, getattr(config, name)) for name in dir(config) if not name.startswith("_")]
        return *map(_plain, getattr(kind, "__struct_defaults__")), *[part for pair in settings for part in pair]
    return ()


def attribute_parts(value: Any, kind: type) -> list[Any] | None:
    """What an attribute of attrs is made of, which methods that it has made hold; None for anything else."""
    module = sys.modules.get("attr")
    return None if module is None or kind is not module.Attribute else _slots_of(value, frozenset())


_DERIVED = frozenset({"_attributes_set", "_original_assignment", "_original_annotation"})


def _slots_of(value: Any, without: frozenset[str]) -> list[Any]:
    return [_plain(getattr(value, name, ...)) for name in type(value).__slots__ if name not in without]


def _plain(value: Any) -> Any:
    """Objects of these libraries that stand for a default, as plain data."""
    kind = type(value)
    if kind.__name__ in ("PydanticUndefinedType", "_Nothing"):
        return ...
    if kind.__name__ == "Factory" and kind.__module__ in ("attr._make", "msgspec._core", "msgspec"):
        return "factory", value.factory, getattr(value, "takes_self", False)
    return dict(value) if kind is types.MappingProxyType else value
