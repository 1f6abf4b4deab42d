"""Lowered tasks give what plain Python gives, and leave typed code at any statement without a trace."""

from __future__ import annotations

import asyncio
import dataclasses
import itertools
import math
import os
import random
from array import array
from typing import Any

import pytest

import cascade as cs
from cascade._vm import Kernel
from cascade.errors import BlueprintError, CascadeError, LoweringError, RunTimeoutError, StepLimitError
from cascade.instructions.kernel import KERNEL_INSTRUCTIONS, KERNEL_WORD_FIELDS
from cascade.kernels import translate
from cascade.kernels.continuation import Continuations
from cascade.kernels.source import SourceError, read_source
from tests.conftest import Path
from tests.support import kernel_functions
from tests.support.exact import exact
from tests.support.heartbeat import ENOUGH, beats_beside
from tests.support.kernel_functions import (
    add_up,
    appends,
    asks_helper,
    compares_identity,
    count_down,
    factorial,
    generates,
    looks_at_itself,
    nested,
    retyped,
    unbound,
    use_global,
)  # fmt: skip
from tests.support.recording import brief, events_of
from tests.support.tasks import identity, later


@pytest.mark.parametrize("given", [(0, 0), (5, 0), (100, 7), (3, 2**62), (10, -(2**63))])
def test_loops_inside_a_task(run, given):
    assert run(add_up(*given)) == add_up.func(*given)


@pytest.mark.parametrize("n", [0, 1, 20, 21, 25, 60])
def test_integers_grow_past_64_bits(run, n):
    assert run(factorial(n)) == math.factorial(n)


def test_a_loop_of_tail_calls_stays_in_typed_code(run):
    before = sum(kernel.entries for kernel in _kernels(count_down))
    assert run(count_down(100_000)) == "done"
    assert sum(kernel.entries for kernel in _kernels(count_down)) - before <= 1


def _kernels(task: Any) -> list[Kernel]:
    return list(task.routine.kernels or [])


@pytest.mark.parametrize("n", [0, 1, 2, 100])
def test_max_steps_counts_typed_iterations(run, n):
    assert run(count_down(n), max_steps=n + 1) == "done"
    with pytest.raises(StepLimitError) as raised:
        run(count_down(n), max_steps=n)
    assert raised.value.iterations == n


def test_a_timeout_stops_typed_code():
    # On the graph path nothing can stop a loop inside a function, as in plain Python.
    @cs.task(lower=True)
    def forever(n):
        while n < 10:
            n = n - 1
            if n < -1000000000:
                n = 0
        return n

    with pytest.raises(RunTimeoutError):
        cs.run(forever(0), timeout=0.05)
    with pytest.raises(RunTimeoutError):
        asyncio.run(cs.arun(identity(forever(0)), timeout=0.05))


def test_typed_code_gives_the_event_loop_its_turn():
    assert asyncio.run(beats_beside(cs.arun(count_down(10**12)))) == ENOUGH
    with pytest.raises(RunTimeoutError):
        asyncio.run(cs.arun(count_down(10**12), timeout=0.05))


def test_a_name_may_get_another_meaning_between_runs(run, monkeypatch):
    assert run(use_global(10, 0)) == 30
    monkeypatch.setattr(kernel_functions, "FACTOR", 5)
    assert run(use_global(10, 0)) == 50
    monkeypatch.setattr(kernel_functions, "FACTOR", "x")
    with pytest.raises(TypeError):
        run(use_global(10, 0))


def test_types_without_registers_are_called():
    @cs.task
    def joined(n, text):
        while n > 0:
            text += "x"
            n -= 1
        return text

    for _ in range(9):
        assert cs.run(joined(3, "text")) == "textxxx"
    ((types, (reason,)),) = joined.routine.diagnostics
    assert types == ("int", "object")
    assert reason.code == "CS131"


