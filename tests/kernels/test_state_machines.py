"""State machines as typed code: they stay in it, and leave it exactly."""

from __future__ import annotations

import asyncio
import math
import traceback
from typing import Any

import pytest

import cascade as cs
from cascade.errors import DeclarationError, RouteError, RunTimeoutError, StepLimitError
from cascade.runtime.events import LoopProgress, TaskExecutionFinished
from tests.support import kernel_functions
from tests.support.heartbeat import ENOUGH, beats_beside
from tests.support.kernel_functions import STEPS, collatz, countdown_machine, machine_of


def kernels(target: Any) -> list[Any]:
    return [kernel for machine in target.task.derived.operations.values() for kernel in machine.routine.kernels]


@pytest.mark.parametrize("n", [1, 27, 97, 837_799])
def test_a_machine_of_lowered_tasks_stays_in_typed_code(run, path, n):
    target = collatz(n)
    assert run(target) == STEPS[n]
    if path.use_vm:
        assert [(kernel.entries, kernel.exits) for kernel in kernels(target)] == [(1, 0)]


def test_data_may_change_its_type(run, path):
    target = kernel_functions.halving(1)
    assert run(target) == 2.0**-1074
    if path.use_vm:
        assert [(kernel.entries, kernel.exits) for kernel in kernels(target)] == [(1, 0)]


def test_integers_grow_past_64_bits_and_come_back(run, path):
    target = kernel_functions.growing(1)
    assert run(target) == math.factorial(25) % 1_000_003
    if path.use_vm:
        assert all(kernel.exits for kernel in kernels(target))


def test_operands_of_other_states_keep_their_values(run):
    # A state assigns its own parameters: the operands that it is called with next time are those that were declared.
    def first(n: int, step: int) -> Any:
        if n > 100:
            return cs.Jump("end", n)
        step += 1
        return cs.Jump("second", n + step)

    def second(n: int, factor: int) -> Any:
        factor *= 2
        return cs.Jump("first", n + factor)

    assert run(machine_of({"first": (first, (0, 1)), "second": (second, (0, 3))})) == 104


def test_a_jump_without_data_keeps_the_input(run):
    def tick(n: int) -> Any:
        return cs.Jump("tock") if n == 3 else cs.Jump("end", n)

    def tock(n: int) -> Any:
        return cs.Jump("tock", n - 1) if n > 5 else cs.Jump("tick", n)

    assert run(machine_of({"tick": (tick, (3,)), "tock": (tock, (9,))}), max_steps=100) == 5


def test_a_jump_without_data_to_an_input_that_is_not_there(run):
    def go(n: int) -> Any:
        return cs.Jump("other") if n == 0 else cs.Jump("go", n - 1)

    def other(n: int) -> Any:
        return cs.Jump("end", n)

    @cs.task
    def never() -> int:
        raise AssertionError

    with pytest.raises(DeclarationError, match="gives no data"):
        run(machine_of({"go": (go, (5,)), "other": (other, (never(),))}))


def test_a_jump_that_leads_nowhere(run):
    def go(n: int) -> Any:
        return cs.Jump("nowhere", n) if n == 0 else cs.Jump("go", n - 1)

    with pytest.raises(RouteError, match="no route for Jump\\('nowhere', 0\\)"):
        run(machine_of({"go": (go, (5,))}))


def test_exceptions_have_the_states_traceback_and_the_machines_name(run):
    def divide(n: int) -> Any:
        quotient = 100 // n
        return cs.Jump("divide", n - 1) if quotient < 1000 else quotient

    with pytest.raises(ZeroDivisionError) as raised:
        run(machine_of({"divide": (divide, (50,))}))
    assert traceback.extract_tb(raised.value.__traceback__)[-1].line == "quotient = 100 // n"
    assert raised.value.__notes__ == ["in task 'divide', node divide#0, iteration 50"]


def test_tail_calls_inside_of_a_state(run):
    @cs.task
    def down(n: int, rest: int) -> Any:
        return down.tail(n - 1, rest) if n % 10 else cs.Jump("again", n - 1) if n > 0 else cs.Jump("end", rest)

    target = down(57, 4)
    cs.bind(target, cs.select_jump({"again": target, "end": None}))
    assert run(target) == 4


@pytest.mark.parametrize("n", [0, 1, 2, 100])
def test_max_steps_counts_every_state(run, n):
    assert run(countdown_machine(n), max_steps=n + 1) == "done"
    with pytest.raises(StepLimitError) as raised:
        run(countdown_machine(n), max_steps=n)
    assert raised.value.iterations == n
    assert "countdown#0" in str(raised.value) or n == 0


def test_timeouts_and_the_event_loop():
    assert asyncio.run(beats_beside(cs.arun(countdown_machine(10**12)))) == ENOUGH  # it can be cancelled
    with pytest.raises(RunTimeoutError):
        asyncio.run(cs.arun(countdown_machine(10**12), timeout=0.05))
    with pytest.raises(RunTimeoutError):
        cs.run(countdown_machine(10**12), timeout=0.05)


def test_a_name_that_changes_while_the_event_loop_has_its_turn(monkeypatch):
    async def main() -> Any:
        run = asyncio.ensure_future(cs.arun(kernel_functions.until_told(0)))
        await asyncio.sleep(0.02)
        monkeypatch.setattr(kernel_functions, "TOLD", True)
        return await run

    assert asyncio.run(main()) > 0


def test_events_tell_of_the_machine_as_a_whole(path):
    heard: list[Any] = []
    bus = cs.MessageBus()
    for kind in (LoopProgress, TaskExecutionFinished):
        bus.subscribe(kind, heard.append)
    assert path.run_with(cs.Engine(bus=bus), countdown_machine(50_000)) == "done"
    finished = [event for event in heard if isinstance(event, TaskExecutionFinished)]
    assert [event.task_id for event in finished] == ["countdown#0"]


def test_a_machine_that_keeps_leaving_is_retired():
    def wide(n: int) -> Any:
        big = n * 2**70
        return cs.Jump("wide", n - 1) if big > 0 else cs.Jump("end", big)

    target = machine_of({"wide": (wide, (25_000,))})
    assert cs.run(target) == 0
    assert [kernel.retired for kernel in kernels(target)] == [True]


def test_a_state_that_cannot_be_lowered_is_called(run, path):
    names: list[int] = []

    def note(n: int) -> Any:
        names.append(n)
        return cs.Jump("next", n)

    @cs.task(lower=True)
    def following(n: int) -> Any:
        total = 0
        for i in range(n):
            total += i
        return cs.Jump("tell", n - 1) if n > 0 else cs.Jump("end", total)

    target = machine_of({"tell": (note, (5,)), "next": (following, (0,))})
    assert run(target) == 0
    assert names == [5, 4, 3, 2, 1, 0]
    if path.use_vm:
        (machine,) = target.task.derived.operations.values()
        assert machine.routine.kernels == []
        assert machine.states[1].operation.routine.kernels, "the loop inside of a state is typed code all the same"


def test_resources_are_set_up_for_each_call_of_a_state(run):
    log: list[str] = []

    @cs.resource(scope="task")
    def tool() -> Any:
        log.append("up")
        yield 1
        log.append("down")

    def work(n: int, step: int = cs.inject(tool)) -> Any:
        log.append(f"work {n}")
        return cs.Jump("work", n - step) if n > 0 else cs.Jump("end", n)

    assert run(machine_of({"work": (work, (1,))})) == 0
    assert log == ["up", "work 1", "down", "up", "work 0", "down"]
