"""Machine code: it computes what handlers and CPython compute, is left where they have to decide, and does no harm to the process."""

from __future__ import annotations

import faulthandler
import linecache
import os
import signal
import subprocess
import sys
import threading
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import cascade as cs
from cascade import _vm
from tests.support import machine_code_functions as functions
from tests.support.machine_code_functions import (
    FLOATS,
    INTS,
    arrays,
    assert_same,
    carried,
    forms,
    in_a_loop,
    machine_code,
    made_of,
    outcome,
)

pytestmark = pytest.mark.skipif(not _vm.has_machine_code(), reason="no machine code for this platform")


both_kinds = pytest.mark.parametrize("has_source", [True, False], ids=["numbers", "blocks"])
"""Kernels of numbers, and those of any function."""


@pytest.fixture(autouse=True)
def at_once() -> Iterator[None]:
    with machine_code(0):
        yield


BINARY = ("+", "-", "*", "//", "%", "&", "|", "^")
CONSTANTS = (1, 2, 3, 7, 8, 10, 1000, 65521, 1 << 30, (1 << 31) - 1, 1_000_000_007, -3)


@both_kinds
@pytest.mark.parametrize("sign", [*BINARY, "/", "<", "<=", "==", "!="])
def test_each_operation_of_two_ints_at_all_borders(sign, has_source):
    calls = [(x, y, 0, 3) for x in INTS for y in INTS]
    assert_same(in_a_loop(f"x {sign} y", has_source), calls)


@both_kinds
@pytest.mark.parametrize("sign", ["<<", ">>"])
@pytest.mark.parametrize("bits", ["y", "3", "62"])
def test_shifts_at_all_borders(sign, bits, has_source):
    calls = [(x, y, 0, 3) for x in INTS for y in (0, 1, 5, 31, 32, 61, 62, 63, 64, 200, -1)]
    assert_same(in_a_loop(f"x {sign} {bits}", has_source), calls)


@both_kinds
@pytest.mark.parametrize("sign", ["//", "%", "*", "+", "-", "&"])
@pytest.mark.parametrize("constant", CONSTANTS)
def test_operations_with_a_constant(sign, constant, has_source):
    near = [constant * k + d for k in (0, 1, -1, 5, 1 << 30) for d in (-1, 0, 1)]
    calls = [(x, 0, 0, 3) for x in (*INTS, *near) if -(1 << 63) <= x < 1 << 63]
    assert_same(in_a_loop(f"x {sign} {constant}", has_source), calls)


@both_kinds
@pytest.mark.parametrize("second", BINARY)
@pytest.mark.parametrize("first", ["+", "-", "*", "%"])
def test_two_operations_one_after_the_other(first, second, has_source):
    some = (0, 1, -1, 3, -7, 1 << 31, (1 << 62) + 1, -(1 << 63))
    calls = [(x, y, z, 2) for x in some for y in some for z in some]
    assert_same(in_a_loop(f"(x {first} y) {second} z", has_source), calls)
    assert_same(in_a_loop(f"z {second} (x {first} y)", has_source), calls)


@pytest.mark.parametrize("second", BINARY)
@pytest.mark.parametrize("first", ["+", "-", "*", "%", "&"])
def test_two_operations_where_the_result_replaces_an_operand(first, second):
    # An item of a list and the result of what is done with it stand in one register, one after the other; not yet at the first turn.
    some = (0, 1, -1, 3, -7, 1 << 31, (1 << 62) + 1, -(1 << 63))
    calls = [([1, 1, x], y, z, 3) for x in some for y in some for z in some]
    assert_same(in_a_loop(f"z - ((x[turn] {first} y) {second} z)", False), calls)
    assert_same(in_a_loop(f"z - (z {second} (y {first} x[turn]))", False), calls)


@both_kinds
@pytest.mark.parametrize("sign", BINARY)
def test_a_sum_that_is_kept_in_place_is_exact_where_it_overflows(sign, has_source):
    some = (0, 1, -1, 3, -7, 1 << 61, -(1 << 61))
    assert_same(carried(f"x {sign} y", has_source), [(x, y, 0, 40) for x in some for y in some])
    assert_same(carried(f"y {sign} x", has_source), [(x, y, 5, 40) for x in some for y in some])
    assert_same(carried(f"x {sign} x", has_source), [(x, 0, 7, 9) for x in some])


STARTS = (
    *(start for start in INTS if -100 < start < 300),
    *((1 << 63) - 1 - k for k in range(3)),
    *(k - (1 << 63) for k in range(5)),
)


