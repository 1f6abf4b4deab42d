"""Policies, maps, Routers, Jumps and loops together with resources, inputs, threads and processes; the same on both paths."""

from __future__ import annotations

import asyncio
import fractions
import functools
import gc
import importlib.util
import inspect
import logging
import signal
import sys
import threading
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

import cascade as cs
from cascade.errors import (
    CacheWarning, CapacityError, DeclarationError, DependencyMissingError, ParameterError, ResourceError, WorkerError,
)
from cascade.runtime import Engine
from tests.support import compute_tasks as compute
from tests.support.processes import alive, until
from tests.support.tasks import add, identity, increment, later, one
from tests.support.flaky import Flaky
from tests.support.recording import heard_from, story
from tests.support.resources import Log, make


pytestmark = pytest.mark.filterwarnings("ignore:a call of task .* is not cached:cascade.errors.CacheWarning")


@pytest.fixture(params=[False, True], ids=["sync", "async"])
def is_async(request: pytest.FixtureRequest) -> bool:
    return request.param


@pytest.fixture
def log() -> Log:
    return []


def task_of(log: Log, *, is_async: bool = False, failures: int = 0, error: type[BaseException] = ValueError) -> cs.Task[..., Any]:
    """A task that writes its arguments down and gives them; the first calls fail."""
    calls = 0

    def use(x: Any = None, *rest: Any) -> Any:
        nonlocal calls
        calls += 1
        log.append(x)
        if calls <= failures:
            raise error(calls)
        return (x, *rest)

    async def use_later(x: Any = None, *rest: Any) -> Any:
        await asyncio.sleep(0)
        return use(x, *rest)

    return cs.task(name="use")(use_later if is_async else use)


# -- Resources of scope "task" and policies ---------------------------------------------------------------------------


@pytest.mark.parametrize("task_is_async", [False, True], ids=["call", "await"])
@pytest.mark.parametrize("delay", [0, 0.001])
def test_each_attempt_has_a_resource_of_its_own(run, log, is_async, task_is_async, delay):
    connection = make("c", log, is_async=is_async, scope="task")
    use = task_of(log, is_async=task_is_async, failures=2)
    assert run(use(1, cs.inject(connection)).with_retry(3, delay=delay)) == (1, "c")
    assert log == ["+c", 1, "-c"] * 3


def test_attempts_share_a_resource_of_scope_run(run, log, is_async):
    use = task_of(log, failures=2)
    assert run(use(1, cs.inject(make("c", log, is_async=is_async))).with_retry(3)) == (1, "c")
    assert log == ["+c", 1, 1, 1, "-c"]


def test_a_set_up_and_a_tear_down_that_fail_are_part_of_the_attempt(run, log, is_async):
    troubles = ["set-up", "tear-down"]

    def sync() -> Iterator[str]:
        if troubles[0] == "set-up":
            raise OSError(troubles.pop(0))
        yield "c"
        if troubles[0] == "tear-down":
            raise OSError(troubles.pop(0))

    async def later() -> AsyncIterator[str]:
        for value in sync():
            yield value

    connection = cs.resource(name="c", scope="task")(later if is_async else sync)
    troubles.append("")
    use = task_of(log)
    assert run(use(1, cs.inject(connection)).with_retry(3)) == (1, "c")
    assert log == [1, 1]
    troubles[:] = ["tear-down"]
    with pytest.raises(OSError, match="tear-down") as raised:
        run(use(1, cs.inject(connection)).with_retry(1))
    assert "in the tear-down of resource 'c'" in raised.value.__notes__


def broken_after(log: Log, is_async: bool) -> cs.Resource:
    """A resource whose tear-down fails."""

    def sync() -> Iterator[str]:
        log.append("+c")
        yield "c"
        log.append("-c")
        raise OSError("lost")

    async def later() -> AsyncIterator[str]:
        for value in sync():
            yield value

    return cs.resource(name="c", scope="task")(later if is_async else sync)


def test_a_timeout_tears_down_and_the_next_attempt_has_its_own(run, log, is_async):
    connection = make("c", log, is_async=is_async, scope="task")
    naps = [30, 0]

    @cs.task
    async def use(c: Any) -> Any:
        log.append(c)
        await asyncio.sleep(naps.pop(0))
        return c

    assert run(use(cs.inject(connection)).with_timeout(0.05).with_retry(2)) == "c"
    assert log == ["+c", "c", "-c"] * 2
    naps[:] = [30]
    with pytest.raises(TimeoutError, match="task 'use' took longer than 0.02 s"):
        run(use(cs.inject(connection)).with_timeout(0.02))
    assert log == ["+c", "c", "-c"] * 3


def test_a_tear_down_that_fails_after_a_timeout_is_told(run, log, is_async):
    @cs.task
    async def use(c: Any) -> Any:
        await asyncio.sleep(30)

    with pytest.raises(TimeoutError) as raised:
        run(use(cs.inject(broken_after(log, is_async))).with_timeout(0.02))
    assert "in the tear-down of resource 'c', as well: OSError('lost')" in raised.value.__notes__
    assert log == ["+c", "-c"]


@pytest.mark.parametrize("task_is_async", [False, True], ids=["call", "await"])
def test_what_is_claimed_is_held_from_set_up_to_tear_down(run, log, is_async, task_is_async):
    connection = make("c", log, is_async=is_async, scope="task")
    use = task_of(log, is_async=task_is_async)
    target = [use(n, cs.inject(connection)).with_constraints(slot=1) for n in range(3)]
    assert run(target, system_resources={"slot": 1}) == [(n, "c") for n in range(3)]
    assert log == ["+c", 0, "-c", "+c", 1, "-c", "+c", 2, "-c"]


def test_a_resource_of_a_call_that_is_skipped_is_not_set_up(run, log, is_async):
    connection = make("c", log, is_async=is_async, scope="task")
    with pytest.raises(DependencyMissingError):
        run(task_of(log)(1, cs.inject(connection)).run_if(identity(False)))
    assert log == []


# -- Resources and caches ---------------------------------------------------------------------------------------------


class Connection:
    """Something that no key can be made of."""

    def __init__(self, *how: Any) -> None:
        self.how = how


def say(what: str) -> None:
    # Not a list of the test's own: what is in it would be part of the keys.
    logging.getLogger("tests.joined").info(what)


@pytest.fixture
def said(caplog: pytest.LogCaptureFixture) -> Any:
    caplog.set_level(logging.INFO, "tests.joined")
    return lambda: [record.message for record in caplog.records if record.name == "tests.joined"]


