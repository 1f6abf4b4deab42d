"""The kinds of operands of graph instructions, shared by the disassembler and the verifier.

A *slot* is an index into the frame's array of values: the inputs of the run stand first, the registers after them.
A *source* is a slot read as an operand, stored as `slot * 2 + last`, where `last` says that the instruction drops
the value: it is the last one to use it. An operand of kind ARGUMENTS is an index into the blueprint's operand
table, where the count stands first and that many sources follow.
"""

from __future__ import annotations

from collections.abc import Sequence

from cascade.imports import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from cascade.instructions.blueprint import Blueprint

MAX_SLOTS = 2**30
"""Sources are stored as `slot * 2 + last` in 31 bits."""


class JumpTargets(Protocol):
    """The constant of a SELECT: for each key of a Jump its word and the slot for its data; and the word for other values."""

    @property
    def targets(self) -> tuple[tuple[object, int, int], ...] | None: ...
    @property
    def end(self) -> int: ...


class Kind:
    """The meaning of an operand: how it prints, which values are in range, which slots it reads and writes.

    `fault` returns why a value is out of range, or None; the other methods are for values that are in range.
    """

    def show(self, value: int, blueprint: Blueprint) -> str:
        return ""

    def fault(self, value: int, blueprint: Blueprint) -> str | None:
        return f"an unused operand is {value}, not 0" if value else None

    def sources(self, value: int, blueprint: Blueprint) -> Sequence[int]:
        """The sources that are read, encoded."""
        return ()

    def writes(self, value: int) -> int:
        """The slot that is written, or -1."""
        return -1


class Destination(Kind):
    def show(self, value: int, blueprint: Blueprint) -> str:
        return f"r{value}"

    def fault(self, value: int, blueprint: Blueprint) -> str | None:
        return None if 0 <= value < blueprint.slots else f"slot {value} is outside 0..{blueprint.slots - 1}"

    def writes(self, value: int) -> int:
        return value


class Source(Kind):
    def show(self, value: int, blueprint: Blueprint) -> str:
        return ", ".join(f"r{source >> 1}{'!' * (source & 1)}" for source in self.sources(value, blueprint))

    def fault(self, value: int, blueprint: Blueprint) -> str | None:
        limit = 2 * blueprint.slots
        return None if 0 <= value < limit else f"slot {value >> 1} is outside 0..{blueprint.slots - 1}"

    def sources(self, value: int, blueprint: Blueprint) -> Sequence[int]:
        return (value,)


class Arguments(Source):
    def fault(self, value: int, blueprint: Blueprint) -> str | None:
        table = blueprint.operand_table
        if not 0 <= value < len(table) or not 0 <= table[value] < len(table) - value:
            return f"argument list {value} leaves the operand table of {len(table)} entries"
        for source in table[value + 1 : value + 1 + table[value]]:
            if not 0 <= source < 2 * blueprint.slots:
                return super().fault(source, blueprint)
        return None

    def sources(self, value: int, blueprint: Blueprint) -> Sequence[int]:
        table = blueprint.operand_table
        return table[value + 1 : value + 1 + table[value]]


class Parameters(Source):
    """All the inputs, which a task's own frame holds in its first slots; the operand itself is unused."""

    def fault(self, value: int, blueprint: Blueprint) -> str | None:
        return f"an unused operand is {value}, not 0" if value else None

    def sources(self, value: int, blueprint: Blueprint) -> Sequence[int]:
        return range(0, 2 * blueprint.inputs, 2)


class Constant(Kind):
    """An index into the blueprint's constants: a routine to call, or a function that rebuilds a container."""

    def show(self, value: int, blueprint: Blueprint) -> str:
        constant = blueprint.constants[value]
        return str(getattr(constant, "name", None) or getattr(constant, "__name__", constant))

    def fault(self, value: int, blueprint: Blueprint) -> str | None:
        count = len(blueprint.constants)
        return None if 0 <= value < count else f"constant {value} is outside the table of {count}"


class RouteTargets(Constant):
    """An index into the constants: the targets of a state's Jumps."""

    def show(self, value: int, blueprint: Blueprint) -> str:
        routes: JumpTargets = blueprint.constants[value]  # type: ignore[assignment]  # as the verifier proves
        shown = []
        for key, word, slot in routes.targets or ():
            data = f" with r{slot}" if slot >= 0 else ""  # which gets the Jump's data
            shown.append(f"{key!r} -> {routes.end if word < 0 else word}{data}")
        return ", ".join(shown) + f"; else to {routes.end}" if shown else f"{routes.end}, like any other value"


NOTHING, DESTINATION, SOURCE, ARGUMENTS = Kind(), Destination(), Source(), Arguments()
PARAMETERS, ROUTINE, FUNCTION, ROUTES = Parameters(), Constant(), Constant(), RouteTargets()
