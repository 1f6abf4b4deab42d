"""What is inside the subset: values, exceptions and tracebacks as those of plain Python, and it does run as typed code."""

from __future__ import annotations

import re
import threading
import time
import traceback
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

import cascade as cs
from cascade.instructions.causes import CAUSES
from tests.support import kernel_functions
from tests.support.exact import exact
from tests.support.growing import growing

CASES: list[tuple[str, tuple[Any, ...]]] = [
    ("none", (0,)), ("none", (50,)), ("intfloat", (0,)), ("intfloat", (9,)), ("helper_calls", (9,)), ("factorials", (15,)),
    ("factorials", (30,)), ("fibonaccis", (12,)), ("mutual", (20,)), ("bad_helper", (5,)), ("loopy_helper", (9,)),
    ("math_functions", (40,)), ("minmax", (40,)), ("divmods", (30,)), ("powers", (20,)), ("big", (15,)), ("big", (60,)),
    ("swaps", (7,)), ("raises", (5,)), ("raises", (60,)), ("unbound_after_loop", (0,)), ("unbound_after_loop", (4,)),
    ("opaque", (3, "abc")), ("opaque", (0, [1])), ("opaque_returned", (3, "q")), ("opaque_returned", (5, "q")),
    ("unused_text", (9,)), ("lengths", (3, [1, 2, 3])), ("lengths", (3, "abcd")), ("chains", (30,)), ("nests", (12,)),
    ("shifts", (100,)), ("congruential", (50,)), ("floats", (50, 1.25)), ("floats", (5000, 1.25)),
    ("floats", (9, float("nan"))), ("floats", (9, 3)), ("bools", (5, True)), ("bools", (5, 1)), ("bools", (0, 1)),
    ("asserts", (10,)), ("asserts", (30,)), ("closed", (9,)), ("closed", (9, 2.5)), ("wide_again", (5000,)),
    ("breaks_wide", (40,)), ("rounds", (1234,)), ("rounds", (2**63 - 2,)), ("inner_loop_first", (4, -6)),
    ("inner_loop_first", (4, 7)),
]  # fmt: skip


def outcome(function: Any) -> Any:
    try:
        return exact(function())
    except Exception as error:
        frames = [f for f in traceback.extract_tb(error.__traceback__) if f.filename == kernel_functions.__file__]
        return type(error), str(error), [(f.name, f.lineno, f.colno, f.end_colno) for f in frames]


@pytest.mark.parametrize(("name", "given"), CASES, ids=[f"{name}{number}" for number, (name, _) in enumerate(CASES)])
def test_a_lowered_function_gives_what_python_gives(run, name, given):
    function = getattr(kernel_functions, name)
    task = cs.task(function)
    expected = outcome(lambda: function(*given))
    for _ in range(3):
        assert outcome(lambda: run(task(*given))) == expected


@pytest.mark.parametrize(("name", "given"), CASES, ids=[f"{name}{number}" for number, (name, _) in enumerate(CASES)])
def test_it_runs_as_typed_code(name, given):
    task = cs.task(lower=True)(getattr(kernel_functions, name))
    outcome(lambda: cs.run(task(*given)))
    (report,) = cs.explain(task).tasks
    assert report.regime == "kernel", str(cs.explain(task))
    # A NaN stays the object that it is.
    assert [kernel.runs for kernel in report.kernels] == [int(all(value == value for value in given))]


def test_after_a_wide_int_the_loop_goes_on_as_typed_code():
    task = cs.task(lower=True)(kernel_functions.wide_again)
    assert cs.run(task(50_000)) == kernel_functions.wide_again(50_000)
    (kernel,) = cs.explain(task)["wide_again"].kernels
    assert sum(way.count for way in kernel.exits) == 50
    assert kernel.back_edges > 49_000
    assert not kernel.retired


def test_a_task_with_a_loop_is_lowered_by_itself_after_a_few_calls():
    # At the first one, where not too much time went into lowering before.
    task = cs.task(kernel_functions.add_up.func)
    for _ in range(9):
        assert cs.run(task(3, 4)) == kernel_functions.add_up.func(3, 4)
    assert cs.explain(task)["add_up"].kernels[0].runs >= 1


