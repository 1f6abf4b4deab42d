"""Forms of `for`: ranges, lists, tuples, enumerate() and zip() of these, and iterators of any class."""

from __future__ import annotations

from collections.abc import Callable
from itertools import zip_longest

from cascade.kernels.assemble import Label
from cascade.kernels.blocks import arrays, text_items
from cascade.kernels.blocks.comprehensions import begun_at, made_at
from cascade.kernels.blocks.decode import Instruction
from cascade.kernels.blocks.generic import call_out
from cascade.kernels.blocks.last_items import held_in, hold, iterators_in
from cascade.kernels.blocks.points import LeavesTyped, Version
from cascade.kernels.blocks.sequences import KINDS, inherited_from
from cascade.kernels.blocks.steps import step
from cascade.kernels.blocks.translator import Form, Translator, form
from cascade.kernels.blocks.values import (
    BACKWARD_ITEMS,
    COUNTED,
    DISPLAY,
    ITEMS,
    ITERATORS,
    PLAIN_ITERATORS,
    RANGE,
    ZIPPED,
    Value,
)
from cascade.kernels.model import INT, OBJECT

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
    higher = places_to_loop(translator, instruction, len(translator.state.stack) - 2)
    if higher is not None and inherited_from(translator, -1, "__iter__") is list:
        value = translator.state.stack[-1] = translator.state.stack[-1]._replace(cls=list)
    iterable = value.cls in KINDS or value.cls is range or arrays.is_iterable(value)
    if higher is not None and value.kind == OBJECT and (iterable or text_items.is_iterable(translator, -1)):
        iterator = iterator_of(translator, value, translator.registers.slot(len(translator.state.stack) - 1 + higher))
        translator.pop()
        translator.push(iterator)
        return
    if value.cls in NEXT_OF:
        return
    if value.cls in ITERATED_OF:
        ITERATED_OF[value.cls](translator, instruction)
        return
    call_out(translator, instruction)
    if higher == 0 and translator.state.stack[-1].unseen:
        translator.offset = instruction.after
        translator.dispatch(-1)  # so that the loop's head has one version, for an iterator of this class


def places_to_loop(translator: Translator, instruction: Instruction, below: int) -> int | None:
    """Returns by how many places the iterator that GET_ITER makes stands higher at its loop; None where none follows.

    In a comprehension that is a part of the function, other values get below the iterator first. On 3.11 a function is called with the
    iterator, as that of a generator expression is: it stands at `below` on the stack.
    """
    following, pushed = begun_at(translator, instruction.after)
    if following.name == "FOR_ITER":
        return pushed
    return 0 if made_at(translator, instruction.after, below) is not None else None


def iterator_of(translator: Translator, value: Value, register: int) -> Value:
    """Returns an iterator over a list, tuple, range, array or buffer, in the given registers; it takes the reference of an owned one."""
    if value.cls is range:
        source = translator.register(value)
        if register <= source < register + 3:  # the range itself stands where its numbers will
            aside = translator.temporary()
            translator.emit("MOVE", a=aside, b=source)
            moved = value._replace(register=aside)
            translator.state.stack = [moved if item is value else item for item in translator.state.stack]
            value = moved
            translator.refresh()
        translator.emit("RANGE_OF", a=register, b=translator.register(value))
        translator.consume(value)
        return Value(RANGE, register)
    if value.owned:
        translator.emit("MOVE", a=register, b=value.register)
    else:
        translator.emit("OWN", a=register, b=translator.register(value))
    translator.emit("MOVE", a=register + 1, b=translator.register(Value(INT, known=0)))
    if value.register >= 0 and value.local < 0:
        translator.chunk.drop(value)
    general = value.cls is str and translator.general
    return Value(ITEMS, register, value.cls, True, general=general, layout=value.layout)


@form("FOR_ITER")
def for_iter(translator: Translator, instruction: Instruction) -> None:
    iterator = translator.state.stack[-1]
    if iterator.kind == RANGE:
        over_range(translator, instruction, iterator)
    elif iterator.kind in ITERATORS or iterator.cls in NEXT_OF:
        ends = [Label() for _ in range(count_of_ends(iterator))]
        item = next_of(translator, iterator, ends, translator.version)
        for number, end in enumerate(ends):
            at_end(translator, instruction, end, (ended_at(iterator, number),))
        translator.push(item)
    elif iterator.kind == OBJECT:
        over_object(translator, instruction)
    else:
        raise LeavesTyped


def count_of_ends(iterator: Value) -> int:
    """Returns how many iterators may be the one that ends a loop: of zip(), each of those that it takes items of."""
    parts = iterators_in(iterator)
    return len(parts) if iterator.kind == ZIPPED else count_of_ends(parts[0]) if parts else 1


def ended_at(iterator: Value, number: int) -> Value:
    """Returns an iterator in which those of zip() stand so that one of them, which is at its end, dies first."""
    parts, held = iterators_in(iterator), held_in(iterator)
    if iterator.kind == ZIPPED:
        return iterator._replace(parts=(*held, *parts[:number], *parts[number + 1 :], parts[number]))
    return iterator._replace(parts=(ended_at(parts[0], number), *held)) if parts else iterator


