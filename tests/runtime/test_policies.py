"""Policies of nodes: conditions, order, retry, timeout, constraints; the same on both paths."""

from __future__ import annotations

import asyncio
import re
import threading
import time
from typing import Any

import pytest

import cascade as cs
from cascade.errors import CapacityError, CycleError, DeclarationError, DependencyMissingError, PolicyError, StepLimitError, TaskTimeoutError
from cascade.runtime import Engine
from tests.conftest import Path
from tests.support.tasks import add, countdown, fail, identity, increment, later, one, total
from tests.support.flaky import AsyncFlaky, Flaky
from tests.support.recording import heard_from, story


# -- Methods --------------------------------------------------------------------------------------------------------


def test_a_method_changes_the_result_and_gives_it_back():
    lazy = increment(1)
    assert lazy.run_if(True).with_retry(2).with_timeout(1).with_constraints(cpu=1).after(one()) is lazy
    assert lazy.policies is not None
    assert lazy.policies.retry == cs.Retry(2)


def test_a_policy_counts_whether_the_returned_value_or_the_original_is_used(run):
    flaky = Flaky(1)
    lazy = cs.task(flaky)()
    lazy.with_retry(2)
    assert run(lazy) == "done"


def test_a_compiled_program_keeps_the_policies_it_was_compiled_with():
    lazy = increment(1)
    program = cs.compile(lazy)
    lazy.run_if(False)
    assert program() == 2
    with pytest.raises(DependencyMissingError):
        cs.compile(lazy)()


def test_a_shared_node_with_policies_runs_once(run):
    flaky = Flaky(1)
    shared = cs.task(flaky)(3).with_retry(2)
    assert run(add(shared, shared)) == 6
    assert flaky.calls == 2


@pytest.mark.parametrize(
    ("set_policy", "kind", "message"),
    [
        (lambda lazy: lazy.with_retry(0), PolicyError, "max_attempts=0"),
        (lambda lazy: lazy.with_retry(1.5), DeclarationError, "max_attempts=1.5"),
        (lambda lazy: lazy.with_retry(True), DeclarationError, "max_attempts=True"),
        (lambda lazy: lazy.with_retry(2, delay=-1), PolicyError, "delay is -1"),
        (lambda lazy: lazy.with_retry(2, jitter=2), PolicyError, "from 0 to 1"),
        (lambda lazy: lazy.with_retry(2, retry_on=BaseException), DeclarationError, "retry_on"),
        (lambda lazy: lazy.with_retry(2, retry_on=asyncio.CancelledError), DeclarationError, "never retried"),
        (lambda lazy: lazy.with_retry(2, retry_on="ValueError"), DeclarationError, "retry_on"),
        (lambda lazy: lazy.with_timeout(0), PolicyError, "timeout=0"),
        (lambda lazy: lazy.with_timeout("1"), DeclarationError, "of type str"),
        (lambda lazy: lazy.with_timeout(float("nan")), PolicyError, "nan"),
        (lambda lazy: lazy.with_constraints(cpu=-1), PolicyError, "'cpu' is -1"),
        (lambda lazy: lazy.with_constraints(cpu="1"), DeclarationError, "'cpu'"),
        (lambda lazy: lazy.with_constraints(cpu=float("inf")), PolicyError, "'cpu'"),
        (lambda lazy: lazy.after(3), DeclarationError, "after(3)"),
        (lambda lazy: lazy.with_cache(dict()), DeclarationError, "no method 'check'"),
    ],
)
def test_bad_policies_are_refused_where_they_are_set(set_policy, kind, message):
    with pytest.raises(kind) as raised:
        set_policy(one())
    assert message in str(raised.value)


def test_an_unknown_option_of_task_is_refused_with_the_nearest_name():
    with pytest.raises(DeclarationError, match="did you mean 'timeout'"):
        cs.task(time_out=3)  # type: ignore[call-overload]


# -- run_if and after -----------------------------------------------------------------------------------------------


def test_a_true_condition_changes_nothing(run):
    assert run(increment(1).run_if(True)) == 2
    assert run(increment(increment(1).run_if(identity(1)))) == 3


