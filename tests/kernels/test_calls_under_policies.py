"""Calls under policies, in threads and in maps and routes run their functions' kernels, and are plain Python's to the last frame."""

from __future__ import annotations

import _thread
import asyncio
import contextvars
import ctypes
import io
import signal
import sys
import threading
import warnings
from collections.abc import Callable, Iterator
from types import FunctionType
from typing import Any

import pytest

import cascade as cs
from cascade import _vm
from cascade.adapters.executors.local import LocalExecutor
from tests.support import policy_functions as functions
from tests.support.growing import growing
from tests.support.outcomes import described, entries
from tests.support.recording import heard_from, story

ONE_CPU = {"system_resources": {"cpu": 1}}


@pytest.fixture(autouse=True)
def with_kernels() -> Iterator[None]:
    _vm.lower_without_delay(True)
    functions.seen.clear()
    yield
    _vm.lower_without_delay(False)
    functions.RUNNING = True


def task_of(function: Any, **options: Any) -> Any:
    """Returns a task of a copy of the function, as block kernels are kept for each function."""
    copy = FunctionType(function.__code__, function.__globals__, function.__name__, function.__defaults__)
    return cs.task(copy, **options)


def entries_of(task: Any) -> int:
    """The number of calls of a task that its kernels have made."""
    routine = task.routine
    block = 0 if routine.block_kernel is None else routine.block_kernel.entries
    return block + sum(kernel.entries for kernel in routine.kernels)


POLICIES: dict[str, Callable[[Any], Any]] = {
    "retry": lambda lazy: lazy.with_retry(3),
    "timeout": lambda lazy: lazy.with_timeout(60),
    "cache": lambda lazy: lazy.with_cache(cs.MemoryCache()),
    "constraint": lambda lazy: lazy.with_constraints(cpu=1),
    "condition": lambda lazy: lazy.run_if(True),
    "order": lambda lazy: lazy.after(cs.task(lambda: 1)()),
}
FUNCTIONS = pytest.mark.parametrize("function", [functions.total, functions.collected], ids=["numbers", "blocks"])


@FUNCTIONS
@pytest.mark.parametrize("policy", POLICIES)
def test_a_call_with_a_policy_runs_the_kernel_of_its_function(run, path, function, policy):
    task = task_of(function)
    for n in (10, 5000):
        assert run(POLICIES[policy](task(n, 7)), **ONE_CPU) == function(n, 7)
        assert run(POLICIES[policy](task(n)), **ONE_CPU) == function(n)
    assert entries_of(task) == (4 if path.use_vm else 0)


@FUNCTIONS
def test_a_task_with_policies_or_in_a_thread_has_a_kernel(run, path, function):
    for options in ({"retry": 2}, {"timeout": 60}, {"mode": "blocking"}, {"mode": "blocking", "retry": 2}):
        task = task_of(function, **options)
        assert run([task(5000), task(10)]) == [function(5000), function(10)]
        assert entries_of(task) == (2 if path.use_vm else 0)
        never = task_of(function, lower=False, **options)
        assert run(never(100)) == function(100)
        assert entries_of(never) == 0


@FUNCTIONS
def test_observed_maps_and_routes_and_items_with_policies_run_kernels(path, function):
    task = task_of(function)
    log = cs.console("log", file=io.StringIO())
    answers = [function(n) for n in (3, 40)]
    assert path.run(task.map([3, 40]), observers=[log]) == answers
    assert path.run(task.map([3, 40]).with_retry(2)) == answers
    assert path.run(task.map([3, 40]).with_concurrency(1)) == answers
    assert path.run(cs.Router("a", {"a": task(40)}), observers=[log]) == answers[1]
    assert path.run(cs.Router("a", {"a": task(40).with_timeout(60)})) == answers[1]
    if path.use_vm:
        assert entries_of(task) >= 6
    else:
        assert entries_of(task) == 0


def test_items_of_a_plain_map_run_block_kernels(path):
    task = task_of(functions.collected)
    assert path.run(task.map(range(20))) == [functions.collected(n) for n in range(20)]
    assert entries_of(task) == (20 if path.use_vm else 0)


