"""Forms of `for`: ranges, lists, tuples, and enumerate() and zip() of these."""

from __future__ import annotations

from collections.abc import Callable

from cascade.kernels.assemble import Label
from cascade.kernels.blocks.decode import Instruction
from cascade.kernels.blocks.generic import call_out
from cascade.kernels.blocks.sequences import KINDS
from cascade.kernels.blocks.translator import Form, LeavesTyped, Translator, form
from cascade.kernels.blocks.values import COUNTED, DISPLAY, ITEMS, RANGE, ZIPPED, Value
from cascade.kernels.model import INT, OBJECT

ITERATORS = (RANGE, ITEMS, COUNTED, ZIPPED)
ITERATED_OF: dict[type, Form] = {}
"""`iter(container)` by the class of the container, where another module has the form."""
Next = Callable[[Translator, Value, Label], Value]
NEXT_OF: dict[type, Next] = {}
"""What returns the next item of an iterator, or goes to a label at its end, by the class of the iterator."""


@form("GET_ITER")
def get_iter(translator: Translator, instruction: Instruction) -> None:
    value = translator.state.stack[-1]
    if value.kind in ITERATORS:
        return
    translator.whole(-1)
    value = translator.seen(-1)
    if (
        value.cls in KINDS
        and value.kind == OBJECT
        and translator.text.instructions[instruction.after].name == "FOR_ITER"
    ):
        depth = len(translator.state.stack) - 1
        iterator = over_items(translator, value, translator.registers.slot(depth))
        translator.pop()
        translator.push(iterator)
        return
    if value.cls in NEXT_OF:
        return
    if value.cls in ITERATED_OF:
        ITERATED_OF[value.cls](translator, instruction)
        return
    call_out(translator, instruction)


def over_items(translator: Translator, value: Value, register: int) -> Value:
    """Returns an iterator over a list or tuple, in the given registers; it takes over the reference, or makes one."""
    if value.owned:
        translator.emit("MOVE", a=register, b=value.register)
    else:
        translator.emit("OWN", a=register, b=translator.register(value))
    translator.emit("MOVE", a=register + 1, b=translator.register(Value(INT, known=0)))
    translator.chunk.drop(value)
    return Value(ITEMS, register, value.cls, True)


@form("FOR_ITER")
def for_iter(translator: Translator, instruction: Instruction) -> None:
    iterator = translator.state.stack[-1]
    if iterator.kind == RANGE:
        over_range(translator, instruction, iterator)
    elif iterator.kind in (ITEMS, COUNTED, ZIPPED) or iterator.cls in NEXT_OF:
        end = Label()
        item = next_of(translator, iterator, end)
        at_end(translator, instruction, end, (iterator,))
        translator.push(item)
    else:
        raise LeavesTyped


def next_of(translator: Translator, iterator: Value, end: Label) -> Value:
    """Returns the next item of an iterator; at its end goes to a label."""
    if iterator.kind == OBJECT and iterator.cls is not None:
        return NEXT_OF[iterator.cls](translator, iterator, end)
    if iterator.kind == ITEMS:
        register = translator.temporary()
        translator.emit(f"{KINDS[iterator.cls]}_NEXT", a=register, b=iterator.register, target=end)
        return Value(OBJECT, register)
    if iterator.kind == RANGE:
        register = translator.temporary()
        translator.emit("NEXT", a=register, b=iterator.register, target=end)
        return Value(INT, register)
    if iterator.kind == COUNTED:
        item = next_of(translator, iterator.parts[0], end)
        count = translator.temporary()
        number = iterator.register
        translator.emit("MOVE", a=count, b=number)
        translator.emit("ADD_INT", a=number, b=count, c=translator.register(Value(INT, known=1)))
        return Value(DISPLAY, parts=(Value(INT, count), item))
    items = tuple(next_of(translator, part, end) for part in iterator.parts)
    return Value(DISPLAY, parts=items)


def at_end(translator: Translator, instruction: Instruction, end: Label, released: tuple[Value, ...]) -> None:
    """At the end of an iterator, its references are dropped, and the loop is left."""
    state = translator.state
    translator.state = state.copy()
    translator.pop()
    translator.await_end(end, instruction.target, released)
    translator.state = state


def over_range(translator: Translator, instruction: Instruction, iterator: Value) -> None:
    following = translator.text.instructions[instruction.after]
    version, end = translator.version, Label()
    local = following.arg if following.name == "STORE_FAST" and instruction.after not in translator.text.joins else -1
    old = translator.state.variables[local] if local >= 0 else None
    at_end(translator, instruction, end, ())
    if local < 0 or (old is not None and old.kind == OBJECT):
        item = translator.temporary()
        translator.emit("NEXT", a=item, b=iterator.register, target=end)
        translator.push(Value(INT, item))
        return
    translator.save_aliases(local)
    translator.emit("NEXT", a=local, b=iterator.register, target=end)
    translator.state.variables[local] = Value(INT, local)
    if version is not None and version.rotated is None and old is not None and old.kind == INT:
        body = Label()
        translator.chunk.put(body)
        version.rotated = (local, body)
    translator.offset = following.after


__all__ = ["call_out"]
