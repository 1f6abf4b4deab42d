"""Conditions and order: `run_if`, `after`, and what is skipped; the same on both paths."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

import cascade as cs
from cascade.errors import (
    CycleError,
    DependencyMissingError,
)
from tests.support.recording import heard_from, story
from tests.support.tasks import add, fail, identity, increment, later, one, total


def test_a_true_condition_changes_nothing(run):
    assert run(increment(1).run_if(True)) == 2
    assert run(increment(increment(1).run_if(identity(1)))) == 3


@pytest.mark.parametrize("condition", [False, 0, None, "", [], 0.0])
def test_a_skipped_target_raises(run, condition):
    with pytest.raises(DependencyMissingError) as raised:
        run(increment(1).run_if(condition))
    assert raised.value.reason == "ConditionFalse"
    assert raised.value.task_id == "increment#0"
    with pytest.raises(DependencyMissingError):
        run(increment(1).run_if(identity(condition)))


def test_what_needs_a_skipped_value_is_skipped(path):
    @cs.task
    def unreachable(*args: Any) -> Any:
        raise AssertionError

    skipped = increment(1).run_if(one().run_if(True)).run_if(identity(0))
    ordered = identity("after").after(skipped)
    outcome, events = heard_from(path, [unreachable({"key": [skipped]}), unreachable(ordered), one()])
    assert isinstance(outcome, DependencyMissingError)
    assert story(events) == [
        ("start", "one#0"),
        ("Succeeded", "one#0", "1"),
        ("start", "identity#1"),
        ("Succeeded", "identity#1", "0"),
        ("skipped", "increment#2", "ConditionFalse"),
        ("skipped", "unreachable#6", "UpstreamSkipped_Data"),
        ("skipped", "identity#7", "UpstreamSkipped_Sequence"),
        ("skipped", "unreachable#9", "UpstreamSkipped_Data"),
        ("start", "one#10"),
        ("Succeeded", "one#10", "1"),
    ]


def test_a_skipped_condition_or_amount_skips(path):
    skipped = one().run_if(False)
    outcome, events = heard_from(path, increment(1).run_if(skipped))
    assert story(events)[1:] == [("skipped", "increment#1", "UpstreamSkipped_Data")]
    outcome, events = heard_from(
        path, increment(1).with_constraints(cpu=one().run_if(False)), system_resources={"cpu": 1}
    )
    assert story(events)[1:] == [("skipped", "increment#1", "UpstreamSkipped_Data")]


def test_a_condition_whose_truth_raises_fails_the_node(run):
    class Undecided:
        def __bool__(self) -> bool:
            raise RuntimeError("undecided")

    with pytest.raises(RuntimeError, match="undecided"):
        run(increment(1).run_if(Undecided()))


def test_a_skipped_task_in_a_dynamic_graph_is_missing_there(run):
    @cs.task
    def expand() -> Any:
        return increment(1).run_if(False)

    with pytest.raises(DependencyMissingError):
        run(identity(expand()))


def test_skipping_waits_for_what_is_awaited(run):
    assert run([increment(1).run_if(later(True)), one()]) == [2, 1]
    with pytest.raises(DependencyMissingError):
        run(increment(later(1).run_if(later(False))))


def test_after_orders_without_data(run):
    calls: list[str] = []

    @cs.task
    def note(name: str, *needed: Any) -> str:
        calls.append(name)
        return name

    @cs.task
    async def note_later(name: str) -> str:
        await asyncio.sleep(0.005)
        calls.append(name)
        return name

    first, second = note_later("first"), note("second")
    assert run([note("last", note("argument")).after(first, second), note("free")]) == ["last", "free"]
    assert calls.index("last") > calls.index("first")
    assert calls.index("last") > calls.index("second")


def test_what_comes_before_is_called_before_the_arguments(run):
    calls: list[str] = []

    @cs.task
    def note(name: str, *needed: Any) -> str:
        calls.append(name)
        return name

    run(note("c", note("b")).after(note("a")))
    assert calls == ["a", "b", "c"]


def test_a_failure_before_it_in_order_ends_the_run(run):
    with pytest.raises(ValueError, match="boom"):
        run(one().after(fail("boom")))


def test_order_in_a_circle_is_a_cycle(run):
    first, second = one(), increment(1)
    first.after(second)
    second.after(first)
    with pytest.raises(CycleError, match="task 'one' was made to need 'increment' by after"):
        run(first)


def test_a_condition_in_a_circle_is_a_cycle(run):
    first = one()
    with pytest.raises(CycleError, match="task 'one' was made to need 'increment' by run_if or with_constraints"):
        run(first.run_if(increment(first)))


def test_policies_are_edges_of_the_graph():
    from cascade.graph.build import build_graph

    lazy = add(one(), 1).run_if(identity(True)).after(increment(1)).with_constraints(cpu=total([1]), gpu=1)
    graph = build_graph(lazy)
    kinds = {(graph.label(edge.source).split("#")[0], edge.kind) for edge in graph.edges()}
    assert kinds == {("one", "data"), ("identity", "condition"), ("increment", "order"), ("total", "constraint")}
    again = build_graph(
        add(one(), 2).run_if(identity(True)).after(increment(1)).with_constraints(cpu=total([1]), gpu=1)
    )
    assert again.rows == graph.rows
    assert again.rows[-1][0] is graph.rows[-1][0]
