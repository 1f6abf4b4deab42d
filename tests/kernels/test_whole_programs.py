"""Whole programs as people write them, changed at random, give in kernels and in machine code what plain Python gives."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

import cascade as cs
from tests.support.whole_programs import Call, Difference, Program, compare, comparison, write_program
from tests.support.whole_programs.comparison import Recorder
from tests.support.whole_programs.programs import samples, unchanged

FIRST = int(os.environ.get("CASCADE_SEED", "1"))


def module(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "tests.support.whole_programs", *arguments]
    environment = {**os.environ, "PYTHONHASHSEED": "0"}
    return subprocess.run(command, capture_output=True, text=True, check=False, env=environment)


def test_random_changes_of_whole_programs_give_what_python_gives():
    done = module("--programs", "40", "--seed", str(FIRST))
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
    assert int(done.stdout.split("compared ")[-1].split()[0]) > 20


@pytest.mark.parametrize("sample", samples(), ids=[sample.name for sample in samples()])
def test_the_samples_give_what_python_gives(sample, monkeypatch):
    monkeypatch.setattr(comparison, "PLAIN_SECONDS", 5.0)
    assert compare(unchanged(sample)).calls > 3


def test_a_seed_gives_one_program():
    assert str(write_program(FIRST)) == str(write_program(FIRST))
    assert str(write_program(FIRST)) != str(write_program(FIRST + 1))


BASIC = """
LOG = []
def f(xs, n):
    print(n)
    total = 0
    for i in range(n):
        total += xs[i]
        xs[i] = total
    LOG.append(total)
    return total
"""
CALLS = (Call("f", "([1, 2, 3], 3)"), Call("f", "([1.5, 0], 5)"))


def shown_by(monkeypatch: pytest.MonkeyPatch, wrong: object) -> str:
    """The kind of difference that an engine shows which is wrong in one way."""
    made = Recorder.made
    monkeypatch.setattr(
        Recorder,
        "made",
        lambda self, call, given: wrong(made, self, call, given) if self.world.way else made(self, call, given),
    )
    with pytest.raises(Difference) as raised:
        compare(Program(0, BASIC, CALLS))
    return raised.value.kind


def test_an_engine_that_is_right_shows_no_difference():
    assert compare(Program(0, BASIC, CALLS)).calls == 2


def other_type(made, self, call, given):
    return float(made(self, call, given))


def other_arguments(made, self, call, given):
    found = made(self, call, given)
    given[0].append(1)
    return found


def other_output(made, self, call, given):
    print("more")
    return made(self, call, given)


def other_state(made, self, call, given):
    self.world.names["LOG"].append(1)
    return made(self, call, given)


def no_exception(made, self, call, given):
    try:
        return made(self, call, given)
    except IndexError:
        return 0


def no_traceback(made, self, call, given):
    try:
        return made(self, call, given)
    except IndexError as error:
        raise error.with_traceback(None) from None


def a_reference_more(made, self, call, given):
    KEPT.append(given[0])
    return made(self, call, given)


KEPT: list[object] = []


@pytest.mark.parametrize(
    ("wrong", "part"),
    [
        (other_type, "result value/value"), (other_arguments, "arguments value/value"), (other_output, "stdout value/value"),
        (other_state, "module value/value"), (no_exception, "result raised/value"), (no_traceback, "result raised/raised"),
        (a_reference_more, "counts value/value"),
    ],
)  # fmt: skip
def test_an_engine_that_is_wrong_is_seen(wrong, part, monkeypatch):
    assert shown_by(monkeypatch, wrong) == f"kernels: {part}"


def test_machine_code_is_executed():
    tally = compare(Program(0, BASIC, CALLS))
    assert tally.in_machine_code == int(cs._vm.has_machine_code())
