"""Forms of calls of `functools.partial` objects of functions of numbers: `partial(max, 0.0)(x)` is `max(0.0, x)`.

The function and the classes of the arguments that an object holds are those that were met first; they are tested at each call.
"""

from __future__ import annotations

import builtins
from functools import partial
from typing import NamedTuple

from cascade._vm import learn_partial
from cascade.kernels.blocks.calls import CALLEES, translate
from cascade.kernels.blocks.decode import Instruction
from cascade.kernels.blocks.names import NULL_LAST
from cascade.kernels.blocks.translator import Translator
from cascade.kernels.blocks.values import Value
from cascade.kernels.functions import MATH
from cascade.kernels.model import BOOL, FLOAT, INT

KINDS: dict[type, str] = {int: INT, float: FLOAT, bool: BOOL}
FUNCTIONS = (
    builtins.min,
    builtins.max,
    builtins.pow,
    *(function for function, known in MATH.items() if known.instruction),
)
"""Functions whose forms need no other side exit than the call's."""


class Partial(NamedTuple):
    """What a partial object is expected to be: its function, and the kinds of the arguments that it holds."""

    function: object
    kinds: tuple[str, ...]


def partial_of(found: partial[object]) -> Partial | None:
    if not any(found.func is function for function in FUNCTIONS) or found.keywords:
        return None
    kinds = tuple(KINDS.get(type(item), "") for item in found.args)
    return Partial(found.func, kinds) if all(kinds) else None


def call_partial(translator: Translator, callee: Value, instruction: Instruction) -> bool:
    """Translates a call of a partial object: the arguments that it holds are put before those on the stack."""
    if translator.general or callee.register < 0:
        return False
    count = instruction.arg
    place = -count - 2 if NULL_LAST else -count - 1
    callee = translator.seen(place)
    if callee.met is not partial:
        return False
    if any(not translator.seen(-number - 1).number for number in range(count)):
        return False
    known = expected(translator, instruction, place)
    if known is None:
        return False
    owner, otherwise = translator.register(callee), translator.otherwise()
    function = translator.object_register(known.function)
    translator.emit("EXPECT_PARTIAL", a=owner, b=function, c=len(known.kinds), target=otherwise)
    held = []
    for number, kind in enumerate(known.kinds):
        item, result = translator.temporary(), translator.temporary()
        translator.emit("PARTIAL_ITEM", a=item, b=owner, c=number)
        translator.emit(f"UNBOX_{kind.upper()}", a=result, b=item, target=otherwise)
        held.append(Value(kind, result))
    stack = translator.state.stack
    translator.keep_identity(*stack[len(stack) - count :])  # the stack is still the instruction's
    stack[len(stack) - count : len(stack) - count] = held
    longer = instruction._replace(arg=count + len(held))
    if translate(translator, known.function, longer.arg, longer):
        return True
    del stack[len(stack) - longer.arg : len(stack) - count]
    return False


def expected(translator: Translator, instruction: Instruction, place: int) -> Partial | None:
    """Returns what the partial object of a call is expected to be: as the one that is there now."""
    if instruction.start not in translator.partials:
        found = translator.found_here(place, partial)
        if found is None:
            return None
        translator.partials[instruction.start] = partial_of(found)  # type: ignore[arg-type]
    known = translator.partials[instruction.start]
    return known if isinstance(known, Partial) else None


if learn_partial(partial):
    CALLEES.append(call_partial)
