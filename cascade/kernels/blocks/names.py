"""Forms of instructions that load, store and move values."""

from __future__ import annotations

import sys
from types import CellType

from cascade.kernels.blocks.decode import Instruction
from cascade.kernels.blocks.points import Ended, LeavesTyped
from cascade.kernels.blocks.sequences import update_in_place
from cascade.kernels.blocks.translator import CHANGING, Translator, form
from cascade.kernels.blocks.values import (
    AGAIN,
    BUILT_IN,
    DISPLAY,
    HELD,
    ITERATED,
    NO_CALLABLE,
    NULL,
    NUMBERS,
    ROW,
    SCALARS,
    UNBOXED,
    Value,
    constant_value,
)  # fmt: skip
from cascade.kernels.lasting import is_lasting
from cascade.kernels.model import MISSING, NONE, OBJECT
from cascade.kernels.names import builtins_of

NULL_LAST = sys.version_info >= (3, 13)
"""Whether the NULL beside a callable stands behind it."""


@form("RESUME", "NOP", "CACHE", "PRECALL", "END_FOR", "NOT_TAKEN")
def nothing(translator: Translator, instruction: Instruction) -> None:
    if instruction.name == "PRECALL" and translator.call_start < 0:
        translator.call_start = instruction.start


@form("KW_NAMES")
def kw_names(translator: Translator, instruction: Instruction) -> None:
    translator.keywords = translator.code.co_consts[instruction.arg]
    translator.call_start = instruction.start


# -- Variables --------------------------------------------------------------------------------------------------------


def load(translator: Translator, number: int) -> None:
    value = translator.state.variables[number]
    if value is None:
        raise LeavesTyped
    if value.kind == ITERATED:
        assert value.parts[0].register == translator.registers.slot(len(translator.state.stack))
        translator.push(value.parts[0])
        translator.state.variables[number] = Value(AGAIN)
    else:
        translator.push(value.loaded(value.local if value.kind == NONE or value.constant else number))


@form("LOAD_FAST", "LOAD_FAST_CHECK", "LOAD_CLOSURE")
def load_fast(translator: Translator, instruction: Instruction) -> None:
    load(translator, instruction.arg)


@form("LOAD_FAST_LOAD_FAST")
def load_two(translator: Translator, instruction: Instruction) -> None:
    load(translator, instruction.arg >> 4)
    load(translator, instruction.arg & 15)


@form("STORE_FAST")
def store_fast(translator: Translator, instruction: Instruction) -> None:
    store(translator, instruction.arg)


def store(translator: Translator, number: int) -> None:
    make_storable(translator, -1)
    put(translator, number)


def make_storable(translator: Translator, place: int) -> None:
    """Sees a value on the stack, and makes of it what a variable can hold."""
    value = translator.state.stack[place]
    if value.kind != NULL and value.kind not in HELD:
        value = translator.whole(place)
        if value.kind not in HELD:
            raise LeavesTyped
    if value.unseen and value.local < 0:
        translator.seen(place)
    translator.keep_identity(translator.state.stack[place])


def put(translator: Translator, number: int) -> None:
    """Stores the value on top of the stack."""
    if translator.state.stack[-1].kind == NULL:
        unbind(translator, number)
    else:
        translator.store(number, translator.pop())


@form("STORE_FAST_STORE_FAST")
def store_two(translator: Translator, instruction: Instruction) -> None:
    # Both values are seen first, as the first store cannot be repeated; the second one may have been an alias of the first variable.
    make_storable(translator, -2)
    make_storable(translator, -1)
    put(translator, instruction.arg >> 4)
    put(translator, instruction.arg & 15)


@form("STORE_FAST_LOAD_FAST")
def store_and_load(translator: Translator, instruction: Instruction) -> None:
    store(translator, instruction.arg >> 4)
    load(translator, instruction.arg & 15)


def unbind(translator: Translator, number: int) -> None:
    """At the end of a comprehension its variable, which had no value before, has none again: NULL is stored."""
    translator.pop()
    translator.save_aliases(number)
    old = translator.state.variables[number]
    translator.state.variables[number] = None
    if old is not None and old.owned:
        translator.consume(old._replace(local=-1))


@form("LOAD_FAST_AND_CLEAR")
def take_fast(translator: Translator, instruction: Instruction) -> None:
    """The variable of a comprehension: its value waits on the stack, and NULL does where there is none."""
    number = instruction.arg
    value = translator.state.variables[number]
    translator.save_aliases(number)
    translator.state.variables[number] = None
    if value is None:
        translator.push(NO_CALLABLE)
    elif value.register < 0 or value.constant:
        translator.push(value)
    else:
        register = translator.temporary()
        translator.emit("MOVE", a=register, b=number)
        translator.push(value._replace(register=register))


