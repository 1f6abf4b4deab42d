"""A program of a task calls its function without a machine where that is all of the run. Each call is compared with one by `__call__`."""

from __future__ import annotations

import asyncio
import copy
import functools
import gc
import inspect
import pickle
import signal
import sys
import time
import traceback
import weakref
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import count, islice
from typing import Any

import pytest

import cascade as cs
from cascade import _vm
from cascade.adapters.executors.scopes import Scope
from cascade.errors import InternalError, SendingError
from cascade.runtime.program import Program
from tests.support.state_machines import machine
from tests.support.tasks import add, increment, later, one


def directly(program: Any, *args: Any, **kwargs: Any) -> Any:
    return program(*args, **kwargs)


def by_machine(program: Any, *args: Any, **kwargs: Any) -> Any:
    return program.__call__(*args, **kwargs)


@pytest.fixture(params=[directly, by_machine])
def call(request: pytest.FixtureRequest) -> Any:
    """Both ways to call a program."""
    return request.param


def shown(error: BaseException | None) -> Any:
    """All that a user sees of an exception."""
    if error is None:
        return None
    places = [(frame.filename, frame.name, frame.lineno) for frame in traceback.extract_tb(error.__traceback__)]
    places = [place for place in places if place[1] not in ("outcome", "directly", "by_machine")]
    notes = tuple(getattr(error, "__notes__", ()))
    return type(error), str(error), notes, places, shown(error.__cause__), shown(error.__context__)


def outcome(way: Any, program: Any, *args: Any, **kwargs: Any) -> Any:
    try:
        value = way(program, *args, **kwargs)
    except BaseException as error:  # noqa: BLE001  Ctrl-C as well
        return shown(error)
    return type(value), value


def same_outcome(program: Any, *args: Any, **kwargs: Any) -> Any:
    one_way, other_way = (outcome(way, program, *args, **kwargs) for way in (directly, by_machine))
    assert one_way == other_way
    return one_way


# -- Arguments and values ---------------------------------------------------------------------------------------------


@dataclass
class Record:
    value: Any


class Trouble:
    """The search for results reads its fields."""

    __dataclass_fields__ = Record.__dataclass_fields__

    @property
    def value(self) -> Any:
        raise LookupError("a field of the user's")


class Counter:
    def __init__(self) -> None:
        self.count = 0

    def step(self, by: int = 1) -> int:
        self.count = by
        return self.count

    def __call__(self, by: int) -> int:
        return by


def many(a, b=2, /, c=3, *rest, d, e=5, **more):
    return a, b, c, rest, d, e, more


def wide(a, b, c, d, e, f, g, h, i, j):
    return [a, b, c, d, e, f, g, h, i, j]


@functools.wraps(add.func)
def wrapper(*args, **kwargs):
    return add.func(*args, **kwargs)


CALLS: list[tuple[Any, tuple[Any, ...], dict[str, Any]]] = [
    (add.func, (1, 2), {}),
    (add.func, ("x",), {"b": "y"}),
    (add.func, (), {"b": [2], "a": [1]}),
    (many, (1,), {"d": 4}),
    (many, (1, 2, 3, 4, 5), {"d": 6, "e": 7, "f": 8}),
    (wide, tuple(range(10)), {}),
    (wide, tuple(range(5)), dict.fromkeys("fghij")),
    (Counter().step, (), {}),
    (Counter().step, (3,), {}),
    (Counter(), (3,), {}),
    (int, ("12",), {}),
    (int, ("12", 8), {}),
    (functools.partial(add.func, 1), (2,), {}),
    (wrapper, (1,), {"b": 2}),
    (lambda: None, (), {}),
    (lambda a: a, (Record(1),), {}),
    (lambda a: iter(a), ([1],), {}),
]


@pytest.mark.parametrize(("function", "args", "kwargs"), CALLS)
def test_the_value_is_that_of_the_function(function, args, kwargs):
    program = cs.compile(cs.task(function))
    expected = function(*args, **kwargs)
    for _ in range(3):
        for way in (directly, by_machine):
            found = way(program, *args, **kwargs)
            assert type(found) is type(expected)
            assert found == expected or type(found) is type(iter([]))


