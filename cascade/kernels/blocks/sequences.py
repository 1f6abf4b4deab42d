"""Forms of lists and tuples: items, displays, unpacking."""

from __future__ import annotations

from collections.abc import Callable

from cascade.kernels.blocks import arrays, scalars, text_items, text_operators
from cascade.kernels.blocks.decode import Instruction
from cascade.kernels.blocks.generic import call_out
from cascade.kernels.blocks.lookahead import is_computed_with
from cascade.kernels.blocks.points import LeavesTyped
from cascade.kernels.blocks.translator import Form, Translator, form
from cascade.kernels.blocks.values import DISPLAY, HELD, PLAIN, ROW, UNBOXED, Value
from cascade.kernels.model import BOOL, FLOAT, INT, NONE, OBJECT

ITEMS_OF: dict[type, Form] = {str: text_items.load_item, bytes: text_items.load_item}
"""`container[key]` by the class of the container, where another module has the form."""
KINDS: dict[object, str] = {list: "LIST", tuple: "TUPLE"}
STORES_OF: dict[type, Form] = {}
"""`container[key] = value`."""
Inherits = Callable[[Translator, int, str], type | None]
INHERITS: list[Inherits] = []
"""Says of which of `KINDS` an object on the stack has a method, its class being another one, and has that class tested."""
Other = Callable[[Translator, Instruction], bool]
INDEXED: list[Other] = []
STORED: list[Other] = []
HELD_IN: list[Other] = []
"""What other modules do of `container[key]`, of storing there, and of `value in container`; each returns whether it has done so."""
DELETIONS_OF: dict[type, Form] = {}
"""`del container[key]`."""
HOLDS_OF: dict[type, Form] = {}
"""`value in container`."""
DISPLAY_LIMIT = 8


def inherited_from(translator: Translator, place: int, method: str) -> type | None:
    """Returns list or tuple where the class of an object on the stack inherits it, with its method; that class is tested then."""
    return next(filter(None, (inherits(translator, place, method) for inherits in INHERITS)), None)


def expect_list(translator: Translator, place: int) -> bool:
    """Returns whether an object on the stack, the operand of a method of list, is a list, maybe of a class that inherits it."""
    value = translator.state.stack[place]
    if value.cls is list:
        return True
    if translator.general or value.kind != OBJECT or value.met is None or not issubclass(value.met, list):
        return False
    translator.emit("EXPECT_ANY_LIST", a=translator.register(value), target=translator.otherwise())
    return True


@form("BINARY_SUBSCR")
def binary_subscr(translator: Translator, instruction: Instruction) -> None:
    if of_display(translator) or (indexes_array(translator) and arrays.load_item(translator)):
        return
    container, index = operands(translator)
    if scalars.is_index(index) and (base := inherited_from(translator, -2, "__getitem__")):
        container = translator.state.stack[-2]._replace(cls=base)
    if container.cls in KINDS and scalars.is_index(index):
        item = item_of(translator, container, index)
        translator.pop(), translator.pop()
        if container.owned:
            item = translator.own(item)
        translator.consume(index, container)
        translator.push(item)
        see_soon(translator, instruction.after)
    elif any(other(translator, instruction) for other in INDEXED):
        pass
    elif container.cls in ITEMS_OF:
        ITEMS_OF[container.cls](translator, instruction)
    else:
        call_out(translator, instruction)


def operands(translator: Translator) -> tuple[Value, Value]:
    """Sees a container and an index on the stack. A tuple that a method gets is not made if its code may be put in place of the call."""
    translator.whole(-2)
    container = translator.seen(-2)
    if not (translator.hot and container.met is not None and translator.state.stack[-1].passed_apart):
        translator.whole(-1)
        translator.seen(-1)
    return translator.state.stack[-2], translator.state.stack[-1]


def item_of(translator: Translator, container: Value, index: Value) -> Value:
    """Returns an item, borrowed from the container: that is kept until the item has a reference of its own."""
    return translator.computed(OBJECT, f"{KINDS[container.cls]}_ITEM", container, index)


def see_soon(translator: Translator, offset: int) -> None:
    """Has the class of the value on top of the stack seen at once if it is going to be an operand.

    Its test is then the next instruction, and both are made one (see `OVERLAYS`); other borrowed values are fewer meanwhile.
    """
    if (
        translator.state.stack[-1].unseen
        and offset not in translator.text.joins
        and is_computed_with(translator, offset)
    ):
        translator.offset, translator.general = offset, False
        translator.dispatch(-1)