@pytest.mark.parametrize("condition", [False, 0, None, "", [], 0.0])
def test_a_skipped_target_raises(run, condition):
    with pytest.raises(DependencyMissingError) as raised:
        run(increment(1).run_if(condition))
    assert raised.value.reason == "ConditionFalse"
    assert raised.value.task_id == "increment#0"
    with pytest.raises(DependencyMissingError):
        run(increment(1).run_if(identity(condition)))


def test_what_needs_a_skipped_value_is_skipped(path):
    @cs.task
    def unreachable(*args: Any) -> Any:
        raise AssertionError

    skipped = increment(1).run_if(one().run_if(True)).run_if(identity(0))
    ordered = identity("after").after(skipped)
    outcome, events = heard_from(path, [unreachable({"key": [skipped]}), unreachable(ordered), one()])
    assert isinstance(outcome, DependencyMissingError)
    assert story(events) == [
        ("start", "one#0"),
        ("Succeeded", "one#0", "1"),
        ("start", "identity#1"),
        ("Succeeded", "identity#1", "0"),
        ("skipped", "increment#2", "ConditionFalse"),
        ("skipped", "unreachable#6", "UpstreamSkipped_Data"),
        ("skipped", "identity#7", "UpstreamSkipped_Sequence"),
        ("skipped", "unreachable#9", "UpstreamSkipped_Data"),
        ("start", "one#10"),
        ("Succeeded", "one#10", "1"),
    ]


def test_a_skipped_condition_or_amount_skips(path):
    skipped = one().run_if(False)
    outcome, events = heard_from(path, increment(1).run_if(skipped))
    assert story(events)[1:] == [("skipped", "increment#1", "UpstreamSkipped_Data")]
    outcome, events = heard_from(path, increment(1).with_constraints(cpu=one().run_if(False)), system_resources={"cpu": 1})
    assert story(events)[1:] == [("skipped", "increment#1", "UpstreamSkipped_Data")]


def test_a_condition_whose_truth_raises_fails_the_node(run):
    class Undecided:
        def __bool__(self) -> bool:
            raise RuntimeError("undecided")

    with pytest.raises(RuntimeError, match="undecided"):
        run(increment(1).run_if(Undecided()))


def test_a_skipped_task_in_a_dynamic_graph_is_missing_there(run):
    @cs.task
    def expand() -> Any:
        return increment(1).run_if(False)

    with pytest.raises(DependencyMissingError):
        run(identity(expand()))


def test_skipping_waits_for_what_is_awaited(run):
    assert run([increment(1).run_if(later(True)), one()]) == [2, 1]
    with pytest.raises(DependencyMissingError):
        run(increment(later(1).run_if(later(False))))


def test_after_orders_without_data(run):
    calls: list[str] = []

    @cs.task
    def note(name: str, *needed: Any) -> str:
        calls.append(name)
        return name

    @cs.task
    async def note_later(name: str) -> str:
        await asyncio.sleep(0.005)
        calls.append(name)
        return name

    first, second = note_later("first"), note("second")
    assert run([note("last", note("argument")).after(first, second), note("free")]) == ["last", "free"]
    assert calls.index("last") > calls.index("first")
    assert calls.index("last") > calls.index("second")


def test_what_comes_before_is_called_before_the_arguments(run):
    calls: list[str] = []

    @cs.task
    def note(name: str, *needed: Any) -> str:
        calls.append(name)
        return name

    run(note("c", note("b")).after(note("a")))
    assert calls == ["a", "b", "c"]


def test_a_failure_before_it_in_order_ends_the_run(run):
    with pytest.raises(ValueError, match="boom"):
        run(one().after(fail("boom")))


def test_order_in_a_circle_is_a_cycle(run):
    first, second = one(), increment(1)
    first.after(second)
    second.after(first)
    with pytest.raises(CycleError, match="task 'one' was made to need 'increment' by after"):
        run(first)


def test_a_condition_in_a_circle_is_a_cycle(run):
    first = one()
    with pytest.raises(CycleError, match="task 'one' was made to need 'increment' by run_if or with_constraints"):
        run(first.run_if(increment(first)))


