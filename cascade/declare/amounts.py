"""Numbers that users pass: seconds, attempts and amounts of system resources."""

from __future__ import annotations

from cascade.errors import DeclarationError, PolicyError
from cascade.imports import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import TypeGuard


def as_timeout(value: float | None) -> float | None:
    """Returns a timeout in seconds, None for an infinite one.

    Raises:
        DeclarationError: (a TypeError) it is not a number.
        PolicyError: (a ValueError) it is not a positive number of seconds.
    """
    if isinstance(value, float) and value == float("inf"):
        return None
    if value is not None:
        check_number("timeout", value)
        if not value > 0:
            raise PolicyError(f"timeout={value!r}", expected="a positive number of seconds, or None")
    return value


def is_endless(seconds: float | None) -> bool:
    """Returns True for a timeout that sets no limit: None, infinity, or a number that no float can hold."""
    try:
        return seconds is None or bool(float(seconds) == float("inf"))
    except OverflowError:
        return seconds is not None and bool(seconds > 0)
    except (TypeError, ValueError):
        return False


def check_amount(name: str, amount: object) -> None:
    """Raises unless `amount` can be taken of the system resource `name`."""
    check_number(f"the amount of {name!r}", amount)


def check_number(what: str, value: object, at_most: float = float("inf")) -> None:
    """Raises unless `value` is a finite number from 0 to `at_most`.

    Args:
        what: the subject of the message.

    Raises:
        DeclarationError: (a TypeError) it is not a number.
        PolicyError: (a ValueError) it is out of range.
    """
    if isinstance(value, bool) or not _is_number(value):
        raise DeclarationError(f"{what} is {value!r}, of type {type(value).__name__}", expected="a number, 0 or more")
    if not 0 <= value <= at_most or value == float("inf"):
        limit = "of 0 or more" if at_most == float("inf") else f"from 0 to {at_most:g}"
        raise PolicyError(f"{what} is {value!r}", expected=f"a finite number {limit}")


def _is_number(value: object) -> TypeGuard[float]:
    if isinstance(value, (int, float)):
        return True
    from numbers import Real  # such as the numbers of NumPy

    return isinstance(value, Real)
