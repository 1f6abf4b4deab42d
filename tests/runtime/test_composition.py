"""Maps, sequences, pipelines and Routers, on both paths."""

from __future__ import annotations

import asyncio
import itertools
import threading
import time
from typing import Any

import pytest

import cascade as cs
from cascade.errors import CycleError, DeclarationError, DependencyMissingError, MapError, RouteError
from cascade.runtime import Engine
from tests.conftest import Path
from tests.support.tasks import add, countdown, fail, identity, increment, later, one, total
from tests.support.flaky import AsyncFlaky, Flaky
from tests.support.recording import heard_from, story

# -- map ------------------------------------------------------------------------------------------------------------


@cs.task
def combine(a: Any, b: Any = 10, *, c: Any = 100) -> Any:
    return (a, b, c)


def test_a_map_gives_the_list_of_its_calls(run):
    assert run(increment.map([1, 2, 3])) == [2, 3, 4]
    assert run(increment.map(x=(1, 2))) == [2, 3]
    assert run(combine.map([1, 2], c=[3, 4])) == [(1, 10, 3), (2, 10, 4)]
    assert run(combine.map(b=[1, 2], a=range(2))) == [(0, 1, 100), (1, 2, 100)]
    assert run(total(increment.map([1, 2]))) == 5
    assert run(increment.map(iter([1, 2]))) == [2, 3]


def test_an_empty_map_gives_an_empty_list(run):
    assert run(increment.map([])) == []
    assert run(increment.map(identity([]))) == []
    assert run(combine.map([], b=())) == []
    assert run(later.map([]).with_retry(2).with_constraints(cpu=1), system_resources={"cpu": 1}) == []


def test_inputs_may_be_lazy_and_nested(run):
    assert run(increment.map(identity([1, 2]))) == [2, 3]
    assert run(increment.map([one(), 5, increment(1)])) == [2, 6, 3]
    assert run(identity.map([[one()], {"a": one()}])) == [[1], {"a": 1}]
    assert run(increment.map(increment.map(increment.map([1, 2])))) == [4, 5]
    assert run(combine.map(later([1, 2]), c=later([3, 4], 0.001))) == [(1, 10, 3), (2, 10, 4)]


@pytest.mark.parametrize("lazy", [False, True])
def test_mismatched_lengths_are_refused(run, lazy):
    target = combine.map([1, 2], b=identity([1]) if lazy else [1])
    with pytest.raises(ValueError, match="mismatched lengths: a has 2, b has 1") as raised:
        run(target)
    assert isinstance(raised.value, MapError)


def test_bad_inputs_are_refused_where_they_are_written(run):
    with pytest.raises(TypeError, match="unexpected keyword argument"):
        increment.map(y=[1])
    with pytest.raises(TypeError, match="missing"):
        combine.map(b=[1])
    with pytest.raises(DeclarationError, match="at least one input"):
        one.map()
    with pytest.raises(DeclarationError, match="map input 'x' is of type int"):
        run(increment.map(3))
    for limit in (0, -1, 1.5, True):
        with pytest.raises(DeclarationError):
            increment.map([1]).with_concurrency(limit)
    with pytest.raises(DeclarationError, match="one call"):
        increment(1).with_concurrency(2)


@pytest.mark.usefixtures("one_slice")
def test_items_may_be_async_and_overlap_up_to_the_limit(run):
    running, most = 0, 0

    @cs.task
    async def work(n: int) -> int:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await asyncio.sleep(0.001)
        running -= 1
        return n

    assert run(work.map(range(30))) == list(range(30))
    assert most == 30
    most = 0
    assert run(work.map(range(30)).with_concurrency(4)) == list(range(30))
    assert most == 4
    most = 0
    assert run(work.map(range(30)).with_constraints(slot=1), system_resources={"slot": 3}) == list(range(30))
    assert most == 3


def test_items_may_be_blocking(run):
    threads = set()

    @cs.task(mode="blocking")
    def work(n: int) -> int:
        threads.add(threading.get_ident())
        return n

    assert run(work.map(range(10))) == list(range(10))
    assert threading.get_ident() not in threads


