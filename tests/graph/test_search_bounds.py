"""Where results are looked for: everywhere in what is declared, among the first things of what is handed on."""

from __future__ import annotations

import asyncio
import dataclasses
import sqlite3
import subprocess
import sys
import threading
from typing import Any

import pytest

import cascade as cs
from cascade.graph.build import THINGS, TooManyRows, build_graph, flatten
from tests.support.tasks import identity, one

EARLIER = one()
FAR = [*range(100), EARLIER]
looked: list[Any] = []


@dataclasses.dataclass
class Item:
    """An item of a list that notes that it is looked at."""

    value: int

    def __getattribute__(self, name: str) -> Any:
        looked.append(name)
        return object.__getattribute__(self, name)


def items_that_count(count: int = 1000) -> list[Item]:
    return [Item(number) for number in range(count)]


@dataclasses.dataclass
class Node:
    value: int
    next: Any

    def __getattribute__(self, name: str) -> Any:
        looked.append(name)
        return object.__getattribute__(self, name)


def chain_of(count: int) -> Any:
    node = None
    for number in range(count):
        node = Node(number, node)
    return node


def looks_of(action: Any) -> int:
    looked.clear()
    action()
    return len(looked)


@cs.task
def sum_by_tail(node: Any, total: int) -> Any:
    return total if node is None else sum_by_tail.tail(node.next, total + node.value)


@cs.task
def sum_by_return(node: Any, total: int) -> Any:
    return total if node is None else sum_by_return(node.next, total + node.value)


@cs.task
def count_by_return(items: Any, n: int) -> Any:
    return n if n == 0 else count_by_return(items, n - 1)


@cs.task
def even(items: Any, n: int) -> Any:
    return True if n == 0 else odd.tail(items, n - 1)


@cs.task
def odd(items: Any, n: int) -> Any:
    return False if n == 0 else even.tail(items, n - 1)


@cs.task
def first_state(data: Any) -> Any:
    return cs.Jump("again", data=(data[0] - 1, data[1])) if data[0] else cs.Jump("end", data=data[1])


def states(data: Any) -> Any:
    state = first_state(data)
    return cs.bind(state, cs.select_jump({"again": state, "end": None}))


@cs.task
def size(items: Any) -> int:
    return len(items)


@pytest.mark.parametrize("task", [sum_by_tail, sum_by_return])
def test_a_step_down_a_chain_of_dataclasses_costs_the_same_for_any_length(run, task):
    looks = {count: looks_of(lambda count=count: run(task(chain_of(count), 0))) for count in (100, 200, 400)}
    assert looks[400] - looks[200] == 2 * (looks[200] - looks[100])


@pytest.mark.parametrize("task", [count_by_return, even, odd])
def test_a_large_list_is_not_searched_at_each_step(run, task):
    items = items_that_count()
    looks = {count: looks_of(lambda count=count: run(task(items, count))) for count in (10, 20)}
    assert looks[20] - looks[10] <= 10 * 20


def test_the_data_of_a_jump_is_not_searched_whole(run):
    items = items_that_count()
    looks = {count: looks_of(lambda count=count: run(states((count, items)))) for count in (10, 20)}
    assert looks[20] - looks[10] <= 10 * 20


def test_what_a_program_is_given_is_not_searched_whole():
    program = cs.compile(size)
    assert looks_of(lambda: program(items_that_count())) <= 20


def test_parameters_are_not_searched_whole(run):
    target = size(cs.Param("items"))
    assert looks_of(lambda: run(target, params={"items": items_that_count()})) <= 20
    assert looks_of(lambda: cs.compile(target)(items=items_that_count())) <= 20


@pytest.mark.parametrize("make", [size, lambda items: identity(size(items)), lambda items: identity.map([items])])
def test_a_target_that_is_run_again_is_not_searched_again(run, make):
    target = make(items_that_count())
    run(target)
    assert looks_of(lambda: run(target)) <= 40


