"""Forms of calls: builtins, methods of lists, functions of `math`."""

from __future__ import annotations

import builtins
import math
from collections.abc import Callable
from types import BuiltinFunctionType, FunctionType, MethodDescriptorType, MethodType, ModuleType, WrapperDescriptorType

from cascade.kernels.blocks import arrays, scalars, text_items
from cascade.kernels.blocks.c_calls import C_FUNCTIONS, call_c, finish
from cascade.kernels.blocks.chunks import STRIDE
from cascade.kernels.blocks.decode import Instruction
from cascade.kernels.blocks.generic import call_out
from cascade.kernels.blocks.iteration import iterator_of, places_to_loop
from cascade.kernels.blocks.last_items import held_items
from cascade.kernels.blocks.lookahead import callee_of, consumer
from cascade.kernels.blocks.names import NULL_LAST
from cascade.kernels.blocks.numbers import SIZES, truth
from cascade.kernels.blocks.regions import IS_TYPED, call_out_region
from cascade.kernels.blocks.sequences import KINDS, append, expect_list, inherited_from
from cascade.kernels.blocks.translator import Translator, form
from cascade.kernels.blocks.values import BACKWARD_ITEMS, COUNTED, HELD, ITEMS, NULL, RANGE, ZIPPED, Value
from cascade.kernels.lasting import is_instance
from cascade.kernels.model import BOOL, INT, OBJECT

ZIPPED_LIMIT = 3
FURTHEST_START = 2**62
"""The largest number from which enumerate() counts here: no loop gets from there to 2**63."""
RANGE_SIZE = 3
"""Registers of a range."""


@form("CALL_KW")
def call_with_names(translator: Translator, instruction: Instruction) -> None:
    """As CALL behind KW_NAMES: see LOAD_CONST."""
    if translator.keywords:
        call(translator, instruction._replace(name="CALL"))
    else:
        call_out(translator, instruction)


@form("CALL")
def call(translator: Translator, instruction: Instruction) -> None:
    keywords, translator.keywords = translator.keywords, ()
    start, translator.call_start = translator.call_start, -1
    start = instruction.start if start < 0 else start
    count = instruction.arg
    stack = translator.state.stack
    callee, bound = stack[-count - 2], stack[-count - 1]
    if not NULL_LAST and callee.kind == NULL:
        callee, bound = bound, callee
    translator.offset = start  # CPython continues with PRECALL
    translator.refresh()
    form_found = False
    if callee.constant and keywords and callee.kind == OBJECT:
        arguments = count + (bound.kind != NULL)
        form_found = any(other(translator, callee.known, arguments, instruction, keywords) for other in WITH_KEYWORDS)
    elif callee.constant and not keywords and callee.kind == OBJECT:
        arguments = count + (bound.kind != NULL)
        form_found = translate(translator, callee.known, arguments, instruction)
    elif callee.code is not None and not keywords:
        arguments = count + (bound.kind != NULL)
        form_found = any(made(translator, callee, arguments, instruction) for made in OF_MADE_FUNCTIONS)
    if not form_found and not keywords and bound.kind == NULL and callee.kind == OBJECT:
        form_found = any(other(translator, callee, instruction) for other in CALLEES)
    if form_found:
        translator.offset = max(translator.offset, instruction.after)
    else:
        call_out_region(translator, instruction, start)


def translate(translator: Translator, function: object, count: int, instruction: Instruction) -> bool:
    """Translates a call of a known function whose `count` arguments stand on the stack; returns whether there is a form."""
    if type(function) not in HASHED:
        return False
    known = CALLS.get(function)
    if known is not None and known(translator, count, instruction):
        return True
    if any(other(translator, function, count, instruction) for other in OTHERS):
        return True
    if function in C_FUNCTIONS:
        return call_c(translator, function, count, instruction)
    return False


CALLEES: list[Callable[[Translator, Value, Instruction], bool]] = []
"""What other families do of a call of an object; each returns whether it has done so."""
OTHERS: list[Callable[[Translator, object, int, Instruction], bool]] = []
"""What other families do of a call whose function is known; each returns whether it has done so."""
WITH_KEYWORDS: list[Callable[[Translator, object, int, Instruction, tuple[str, ...]], bool]] = []
"""The same where the last arguments have names."""
OF_MADE_FUNCTIONS: list[Callable[[Translator, Value, int, Instruction], bool]] = []
"""The same for functions that were made in this code: what is called is a value whose code is known."""


def may_be_typed(function: object) -> bool:
    """Returns whether a call of a known function may have a form."""
    if type(function) in (FunctionType, MethodType) or is_instance(function, type):
        return True
    if type(function) is BuiltinFunctionType and not isinstance(function.__self__, ModuleType):
        return True
    if type(function) is BuiltinFunctionType and function.__self__ is math:
        return True
    return type(function) in HASHED and (function in CALLS or function in C_FUNCTIONS)


IS_TYPED.append(may_be_typed)
HASHED = (type, BuiltinFunctionType, FunctionType, MethodDescriptorType, MethodType, WrapperDescriptorType)
"""Classes of callables whose hash runs no code of users."""


