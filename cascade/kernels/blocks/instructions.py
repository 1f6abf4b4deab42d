"""Instructions of CPython as bytes, and functions made of them."""

from __future__ import annotations

import inspect
import opcode
from collections.abc import Iterator
from contextlib import contextmanager
from types import CellType, CodeType, FunctionType, ModuleType

from cascade.errors import InternalError

OP = opcode.opmap

HALVES = {
    OP[f"{first}_{second}"]: (OP[first], OP[second])
    for first, second in (("LOAD_FAST", "LOAD_FAST"), ("STORE_FAST", "STORE_FAST"), ("STORE_FAST", "LOAD_FAST"))
    if f"{first}_{second}" in OP
}
"""Those of two slots, each in four bits of the argument (from 3.13 on), and the two instructions that they stand for."""

SLOT_INSTRUCTIONS = frozenset(number for number in (*opcode.hasfree, *opcode.haslocal) if number < 256)
"""The instructions whose argument is the number of a slot, or of two."""

SINGLE_SLOT = SLOT_INSTRUCTIONS - HALVES.keys()

JUMPS = frozenset(number for number in (*opcode.hasjrel, *opcode.hasjabs) if number < 256)
BACKWARD = frozenset(number for number in JUMPS if "BACKWARD" in opcode.opname[number])

MOST_SLOTS = 250
"""Code with more variables would need instructions that are longer than those it has."""

VARIABLE_ARGUMENTS = 0x04 | 0x08
"""Flags of code with `*` and `**` parameters."""

GENERATOR = 0x20
"""Flag of the code of generators."""

_TAKE_FAST = OP.get("LOAD_FAST_AND_CLEAR")  # from 3.12 on


def parameter_count(code: CodeType) -> int:
    """Returns the number of parameters; their variables are the first ones, those of `*args` and `**kwargs` the last of them."""
    return code.co_argcount + code.co_kwonlyargcount + (code.co_flags & VARIABLE_ARGUMENTS).bit_count()


def values_of_parameters(
    function: FunctionType, arguments: tuple[object, ...], named: dict[str, object]
) -> tuple[object, ...] | None:
    """Returns a value for each parameter of a function, in the order of their variables; None where the call is wrong."""
    try:
        bound = inspect.signature(function).bind(*arguments, **named)
    except TypeError:
        return None
    bound.apply_defaults()
    return tuple(bound.arguments[name] for name in function.__code__.co_varnames[: parameter_count(function.__code__)])


class ContinuationError(InternalError):
    """A part of a function cannot be made a function of its own; the function is then left to CPython."""


def _caches(name: str) -> int:
    counts = opcode._inline_cache_entries  # type: ignore[attr-defined]
    return counts.get(name, 0) if isinstance(counts, dict) else counts[OP[name]]  # type: ignore[no-any-return]


CACHES = {OP[name]: _caches(name) for name in OP if OP[name] < 256}
"""The number of units behind each instruction that hold its inline caches."""


AFTER_YIELD = 2
"""An argument of RESUME: CPython does not look for signals there."""


def instruction(number: int, argument: int = 0) -> bytes:
    """Returns an instruction, with the prefixes that its argument needs, and room for its inline caches."""
    parts = bytes((number, argument & 255)) + bytes(2 * CACHES[number])
    while argument := argument >> 8:
        parts = bytes((OP["EXTENDED_ARG"], argument & 255)) + parts
    return parts


def take_local(slot: int) -> bytes:
    """Returns the instructions that move the value of a slot to the stack."""
    return bytes((_TAKE_FAST, slot)) if _TAKE_FAST else bytes((OP["LOAD_FAST"], slot, OP["DELETE_FAST"], slot))


def move_local(source: int, target: int) -> bytes:
    """Returns the instructions that copy the value of a slot to another one."""
    return bytes((OP["LOAD_FAST"], source, OP["STORE_FAST"], target))


class Constants:
    """The constants of a code object, and more."""

    def __init__(self, code: CodeType) -> None:
        self.values: tuple[object, ...] = code.co_consts

    def load(self, value: object) -> bytes:
        """Returns the instruction that pushes a new constant."""
        self.values = (*self.values, value)
        return instruction(OP["LOAD_CONST"], len(self.values) - 1)

    def load_none(self) -> bytes:
        """Returns the instruction that pushes None."""
        for index, value in enumerate(self.values):
            if value is None:
                return instruction(OP["LOAD_CONST"], index)
        return self.load(None)


def with_empty_cells(code: CodeType, namespace: dict[str, object]) -> FunctionType:
    """Returns a function of the code that stands for all those that differ only in what their cells hold."""
    return FunctionType(code, namespace, code.co_name, None, tuple(CellType() for _ in code.co_freevars))


def function_of(function: FunctionType, code: CodeType) -> FunctionType:
    """Returns a function of other code with the globals, the builtins and the cells of a given one."""
    cells = function.__closure__ if code.co_freevars else None
    with _builtins_of(function):
        return FunctionType(code, function.__globals__, function.__name__, None, cells)


@contextmanager
def _builtins_of(function: FunctionType) -> Iterator[None]:
    # A new function gets the builtins that its globals name, which may have been others when `function` was made.
    namespace, builtins = function.__globals__, getattr(function, "__builtins__")
    named = namespace.get("__builtins__")
    if (named.__dict__ if type(named) is ModuleType else named) is builtins:
        yield
        return
    had = "__builtins__" in namespace
    namespace["__builtins__"] = builtins
    try:
        yield
    finally:
        if had:
            namespace["__builtins__"] = named
        else:
            del namespace["__builtins__"]
