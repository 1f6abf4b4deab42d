"""Inputs given at run time: parameters and variables of the environment, the same on both paths."""

from __future__ import annotations

import asyncio
import dataclasses
import datetime
import decimal
import enum
import inspect
import pathlib
import typing
from typing import Any

import pytest

import cascade as cs
from cascade.declare.conversion import Unfit, convert
from cascade.errors import DeclarationError, ParameterError, TargetError
from cascade.graph.build import build_graph
from cascade.runtime import Engine
from tests.support.tasks import add, countdown, identity, increment, later, one, total


@dataclasses.dataclass
class Box:
    content: Any


class Colour(enum.Enum):
    RED = 1
    BLUE = 2


def test_a_parameter_stands_anywhere(run):
    n = cs.Param("n", type=int)
    target = identity([n, {"x": n, "y": [Box(n), (increment(n), 7)]}, {n}])
    assert run(target, params={"n": "4"}) == [4, {"x": 4, "y": [Box(4), (5, 7)]}, {4}]


def test_a_parameter_may_be_the_target_itself(run):
    assert run(cs.Param("n"), params={"n": 5}) == 5
    assert run([cs.Param("n", 1), one()], params={"n": 5}) == [5, 1]


def test_a_value_without_type_is_handed_on_as_it_is(run):
    value = object()
    assert run(identity(cs.Param("x")), params={"x": value}) is value
    assert run(identity(cs.Param("x", value))) is value


def test_parameters_reach_graphs_that_tasks_answer_with(run):
    @cs.task
    def expand(n: int) -> Any:
        return add(cs.Param("n", type=int), cs.Param("other", 10)) if n else 0

    assert run(expand(cs.Param("n", type=int)), params={"n": "3"}) == 13

    @cs.task
    def lost() -> Any:
        return increment(cs.Param("hidden"))

    with pytest.raises(ParameterError, match="parameter 'hidden' is missing"):
        run(lost())


def test_a_parameter_feeds_loops_and_async_tasks(run):
    assert run(countdown(cs.Param("n", type=int)), params={"n": 1000}) == "done"
    assert run(later(cs.Param("n")), params={"n": 3}) == 3


def test_the_environment_is_read_when_the_run_begins(run, monkeypatch):
    target = add(cs.Env("CASCADE_TEST_A", type=int), cs.Env("CASCADE_TEST_B", default=1))
    monkeypatch.delenv("CASCADE_TEST_B", raising=False)
    monkeypatch.setenv("CASCADE_TEST_A", "41")
    assert run(target) == 42
    monkeypatch.setenv("CASCADE_TEST_A", "1")
    assert run(target) == 2
    monkeypatch.delenv("CASCADE_TEST_A")
    with pytest.raises(ParameterError, match="environment variable 'CASCADE_TEST_A' is missing") as raised:
        run(target)
    assert raised.value.name == "CASCADE_TEST_A"
    monkeypatch.setenv("CASCADE_TEST_A", "many")
    with pytest.raises(ParameterError, match="'many': it is not a whole number"):
        run(target)


def test_a_missing_parameter_is_named_before_anything_runs(run):
    called = []
    note = cs.task(lambda: called.append(1))
    target = identity([note(), cs.Param("rounds", type=int, description="how often")])
    with pytest.raises(ParameterError) as raised:
        run(target)
    assert raised.value.name == "rounds"
    assert str(raised.value).startswith(
        "parameter 'rounds' is missing\n  expected: rounds: int  how often\n  hint: give it"
    )
    assert isinstance(raised.value, TypeError) and isinstance(raised.value, ValueError)
    assert called == []


@pytest.mark.parametrize(
    ("target", "params", "message"),
    [
        (lambda: identity(cs.Param("rounds", 1)), {"round": 3}, "did you mean 'rounds'"),
        (lambda: identity(cs.Param("rounds", 1)), {"zzz": 3}, "expected: one of 'rounds'"),
        (lambda: one(), {"x": 3}, "the target has none"),
        (lambda: identity(cs.Param("n", type=int)), {"n": "x"}, "parameter 'n' is 'x': it is not a whole number"),
        (lambda: identity(cs.Param("n")), {"n": [one()]}, "was given a LazyResult"),
        (lambda: identity(cs.Param("n")), ["n"], "a mapping of names"),
        (lambda: identity(cs.Param("n")), {1: 2}, "has the key 1"),
        (lambda: [identity(cs.Param("n", 1)), identity(cs.Param("n", 2))], {}, "declared twice in this run"),
        (lambda: [identity(cs.Param("n", 1)), identity(cs.Param("n", True))], {}, "declared twice in this run"),
    ],
)
def test_wrong_parameters_are_refused(run, target, params, message):
    with pytest.raises(ParameterError, match=message):
        run(target(), params=params)


