"""Comparisons by `is`: of numbers and texts in registers, which have no identity there.

    x is None           x is MISSING (a global)         x is Colour.RED         x is module.MISSING

One side of these is a constant that there is one of, or a name that means no number or text when the kernel is made. Before each call
the kernel checks that it still does.

    node is head        node is self.root               item is items.last

Both sides of these are variables or attributes of some, which may be numbers. In a function with such a comparison, variables whose values
may get elsewhere hold objects only: typed code unboxes a number wherever it computes with it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from types import CellType, CodeType, FunctionType, ModuleType
from typing import NamedTuple

from cascade._vm import class_tag
from cascade.declare.functions import code_with_inner
from cascade.kernels.blocks.access import CONSTANT, of_class
from cascade.kernels.blocks.decode import METHOD_BIT, Function, Instruction, decode
from cascade.kernels.blocks.instructions import OP
from cascade.kernels.blocks.numpy_types import numpy_now
from cascade.kernels.lasting import is_instance
from cascade.kernels.model import MISSING
from cascade.kernels.names import builtins_of

COPIED = (int, float, complex, str)
"""Classes whose instances typed code copies: a number, or a character, that comes out of it is another object."""
SINGLE = (None, True, False, Ellipsis, NotImplemented)
LOADS = frozenset(("LOAD_FAST", "LOAD_FAST_CHECK", "LOAD_CONST", "LOAD_GLOBAL", "LOAD_DEREF"))
VARIABLES = ("LOAD_FAST", "LOAD_FAST_CHECK", "LOAD_DEREF")
OPERATIONS = {"BINARY_OP": 2, "COMPARE_OP": 2, "BINARY_SUBSCR": 2, "TO_BOOL": 1, "UNARY_NEGATIVE": 1, "RETURN_VALUE": 1}
"""Instructions that take values from the stack, of which they make others, and how many."""
OPERANDS = frozenset((
    "BINARY_OP", "COMPARE_OP", "CONTAINS_OP", "BINARY_SUBSCR", "DELETE_SUBSCR", "BINARY_SLICE", "STORE_SLICE", "BUILD_SLICE", "TO_BOOL",
    "UNARY_NEGATIVE", "UNARY_INVERT", "UNARY_NOT", "FORMAT_VALUE", "FORMAT_SIMPLE", "FORMAT_WITH_SPEC",
))  # fmt: skip
"""Instructions that compute with numbers."""
PUSHING = {"LOAD_FAST": 1, "LOAD_FAST_CHECK": 1, "LOAD_FAST_LOAD_FAST": 2, "LOAD_CONST": 1}
STORES = frozenset(OP[name] for name in ("STORE_GLOBAL", "DELETE_GLOBAL", "STORE_DEREF", "DELETE_DEREF"))

Reliance = tuple[object, str | None, object]
"""What a kernel checks before each call: a dict, a name and its value; a cell, None and its value; a class, None and its tag. Instead of a value
None where any object will do that is not copied."""


class Path(NamedTuple):
    """A side of a comparison: a constant, or a name with attributes."""

    constant: object = MISSING
    name: str = ""
    attributes: tuple[str, ...] = ()
    cell: CellType | None = None


class Comparison(NamedTuple):
    """A comparison by `is`.

    Attributes:
        sides: those of its sides that are paths.
        of_variables: whether each side is a variable, or an attribute of one.
    """

    code: CodeType
    instruction: Instruction
    sides: tuple[Path, ...]
    of_variables: bool


def undecided(function: FunctionType) -> Comparison | None:
    """Returns the first comparison whose sides may both be numbers without an identity."""
    return next(
        (each for each in _comparisons(function) if not each.of_variables and _may_be_of_numbers(each, function)), None
    )


def kept_variables(function: FunctionType, text: Function) -> frozenset[int]:
    """Returns the variables that have to hold objects, as the function, or one inside, compares some by `is`: all whose values may be passed on.

    Args:
        text: the instructions of the function.
    """
    if not any(each.of_variables and _may_be_of_numbers(each, function) for each in _comparisons(function)):
        return frozenset()
    return frozenset(
        number for each in text.instructions.values() for number in loaded_by(each) if not _is_operand(text, each.after)
    )


def takes_operands(name: str, place: int) -> bool:
    """Returns whether an instruction computes with a number at a place of the stack, and so passes on no object."""
    return name in OPERANDS or name.startswith("POP_JUMP") or (name == "STORE_SUBSCR" and place == -1)


def loaded_by(instruction: Instruction) -> tuple[int, ...]:
    """Returns the local variables whose values an instruction pushes."""
    if instruction.name == "LOAD_FAST_LOAD_FAST":
        return instruction.arg >> 4, instruction.arg & 15
    if instruction.name == "STORE_FAST_LOAD_FAST":
        return (instruction.arg & 15,)
    return (instruction.arg,) if instruction.name in ("LOAD_FAST", "LOAD_FAST_CHECK", "LOAD_FAST_AND_CLEAR") else ()


def _is_operand(text: Function, offset: int) -> bool:
    """Returns whether what has been pushed before an offset is surely an operand, or returned: nobody else gets it."""
    depth = 1
    while offset in text.instructions and offset not in text.joins:
        following = text.instructions[offset]
        if following.name in PUSHING:
            depth += PUSHING[following.name]
        elif following.name in OPERATIONS:
            taken = OPERATIONS[following.name]
            if taken >= depth:
                return True
            depth -= taken - 1
        elif following.name != "NOP":
            return False
        offset = following.after
    return False


def _may_be_of_numbers(comparison: Comparison, function: FunctionType) -> bool:
    return all(_reliances(side, function) is None for side in comparison.sides)


def relied_on(function: FunctionType) -> tuple[Reliance, ...]:
    """Returns the names on whose meaning the comparisons of a function rely, as the kernel checks them before each call."""
    found: dict[tuple[object, ...], Reliance] = {}
    for each in _comparisons(function):
        if each.of_variables and _may_be_of_numbers(each, function):
            continue
        side = next((reliances for side in each.sides if (reliances := _reliances(side, function)) is not None), None)
        # None: a name has got another meaning just now, and the kernel is not entered.
        for reliance in ((function.__globals__, "", MISSING),) if side is None else side:
            found[id(reliance[0]), reliance[1], id(reliance[2])] = reliance
    return tuple(found.values())


def copied_classes() -> frozenset[type]:
    """Returns the classes whose instances are copied."""
    numpy = numpy_now()
    return frozenset((*COPIED, *(() if numpy is None else numpy.kinds)))


# -- Code -----------------------------------------------------------------------------------------------------------------


def _comparisons(function: FunctionType) -> Iterator[Comparison]:
    for code in code_with_inner(function.__code__):
        if OP["IS_OP"] not in code.co_code[::2]:
            continue
        text = decode(code)
        done = [each for each in text.instructions.values() if each.name != "NOP" or each.start in text.joins]
        for i, instruction in enumerate(done):
            if instruction.name == "IS_OP":
                begun = i if instruction.start in text.joins else _beginning(done, i, text.joins)
                sides = [(begun, i)]
                if begun < i and done[begun].start not in text.joins:
                    sides.append((_beginning(done, begun, text.joins), begun))
                paths = (_path(done[start:end], code, function) for start, end in sides)
                found = tuple(path for path in paths if path is not None)
                yield Comparison(code, instruction, found, _is_of_variables(done, i, text.joins))


def _beginning(done: Sequence[Instruction], end: int, joins: frozenset[int]) -> int:
    """Returns where the instructions begin that load a name with attributes, up to `end`, which it is where others stand there."""
    start = end - 1
    while start >= 0 and done[start].name == "LOAD_ATTR" and done[start].start not in joins:
        start -= 1
    return start if start >= 0 and done[start].name in LOADS else end


def _is_of_variables(done: Sequence[Instruction], end: int, joins: frozenset[int]) -> bool:
    for _ in range(2):
        while end > 0 and done[end - 1].name == "LOAD_ATTR" and done[end].start not in joins:
            end -= 1
        if end == 0 or done[end].start in joins:
            return False
        end -= 1
        if done[end].name == "LOAD_FAST_LOAD_FAST":
            return True  # the second of them; the first one is the other side
        if done[end].name not in VARIABLES:
            return False
    return True


def _path(loads: Sequence[Instruction], code: CodeType, function: FunctionType) -> Path | None:
    if not loads:
        return None
    first = loads[0]
    attributes = tuple(code.co_names[each.arg >> METHOD_BIT] for each in loads[1:])
    if first.name == "LOAD_CONST":
        constant = code.co_consts[first.arg]
        return Path(constant) if any(constant is one for one in SINGLE) and not attributes else None
    if first.name == "LOAD_GLOBAL":
        return Path(name=code.co_names[first.arg >> 1], attributes=attributes)
    if first.name == "LOAD_DEREF" and code is function.__code__:
        name = _variables(code)[first.arg]
        if name in code.co_freevars:
            cell = (function.__closure__ or ())[code.co_freevars.index(name)]
            return Path(name=name, attributes=attributes, cell=cell)
    return None


def _variables(code: CodeType) -> list[str]:
    """Returns the names of variables by number: a function's own come first, those of enclosing functions last."""
    return list(dict.fromkeys((*code.co_varnames, *code.co_cellvars, *code.co_freevars)))