def numbers(translator: Translator, count: int, scalars_too: bool = False) -> list[Value] | None:
    """Returns the arguments if all are numbers, or also scalars of NumPy's."""
    for place in range(-count, 0):
        translator.whole(place)
        value = translator.seen(place)
        if not value.number and not (scalars_too and value.scalar):
            return None
    return translator.state.stack[len(translator.state.stack) - count :]


def as_int(translator: Translator, value: Value) -> Value:
    if value.kind == INT:
        return value
    if value.constant:
        return Value(INT, known=int(bool(value.known)))
    result = translator.temporary()
    translator.emit("MOVE", a=result, b=translator.register(value))
    return Value(INT, result)


Known = Callable[[Translator, int, Instruction], bool]
CALLS: dict[object, Known] = {}


def known(function: object) -> Callable[[Known], Known]:
    def enter(translated: Known) -> Known:
        CALLS[function] = translated
        return translated

    return enter


@known(builtins.len)
def call_len(translator: Translator, count: int, instruction: Instruction) -> bool:
    if count != 1:
        return False
    translator.whole(-1)
    value = translator.seen(-1)
    size = arrays.length(translator, value)
    if size is not None:
        return finish(translator, instruction, size)
    if inherited_from(translator, -1, "__len__"):
        return finish(translator, instruction, translator.computed(INT, "SIZE", translator.state.stack[-1]))
    if value.kind != OBJECT or value.cls not in SIZES:
        return False
    return finish(translator, instruction, translator.computed(INT, SIZES[value.cls], value))


@known(builtins.bool)
def call_bool(translator: Translator, count: int, instruction: Instruction) -> bool:
    if count != 1:
        return False
    translator.whole(-1)
    value = translator.seen(-1)
    return value.kind in HELD and finish(translator, instruction, truth(translator, value))


# -- Iterators ----------------------------------------------------------------------------------------------------------


def is_iterated(translator: Translator, instruction: Instruction) -> bool:
    """Returns whether a call's result is only iterated over, by the `for` that follows."""
    return places_higher(translator, instruction) is not None


def places_higher(translator: Translator, instruction: Instruction, below: int | None = None) -> int | None:
    """Returns by how many places a call's result stands higher at the loop over it; None where none follows.

    Args:
        instruction: the call.
        below: the place of the stack below the call's operands, if these do not stand there yet.
    """
    get = translator.text.instructions.get(instruction.after)
    if get is None or get.name != "GET_ITER" or {get.start, instruction.after} & translator.text.joins:
        return None
    return places_to_loop(
        translator, get, len(translator.state.stack) - instruction.arg - 3 if below is None else below
    )


def iterator_slot(translator: Translator, instruction: Instruction) -> int:
    """Returns the first register of the iterator that a call makes, where its loop is; no argument is in the way afterwards."""
    stack = translator.state.stack
    first = len(stack) - instruction.arg - 2
    register = translator.registers.slot(first + (places_higher(translator, instruction) or 0))
    for place in range(first, len(stack)):
        if register <= stack[place].register < register + STRIDE:
            stack[place] = stack[place]._replace(register=moved(translator, stack[place].register))
            translator.refresh()
    return register


ITERATING = (builtins.enumerate, builtins.zip, builtins.reversed)


def is_iterated_by(translator: Translator, instruction: Instruction) -> bool:
    """Returns whether a call's result is an argument of a function that a `for` iterates over."""
    found = consumer(translator, instruction.after)
    ours = len(translator.state.stack) - instruction.arg - 2
    if found is None or found[0].name != "CALL":
        return False
    if places_higher(translator, found[0], ours - found[0].arg - 3 + found[1]) != 0:
        return False
    function = callee_of(translator, *found, ours)
    return function in ITERATING and (function is not builtins.reversed or found[0].arg == 1)


@known(builtins.range)
def call_range(translator: Translator, count: int, instruction: Instruction) -> bool:
    if not 1 <= count <= 3 or not (is_iterated(translator, instruction) or is_iterated_by(translator, instruction)):
        return False
    values = numbers(translator, count, scalars_too=True)
    if values is None or not all(scalars.is_index(value) for value in values):
        return False
    register = iterator_slot(translator, instruction)
    values = translator.state.stack[len(translator.state.stack) - count :]
    start, stop, step = Value(INT, known=0), values[0], Value(INT, known=1)
    if count > 1:
        start, stop = values[0], values[1]
    if count > 2:
        step = values[2]
    for place, value in enumerate((start, stop, step)):
        translator.emit("MOVE", a=register + place, b=translator.register(value))
    translator.emit("RANGE", a=register)
    return finish(translator, instruction, Value(RANGE, register))


def moved(translator: Translator, source: int) -> int:
    result = translator.temporary()
    translator.emit("MOVE", a=result, b=source)
    return result


