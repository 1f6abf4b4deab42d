"""Slices of texts, bytes, lists and tuples."""

from __future__ import annotations

from collections.abc import Callable

from cascade.kernels.blocks.c_calls import before_collection
from cascade.kernels.blocks.decode import Instruction
from cascade.kernels.blocks.generic import call_out
from cascade.kernels.blocks.sequences import INDEXED, STORED
from cascade.kernels.blocks.text_operators import TEXTS, class_of
from cascade.kernels.blocks.translator import Translator, form
from cascade.kernels.blocks.values import Value
from cascade.kernels.model import BOOL, INT, NONE, OBJECT
from cascade.kernels.values import WIDE

SLICES: dict[type | None, str] = {str: "TEXT_SLICE", bytes: "BYTES_SLICE", list: "LIST_SLICE", tuple: "TUPLE_SLICE"}


@form("BUILD_SLICE")
def build_slice(translator: Translator, instruction: Instruction) -> None:
    """Translates `text[start:stop]` together with the subscript or the store behind it."""
    following = translator.text.instructions[instruction.after]
    together = FORMS.get((following.name, instruction.arg))
    if together is not None and instruction.after not in translator.text.joins and together(translator):
        translator.offset = following.after
    elif not made(translator, instruction.arg):
        call_out(translator, instruction)


@form("BINARY_SLICE")
def binary_slice(translator: Translator, instruction: Instruction) -> None:
    if not sliced(translator):
        call_out(translator, instruction)


@form("STORE_SLICE")
def store_slice(translator: Translator, instruction: Instruction) -> None:
    if not stored(translator):
        call_out(translator, instruction)


def sliced(translator: Translator) -> bool:
    """Replaces a text, bytes, list or tuple and two bounds on the stack by the slice; returns whether it has done so."""
    for place in (-3, -2, -1):
        translator.whole(place)
        translator.seen(place)
    container, start, stop = translator.state.stack[-3:]
    name = SLICES.get(class_of(container))
    if name is None or any(bound.kind not in (INT, BOOL, NONE) for bound in (start, stop)):
        return False
    if container.cls not in TEXTS:
        before_collection(translator)
        container, start, stop = translator.state.stack[-3:]
    result = translator.computed(OBJECT, name, container, *bounds_of(start, stop))
    del translator.state.stack[-3:]
    translator.consume(stop, start, container)
    translator.push(result._replace(cls=container.cls, owned=True))
    return True


def bounds_of(start: Value, stop: Value) -> tuple[Value, Value]:
    """Returns the bounds of a slice with the step 1, with numbers in place of None."""
    first = Value(INT, known=0) if start.kind == NONE else start
    return first, Value(INT, known=WIDE[-1]) if stop.kind == NONE else stop


def sliced_by_steps(translator: Translator) -> bool:
    """The same of a list or tuple and two bounds and a step that is known, which stand on the stack."""
    step = translator.state.stack[-1]
    if step.kind != INT or not step.constant or step.known == 0 or abs(step.known) > STEP_LIMIT:  # type: ignore[arg-type]
        return False
    for place in (-4, -3, -2):
        translator.whole(place)
        translator.seen(place)
    container, start, stop = translator.state.stack[-4:-1]
    if class_of(container) not in (list, tuple) or any(bound.kind not in (INT, NONE) for bound in (start, stop)):
        return False
    before_collection(translator)
    container, start, stop = translator.state.stack[-4:-1]
    numbers = [Value(INT, known=0) if bound.kind == NONE else bound for bound in (start, stop)]
    b, c, d = map(translator.register, (container, *numbers))
    result = translator.temporary()
    absent = (start.kind == NONE) + 2 * (stop.kind == NONE)
    translator.emit("STEPS", a=result, b=b, c=c, d=d, e=4 * step.known + absent)  # type: ignore[operator]
    del translator.state.stack[-4:]
    translator.consume(stop, start, container)
    translator.push(Value(OBJECT, result, container.cls, True))
    return True


