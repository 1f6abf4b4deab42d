"""explain and disassemble: kernels that are made as they are executed, their call-outs, side exits and shares of the time."""

from __future__ import annotations

import linecache
import sys
from collections.abc import Callable, Iterator
from types import FunctionType
from typing import Any

import pytest

import cascade as cs
from cascade import _vm
from cascade.reports.block_kernels import BlockKernelReport
from cascade.reports.explain import TaskReport
from tests.support import explained_functions as functions
from tests.support.explained_functions import CLOCK, Thing


@pytest.fixture(autouse=True)
def kernels_at_once_and_a_clock_that_stands_still() -> Iterator[None]:
    _vm.lower_without_delay(True)
    _vm.use_stopwatch_clock(CLOCK)
    yield
    _vm.use_stopwatch_clock(None)
    _vm.use_trial_clock(None)
    _vm.lower_without_delay(False)


def fresh(function: Callable[..., Any]) -> cs.Task[..., Any]:
    """Returns a task of a function whose kernel no other test has used."""
    assert isinstance(function, FunctionType)
    name, code = function.__name__, function.__code__
    return cs.task(FunctionType(code, function.__globals__, name, None, function.__closure__))


def explained(task: cs.Task[..., Any], *arguments: Any) -> TaskReport:
    return cs.explain(task(*arguments))[task.name]


def kernel_after(task: cs.Task[..., Any], *arguments: Any, runs: int = 1) -> BlockKernelReport:
    """Returns the report of a task's kernel after some runs."""
    for _ in range(runs):
        cs.run(task(*arguments))
    found = explained(task, *arguments).block_kernel
    assert found is not None
    return found


def line_of(function: Callable[..., Any], text: str) -> int:
    assert isinstance(function, FunctionType)
    first = function.__code__.co_firstlineno
    last = max(line for _, _, line in function.__code__.co_lines() if line)
    lines = [linecache.getline(function.__code__.co_filename, line) for line in range(first, last + 1)]
    return first + next(number for number, line in enumerate(lines) if text in line)


def test_call_outs_are_reported_with_their_source_and_share_of_the_time():
    task = fresh(functions.worked)
    found = kernel_after(task, 10, runs=3)
    assert (found.name, found.line, found.runs) == ("worked", task.func.__code__.co_firstlineno, 3)
    assert found.seconds == 3 * 10 * 4
    first, second = found.call_outs
    assert (first.line, first.source) == (line_of(functions.worked, "takes(3)"), "takes(3)")
    assert (first.verb, first.code, first.count, first.seconds, first.share) == ("is called", "CS138", 30, 90, 0.75)
    assert (second.source, second.count, second.share) == ("takes(1)", 30, 0.25)
    assert found.worst == first
    text = str(cs.explain(task(10)))
    assert text.startswith("worked  kernel   its function runs in a kernel\n    ")
    assert " instructions, 3 runs in 120 s, 60 call-outs, 0 side exits\n" in text
    assert (
        f"        line {first.line}: `takes(3)` is called, 75 % of the time, 30 times (CS138): `takes` is declared with `*` or `**`\n"
        in text
    )


@pytest.mark.parametrize(
    ("function", "source", "verb", "code"),
    functions.IN_WORDS,
    ids=[f"{function.__name__} {verb}" for function, _, verb, _ in functions.IN_WORDS],
)
def test_call_outs_are_described_in_the_users_words(function, source, verb, code):
    found = kernel_after(fresh(function), Thing())
    matching = [each for each in found.call_outs if (each.verb, each.code) == (verb, code)]
    assert [each.source for each in matching if source in each.source], found.call_outs


def test_versions_of_an_expression_are_one_call_out():
    task = fresh(functions.worked_without_loop)
    for value in (1, 1.5, True):
        cs.run(task(value))
    found = kernel_after(task, 2)
    assert [(each.source, each.count, each.share) for each in found.call_outs] == [("takes(3)", 4, 1.0)]


def test_an_expression_of_several_lines_is_shown_in_one():
    found = kernel_after(fresh(functions.spread), 2)
    (call_out,) = found.call_outs
    assert call_out.source == "takes( 2, n, )"
    assert call_out.line == line_of(functions.spread, "takes(")


def test_a_side_exit_has_a_cause_and_the_time_that_cpython_takes_to_the_end():
    task = fresh(functions.left_early)
    found = kernel_after(task, [1, 2], 1)
    assert found.exits == ()
    for _ in range(2):
        with pytest.raises(IndexError):
            cs.run(task([1, 2], 5))
    found = kernel_after(task, [1, 2], 0)
    (left,) = found.exits
    assert (left.line, left.source) == (line_of(functions.left_early, "xs[at]"), "xs[at]")
    assert (left.cause, left.count, left.share) == ("no such item", 2, 0.0)
    assert "side exit at `xs[at]`, no such item, less than 1 % of the time, 2 times" in str(left)


