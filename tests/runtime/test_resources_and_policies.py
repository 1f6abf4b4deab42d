"""Resources of calls with policies: attempts, timeouts, conditions and capacity; the same on both paths."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

import cascade as cs
from cascade.errors import (
    DependencyMissingError,
    TaskTimeoutError,
)
from tests.support.growing import growing
from tests.support.resources import Log, make, task_of
from tests.support.tasks import identity

pytestmark = pytest.mark.filterwarnings("ignore:a call of task .* is not cached:cascade.errors.CacheWarning")


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
    naps: list[int] = []

    @cs.task
    async def use(c: Any) -> Any:
        log.append(c)
        await asyncio.sleep(naps.pop(0))
        return c

    for seconds in growing(0.05):
        log.clear()
        naps[:] = [600, 0]
        try:
            assert run(use(cs.inject(connection)).with_timeout(seconds).with_retry(2)) == "c"
            break
        except TaskTimeoutError:  # the second attempt was late, on a busy machine
            continue
    assert log == ["+c", "c", "-c"] * 2
    naps[:] = [600]
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