def test_items_may_answer_with_tail_calls_results_and_awaitables(run):
    @cs.task
    def mixed(n: int) -> Any:
        if n % 4 == 0:
            return n
        if n % 4 == 1:
            return increment(increment(n))
        if n % 4 == 2:
            return cs.TailCall((n + 2,))
        return asyncio.sleep(0, n)

    expected = [0, 3, 4, 3, 4, 7, 8, 7]
    assert run(mixed.map(range(8))) == expected
    assert run(mixed.map(range(8)).with_retry(2)) == expected
    assert run(mixed.map(range(8)).with_concurrency(1)) == expected
    assert run(countdown.map([1, 50, 0])) == ["done"] * 3
    assert run(countdown.map([1, 50, 0]).with_retry(2)) == ["done"] * 3


def test_values_of_items_are_what_they_are_beside_items_that_go_on(run):
    inner = one()

    @cs.task
    def mixed(n: int) -> Any:
        return {"data": [inner]} if n == 0 else increment(n) if n == 1 else n

    for lazy in (mixed.map([0, 1, 2]), mixed.map([1, 0, 2]).with_retry(2)):
        data = next(value for value in run(lazy) if isinstance(value, dict))
        assert data["data"][0] is inner


def test_the_first_failure_of_an_item_is_raised_as_itself(run):
    with pytest.raises(ValueError, match="x") as raised:
        run(fail.map(["x", "y"]))
    assert "in item 0 of the map" in raised.value.__notes__
    assert raised.value.__context__ is None
    cancelled = []

    @cs.task
    async def work(n: int) -> int:
        try:
            await asyncio.sleep(0.001 if n == 3 else 30)
        except asyncio.CancelledError:
            cancelled.append(n)
            raise
        raise KeyError(n)

    with pytest.raises(KeyError) as missing:
        run(work.map(range(6)))
    assert "in item 3 of the map" in missing.value.__notes__
    assert sorted(cancelled) == [0, 1, 2, 4, 5]


def test_items_are_stopped_when_one_raises_what_closes_coroutines(run):
    begun, stopped = [], []

    async def wait(n: int) -> int:
        begun.append(n)
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            stopped.append(n)
            raise
        return n

    @cs.task
    def item(n: int) -> Any:
        if n == 3:
            raise GeneratorExit("mine")
        return wait(n)

    @cs.task
    async def let_them_begin(n: int) -> Any:
        if n == 3:
            await asyncio.sleep(0)
            raise GeneratorExit("mine")
        return await wait(n)

    for task in (item, let_them_begin):
        with pytest.raises(GeneratorExit, match="mine"):
            run(task.map([1, 2, 3]))
        assert sorted(stopped) == sorted(begun)
    assert begun[-2:] == [1, 2]


@pytest.mark.parametrize("kind", [Flaky, AsyncFlaky])
def test_policies_act_on_each_item(path, kind):
    flaky = kind(2)
    task = cs.task(flaky)
    outcome, events = heard_from(path, task.map([1, 2, 3]).with_retry(3).with_concurrency(1))
    assert outcome == [1, 2, 3]
    assert [event[:2] for event in story(events)] == [
        ("start", "flaky#0"),
        ("start", "flaky#0[0]"), ("retrying", "flaky#0[0]"), ("retrying", "flaky#0[0]"), ("Succeeded", "flaky#0[0]"),
        ("start", "flaky#0[1]"), ("Succeeded", "flaky#0[1]"),
        ("start", "flaky#0[2]"), ("Succeeded", "flaky#0[2]"),
        ("Succeeded", "flaky#0"),
    ]  # fmt: skip


def test_a_timeout_and_a_cache_act_on_each_item(run):
    with pytest.raises(TimeoutError, match=r"node later#0\[1\]"):
        run(later.map([1, 2], [0, 30]).with_timeout(0.02))
    cache = cs.MemoryCache()
    calls: list[int] = []

    def count(n: int) -> int:
        noted.append(n)
        return n

    noted = calls
    task = cs.task(count)
    with pytest.MonkeyPatch.context():
        kept = cs.task(_twice).map([1, 2, 1]).with_cache(cache)
        assert run(kept) == [2, 4, 2]
    assert len(cache) == 2
    assert task is not None


def _twice(n: int) -> int:
    return 2 * n


def test_a_condition_is_about_the_whole_map(path):
    outcome, events = heard_from(path, increment.map([1, 2]).run_if(identity(False)))
    assert isinstance(outcome, DependencyMissingError)
    assert story(events)[-1] == ("skipped", "increment#1", "ConditionFalse")