# -- Exceptions ---------------------------------------------------------------------------------------------------------


def raised_by(call: Callable[[], object]) -> BaseException:
    try:
        call()
    except BaseException as error:
        return error
    raise AssertionError("nothing was raised")


@pytest.mark.parametrize("options", [{}, {"mode": "blocking"}], ids=["inline", "blocking"])
@pytest.mark.parametrize("function", [functions.divided, functions.looked_up])
def test_exceptions_have_the_traceback_of_the_plain_function(run, function, options):
    plain = raised_by(lambda: function(5))
    task = task_of(function, **options)
    for policy in (lambda lazy: lazy.with_retry(1), lambda lazy: lazy.with_timeout(60), lambda lazy: lazy.run_if(True)):
        for _ in range(3):
            error = raised_by(lambda: run(policy(task(5))))
            assert type(error) is type(plain) and str(error) == str(plain)
            assert entries(error.__traceback__)[-1:] == entries(plain.__traceback__)[-1:]
            own = [each for each in entries(error.__traceback__) if each[0] == functions.__file__]
            assert len(own) == 1
            assert described(error.__context__) == described(plain.__context__)


def test_attempts_and_events_are_the_same_on_both_paths(path):
    task = task_of(functions.fails_twice)
    outcome, events = heard_from(path, task(100).with_retry(cs.Retry(3, delay=0)))
    assert outcome == sum(range(100))
    assert functions.seen == [100, 100, 100]
    short = story(events)
    assert [each[0] for each in short] == ["start", "retrying", "retrying", "Succeeded"]
    assert [each[2:4] for each in short if each[0] == "retrying"] == [(1, 3), (2, 3)]
    functions.seen.clear()
    outcome, events = heard_from(path, task(100).with_retry(2))
    assert isinstance(outcome, ValueError) and "after 2 attempts" in outcome.__notes__
    assert [each[0] for each in story(events)] == ["start", "retrying", "Failed"]


def test_each_tail_call_under_a_policy_is_a_call_of_its_own(path):
    task = task_of(functions.tail_total)
    expected = sum(sum(range(n)) for n in range(6))
    assert path.run(task(5)) == expected
    outcome, events = heard_from(path, task(5).with_retry(2))
    assert outcome == expected and story(events)[-1][0] == "Succeeded"
    assert path.run(task(5).with_timeout(60)) == expected
    with pytest.raises(cs.StepLimitError):
        path.run(task(5).with_retry(2), max_steps=3)


def test_a_name_that_changes_between_attempts_is_read_anew(path, monkeypatch):
    task = task_of(functions.total)
    assert path.run(task(50).with_retry(2)) == functions.total(50)
    monkeypatch.setattr(functions, "LIMIT", 97)
    assert path.run(task(50).with_retry(2)) == functions.total(50) < 97


# -- What the function sees ---------------------------------------------------------------------------------------------


def test_warnings_name_the_line_of_the_function_and_the_module_of_its_caller(path):
    task = task_of(functions.warned)
    found = []
    for _ in range(3):
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            assert path.run(task(10).with_retry(2)) == 45
        found.append([(str(each.message), each.filename.rpartition("/")[2]) for each in caught])
        line = functions.warned.__code__.co_firstlineno + 4
        assert caught[0].lineno == line
    assert found == [[("total 45", "policy_functions.py"), ("caller of total 45", "local.py")]] * 3


def test_context_variables_are_those_of_the_call(run, path):
    inline, blocking = task_of(functions.context_total), task_of(functions.context_total, mode="blocking")

    def look() -> None:
        functions.variable.set(10)
        for task in (inline, blocking):
            for _ in range(3):
                first = functions.variable.get()
                assert run(task(3).with_retry(2)) == [first, first + 1, first + 2]

    contextvars.copy_context().run(look)
    assert functions.variable.get() == 0


def test_frames_are_those_of_the_function(path):
    task = task_of(functions.names_of_callers)
    assert path.run(task(3).with_retry(2)) == ["names_of_callers"] * 3