def next_of(translator: Translator, iterator: Value, ends: list[Label], version: Version | None = None) -> Value:
    """Returns the next item of an iterator; at its end goes to a label, of zip() to that of the iterator that is at its end.

    A loop is rotated where taking the item is the whole instruction: a side exit at the end of the loop finds all of it done.
    """
    if iterator.kind == OBJECT and iterator.cls is not None:
        return NEXT_OF[iterator.cls](translator, iterator, ends[0])
    if iterator.kind == ITEMS and iterator.cls is BACKWARD_ITEMS:
        register = translator.temporary()
        translator.emit("LIST_NEXT_BACKWARD", a=register, b=iterator.register, target=ends[0])
        return Value(OBJECT, register)
    if iterator.kind == ITEMS and iterator.cls in text_items.NEXT:
        return text_items.next_item(translator, iterator, ends[0])
    if iterator.kind == ITEMS and iterator.cls not in KINDS:
        return arrays.next_item(translator, iterator, ends[0])
    if iterator.kind in (ITEMS, RANGE):
        name = "NEXT" if iterator.kind == RANGE else f"{KINDS[iterator.cls]}_NEXT"
        register = translator.temporary()
        translator.emit(name, a=register, b=iterator.register, target=ends[0])
        if version is not None and version.rotated is None:
            body = Label()
            translator.chunk.pinned.add(register)
            translator.put_point(body, Value(INT if iterator.kind == RANGE else OBJECT, register))
            version.rotated = (f"{name}_BACK", translator.chunk.physical(register), iterator.register, body)
        return Value(INT if iterator.kind == RANGE else OBJECT, register)
    if iterator.kind == COUNTED:
        count, following, number = translator.temporary(), translator.temporary(), iterator.register
        translator.chunk.pinned.update((count, following))
        translator.emit("ADD_INT", a=following, b=number, c=translator.register(Value(INT, known=1)))
        item = next_and_held(translator, iterator, ends)[0]  # behind the sum, which may exit: no item is lost then
        translator.emit("MOVE", a=count, b=number)
        translator.emit("MOVE", a=number, b=following)
        translator.chunk.drop(Value(INT, following))
        return Value(DISPLAY, parts=(Value(INT, count), item))
    parts = iterators_in(iterator)
    if any(map(makes_items, parts)):
        raise LeavesTyped
    for part in parts[1:]:
        check_next(translator, part)
    return Value(DISPLAY, parts=next_and_held(translator, iterator, ends))


def next_and_held(translator: Translator, iterator: Value, ends: list[Label]) -> tuple[Value, ...]:
    """Returns the next items of the iterators that zip() or enumerate() takes items of; these are held in place of the last ones."""
    parts, items = iterators_in(iterator), []
    for number, (part, held) in enumerate(zip_longest(parts, held_in(iterator))):
        items.append(next_of(translator, part, ends if len(parts) == 1 else [ends[number]]))
        if held is not None:
            hold(translator, held, items[-1])
    return tuple(items)


def check_next(translator: Translator, iterator: Value) -> None:
    """The code exits here where the next item of an iterator would make it exit, as none has gone on yet."""
    for part in iterator.parts:
        check_next(translator, part)
    if iterator.kind == ITEMS:
        arrays.check_next(translator, iterator)


def makes_items(iterator: Value) -> bool:
    """Returns whether items are objects that are made: nobody would drop them where another iterator ends."""
    return (iterator.layout is not None and iterator.layout.dimensions > 1) or (
        iterator.cls is str and iterator.general
    )


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
        translator.push(next_of(translator, iterator, [end], version))
        return
    translator.save_aliases(local)
    translator.emit("NEXT", a=local, b=iterator.register, target=end)
    translator.state.variables[local] = Value(INT, local)
    if version is not None and version.rotated is None and old is not None and old.kind == INT:
        body = Label()
        translator.put_point(body)
        version.rotated = ("NEXT_BACK", local, iterator.register, body)
    translator.offset = following.after


def over_object(translator: Translator, instruction: Instruction) -> None:
    """The next item of an iterator that is an object: code of users may run if its class is not known to have none."""
    iterator = translator.seen(-1)
    plain = iterator.cls in PLAIN_ITERATORS
    if not plain:
        translator.before_effect()
        translator.refresh()
        iterator = translator.state.stack[-1]
    end, item = Label(), translator.temporary()
    register = translator.register(iterator)
    if plain:
        translator.emit("PLAIN_NEXT", a=item, b=register, target=end)
    else:
        function = step(translator.function, instruction.start, translator.tables)
        number = translator.gather(function, (), (item,), instruction.start, instruction.after)
        translator.chunk.pinned.add(item)
        translator.emit("ITER_NEXT", a=item, b=register, c=translator.registers.end, e=number, target=end)
        translator.after_effect()
    at_end(translator, instruction, end, (iterator,))
    translator.push(Value(OBJECT, item, owned=True))