# -- Meaning --------------------------------------------------------------------------------------------------------------


def _reliances(path: Path, function: FunctionType) -> tuple[Reliance, ...] | None:
    """Returns the names on which it relies that a path means an object that is not copied; None where it does not."""
    if path.constant is not MISSING:
        return ()
    if path.name in _assigned(function):
        return None
    made: list[Reliance] = []
    found = _root(path, function, made)
    for name in path.attributes:
        if made[-1][2] is None:
            made[-1] = (*made[-1][:2], found)  # a path leads through this object, not through any
        if type(found) is ModuleType:
            namespace = vars(found)
            found = namespace.get(name, MISSING)
            made.append((namespace, name, None))
        elif is_instance(found, type):
            access = of_class(found, name)
            made += [(found, None, class_tag(found)), (type(found), None, class_tag(type(found)))]
            found = MISSING if access is None or access.kind != CONSTANT else access.found
        else:
            return None
        if found is MISSING:
            return None
    return None if type(found) in copied_classes() else tuple(made)


def _root(path: Path, function: FunctionType, made: list[Reliance]) -> object:
    if path.cell is not None:
        made.append((path.cell, None, None))
        try:
            return path.cell.cell_contents
        except ValueError:
            return MISSING
    found = function.__globals__.get(path.name, MISSING)
    made.append((function.__globals__, path.name, None if found is not MISSING else MISSING))
    if found is MISSING:
        found = builtins_of(function).get(path.name, MISSING)
        made.append((builtins_of(function), path.name, None))
    return found


def _assigned(function: FunctionType) -> set[str]:
    """Returns the names of globals and variables of enclosing functions that a function, or one inside, assigns."""
    found: set[str] = set()
    for code in code_with_inner(function.__code__):
        if not STORES.isdisjoint(code.co_code[::2]):
            for each in decode(code).instructions.values():
                if OP.get(each.name) in STORES:
                    found.add((code.co_names if each.name.endswith("GLOBAL") else _variables(code))[each.arg])
    return found