@cs.resource
def server(url: str = cs.Param("url", "a")) -> Iterator[Connection]:
    yield Connection("server", url)


@cs.resource
async def server_later(url: str = cs.Param("url", "a")) -> AsyncIterator[Connection]:
    await asyncio.sleep(0)
    yield Connection("server", url)


@cs.resource(scope="task")
def session(server: Connection = cs.inject(server), user: str = "me") -> Iterator[Connection]:
    say("+session")
    yield Connection("session", server.how, user)
    say("-session")


@cs.resource(scope="task")
async def session_later(server: Connection = cs.inject(server_later), user: str = "me") -> AsyncIterator[Connection]:
    say("+session")
    yield Connection("session", server.how, user)
    say("-session")


@cs.resource
def size(given: int = cs.Param("size", 3)) -> Iterator[int]:
    yield given


@cs.task
def ask(text: str, *connections: Any) -> Any:
    say(text)
    return [text, *(getattr(each, "how", each) for each in connections)]


@pytest.mark.parametrize("resource", [server, server_later, session, session_later])
def test_a_resource_counts_in_a_key_as_what_makes_it(run, said, resource):
    cache = cs.MemoryCache()

    def answer(text: str, url: str) -> Any:
        return run(ask(text, cs.inject(resource)).with_cache(cache), params={"url": url})

    first = answer("x", "a")
    assert answer("x", "a") == first
    assert answer("x", "b") != first
    assert answer("y", "a") != first
    assert [text for text in said() if text in ("x", "y")] == ["x", "x", "y"]
    assert len(cache) == 3


@pytest.mark.parametrize("resource", [session, session_later])
def test_a_cached_call_sets_nothing_up(run, said, resource):
    cache = cs.MemoryCache()
    target = ask("x", [cs.inject(resource), "y"]).with_cache(cache)
    for _ in range(2):
        assert run(target)[0] == "x"
        assert said() == ["+session", "x", "-session"]


def test_a_resource_with_a_key_counts_by_its_value(run, said):
    cache = cs.MemoryCache()
    for given in (3, 3, 4):
        target = ask("x", cs.inject(size), cs.inject(server)).with_cache(cache)
        assert run(target, params={"size": given}) == ["x", given, ("server", "a")]
    assert len(cache) == 2
    assert run(ask("x", 4, cs.inject(server)).with_cache(cache)) == ["x", 4, ("server", "a")]
    assert len(cache) == 2


def test_other_resources_and_overrides_have_other_keys(path):
    cache = cs.MemoryCache()
    engine = Engine(resources=[server])

    @cs.resource(name="server")
    def fake() -> Iterator[Connection]:
        yield Connection("fake")

    target = ask("x", cs.inject("server")).with_cache(cache)
    assert path.run_with(engine, target) == ["x", ("server", "a")]
    with engine.resource_container.override("server", fake):
        assert path.run_with(engine, target) == ["x", ("fake",)]
    assert path.run_with(engine, target) == ["x", ("server", "a")]
    assert len(cache) == 2


def test_defaults_that_come_with_the_run_do_not_keep_a_task_from_being_cached(run, said):
    cache = cs.MemoryCache()

    @cs.task
    def scaled(x: int, scale: int = cs.Param("scale", 2), server: Any = cs.inject(server)) -> int:
        say("called")
        return x * scale

    assert [run(scaled(5).with_cache(cache), params={"scale": scale}) for scale in (2, 3, 2, 3)] == [10, 15, 10, 15]
    assert run(scaled.map([5, 6]).with_cache(cache), params={"scale": 3}) == [15, 18]
    assert len(said()) == 3


def test_a_resource_whose_code_cannot_be_told_is_not_cached_and_said_so(run):
    lock = threading.Lock()

    @cs.resource(scope="task")
    def locked() -> Iterator[Any]:
        yield lock

    with pytest.warns(CacheWarning, match="a call of task 'ask' is not cached: the closure's 'lock'"):
        run(ask("x", cs.inject(locked)).with_cache(cs.MemoryCache()))


def test_a_cache_of_ones_own_is_given_what_makes_a_resource(run):
    heard = []

    class Policy:
        def check(self, task_id: str, arguments: dict[str, Any]) -> Any:
            heard.append(arguments)

        def save(self, task_id: str, arguments: dict[str, Any], value: Any) -> None:
            assert arguments is heard[-1]

    for _ in range(2):
        run(ask("x", cs.inject(session)).with_cache(Policy()))
    assert repr(heard[0]) == repr(heard[1])
    assert "Placeholder" not in repr(heard)
    assert type(heard[0]["connections"][0].arguments["server"]).__name__ == "Origin"


# -- Resources in maps ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("task_is_async", [False, True], ids=["call", "await"])
def test_each_item_of_a_map_has_a_resource_of_its_own(run, log, is_async, task_is_async):
    connection = make("c", log, is_async=is_async, scope="task")

    def use(x: int, c: Any = cs.inject(connection)) -> Any:
        log.append(x)
        return x, c

    async def use_later(x: int, c: Any = cs.inject(connection)) -> Any:
        return use(x, c)

    task = cs.task(use_later if task_is_async else use)
    for target in (task.map([1, 2]), task.map(x=identity([1, 2])), task.map([1, 2]).with_retry(2), task.map(x=(1, 2), c=[cs.inject(connection)] * 2)):
        log.clear()
        assert run(target.with_concurrency(1)) == [(1, "c"), (2, "c")]
        assert log == ["+c", 1, "-c", "+c", 2, "-c"]
        assert run(target.with_concurrency(None)) == [(1, "c"), (2, "c")]
    assert log.count("+c") == log.count("-c") == 4
    assert run(task.map([])) == []


def test_items_of_a_map_share_a_resource_of_scope_run(run, log, is_async):
    @cs.task
    def use(x: int, *, c: Any = cs.inject(make("c", log, is_async=is_async))) -> Any:
        return x, c

    assert run(use.map([1, 2])) == [(1, "c"), (2, "c")]
    assert run([use.map(x=later([3])), use(4)]) == [[(3, "c")], (4, "c")]
    assert log == ["+c", "-c"] * 2


def test_a_failing_item_has_its_resource_torn_down_and_made_again(run, log, is_async):
    connection = make("c", log, is_async=is_async, scope="task")
    use = task_of(log, failures=1)
    with pytest.raises(ValueError):
        run(use.map([1, 2], [cs.inject(connection)] * 2))
    assert log == ["+c", 1, "-c"] if not is_async else log.count("+c") == log.count("-c")
    log.clear()
    use = task_of(log, failures=1)
    assert run(use.map([1, 2], [cs.inject(connection)] * 2).with_retry(2).with_concurrency(1)) == [(1, "c"), (2, "c")]
    assert log == ["+c", 1, "-c", "+c", 1, "-c", "+c", 2, "-c"]


