"""The code of continuations: instructions that restore locals and stack, in front of the whole bytecode of the user.

    f:  0 RESUME             8 BINARY_OP of f; locals x and z, a value on the stack (slots x = 0, y = 1, z = 2):
        2 LOAD_FAST x            0 LOAD_FAST 2; DELETE_FAST 2                   the value for the stack
        ...                      4 LOAD_FAST 1; DELETE_FAST 1; STORE_FAST 2     z to its slot; x is there
      > 8 BINARY_OP             10 RESUME; JUMP_FORWARD to 8 of f
        ...                     14 NOP                                          puts the table of lines back to the first line
                                16 the bytecode of f

Jumps are relative, so the user's bytecode stays as it is; its tables of locations and handlers are moved. Parameters arrive in the first
slots, whatever variables these belong to.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from types import CodeType, GeneratorType

from cascade.kernels.blocks.code_tables import CodeTables, Location, exception_table, location_table, moved_handlers
from cascade.kernels.blocks.instructions import (
    GENERATOR,
    MOST_SLOTS,
    OP,
    VARIABLE_ARGUMENTS,
    Constants,
    ContinuationError,
    instruction,
    move_local,
    take_local,
)
from cascade.kernels.blocks.redirection import Body, redirected, returning

LoopHead = tuple[object, Sequence[int], int]
"""A marker, the slots of the locals that are certainly bound there, and the depth of the stack."""

LASTI = 2
"""In `stack` in place of True: the unit of the instruction that raised, as CPython pushes it for a handler."""


def _finished() -> GeneratorType[None, None, None]:
    generator = (_ for _ in ())
    for _ in generator:
        pass
    return generator  # type: ignore[return-value]


class _Raiser:
    """`raiser[error]` raises an exception as it is.

    A finished generator raises an exception that is thrown into it, and does not set its `__context__` to the one that is being
    handled, as `raise` does. A subscript, in place of a call, is not seen by profilers.
    """

    __slots__ = ()
    __getitem__ = _finished().throw


_RAISER = _Raiser()


class Prologue:
    """Makes the code of one continuation."""

    def __init__(self, tables: CodeTables, at: int, parameters: int, by_iterator: bool = False) -> None:
        self._tables, self._at, self._parameters = tables, at, parameters
        self._taken = parameters if by_iterator else 0
        self._set_names()
        self._constants = Constants(tables.code)
        self._body = Body(self._moved_free_variables(), tables.code.co_linetable, tables.handlers, at)
        self._least_stack = 0
        self._shift_constant: int | None = None
        free = len(tables.code.co_freevars)
        self._parts = [instruction(OP["COPY_FREE_VARS"], free)] if free else []
        self._located = (0, 0)
        if self._taken:
            self._parts += [instruction(OP["LOAD_FAST"], 0), instruction(OP["UNPACK_SEQUENCE"], self._taken)]
            self._parts += [instruction(OP["STORE_FAST"], slot) for slot in range(self._taken)]
        if tables.code.co_flags & GENERATOR:
            self._parts += [instruction(OP["RETURN_GENERATOR"]), instruction(OP["POP_TOP"])]

    def _set_names(self) -> None:
        # All variables keep their slots. If there are more parameters, these have slots between the own and the free variables.
        code, own = self._tables.code, self._tables.own_names
        self._hidden = max(0, self._parameters - len(own))
        # A cell that is a local variable, too, keeps its slot and can be that of a parameter.
        names = own if self._parameters > code.co_nlocals else code.co_varnames
        self._names = (*names, *(f".given{number}" for number in range(self._hidden)))
        if len(own) + self._hidden + len(code.co_freevars) > MOST_SLOTS:
            raise ContinuationError(
                "it has too many variables", where=code.co_qualname, expected=f"at most {MOST_SLOTS}"
            )
        if "__class__" in code.co_freevars and bool(self._parameters) != bool(code.co_argcount):
            raise ContinuationError("super() would find another first argument", where=code.co_qualname)

    def take_arguments(self, bound: Sequence[int], stack: Sequence[bool | int], raises: bool) -> None:
        """Pushes the values of the stack, and moves the others to their slots."""
        slot = len(bound)
        self._least_stack = len(stack) + 3
        for kind in stack:
            if not kind:
                self._parts.append(instruction(OP["PUSH_NULL"]))
                continue
            self._parts.append(take_local(slot))
            slot += 1
            if kind == LASTI:
                self._shift_lasti()
        if raises:
            self._parts += [self._constants.load(_RAISER), take_local(slot)]
        self._parts += _moves(bound)

    def _shift_lasti(self) -> None:
        if self._shift_constant is None:
            self._shift_constant = len(self._constants.values)
            self._constants.load(0)
        self._parts += [instruction(OP["LOAD_CONST"], self._shift_constant), instruction(OP["BINARY_OP"])]

    def redirect(self, heads: Mapping[int, LoopHead]) -> None:
        """Makes the backward jumps to the heads of loops return."""
        targets = {jump.target for jump in self._tables.jumps if jump.target < jump.start}
        stubs = {}
        for offset, (marker, slots, depth) in heads.items():
            if offset >> 1 in targets:
                stubs[offset >> 1] = returning(self._constants, marker, slots, depth)
                self._least_stack = max(self._least_stack, 1 + len(slots) + 2 * depth)
        if stubs:
            self._body = redirected(self._tables, self._body.raw, self._body.at, stubs)

    def enter(self, raises: bool) -> None:
        """Starts the function for tracers, raises or jumps to the instruction, and ends with a NOP that is not executed.

        RESUME stands behind the moves: before it, a frame is not seen. It handles signals, so it has the location and the handler of
        the instruction `at`, and the location of a call's start if that has none. JUMP_FORWARD has none, else the first line of the user's would be no new line for tracers.
        """
        if raises:
            self._parts += self._skipped_cells()
        start = sum(map(len, self._parts)) >> 1
        self._parts.append(instruction(OP["RESUME"]))
        if raises:
            self._parts.append(instruction(OP["BINARY_SUBSCR"]))
        self._located = (start, sum(map(len, self._parts)) >> 1)
        if not raises:
            if (names := self._tables.keyword_names(self._at)) is not None:
                self._parts.append(instruction(OP["KW_NAMES"], names))
            self._parts.append(instruction(OP["JUMP_FORWARD"], self._body.at + 1))
        self._parts.append(instruction(OP["NOP"]))

    def _skipped_cells(self) -> list[bytes]:
        # The f_locals of a frame show what a cell holds only if MAKE_CELL stands before the present instruction.
        own = self._tables.own_names
        cells = [instruction(OP["MAKE_CELL"], own.index(name)) for name in self._tables.code.co_cellvars]
        return [instruction(OP["JUMP_FORWARD"], len(cells)), *cells] if cells else []

    def code(self) -> CodeType:
        """Returns the whole code."""
        code, names = self._tables.code, self._names
        prologue = b"".join(self._parts)
        units = len(prologue) >> 1
        return CodeType(
            1 if self._taken else self._parameters, 0, 0, len(names), max(code.co_stacksize, self._least_stack, self._taken), code.co_flags & ~VARIABLE_ARGUMENTS,
            prologue + self._body.raw, self._constants_with_shift(units), code.co_names, names,
            code.co_filename, code.co_name, code.co_qualname, code.co_firstlineno,
            self._locations(units), self._handlers(units), code.co_freevars, code.co_cellvars,
        )  # fmt: skip

    def _constants_with_shift(self, units: int) -> tuple[object, ...]:
        at, values = self._shift_constant, self._constants.values
        return values if at is None else (*values[:at], units, *values[at + 1 :])

    def _moved_free_variables(self) -> bytes:
        if not self._hidden or not self._tables.free_references:
            return self._tables.raw
        moved = bytearray(self._tables.raw)
        for unit in self._tables.free_references:
            moved[2 * unit + 1] += self._hidden
        return bytes(moved)

    def _locations(self, units: int) -> bytes:
        start, end = self._located
        code, location = self._tables.code, self._tables.locations.location(self._at)
        first = Location(code.co_firstlineno, code.co_firstlineno, None, None)
        ranges = [
            (start, None),
            (1, location or first),
            (end - start - 1, location),
            (units - 1 - end, None),
            (1, first),
        ]
        return location_table(ranges, first.line) + self._body.lines

    def _handlers(self, units: int) -> bytes:
        handlers = self._body.handlers
        if not handlers:
            return b""
        start, end = self._located
        own = [
            each._replace(start=start - units, end=end - units)
            for each in handlers
            if each.start <= self._body.at < each.end
        ]
        return exception_table(moved_handlers((*own, *handlers), units.__add__))


def _moves(bound: Sequence[int]) -> Iterable[bytes]:
    """Yields the instructions that move the parameters 0, 1, ... to the slots `bound`.

    The last one goes first: each slot is at or behind its parameter's, so it is free by then.
    """
    for parameter in range(len(bound) - 1, -1, -1):
        slot = bound[parameter]
        if slot == parameter:
            break  # so are all before it
        if parameter in bound[:parameter]:
            yield move_local(parameter, slot)  # the parameter's own slot is filled later
        else:
            yield take_local(parameter) + instruction(OP["STORE_FAST"], slot)
