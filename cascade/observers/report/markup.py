"""Pieces of the HTML of a report. All text of users is escaped."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

from cascade.graph.description import printable

NAME, TEXT = 80, 4_000
"""Characters of a name, and of a longer text."""


def text_of(value: object, limit: int = TEXT) -> str:
    """Returns escaped text, shortened, without control characters; line breaks stay."""
    lines = [printable(line) for line in str(value)[: limit + 1].splitlines()]
    text = "\n".join(lines)
    return escape(text if len(text) <= limit else text[: limit - 1] + "…")


def table(caption: str, heads: Iterable[str], rows: Iterable[Sequence[str]], texts: tuple[int, ...] = ()) -> str:
    """Returns a table without the columns that are empty.

    Args:
        rows: of cells that are HTML already; the first one of a row is its head.
        texts: the numbers of columns of text; others are of numbers.
    """
    filled, names = list(rows), list(heads)
    used = [at for at in range(len(names)) if at == 0 or any(row[at] for row in filled)]
    kinds = {at: " class=text" if at in texts else "" for at in used}
    head = "".join(f"<th scope='col'{kinds[at]}>{names[at]}</th>" for at in used)
    body = "".join(
        f"<tr><th scope='row'>{row[0]}</th>{''.join(f'<td{kinds[at]}>{row[at]}</td>' for at in used[1:])}</tr>"
        for row in filled
    )
    return (
        f"<div class='wide' tabindex='0' role='region' aria-label='{caption}'><table><caption>{caption}</caption>"
        f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"
    )
