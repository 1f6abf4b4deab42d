"""Random programs give what plain Python gives; and the comparison itself would see it if they did not."""

from __future__ import annotations

import math
import os
import re
import subprocess
import sys
import warnings

import pytest

from tests.support.random_programs import (
    Call,
    Change,
    Difference,
    Object,
    Program,
    Tally,
    compare,
    exact,
    write_program,
)
from tests.support.random_programs.comparison import MachineWay
from tests.support.random_programs.minimise import minimise, shown_by

FIRST = int(os.environ.get("CASCADE_SEED", "1"))
AT_ONCE = 250


@pytest.mark.parametrize("first", range(FIRST, FIRST + 2 * AT_ONCE, AT_ONCE))
def test_random_programs_give_what_python_gives(first):
    tally = Tally()
    for seed in range(first, first + AT_ONCE):
        tally.add(compare(write_program(seed)))  # a difference names its seed
    assert tally.programs > 0.75 * AT_ONCE  # of these seeds 199 to 227 of 250: the others are refused
    assert tally.in_kernels > 0.4 * AT_ONCE
    assert tally.raised > 0.2 * tally.calls
    assert tally.exits > tally.in_kernels


def test_the_same_seed_gives_the_same_program():
    code = "from tests.support.random_programs import write_program; print([write_program(seed) for seed in range(100, 150)])"
    texts = []
    for hash_seed in ("1", "2"):
        environment = {**os.environ, "PYTHONHASHSEED": hash_seed}
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, env=environment)
        texts.append(re.sub(rb" at 0x\w+", b"", done.stdout))
    assert texts[0] == texts[1]


def test_all_programs_are_python():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about comparisons of literals and the like
        for seed in range(FIRST, FIRST + 500):
            compile(write_program(seed).text, f"seed {seed}", "exec")


def program(body: str, *script: Call | Change, before: str = "", task: str = "@task(lower=True)") -> Program:
    lines = [before, task, "def f(k, a):", *("    " + line for line in body.splitlines())]
    return Program(0, "\n".join(lines) + "\n", script)


LOOP = """\
c = 1
for i in range(a):
    c = c * 3 + i
pass
return c
"""


@pytest.mark.parametrize(
    ("body", "result"),
    [
        ("return a + 1", lambda right: float(right)),
        ("return a * 0.0", lambda right: -right),
        ("return a > 3", lambda right: int(right)),
        ("return a - a or None", lambda right: 0),
        ("return (a, a * 0.5)", lambda right: [*right]),
    ],
)
def test_another_value_is_a_difference(monkeypatch, body, result):
    wrong = program(body, Call((0, 7)))
    compare(wrong)
    monkeypatch.setattr(MachineWay, "run_program", lambda way, arguments: result(way.program(*arguments)))
    with pytest.raises(Difference) as raised:
        compare(wrong)
    assert raised.value.kind == "VM path: result value/value"


@pytest.mark.parametrize("trouble", [ZeroDivisionError("division by zero"), ValueError("integer modulo by zero")])
def test_another_exception_or_traceback_is_a_difference(monkeypatch, trouble):
    def fail(way, arguments):
        raise trouble

    divided = program("return a // k", Call((0, 7)))
    assert compare(divided).raised == 1
    monkeypatch.setattr(MachineWay, "run_program", fail)
    with pytest.raises(Difference, match="integer division or modulo by zero"):
        compare(divided)


def test_what_is_done_twice_to_an_object_is_a_difference(monkeypatch):
    asked = program("return 1 if a else 2", Call((0, Object("noisy", "it"))), task="@task")
    compare(asked)

    def twice(way, arguments):
        bool(arguments[1])
        return way.program(*arguments)

    monkeypatch.setattr(MachineWay, "run_program", twice)
    with pytest.raises(Difference, match="log"):
        compare(asked)


def test_changes_between_the_calls_are_seen():
    uses = program(
        "return a + FACTOR + h0(a) + abs(a) + math.floor(2.5)",
        Call((0, 7)), Change("name", "FACTOR", 0.5), Call((0, 7)), Change("defaults", "h0", (5,)), Call((0, 7)),
        Change("shadow", "abs", str), Call((0, 7)), Change("unshadow", "abs"),
        Change("math", "floor", len), Call((0, 7)),
        Change("math", "floor", None), Change("delete", "FACTOR"), Call((0, 7)),
        before="FACTOR = 1\ndef h0(u, v=2):\n    return u - v",
    )  # fmt: skip
    assert compare(uses).raised == 3
    assert math.floor(2.5) == 2


def test_what_python_cannot_run_in_time_is_left_out():
    tally = compare(program("while True: a += 1", Call((0, 7))))
    assert (tally.programs, dict(tally.left_out)) == (0, {"Runaway": 1})


def test_what_is_endless_on_the_vm_path_only_is_a_difference(monkeypatch):
    monkeypatch.setattr(MachineWay, "seconds", 0.05)

    def endless(way, arguments):
        while True:
            pass

    monkeypatch.setattr(MachineWay, "run_program", endless)
    with pytest.raises(Difference, match="none in time"):
        compare(program("return a", Call((0, 7))))


def test_a_difference_is_made_smaller(monkeypatch):
    monkeypatch.setattr(MachineWay, "run_program", lambda way, arguments: way.program(*arguments) % 1000)
    long = program(LOOP, Call((0, 2)), Call((0, 9)), Call((1, 20)), before="FACTOR = 2")
    kind, text = shown_by(long)
    assert kind == "VM path: result value/value"
    assert "expected" in text
    small = minimise(long, kind, seconds=20)
    assert len(small.script) == 1
    assert "FACTOR" not in small.text and "pass" not in small.text and "3" in small.text
    assert shown_by(small)[0] == kind


def test_exact_tells_all_values_apart():
    values = [0, 0.0, -0.0, False, None, 1, 1.0, True, "1", (1,), [1], (1.0,), 1j, complex(-0.0, 1), math.inf, math.nan]
    assert len({repr(exact(value)) for value in values}) == len(values)
    assert exact(math.nan) == exact(-math.nan)
