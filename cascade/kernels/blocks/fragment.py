"""The code of call-outs: instructions that push arguments, a range of the user's bytecode, instructions that return its results.

f:  ...                   12 to 18 of f; the local y, a value from the stack, one that is left:
   12 LOAD_FAST y             0 LOAD_FAST 1; DELETE_FAST 1     the value for the stack
   14 BINARY_OP *             4 RESUME; NOP
   ...                        8 LOAD_FAST 0                    y has another slot here
                             10 BINARY_OP *
                             14 RETURN_VALUE

The load of a method at the end may leave the bound method, as if it were the load of an attribute.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from types import CodeType

from cascade.kernels.blocks.code_tables import CodeTables, Location, location_table
from cascade.kernels.blocks.instructions import (
    AFTER_YIELD,
    CACHES,
    GENERATOR,
    HALVES,
    JUMPS,
    MOST_SLOTS,
    OP,
    SLOT_INSTRUCTIONS,
    VARIABLE_ARGUMENTS,
    Constants,
    ContinuationError,
    instruction,
    take_local,
)

_CALLS = frozenset(OP[name] for name in ("CALL", "CALL_FUNCTION_EX", "CALL_KW") if name in OP)


class Fragment:
    """Makes the code of one call-out. Its slots: parameters, other locals, values put aside at the end, free variables."""

    def __init__(
        self,
        tables: CodeTables,
        start: int,
        end: int,
        reads: Sequence[int],
        taken: Sequence[bool],
        bound_method: bool = False,
        without_super: bool = False,
    ) -> None:
        self._tables, self._start = tables, start
        raw = tables.raw[2 * start : 2 * end]
        self._raw = _with_bound_method(raw) if bound_method else raw
        self._end = start + len(self._raw) // 2
        self._reads, self._taken, self._given = reads, taken, sum(map(bool, taken))
        self._slots = {slot: number for number, slot in enumerate(reads)}
        self._names = [*(tables.own_names[slot] for slot in reads), *(f".{number}" for number in range(self._given))]
        self._constants = Constants(tables.code)
        self._parts: list[bytes] = []
        self._locations: list[tuple[int, Location | None]] = []
        if not without_super:
            self._check_super()
        if tables.keyword_names(end) is not None:
            raise ContinuationError("a call's keywords would be lost", where=tables.code.co_qualname)
        self._find_slots()

    def _check_super(self) -> None:
        # `super()` looks into slot 0 of the frame that calls it.
        code = self._tables.code
        if "__class__" not in code.co_freevars or _CALLS.isdisjoint(self._raw[::2]):
            return
        if not code.co_argcount or not self._reads or self._reads[0] != 0:
            raise ContinuationError("super() would find another first argument", where=code.co_qualname)

    def _find_slots(self) -> None:
        code, own = self._tables.code, len(self._tables.own_names)
        self._references = [unit for unit, number in enumerate(self._raw[::2]) if number in SLOT_INSTRUCTIONS]
        used = {slot for unit in self._references for slot in _slots(self._raw, unit)}
        for slot in sorted(used):
            if slot < own and slot not in self._slots:
                self._slots[slot] = self._new_slot(self._tables.own_names[slot])
        self._free = code.co_freevars if "__class__" in code.co_freevars or any(slot >= own for slot in used) else ()
        self._cells = [slot for slot in self._slots if self._tables.own_names[slot] in code.co_cellvars]
        if not set(self._cells) <= set(self._reads):
            raise ContinuationError("its cells are not given", where=code.co_qualname)

    def _new_slot(self, name: str) -> int:
        self._names.append(name)
        return len(self._names) - 1

    def assemble(self, writes: Sequence[int], left: Sequence[bool]) -> None:
        """Makes the instructions."""
        aside = [self._new_slot(f".{number}") for number in range(self._given, self._given + len(left))]
        self._enter()
        self._copy()
        self._leave(writes, left, aside)

    def _enter(self) -> None:
        slot, parts = len(self._reads), []
        if self._free:
            parts.append(instruction(OP["COPY_FREE_VARS"], len(self._free)))
        for given in self._taken:
            parts.append(take_local(slot) if given else instruction(OP["PUSH_NULL"]))
            slot += bool(given)
        self._append(b"".join(parts), None)
        # As if it came back from a yield, so that it handles no signals: where the fragment is shown for a function whose kernel has called
        # another one, that one's frame does. What follows has no location, else the first line would be no new one for tracers.
        self._append(instruction(OP["RESUME"], AFTER_YIELD), self._location(self._start))
        self._append(self._made_cells(), None)
        if (names := self._tables.keyword_names(self._start)) is not None:
            self._append(instruction(OP["KW_NAMES"], names), None)

    def _made_cells(self) -> bytes:
        # A frame shows the content of a cell if its MAKE_CELL stands somewhere before. These here are not executed.
        if not self._cells:
            return instruction(OP["NOP"])
        made = b"".join(instruction(OP["MAKE_CELL"], self._slots[slot]) for slot in self._cells)
        return instruction(OP["JUMP_FORWARD"], len(self._cells)) + made

    def _copy(self) -> None:
        edited, split = bytearray(self._raw), []
        for unit in reversed(self._references):
            renumbered = self._renumbered(unit)
            edited[2 * unit : 2 * unit + 2] = renumbered
            if len(renumbered) > 2:
                split.append(unit)
        if split and not JUMPS.isdisjoint(self._raw[::2]):
            raise ContinuationError("its jumps would have to be moved", where=self._tables.code.co_qualname)
        self._append_fragment(bytes(edited), split)

    def _renumbered(self, unit: int) -> bytes:
        """Returns an instruction with the slots that it has here; one of two slots becomes two if it must."""
        number, slots = self._raw[2 * unit], _slots(self._raw, unit)
        parts = [
            (self._checked(single, slot), self._number(slot))
            for single, slot in zip(HALVES.get(number, (number,)), slots, strict=True)
        ]
        (first, slot), (second, other) = parts[0], parts[-1]
        if len(parts) == 1:
            return bytes((first, slot))
        if (first, second) == HALVES[number] and max(slot, other) < 16:
            return bytes((number, slot << 4 | other))
        return bytes((first, slot, second, other))

    def _number(self, slot: int) -> int:
        own = len(self._tables.own_names)
        return self._slots[slot] if slot < own else slot - own + len(self._names)

    def _checked(self, number: int, slot: int) -> int:
        # From 3.12 on LOAD_FAST does not look whether the local is bound: the compiler has.
        unsure = number == OP["LOAD_FAST"] and slot not in self._reads and slot < len(self._tables.own_names)
        return OP.get("LOAD_FAST_CHECK", number) if unsure else number

    def _append_fragment(self, edited: bytes, split: list[int]) -> None:
        self._parts.append(edited)
        for start, end, location in self._tables.locations.between(self._start, self._end):
            more = sum(start <= unit + self._start < end for unit in split)
            self._locations.append((end - start + more, location))

    def _leave(self, writes: Sequence[int], left: Sequence[bool], aside: list[int]) -> None:
        """Returns the locals `writes` and what is left on the stack."""
        count = len(writes) + sum(map(bool, left))
        parts = []
        if writes or not all(left):
            parts += [instruction(OP["STORE_FAST"], slot) for slot in reversed(aside)]
            parts += [instruction(OP["LOAD_FAST"], self._slots[slot]) for slot in writes]
            parts += [instruction(OP["LOAD_FAST"], slot) for slot, given in zip(aside, left, strict=True) if given]
        if count == 0:
            parts.append(self._constants.load_none())
        elif count > 1:
            parts.append(instruction(OP["BUILD_TUPLE"], count))
        # The location of the last instruction: a tracer sees the return at its line.
        self._append(b"".join(parts) + instruction(OP["RETURN_VALUE"]), self._location(self._end - 1))

    def _location(self, unit: int) -> Location:
        first = self._tables.code.co_firstlineno
        return self._tables.locations.location(unit) or Location(first, first, None, None)

    def _append(self, code: bytes, location: Location | None) -> None:
        if code:
            self._parts.append(code)
            self._locations.append((len(code) >> 1, location))

    def code(self, least_stack: int) -> CodeType:
        """Returns the whole code."""
        code, names = self._tables.code, tuple(self._names)
        if len(names) + len(self._free) > MOST_SLOTS:
            raise ContinuationError(
                "it has too many variables", where=code.co_qualname, expected=f"at most {MOST_SLOTS}"
            )
        return CodeType(
            len(self._reads) + self._given, 0, 0, len(names), max(code.co_stacksize, least_stack), code.co_flags & ~(VARIABLE_ARGUMENTS | GENERATOR),
            b"".join(self._parts), self._constants.values, code.co_names, names,
            code.co_filename, code.co_name, code.co_qualname, code.co_firstlineno,
            location_table(self._locations, code.co_firstlineno), b"", self._free, tuple(self._tables.own_names[slot] for slot in self._cells),
        )  # fmt: skip


def _with_bound_method(raw: bytes) -> bytes:
    """Returns instructions of which the last one loads an attribute if it loaded a method: one value is left in place of two."""
    unit = last = 0
    while 2 * unit < len(raw):
        last = unit
        unit += 1 + CACHES[raw[2 * unit]]
    number, argument = raw[2 * last : 2 * last + 2]
    if number == OP.get("LOAD_METHOD"):
        return raw[: 2 * last] + instruction(OP["LOAD_ATTR"], argument)
    if number == OP["LOAD_ATTR"] and sys.version_info >= (3, 12):
        return raw[: 2 * last] + bytes((number, argument & ~1)) + raw[2 * last + 2 :]
    return raw


def _slots(raw: bytes, unit: int) -> tuple[int, ...]:
    number, argument = raw[2 * unit : 2 * unit + 2]
    return (argument >> 4, argument & 15) if number in HALVES else (argument,)
