"""Typed code that is slower than calling the function is retired. The clock is one of the tests' own, so nothing here depends on time."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Iterator
from typing import Any

import pytest

import cascade as cs
from cascade import _vm

TURNS = 2000
"""So many that the cost of an exit, by the real clock, is not a reason to retire."""


class Clock:
    """Makes each call take so many seconds; counts what is timed.

    Args:
        typed: the seconds of a call, by its number among those that run as typed code.
    """

    def __init__(self, typed: Callable[[int], float], plain: float = 1.0) -> None:
        self.typed = typed
        self.plain = plain
        self.now = 0.0
        self.reads = {False: 0, True: 0}

    def __call__(self, plain: bool) -> float:
        ends = self.reads[plain] % 2 == 1
        if ends:
            self.now += self.plain if plain else self.typed(self.timed(False))
        self.reads[plain] += 1
        return self.now

    def timed(self, plain: bool) -> int:
        return self.reads[plain] // 2


@pytest.fixture(autouse=True)
def real_clock_again() -> Iterator[None]:
    yield
    _vm.use_trial_clock(None)


def use(typed: float | Callable[[int], float]) -> Clock:
    clock = Clock(typed if callable(typed) else lambda number: typed)
    _vm.use_trial_clock(clock)
    return clock


def exiting(seen: list[int]) -> cs.Task[..., Any]:
    """A task that has a loop in typed code and ends with statements that it has not."""

    def total(n: int) -> list[int]:
        t = 0
        for i in range(n):
            t += i % 7
        seen.append(t)
        return [t, n]

    return cs.task(total)


@cs.task(lower=False)
def together(*values: Any) -> list[Any]:
    return list(values)


def run_alone(task: cs.Task[..., Any], count: int, *arguments: Any) -> list[Any]:
    program = cs.compile(task)
    return [program(*arguments) for _ in range(count)]


def run_as_nodes(task: cs.Task[..., Any], count: int, *arguments: Any) -> list[Any]:
    found: list[Any] = cs.run(together(*[task(*arguments) for _ in range(count)]))
    return found


Run = Callable[..., list[Any]]
both_ways = pytest.mark.parametrize("run", [run_alone, run_as_nodes])


def kernel_of(task: cs.Task[..., Any]) -> Any:
    (kernel,) = task.routine.kernels
    return kernel


@both_ways
def test_typed_code_that_is_slower_is_retired_and_each_call_is_made_once(run: Run) -> None:
    seen: list[int] = []
    task = exiting(seen)
    use(1.5)
    plain = task.func(TURNS)
    assert run(task, 400, TURNS) == [plain] * 400
    assert len(seen) == 401
    kernel = kernel_of(task)
    assert (kernel.retired, kernel.slower, kernel.trial_seconds) == (True, True, (1.5, 1.0))
    # 64 exits, then three rounds of 16 calls each way.
    assert kernel.entries == 64 + 3 * 16


@both_ways
def test_the_report_says_that_it_was_slower_and_by_how_much(at_the_first_call: None, run: Run) -> None:
    task = exiting([])
    use(2.5)
    run(task, 300, TURNS)
    report = cs.explain(task)["total"]
    given_up = (
        "its kernel of numbers was given up: CS150 its typed code takes 2.50 times as long as calling the function"
    )
    assert report.why.endswith(given_up)
    assert report.regime == "kernel"  # one of the other kind
    assert report.kernels[0].seconds == (2.5, 1.0)
    assert "a call took 2500000.00 us with typed code, 1000000.00 us by CPython" in str(cs.explain(task))


@both_ways
@pytest.mark.parametrize(("typed", "retired"), [(0.5, False), (1.0, False), (1.09, False), (1.11, True), (9.0, True)])
def test_only_what_is_more_than_noise_counts(run: Run, typed: float, retired: bool) -> None:
    task = exiting([])
    use(typed)
    run(task, 300, TURNS)
    assert kernel_of(task).retired is retired


@both_ways
def test_a_few_slow_calls_in_a_round_do_not_count(run: Run) -> None:
    task = exiting([])
    use(lambda number: 1000.0 if number % 16 < 4 else 1.0)
    run(task, 400, TURNS)
    assert not kernel_of(task).retired


@both_ways
def test_it_has_to_be_slower_in_three_rounds_in_a_row(run: Run) -> None:
    task = exiting([])
    clock = use(lambda number: 5.0 if number < 32 else 1.0)
    run(task, 400, TURNS)
    assert not kernel_of(task).retired
    assert (clock.timed(False), clock.timed(True)) == (48, 48)


@both_ways
def test_the_next_trial_comes_after_eight_times_as_many_exits(run: Run) -> None:
    task = exiting([])
    clock = use(1.0)
    run(task, 600, TURNS)
    assert (clock.timed(False), clock.timed(True)) == (16, 16)
    run(task, 100, TURNS)
    assert (clock.timed(False), clock.timed(True)) == (32, 32)


@both_ways
def test_typed_code_without_exits_and_call_outs_is_never_timed(run: Run) -> None:
    @cs.task
    def summed(n: int) -> int:
        t = 0
        for i in range(n):
            t += i
        return t

    clock = use(9.0)
    assert run(summed, 300, 50) == [1225] * 300
    assert clock.reads == {False: 0, True: 0}
    assert kernel_of(summed).entries > 290  # it may take eight calls before it is lowered


@both_ways
def test_typed_code_that_calls_out_is_compared_as_well(run: Run) -> None:
    @cs.task
    def gammas(n: int) -> float:
        t = 0.0
        for i in range(1, n):
            t += math.gamma(i)
        return t

    use(9.0)
    assert run(gammas, 300, 9) == [gammas.func(9)] * 300
    assert kernel_of(gammas).slower


@both_ways
def test_calls_that_raise_are_no_samples(run: Run) -> None:
    def failing(n: int) -> int:
        t = 0
        for i in range(n):
            t += i
        raise ValueError(t)

    task = cs.task(failing)
    clock = use(9.0)
    for _ in range(300):
        with pytest.raises(ValueError, match="^1999000") as raised:
            run(task, 1, TURNS)
        entries = [entry.name for entry in raised.traceback if str(entry.path) == __file__]
        assert entries[-1] == "failing"
    assert not kernel_of(task).retired
    assert clock.timed(True) + clock.timed(False) < 100


def test_a_loop_of_tail_calls_is_not_compared_with_one_call_of_it() -> None:
    @cs.task
    def count(n: int, last: int) -> Any:
        for i in range(3):
            last += i
        if n == 0:
            return [last]
        return cs.TailCall(args=(n - 1, last))

    clock = use(9.0)
    assert run_alone(count, 300, 50, 0) == [[153]] * 300
    kernel = kernel_of(count)
    assert (kernel.retired, clock.timed(True)) == (False, 0)


def test_a_function_that_returns_something_to_wait_for_is_not_compared() -> None:
    async def later(value: int) -> int:
        await asyncio.sleep(0)
        return value

    @cs.task
    def begin(n: int) -> Any:
        t = 0
        for i in range(n):
            t += i
        return later(t)

    use(9.0)
    assert run_as_nodes(begin, 300, TURNS) == [1999000] * 300
    assert not kernel_of(begin).retired


def test_a_limit_of_steps_counts_calls_on_trial_as_others() -> None:
    task = exiting([])
    use(1.0)
    run_alone(task, 100, TURNS)
    run_alone(task, 20, TURNS)
    assert [cs.run(task(TURNS), max_steps=1) for _ in range(40)] == [task.func(TURNS)] * 40


def test_items_of_maps_are_compared_with_those_that_cpython_makes() -> None:
    seen: list[int] = []
    task = exiting(seen)
    use(50.0)
    plain = task.func(TURNS)
    del seen[:]
    program = cs.compile(task.map([TURNS] * 1000))
    assert program() == [plain] * 1000
    assert len(seen) == 1000
    kernel = kernel_of(task)
    assert kernel.retired_in_maps
    exits = kernel.exits
    assert exits >= 128
    del seen[:]
    assert program() == [plain] * 1000
    assert (len(seen), kernel.exits) == (1000, exits)
    report = cs.explain(task.map([TURNS]))["total"]
    assert report.regime == "call"
    assert report.why.startswith("CS150 an item of its maps takes ")


def test_a_map_whose_typed_code_is_faster_keeps_it() -> None:
    @cs.task
    def rarely(n: int) -> Any:
        t = 0
        for i in range(n):
            t += i % 3
        return [t] if n % 10 == 0 else t

    use(0.01)
    items = [40 + i % 25 for i in range(3000)]
    assert cs.run(rarely.map(items)) == [rarely.func(n) for n in items]
    kernel = kernel_of(rarely)
    assert (kernel.retired_in_maps, kernel.map_trial_seconds is not None) == (False, True)


def test_calls_that_have_no_kernel_for_long_find_one_again() -> None:
    @cs.task
    def divisor(a: int, b: int) -> int:
        while b:
            a, b = b, a % b
        return a

    small, wide = (48, 18), (6 * 10**30, 4 * 10**30)
    calls = [small] * 5 + [wide] * 200 + [small] * 200
    assert cs.run(together(*[divisor(*call) for call in calls])) == [divisor.func(*call) for call in calls]
    assert kernel_of(divisor).entries >= 5 + 200 - 64


def test_calls_by_turns_with_and_without_a_kernel_use_it() -> None:
    @cs.task
    def divisor(a: int, b: int) -> int:
        while b:
            a, b = b, a % b
        return a

    calls = [(48, 18), (6 * 10**30, 4 * 10**30)] * 200
    assert cs.run(together(*[divisor(*call) for call in calls])) == [divisor.func(*call) for call in calls]
    assert kernel_of(divisor).entries > 190


def test_a_clock_that_fails_does_no_harm(monkeypatch: pytest.MonkeyPatch) -> None:
    task = exiting([])
    failed: list[object] = []
    _vm.use_trial_clock(lambda plain: "no time")  # type: ignore[arg-type, return-value]
    monkeypatch.setattr("sys.unraisablehook", lambda unraisable: failed.append(unraisable.exc_type))
    assert run_as_nodes(task, 100, TURNS) == [task.func(TURNS)] * 100
    assert set(failed) == {TypeError}


# -- Kernels that are made block by block --------------------------------------------------------------------------


class CountingClock:
    """Each reading is a little later; what is timed of typed code takes `typed` seconds, and `plain` of CPython."""

    def __init__(self, typed: float, plain: float) -> None:
        self.seconds = {False: typed, True: plain}
        self.ends = {False: False, True: False}
        self.now = 0.0
        self.samples = 0

    def __call__(self, plain: bool) -> float:
        if self.ends[plain]:
            self.now += self.seconds[plain]
            self.samples += 1
        self.ends[plain] = not self.ends[plain]
        return self.now


@pytest.fixture
def at_the_first_call() -> Iterator[None]:
    _vm.lower_without_delay(True)
    yield
    _vm.lower_without_delay(False)


@pytest.mark.parametrize("unit", [1e-7, 1e-3], ids=["short", "long"])
@pytest.mark.parametrize(("typed", "is_retired"), [(1.3, True), (1.03, True), (1.01, False), (0.7, False)])
def test_a_function_without_a_loop_has_a_kernel_only_where_that_is_faster(at_the_first_call, unit, typed, is_retired):
    @cs.task
    def task(x: Any) -> Any:
        return [x]

    clock = CountingClock(typed * unit, unit)
    _vm.use_trial_clock(clock)
    program = cs.compile([task(i) for i in range(100)])
    for _ in range(60):
        assert program() == [[i] for i in range(100)]
    kernel = task.routine.block_kernel
    assert clock.samples >= 6
    assert (kernel.retired, kernel.slower) == (is_retired, is_retired)
    entries = kernel.entries
    assert program() == [[i] for i in range(100)]
    assert (kernel.entries == entries) is is_retired


def test_short_calls_that_raise_are_no_samples(at_the_first_call):
    @cs.task
    def fails(x: Any) -> Any:
        raise KeyError(x)

    _vm.use_trial_clock(CountingClock(2e-7, 1e-7))
    program = cs.compile(fails)
    for _ in range(2000):
        with pytest.raises(KeyError):
            program(1)
    assert fails.routine.block_kernel.entries > 0
    assert not fails.routine.block_kernel.retired


@pytest.mark.parametrize(("typed", "is_retired"), [(1.3, True), (0.7, False)])
def test_steps_of_tail_calls_over_objects_are_compared(at_the_first_call, typed, is_retired):
    @cs.task
    def joined(text: str, found: str) -> Any:
        return joined.tail(text[1:], found + text[0]) if text else found

    readings = []

    def clock(plain: bool) -> float:
        readings.append(1e-7 if plain else typed * 1e-7)
        return sum(readings)

    _vm.use_trial_clock(clock)
    program = cs.compile(joined)
    for _ in range(60):
        assert program("abc" * 40, "") == "abc" * 40
    kernel = joined.routine.block_kernel
    assert kernel.trial_seconds[0] / kernel.trial_seconds[1] == pytest.approx(typed)
    assert (kernel.retired, kernel.slower) == (is_retired, is_retired)


def test_calls_in_which_code_of_callees_is_made_are_no_samples(at_the_first_call):
    class Holder:
        value = 1

    lines = [f"    if i == {i}:\n        return holder.value + {i}\n" for i in range(40)]
    space: dict[str, Any] = {}
    exec("def branch(i, holder):\n" + "".join(lines), space)
    branch = space["branch"]

    @cs.task
    def task(i: int, holder: Any) -> Any:
        return [branch(i, holder)]

    clock = CountingClock(2e-3, 1e-3)
    _vm.use_trial_clock(clock)
    programs = [cs.compile(task(i, Holder())) for i in range(40)]
    for i, program in enumerate(programs):
        assert program() == [i + 1]  # the first one by the kernel makes the code of a branch
    kernel = task.routine.block_kernel
    assert kernel.entries > 10
    assert not kernel.retired
    for _ in range(3):
        for i, program in enumerate(programs):
            assert program() == [i + 1]
    assert kernel.retired