@pytest.mark.parametrize(
    "make", [list, tuple, lambda items: dict(enumerate(items)), lambda items: {"x": [items, items]}]
)
def test_a_long_container_with_few_results_is_copied_with_their_values(run, make):
    first, second = one(), identity([one()])
    given = make([*range(3000), first, *range(3000), (5, second), second])
    expected = make([*range(3000), 1, *range(3000), (5, [1]), [1]])
    value = run(identity(given))
    assert value == expected
    assert type(value) is type(expected)
    assert list(value) == list(expected)
    assert run(identity(given)) is not value


class Named:
    """A key whose hash changes with its name."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __hash__(self) -> int:
        return hash(self.name)


@pytest.mark.parametrize("length", [3, 2000])
@pytest.mark.parametrize("is_renamed_between_runs", [False, True])
def test_a_result_by_a_key_whose_hash_has_changed_is_computed(run, length, is_renamed_between_runs):
    key = Named("first")
    target = identity({**dict.fromkeys(range(length)), key: one()})
    if is_renamed_between_runs:
        assert run(target)[key] == 1
    key.name = "second"
    value = run(target)
    assert len(value) == length + 1
    assert value[key] == 1


@pytest.mark.parametrize("key", [-1, "key", (-1, "key"), None, float("nan")])
def test_the_results_of_a_long_dict_keep_their_keys_and_places(run, key):
    table = {**dict.fromkeys(range(1000)), key: one(), **dict.fromkeys(range(1000, 2000))}
    value = run(identity(table))
    assert [*map(id, value)] == [*map(id, table)]
    assert [*value.values()] == [None] * 1000 + [1] + [None] * 1000


def test_a_long_container_is_that_of_its_compilation():
    items: list[Any] = [*range(2000), one()]
    program = cs.compile(size(items))
    del items[:]
    assert program() == 2001
    assert program() == 2001


def test_a_graph_to_be_looked_at_has_all_parts_of_a_long_container():
    graph = build_graph(identity([*range(2000), one()]))
    assert len(graph.inputs) == 2000


def test_a_target_that_is_run_again_is_searched_if_a_result_was_made_meanwhile(run):
    items = [*range(1000)]
    target = identity(items)
    assert run(target) == items
    items.append(one())
    assert run(target) == [*range(1000), 1]
    assert run(target) == [*range(1000), 1]


def test_a_target_of_which_one_argument_holds_results_is_searched_again_and_again(run):
    @cs.task
    def both(left: Any, right: Any) -> Any:
        return left, right

    target = both([*range(100)], FAR)
    for _ in range(3):
        assert run(target) == ([*range(100)], [*range(100), 1])


def hands_on_by_tail(value: Any) -> Any:
    return identity.tail(value)


def hands_on_by_return(value: Any) -> Any:
    return identity(value)


def hands_on_by_jump(value: Any) -> Any:
    return cs.Jump("end", data=value)


def run_handing_on(run: Any, hands_on: Any, make: Any) -> Any:
    @cs.task
    def begin(n: int) -> Any:
        return hands_on(make())

    target = begin(1)
    if hands_on is hands_on_by_jump:
        target = cs.bind(target, cs.select_jump({"end": None}))
    return run(target)


HANDING_ON = [hands_on_by_tail, hands_on_by_return, hands_on_by_jump]


@pytest.mark.parametrize("hands_on", HANDING_ON)
@pytest.mark.parametrize(
    ("make", "expected"),
    [
        (lambda: EARLIER, 1),
        (lambda: [EARLIER], [1]),
        (lambda: {"data": [*range(1000)], "result": EARLIER}, {"data": [*range(1000)], "result": 1}),
        (lambda: ([0], (0, [EARLIER])), ([0], (0, [1]))),
    ],
)
def test_a_result_that_was_made_earlier_is_found_among_the_first_things(run, hands_on, make, expected):
    assert run_handing_on(run, hands_on, make) == expected


@pytest.mark.parametrize("hands_on", HANDING_ON)
def test_a_result_that_was_made_meanwhile_is_found_anywhere(run, hands_on):
    assert run_handing_on(run, hands_on, lambda: [*range(100), {"x": [one()]}]) == [*range(100), {"x": [1]}]


@pytest.mark.parametrize("hands_on", HANDING_ON)
def test_a_result_that_was_made_earlier_and_stands_far_inside_is_data(run, hands_on):
    @cs.task
    def kind_of_last(value: Any) -> str:
        return type(value[-1]).__name__

    if hands_on is not hands_on_by_jump:
        hands_on = {hands_on_by_tail: kind_of_last.tail, hands_on_by_return: kind_of_last}[hands_on]
        assert run_handing_on(run, hands_on, lambda: FAR) == "LazyResult"
    else:
        assert run_handing_on(run, hands_on, lambda: FAR)[-1] is EARLIER


def test_what_is_declared_is_searched_anywhere(run):
    assert run(identity(FAR)) == [*range(100), 1]
    assert run(identity.map(FAR)) == [*range(100), 1]

    @cs.task
    def declares() -> Any:
        return identity(identity(FAR))

    assert run(declares()) == [*range(100), 1]

    @cs.task
    def maps() -> Any:
        return identity.map(FAR)

    assert run(maps()) == [*range(100), 1]


def test_a_program_computes_results_among_the_first_things_of_its_arguments():
    program = cs.compile(identity)
    assert program(EARLIER) == 1
    assert program([EARLIER, one()]) == [1, 1]
    assert program(FAR)[-1] is EARLIER


@cs.task
def gathers(*args: Any, **kwargs: Any) -> Any:
    return args[-1], kwargs.get("last")


@pytest.mark.parametrize("make", [gathers, gathers.tail])
def test_each_item_of_gathered_arguments_is_an_argument(run, make):
    @cs.task
    def by_position(n: int) -> Any:
        return make(*range(100), EARLIER)

    @cs.task
    def by_name(n: int) -> Any:
        return make(0, **{f"n{number}": number for number in range(100)}, last=[EARLIER])

    assert run(by_position(1)) == (1, None)
    assert run(by_name(1)) == (0, [1])


@cs.task
def gathers_more(x: Any, y: Any = 0, *more: Any, **named: Any) -> Any:
    return x, y, more, named


MAPS = [
    (lambda: gathers_more.map([1, 2]), [(1, 0, (), {}), (2, 0, (), {})]),
    (lambda: gathers_more.map([1, 2], (3, 4), [5, 6], [7, 8]), [(1, 3, (5, 7), {}), (2, 4, (6, 8), {})]),
    (lambda: gathers_more.map(x=[1, 2], y=[3, 4], z=[5, 6]), [(1, 3, (), {"z": 5}), (2, 4, (), {"z": 6})]),
    (lambda: gathers_more.map(x=[1, 2], y=(3, 4), z=[5, 6], last=[7, 8]).with_retry(2),
     [(1, 3, (), {"z": 5, "last": 7}), (2, 4, (), {"z": 6, "last": 8})]),
]  # fmt: skip


@pytest.mark.parametrize(("make", "expected"), MAPS)
def test_a_map_of_a_task_with_gathered_arguments_is_run_again(run, make, expected):
    target = make()
    assert run(target) == expected
    assert run(target) == expected  # its arguments were searched


@pytest.mark.parametrize(("make", "expected"), MAPS)
def test_a_task_returns_a_map_of_a_task_with_gathered_arguments(run, make, expected):
    @cs.task
    def returns(n: int) -> Any:
        return make()

    assert run(returns(1)) == expected


@pytest.mark.parametrize(("make", "expected"), MAPS)
@pytest.mark.parametrize("use_vm", [True, False])
def test_a_map_that_is_the_only_result_there_is_of_a_task_with_gathered_arguments(make, expected, use_vm, monkeypatch):
    monkeypatch.setattr("cascade.graph.search.results_alive", lambda: 1)
    assert cs.run(make(), use_vm=use_vm) == expected


def test_each_item_of_a_programs_gathered_arguments_is_an_argument():
    program = cs.compile(gathers)
    assert program(*range(100), EARLIER) == (1, None)
    assert program(0, **{f"n{number}": number for number in range(100)}, last=EARLIER) == (0, 1)


ALONE = """
import sys
import cascade as cs
from tests.graph.test_search_bounds import items_that_count, looked, size
from cascade._vm import results_alive