def test_coroutine_functions_are_called_as_they_are(run):
    @cs.task
    async def later(n: int) -> int:
        s = 0
        for i in range(n):
            s += i
        await asyncio.sleep(0)
        return s

    assert run(later(100).with_retry(2)) == 4950
    assert entries_of(later) == 0


def test_arguments_are_released_when_the_call_is_over(path):
    class Thing:
        pass

    thing = Thing()
    task = task_of(functions.with_object)
    before = sys.getrefcount(thing)
    for n in (3, 5000, 3):
        result = path.run(task(n, thing).with_retry(2))
        assert result == [sum(range(n)), thing] and result[1] is thing
        del result
    assert sys.getrefcount(thing) == before


def test_a_run_inside_of_a_call_may_call_the_same_kernel(path):
    assert path.run(functions.nested_task(4).with_retry(2)) == functions.nested(4)
    assert functions.nested(2) == [2, 0, 1, 2, 1, 0, 1, 2, 0, 0, 1, 2]


def test_an_executor_of_a_class_below_that_calls_by_itself_makes_each_call(path):
    calls: list[str] = []

    class Noting(LocalExecutor):
        def call(self, task: Any, args: Any, kwargs: Any) -> Any:
            calls.append(task.name)
            return super().call(task, args, kwargs)

    task = task_of(functions.total)
    engine = cs.Engine(executor=Noting())
    assert path.run_with(engine, task(100).with_retry(2)) == functions.total(100)
    assert calls == ["total"]


# -- Threads ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("function", [functions.total, functions.collected, functions.thread_total])
def test_eight_threads_call_one_task_at_once(path, function):
    task = task_of(function, mode="blocking")
    given = [(n, start) for n in (30_000, 3, 7000) for start in (0, 1.5, 10**30, True, 2, 0.25, 10**18, 5)]
    with LocalExecutor(threads=8) as executor:
        engine = cs.Engine(executor=executor)
        for _ in range(3):
            found = path.run_with(engine, [task(*each) for each in given])
            expected = [function(*each) for each in given]
            if function is functions.thread_total:
                found, expected = ([each[0] for each in values] for values in (found, expected))
            assert found == expected
            assert [type(each) for each in found] == [type(each) for each in expected]
    if path.use_vm:
        assert entries_of(task) > 0


def test_eight_threads_begin_a_kernel_at_the_same_time():
    for function in (functions.total, functions.collected, functions.divided):
        task = task_of(function)
        barrier = threading.Barrier(8)
        found: dict[int, object] = {}

        def begin(number: int, task: Any = task, barrier: Any = barrier, found: Any = found) -> None:
            barrier.wait(60)
            for n in range(40):
                try:
                    found[number, n] = task.by_kernel(1000 + number * n)
                except ZeroDivisionError as error:
                    found[number, n] = str(error), entries(error.__traceback__)[-1]

        threads = [threading.Thread(target=begin, args=(number,)) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        for (number, n), value in found.items():
            if function is functions.divided:
                error = raised_by(lambda each=1000 + number * n: function(each))
                assert value == (str(error), entries(error.__traceback__)[-1])
            else:
                assert value == function(1000 + number * n)
        assert len(found) == 320


@pytest.mark.parametrize("function", [functions.until_stopped, functions.until_stopped_with_list])
def test_a_late_call_in_a_thread_times_out_and_its_thread_sees_other_threads(path, function):
    task = task_of(function, mode="blocking")
    with LocalExecutor(threads=1) as executor:
        engine = cs.Engine(executor=executor)
        with pytest.raises(cs.TaskTimeoutError):
            path.run_with(engine, task(1).with_timeout(0.05))
        functions.RUNNING = False  # the thread is still at work, and ends now: else the next call would wait for ever
        assert path.run_with(engine, task(1)) in (1, [1])


@pytest.mark.parametrize("function", [functions.until_stopped, functions.until_stopped_with_list])
def test_an_exception_that_another_thread_sets_ends_the_call(function):
    class Stop(Exception):
        pass

    task = task_of(function)
    errors: list[BaseException] = []
    begun = threading.Event()

    def work() -> None:
        begun.set()
        errors.append(raised_by(lambda: task.by_kernel(1)))

    thread = threading.Thread(target=work)
    thread.start()
    begun.wait(60)
    while not errors and entries_of(task) == 0:
        thread.join(0.001)
    ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread.ident or 0), ctypes.py_object(Stop))
    thread.join(60)
    functions.RUNNING = False
    assert type(errors[0]) is Stop
    assert entries(errors[0].__traceback__)[-1][1] == function.__name__


