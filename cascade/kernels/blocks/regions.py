"""Regions: neighbouring instructions that are executed by one call-out, as each one costs some 50 ns.

    node.parent.name.upper() + "!"        one call-out for the loads and the call; the sum is typed again

A region begins with an instruction that has no typed form. It is extended to another one of which that is known before it is executed,
over loads and operators in between. It ends before a jump, a place where paths join, another row of the table of handlers, or the store of
a variable; so an exception in it finds the variables as they were at its start.
"""

from __future__ import annotations

from collections.abc import Callable
from types import FunctionType, MethodDescriptorType, ModuleType
from typing import NamedTuple

from cascade._vm import find_in_class
from cascade.kernels.blocks.access import of_instance, store_in
from cascade.kernels.blocks.c_calls import CLASSES
from cascade.kernels.blocks.decode import METHOD_BIT, Instruction
from cascade.kernels.blocks.generic import LIMIT, effect, loads_method, make, popped
from cascade.kernels.blocks.names import NULL_LAST
from cascade.kernels.blocks.points import LeavesTyped
from cascade.kernels.blocks.translator import Translator, form
from cascade.kernels.blocks.values import BUILT_IN, HELD, NULL, PLAIN, Value, constant_value
from cascade.kernels.lasting import is_lasting
from cascade.kernels.model import MISSING, OBJECT
from cascade.kernels.names import builtins_of

ITEM_LIMIT = 3
"""Values that a region may leave on the stack."""
LENGTH_LIMIT = 40
"""Instructions of a region."""
IN_BETWEEN = frozenset((
    "BINARY_OP", "BINARY_SUBSCR", "BINARY_SLICE", "COMPARE_OP", "CONTAINS_OP", "IS_OP", "UNARY_NEGATIVE", "UNARY_INVERT", "UNARY_NOT",
    "BUILD_TUPLE", "BUILD_LIST", "BUILD_MAP", "BUILD_CONST_KEY_MAP", "BUILD_SLICE", "LIST_TO_TUPLE", "CONVERT_VALUE",
    "FORMAT_VALUE", "FORMAT_SIMPLE", "FORMAT_WITH_SPEC", "BUILD_STRING",
))  # fmt: skip
"""They have typed forms, and stand in a region only between others."""
CALLED_OUT = frozenset(("BUILD_SET", "CALL_FUNCTION_EX"))
"""They may end a region."""
PREPARES = frozenset(("NOP", "PRECALL", "KW_NAMES"))
MET = Value(OBJECT)
"""A value of which only its load is typed."""
IS_TYPED: list[Callable[[object], bool]] = []
"""Tell whether calls of a function have a typed form."""


class Region(NamedTuple):
    """The instructions of a call-out.

    Attributes:
        end: behind the last one.
        taken: how many values it takes from the stack.
        left: how many it leaves there.
        reads: the variables that it loads.
    """

    end: int
    taken: int
    left: int
    reads: tuple[int, ...] = ()


class Ends(Exception):
    """The region cannot be extended over an instruction."""


@form("")
def other(translator: Translator, instruction: Instruction) -> None:
    call_out_region(translator, instruction)


def call_out_region(translator: Translator, instruction: Instruction, start: int = -1) -> bool:
    """Has CPython execute an instruction, with the values that are on the stack, and those behind it that have no typed form either.

    Returns whether there are some: then their results are on the stack, and the translator continues behind them.
    """
    translator.before_call_out()
    taken = popped(instruction)
    if taken is None or taken > LIMIT:
        raise LeavesTyped
    start = start if start >= 0 else instruction.start
    first = Region(instruction.after, taken, taken + effect(instruction))
    region = first
    if is_extended(translator, first):
        items: list[Value | None] = pair(None) if loads_method(instruction) else [None] * first.left
        region = Extension(translator, first, items).run(start)
    make(translator, start, region.end, region.taken, region.left, reads=region.reads)
    translator.offset = region.end
    return region is not first