@pytest.mark.parametrize(
    ("function", "args", "kwargs"),
    [
        (add.func, (), {}),
        (add.func, (1, 2, 3), {}),
        (add.func, (1, 2), {"a": 1}),
        (add.func, (1,), {"nothing": 1}),
        (many, (1,), {}),
        (Counter().step, (1, 2), {}),
        (lambda: None, (5,), {}),
    ],
)
def test_wrong_arguments_are_the_error_of_the_call(function, args, kwargs):
    kind, message, notes, places, _, context = same_outcome(cs.compile(cs.task(function)), *args, **kwargs)
    with pytest.raises(TypeError) as raised:
        function(*args, **kwargs)
    assert (kind, message, context) == (TypeError, str(raised.value), None)
    assert "expected: " in notes[0]
    assert not any("cascade" in place[0] and "/tests/" not in place[0] for place in places)


def test_results_in_arguments_are_resolved():
    for program, args, kwargs, value in [
        (cs.compile(increment), (one(),), {}, 2),
        (cs.compile(add), (1,), {"b": increment(one())}, 3),
        (cs.compile(cs.task(lambda x: x)), ([1, {"a": one()}],), {}, [1, {"a": 1}]),
        (cs.compile(cs.task(many)), (1, 2, 3, one()), {"d": one(), "f": later(7)}, (1, 2, 3, (1,), 1, 5, {"f": 7})),
        (cs.compile(cs.task(wide)), (*range(9), one()), {}, [*range(9), 1]),
    ]:
        assert same_outcome(program, *args, **kwargs) == (type(value), value)


def test_the_error_of_a_search_is_that_of_the_user():
    kind, message, _, places, _, _ = same_outcome(cs.compile(cs.task(lambda x: x)), [Trouble()])
    assert (kind, message) == (LookupError, "a field of the user's")
    assert [place[1] for place in places] == ["value"]


# -- Results that are no values ---------------------------------------------------------------------------------------


@cs.task
def sums(n: int, total: int = 0) -> Any:
    return total if n == 0 else cs.TailCall((n - 1, total + n), target=sums) if n % 2 else sums.tail(n - 1, total + n)


CONTINUED = [
    (sums.func, (100,)),
    (lambda n: increment(n), (1,)),
    (lambda n: [one(), {"a": increment(n)}], (1,)),
    (lambda n: later(n), (5,)),
    (lambda n: add(increment(n), later(n)), (5,)),
    (lambda n: cs.Jump("nowhere"), (5,)),
    (lambda n: [sums.tail(n)], (5,)),
    (lambda n: {"a": sums.tail(n)}, (5,)),
    (lambda n: _vm.Skipped("node", "reason"), (5,)),
    (lambda n: sums.tail(nothing=n), (5,)),
    (lambda n: later.func(n), (5,)),
]


@pytest.mark.parametrize(("function", "args"), CONTINUED)
def test_what_is_no_value_is_continued_or_refused(function, args):
    task = sums if function is sums.func else cs.task(function)
    found = same_outcome(cs.compile(task), *args)
    assert found[0] is not type(function)


def test_a_program_that_awaits_is_refused_in_an_event_loop(call):
    program = cs.compile(cs.task(lambda n: later(n)))

    async def main() -> None:
        with pytest.raises(RuntimeError, match="arun"):
            call(program, 1)

    assert call(program, 1) == 1
    asyncio.run(main())


def fails_late(value):
    return cs.task(fails)(increment(value))


@pytest.mark.parametrize(
    ("target", "args"),
    [
        (add(increment(1), one()), ()),
        ([one(), increment(2)], ()),
        (add(1, 2), ()),
        (add(increment(1), one()), (5,)),
        (later(5), ()),
        (add(later(1), 2), ()),
        (increment, (1,)),
        (increment(1).with_retry(2), ()),
        (machine([], last=3), ()),
        (cs.task(lambda n: fails(n))(increment(1)), ()),
        (cs.task(fails_late), (1,)),
    ],
)
def test_runs_of_several_calls_are_the_same(target, args):
    program = cs.compile(target)
    for _ in range(2):
        same_outcome(program, *args)


# -- Failures ---------------------------------------------------------------------------------------------------------


def fails(value):
    raise ValueError(value)


def fails_inside(value):
    try:
        fails(value)
    except ValueError as error:
        raise KeyError(value) from error


class Quiet(BaseException):
    pass


def quietly(value):
    raise Quiet(value)


@pytest.mark.parametrize(
    "function", [fails, fails_inside, quietly, lambda value: {}[value], lambda value: next(iter([]))]
)
def test_a_failure_has_the_frames_of_the_user_only(function):
    found = same_outcome(cs.compile(cs.task(function)), "odd")
    assert found[3]
    assert {place[0] for place in found[3]} == {__file__}


