"""Forms of arrays and buffers: items, rows, shapes, iteration.

An array's kind of items and its number of dimensions are seen when it is met; the code that is made for them checks them, and the
bounds, at each access, so that nothing has to be known of what a call-out may have done with the array.
"""

from __future__ import annotations

from collections.abc import Callable

from cascade.instructions.families.arrays import DIRECT
from cascade.kernels.assemble import Label
from cascade.kernels.blocks import scalars
from cascade.kernels.blocks.decode import Instruction
from cascade.kernels.blocks.numpy_types import array_class, buffer_layout, numpy_now
from cascade.kernels.blocks.translator import LIKES, SEEN, Seer, Translator
from cascade.kernels.blocks.values import DISPLAY, ROW, SCALARS, Layout, Value
from cascade.kernels.lasting import is_instance
from cascade.kernels.model import BOOL, INT, OBJECT

WRITES = 1 << 16


# -- Classes that are met -----------------------------------------------------------------------------------------------


def seer_of(cls: type) -> Seer | None:
    """Returns how a value of a class is seen, if that is an array, a buffer or a scalar of NumPy's."""
    if cls is memoryview:
        return see_view
    if cls is array_class():
        return see_buffer
    known = numpy_now()
    if known is None:
        return None
    return see_array if cls is known.array else see_scalar if cls in known.kinds else None


SEEN.append(seer_of)


def like(found: object) -> object:
    """Returns an array, buffer, view or scalar of NumPy's that is seen as another one is; None for anything else."""
    known, cls = numpy_now(), type(found)
    if is_instance(found, memoryview):
        return view_like(found)
    if cls is array_class():
        return found[:0]  # type: ignore[index]
    if known is not None and cls is known.array:
        return known.array((0,) * found.ndim, found.dtype)  # type: ignore[attr-defined,call-arg]
    return cls() if known is not None and cls in known.kinds else None


def view_like(found: memoryview) -> memoryview | None:
    try:
        return memoryview(bytearray(found.itemsize)).cast(found.format, (1,) * found.ndim)  # type: ignore[call-overload,no-any-return]
    except (ValueError, TypeError):  # it has been released, or is of elements that kernels do not read
        return None


LIKES.append(like)


def see_array(translator: Translator, place: int, found: object, otherwise: Label) -> bool:
    known = numpy_now()
    layout = known.layout(found) if known is not None else None
    if layout is None:
        return False
    value = translator.state.stack[place]
    translator.emit("EXPECT_ARRAY", a=value.register, e=expected(layout), target=otherwise)
    translator.replace(place, value._replace(cls=type(found), layout=layout))
    return True


def see_buffer(translator: Translator, place: int, found: object, otherwise: Label) -> bool:
    layout = buffer_layout(found, found.typecode, 1)  # type: ignore[attr-defined]
    if layout is None:
        return False
    value = translator.state.stack[place]
    cls = translator.object_register(type(found))
    translator.emit("EXPECT_BUFFER", a=value.register, b=cls, e=ord(layout.code), target=otherwise)
    translator.replace(place, value._replace(cls=type(found), layout=layout))
    return True


def see_view(translator: Translator, place: int, found: object, otherwise: Label) -> bool:
    try:
        layout = buffer_layout(found, found.format, found.ndim) if is_instance(found, memoryview) else None
    except ValueError:  # it has been released
        return False
    if layout is None:
        return False
    value = translator.state.stack[place]
    translator.emit("EXPECT_VIEW", a=value.register, e=expected(layout), target=otherwise)
    translator.replace(place, value._replace(cls=memoryview, layout=layout))
    return True


def see_scalar(translator: Translator, place: int, found: object, otherwise: Label) -> bool:
    known = numpy_now()
    assert known is not None
    kind = known.kinds[type(found)]
    value = translator.state.stack[place]
    result = translator.temporary()
    translator.emit("UNBOX_SCALAR", a=result, b=value.register, e=SCALARS.index(kind), target=otherwise)
    translator.unbox(place, value, Value(kind, result))
    return True


def expected(layout: Layout, writes: bool = False) -> int:
    """Returns the operand that says what an array or view is checked for."""
    first = ord(layout.code) if layout.code else SCALARS.index(layout.element)
    return first | layout.dimensions << 8 | WRITES * writes


# -- Items ----------------------------------------------------------------------------------------------------------


def is_indexed(value: Value) -> bool:
    """Returns whether a value is an array, a row of one, or a buffer, with forms here."""
    return value.kind == ROW or (value.kind == OBJECT and (value.layout is not None or value.cls is bytearray))


def is_numpy(value: Value) -> bool:
    return value.layout is not None and not value.layout.code


def subscripts_of(container: Value, index: Value) -> tuple[Value, ...] | None:
    """Returns the subscripts of an item: those of a row, and those of the index; None for other indices than ints."""
    first = container.parts[1:] if container.kind == ROW else ()
    last = index.parts if index.kind == DISPLAY else (index,)
    if index.kind == DISPLAY and not has_axes(container):
        return None
    numpy = is_numpy(container)
    if all(scalars.is_index(value) and not (numpy and value.kind == BOOL) for value in last):
        return (*first, *last)
    return None


