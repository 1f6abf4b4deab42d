"""Checks of the inputs of maps."""

from __future__ import annotations

import itertools
import operator

from cascade.errors import DeclarationError, MapError

HINT = "itertools.islice(items, count) has an end; what all items share is held by partial: task.partial(name=value).map(...)"


def check_map_input(name: str, items: object, task: str, *, is_only: bool) -> None:
    """Raises unless `items` can be iterated over, and have an end.

    Args:
        name: the parameter that it is passed for.
        task: the name of the task, for the message.
        is_only: whether it is the only input of the map.

    Raises:
        DeclarationError: (a TypeError) it is nothing to iterate over, or a text beside other inputs.
        MapError: (a ValueError) it has no end.
    """
    if not hasattr(type(items), "__iter__") and not hasattr(type(items), "__getitem__"):
        raise not_iterable(name, items, task)
    if not is_only and isinstance(items, (str, bytes, bytearray)):
        raise DeclarationError(
            f"map input {name!r} is a text: {items!r:.60}",
            where=f"{task}.map",
            expected="a list, with one value for each item",
            hint=f"for one text that all items share: {task}.partial({name}={items!r:.40}).map(...); for its characters: {name}=list({name})",
        )
    if _is_endless(items):
        raise endless(f"map input {name!r} is an itertools.{type(items).__name__} without an end", f"{task}.map")


def not_iterable(name: str, items: object, task: str) -> DeclarationError:
    """Returns the error of an input that cannot be iterated over."""
    return DeclarationError(
        f"map input {name!r} is of type {type(items).__name__}",
        where=f"{task}.map",
        expected="something to iterate over",
        hint=f"for one value that all items share: {task}.partial({name}=...).map(...)",
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