def test_policies_are_edges_of_the_graph():
    from cascade.graph.build import build_graph

    lazy = add(one(), 1).run_if(identity(True)).after(increment(1)).with_constraints(cpu=total([1]), gpu=1)
    graph = build_graph(lazy)
    kinds = {(graph.label(edge.source).split("#")[0], edge.kind) for edge in graph.edges()}
    assert kinds == {("one", "data"), ("identity", "condition"), ("increment", "order"), ("total", "constraint")}
    again = build_graph(add(one(), 2).run_if(identity(True)).after(increment(1)).with_constraints(cpu=total([1]), gpu=1))
    assert again.rows == graph.rows
    assert again.rows[-1][0] is graph.rows[-1][0]


# -- Retry ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [Flaky, AsyncFlaky])
@pytest.mark.parametrize("delay", [0, 0.001])
def test_a_call_that_fails_is_made_again(path, kind, delay):
    flaky = kind(2)
    outcome, events = heard_from(path, identity(cs.task(flaky)(5).with_retry(3, delay=delay, backoff=2)))
    assert outcome == 5
    assert flaky.calls == 3
    assert story(events)[:4] == [
        ("start", "flaky#0"),
        ("retrying", "flaky#0", 1, 3, delay, "ValueError('attempt 1')"),
        ("retrying", "flaky#0", 2, 3, 2 * delay, "ValueError('attempt 2')"),
        ("Succeeded", "flaky#0", "5"),
    ]


@pytest.mark.parametrize("kind", [Flaky, AsyncFlaky])
def test_the_last_failure_is_raised_as_itself(run, kind):
    flaky = kind(9)
    with pytest.raises(ValueError, match="attempt 3") as raised:
        run(cs.task(flaky)().with_retry(3))
    assert flaky.calls == 3
    assert raised.value.__context__ is None
    assert "after 3 attempts" in raised.value.__notes__
    assert any("node flaky#0" in note for note in raised.value.__notes__)
    frames = []
    at = raised.value.__traceback__
    while at is not None:
        frames.append(at.tb_frame.f_code.co_name)
        at = at.tb_next
    assert frames[-1] == "__call__"


def test_only_the_named_exceptions_are_retried(run):
    flaky = Flaky(1, KeyError)
    with pytest.raises(KeyError):
        run(cs.task(flaky)().with_retry(3, retry_on=(ValueError, OSError)))
    assert flaky.calls == 1
    assert run(cs.task(Flaky(1, KeyError))().with_retry(3, retry_on=LookupError)) == "done"


@pytest.mark.parametrize("error", [asyncio.CancelledError, KeyboardInterrupt, SystemExit])
def test_what_is_no_failure_is_not_retried(path, error):
    flaky = Flaky(1, error)
    with pytest.raises(error):
        path.run(cs.task(flaky)().with_retry(3))
    assert flaky.calls == 1


def test_a_stop_iteration_comes_out_as_itself(path):
    with pytest.raises(StopIteration, match="attempt 2"):
        path.run(cs.task(Flaky(9, StopIteration))().with_retry(2))
    with pytest.raises(StopIteration, match="attempt 2"):
        path.run(cs.task(Flaky(9, StopIteration))().with_retry(2, delay=0.001))


def test_delays_grow_up_to_a_cap_and_jitter_shortens_them():
    retry = cs.Retry(10, delay=1, backoff=3, max_delay=20)
    assert [retry.delay_after(n) for n in range(1, 6)] == [1, 3, 9, 20, 20]
    assert cs.Retry(10**6, delay=1, backoff=10.0).delay_after(10**5) < float("inf")
    jittered = cs.Retry(3, delay=1, jitter=0.5)
    assert all(0.5 <= jittered.delay_after(1) <= 1 for _ in range(100))
    assert len({jittered.delay_after(1) for _ in range(20)}) > 1


def test_cancellation_while_a_retry_waits_takes_effect(path):
    flaky = Flaky(9)

    async def main() -> None:
        run = asyncio.ensure_future(path.arun(cs.task(flaky)().with_retry(3, delay=60)))
        while not flaky.calls:
            await asyncio.sleep(0)
        await asyncio.sleep(0)
        run.cancel()
        with pytest.raises(asyncio.CancelledError):
            await run
        assert len(asyncio.all_tasks()) == 1

    asyncio.run(main())
    assert flaky.calls == 1


