"""A user's exception comes out as itself, with a traceback and a note; limits stop a run with their own errors."""

from __future__ import annotations

import asyncio
import traceback
from dataclasses import dataclass
from typing import Any

import pytest

import cascade as cs
from cascade.errors import CascadeError, RunTimeoutError, StepLimitError
from cascade.testing import MockExecutor
from tests.support.growing import growing
from tests.support.tasks import chain, countdown, fail, identity, increment, later, one


class Custom(Exception):
    def __init__(self, first: int, second: int) -> None:
        super().__init__(f"{first} {second}")


@cs.task
def raise_at(n: int, at: int) -> Any:
    if n == at:
        raise Custom(n, at)
    return cs.TailCall((n + 1,))


def test_an_exception_comes_out_as_itself(run):
    error = Custom(1, 2)

    @cs.task
    def throw():
        raise error

    with pytest.raises(Custom) as raised:
        run(identity(throw()))
    assert raised.value is error
    assert raised.value.__context__ is None
    assert raised.value.__cause__ is None


def test_the_note_names_task_node_and_iteration(run):
    with pytest.raises(Custom) as raised:
        run(identity([one(), raise_at(0, 1234)]))
    assert raised.value.__notes__ == ["in task 'raise_at', node raise_at#1, iteration 1,234"]


def test_the_note_names_the_graph_of_a_dynamic_node(run):
    @cs.task
    def expand():
        return identity(fail("inner"))

    with pytest.raises(ValueError, match="inner") as raised:
        run(expand())
    assert raised.value.__notes__ == ["in task 'fail', node fail#1.0, iteration 1"]


def test_the_note_names_the_task_that_raised_and_the_node_that_began(run):
    @cs.task
    def start(n):
        return raise_at.tail(n, n + 2)

    with pytest.raises(Custom) as raised:
        run(start(5))
    assert raised.value.__notes__ == ["in task 'raise_at', node start#0, iteration 3"]


def test_notes_of_a_users_own_class_are_not_compared(run):
    compared = []

    class Text(str):
        def __eq__(self, other):
            compared.append(other)
            return True

        __hash__ = str.__hash__

    @cs.task
    def fail(n):
        error = ValueError(n)
        error.add_note(Text("of a user"))
        raise error

    with pytest.raises(ValueError) as raised:
        run(fail(1))
    assert compared == []
    assert [note.partition(",")[0] for note in raised.value.__notes__] == ["of a user", "in task 'fail'"]


def _frames(error: BaseException) -> list[tuple[str, str]]:
    return [
        (frame.name, frame.line or "")
        for frame in traceback.extract_tb(error.__traceback__)
        if "cascade" not in frame.filename.replace("\\", "/").split("/")[-3:-1] and "/cascade/" not in frame.filename
    ]


@pytest.mark.parametrize("wrap", [lambda t: t, identity, lambda t: identity([t, one()])])
def test_the_traceback_ends_in_the_users_line(run, wrap):
    def deeper():
        return {}["missing"]

    @cs.task
    def user_task():
        return deeper()

    with pytest.raises(KeyError) as raised:
        run(wrap(user_task()))
    assert _frames(raised.value)[-2:] == [("user_task", "return deeper()"), ("deeper", 'return {}["missing"]')]


def test_the_traceback_shows_no_more_of_cascade_than_the_call(path):
    with pytest.raises(ValueError, match="x") as raised:
        path.run(fail("x"))
    names = [frame.name for frame in traceback.extract_tb(raised.value.__traceback__)]
    assert names[1:] == ["run", "fail"]


@pytest.mark.parametrize("kind", [KeyboardInterrupt, SystemExit, GeneratorExit, MemoryError, RecursionError])
def test_other_exceptions_pass_through(path, kind):
    @cs.task
    def throw():
        raise kind

    with pytest.raises(kind):
        path.run(identity(throw()))


