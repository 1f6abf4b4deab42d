"""A profiler sees a call of a task's function, and its return, also where typed code does what the function says."""

from __future__ import annotations

import cProfile
import pstats
import sys
from collections.abc import Callable
from typing import Any

import pytest

import cascade as cs


@cs.task(lower=True)
def add(n: int, step: int = 1) -> int:
    total = 0
    for i in range(n):
        total += i * step
    return total


@cs.task(lower=True)
def countdown(n: int) -> Any:
    for _ in range(2):
        pass
    return cs.TailCall((n - 1,)) if n else "end"


@cs.task(lower=True)
def begin(n: int) -> Any:
    for _ in range(n):
        pass
    return cs.Jump("end", n)


def events_of(run: Callable[[], Any], *tasks: cs.Task[..., Any]) -> list[tuple[str, str, str]]:
    """What `sys.setprofile` shows of the functions of tasks: the event, the function, its module."""
    seen: list[tuple[str, str, str]] = []
    places = {
        (task.func.__code__.co_filename, task.func.__code__.co_firstlineno, task.func.__code__.co_qualname)
        for task in tasks
    }

    def profile(frame: Any, event: str, argument: Any) -> None:
        code = frame.f_code
        if (code.co_filename, code.co_firstlineno, code.co_qualname) in places and not event.startswith("c_"):
            seen.append((event, code.co_name, frame.f_globals["__name__"]))

    sys.setprofile(profile)
    try:
        run()
    finally:
        sys.setprofile(None)
    return seen


def pair(name: str) -> list[tuple[str, str, str]]:
    return [("call", name, __name__), ("return", name, __name__)]


def warmed(path: Any, target: Callable[[], Any]) -> Callable[[], Any]:
    path.run(target())  # on the VM path it has typed code then
    return lambda: path.run(target())


def test_a_profile_function_sees_a_call_and_a_return_of_a_lowered_task(path, one_slice):
    assert events_of(warmed(path, lambda: add(50)), add) == pair("add")


def test_a_profile_function_sees_each_call_of_a_lowered_task_in_a_graph(path, one_slice):
    assert events_of(warmed(path, lambda: add(add(5))), add) == pair("add") * 2


def test_a_profile_function_sees_a_lowered_state(path, one_slice):
    def machine() -> Any:
        return cs.bind(begin(3), cs.select_jump({"end": None}))

    assert events_of(warmed(path, machine), begin) == pair("begin")


def test_a_profile_function_sees_a_lowered_map(path, one_slice):
    seen = events_of(warmed(path, lambda: add.map([5] * 40)), add)
    assert seen == pair("add") * (len(seen) // 2) != []


def test_a_profile_function_sees_a_loop_of_tail_calls(path, one_slice):
    seen = events_of(warmed(path, lambda: countdown(30)), countdown)
    assert seen == pair("countdown") * (len(seen) // 2) != []


def test_typed_code_is_run_under_a_profiler(one_slice):
    add_alone = cs.task(lower=True)(add.func)
    cs.run(add_alone(50))
    before = sum(kernel.entries for kernel in add_alone.routine.kernels)
    events_of(lambda: cs.run(add_alone(50)), add_alone)
    assert sum(kernel.entries for kernel in add_alone.routine.kernels) == before + 1


def test_cprofile_counts_the_calls_of_a_lowered_task(path, one_slice):
    run = warmed(path, lambda: [add(50), add(60, 2), add(70)])
    profile = cProfile.Profile()
    profile.enable()
    try:
        result = run()
    finally:
        profile.disable()
    code = add.func.__code__
    stats: Any = pstats.Stats(profile)
    assert stats.stats[code.co_filename, code.co_firstlineno, "add"][:2] == (3, 3)
    assert result == [sum(range(50)), 2 * sum(range(60)), sum(range(70))]


def test_an_error_of_a_profile_function_is_that_of_the_run(path, one_slice):
    run = warmed(path, lambda: add(50))

    def profile(frame: Any, event: str, argument: Any) -> None:
        if frame.f_code.co_name == "add" and frame.f_code.co_filename == __file__:
            raise RuntimeError("from the profiler")

    sys.setprofile(profile)
    try:
        with pytest.raises(RuntimeError, match="from the profiler"):
            run()
    finally:
        sys.setprofile(None)
    assert path.run(add(50)) == sum(range(50))


def test_a_name_that_a_profile_function_changes_is_seen(path, one_slice, monkeypatch):
    monkeypatch.setattr(sys.modules[__name__], "SCALE", 1, raising=False)

    @cs.task(lower=True)
    def scaled(n: int) -> int:
        total = 0
        for _ in range(n):
            total += SCALE  # type: ignore[name-defined]  # noqa: F821
        return total

    run = warmed(path, lambda: scaled(5))

    def profile(frame: Any, event: str, argument: Any) -> None:
        if frame.f_code.co_name == "scaled" and event == "call":
            globals()["SCALE"] = 2

    sys.setprofile(profile)
    try:
        assert run() == 10
    finally:
        sys.setprofile(None)


@pytest.mark.skipif(not hasattr(sys, "monitoring"), reason="from CPython 3.12 on")
def test_a_monitoring_profiler_sees_a_call_and_a_return_of_a_lowered_task(path, one_slice):
    run = warmed(path, lambda: add(50))
    seen: list[tuple[str, str]] = []
    monitoring: Any = sys.monitoring  # type: ignore[attr-defined]
    tool, events = monitoring.PROFILER_ID, monitoring.events
    if monitoring.get_tool(tool) is not None:
        pytest.skip("there is a profiler")

    def note(event: str) -> Callable[..., Any]:
        return lambda code, *rest: seen.append((event, code.co_name)) if code.co_filename == __file__ else None

    monitoring.use_tool_id(tool, "test")
    try:
        monitoring.register_callback(tool, events.PY_START, note("call"))
        monitoring.register_callback(tool, events.PY_RETURN, note("return"))
        monitoring.set_events(tool, events.PY_START | events.PY_RETURN)
        run()
    finally:
        monitoring.set_events(tool, 0)
        monitoring.free_tool_id(tool)
    assert [each for each in seen if each[1] == "add"] == [("call", "add"), ("return", "add")]