def update_in_place(translator: Translator, instruction: Instruction) -> bool:
    """Translates the load of an augmented assignment, `COPY 2; COPY 2; BINARY_SUBSCR`, without the copies."""
    second = translator.text.instructions[instruction.after]
    third = translator.text.instructions.get(second.after)
    if (
        third is None
        or instruction.arg != 2
        or second.arg != 2
        or (second.name, third.name) != ("COPY", "BINARY_SUBSCR")
    ):
        return False
    if indexes_array(translator):
        item = arrays.item(translator)
        if item is not None:
            translator.push(item)
            translator.offset = third.after
        return item is not None
    if translator.state.stack[-1].kind == DISPLAY:
        return False
    container, index = translator.state.stack[-2:]
    if container.cls not in KINDS or not scalars.is_index(index):
        return False
    translator.push(item_of(translator, container, index))
    translator.offset = third.after
    see_soon(translator, third.after)
    return True


def indexes_array(translator: Translator) -> bool:
    """Sees a container and an index on the stack; returns whether the container is an array or a buffer."""
    if translator.state.stack[-1].kind != DISPLAY:
        translator.whole(-1)
    if translator.state.stack[-2].kind != ROW:
        translator.whole(-2)
    translator.seen(-2), translator.seen(-1)
    return arrays.is_indexed(translator.state.stack[-2])


def of_display(translator: Translator) -> bool:
    """Takes a number out of a tuple that is not made; returns whether it has done so."""
    display, index = translator.state.stack[-2:]
    number = index.known
    if display.kind != DISPLAY or type(number) is not int or not 0 <= number < len(display.parts):
        return False
    if any(part.kind not in UNBOXED for part in display.parts):
        return False
    translator.pop(), translator.pop()
    translator.consume(*display.parts[:number], *display.parts[number + 1 :])
    translator.push(display.parts[number])
    return True


@form("STORE_SUBSCR")
def store_subscr(translator: Translator, instruction: Instruction) -> None:
    value = translator.whole(-3)
    if indexes_array(translator) and arrays.store_item(translator):
        return
    container, index = operands(translator)
    if value.kind not in HELD:
        raise LeavesTyped
    if container.cls is list and scalars.is_index(index):
        if translator.general:
            replace_item(translator)
        else:
            store_item(translator)
    elif any(other(translator, instruction) for other in STORED):
        pass
    elif container.cls in STORES_OF:
        STORES_OF[container.cls](translator, instruction)
    else:
        call_out(translator, instruction)


def store_item(translator: Translator) -> None:
    """Stores an item of a list in place of one whose end runs no code."""
    if translator.state.stack[-3].scalar:
        settled_object(translator, -3)
    translator.protect(3, PLAIN)
    value, container, index = translator.state.stack[-3:]
    if value.number:
        translator.keep_identity(value)
        name = f"LIST_STORE_{value.kind.upper()}"
    else:
        name = "LIST_STORE_OWNED" if value.owned else "LIST_STORE_BORROWED"
    a, b, c = translator.register(container), translator.register(index), translator.register(value)
    translator.emit(name, a=a, b=b, c=c, target=translator.otherwise())
    del translator.state.stack[-3:]
    drop_stored(translator, value)
    translator.consume(index, container)


def replace_item(translator: Translator) -> None:
    """Stores an item of a list in place of any other: code of users may run when that one dies."""
    settled_object(translator, -3)
    value = translator.owned(len(translator.state.stack) - 3)
    translator.refresh()
    translator.protect(3)
    value, container, index = translator.state.stack[-3:]
    a, b, c = translator.register(container), translator.register(index), translator.register(value)
    translator.emit("LIST_REPLACE", a=a, b=b, c=c)
    del translator.state.stack[-3:]
    drop_stored(translator, value)
    translator.after_effect()
    translator.consume(index, container)


def drop_stored(translator: Translator, value: Value) -> None:
    """The reference of a value that has been stored belongs to its container now."""
    if value.register >= 0 and value.local < 0:
        translator.chunk.drop(value)


@form("DELETE_SUBSCR")
def delete_subscr(translator: Translator, instruction: Instruction) -> None:
    translator.whole(-2)
    container = translator.seen(-2)
    form = call_out if container.cls is None else DELETIONS_OF.get(container.cls, call_out)
    form(translator, instruction)


