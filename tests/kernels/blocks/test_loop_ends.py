"""Loops in kernels take fuel on every path, and lose no item where the kernel is left at their ends."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from array import array
from typing import Any

import numpy as np
import pytest

import cascade as cs
from cascade.kernels.blocks.kernel import block_kernel
from tests.support import block_loops, block_sequences
from tests.support.block_functions import assert_same
from tests.support.fuel import words_without_fuel
from tests.support.machine_code_functions import machine_code

LOOPS = [
    (block_loops.last_of_some, 100), (block_loops.sum_of_some, 100), (block_loops.counted_by_while, 100),
    (block_loops.last_of_items, list(range(100))), (block_loops.sum_of_pairs, list(range(100))),
    (block_loops.sum_of_numbered, list(range(100))),
]  # fmt: skip


@pytest.mark.parametrize("function, argument", LOOPS, ids=[function.__name__ for function, _ in LOOPS])
def test_every_path_round_a_loop_takes_fuel(function, argument):
    kernel = assert_same(function, argument)
    assert not words_without_fuel(kernel)


class Rang(Exception):
    pass


@contextlib.contextmanager
def alarm(handler):
    """Has a handler called soon, while a kernel runs."""
    before = signal.signal(signal.SIGALRM, handler)
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.005)
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


@pytest.mark.parametrize("function", [block_loops.last_of_some, block_loops.sum_of_some, block_loops.counted_by_while])
def test_a_signal_interrupts_a_loop_whose_last_statement_is_conditional(function):
    kernel = block_kernel(function)
    kernel(100)

    def ring(number, frame):
        raise Rang

    with pytest.raises(Rang), alarm(ring):
        kernel(2_000_000_000)


@pytest.mark.parametrize(
    "function",
    [block_loops.sum_of_numbered, block_loops.sum_of_pairs, block_loops.sum_of_items, block_loops.sum_of_range],
)
def test_no_item_is_lost_where_a_name_changes_while_signals_have_their_turn(function):
    count = 1_000_000
    values = count if function is block_loops.sum_of_range else list(range(count))
    expected = function(values)
    for _ in range(3):
        kernel = block_kernel(function)
        kernel(3 if function is block_loops.sum_of_range else [1, 2, 3])

        def rename(number, frame):
            block_loops.NAMED += 1

        with alarm(rename):
            assert kernel(values) == expected


def test_a_side_exit_finds_results_that_are_used_twice():
    assert_same(block_loops.first_of_range, -3, 5)
    assert_same(block_loops.first_of_range, -(2**62) - 10, 2**62 + 10)


@pytest.mark.parametrize("start", [0, 2**63 - 3, 2**63 - 2, 2**63 - 1, -(2**63)])
def test_items_are_numbered_beyond_64_bits(start):
    assert_same(block_loops.pairs_from, [5, 6, 7], start)
    assert_same(block_loops.numbered_from, [5, 6, 7], start)


def test_an_iterator_is_released_where_the_code_behind_its_loop_cannot_be_made():
    kernel = block_kernel(block_sequences.total)
    translator = kernel.translator
    grow = translator.grow

    def fails(number, found):
        if translator.stubs[number].released:
            raise RuntimeError("no code")
        return grow(number, found)

    translator.grow = fails
    values = [1, 2, 3]
    before = sys.getrefcount(values)
    assert kernel(values) == 6
    assert kernel(values) == 6
    assert sys.getrefcount(values) == before


@pytest.mark.parametrize(
    "large", [np.array([1, 2**63 + 5, 3], np.uint64), array("Q", [1, 2**63 + 5, 3]), array("L", [1, 2**63 + 5])]
)
def test_no_item_is_lost_that_a_register_cannot_hold(large):
    assert_same(block_sequences.collected, large)
    assert_same(block_loops.pairs_of, large, large)
    assert_same(block_loops.pairs_from, large, 0)


def test_items_that_are_made_are_dropped_where_another_iterator_ends():
    rows = np.ones((3, 2))
    kernel = block_kernel(block_loops.pairs_of)
    before = sys.getrefcount(rows)
    for _ in range(5):
        assert len(kernel(rows, [1, 2])) == 2
    assert sys.getrefcount(rows) == before


@pytest.mark.parametrize(
    ("function", "arguments"),
    [
        (block_loops.firsts_of_ranges, ({"a", "b", "c"}, 3)),
        (block_loops.firsts_of_ranges, ({"a": 1, "b": 2}, 3)),
        (block_loops.firsts_of_ranges, ([1, 2, 3] * 20, 4)),
        (block_loops.firsts_of_ranges, ("text" * 20, 2)),
        (block_loops.notes_of_firsts, ({sum, 4},)),
        (block_loops.notes_of_firsts, ([sum, 4, 5],)),
        (block_loops.firsts_while, (100, 3)),
        (block_loops.firsts_of_lists, ([[1, 2], [3, 4], [5, 6]] * 30,)),
        (block_loops.first_of_all, (50, [1, 2, 3])),
    ],
)
@pytest.mark.parametrize("machine_work", [0, -1], ids=["machine code", "handlers"])
def test_a_loop_that_is_left_in_its_first_turn_is_not_continued(function, arguments, machine_work):
    with machine_code(machine_work):
        program = cs.compile(cs.task(function))
        assert [program(*arguments) for _ in range(5)] == [function(*arguments)] * 5


FORGETS = """
import random, signal
import cascade as cs
from tests.support.machine_code_functions import machine_code

