"""A part of a function's bytecode as a function of its own: from an instruction to the end, or from one to another."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import FunctionType

from cascade.kernels.blocks.code_tables import CodeTables
from cascade.kernels.blocks.fragment import Fragment
from cascade.kernels.blocks.instructions import GENERATOR, ContinuationError, function_of
from cascade.kernels.blocks.prologue import LASTI, LoopHead, Prologue

_SUSPENDABLE = GENERATOR | 0x80 | 0x200  # generators, coroutines, asynchronous generators


def continuation(
    function: FunctionType,
    at: int,
    bound: Sequence[int],
    stack: Sequence[bool | int],
    raises: bool = False,
    *,
    loop_heads: Mapping[int, LoopHead] | None = None,
    tables: CodeTables | None = None,
    by_iterator: bool = False,
) -> FunctionType:
    """Returns a function that continues with the instruction of `function` at the byte offset `at`.

    Its positional arguments are the bound locals, then the values of the stack, then, if `raises`, an exception that is raised as if
    the instruction had raised it. The exception that is being handled at `at`, if any, must be so when it is called.

    Args:
        function: a plain function, or a generator: then the continuation is one, too.
        at: not before its instruction RESUME.
        bound: the slots of the locals that are given, ascending; that of a cell takes the cell, those of free variables are not given.
        stack: from the bottom to the top, True for a value, False for NULL, `LASTI` for a handler's unit of the raising instruction.
        raises: whether the instruction raises an exception, in place of being executed.
        loop_heads: by the byte offset of a loop's head, a marker, the slots of locals that are bound there, and the depth of the stack.
            A backward jump to it returns a tuple of the marker, the locals and the values of the stack, none of which is NULL. A
            continuation with `LASTI` in its stack does not return there: positions that handlers keep cannot be moved with the code.
        tables: those of the function's code, where they are kept.
        by_iterator: whether its only argument is an iterator over the arguments, unless there are none: so the caller need not hold them.

    Raises:
        ContinuationError: there is no such function.
    """
    tables = tables or CodeTables(function.__code__)
    _check(tables, at >> 1, GENERATOR)
    prologue = Prologue(tables, at >> 1, len(bound) + sum(map(bool, stack)) + raises, by_iterator)
    prologue.take_arguments(bound, stack, raises)
    if loop_heads and LASTI not in stack:
        prologue.redirect(loop_heads)
    prologue.enter(raises)
    return function_of(function, prologue.code())


def call_out(
    function: FunctionType,
    start: int,
    end: int,
    reads: Sequence[int],
    writes: Sequence[int],
    taken: Sequence[bool],
    left: Sequence[bool],
    *,
    tables: CodeTables | None = None,
    bound_method: bool = False,
    without_super: bool = False,
) -> FunctionType:
    """Returns a function that executes the instructions of `function` between two byte offsets; no jump leads into or out of them.

    Its positional arguments are the locals `reads`, then the values that the instructions take from the stack. It returns the locals
    `writes`, then the values that are left on the stack: one value as it is, none as None, several as a tuple.

    Args:
        function: a plain function, no generator or coroutine.
        start: the first instruction, not before RESUME.
        end: behind the last instruction.
        reads: the slots of locals that are given; that of a cell takes the cell, those of free variables are not given. Slot 0 is the
            first of them where `super()` may be called.
        writes: the slots of locals that are returned; they are bound at the end.
        taken: from the bottom to the top, True for a value of the stack, False for NULL, which is not given.
        left: the same for the values that are returned.
        tables: those of the function's code, where they are kept.
        bound_method: whether the load of a method at the end leaves one value, the bound method.
        without_super: whether `super()` is surely not called.

    Raises:
        ContinuationError: there is no such function.
    """
    tables = tables or CodeTables(function.__code__)
    _check(tables, start >> 1, GENERATOR)
    fragment = Fragment(tables, start >> 1, end >> 1, reads, taken, bound_method, without_super)
    fragment.assemble(writes, left)
    return function_of(function, fragment.code(max(len(taken), len(writes) + len(left)) + 1))


def _check(tables: CodeTables, unit: int, allowed: int = 0) -> None:
    code = tables.code
    if code.co_flags & _SUSPENDABLE & ~allowed:
        raise ContinuationError("a coroutine has no continuations", where=code.co_qualname)
    if unit < tables.first:
        raise ContinuationError("its cells are not made before RESUME", where=f"{code.co_qualname}, unit {unit}")
