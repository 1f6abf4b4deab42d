"""Constraints: nodes that wait for capacity, in one run and in several; the same on both paths."""

from __future__ import annotations

import asyncio
import fractions
import threading
import time
from typing import Any

import pytest

import cascade as cs
from cascade.errors import (
    CapacityError,
    DeclarationError,
    PolicyError,
    TaskTimeoutError,
)
from cascade.runtime import Engine
from cascade.runtime.nodes.capacity import exact
from tests.support.flaky import Flaky
from tests.support.growing import growing
from tests.support.overlap import Overlap
from tests.support.recording import heard_from, story
from tests.support.tasks import fail, identity, later, one


def test_constraints_limit_what_runs_at_once(run):
    overlap = Overlap()
    work = overlap.work
    assert run([work(n).with_constraints(cpu=1) for n in range(20)], system_resources={"cpu": 3}) == list(range(20))
    assert overlap.most == 3
    overlap.reset()
    lazy_amount = identity(2)
    run([work(n).with_constraints(cpu=lazy_amount) for n in range(5)], system_resources={"cpu": 3})
    assert overlap.most == 1


@pytest.mark.parametrize(
    ("constraints", "resources", "message"),
    [
        ({"cpu": 4}, {"cpu": 3}, "cpu=4 exceeds total system capacity, which is 3"),
        ({"cpuu": 1}, {"cpu": 3}, "did you mean 'cpu'?"),
        ({"cpu": 1}, None, "exceeds total system capacity, which is none"),
    ],
)
def test_the_impossible_is_refused_before_anything_runs(run, constraints, resources, message):
    calls: list[int] = []
    target = cs.task(calls.append)(1), one().with_constraints(**constraints)
    with pytest.raises(ValueError, match="exceeds total system capacity") as raised:
        run(target, system_resources=resources)
    assert isinstance(raised.value, CapacityError)
    assert message in str(raised.value)
    assert (raised.value.hint is None) is (constraints.keys() <= (resources or {}).keys())
    assert "task 'one'" in str(raised.value)
    assert (raised.value.hint is None) == (resources is not None and constraints.keys() <= resources.keys())
    assert calls == []


def test_a_lazy_amount_that_is_impossible_fails_its_node(run):
    with pytest.raises(CapacityError, match="exceeds total system capacity"):
        run(one().with_constraints(cpu=identity(5)), system_resources={"cpu": 3})
    with pytest.raises(PolicyError):
        run(one().with_constraints(cpu=identity(-1)), system_resources={"cpu": 3})
    with pytest.raises(DeclarationError):
        run(one().with_constraints(cpu=identity("x")), system_resources={"cpu": 3})


def test_resources_are_released_on_every_exit(path):
    engine = Engine(system_resources={"cpu": 1, "gpu": 0.3})
    for target in (
        one().with_constraints(cpu=1),
        fail("x").with_constraints(cpu=1, gpu=0.1),
        later(1, 60).with_constraints(cpu=1).with_timeout(0.01),
        [later(1, 60).with_constraints(cpu=1), fail("y").after(one())],
        one().with_constraints(cpu=identity(1), gpu=0.3),
    ):
        try:
            path.run_with(engine, target)
        except (ValueError, TimeoutError):
            pass
        assert engine.capacity._free == {"cpu": 1, "gpu": engine.capacity._free["gpu"]}
        assert float(engine.capacity._free["gpu"]) == 0.3
        assert not engine.capacity._waiting

    async def cancelled() -> None:
        run = asyncio.ensure_future(
            engine.run([later(n, 600).with_constraints(cpu=1) for n in range(3)], use_vm=path.use_vm)
        )
        while not engine.capacity._waiting:
            await asyncio.sleep(0.001)
        run.cancel()
        await asyncio.wait([run])

    asyncio.run(cancelled())
    assert engine.capacity._free["cpu"] == 1
    assert not engine.capacity._waiting


def test_resources_are_held_from_the_first_attempt_to_the_last(path):
    order = []

    @cs.task
    async def work(name: str) -> None:
        order.append(name)
        if order.count("a") == 1:
            raise ValueError(name)

    target = [work("a").with_retry(2, delay=0.005).with_constraints(cpu=1), work("b").with_constraints(cpu=1)]
    heard_from(path, target, system_resources={"cpu": 1})
    assert order == ["a", "a", "b"]