def test_equal_declarations_are_one(run):
    target = [identity(cs.Param("n", 1, description="a")), identity(cs.Param("n", 1))]
    assert run(target, params={"n": 3}) == [3, 3]


@pytest.mark.parametrize(
    ("declare", "message"),
    [
        (lambda: cs.Param(""), "written as a keyword"),
        (lambda: cs.Param("a-b"), "written as a keyword"),
        (lambda: cs.Param("class"), "written as a keyword"),
        (lambda: cs.Param(5), "written as a keyword"),
        (lambda: cs.Param("n", type=5), "type=5 is not a type"),
        (lambda: cs.Param("n", default=[one()]), "default is a LazyResult"),
        (lambda: cs.Param("n", description=5), "description=5"),
        (lambda: cs.Env("a=b"), "name of an environment variable"),
        (lambda: cs.Param("x", "abc", type=int), "the default 'abc' does not fit int: it is not a whole number"),
        (lambda: cs.Param("x", 1.5, type=int), "the default 1.5 does not fit int"),
        (lambda: cs.Env("X", object(), type=str), "does not fit str"),
        (lambda: cs.Param("x", "soon", type=datetime.date), "the default 'soon' does not fit date"),
    ],
)
def test_wrong_declarations_are_refused(declare, message):
    with pytest.raises(DeclarationError, match=message):
        declare()


def test_a_default_that_fits_stays_as_it_is(run):
    for default, kind in (
        (None, int),
        ("12", int),
        (3, float),
        (3, str),
        (True, bool),
        ((), list[int]),
        ("x", lambda text: text + "!"),
    ):
        assert run(identity(cs.Param("x", default, type=kind))) is default


def test_a_parameter_has_no_truth_value():
    with pytest.raises(TypeError, match="no truth value"):
        bool(cs.Param("n"))


def test_parameters_are_inputs_of_the_graph_and_call_nothing(run):
    target = add(cs.Param("a"), cs.Param("b"))
    assert len(build_graph(target)) == 1
    assert run(target, params={"a": 1, "b": 2}, max_steps=1) == 3
    code = [cs.compile(t).blueprint.words for t in (target, add(1, 2))]
    assert code[0] == code[1]


def test_runs_at_once_have_parameters_of_their_own(path):
    engine = Engine()
    target = increment(later(cs.Param("n"), 0.001))

    async def main() -> list[int]:
        runs = (engine.run(target, params={"n": n}, use_vm=path.use_vm) for n in range(20))
        return await asyncio.gather(*runs)

    assert asyncio.run(main()) == list(range(1, 21))


# -- Programs ---------------------------------------------------------------------------------------------------------


def test_a_program_takes_the_parameters_of_its_target():
    program = cs.compile(add(cs.Param("a", type=int), increment(cs.Param("b", 1, type=int, description="the other"))))
    assert str(inspect.signature(program)) == "(*, a: int, b: int = 1)"
    assert [each.describe() for each in program.parameters] == ["a: int", "b: int = 1  the other"]
    assert "b: int = 1  the other" in str(program.__doc__)
    assert [program(a=1), program(a="5", b=2)] == [3, 8]
    assert asyncio.run(program.arun(a=1)) == 3
    with pytest.raises(ParameterError, match="'a' is missing"):
        program()
    with pytest.raises(ParameterError, match="no parameter 'c'"):
        program(a=1, c=2)
    with pytest.raises(TypeError, match="by name, 1 were given by position"):
        program(1)


def test_a_program_of_a_task_has_its_signature():
    assert str(inspect.signature(cs.compile(total))) == "(parts: 'Any', scale: 'int' = 1) -> 'Any'"
    assert str(inspect.signature(cs.compile(one()))) == "()"
    assert cs.compile(one()).parameters == ()
    assert inspect.signature(cs.Program)
    with pytest.raises(AttributeError, match="nothing"):
        cs.compile(one()).nothing


def test_a_program_reads_the_environment_at_each_call(monkeypatch):
    program = cs.compile(identity(cs.Env("CASCADE_TEST_A")))
    assert str(inspect.signature(program)) == "()"
    for value in ("x", "y"):
        monkeypatch.setenv("CASCADE_TEST_A", value)
        assert program() == value