def stored(translator: Translator) -> bool:
    """Translates the store of a list or tuple in a slice: value, list and two bounds stand on the stack. Returns whether it has done so."""
    for place in (-4, -3, -2, -1):
        translator.whole(place)
        translator.seen(place)
    value, container, start, stop = translator.state.stack[-4:]
    if not is_stored(translator, -4, container) or any(bound.kind not in (INT, BOOL, NONE) for bound in (start, stop)):
        return False
    translator.before_effect()
    translator.refresh()
    value, container, start, stop = translator.state.stack[-4:]
    a, b, c, d = map(translator.register, (container, *bounds_of(start, stop), value))
    translator.emit("LIST_STORE_SLICE", a=a, b=b, c=c, d=d)
    del translator.state.stack[-4:]
    translator.after_effect()
    translator.consume(stop, start, container, value)
    return True


STEP_LIMIT = 1 << 20
"""The largest step of a slice that is a part of its instruction."""
FORMS: dict[tuple[str, int], Callable[[Translator], bool]] = {
    ("BINARY_SUBSCR", 2): sliced,
    ("BINARY_SUBSCR", 3): sliced_by_steps,
    ("STORE_SUBSCR", 2): stored,
}
"""Of a BUILD_SLICE with so many bounds and the instruction behind it."""


# -- Slice objects ----------------------------------------------------------------------------------------------------


def made(translator: Translator, count: int) -> bool:
    """Replaces two or three bounds on the stack by a slice object; returns whether it has done so."""
    for place in range(-count, 0):
        translator.whole(place)
        translator.seen(place)
    if any(bound.kind not in (INT, NONE) for bound in translator.state.stack[-count:]):
        return False
    before_collection(translator)
    bounds = [*translator.state.stack[-count:], Value(NONE)][:3]
    absent = sum(1 << number for number, bound in enumerate(bounds) if bound.kind == NONE)
    numbers = [Value(INT, known=0) if bound.kind == NONE else bound for bound in bounds]
    b, c, d = map(translator.register, numbers)
    result = translator.temporary()
    translator.emit("SLICE", a=result, b=b, c=c, d=d, e=absent)
    del translator.state.stack[-count:]
    translator.consume(*reversed(bounds[:count]))
    translator.push(Value(OBJECT, result, slice, True))
    return True


def load_by_slice(translator: Translator, instruction: Instruction) -> bool:
    """Replaces a container and a slice object on the stack by the slice; returns whether it has done so."""
    container, index = translator.state.stack[-2:]
    if class_of(container) not in SLICES or index.cls is not slice:
        return False
    before_collection(translator)
    container, index = translator.state.stack[-2:]
    result = translator.computed(OBJECT, "ITEMS", container, index)._replace(cls=container.cls, owned=True)
    del translator.state.stack[-2:]
    translator.consume(index, container)
    translator.push(result)
    return True


def store_item_by_slice(translator: Translator, instruction: Instruction) -> bool:
    """Translates `container[slice] = value`: these stand on the stack as value, container, slice."""
    container, index = translator.state.stack[-2:]
    if index.cls is not slice or not is_stored(translator, -3, container):
        return False
    store_by_slice(translator)
    return True


def is_stored(translator: Translator, place: int, container: Value) -> bool:
    """Returns whether a container on the stack is a list, and the value at `place` a list or tuple."""
    translator.whole(place)
    return class_of(container) is list and class_of(translator.seen(place)) in (list, tuple)


def store_by_slice(translator: Translator) -> None:
    translator.before_effect()
    translator.refresh()
    value, container, index = translator.state.stack[-3:]
    a, b, c = map(translator.register, (container, index, value))
    translator.emit("STORE_ITEMS", a=a, b=b, c=c)
    del translator.state.stack[-3:]
    translator.after_effect()
    translator.consume(index, container, value)


INDEXED.append(load_by_slice)
STORED.append(store_item_by_slice)
