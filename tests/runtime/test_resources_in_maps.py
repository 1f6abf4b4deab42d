"""Resources in maps, and where a resource of scope "task" cannot be; the same on both paths."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

import cascade as cs
from cascade.errors import (
    DeclarationError,
    ParameterError,
    ResourceError,
)
from tests.support.resources import Log, make, server, task_of
from tests.support.tasks import add, identity, increment, later, one

pytestmark = pytest.mark.filterwarnings("ignore:a call of task .* is not cached:cascade.errors.CacheWarning")


@pytest.mark.parametrize("task_is_async", [False, True], ids=["call", "await"])
def test_each_item_of_a_map_has_a_resource_of_its_own(run, log, is_async, task_is_async):
    connection = make("c", log, is_async=is_async, scope="task")

    def use(x: int, c: Any = cs.inject(connection)) -> Any:
        log.append(x)
        return x, c

    async def use_later(x: int, c: Any = cs.inject(connection)) -> Any:
        return use(x, c)

    task = cs.task(use_later if task_is_async else use)
    for target in (
        task.map([1, 2]),
        task.map(x=identity([1, 2])),
        task.map([1, 2]).with_retry(2),
        task.map(x=(1, 2), c=[cs.inject(connection)] * 2),
    ):
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
    def mix(
        x: int,
        n: int = cs.Param("n", 2, type=int),
        m: Any = load(),
        *,
        rest: Any = (cs.Param("n", 2, type=int),),
        **more: Any,
    ) -> Any:
        return x * n + m, rest, more

    assert run(mix.map([1, 2])) == [(12, (2,), {}), (14, (2,), {})]
    assert run(mix.map([1, 2], y=[3, 4]).with_retry(2), params={"n": "5"}) == [
        (15, (5,), {"y": 3}),
        (20, (5,), {"y": 4}),
    ]
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
    assert raised.value.hint == "for one value that all items share: add.partial(b=...).map(...)"


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
    "make_answer",
    [lambda c: c, lambda c: cs.Jump("next", c), lambda c: cs.Jump("next", [c]), lambda c: cs.Router("a", {"a": c})],
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
