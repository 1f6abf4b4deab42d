"""Forms of calls of builtins: of numbers, of classes, of whole lists."""

from __future__ import annotations

import builtins
from collections.abc import Callable

from cascade.kernels.assemble import Label
from cascade.kernels.blocks import scalars
from cascade.kernels.blocks.attributes import call_isinstance as is_instance
from cascade.kernels.blocks.c_calls import before_collection, c_function, class_of, finish
from cascade.kernels.blocks.calls import as_int, known, numbers
from cascade.kernels.blocks.decode import Instruction
from cascade.kernels.blocks.numbers import as_float, of_numbers
from cascade.kernels.blocks.points import Stub
from cascade.kernels.blocks.sequences import KINDS, settled_object
from cascade.kernels.blocks.translator import Translator
from cascade.kernels.blocks.values import DISPLAY, Value, constant_value
from cascade.kernels.model import BOOL, FLOAT, INT, NONE, OBJECT

# -- Numbers ----------------------------------------------------------------------------------------------------------


@known(builtins.float)
def call_float(translator: Translator, count: int, instruction: Instruction) -> bool:
    if count == 0:
        return finish(translator, instruction, Value(FLOAT, known=0.0))
    return count == 1 and converted(translator, instruction, FLOAT, lambda value: as_float(translator, value))


@known(builtins.int)
def call_int(translator: Translator, count: int, instruction: Instruction) -> bool:
    def whole(value: Value) -> Value:
        return translator.computed(INT, "TRUNCATE", value) if value.kind == FLOAT else as_int(translator, value)

    if count == 0:
        return finish(translator, instruction, Value(INT, known=0))
    return count == 1 and converted(translator, instruction, INT, whole)


def converted(translator: Translator, instruction: Instruction, kind: str, of_number: Callable[[Value], Value]) -> bool:
    """The number of an argument that is a number, or a text of few digits; a function is called for any other."""
    translator.whole(-1)
    value = translator.seen(-1)
    if value.number or value.scalar:
        return finish(translator, instruction, of_number(scalars.python_number(value)))
    if value.kind != OBJECT or value.cls is not str:
        return False
    return computed_or_called(translator, instruction, kind, f"{kind.upper()}_OF_TEXT", value)


c_function(int, None, (str, bytes), (int, bool), optional=1)
c_function(float, float, (str, bytes))


@known(builtins.divmod)
def call_divmod(translator: Translator, count: int, instruction: Instruction) -> bool:
    values = numbers(translator, count) if count == 2 else None
    if values is None:
        return False
    kind = FLOAT if FLOAT in (values[0].kind, values[1].kind) else INT
    fitted = [as_float(translator, value) if kind == FLOAT else value for value in values]
    parts = [translator.computed(kind, f"{name}_{kind.upper()}", *fitted) for name in ("FLOORDIV", "MOD")]
    return finish(translator, instruction, Value(DISPLAY, parts=tuple(parts)))


@known(builtins.round)
def call_round(translator: Translator, count: int, instruction: Instruction) -> bool:
    if not 1 <= count <= 2:
        return False
    values = [translator.seen(place) for place in range(-count, 0)]
    if count == 2 and values[1].kind == NONE:
        count = 1
    if not all(value.number for value in values[:count]):
        return False
    value = values[0]
    if value.kind == FLOAT and count == 1:
        return finish(translator, instruction, translator.computed(INT, "ROUND", value))
    if value.kind == FLOAT and values[1].kind != FLOAT:
        return finish(translator, instruction, translator.computed(FLOAT, "ROUND_DIGITS", value, values[1]))
    if value.kind != FLOAT and (count == 1 or is_natural(values[1])):
        return finish(translator, instruction, as_int(translator, value))
    return False


def is_natural(value: Value) -> bool:
    return value.kind in (INT, BOOL) and isinstance(value.known, int) and value.known >= 0


