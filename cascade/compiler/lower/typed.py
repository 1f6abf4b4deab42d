"""TypedCode: what the translator makes and the typed loop runs. Data only."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from cascade.compiler.lower.resume import Resumption


@dataclass(frozen=True)
class Guard:
    """A name that the code relies on: `namespace[name]` has to be `expected`, and no key hides it in `nearer`."""

    name: str
    namespace: dict[str, Any]
    expected: Any
    nearer: dict[str, Any] | None = None

    def holds(self) -> bool:
        if self.nearer is not None and self.name in self.nearer:
            return False
        return self.namespace.get(self.name) is self.expected


@dataclass(frozen=True)
class Exit:
    """How to go on from a statement.

    Attributes:
        names: the local variables that are bound there, with the register and the type of each.
        ranges: for each `for` around the statement, the outermost first, the first register of its range.
    """

    names: tuple[tuple[str, int, str], ...]
    ranges: tuple[int, ...]


@dataclass(frozen=True, eq=False)
class TypedCode:
    """The body of a function for one tuple of argument types.

    Attributes:
        name: the function's, for people.
        words: the instructions, 16 bytes each (see `cascade.opcodes`).
        types: of the parameters: "int", "float" or "bool".
        registers: how many there are; the parameters have the first ones.
        kept: for each parameter the register of the value that it came with.
        constants: objects that are returned.
        statements: for each word the number of the statement that it belongs to.
        exits: for each statement how to go on from it.
        guards: what has to hold whenever the code is entered.
        resumption: goes on from a statement.
    """

    name: str
    words: bytes
    types: tuple[str, ...]
    registers: int
    kept: tuple[int, ...]
    constants: tuple[Any, ...]
    statements: tuple[int, ...] = field(repr=False)
    exits: tuple[Exit, ...] = field(repr=False)
    guards: tuple[Guard, ...] = field(repr=False)
    resumption: Resumption = field(repr=False)

    def guards_hold(self) -> bool:
        return all(guard.holds() for guard in self.guards)