def test_the_event_loop_has_its_turn_beside_fast_retries(path):
    async def main() -> int:
        beats = 0

        async def heart() -> None:
            nonlocal beats
            while True:
                await asyncio.sleep(0.001)
                beats += 1

        heartbeat = asyncio.ensure_future(heart())
        run = asyncio.ensure_future(path.arun(cs.task(Flaky(10**9))().with_retry(10**9)))
        await asyncio.wait([run], timeout=0.2)
        assert not run.done()
        run.cancel()
        await asyncio.wait([run, heartbeat], timeout=0.01)
        heartbeat.cancel()
        return beats

    assert asyncio.run(main()) >= 5


def test_fast_retries_stop_at_the_runs_timeout(path):
    with pytest.raises(TimeoutError):
        path.run(cs.task(Flaky(10**9))().with_retry(10**9), timeout=0.05)


def test_each_iteration_of_a_loop_is_retried(run):
    failed = set()

    @cs.task
    def loop(n: int, seen: int = 0) -> Any:
        if n not in failed:
            failed.add(n)
            raise ValueError(n)
        return seen if n == 0 else cs.TailCall((n - 1, seen + 1))

    assert run(loop(5).with_retry(2)) == 5
    failed.clear()
    assert run(identity(loop(5).with_retry(2))) == 5


def test_tail_calls_keep_their_policies_and_long_loops_work(path):
    assert path.run(countdown(20_000).with_retry(2)) == "done"

    @cs.task
    def ping(n: int) -> Any:
        return "done" if n == 0 else cs.TailCall((n - 1,), target=ping)

    @cs.task(retry=2)
    def recurse(n: int) -> Any:
        return "done" if n == 0 else recurse(n - 1).run_if(True)

    assert path.run(ping(5).with_constraints(cpu=one()), system_resources={"cpu": 1}) == "done"
    assert path.run(recurse(3_000)) == "done"


def test_a_tail_call_with_deferred_arguments_keeps_its_policies(run):
    calls = []

    @cs.task
    def loop(n: int) -> Any:
        calls.append(n)
        if calls.count(n) == 1:
            raise ValueError(n)
        return "done" if n == 0 else cs.TailCall((increment(n - 2),))

    assert run(loop(2).with_retry(2).with_constraints(cpu=one()), system_resources={"cpu": 1}) == "done"
    assert calls == [2, 2, 1, 1, 0, 0]


# -- Timeout --------------------------------------------------------------------------------------------------------


def test_a_coroutine_that_takes_too_long_is_stopped(run):
    cleaned = []

    @cs.task
    async def slow() -> None:
        try:
            await asyncio.sleep(60)
        finally:
            cleaned.append(True)

    with pytest.raises(TaskTimeoutError, match="task 'slow' took longer than 0.01 s") as raised:
        run(slow().with_timeout(0.01))
    assert isinstance(raised.value, TimeoutError)
    assert "slow#0" in str(raised.value)
    assert cleaned == [True]


def test_a_thread_that_takes_too_long_is_left_alone(path):
    begun, end, ended = threading.Event(), threading.Event(), threading.Event()

    @cs.task(mode="blocking")
    def blocked() -> None:
        begun.set()
        end.wait(60)
        ended.set()

    async def main() -> None:
        with pytest.raises(TaskTimeoutError):
            await path.arun(blocked().with_timeout(0.02))
        assert not ended.is_set()
        end.set()  # or the end of this loop, as of any, would wait for its thread

    try:
        with pytest.raises(TaskTimeoutError):
            path.run(blocked().with_timeout(0.02))
        assert begun.wait(60) and not ended.is_set()
        end.set()
        assert ended.wait(60)  # it has gone on
        begun.clear(), end.clear(), ended.clear()
        asyncio.run(main())
        assert begun.is_set() and ended.wait(60)
    finally:
        end.set()


def test_what_can_be_stopped_already_gets_no_hint_how(run):
    slow = later(1, 60).with_timeout(0.01)
    late = cs.task(lambda: time.sleep(0.02))().with_timeout(0.005)
    for target, hint in ((slow, "raise the node's with_timeout"), (late, "raise the node's with_timeout, or make .* a coroutine")):
        with pytest.raises(TaskTimeoutError) as raised:
            run(target)
        assert re.fullmatch(hint + "(, .*)?" * (target is late), str(raised.value.hint))