def matches(a, b, counts):
    cell = b
    for part in [abs(3), "%r" % cell, float(cell), None]:
        counts.insert(1, -1)
        b = random.Random(7)
        if counts.pop() < 0:
            return cell
    match b:
        case None:
            return 1
        case [_, *_]:
            return 2
        case _:
            counts.append(0)
    return None

signal.alarm(60)  # it would never end
with machine_code(0):
    program = cs.compile(cs.task(matches))
    for arguments in [(b"abc", 0.0), (None, 3.0), (b"abc", 1.5), (b"", 0.0), ("x", 2), (2, 1.0)]:
        for _ in range(3):
            assert program(*arguments, [5, 4, 3, 2, 1]) == matches(*arguments, [5, 4, 3, 2, 1])
print("done")
"""


@pytest.mark.parametrize("verify", ["", "1"])
def test_a_value_whose_class_is_told_again_is_not_told_for_ever(verify):
    environment = {**os.environ, "CASCADE_VERIFY_BLOCKS": verify, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run([sys.executable, "-c", FORGETS], capture_output=True, text=True, check=False, env=environment)
    assert done.stdout == "done\n", done.stderr[-2000:]


CONTINUES = """
import signal
import cascade as cs
from tests.support.machine_code_functions import machine_code

class Stop(Exception):
    pass

def stop(number, frame):
    raise Stop

def counts(values, turns):
    while turns > 0:
        turns -= 1
        if values[turns % 2] <= 5:
            continue
    return values

signal.signal(signal.SIGALRM, stop)
with machine_code({work}):
    program = cs.compile(cs.task(counts))
    assert program([5, 6], 1000) == [5, 6]
    for _ in range(3):
        try:
            signal.setitimer(signal.ITIMER_REAL, 0.05)
            program([5, 6], 10**12)
        except Stop:
            print("stopped")
"""


@pytest.mark.parametrize("work", [0, None], ids=["machine code", "handlers"])
@pytest.mark.parametrize("verify", ["", "1"])
def test_a_signal_stops_a_loop_that_goes_back_to_its_comparison(work, verify):
    environment = {**os.environ, "CASCADE_VERIFY_BLOCKS": verify, "PYTHONPATH": os.pathsep.join(sys.path)}
    script = CONTINUES.format(work=work)
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False, env=environment)
    assert done.stdout == "stopped\n" * 3, done.stderr[-2000:]


# -- Lists that get shorter than what has been iterated, and grow again ------------------------------------------------

CLEARING = """
def f(items):
    turns = 0
    for i in {iterator}:
        turns += 1
        if turns == {turn}:
            items.clear()
        try:
            first = items[0]
        except IndexError:
            first = 0
        if turns < 40:
            items.append(first)
            items.append(i if type(i) is int else 1)
    return turns, list(items)
"""


@pytest.mark.parametrize("turn", [1, 2, 3])
@pytest.mark.parametrize("kind", ["[7, 8, 9]", "bytearray(b'789')", "Items([7, 8, 9])"])
@pytest.mark.parametrize("iterator", ["items", "enumerate(items)", "zip(items, items)", "reversed(items)"])
def test_an_iterator_is_as_far_as_it_was_where_its_list_is_shorter_now(iterator, kind, turn):
    names: dict[str, type] = {"Items": type("Items", (list,), {"__len__": lambda self: 1})}
    exec(CLEARING.format(iterator=iterator, turn=turn), names)
    kernel = block_kernel(names["f"])
    for _ in range(3):
        assert kernel(eval(kind, names)) == names["f"](eval(kind, names))


FAILING = """
def f(items):
    gone = []
    return sum(shortened(items, gone, item) for item in {iterator})

def shortened(items, gone, item):
    gone.append(item)
    if len(gone) == 2:
        del items[1:]
        return items[len(gone)]
    return 1
"""


@pytest.mark.parametrize("kind", ["[7, 8, 9, 10]", "bytearray(b'789a')", "array('b', b'789a')", "Items([7, 8, 9, 10])"])
@pytest.mark.parametrize("iterator", ["items", "enumerate(items)", "zip(items, items)", "reversed(items)"])
def test_an_iterator_whose_list_is_shorter_now_is_one_of_its_class(iterator, kind):
    """A debugger that looks at the frames of the exception finds the iterator as CPython leaves it."""
    names: dict[str, Any] = {"Items": type("Items", (list,), {}), "array": array}
    exec(FAILING.format(iterator=iterator), names)

    def left_by(run: Any) -> tuple[type, list[Any]]:
        items = eval(kind, names)
        with pytest.raises(IndexError) as raised:
            run(items)
        left = next(entry.locals[".0"] for entry in raised.traceback if ".0" in entry.locals)
        items.extend(range(11, 20))
        return type(left), list(left)

    expected = left_by(names["f"])
    kernel = block_kernel(names["f"])
    for _ in range(3):
        assert left_by(kernel) == expected
