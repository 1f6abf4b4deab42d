"""Comparisons by `is`: each has a side that is no number or text, as those have no identity in typed code.

    x is None           x is MISSING (a global)         x is Colour.RED         x is module.MISSING         x is parameter

Such a side is a constant that there is one of, or a name that means another object when the kernel is made: before each call the
kernel checks that it still does. Or it is a parameter to which the function assigns nothing: a call with a number or text for it is
made by CPython.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from types import CellType, CodeType, FunctionType, ModuleType
from typing import NamedTuple

from cascade._vm import class_tag
from cascade.declare.functions import code_with_inner
from cascade.kernels.blocks.access import CONSTANT, of_class
from cascade.kernels.blocks.decode import METHOD_BIT, Instruction, decode, stored_by
from cascade.kernels.blocks.instructions import OP, parameter_count
from cascade.kernels.blocks.numpy_types import numpy_now
from cascade.kernels.lasting import is_instance
from cascade.kernels.model import MISSING
from cascade.kernels.names import builtins_of

COPIED = (int, float, complex, str)
"""Classes whose instances typed code copies: a number, or a character, that comes out of it is another object."""
SINGLE = (None, True, False, Ellipsis, NotImplemented)
LOADS = frozenset(("LOAD_FAST", "LOAD_FAST_CHECK", "LOAD_CONST", "LOAD_GLOBAL", "LOAD_DEREF"))
STORES = frozenset(OP[name] for name in ("STORE_GLOBAL", "DELETE_GLOBAL", "STORE_DEREF", "DELETE_DEREF"))

Reliance = tuple[object, str | None, object]
"""What a kernel checks before each call: a dict, a name and its value; a cell, None and its value; a class, None and its tag. Instead of a value
None where any object will do that is not copied."""


class Path(NamedTuple):
    """A side of a comparison: a constant, a parameter by its number, or a name with attributes."""

    constant: object = MISSING
    name: str = ""
    attributes: tuple[str, ...] = ()
    cell: CellType | None = None
    parameter: int = -1


class Comparison(NamedTuple):
    """A comparison by `is`, and those of its sides that are paths."""

    code: CodeType
    instruction: Instruction
    sides: tuple[Path, ...]


def undecided(function: FunctionType) -> Comparison | None:
    """Returns the first comparison whose sides may both be numbers."""
    for each in _comparisons(function):
        if all(_reliances(side, function) is None and side.parameter < 0 for side in each.sides):
            return each
    return None


def compared_parameters(function: FunctionType) -> frozenset[int]:
    """Returns the parameters that are no numbers or texts in calls by the kernel, as the only side of a comparison that is surely none."""
    return frozenset(
        side.parameter
        for each in _comparisons(function)
        if all(_reliances(side, function) is None for side in each.sides)
        for side in each.sides
        if side.parameter >= 0
    )


def relied_on(function: FunctionType) -> tuple[Reliance, ...]:
    """Returns the names on whose meaning the comparisons of a function rely, as the kernel checks them before each call."""
    found: dict[tuple[object, ...], Reliance] = {}
    for each in _comparisons(function):
        side = next((reliances for side in each.sides if (reliances := _reliances(side, function)) is not None), None)
        if side is None and any(side.parameter >= 0 for side in each.sides):
            continue
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
        fixed = _never_assigned(code) if code is function.__code__ else frozenset()
        done = [
            part
            for each in text.instructions.values()
            if each.name != "NOP" or each.start in text.joins
            for part in _parts(each)
        ]
        for i, instruction in enumerate(done):
            if instruction.name == "IS_OP":
                begun = i if instruction.start in text.joins else _beginning(done, i, text.joins)
                sides = [(begun, i)]
                if begun < i and done[begun].start not in text.joins:
                    sides.append((_beginning(done, begun, text.joins), begun))
                paths = (_path(done[start:end], code, function, fixed) for start, end in sides)
                yield Comparison(code, instruction, tuple(path for path in paths if path is not None))


def _parts(instruction: Instruction) -> tuple[Instruction, ...]:
    """Returns an instruction that loads two variables (from CPython 3.13 on) as those that load one each."""
    if instruction.name != "LOAD_FAST_LOAD_FAST":
        return (instruction,)
    first = instruction._replace(name="LOAD_FAST", arg=instruction.arg >> 4)
    return first, first._replace(arg=instruction.arg & 15, start=-1)


def _beginning(done: Sequence[Instruction], end: int, joins: frozenset[int]) -> int:
    """Returns where the instructions begin that load a name with attributes, up to `end`, which it is where others stand there."""
    start = end - 1
    while start >= 0 and done[start].name == "LOAD_ATTR" and done[start].start not in joins:
        start -= 1
    return start if start >= 0 and done[start].name in LOADS else end


def _never_assigned(code: CodeType) -> frozenset[int]:
    """Returns the parameters that have the value that was passed as long as the function runs."""
    assigned = {number for each in decode(code).instructions.values() for number in stored_by(each)}
    return frozenset(
        number
        for number, name in enumerate(code.co_varnames[: parameter_count(code)])
        if number not in assigned and name not in code.co_cellvars
    )


def _path(loads: Sequence[Instruction], code: CodeType, function: FunctionType, fixed: frozenset[int]) -> Path | None:
    if not loads:
        return None
    first = loads[0]
    if first.name.startswith("LOAD_FAST"):
        return Path(parameter=first.arg) if first.arg in fixed and len(loads) == 1 else None
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
    if path.parameter >= 0 or path.name in _assigned(function):
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