def test_items_that_go_on_have_a_resource_for_each_call(run, log, is_async):
    connection = make("c", log, is_async=is_async, scope="task")

    @cs.task
    def down(n: int, c: Any = cs.inject(connection)) -> Any:
        log.append(n)
        return cs.TailCall((n - 1,)) if n else c

    assert run(down.map([1, 0])) == ["c", "c"]
    assert [entry for entry in log if entry != "+c" and entry != "-c"] == [1, 0, 0]
    assert log.count("+c") == log.count("-c") == 3


def test_items_share_defaults_that_are_given_or_computed(run):
    calls: Log = []

    @cs.task
    def load() -> int:
        calls.append("load")
        return 10

    @cs.task
    def mix(x: int, n: int = cs.Param("n", 2, type=int), m: Any = load(), *, rest: Any = (cs.Param("n", 2, type=int),), **more: Any) -> Any:
        return x * n + m, rest, more

    assert run(mix.map([1, 2])) == [(12, (2,), {}), (14, (2,), {})]
    assert run(mix.map([1, 2], y=[3, 4]).with_retry(2), params={"n": "5"}) == [(15, (5,), {"y": 3}), (20, (5,), {"y": 4})]
    assert run(mix.map([1, 2], n=[7, 8], m=[0, 0], rest=[0, 0])) == [(7, 0, {}), (16, 0, {})]
    assert calls == ["load"] * 2

    @cs.task
    def named(x: int, n: int = cs.Param("n"), /, *rest: int, **more: int) -> Any:
        return x, n, rest, more

    assert run(named.map([1, 2]), params={"n": 3}) == [(1, 3, (), {}), (2, 3, (), {})]
    assert run(named.map([1], n=[9]), params={"n": 3}) == [(1, 3, (), {"n": 9})]
    assert run(named.map([1], [5], [6])) == [(1, 5, (6,), {})]

    @cs.task
    def rest_first(*xs: int, n: int = cs.Param("n")) -> Any:
        return xs, n

    assert run(rest_first.map([1, 2], [3, 4]), params={"n": 0}) == [((1, 3), 0), ((2, 4), 0)]


def test_the_inputs_of_a_map_may_be_given(path):
    assert path.run(increment.map(cs.Param("xs", type=list[int])), params={"xs": ["1", "2"]}) == [2, 3]
    program = cs.compile(add.map(cs.Param("a"), b=[1, cs.Param("b", 2)]))
    assert program(a=[1, 1]) == [2, 3]
    assert program(a=(5, 6), b=7) == [6, 13]
    assert [each.name for each in program.parameters] == ["a", "b"]
    with pytest.raises(ParameterError, match="'items' is missing"):
        path.run(increment.map(cs.Param("items")))
    with pytest.raises(ParameterError, match="did you mean 'items'"):
        path.run(increment.map(cs.Param("items", [])), params={"itms": []})


def test_a_resource_is_iterated_over_where_it_is_an_input_of_a_map(run, log):
    @cs.resource
    def numbers() -> Iterator[list[int]]:
        yield [1, 2]

    assert run(increment.map(cs.inject(numbers))) == [2, 3]
    with pytest.raises(DeclarationError, match="map input 'b' is of type Connection") as raised:
        run(add.map([1], cs.inject(server)))
    assert raised.value.hint == (
        "what all items share is the default of a parameter, which may be a LazyResult, such as cascade.inject(...); "
        "or give it for each item: b=[value] * len(items)"
    )


# -- Where a resource of scope "task" cannot be -----------------------------------------------------------------------


@pytest.mark.parametrize(
    "make_target",
    [
        lambda c: c,
        lambda c: cs.pipeline(one(), [lambda x: cs.pipeline(c, [lambda x: identity(x).run_if(0)])]),
        lambda c: increment.map(c),
        lambda c: one().run_if(c),
        lambda c: one().with_constraints(cpu=c),
        lambda c: cs.Router(c, {"c": one()}),
        lambda c: cs.pipeline(c, [lambda x: identity(x).run_if(True)]),
        lambda c: one().run_if(cs.pipeline(c, [lambda x: identity(x).run_if(False)])),
    ],
)
def test_a_resource_of_scope_task_is_refused_before_anything_runs_where_no_call_gets_it(path, log, make_target):
    connection = cs.inject(make("c", log, scope="task"))
    with pytest.raises(ResourceError, match="resource 'c' of scope 'task' is used where there is no call") as raised:
        path.run([task_of(log)("called"), make_target(connection)], system_resources={"cpu": 1})
    assert raised.value.name == "c"
    assert log == []
    with pytest.raises(ResourceError):
        cs.compile(make_target(connection), system_resources={"cpu": 1})()


@pytest.mark.parametrize(
    "make_answer", [lambda c: c, lambda c: cs.Jump("next", c), lambda c: cs.Jump("next", [c]), lambda c: cs.Router("a", {"a": c})]
)
def test_a_resource_of_scope_task_is_no_answer_of_a_task(path, log, make_answer):
    connection = cs.inject(make("c", log, scope="task"))
    answer = cs.task(lambda x: make_answer(connection), name="answer")
    state = identity(0)
    lazies = [answer(0), answer(0).with_retry(2)]
    if isinstance(make_answer(connection), cs.Jump):
        lazies = [cs.bind(lazy, cs.select_jump({"next": state})) for lazy in lazies]
    else:
        lazies += [answer.map([0]), answer(0).with_cache(Nothing())]
    for lazy in lazies:
        with pytest.raises(ResourceError, match="resource 'c' of scope 'task'"):
            path.run(identity(lazy))
    assert log == []


class Nothing:
    """A cache that keeps nothing."""

    def check(self, task_id: str, arguments: dict[str, Any]) -> Any:
        return None

    def save(self, task_id: str, arguments: dict[str, Any], value: Any) -> None:
        raise AssertionError


# -- Resources in routes ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("scope", ["run", "task"])
def test_only_the_chosen_route_has_its_resources_set_up(run, log, is_async, scope):
    a, b = (make(name, log, is_async=is_async, scope=scope) for name in "ab")
    routes = {"a": identity([cs.inject(a)]), "b": identity([cs.inject(b)])}
    for key in "ab":
        log.clear()
        assert run(cs.Router(identity(key), routes)) == [key]
        assert log == [f"+{key}", f"-{key}"]
        assert run([cs.Router(key, routes), cs.Router(later(key), routes)]) == [[key]] * 2


