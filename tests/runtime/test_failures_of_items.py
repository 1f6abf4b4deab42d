"""Maps that keep going: `task.map(..., on_error="collect")`, or up to a number of failed items."""

from __future__ import annotations

import asyncio
import io
import pickle
import traceback
from typing import Any

import pytest

import cascade as cs
from cascade.errors import DeclarationError, StepLimitError
from cascade.graph.serialize import from_json, to_json
from cascade.runtime.engine import Engine
from tests.support.compute_tasks import square_root
from tests.support.recording import heard_from
from tests.support.tasks import identity, later, total

np = pytest.importorskip("numpy")


@cs.task
def invert(x: float) -> float:
    return 1 / x


@cs.task
def invert_all(x: int) -> float:
    result = 0.0
    for i in range(x, x + 3):
        result += 1 / i
    return result


@cs.task
async def invert_later(x: float) -> float:
    await asyncio.sleep(0)
    return 1 / x


@cs.task(mode="blocking")
def invert_in_thread(x: float) -> float:
    return 1 / x


@cs.task
def passed_on(x: float) -> Any:
    return invert(identity(x))


@cs.task
def looping(x: float, steps: int = 3) -> Any:
    return invert(x) if steps == 0 else looping.tail(x, steps - 1)


TASKS = [invert, invert_later, invert_in_thread, passed_on, looping]
POLICIES = {
    "plain": lambda lazy: lazy,
    "retried": lambda lazy: lazy.with_retry(2),
    "one by one": lambda lazy: lazy.with_concurrency(1),
}


@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.name)
@pytest.mark.parametrize("policies", POLICIES)
def test_failures_stand_in_the_places_of_items_that_failed(run, task, policies):
    values = run(POLICIES[policies](task.map([1, 0, 2, 0, 4], on_error="collect")))
    assert values[0::2] == [1.0, 0.5, 0.25]
    for index in (1, 3):
        failure = values[index]
        assert type(failure) is cs.Failure
        assert (failure.index, failure.item, failure.task) == (index, 0, task.name)
        assert type(failure.error) is ZeroDivisionError


def test_more_failures_than_are_tolerated_end_the_map(run):
    values = run(invert.map([1, 0, 2, 0], on_error=2))
    assert [type(value) for value in values] == [float, cs.Failure, float, cs.Failure]
    for task in TASKS:
        with pytest.raises(ZeroDivisionError) as raised:
            run(task.map([0, 1, 0, 2], on_error=1))
        assert "after 1 tolerated failures" in raised.value.__notes__
        assert "in item 2 of the map" in raised.value.__notes__
    with pytest.raises(ZeroDivisionError):
        run(invert.map([1, 0], on_error=0))
    with pytest.raises(ZeroDivisionError):
        run(invert.map([1, 0], on_error="raise"))


def test_the_traceback_of_a_failure_begins_at_the_task(run):
    (failure,) = run(invert.map([0], on_error="collect"))
    frames = traceback.extract_tb(failure.error.__traceback__)
    assert [frame.name for frame in frames] == ["invert"]
    assert "return 1 / x" in failure.traceback
    assert failure.traceback.rstrip().endswith("ZeroDivisionError: division by zero")


def test_the_one_item_is_run_again_by_reproduce(run):
    for task in TASKS:
        (failure,) = run(task.map([0], on_error="collect"))
        with pytest.raises(ZeroDivisionError):
            failure.reproduce()
    seen: list[int] = []

    @cs.task
    def fails_once(x: int, y: int = 5) -> int:
        seen.append(x)
        if len(seen) == 1:
            raise ValueError(x)
        return x + y

    failure, value = run(fails_once.map([1, 2], y=[10, 20], on_error="collect"))
    assert (failure.item, value) == ((1, 10), 22)
    assert failure.reproduce() == 11


@pytest.mark.once
def test_a_failure_in_a_worker_process_is_reproduced_here(run):
    values = run(square_root.map([4.0, -1.0], on_error="collect"))
    assert values[0] == 2.0
    assert "math domain error" in values[1].traceback
    assert "in a worker process" in values[1].traceback
    with pytest.raises(ValueError, match="math domain error"):
        values[1].reproduce()


def test_a_failure_can_be_pickled_and_keeps_its_traceback_as_text(run):
    (failure,) = run(invert.map([0], on_error="collect"))
    again = pickle.loads(pickle.dumps(failure))
    assert (again.index, again.item, again.traceback) == (0, 0, failure.traceback)
    with pytest.raises(ZeroDivisionError):
        again.reproduce()
    assert repr(again) == "<Failure of item 0 of invert: ZeroDivisionError('division by zero')>"


class Unspeakable(Exception):
    def __str__(self) -> str:
        raise RuntimeError

    __repr__ = __str__


@cs.task
async def speechless(x: int) -> None:
    try:
        await asyncio.sleep(0.001)
    finally:
        raise Unspeakable


def test_errors_without_a_representation_do_not_hurt(path, caplog):
    with pytest.raises(Unspeakable):
        path.run(speechless.map(range(4)))
    assert not caplog.records
    failure = path.run(speechless.map(range(4), on_error="collect"))[2]
    assert repr(failure) == "<Failure of item 2 of speechless: <Unspeakable, whose repr raises RuntimeError>>"
    assert "Unspeakable" in failure._repr_html_()


