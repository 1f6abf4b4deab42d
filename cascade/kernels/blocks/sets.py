"""Forms of sets, deques and heaps."""

from __future__ import annotations

import builtins
import heapq
from collections import deque

from cascade._vm import find_in_class
from cascade.kernels.blocks.c_calls import before_collection, c_result, class_of, finish
from cascade.kernels.blocks.calls import Known, known
from cascade.kernels.blocks.decode import Instruction
from cascade.kernels.blocks.generic import call_out
from cascade.kernels.blocks.iteration import ITERATED_OF, NEXT_OF
from cascade.kernels.blocks.mappings import (
    BUILD_LIMIT,
    add,
    beside_call_out,
    build,
    drop_operands,
    holds,
    is_plain,
    key_at,
    key_object,
    next_one,
    with_key,
)
from cascade.kernels.blocks.numbers import SIZES
from cascade.kernels.blocks.points import LeavesTyped
from cascade.kernels.blocks.sequences import HOLDS_OF, ITEMS_OF, settled_object
from cascade.kernels.blocks.translator import Translator, form
from cascade.kernels.blocks.values import HELD, NOTHING, Value
from cascade.kernels.model import BOOL, INT, NONE, OBJECT

# -- Sets -------------------------------------------------------------------------------------------------------------------


def set_key(translator: Translator, place: int) -> tuple[str, Value]:
    """Returns a value on the stack that may be in a set, and the end of the names of the instructions for it."""
    suffix, value = key_at(translator, place, True)
    return ("" if suffix == "_STR" else suffix), value


def set_holds(translator: Translator, instruction: Instruction) -> None:
    suffix, value = set_key(translator, -2)
    container = translator.state.stack[-1]
    holds(translator, instruction, f"SET_HOLDS{suffix}", with_key(suffix, "c", value, b=container))


@known(set.add)
def call_add(translator: Translator, count: int, instruction: Instruction) -> bool:
    if count != 2 or translator.state.stack[-2].cls is not set:
        return False
    suffix, value = set_key(translator, -1)
    container = translator.state.stack[-2]
    operands = with_key(suffix, "b", value, a=container)
    if suffix != "_INT":
        beside_call_out(translator, instruction, f"SET_INSERT{suffix}", operands, NONE, frees=suffix == "_TUPLE")
        return True
    translator.refresh()
    translator.emit("SET_INSERT_INT", a=translator.register(container), b=translator.register(value))
    return finish(translator, instruction, NOTHING)


def set_method(name: str) -> Known:
    """Returns the form of a method of sets that removes a value."""

    def call_method(translator: Translator, count: int, instruction: Instruction) -> bool:
        if count != 2 or translator.state.stack[-2].cls is not set:
            return False
        value = key_object(translator, -1)
        operands = {"a": translator.state.stack[-2], "b": value}
        beside_call_out(translator, instruction, name, operands, NONE, frees=True)
        return True

    return call_method


known(set.discard)(set_method("SET_DISCARD"))
known(set.remove)(set_method("SET_REMOVE"))


def iterate(translator: Translator, instruction: Instruction) -> None:
    before_collection(translator)
    value = translator.state.stack[-1]
    iterator = translator.temporary()
    translator.emit("ITERATE", a=iterator, b=translator.register(value))
    translator.pop()
    translator.consume(value)
    assert value.cls is not None
    translator.push(Value(OBJECT, iterator, type(iter(value.cls())), True))


def next_object(translator: Translator, iterator: Value, end: object) -> Value:
    return next_one("NEXT_OBJECT")(translator, iterator, end)._replace(owned=True)  # type: ignore[arg-type]


HOLDS_OF.update({set: set_holds, frozenset: set_holds})
SIZES.update({set: "SET_SIZE", frozenset: "SET_SIZE", deque: "SIZE"})
ITERATED_OF.update({set: iterate, frozenset: iterate, deque: iterate})
NEXT_OF.update(dict.fromkeys((type(iter(set[int]())), type(iter(deque[int]()))), next_object))


@known(builtins.set)
def call_set(translator: Translator, count: int, instruction: Instruction) -> bool:
    return no_arguments(translator, count, instruction, "BUILD_SET", set)


@known(builtins.dict)
def call_dict(translator: Translator, count: int, instruction: Instruction) -> bool:
    return no_arguments(translator, count, instruction, "BUILD_DICT", dict)


def no_arguments(translator: Translator, count: int, instruction: Instruction, name: str, cls: type) -> bool:
    if count:
        return False
    before_collection(translator)
    result = translator.temporary()
    translator.emit(name, a=result, e=translator.gather(None, (), ()))
    return finish(translator, instruction, Value(OBJECT, result, cls, True))