def test_a_failure_keeps_its_context(call):
    program = cs.compile(cs.task(fails))
    with pytest.raises(ValueError, match="odd") as raised:
        try:
            raise LookupError
        except LookupError:
            call(program, "odd")
    assert type(raised.value.__context__) is LookupError


@pytest.mark.parametrize("function", [int, functools.partial(int, base=10)])
def test_a_function_in_c_may_fail(call, function):
    with pytest.raises(ValueError, match="invalid literal") as raised:
        call(cs.compile(cs.task(function)), "odd")
    assert raised.value.__notes__ if hasattr(raised.value, "__notes__") else True


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
def test_ctrl_c_has_no_frame_of_the_library():
    def waits(n):
        signal.raise_signal(signal.SIGINT)
        time.sleep(5)

    for function, argument in ((waits, 1), (signal.raise_signal, signal.SIGINT)):
        kind, _, _, places, _, _ = same_outcome(cs.compile(cs.task(function)), argument)
        assert kind is KeyboardInterrupt
        assert {place[0] for place in places} <= {__file__}


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="timers by signal")
def test_signals_are_handled_between_calls_without_python_code():
    program = cs.compile(cs.task(abs))

    def stop(*_: Any) -> None:
        raise Quiet

    numbers, limit = count(), 20_000_000
    before = signal.signal(signal.SIGALRM, stop)
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.05)
        with pytest.raises(Quiet):
            deque(map(program, islice(numbers, limit)), 0)
        assert next(numbers) < limit
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def test_endless_recursion_ends(call):
    @cs.task
    def endless(n):
        return call(program, n + 1)

    program = cs.compile(endless)
    with pytest.raises(RecursionError):
        call(program, 0)
    assert _vm.task_depth() == 0


def test_library_frames_are_shown_on_request():
    cs.full_tracebacks()
    try:
        with pytest.raises(ValueError, match="odd") as raised:
            cs.compile(cs.task(fails))("odd")
    finally:
        cs.full_tracebacks(False)
    files = [frame.filename for frame in traceback.extract_tb(raised.value.__traceback__)]
    assert any(file.endswith("driver.py") for file in files)


# -- Scopes -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("target", [cs.task(lambda: 1), add(increment(1), 2)])
def test_a_call_ends_with_the_run_around_it(call, target):
    program = cs.compile(target)
    with Scope(deadline=time.monotonic()):
        with pytest.raises(asyncio.CancelledError):
            call(program)
        assert call(program) in (1, 4)  # it says so once
    with Scope(deadline=time.monotonic() + 3600):
        assert call(program) in (1, 4)


def test_a_cancellation_is_raised_after_a_call_that_was_long(call):
    def cancels() -> None:
        task = asyncio.current_task()
        assert task is not None
        task.cancel()
        time.sleep(0.05)

    program = cs.compile(cs.task(cancels))

    async def main() -> None:
        with pytest.raises(asyncio.CancelledError):
            call(program)

    with pytest.raises(asyncio.CancelledError):
        asyncio.run(main())


# -- Programs as objects ----------------------------------------------------------------------------------------------


def test_a_call_has_no_frame_of_the_library_around_it():
    program = cs.compile(cs.task(lambda: sys._getframe(1).f_code))
    assert program() is sys._getframe().f_code
    assert by_machine(program) is not by_machine.__code__


def test_a_program_is_described_by_its_task():
    program = cs.compile(cs.task(many))
    assert isinstance(program, Program)
    assert callable(program)
    assert inspect.signature(program) == inspect.signature(many)
    assert inspect.signature(Program.__call__).parameters.keys() == {"self", "args", "kwargs"}
    assert "no event loop" in (Program.__call__.__doc__ or "").lower()
    assert weakref.ref(program)() is program
    assert copy.copy(program) is program
    assert Program[[int], str].__origin__ is Program  # type: ignore[attr-defined]
    for make in (pickle.dumps, copy.deepcopy):
        with pytest.raises(SendingError):
            make(program)


def test_a_subclass_may_have_a_call_of_its_own():
    class Doubled(Program[..., Any]):
        def __call__(self, *args: Any) -> Any:
            return 2 * super().__call__(*args)

    class Named(Program[..., Any]):
        pass

    made = cs.compile(increment)
    rest = (made._code, made._inputs, made._bind, made._target, made._context.capacity)
    assert Doubled(*rest)(1) == 4
    assert Named(*rest)(1) == 2


