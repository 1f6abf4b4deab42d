"""Items that nothing but an iterator holds: zip() and enumerate() keep the tuple that they gave last, to use it again.

    for i, node in enumerate(nodes):    the variable holds the node as long as the tuple does
        node = node.next                now only the tuple does: if `nodes` drops the node, it lives until the next iteration

Typed code makes no tuple. Where a loop's variables may not hold its items, the iterator has registers that do.
"""

from __future__ import annotations

import sys

from cascade.kernels.blocks.comprehensions import begun_at
from cascade.kernels.blocks.decode import Function, Instruction, decode, stored_by
from cascade.kernels.blocks.sequences import KINDS
from cascade.kernels.blocks.translator import Translator
from cascade.kernels.blocks.values import BACKWARD_ITEMS, ITEMS, NOTHING, Value
from cascade.kernels.model import NONE, OBJECT

HANDLER = "PUSH_EXC_INFO"
"""With this instruction a handler of exceptions begins. Those of statements in a loop may stand behind the function's last statement."""


def held_items(translator: Translator, call: Instruction, parts: tuple[Value, ...]) -> tuple[Value, ...]:
    """Returns what holds the items that zip() or enumerate() gives last, by the iterators that it takes them of: at first None.

    Args:
        call: the call of the function, which a loop over its result follows.
    """
    loop = loop_over(translator, call)
    return tuple(holder(translator, part) for part in parts) if loop is not None and lets_items_go(*loop) else ()


def holder(translator: Translator, part: Value) -> Value:
    """Returns a register for the last item of an iterator, the third one of its place; only lists and tuples have items that may die."""
    if part.kind != ITEMS or not (part.cls in KINDS or part.cls is BACKWARD_ITEMS):
        return NOTHING
    register = part.register + 2
    translator.emit("OWN", a=register, b=translator.registers.none)
    return Value(OBJECT, register, owned=True, general=True)


def iterators_in(iterator: Value) -> tuple[Value, ...]:
    """Returns the iterators that zip() or enumerate() takes items of."""
    return tuple(part for part in iterator.parts if part.kind not in (OBJECT, NONE))


def held_in(iterator: Value) -> tuple[Value, ...]:
    """Returns what holds their last items."""
    return tuple(part for part in iterator.parts if part.kind in (OBJECT, NONE))


def hold(translator: Translator, held: Value, item: Value) -> None:
    """Holds an item in place of the last one."""
    if held.kind != NONE:
        last = translator.temporary()
        translator.emit("MOVE", a=last, b=held.register)
        translator.emit("OWN", a=held.register, b=item.register)
        translator.consume(Value(OBJECT, last, owned=True))


def loop_over(translator: Translator, call: Instruction) -> tuple[Function, Instruction] | None:
    """Returns the loop over the result of a call, with the function that it is a part of: this one, or a comprehension up to 3.11."""
    get = translator.text.instructions[call.after]
    following, _ = begun_at(translator, get.after)
    if following.name == "FOR_ITER":
        return translator.text, following
    code = translator.state.stack[len(translator.state.stack) - call.arg - 3].code
    if code is None:
        return None
    text = decode(code)
    return next(((text, each) for each in text.instructions.values() if each.name == "FOR_ITER"), None)


def lets_items_go(text: Function, loop: Instruction) -> bool:
    """Returns whether variables other than the loop's own, or none, hold its items at times.

    They always do where the loop's variables are different local ones, to which no other instruction in the loop gives a value.
    """
    variables, behind = targets_of(text, loop)
    if variables is None or len(set(variables)) < len(variables):
        return True
    instructions = text.instructions.values()
    handlers = [each.start for each in instructions if each.name == HANDLER and each.start >= loop.target]
    apart = min(handlers, default=sys.maxsize)
    return any(
        not set(variables).isdisjoint(stored_by(each))
        for each in instructions
        if behind <= each.start < loop.target or each.start >= apart
    )


def targets_of(text: Function, loop: Instruction) -> tuple[list[int] | None, int]:
    """Returns the local variables of a loop, None where it has others, and the offset behind the instructions that set them."""
    variables: list[int] = []
    waiting, offset = 1, loop.after
    while waiting > 0:
        instruction = text.instructions[offset]
        stored = stored_by(instruction)
        if instruction.name == "UNPACK_SEQUENCE":
            waiting += instruction.arg - 1
        elif stored and instruction.name.startswith("STORE"):
            waiting -= len(stored)
            variables += stored
        elif instruction.name not in ("NOP", "CACHE"):
            return None, offset
        offset = instruction.after
    return variables, offset