def test_a_route_may_be_a_resource_or_an_input(run, log, is_async):
    routes = {"r": cs.inject(make("r", log, is_async=is_async)), "p": cs.Param("p", 5), "e": cs.Env("CASCADE_NOT_SET", "none")}
    assert run([cs.Router(key, routes) for key in "rpe"], params={"p": 6}) == ["r", 6, "none"]
    assert run(cs.Router("p", routes), params={"p": 6}) == 6
    assert log == ["+r", "-r"]


@pytest.mark.parametrize("scope", ["run", "task"])
def test_a_resource_that_a_route_shares_with_the_rest(run, log, is_async, scope):
    c = cs.inject(make("c", log, is_async=is_async, scope=scope))
    use = task_of(log)
    value = cs.pipeline(c, [lambda x: identity(x).run_if(False)])
    target = [cs.Router("a", {"a": use(1, c), "b": use(2, value)}), use(3, c), cs.Router("b", {"a": one(), "b": use(4, value, c)}), use(5, value)]
    assert run(target) == [(1, "c"), (3, "c"), (4, "c", "c"), (5, "c")]
    assert [entry for entry in log if isinstance(entry, int)] == [1, 3, 4, 5] or is_async
    assert log.count("+c") == log.count("-c") == (1 if scope == "run" else 4)


def test_a_shared_resource_of_scope_task_is_no_condition_of_a_route(path, log):
    c = cs.inject(make("c", log, scope="task"))
    with pytest.raises(ResourceError, match="of scope 'task'"):
        path.run([cs.Router("a", {"a": one().run_if(c), "b": identity(c)}), identity(c)])


def test_inputs_of_routes_are_checked_before_the_run(path, log):
    called: Log = []
    note = cs.task(lambda x: called.append(x) or "a", name="note")
    inner = cs.Router("x", {"x": identity(cs.Param("deep", type=int)), "y": one()})
    target = cs.Router(note(1), {"a": one(), "b": add(inner, cs.Param("b", type=int))})
    with pytest.raises(ParameterError, match="'deep' is missing|'b' is missing"):
        path.run(target)
    with pytest.raises(ParameterError, match="did you mean 'deep'"):
        path.run(target, params={"b": 1, "depe": 1})
    with pytest.raises(ParameterError, match="'b' is 'x'"):
        path.run(target, params={"b": "x", "deep": 1})
    with pytest.raises(ResourceError, match="no resource 'nobody' is known"):
        path.run(cs.Router(note(1), {"a": one(), "b": identity([cs.Router("k", {"k": identity(cs.inject("nobody"))})])}))
    assert called == []
    assert path.run(target, params={"b": 1, "deep": 1}) == 1
    program = cs.compile(target)
    assert {each.name for each in program.parameters} == {"b", "deep"}
    assert program(b=1, deep=2) == 1


# -- Resources and inputs in state machines and loops -----------------------------------------------------------------


def machine(log: Log, *more: Any, last: int = 2) -> Any:
    """States that take turns: each is given what `more` stands for."""

    def state(name: str, other: str) -> Any:
        def function(n: int, *given: Any) -> Any:
            log.append((name, n, *given))
            return cs.Jump(other if n < last else "end", n + 1)

        return cs.task(name=name)(function)

    ping, pong = state("ping", "pong")(0, *more), state("pong", "ping")(None, *more)
    selector = cs.select_jump({"ping": ping, "pong": pong, "end": None})
    cs.bind(pong, selector)
    return cs.bind(ping, selector)


def test_each_state_has_a_resource_of_its_own(run, log, is_async):
    connection = make("c", log, is_async=is_async, scope="task")
    assert run(machine(log, cs.inject(connection))) == 3
    once = lambda name, n: ["+c", (name, n, "c"), "-c"]  # noqa: E731
    assert log == [*once("ping", 0), *once("pong", 1), *once("ping", 2)]
    log.clear()
    assert run(increment(machine(log, cs.pipeline(cs.inject(connection), [lambda x: identity(x).run_if(0)])))) == 4
    assert log.count("+c") == log.count("-c") == 3 and ("pong", 1, "c") in log


def test_states_share_a_resource_of_scope_run_and_inputs(run, log, is_async):
    target = machine(log, cs.inject(make("c", log, is_async=is_async)), [cs.Param("p", 7)])
    assert run(target, params={"p": 8}) == 3
    assert log == ["+c", ("ping", 0, "c", [8]), ("pong", 1, "c", [8]), ("ping", 2, "c", [8]), "-c"]


def test_states_are_retried_with_a_resource_of_their_own(run, log, is_async):
    connection = make("c", log, is_async=is_async, scope="task")
    flaky = task_of(log, failures=2)
    first = flaky(cs.Jump("next", 5), cs.inject(connection)).with_retry(3)
    second = task_of(log, failures=1)(None, cs.inject(connection)).with_retry(2)
    ask_first = cs.bind(cs.task(lambda: cs.Jump("flaky"))(), cs.select_jump({"flaky": first}))
    cs.bind(first, cs.select_jump({"next": second}))
    assert run(ask_first)[1] == "c"
    assert log.count("+c") == log.count("-c") == 3


def test_a_state_keeps_an_input_of_its_own_as_its_first_argument(run):
    state = identity(cs.Param("n", 1))
    first = cs.bind(cs.task(lambda: cs.Jump("next"))(), cs.select_jump({"next": state}))
    assert run(first) == 1
    assert run(first, params={"n": 5}) == 5
    assert cs.compile(first)(n=6) == 6


def test_inputs_and_resources_are_no_states(log):
    for wrong in (cs.Param("x"), cs.Env("X"), cs.inject(make("c", log))):
        with pytest.raises(DeclarationError, match="select_jump: the route 'a' is (Param|Env|inject)"):
            cs.select_jump({"a": wrong})


def test_loops_keep_a_resource_wherever_it_stands(run, log, is_async):
    connection = make("c", log, is_async=is_async, scope="task")

    @cs.task
    def loop(n: int, held: Any = {"x": [cs.inject(connection)]}) -> Any:
        log.append((n, held["x"][0]))
        return cs.TailCall((n - 1,)) if n else "end"

    once = lambda n: ["+c", (n, "c"), "-c"]  # noqa: E731
    assert run(loop(2)) == "end"
    assert log == [*once(2), *once(1), *once(0)]
    log.clear()
    assert run(identity(loop(1).with_retry(2))) == "end"
    assert log == [*once(1), *once(0)]


