"""Results that compose: operators over results are nodes, and other uses of a result as a value are errors that say what to write."""

from __future__ import annotations

import asyncio
import math
import operator
import pickle
from typing import Any

import numpy as np
import pandas as pd
import pytest

import cascade as cs
from cascade.declare.operators import FUNCTIONS
from tests.support.recording import events_of


@cs.task
def given(value: Any) -> Any:
    return value


@cs.task
def listed(count: int) -> list[int]:
    return list(range(count))


BINARY = [
    operator.add, operator.sub, operator.mul, operator.truediv, operator.floordiv, operator.mod, operator.pow, operator.lshift,
    operator.rshift, operator.and_, operator.or_, operator.xor, operator.lt, operator.le, operator.gt, operator.ge, divmod,
]  # fmt: skip
UNARY = [operator.neg, operator.pos, operator.invert, abs, round]


@pytest.mark.parametrize("function", BINARY, ids=lambda function: function.__name__)
def test_a_binary_operator_has_the_value_of_plain_python_with_a_result_on_either_side(run, function):
    for left, right in ((7, 2), (-7, 3), (True, 5), (0, 1)):
        wanted = function(left, right)
        assert run(function(given(left), right)) == wanted
        assert run(function(left, given(right))) == wanted
        assert run(function(given(left), given(right))) == wanted


@pytest.mark.parametrize("function", UNARY, ids=lambda function: function.__name__)
def test_a_unary_operator_has_the_value_of_plain_python(run, function):
    for value in (5, -3, 2**70):
        assert run(function(given(value))) == function(value)
    assert run(round(given(1.25), 1)) == round(1.25, 1)
    assert run(pow(given(3), 4, given(5))) == pow(3, 4, 5)


def test_items_are_taken_by_keys_slices_and_results(run):
    assert run(listed(5)[2]) == 2
    assert run(listed(5)[1:3]) == [1, 2]
    assert run(listed(5)[given(1) : given(4) : 2]) == [1, 3]
    assert run(given({"a": 1})[given("a")]) == 1
    assert run(given(np.eye(3))[given(1), given(0) :]).tolist() == [0, 1, 0]


def test_arrays_and_tables_leave_the_operator_to_the_result(run):
    assert run(np.array([1, 2]) + given(1)).tolist() == [2, 3]
    assert run(np.eye(2) @ given(np.array([1.0, 2.0]))).tolist() == [1, 2]
    assert run(np.float64(2) * given(3)) == 6
    assert run(pd.Series([1, 2]) * given(2)).tolist() == [2, 4]


def test_a_wrong_operand_raises_the_error_of_plain_python_and_names_the_node(run):
    with pytest.raises(TypeError) as found:
        run(given(1) + "x")
    with pytest.raises(TypeError) as plain:
        1 + "x"  # type: ignore[operator]
    assert str(found.value) == str(plain.value)
    assert any("'+'" in note for note in found.value.__notes__)
    with pytest.raises(IndexError, match="list index out of range"):
        run(listed(2)[5])


def test_the_values_of_users_classes_decide_what_an_operator_does(run):
    class Money:
        def __init__(self, cents: int) -> None:
            self.cents = cents

        def __add__(self, other: Any) -> Money:
            return Money(self.cents + getattr(other, "cents", other))

        def __radd__(self, other: Any) -> Money:
            return Money(1000 + other)

    assert run(given(Money(5)) + given(Money(6))).cents == 11
    assert run(1 + given(Money(5))).cents == 1001


def test_operators_compose_and_take_policies(run):
    total = (given(2) * 3 + listed(4)[3]).with_retry(2)
    assert run(total) == 9
    assert run([given(1) < 2, -given(1)]) == [True, -1]
    assert run(given("later").run_if(given(2) > 1)) == "later"
    assert run(cs.Router(given(3) % 2, {0: given("even"), 1: given("odd")})) == "odd"


def test_a_node_is_named_by_its_operator_in_events_drawings_plans_and_explanations(path, capsys):
    events = events_of(path, given(1) + 1)
    assert "+" in [event.task_name for event in events if isinstance(event, cs.TaskExecutionFinished)]
    assert "#43;" in cs.visualize(given(1) + 1, format="mermaid")
    cs.dry_run(listed(3)[1])
    assert "[]#1(a=listed#0, b=1)" in capsys.readouterr().out
    assert "+" in str(cs.explain(given(1) + 1))