@known(builtins.enumerate)
def call_enumerate(translator: Translator, count: int, instruction: Instruction) -> bool:
    if not 1 <= count <= 2 or not is_iterated(translator, instruction):
        return False
    start = Value(INT, known=0)
    if count == 2:
        translator.whole(-1)
        start = translator.seen(-1)
    if start.kind not in (INT, BOOL) or not is_iterable(translator, -count, instruction):
        return False
    start = translator.state.stack[-1] if count == 2 else start
    if not counts_on(translator, start):
        return False
    register = iterator_slot(translator, instruction)
    parts = iterators(translator, count, 1, register + 1)
    translator.emit("MOVE", a=register, b=translator.register(start))
    held = held_items(translator, instruction, parts)
    return finish(translator, instruction, Value(COUNTED, register, parts=(*parts, *held)))


def counts_on(translator: Translator, start: Value) -> bool:
    """Returns whether enumerate() may count from a number without end: an item has been taken when the next number is computed."""
    if start.constant:
        return isinstance(start.known, int) and start.known <= FURTHEST_START
    if translator.general:
        return False
    limit = translator.register(Value(INT, known=FURTHEST_START))
    translator.emit("JUMP_LESS_EQUAL_INT", a=limit, b=translator.register(start), target=translator.otherwise())
    return True


@known(builtins.zip)
def call_zip(translator: Translator, count: int, instruction: Instruction) -> bool:
    if not 1 <= count <= ZIPPED_LIMIT or not is_iterated(translator, instruction):
        return False
    if not all(is_iterable(translator, place, instruction) for place in range(-count, 0)):
        return False
    register = iterator_slot(translator, instruction)
    parts = iterators(translator, count, count, register)
    held = held_items(translator, instruction, parts)
    return finish(translator, instruction, Value(ZIPPED, register, parts=(*held, *parts)))


def is_iterable(translator: Translator, place: int, instruction: Instruction) -> bool:
    """Returns whether an argument is a list, tuple, text, bytes or range; a range object becomes three registers of its place."""
    if translator.state.stack[place].kind == RANGE:
        return True
    translator.whole(place)
    value = translator.seen(place)
    if value.kind == OBJECT and value.cls is range and places_higher(translator, instruction) == 0:
        translator.state.stack[place] = iterator_of(translator, value, slot_of(translator, place))
        translator.refresh()
        return True
    iterable = value.cls in KINDS or arrays.is_iterable(value)
    return value.kind == OBJECT and (iterable or text_items.is_iterable(translator, place))


def slot_of(translator: Translator, place: int) -> int:
    return translator.registers.slot(len(translator.state.stack) + place)


def iterators(translator: Translator, count: int, taken: int, register: int) -> tuple[Value, ...]:
    """Returns iterators over the first arguments of a call, one behind the other in registers of the call's own place."""
    stack = translator.state.stack
    parts = []
    for place in range(-count, taken - count):
        if stack[place].kind == RANGE:
            for number in range(RANGE_SIZE):
                translator.emit("MOVE", a=register + number, b=stack[place].register + number)
            parts.append(Value(RANGE, register))
        else:
            parts.append(iterator_of(translator, stack[place], register))
        stack[place] = Value(NULL)
        register += RANGE_SIZE
    return tuple(parts)


@known(builtins.reversed)
def call_reversed(translator: Translator, count: int, instruction: Instruction) -> bool:
    value = translator.state.stack[-1]
    if count == 1 and value.kind == OBJECT and is_iterated(translator, instruction):
        return reversed_list(translator, instruction)
    if count != 1 or value.kind != RANGE:
        return False
    translator.emit("RANGE_BACKWARD", a=value.register)
    register = iterator_slot(translator, instruction)
    for number in range(RANGE_SIZE):
        translator.emit("MOVE", a=register + number, b=value.register + number)
    return finish(translator, instruction, Value(RANGE, register))


def reversed_list(translator: Translator, instruction: Instruction) -> bool:
    """An iterator over a list from its last item on: the list and an index, in registers."""
    if translator.seen(-1).cls is not list:
        return False
    register = iterator_slot(translator, instruction)
    value = translator.state.stack[-1]
    size = translator.computed(INT, "SIZE", value)
    translator.emit("SUB_INT", a=register + 1, b=size.register, c=translator.register(Value(INT, known=1)))
    translator.chunk.drop(size)
    translator.emit("MOVE" if value.owned else "OWN", a=register, b=translator.register(value))
    if value.owned:
        translator.state.stack[-1] = Value(NULL)  # its reference has been passed on
    return finish(translator, instruction, Value(ITEMS, register, BACKWARD_ITEMS, True))


# -- Methods of lists ---------------------------------------------------------------------------------------------------


@known(list.append)
def call_append(translator: Translator, count: int, instruction: Instruction) -> bool:
    if count != 2:
        return False
    value = translator.whole(-1)
    if value.kind not in HELD or not expect_list(translator, -2):
        return False
    append(translator, translator.state.stack[-2])
    operands = [translator.pop() for _ in range(2)]
    translator.push(Value("none", known=None))
    translator.consume(*operands)
    return True


@known(list.pop)
def call_pop(translator: Translator, count: int, instruction: Instruction) -> bool:
    if count != 1 or not expect_list(translator, -1):
        return False
    translator.before_effect()
    made = translator.state.stack[-1]
    result = translator.computed(OBJECT, "LIST_POP", made)._replace(owned=True)
    return finish(translator, instruction, result)