def is_extended(translator: Translator, first: Region) -> bool:
    """Returns whether a region may go on: what the first instruction takes does not die before its end."""
    stack = translator.state.stack
    return all(map(lasts, stack[len(stack) - first.taken :]))


class Extension:
    """Extends a region that begins with one instruction, as far as it can be."""

    def __init__(self, translator: Translator, first: Region, items: list[Value | None]) -> None:
        self.text, self.code, self.tables = translator.text, translator.code, translator.tables
        self.variables = translator.state.variables
        self.function = translator.function
        self.below = translator.state.stack[: len(translator.state.stack) - first.taken]
        self.items = items
        self.taken = first.taken
        self.reads: list[int] = []
        self.best = first

    def run(self, start: int) -> Region:
        """Returns the longest region that begins at `start`."""
        row = self.tables.handler_of(start >> 1)
        offset = self.best.end
        for _ in range(LENGTH_LIMIT):
            instruction = self.text.instructions.get(offset)
            if instruction is None or offset in self.text.joins or self.tables.handler_of(offset >> 1) != row:
                break
            try:
                ends_well = self.take(instruction)
            except Ends:
                break
            offset = instruction.after
            if ends_well and len(self.items) <= ITEM_LIMIT and not any(map(is_pending, self.items)):
                self.best = Region(offset, self.taken, len(self.items), tuple(self.reads))
        return self.best

    def pop(self) -> Value | None:
        """Returns what is known of a value on the stack; None for one that the region has made."""
        if self.items:
            return self.items.pop()
        if not self.below:
            raise Ends
        value = self.below.pop()
        if not lasts(value):
            raise Ends
        self.taken += 1
        return value

    def take(self, instruction: Instruction) -> bool:
        """Follows an instruction; returns whether the region may end behind it."""
        name = instruction.name
        follow = FOLLOWED.get(name)
        if follow is not None:
            return follow(self, instruction)
        if name in PREPARES:
            return False
        if name in IN_BETWEEN or name in CALLED_OUT:
            count = popped(instruction)
            if count is None:
                raise Ends
            for _ in range(count):
                self.pop()
            self.items.append(None)
            return name in CALLED_OUT
        raise Ends

    # -- Loads ------------------------------------------------------------------------------------------------------------

    def load_const(self, instruction: Instruction) -> bool:
        self.items.append(constant_value(self.code.co_consts[instruction.arg]))
        return False

    def push_null(self, instruction: Instruction) -> bool:
        self.items.append(Value(NULL))
        return False

    def load_fast(self, instruction: Instruction) -> bool:
        self.read(instruction.arg)
        return False

    def load_two(self, instruction: Instruction) -> bool:
        self.read(instruction.arg >> 4)
        self.read(instruction.arg & 15)
        return False

    def read(self, slot: int) -> None:
        value = self.variables[slot]
        if value is None or value.kind not in HELD:
            raise Ends
        if slot not in self.reads:
            self.reads.append(slot)
        self.items.append(value)

    def load_global(self, instruction: Instruction) -> bool:
        name = self.code.co_names[instruction.arg >> 1]
        found = self.function.__globals__.get(name, MISSING)
        if found is MISSING:
            found = builtins_of(self.function).get(name, MISSING)
        value = MET if found is MISSING else named(found)
        self.items += pair(value) if instruction.arg & 1 else [value]
        return False

    def load_attr(self, instruction: Instruction) -> bool:
        name = self.code.co_names[instruction.arg >> 1 if METHOD_BIT else instruction.arg]
        method = loads_method(instruction)
        owner = self.pop()
        found = None if owner is None else typed_load(owner, name)
        if found is MET and owner is not None and owner.unseen:
            raise Ends
        if (
            found is not None
            and method
            and type(found.known) in (FunctionType, MethodDescriptorType)
            and not is_module(owner)
        ):
            self.items += [found._replace(kind=NULL), owner]
        else:
            self.items += pair(found) if method else [found]
        return found is None and not method

    # -- What ends a region ------------------------------------------------------------------------------------------------

    def call(self, instruction: Instruction) -> bool:
        for _ in range(instruction.arg + (instruction.name == "CALL_KW")):
            self.pop()
        second, first = self.pop(), self.pop()
        callee = second if first is not None and first.kind == NULL and not first.constant else first
        if callee is not None and callee.constant and any(is_typed(callee.known) for is_typed in IS_TYPED):
            raise Ends
        self.items.append(None)
        return True

    def copy(self, instruction: Instruction) -> bool:
        if instruction.arg != 1:
            raise Ends
        value = self.pop()
        self.items += [value, value]
        return False

    def swap(self, instruction: Instruction) -> bool:
        if instruction.arg != 2:
            raise Ends
        second, first = self.pop(), self.pop()
        self.items += [second, first]
        return False

    def store_attr(self, instruction: Instruction) -> bool:
        owner = self.pop()
        self.pop()
        if owner is not None:
            name = self.code.co_names[instruction.arg]
            if owner.unseen or (owner.met is not None and store_in(owner.met, name) is not None):
                raise Ends
        return True

    def store_subscr(self, instruction: Instruction) -> bool:
        self.pop()
        container = self.pop()
        self.pop()
        if container is not None and (container.unseen or container.cls is not None):
            raise Ends
        return True

    def pop_top(self, instruction: Instruction) -> bool:
        if not self.items or self.best.end != instruction.start:
            raise Ends
        self.items.pop()
        return True