def settled_object(translator: Translator, place: int) -> Value:
    """Makes an object of a value on the stack."""
    value = translator.state.stack[place]
    translator.keep_identity(value)
    if value.kind in UNBOXED:
        source = translator.register(value)
        result = translator.temporary()
        translator.box(value.kind, result, source)
        value = Value(OBJECT, result, {INT: int, FLOAT: float, BOOL: bool}.get(value.kind), True, general=value.scalar)
    elif value.kind == NONE:
        value = Value(OBJECT, translator.registers.none, type(None), known=None)
    else:
        return value
    translator.state.stack[place] = value
    translator.refresh()
    return value


@form("CONTAINS_OP")
def contains_op(translator: Translator, instruction: Instruction) -> None:
    if text_operators.contain(translator, instruction):
        return
    translator.whole(-2), translator.whole(-1)
    translator.seen(-2)
    container = translator.seen(-1)
    if any(other(translator, instruction) for other in HELD_IN):
        return
    form = call_out if container.cls is None else HOLDS_OF.get(container.cls, call_out)
    form(translator, instruction)


@form("BUILD_TUPLE")
def build_tuple(translator: Translator, instruction: Instruction) -> None:
    count = instruction.arg
    stack = translator.state.stack
    following = translator.text.instructions[instruction.after].name
    if following in ("BINARY_SUBSCR", "STORE_SUBSCR", "COPY") and 0 < count < len(stack):
        arrays.see_subscripts(translator, -count - 1)
    values = stack[len(stack) - count :]
    if not 0 < count <= DISPLAY_LIMIT or any(value.kind not in HELD for value in values):
        build(translator, instruction, tuple)
        return
    del stack[len(stack) - count :]
    translator.push(Value(DISPLAY, parts=tuple(values)))


@form("BUILD_LIST")
def build_list(translator: Translator, instruction: Instruction) -> None:
    build(translator, instruction, list)


def build(translator: Translator, instruction: Instruction, made: type) -> None:
    count = instruction.arg
    stack = translator.state.stack
    for place in range(len(stack) - count, len(stack)):
        if translator.whole(place).kind not in HELD:
            raise LeavesTyped
    if count > 1000:
        raise LeavesTyped
    translator.refresh()
    values = tuple(stack[len(stack) - count :])
    number = translator.gather(None, values, ())
    result = translator.temporary()
    translator.emit("BUILD_LIST" if made is list else "BUILD_TUPLE", a=result, e=number)
    del stack[len(stack) - count :]
    for value in values:
        if value.register >= 0 and value.local < 0:
            translator.chunk.drop(value)
    translator.push(Value(OBJECT, result, made, True))


@form("UNPACK_SEQUENCE")
def unpack_sequence(translator: Translator, instruction: Instruction) -> None:
    value = translator.state.stack[-1]
    if value.kind == DISPLAY:
        if len(value.parts) != instruction.arg:
            raise LeavesTyped
        translator.pop()
        for part in reversed(value.parts):
            translator.push(part)
        return
    value = translator.seen(-1)
    if base := inherited_from(translator, -1, "__iter__"):
        value = translator.state.stack[-1]._replace(cls=base)
    if value.cls not in KINDS or value.kind != OBJECT:
        call_out(translator, instruction)
        return
    size = translator.computed(INT, "SIZE", value)
    translator.emit("EXIT_UNLESS_EQUAL", a=size.register, b=translator.register(Value(INT, known=instruction.arg)))
    name, numbers = f"{KINDS[value.cls]}_ITEM", range(instruction.arg)
    items = [translator.computed(OBJECT, name, value, Value(INT, known=number)) for number in numbers]
    if value.owned:
        items = [translator.own(item) for item in items]
    translator.pop()
    translator.consume(value)
    for item in reversed(items):
        translator.push(item)


@form("LIST_APPEND")
def list_append(translator: Translator, instruction: Instruction) -> None:
    value = translator.whole(-1)
    made = translator.state.stack[-1 - instruction.arg]
    if value.kind not in HELD or made.cls is not list:
        raise LeavesTyped
    append(translator, made)


def append(translator: Translator, made: Value) -> None:
    """Appends the value on top of the stack to a list, and pops it."""
    value = translator.state.stack[-1]
    translator.keep_identity(value)
    if value.kind in (INT, FLOAT):
        translator.emit(f"APPEND_{value.kind.upper()}", a=translator.register(made), b=translator.register(value))
        translator.consume(translator.pop())
        return
    value = settled_object(translator, -1)
    if not value.owned:
        value = translator.own(value)
    translator.emit("APPEND", a=translator.register(made), b=value.register)
    translator.pop()
    translator.chunk.drop(value)
