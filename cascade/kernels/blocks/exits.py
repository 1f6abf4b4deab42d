"""Side exits as the extension makes them: the continuation, and from where its arguments come."""

from __future__ import annotations

from collections.abc import Iterator
from types import FunctionType
from typing import NamedTuple

from cascade.kernels.blocks.resume import continuation
from cascade.kernels.blocks.translator import Exit, Translator
from cascade.kernels.blocks.values import COUNTED, DISPLAY, ITEMS, NULL, RANGE, ZIPPED, Value
from cascade.kernels.model import BOOL, FLOAT, INT, NONE

Place = tuple[object, ...]
"""From where an argument comes: its kind, as the extension knows it, and registers, or the object."""
CODES = {INT: "i", FLOAT: "d", BOOL: "b"}


class ExitPlan(NamedTuple):
    """How CPython continues.

    Attributes:
        function: the continuation; None for an exit that has none, as the function returns there.
        arguments: from where they come.
        owned: the registers whose references are dropped.
    """

    function: FunctionType | None
    arguments: tuple[Place, ...]
    owned: tuple[int, ...]


def plan(translator: Translator, number: int, raises: bool) -> ExitPlan:
    """Returns the plan of a side exit; with `raises`, of an exception that its instruction has raised."""
    found = translator.exits[number]
    closed = translator.registers.variables - len(translator.code.co_freevars)
    bound = [slot for slot, value in enumerate(found.variables[:closed]) if value is not None]
    values = [found.variables[slot] for slot in bound] + [value for value in found.stack if value.kind != NULL]
    places = tuple(place_of(value) for value in values if value is not None)
    function = continuation(
        translator.function,
        found.offset,
        bound,
        [value.kind != NULL for value in found.stack],
        raises,
        tables=translator.tables,
    )
    return ExitPlan(function, places, owned_registers(found))


def owned_registers(found: Exit) -> tuple[int, ...]:
    """Returns the registers whose references die with the code at an exit."""
    values = [value for value in (*found.variables, *found.stack) if value is not None]
    return tuple(register for value in values for register in _owned(value))


def _owned(value: Value) -> Iterator[int]:
    if value.owned:
        yield value.register
    for part in value.parts:
        yield from _owned(part)


def place_of(value: Value) -> Place:
    if value.constant:
        return ("k", value.known)
    if value.kind in CODES:
        return (CODES[value.kind], value.register)
    if value.kind == NONE:
        return ("k", None)
    if value.kind == RANGE:
        return ("range", value.register)
    if value.kind == ITEMS:
        return ("items", value.register)
    if value.kind == COUNTED:
        return ("counted", value.register, place_of(value.parts[0]))
    if value.kind in (ZIPPED, DISPLAY):
        return ("zipped" if value.kind == ZIPPED else "display", tuple(place_of(part) for part in value.parts))
    return ("o", value.register)


def handles(translator: Translator, number: int) -> bool:
    """Returns whether an exception at an exit's instruction is handled by the function."""
    return translator.text.handler_of(translator.exits[number].offset) is not None


__all__ = ["ExitPlan", "handles", "owned_registers", "plan"]
