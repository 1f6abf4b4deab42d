"""Consumers of generator expressions: `sum(x * x for x in xs)` is a loop, without a generator.

The expression's code has a kernel of its own, as if it were a function; where it yields a value, its consumer takes that, in place of
the function that is called with the generator. What the function has so far is in hidden variables. Where the code exits, it
continues as a generator, and the function with the values that are still to come: see `vm/kernel_consumers.h`.
"""

from __future__ import annotations

import builtins
import sys
from collections.abc import Callable

from cascade.kernels.assemble import Label
from cascade.kernels.blocks.comprehensions import CONSUMERS
from cascade.kernels.blocks.decode import Instruction
from cascade.kernels.blocks.emitter import names_of
from cascade.kernels.blocks.numbers import as_float, jump_of, tested
from cascade.kernels.blocks.points import LeavesTyped
from cascade.kernels.blocks.sequences import append
from cascade.kernels.blocks.sets import add_to_set
from cascade.kernels.blocks.translator import Consumer, Translator, form
from cascade.kernels.blocks.values import HELD, NOTHING, Value
from cascade.kernels.model import BOOL, FLOAT, INT, OBJECT

SUMS_ERRORS = sys.version_info >= (3, 12)
"""Whether sum() adds the errors of the additions of floats; they are in the second hidden variable."""


@form("RETURN_GENERATOR")
def return_generator(translator: Translator, instruction: Instruction) -> None:
    if translator.consumer is None:
        raise LeavesTyped
    translator.consumer.begin(translator)
    translator.push(NOTHING)


@form("YIELD_VALUE")
def yield_value(translator: Translator, instruction: Instruction) -> None:
    if translator.consumer is None:
        raise LeavesTyped
    translator.consumer.take(translator, instruction)
    if not translator.moved:
        translator.push(NOTHING)


def first(translator: Translator) -> int:
    """Returns the number of the first hidden variable."""
    return translator.registers.variables


def hidden(translator: Translator) -> Value | None:
    """Returns the first hidden variable, as a value on the stack is; None where it is unbound."""
    number = first(translator)
    value = translator.state.variables[number]
    return None if value is None else value._replace(owned=False, local=number)


def nothing(translator: Translator) -> None:
    """The state of a consumer that has taken no value."""


# -- sum() ------------------------------------------------------------------------------------------------------------


def begin_sum(translator: Translator) -> None:
    translator.store(first(translator), Value(INT, known=0))


def add(translator: Translator, instruction: Instruction) -> None:
    translator.whole(-1)
    value, total = translator.seen(-1), hidden(translator)
    if not value.number or total is None or total.kind not in (INT, FLOAT):
        raise LeavesTyped
    if value.kind != FLOAT and total.kind == INT:
        result = translator.computed(INT, "ADD_INT", total, value)
    elif total.kind == INT or value.kind != FLOAT or not SUMS_ERRORS:
        result = translator.computed(FLOAT, "ADD_FLOAT", as_float(translator, total), as_float(translator, value))
    else:
        translator.emit("SUM_FLOAT", a=first(translator), c=translator.register(value))
        translator.consume(translator.pop())
        return
    translator.pop()
    translator.consume(value)
    translator.store(first(translator), result)
    if SUMS_ERRORS and result.kind == FLOAT and total.kind == INT:
        translator.store(first(translator) + 1, Value(FLOAT, known=0.0))


def end_sum(translator: Translator) -> None:
    total = hidden(translator)
    if total is None or total.kind not in (INT, FLOAT):
        raise LeavesTyped
    if SUMS_ERRORS and total.kind == FLOAT:
        result = translator.temporary()
        translator.emit("SUM_ERRORS", a=result, b=first(translator))
        total = Value(FLOAT, result)
    translator.push(total)


# -- any() and all() --------------------------------------------------------------------------------------------------


def searching(wanted: bool) -> Callable[[Translator, Instruction], None]:
    """Returns how a value is taken by a function that ends at the first one whose truth is `wanted`."""

    def take(translator: Translator, instruction: Instruction) -> None:
        found = tested(translator)
        if found.constant:
            translator.consume(translator.pop())
            if found.known is wanted:
                translator.consume(*end_early(translator))
                translator.go_to(end_of(translator))
            return
        name, left, right = jump_of(found, wanted)
        a, b = translator.register(left), translator.register(right)
        value = translator.pop()
        before, ended = translator.state, Label()
        translator.state = before.copy()
        released = (value, *end_early(translator)) if value.owned else end_early(translator)
        for each in released:
            translator.chunk.pinned.update(names_of(each))
        translator.await_end(ended, end_of(translator), released)
        translator.state = before
        translator.emit(f"JUMP_{name}", a=a, b=b, target=ended)
        translator.consume(*(part for part in (left, right) if part is not value), value)

    return take