@both_kinds
@pytest.mark.parametrize("test", ["x > 0", "0 < x", "x >= 0", "x != 0", "0 != x", "x < 0", "x <= 0"])
@pytest.mark.parametrize("step", [1, 2, 3, (1 << 31) - 1])
def test_loops_that_count_down_end_at_zero_and_pass_64_bits(test, step, has_source):
    text = f"""
def f(x, y, z, turns):
    seen = 0
    while {test}:
        seen += 1
        if seen == turns:
            break
        x -= {step}
    return x, seen
"""
    assert_same(made_of(text, has_source), [(start, 0, 0, 400) for start in STARTS])


@both_kinds
@pytest.mark.parametrize("test", ["!= 0", "> 0", ">= 0", "== 0", "< 0"])
def test_a_difference_with_a_constant_that_is_compared_with_zero(test, has_source):
    near = [start + d for start in INTS for d in (-1, 0, 1, 3, 4) if -(1 << 63) <= start + d < 1 << 63]
    assert_same(in_a_loop(f"1 if x - 3 {test} else 2", has_source), [(x, 0, 0, 3) for x in near])


@pytest.mark.parametrize("test", ["== 0", "<= 0", "< 0"])
@pytest.mark.parametrize("step", [1, 3])
def test_tail_calls_that_count_down_are_steps_on_both_paths(test, step):
    names: dict[str, Any] = {}
    file = f"<countdown {test} {step}>"
    text = f"def f(n):\n    if n {test}:\n        return n\n    return TailCall(args=(n - {step},))\n"
    linecache.cache[file] = (len(text), None, text.splitlines(keepends=True), file)
    exec(compile(text, file, "exec"), {"TailCall": cs.TailCall}, names)
    task = cs.task(lower=True)(names["f"])
    for limit in (None, 0, 5, 90):
        for start in (
            STARTS if limit is not None else [start for start in STARTS if 0 <= start < 300 and start % step == 0]
        ):
            target = task(start)
            found = [
                outcome(lambda vm, target=target, limit=limit: cs.run(target, use_vm=vm, max_steps=limit), vm)
                for vm in (True, False)
            ]
            assert found[0][:2] == found[1][:2], (start, limit)
    assert forms(task) > 0


@both_kinds
@pytest.mark.parametrize("sign", ["+", "-", "*", "/", "<", "<=", "==", "!=", ">"])
def test_each_operation_of_two_floats_at_all_borders(sign, has_source):
    assert_same(in_a_loop(f"x {sign} y", has_source), [(x, y, 0.0, 3) for x in FLOATS for y in FLOATS])


@both_kinds
@pytest.mark.parametrize("expression", [
    "x * y + z", "z - x * y", "x * y - y * z", "(x + y) * (y - z)", "x * y * z + x", "x / y - z", "-x + abs(y)", "x * x + y * y + z",
    "int(x) if -1e18 < x < 1e18 else 0", "(x < y) + (y <= z)", "1 if x * y > z else 2", "1 if not x + y < z else 2",
])  # fmt: skip
def test_expressions_of_floats(expression, has_source):
    some = (0.0, -0.0, 1.5, -2.5, 1e200, 5e-324, float("inf"), float("nan"))
    assert_same(in_a_loop(expression, has_source), [(x, y, z, 2) for x in some for y in some for z in some])


@both_kinds
@pytest.mark.parametrize("expression", ["x + y", "x * y", "x - y", "x / y"])
def test_operations_of_an_int_and_a_float(expression, has_source):
    assert_same(in_a_loop(expression, has_source), [(x, y, 0, 2) for x in INTS for y in FLOATS])


@both_kinds
def test_exchanges_and_moves(has_source):
    assert_same(
        in_a_loop("(x, y := z, z := x, x := y)", has_source), [(1, 2.5, 3, 7), (1, 2, 3, 8), (0.5, 1.5, 2.5, 9)]
    )
    assert_same(carried("y if x > 3 else x + 1", has_source), [(0, 9, 8, 30), (0.5, 9.5, 8.5, 30)])


ODD = (7, True, None, "text", [1.0], float("nan"), -0.0, 1 << 80)