@form("BUILD_SET")
def build_set(translator: Translator, instruction: Instruction) -> None:
    count = instruction.arg
    stack = translator.state.stack
    if count > BUILD_LIMIT or not all(map(is_plain, stack[len(stack) - count :])):
        call_out(translator, instruction)
        return
    build(translator, "BUILD_SET", count, set)


@form("SET_ADD")
def set_add(translator: Translator, instruction: Instruction) -> None:
    made = translator.state.stack[-1 - instruction.arg]
    value = translator.whole(-1)
    if made.cls is not set or value.kind not in HELD:
        raise LeavesTyped
    add_to_set(translator, made)


def add_to_set(translator: Translator, made: Value) -> None:
    """Adds the value on top of the stack to a set in the making, and pops it."""
    value = translator.state.stack[-1]
    if value.kind == INT:
        add(translator, "SET_INSERT_INT", a=made, b=value)
    else:
        value = settled_object(translator, -1)
        add(translator, "SET_INSERT", a=made, b=value)
    translator.consume(translator.pop())


def clearing(cls: type) -> Known:
    """Returns the form of `clear`, where what the container holds dies."""
    method = find_in_class(cls, "clear")

    def call_clear(translator: Translator, count: int, instruction: Instruction) -> bool:
        if count != 1 or class_of(translator.state.stack[-1]) is not cls:
            return False
        translator.before_effect()
        translator.refresh()
        c_result(translator, method, (translator.state.stack[-1],), type(None))
        translator.after_effect()
        return finish(translator, instruction, NOTHING)

    return call_clear


for _class in (list, dict, set, deque):
    known(find_in_class(_class, "clear"))(clearing(_class))


# -- Deques -----------------------------------------------------------------------------------------------------------------


def deque_append(name: str) -> Known:
    def call_append(translator: Translator, count: int, instruction: Instruction) -> bool:
        if count != 2 or translator.state.stack[-2].cls is not deque or translator.whole(-1).kind not in HELD:
            return False
        settled_object(translator, -1)
        translator.before_effect()  # of a deque with a limit, an item is dropped
        translator.refresh()
        container, value = translator.state.stack[-2:]
        translator.emit(name, a=translator.register(container), b=translator.register(value))
        translator.after_effect()
        return finish(translator, instruction, NOTHING)

    return call_append


def deque_pop(name: str) -> Known:
    def call_pop(translator: Translator, count: int, instruction: Instruction) -> bool:
        if count != 1 or translator.state.stack[-1].cls is not deque:
            return False
        translator.before_effect()
        translator.refresh()
        item = translator.computed(OBJECT, name, translator.state.stack[-1])._replace(owned=True)
        return finish(translator, instruction, item)

    return call_pop


known(deque.append)(deque_append("DEQUE_APPEND"))
known(deque.appendleft)(deque_append("DEQUE_APPEND_FIRST"))
known(deque.pop)(deque_pop("DEQUE_POP"))
known(deque.popleft)(deque_pop("DEQUE_POP_FIRST"))


def deque_item(translator: Translator, instruction: Instruction) -> None:
    index = translator.state.stack[-1]
    container = translator.state.stack[-2]
    if index.kind not in (INT, BOOL):
        call_out(translator, instruction)
        return
    item = translator.computed(OBJECT, "DEQUE_ITEM", container, index)
    drop_operands(translator, 2)
    if container.owned:
        item = translator.own(item)
    translator.consume(index, container)
    translator.push(item)


ITEMS_OF[deque] = deque_item


# -- Heaps ------------------------------------------------------------------------------------------------------------------


@known(heapq.heappush)
def call_heappush(translator: Translator, count: int, instruction: Instruction) -> bool:
    if count != 2 or translator.whole(-1).kind not in HELD:
        return False
    translator.whole(-2)
    if translator.seen(-2).cls is not list:
        return False
    value = settled_object(translator, -1)
    operands = {"a": translator.state.stack[-2], "b": value}
    beside_call_out(translator, instruction, "HEAP_PUSH", operands, NONE)
    return True


@known(heapq.heappop)
def call_heappop(translator: Translator, count: int, instruction: Instruction) -> bool:
    if count != 1:
        return False
    translator.whole(-1)
    heap = translator.seen(-1)
    if heap.cls is not list:
        return False
    beside_call_out(translator, instruction, "HEAP_POP", {"b": heap}, OBJECT)
    return True
