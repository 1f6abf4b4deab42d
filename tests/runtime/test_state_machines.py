"""Jumps: state machines, on both paths."""

from __future__ import annotations

import asyncio
import copy
import dataclasses
import pickle
import time
from array import array
from typing import Any

import pytest

import cascade as cs
from cascade._vm import Code, Routes
from cascade.errors import BlueprintError, CycleError, DeclarationError, DependencyMissingError, RouteError
from cascade.events.silent import PROGRESS_TIME
from cascade.instructions.graph import OPCODES
from cascade.runtime.events import LoopProgress
from tests.conftest import Path
from tests.support.flaky import Flaky
from tests.support.recording import heard_from, story
from tests.support.tasks import add, identity, increment, later, one


def machine(function: Any, *args: Any, **kwargs: Any) -> Any:
    """A state that goes on with itself at "again", and ends at "end"."""
    lazy = cs.task(function)(*args, **kwargs)
    return cs.bind(lazy, cs.select_jump({"again": lazy, "end": None}))


def countdown(n: int, seen: int = 0) -> Any:
    return cs.Jump("again", n - 1) if n > 0 else cs.Jump("end", "done")


def test_a_jump_calls_the_routes_task_with_its_data(run):
    assert run(machine(countdown, 5)) == "done"
    assert run(identity([machine(countdown, 3)])) == ["done"]
    assert run(machine(countdown, increment(3))) == "done"


def test_another_value_ends_the_machine_as_well(run):
    assert run(machine(lambda n: cs.Jump(target_key="again", data=n + 1) if n < 3 else n, 0)) == 3
    assert run(machine(lambda n: cs.Jump(data=n + 1, target_key="again") if n < 3 else None, 0)) is None


def test_states_go_on_with_each_other(run):
    @cs.task
    def ping(n: int) -> Any:
        return cs.Jump("pong", n + 1) if n < 10 else cs.Jump("end", n)

    @cs.task
    def pong(n: int, step: int) -> Any:
        return cs.Jump("ping", n + step)

    first, second = ping(0), pong(0, step=increment(1))
    assert cs.bind(first, cs.select_jump({"pong": second, "end": None})) is first
    cs.bind(second, cs.select_jump({"ping": first}))
    assert run(first) == 12
    assert run(second) == 11


def test_a_state_that_is_not_bound_ends_the_machine(run):
    last = add(0, 10)
    first = cs.bind(cs.task(lambda n: cs.Jump("last", n))(5), cs.select_jump({"last": last}))
    assert run(first) == 15
    assert run(add(first, 1)) == 16
    unbound = cs.task(lambda x: cs.Jump("x", 1))(0)
    for target in (cs.bind(cs.task(lambda: cs.Jump("a", 2))(), cs.select_jump({"a": unbound})), unbound):
        with pytest.raises(cs.RouteError, match=r"the run ends with Jump\('x', 1\)"):
            run(target)


def test_other_arguments_stay_as_they_were_declared(run):
    def step(n: int, scale: Any, *rest: Any, extra: Any = 0) -> Any:
        return cs.Jump("again", n - 1) if n else (scale, rest, extra)

    assert run(machine(step, 3, later(2), one(), extra=[one()])) == (2, (1,), [1])


def test_without_data_the_input_stays(run):
    calls: list[int] = []

    def step(n: int) -> Any:
        calls.append(n)
        return cs.Jump("again") if len(calls) % 3 else cs.Jump("end")

    assert run(machine(step, 7)) is None
    assert calls == [7, 7, 7]


def test_a_machine_that_is_a_route_is_the_same_machine(run):
    calls: list[int] = []

    def step(n: int) -> Any:
        calls.append(n)
        return cs.Jump("again") if len(calls) % 3 else cs.Jump("end")

    lazy = machine(step, increment(6))
    assert run(lazy) is None
    assert run(cs.Router(identity("a"), {"a": lazy, "b": one()})) is None
    assert calls == [7] * 6
    other = cs.bind(cs.task(lambda n: cs.Jump("back"))(0), cs.select_jump({"back": lazy}))
    there = cs.bind(lazy, cs.select_jump({"again": other, "end": None}))
    assert run([cs.Router("a", {"a": there}), there]) == [None, None]
    assert calls == [7] * 9
    assert run(cs.Router("a", {"a": there})) is None
    assert calls == [7] * 12


def test_a_state_without_parameters(run):
    calls: list[int] = []

    def step() -> Any:
        calls.append(1)
        return cs.Jump("again", None) if len(calls) % 3 else cs.Jump("end", len(calls))

    assert run(machine(step)) == 3
    with pytest.raises(DeclarationError, match="gives data to a task without parameters"):
        run(machine(lambda: cs.Jump("again", 1)))


