"""A target whose run publishes nearly every kind of event."""

from __future__ import annotations

from typing import Any

import cascade as cs
from tests.support.tasks import identity, increment, later, one


@cs.resource
def database() -> Any:
    yield 1


class Flaky:
    """A function that fails the first time it is called."""

    __name__ = "flaky"

    def __init__(self) -> None:
        self.failed = False

    def __call__(self, value: Any) -> Any:
        if not self.failed:
            self.failed = True
            raise OSError("not yet")
        return value


def everything(cache: Any) -> Any:
    """A target whose run has all kinds of events but progress; the second time, values come from the cache.

    It has no value in the end, as something in it is skipped.
    """
    waiting = [later(number).with_constraints(gpu=1) for number in range(2)]
    route = cs.Router(one(), {1: increment(1).run_if(False), 2: one()})
    return identity(
        [
            *waiting, increment.map([1, 2]), increment(1).with_cache(cache), cs.task(Flaky())(1).with_retry(2),
            identity(cs.inject(database)), cs.pipeline(3, [lambda value: increment(value).run_if(False)]),
            identity(1).after(route),
        ]
    )  # fmt: skip
