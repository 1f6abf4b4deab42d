"""Sequences and pipelines, on both paths."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

import cascade as cs
from cascade.errors import CycleError, DeclarationError, DependencyMissingError
from tests.support.recording import heard_from, story
from tests.support.tasks import add, identity, increment, later, one


def test_a_sequence_runs_one_after_the_other(run):
    calls: list[Any] = []

    @cs.task
    async def note(name: str, needed: Any = None) -> str:
        await asyncio.sleep(0.002 if name == "a" else 0)
        calls.append(name)
        return name

    assert run(cs.sequence([note("a"), note("b"), note("c", note("x"))])) == "c"
    assert [name for name in calls if name != "x"] == ["a", "b", "c"]
    same = one()
    assert run(cs.sequence([same, same])) == 1


def test_a_skipped_part_of_a_sequence_skips_the_rest(path):
    outcome, events = heard_from(path, cs.sequence([one().run_if(False), increment(1)]))
    assert isinstance(outcome, DependencyMissingError)
    assert story(events) == [
        ("skipped", "one#0", "ConditionFalse"),
        ("skipped", "increment#1", "UpstreamSkipped_Sequence"),
    ]


def test_bad_sequences_and_pipelines_are_refused(run):
    for bad in ([], [1], [one(), "x"]):
        with pytest.raises(DeclarationError):
            cs.sequence(bad)
    with pytest.raises(DeclarationError):
        cs.pipeline(1, [3])
    with pytest.raises(DeclarationError):
        cs.pipeline(1, [lambda value: 3])
    first, second = one(), increment(1)
    cs.sequence([first, second])
    with pytest.raises(CycleError):
        run(cs.sequence([second, first]))


def test_a_pipeline_passes_a_value_on(run):
    assert run(cs.pipeline(1, [increment, increment, identity])) == 3
    assert run(cs.pipeline(later(1), [increment, later])) == 2
    assert cs.pipeline(5, []) == 5
    assert run(increment(cs.pipeline(one(), []))) == 2


def test_a_skipped_stage_lets_its_input_through(path):
    target = cs.pipeline(
        1, [increment, lambda x: increment(x).run_if(identity(False)), lambda x: add(x, 10).run_if(True), increment]
    )
    outcome, events = heard_from(path, target)
    assert outcome == 13
    assert [event[2] for event in story(events) if event[0] == "skipped"] == ["ConditionFalse"]
    assert path.run(cs.pipeline(7, [lambda x: increment(x).run_if(0)])) == 7
    assert path.run(cs.pipeline(later(7), [lambda x: later(x).run_if(later(0))])) == 7
    with pytest.raises(DependencyMissingError):
        path.run(cs.pipeline(one().run_if(False), [increment, lambda x: increment(x).run_if(0)]))