def test_attempts_may_be_counted_by_any_whole_number(run):
    class Three:
        def __index__(self) -> int:
            return 3

    assert run(increment(1).with_retry(Three())) == 2
    assert increment(1).with_retry(Three()).policies.retry == cs.Retry(3)
    assert cs.task(retry=Three())(lambda: 1).policies.retry == cs.Retry(3)


def test_a_function_that_was_too_slow_fails_afterwards(run):
    with pytest.raises(TaskTimeoutError):
        run(cs.task(lambda: time.sleep(0.02))().with_timeout(0.005))
    assert run(increment(1).with_timeout(10)) == 2
    assert run(later(1).with_timeout(10)) == 1


def test_a_users_own_timeout_is_not_ours(run):
    @cs.task
    async def own() -> None:
        raise TimeoutError("mine")

    with pytest.raises(TimeoutError, match="mine"):
        run(own().with_timeout(5))


def test_each_attempt_has_its_own_time(path):
    calls = []

    @cs.task
    async def slow_once() -> str:
        calls.append(1)
        await asyncio.sleep(60 if len(calls) == 1 else 0)
        return "done"

    outcome, events = heard_from(path, slow_once().with_timeout(0.02).with_retry(2))
    assert outcome == "done"
    assert [event[0] for event in story(events)] == ["start", "retrying", "Succeeded"]


def test_each_iteration_of_a_loop_has_its_own_time(run):
    begun = time.monotonic()

    @cs.task
    async def wait_until(moment: float) -> Any:
        if time.monotonic() >= moment:
            return "done"
        await asyncio.sleep(0.002)
        return cs.TailCall((moment,))

    assert run(wait_until(begun + 0.3).with_timeout(0.2)) == "done"


def test_a_node_is_one_step_however_often_it_is_called(path):
    assert path.run([cs.task(Flaky(4))(7).with_retry(9), cs.task(Flaky(2)).map([1, 2]).with_retry(3)], max_steps=2) == [7, [1, 2]]
    cache = cs.MemoryCache()
    for _ in range(2):  # a hit counts as well
        with pytest.raises(StepLimitError):
            path.run([one().with_cache(cache), one()], max_steps=1)
    assert path.run([one().with_cache(cache), one()], max_steps=2) == [1, 1]
    assert len(cache) == 1


# -- Constraints ----------------------------------------------------------------------------------------------------


def test_constraints_limit_what_runs_at_once(run):
    running, most = 0, 0

    @cs.task
    async def work(n: int) -> int:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await asyncio.sleep(0.001)
        running -= 1
        return n

    assert run([work(n).with_constraints(cpu=1) for n in range(20)], system_resources={"cpu": 3}) == list(range(20))
    assert most == 3
    most = 0
    lazy_amount = identity(2)
    run([work(n).with_constraints(cpu=lazy_amount) for n in range(5)], system_resources={"cpu": 3})
    assert most == 1


@pytest.mark.parametrize(
    ("constraints", "resources", "message"),
    [
        ({"cpu": 4}, {"cpu": 3}, "cpu=4 exceeds total system capacity, which is 3"),
        ({"cpuu": 1}, {"cpu": 3}, "did you mean 'cpu'?"),
        ({"cpu": 1}, None, "exceeds total system capacity, which is none"),
    ],
)
def test_the_impossible_is_refused_before_anything_runs(run, constraints, resources, message):
    calls: list[int] = []
    target = cs.task(calls.append)(1), one().with_constraints(**constraints)
    with pytest.raises(ValueError, match="exceeds total system capacity") as raised:
        run(target, system_resources=resources)
    assert isinstance(raised.value, CapacityError)
    assert message in str(raised.value)
    assert (raised.value.hint is None) is (constraints.keys() <= (resources or {}).keys())
    assert "task 'one'" in str(raised.value)
    assert (raised.value.hint is None) == (resources is not None and constraints.keys() <= resources.keys())
    assert calls == []


def test_a_lazy_amount_that_is_impossible_fails_its_node(run):
    with pytest.raises(CapacityError, match="exceeds total system capacity"):
        run(one().with_constraints(cpu=identity(5)), system_resources={"cpu": 3})
    with pytest.raises(PolicyError):
        run(one().with_constraints(cpu=identity(-1)), system_resources={"cpu": 3})
    with pytest.raises(DeclarationError):
        run(one().with_constraints(cpu=identity("x")), system_resources={"cpu": 3})