def test_loops_of_tasks_with_policies_have_a_resource_for_each_call(run, log, is_async):
    connection = make("c", log, is_async=is_async, scope="task")
    failed: set[int] = set()

    @cs.task(retry=2, timeout=60, constraints={"cpu": 1})
    def loop(n: int, c: Any = cs.inject(connection)) -> Any:
        if n not in failed:
            failed.add(n)
            raise ValueError(n)
        return c if n == 0 else other.tail(n - 1)

    @cs.task
    def other(n: int) -> Any:
        return loop(n)

    assert run(loop(2), system_resources={"cpu": 1}) == "c"
    assert log == ["+c", "-c"] * 6
    failed.clear()
    assert run(increment.map([one()]).after(loop(1)), system_resources={"cpu": 1}) == [2]
    assert log.count("+c") == log.count("-c") == 10


# -- Inputs in policies -----------------------------------------------------------------------------------------------


def test_inputs_may_be_conditions_and_amounts(run, monkeypatch):
    monkeypatch.setenv("CASCADE_TEST_SLOTS", "2")
    target = cs.pipeline(
        cs.Param("n", 1),
        [
            lambda n: increment(n).run_if(cs.Param("go", True, type=bool)),
            lambda n: increment(n).with_constraints(cpu=cs.Param("cpu", 1, type=float), slot=cs.Env("CASCADE_TEST_SLOTS", type=int)),
        ],
    )
    system = {"cpu": 1, "slot": 2}
    assert run(target, system_resources=system) == 3
    assert run(target, system_resources=system, params={"go": "no", "n": 5, "cpu": "0.5"}) == 6
    with pytest.raises(CapacityError, match="cpu=2 exceeds total system capacity"):
        run(target, system_resources=system, params={"cpu": 2})
    with pytest.raises(ParameterError, match="'go' is 'perhaps'"):
        run(target, system_resources=system, params={"go": "perhaps"})
    with pytest.raises(ValueError, match="'cpu' is -1"):
        run(target, system_resources=system, params={"cpu": -1})


def test_a_condition_that_is_given_decides_over_maps_routers_and_machines(run, log):
    go = cs.Param("go", type=bool)
    for lazy in (increment.map([1]).run_if(go), cs.Router("a", {"a": one()}).run_if(go), machine([]).run_if(go)):
        with pytest.raises(DependencyMissingError, match="ConditionFalse"):
            run(lazy, params={"go": False})
        assert run(cs.pipeline(lazy, []), params={"go": True}) in ([2], 1, 3)


def test_a_program_takes_what_its_policies_and_routes_need():
    target = cs.Router(
        cs.Param("kind"),
        {
            "a": increment(cs.Param("x", type=int)).run_if(cs.Param("go", True)),
            "b": increment.map(cs.Param("xs", (), type=list[int])).with_constraints(cpu=cs.Param("cpu", 1)),
        },
    )
    program = cs.compile(target, system_resources={"cpu": 2})
    assert str(inspect.signature(program)) == "(*, kind, x: int, go=True, xs: list[int] = (), cpu=1)"
    assert program(kind="a", x="4") == 5
    assert program(kind="b", x=0, xs=[1, 2], cpu=2) == [2, 3]
    with pytest.raises(CapacityError):
        program(kind="b", x=0, xs=[1], cpu=3)
    with pytest.raises(DependencyMissingError):
        program(kind="a", x=1, go=False)
    with pytest.raises(ParameterError, match="parameter 'x' is missing"):
        program(kind="b")
    with pytest.raises(ParameterError, match="did you mean 'kind'"):
        program(knd="b", x=1)
    with pytest.raises(CapacityError, match="cpu=5"):
        cs.compile(increment(cs.Param("x")).with_constraints(cpu=5), system_resources={"cpu": 2})


def test_runs_of_a_program_with_inputs_share_its_system_resources():
    running, most = 0, 0

    @cs.task(constraints={"slot": 1})
    async def work(n: int) -> int:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await asyncio.sleep(0)
        running -= 1
        return n

    program = cs.compile(work(cs.Param("n")), system_resources={"slot": 2})

    async def main() -> list[int]:
        return await asyncio.gather(*(program.arun(n=n) for n in range(20)))

    assert asyncio.run(main()) == list(range(20))
    assert most == 2


# -- Threads and processes --------------------------------------------------------------------------------------------

needs_loky = pytest.mark.skipif(importlib.util.find_spec("loky") is None, reason="loky is not here")
ignore_stopped = pytest.mark.filterwarnings("ignore:A worker stopped while some jobs:UserWarning")


def test_blocking_calls_are_retried_timed_and_constrained(path, log):
    lock = threading.Lock()
    running, most, failed = 0, 0, set()

    @cs.task(mode="blocking", retry=2, constraints={"slot": 1})
    def work(n: int, c: Any = cs.inject(make("c", log, scope="task"))) -> Any:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        try:
            if n not in failed:
                failed.add(n)
                raise ValueError(n)
            return n, c, threading.current_thread() is threading.main_thread()
        finally:
            with lock:
                running -= 1

    assert path.run(work.map(range(6)), system_resources={"slot": 2}) == [(n, "c", False) for n in range(6)]
    assert most <= 2
    assert log.count("+c") == log.count("-c") == 12


def test_a_run_does_not_wait_for_threads_whose_calls_have_timed_out(path):
    done, finished = threading.Event(), []

    @cs.task(mode="blocking")
    def wait() -> None:
        finished.append(done.wait(30))

    nested = cs.task(lambda: path.run(wait(), timeout=0.02), name="nested")
    try:
        with pytest.raises(TimeoutError, match="task 'wait' took longer than 0.02 s") as raised:
            path.run(wait().with_timeout(0.02).with_retry(2))
        assert "after 2 attempts" in raised.value.__notes__
        with pytest.raises(TimeoutError):
            asyncio.run(path.arun(nested()))
        with pytest.raises(TimeoutError):
            cs.compile(wait().with_timeout(0.02))()
        assert finished == []
    finally:
        done.set()
    until(lambda: len(finished) == 4 and not any(thread.name.startswith("cascade_") for thread in threading.enumerate()))