def end_early(translator: Translator) -> tuple[Value, ...]:
    """The state where the value that is looked for has been found; returns the values that die with the generator, in that order."""
    stack, variables = translator.state.stack, translator.state.variables
    released = tuple(reversed(stack))
    if VARIABLES_DIE_FIRST:
        held = {
            place: value
            for place, value in enumerate(variables)
            if value is not None and value.kind == OBJECT and value.owned
        }
        released = (*held.values(), *stack)
        for place in held:
            variables[place] = None
    stack.clear()
    variables[first(translator)] = NOTHING
    return released


VARIABLES_DIE_FIRST = sys.version_info >= (3, 13)
"""Whether CPython closes a generator that handles no exception by clearing its frame; before, an exception took the values off the stack."""


def end_of(translator: Translator) -> int:
    """Returns the offset at which the outermost loop ends."""
    return next(each.target for each in translator.text.instructions.values() if each.name == "FOR_ITER")


def ending(wanted: bool) -> Callable[[Translator], None]:
    def end(translator: Translator) -> None:
        found = hidden(translator)
        translator.push(Value(BOOL, known=wanted if found is not None else not wanted))

    return end


# -- min() and max() --------------------------------------------------------------------------------------------------


def choosing(least: bool) -> Callable[[Translator, Instruction], None]:
    """Returns how a value is taken by a function that keeps the first one than which none is less, or more."""

    def take(translator: Translator, instruction: Instruction) -> None:
        translator.whole(-1)
        value, best = translator.seen(-1), hidden(translator)
        if not value.number or (best is not None and best.kind != value.kind):
            raise LeavesTyped
        if best is None:
            translator.store(first(translator), translator.pop())
            return
        keep, register = Label(), translator.register(value)
        left, right = (register, best.register) if least else (best.register, register)
        if value.kind == FLOAT:
            translator.emit("JUMP_NOT_LESS_FLOAT", a=left, b=right, target=keep)
        else:
            translator.emit("JUMP_LESS_EQUAL_INT", a=right, b=left, target=keep)
        translator.emit("MOVE", a=best.register, b=register)
        translator.chunk.put(keep)
        translator.consume(translator.pop())

    return take


def end_choice(translator: Translator) -> None:
    best = hidden(translator)
    if best is None or best.kind not in (INT, FLOAT, BOOL):
        raise LeavesTyped
    translator.push(best)


# -- Containers -------------------------------------------------------------------------------------------------------


def making(cls: type) -> Callable[[Translator], None]:
    def begin(translator: Translator) -> None:
        made = translator.temporary()
        translator.emit(f"BUILD_{cls.__name__.upper()}", a=made, e=translator.gather(None, (), ()))
        translator.store(first(translator), Value(OBJECT, made, cls, True))

    return begin


def take_in_list(translator: Translator, instruction: Instruction) -> None:
    made = hidden(translator)
    if translator.whole(-1).kind not in HELD or made is None or made.cls is not list:
        raise LeavesTyped
    append(translator, made)


def take_in_set(translator: Translator, instruction: Instruction) -> None:
    made = hidden(translator)
    if translator.whole(-1).kind not in HELD or made is None or made.cls is not set:
        raise LeavesTyped
    add_to_set(translator, made)


def end_container(translator: Translator) -> None:
    made = translator.state.variables[first(translator)]
    if made is None or made.cls not in (list, set):
        raise LeavesTyped
    translator.state.variables[first(translator)] = None
    translator.push(made)


def converting(instruction: str) -> Callable[[Translator], None]:
    """Returns how the result of a function is made that makes a list first."""

    def end(translator: Translator) -> None:
        made = hidden(translator)
        if made is None or made.cls is not list or translator.general:
            raise LeavesTyped
        result = translator.temporary()
        if instruction == "SORTED":
            translator.emit(instruction, a=result, b=made.register, target=translator.otherwise())
        else:
            translator.emit(instruction, a=result, b=made.register)
        translator.push(Value(OBJECT, result, owned=True))

    return end


# -- All of them ------------------------------------------------------------------------------------------------------

JOIN = Consumer("join", making(list), take_in_list, end_container)
CONSUMERS.update({
    builtins.sum: Consumer("sum", begin_sum, add, end_sum),
    builtins.any: Consumer("any", nothing, searching(True), ending(True)),
    builtins.all: Consumer("all", nothing, searching(False), ending(False)),
    builtins.min: Consumer("min", nothing, choosing(True), end_choice),
    builtins.max: Consumer("max", nothing, choosing(False), end_choice),
    list: Consumer("list", making(list), take_in_list, end_container),
    tuple: Consumer("tuple", making(list), take_in_list, converting("TUPLE_OF")),
    builtins.sorted: Consumer("sorted", making(list), take_in_list, converting("SORTED")),
    set: Consumer("set", making(set), take_in_set, end_container),
    str.join: JOIN,
})  # fmt: skip
