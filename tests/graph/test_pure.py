"""Equal calls of a pure task in one graph are one node; calls of other tasks never are."""

from __future__ import annotations

import io
from typing import Any

import pytest

import cascade as cs
from cascade.graph.build import build_graph
from tests.support.tasks import total

CALLS: list[Any] = []


@pytest.fixture(autouse=True)
def no_calls():
    CALLS.clear()


@cs.task(pure=True)
def pure(x, *rest, **named):
    CALLS.append(x)
    return [x]


@cs.task
def impure(x):
    CALLS.append(x)
    return [x]


@cs.task(pure=True)
async def later(x, *rest, **named):
    CALLS.append(x)
    return [x]


@cs.task
def gather(*parts):
    return list(parts)


@cs.task
def second(x):
    return [x]


ARRAY = [1, 2]

EQUAL = [
    ((1,), {}), (("text",), {}), ((b"bytes",), {}), ((2.5,), {}), ((float("nan"),), {}), ((None,), {}), ((10**40,), {}), ((ARRAY,), {}),
    (((1, ("a", 2.0)),), {}), ((1, 2, 3), {}), ((len,), {}), ((1,), {"key": (2, "a")}),
]  # fmt: skip
DIFFERENT = [
    (1, True), (1, 1.0), (0.0, -0.0), ("1", b"1"), ((1,), (True,)), ((0.0,), (-0.0,)), ([1], [1]), ({"a": 1}, {"a": 1}), (1, 2), (0j, -0j),
]  # fmt: skip


@pytest.mark.parametrize("task", [pure, later])
@pytest.mark.parametrize(("args", "kwargs"), EQUAL)
def test_calls_with_equal_constants_are_one_node(run, task, args, kwargs):
    one, other = run(gather(task(*args, **kwargs), task(*args, **kwargs)))
    assert one is other and len(CALLS) == 1


@pytest.mark.parametrize(("one", "other"), DIFFERENT)
def test_constants_that_can_be_told_apart_make_different_calls(run, one, other):
    assert repr(run([pure(one), pure(other)])) == repr([[one], [other]])
    assert len(CALLS) == 2


def test_calls_of_other_tasks_are_made_each(run):
    one, other = run([impure(1), impure(1)])
    assert one == other and one is not other and CALLS == [1, 1]


def test_the_value_of_a_list_repeats_the_one_result(run):
    one, other, third = run([pure(1), pure(1), pure(2)])
    assert one is other and third == [2] and CALLS == [1, 2]


def test_calls_with_the_very_same_results_are_one_node(run):
    shared, alike = impure(1), impure(1)
    same, again, different = run(gather(pure(shared), pure(shared), pure(alike)))
    assert same is again and different is not same
    assert len(CALLS) == 4


def test_calls_of_equal_calls_are_equal_also_inside_containers(run):
    left = pure([pure(1), (pure(2), {"key": pure(3)})])
    right = pure([pure(1), (pure(2), {"key": pure(3)})])
    assert run(gather(left, right))[0] == [[[1], ([2], {"key": [3]})]]
    assert len(CALLS) == 4


def test_containers_stay_objects_of_their_own(run):
    one, other = run(gather([pure(1)], [pure(1)]))
    assert one == other and one is not other and one[0] is other[0]


def test_policies_are_part_of_the_call(run):
    results = run([pure(1).with_retry(2), pure(1).with_retry(2), pure(1).with_retry(3), pure(1)])
    assert len(CALLS) == 3 and results[0] is results[1]


def test_conditions_and_order_are_part_of_the_call(run):
    first = impure(0)
    results = run(gather(*(pure(1).after(first) for _ in range(2)), pure(1).run_if(first), pure(1)))
    assert results == [[1]] * 4 and len(CALLS) == 4


def test_equal_maps_are_one_node(run):
    items = [1, 2]
    one, other = run(gather(pure.map(items), pure.map(items)))
    assert one is other and CALLS == [1, 2]
    run([pure.map([1, 2]), pure.map([1, 2])])
    assert len(CALLS) == 6


def test_parameters_are_equal_to_themselves_only(run):
    n, other = cs.Param("n", type=int), cs.Param("m", type=int)
    target = gather(pure(n), pure(n), pure(other), impure(n))
    assert run(target, params={"n": "4", "m": 4}) == [[4], [4], [4], [4]]
    assert CALLS == [4, 4, 4]
    assert cs.compile(target)(n=5, m=6) == [[5], [5], [6], [5]]


def test_a_graph_that_a_task_returns_has_its_own_nodes(run):
    @cs.task
    def start(n):
        return gather(pure(n), pure(n), pure(n + 1))

    assert run([start(1), start(5)]) == [[[1], [1], [2]], [[5], [5], [6]]]
    assert sorted(CALLS) == [1, 2, 5, 6]


def test_shapes_of_merged_graphs_are_not_mixed_up(run):
    for _ in range(3):
        assert run(gather(pure(1), pure(1))) == [[1], [1]]
        assert run(gather(pure(1), pure(2))) == [[1], [2]]
        shared = pure(3)
        assert run(gather(shared, shared)) == [[3], [3]]


def test_routes_and_resources_are_still_found(run):
    @cs.resource(scope="run")
    def base():
        yield 10

    @cs.task(pure=True)
    def use(x, base=cs.inject("base")):
        CALLS.append(x)
        return x + base

    shared = pure(1)
    route = cs.Router(second("b").with_retry(2), {"['b']": gather(pure(2), pure(2), shared), "c": pure(3)})
    with pytest.raises(LookupError):
        run(gather(route, shared))
    choose = cs.task(lambda: "b")
    target = gather(cs.Router(choose(), {"b": gather(pure(2), pure(2), shared), "c": pure(3)}), pure(1), shared)
    for _ in range(3):
        CALLS.clear()
        assert run(target) == [[[2], [2], [1]], [1], [1]]
        assert sorted(CALLS) == [1, 2]
    engine = cs.Engine(resources=[base])
    CALLS.clear()
    injected = cs.compile(total([use(1), use(1), use(2)]), resources=[base])
    assert injected() == 34
    assert len(CALLS) == 2
    assert engine.run_now(total([use(1), use(1)])) == 22


def test_events_tell_of_one_node(run):
    events: list[cs.Event] = []
    run(gather(pure(1), pure(1), impure(1), impure(1)), observers=[events.append])
    started = [event.task_name for event in events if isinstance(event, cs.TaskExecutionStarted)]
    assert started == ["pure", "impure", "impure", "gather"]
    assert next(event for event in events if isinstance(event, cs.RunStarted)).tasks == 4


def test_plans_drawings_and_json_show_one_node():
    target = gather(pure(1), pure(1))
    graph = build_graph(target)
    assert [row[0].name for row in graph.rows if row[0].name != "tuple"] == ["pure", "gather"]
    plan = io.StringIO()
    cs.dry_run(target, file=plan)
    assert "2 tasks in 2 stages" in plan.getvalue()
    text = cs.to_json(target)
    assert cs.to_json(cs.from_json(text)) == text
    assert cs.run(cs.from_json(text)) == [[1], [1]]
