"""Comparing values of users, whose `==` may raise, or may give no truth value."""

from __future__ import annotations

from cascade.imports import Any


def is_equal(one: Any, other: Any) -> bool:
    """Whether `==` says that two values are equal: False where it raises, or gives no truth value, as that of arrays."""
    try:
        return (one == other) is True
    except Exception:
        return False


def is_same_value(one: Any, other: Any) -> bool:
    """Whether two values cannot be told apart, as far as that is known: 1 is not True, and 0.0 is not -0.0."""
    if one is other:
        return True
    kind = type(one)
    if kind is not type(other):
        return False
    if kind in (float, complex):
        return repr(one) == repr(other)
    if kind in (list, tuple):
        return len(one) == len(other) and all(map(is_same_value, one, other))
    if kind is dict:
        return len(one) == len(other) and all(
            is_same_value(a, b) and is_same_value(one[a], other[b]) for a, b in zip(one, other, strict=True)
        )
    return is_equal(one, other)