def has_axes(container: Value) -> bool:
    """Returns whether an index may be a tuple of ints."""
    return container.kind == ROW or container.cls is memoryview or is_numpy(container)


def array_of(container: Value) -> Value:
    return container.parts[0] if container.kind == ROW else container


def see_subscripts(translator: Translator, container: int) -> None:
    """Sees the container at a place of the stack, and then what stands above it, of which a tuple is going to be made."""
    translator.seen(container)
    if translator.state.stack[container].layout is not None:
        for place in range(container + 1, 0):
            translator.seen(place)


def load_item(translator: Translator) -> bool:
    """Translates `a[i]`; returns whether there is a form."""
    container, index = translator.state.stack[-2:]
    loaded = item(translator)
    if loaded is None:
        return load_row(translator, container, index)
    translator.pop(), translator.pop()
    translator.consume(index, container)
    translator.push(loaded)
    return True


def item(translator: Translator) -> Value | None:
    """Returns `a[i]`, whose operands stay on the stack; None where it is no number, or there is no form."""
    container, index = translator.state.stack[-2:]
    subscripts = subscripts_of(container, index)
    if subscripts is None:
        return None
    array = array_of(container)
    if container.layout is None:
        return translator.computed(INT, "BYTEARRAY_ITEM", array, subscripts[0])
    return item_at(translator, array, subscripts) if len(subscripts) == layout_of(array).dimensions else None


def layout_of(array: Value) -> Layout:
    assert array.layout is not None
    return array.layout


def item_at(translator: Translator, array: Value, subscripts: tuple[Value, ...]) -> Value:
    layout = layout_of(array)
    kind = scalars.plain(layout.element) if layout.code else layout.element
    name = layout.element.upper()
    if not layout.code and layout.dimensions <= 2 and name in DIRECT:
        return translator.computed(kind, f"ARRAY{layout.dimensions}_{name}", array, *subscripts)
    return translator.computed(kind, f"READ_{name}", address(translator, array, subscripts))


def address(translator: Translator, array: Value, subscripts: tuple[Value, ...], writes: bool = False) -> Value:
    """Returns the address of an item, for the next instruction only."""
    layout = layout_of(array)
    registers = [translator.register(value) for value in (array, *subscripts)]
    if layout.code and array.cls is not memoryview:
        name, last = "BUFFER_AT", {"e": ord(layout.code)}
    elif layout.code:
        name, last = f"VIEW_AT{layout.dimensions}", {"f": expected(layout, writes)}
    elif layout.dimensions < 4:
        name, last = f"ARRAY_AT{layout.dimensions}", {"f": expected(layout, writes)}
    else:
        name, last = "ARRAY_AT4", {}
        translator.emit("CHECK_ARRAY", a=registers[0], e=expected(layout, writes))
    result = translator.temporary()
    translator.emit_with(name, {"a": result, **dict(zip("bcdef", registers, strict=False)), **last})
    translator.chunk.drop(Value(OBJECT, result))
    return Value(OBJECT, result)


def load_row(translator: Translator, container: Value, index: Value) -> bool:
    """Translates an item that is an array: it is made when it is used other than by a subscript."""
    layout = container.layout
    if layout is None or not is_numpy(container) or layout.dimensions < 2:
        return False
    if index.kind == DISPLAY or subscripts_of(container, index) is None:
        return False
    rest = layout._replace(dimensions=layout.dimensions - 1)
    array = array_of(container)
    if array.owned:
        row = translator.computed(OBJECT, "ARRAY_ROW", array, index)._replace(cls=array.cls, owned=True, layout=rest)
        translator.pop(), translator.pop()
        translator.consume(index)
        translator.push(row)
        translator.refresh()
        translator.consume(container)
        return True
    axis = layout_of(array).dimensions - layout.dimensions
    translator.emit("ARRAY_BOUND", a=translator.register(array), b=translator.register(index), e=axis)
    parts = container.parts if container.kind == ROW else (container,)
    translator.pop(), translator.pop()
    translator.push(Value(ROW, cls=array.cls, parts=(*parts, index), layout=rest))
    return True


def store_item(translator: Translator) -> bool:
    """Translates `a[i] = v`; returns whether there is a form."""
    translator.whole(-3)
    value = translator.seen(-3)
    container, index = translator.state.stack[-2:]
    found = subscripts_of(container, index)
    array = array_of(container)
    if found is None:
        return False
    if container.layout is None:
        if value.kind not in (INT, BOOL) and not scalars.is_whole(value):
            return False
        registers = [translator.register(each) for each in (array, found[0], value)]
        translator.emit_with("BYTEARRAY_STORE", dict(zip("abc", registers, strict=True)))
    elif len(found) != layout_of(array).dimensions or not store_at(translator, array, found, value):
        return False
    for _ in range(3):
        translator.pop()
    translator.consume(value, index, container)
    return True


