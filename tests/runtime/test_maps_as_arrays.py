"""`task.map(...).as_array()` is the array that NumPy makes of the list of results, on both paths."""

from __future__ import annotations

import copy
import pickle
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

import cascade as cs
from cascade.errors import DeclarationError, DependencyMissingError, SerializationError
from cascade.graph.serialize import from_json, to_json
from tests.support.recording import heard_from, story
from tests.support.tasks import countdown, fail, identity, increment, later, one, returns_in_four_ways, total


def same_array(found: Any, expected: Any) -> bool:
    """Returns whether two arrays have the same dtype, shape and items, bit by bit or by `repr`."""
    if type(found) is not np.ndarray or (found.dtype, found.shape) != (expected.dtype, expected.shape):
        return False
    if found.dtype == object:
        return [*map(repr, found)] == [*map(repr, expected)]
    return bool(found.tobytes() == expected.tobytes())


RESULTS: dict[str, list[Any]] = {
    "ints": [1, -2, 2**63 - 1, -(2**63)],
    "floats": [0.5, -0.0, float("nan"), float("inf")],
    "bools": [True, False],
    "ints and floats": [1, 2.5, 2**53 + 1],
    "bools and ints": [True, 2],
    "bools and floats": [False, 0.5],
    "complex": [1j, 2],
    "beyond int64": [1, 2**63],
    "beyond 64 bits": [1, 2**64],
    "scalars": [np.float32(0.1), np.int8(3), np.bool_(True)],
    "small scalars": [np.int8(3), np.uint8(200)],
    "uint64 and int": [np.uint64(2**63), 1],
    "strings": ["a", "longer"],
    "strings and numbers": ["a", 1],
    "tuples": [(1, 2), (3.5, 4)],
    "arrays": [np.arange(3), np.arange(3.0)],
    "None": [1, None],
    "objects": [Fraction(1, 2), 3],
    "one": [7],
    "none": [],
}


@pytest.mark.parametrize("results", RESULTS.values(), ids=RESULTS)
@pytest.mark.parametrize("by_calls", [False, True], ids=["plain", "with policies"])
def test_the_array_is_the_one_that_numpy_makes_of_the_list(run, results, by_calls):
    lazy = identity.map(results).as_array()
    assert same_array(run(lazy.with_retry(2) if by_calls else lazy), np.array(results))


def test_an_array_is_passed_on_to_other_tasks_and_maps(run):
    assert run(total(increment.map([1, 2]).as_array())) == 5
    assert run(increment.map(increment.map([1, 2]).as_array())) == [3, 4]
    assert same_array(run([increment.map([1, 2]).as_array()])[0], np.array([2, 3]))


def test_items_that_give_more_than_a_value_are_computed_first(run):
    expected = np.array([0, 3, 4, 3, 4, 7, 8, 7])
    for lazy in (
        returns_in_four_ways.map(range(8)),
        returns_in_four_ways.map(range(8)).with_retry(2),
        returns_in_four_ways.map(range(8)).with_concurrency(1),
    ):
        assert same_array(run(lazy.as_array()), expected)
    assert same_array(run(countdown.map([1, 50, 0]).as_array()), np.array(["done"] * 3))
    assert same_array(run(later.map([1, 2]).as_array()), np.array([1, 2]))


def test_an_item_that_fails_fails_the_map(run):
    with pytest.raises(ValueError, match="x") as raised:
        run(fail.map(["x", "y"]).as_array())
    assert "in item 0 of the map" in raised.value.__notes__


@pytest.mark.parametrize("deferred", [False, True])
def test_results_that_numpy_makes_no_array_of_fail_the_map(run, deferred):
    @cs.task
    def ragged(n: int) -> Any:
        return identity([0] * n) if deferred else [0] * n

    with pytest.raises(ValueError, match="inhomogeneous") as raised:
        run(ragged.map([1, 2]).as_array())
    assert "while the results of ragged.map became an array" in raised.value.__notes__


def test_as_array_goes_with_the_other_methods_in_any_order(run):
    assert same_array(run(later.map([1, 2]).as_array().with_concurrency(1).with_timeout(9)), np.array([1, 2]))
    assert same_array(run(later.map([1, 2]).with_concurrency(1).as_array().as_array()), np.array([1, 2]))
    assert same_array(run(later.map([1, 2]).as_array().after(one()).run_if(one())), np.array([1, 2]))


def test_a_cache_keeps_items_and_not_arrays(run):
    cache = cs.MemoryCache()
    assert same_array(run(_twice.map([1, 2, 1]).with_cache(cache).as_array()), np.array([2, 4, 2]))
    assert len(cache) == 2
    assert run(_twice.map([1, 2, 1]).with_cache(cache)) == [2, 4, 2]


@cs.task
def _twice(n: int) -> int:
    return 2 * n


def test_a_list_and_an_array_of_one_call_are_two_nodes(run):
    calls: list[int] = []

    @cs.task(pure=True)
    def note(n: int) -> int:
        calls.append(n)
        return n

    items = [1, 2]
    found = run([note.map(items), note.map(items).as_array(), note.map(items).as_array()])
    assert found[0] == [1, 2]
    assert same_array(found[1], np.array([1, 2]))
    assert found[2] is found[1]
    assert calls == [1, 2, 1, 2]


def test_a_condition_skips_the_array(path):
    outcome, events = heard_from(path, increment.map([1, 2]).as_array().run_if(identity(False)))
    assert isinstance(outcome, DependencyMissingError)
    assert story(events)[-1] == ("skipped", "increment#1", "ConditionFalse")


def test_events_show_the_array(path):
    outcome, events = heard_from(path, increment.map([1, 2]).as_array())
    assert same_array(outcome, np.array([2, 3]))
    finished = [event for event in events if type(event).__name__ == "TaskExecutionFinished"]
    assert finished[-1].result_preview == "array([2, 3])"


def test_copies_and_pickles_stay_arrays(run):
    lazy = increment.map([1, 2]).as_array()
    for other in (copy.copy(lazy), copy.deepcopy(lazy), pickle.loads(pickle.dumps(lazy))):
        assert same_array(run(other), np.array([2, 3]))


def test_json_keeps_that_it_is_an_array(run):
    text = to_json(increment.map([1, 2]).as_array())
    assert '"as_array": true' in text or '"as_array":true' in text
    assert same_array(run(from_json(text)), np.array([2, 3]))
    assert "as_array" not in to_json(increment.map([1, 2]))
    with pytest.raises(SerializationError, match=r"map\.as_array"):
        from_json(text.replace('"as_array": true', '"as_array": 1').replace('"as_array":true', '"as_array":1'))


def test_plans_and_drawings_say_that_it_is_an_array(capsys):
    lazy = increment.map([1, 2]).as_array()
    cs.dry_run(lazy)
    assert "[as an array]" in capsys.readouterr().out
    assert "as an array" in cs.visualize(lazy)


def test_only_a_map_may_be_an_array():
    with pytest.raises(DeclarationError, match="as_array on a result of task 'increment', which is one call"):
        increment(1).as_array()
    with pytest.raises(DeclarationError):
        cs.Param("x").as_array()


def test_without_numpy_it_is_refused_where_it_is_written(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(DeclarationError, match="needs NumPy, which is not installed"):
        increment.map([1]).as_array()