def test_the_declared_input_of_a_later_state_is_not_computed(run):
    flaky = Flaky(9)
    first = cs.task(lambda n: cs.Jump("next", n + 1) if n < 5 else cs.Jump("bare"))(1)
    second = identity(cs.task(flaky)(first))
    cs.bind(first, cs.select_jump({"next": second, "bare": second}))
    assert run(first) == 2
    assert flaky.calls == 0
    bare = cs.bind(cs.task(lambda n: cs.Jump("bare"))(1), cs.select_jump({"bare": identity(one())}))
    with pytest.raises(DeclarationError, match="gives no data"):
        run(bare)


def test_data_may_hold_results(run):
    def step(n: Any, done: bool = False) -> Any:
        if isinstance(n, list):
            return cs.Jump("end", {"result": increment(n[0])})
        return cs.Jump("again", [increment(n)]) if n == 3 else cs.Jump("again", later(n + 1))

    assert run(machine(step, 0)) == {"result": 5}


def test_states_may_be_async_and_answer_with_tail_calls_and_results(run):
    async def step(n: int) -> Any:
        await asyncio.sleep(0)
        return cs.Jump("again", n - 1) if n else cs.Jump("end", "done")

    assert run([machine(step, 20), machine(step, 3), later(1)]) == ["done", "done", 1]

    @cs.task
    def jump_later(n: int) -> Any:
        return cs.Jump("again", n - 1)

    def mixed(n: int) -> Any:
        if n <= 0:
            return cs.Jump("end", "done")
        return [cs.Jump("again", n - 1), cs.TailCall((n - 1,)), jump_later(n), jump_later.tail(n)][n % 4]

    assert run(identity(machine(mixed, 23))) == "done"


@pytest.mark.parametrize("key", ["agian", 5, None, [1]])
def test_an_unknown_route_is_an_error(path, key):
    outcome, events = heard_from(path, identity(machine(lambda n: cs.Jump(key, n), 1)))
    assert isinstance(outcome, RouteError)
    assert "expected: one of 'again', 'end'" in str(outcome)
    assert "task '<lambda>'" in str(outcome)
    if key == "agian":
        assert "did you mean 'again'?" in str(outcome)
    assert [event[0] for event in story(events)] == ["start", "Failed"]


def test_a_failure_in_a_state_comes_out_as_itself(run):
    def step(n: int) -> Any:
        return cs.Jump("again", n - 1) if n else 1 // 0

    with pytest.raises(ZeroDivisionError) as raised:
        run(machine(step, 3))
    assert raised.value.__notes__ == ["in task 'step', node step#0, iteration 3"]


def test_a_machine_starts_and_finishes_once(path):
    outcome, events = heard_from(path, identity(machine(countdown, 5)))
    assert story(events) == [
        ("start", "countdown#0"), ("Succeeded", "countdown#0", "'done'"), ("start", "identity#1"), ("Succeeded", "identity#1", "'done'"),
    ]  # fmt: skip

    def tails(n: int) -> Any:
        return cs.TailCall((n - 1,)) if n % 2 else cs.Jump("again", n - 1) if n else cs.Jump("end", "done")

    outcome, events = heard_from(path, machine(tails, 5))
    assert story(events) == [("start", "tails#0"), ("Succeeded", "tails#0", "'done'")]


def test_a_long_machine_tells_its_progress(path):
    from cascade.runtime import Engine, MessageBus

    bus = MessageBus()
    progress: list[LoopProgress] = []
    bus.subscribe(LoopProgress, progress.append)

    def until_told(n: int) -> Any:
        return cs.Jump("again", n + 1) if len(progress) < 3 else cs.Jump("end", n)

    begun = time.monotonic()
    steps = path.run_with(Engine(bus=bus), machine(until_told, 0), timeout=60)
    assert len(progress) == 3
    assert time.monotonic() - begun >= 3 * PROGRESS_TIME
    assert 0 < progress[0].iteration < progress[1].iteration < progress[2].iteration <= steps


def test_policies_of_states(path):
    flaky = Flaky(2)

    def step(n: int) -> Any:
        flaky()
        return cs.Jump("again", n - 1) if n else cs.Jump("end", "done")

    lazy = machine(step, 3).with_retry(3)
    assert path.run(lazy) == "done"
    assert flaky.calls == 6
    outcome, events = heard_from(path, identity(machine(countdown, 3).run_if(identity(0))))
    assert isinstance(outcome, DependencyMissingError)
    assert [event[1:] for event in story(events) if event[0] == "skipped"] == [
        ("countdown#1", "ConditionFalse"), ("identity#2", "UpstreamSkipped_Data"),
    ]  # fmt: skip
    assert (
        path.run(machine(countdown, 3).after(one()).with_constraints(cpu=identity(1)), system_resources={"cpu": 1})
        == "done"
    )
    with pytest.raises(ValueError, match="exceeds total system capacity"):
        path.run(machine(countdown, 3).with_constraints(cpu=2), system_resources={"cpu": 1})
    with pytest.raises(DependencyMissingError):
        path.run(machine(countdown, one().run_if(False)))


