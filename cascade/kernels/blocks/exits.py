"""Side exits as the extension makes them: the continuation, and from where its arguments come."""

from __future__ import annotations

from collections.abc import Iterator
from types import CodeType, FunctionType, TracebackType
from typing import NamedTuple

from cascade.kernels.blocks.last_items import held_in, iterators_in
from cascade.kernels.blocks.points import Exit, IteratorArgument
from cascade.kernels.blocks.resume import continuation
from cascade.kernels.blocks.translator import Translator
from cascade.kernels.blocks.values import (
    AGAIN,
    BACKWARD_ITEMS,
    CODES,
    COUNTED,
    DISPLAY,
    ITEMS,
    ITERATED,
    NULL,
    RANGE,
    ROW,
    UNBOXED,
    ZIPPED,
    Value,
)  # fmt: skip
from cascade.kernels.model import NONE

Place = tuple[object, ...]
"""From where an argument comes: its kind, as the extension knows it, and registers, or the object."""


class ExitPlan(NamedTuple):
    """How CPython continues.

    Attributes:
        function: the continuation; None for an exit that has none, as the function returns there.
        arguments: from where they come.
        owned: the registers whose references are dropped.
        consumed: of a generator expression that is consumed, the name of the consumer, and where it has what it has so far.
    """

    function: FunctionType | None
    arguments: tuple[Place, ...]
    owned: tuple[int, ...]
    consumed: tuple[str, tuple[Place, ...]] | None = None


EXHAUSTED = iter(())


def plan(translator: Translator, number: int, raises_at: int) -> ExitPlan:
    """Returns the plan of a side exit; or of an exception that the instruction at the offset `raises_at` has raised, if that is not -1."""
    found = translator.exits[number]
    closed = translator.registers.variables - len(translator.code.co_freevars)
    bound = [slot for slot, value in enumerate(found.variables[:closed]) if value is not None]
    values = [found.variables[slot] for slot in bound] + [value for value in found.stack if value.kind != NULL]
    places = tuple(place_of(value) for value in values if value is not None)
    if values and values[0] is not None and values[0].kind == AGAIN:
        places = with_iterator(places, len(bound) + (translator.consumer is None))
    at, stack = found.offset if raises_at < 0 else raises_at, [value.kind != NULL for value in found.stack]
    function = continuation(
        translator.function, at, bound, stack, raises_at >= 0, tables=translator.tables, by_iterator=True
    )
    return ExitPlan(function, places, owned_registers(found), consumed(translator, found))


def with_iterator(places: tuple[Place, ...], at: int) -> tuple[Place, ...]:
    """Returns places of which the first one, the parameter of a comprehension, is the iterator at number `at` on the stack."""
    if at >= len(places):
        return (("k", EXHAUSTED), *places[1:])
    return (places[at], *places[1:at], ("again", 0), *places[at + 1 :])


def consumed(translator: Translator, found: Exit) -> tuple[str, tuple[Place, ...]] | None:
    if translator.consumer is None:
        return None
    own = found.variables[translator.registers.variables :]
    return translator.consumer.name, tuple(place_of(value) for value in own if value is not None)


def raising_offset(translator: Translator, number: int, call_out: int, trace: TracebackType | None) -> int:
    """Returns the offset of the instruction that raised: that of a side exit, or, inside a call-out, the one that its traceback names."""
    callee = translator.callees.get(call_out)
    if callee is not None and callee.raises_at >= 0 and trace is None:
        return callee.raises_at
    if call_out < 0 or trace is None:
        return translator.exits[number].offset
    made = translator.call_outs[call_out]
    raised = positions(trace.tb_frame.f_code)[trace.tb_lasti // 2]
    own = positions(translator.code)
    offsets = [each.start for each in translator.text.between(made.start, made.end) if own[each.last // 2] == raised]
    return offsets[0] if offsets else made.start


def positions(code: CodeType) -> list[tuple[int | None, int | None, int | None, int | None]]:
    return list(code.co_positions())


def owned_registers(found: Exit) -> tuple[int, ...]:
    """Returns the registers whose references die with the code at an exit."""
    values = [value for value in (*found.variables, *found.stack, *found.released) if value is not None]
    return tuple(register for value in values for register in _owned(value))


def _owned(value: Value) -> Iterator[int]:
    if value.owned:
        yield value.register
    for part in value.parts:
        yield from _owned(part)


def iterator_place(argument: IteratorArgument) -> tuple[Place, tuple[int, ...]]:
    """Returns where an iterator is that is going to be an argument, and the registers that own references."""
    return place_of(argument.value), tuple(_owned(argument.value))


def place_of(value: Value) -> Place:
    if value.constant:
        return ("k", value.known)
    if value.kind in UNBOXED:
        return (CODES[value.kind], value.register)
    if value.kind == NONE:
        return ("k", None)
    if value.kind == RANGE:
        return ("range", value.register)
    if value.kind == ITEMS:
        return ("backward" if value.cls is BACKWARD_ITEMS else "items", value.register)
    if value.kind in (COUNTED, ZIPPED):
        iterators, held = iterators_in(value), held_in(value)
        return (value.kind, value.register, tuple(map(place_of, iterators)), tuple(map(place_of, held)))
    if value.kind == ITERATED:
        return place_of(value.parts[0])
    if value.kind in (DISPLAY, ROW):
        return (value.kind, tuple(place_of(part) for part in value.parts))
    return ("o", value.register)
