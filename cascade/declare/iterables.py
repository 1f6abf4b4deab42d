"""Checks of the inputs of maps."""

from __future__ import annotations

import itertools
import operator

from cascade.errors import DeclarationError, MapError

HINT = "itertools.islice(items, count) has an end; what all items share is the default of a parameter"


def check_map_input(name: str, items: object, where: str) -> None:
    """Raises unless `items` can be iterated over, and have an end.

    Args:
        name: the parameter that it is passed for.
        where: the map, for the message.

    Raises:
        DeclarationError: (a TypeError) it is nothing to iterate over.
        MapError: (a ValueError) it has no end.
    """
    if not hasattr(type(items), "__iter__") and not hasattr(type(items), "__getitem__"):
        raise not_iterable(name, items, where)
    if _is_endless(items):
        raise endless(f"map input {name!r} is an itertools.{type(items).__name__} without an end", where)


def not_iterable(name: str, items: object, where: str) -> DeclarationError:
    """Returns the error of an input that cannot be iterated over."""
    return DeclarationError(
        f"map input {name!r} is of type {type(items).__name__}",
        where=where,
        expected="something to iterate over",
        hint="what all items share is the default of a parameter, which may be a LazyResult, such as cascade.inject(...); or give it "
        f"for each item: {name}=[value] * len(items)",
    )


def endless(what: str, where: str) -> MapError:
    """Returns the error of an input without an end."""
    return MapError(what, where=where, expected="a number of items", hint=HINT)


def _is_endless(items: object) -> bool:
    kind = type(items)
    return (
        kind is itertools.count
        or kind is itertools.cycle
        or (kind is itertools.repeat and operator.length_hint(items, -1) < 0)
    )
