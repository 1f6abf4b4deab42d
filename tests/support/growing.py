"""Numbers that grow, for tests whose run has to get somewhere before its time is up, however busy the machine is."""

from __future__ import annotations

from collections.abc import Iterator


def growing(number: float, most: float = 60.0) -> Iterator[float]:
    """Yields a number, such as a time in seconds, then twice as much, and so on, until the loop is left; fails above `most`."""
    while number <= most:
        yield number
        number *= 2
    raise AssertionError(f"{number / 2:g} was not enough")
