"""What has no form of its own: CPython executes the instruction, and those behind it that belong to it (a call-out)."""

from __future__ import annotations

import dis
from types import FunctionType

from cascade.kernels.blocks.decode import METHOD_BIT, Instruction
from cascade.kernels.blocks.instructions import ContinuationError
from cascade.kernels.blocks.points import LeavesTyped
from cascade.kernels.blocks.resume import call_out as call_out_function
from cascade.kernels.blocks.translator import Translator, form
from cascade.kernels.blocks.values import HELD, ITERATORS, NULL, Value
from cascade.kernels.model import OBJECT

LIMIT = 40
"""Values of a call-out."""


def pops(name: str, arg: int) -> int | None:
    """Returns how many values an instruction takes from the stack; None where it is not executed by a call-out."""
    fixed = POPPED.get(name)
    if fixed is not None:
        return fixed
    counted = COUNTED.get(name)
    return None if counted is None else counted[0] * arg + counted[1]


POPPED = {
    "POP_TOP": 1, "LOAD_CONST": 0, "PUSH_NULL": 0, "NOP": 0, "UNARY_NEGATIVE": 1, "UNARY_NOT": 1, "UNARY_INVERT": 1,
    "UNARY_POSITIVE": 1, "BINARY_OP": 2, "BINARY_SUBSCR": 2, "STORE_SUBSCR": 3, "DELETE_SUBSCR": 2, "COMPARE_OP": 2, "IS_OP": 2,
    "CONTAINS_OP": 2, "LOAD_ATTR": 1, "LOAD_METHOD": 1, "STORE_ATTR": 2, "DELETE_ATTR": 1, "LOAD_GLOBAL": 0, "STORE_GLOBAL": 1,
    "DELETE_GLOBAL": 0, "GET_ITER": 1, "IMPORT_NAME": 2, "IMPORT_FROM": 1, "LIST_TO_TUPLE": 1, "BINARY_SLICE": 3,
    "STORE_SLICE": 4, "FORMAT_SIMPLE": 1, "FORMAT_WITH_SPEC": 2, "CONVERT_VALUE": 1, "GET_LEN": 1, "LOAD_ASSERTION_ERROR": 0,
    "CALL_INTRINSIC_1": 1, "SET_FUNCTION_ATTRIBUTE": 2, "LOAD_BUILD_CLASS": 0, "TO_BOOL": 1, "BEFORE_WITH": 1,
    "UNPACK_SEQUENCE": 1, "UNPACK_EX": 1, "MATCH_SEQUENCE": 1, "MATCH_MAPPING": 1,
}  # fmt: skip
COUNTED = {
    "BUILD_TUPLE": (1, 0), "BUILD_LIST": (1, 0), "BUILD_SET": (1, 0), "BUILD_MAP": (2, 0), "BUILD_STRING": (1, 0),
    "BUILD_SLICE": (1, 0), "BUILD_CONST_KEY_MAP": (1, 1), "CALL": (1, 2), "CALL_KW": (1, 3),
}  # fmt: skip


def popped(instruction: Instruction) -> int | None:
    if instruction.name == "FORMAT_VALUE":
        return 1 + (instruction.arg & 4 != 0)
    if instruction.name == "MAKE_FUNCTION":
        return 1 + (instruction.arg & 15).bit_count()
    if instruction.name == "CALL_FUNCTION_EX":
        return 3 + (instruction.arg & 1)
    if instruction.name in ("LIST_EXTEND", "SET_UPDATE", "DICT_UPDATE"):
        return 2 if instruction.arg == 1 else None
    return pops(instruction.name, instruction.arg)


def loads_method(instruction: Instruction) -> bool:
    """Returns whether an instruction loads a method; one at the end of a call-out leaves a bound method."""
    return instruction.name == "LOAD_METHOD" or (
        METHOD_BIT and instruction.name == "LOAD_ATTR" and instruction.arg & 1 == 1
    )


def call_out(translator: Translator, instruction: Instruction, start: int = -1) -> None:
    """Has CPython execute an instruction, with the values that are on the stack."""
    taken = popped(instruction)
    if taken is None or taken > LIMIT:
        raise LeavesTyped
    left = taken + effect(instruction)
    if left < 0:
        raise LeavesTyped
    make(translator, start if start >= 0 else instruction.start, instruction.after, taken, left)