def test_limits_hold_for_machines(path):
    with pytest.raises(RuntimeError, match="max_steps=10"):
        path.run(machine(countdown, 100), max_steps=10)
    assert path.run(machine(countdown, 9), max_steps=10) == "done"
    with pytest.raises(TimeoutError):
        path.run(machine(lambda n: cs.Jump("again", n + 1), 0), timeout=0.05)


def test_bad_declarations_are_refused(run):
    for bad in (
        {},
        None,
        {"a": 1},
        [one()],
        {"a": cs.Router("x", {"x": one()})},
        {"a": cs.Param("n")},
        {"a": cs.inject("db")},
    ):
        with pytest.raises(DeclarationError):
            cs.select_jump(bad)
    with pytest.raises(DeclarationError):
        cs.bind(increment, cs.select_jump({"a": None}))  # type: ignore[arg-type]
    with pytest.raises(DeclarationError):
        cs.bind(one(), {"a": None})  # type: ignore[arg-type]
    with pytest.raises(DeclarationError, match=r"\*args first"):
        run(machine(lambda *args: cs.Jump("again", 1)))
    for arguments in ((), (1, 2, 3)):
        with pytest.raises(TypeError):
            cs.Jump(*arguments)
    for names in ({"data": 1}, {"target_key": 1, "other": 2}):
        with pytest.raises(TypeError):
            cs.Jump(**names)
    with pytest.raises(TypeError):
        cs.Jump(1, target_key=2)  # type: ignore[misc]
    looped = increment(1)
    other = add(1, looped)
    cs.bind(looped, cs.select_jump({"a": other}))
    with pytest.raises(CycleError):
        run(looped)


def test_a_jump_is_a_value_like_others():
    jump = cs.Jump("key", [1])
    assert (jump.target_key, jump.data) == ("key", [1])
    assert repr(jump) == "Jump('key', [1])"
    assert repr(cs.Jump("key")) == "Jump('key')"
    for copied in (copy.copy(jump), pickle.loads(pickle.dumps(jump))):
        assert (copied.target_key, copied.data) == ("key", [1])
    assert repr(pickle.loads(pickle.dumps(cs.Jump("key")))) == "Jump('key')"


def test_a_machine_is_jumps_in_the_bytecode():
    from cascade.compiler.code_cache import loop_code
    from cascade.graph.build import build_graph
    from cascade.reports.disassembly import disassemble

    operation = build_graph(machine(countdown, 5)).rows[-1][0]
    listing = disassemble(loop_code(operation).blueprint).splitlines()
    assert [line.split("  ;")[0].split() for line in listing[1:]] == [
        ["0", "CALL", "r2", "=", "countdown(r0,", "r1)"],
        [
            "1",
            "SELECT",
            "if",
            "r2",
            "is",
            "a",
            "Jump:",
            "go",
            "to",
            "'again'",
            "->",
            "0",
            "with",
            "r0,",
            "'end'",
            "->",
            "2;",
            "else",
            "to",
            "2",
        ],
        ["2", "RETURN", "return", "r2!"],
    ]


def test_equal_machines_share_their_code():
    from cascade.graph.build import build_graph

    task = cs.task(countdown)

    def declare(n: int) -> Any:
        lazy = task(n)
        return cs.bind(lazy, cs.select_jump({"again": lazy, "end": None}))

    assert build_graph(declare(1)).rows == build_graph(declare(2)).rows


CALL, SELECT, RETURN = OPCODES["CALL"], OPCODES["SELECT"], OPCODES["RETURN"]