@form("DELETE_FAST")
def delete_fast(translator: Translator, instruction: Instruction) -> None:
    value = translator.state.variables[instruction.arg]
    if value is None:
        raise LeavesTyped
    translator.save_aliases(instruction.arg)
    translator.state.variables[instruction.arg] = None
    if value.owned:
        translator.consume(value._replace(local=-1))


@form("LOAD_CONST")
def load_const(translator: Translator, instruction: Instruction) -> None:
    following = translator.text.instructions.get(instruction.after)
    if following is not None and following.name == "CALL_KW":
        kw_names(translator, instruction)  # from CPython 3.13 on, the names of arguments stand on the stack
        return
    translator.push(constant_value(translator.code.co_consts[instruction.arg]))


@form("RETURN_CONST")
def return_const(translator: Translator, instruction: Instruction) -> None:
    if translator.consumer is None:
        load_const(translator, instruction)
    return_value(translator, instruction)


@form("RETURN_VALUE")
def return_value(translator: Translator, instruction: Instruction) -> None:
    if translator.consumer is not None:
        translator.consumer.end(translator)
    value = translator.whole(-1)
    operands: dict[str, int] = {}
    if value.scalar:
        name, operands = "RETURN_SCALAR", {"e": SCALARS.index(value.kind)}
    elif value.kind in NUMBERS:
        name = "RETURN_" + value.kind.upper()
    elif value.kind in (OBJECT, NONE):
        name = "RETURN_OWNED" if value.owned or gives_up(translator, value) else "RETURN_OBJECT"
    else:
        raise LeavesTyped
    register = translator.register(value)
    translator.pop()
    translator.refresh()  # the variables die when the value has been taken
    translator.emit_with(name, {"a": register, **operands})
    raise Ended


def gives_up(translator: Translator, value: Value) -> bool:
    """Has a variable pass its reference on, as the function returns its value; returns whether it can."""
    if value.local < 0 or value.constant:
        return False
    held = translator.state.variables[value.local]
    if held is None or held.kind != OBJECT or not held.owned:
        return False
    translator.state.variables[value.local] = None
    return True


@form("POP_TOP")
def pop_top(translator: Translator, instruction: Instruction) -> None:
    translator.consume(translator.pop())


@form("PUSH_NULL")
def push_null(translator: Translator, instruction: Instruction) -> None:
    translator.push(NO_CALLABLE)


@form("COPY")
def copy(translator: Translator, instruction: Instruction) -> None:
    if update_in_place(translator, instruction):
        return
    place = -instruction.arg
    value = translator.state.stack[place]
    if value.kind in (DISPLAY, ROW) and not any(part.owned for part in value.parts):
        translator.push(value._replace(parts=tuple(copied(translator, part) for part in value.parts)))
        return
    if value.kind not in (*HELD, NULL):
        value = translator.whole(place)
        if value.kind not in (*HELD, NULL):
            raise LeavesTyped
    translator.leave_if_nan(value)
    if value.register in translator.chunk.names:
        translator.chunk.pinned.add(value.register)
    if value.owned:
        # The copy borrows the original's reference as long as both stand on the stack: it takes one of its own.
        value = translator.own(value)
    elif value.register >= 0 and not value.constant and value.local < 0:
        result = translator.temporary()  # each value on the stack has a register of its own
        translator.emit("MOVE", a=result, b=value.register)
        value = value._replace(register=result)
    translator.push(value)


def copied(translator: Translator, value: Value) -> Value:
    """Returns a part of a value with a register of its own, if it is not that of a variable."""
    if value.register < 0 or value.constant or value.local >= 0:
        return value
    if value.register in translator.chunk.names:
        translator.chunk.pinned.add(value.register)
    result = translator.temporary()
    translator.emit("MOVE", a=result, b=value.register)
    return value._replace(register=result)


@form("SWAP")
def swap(translator: Translator, instruction: Instruction) -> None:
    stack = translator.state.stack
    stack[-1], stack[-instruction.arg] = stack[-instruction.arg], stack[-1]


# -- Cells --------------------------------------------------------------------------------------------------------------


@form("COPY_FREE_VARS")
def copy_free_vars(translator: Translator, instruction: Instruction) -> None:
    pass  # they are there from the start