def test_resources_are_released_on_every_exit(path):
    engine = Engine(system_resources={"cpu": 1, "gpu": 0.3})
    for target in (
        one().with_constraints(cpu=1),
        fail("x").with_constraints(cpu=1, gpu=0.1),
        later(1, 60).with_constraints(cpu=1).with_timeout(0.01),
        [later(1, 60).with_constraints(cpu=1), fail("y").after(one())],
        one().with_constraints(cpu=identity(1), gpu=0.3),
    ):
        try:
            path.run_with(engine, target)
        except (ValueError, TimeoutError):
            pass
        assert engine.capacity._free == {"cpu": 1, "gpu": engine.capacity._free["gpu"]}
        assert float(engine.capacity._free["gpu"]) == 0.3
        assert not engine.capacity._waiting

    async def cancelled() -> None:
        run = asyncio.ensure_future(engine.run([later(n, 60).with_constraints(cpu=1) for n in range(3)], use_vm=path.use_vm))
        await asyncio.sleep(0.01)
        run.cancel()
        await asyncio.wait([run])

    asyncio.run(cancelled())
    assert engine.capacity._free["cpu"] == 1
    assert not engine.capacity._waiting


def test_resources_are_held_from_the_first_attempt_to_the_last(path):
    order = []

    @cs.task
    async def work(name: str) -> None:
        order.append(name)
        if order.count("a") == 1:
            raise ValueError(name)

    target = [work("a").with_retry(2, delay=0.005).with_constraints(cpu=1), work("b").with_constraints(cpu=1)]
    heard_from(path, target, system_resources={"cpu": 1})
    assert order == ["a", "a", "b"]


def test_what_a_task_answers_with_has_policies_of_its_own(run):
    flaky = Flaky(1)

    @cs.task
    def expand() -> Any:
        return cs.task(flaky)(later(1, 0.05)).with_constraints(cpu=1)

    with pytest.raises(ValueError, match="attempt 1"):
        run(expand().with_retry(3).with_timeout(0.02).with_constraints(cpu=1), system_resources={"cpu": 1})
    assert run(expand().with_constraints(cpu=1), system_resources={"cpu": 1}) == 1


def test_resources_go_to_those_who_came_first_and_others_do_not_wait(path):
    order = []

    @cs.task
    async def work(name: str) -> str:
        order.append(name)
        await asyncio.sleep(0.005)
        return name

    target = [
        work("a").with_constraints(cpu=2),
        work("b").with_constraints(cpu=3),  # waits for a
        work("c").with_constraints(cpu=1),  # would fit beside a, but b came first
        work("d").with_constraints(gpu=1),  # wants nothing that b waits for
    ]
    outcome, events = heard_from(path, target, system_resources={"cpu": 3, "gpu": 1})
    assert outcome == ["a", "b", "c", "d"]
    assert order == ["a", "d", "b", "c"]
    assert [event for event in story(events) if event[0] == "blocked"] == [
        ("blocked", "work#1", "waits for cpu=3"),
        ("blocked", "work#2", "waits for cpu=1"),
    ]


def test_runs_share_the_resources_of_their_engine(path):
    running, most = 0, 0

    @cs.task(constraints={"slot": 1})
    async def work() -> None:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await asyncio.sleep(0.001)
        running -= 1

    engine = Engine(system_resources={"slot": 2})

    async def main() -> None:
        await asyncio.gather(*(engine.run(work(), use_vm=path.use_vm) for _ in range(10)))

    asyncio.run(main())
    assert most == 2