def test_a_lazy_amount_is_taken_for_each_item(run):
    assert run(later.map(range(5)).with_constraints(cpu=identity(2)), system_resources={"cpu": 4}) == list(range(5))


def test_a_map_of_a_task_with_defaults(run):
    flaky = Flaky(1)
    assert run(cs.task(flaky, retry=2).map([1, 2])) == [1, 2]  # type: ignore[call-overload]


def test_a_long_map_gives_the_event_loop_its_turn_and_can_be_stopped(path):
    @cs.task
    def slow(n: int) -> int:
        time.sleep(0.0005)
        return n

    async def main() -> int:
        beats = 0

        async def heart() -> None:
            nonlocal beats
            while True:
                await asyncio.sleep(0.001)
                beats += 1

        heartbeat = asyncio.ensure_future(heart())
        run = asyncio.ensure_future(path.arun(slow.map(range(100_000))))
        await asyncio.wait([run], timeout=0.2)
        run.cancel()
        await asyncio.wait([run])
        heartbeat.cancel()
        await asyncio.wait([heartbeat])
        assert len(asyncio.all_tasks()) == 1
        return beats

    assert asyncio.run(main()) >= 5
    with pytest.raises(TimeoutError):
        path.run(slow.map(range(100_000)), timeout=0.05)


def test_a_map_inside_a_task_inside_a_run(run, path):
    @cs.task
    def nest(n: int) -> Any:
        return path.run(increment.map(range(n)))

    assert run(nest.map([0, 1, 3])) == [[], [1], [1, 2, 3]]


# -- sequence and pipeline --------------------------------------------------------------------------------------------


def test_a_sequence_runs_one_after_the_other(run):
    calls: list[Any] = []

    @cs.task
    async def note(name: str, needed: Any = None) -> str:
        await asyncio.sleep(0.002 if name == "a" else 0)
        calls.append(name)
        return name

    assert run(cs.sequence([note("a"), note("b"), note("c", note("x"))])) == "c"
    assert [name for name in calls if name != "x"] == ["a", "b", "c"]
    same = one()
    assert run(cs.sequence([same, same])) == 1


def test_a_skipped_part_of_a_sequence_skips_the_rest(path):
    outcome, events = heard_from(path, cs.sequence([one().run_if(False), increment(1)]))
    assert isinstance(outcome, DependencyMissingError)
    assert story(events) == [("skipped", "one#0", "ConditionFalse"), ("skipped", "increment#1", "UpstreamSkipped_Sequence")]


def test_bad_sequences_and_pipelines_are_refused(run):
    for bad in ([], [1], [one(), "x"]):
        with pytest.raises(DeclarationError):
            cs.sequence(bad)
    with pytest.raises(DeclarationError):
        cs.pipeline(1, [3])
    with pytest.raises(DeclarationError):
        cs.pipeline(1, [lambda value: 3])
    first, second = one(), increment(1)
    cs.sequence([first, second])
    with pytest.raises(CycleError):
        run(cs.sequence([second, first]))


def test_a_pipeline_passes_a_value_on(run):
    assert run(cs.pipeline(1, [increment, increment, identity])) == 3
    assert run(cs.pipeline(later(1), [increment, later])) == 2
    assert cs.pipeline(5, []) == 5
    assert run(increment(cs.pipeline(one(), []))) == 2


def test_a_skipped_stage_lets_its_input_through(path):
    target = cs.pipeline(1, [increment, lambda x: increment(x).run_if(identity(False)), lambda x: add(x, 10).run_if(True), increment])
    outcome, events = heard_from(path, target)
    assert outcome == 13
    assert [event[2] for event in story(events) if event[0] == "skipped"] == ["ConditionFalse"]
    assert path.run(cs.pipeline(7, [lambda x: increment(x).run_if(0)])) == 7
    assert path.run(cs.pipeline(later(7), [lambda x: later(x).run_if(later(0))])) == 7
    with pytest.raises(DependencyMissingError):
        path.run(cs.pipeline(one().run_if(False), [increment, lambda x: increment(x).run_if(0)]))


# -- Router ---------------------------------------------------------------------------------------------------------


