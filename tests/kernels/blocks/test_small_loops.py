"""Every pair of loops, one in the other, and every way to leave a turn of the inner one, is executed as by CPython."""

from __future__ import annotations

import contextlib
import itertools
import textwrap
from collections.abc import Callable
from typing import Any

import pytest

import cascade as cs
from tests.support.machine_code_functions import machine_code, made_of

LOOPS = [
    "for {v} in range(n):",
    "for {v} in xs:",
    "for {v} in keys:",
    "for {v} in 'abcé':",
    "for {v}, _ in table.items():",
    "for {v}, _ in zip(xs, keys):",
    "for _, {v} in enumerate(xs):",
    "for {v} in reversed(xs):",
    "for {v} in array:",
    "for {v} in turns(n):",
    "{v} = n\nwhile {v} > 0:\n    {v} -= 1",
    "{v} = n\nwhile True:\n    {v} -= 1\n    if {v} < 0:\n        break",
]
TURNS = [
    "note(c)",
    "note(c)\nbreak",
    "note(c)\ncontinue",
    "if c % 2:\n    break\nnote(c)",
    "if c % 3 == 1:\n    continue\nnote(c)",
    "try:\n    break\nfinally:\n    note(c)",
    "try:\n    continue\nfinally:\n    note(c)",
    "try:\n    note(1 // (c % 3))\nexcept ZeroDivisionError:\n    continue\nelse:\n    break",
    "if c > 7:\n    return c, v, w\nbreak",
    "with context():\n    if c % 2:\n        break\nnote(c)",
    "for u in xs:\n    break\nelse:\n    note(c)\nif c % 2:\n    break",
]
AROUND = [
    "{outer}\n    c += 1\n{inner}\n{turn}",
    "{outer}\n{inner}\n{turn}\n    else:\n        note(-c)",
    "{outer}\n    nothing()\n{inner}\n{turn}\n    note(w)",
]
FUNCTION = """
import array as arrays, contextlib
notes = []
array = arrays.array("d", [0.5, 1.5])

def note(value):
    notes.append(value)

def nothing():
    pass

def turns(n):
    for k in range(n):
        yield k

@contextlib.contextmanager
def context():
    yield

def f(n, xs, keys, table):
    c = u = v = w = 0
{body}
    return c, v, w
"""
CALLS: list[tuple[Any, ...]] = [
    (3, [1, 2, 3], {sum, 4}, {1: 2, "x": 3}), (0, [], set(), {}), (2, ["a", 2.5], [None, 1], {2: 2}),
]  # fmt: skip


def functions() -> list[tuple[str, str]]:
    found = []
    for (outer, inner, turn), around in zip(
        itertools.product(LOOPS, LOOPS, TURNS), itertools.cycle(AROUND), strict=False
    ):
        inner = textwrap.indent(inner.format(v="w"), "    ")
        turn = textwrap.indent("c += 1\n" + turn, "        ")
        body = around.format(outer=outer.format(v="v"), inner=inner, turn=turn)
        found.append((f"{outer} {turn}", FUNCTION.format(body=textwrap.indent(body, "    "))))
    return found


def outcomes(call: Callable[..., Any], notes: list[Any]) -> list[Any]:
    found: list[Any] = []
    for arguments in CALLS * 3:
        notes.clear()
        result = None
        with contextlib.suppress(UnboundLocalError):
            result = call(*arguments)
        found.append((result, [*notes]))
    return found


@pytest.mark.parametrize("part", range(4))
@pytest.mark.parametrize("work", [0, None], ids=["machine code", "handlers"])
def test_pairs_of_loops(work, part):
    with machine_code(work):
        for _, text in functions()[part::4]:
            function = made_of(text, False)
            notes = function.__globals__["notes"]
            assert outcomes(cs.compile(cs.task(function)), notes) == outcomes(function, notes), text
