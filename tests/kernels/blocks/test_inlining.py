"""Small functions whose code is put in place of hot calls: what they compute and raise, and when the call is made after all."""

from __future__ import annotations

import copy
import functools
import gc
import sys
import traceback
from array import array
from collections.abc import Callable, Iterator
from typing import Any

import pytest

import cascade as cs
from cascade.kernels.blocks import verify
from cascade.kernels.blocks.kernel import block_kernel
from tests.support import inlined_functions as functions
from tests.support.machine_code_functions import machine_code


@pytest.fixture(autouse=True, params=[0, None], ids=["at once", "when hot"])
def hot(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(verify, "ON", True)
    with machine_code(request.param):
        yield


def outcome(function: Callable[..., Any], *arguments: Any) -> tuple[Any, ...]:
    """The type and text of a value, or of an exception with its lines from the function on; and the arguments afterwards."""
    given = copy.deepcopy(arguments)
    try:
        value = function(*given)
        return type(value).__name__, repr(value), repr(given)
    except Exception as error:
        entries = [(entry.name, entry.lineno, entry.colno) for entry in traceback.extract_tb(error.__traceback__)]
        own = [
            entry
            for entry in entries
            if "tests/support" in entry[0] or entry[0] in vars(functions) or entry[0] in METHODS
        ]
        return type(error).__name__, str(error), own, repr(given)


METHODS = ("__getitem__", "__setitem__", "index", "is_larger", "area")


def assert_same(function: Callable[..., Any], *calls: tuple[Any, ...], inlines: bool = True) -> None:
    """Each call gives what CPython gives, before and after the code has become hot."""
    task = cs.task(function)
    program = cs.compile(task)
    for arguments in calls * 3:
        assert outcome(program, *arguments) == outcome(function, *arguments)
    count = task.routine.block_kernel.translator.inlined_count
    assert count > 0 if inlines else count == 0


MANY = list(range(6000))
MIXED = [*range(3000), 2.5, -7, True, 1 << 70, *range(3000), *[0.5] * 3000]


def test_numbers_are_computed_as_by_the_call():
    assert_same(functions.weights, (3, [1.0] * 6000), (3, [1.0] * 3000 + [2] * 3000), (2.5, [1.0] * 100))


def test_another_class_or_a_large_number_has_the_call_made():
    assert_same(functions.sum_scaled, (MANY,), (MIXED,), ([1 << 62] * 100,), (["a"] * 3,), ([1.5] * 6000,))


def test_an_exception_has_the_frame_of_the_function():
    assert_same(functions.weights, (3, [1.0] * 6000), (-1, [1.0] * 50), (-6001, [1.0] * 6002), (3, [1.0, "x"]))
    assert_same(functions.sum_scaled, (MANY,), ([*MANY, None],), ([object],))


def test_methods_inside_of_each_other_take_tuples_that_are_not_made():
    assert_same(functions.relax, (40, 40, 5, 0.5), (12, 9, 3, 1), (8, 8, 2, 1 << 70), (5, 5, 1, "x"), (40, 40, 2, 0.25))


def test_an_index_that_is_not_there_is_raised_by_the_method():
    assert_same(functions.diagonal, *[(90, 90)] * 80, (20, 10))


def test_operators_properties_and_comparisons():
    assert_same(functions.compare, (list(range(1, 3000)),), ([2, 2.5, 1 << 70, True],), ([2, "x"],), ([None, 1],))


def test_several_returns_give_the_result_of_each_path():
    assert_same(functions.signs, (list(range(-3000, 3000)),), ([0.5, -0.5, 0, 1 << 70],), (["x"],))


def test_a_tuple_that_is_returned_need_not_be_made():
    assert_same(functions.sums_and_differences, (MANY,), (MIXED,), ([1, 2.5, (1 << 63) - 1],), (["x"],))


def test_a_function_with_an_effect_is_called():
    assert_same(functions.push_all, ([1, 2, 5] * 2000,), ([1, 2, 0, 5],), inlines=False)


def test_what_a_store_drops_lives_on_where_it_stands():
    assert_same(functions.taken_before_a_store, (6000,))


def test_a_function_returns_what_its_store_has_dropped():
    kernel = block_kernel(
        functions.replaced
    )  # which lives on: it has met a text first, and code for a float is not inlined
    assert_same(functions.replace_texts, (6000,))
    assert_same(functions.replace_numbers, (6000,), (5,))
    assert kernel.entries > 0


def test_an_argument_lives_on_behind_a_store_that_drops_it():
    assert_same(functions.keep_items, (6000,))


def test_an_argument_dies_where_its_parameter_gets_another_value():
    assert_same(functions.forget_watchers, (6000,), inlines=False)


def test_what_a_store_has_dropped_dies_after_the_arguments():
    assert_same(functions.drop_watchers, (6000,), inlines=False)


def test_a_function_with_very_many_paths_does_not_fill_the_kernel():
    task = cs.task(functions.take_many_paths)
    program = cs.compile(task)
    for _ in range(3):
        assert program(20000) == functions.take_many_paths(20000)
    kernel = task.routine.block_kernel
    assert not kernel.retired
    assert len(kernel.listing()) < 5000


def test_variables_that_are_parameters_change_places():
    assert_same(functions.swap_all, ([0.25] * 6000,), ([1, 2.5] * 40,), ([1] * 30,), ([True, 1 << 62],))


def test_functions_that_are_met_are_told_apart():
    assert_same(functions.by_several, (MANY,), (MIXED,), (["a"],))


@pytest.mark.parametrize("function", [functions.names_under_way, functions.code_under_way])
def test_names_and_code_that_change_under_way(function):
    assert_same(function, (MANY,), (MIXED,))


def test_a_method_that_is_replaced_under_way():
    assert_same(functions.class_under_way, (list(range(6000)),), ([1, 0, 2],))


def test_the_recursion_limit_is_reached_where_cpython_reaches_it():
    task = cs.task(functions.deep)
    program, limit = cs.compile(task), sys.getrecursionlimit()
    for depth in [10] * 700:
        assert program(0, depth) == 3 * depth
    for depth in (limit - 60, limit + 10, 2 * limit):
        assert outcome(program, 0, depth)[:2] == outcome(functions.deep, 0, depth)[:2]


def test_a_profiler_that_is_set_under_way_sees_the_calls():
    def seen_by(call: Callable[..., Any]) -> tuple[int, Any]:
        seen: list[str] = []

        def profile(frame: Any, event: str, argument: Any) -> None:
            if event == "call" and frame.f_code is functions.scaled.__code__:
                seen.append(event)

        try:
            value = call(MANY, lambda: sys.setprofile(profile))
        finally:
            sys.setprofile(None)
        return len(seen), value

    program = cs.compile(cs.task(functions.profiled))
    for _ in range(3):
        program(MANY, lambda: None)
    assert seen_by(program) == seen_by(functions.profiled) == (2999, sum(MANY) * 3)


def test_references_are_kept_and_dropped():
    values: list[Any] = [[1.5], "text", 2.5, 1 << 70, (1, 2)] * 400
    program = cs.compile(cs.task(functions.by_argument))
    for _ in range(20):
        program(functions.doubled, [1.5] * 400)
        with pytest.raises(TypeError):
            program(functions.negated, values)
    gc.collect()
    before = [sys.getrefcount(value) for value in values[:5]]
    for _ in range(20):
        with pytest.raises(TypeError):
            program(functions.negated, values)
    gc.collect()
    assert [sys.getrefcount(value) for value in values[:5]] == before


def test_a_view_of_memory_is_met_again_when_the_code_is_renewed():
    for buffer in (b"abc", array("d", [0.5, 1.5]), array("i", [3])):
        assert_same(functions.weighed_by_view, (MANY, buffer))


def test_attributes_of_classes():
    named, heavier = functions.Named, functions.Heavier
    assert_same(functions.sum_of_weights, ([named] * 6000,), ([named, heavier] * 3000,), ([named, named()],), ([int],))


@pytest.mark.parametrize(
    "get",
    [{key: 2 * key for key in MANY}.get, MANY.__getitem__, abs, functools.partial(pow, exp=2), functions.scaled],
    ids=["method", "special method", "function", "partial", "Python function"],
)
def test_callables_that_are_arguments(get):
    program = cs.compile(cs.task(functions.sum_looked_up))
    for _ in range(3):
        for keys in (MANY, [1.5, 2, True], [None]):
            assert outcome(program, get, keys) == outcome(functions.sum_looked_up, get, keys)


LEVELS: list[list[Any]] = [
    [3, 60, 99, 2],
    [3.5, 60.25, 0.0],
    [float("nan"), 1.5],
    [True, 5, 60],
    [70, 1 << 70, 5],
    [(1 << 63) - 1, 5],
    [50, 2.5, 7, True],
    [60, "x"],
    [90, None],
]


@pytest.mark.parametrize("values", LEVELS, ids=str)
@pytest.mark.parametrize("first", LEVELS[:2], ids=["ints first", "floats first"])
def test_an_attribute_or_a_sum_is_returned_as_a_number(first, values):
    assert_same(functions.raise_levels, (first, 1500), (values, 300), (first, 300))
    assert_same(functions.keep_raised, (first, 1500), (values, 60), (first, 60))


@pytest.mark.parametrize("values", LEVELS, ids=str)
def test_numbers_of_several_kinds_and_none_are_returned_as_objects(values):
    assert_same(functions.find_levels, ([3, 5, 6], 1500), (values, 100), ([3, 5, 6], 300))
    assert_same(functions.halve_levels, ([3, 5, 6, 10], 1500), (values, 100))


class Less:
    def __init__(self, value):
        self.value = value

    def __call__(self, number):
        return self.value - number


def calls_what_a_list_gives(instance, count):
    waiting, total = [instance] * count, 0
    while waiting:
        total += waiting.pop()(3)
    return total, instance.value


def test_an_instance_that_is_called_and_that_the_stack_holds_is_dropped_once():
    instance = Less(1)
    program = cs.compile(cs.task(calls_what_a_list_gives))
    for count in (8000, 10):
        before = sys.getrefcount(instance)
        assert program(instance, count) == (-2 * count, 1)
        assert sys.getrefcount(instance) == before
