"""Kernels and tasks with policies: typed code continues with them, and values stay the same."""

from __future__ import annotations

from typing import Any

import pytest

import cascade as cs
from cascade.errors import (
    CapacityError,
    DeclarationError,
)
from tests.support.recording import heard_from, story
from tests.support.resources import Log
from tests.support.tasks import identity, increment


def spells(other: Any, tail_target: Any) -> list[Any]:
    """Tasks with loops that end by going on with `other`, in each way that there is to say it."""

    @cs.task
    def by_call(n: int, sum: int) -> Any:
        while sum % 1000 != 999:
            sum += 1
        return other(3, sum) if n == 0 else by_call(n - 1, sum + 1)

    @cs.task
    def by_tail(n: int, sum: int) -> Any:
        while sum % 1000 != 999:
            sum += 1
        if n == 0:
            return other.tail(3, sum)
        return by_tail.tail(n - 1, sum + 1)

    @cs.task
    def by_tail_call(n: int, sum: int) -> Any:
        while sum % 1000 != 999:
            sum += 1
        if n == 0:
            return cs.TailCall((3, sum), target=tail_target)
        return cs.TailCall((n - 1, sum + 1))

    return [by_call, by_tail, by_tail_call]


@pytest.mark.parametrize("number", range(3), ids=["call", "tail", "TailCall"])
def test_typed_code_goes_on_with_a_task_that_has_policies(path, number):
    attempts: Log = []

    @cs.task(retry=2, constraints={"cpu": 1})
    def careful(n: int, sum: int) -> Any:
        attempts.append(n)
        if attempts.count(n) == 1:
            raise ValueError(n)
        return cs.TailCall((n - 1, sum + n)) if n else sum

    task = spells(careful, careful)[number]
    for _ in range(2):
        attempts.clear()
        outcome, events = heard_from(path, task(4, 0), system_resources={"cpu": 1})
        assert outcome == 5005
        assert attempts == [3, 3, 2, 2, 1, 1, 0, 0]
        assert sum(event[0] == "retrying" for event in story(events)) == 4
        attempts.clear()
        assert path.run([task(4, 0), increment(task(0, 999))], system_resources={"cpu": 1}) == [5005, 1006] or attempts
    with pytest.raises(CapacityError):
        path.run(task(0, 0))
    if path.use_vm:
        assert cs.explain(task)[task.name].regime == "kernel"
        assert cs.explain(careful)["careful"].kernels == ()


def test_values_of_a_task_that_would_be_lowered_are_the_same_with_policies(path):
    def collatz(n: int, steps: int = 0) -> Any:
        while n != 1:
            n = n // 2 if n % 2 == 0 else 3 * n + 1
            steps += 1
        return steps

    plain, managed = cs.task(collatz), cs.task(collatz, retry=2, timeout=60)  # type: ignore[call-overload]
    for n in (1, 27, 10**30):
        assert (
            path.run(plain(n))
            == path.run(managed(n))
            == path.run(plain(n).with_retry(2).with_constraints())
            == collatz(n)
        )
        assert path.run(plain.map([n, n + 1])) == path.run(managed.map([n, n + 1])) == [collatz(n), collatz(n + 1)]
        assert path.run(cs.Router("a", {"a": plain(n)})) == collatz(n)
        assert path.run(plain(n, cs.Param("steps", 5))) == collatz(n, 5)
    with pytest.raises(DeclarationError, match="default policies"):
        cs.task(lower=True, retry=2)(collatz)


def test_a_lowered_task_may_be_given_policies_where_it_is_called(path):
    @cs.task(lower=True)
    def total_to(n: int, sum: int = 0) -> Any:
        while n > 0:
            sum += n
            n -= 1
        return sum

    assert path.run(total_to(1000).with_retry(2)) == 500500
    assert path.run(total_to.map([10, 20]).with_concurrency(1)) == [55, 210]
    assert path.run(total_to.map([10, 20])) == [55, 210]
    assert path.run(total_to(10, identity(1)).run_if(True)) == 56