@needs_loky
@ignore_stopped
def test_a_worker_that_dies_is_made_good_by_a_retry(path, log, tmp_path):
    connection = make("c", log, scope="task")
    target = compute.die_once(str(tmp_path / "marker")).with_retry(2)
    outcome, events = heard_from(path, target)
    assert outcome == "alive"
    assert [event[0] for event in story(events)] == ["start", "retrying", "Succeeded"]
    with pytest.raises(WorkerError, match="the worker process that ran task 'die' died") as raised:
        path.run(compute.die(3).with_retry(2).with_constraints(cpu=1), system_resources={"cpu": 1})
    assert "after 2 attempts" in raised.value.__notes__
    markers = [str(tmp_path / str(n)) for n in range(3)]
    with_connection = cs.task(mode="compute", name="with_connection")(_die_once_with)
    assert path.run(with_connection.map(markers, [cs.inject(connection)] * 3).with_retry(6)) == ["c"] * 3
    assert log.count("+c") == log.count("-c") >= 4


def _die_once_with(marker: str, connection: Any) -> Any:
    compute.die_once.func(marker)
    return connection


@needs_loky
@ignore_stopped
def test_a_timeout_kills_the_worker(path, tmp_path):
    started = tmp_path / "started"
    with pytest.raises(TimeoutError, match="task 'nap' took longer than 2 s"):
        path.run(compute.nap(60, str(started)).with_timeout(2))
    process = int(started.read_text())
    until(lambda: not alive(process))
    cache = cs.MemoryCache()
    assert path.run(compute.work.map([1, 2], scale=[3, 4]).with_cache(cache).with_constraints(cpu=1), system_resources={"cpu": 1}) == [3, 8]
    outcome, events = heard_from(path, compute.work(2, scale=4).with_cache(cache))
    assert outcome == 8
    assert [event[0] for event in story(events)] == ["skipped"]


@needs_loky
def test_what_stands_for_inputs_and_resources_goes_to_a_worker_with_its_function(path, log):
    @cs.task(mode="compute")
    def local(x: int, c: Any = cs.inject(make("c", log)), n: int = cs.Param("n", 4)) -> Any:
        return x, c, n

    assert path.run(local(1)) == (1, "c", 4)
    assert path.run(local.map([1, 2]), params={"n": 5}) == [(1, "c", 5), (2, "c", 5)]


@needs_loky
def test_only_the_chosen_route_starts_a_worker_call(path, tmp_path):
    routes = {"a": compute.work(2), "b": compute.nap(0, str(tmp_path / "started"))}
    assert path.run(cs.Router(compute.work(1), {1: routes["a"], 2: routes["b"]})) == 2
    assert not (tmp_path / "started").exists()


# -- Typed code and policies ------------------------------------------------------------------------------------------


def spells(other: Any, tail_target: Any) -> list[Any]:
    """Tasks with loops that end by going on with `other`, in each way that there is to say it."""

    @cs.task
    def by_call(n: int, sum: int) -> Any:
        while sum % 1000 != 999:
            sum += 1
        return other(3, sum) if n == 0 else by_call(n - 1, sum + 1)

    @cs.task
    def by_tail(n: int, sum: int) -> Any:
        while sum % 1000 != 999:
            sum += 1
        if n == 0:
            return other.tail(3, sum)
        return by_tail.tail(n - 1, sum + 1)

    @cs.task
    def by_tail_call(n: int, sum: int) -> Any:
        while sum % 1000 != 999:
            sum += 1
        if n == 0:
            return cs.TailCall((3, sum), target=tail_target)
        return cs.TailCall((n - 1, sum + 1))

    return [by_call, by_tail, by_tail_call]


@pytest.mark.parametrize("number", range(3), ids=["call", "tail", "TailCall"])
def test_typed_code_goes_on_with_a_task_that_has_policies(path, number):
    attempts: Log = []

    @cs.task(retry=2, constraints={"cpu": 1})
    def careful(n: int, sum: int) -> Any:
        attempts.append(n)
        if attempts.count(n) == 1:
            raise ValueError(n)
        return cs.TailCall((n - 1, sum + n)) if n else sum

    task = spells(careful, careful)[number]
    for _ in range(2):
        attempts.clear()
        outcome, events = heard_from(path, task(4, 0), system_resources={"cpu": 1})
        assert outcome == 5005
        assert attempts == [3, 3, 2, 2, 1, 1, 0, 0]
        assert sum(event[0] == "retrying" for event in story(events)) == 4
        attempts.clear()
        assert path.run([task(4, 0), increment(task(0, 999))], system_resources={"cpu": 1}) == [5005, 1006] or attempts
    with pytest.raises(CapacityError):
        path.run(task(0, 0))
    if path.use_vm:
        assert cs.explain(task)[task.name].regime == "kernel"
        assert cs.explain(careful)["careful"].kernels == ()


def test_values_of_a_task_that_would_be_lowered_are_the_same_with_policies(path):
    def collatz(n: int, steps: int = 0) -> Any:
        while n != 1:
            n = n // 2 if n % 2 == 0 else 3 * n + 1
            steps += 1
        return steps

    plain, managed = cs.task(collatz), cs.task(collatz, retry=2, timeout=60)  # type: ignore[call-overload]
    for n in (1, 27, 10**30):
        assert path.run(plain(n)) == path.run(managed(n)) == path.run(plain(n).with_retry(2).with_constraints()) == collatz(n)
        assert path.run(plain.map([n, n + 1])) == path.run(managed.map([n, n + 1])) == [collatz(n), collatz(n + 1)]
        assert path.run(cs.Router("a", {"a": plain(n)})) == collatz(n)
        assert path.run(plain(n, cs.Param("steps", 5))) == collatz(n, 5)
    with pytest.raises(DeclarationError, match="default policies"):
        cs.task(lower=True, retry=2)(collatz)


def test_a_lowered_task_may_be_given_policies_where_it_is_called(path):
    @cs.task(lower=True)
    def total_to(n: int, sum: int = 0) -> Any:
        while n > 0:
            sum += n
            n -= 1
        return sum

    assert path.run(total_to(1000).with_retry(2)) == 500500
    assert path.run(total_to.map([10, 20]).with_concurrency(1)) == [55, 210]
    assert path.run(total_to.map([10, 20])) == [55, 210]
    assert path.run(total_to(10, identity(1)).run_if(True)) == 56


# -- Event loops, cancellation, Ctrl-C --------------------------------------------------------------------------------