def test_kernels_go_on_behind_an_item_that_failed(run):
    items = list(range(1, 4000))
    items[1000] = items[3000] = 0
    values = run(invert_all.map(items, on_error="collect"))
    assert [value.index for value in values if type(value) is cs.Failure] == [1000, 3000]
    assert values[:1000] == [invert_all.func(x) for x in items[:1000]]
    assert values[3001:] == [invert_all.func(x) for x in items[3001:]]


def test_maps_over_and_into_arrays_collect_failures(run):
    @cs.task
    def checked(x: Any) -> Any:
        if x == 7:
            raise ValueError(x)
        return x * 2

    values = run(checked.map(np.arange(5000), on_error="collect").as_array())
    assert values.dtype == object
    assert type(values[7]) is cs.Failure and values[7].item == 7
    assert list(values[8:]) == list(range(16, 10000, 2))
    assert run(checked.map(np.arange(3), on_error="collect").as_array()).dtype == np.int64


def test_methods_and_shared_values_are_part_of_the_failure(run):
    class Scale:
        def __init__(self, by: int) -> None:
            self.by = by

        @cs.task
        def apply(self, x: int, offset: int = cs.Param("offset", 1)) -> float:
            return self.by / x + offset

    (value, failure) = run(Scale(6).apply.map([2, 0], on_error="collect"), params={"offset": 2})
    assert value == 5
    with pytest.raises(ZeroDivisionError):
        failure.reproduce()


def test_limits_of_the_run_are_no_failures_of_items(run):
    @cs.task(lower=False)  # the tail calls of typed code in a map are part of its one step
    def counted(n: int) -> Any:
        return n if n == 0 else counted.tail(n - 1)

    with pytest.raises(StepLimitError):
        run(counted.map([50, 50], on_error="collect"), max_steps=20)
    with pytest.raises(cs.RunTimeoutError):
        run(later.map([1], [30.0], on_error="collect"), timeout=0.05)


def test_a_cancelled_run_ends_although_failures_are_collected(path):
    async def main() -> None:
        task = asyncio.ensure_future(path.arun(later.map([1, 2], [30.0, 30.0], on_error="collect")))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())


def test_events_of_a_map_that_collects_say_that_it_succeeded(path):
    outcome, events = heard_from(path, invert.map([0, 1], on_error="collect"))
    assert type(outcome[0]) is cs.Failure
    finished = [event for event in events if type(event) is cs.TaskExecutionFinished]
    assert [(event.status, event.failed_item) for event in finished] == [("Succeeded", None)]


def test_only_known_values_of_on_error_are_accepted():
    for wrong in ("ignore", -1, True, 1.5, None):
        with pytest.raises(DeclarationError, match="on_error="):
            invert.map([1], on_error=wrong)  # type: ignore[call-overload]


def test_a_parameter_of_that_name_is_an_input(run):
    @cs.task
    def named(x: int, on_error: str) -> str:
        return f"{x}{on_error}"

    assert run(named.map([1, 2], on_error=["a", "b"])) == ["1a", "2b"]


def test_json_keeps_what_happens_on_an_error(run):
    for on_error in ("collect", 3):
        text = to_json(invert.map([0, 1], on_error=on_error))
        values = run(from_json(text))
        assert type(values[0]) is cs.Failure and values[1] == 1.0
    text = to_json(invert.map([0], on_error="collect"))
    with pytest.raises(cs.SerializationError, match="on_error"):
        from_json(text.replace('"collect"', '"ignore"'))
    assert "on_error" not in to_json(invert.map([0]))


def test_plans_and_explanations_name_it(capsys):
    cs.dry_run(invert.map([1], on_error=1000))
    assert "tolerates 1,000 failures" in capsys.readouterr().out
    assert "collects failures" in str(cs.explain(invert.map([1], on_error="collect").with_retry(2)))


def test_results_that_need_the_value_see_the_failures(run):
    @cs.task
    def count(values: list[Any]) -> int:
        return sum(type(value) is cs.Failure for value in values)

    assert run(count(invert.map([1, 0, 0], on_error="collect"))) == 2
    assert run(total(invert.map([1, 2], on_error="collect"))) == 1.5


def test_an_engine_without_threads_of_its_own_collects_as_well(path):
    assert type(path.run_with(Engine(), invert.map([0], on_error="collect"))[0]) is cs.Failure


def test_frames_of_many_failures_lead_to_few_frames_of_the_map(run: Any):
    # A frame for each of them would be kept alive with it, and be searched by each collection.
    failures = run(invert.map([0.0] * 500, on_error="collect"))
    callers = {id(each.error.__traceback__.tb_frame.f_back) for each in failures}
    assert len(failures) == 500 and len(callers) < 50


def test_collected_failures_are_told_of_by_the_event_the_log_and_the_report(path: Any, tmp_path: Any):
    log = io.StringIO()
    observers = [(heard := []).append, cs.console("log", file=log), cs.report(tmp_path / "run.html")]
    for task in (invert, invert_later):
        path.run(task.map([1.0, 0.0, 2.0, 0.0], on_error="collect"), observers=observers)
    ended = [event for event in heard if type(event) is cs.TaskExecutionFinished]
    assert [(event.status, event.failed_item, event.failed_items) for event in ended] == [("Succeeded", None, 2)] * 2
    assert {event.first_failure for event in ended} == {f"item 1: {ZeroDivisionError('float division by zero')!r}"}
    text = log.getvalue()
    assert text.count(", 2 failed, the first: item 1: ZeroDivisionError('float division by zero')") == 2
    assert text.count("4 items, 2 failed items collected in") == 2
    page = (tmp_path / "run.html").read_text()
    assert "2 failed items of invert_later collected, the first: item 1: ZeroDivisionError" in page