def test_stop_iteration_comes_out_of_synchronous_runs_as_itself(path):
    @cs.task
    def stop():
        raise StopIteration(5)

    with pytest.raises(StopIteration) as raised:
        path.run(stop())
    assert raised.value.value == 5
    with pytest.raises(StopIteration):
        path.run([later(1), stop()])


def test_stop_iteration_comes_out_of_threads_as_itself(path):
    @cs.task(mode="blocking")
    def stop(*given):
        raise StopIteration(5)

    @cs.resource(scope="task")
    def sync():
        yield 1

    @cs.resource(scope="task")
    async def later_on():
        yield 1

    inline = cs.task(stop.func)
    calls = [stop(), stop().with_retry(2), stop().with_timeout(60), stop().with_constraints(cpu=1), stop.map([1])]
    calls += [task(cs.inject(resource)) for resource in (sync, later_on) for task in (stop, inline)]
    for call in calls:
        with pytest.raises(StopIteration) as raised:
            path.run(call, system_resources={"cpu": 1})
        assert raised.value.value == 5
        assert any("in task 'stop'" in note for note in raised.value.__notes__)


def test_stop_iteration_of_a_thread_is_retried(run):
    stops = iter([True, False])

    @cs.task(mode="blocking")
    def read():
        if next(stops):
            raise StopIteration
        return "read"

    assert run(read().with_retry(2)) == "read"


def test_a_mock_may_raise_any_exception(path):
    engine = cs.Engine(executor=MockExecutor(values={"one": StopIteration}))
    with pytest.raises(RuntimeError, match="coroutine raised StopIteration"):  # engine.run is a coroutine itself
        path.run_with(engine, one())
    with pytest.raises(StopIteration):
        engine.run_now(one(), use_vm=path.use_vm)


def test_an_exception_may_be_a_value(run):
    error = ValueError("as a value")
    assert run(identity(cs.task(lambda: error)())) is error


def test_the_same_exception_raised_again_has_its_note_once(path):
    error = ValueError("kept")

    @cs.task
    def throw():
        raise error

    for _ in range(3):
        with pytest.raises(ValueError, match="kept"):
            path.run(throw())
    assert len(error.__notes__) == 1


def test_a_failing_run_does_not_keep_its_values(path):
    import gc
    import weakref

    class Value:
        pass

    references = []

    @cs.task
    def make():
        value = Value()
        references.append(weakref.ref(value))
        return value

    @cs.task
    def use(value, n):
        if n == 3:
            raise ValueError("here")
        return cs.TailCall((value, n + 1))

    for _ in range(3):
        with pytest.raises(ValueError, match="here"):
            path.run(use(make(), 0))
    gc.collect()
    assert [reference() for reference in references] == [None] * 3


@pytest.mark.parametrize("needed", [1, 2, 17, 100])
def test_max_steps_is_exact(run, needed):
    target = chain(needed)
    assert run(target, max_steps=needed) == needed
    with pytest.raises(StepLimitError) as raised:
        run(target, max_steps=needed - 1)
    assert raised.value.max_steps == needed - 1
    assert isinstance(raised.value, RuntimeError)


@pytest.mark.parametrize("n", [0, 1, 15, 16, 17, 500])
def test_max_steps_counts_the_iterations_of_loops(run, n):
    assert run(countdown(n), max_steps=n + 1) == "done"
    with pytest.raises(StepLimitError) as raised:
        run(identity(countdown(n)), max_steps=n)
    assert raised.value.iterations == n
    assert "countdown" in str(raised.value)
    if n:
        assert f"node countdown#0, iteration {n}" in raised.value.where


def test_max_steps_lets_what_is_awaited_come_first(run):
    # The call that is one too many waits for another one, whose value is still to come.
    finished = []

    @cs.task
    async def slow() -> int:
        await asyncio.sleep(0.01)
        finished.append(1)
        return 1

    with pytest.raises(StepLimitError, match="increment"):
        run(increment(slow()), max_steps=1)
    assert finished == [1]


def test_max_steps_counts_async_and_dynamic_steps(run):
    @cs.task
    def expand(n: int) -> Any:
        return later(n) if n == 0 else expand(n - 1)

    assert run([expand(4), later(1)], max_steps=7) == [0, 1]
    with pytest.raises(StepLimitError):
        run([expand(4), later(1)], max_steps=6)