def test_policies_of_a_pipeline_are_about_its_last_stage(path):
    flaky = Flaky(1)
    kept = cs.pipeline(one(), [lambda x: cs.task(flaky)(x).run_if(True)])
    assert kept.with_retry(2) is kept
    assert path.run(kept) == 1 and flaky.calls == 2
    assert path.run(cs.pipeline(one(), [lambda x: increment(x).run_if(True)]).run_if(identity(0))) == 1
    many = cs.pipeline(identity([1, 2]), [lambda x: increment.map(x).run_if(True)])
    assert path.run(many.with_concurrency(1)) == [2, 3]
    with pytest.raises(ValueError, match="exceeds total system capacity"):
        path.run(cs.pipeline(1, [lambda x: increment(x).run_if(True)]).with_constraints(cpu=1))


def test_a_pipeline_in_a_sequence_comes_in_its_place(run):
    order: list[str] = []
    note = cs.task(lambda name, value=0: order.append(name) or value)
    parts = [note("a"), cs.pipeline(1, [lambda x: note("b", x).run_if(True)]), note("c", 3)]
    assert run([cs.sequence(parts), parts[1]]) == [3, 1]
    assert order == ["a", "b", "c"]
    order.clear()
    alone = cs.pipeline(1, [lambda x: note("second", x).run_if(True)])
    assert run([alone.after(note("first"))]) == [1]
    assert order == ["first", "second"]


@pytest.mark.parametrize("wait", [False, True])
@pytest.mark.parametrize(("key", "expected"), [("a", 2), ("b", 30), (None, "none")])
def test_a_router_runs_the_chosen_route_only(run, wait, key, expected):
    routes = {"a": increment(1), "b": add(10, increment(19)), None: identity("none")}
    selector = later(key) if wait else identity(key)
    assert run(cs.Router(selector=selector, routes=routes)) == expected
    assert run(identity([cs.Router(selector, routes)])) == [expected]
    assert run(cs.Router(key, routes)) == expected


def test_what_other_routes_need_is_pruned(path):
    @cs.task
    def unreachable(*args: Any) -> Any:
        raise AssertionError

    shared = increment(1)
    routes = {"a": add(shared, 1), "b": unreachable(unreachable(shared))}
    outcome, events = heard_from(path, add(cs.Router(identity("a"), routes), shared))
    assert outcome == 5
    assert story(events) == [
        ("start", "identity#0"),
        ("Succeeded", "identity#0", "'a'"),
        ("start", "increment#1"),
        ("Succeeded", "increment#1", "2"),
        ("skipped", "Router#2/b/unreachable#0", "Pruned"),
        ("skipped", "Router#2/b/unreachable#1", "Pruned"),
        ("start", "add#1.0"),
        ("Succeeded", "add#1.0", "3"),
        ("start", "add#3"),
        ("Succeeded", "add#3", "5"),
    ]


def test_inputs_and_resources_of_other_routes_are_no_tasks_that_are_pruned(path):
    @cs.resource
    def database() -> Any:
        yield "db"

    routes = {"a": one(), "b": add(cs.Param("x", 1), cs.inject(database)), "c": identity(cs.Env("HOME"))}
    outcome, events = heard_from(path, cs.Router("a", routes))
    assert outcome == 1
    pruned = [event for event in story(events) if event[0] == "skipped"]
    assert pruned == [("skipped", "Router#0/b/add#0", "Pruned"), ("skipped", "Router#0/c/identity#0", "Pruned")]


def test_what_routes_share_with_the_rest_runs_once(run):
    flaky = Flaky(0)
    shared = cs.task(flaky)(5)
    target = [cs.Router("a", {"a": increment(shared), "b": one()}), cs.Router("b", {"a": one(), "b": add(shared, shared)}), shared]
    assert run(target) == [6, 10, 5]
    assert flaky.calls == 1
    flaky.calls = 0
    assert run(cs.Router("a", {"a": add(shared, shared), "b": increment(shared)})) == 10
    assert flaky.calls == 1
    assert run([shared, cs.Router("a", {"a": shared})]) == [5, 5]


def test_a_route_that_needs_one_of_several_shared_results_is_compiled_for_itself(run):
    task = cs.task(lambda x: x + 1)
    assert run(task(5)) == 6  # of the same rows, with fewer inputs
    first, second = later(1), later(2)
    for key, expected in (("a", 2), ("b", 3)):
        assert run([cs.Router(key, {"a": task(first), "b": task(second)}), first, second]) == [expected, 1, 2]
        assert run([cs.Router(key, {"a": task(first), "b": task(2)}), first, second]) == [expected, 1, 2]
    assert run(task(6)) == 7


