"""Comparison of users' values, whose `==` may raise or return something without a truth value."""

from __future__ import annotations


def is_equal(one: object, other: object) -> bool:
    """Returns True if `==` returns True; False also where it raises, or returns something else, such as an array."""
    try:
        return (one == other) is True
    except Exception:
        return False


def is_same_value(one: object, other: object) -> bool:
    """Returns True if two values are known to be interchangeable: 1 and True are not, nor are 0.0 and -0.0."""
    if one is other:
        return True
    kind = type(one)
    if kind is not type(other):
        return False
    if kind in (float, complex):
        return repr(one) == repr(other)
    if kind in (list, tuple) and isinstance(one, (list, tuple)) and isinstance(other, (list, tuple)):
        return len(one) == len(other) and all(map(is_same_value, one, other))
    if kind is dict and isinstance(one, dict) and isinstance(other, dict):
        return len(one) == len(other) and all(
            is_same_value(a, b) and is_same_value(one[a], other[b]) for a, b in zip(one, other, strict=True)
        )
    return is_equal(one, other)
