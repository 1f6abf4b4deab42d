"""Worker processes make kernels of the functions that they are sent, by name or by value."""

from __future__ import annotations

import importlib.util
import random
from collections.abc import Callable, Iterator
from types import FunctionType
from typing import Any

import pytest

import cascade as cs
from cascade.adapters.executors.local import LocalExecutor
from cascade.adapters.executors.messages import RemoteTraceback
from cascade.adapters.executors.stateless import is_stateless
from tests.support import compute_kernels as compute

pytestmark = [
    pytest.mark.skipif(importlib.util.find_spec("loky") is None, reason="loky is not here"),
    pytest.mark.filterwarnings("ignore:A worker stopped while some jobs:UserWarning"),
]


@pytest.fixture
def in_worker(path) -> Iterator[Callable[[Any], Any]]:
    """Runs a target with one worker process of its own."""
    with LocalExecutor(processes=1) as executor:
        engine = cs.Engine(executor=executor)
        path.run_with(engine, compute.without_delay())
        yield lambda target: path.run_with(engine, target)


@pytest.mark.parametrize("name", ["total", "collected"])
def test_a_task_that_is_sent_by_name_has_kernels_in_the_worker(path, in_worker, name):
    task = getattr(compute, name)
    for n in (10, 3000, 10):
        assert in_worker(task(n)) == task.func(n)
        assert in_worker(task(n).with_retry(2)) == task.func(n)
    assert in_worker(compute.entries_there(name)) == (6 if path.use_vm else 0)


def test_lower_false_holds_in_the_worker(in_worker):
    assert in_worker(compute.plain_total(1000)) == 499500
    assert in_worker(compute.entries_there("plain_total")) == 0


def by_value(function: Any) -> Any:
    """Returns a task of a copy of a function that no worker finds by its name."""
    copy = FunctionType(function.__code__, {"range": range, "LIMIT": 97}, function.__name__, function.__defaults__)
    copy.__module__, copy.__qualname__ = "__main__", "by_value." + function.__name__
    return cs.task(copy, mode="compute")


@pytest.mark.parametrize("name", ["total", "collected"])
def test_a_function_without_state_that_is_sent_by_value_is_kept_with_its_kernels(path, in_worker, name):
    function = getattr(compute, name).func
    task = by_value(function)
    for n in (10, 3000, 10):
        assert in_worker(task(n)) == function(n)
    assert in_worker(compute.entries_of_kept()) == ([(name, 3)] if path.use_vm else [])


def test_a_function_with_state_that_is_sent_by_value_is_new_at_each_call(in_worker):
    seen: list[int] = []

    def note(n: int) -> list[int]:
        seen.append(n)
        return seen

    task = cs.task(note, mode="compute")
    assert [in_worker(task(n)) for n in (1, 2, 3)] == [[1], [2], [3]]
    assert in_worker(compute.entries_of_kept()) == []
    assert seen == []


def test_a_constant_that_has_changed_since_is_sent_anew(in_worker):
    limit = 10

    def below(n: int) -> int:
        s = 0
        for i in range(n):
            s += i % limit
        return s

    task = cs.task(below, mode="compute")
    assert in_worker(task(1000)) == 4500
    limit = 5
    assert in_worker(task(1000)) == 2000


def test_exceptions_from_kernels_in_workers_have_the_traceback_of_the_function(path, in_worker):
    texts = []
    for _ in range(3):
        with pytest.raises(ZeroDivisionError, match="integer division or modulo by zero") as raised:
            in_worker(compute.divided(5).with_retry(1))
        assert isinstance(raised.value.__cause__, RemoteTraceback)
        assert "cascade" not in raised.value.__cause__.text
        texts.append(raised.value.__cause__.text)
    first = compute.divided.func.__code__.co_firstlineno
    assert len(set(texts)) == 1
    assert f'compute_kernels.py", line {first + 4}, in divided\n    s += 100 // i\n' in texts[0]
    assert texts[0].count("File ") == 1


# -- Functions without a state ------------------------------------------------------------------------------------------

CONSTANTS, NAMES = (1, 2.0, "three", None), ["a"]
state = {"calls": 0}


def reads_constants(n, scale=(1, 2)):
    return [random.random() for _ in range(n)], CONSTANTS, scale


def calls_itself(n):
    return n if n < 2 else calls_itself(n - 1) + reads_constants(n)[1][0]


def reads_a_list(n):
    return NAMES[n]


def calls_one_that_reads_a_list(n):
    return [reads_a_list(each) for each in range(n)]


def stores_a_global(n):
    global CONSTANTS
    CONSTANTS = n


def stores_an_attribute(n):
    calls_itself.seen = n  # type: ignore[attr-defined]


def has_a_list_as_default(n, seen=[]):  # noqa: B006
    seen.append(n)
    return seen


def reaches_its_globals(n):
    return globals()["state"], n


def has_an_attribute(n):
    return n


has_an_attribute.calls = 0  # type: ignore[attr-defined]


def closes_over(value):
    def read():
        return value

    read.__module__ = "__main__"
    return read


def closes_over_and_stores(value):
    def count():
        nonlocal value
        value += 1
        return value

    count.__module__ = "__main__"
    return count


for each in (
    reads_constants, calls_itself, reads_a_list, calls_one_that_reads_a_list, stores_a_global, stores_an_attribute,
    has_a_list_as_default, reaches_its_globals, has_an_attribute,
):  # fmt: skip
    each.__module__ = "__main__"  # so none of them is sent by its name


@pytest.mark.parametrize(
    "function", [reads_constants, calls_itself, closes_over(5), closes_over(calls_itself), len, is_stateless]
)
def test_functions_of_constants_modules_and_such_functions_are_stateless_as_are_those_that_are_sent_by_name(function):
    assert is_stateless(function)


@pytest.mark.parametrize(
    "function",
    [
        reads_a_list, calls_one_that_reads_a_list, stores_a_global, stores_an_attribute, has_a_list_as_default,
        reaches_its_globals, has_an_attribute, closes_over([]), closes_over_and_stores(1), closes_over(cs.task(calls_itself)),
        random.Random().random, cs.task(calls_itself),
    ],
)  # fmt: skip
def test_functions_that_refer_to_more_are_not_stateless(function):
    assert not is_stateless(function)