def test_what_only_a_pruned_route_needs_never_runs(run):
    flaky = Flaky(9)
    only = cs.task(flaky)()
    assert run(cs.Router("a", {"a": one(), "b": increment(only), "c": only})) == 1
    assert flaky.calls == 0


def counted(calls: list[Any], name: str = "counted", asynchronously: bool = False) -> Any:
    def call(*args: Any) -> Any:
        calls.append((name, *args))
        return len(args)

    async def call_later(*args: Any) -> Any:
        await asyncio.sleep(0.001)
        return call(*args)

    return cs.task(name=name)(call_later if asynchronously else call)


@pytest.mark.parametrize("asynchronously", [False, True])
def test_what_routes_of_several_routers_need_runs_once(run, asynchronously):
    calls: list[Any] = []
    load, use = counted(calls, "load", asynchronously), counted(calls, "use", asynchronously)
    always = use("always")
    deep = load(always)
    middle = use(deep)
    routers = [
        cs.Router("a", {"a": use(middle), "b": one()}),
        cs.Router(later("b"), {"a": one(), "b": use(middle, deep)}),
        cs.Router("c", {"c": deep}),
        cs.Router("d", {"d": use(cs.Router(later("x"), {"x": use(middle), "y": deep}))}),
        cs.Router("e", {"e": cs.Router("f", {"f": middle, "g": one()})}),
        cs.Router("h", {"h": one(), "i": load(deep)}),
    ]
    expected = [1, 2, 1, 1, 1, 1]
    for make in (lambda: [*routers, always], lambda: [*routers[::-1], always]):
        calls.clear()
        values = run(make())
        assert sorted(values) == sorted([*expected, 1])
        assert calls.count(("load", 1)) == 1
        assert len(calls) == 3 + 4  # always, deep, middle; and the routes' own
    program = cs.compile([*routers, always])
    for _ in range(2):
        calls.clear()
        assert asyncio.run(program.arun()) == [*expected, 1]
        assert calls.count(("load", 1)) == 1


def test_what_routes_share_is_not_computed_for_none_of_them(path):
    calls: list[Any] = []
    load = counted(calls, "load")
    shared = load(load())
    target = [cs.Router(key, {"a": increment(shared), "b": one(), "c": add(shared, 1)}) for key in "bb"]
    outcome, events = heard_from(path, target)
    assert outcome == [1, 1] and calls == []
    assert {event[2] for event in story(events) if event[0] == "skipped"} == {"Pruned"}
    assert not any("load" in event[1] for event in story(events)), "another Router might have needed it"
    outcome, events = heard_from(path, [cs.Router(key, {"a": increment(shared), "b": one()}) for key in "ab"])
    assert outcome == [2, 1] and len(calls) == 2


def test_what_routes_share_may_be_skipped_fail_or_be_chosen_itself(run):
    skipped = one().run_if(identity(False))
    lets_through = lambda: cs.Router("a", {"a": cs.pipeline(3, [lambda x: add(skipped, x).run_if(True)])})  # noqa: E731
    assert run([lets_through(), lets_through()]) == [3, 3]
    with pytest.raises(DependencyMissingError):
        run([cs.Router("a", {"a": skipped}), cs.Router("a", {"a": increment(skipped)})])
    flaky = Flaky(1)
    shared = cs.task(flaky)(5)
    with pytest.raises(ValueError, match="attempt 1"):
        run([cs.Router("a", {"a": shared}), cs.Router("a", {"a": increment(shared)})])
    shared.with_retry(2)
    flaky.calls = 0
    assert run([cs.Router("a", {"a": shared}), cs.Router(later("a"), {"a": increment(shared)}), shared]) == [5, 6, 5]
    assert run([cs.Router("a", {"a": shared}), cs.Router(later("a"), {"a": increment(shared)})]) == [5, 6]
    routed = cs.Router(later("x"), {"x": cs.task(flaky)(7), "y": one()})
    flaky.calls = 1
    assert run([cs.Router("a", {"a": routed}), cs.Router("a", {"a": add(routed, routed)})]) == [7, 14]
    assert flaky.calls == 2


