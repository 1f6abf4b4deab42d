"""Forms of dicts, default dicts and counters: items, lookups, displays, iteration.

A key in a register, or a str, has instructions of its own, which exit where CPython has to compare keys. Those for any other key go
to a call-out instead (`beside_call_out`), so that typed code goes on.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable

from cascade.kernels.assemble import Label
from cascade.kernels.blocks.c_calls import before_collection, c_function, finish
from cascade.kernels.blocks.calls import Known, is_iterated, known
from cascade.kernels.blocks.decode import Instruction
from cascade.kernels.blocks.generic import ARGUMENTS, call_out, popped
from cascade.kernels.blocks.iteration import ITERATED_OF, NEXT_OF, Next
from cascade.kernels.blocks.numbers import SIZES, next_tests
from cascade.kernels.blocks.points import LeavesTyped
from cascade.kernels.blocks.resume import call_out as call_out_function
from cascade.kernels.blocks.sequences import DELETIONS_OF, HOLDS_OF, ITEMS_OF, STORES_OF, settled_object
from cascade.kernels.blocks.translator import Translator, form
from cascade.kernels.blocks.values import CONDITION, DISPLAY, HELD, NOTHING, NULL, PLAIN, Value
from cascade.kernels.model import BOOL, INT, NONE, OBJECT

EXITS = ("_INT", "_STR")
"""Ends of names of instructions that exit where CPython has to compare keys."""
SIMPLE = (INT, BOOL, NONE)
"""Kinds of the items of a tuple that is looked up without being made."""
BUILD_LIMIT = 30
"""Keys, or values, of a display."""
GETS, SETS, HOLDS = range(3)
"""What EXPECT_DICT tests."""
_EMPTY: dict[int, int] = {}
KEYS, VALUES, ITEMS = type(iter(_EMPTY)), type(iter(_EMPTY.values())), type(iter(_EMPTY.items()))
"""Iterators over a dict."""


# -- Instructions beside call-outs ------------------------------------------------------------------------------------------


def beside_call_out(
    translator: Translator,
    instruction: Instruction,
    name: str,
    operands: dict[str, Value],
    result: str,
    *,
    expects: tuple[Value, int] | None = None,
    inverted: bool = False,
    frees: bool = False,
) -> None:
    """Emits an instruction in place of one of CPython's, which a call-out executes where the former goes to `f`.

    Args:
        name, operands: of the instruction; its result, if it has one, is in `a`. A tuple in registers is operand `e`.
        result: OBJECT (owned), BOOL, or NONE where CPython's returns None or nothing.
        expects: an instance of a subclass of dict, and what it has to do as a dict does.
        inverted: whether the result is negated.
        frees: whether the instruction may drop objects, whose finalizers run code.
    """
    stack = translator.state.stack
    taken = popped(instruction) or 0
    values = keep_below(translator, taken)
    registers = {letter: operand_of(translator, value) for letter, value in operands.items()}
    translator.refresh()
    made, slow, join = translator.temporary(), Label(), Label()
    translator.chunk.pinned.add(made)
    if expects is not None:
        translator.emit("EXPECT_DICT", a=translator.register(expects[0]), e=expects[1], target=slow)
    if result != NONE:
        registers["a"] = made
    translator.emit(name, target=slow, **registers)
    if inverted:
        translator.emit("EQUAL_INT", a=made, b=made, c=translator.register(Value(BOOL, known=False)))
    frees = drop_owned(translator, values) or frees
    chunk = translator.chunk
    chunk.items, chunk.cold = chunk.cold, chunk.items  # what is seldom executed stands apart
    chunk.put(slow)
    emit_call_out(translator, instruction, taken, made, result)
    if result != NONE:
        stack.append(Value(result, made, owned=result == OBJECT))
    elif instruction.name == "CALL":
        stack.append(NOTHING)
    guard_again(translator, instruction, frees)
    translator.emit("JUMP", target=join)
    chunk.items, chunk.cold = chunk.cold, chunk.items
    chunk.put(join)
    forget(translator, values)


def keep_below(translator: Translator, taken: int) -> list[Value]:
    """Values below the operands of an instruction, which may run code, get references of their own. Returns the operands."""
    stack = translator.state.stack
    values = stack[len(stack) - taken :]
    if any(value.kind not in (*ARGUMENTS, DISPLAY) for value in values):
        raise LeavesTyped
    del stack[len(stack) - taken :]
    translator.before_effect()
    stack.extend(values)
    return values


def operand_of(translator: Translator, value: Value) -> int:
    if value.kind == DISPLAY:
        return translator.gather(None, tuple(part._replace(owned=False) for part in value.parts), ())
    return translator.register(value)


def drop_owned(translator: Translator, values: Iterable[Value]) -> bool:
    """Drops the references of operands; returns whether that may run code."""
    runs = False
    for value in values:
        if value.owned:
            translator.emit("RELEASE", a=value.register)
            runs = runs or value.cls not in PLAIN
        runs = drop_owned(translator, value.parts) or runs
    return runs


def forget(translator: Translator, values: Iterable[Value]) -> None:
    """The registers of operands may be used again."""
    for value in values:
        forget(translator, value.parts)
        if value.register >= 0 and value.local < 0:
            translator.chunk.drop(value)


def emit_call_out(translator: Translator, instruction: Instruction, taken: int, made: int, result: str) -> None:
    """Emits the call-out of one instruction, and pops its operands; its result is in `made`."""
    stack = translator.state.stack
    for place in range(-taken, 0):
        translator.whole(place)
    values = stack[len(stack) - taken :]
    presence = tuple(value.kind != NULL for value in values)
    given = tuple(value for value in values if value.kind != NULL)
    left = (True,) if instruction.name in ("CALL", "BINARY_SUBSCR", "CONTAINS_OP") else ()
    start, end = translator.offset, instruction.after
    function = call_out_function(
        translator.function, start, end, (), (), presence, left, tables=translator.tables, without_super=True
    )
    target = made if result == OBJECT else translator.temporary()
    translator.chunk.pinned.add(target)
    number = translator.gather(function, given, (target,), start, end)
    translator.emit("CALL_PYTHON", e=number)
    if result == BOOL:
        translator.emit("SAME", a=made, b=target, c=translator.object_register(True))
    if result != OBJECT:
        translator.emit("RELEASE", a=target)
    del stack[len(stack) - taken :]


def guard_again(translator: Translator, instruction: Instruction, frees: bool) -> None:
    """The names are guarded again behind a call-out: the way beside it need not, unless it runs code, too."""
    guarded = translator.state.guarded
    translator.after_effect()
    if frees or not guarded:
        return
    start, translator.offset = translator.offset, instruction.after
    translator.refresh()
    translator.emit("GUARD")
    translator.offset = start
    translator.state.guarded = True


# -- Keys -------------------------------------------------------------------------------------------------------------------


def key_at(translator: Translator, place: int, kept: bool = False) -> tuple[str, Value]:
    """Returns a key on the stack, and the end of the names of the instructions for it.

    Args:
        kept: whether the container may keep the key: then that is no bool in a register, which is written as an int.

    A tuple may be in registers still. Instructions for ints and text, only, exit; others go to a call-out.
    """
    key = translator.state.stack[place]
    if key.kind == DISPLAY and all(part.kind in SIMPLE or part.cls is str for part in key.parts):
        return "_TUPLE", key
    translator.whole(place)
    key = translator.seen(place)
    if key.kind == INT or (key.kind == BOOL and not kept):
        return "_INT", key
    key = settled_object(translator, place)
    return ("_STR" if key.cls is str else ""), key


def is_plain(value: Value) -> bool:
    """Returns whether a key runs no code when it is hashed and compared."""
    if value.kind == DISPLAY:
        return all(map(is_plain, value.parts))
    if value.kind == OBJECT and value.constant and type(value.known) is tuple:
        return all(type(item) in PLAIN for item in value.known)
    return value.number or value.kind == NONE or (value.kind == OBJECT and value.cls in PLAIN and not value.general)


def key_object(translator: Translator, place: int) -> Value:
    """Returns a key on the stack as an object."""
    translator.whole(place)
    translator.seen(place)
    return settled_object(translator, place)


def int_or_object(translator: Translator, place: int, kept: bool = False) -> tuple[str, Value]:
    """Returns a key on the stack, and the end of the names of the instructions, where text has none of its own."""
    translator.whole(place)
    suffix, key = key_at(translator, place, kept)
    return (suffix if suffix == "_INT" else ""), key


def with_key(suffix: str, letter: str, key: Value, **others: Value) -> dict[str, Value]:
    """Returns the operands of an instruction: a tuple in registers is `e`, another key the given letter."""
    return others | {"e" if suffix == "_TUPLE" else letter: key}


def drop_operands(translator: Translator, count: int) -> list[Value]:
    return [translator.pop() for _ in range(count)]


# -- Items ------------------------------------------------------------------------------------------------------------------


def dict_item(translator: Translator, instruction: Instruction) -> None:
    suffix, key = key_at(translator, -1)
    container = translator.state.stack[-2]
    if suffix not in EXITS:
        operands = with_key(suffix, "c", key, b=container)
        beside_call_out(translator, instruction, f"DICT_ITEM{suffix}", operands, OBJECT)
        return
    # The item is borrowed from the dict, so that is kept until the item has a reference of its own.
    item = translator.computed(OBJECT, f"DICT_ITEM{suffix}", container, key)
    drop_operands(translator, 2)
    if container.owned:
        item = translator.own(item)
    translator.consume(key, container)
    translator.push(item)


def default_item(translator: Translator, instruction: Instruction) -> None:
    translator.whole(-1)
    key, name = translator.seen(-1), "DEFAULT_ITEM_INT"
    if key.kind != INT:
        key, name = key_object(translator, -1), "DEFAULT_ITEM"
    operands = {"b": translator.state.stack[-2], "c": key}
    beside_call_out(translator, instruction, name, operands, OBJECT, frees=True)


def counter_item(translator: Translator, instruction: Instruction) -> None:
    translator.whole(-1)
    key, name = translator.seen(-1), "DICT_FIND_INT"
    if key.kind not in (INT, BOOL):
        key, name = key_object(translator, -1), "DICT_ITEM"
    container = translator.state.stack[-2]
    operands = {"b": container, "c": key}
    beside_call_out(translator, instruction, name, operands, OBJECT, expects=(container, GETS))


def store_item(translator: Translator, instruction: Instruction) -> None:
    value = translator.whole(-3)
    if value.kind not in HELD:
        raise LeavesTyped
    suffix, key = key_at(translator, -1, True)
    value = settled_object(translator, -3)
    container = translator.state.stack[-2]
    if suffix not in EXITS or container.cls is Counter:
        expects = (container, SETS) if container.cls is Counter else None
        operands = with_key(suffix, "b", key, a=container, c=value)
        beside_call_out(translator, instruction, f"DICT_STORE{suffix}", operands, NONE, expects=expects, frees=True)
        return
    translator.before_effect()
    translator.refresh()
    value, container, key = translator.state.stack[-3:]
    a, b, c = map(translator.register, (container, key, value))
    translator.emit(f"DICT_STORE{suffix}", a=a, b=b, c=c)
    drop_operands(translator, 3)
    translator.after_effect()
    translator.consume(value, key, container)


def delete_item(translator: Translator, instruction: Instruction) -> None:
    suffix, key = int_or_object(translator, -1)
    operands = {"a": translator.state.stack[-2], "b": key}
    beside_call_out(translator, instruction, f"DICT_DELETE{suffix}", operands, NONE, frees=True)


def holds_key(translator: Translator, instruction: Instruction) -> None:
    suffix, key = key_at(translator, -2)
    container = translator.state.stack[-1]
    expects = (container, HOLDS) if container.cls is Counter else None
    holds(translator, instruction, f"DICT_HOLDS{suffix}", with_key(suffix, "c", key, b=container), expects)


def holds(
    translator: Translator,
    instruction: Instruction,
    name: str,
    operands: dict[str, Value],
    expects: tuple[Value, int] | None = None,
) -> None:
    """Emits the test whether a container holds a value."""
    inverted = instruction.arg == 1
    if not name.endswith(EXITS) or expects is not None:
        beside_call_out(translator, instruction, name, operands, BOOL, expects=expects, inverted=inverted)
        return
    found = translator.computed(BOOL, name, operands["b"], operands["c"])
    if inverted and next_tests(translator, instruction):
        found = Value(CONDITION, parts=(found, Value(BOOL, known=False)), name="EQUAL_INT")
    elif inverted:
        found = translator.computed(BOOL, "EQUAL_INT", found, Value(BOOL, known=False))
    values = drop_operands(translator, 2)
    translator.consume(*reversed(values))
    translator.push(found)


ITEMS_OF.update({dict: dict_item, defaultdict: default_item, Counter: counter_item})
STORES_OF.update(dict.fromkeys((dict, defaultdict, Counter), store_item))
HOLDS_OF.update(dict.fromkeys((dict, defaultdict, Counter), holds_key))
DELETIONS_OF.update(dict.fromkeys((dict, defaultdict), delete_item))
SIZES.update(dict.fromkeys((dict, defaultdict), "DICT_SIZE"))


# -- Methods ----------------------------------------------------------------------------------------------------------------


def is_dict(value: Value) -> bool:
    return value.kind == OBJECT and value.cls in (dict, defaultdict)


def default_at(translator: Translator, place: int) -> Value:
    """Returns a default on the stack as an object."""
    value = translator.whole(place)
    if value.kind not in HELD:
        raise LeavesTyped
    if value.constant and value.number:
        register = translator.object_register(value.known)
        value = Value(OBJECT, register, type(value.known))
        translator.state.stack[place] = value
        return value
    return settled_object(translator, place)


@known(dict.get)
def call_get(translator: Translator, count: int, instruction: Instruction) -> bool:
    if count not in (2, 3) or not is_dict(translator.state.stack[-count]):
        return False
    suffix, key = key_at(translator, 1 - count)
    default = Value(OBJECT, translator.registers.none, type(None))
    if count == 3:
        default = default_at(translator, -1)
    container = translator.state.stack[-count]
    if suffix not in EXITS:
        operands = with_key(suffix, "c", key, b=container, d=default)
        beside_call_out(translator, instruction, f"DICT_GET{suffix}", operands, OBJECT)
        return True
    translator.refresh()
    found = translator.computed(OBJECT, f"DICT_GET{suffix}", container, key, default)
    if container.owned or default.owned or default.local >= 0:
        found = translator.own(found)
    return finish(translator, instruction, found)


@known(dict.setdefault)
def call_setdefault(translator: Translator, count: int, instruction: Instruction) -> bool:
    if count not in (2, 3) or not is_dict(translator.state.stack[-count]):
        return False
    suffix, key = int_or_object(translator, 1 - count, True)
    default = Value(OBJECT, translator.registers.none, type(None))
    if count == 3:
        default = default_at(translator, -1)
    operands = {"b": translator.state.stack[-count], "c": key, "d": default}
    beside_call_out(translator, instruction, f"DICT_SET_DEFAULT{suffix}", operands, OBJECT)
    return True


@known(dict.pop)
def call_pop(translator: Translator, count: int, instruction: Instruction) -> bool:
    if count not in (2, 3) or not is_dict(translator.state.stack[-count]):
        return False
    suffix, key = int_or_object(translator, 1 - count)
    operands = {"b": translator.state.stack[-count], "c": key}
    if count == 3:
        operands["d"] = default_at(translator, -1)
    name = "DICT_POP" if count == 2 else "DICT_POP_OR"
    beside_call_out(translator, instruction, f"{name}{suffix}", operands, OBJECT, frees=True)
    return True


# -- Iteration --------------------------------------------------------------------------------------------------------------


def iterate_over(kind: int, cls: type) -> Known:
    """Returns the form of a call of keys(), values() or items() whose result is only iterated over."""

    def call_view(translator: Translator, count: int, instruction: Instruction) -> bool:
        value = translator.state.stack[-1]
        if count != 1 or not is_dict(value) or not is_iterated(translator, instruction):
            return False
        before_collection(translator)
        iterator = translator.temporary()
        translator.emit("ITERATE_DICT", a=iterator, b=translator.register(translator.state.stack[-1]), e=kind)
        return finish(translator, instruction, Value(OBJECT, iterator, cls, True))

    return call_view


for _view in (dict.keys, dict.values, dict.items):
    c_function(_view, type(_view(_EMPTY)), (dict, defaultdict))
known(dict.keys)(iterate_over(0, KEYS))
known(dict.values)(iterate_over(1, VALUES))
known(dict.items)(iterate_over(2, ITEMS))


def iterate_keys(translator: Translator, instruction: Instruction) -> None:
    before_collection(translator)
    value = translator.state.stack[-1]
    iterator = translator.temporary()
    translator.emit("ITERATE_DICT", a=iterator, b=translator.register(value), e=0)
    translator.pop()
    translator.consume(value)
    translator.push(Value(OBJECT, iterator, KEYS, True))


ITERATED_OF[dict] = ITERATED_OF[defaultdict] = iterate_keys


def next_one(name: str) -> Next:
    def next_of(translator: Translator, iterator: Value, end: Label) -> Value:
        found = translator.temporary()
        translator.emit(name, a=found, b=iterator.register, target=end)
        return Value(OBJECT, found)

    return next_of


def next_item(translator: Translator, iterator: Value, end: Label) -> Value:
    key, value = translator.temporary(), translator.temporary()
    translator.emit("NEXT_ITEM", a=key, b=iterator.register, c=value, target=end)
    return Value(DISPLAY, parts=(Value(OBJECT, key), Value(OBJECT, value)))


NEXT_OF[KEYS], NEXT_OF[VALUES], NEXT_OF[ITEMS] = next_one("NEXT_KEY"), next_one("NEXT_VALUE"), next_item


# -- Displays ---------------------------------------------------------------------------------------------------------------


@form("BUILD_MAP")
def build_map(translator: Translator, instruction: Instruction) -> None:
    count = 2 * instruction.arg
    stack = translator.state.stack
    keys = stack[len(stack) - count :: 2] if count else []
    if instruction.arg > BUILD_LIMIT or not all(map(is_plain, keys)):
        call_out(translator, instruction)
        return
    build(translator, "BUILD_DICT", count, dict)


@form("BUILD_CONST_KEY_MAP")
def build_const_key_map(translator: Translator, instruction: Instruction) -> None:
    names = translator.state.stack[-1].known
    if instruction.arg > BUILD_LIMIT or type(names) is not tuple or any(type(name) not in PLAIN for name in names):
        call_out(translator, instruction)
        return
    translator.pop()
    values = drop_operands(translator, instruction.arg)[::-1]
    for name, value in zip(names, values, strict=True):
        translator.push(Value(OBJECT, cls=type(name), known=name))
        translator.push(value)
    build(translator, "BUILD_DICT", 2 * instruction.arg, dict)


def build(translator: Translator, name: str, count: int, made: type) -> None:
    """Replaces the values on top of the stack by a container of them."""
    stack = translator.state.stack
    for place in range(len(stack) - count, len(stack)):
        if translator.whole(place).kind not in HELD:
            raise LeavesTyped
    before_collection(translator)
    values = tuple(stack[len(stack) - count :])
    number = translator.gather(None, values, ())
    result = translator.temporary()
    translator.emit(name, a=result, e=number)
    del stack[len(stack) - count :]
    for value in values:
        if value.register >= 0 and value.local < 0:
            translator.chunk.drop(value)
    translator.after_effect()  # a key may stand there twice: the first one's value is dropped
    translator.push(Value(OBJECT, result, made, True))


@form("MAP_ADD")
def map_add(translator: Translator, instruction: Instruction) -> None:
    made = translator.state.stack[-2 - instruction.arg]
    if made.cls is not dict or translator.whole(-1).kind not in HELD:
        raise LeavesTyped
    translator.whole(-2)
    suffix, key = key_at(translator, -2, True)
    value = settled_object(translator, -1)
    translator.before_effect()
    translator.refresh()
    key, value = translator.state.stack[-2:]
    add(translator, f"DICT_STORE{suffix}", a=made, b=key, c=value)
    drop_operands(translator, 2)
    translator.after_effect()
    translator.consume(value, key)


def add(translator: Translator, name: str, **operands: Value) -> None:
    """Emits an instruction that adds to a container in the making; where CPython has to do it, the code exits."""
    registers = {letter: translator.register(value) for letter, value in operands.items()}
    if name.endswith(("_INT", "_STR")):
        translator.emit(name, target=None, **registers)
        return
    slow, join = Label(), Label()
    translator.emit(name, target=slow, **registers)
    translator.emit("JUMP", target=join)
    translator.chunk.put(slow)
    translator.emit("EXIT")
    translator.chunk.put(join)