def hanging(kind: str, reached: Log, connection: Any) -> Any:
    """A target that waits for ever at a place of that kind, and notes when it is nearly there."""

    @cs.task
    async def wait(*given: Any) -> Any:
        reached.append(kind)
        await asyncio.sleep(600)

    def fail_at_once(*given: Any) -> Any:
        reached.append(kind)
        raise ValueError

    @cs.task
    async def jump(n: int, *given: Any) -> Any:
        await asyncio.sleep(0)
        if n == 1:
            reached.append(kind)
            await asyncio.sleep(600)
        return cs.Jump("next", n + 1)

    failing = cs.task(fail_at_once)
    if kind == "call":
        return wait(connection).with_constraints(slot=2)
    if kind == "constraint":
        return [wait(connection).with_constraints(slot=2), wait(connection).with_constraints(slot=1).with_timeout(600)]
    if kind == "retry delay":
        return failing(connection).with_retry(3, delay=600).with_constraints(slot=1)
    if kind == "map":
        return increment(wait.map(range(5), [connection] * 5).with_constraints(slot=1))
    if kind == "map of retries":
        return failing.map(range(5), [connection] * 5).with_constraints(slot=1).with_retry(2, delay=600).with_concurrency(2)
    if kind == "route":
        return cs.Router(later("a"), {"a": [wait(connection).with_constraints(slot=1)][0], "b": one()})
    if kind == "state":
        return increment(cs.bind(first := jump(0, connection), cs.select_jump({"next": first})))
    if kind == "cache":
        return wait(connection).with_cache(SlowCache(reached, kind)).with_constraints(slot=1)
    assert kind == "nested"
    return cs.task(lambda given: cs.run(wait()))(connection).with_constraints(slot=1).with_retry(2)


class SlowCache:
    def __init__(self, reached: Log, kind: str) -> None:
        self.reached = reached
        self.kind = kind

    async def check(self, task_id: str, arguments: dict[str, Any]) -> Any:
        self.reached.append(self.kind)
        await asyncio.sleep(600)

    def save(self, task_id: str, arguments: dict[str, Any], value: Any) -> None:
        raise AssertionError


KINDS = ["call", "constraint", "retry delay", "map", "map of retries", "route", "state", "cache"]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("scope", ["run", "task"])
def test_cancellation_takes_effect_wherever_a_run_waits(path, log, is_async, kind, scope):
    connection = make("c", log, is_async=is_async, scope=scope)
    engine = Engine(system_resources={"slot": 2})

    async def main() -> None:
        for turns in range(4):  # and a little later
            reached: Log = []
            run = asyncio.ensure_future(engine.run(hanging(kind, reached, cs.inject(connection)), use_vm=path.use_vm))
            while not reached:
                await asyncio.sleep(0)
            for _ in range(turns):
                await asyncio.sleep(0)
            assert not run.done()
            run.cancel()
            with pytest.raises(asyncio.CancelledError):
                await run
            assert len(asyncio.all_tasks()) == 1
            assert_at_rest(engine)
            assert log.count("+c") == log.count("-c")

    asyncio.run(main())


def assert_at_rest(engine: Engine) -> None:
    assert engine.capacity._free == engine.capacity.total
    assert not engine.capacity._waiting


@pytest.mark.parametrize("kind", KINDS)
def test_the_end_of_a_runs_time_takes_effect_wherever_it_waits(run, log, is_async, kind):
    connection = make("c", log, is_async=is_async, scope="task")
    with pytest.raises(TimeoutError):
        run(hanging(kind, [], cs.inject(connection)), timeout=0.03, system_resources={"slot": 2})
    assert log.count("+c") == log.count("-c")


@pytest.mark.skipif(sys.platform == "win32", reason="signals are sent by POSIX means")
@pytest.mark.parametrize("kind", [*KINDS, "nested"])
def test_ctrl_c_takes_effect_wherever_a_run_waits(path, log, is_async, kind):
    connection = make("c", log, is_async=is_async, scope="task")
    reached: Log = []
    engine = Engine(system_resources={"slot": 2})
    main = threading.main_thread().ident
    over = threading.Event()

    def interrupt() -> None:
        until(lambda: reached)
        while not over.wait(0.01):
            signal.pthread_kill(main, signal.SIGINT)
            over.wait(5)

    thread = threading.Thread(target=interrupt)
    thread.start()
    try:
        with pytest.raises(KeyboardInterrupt):
            engine.run_now(hanging(kind, reached, cs.inject(connection)), use_vm=path.use_vm)
    finally:
        over.set()
        thread.join()
    assert_at_rest(engine)
    assert log.count("+c") == log.count("-c")