def store_at(translator: Translator, array: Value, subscripts: tuple[Value, ...], value: Value) -> bool:
    layout = layout_of(array)
    fitted = scalars.cast(translator, value, layout)
    if fitted is None:
        return False
    name = layout.element.upper()
    if not layout.code and layout.dimensions <= 2 and name in DIRECT:
        registers = [translator.register(each) for each in (array, *subscripts, fitted)]
        translator.emit_with(f"ARRAY{layout.dimensions}_STORE_{name}", dict(zip("abcd", registers, strict=False)))
    else:
        register = translator.register(fitted)
        at = address(translator, array, subscripts, writes=True)
        translator.emit(f"WRITE_{name}", a=at.register, b=register)
    if fitted.register != value.register:
        translator.consume(fitted)
    return True


# -- Attributes, iteration ----------------------------------------------------------------------------------------------


def load_attribute(translator: Translator, instruction: Instruction, name: str) -> bool:
    """Translates an attribute of an array; returns whether there is a form."""
    array = translator.state.stack[-1]
    if not is_numpy(array):
        return False
    axis = wanted_dimension(translator, instruction) if name == "shape" else -1
    if 0 <= axis < layout_of(array).dimensions:
        result = dimension(translator, array, axis)
        translator.offset = translator.text.instructions[instruction.after].after
        translator.offset = translator.text.instructions[translator.offset].after
        translator.pop()
        translator.consume(array)
        translator.push(result)
        return True
    result = ATTRIBUTES[name](translator, array)
    translator.pop()
    translator.consume(array)
    translator.push(result)
    return True


def wanted_dimension(translator: Translator, instruction: Instruction) -> int:
    """Returns k where the instructions behind `a.shape` are those of `[k]`; -1 for others."""
    loads = translator.text.instructions[instruction.after]
    if loads.name != "LOAD_CONST" or {loads.start, loads.after} & translator.text.joins:
        return -1
    index = translator.code.co_consts[loads.arg]
    return index if type(index) is int and translator.text.instructions[loads.after].name == "BINARY_SUBSCR" else -1


def dimension(translator: Translator, array: Value, axis: int) -> Value:
    result = translator.temporary()
    layout = layout_of(array)
    name = "VIEW_DIMENSION" if layout.code else "ARRAY_DIMENSION"
    last = expected(layout) if layout.code else layout.dimensions
    translator.emit(name, a=result, b=translator.register(array), e=axis, f=last)
    return Value(INT, result)


def shape(translator: Translator, array: Value) -> Value:
    dimensions = tuple(dimension(translator, array, axis) for axis in range(layout_of(array).dimensions))
    return Value(DISPLAY, parts=dimensions)


ATTRIBUTES: dict[str, Callable[[Translator, Value], Value]] = {
    "shape": shape,
    "ndim": lambda translator, array: translator.computed(INT, "ARRAY_DIMENSIONS", array),
    "size": lambda translator, array: translator.computed(INT, "ARRAY_SIZE", array),
}


def length(translator: Translator, value: Value) -> Value | None:
    """Returns the length of an array or buffer."""
    if value.kind != OBJECT:
        return None
    if value.cls is bytearray or (value.layout is not None and value.layout.code and value.cls is not memoryview):
        return translator.computed(INT, "SIZE", value)
    return dimension(translator, value, 0) if value.layout is not None else None


def is_iterable(value: Value) -> bool:
    """Returns whether `next_item` has a form for a value's iterator."""
    return value.kind == OBJECT and (
        value.cls is bytearray or (value.layout is not None and value.cls is not memoryview)
    )


def check_next(translator: Translator, iterator: Value) -> None:
    """The code exits here where `next_item` would."""
    layout = iterator.layout
    if layout is not None:
        kind, number = ("BUFFER", ord(layout.code)) if layout.code else ("ARRAY", expected(layout))
        translator.emit(f"{kind}_CHECK_NEXT", a=iterator.register, e=number)


def next_item(translator: Translator, iterator: Value, end: Label) -> Value:
    """Returns the next item of an iterator over an array or buffer; at its end goes to a label."""
    result, source, layout = translator.temporary(), iterator.register, iterator.layout
    if layout is None:
        translator.emit("BYTEARRAY_NEXT", a=result, b=source, target=end)
        return Value(INT, result)
    if layout.dimensions > 1:
        translator.emit("ARRAY_NEXT_ROW", a=result, b=source, target=end)
        rest = layout._replace(dimensions=layout.dimensions - 1)
        return Value(OBJECT, result, iterator.cls, True, layout=rest)
    name = layout.element.upper()
    if not layout.code and name in DIRECT:
        translator.emit(f"ARRAY_NEXT_{name}", a=result, b=source, target=end)
        return Value(layout.element, result)
    if layout.code:
        translator.emit("BUFFER_NEXT", a=result, b=source, e=ord(layout.code), target=end)
    else:
        translator.emit("ARRAY_NEXT_AT", a=result, b=source, e=expected(layout), target=end)
    kind = scalars.plain(layout.element) if layout.code else layout.element
    return translator.computed(kind, f"READ_{name}", Value(OBJECT, result))
