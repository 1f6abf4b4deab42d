"""After a side exit CPython continues: to the function's end, at the right lines, and in frames that hold the user's variables only."""

from __future__ import annotations

import pdb
import textwrap
import traceback
from collections.abc import Callable
from types import FrameType
from typing import Any

import pytest

import cascade as cs
from tests.support.random_programs import Call, Program, compare

LIMIT = 2**63 - 1

# -- Falling off the end ----------------------------------------------------------------------------------------------

ENDS = {
    "for": """
        for j in range(3):
            if j == stop:
                y = x * x
    """,
    "while": """
        j = -1
        while j < 2:
            j += 1
            if j == stop:
                y = x * x
    """,
    "else of for": """
        for j in range(3):
            pass
        else:
            y = x * x
    """,
    "else of while": """
        j = 0
        while j < 3:
            j += 1
        else:
            if j > stop:
                y = x * x
    """,
    "for in for": """
        for i in range(2):
            for j in range(3):
                if i and j == stop:
                    y = x * x
    """,
    "while in for": """
        for i in range(2):
            j = 3
            while j > 0:
                j -= 1
                if j == stop:
                    y = x * x
    """,
    "for in while with else": """
        i = 2
        while i > 0:
            i -= 1
            for j in range(3):
                if j == stop:
                    y = x * x
            else:
                y = 0
        else:
            y = 1
    """,
    "continue": """
        for j in range(3):
            if j != stop:
                continue
            y = x * x
    """,
    "break": """
        for j in range(3):
            if j == stop:
                y = x * x
                break
    """,
    "break of an inner loop": """
        for i in range(2):
            for j in range(3):
                if j == stop:
                    y = x * x
                    break
            else:
                break
    """,
    "return of nothing": """
        while True:
            if stop >= 0:
                y = x * x
                return
            stop += 1
    """,
    "if": """
        for j in range(3):
            pass
        if j > stop:
            y = x * x
    """,
}
FORMS = {
    "task": "@task(lower=True)\ndef f(stop, x):\n{}",
    "helper": "def h(stop, x):\n{}\n@task(lower=True)\ndef f(stop, x):\n    for _ in range(2):\n        u = h(stop, x)\n    return u is None",
    "tail call": "@task(lower=True)\ndef g(stop, x):\n{}\n@task(lower=True)\ndef f(stop, x):\n    return g.tail(stop, x)",
    "state": "@task\ndef g(stop, x):\n{}\n@task\ndef f(stop, x):\n    for _ in range(2):\n        pass\n    return Jump('g', (stop, x))",
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("end", ENDS)
def test_a_function_that_falls_off_its_end_after_a_side_exit_returns_none(form, end):
    # Each is called on both paths; on the VM path as a target, as a Program, under a limit of steps, and in a map.
    body = textwrap.indent(textwrap.dedent(ENDS[end]).strip("\n"), "    ")
    machine = form == "state"
    script = tuple(Call((stop, x), 3, (stop, x) if machine else ()) for stop in (0, 1, 2, 9) for x in (3, 2**40))
    tally = compare(Program(0, FORMS[form].format(body) + "\n", script, machine=machine))
    assert not tally.refused
    assert tally.calls == len(script)
    assert tally.exits > 0


# -- Lines after many exits -------------------------------------------------------------------------------------------


def in_while(stop: int, big: int) -> Any:
    i = 0
    while i < 100:
        i += 1
        if i == stop:
            total = missing + i  # noqa: F821, F841
    missing = i if stop < 0 else 0
    return missing


def first_in_while(stop: int, big: int) -> Any:
    i = 0
    while i < stop:
        total = missing + i  # noqa: F821, F841
        i += 1
    missing = i
    return missing


def first_in_for(stop: int, big: int) -> Any:
    i = 0
    for i in range(stop):
        total = missing + big  # noqa: F821, F841
    missing = i
    return missing


def in_nested_loops(stop: int, big: int) -> Any:
    i = total = 0
    for i in range(4):
        for j in range(5):
            total = missing + big if j * i == stop else i  # noqa: F821
    missing = i + total
    return missing


def divided(stop: int, big: int) -> Any:
    i = total = 0
    while i < 40:
        i += 1
        for _ in range(40):
            pass
        total += big + 1 - big
        total //= i - stop
    return total


def place_of(call: Callable[[], Any]) -> tuple[Any, ...]:
    with pytest.raises((UnboundLocalError, ZeroDivisionError)) as raised:
        call()
    last = traceback.extract_tb(raised.value.__traceback__)[-1]
    return type(raised.value), last.name, last.lineno, last.end_lineno, last.colno, last.end_colno


@pytest.mark.parametrize("function", [in_while, first_in_while, in_nested_loops, divided])
def test_a_traceback_names_the_statement_however_often_typed_code_has_exited(path, function):
    task = cs.task(lower=True)(function)
    expected = place_of(lambda: function(12, LIMIT))  # once: CPython has not yet specialised it
    places = [place_of(lambda: path.run(task(12, LIMIT))) for _ in range(101)]
    assert {number: place for number, place in enumerate(places, 1) if place != expected} == {}
    assert not path.use_vm or sum(kernel.exits for kernel in task.routine.kernels) >= 64


def test_a_traceback_names_the_first_statement_of_a_for_even_where_warm_cpython_does_not():
    # CPython 3.11 itself names the line of the `for` once it has specialised the function.
    task = cs.task(lower=True)(first_in_for)
    expected = place_of(lambda: first_in_for(12, LIMIT))
    places = {place_of(lambda: cs.run(task(12, LIMIT))) for _ in range(60)}  # typed code is retired after 64 exits
    assert places == {expected}


@pytest.mark.parametrize("turns", [1, 8, 9, 16, 39])
def test_a_traceback_names_the_statement_after_many_exits_of_one_run(path, turns):
    task = cs.task(lower=True)(divided)
    assert place_of(lambda: path.run(task(turns, LIMIT))) == place_of(lambda: divided(turns, LIMIT))


# -- Frames -----------------------------------------------------------------------------------------------------------


def frame_of(call: Callable[[], Any]) -> FrameType:
    with pytest.raises(ZeroDivisionError) as raised:
        call()
    return [frame for frame, _ in traceback.walk_tb(raised.value.__traceback__)][-1]


def make_nested(offset: int) -> Callable[..., Any]:
    unused = "a free variable that the rest of the function does not read"

    def nested(stop: int, big: int, scale: float, flag: bool = True, nothing: None = None) -> Any:
        text = unused
        total = 0
        for i in range(3):
            w = 3
            while w > 0:
                w -= 1
                ratio = scale * w
                for j in range(i + 2):
                    if i * 100 + w * 10 + j == stop:
                        total = big + 1
                    if i * 100 + w * 10 + j == stop + 1:
                        total //= offset
                        never = 1
        return total, never, text, ratio

    return nested


@pytest.mark.parametrize("stop", [0, 10, 20, 101, 111, 202, 222])
def test_the_frame_of_a_traceback_holds_the_users_variables_with_their_values(path, stop):
    function = make_nested(0)
    task = cs.task(lower=True)(function)
    expected = frame_of(lambda: function(stop, LIMIT, 0.5)).f_locals
    for _ in range(12):
        found = frame_of(lambda: path.run(task(stop, LIMIT, 0.5))).f_locals
        assert dict(found) == dict(expected)
        assert {name: type(value) for name, value in found.items()} == {
            name: type(value) for name, value in expected.items()
        }


def test_a_post_mortem_debugger_shows_what_typed_code_held(path, capsys, monkeypatch):
    function = make_nested(0)
    with pytest.raises(ZeroDivisionError) as raised:
        path.run(cs.task(function)(101, LIMIT, 0.5))
    commands = iter(["p total, i, j, w, ratio, flag, nothing", "p sorted(locals())", "q"])
    monkeypatch.setattr("builtins.input", lambda prompt="": next(commands))
    pdb.post_mortem(raised.value.__traceback__)
    shown = capsys.readouterr().out
    assert f"({LIMIT + 1}, 1, 2, 0, 0.0, True, None)" in shown
    assert f"{sorted(frame_of(lambda: function(101, LIMIT, 0.5)).f_locals)}" in shown