def test_runs_inside_running_loops_share_an_engine(path, log, is_async):
    connection = make("c", log, is_async=is_async, scope="task")
    engine = Engine(system_resources={"slot": 1})

    @cs.task(retry=3, constraints={"slot": 1})
    async def work(n: int, c: Any = cs.inject(connection)) -> Any:
        await asyncio.sleep(0)
        log.append(n)
        return n

    async def main() -> Any:
        return await asyncio.gather(*(engine.run(work.map([n, n]), use_vm=path.use_vm) for n in range(5)))

    assert asyncio.run(main()) == [[n, n] for n in range(5)]
    assert [entry for entry in log if entry in ("+c", "-c")] == ["+c", "-c"] * 10
    assert_at_rest(engine)

    def in_thread(n: int) -> None:
        assert asyncio.run(main()) == [[n, n] for n in range(5)]

    threads = [threading.Thread(target=in_thread, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert_at_rest(engine)
    assert log.count("+c") == log.count("-c") == 50


def test_runs_inside_managed_tasks(path, log, is_async):
    connection = make("c", log, is_async=is_async)

    def inner(n: int) -> Any:
        return path.run([later(n).with_retry(2), identity(cs.inject(connection))])

    for mode in ("inline", "blocking"):
        outer = cs.task(inner, mode=mode, name="outer", retry=2, timeout=60, constraints={"slot": 1})  # type: ignore[call-overload]
        for start in (path.run, lambda *given, **options: asyncio.run(path.arun(*given, **options))):
            assert start(outer.map([1, 2]), system_resources={"slot": 1}) == [[1, "c"], [2, "c"]]
            assert start(outer(later(3)).run_if(later(True)), system_resources={"slot": 1}) == [3, "c"]
    assert log == ["+c", "-c"] * 12

    @cs.task(retry=2)
    async def outer_later(n: int) -> Any:
        return await path.arun(increment.map([n, later(n)]).with_timeout(60))

    assert path.run(outer_later.map([1, 2])) == [[2, 2], [3, 3]]


@pytest.mark.parametrize("scope", ["run", "task"])
def test_resources_may_make_runs_of_their_own(run, path, log, is_async, scope):
    @cs.resource(scope=scope)
    def nested(other: Any = cs.inject(make("o", log, is_async=is_async))) -> Iterator[Any]:
        yield path.run(later(other))
        log.append(path.run(later("end")))

    assert run(increment.map([1]).after(identity(cs.inject(nested)))) == [2]
    assert run(task_of(log)(1, cs.inject(nested))) == (1, "o")
    assert log == ["+o", "end", "-o", "+o", 1, "end", "-o"]


# -- Decorated functions ----------------------------------------------------------------------------------------------


def decorated(function: Any) -> Any:
    @functools.wraps(function)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        return function(*args, **kwargs)

    return wrapper


@pytest.mark.parametrize("scope", ["run", "task"])
def test_defaults_of_the_function_inside_of_a_wrapper_are_given_to_it(run, log, is_async, scope):
    @cs.task
    @decorated
    def use(x: Any, c: Any = cs.inject(make("c", log, is_async=is_async, scope=scope)), *, n: int = cs.Param("n", 2)) -> Any:
        return x, c, n

    @cs.task
    @decorated
    def loop(n: int, *, c: Any = cs.inject(make("c", log, is_async=is_async, scope=scope))) -> Any:
        return cs.TailCall((n - 1,)) if n else c

    assert run(use(1)) == (1, "c", 2)
    assert run([use(1, "mine"), use(x=1, c="mine", n=3)]) == [(1, "mine", 2), (1, "mine", 3)]
    assert run(use.map([1, 2]), params={"n": 5}) == [(1, "c", 5), (2, "c", 5)]
    assert run(use.map(x=[1], c=["mine"]).with_retry(2)) == [(1, "mine", 2)]
    assert run(loop(2)) == "c"
    assert log.count("+c") == log.count("-c") == (3 if scope == "run" else 6)

    def strict(x: Any) -> Any:
        return x

    strict.__wrapped__ = use.func.__wrapped__  # type: ignore[attr-defined]
    assert run(cs.task(strict)(1)) == 1  # it takes no such names
    with pytest.raises(TypeError, match="unexpected keyword argument 'y'"):
        cs.task(strict)(1, y=2)


# -- What a sceptic would try -----------------------------------------------------------------------------------------


class Stopping:
    """A cache policy that raises what a coroutine cannot."""

    def __init__(self, where: str) -> None:
        self.where = where

    def check(self, task_id: str, arguments: dict[str, Any]) -> Any:
        if self.where == "check":
            raise StopIteration("check")

    def save(self, task_id: str, arguments: dict[str, Any], value: Any) -> Any:
        raise StopIteration("save")


@pytest.mark.parametrize("where", ["check", "save"])
def test_what_a_cache_policy_raises_comes_out_as_itself(path, where):
    # From synchronous code: a coroutine, such as that of `arun`, cannot raise StopIteration.
    graph = cs.task(lambda x: increment(x), name="graph")
    for target in (increment(1), graph(1), increment(1).with_timeout(60)):
        with pytest.raises(StopIteration, match=where):
            path.run(identity(target.with_cache(Stopping(where))))
    with pytest.raises(StopIteration, match=where) as raised:
        path.run(increment.map([1]).with_cache(Stopping(where)))
    assert "in item 0 of the map" in raised.value.__notes__


def test_a_value_that_could_be_awaited_is_not_when_it_comes_from_a_cache_a_route_or_a_resource(path):
    async def main() -> None:
        future: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        future.set_result(5)

        @cs.resource
        def resource() -> Iterator[Any]:
            yield future

        class Policy:
            def check(self, task_id: str, arguments: dict[str, Any]) -> Any:
                return cs.Hit(future)

            save = check

        @cs.task
        async def give() -> Any:
            return future

        kept = give()
        injected = cs.inject(resource)
        for lazy in (kept, give().with_cache(Policy()), give().with_retry(2), injected):
            assert await path.arun(lazy) is future
            assert await path.arun([cs.Router("a", {"a": lazy}), lazy]) == [future, future]
            assert await path.arun([cs.Router("a", {"a": lazy}), cs.Router("a", {"a": lazy})]) == [future, future]

    asyncio.run(main())


@pytest.mark.parametrize("amount", [fractions.Fraction(1, 3), 1 / 3])
def test_amounts_of_other_number_types(run, amount):
    assert run([later(n).with_constraints(part=amount) for n in range(5)], system_resources={"part": 1}) == list(range(5))
    numpy = pytest.importorskip("numpy")
    for number in (numpy.float64(0.1), numpy.float32(0.1), numpy.int64(1)):
        target = [later(n).with_constraints(part=identity(number)).with_retry(2) for n in range(12)]
        assert run([*target, one().with_constraints(part=number)], system_resources={"part": 1}) == [*range(12), 1]
    for wrong in (numpy.float64("nan"), numpy.int64(-1), 1j, numpy.bool_(True)):
        with pytest.raises((ValueError, TypeError), match="the amount of 'part'"):
            run(one().with_constraints(part=identity(wrong)), system_resources={"part": 1})


def test_a_retry_without_a_delay_does_not_compute_one():
    retry = cs.Retry(10**9, backoff=10**9)
    assert retry.delay_after(10**8) == 0


@pytest.mark.filterwarnings("ignore:coroutine .* was never awaited:RuntimeWarning")
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("turns", [0, 2])
def test_an_event_loop_that_is_closed_with_a_run_in_it_keeps_no_claims(path, log, is_async, kind, turns):
    connection = make("c", log, is_async=is_async, scope="task")
    engine = Engine(system_resources={"slot": 2})
    loop = asyncio.new_event_loop()
    loop.set_exception_handler(lambda loop, context: None)  # it says that tasks are destroyed

    async def begin() -> None:
        reached: Log = []
        asyncio.ensure_future(engine.run(hanging(kind, reached, cs.inject(connection)), use_vm=path.use_vm))
        while not reached:
            await asyncio.sleep(0)
        for _ in range(turns):
            await asyncio.sleep(0)

    loop.run_until_complete(begin())
    loop.close()
    del loop
    gc.collect()
    assert_at_rest(engine)
    assert path.run_with(engine, increment(1).with_constraints(slot=2)) == 2
    if not is_async:
        assert log.count("+c") == log.count("-c")


def test_policies_that_are_taken_back_leave_a_plain_call():
    from cascade.graph.build import build_graph

    flaky = cs.task(Flaky(1), retry=2)  # type: ignore[call-overload]
    lazy = flaky(1).with_retry(None)
    assert lazy.policies is None
    assert build_graph(lazy).rows[-1][0] is flaky
    with pytest.raises(ValueError, match="attempt 1"):
        cs.run(lazy)