def test_operators_are_written_as_json_and_read_again():
    target = {"sum": given(1) + 2, "part": listed(5)[1:3], "least": -given(1)}
    assert cs.run(cs.from_json(cs.to_json(target))) == {"sum": 3, "part": [1, 2], "least": -1}
    with pytest.raises(cs.SerializationError, match="operator 'exec'"):
        cs.from_json(cs.to_json(given(1) + 2).replace('"+"', '"exec"'))


def test_a_pickle_of_an_operator_is_one():
    for name in FUNCTIONS:
        assert pickle.loads(pickle.dumps(given(2) + 3)).task.name == "+", name
    assert cs.run(pickle.loads(pickle.dumps(given(2) + 3))) == 5


def test_an_operator_in_a_task_is_a_node_that_the_task_may_return(run):
    @cs.task
    def doubled(x: int) -> Any:
        return given(x) * 2

    assert run(doubled(4)) == 8
    assert run(doubled(4) + 1) == 9


def test_await_runs_a_result():
    async def main() -> Any:
        return await given(1), await (given(1) + 1)

    assert asyncio.run(main()) == (1, 2)


def test_a_coroutine_task_may_await_another_tasks_result(run):
    @cs.task
    async def outer(x: int) -> Any:
        return await given(x) + 1

    assert run(outer(4)) == 5


USES = {
    "compared by ==": lambda result: result == 2,
    "compared by !=": lambda result: result != 2,
    "compared by == in a list": lambda result: result in [1, 2],
    "truth": bool,
    "not": operator.not_,
    "len": len,
    "iter": list,
    "unpack": lambda result: [*result],
    "in": lambda result: 1 in result,
    "reversed": reversed,
    "int": int,
    "float": float,
    "complex": complex,
    "index": lambda result: [1, 2][result],
    "range": range,
    "format": lambda result: f"{result:.2f}",
    "floor": math.floor,
    "set item": lambda result: operator.setitem(result, 0, 1),
    "delete item": lambda result: operator.delitem(result, 0),
    "attribute": lambda result: result.append,
}


@pytest.mark.parametrize("use", USES.values(), ids=USES.keys())
@pytest.mark.parametrize("result", [given(1), given(1) + 1, cs.Param("n", type=int)], ids=["call", "operator", "input"])
def test_another_use_as_a_value_is_an_error_that_says_what_to_write(use, result):
    with pytest.raises(cs.NotRunError, match=r"is not known yet") as found:
        use(result)
    assert isinstance(found.value, TypeError)
    assert "cs.run(result)" in (found.value.hint or "")


def test_the_error_inside_of_a_task_says_that_calls_are_lazy_there_and_names_the_three_ways(run):
    @cs.task
    def decides(x: int) -> str:
        return "more" if given(x) > 1 else "less"

    with pytest.raises(cs.NotRunError) as found:
        run(decides(1))
    assert "a call of a task is lazy" in str(found.value)
    for way in ("return other_task(result, ...)", "this_task.func(...)", "cs.run(result)"):
        assert way in str(found.value)


def test_hints_fit_the_use():
    with pytest.raises(cs.NotRunError, match=r"task\.map\(result\)"):
        list(listed(3))
    with pytest.raises(cs.NotRunError, match=r"run_if\(condition\) or cs\.Router"):
        bool(listed(3))
    with pytest.raises(cs.NotRunError, match=r"cs\.run\(result\)\.append"):
        listed(3).append  # noqa: B018


def test_a_result_is_equal_to_itself_and_hashable():
    result, other = given(1), given(1)
    assert result == result
    assert not result != result
    assert {result: 1}[result] == 1
    assert len({result, other, result}) == 2


def test_the_representation_says_that_it_was_not_run():
    assert f"{given(1)}" == repr(given(1)) == "<LazyResult of given, not run yet: cs.run(...)>"
    with pytest.raises((ValueError, TypeError), match=r"cs\.run") as found:
        asyncio.run(given(1))
    assert "not run yet" in str(found.value)


def test_names_that_objects_are_asked_for_are_no_errors():
    result = given(1)
    assert not hasattr(result, "__array_interface__")
    assert not hasattr(result, "keys")
    assert getattr(result, "items", None) is None
    assert np.array([result, given(2)], dtype=object).shape == (2,)
    assert "append" not in dir(result)
    assert "with_retry" in dir(result)
