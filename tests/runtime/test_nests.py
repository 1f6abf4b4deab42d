"""Containers of results: as targets, whose value has their shape, and as what a task returns, which continues with all of them."""

from __future__ import annotations

import asyncio
from collections import OrderedDict, namedtuple
from dataclasses import dataclass
from typing import Any

import pytest

import cascade as cs
from cascade import _vm
from tests.support.recording import events_of

Point = namedtuple("Point", "x y")


@dataclass
class Pair:
    left: Any
    right: Any = None


@cs.task
def add(a: int, b: int = 1) -> int:
    return a + b


@cs.task
def kept(value: Any) -> Any:
    return value


SHAPES: dict[str, Any] = {
    "dict": lambda make: {"x": make(1), "y": make(2)},
    "nested list": lambda make: [[make(1)], make(2)],
    "list with a value": lambda make: [make(1), 5],
    "dict of lists": lambda make: {"x": [make(1), {"z": make(2)}]},
    "set": lambda make: {make(1), make(2)},
    "frozenset": lambda make: frozenset([make(3)]),
    "tuple with a list": lambda make: (make(1), [make(2)]),
    "dataclass": lambda make: Pair(make(1), [make(2)]),
    "named tuple": lambda make: Point(make(1), make(2)),
    "ordered dict": lambda make: OrderedDict(a=make(1)),
    "long list with few": lambda make: [0] * 3000 + [make(1)],
    "key of a dict": lambda make: {make(1): "one"},
}


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES.keys())
def test_the_value_of_a_target_has_its_shape(run, shape):
    value = run(shape(add))
    assert value == shape(lambda n: n + 1)
    assert type(value) is type(shape(add))


def test_the_value_of_a_tuple_of_results_is_a_list(run):
    assert run((add(1), add(2))) == [2, 3]


@pytest.mark.parametrize("empty", [[], {}, {"a": []}, [[], {}]], ids=repr)
def test_a_target_without_anything_in_it_is_its_own_value(run, empty):
    assert run(empty) == empty


def test_a_program_and_json_take_any_nest():
    assert cs.compile({"x": add(1)})() == {"x": 2}
    assert cs.compile(Pair(add(cs.Param("n", type=int))))(n=4) == Pair(5)
    assert cs.run(cs.from_json(cs.to_json({"x": [add(1)]}))) == {"x": [2]}


@pytest.mark.parametrize(
    ("target", "message"),
    [
        (5, "the target is 5, of type int"),
        ("abc", "the target is 'abc'"),
        ([1], r"target\[0\] is 1, of type int, and there is no LazyResult"),
        ({"x": {"y": 3}}, r"target\['x'\]\['y'\] is 3"),
        (Pair(3), r"target\[0\] is 3"),
        (add, r"task 'add' was given where its result is expected"),
        ([add], r"target\[0\] is task 'add'"),
        ([add(1), add], r"target\[1\] is task 'add'"),
    ],
    ids=str,
)
def test_a_target_without_results_is_refused_and_the_place_is_named(run, target, message):
    with pytest.raises(cs.TargetError, match=message):
        run(target)


def test_a_list_that_holds_itself_and_no_result_is_refused():
    circle: list[Any] = []
    circle.append(circle)
    circle.append(1)
    with pytest.raises(cs.TargetError, match="and there is no LazyResult"):
        cs.run(circle)


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES.keys())
def test_a_task_that_returns_a_container_of_results_continues_with_all_of_them(run, shape):
    @cs.task
    def several() -> Any:
        return shape(add)

    assert run(several()) == shape(lambda n: n + 1)
    assert run(kept(several())) == shape(lambda n: n + 1)


@cs.task
def pair_of(n: int) -> Any:
    return [add(n), n]


@cs.task
async def later_pair_of(n: int) -> Any:
    await asyncio.sleep(0)
    return [add(n), n]


@cs.task(mode="blocking")
def pair_in_a_thread(n: int) -> Any:
    return [add(n), n]


@cs.task
def pair_after_a_loop(n: int) -> Any:
    total = 0
    for i in range(n):
        total += i
    return [add(total), total]


@cs.task
def pair_after_tail_calls(n: int, total: int = 0) -> Any:
    return [add(total), total] if n == 0 else pair_after_tail_calls.tail(n - 1, total + n)


@pytest.mark.parametrize("task", [pair_of, later_pair_of, pair_in_a_thread], ids=lambda task: task.name)
def test_every_way_of_calling_continues_with_a_container(run, task):
    wanted = [4, 3]
    assert run(task(3)) == wanted
    assert run(kept(task(3))) == wanted
    assert run(task(3).with_retry(2)) == wanted
    assert run(task(3).with_timeout(60)) == wanted
    assert run(task.map([3, 4])) == [[4, 3], [5, 4]]
    assert run(task.map([3, 4]).with_retry(2)) == [[4, 3], [5, 4]]
    cache = cs.MemoryCache()
    assert run([task(3).with_cache(cache), task(3).with_cache(cache)]) == [wanted, wanted]


def test_typed_code_and_loops_of_tail_calls_continue_with_a_container(run):
    assert run(pair_after_a_loop(50_000)) == [1_249_975_001, 1_249_975_000]
    assert run(pair_after_a_loop.map([10] * 3)) == [[46, 45]] * 3
    assert run(pair_after_tail_calls(3_000)) == [4_501_501, 4_501_500]
    assert cs.compile(pair_of)(3) == [4, 3]


def test_a_container_of_a_workers_results_is_continued_here(run):
    worker = cs.task(pair_of.func, mode="compute")
    assert run(kept(worker(3))) == [4, 3]
    assert run(worker.map([1, 2, 3])) == [[2, 1], [3, 2], [4, 3]]


def test_results_that_are_returned_deep_inside_are_found_and_share_what_they_share(run):
    calls: list[int] = []

    @cs.task
    def counted(n: int) -> int:
        calls.append(n)
        return n

    @cs.task
    def both(n: int) -> Any:
        one = counted(n)
        return {"a": [add(one), [[[[one]]]]]}

    assert run(both(1)) == {"a": [2, [[[[1]]]]]}
    assert calls == [1]


def test_a_failure_in_a_container_is_that_of_its_first_result_in_order(run):
    @cs.task
    def fails(n: int) -> int:
        raise ValueError(n)

    @cs.task
    def several() -> Any:
        return [add(1), fails(2), fails(3)]

    with pytest.raises(ValueError, match="2"):
        run(several())


def test_a_container_without_results_is_a_value_as_it_is(run):
    made = [[1], {"x": 2}]

    @cs.task
    def returns() -> Any:
        return made

    assert run(returns()) is made


def test_a_value_is_not_searched_where_no_result_was_made(path):
    class Watched(list[int]):
        def __iter__(self) -> Any:
            raise AssertionError("it was searched")

    watched = Watched([1, 2])

    @cs.task
    def returns() -> Any:
        return watched

    assert path.run(returns()) is watched
    assert path.run(kept(returns())) is watched
    assert path.run(returns().with_retry(2)) is watched


def test_a_container_costs_no_step_and_its_results_have_events(path):
    events = events_of(path, pair_of(3), max_steps=2)
    finished = [event.task_name for event in events if isinstance(event, cs.TaskExecutionFinished)]
    assert finished == ["pair_of", "add"]


def test_holds_made_looks_only_where_a_result_was_made():
    made = _vm.results_made()
    assert not _vm.holds_made([1], made)
    result = add(1)
    assert _vm.holds_made([result], made)
    assert not _vm.holds_made(result, made)
    assert not _vm.holds_made([result], _vm.results_made())