@known(builtins.pow)
def call_pow(translator: Translator, count: int, instruction: Instruction) -> bool:
    values = numbers(translator, count) if 2 <= count <= 3 else None
    if values is None:
        return False
    if count == 2:
        result = of_numbers(translator, "**", *values)
        return result is not None and finish(translator, instruction, result)
    if any(value.kind == FLOAT for value in values):
        return False
    return finish(translator, instruction, translator.computed(INT, "POW_MOD_INT", *values))


@known(builtins.hash)
def call_hash(translator: Translator, count: int, instruction: Instruction) -> bool:
    values = numbers(translator, count) if count == 1 else None
    if values is None or values[0].kind == FLOAT:
        return False
    return finish(translator, instruction, translator.computed(INT, "HASH_INT", values[0]))


# -- Classes ----------------------------------------------------------------------------------------------------------


@known(type)
def call_type(translator: Translator, count: int, instruction: Instruction) -> bool:
    if count != 1:
        return False
    value = translator.whole(-1)
    cls = class_of(value)
    if cls is not None:
        return finish(translator, instruction, Value(OBJECT, known=cls, general=True))
    if value.kind != OBJECT:
        return False
    return finish(translator, instruction, translator.computed(OBJECT, "TYPE_OF", value)._replace(owned=True))


@known(builtins.isinstance)
def call_isinstance(translator: Translator, count: int, instruction: Instruction) -> bool:
    if count != 2:
        return False
    classes = classes_of(translator.state.stack[-1])
    if classes is None:
        return False
    value = translator.state.stack[-2]
    if value.kind != DISPLAY:
        translator.whole(-2)
        value = translator.seen(-2)
    cls = tuple if value.kind == DISPLAY else class_of(value)
    if cls is not None and not any(each.__flags__ & MUTABLE for each in classes):
        return finish(translator, instruction, Value(BOOL, known=issubclass(cls, classes)))
    if value.met is not None and is_instance(translator, count, instruction):
        return True
    if len(classes) > 1:
        return False
    value = settled_object(translator, -2)
    return value.kind == OBJECT and computed_or_called(
        translator, instruction, BOOL, "IS_INSTANCE", value, constant_value(classes[0])
    )


def classes_of(wanted: Value) -> tuple[type, ...] | None:
    """Returns the classes that a value on the stack stands for: a class, or a tuple of some; None for anything else."""
    found = tuple(part.known for part in wanted.parts) if wanted.kind == DISPLAY else wanted.known
    items = found if type(found) is tuple else (found,)
    classes = tuple(each for each in items if type(each) is type)
    return classes if len(classes) == len(items) else None


MUTABLE = 1 << 9
"""The flag of a class made by a class statement, whose metaclass may change, too (Py_TPFLAGS_HEAPTYPE)."""


# -- Whole lists and tuples -------------------------------------------------------------------------------------------


def computed_or_called(
    translator: Translator, instruction: Instruction, kind: str, name: str, *operands: Value
) -> bool:
    """Emits an instruction for a call, which is made after all where the instruction does not fit the values."""
    if translator.general:
        return False
    registers = [translator.register(operand) for operand in operands]
    result = translator.temporary()
    operands_by_name = dict(zip("abcd", (result, *registers), strict=False))
    translator.emit(name, target=translator.otherwise(), **operands_by_name)
    return finish(translator, instruction, Value(kind, result, owned=kind == OBJECT))


Form = Callable[[Translator, int, Instruction], bool]
SETS = (set, frozenset)


def of_items(kind: str, name: str) -> Form:
    """Returns the form of a function of one list, tuple or set."""

    def call(translator: Translator, count: int, instruction: Instruction) -> bool:
        if count != 1:
            return False
        translator.whole(-1)
        value = translator.seen(-1)
        if value.kind != OBJECT or value.cls not in (*KINDS, *SETS):
            return False
        if (name == "SORTED" or value.cls in SETS) and not translator.general:
            before_collection(translator)
        return computed_or_called(translator, instruction, kind, name, translator.state.stack[-1])

    return call