def test_a_loop_of_tail_calls_is_lowered_by_itself_when_it_is_hot():
    task = cs.task(kernel_functions.count_down.func)
    assert cs.run(task(10)) == "done"
    assert cs.explain(task)["count_down"].regime == "call"
    assert cs.run(task(100_000)) == "done"
    (kernel,) = cs.explain(task)["count_down"].kernels
    assert 75_000 < kernel.steps < 85_000


def test_a_task_declared_with_lower_false_is_never_lowered():
    task = cs.task(lower=False)(kernel_functions.add_up.func)
    for _ in range(20):
        assert cs.run(task(3, 4)) == kernel_functions.add_up.func(3, 4)
    report = cs.explain(task)["add_up"]
    assert (report.regime, report.why, report.kernels) == ("call", "lower=False", ())


def test_the_gil_is_released_while_typed_code_runs():
    task = cs.task(lower=True)(kernel_functions.add_up.func)
    for count in growing(1e8, most=4e9):
        with ThreadPoolExecutor(1) as threads:
            result = threads.submit(cs.run, task(int(count), 0))
            beats = 0
            while not result.done():
                time.sleep(0.001)
                beats += 1
        assert result.result() > 0
        if beats > 20:
            break


def test_one_kernel_may_run_in_several_threads_at_once():
    task = cs.task(lower=True)(kernel_functions.nests)
    expected = kernel_functions.nests(60)
    found: list[Any] = []
    threads = [threading.Thread(target=lambda: found.extend(cs.run(task(60)) for _ in range(200))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [expected] * 800


def test_a_source_that_has_changed_since_it_was_loaded_is_not_lowered(tmp_path, monkeypatch):
    file = tmp_path / "edited.py"
    file.write_text("def count(n):\n    while n > 0:\n        n -= 1\n    return n\n")
    monkeypatch.syspath_prepend(tmp_path)
    import edited  # type: ignore[import-not-found]

    file.write_text("def count(n):\n    while n > 0:\n        n -= 2\n    return n\n")
    task = cs.task(edited.count)
    for _ in range(9):
        assert cs.run(task(5)) == 0
    ((_, (reason,)),) = cs.explain(task)["count"].reasons
    assert reason.code == "CS100"
    assert "is not that of the function" in reason.hint


def test_a_name_that_changes_while_a_loop_runs_is_noticed(monkeypatch):
    # The signal's handler runs where the machine looks around.
    task = cs.task(lower=True)(kernel_functions.until_factor_changes)
    for seconds in growing(0.05):
        monkeypatch.setattr(kernel_functions, "FACTOR", 0)
        timer = threading.Timer(seconds, monkeypatch.setattr, (kernel_functions, "FACTOR", 1))
        timer.start()
        steps = cs.run(task(0), timeout=seconds + 60)
        timer.join()
        if steps > 0:  # the loop had begun when the name changed
            break


def test_every_code_of_a_reason_is_documented():
    root = Path(__file__).parents[2]
    page = root / "docs" / "lowering.md"
    if not page.exists():
        pytest.skip("no documents beside the tests")
    package = Path(cs.__file__).parent / "kernels"
    used = {code for file in package.glob("*.py") for code in re.findall(r"CS1\d\d", file.read_text())}
    assert set(re.findall(r"CS1\d\d", page.read_text())) == used | {*CAUSES}


def test_a_kernel_that_keeps_leaving_is_retired():
    task = cs.task(lower=True)(kernel_functions.congruential)
    assert cs.run(task(10_000)) == kernel_functions.congruential(10_000)
    report = cs.explain(task)["congruential"]
    assert report.kernels[0].retired
    assert report.regime == "kernel"  # one of the other kind
    assert "exited so often" in str(cs.explain(task))


def test_a_kernel_whose_exits_take_longer_than_its_loops_gain_is_retired():
    @cs.task
    def doubled(n: int) -> int:
        a = 2**41
        for _ in range(n):
            a = a * 2
        return a

    program = cs.compile(doubled)
    for _ in range(200):
        assert program(25) == 2**66  # twenty turns in 64 bits, the others beyond
    report = cs.explain(doubled)["doubled"]
    assert report.kernels[0].retired
    assert "exited so often" in report.why
    assert report.kernels[0].runs < 200


def test_a_kernel_that_is_left_only_at_its_end_stays():
    @cs.task
    def ends_wide(n: int) -> int:
        total = 0
        for i in range(n):
            total += i % 7
        return total << 70

    program = cs.compile(ends_wide)
    for _ in range(100):
        assert program(20_000) == ends_wide.func(20_000)
    (kernel,) = ends_wide.routine.kernels
    assert (kernel.exits == kernel.entries > 64, kernel.retired) == (True, False)


@pytest.mark.parametrize("use_vm", [False, True])
def test_a_call_of_a_task_that_is_returned_is_lowered_by_itself(use_vm):
    @cs.task
    def count(n: int) -> int:
        return 0 if n == 0 else count(n - 1)

    @cs.task
    def down(n: int) -> str:
        if n == 0:
            return "done"
        return down(n=n - 1)

    @cs.task
    def even(n: int) -> bool:
        if n > 0:
            return odd(n - 1)
        else:
            return True

    @cs.task
    def odd(n: int) -> bool:
        return even(n - 1) if n > 0 else False

    assert [cs.run(task(9_001), use_vm=use_vm) for task in (count, down, even)] == [0, "done", False]
    for tasks in ((count,), (down,), (even, odd)):  # of two that call each other, either may be the first to be lowered
        kernels = [kernel for task in tasks for kernel in task.routine.kernels]
        assert sum(kernel.steps for kernel in kernels) >= 3_000 * use_vm
        assert bool(kernels) is use_vm
        task = next(task for task in tasks if task.routine.kernels or not use_vm)
        report = cs.explain(task(1))[task.name]
        assert not report.reasons


def test_a_comprehension_that_reads_a_variable_is_no_function_inside():
    @cs.task
    def listed(n: int, k: int) -> list[int]:
        total = 0
        for i in range(n):
            total += i
        return [x + total + k for x in range(3)]

    for arguments in ((5, 1), (5, 2**62), (5, 2**70)):
        assert cs.run(listed(*arguments)) == listed.func(*arguments)
    assert cs.explain(listed)["listed"].kernels
    assert not cs.explain(listed)["listed"].reasons


def test_a_function_inside_and_numbers_compared_by_is_hide_no_other_reasons():
    @cs.task
    def several(n: int, k: int) -> Any:
        total = 0
        for i in range(n):
            total += sum([x + total for x in range(3)])
            with open("nowhere"):
                pass
            if i is n:
                total += k is n
        return lambda: k

    assert sorted(reason.code for reason in reasons(several, 0, 1)) == ["CS102", "CS110", "CS136", "CS136", "CS138"]


def test_constants_are_computed_while_lowering():
    @cs.task(lower=True)
    def draws(n):
        state = 12345
        while n > 0:
            state = (1103515245 * state + 12345) % 2**31
            n -= 1
        return state, 2**-1, (-8.0) ** 2, 1 << 3, -17 >> 1

    assert cs.run(draws(1000)) == draws.func(1000)
    (kernel,) = draws.routine.kernels
    listing = cs.compile(draws).disassemble()
    assert "POW" not in listing and "MOD" not in listing, "modulo a power of two is a bitwise and"
    assert kernel.exits == 1, "CPython makes the tuple"


def test_a_reason_says_where_and_what_in_the_users_own_words():
    @cs.task
    def mixed(n: int) -> Any:
        s = 0
        for i in range(n):
            # fmt: off
            größe = 6; s = s + [0x10,  1_000][i % 2]  # noqa: E702
            # fmt: on
        return s + größe

    (reason,) = reasons(mixed, 3)
    assert (reason.construct, reason.column) == ("[0x10,  1_000][i % 2]", 31)


def test_a_name_that_is_not_defined_is_said_to_be():
    @cs.task
    def root(n: int) -> Any:
        s = 0.0
        for i in range(n):
            s += nowhere.sqrt(i)  # noqa: F821
        return s

    (reason,) = reasons(root, 0)
    assert reason.hint == "the name 'nowhere' is not defined"


def test_a_kernel_that_exits_before_its_loop_is_reported():
    @cs.task
    def generate(n: int) -> int:
        x, mask = 1, (1 << 64) - 1
        for _ in range(n):
            x = (x * 5 + 3) & mask
        return x

    for _ in range(10):  # it is lowered at its eighth call at the latest
        assert cs.run(generate(10)) == generate.func(10)
    assert "exited before its loop in every run" in cs.explain(generate)["generate"].why


def reasons(task: cs.Task[..., Any], *arguments: Any) -> list[Any]:
    cs.run(task(*arguments))
    return [reason for _, found in cs.explain(task)[task.name].reasons for reason in found]
