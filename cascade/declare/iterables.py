"""Checks of the inputs of maps."""

from __future__ import annotations

import itertools
import operator
from collections.abc import Sequence
from types import GeneratorType

from cascade.errors import DeclarationError, MapError

HINT = (
    "itertools.islice(items, count) has an end; what all items share is held by partial: task.partial(name=value).map(...); "
    "a stream takes a generator without an end: cs.stream(task.map(item for item in items))"
)


def check_map_input(name: str, items: object, task: str, others: Sequence[str]) -> None:
    """Raises unless `items` can be iterated over, and have an end.

    Args:
        name: the parameter that it is passed for.
        task: the name of the task, for the message.
        others: the parameters of the map's other inputs.

    Raises:
        DeclarationError: (a TypeError) it is nothing to iterate over, a dict, or a text beside other inputs.
        MapError: (a ValueError) it has no end, or is a generator that has yielded its items already.
    """
    if not hasattr(type(items), "__iter__") and not hasattr(type(items), "__getitem__") or _is_single(items):
        raise not_iterable(name, items, task, others)
    if others and isinstance(items, (str, bytes, bytearray)):
        raise DeclarationError(
            f"map input {name!r} is a text: {items!r:.60}",
            where=f"{task}.map",
            expected="a list, with one value for each item",
            hint=f"for one text that all items share: {shared(task, f'{name}={items!r:.40}', others)}; for its characters: {name}=list({name})",
        )
    if isinstance(items, dict):
        raise DeclarationError(
            f"map input {name!r} is a dict",
            where=f"{task}.map",
            expected="a list, with one value for each item",
            hint=f"for its values: {name}=list(values.values()); for its keys: {name}=list(values); "
            f"for a dict of a list for each parameter: {task}.map(**lists)",
        )
    if type(items) is GeneratorType and items.gi_frame is None:
        raise MapError(
            f"map input {name!r} is a generator that has ended",
            where=f"{task}.map",
            expected="items",
            hint="a generator yields its items once, and a graph may run again: pass a list",
        )
    if _is_endless(items):
        raise endless(f"map input {name!r} is an itertools.{type(items).__name__} without an end", f"{task}.map")


def shared(task: str, held: str, others: Sequence[str]) -> str:
    """Returns how a map is written whose items share an argument; `others` are its inputs."""
    return f"{task}.partial({held}).map({', '.join(f'{name}=...' for name in others) or '...'})"


def not_iterable(name: str, items: object, task: str, others: Sequence[str] = ()) -> DeclarationError:
    """Returns the error of an input that cannot be iterated over."""
    return DeclarationError(
        f"map input {name!r} is of type {type(items).__name__}",
        where=f"{task}.map",
        expected="something to iterate over",
        hint=f"for one value that all items share: {shared(task, f'{name}=...', others)}",
    )


def endless(what: str, where: str) -> MapError:
    """Returns the error of an input without an end."""
    return MapError(what, where=where, expected="a number of items", hint=HINT)


def _is_single(items: object) -> bool:
    """Returns whether this is an array without dimensions."""
    return type(items).__module__ == "numpy" and getattr(items, "shape", None) == ()


def _is_endless(items: object) -> bool:
    kind = type(items)
    return (
        kind is itertools.count
        or kind is itertools.cycle
        or (kind is itertools.repeat and operator.length_hint(items, -1) < 0)
    )
