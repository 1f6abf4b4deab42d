"""Maps of lowered tasks: typed code over many items, on several threads, gives what calling the function gives."""

from __future__ import annotations

import asyncio
import math
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import cascade as cs
from cascade.runtime.nodes import kernel_maps as lanes
from tests.support.endless import assert_ends_early
from tests.support.random_programs import exact


def steps(n: int) -> int:
    count = 0
    while n != 1 and count < 500:
        n = n // 2 if n % 2 == 0 else 3 * n + 1
        count += 1
    return count


def affine(x: float, scale: float = 2.0, shift: int = 1) -> float:
    return x * scale + shift


@pytest.fixture(params=[1, 2, 5], ids=lambda count: f"{count} threads")
def threads(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> int:
    monkeypatch.setattr(lanes, "cores", lambda: request.param)
    return int(request.param)


def lowered(function: Any) -> Any:
    return cs.task(lower=True)(function)


def test_a_map_stays_in_typed_code(run, path, threads):
    task = lowered(steps)
    items = list(range(1, 20_000))
    assert run(task.map(items)) == [steps(n) for n in items]
    if path.use_vm:
        (kernel,) = task.routine.kernels
        assert (kernel.exits, kernel.retired) == (0, False)
        assert kernel.entries < 5_000, "items are done in blocks"
    else:
        assert task.routine.kernels == [], "nothing is lowered on the graph path"


def test_other_threads_are_used_where_items_take_long(monkeypatch):
    numbers = set()

    def start(function: Any, number: int) -> Any:
        numbers.add(number)
        function(number)
        return lambda: None

    monkeypatch.setattr(lanes, "cores", lambda: 3)
    monkeypatch.setattr(lanes, "start", start)
    items = list(range(1, 50_000))
    assert cs.run(lowered(steps).map(items)) == [steps(n) for n in items]
    assert numbers == {1, 2}
    numbers.clear()
    assert cs.run(lowered(steps).map(items).with_concurrency(1)) == [steps(n) for n in items]
    assert numbers == set()


def test_a_function_without_a_loop_is_lowered_for_a_large_map_only():
    task = cs.task(affine)
    assert cs.run(task.map(range(5_000))) == [affine(x) for x in range(5_000)]
    assert task.routine.kernels == []
    assert cs.run(task.map(range(20_000))) == [affine(x) for x in range(20_000)]
    (kernel,) = task.routine.kernels
    assert kernel.start == -1
    assert cs.run(task(3)) == 7.0
    assert kernel.entries == sum(each.entries for each in task.routine.kernels), "a single call has no use for it"


@pytest.mark.parametrize(
    "items",
    [
        [1, 2.5, True, 3, 2**63, -(2**63), 2**62, 0.1, float("nan"), float("inf"), -0.0, False, 7] * 50,
        [2**62] * 300 + [1.5] * 300 + [2**64] * 10 + [3] * 300,
        [1],
        [],
    ],
    ids=["mixed", "runs", "one", "none"],
)
def test_items_of_several_types(run, threads, items):
    found = run(lowered(affine).map(items))
    assert [*map(exact, found)] == [exact(affine(item)) for item in items]
    by_name = run(lowered(affine).map(shift=items, x=[1.5] * len(items)))
    assert [*map(exact, by_name)] == [exact(affine(1.5, shift=item)) for item in items]


def test_an_item_that_raises(run, threads):
    def divide(n: int, by: int) -> int:
        total = 0
        for i in range(40):
            total += n // by + i
        return total

    by = [*range(1, 3_000), 0, *range(1, 50), 0]
    with pytest.raises(ZeroDivisionError) as raised:
        run(lowered(divide).map([7] * len(by), by=by))
    assert raised.value.__notes__[0] == "in item 2,999 of the map"


def test_items_that_leave_go_on_in_cpython(run, threads):
    def product(n: int) -> int:
        result = 1
        for i in range(2, n + 1):
            result *= i
        return result

    items = [*range(15), 21, *range(15), 22, 30] * 40
    task = lowered(product)
    assert run(task.map(items)) == [math.factorial(n) for n in items]


def test_a_kernel_that_keeps_leaving_is_retired():
    def widen(n: int) -> int:
        return n * 2**70

    task = lowered(widen)
    assert cs.run(task.map(range(1, 2_000))) == [n * 2**70 for n in range(1, 2_000)]
    assert [kernel.retired for kernel in task.routine.kernels] == [True] * len(task.routine.kernels)


def test_an_item_that_cpython_makes_may_change_what_later_ones_see(run, threads):
    def fill(n: int, bag: list[int]) -> int:
        total = 0
        for i in range(20):
            total += len(bag)
        if n % 100 == 99:
            bag.append(n)
        return total

    expected_bag: list[int] = []
    expected = [fill(n, expected_bag) for n in range(3_000)]
    bag: list[int] = []
    assert run(lowered(fill).map(range(3_000), bag=[bag] * 3_000)) == expected
    assert bag == expected_bag


FACTOR = 1


def test_a_name_that_changes_between_items(run, threads):
    def grow(n: int) -> int:
        global FACTOR
        total = 0
        for _ in range(20):
            total += FACTOR
        if n % 500 == 499:
            FACTOR += 1
        return total

    global FACTOR
    FACTOR = 1
    expected = [grow(n) for n in range(2_000)]
    FACTOR = 1
    assert run(lowered(grow).map(range(2_000))) == expected


def test_tail_calls_stay_in_typed_code(run, path, threads):
    @cs.task(lower=True)
    def total(n: int, found: int = 0) -> Any:
        return total.tail(n - 1, found + n) if n > 0 else found

    items = [*range(50)] * 40
    assert run(total.map(items)) == [n * (n + 1) // 2 for n in items]
    if path.use_vm:
        assert sum(kernel.exits for kernel in total.routine.kernels) == 0


def test_items_that_take_long_are_shared_at_once(monkeypatch):
    numbers = set()

    def start(function: Any, number: int) -> Any:
        numbers.add(number)
        function(number)
        return lambda: None

    def work(n: int) -> int:
        total = 0
        for i in range(n):
            total += i * i % 7
        return total

    monkeypatch.setattr(lanes, "cores", lambda: 4)
    monkeypatch.setattr(lanes, "start", start)
    items = [3_000_000, 2, 2_000_000, 5, 1_000_000]
    assert cs.run(lowered(work).map(items)) == [work(n) for n in items]
    assert numbers == {1, 2, 3}


def test_items_that_give_back_what_stands_for_a_value(run, threads):
    @cs.task
    def one() -> int:
        return 1

    async def two() -> int:
        return 2

    def last(n: int, o: Any) -> Any:
        for _ in range(n):
            pass
        return o

    items = [*range(200)]
    others = [*range(100), one(), *range(98), two()]
    held: list[Any] = [*range(100), 1, *range(98), 2]
    assert run(lowered(last).map(items, o=[lambda: 0] * 100 + held[100:]))[100:] == held[100:]
    assert run(lowered(last).map(items, o=others)) == held


def test_items_that_answer_with_a_graph(run, threads):
    @cs.task
    def half(n: int) -> int:
        return n // 2

    @cs.task(lower=True)
    def maybe(n: int) -> Any:
        count = 0
        for i in range(30):
            count += i
        if n % 50 == 49:
            return half(cs.task(lambda value: value)(n))
        return n + count

    assert run(maybe.map(range(300))) == [n // 2 if n % 50 == 49 else n + 435 for n in range(300)]


def test_recursion_and_functions_of_math_without_an_instruction(run, threads):
    def fibonacci(n: int) -> int:
        return n if n < 2 else fibonacci(n - 1) + fibonacci(n - 2)

    def both(n: int) -> float:
        total = 0.0
        for i in range(1, 6):
            total += math.lgamma(n + i)
        return total + fibonacci(n % 9)

    items = [*range(800)]
    assert run(lowered(both).map(items)) == [both(n) for n in items]


def test_an_endless_item_ends_with_the_runs_time():
    @cs.task(lower=True)
    def endless(n: int) -> int:
        while n >= 0:
            n = 0
        return n

    target = endless.map([-1] * 100 + [1])
    assert_ends_early(target)


def test_maps_at_once(threads):
    target = lowered(steps).map(range(1, 5_000))
    expected = [steps(n) for n in range(1, 5_000)]

    async def main() -> list[Any]:
        return await asyncio.gather(*(cs.arun(target) for _ in range(4)))

    assert asyncio.run(main()) == [expected] * 4


CHILD = """
import os, signal, threading
import cascade as cs
from cascade.runtime.nodes import kernel_maps as lanes

lanes.cores = lambda: 4

@cs.task(lower=True)
def work(n):
    total = 0
    for i in range(n):
        total += i * i % 7
    return total

expected = [work.func(n) for n in range(300)]

def check():
    assert cs.run(work.map([*range(300)] * 20)) == expected * 20
"""


def output_of(script: str, folder: Path) -> tuple[str, str]:
    # From a file: what has no source is not lowered.
    (folder / "script.py").write_text(script)
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "script.py"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        cwd=folder,
    )
    return done.stdout, done.stderr


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
def test_a_child_process_has_threads_of_its_own(tmp_path):
    script = (
        CHILD
        + """
check()
child = os.fork()
check()
if child == 0:
    os._exit(0)
assert os.waitpid(child, 0)[1] == 0
print("done")
"""
    )
    assert output_of(script, tmp_path) == ("done\n", "")


def test_control_c_ends_a_map(tmp_path):
    script = (
        CHILD
        + """
def interrupt():
    os.kill(os.getpid(), signal.SIGINT)

check()
try:
    threading.Timer(0.2, interrupt).start()
    cs.run(work.map([10_000_000_000] * 8))
except KeyboardInterrupt:
    check()
    print("interrupted")
"""
    )
    assert output_of(script, tmp_path) == ("interrupted\n", "")
