"""The tables of a code object: where each instruction stands in the source, and who handles its exceptions.

CPython describes the formats in `Objects/locations.md` and `Objects/exception_handling_notes.txt` (`InternalDocs/`
from 3.13 on). Positions here are counted in code units of two bytes, as in the tables: `unit = offset // 2`.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable, Mapping
from functools import cached_property
from itertools import pairwise
from types import CodeType

from cascade.imports import NamedTuple
from cascade.kernels.blocks.instructions import BACKWARD, CACHES, JUMPS, OP, SINGLE_SLOT

_ONE_LINE, _NO_COLUMNS, _LONG, _NO_LOCATION = 10, 13, 14, 15
_LONGEST = 8  # the units that one entry of the location table can cover


class Location(NamedTuple):
    """A range of the source; columns count bytes and are None where the code has none."""

    line: int
    end_line: int
    column: int | None
    end_column: int | None


class Handler(NamedTuple):
    """The handler of the exceptions that the units from `start` up to `end` raise."""

    start: int
    end: int
    target: int
    depth: int
    lasti: bool


class Jump(NamedTuple):
    """A jump: its first unit, the number of its prefixes, the unit behind it and its caches, the opcode, and the unit it leads to."""

    start: int
    prefixes: int
    end: int
    number: int
    target: int


class CodeTables:
    """A code object's instructions, locations and handlers, read once and kept by whoever edits it repeatedly."""

    def __init__(self, code: CodeType) -> None:
        self.code = code
        self.raw = code.co_code
        own = (*code.co_varnames, *(name for name in code.co_cellvars if name not in code.co_varnames))
        self.own_names: tuple[str, ...] = own
        self.handlers = read_handlers(code.co_exceptiontable)
        self.locations = LocationTable(code.co_linetable, code.co_firstlineno)

    def handler_of(self, unit: int) -> Handler | None:
        """Returns the handler of the exceptions that an instruction raises; None where the function has none."""
        return next((row for row in self.handlers if row.start <= unit < row.end), None)

    @cached_property
    def first(self) -> int:
        """The unit of the instruction RESUME, in front of which a frame is not complete."""
        return self.raw[::2].index(OP["RESUME"])

    @cached_property
    def free_references(self) -> tuple[int, ...]:
        """The units of the instructions whose argument is the number of a free variable."""
        own = len(self.own_names)
        arguments = self.raw[1::2]
        # The inline caches are zeros, as is CACHE, which has no argument. Instructions of two slots are only made for locals.
        return tuple(
            unit for unit, number in enumerate(self.raw[::2]) if number in SINGLE_SLOT and arguments[unit] >= own
        )

    @cached_property
    def jumps(self) -> tuple[Jump, ...]:
        """The jumps, in the order of the code. `target` is where the argument leads; FOR_ITER goes on behind an END_FOR there."""
        return tuple(self._jump(unit, number) for unit, number in enumerate(self.raw[::2]) if number in JUMPS)

    def _jump(self, unit: int, number: int) -> Jump:
        argument, prefixes = self.prefixed_argument(unit)
        end = unit + 1 + CACHES[number]
        return Jump(unit - prefixes, prefixes, end, number, end - argument if number in BACKWARD else end + argument)

    def prefixed_argument(self, unit: int) -> tuple[int, int]:
        """Returns the argument of an instruction, and the number of its prefixes."""
        argument, prefixes = self.raw[2 * unit + 1], 0
        while unit > prefixes and self.raw[2 * (unit - prefixes - 1)] == OP["EXTENDED_ARG"]:
            prefixes += 1
            argument |= self.raw[2 * (unit - prefixes) + 1] << 8 * prefixes
        return argument, prefixes

    def keyword_names(self, unit: int) -> int | None:
        """Returns the constant that a KW_NAMES in front of an instruction has set apart for its call; None if there is none."""
        numbers, kw_names = self.raw[::2], OP.get("KW_NAMES")
        before = unit - 1
        if numbers[before] == 0 and numbers[before - 1] == OP.get("PRECALL"):
            before -= 2
        return self.prefixed_argument(before)[0] if numbers[before] == kw_names else None