def test_a_program_with_parameters_awaits_where_it_must():
    program = cs.compile(add(later(cs.Param("a")), 1))
    assert program(a=1) == 2

    async def main() -> list[int]:
        return await asyncio.gather(*(program.arun(a=n) for n in range(5)))

    assert asyncio.run(main()) == [1, 2, 3, 4, 5]


def test_a_program_may_be_given_parameters_inside_arguments():
    assert cs.compile(increment)(cs.Param("n", 5)) == 6


def test_a_program_answers_for_graphs_it_did_not_see():
    @cs.task
    def expand() -> Any:
        return increment(cs.Param("n", 1))

    with pytest.raises(TargetError, match="answered with a graph that takes inputs"):
        cs.compile(expand())()
    assert cs.compile(add(expand(), cs.Param("n", 1)))(n=5) == 11


# -- Conversion -------------------------------------------------------------------------------------------------------

big = 2**53 + 1


@pytest.mark.parametrize(
    ("value", "kind", "expected"),
    [
        ("12", int, 12),
        (" -7 ", int, -7),
        (3.0, int, 3),
        (True, int, 1),
        (10**30, int, 10**30),
        ("1e3", float, 1000.0),
        (3, float, 3.0),
        ("no", bool, False),
        ("TRUE", bool, True),
        (1, bool, True),
        (5, str, "5"),
        (pathlib.Path("a"), str, "a"),
        ("a/b", pathlib.Path, pathlib.Path("a/b")),
        ("é", bytes, "é".encode()),
        ("1.10", decimal.Decimal, decimal.Decimal("1.10")),
        ("2026-01-02", datetime.date, datetime.date(2026, 1, 2)),
        ("RED", Colour, Colour.RED),
        ("2", Colour, Colour.BLUE),
        (Colour.RED, Colour, Colour.RED),
        ("fast", typing.Literal["fast", "slow"], "fast"),
        ("2", typing.Literal[1, 2], 2),
        ("5", int | None, 5),
        ("none", int | None, None),
        (None, typing.Optional[int], None),
        ("x", int | str, "x"),
        ("5", int | str, "5"),
        (5, float | int, 5),
        ("[1, 2]", list[int], [1, 2]),
        ((1, "2"), list[int], [1, 2]),
        (range(3), tuple[int, ...], (0, 1, 2)),
        ('[1, "x"]', tuple[int, str], (1, "x")),
        ('{"a": "1"}', dict[str, int], {"a": 1}),
        ("[1, 1]", set[int], {1}),
        ("[[1], []]", list[list[float]], [[1.0], []]),
        ("5", typing.Annotated[int, "a note"], 5),
        ("x", typing.Any, "x"),
        ("abc", len, 3),
        ([1], list, [1]),
        ("[1]", typing.Sequence[int], [1]),
    ],
)
def test_values_are_converted(value, kind, expected):
    result = convert(value, kind)
    assert result == expected and type(result) is type(expected)


@pytest.mark.parametrize(
    ("value", "kind", "message"),
    [
        (3.5, int, "not a whole number"),
        ("3.0", int, "not a whole number"),
        (None, int, "NoneType"),
        (float("nan"), int, "not a whole number"),
        (big, float, "cannot hold it exactly"),
        (10**400, float, "too large"),
        ("x", float, "not a number"),
        ("maybe", bool, "none of true"),
        (2, bool, "neither true nor false"),
        (None, str, "not text"),
        ([], str, "not text"),
        ("GREEN", Colour, "none of RED, BLUE"),
        ("x", typing.Literal["fast"], "none of 'fast'"),
        ("x", int | None, "fits none of"),
        ("[1", list[int], "not JSON"),
        ("[NaN]", list[float], "not JSON"),
        ("[" * 100_000, list[int], "too deep|no JSON"),
        ('[1, "x"]', list[int], r"\[1\] is 'x'"),
        ("[1]", tuple[int, int], "1 items, not 2"),
        ("[1]", dict[str, int], "not a mapping"),
        (5, list[int], "does not fit list"),
        (b"ab", list[int], "does not fit list"),
        ({"a": "x"}, dict[str, int], r"\['a'\] is 'x'"),
        ("x", decimal.Decimal, "Decimal refuses it: InvalidOperation"),
        ("2026-13-01", datetime.date, "month must be"),
        (datetime.datetime(2026, 1, 1), datetime.date, "does not fit date"),
    ],
)
def test_values_that_do_not_fit_are_refused(value, kind, message):
    with pytest.raises(Unfit, match=message):
        convert(value, kind)


def test_a_value_that_fits_already_is_the_same_object():
    path = pathlib.Path("x")
    values: list[Any] = [path, [1], {"a": 1}]
    assert all(convert(value, type(value)) is value for value in values)