def test_a_program_is_freed_with_its_cycles():
    def make() -> weakref.ref[Any]:
        @cs.task
        def nested(n: int) -> Any:
            return n and program(n - 1)

        program = cs.compile(nested)
        assert program(3) == 0
        return weakref.ref(program)

    reference = make()
    gc.collect()
    assert reference() is None


def test_calls_leave_nothing_behind(call):
    class Value:
        pass

    def work(value, wrong=None, *, more=None):
        return fails(value) if wrong else value

    program = cs.compile(cs.task(work))
    value = Value()
    before = sys.getrefcount(value)
    for _ in range(50):
        assert call(program, value) is value
        assert call(program, value, more=value) is value
        with pytest.raises(ValueError, match="Value"):
            call(program, value, True)
        with pytest.raises(TypeError):
            call(program, value, nothing=value)
    gc.collect()
    assert sys.getrefcount(value) == before


def test_a_value_is_freed_when_the_caller_drops_it():
    class Value:
        pass

    reference = weakref.ref(value := Value())
    program = cs.compile(cs.task(lambda value: reference))
    assert program(value)() is value
    del value
    assert reference() is None
    assert program(Value())() is None


def test_threads_call_one_program_at_once():
    program = cs.compile(cs.task(lambda n: [program(n - 1) + 1 if n else 0][0]))
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(program, [n % 40 for n in range(400)])) == [n % 40 for n in range(400)]


def test_a_base_of_programs_is_complete_once():
    program = cs.compile(increment)
    with pytest.raises(InternalError, match="has its code"):
        _vm.DirectCall.__init__(program, program._code, program._context, 0.0)
    for kind in (_vm.DirectCall, int, type("Other", (), {})):
        with pytest.raises(TypeError, match="no subclass"):
            _vm.called_directly(kind)
    nameless = _vm.called_directly(type("Nameless", (_vm.DirectCall,), {}))
    with pytest.raises(TypeError, match="not callable"):
        nameless.__new__(nameless)()


# -- Typed code -------------------------------------------------------------------------------------------------------


def counts(n, step):
    total = 0
    for i in range(n):
        total += i * step
    return total


def divides(n, by):
    total = 0
    for i in range(n):
        total += 100 // (by - i)
    return total


def in_loop(n, value):
    seen = []
    for _ in range(n):
        seen.append(value)
    return seen


@pytest.mark.parametrize(
    ("function", "calls"),
    [
        (counts, [(10, 2), (10, 2.5), (300_000, 3), (0, 1 << 70), (5, "x"), (True, False)]),
        (divides, [(10, 20), (10, 5), (10, 5.0), (1_000, 2_000.5)]),
        (in_loop, [(3, 1), (3, "x"), (3, one())]),
    ],
)
@pytest.mark.parametrize("lower", [True, False])
def test_typed_code_returns_and_raises_the_same(function, calls, lower):
    program = cs.compile(cs.task(lower=lower)(function))
    for _ in range(3):
        for arguments in calls:
            found = same_outcome(program, *arguments)
            if not isinstance(arguments[-1], type(one())):
                try:
                    expected = function(*arguments)
                    assert found == (type(expected), expected)
                except (TypeError, ZeroDivisionError) as error:
                    assert found[:2] == (type(error), str(error))


@cs.task(lower=True)
def by_tail_calls(n, total):
    return total if n <= 0 else cs.TailCall((n - 1, total + n))


@cs.task(lower=True)
def by_calls(n, total):
    return total if n <= 0 else by_calls(n - 1, total + n)


@pytest.mark.parametrize("task", [by_tail_calls, by_calls])
def test_steps_in_typed_code_are_made_by_a_machine(call, task):
    program = cs.compile(task)
    for n in (0, 1, 3, 300_000, 2, 0):
        assert call(program, n, 0) == n * (n + 1) // 2
    assert task.routine.kernels[0].steps > 0


def test_short_calls_run_in_the_kernel():
    task = cs.task(lower=True)(counts)
    program = cs.compile(task)
    for _ in range(5):
        assert program(10, 2) == 90
    entries = task.routine.kernels[0].entries
    assert program(10, 2) == 90
    assert task.routine.kernels[0].entries == entries + 1


def test_a_profiler_sees_each_call(call):
    program = cs.compile(cs.task(lower=True)(counts))
    call(program, 10, 2)
    seen = []
    sys.setprofile(lambda frame, event, _: seen.append(frame.f_code) if event == "call" else None)
    try:
        call(program, 10, 2)
    finally:
        sys.setprofile(None)
    assert [code.co_filename for code in seen if code.co_name == "counts"].count(__file__) == 1
