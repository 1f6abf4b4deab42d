"""Cache policies that users write."""

from __future__ import annotations

from typing import Any

import pytest

import cascade as cs
from tests.support.counted_calls import CALLS, counted_task
from tests.support.tasks import identity, increment

np = pytest.importorskip("numpy")

pytest.importorskip("msgspec")


class OwnPolicy:
    def __init__(self) -> None:
        self.kept: dict[Any, Any] = {}

    def check(self, task_id: str, arguments: dict[str, Any]) -> Any:
        return self.kept.get((task_id, *arguments.items()))

    def save(self, task_id: str, arguments: dict[str, Any], value: Any) -> None:
        self.kept[(task_id, *arguments.items())] = value


class AsyncPolicy(OwnPolicy):
    async def check(self, task_id: str, arguments: dict[str, Any]) -> Any:
        return super().check(task_id, arguments)

    async def save(self, task_id: str, arguments: dict[str, Any], value: Any) -> None:
        super().save(task_id, arguments, value)


@pytest.mark.parametrize("kind", [OwnPolicy, AsyncPolicy])
def test_a_policy_of_ones_own(run, kind):
    policy = kind()
    square = counted_task(policy)
    assert [run(square(3)), run(square(3))] == [9, 9]
    assert CALLS == [3]
    ((task_id, argument),) = policy.kept
    assert "square@" in task_id
    assert argument == ("x", 3)


@pytest.mark.parametrize("kind", [cs.MemoryCache, cs.DiskCache, OwnPolicy, type])
def test_a_class_is_no_policy(kind):
    with pytest.raises(
        cs.CascadeError, match=rf"the cache policy {kind.__name__} is a class.*\n?.*an object of it"
    ) as raised:
        increment(1).with_cache(kind)
    assert isinstance(raised.value, TypeError)
    with pytest.raises(TypeError, match=f"write {kind.__name__}"):
        cs.task(cache=kind)(lambda x: x)


@pytest.mark.parametrize("kind", [OwnPolicy, AsyncPolicy])
def test_loops_with_a_policy_of_ones_own(run, kind):
    policy = kind()

    @cs.task(cache=policy)
    def loop(n: int) -> Any:
        return "done" if n == 0 else cs.TailCall((n - 1,))

    assert run(loop(5)) == "done"
    assert list(policy.kept.values()) == ["done"]


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