known(builtins.sum)(of_items(OBJECT, "SUM"))
known(builtins.any)(of_items(BOOL, "ANY"))
known(builtins.all)(of_items(BOOL, "ALL"))
LEAST, MOST = of_items(OBJECT, "LEAST"), of_items(OBJECT, "MOST")


@known(builtins.min)
def call_min(translator: Translator, count: int, instruction: Instruction) -> bool:
    return LEAST(translator, count, instruction) if count == 1 else extreme(translator, count, instruction, True)


@known(builtins.max)
def call_max(translator: Translator, count: int, instruction: Instruction) -> bool:
    return MOST(translator, count, instruction) if count == 1 else extreme(translator, count, instruction, False)


def extreme(translator: Translator, count: int, instruction: Instruction, least: bool) -> bool:
    """The first of the arguments than which none is less (or more), as `min` and `max` define it."""
    values = numbers(translator, count, scalars_too=True) if count >= 2 else None
    if values is None:
        return False
    kinds = {value.kind for value in values}
    if len(kinds) > 1:
        return count == 2 and extreme_of_two(translator, values, instruction, least)
    best = translator.temporary()
    translator.chunk.pinned.add(best)
    translator.emit("MOVE", a=best, b=translator.register(values[0]))
    for value in values[1:]:
        keep = Label()
        register = translator.register(value)
        left, right = (register, best) if least else (best, register)
        if scalars.is_float(values[0]):
            translator.emit("JUMP_NOT_LESS_FLOAT", a=left, b=right, target=keep)
        else:
            translator.emit("JUMP_LESS_EQUAL_INT", a=right, b=left, target=keep)
        translator.emit("MOVE", a=best, b=register)
        translator.chunk.put(keep)
    return finish(translator, instruction, Value(values[0].kind, best))


def extreme_of_two(translator: Translator, values: list[Value], instruction: Instruction, least: bool) -> bool:
    """Of two kinds of numbers: the code continues in two ways, one for each result."""
    sides = scalars.sides(translator, *values)
    if sides is None:
        return False
    first, second = sides
    a, b = translator.register(first), translator.register(second)
    if least:
        a, b = b, a
    first_kept = Label()
    translator.emit("JUMP_NOT_LESS_FLOAT", a=a, b=b, target=first_kept)
    before, free = translator.state.copy(), translator.chunk.free.copy()
    finish(translator, instruction, values[0])
    translator.waiting.append((first_kept, Stub(instruction.after, translator.kept(), 0, 0), None))
    translator.state, translator.chunk.free = before, free  # what the first result leaves free, the second one may be
    return finish(translator, instruction, values[1])


@known(builtins.sorted)
def call_sorted(translator: Translator, count: int, instruction: Instruction) -> bool:
    if not SORTED(translator, count, instruction):
        return False
    translator.push(translator.pop()._replace(cls=list))
    return True


SORTED = of_items(OBJECT, "SORTED")
ITERATED = (list, tuple, range, str, bytes, bytearray, dict, set, frozenset)
"""Classes whose instances are iterated over without code of users."""


def made_of(cls: type, name: str) -> Form:
    """Returns the form of list() and tuple()."""

    def call(translator: Translator, count: int, instruction: Instruction) -> bool:
        if count != 1:
            return False
        translator.whole(-1)
        value = translator.seen(-1)
        if value.kind != OBJECT or value.cls not in ITERATED:
            return False
        before_collection(translator)
        value = translator.state.stack[-1]
        result = translator.computed(OBJECT, name, value)
        return finish(translator, instruction, result._replace(cls=cls, owned=True))

    return call


known(list)(made_of(list, "LIST_OF"))
known(tuple)(made_of(tuple, "TUPLE_OF"))
