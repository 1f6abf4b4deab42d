"""Continuations that return at the heads of loops: typed code can go on from there, in code of any length."""

from __future__ import annotations

from types import FunctionType
from typing import Any

import pytest

from cascade.kernels.blocks.code_tables import CodeTables
from cascade.kernels.blocks.resume import continuation
from tests.support import bytecode_states as states
from tests.support.outcomes import outcome

NESTED = """
def nested(rows, limit):
    total = count = item = 0
    row = None
    {before}
    for row in rows:
        for item in row:
            {inside}
            try:
                if item < 0:
                    continue
                total += limit // item
            except ZeroDivisionError as error:
                count += 1
                if count % 100 > limit:
                    raise ValueError(total, adding(1)) from error
        {inside}
    {before}
    while total > limit:
        total -= limit
        count += adding(1)
    return total, count, item, row
"""
MAKER = """
def maker(added):
    def adding(x):
        return x + added
{nested}
    return nested
"""
ARGUMENTS: list[Any] = [
    ([[1, 2], [0, -1], [3]], 7),
    ([], 3),
    ([[0, 0, 0, 5]], 2),
    ([list(range(1, 40))] * 3, 50),
    ([[1], None], 4),
]


def made(before: int, inside: int) -> FunctionType:
    """Returns a function with so many more statements in front of its loops and in them."""
    lengths = {"before": before, "inside": inside}
    more = {name: "; ".join(["count += 1"] * length) or "pass" for name, length in lengths.items()}
    nested = NESTED.format(**more).replace("\n", "\n    ")
    namespace: dict[str, Any] = {"__name__": "nested"}
    exec(compile(MAKER.format(nested=nested), "<nested>", "exec"), namespace)
    return namespace["maker"](1)  # type: ignore[no-any-return]


class Returning:
    """Calls a function by continuations each of which returns at the next loop's head."""

    def __init__(self, function: FunctionType) -> None:
        self.function, self.tables = function, CodeTables(function.__code__)
        depths = states.stack_depths(function.__code__)
        bound = [slot for slot, name in enumerate(self.tables.own_names) if name != "error"]
        self.heads = {
            2 * jump.target: (f"unit {jump.target}", bound, depths[jump.target])
            for jump in self.tables.jumps
            if jump.target < jump.start
        }
        self.returns = 0

    def __call__(self, *arguments: object) -> object:
        result = self.continuation(2 * self.tables.first, (0, 1), 0)(*arguments)
        while (head := self.head_of(result)) is not None:
            self.returns += 1
            _, bound, depth = self.heads[head]
            result = self.continuation(head, bound, depth)(*result[1:])  # type: ignore[index]
        return result

    def continuation(self, at: int, bound: Any, depth: int) -> FunctionType:
        return continuation(self.function, at, bound, [True] * depth, loop_heads=self.heads, tables=self.tables)

    def head_of(self, result: object) -> int | None:
        if not isinstance(result, tuple):
            return None
        return next((head for head, (marker, *_) in self.heads.items() if marker is result[0]), None)


LENGTHS = [(before, inside) for before in (0, 30, 45, 60) for inside in (0, 20, 45, 60)]


@pytest.mark.parametrize(("before", "inside"), [*LENGTHS, (13200, 0), (0, 13200)])
def test_a_loop_continues_at_its_head_in_code_of_any_length(before: int, inside: int):
    function = made(before, inside)
    for arguments in ARGUMENTS if max(before, inside) < 1000 else ARGUMENTS[:3]:
        assert outcome(Returning(function), arguments) == outcome(function, arguments)


def test_each_turn_of_a_loop_returns():
    calls = Returning(made(0, 0))
    assert calls([[1, 2], [3], []], 100) == (83, 2, 3, [])
    # Six turns of the inner and the outer loop; 3.11 tests a loop's condition at its end, so the last one does not come back.
    assert calls.returns in (6, 7)


def test_the_values_that_a_loop_head_returns_are_its_locals_and_its_stack():
    function = made(0, 0)
    tables = CodeTables(function.__code__)
    depths = states.stack_depths(function.__code__)
    inner = next(jump.target for jump in tables.jumps if jump.target < jump.start and depths[jump.target] == 2)
    rows, row = iter([]), iter([5, 6])
    bound = [tables.own_names.index(name) for name in ("limit", "total", "count", "item")]
    heads = {2 * inner: ("inner", bound[::-1], 2)}
    run = continuation(function, 2 * inner, bound, [True, True], loop_heads=heads, tables=tables)
    assert run(10, 1, 2, 3, rows, row) == ("inner", 5, 2, 3, 10, rows, row)
    assert list(row) == [6]