@pytest.mark.parametrize("bad", [{"max_steps": -1}, {"max_steps": 1.5}, {"timeout": 0}, {"timeout": float("nan")}])
def test_a_wrong_limit_is_refused(run, bad):
    with pytest.raises(ValueError, match="expected"):
        run(one(), **bad)


@cs.task
def forever(n: int) -> Any:
    return cs.TailCall((n + 1,))


@cs.task
def answer_forever(n: int) -> Any:
    return answer_forever(increment(n))


@pytest.mark.parametrize("make", [lambda: forever(0), lambda: identity(forever(0)), lambda: answer_forever(0)])
def test_a_timeout_stops_an_endless_loop(run, make):
    for seconds in growing(0.05):
        with pytest.raises(RunTimeoutError) as raised:
            run(make(), timeout=seconds)
        error = raised.value
        if error.iterations > 10:
            break
    assert isinstance(error, TimeoutError)
    assert isinstance(error, CascadeError)
    assert error.seconds == seconds
    assert error.steps >= error.iterations
    assert f"in iteration {error.iterations:,}" in str(error)


@pytest.mark.parametrize("make", [list, lambda: [one()], lambda: identity({"x": {one()}})])
def test_a_timeout_that_is_over_at_once_is_told_at_any_node(run, make):
    with pytest.raises(RunTimeoutError):
        run(make(), timeout=1e-9)


def test_a_timeout_stops_what_is_awaited(run):
    begun, cancelled = [], []

    @cs.task
    async def slow() -> None:
        begun.append(1)
        try:
            await asyncio.sleep(600)
        except asyncio.CancelledError:
            cancelled.append(1)
            raise

    for seconds in growing(0.05):
        with pytest.raises(RunTimeoutError, match="slow"):
            run([slow(), later(1)], timeout=seconds)
        if begun:
            break
    assert cancelled == [1]


def test_a_run_in_time_is_not_disturbed(run):
    assert run([later(1, 0.01), countdown(100)], timeout=60, max_steps=1000) == [1, "done"]


def test_errors_can_be_copied_and_pickled():
    import copy
    import pickle

    error = StepLimitError(5, 2, where="task 'x'")
    for twin in (copy.copy(error), pickle.loads(pickle.dumps(error))):
        assert (str(twin), twin.max_steps, twin.iterations, twin.hint) == (str(error), 5, 2, error.hint)


def test_an_exception_that_is_returned_is_freed_with_its_frames():
    import gc
    import weakref

    class Value:
        pass

    @cs.task
    def caught(value: Any) -> Any:
        try:
            raise ValueError("x")
        except ValueError as error:
            return error

    gc.disable()
    try:
        for call in (
            lambda value: cs.run(caught(value)),
            lambda value: cs.run([caught(value), caught(1)])[0],
            cs.compile(caught),
        ):
            value = Value()
            reference = weakref.ref(value)
            error = call(value)
            assert isinstance(error, ValueError)
            del value, error
            assert reference() is None
    finally:
        gc.enable()


def test_a_failed_run_is_freed_at_once(path):
    import gc
    import weakref

    class Value:
        pass

    @cs.task
    def throw(value: Any) -> Any:
        raise ValueError("x")

    def attempt(action: Any) -> weakref.ref[Value]:
        value = Value()
        try:
            action(value)
        except ValueError:
            pass
        return weakref.ref(value)

    # Where an event loop took part, its own objects may hold the values until the next collection.
    actions = [
        lambda value: path.run(throw(value)),
        lambda value: path.run(identity([throw(value)])),
        lambda value: path.run(throw.map([value])),
        lambda value: path.run(throw(value).with_retry(2)),
        cs.compile(throw),
    ]
    gc.collect()
    gc.disable()
    try:
        assert [attempt(action)() for action in actions] == [None] * len(actions)
    finally:
        gc.enable()