@pytest.mark.parametrize("odd", ODD, ids=repr)
def test_registers_that_hold_objects_and_floats_by_turns(odd):
    def rows(*places: tuple[int, int]) -> list[list[Any]]:
        found: list[list[Any]] = [[1.5 * row + column for column in range(4)] for row in range(4)]
        for row, column in places:
            found[row][column] = odd
        return found

    calls = [(rows(), rows(), 40)]
    calls += [(rows(place), rows(), 9) for place in ((0, 0), (2, 1), (3, 3))]
    calls += [(rows(), rows(place), 9) for place in ((0, 0), (2, 1), (3, 2))]
    calls += [(rows(), [*rows()[:2], odd], 9), ([odd, *rows()], rows(), 9), (rows(), rows() + rows(), 9)]
    assert_same(functions.product, [*calls, *calls])


@pytest.mark.parametrize("odd", ODD, ids=repr)
def test_registers_of_both_kinds_where_paths_join(odd):
    floats = [0.25 * number - 1.0 for number in range(7)]
    calls: list[tuple[Any, ...]] = [(floats, 60)]
    calls += [([*floats[:place], odd, *floats[place + 1 :]], 30) for place in range(7)]
    assert_same(functions.mixed, [*calls, *calls])


@pytest.mark.parametrize("name", list(arrays()))
@pytest.mark.parametrize("first", [0, -1])
def test_items_of_arrays_of_all_kinds(name, first):
    array = arrays()[name]
    if array.ndim == 2:
        assert_same(
            functions.sum_of_rows, [(array, first, 3), (array[:1], 0, 2), (np.asarray(array, dtype=np.float64), -2, 3)]
        )
    else:
        assert_same(functions.running_maximum, [(array, 3), (array[:1], 2)], expects_code=False)
        assert_same(functions.scaled, [(array, first + 2, 3), (array, 50, 2), (array, -12, 2)], expects_code=False)


def test_a_loop_over_an_array_notices_that_it_was_replaced():
    def total(table: Any, other: Any, turns: int) -> float:
        found = 0.0
        for turn in range(turns):
            if turn == turns // 2:
                table.resize(2, 2, refcheck=False)
                table, other = other, table
            for row in range(table.shape[0]):
                for column in range(table.shape[1]):
                    found += table[row, column] * (turn + 1)
        return found

    def fresh() -> tuple[Any, Any, int]:
        return np.ones((3, 3)), np.full((4, 2), 0.5), 20

    program = cs.compile(cs.task(total))
    for _ in range(3):
        assert program(*fresh()) == total(*fresh())


@pytest.mark.parametrize(
    "values",
    [[1, 2, 3, 4, 5], [1.5, 2.5, 3.5, 4.5], [True, False, True], [None, "a", 7, 2.5], [1 << 40, -5, 300, 1 << 70, 0]],
)
def test_stores_into_lists(values):
    assert_same(functions.swapped, [(list(values), len(values), 40)])
    for new in (7, 300, -300, 1 << 29, 1 << 40, 1 << 80, 2.5, True, None, "text"):
        assert_same(functions.filled, [(list(values), new, 20)], expects_code=False)


def test_numbers_in_lists_change_in_place_only_where_nobody_else_has_them():
    shared = [1000, 2.5, True, 70000]
    assert_same(functions.filled, [(shared, 5000, 9), (shared, 6.5, 9), (shared, False, 9)], expects_code=False)
    assert_same(functions.counted_up, [([1, 2, 3, 4], 200), ([1000, -1000, 1 << 29, 1 << 62], 200)])
    number = 12345
    values = [number, number, number, number]
    program = cs.compile(cs.task(functions.counted_up))
    program(values, 50)
    assert number == 12345


def test_lists_grow_and_bools_keep_their_counts():
    assert_same(functions.appended, [([1, "a", None], 500)], expects_code=False)
    program = cs.compile(cs.task(functions.flags))
    program(1000)
    before = sys.getrefcount(True), sys.getrefcount(False)
    for _ in range(20):
        assert program(1000) == functions.flags(1000)
    after = sys.getrefcount(True), sys.getrefcount(False)
    assert max(abs(x - y) for x, y in zip(before, after, strict=True)) < 20


def test_bytes_of_a_bytearray():
    assert_same(functions.total_of_bytes, [(bytearray(range(256)), 3), (bytearray(), 3)])


# -- The process ---------------------------------------------------------------------------------------------------------


@pytest.mark.skipif(not Path("/proc/self/maps").exists(), reason="no list of the process's pages")
def test_no_page_may_be_written_and_executed():
    task = cs.task(in_a_loop("x * y + z"))
    cs.run(task(2, 3, 4, 10))
    code, _, _ = task.routine.kernels[0].machine_code()
    assert len(code) > 50
    rights = [line.split()[1] for line in Path("/proc/self/maps").read_text().splitlines()]
    assert not [right for right in rights if "w" in right and "x" in right]