def is_pending(value: Value | None) -> bool:
    """Returns whether a place of the stack may hold NULL, or belongs to a call that is being prepared."""
    return value is not None and value.kind == NULL


def pair(value: Value | None) -> list[Value | None]:
    """Returns what stands on the stack of a callable without `self`."""
    found: list[Value | None] = [Value(NULL), value]
    return found[::-1] if NULL_LAST else found


def lasts(value: Value) -> bool:
    """Returns whether a value lives on behind the region anyway, or its end is seen by nobody."""
    return value.kind != OBJECT or value.constant or value.local >= 0 or value.cls in PLAIN


def named(found: object) -> Value:
    """Returns what is known of an object that a name means."""
    return constant_value(found) if is_lasting(found) else Value(OBJECT)


def is_module(owner: Value | None) -> bool:
    return owner is not None and type(owner.known) is ModuleType


def typed_load(owner: Value, name: str) -> Value | None:
    """Returns what is known of an attribute whose load is typed; None for others."""
    if is_module(owner):
        found = vars(owner.known).get(name, MISSING)
        return MET if found is MISSING else named(found)
    cls = CLASSES.get(owner.kind, owner.cls)
    if cls is not None and cls in BUILT_IN:
        method = find_in_class(cls, name)
        return Value(OBJECT, known=method, general=True) if type(method) is MethodDescriptorType else None
    if owner.unseen or isinstance(owner.known, type):
        return MET
    access = None if owner.met is None else of_instance(owner.met, name)
    if access is None:
        return None
    return Value(OBJECT, known=access.found, general=True) if type(access.found) is FunctionType else MET


FOLLOWED: dict[str, Callable[[Extension, Instruction], bool]] = {
    "LOAD_CONST": Extension.load_const,
    "PUSH_NULL": Extension.push_null,
    "LOAD_FAST": Extension.load_fast,
    "LOAD_FAST_LOAD_FAST": Extension.load_two,
    "LOAD_GLOBAL": Extension.load_global,
    "LOAD_ATTR": Extension.load_attr,
    "LOAD_METHOD": Extension.load_attr,
    "CALL": Extension.call,
    "CALL_KW": Extension.call,
    "COPY": Extension.copy,
    "SWAP": Extension.swap,
    "STORE_ATTR": Extension.store_attr,
    "STORE_SUBSCR": Extension.store_subscr,
    "POP_TOP": Extension.pop_top,
}
"""By the name of CPython's instruction."""