def test_an_exception_that_the_function_handles_is_a_side_exit():
    task = fresh(functions.caught)
    cs.run(task("1"))
    found = kernel_after(task, "one")
    (left,) = found.exits
    assert (left.source, left.count) == ("int(text)", 1)
    assert (left.seconds, left.share) == (2, 2 / 6)


def test_an_exception_that_is_raised_is_a_side_exit():
    task = fresh(functions.raised)
    with pytest.raises(ValueError, match="3"):
        cs.run(task(3))
    found = kernel_after(task, 1)
    assert [(left.source, left.cause, left.count) for left in found.exits] == [
        ("raise ValueError(n)", "an exception is raised", 1)
    ]


def test_functions_that_the_kernel_calls_are_reported_apart():
    task = fresh(functions.helped)
    found = kernel_after(task, 5)
    assert [(each.source, each.count, each.share) for each in found.call_outs] == [("takes(1)", 5, 0.25)]
    (called,) = [each for each in found.functions if each.name == "helper"]
    assert (called.line, called.file) == (functions.helper.__code__.co_firstlineno, functions.__file__)
    assert [(each.source, each.share) for each in called.call_outs] == [("takes(3)", 1.0)]
    text = str(cs.explain(task(5)))
    assert f"    it calls helper ({functions.__file__}:{called.line}): " in text
    assert "`takes(3)` is called, 100 % of its time, " in text


def test_the_time_of_recursive_calls_counts_once():
    found = kernel_after(fresh(functions.recursive), 9)
    assert found.seconds == 20
    (called,) = found.functions
    assert (called.name, called.runs, called.seconds) == ("recursive", 9, 18)
    assert [(each.count, each.share) for each in called.call_outs] == [(18, 1.0)]


def test_short_call_outs_are_sampled_without_regard_to_a_pattern():
    found = kernel_after(fresh(functions.patterned), 64 * 1000)
    share = {each.source: each.share or 0 for each in found.call_outs}
    assert [each.count for each in found.call_outs if each.source == "takes(63e-6, i)"] == [1000]
    assert 0.35 < share["takes(63e-6, i)"] < 0.65
    assert 0.35 < share["takes(1e-6)"] < 0.65
    assert found.seconds == pytest.approx(64_000 * 2e-6, rel=0.3)


def test_source_that_is_not_there_leaves_the_line():
    space: dict[str, Any] = {"takes": functions.takes}
    exec("def unseen(n):\n    for i in range(n):\n        takes(2)\n    return n\n", space)
    found = kernel_after(cs.task(space["unseen"]), 3)
    (call_out,) = found.call_outs
    assert (call_out.line, call_out.source) == (3, "")
    assert str(call_out) == (
        "line 3: something is called, 100 % of the time, 3 times (CS138): `takes` is declared with `*` or `**`"
    )


def test_code_without_columns_shows_the_line():
    code = functions.worked.__code__
    bare = FunctionType(code.replace(co_linetable=without_columns(code)), functions.worked.__globals__, "bare")
    found = kernel_after(cs.task(bare), 3)
    assert {each.source for each in found.call_outs} == {"total += takes(3)", "takes(1)"}


def without_columns(code: Any) -> bytes:
    from cascade.kernels.blocks.code_tables import Location, location_table

    lines = [line or code.co_firstlineno for line, *_ in code.co_positions()]
    ranges = [(1, Location(line, line, None, None)) for line in lines]
    return location_table(ranges, code.co_firstlineno)


