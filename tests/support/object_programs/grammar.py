"""A grammar is a table of rows; this module reads tables and fills rows in.

A row of a table of expressions is a line, `feature weight | text`. A row of a table of statements is a paragraph whose first line is
`feature weight`. A feature that ends in `!` mostly raises an exception: it is rare in programs that are written with care. Texts have holes:

    <ints>          an expression of a kind
    <!ints>         the name of a variable of a kind; the row is not taken where there is none
    <=ints>         a variable that gets a value of a kind: it is known to the statements that follow
    <^ints>         an expression that does not see the names that the row itself binds
    <+|-|*>         one of these texts
    <block> <loop>  on a line of their own: statements, <loop> those of a loop
    @q:int          at the start of a text: `q` is a name of its own, of that kind, bound by the row; `<q>` stands for it
    @v=int          at the start of a text: a variable of that kind, which is there already; `<v>` stands for it
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from random import Random

HOLE = re.compile(r"<([=!^]?)([a-z_][a-z_0-9]*)>|<([^<>\n]*\|[^<>\n]*)>")
BOUND = re.compile(r"@([a-z])(?:([:=])(\w+))? ")


@dataclass(frozen=True)
class Row:
    """One form that the grammar knows."""

    feature: str
    weight: int
    text: str
    bound: tuple[tuple[str, str], ...]
    taken: tuple[tuple[str, str], ...]
    needs: tuple[str, ...]
    risky: bool


class NoVariable(Exception):
    """A row needs a variable of a kind that there is not."""


def _row(header: str, text: str) -> Row:
    feature, weight = header.split()
    bound, taken = [], []
    while match := BOUND.match(text):
        (taken if match[2] == "=" else bound).append((match[1], match[3] or "any"))
        text = text[match.end() :]
    needs = [match[2] for match in HOLE.finditer(text) if match[1] == "!"] + [kind for _, kind in taken]
    return Row(feature.rstrip("!"), int(weight), text, tuple(bound), tuple(taken), tuple(needs), feature.endswith("!"))


class Table:
    """Rows, one of which is drawn by weight."""

    def __init__(self, rows: list[Row]) -> None:
        self.rows = rows
        self.weights = [row.weight for row in rows]

    def draw(self, pick: Random) -> Row:
        return pick.choices(self.rows, self.weights)[0]


def expressions(text: str) -> Table:
    """The table of these lines."""
    lines = [line for line in text.splitlines() if line.strip()]
    return Table([_row(*line.strip().split(" | ", 1)) for line in lines])


def statements(text: str) -> Table:
    """The table of these paragraphs."""
    paragraphs = [paragraph.strip("\n") for paragraph in text.split("\n\n") if paragraph.strip()]
    return Table([_row(*paragraph.split("\n", 1)) for paragraph in paragraphs])


def choose(text: str, pick: Random) -> str:
    """Takes one of the texts of each `<a|b>`."""
    return HOLE.sub(lambda match: pick.choice(match[3].split("|")) if match[3] is not None else match[0], text)


Filler = Callable[[str, str], str]
