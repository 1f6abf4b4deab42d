"""Functions with parameters of every kind."""

from __future__ import annotations

import sys
from typing import Any


def keyword_only(values: list[Any], *, factor: Any = 2, start: Any = 0) -> Any:
    total = start
    for value in values:
        total += value * factor
    return total


def gathers(first: Any, *rest: Any, factor: Any = 1, **named: Any) -> Any:
    total = first
    for value in rest:
        total += value * factor
    for value in named.values():
        total -= value
    return total, rest, named


def changes_what_it_gathers(*rest: Any, **named: Any) -> Any:
    named["more"] = len(rest)
    rest += (named.pop("first", None),)
    return rest, named


def names_before_arguments(a: Any, /, b: Any, *rest: Any, c: Any, d: Any = 4) -> Any:
    return a, b, rest, c, d


def only_gathers(*rest: Any) -> Any:
    found = 0
    for number, value in enumerate(rest):
        found += number * value
    return found


def only_names(**named: Any) -> Any:
    return {name: value + 1 for name, value in named.items()}


def closes_over_them(*rest: Any, step: Any = 1, **named: Any) -> Any:
    return [value + step + len(named) for value in rest], (lambda: (rest, step, named))()


def raises_in_the_end(values: Any, *rest: Any, by: Any = 0) -> Any:
    total = 0
    for value in values:
        total += value
    return total // by, rest


def looks_at_its_frame(*rest: Any, name: Any = "f_locals", **named: Any) -> Any:
    return caller(name), rest, named


def caller(name: str) -> Any:
    frame = sys._getframe(1)
    return frame.f_code.co_name, frame.f_lineno


def calls_with_names(values: list[Any], count: int) -> Any:
    total = 0
    for i in range(count):
        total += keyword_only(values, factor=i, start=1) + keyword_only(values, start=i) + keyword_only(values)
        total += gathers(i, i, factor=3, more=i)[0] + gathers(i)[0] + scaled(values, i, by=i + 1)
    return total


def scaled(values: list[Any], number: int, plus: int = 5, *, by: Any) -> Any:
    return values[0] * by + number + plus


CALLS: list[tuple[Any, tuple[Any, ...], dict[str, Any]]] = [
    (keyword_only, ([1, 2, 3],), {}),
    (keyword_only, ([1, 2, 3],), {"factor": 0.5}),
    (keyword_only, ([1, 2**62],), {"start": 3, "factor": 2}),
    (keyword_only, (["a", "b"],), {"start": ""}),
    (keyword_only, (["a", None],), {"start": ""}),
    (gathers, (1,), {}),
    (gathers, (1, 2, 3.5), {"factor": 4}),
    (gathers, (1, 2, 2**63), {"more": 1, "other": 2}),
    (gathers, (1, "a"), {"factor": 2, "other": 2}),
    (changes_what_it_gathers, (), {}),
    (changes_what_it_gathers, (1, 2), {"first": 3, "second": 4}),
    (names_before_arguments, (1, 2), {"c": 3}),
    (names_before_arguments, (1, 2, 3, 4), {"c": 3, "d": [5]}),
    (only_gathers, (), {}),
    (only_gathers, (1, 2.5, 3), {}),
    (only_gathers, (1, "a", None), {}),
    (only_names, (), {}),
    (only_names, (), {"a": 1, "b": 2.5}),
    (only_names, (), {"a": None}),
    (closes_over_them, (1, 2), {"step": 3, "other": 1}),
    (raises_in_the_end, ([1, 2], 3), {}),
    (raises_in_the_end, ([1, 2], 3), {"by": 2}),
    (looks_at_its_frame, (1,), {"name": "x", "other": 2}),
    (calls_with_names, ([1, 2], 5), {}),
]


NOTES: list[str] = []


class Noted:
    def __init__(self, name: str) -> None:
        self.name = name

    def __del__(self) -> None:
        NOTES.append(self.name)


def drops_what_it_gathers(*args: Any, **named: Any) -> int:
    named["own"] = Noted("own")
    args = (*args, Noted("more"))
    del named
    NOTES.append("dropped")
    del args
    NOTES.append("over")
    return 1
