"""Routers, on both paths."""

from __future__ import annotations

import asyncio
import itertools
from typing import Any

import pytest

import cascade as cs
from cascade.errors import CycleError, DeclarationError, DependencyMissingError, RouteError
from cascade.runtime import Engine
from tests.conftest import Path
from tests.support.flaky import Flaky
from tests.support.recording import heard_from, story
from tests.support.tasks import add, countdown, fail, identity, increment, later, one


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


def test_a_pruned_task_of_a_derived_class_is_skipped_like_any_other(path):
    class Named(cs.Task):
        """A task of a user's own class."""

    double = Named(lambda x: 2 * x, name="double")
    outcome, events = heard_from(path, cs.Router("a", {"a": one(), "b": double(4)}))
    assert outcome == 1
    assert ("skipped", "Router#0/b/double#0", "Pruned") in story(events)


def test_what_routes_share_with_the_rest_runs_once(run):
    flaky = Flaky(0)
    shared = cs.task(flaky)(5)
    target = [
        cs.Router("a", {"a": increment(shared), "b": one()}),
        cs.Router("b", {"a": one(), "b": add(shared, shared)}),
        shared,
    ]
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
    assert [event[2] for event in story(events) if event[0] == "skipped"] == [
        "Pruned",
        "ConditionFalse",
        "UpstreamSkipped_Data",
    ]
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
    router.policies.construct.routes["a"] = increment(user)
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


@pytest.mark.parametrize(
    "items", [itertools.repeat(1), itertools.count(), itertools.cycle([1])], ids=["repeat", "count", "cycle"]
)
def test_a_map_over_an_iterator_without_an_end_is_refused_where_it_is_written(items):
    with pytest.raises(
        cs.CascadeError, match=f"map input 'value' is an itertools.{type(items).__name__} without an end"
    ):
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


def outcome_of(run: Any) -> tuple[Any, ...]:
    try:
        return ("value", run())
    except Exception as error:
        frames, traceback = [], error.__traceback__
        while traceback is not None:
            frames.append(traceback.tb_frame.f_code.co_name)
            traceback = traceback.tb_next
        return (type(error), str(error), getattr(error, "__notes__", []), frames)


SINGLE_CALLS = {
    "a call": lambda: increment(1),
    "a tail call": lambda: countdown(3),
    "a failure": lambda: fail("boom"),
    "a call that is awaited": lambda: later(1),
    "a call that returns a call": lambda: cs.task(lambda: increment(5))(),
    "a call that gathers a list": lambda: identity([1, (2, {"three": 3})]),
}


@pytest.mark.parametrize("route", SINGLE_CALLS)
def test_a_route_of_one_call_is_the_same_each_time_that_a_program_takes_it(route):
    program = cs.compile([cs.Router(identity("taken"), {"taken": SINGLE_CALLS[route](), "other": one()})])
    first = outcome_of(program)
    assert [outcome_of(program) for _ in range(4)] == [first] * 4
    if first[0] == "value":
        assert first[1] == [cs.run(SINGLE_CALLS[route]())]


def test_a_program_takes_another_route_of_one_call_at_each_run():
    program = cs.compile(increment(cs.Router(cs.Param("key"), {"a": increment(1), "b": add(10, 20), "c": later(7)})))
    expected = {"a": 3, "b": 31, "c": 8}
    for key in "abcabccbaabc":
        assert program(key=key) == expected[key]
    with pytest.raises(RouteError):
        program(key="d")


def test_a_route_that_an_input_of_the_run_is_for_is_filled_in_at_each_run():
    program = cs.compile(cs.Router(identity("taken"), {"taken": increment(cs.Param("n"))}))
    assert [program(n=n) for n in (1, 2, 3, 4)] == [2, 3, 4, 5]


def test_each_step_in_a_route_of_one_call_counts(path):
    loop = cs.task(lambda n: n if n == 0 else cs.TailCall((cs.Router(identity(0), {0: identity(n - 1)}),)), name="loop")
    assert path.run(loop(20)) == 0
    steps = next(
        limit for limit in range(200) if isinstance(outcome_of(lambda: path.run(loop(20), max_steps=limit))[1], int)
    )
    assert steps == 81  # 21 of the loop, and for each but the last a selector, a Router and a route