del sys.modules["tests.graph.test_search_bounds"].EARLIER, sys.modules["tests.graph.test_search_bounds"].FAR[:]
sys.modules["tests.support.tasks"].__dict__.clear()
assert results_alive() == 0
for use_vm in (True, False):
    items = items_that_count()
    assert cs.run(size(items), use_vm=use_vm) == 1000
    assert len(looked) <= 20, len(looked)
    looked.clear()
    result = size(items)
    assert results_alive() == 1
    items.append(size([]))
    assert cs.run(result, use_vm=use_vm) == 1001
    assert len(looked) >= 1000
    looked.clear()
    del items[:], result
    assert results_alive() == 0
"""


def test_the_only_result_there_is_has_none_in_its_arguments(tmp_path):
    # In a process of its own: tests keep results.
    subprocess.run([sys.executable, "-c", ALONE], check=True)


def test_a_result_of_an_async_step_is_found(run):
    @cs.task
    async def waits(n: int) -> Any:
        await asyncio.sleep(0)
        return identity.tail([*range(100), one()])

    assert run(waits(1)) == [*range(100), 1]


@pytest.mark.parametrize(
    "make",
    [
        lambda: [*range(20_000), one()], lambda: [one(), *range(20_000)], lambda: [[number] for number in range(20_000)],
        lambda: {number: number for number in range(20_000)} | {"x": one()}, lambda: [{*range(20_000)}, one()],
    ],
)  # fmt: skip
def test_what_takes_long_to_search_is_searched_in_a_thread(path, make, monkeypatch):
    threads = []

    def spy(*args: Any, **options: Any) -> Any:
        made = flatten(*args, **options)
        threads.append(threading.current_thread())
        return made

    for module in ("compiler.code_cache", "runtime.spine.interpreter"):
        monkeypatch.setattr(f"cascade.{module}.flatten", spy)
    target = identity(identity(make()))
    with pytest.raises(TooManyRows):
        flatten(target, 20_000 // THINGS - 1)
    asyncio.run(path.arun(target))
    assert threads[0] is not threading.main_thread()


@pytest.mark.parametrize(
    "make", [list, tuple, set, lambda items: {item: [] for item in items}, lambda items: [(item,) for item in items]]
)
def test_values_of_more_things_than_a_turn_are_searched_whole(make):
    from cascade._vm import holds_deferred, look_for_deferred

    items = [*range(250_000)]
    assert not holds_deferred(make(items))
    assert holds_deferred(make([*items, EARLIER]))
    assert look_for_deferred(make(items), 1000) is None
    assert look_for_deferred(make([EARLIER]), 1000) is True
    assert look_for_deferred(make([1]), 1000) is False


def test_the_event_loop_goes_on_while_a_disk_cache_waits_for_others(path, tmp_path):
    cache = cs.DiskCache(tmp_path / "cache")
    calls: list[int] = []

    @cs.task(cache=cache)
    def kept(x: int) -> int:
        calls.append(x)
        return x + 1

    async def main() -> int:
        other = sqlite3.connect(tmp_path / "cache", isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        running = asyncio.create_task(path.arun(kept(1)))
        while not calls:
            await asyncio.sleep(0)
        for _ in range(10):
            await asyncio.sleep(0)
        assert not running.done()  # it waits until the other one lets go, which is done here
        other.execute("COMMIT")
        other.close()
        return await running

    assert asyncio.run(main()) == 2
    assert len(cache) == 1
    cache.close()


@pytest.mark.parametrize(
    "policy",
    [lambda result: result, lambda result: result.with_retry(max_attempts=2), lambda result: result.after(one())],
)
def test_the_route_of_a_router_is_searched_whole(run, policy):
    # It was declared, although the Router returns it as a task returns a call.
    target = cs.Router(selector=one(), routes={1: policy(identity(FAR)), 2: one()})
    for _ in range(3):
        assert run(target) == [*range(100), 1]

    @cs.task
    def chooses(value: Any) -> Any:
        return cs.Router(selector=identity(1), routes={1: policy(identity(FAR)), 2: one()})

    assert run(chooses(1)) == [*range(100), 1]