def test_runs_in_several_threads_share_the_resources_of_their_engine(path):
    running, most, lock = 0, 0, threading.Lock()

    @cs.task(constraints={"slot": 1})
    def work() -> None:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        time.sleep(0.002)
        with lock:
            running -= 1

    engine = Engine(system_resources={"slot": 2})
    threads = [
        threading.Thread(target=lambda: engine.run_now([work() for _ in range(5)], use_vm=path.use_vm)) for _ in range(5)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
        assert not thread.is_alive()
    assert most == 2


def test_decimal_amounts_add_up(run):
    assert run([later(n, 0.001).with_constraints(x=0.1) for n in range(25)], system_resources={"x": 1}) == list(range(25))


@pytest.mark.parametrize("resources", [3, {"cpu": "x"}, {"cpu": -1}, {1: 1}])
def test_bad_system_resources_are_refused(resources):
    with pytest.raises((TypeError, ValueError)):
        Engine(system_resources=resources)


# -- Defaults -------------------------------------------------------------------------------------------------------


def test_a_task_has_default_policies_that_a_call_overrides(run):
    flaky = Flaky(2)
    task = cs.task(flaky, retry=3, timeout=5, constraints={"cpu": 1})  # type: ignore[call-overload]
    assert run(task(), system_resources={"cpu": 1}) == "done"
    flaky.calls = 0
    with pytest.raises(ValueError, match="attempt 2"):
        run(task().with_retry(2), system_resources={"cpu": 1})
    flaky.calls = 0
    with pytest.raises(ValueError, match="attempt 1"):
        run(task().with_retry(None), system_resources={"cpu": 1})
    flaky.calls = 2
    with pytest.raises(CapacityError):
        run(task().with_constraints(cpu=2), system_resources={"cpu": 1})


def test_defaults_hold_for_programs_tail_calls_and_their_targets(path):
    flaky = Flaky(2)
    assert cs.compile(cs.task(retry=cs.Retry(3))(flaky))("x") == "x"
    other = cs.task(retry={"max_attempts": 3})(Flaky(2))
    starts = cs.task(lambda: cs.TailCall(("y",), target=other))
    assert path.run(starts()) == "y"
    with pytest.raises(CapacityError):
        cs.compile(cs.task(constraints={"cpu": 2})(lambda: 1))
    assert cs.compile(cs.task(constraints={"cpu": 2})(lambda: 1), system_resources={"cpu": 2})() == 1


def test_a_node_without_policies_is_a_plain_call():
    listing = cs.compile(add(one(), increment(1).with_retry(2))).disassemble()
    assert [line.split()[1] for line in listing.splitlines()[1:]] == ["CALL", "CALL_POLICIES", "CALL", "RETURN"]
    listing = cs.compile(add(one(), increment(1).run_if(1))).disassemble()
    assert [line.split()[1] for line in listing.splitlines()[1:]] == ["CALL", "CALL_POLICIES", "CALL_POLICIES", "RETURN"]


@pytest.mark.parametrize(
    "make",
    [
        lambda: add(increment(1).run_if(one()), increment(2).run_if(identity(False))),
        lambda: [cs.task(Flaky(1))().with_retry(2), cs.task(Flaky(3))().with_retry(3)],
        lambda: identity(later(3).with_retry(2).with_timeout(3)).after(one().run_if(0)),
        lambda: add(countdown(3).with_retry(2), "x"),
        lambda: add(later(1, 0.01).with_constraints(cpu=2), later(2, 0.01).with_constraints(cpu=one())),
    ],
)
def test_both_paths_tell_the_same(make):
    stories = []
    for use_vm in (False, True):
        outcome, events = heard_from(Path(use_vm), make(), system_resources={"cpu": 2})
        stories.append((str(outcome), getattr(outcome, "__notes__", None), story(events)))
    assert stories[0] == stories[1]


def test_deep_and_wide_graphs_of_policies(path):
    target: Any = increment(0)
    for _ in range(20_000):
        target = increment(target).with_retry(2)
    assert path.run(target) == 20_001
    target = one()
    for _ in range(20_000):
        target = one().after(target)
    assert path.run(target) == 1
    skipped: Any = one().run_if(False)
    for _ in range(5_000):
        skipped = increment(skipped)
    with pytest.raises(DependencyMissingError):
        path.run(skipped)
    assert path.run([one().run_if(one()) for _ in range(5_000)]) == [1] * 5_000


def test_a_tail_call_to_itself_by_name_keeps_arguments_and_policies(run):
    attempts: list[int] = []

    @cs.task(name="loop")
    def loop(n: int, step: int) -> Any:
        attempts.append(n)
        if len(attempts) % 2:
            raise ValueError("heals")
        return cs.TailCall((n - step,), target="loop") if n > 0 else step

    assert run(loop(2, 1).with_retry(2)) == 1
    assert attempts == [2, 2, 1, 1, 0, 0]
