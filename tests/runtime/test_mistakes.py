"""Typical mistakes of a run, and what a user reads. Those of results used as values are in tests/declare/test_operators.py."""

from __future__ import annotations

import asyncio
import inspect
import logging
import pickle
import subprocess
import sys
import traceback
from collections.abc import Iterator
from typing import Any, get_type_hints

import pytest

import cascade as cs


@cs.task
def add(a: int, b: int = 1) -> int:
    return a + b


@cs.task
def fails(x: int) -> int:
    raise ValueError(x)


@cs.task
def jumps() -> Any:
    return cs.Jump("next", 3)


def test_several_targets_are_told_to_go_in_a_list(path):
    for more in ((add(2),), (None, add(2)), (add(2), add(3))):
        with pytest.raises(cs.TargetError, match=r"several targets go in a list: cs\.run\(\[a, b\]\)"):
            path.run(add(1), *more) if not more else cs.run(add(1), *more, use_vm=path.use_vm)  # type: ignore[call-overload]
    with pytest.raises(cs.TargetError, match=r"cs\.arun\(\[a, b\]\)"):
        asyncio.run(cs.arun(add(1), add(2)))  # type: ignore[call-overload]


def test_a_run_whose_value_is_a_jump_says_how_to_bind(run):
    with pytest.raises(cs.RouteError, match=r"cs\.bind\(jumps\(\.\.\.\), cs\.select_jump") as found:
        run(jumps())
    assert "the run ends with Jump('next', 3)" in str(found.value)
    with pytest.raises(cs.RouteError, match="nothing is bound"):
        run(jumps().with_retry(2))


def test_a_program_whose_value_is_a_jump_says_how_to_bind():
    with pytest.raises(cs.RouteError, match="nothing is bound"):
        cs.compile(jumps)()


def test_a_jump_that_a_state_continues_with_leads_on(run):
    @cs.task
    def state(n: int) -> Any:
        return helper(n)

    @cs.task
    def helper(n: int) -> Any:
        return cs.Jump("again", n - 1) if n else cs.Jump("end", "done")

    first = state(2)
    assert run(cs.bind(first, cs.select_jump({"again": first, "end": None}))) == "done"


def test_params_may_stand_second_and_a_single_one_by_position():
    target = add(cs.Param("n", type=int))
    assert cs.run(target, {"n": 1}) == 2
    program = cs.compile(target)
    assert program(4) == program(n=4) == 5
    assert asyncio.run(program.arun(4)) == 5
    assert str(inspect.signature(program)) == "(n: int)"
    with pytest.raises(TypeError, match=r"program\(n=\.\.\., m=\.\.\.\)"):
        cs.compile([target, cs.Param("m")])(4)
    with pytest.raises(TypeError, match="2 were given by position"):
        program(4, 5)


def test_a_generator_function_is_warned_of_at_its_declaration():
    def numbers() -> Iterator[int]:
        yield 1

    async def later() -> Any:
        yield 1

    for function in (numbers, later):
        with pytest.warns(cs.DeclarationWarning, match="the value of task .* is a generator") as found:
            cs.task(function)
        assert found[0].filename == __file__
        for way in ("return list(...)", "@cs.resource", "cs.stream"):
            assert way in str(found[0].message)


def frames_of(error: BaseException) -> list[str]:
    return [frame.name for frame in traceback.extract_tb(error.__traceback__)]


def test_a_traceback_has_the_users_frames_alone(path):
    with pytest.raises(ValueError, match="3") as found:
        path.run(fails(3))
    assert [name for name in frames_of(found.value) if name not in ("run",)][-1] == "fails"
    assert not any(
        "cascade/runtime" in str(frame.filename) for frame in traceback.extract_tb(found.value.__traceback__)
    )


def test_a_misuse_is_shown_at_the_users_line_alone():
    with pytest.raises(cs.TargetError) as found:
        cs.run(5)  # type: ignore[call-overload]
    assert frames_of(found.value) == ["test_a_misuse_is_shown_at_the_users_line_alone"]


MISUSES = [
    lambda: fails(3) == 3, lambda: bool(fails(3)), lambda: len(fails(3)), lambda: list(fails(3)), lambda: f"{fails(3):.2f}",
    lambda: fails(3).append, lambda: fails.map(3), lambda: fails(3).with_timeout("3"), lambda: fails(3).after(4),
    lambda: cs.compile(3), lambda: cs.explain(3), lambda: cs.visualize(3),
]  # fmt: skip


@pytest.mark.parametrize("write", MISUSES)
def test_a_misuse_of_a_result_is_shown_at_the_users_line_alone(write):
    with pytest.raises(cs.CascadeError) as found:
        write()
    assert frames_of(found.value) == ["test_a_misuse_of_a_result_is_shown_at_the_users_line_alone", "<lambda>"]


def test_an_entry_point_is_a_method_of_the_class_that_holds_it():
    class Runner:
        go = cs.run

        def _repr_mimebundle_(self):
            return {}

    with pytest.raises(cs.TargetError, match="Runner"):
        Runner().go()
    assert Runner.go(add(1)) == 2


INTERRUPTED = """
import asyncio, os, signal, sys, threading
import cascade as cs

@cs.task
def spin(n):
    return spin.tail(n + 1)

@cs.task
async def sleep(n):
    await asyncio.sleep(600)

begun = threading.Event()
def press(event):
    if not begun.is_set():
        begun.set()
        threading.Timer(0.2, os.kill, (os.getpid(), signal.SIGINT)).start()

cs.run(dict(spin=spin, sleep=sleep)[sys.argv[1]](0), observers=[press])
"""


@pytest.mark.skipif(sys.platform == "win32", reason="sends signals")
@pytest.mark.parametrize("task", ["spin", "sleep"])
def test_ctrl_c_is_shown_at_the_users_line_alone(tmp_path, task):
    script = tmp_path / "script.py"
    script.write_text(INTERRUPTED)
    done = subprocess.run([sys.executable, str(script), task], capture_output=True, text=True, check=False)
    assert done.stderr.count('File "') == done.stderr.count(str(script)) in (1, 2)  # one more in the function itself
    assert done.stderr.endswith("KeyboardInterrupt\n")


def test_full_tracebacks_brings_the_frames_of_the_library_back():
    assert cs.full_tracebacks() is False
    try:
        with pytest.raises(ValueError, match="3") as found:
            cs.run(fails(3))
        assert {"run_now", "unwrap"} < set(frames_of(found.value))
    finally:
        assert cs.full_tracebacks(False) is True


def test_a_script_prints_its_own_frames(tmp_path):
    script = tmp_path / "script.py"
    script.write_text("import cascade as cs\n\n@cs.task\ndef fails(x):\n    raise ValueError(x)\n\ncs.run(fails(3))\n")
    done = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, check=False)
    assert done.stderr.count('File "') == done.stderr.count(str(script)) == 2
    assert "in task 'fails', node fails#0" in done.stderr


def test_an_exception_that_is_logged_has_the_users_frames_alone(caplog):
    try:
        cs.run(fails(3))
    except ValueError:
        logging.getLogger("test").exception("failed")
    assert "cascade/runtime" not in caplog.text


def test_run_is_a_function_for_those_who_ask():
    assert callable(cs.run)
    assert cs.run.__name__ == cs.run.__qualname__ == "run"
    assert cs.run.__doc__.startswith("Runs a target")
    assert list(inspect.signature(cs.run).parameters)[:2] == ["target", "params"]
    assert "target" in get_type_hints(cs.run)
    assert pickle.loads(pickle.dumps(cs.run)) is cs.run