@pytest.mark.parametrize(
    ("words", "targets", "end", "message"),
    [
        ([CALL, 2, 0, 0, SELECT, 0, 1, 4, RETURN, 0, 0, 5], (("a", 0, 0),), 2, None),
        ([CALL, 2, 0, 0, SELECT, 0, 1, 4, RETURN, 0, 0, 5], None, 2, None),
        ([CALL, 2, 0, 0, SELECT, 0, 1, 4, RETURN, 0, 0, 5], (("a", 3, 0),), 2, "leads to word 3, outside 0..2"),
        ([CALL, 2, 0, 0, SELECT, 0, 1, 4, RETURN, 0, 0, 5], (("a", -2, 0),), 2, "outside 0..2"),
        ([CALL, 2, 0, 0, SELECT, 0, 1, 4, RETURN, 0, 0, 5], (("a", 0, 2),), 2, "data to slot 2, which is empty"),
        ([CALL, 2, 0, 0, SELECT, 0, 1, 4, RETURN, 0, 0, 5], (("a", 0, 9),), 2, "slot 9"),
        ([CALL, 2, 0, 0, SELECT, 0, 1, 4, RETURN, 0, 0, 5], (("a", 0, -2),), 2, "slot -2"),
        ([CALL, 2, 0, 0, SELECT, 0, 1, 4, RETURN, 0, 0, 5], (("a", 1, 0),), 2, "where other slots hold values"),
        ([CALL, 2, 0, 0, SELECT, 0, 1, 4, RETURN, 0, 0, 5], (("a", 2, 0),), 2, "where other slots hold values"),
        ([CALL, 2, 0, 0, SELECT, 0, 1, 4, RETURN, 0, 0, 5], (("a", 0, 0),), 5, "leads to word 5"),
        ([CALL, 2, 0, 0, SELECT, 0, 1, 4, RETURN, 0, 0, 5], (("a", 0, 0),), 0, "where other slots hold values"),
        ([CALL, 2, 0, 0, SELECT, 0, 1, 5, RETURN, 0, 0, 5], (("a", 0, 0),), 2, "not to drop it"),
        ([CALL, 2, 0, 0, SELECT, 0, 1, 0, RETURN, 0, 0, 5], (("a", 0, 0),), 2, "follow the call whose result"),
        ([CALL, 2, 0, 0, SELECT, 0, 0, 4, RETURN, 0, 0, 5], (("a", 0, 0),), 2, "is not a table of routes"),
        ([SELECT, 0, 1, 0, CALL, 2, 0, 0, RETURN, 0, 0, 5], (("a", 1, 0),), 2, "follow the call whose result"),
        ([CALL, 2, 0, 0, SELECT, 0, 1, 4, CALL, 3, 0, 0, RETURN, 0, 0, 5], (("a", 0, 0),), 3, "nothing leads to it"),
        ([CALL, 2, 0, 0, SELECT, 0, 1, 4], (("a", 0, 0),), 0, "a return has to be the last word"),
    ],
)  # fmt: skip
def test_the_verifier_knows_where_selections_lead(words, targets, end, message):
    from cascade.instructions.blueprint import Blueprint

    made = Blueprint(
        name="test", words=array("i", words).tobytes(), operands=array("i", [2, 0, 2]).tobytes(),
        constants=(add.routine, Routes(targets, end)), inputs=2, slots=3, nodes=array("i", [0] * (len(words) // 4)).tobytes(),
    )  # fmt: skip
    if message is None:
        assert Code(made) is not None
        return
    with pytest.raises(BlueprintError) as raised:
        Code(made)
    assert message in str(raised.value)


def test_a_table_of_routes_cannot_be_changed():
    table = Routes((("a", 0, 0),), 2)
    table.__init__(None, 1)  # type: ignore[misc]
    assert (table.targets, table.end) == ((("a", 0, 0),), 2)
    assert dataclasses.is_dataclass(table) is False


@pytest.mark.parametrize(
    "make",
    [
        lambda: machine(countdown, 5),
        lambda: identity(machine(lambda n: cs.Jump("again", later(n - 1)) if n else cs.Jump("end"), 2)),
        lambda: machine(lambda n: cs.Jump("nowhere"), 2),
        lambda: machine(
            lambda n: cs.TailCall((n - 1,)) if n > 3 else increment(n) if n == 3 else cs.Jump("again", 9), 2
        ),
        lambda: [machine(cs_async, 3), machine(countdown, 2), later(1)],
    ],
)
def test_both_paths_tell_the_same(make):
    stories = []
    for use_vm in (False, True):
        outcome, events = heard_from(Path(use_vm), make())
        stories.append((str(outcome), getattr(outcome, "__notes__", None), story(events)))
    assert stories[0] == stories[1]


async def cs_async(n: int) -> Any:
    await asyncio.sleep(0)
    return cs.Jump("again", n - 1) if n else cs.Jump("end", n)


def test_a_state_has_no_cache(run):
    selector = cs.select_jump({"again": identity(1), "end": None})
    for lazy in (
        cs.bind(one().with_cache(cs.MemoryCache()), selector),
        cs.bind(one(), cs.select_jump({"a": one().with_cache(cs.MemoryCache())})),
    ):
        with pytest.raises(DeclarationError, match="the state 'one' has a cache") as raised:
            run(lazy)
        assert "a task that answers with the machine" in str(raised.value)
    cache = cs.MemoryCache()
    for _ in range(2):
        assert run(answer_with_machine(3).with_cache(cache)) == 0
    assert len(cache) == 1


@cs.task
def answer_with_machine(n: int) -> Any:
    state = go_down(n)
    return cs.bind(state, cs.select_jump({"again": state}))


@cs.task
def go_down(n: int) -> Any:
    return cs.Jump("again", n - 1) if n else n