def test_machine_code_is_freed_with_its_kernel():
    def made(number: int) -> None:
        task = cs.task(in_a_loop(f"x * {number} + y"), lower=True)
        assert cs.run(task(2, 3, 4, 3)) == 2 * number + 3
        assert forms(task) > 0

    for number in range(20):
        made(number + 1)
    before = _vm.machine_code_bytes()
    for number in range(300):
        made(number + 1)
    assert _vm.machine_code_bytes() <= before + 40 * 4096  # some kernels wait for the collector


def test_it_can_be_turned_off_and_is_made_after_some_work():
    def run_for(turns: int) -> int:
        task = cs.task(in_a_loop("x * y + z"))
        cs.run(task(2, 3, 4, turns))
        cs.run(task(2, 3, 4, turns))
        return forms(task)

    _vm.use_machine_code(-1)
    assert run_for(50_000) == 0
    _vm.use_machine_code(None)
    assert run_for(100) == 0
    assert run_for(50_000) > 0


@pytest.mark.parametrize(("value", "expected"), [("off", "0"), ("at once", "1"), ("", "0")])
def test_the_environment_says_when(value, expected):
    text = (
        "import cascade as cs\n"
        "from tests.support.machine_code_functions import in_a_loop\n"
        "task = cs.task(in_a_loop('x * y + z'), lower=True)\n"
        "cs.run(task(2, 3, 4, 10))\n"
        "print(int(task.routine.kernels[0].forms_in_machine_code > 0))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", text],
        env={**os.environ, "CASCADE_MACHINE_CODE": value},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == expected


def test_explain_says_how_much_is_machine_code():
    task = cs.task(in_a_loop("x * y + z"))
    cs.run(task(2, 3, 4, 10))
    (report,) = cs.explain(task)["f"].kernels
    assert 0 < report.in_machine_code <= report.instructions
    assert f"{report.instructions} instructions ({report.in_machine_code} in machine code)" in str(cs.explain(task))


def test_threads_and_a_fork_run_the_same_machine_code():
    task = cs.task(in_a_loop("(x + turn) % 1009 * y"))
    program = cs.compile(task)
    expected = task.func(5, 3, 0, 20_000)
    program(5, 3, 0, 10)
    found: list[Any] = []
    threads = [
        threading.Thread(target=lambda: found.extend(program(5, 3, 0, 20_000) for _ in range(20))) for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [expected] * 80
    if not hasattr(os, "fork"):
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        child = os.fork()
    if child == 0:
        os._exit(program(5, 3, 0, 20_000) != expected)
    assert os.waitpid(child, 0)[1] == 0


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="no timers")
def test_a_signal_stops_a_loop_in_machine_code():
    class Stop(Exception):
        pass

    def stop(number: int, frame: Any) -> None:
        raise Stop

    task = cs.task(in_a_loop("(x + turn) % 1009 * y"))
    program = cs.compile(task)
    program(5, 3, 0, 10)
    former = signal.signal(signal.SIGALRM, stop)
    try:
        with pytest.raises(Stop):
            signal.setitimer(signal.ITIMER_REAL, 0.05)
            program(5, 3, 0, 10**15)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, former)


def test_a_traceback_can_be_written_while_machine_code_runs(tmp_path):
    if not hasattr(faulthandler, "dump_traceback_later"):
        pytest.skip("no watchdog")
    program = cs.compile(cs.task(in_a_loop("(x + turn) % 1009 * y")))
    program(5, 3, 0, 10)
    with (tmp_path / "dump").open("w+") as file:
        faulthandler.dump_traceback_later(0.01, file=file)
        try:
            while (tmp_path / "dump").stat().st_size == 0:
                assert program(5, 3, 0, 1_000_000) == (5 + 999_999) % 1009 * 3
        finally:
            faulthandler.cancel_dump_traceback_later()
        file.seek(0)
        text = file.read()
    assert "most recent call first" in text


def test_a_profiler_that_comes_in_the_middle_sees_what_it_sees_without_machine_code():
    def loop(turns: int, calls: list[int]) -> int:
        total = 0
        for turn in range(turns):
            total += turn
            if turn == 5:
                calls.append(turn)
        return total

    program = cs.compile(cs.task(loop))
    assert program(100, []) == 4950
    events: list[str] = []
    sys.setprofile(lambda frame, event, argument: events.append(event) if frame.f_code is loop.__code__ else None)
    try:
        assert program(100, []) == 4950
    finally:
        sys.setprofile(None)
    assert events.count("call") == events.count("return")
