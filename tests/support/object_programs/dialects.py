"""What programs of a seed are made of: the rows of the other modules, and from `corners.CORNERS` on those of `corners` as well."""

from __future__ import annotations

from dataclasses import dataclass, replace

from tests.support.object_programs import corner_library, corners
from tests.support.object_programs.blocks import BLOCKS
from tests.support.object_programs.expressions import EXPRESSIONS, FIXED
from tests.support.object_programs.grammar import Row, Table
from tests.support.object_programs.library import LIBRARY, OBJECTS
from tests.support.object_programs.statements import SIMPLE
from tests.support.object_programs.values import CHANGES

COMPOUND = ("if", "for", "while", "try", "with", "match", "reraise", "heap-loop", "deque-loop")


@dataclass(frozen=True)
class Dialect:
    """Tables of rows and texts.

    Attributes:
        statements: all of them; `simple` those that stand deep inside of others; `loops` those that a function begins with.
        expressions: by the kind.
        fixed: texts by the name of a hole.
        classes: of objects; `library` all others and functions.
        changes: of names between two calls.
    """

    statements: Table
    simple: Table
    loops: Table
    expressions: dict[str, Table]
    fixed: dict[str, list[str]]
    classes: dict[str, str]
    library: dict[str, str]
    changes: dict[str, list[str]]


def _plain() -> Dialect:
    rows = SIMPLE.rows + BLOCKS.rows
    simple = Table([row for row in rows if not row.feature.startswith(COMPOUND)])
    loops = Table([row for row in BLOCKS.rows if row.feature.startswith(("for", "while"))])
    return Dialect(Table(rows), simple, loops, EXPRESSIONS, FIXED, OBJECTS, LIBRARY, CHANGES)


def _with_corners(plain: Dialect) -> Dialect:
    times = sum(plain.statements.weights) // sum(corners.STATEMENTS.weights)
    rows = [replace(row, weight=row.weight * max(times, 1)) for row in corners.STATEMENTS.rows]
    changes = {name: [*CHANGES.get(name, []), *found] for name, found in corner_library.CHANGES.items()}
    return Dialect(
        Table(plain.statements.rows + rows),
        Table(plain.simple.rows + [row for row in rows if not _nests(row)]),
        Table(plain.loops.rows + [row for row in rows if row.feature.startswith(("for", "while"))]),
        corners.EXPRESSIONS,
        FIXED | corners.FIXED,
        OBJECTS | corner_library.OBJECTS,
        LIBRARY | corner_library.LIBRARY,
        CHANGES | changes,
    )


def _nests(row: Row) -> bool:
    return "<loop>" in row.text or "<block>" in row.text


PLAIN = _plain()
WITH_CORNERS = _with_corners(PLAIN)


MIXED = 50_000_000
"""From this seed on every other program has no corners."""


def dialect_of(seed: int) -> Dialect:
    """The dialect of the program of a seed."""
    return WITH_CORNERS if seed >= corners.CORNERS and (seed < MIXED or seed % 2) else PLAIN
