"""Chains of compute tasks travel together: ten tasks, each of which needs the value of the one before, are one message."""

from __future__ import annotations

import functools
import os
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import pytest

import cascade as cs
from cascade.adapters.executors.blocks import Blocks
from cascade.compiler.chains import join_chains
from cascade.errors import SendingError, StepLimitError, WorkerError
from cascade.graph.build import build_graph
from cascade.graph.operations import Chain
from tests.support.block_tasks import Unsendable, doubled, given_back, inverse
from tests.support.tasks import identity, total

pytest.importorskip("loky")


@cs.task(mode="compute")
def plus(x: Any, y: int = 1, *rest: int, scale: int = 1, **more: int) -> Any:
    return (x + y + sum(rest) + sum(more.values())) * scale


@cs.task(mode="compute")
def down(n: int, step: int = 1) -> Any:
    return n if n <= 0 else cs.TailCall((n - step,))


@cs.task(mode="compute")
def passed_on(x: int) -> Any:
    return plus(x, 10)


@cs.task(mode="compute")
def several(x: int) -> Any:
    return [plus(x), plus(x, 2)]


@cs.task(mode="compute")
def process(x: Any) -> tuple[Any, int]:
    return x, os.getpid()


@cs.task(mode="compute")
def ends(x: Any) -> Any:
    os._exit(3)


class Counting(ThreadPoolExecutor):
    count = 0

    def submit(self, function: Any, /, *arguments: Any, **options: Any) -> Future[Any]:
        self.count += 1
        return super().submit(function, *arguments, **options)


@pytest.fixture
def counting():
    with Counting(2) as executor:
        yield executor


@pytest.fixture
def run(counting, path):
    return functools.partial(cs.Engine(executor=Blocks(counting)).run_now, use_vm=path.use_vm)


def ten(first: Any) -> Any:
    lazy = first
    for _ in range(10):
        lazy = plus(lazy)
    return lazy


def test_a_chain_of_ten_is_one_message(run, counting):
    assert run(ten(0)) == 10
    assert counting.count == 1
    assert run([ten(0), ten(1)]) == [10, 11]
    assert counting.count == 3


def test_a_chain_begins_behind_other_tasks_and_goes_on_in_others(run, counting):
    assert run(total([ten(identity(1)), identity(2)])) == 13
    assert counting.count == 1
    assert run(plus(total([plus(1), 2]))) == 5
    assert counting.count == 3


def test_values_that_several_need_and_values_from_elsewhere_are_no_part_of_a_chain(run, counting):
    shared = plus(1)
    assert run([plus(shared), doubled(shared)]) == [3, 4]
    assert counting.count == 3
    assert run(plus(plus(1), plus(2))) == 5
    assert counting.count == 6
    assert run(plus(plus(1), identity(2))) == 4
    assert counting.count == 8
    assert run(plus(plus(1)).with_retry(2)) == 3
    assert counting.count == 10


def test_arguments_of_all_kinds_keep_their_places(run, counting):
    assert run(plus(1, plus(2, 3), 4, 5, scale=2, z=7)) == (1 + 5 + 4 + 5 + 7) * 2
    assert run(plus(y=plus(2), x=3, scale=3)) == 18
    assert run(plus(1, scale=plus(2))) == 6
    assert counting.count == 3


def test_the_tasks_of_a_chain_run_in_one_process(path):
    ((value, inner), outer) = cs.run(process(process(1)), use_vm=path.use_vm)
    assert (value, inner) == (1, outer)
    assert inner != os.getpid()


def test_an_exception_names_the_task_and_the_node_that_raised_it(run, path):
    chain = plus(inverse(plus(plus(1, -2))))
    with pytest.raises(ZeroDivisionError) as raised:
        run(chain)
    assert raised.value.__notes__ == ["in task 'inverse', node inverse#2, iteration 0"]
    assert "return 1 / x" in str(raised.value.__cause__)
    assert path.run(plus(inverse(plus(1)))) == 1.5


def test_a_task_that_returns_more_than_a_value_continues_here(run):
    assert run(plus(down(5))) == 1
    assert run(plus(plus(down(plus(4, 1), step=2), 3))) == 3
    assert run(plus(passed_on(plus(1)))) == 13
    assert run(down(plus(4))) == 0
    assert run(passed_on(passed_on(1))) == 21
    assert run(process(several(plus(1))))[0] == [3, 4]
    assert run(several(plus(1))) == [3, 4]


def test_a_value_between_two_tasks_need_not_be_sendable(run):
    assert type(run([identity(1), identity(2)])) is list
    with pytest.raises(SendingError, match="cannot be sent back from task 'given_back'"):
        run(given_back(plus(2)))
    with pytest.raises(SendingError, match="argument 'x' of task 'plus'"):
        run(plus(plus(Unsendable())))


def test_a_worker_that_dies_in_a_chain_is_reported(path):
    with pytest.raises(WorkerError):
        cs.run(plus(ends(plus(1))), use_vm=path.use_vm)


def test_runs_that_count_or_show_each_call_send_each_alone(counting, path):
    heard: list[Any] = []
    engine = cs.Engine(executor=Blocks(counting), observers=[heard.append])
    assert engine.run_now(ten(0), use_vm=path.use_vm) == 10
    assert counting.count == 10
    assert sum(type(event) is cs.TaskExecutionFinished for event in heard) == 10
    engine = cs.Engine(executor=Blocks(counting))
    assert engine.run_now(ten(0), use_vm=path.use_vm, max_steps=10) == 10
    with pytest.raises(StepLimitError):
        engine.run_now(ten(0), use_vm=path.use_vm, max_steps=9)
    assert engine.run_now(ten(0), use_vm=path.use_vm) == 10


def test_graphs_that_tasks_return_have_chains_as_well(run, counting):
    @cs.task
    def chain(x: int) -> Any:
        return ten(x)

    assert run(chain(5)) == 15
    assert counting.count == 1


def test_rows_keep_their_numbers():
    graph = build_graph(ten(identity(0)))
    rows, order = join_chains(graph.rows, range(len(graph.rows)), "chains")
    assert list(order) == [0, 10]
    assert type(rows[10][0]) is Chain and len(rows) == 11
    assert [stage.node for stage in rows[10][0].stages] == list(range(1, 11))
    plain = build_graph(total([identity(1)]))
    assert join_chains(plain.rows, range(len(plain.rows)), "chains")[0] is plain.rows