# -- Signals ------------------------------------------------------------------------------------------------------------


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="there are no timers")
@pytest.mark.parametrize("function", [functions.until_stopped, functions.until_stopped_with_list, functions.cleaned_up])
@pytest.mark.parametrize("with_policy", [True, False], ids=["with a policy", "without"])
def test_a_signal_is_handled_in_a_frame_of_the_function(path, function, with_policy):
    class Stop(Exception):
        pass

    shown: list[tuple[str, str, int]] = []

    first = function.__code__.co_firstlineno

    def handle(number: int, frame: Any) -> None:
        shown.append((frame.f_code.co_name, frame.f_globals["__name__"], frame.f_lineno))
        if shown[-1][:2] == (function.__name__, functions.__name__) and first + 1 < frame.f_lineno < first + 8:
            raise Stop
        assert len(shown) < 1000
        signal.setitimer(signal.ITIMER_REAL, 0.02)  # its loop has not begun yet

    before = signal.signal(signal.SIGALRM, handle)
    try:
        task = task_of(function)
        signal.setitimer(signal.ITIMER_REAL, 0.05)
        error = raised_by(lambda: path.run(task(1).with_retry(1) if with_policy else task(1)))
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert type(error) is Stop
    own = [each for each in entries(error.__traceback__) if each[0] == functions.__file__]
    assert [each[1] for each in own] == [function.__name__] and first < own[0][2] < first + 8
    # From CPython 3.13 on, a loop's jump back, where signals are handled, is in no `try` statement.
    cleans_up = function is functions.cleaned_up
    assert functions.seen in (
        [["cleaned up"]] if cleans_up and sys.version_info < (3, 13) else [[], ["cleaned up"][:cleans_up]]
    )


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="there are no timers")
def test_a_signal_ends_a_recursion_without_a_loop():
    class Stop(Exception):
        pass

    def handle(number: int, frame: Any) -> None:
        if frame.f_code.co_name == "visits":
            raise Stop
        signal.setitimer(signal.ITIMER_REAL, 0.02)

    before = signal.signal(signal.SIGALRM, handle)
    try:
        task = task_of(functions.visits)
        signal.setitimer(signal.ITIMER_REAL, 0.05)
        error = raised_by(lambda: task.by_kernel([0], 60))
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert type(error) is Stop
    own = [each[1] for each in entries(error.__traceback__) if each[0] == functions.__file__]
    assert 2 < len(own) <= 61 and set(own) == {"visits"}
    assert entries_of(task) == 1  # the others are calls of the function that the name means


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="there are no timers")
def test_a_name_that_a_signal_handler_changes_is_seen_in_a_recursion():
    def handle(number: int, frame: Any) -> None:
        functions.RUNNING = False

    before = signal.signal(signal.SIGALRM, handle)
    try:
        for seconds in growing(0.05):
            functions.RUNNING = True
            signal.setitimer(signal.ITIMER_REAL, seconds)
            counts = [0]
            found = cs.task(functions.leaves).by_kernel(counts, 60, "")
            if counts[0] > 1:  # the recursion had begun when the name changed
                break
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert counts[0] == 2 * len(found) - 1
    assert found == sorted(set(found)), "each leaf is there once, from left to right"


def test_ctrl_c_ends_a_call_in_typed_code(path):
    task = task_of(functions.until_stopped)
    timer = threading.Timer(0.05, _thread.interrupt_main)
    with pytest.raises(KeyboardInterrupt):
        timer.start()
        path.run(task(1).with_retry(2))
    timer.join()
