"""Tasks of functions that a decorator wraps."""

from __future__ import annotations

import functools
from typing import Any

import pytest

import cascade as cs
from tests.support.resources import make


def decorated(function: Any) -> Any:
    @functools.wraps(function)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        return function(*args, **kwargs)

    return wrapper


@pytest.mark.parametrize("scope", ["run", "task"])
def test_defaults_of_the_function_inside_of_a_wrapper_are_given_to_it(run, log, is_async, scope):
    @cs.task
    @decorated
    def use(
        x: Any, c: Any = cs.inject(make("c", log, is_async=is_async, scope=scope)), *, n: int = cs.Param("n", 2)
    ) -> Any:
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
