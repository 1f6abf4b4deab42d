"""The parts of annotations: of types with arguments, and of the objects of `typing` and `dataclasses` that describe types."""

from __future__ import annotations

import dataclasses
import types
import typing
from collections.abc import Callable
from typing import Protocol, cast


class _Alias(Protocol):
    """A type with arguments, as `list[int]`."""

    __origin__: object
    __args__: tuple[object, ...]


def annotation_parts(value: object) -> tuple[object, ...] | None:
    """Returns the parts of an object that describes a type, or None for anything else."""
    kind = type(value)
    if value is _NO_DEFAULT:
        return ()
    if kind in _ALIASES:
        return getattr(value, "__origin__", None), *cast("_Alias", value).__args__
    if kind.__module__ == "dataclasses" and getattr(dataclasses, kind.__name__, None) is kind:
        if isinstance(value, dataclasses.InitVar):
            return (value.type,)
        return () if kind.__name__ in _MARKS else None
    if kind.__module__ != "typing" or getattr(typing, kind.__name__, None) is not kind:
        return None
    if kind.__name__ in _NAMED:
        return repr(value), *[getattr(value, name, None) for name in _OF_NAMED]
    if kind.__name__ in _FORMS:
        return (repr(value),)
    if isinstance(value, typing.ForwardRef):
        return (value.__forward_arg__,)
    if hasattr(value, "__args__") and hasattr(value, "__origin__"):
        alias = cast("_Alias", value)
        return getattr(value, "_name", None), alias.__origin__, *alias.__args__, *getattr(value, "__metadata__", ())
    return None


_ALIASES = frozenset({types.GenericAlias, types.UnionType, type(Callable[[], int])})
FIELD = ("name", "type", "default", "default_factory", "init", "repr", "hash", "compare", "kw_only")
"""The attributes of a `dataclasses.Field`, beside its metadata."""

_NO_DEFAULT = getattr(typing, "NoDefault", typing)  # of a TypeVar
_MARKS = frozenset({"_MISSING_TYPE", "_KW_ONLY_TYPE", "_HAS_DEFAULT_FACTORY_CLASS"})
_FORMS = frozenset({"_SpecialForm", "_TypedCacheSpecialForm", "_SpecialGenericAlias", "_TupleType", "_CallableType"})
_NAMED = frozenset({"TypeVar", "ParamSpec", "TypeVarTuple", "NewType", "TypeAliasType"})
_OF_NAMED = ("__bound__", "__constraints__", "__supertype__", "__value__", "__default__")
