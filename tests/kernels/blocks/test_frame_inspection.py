"""Which functions have no kernel as they look at frames or references: by what a name means, not by its letters."""

from __future__ import annotations

import builtins
import sys
import types
from typing import Any

import pytest

import cascade as cs
from cascade.kernels.blocks.admission import OF_LIBRARIES, refusal_of


@pytest.fixture(autouse=True)
def without_libraries(monkeypatch: pytest.MonkeyPatch) -> None:
    """Other tests of the process may have imported pandas."""
    for name in OF_LIBRARIES:
        monkeypatch.delitem(sys.modules, name, raising=False)


class Order:
    def __init__(self, id: int) -> None:
        self.id = self.dir = id

    def eval(self) -> int:
        return self.id

    def query(self, text: str) -> str:
        return text


def reads_members(orders: list[Order]) -> int:
    total = 0
    for order in orders:
        total += order.id + order.dir + order.eval()
        order.id = total
    return total


def has_parameters(id: int, vars: int) -> int:
    dir = id
    for i in range(vars):
        dir += i
    return dir


def of_enclosing(id: int) -> Any:
    return lambda values: [id + value for value in values]


def exec(value: int) -> int:
    return value + 1


def calls_own(values: list[int]) -> list[int]:
    return [exec(value) for value in values] + [exec(1)]


def resize(values: list[int]) -> int:
    return len(values)


def calls_own_resize(values: list[int]) -> int:
    return resize(values) + resize(values)


@pytest.mark.parametrize(
    ("function", "make"),
    [
        (reads_members, lambda: ([Order(1), Order(2)],)),
        (has_parameters, lambda: (3, 4)),
        (of_enclosing(7), lambda: ([1, 2],)),
        (calls_own, lambda: ([1, 2],)),
        (calls_own_resize, lambda: ([1, 2],)),
    ],
    ids=["members", "parameters", "closure", "own function", "own resize"],
)
def test_names_that_mean_something_else_are_no_reason(function, make):
    assert refusal_of(function) is None
    program = cs.compile(cs.task(function))
    assert [program(*make()) for _ in range(3)] == [function(*make()) for _ in range(3)]


def of_identity(value: object) -> int:
    return id(value)


def of_module() -> Any:
    return sys._getframe()


def of_imported() -> Any:
    from sys import _getframe

    return _getframe()


def of_builtins() -> Any:
    return builtins.locals()


def of_imported_builtins() -> Any:
    from builtins import locals as own

    return own()


def of_references(value: object) -> int:
    return sys.getrefcount(value)


def of_array(values: Any) -> None:
    values.resize(3)


@pytest.mark.parametrize(
    ("function", "construct", "why"),
    [
        (of_identity, "id", "no identity"),
        (of_module, "sys._getframe", "own variables or frame"),
        (of_imported, "from sys import _getframe", "own variables or frame"),
        (of_builtins, "builtins.locals", "own variables or frame"),
        (of_imported_builtins, "from builtins import locals as own", "own variables or frame"),
        (of_references, "sys.getrefcount", "counts references"),
        (of_array, "values.resize", "counts references"),
    ],
)
def test_a_function_that_looks_is_refused_where_it_does(function, construct, why):
    refusal = refusal_of(function)
    assert refusal is not None
    assert (refusal.code, refusal.construct) == ("CS105", construct)
    first = function.__code__.co_firstlineno
    assert first < refusal.line <= first + 3 and why in refusal.hint


def test_a_name_of_an_enclosing_function_may_be_the_built_in_one():
    def enclosing(locals: Any) -> Any:
        return lambda: locals()

    assert refusal_of(enclosing(builtins.locals)) is not None
    assert refusal_of(enclosing(dict)) is None


def queries(order: Order) -> str:
    limit = "limit"
    return order.query(f"x > @{limit}")


def test_libraries_that_look_for_variables_count_once_they_are_imported(monkeypatch):
    assert refusal_of(queries) is None
    monkeypatch.setitem(sys.modules, "pandas", types.ModuleType("pandas"))
    refusal = refusal_of(queries)
    assert refusal is not None and (refusal.code, refusal.construct) == ("CS105", "order.query")
    assert "may be that of pandas" in refusal.hint
