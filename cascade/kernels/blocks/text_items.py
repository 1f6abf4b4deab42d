"""Items of text and bytes: subscripts, iteration. An item of a text is a character, unboxed, as long as it is one of Latin-1."""

from __future__ import annotations

from cascade.kernels.assemble import Label
from cascade.kernels.blocks.decode import Instruction
from cascade.kernels.blocks.generic import call_out
from cascade.kernels.blocks.translator import Translator
from cascade.kernels.blocks.values import CHAR, Value
from cascade.kernels.model import BOOL, INT, OBJECT

NEXT = {str: "TEXT_NEXT", bytes: "BYTES_NEXT"}
"""The instruction for the next item."""


def load_item(translator: Translator, instruction: Instruction) -> None:
    """Translates `x[i]` of a text or bytes; both classes have been seen."""
    container, index = translator.state.stack[-2:]
    if container.kind != OBJECT or index.kind not in (INT, BOOL):
        call_out(translator, instruction)
        return
    item = item_of(translator, container, index)
    translator.pop(), translator.pop()
    translator.consume(index, container)
    translator.push(item)


def item_of(translator: Translator, container: Value, index: Value) -> Value:
    if container.cls is bytes:
        return translator.computed(INT, "BYTES_ITEM", container, index)
    if translator.general:
        return translator.computed(OBJECT, "TEXT_ITEM_OBJECT", container, index)._replace(cls=str, owned=True)
    b, c = translator.register(container), translator.register(index)
    result = translator.temporary()
    translator.emit("TEXT_ITEM", a=result, b=b, c=c, target=translator.otherwise())
    return Value(CHAR, result)


def is_iterable(translator: Translator, place: int) -> bool:
    """Returns whether a value on the stack is text or bytes, over which an iterator can be made.

    That over a text has characters, unboxed; if that is not possible, the instruction is translated in its general way.
    """
    value = translator.state.stack[place]
    if value.cls is str and not translator.general:
        translator.emit("EXPECT_LATIN", a=translator.register(value), target=translator.otherwise())
    return value.cls in (str, bytes)


def next_item(translator: Translator, iterator: Value, end: Label) -> Value:
    """Returns the next item; at the end goes to a label."""
    register = translator.temporary()
    if iterator.cls is bytes:
        translator.emit("BYTES_NEXT", a=register, b=iterator.register, target=end)
        return Value(INT, register)
    if iterator.general:
        translator.emit("TEXT_NEXT_OBJECT", a=register, b=iterator.register, target=end)
        return Value(OBJECT, register, str, True)
    translator.emit("TEXT_NEXT", a=register, b=iterator.register, target=end)
    return Value(CHAR, register)
