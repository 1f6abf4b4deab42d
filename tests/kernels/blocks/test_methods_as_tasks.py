"""Tasks of bound methods run in the kernels of the functions behind them, which all instances share."""

from __future__ import annotations

import gc
import sys
import threading
from collections.abc import Iterator
from typing import Any

import pytest

import cascade as cs
from cascade import _vm
from tests.support.block_methods import Account, Deep, Meter


@pytest.fixture(autouse=True)
def kernels_at_once() -> Iterator[None]:
    _vm.lower_without_delay(True)
    yield
    _vm.lower_without_delay(False)


def test_a_bound_method_is_called_by_the_kernel_of_its_function(run: Any):
    account = Account(5)
    task = cs.task(account.grow)
    assert [run(task(3)) for _ in range(3)] == [Account(5).grow(3), 5 + 2 * 3 + 3, 5 + 4 * 3 + 3]
    assert account.total == 5 + 6 * 3


def test_the_vm_enters_the_kernel():
    task = cs.task(Account(1).grow)
    assert cs.run(task(2)) == Account(1).grow(2)
    entries = task.routine.block_kernel.entries
    cs.run(task(2))
    assert task.routine.block_kernel.entries == entries + 1


def test_instances_share_the_kernel_and_have_their_own_state():
    tasks = [cs.task(Account(start).grow) for start in (0, 100)]
    assert [cs.run(task(1)) for task in tasks] == [1, 101]
    assert tasks[0].routine.block_kernel is tasks[1].routine.block_kernel


def test_defaults_keywords_and_class_methods_are_as_in_a_call(run: Any):
    account = Account(2)
    assert run(cs.task(account.scaled)(3)) == account.scaled(3)
    assert run(cs.task(account.scaled)(3, by=7)) == account.scaled(3, by=7)
    assert run(cs.task(account.starred)(1, 2, 3)) == account.starred(1, 2, 3)
    assert run(cs.task(Account.opened)(4)).total == Account.opened(4).total


def test_a_failure_has_the_frames_of_the_method(run: Any):
    account = Account("text")
    with pytest.raises(TypeError) as plain:
        account.grow(1)
    with pytest.raises(TypeError) as found:
        run(cs.task(account.grow)(1))
    assert str(found.value) == str(plain.value)
    trace = found.traceback[-1]
    assert (trace.name, trace.lineno) == (plain.traceback[-1].name, plain.traceback[-1].lineno)


def test_maps_of_bound_methods_give_what_the_method_returns(run: Any):
    meter = Meter()
    assert run(cs.task(meter.read).map(range(200))) == [Meter().read(number) for number in range(200)]


def test_methods_under_policies_and_in_threads_are_called(run: Any):
    account = Account(1)
    assert run(cs.task(account.grow)(1).with_retry(2)) == 2
    assert run(cs.task(account.where, mode="blocking")(1)) != threading.get_ident()


def test_the_instance_dies_with_the_task():
    account = Account(3)
    before = sys.getrefcount(account)
    task = cs.task(account.grow)
    for _ in range(3):
        cs.run(task(1))
    del task
    gc.collect()
    assert sys.getrefcount(account) == before


@pytest.mark.parametrize("turns", [500_000, 1])
def test_a_method_without_a_loop_that_takes_long_has_a_kernel_at_its_next_call(turns: int):
    _vm.lower_without_delay(False)
    if turns > 1:
        _vm.use_trial_clock(None)  # the real one: so many turns take milliseconds on any machine
    task = cs.task(Deep().run)
    assert cs.run(task(turns)) == Deep().run(turns)
    assert task.routine.calls_before_block_kernel == (1 if turns > 1 else 1_999)


def test_explain_tells_that_a_method_runs_in_a_kernel():
    task = cs.task(Account(1).grow)
    for _ in range(3):
        cs.run(task(2))
    assert "its function runs in a kernel" in str(cs.explain(task(2)))


class Game:
    factor = 3

    def total(self, n: int) -> int:
        result = 0
        for i in range(n):
            result += self.factor * i
        return result

    def looks(self, n: int) -> Any:
        return locals()


def test_a_bound_method_that_has_to_be_lowered_runs_in_a_kernel():
    task = cs.task(lower=True)(Game().total)
    assert cs.run(task(5)) == 30
    assert task.routine.block_kernel.entries == 1 and task.routine.kernels == []


def test_a_bound_method_that_cannot_be_lowered_says_why():
    with pytest.raises(cs.LoweringError, match="locals"):
        cs.run(cs.task(lower=True)(Game().looks)(5))