class LocationTable:
    """The location table of a code object (PEP 626 and 657), split into its entries."""

    def __init__(self, table: bytes, first_line: int) -> None:
        self.first_line = first_line
        heads = [
            index for index, byte in enumerate(table) if byte & 0x80
        ]  # no other byte of an entry has its top bit set
        self.entries = [table[head:after] for head, after in pairwise((*heads, len(table)))]
        self.starts: list[int] = []
        self.lines: list[int] = []
        unit, line = 0, first_line
        for entry in self.entries:
            head = entry[0]
            self.starts.append(unit)
            unit += (head & 7) + 1
            kind = head >> 3 & 15
            if kind >= _ONE_LINE and kind != _NO_LOCATION:
                line += kind - _ONE_LINE if kind < _NO_COLUMNS else _read_signed(entry, 1)
            self.lines.append(line)
        self.size = unit

    def location(self, unit: int) -> Location | None:
        """Returns the location of an instruction; None if it has none."""
        return self._entry_location(bisect_right(self.starts, unit) - 1)

    def between(self, start: int, end: int) -> Iterable[tuple[int, int, Location | None]]:
        """Yields the ranges of units from `start` up to `end` that have one location: first, behind the last, location."""
        index = bisect_right(self.starts, start) - 1
        while start < end:
            until = min(end, self.starts[index + 1] if index + 1 < len(self.starts) else self.size)
            yield start, until, self._entry_location(index)
            start, index = until, index + 1

    def lengthened(self, longer: Mapping[int, int], added: Iterable[tuple[int, Location | None]]) -> bytes:
        """Returns the table for code with more units at some places, and others at the end."""
        entries = self.entries[:] if longer else self.entries
        for start, more in longer.items():
            index = bisect_right(self.starts, start) - 1
            entries[index] += location_table([(more, self._entry_location(index))], self.lines[index])
        return b"".join((*entries, location_table(added, self.lines[-1])))

    def _entry_location(self, index: int) -> Location | None:
        entry, line = self.entries[index], self.lines[index]
        kind = entry[0] >> 3 & 15
        if kind == _NO_LOCATION:
            return None
        if kind == _NO_COLUMNS:
            return Location(line, line, None, None)
        if kind == _LONG:
            _, more_lines, column, end_column = _read_numbers(entry, 1)
            return Location(line, line + more_lines, column - 1, end_column - 1)
        if kind >= _ONE_LINE:
            return Location(line, line, entry[1], entry[2])
        column = kind << 3 | entry[1] >> 4
        return Location(line, line, column, column + (entry[1] & 15))


def location_table(ranges: Iterable[tuple[int, Location | None]], line: int) -> bytes:
    """Returns a location table, from numbers of units and their locations; `line` is the one before."""
    parts = []
    for units, location in ranges:
        while units > 0:
            length = min(units, _LONGEST)
            parts.append(_location_entry(length, location, line))
            line = location.line if location else line
            units -= length
    return b"".join(parts)


def _location_entry(length: int, location: Location | None, line: int) -> bytes:
    head = 0x80 | length - 1
    if location is None:
        return bytes((head | _NO_LOCATION << 3,))
    delta = location.line - line
    number = _number(delta << 1 if delta >= 0 else -delta << 1 | 1)
    if location.column is None or location.end_column is None:
        return bytes((head | _NO_COLUMNS << 3,)) + number
    rest = (location.end_line - location.line, location.column + 1, location.end_column + 1)
    return bytes((head | _LONG << 3,)) + number + b"".join(map(_number, rest))


def _number(value: int) -> bytes:
    # Six bits a byte, the lowest first; another byte follows one with 0x40.
    parts = bytearray()
    while value >= 64:
        parts.append(0x40 | value & 63)
        value >>= 6
    parts.append(value)
    return bytes(parts)


def _read_numbers(entry: bytes, at: int) -> list[int]:
    values, value, shift = [], 0, 0
    for byte in entry[at:]:
        value |= (byte & 63) << shift
        shift += 6
        if not byte & 0x40:
            values.append(value)
            value = shift = 0
    return values


def _read_signed(entry: bytes, at: int) -> int:
    value = _read_numbers(entry, at)[0]
    return -(value >> 1) if value & 1 else value >> 1


def read_handlers(table: bytes) -> list[Handler]:
    """Returns the entries of an exception table."""
    values, value = [], 0
    for byte in table:
        value = value << 6 | byte & 63
        if not byte & 0x40:
            values.append(value)
            value = 0
    numbers = iter(values)
    return [
        Handler(start, start + length, target, depth >> 1, bool(depth & 1))
        for start, length, target, depth in zip(numbers, numbers, numbers, numbers, strict=True)
    ]


def moved_handlers(handlers: Iterable[Handler], moved: Callable[[int], int]) -> list[Handler]:
    """Returns handlers for code whose units have moved."""
    return [
        Handler(moved(start), moved(end), moved(target), depth, lasti) for start, end, target, depth, lasti in handlers
    ]


def exception_table(handlers: Iterable[Handler]) -> bytes:
    """Returns an exception table; its entries must be in the order of the code."""
    table = bytearray()
    for start, end, target, depth, lasti in handlers:
        first = len(table)
        for value in (start, end - start, target, depth << 1 | lasti):
            _append_big_endian(table, value)
        table[first] |= 0x80
    return bytes(table)


def _append_big_endian(table: bytearray, value: int) -> None:
    # Six bits a byte, the highest first; another byte follows one with 0x40.
    shift = max(0, (value.bit_length() - 1) // 6 * 6)
    while shift:
        table.append(0x40 | value >> shift & 63)
        shift -= 6
    table.append(value & 63)