def test_each_turn_of_a_loop_has_results_of_its_own(run):
    calls: list[Any] = []
    load = counted(calls, "load")
    shared = load()

    @cs.task
    def step(n: int) -> Any:
        again = again_of(n, [cs.Router("a", {"a": increment(shared)}), cs.Router("a", {"a": increment(shared)})])
        return cs.Router(n > 0, {True: again, False: identity("done")})

    again_of = cs.task(lambda n, values: step(n - 1))
    assert run(step(3)) == "done"
    assert len(calls) == 3
    assert cs.compile(step)(2) == "done"


@pytest.mark.parametrize("key", ["A", 1, [1]])
def test_an_unknown_route_is_an_error_that_names_the_others(run, key):
    with pytest.raises(RouteError) as raised:
        run(cs.Router(identity(key), {"a": one(), "b": one()}))
    assert isinstance(raised.value, ValueError)
    assert "expected: one of 'a', 'b'" in str(raised.value)


@pytest.mark.parametrize(
    "set_policy",
    [
        lambda router: router.with_retry(3),
        lambda router: router.with_timeout(1),
        lambda router: router.with_cache(cs.MemoryCache()),
        lambda router: router.with_constraints(cpu=1),
    ],
)
def test_a_router_takes_no_policies_that_are_about_calls(run, set_policy):
    router = cs.Router("a", {"a": one()})
    with pytest.raises(DeclarationError, match="a Router calls nothing itself, and takes no") as raised:
        set_policy(router)
    assert "results that are its routes" in str(raised.value)
    assert run(router.with_retry(None).with_cache(None).run_if(True)) == 1


def test_bad_routers_are_refused():
    for bad in ({}, [one()], {"a": 1}, None):
        with pytest.raises(DeclarationError):
            cs.Router("a", bad)


def test_routers_in_routes_and_selectors(run):
    shared = increment(4)
    inner = cs.Router(later("x"), {"x": add(shared, 1), "y": one()})
    outer = cs.Router(cs.Router("k", {"k": identity("a")}), {"a": inner, "b": shared})
    assert run(outer) == 6
    assert run([shared, outer]) == [5, 6]
    target: Any = one()
    for _ in range(100):
        target = cs.Router("a", {"a": increment(target), "b": one()})
    assert run(target) == 101


def test_skipped_selectors_and_routes(path):
    outcome, events = heard_from(path, identity(cs.Router(identity("a").run_if(False), {"a": one()})))
    assert isinstance(outcome, DependencyMissingError)
    assert [event[2] for event in story(events)] == ["ConditionFalse", "UpstreamSkipped_Data"]
    routes = {"a": one().run_if(False), "b": identity("b")}
    outcome, events = heard_from(path, [identity(cs.Router("a", routes))])
    assert isinstance(outcome, DependencyMissingError)
    assert [event[2] for event in story(events) if event[0] == "skipped"] == ["Pruned", "ConditionFalse", "UpstreamSkipped_Data"]
    assert path.run(identity(cs.Router("b", routes))) == "b"
    assert path.run(cs.pipeline("in", [lambda x: cs.Router("a", {"a": identity(x).run_if(0)}).run_if(True)])) == "in"


def test_a_shared_node_that_was_skipped_does_not_stop_the_other_route(run):
    skipped = one().run_if(False)
    assert run(cs.Router("b", {"a": increment(skipped), "b": identity("b")})) == "b"
    assert run([cs.pipeline("x", [lambda x: cs.Router("b", {"a": increment(skipped), "b": identity(x)})]),
                cs.pipeline(3, [lambda x: add(skipped, x).run_if(True)])]) == ["x", 3]  # fmt: skip
    with pytest.raises(DependencyMissingError):
        run([cs.Router("a", {"a": increment(skipped)}), skipped])


def test_a_route_that_needs_its_router_is_a_cycle(run):
    routes = {"a": increment(1)}
    router = cs.Router("a", routes)
    user = increment(router)
    assert router.policies is not None
    router.policies.form.routes["a"] = increment(user)
    with pytest.raises(CycleError):
        run(user)


def test_a_loop_through_a_router_takes_constant_memory(path):
    @cs.task
    def step(n: int) -> Any:
        return cs.Router("stop" if n == 0 else "go", {"go": again(n), "stop": identity("done")})

    @cs.task
    def again(n: int) -> Any:
        return step(n - 1)

    assert path.run(step(3_000)) == "done"