@pytest.mark.parametrize("given", [(3, 0), (3, 0.5), (3.0, 0), (True, 1), (3, True)])
def test_each_tuple_of_types_has_typed_code_of_its_own(run, given):
    assert exact(run(add_up(*given))) == exact(add_up.func(*given))


def test_a_lowered_task_is_one_node_among_others(run):
    assert run(identity([count_down(5), later(1), add_up(3, identity(4))])) == ["done", 1, add_up.func(3, 4)]


def test_lowered_tasks_tell_the_same_events():
    graph, vm = (brief(events_of(Path(use_vm), identity([count_down(50), add_up(3, 4)]))) for use_vm in (False, True))
    assert graph == vm


def test_an_exception_has_the_users_lines(run):
    @cs.task(lower=True)
    def divide(n):
        for i in range(3, -1, -1):
            n += 10 // i
        return n

    with pytest.raises(ZeroDivisionError) as raised:
        run(divide(1))
    entry = raised.traceback[-1]
    assert (entry.name, str(entry.statement).strip()) == ("divide", "n += 10 // i")
    assert raised.value.__notes__ == ["in task 'divide', node divide#0, iteration 0"]


@pytest.mark.parametrize(
    ("function", "code", "message"),
    [
        (generates, "CS103", "generators"),
        (looks_at_itself, "CS105", "locals()"),
        (compares_identity, "CS136", "compare numbers with =="),
        (len, "CS100", "not a plain Python function"),
    ],
)
def test_a_task_that_cannot_be_lowered_says_why(function, code, message):
    task = cs.task(lower=True)(function)
    for _ in range(40):
        with pytest.raises(LoweringError) as raised:
            cs.run(task(1))
    reason = raised.value.reasons[0]
    assert reason.code == code
    assert message in str(raised.value)
    if code != "CS100":
        assert reason.line > 1
        assert "kernel_functions.py" in raised.value.where
    assert isinstance(raised.value, TypeError)


def with_parameters(count):
    names = [f"p{number}" for number in range(count)]
    return eval(f"lambda {', '.join(names)}: sum(({', '.join(names)}))")


def test_a_function_with_too_many_parameters_says_so():
    task = cs.task(with_parameters(33))
    assert cs.run(task(*range(33))) == sum(range(33))
    report = cs.explain(task(*range(33)))[task.name]
    assert (report.regime, report.why) == ("call", "not lowered")
    assert [reason.code for _, reasons in report.reasons for reason in reasons] == ["CS143"]
    with pytest.raises(LoweringError, match="more than 32 parameters"):
        cs.run(cs.task(lower=True)(with_parameters(33))(*range(33)))
    assert cs.run(cs.task(lower=True)(with_parameters(32))(*range(32))) == sum(range(32))


@pytest.mark.parametrize("function", [retyped, lambda n: [n], appends, asks_helper])
def test_a_task_that_must_be_lowered_may_have_a_kernel_made_block_by_block(function, capsys):
    task = cs.task(lower=True)(function)
    assert exact(cs.run(task(3))) == exact(function(3))
    assert task.routine.kernels == []
    assert task.routine.block_kernel.entries > 0


def test_the_truth_of_a_global_object_is_not_asked_while_lowering(monkeypatch):
    asked = []

    class Asked:
        def __bool__(self) -> bool:
            asked.append(1)
            return True

    monkeypatch.setattr(kernel_functions, "THING", Asked())
    task = cs.task(kernel_functions.asks_thing)
    for number in range(1, 10):
        assert cs.run(task(3)) == 3
        assert len(asked) == 3 * number


# -- Going on from a statement ------------------------------------------------------------------------------------------


def _stops(n: int, stop: int) -> Any:
    """Each statement that `nested` reaches, with its locals and what is left of its ranges, by a traced run."""
    import sys

    source = read_source(nested)
    lines = {statement.lineno: number for number, statement in enumerate(source.statements)}
    stops: list[tuple[int, dict[str, Any]]] = []

    def trace(frame: Any, event: str, argument: Any) -> Any:
        if frame.f_code is nested.__code__ and event == "line":
            stops.append((lines.get(frame.f_lineno, -1), dict(frame.f_locals)))
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        nested(n, stop)
    finally:
        sys.settrace(before)
    return source, stops