def effect(instruction: Instruction) -> int:
    """Returns by how much an instruction changes the height of the stack."""
    if loads_method(instruction):
        return 0
    if instruction.name in ("CALL", "CALL_KW"):  # CPython 3.11 counts the arguments at PRECALL
        return 1 - COUNTED[instruction.name][1] - instruction.arg
    number = dis.opmap[instruction.name]
    return dis.stack_effect(number, instruction.arg if number >= dis.HAVE_ARGUMENT else None)


def make(
    translator: Translator,
    start: int,
    end: int,
    taken: int,
    left: int,
    reads: tuple[int, ...] = (),
    name: str = "CALL_PYTHON",
    keeps: bool = False,
) -> int:
    """Emits the call-out of the instructions from `start` to `end`, which load the variables `reads` and change none.

    Returns its number.

    Args:
        name: the instruction that makes it.
        keeps: whether the operands live until it is over, whatever a function that gets them does.
    """
    translator.before_call_out()
    stack = translator.state.stack
    count = len(stack)
    if taken > count or left < 0:
        raise LeavesTyped
    for place in range(count - taken, count):
        if name == "CALL_FUNCTION" and place == count - 1 and stack[place].kind in ITERATORS:
            continue  # a comprehension is called with it
        if translator.whole(place).kind not in ARGUMENTS:
            raise LeavesTyped
    translator.refresh()
    values = stack[count - taken :]
    presence = tuple(value.kind != NULL for value in values)
    calls_kernel = name == "CALL_FUNCTION"  # of a plain function, so that it is no `super()`
    if not calls_kernel:
        reads = with_first(translator, start, end, reads)
    read = tuple(variable(translator, number) for number in reads)
    given = read + tuple(value for value in values if value.kind != NULL)
    function = function_for(translator, start, end, reads, presence, left, calls_kernel)
    del stack[count - taken :]
    translator.before_effect()
    stack.extend(values)
    translator.refresh()  # an exception drops the references of the operands, too
    del stack[count - taken :]
    results = tuple(translator.temporary() for _ in range(left))
    targets = results or (translator.temporary(),)
    translator.chunk.pinned.update(targets)
    passed = tuple(value._replace(owned=False) for value in given) if keeps else given
    number = translator.gather(function, passed, targets, start, end)
    translator.emit(name, e=number)
    if not results:
        translator.emit("RELEASE", a=targets[0])
    for value in () if keeps else given:
        if value.register >= 0 and value.local < 0:
            translator.chunk.drop(value)
    translator.after_effect()
    for result in results:
        translator.push(Value(OBJECT, result, owned=True))
    if keeps:
        translator.consume(*given)
    return number


def with_first(translator: Translator, start: int, end: int, reads: tuple[int, ...]) -> tuple[int, ...]:
    """Adds the first parameter where `super()` may be called, which looks there for its instance."""
    code = translator.code
    calls = any(each.name.startswith("CALL") for each in translator.text.between(start, end))
    if not calls or "__class__" not in code.co_freevars or not code.co_argcount:
        return reads
    return (0, *(number for number in reads if number))


def variable(translator: Translator, number: int) -> Value:
    """Returns the value of a variable, which keeps it."""
    value = translator.state.variables[number]
    if value is None or value.kind not in ARGUMENTS:
        raise LeavesTyped
    return value._replace(owned=False, local=number)


def function_for(
    translator: Translator,
    start: int,
    end: int,
    reads: tuple[int, ...],
    presence: tuple[bool, ...],
    left: int,
    without_super: bool = False,
) -> FunctionType:
    """Returns the function that executes instructions; one is made for all versions of a program point."""
    key = (start, end, reads, presence, left, without_super)
    found = translator.fragments.get(key)
    if found is None:
        bound_method = any(loads_method(each) for each in translator.text.between(start, end)[-1:])
        kept = (True,) * left
        try:
            found = call_out_function(
                translator.function,
                start,
                end,
                reads,
                (),
                presence,
                kept,
                tables=translator.tables,
                bound_method=bound_method,
                without_super=without_super,
            )
        except ContinuationError:
            raise LeavesTyped from None
        translator.fragments[key] = found
    return found


ARGUMENTS = (NULL, *HELD)


@form("RAISE_VARARGS", "RERAISE", "PUSH_EXC_INFO", "SEND")
def leaves(translator: Translator, instruction: Instruction) -> None:
    raise LeavesTyped