def test_what_a_task_answers_with_has_policies_of_its_own(run):
    @cs.task
    def expand(flaky: Flaky, seconds: float) -> Any:
        return cs.task(flaky)(later(1, seconds)).with_constraints(cpu=1)

    for seconds in growing(0.02):
        flaky = Flaky(1)
        lazy = expand(flaky, 2.5 * seconds).with_retry(3).with_timeout(seconds).with_constraints(cpu=1)
        try:
            with pytest.raises(ValueError, match="attempt 1"):
                run(lazy, system_resources={"cpu": 1})
            break
        except TaskTimeoutError:  # of `expand` itself, on a busy machine
            continue
    assert run(expand(flaky, 0.0).with_constraints(cpu=1), system_resources={"cpu": 1}) == 1


def test_resources_go_to_those_who_came_first_and_others_do_not_wait(path):
    order = []

    @cs.task
    async def work(name: str) -> str:
        order.append(name)
        await asyncio.sleep(0.005)
        return name

    target = [
        work("a").with_constraints(cpu=2),
        work("b").with_constraints(cpu=3),  # waits for a
        work("c").with_constraints(cpu=1),  # would fit beside a, but b came first
        work("d").with_constraints(gpu=1),  # wants nothing that b waits for
    ]
    outcome, events = heard_from(path, target, system_resources={"cpu": 3, "gpu": 1})
    assert outcome == ["a", "b", "c", "d"]
    assert order == ["a", "d", "b", "c"]
    assert [event for event in story(events) if event[0] == "blocked"] == [
        ("blocked", "work#1", "waits for cpu=3"),
        ("blocked", "work#2", "waits for cpu=1"),
    ]


def test_runs_share_the_resources_of_their_engine(path):
    overlap = Overlap(constraints={"slot": 1})
    engine = Engine(system_resources={"slot": 2})

    async def main() -> None:
        await asyncio.gather(*(engine.run(overlap.work(), use_vm=path.use_vm) for _ in range(10)))

    asyncio.run(main())
    assert overlap.most == 2


def test_runs_in_several_threads_share_the_resources_of_their_engine(path):
    running, most, lock = 0, 0, threading.Lock()

    @cs.task(constraints={"slot": 1})
    def work() -> None:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        time.sleep(0.002)
        with lock:
            running -= 1

    engine = Engine(system_resources={"slot": 2})
    threads = [
        threading.Thread(target=lambda: engine.run_now([work() for _ in range(5)], use_vm=path.use_vm))
        for _ in range(5)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
        assert not thread.is_alive()
    assert most == 2


def test_decimal_amounts_add_up(run):
    assert run([later(n, 0.001).with_constraints(x=0.1) for n in range(25)], system_resources={"x": 1}) == list(
        range(25)
    )


@pytest.mark.parametrize("resources", [3, {"cpu": "x"}, {"cpu": -1}, {1: 1}])
def test_bad_system_resources_are_refused(resources):
    with pytest.raises((TypeError, ValueError)):
        Engine(system_resources=resources)


@pytest.mark.parametrize("amount", [fractions.Fraction(1, 3), 1 / 3])
def test_amounts_of_other_number_types(run, amount):
    assert run([later(n).with_constraints(part=amount) for n in range(5)], system_resources={"part": 1}) == list(
        range(5)
    )
    numpy = pytest.importorskip("numpy")
    for number in (numpy.float64(0.1), numpy.float32(0.1), numpy.int64(1)):
        target = [later(n).with_constraints(part=identity(number)).with_retry(2) for n in range(12)]
        assert run([*target, one().with_constraints(part=number)], system_resources={"part": 1}) == [*range(12), 1]
    for wrong in (numpy.float64("nan"), numpy.int64(-1), 1j, numpy.bool_(True)):
        with pytest.raises((ValueError, TypeError), match="the amount of 'part'"):
            run(one().with_constraints(part=identity(wrong)), system_resources={"part": 1})


def test_an_equal_amount_of_another_type_does_not_change_how_decimal_amounts_add_up(run):
    amount = 0.7
    assert fractions.Fraction(amount) == amount
    run(one().with_constraints(cpu=fractions.Fraction(amount)), system_resources={"cpu": 7})
    assert run(identity(one().with_constraints(cpu=amount)), system_resources={"cpu": amount}) == 1
    assert exact(amount) == fractions.Fraction(7, 10)