def test_routers_work_in_programs_and_with_policies(run):
    program = cs.compile(cs.Router(identity("b"), {"a": one(), "b": countdown(5)}))
    assert [program(), program()] == ["done", "done"]
    flaky = Flaky(1)
    assert run(cs.Router("a", {"a": cs.task(flaky)(1).with_retry(2)}).after(one())) == 1
    assert run(cs.Router("a", {"a": increment.map([1, 2])})) == [2, 3]


@pytest.mark.parametrize(
    "make",
    [
        lambda: identity(cs.Router(later("b"), {"a": one(), "b": increment(later(1))})),
        lambda: [increment.map([1, one()]), later.map([1, 2]).with_concurrency(1)],
        lambda: fail.map(["a"]).with_retry(2),
        lambda: cs.sequence([one(), cs.pipeline(1, [increment, lambda x: increment(x).run_if(0)])]),
        lambda: countdown.map([3, 1]),
        lambda: increment.map([1, 2]).with_constraints(cpu=2),
    ],
)
@pytest.mark.usefixtures("one_slice")
def test_both_paths_tell_the_same(make):
    stories = []
    for use_vm in (False, True):
        outcome, events = heard_from(Path(use_vm), make(), system_resources={"cpu": 3})
        stories.append((str(outcome), getattr(outcome, "__notes__", None), story(events)))
    assert stories[0] == stories[1]


def test_engines_of_other_executors_map_as_well(path):
    class Recording:
        calls_inline = False

        def __init__(self) -> None:
            self.calls: list[Any] = []

        def call(self, task: Any, args: Any, kwargs: Any) -> Any:
            self.calls.append((task.name, args))
            return task.called(*args, **kwargs)

    executor = Recording()
    assert path.run_with(Engine(executor=executor), increment.map([1, 2])) == [2, 3]
    assert executor.calls == [("increment", (1,)), ("increment", (2,))]


@pytest.mark.parametrize("items", [itertools.repeat(1), itertools.count(), itertools.cycle([1])], ids=["repeat", "count", "cycle"])
def test_a_map_over_an_iterator_without_an_end_is_refused_where_it_is_written(items):
    with pytest.raises(cs.CascadeError, match=f"map input 'value' is an itertools.{type(items).__name__} without an end"):
        identity.map(items)


@pytest.mark.parametrize("items", [itertools.repeat(1), itertools.count()], ids=["repeat", "count"])
def test_a_task_that_gives_an_iterator_without_an_end_to_a_map_is_refused(run, items):
    @cs.task
    def forever() -> Any:
        return items

    with pytest.raises(cs.CascadeError, match="without an end"):
        run(identity.map(forever()))


def test_a_generator_without_an_end_is_asked_for_so_many_items_only(run, monkeypatch):
    monkeypatch.setattr("cascade.runtime.nodes.maps.ITEMS_LIMIT", 2000)
    with pytest.raises(cs.CascadeError, match="has more than 2,000 items, and no length"):
        run(identity.map(number for number in itertools.count()))
    assert run(identity.map(number for number in range(2000))) == [*range(2000)]


def test_beside_a_list_an_iterator_is_asked_for_one_item_more(run):
    taken: list[int] = []

    @cs.task
    def both(left: Any, right: Any) -> Any:
        return left, right

    def numbers() -> Any:
        for number in itertools.count():
            taken.append(number)
            yield number

    with pytest.raises(cs.CascadeError, match="left has 3, right has 4 or more"):
        run(both.map([1, 2, 3], numbers()))
    assert taken == [0, 1, 2, 3]
    assert run(both.map(itertools.repeat(0, 3), [1, 2, 3])) == [(0, 1), (0, 2), (0, 3)]


def test_a_map_input_that_is_no_list_is_refused_before_anything_is_computed():
    calls: list[int] = []

    @cs.task
    def costly() -> Any:
        calls.append(1)
        return [1]

    @cs.task
    def both(left: Any, right: Any) -> Any:
        return left, right

    for make in (lambda: both.map(costly(), 5), lambda: both.map(costly(), right=5)):
        with pytest.raises(TypeError, match="map input 'right' is of type int"):
            make()
    assert not calls
