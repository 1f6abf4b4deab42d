"""Copies and pickles of graphs: as deep as one call, however long the chain, and what is shared stays shared."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

import cascade as cs
from tests.support.tasks import add, identity, increment

COPIES: dict[str, Callable[[Any], Any]] = {
    "pickle": lambda value: pickle.loads(pickle.dumps(value)),
    "pickle 0": lambda value: pickle.loads(pickle.dumps(value, 0)),
    "pickle in Python": lambda value: pickle.loads(pickle._dumps(value)),
    "deepcopy": copy.deepcopy,
}


@dataclass
class Holder:
    value: Any


@pytest.fixture(params=COPIES)
def copied(request) -> Callable[[Any], Any]:
    return COPIES[request.param]


def chain(length: int, first: Any = 0) -> Any:
    result = first
    for _ in range(length):
        result = increment(result)
    return result


def depth_of(result: Any) -> int:
    depth = 0
    while isinstance(result, cs.LazyResult):
        (result,) = result.slots
        depth += 1
    return depth


@pytest.mark.parametrize("length", [1, 300, 3000])
def test_the_copy_of_a_chain_gives_its_value(copied, length, path):
    assert path.run(copied(chain(length))) == length


@pytest.mark.parametrize("name", ["pickle", "deepcopy"])
def test_a_chain_of_any_length_is_copied(name):
    assert depth_of(COPIES[name](chain(100_000))) == 100_000


@pytest.mark.parametrize(
    "wrap", [list, tuple, Holder, lambda value: {"key": [value]}, lambda value: {"key": {1: (value,)}}]
)
def test_a_chain_through_containers_is_copied(copied, wrap, path):
    result: Any = 0
    for _ in range(2000):
        result = identity(wrap([result] if wrap in (list, tuple) else result))
    again = copied(result)
    depth = 0
    while isinstance(again, cs.LazyResult):
        again = again.slots[0]
        while not isinstance(again, (cs.LazyResult, int)):
            again = (
                again.value
                if isinstance(again, Holder)
                else next(iter(again.values() if isinstance(again, dict) else again))
            )
        depth += 1
    assert depth == 2000


def test_what_is_shared_stays_shared(copied):
    shared = chain(5)
    left, right = add(shared, 1), add(shared, 2)
    one, other, top = copied([left, right, add(left, right)])
    assert one.slots[0] is other.slots[0]
    assert top.slots == (one, other)
    assert one is not left


def test_a_deep_graph_is_shared_with_what_stands_beside_it(copied):
    deep = chain(3000)
    one, beside, other = copied([deep, deep.slots[0], add(deep, deep.slots[0])])
    assert one.slots[0] is beside
    assert other.slots == (one, beside)


def test_policies_and_what_they_hold_are_copied(copied, path):
    first = chain(2000)
    result = add(1, 2).after(first).run_if(identity(first)).with_retry(4)
    again = copied(result)
    assert again.policies.retry.max_attempts == 4
    assert again.policies.after[0] is again.policies.conditions[0].slots[0]
    assert path.run(again) == 3


def test_a_chain_that_cannot_be_pickled_is_pickled_once_that_is_mended():
    values: list[Any] = [lambda: None]
    result = identity(values)
    for _ in range(3000):
        result = identity(result)
    with pytest.raises((pickle.PicklingError, AttributeError)):
        pickle.dumps(result)
    values[0] = 1
    assert cs.run(pickle.loads(pickle.dumps(result.slots[0]))) == [1]


def test_a_list_that_holds_its_own_result_is_copied_like_others():
    values: list[Any] = []
    values.append(identity(values))
    again = copy.deepcopy(values)
    assert again[0].slots[0] is again
    again = pickle.loads(pickle.dumps(values))
    assert again[0].slots[0] is again


def test_a_copy_is_another_node_of_the_same_call():
    result = add(chain(2), 1).with_retry(2)
    again = copy.copy(result)
    assert again is not result
    assert again.slots is result.slots
    again.with_retry(None)
    assert result.policies.retry.max_attempts == 2


@cs.task(mode="compute")
def make_chain(length):
    result = 0
    for _ in range(length):
        result = increment(result)
    return result


def test_a_worker_returns_a_long_chain(path):
    assert path.run(make_chain(300)) == 300
    assert path.run(make_chain(20_000)) == 20_000


def test_what_control_flow_adds_is_copied(copied, path):
    chosen = cs.Router(selector=increment(1), routes={2: increment(3), 3: increment(4)})
    assert path.run(copied(chosen)) == 4
    skipping = cs.pipeline(1, [lambda value: increment(value).run_if(increment(-1)), increment])
    assert path.run(copied(skipping)) == 2