class Slower:
    """A clock by which a call takes twice as long by the kernel as by CPython."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self, plain: bool) -> float:
        self.now += 1.0 if plain else 2.0
        return self.now


def retired(function):
    """Returns a new task of a function, and its report once its kernel is retired, as every call takes it twice as long."""
    task = fresh(function)
    _vm.use_trial_clock(Slower())
    for _ in range(200):
        cs.run(task(2))
    return task, explained(task, 2)


def test_a_kernel_that_retires_says_so_with_its_figures_and_its_worst_call_out():
    task, report = retired(functions.worked)
    assert report.block_kernel is not None
    assert (report.block_kernel.retired, report.block_kernel.slower) == (True, True)
    assert report.block_kernel.trial_seconds == (2.0, 1.0)
    assert report.regime == "call"
    assert report.why.startswith("CS150 its kernel takes 2.00 times as long as calling the function; line ")
    assert "`takes(3)` is called, 75 % of the time, " in report.why
    assert "the rest of the kernel" not in str(cs.explain(task(2)))
    retried = cs.explain(task(2).with_retry(2))["worked"]
    assert (retried.regime, retried.why) == ("managed", f"retry 2; {report.why}")
    text = str(cs.explain(task(2)))
    assert "side exits, retired\n" in text
    assert "        a call took 2000000.00 us by the kernel, 1000000.00 us by CPython\n" in text


def test_items_of_a_map_run_in_the_kernel_of_the_function():
    task = fresh(functions.worked)
    assert cs.run(task.map([1, 2, 3])) == [1, 2, 3]
    report = cs.explain(task.map([1]))["worked"]
    assert (report.regime, report.why) == ("kernel", "its function runs in a kernel")
    assert report.block_kernel is not None and report.block_kernel.runs == 3


def test_a_retired_kernel_whose_call_outs_take_little_time_names_no_culprit():
    task, report = retired(functions.helped)
    assert report.block_kernel is not None and report.block_kernel.own_share == 0.75
    assert report.why == (
        "CS150 its kernel takes 2.00 times as long as calling the function; "
        "its call-outs and side exits take 25 % of the time, the rest of the kernel 75 %"
    )
    assert "        the rest of the kernel takes 75 % of the time\n" in str(cs.explain(task(2)))


def test_a_kernel_that_is_not_made_yet_is_announced():
    _vm.lower_without_delay(False)
    task = fresh(functions.worked)
    report = explained(task, 2)
    assert (report.regime, report.why, report.block_kernel) == ("kernel", "its kernel is made at the next call", None)
    short = fresh(functions.worked_without_loop)
    assert explained(short, 2).calls_before_kernel == 2000
    cs.run(short(2))
    report = explained(short, 2)
    assert report.regime == "call"
    assert report.why == "its function has no loop statement, so its kernel is made at the 1,999th call from now"
    assert "not lowered" not in str(cs.explain(short(2)))


@pytest.mark.parametrize("runs", [0, 1])
@pytest.mark.parametrize(
    ("function", "code", "construct"),
    [(functions.looks, "CS105", "locals"), (functions.same, "CS136", "a.real is last")],
)
def test_a_function_that_can_have_no_kernel_says_why(function, code, construct, runs):
    task = fresh(function)
    arguments = (2,) if function is functions.looks else (1, 1)
    for _ in range(runs):
        cs.run(task(*arguments))
    report = explained(task, *arguments)
    assert (report.regime, report.why) == ("call", "not lowered")
    assert report.refusal is not None and report.refusal.code == code
    assert report.block_kernel is None and report.calls_before_kernel == 0
    text = str(cs.explain(task(*arguments)))
    assert f"    {task.name} can have no kernel:\n" in text
    assert text.count(f"{code} {construct}: ") == 1


def test_both_kinds_of_kernels_are_in_one_explanation():
    @cs.task
    def counted(n: int) -> int:
        total = 0
        while n > 0:
            total += n
            n -= 1
        return total

    worked = fresh(functions.worked)
    cs.run(worked(counted(3)))
    found = cs.explain(worked(counted(3)))
    assert [task.regime for task in found.tasks] == ["kernel", "kernel"]
    assert found["counted"].kernels and found["counted"].block_kernel is None
    assert not found["worked"].kernels and found["worked"].block_kernel is not None
    text = cs.compile(worked(counted(3))).disassemble()
    assert "kernel counted(r0: int)" in text and "kernel worked(n), " in text


def test_the_code_of_a_kernel_is_listed_beside_its_source():
    task = fresh(functions.helped)
    cs.run(task(3))
    text = cs.compile(task).disassemble()
    (listed,) = [part for part in text.split("\n\n") if part.startswith("kernel helped(n), ")]
    lines = listed.splitlines()
    assert any(" total = 0 " in line and line.endswith("total = 0") for line in lines)
    assert any("CALL_PYTHON" in line and "call-out 0: takes(1)" in line for line in lines)
    assert any("CALL_FUNCTION" in line and ": helper(n)" in line for line in lines)
    assert "LOAD_OBJECT" in listed and "= constant takes" in listed and " at 0x" not in listed
    numbers = [int(line.split()[0]) for line in lines[1:]]
    for line in lines[1:]:
        if "go to " in line:
            assert int(line.partition("go to ")[2].split()[0]) in numbers, line
    assert "kernel helper(n), " in text


def test_articles_in_a_synopsis_are_no_operands():
    def kept(xs: list[list[int]]) -> int:
        total = 0
        for x in xs:
            total += len(x)
        return total

    task = cs.task(kept)
    cs.run(task([[1], [2, 3]]))
    assert ", with a reference of its own" in cs.compile(task).disassemble()


def test_a_clock_that_fails_does_no_harm(monkeypatch: pytest.MonkeyPatch):
    failed: list[object] = []
    _vm.use_stopwatch_clock(lambda: "no time")  # type: ignore[arg-type, return-value]
    monkeypatch.setattr("sys.unraisablehook", lambda unraisable: failed.append(unraisable.exc_type))
    assert cs.run(fresh(functions.worked)(3)) == 3
    assert set(failed) == {TypeError}


def test_a_report_holds_nothing_of_the_kernel():
    task = fresh(functions.worked)
    report = kernel_after(task, 2)
    kernel = task.routine.block_kernel
    before = sys.getrefcount(kernel)
    again = kernel_after(task, 2)
    assert (sys.getrefcount(kernel), again.runs) == (before, report.runs + 1)
