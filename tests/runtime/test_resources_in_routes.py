"""Resources and inputs in routes, state machines and loops; the same on both paths."""

from __future__ import annotations

from typing import Any

import pytest

import cascade as cs
from cascade.errors import (
    DeclarationError,
    ParameterError,
    ResourceError,
)
from tests.support.resources import Log, make, task_of
from tests.support.state_machines import machine
from tests.support.tasks import add, identity, increment, later, one


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
    routes = {
        "r": cs.inject(make("r", log, is_async=is_async)),
        "p": cs.Param("p", 5),
        "e": cs.Env("CASCADE_NOT_SET", "none"),
    }
    assert run([cs.Router(key, routes) for key in "rpe"], params={"p": 6}) == ["r", 6, "none"]
    assert run(cs.Router("p", routes), params={"p": 6}) == 6
    assert log == ["+r", "-r"]


@pytest.mark.parametrize("scope", ["run", "task"])
def test_a_resource_that_a_route_shares_with_the_rest(run, log, is_async, scope):
    c = cs.inject(make("c", log, is_async=is_async, scope=scope))
    use = task_of(log)
    value = cs.pipeline(c, [lambda x: identity(x).run_if(False)])
    target = [
        cs.Router("a", {"a": use(1, c), "b": use(2, value)}),
        use(3, c),
        cs.Router("b", {"a": one(), "b": use(4, value, c)}),
        use(5, value),
    ]
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
        path.run(
            cs.Router(note(1), {"a": one(), "b": identity([cs.Router("k", {"k": identity(cs.inject("nobody"))})])})
        )
    assert called == []
    assert path.run(target, params={"b": 1, "deep": 1}) == 1
    program = cs.compile(target)
    assert {each.name for each in program.parameters} == {"b", "deep"}
    assert program(b=1, deep=2) == 1


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