@form("MAKE_CELL")
def make_cell(translator: Translator, instruction: Instruction) -> None:
    number = instruction.arg
    value = translator.state.variables[number]
    if value is None:
        translator.emit("EMPTY_CELL", a=number)
    else:
        if value.kind in UNBOXED:
            translator.box(value.kind, number, number)
        elif value.kind == NONE:
            translator.emit("OWN", a=number, b=translator.registers.none)
        translator.emit("NEW_CELL", a=number, b=number)
    translator.state.variables[number] = Value(OBJECT, number, CellType, True)


@form("LOAD_DEREF")
def load_deref(translator: Translator, instruction: Instruction) -> None:
    cell = translator.state.variables[instruction.arg]
    assert cell is not None
    result = translator.computed(OBJECT, "CELL_ITEM", cell)
    translator.push(result)


@form("STORE_DEREF")
def store_deref(translator: Translator, instruction: Instruction) -> None:
    cell = translator.state.variables[instruction.arg]
    assert cell is not None
    translator.before_effect()
    translator.keep_identity(translator.whole(-1))
    value = boxed(translator, translator.owned(len(translator.state.stack) - 1))
    translator.pop()
    translator.emit("CELL_STORE", a=translator.register(cell), b=translator.register(value))
    translator.chunk.drop(value)
    translator.after_effect()


def boxed(translator: Translator, value: Value) -> Value:
    """Returns an owned object for a value that is the stack's own."""
    if value.kind in UNBOXED:
        source = translator.register(value)
        result = translator.temporary()
        translator.box(value.kind, result, source)
        return Value(OBJECT, result, owned=True)
    if value.kind == NONE:
        return translator.own(Value(OBJECT, translator.registers.none))
    return value


# -- Names --------------------------------------------------------------------------------------------------------------


@form("LOAD_GLOBAL")
def load_global(translator: Translator, instruction: Instruction) -> None:
    value = meaning(translator, translator.code.co_names[instruction.arg >> 1])
    if value is None:
        raise LeavesTyped
    if not NULL_LAST and instruction.arg & 1:
        translator.push(NO_CALLABLE)
    translator.push(value)
    if NULL_LAST and instruction.arg & 1:
        translator.push(NO_CALLABLE)


@form("STORE_GLOBAL")
def store_global(translator: Translator, instruction: Instruction) -> None:
    translator.before_effect()
    translator.keep_identity(translator.whole(-1))
    value = boxed(translator, translator.owned(len(translator.state.stack) - 1))
    translator.state.stack[-1] = value
    translator.refresh()
    names = translator.function.__globals__, translator.code.co_names[instruction.arg]
    namespace, key = (translator.object_register(each) for each in names)
    translator.emit("NAME_STORE", a=translator.register(value), b=namespace, c=key)
    translator.consume(translator.pop())
    translator.after_effect()


def named_value(found: object) -> Value:
    value = constant_value(found)
    return value if value.kind != OBJECT else value._replace(cls=type(found) if type(found) in BUILT_IN else None)


def meaning(translator: Translator, name: str) -> Value | None:
    """Returns the object that a global name means; None where it means nothing."""
    function = translator.function
    namespace = function.__globals__
    if name in namespace:
        return item(translator, namespace, name, name in translator.assigned)
    noted(translator, namespace, name)
    check_names(translator)
    return item(translator, builtins_of(function), name)


def item(translator: Translator, namespace: dict[str, object], name: str, changes: bool = False) -> Value | None:
    """Returns the object that a name means in a dict; None where there is no such name.

    The code relies on it from here on. It looks up what changes, and what may not be held: all that is no function, number or the like.
    """
    found = namespace.get(name, MISSING)
    if found is not MISSING and (changes or (id(namespace), name) in CHANGING or not is_lasting(found)):
        value = Value(OBJECT, translator.temporary())
        holder, key = (translator.object_register(each) for each in (namespace, name))
        translator.emit("NAME_ITEM", a=value.register, b=holder, c=key)
        return value
    found = used(translator, namespace, name)
    return None if found is MISSING else named_value(found)


def used(translator: Translator, namespace: dict[str, object], name: str) -> object:
    """Returns the object that a name means in a dict; from here on the code relies on it."""
    found = noted(translator, namespace, name)
    check_names(translator)
    return found


def noted(translator: Translator, namespace: dict[str, object], name: str) -> object:
    key = (id(namespace), name)
    if key not in translator.names_used:
        translator.names_used[key] = (namespace, name, namespace.get(name, MISSING))
        translator.state.guarded = False
    return translator.names_used[key][2]


def check_names(translator: Translator) -> None:
    if not translator.state.guarded:
        translator.emit("GUARD")
        translator.state.guarded = True