@pytest.mark.parametrize("given", [(0, 5), (1, 5), (4, 6), (5, 1000)])
def test_every_statement_can_be_left_in_every_iteration(given):
    source, stops = _stops(*given)
    continuations = Continuations(source)
    expected = nested(*given)
    heads = {number for number, s in enumerate(source.statements) if type(s).__name__ == "For"}
    resumed = 0
    for number, values in stops:
        if number < 0:
            continue
        loops = []
        for step in source.paths[number][1:]:
            if type(step.owner).__name__ == "For" and step.field == "body":
                last = values[step.owner.target.id]
                loops.append(range(last + 1, given[0] if step.owner.target.id == "i" else 2))
        if number in heads and values.get(source.statements[number].target.id) is not None:
            continue  # the line of a loop's head is also shown when the loop goes round
        assert continuations.resume(number, values, loops) == expected
        resumed += 1
    assert resumed > 3


def test_a_local_that_is_unbound_stays_a_local():
    continuations = Continuations(read_source(unbound))
    with pytest.raises(UnboundLocalError):
        continuations.resume(2, {"n": 0})
    assert continuations.resume(0, {"n": 1}) == 1


def test_closures_and_methods_keep_their_cells():
    base = 10

    def closed(n):
        n += base
        return n

    assert Continuations(read_source(closed)).resume(0, {"n": 1}) == 11
    base = 20
    assert Continuations(read_source(closed)).resume(0, {"n": 1}) == 21


def test_the_source_of_a_function_with_a_class_inside_is_found():
    def counts(n):
        class Counter:
            def add(self, k):
                class Inner:
                    pass

                return n + k, Inner.__qualname__

        return Counter().add(1), Counter.__qualname__

    source = read_source(counts)
    assert Continuations(source).resume(0, {"n": 1}) == counts(1)


def test_source_that_is_not_the_functions_own_is_refused():
    for function in (len, lambda: 1, int):
        with pytest.raises(SourceError):
            read_source(function)


# -- The verifier of typed code -------------------------------------------------------------------------------------------


def _typed(function: Any, types: tuple[str, ...]) -> Any:
    return translate(cs.task(lower=True)(function), types)


def test_what_the_translator_makes_passes_and_what_is_changed_is_refused_or_runs():
    pick = random.Random(int(os.environ.get("CASCADE_SEED", "1")))
    codes = [_typed(add_up.func, ("int", "int")), _typed(nested, ("int", "int")), _typed(factorial.func, ("int",))]
    refused = 0
    for code, _ in itertools.product(codes, range(300)):
        Kernel(code)
        words = array("i", code.words)
        for _ in range(pick.randint(1, 3)):
            field = pick.choice([0, 0, 2, 3, 4, 7])
            at = KERNEL_WORD_FIELDS * pick.randrange(len(words) // KERNEL_WORD_FIELDS) + field
            words[at] = pick.choice([pick.randrange(-2, len(KERNEL_INSTRUCTIONS)), 2**31 - 1])
        try:
            Kernel(dataclasses.replace(code, words=words.tobytes()))
        except CascadeError:
            refused += 1
    assert refused > 400


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"words": b""}, "the words"),
        ({"registers": 0}, "number of registers"),
        ({"exit_of": ()}, "the exits do not fit"),
        ({"bodies": ()}, "the first body"),
        ({"exits": ()}, "the exits do not fit"),
        ({"constants": ((0, "int", 1),)}, "a constant does not fit"),
        ({"constants": ()}, "and it is nothing"),
    ],
)
def test_malformed_typed_code_is_refused(changes, message):
    with pytest.raises(BlueprintError) as raised:
        Kernel(dataclasses.replace(_typed(add_up.func, ("int", "int")), **changes))
    assert message in str(raised.value)
