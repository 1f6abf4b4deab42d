"""Policies: the methods that set them, and defaults of tasks; the same on both paths."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

import cascade as cs
from cascade.errors import (
    CapacityError,
    DeclarationError,
    DependencyMissingError,
    PolicyError,
)
from tests.conftest import Path
from tests.support.flaky import Flaky
from tests.support.recording import heard_from, story
from tests.support.tasks import add, countdown, identity, increment, later, one


def test_a_method_changes_the_result_and_gives_it_back():
    lazy = increment(1)
    assert lazy.run_if(True).with_retry(2).with_timeout(1).with_constraints(cpu=1).after(one()) is lazy
    assert lazy.policies is not None
    assert lazy.policies.retry == cs.Retry(2)


def test_a_policy_counts_whether_the_returned_value_or_the_original_is_used(run):
    flaky = Flaky(1)
    lazy = cs.task(flaky)()
    lazy.with_retry(2)
    assert run(lazy) == "done"


def test_a_compiled_program_keeps_the_policies_it_was_compiled_with():
    lazy = increment(1)
    program = cs.compile(lazy)
    lazy.run_if(False)
    assert program() == 2
    with pytest.raises(DependencyMissingError):
        cs.compile(lazy)()


def test_a_shared_node_with_policies_runs_once(run):
    flaky = Flaky(1)
    shared = cs.task(flaky)(3).with_retry(2)
    assert run(add(shared, shared)) == 6
    assert flaky.calls == 2


@pytest.mark.parametrize(
    ("set_policy", "kind", "message"),
    [
        (lambda lazy: lazy.with_retry(0), PolicyError, "max_attempts=0"),
        (lambda lazy: lazy.with_retry(1.5), DeclarationError, "max_attempts=1.5"),
        (lambda lazy: lazy.with_retry(True), DeclarationError, "max_attempts=True"),
        (lambda lazy: lazy.with_retry(2, delay=-1), PolicyError, "delay is -1"),
        (lambda lazy: lazy.with_retry(2, jitter=2), PolicyError, "from 0 to 1"),
        (lambda lazy: lazy.with_retry(2, retry_on=BaseException), DeclarationError, "retry_on"),
        (lambda lazy: lazy.with_retry(2, retry_on=asyncio.CancelledError), DeclarationError, "never retried"),
        (lambda lazy: lazy.with_retry(2, retry_on="ValueError"), DeclarationError, "retry_on"),
        (lambda lazy: lazy.with_timeout(0), PolicyError, "timeout=0"),
        (lambda lazy: lazy.with_timeout("1"), DeclarationError, "of type str"),
        (lambda lazy: lazy.with_timeout(float("nan")), PolicyError, "nan"),
        (lambda lazy: lazy.with_constraints(cpu=-1), PolicyError, "'cpu' is -1"),
        (lambda lazy: lazy.with_constraints(cpu="1"), DeclarationError, "'cpu'"),
        (lambda lazy: lazy.with_constraints(cpu=float("inf")), PolicyError, "'cpu'"),
        (lambda lazy: lazy.after(3), DeclarationError, "after(3)"),
        (lambda lazy: lazy.with_cache(dict()), DeclarationError, "no method 'check'"),
    ],
)
def test_bad_policies_are_refused_where_they_are_set(set_policy, kind, message):
    with pytest.raises(kind) as raised:
        set_policy(one())
    assert message in str(raised.value)


def test_an_unknown_option_of_task_is_refused_with_the_nearest_name():
    with pytest.raises(DeclarationError, match="did you mean 'timeout'"):
        cs.task(time_out=3)  # type: ignore[call-overload]


def test_a_task_has_default_policies_that_a_call_overrides(run):
    flaky = Flaky(2)
    task = cs.task(flaky, retry=3, timeout=5, constraints={"cpu": 1})  # type: ignore[call-overload]
    assert run(task(), system_resources={"cpu": 1}) == "done"
    flaky.calls = 0
    with pytest.raises(ValueError, match="attempt 2"):
        run(task().with_retry(2), system_resources={"cpu": 1})
    flaky.calls = 0
    with pytest.raises(ValueError, match="attempt 1"):
        run(task().with_retry(None), system_resources={"cpu": 1})
    flaky.calls = 2
    with pytest.raises(CapacityError):
        run(task().with_constraints(cpu=2), system_resources={"cpu": 1})


def test_defaults_hold_for_programs_tail_calls_and_their_targets(path):
    flaky = Flaky(2)
    assert cs.compile(cs.task(retry=cs.Retry(3))(flaky))("x") == "x"
    other = cs.task(retry={"max_attempts": 3})(Flaky(2))
    starts = cs.task(lambda: cs.TailCall(("y",), target=other))
    assert path.run(starts()) == "y"
    with pytest.raises(CapacityError):
        cs.compile(cs.task(constraints={"cpu": 2})(lambda: 1))
    assert cs.compile(cs.task(constraints={"cpu": 2})(lambda: 1), system_resources={"cpu": 2})() == 1


def own_lines(listing: str) -> list[str]:
    """The lines of the blueprint: typed code follows, if a test before this one has called a task often enough."""
    return listing.partition("\n\n")[0].splitlines()[1:]


def test_a_node_without_policies_is_a_plain_call():
    listing = cs.compile(add(one(), increment(1).with_retry(2))).disassemble()
    assert [line.split()[1] for line in own_lines(listing)] == ["CALL", "CALL_POLICIES", "CALL", "RETURN"]
    listing = cs.compile(add(one(), increment(1).run_if(1))).disassemble()
    assert [line.split()[1] for line in own_lines(listing)] == [
        "CALL",
        "CALL_POLICIES",
        "CALL_POLICIES",
        "RETURN",
    ]


@pytest.mark.parametrize(
    "make",
    [
        lambda: add(increment(1).run_if(one()), increment(2).run_if(identity(False))),
        lambda: [cs.task(Flaky(1))().with_retry(2), cs.task(Flaky(3))().with_retry(3)],
        lambda: identity(later(3).with_retry(2).with_timeout(3)).after(one().run_if(0)),
        lambda: add(countdown(3).with_retry(2), "x"),
        lambda: add(later(1, 0.01).with_constraints(cpu=2), later(2, 0.01).with_constraints(cpu=one())),
    ],
)
def test_both_paths_tell_the_same(make):
    stories = []
    for use_vm in (False, True):
        outcome, events = heard_from(Path(use_vm), make(), system_resources={"cpu": 2})
        stories.append((str(outcome), getattr(outcome, "__notes__", None), story(events)))
    assert stories[0] == stories[1]


def test_deep_and_wide_graphs_of_policies(path):
    target: Any = increment(0)
    for _ in range(20_000):
        target = increment(target).with_retry(2)
    assert path.run(target) == 20_001
    target = one()
    for _ in range(20_000):
        target = one().after(target)
    assert path.run(target) == 1
    skipped: Any = one().run_if(False)
    for _ in range(5_000):
        skipped = increment(skipped)
    with pytest.raises(DependencyMissingError):
        path.run(skipped)
    assert path.run([one().run_if(one()) for _ in range(5_000)]) == [1] * 5_000


def test_a_tail_call_to_itself_by_name_keeps_arguments_and_policies(run):
    attempts: list[int] = []

    @cs.task(name="loop")
    def loop(n: int, step: int) -> Any:
        attempts.append(n)
        if len(attempts) % 2:
            raise ValueError("heals")
        return cs.TailCall((n - step,), target="loop") if n > 0 else step

    assert run(loop(2, 1).with_retry(2)) == 1
    assert attempts == [2, 2, 1, 1, 0, 0]


def test_policies_that_are_taken_back_leave_a_plain_call():
    from cascade.graph.build import build_graph

    flaky = cs.task(Flaky(1), retry=2)  # type: ignore[call-overload]
    lazy = flaky(1).with_retry(None)
    assert lazy.policies is None
    assert build_graph(lazy).rows[-1][0] is flaky
    with pytest.raises(ValueError, match="attempt 1"):
        cs.run(lazy)
