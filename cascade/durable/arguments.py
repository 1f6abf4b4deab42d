"""Arguments that users pass: names of runs, queues, schedules and signals, which any store can keep, and seconds."""

from __future__ import annotations

from cascade.errors import DeclarationError

MOST = 1000
"""Characters of a name."""
MOST_SECONDS = 1e12


def checked_name(name: object, where: str, expected: str) -> str:
    """Returns a name.

    Args:
        where: the text for errors, with `{}` in the place of the name.
        expected: what it names.

    Raises:
        DeclarationError: (a TypeError) it is no text, empty, too long, or has characters that a store cannot keep.
    """
    if (
        not isinstance(name, str)
        or not 0 < len(name) <= MOST
        or any(each == "\0" or "\ud800" <= each <= "\udfff" for each in name)
    ):
        raise DeclarationError(
            where.format(f"{name!r:.100}"),
            expected=f"{expected}: a text of 1 to {MOST:,} characters, without NUL and surrogates",
        )
    return name


def checked_seconds(value: object, where: str, *, least: float = 0.0, expected: str = "seconds, from 0 up") -> float:
    """Returns a number of seconds.

    Args:
        where: the text for errors, with `{}` in the place of the number.
        least: the least one that is allowed.

    Raises:
        DeclarationError: (a TypeError) it is something else.
    """
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not least <= value <= MOST_SECONDS:
        raise DeclarationError(where.format(f"{value!r:.100}"), expected=expected)
    return float(value)