MISUSES = {
    "call": lambda lazy: lazy(),
    "an argument of a built-in function": lambda lazy: "a".join([lazy]),
    "context": lambda lazy: lazy.__enter__(),
}


@pytest.mark.parametrize("misuse", MISUSES.values(), ids=MISUSES.keys())
def test_a_result_that_is_used_as_its_value_gets_help(run, misuse):
    @cs.task
    def use(n):
        return misuse(one())

    with pytest.raises((TypeError, AttributeError)) as plain:
        misuse(one())
    with pytest.raises(type(plain.value)) as raised:
        run(use(3))
    assert raised.value.args == plain.value.args
    place, text = raised.value.__notes__
    assert place == "in task 'use', node use#0, iteration 0"
    for advice in ("return other_task(result, ...)", "this_task.tail(...)", "this_task.func(...)"):
        assert advice in text


def test_help_stands_once_and_only_where_it_belongs(run):
    @cs.task
    def inner():
        return one()()

    @cs.task
    def outer(error=None):
        if error is not None:
            raise error
        return cs.run(inner())

    with pytest.raises(TypeError) as raised:
        run(outer())
    assert [note.startswith("a LazyResult stands") for note in raised.value.__notes__] == [False, True, False]
    for error in (
        ValueError("LazyResult"),
        TypeError("MyLazyResult"),
        TypeError(LazyError()),
        TypeError(),
        KeyError("LazyResult"),
    ):
        with pytest.raises(type(error)) as raised:
            run(outer(error))
        assert len(raised.value.__notes__) == 1


class LazyError:
    def __str__(self) -> str:
        raise AssertionError("an argument of an error is not asked for its text")


@dataclass(frozen=True)
class Frozen(Exception):
    code: int


def test_an_exception_that_takes_no_attributes_comes_out_as_itself(run):
    error = Frozen(3)

    @cs.task
    def throw(x: int) -> None:
        raise error

    for target in (throw(1), identity(throw(1)), throw.map([1, 2]), throw(1).with_retry(2), [throw(1), later(1)]):
        with pytest.raises(Frozen) as raised:
            run(target)
        assert raised.value is error


@pytest.mark.parametrize(
    "called",
    [
        lambda fails: fails(3),
        lambda fails: fails(3).with_retry(2),
        lambda fails: fails(3).with_timeout(60),
        lambda fails: fails.map([3]),
        lambda fails: cs.task(fails.func, mode="blocking")(3),
    ],
    ids=["plain", "retry", "timeout", "map", "blocking"],
)
def test_an_exception_keeps_its_context_while_another_one_is_handled(path, called):
    @cs.task
    def fails(n: int) -> Any:
        try:
            return [][n]
        except IndexError:
            raise ValueError(n) from None

    def caught() -> ValueError:
        try:
            raise EOFError
        except EOFError:
            with pytest.raises(ValueError) as failure:
                path.run(called(fails))
        return failure.value

    assert type(caught().__context__) is IndexError


def ends_a_group() -> Any:
    try:
        raise ExceptionGroup("g", [ValueError(1), KeyError(2)])
    except* ValueError:
        raise TypeError(3) from None


def clears_its_context() -> Any:
    try:
        raise KeyError(1)
    except KeyError as error:
        error.__context__ = None
        raise


@pytest.mark.parametrize("function", [ends_a_group, clears_its_context])
@pytest.mark.parametrize(
    "called",
    [
        lambda fails: fails(),
        lambda fails: identity(fails()),
        lambda fails: fails().with_retry(2),
        lambda fails: fails().with_timeout(60),
        lambda fails: cs.task(lambda n: fails.func()).map([3]),
    ],
    ids=["plain", "argument", "retry", "timeout", "map"],
)
def test_an_exception_without_a_context_gets_none_from_a_handler_around_the_run(path, called, function):
    try:
        raise EOFError
    except EOFError:
        with pytest.raises((ExceptionGroup, KeyError)) as failure:
            path.run(called(cs.task(function)))
    assert failure.value.__context__ is None
