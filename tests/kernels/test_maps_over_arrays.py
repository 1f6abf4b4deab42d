"""Maps over NumPy's arrays give what calls with their items give: the kernel gets the items as they are, without objects."""

from __future__ import annotations

import asyncio
import math
import sys
import threading
import traceback
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import cascade as cs
from cascade import _vm
from cascade.runtime.nodes import kernel_maps
from cascade.runtime.nodes.map_arrays import array_of
from tests.support import array_maps
from tests.support.endless import assert_ends_early

COUNT = 11_000
"""Items enough for a function without a loop to have a kernel."""


@pytest.fixture(params=[1, 3], ids=lambda count: f"{count} threads")
def threads(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> int:
    monkeypatch.setattr(kernel_maps, "cores", lambda: request.param)
    return int(request.param)


def outcome(call: Callable[[], Any]) -> tuple[Any, list[Any]]:
    """Returns what a call returns, and the warnings that it gives."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        found = call()
    return found, [(each.category, str(each.message), each.filename, each.lineno) for each in caught]


def shown(value: Any) -> Any:
    return (type(value), value.tobytes()) if isinstance(value, np.generic) else (type(value), repr(value))


def kernel_of(task: Any) -> Any:
    return task.routine.block_kernel


@pytest.mark.parametrize("dtype", array_maps.DTYPES)
@pytest.mark.parametrize("function", array_maps.FUNCTIONS, ids=lambda function: function.__name__)
def test_every_function_of_items_of_every_kind(path, dtype, function):
    array = array_maps.items(dtype, COUNT if path.use_vm else 1_000)
    task = cs.task(function)
    try:
        expected, warned = outcome(lambda: [function(x) for x in array])
    except Exception as error:
        with pytest.raises(type(error)) as raised, warnings.catch_warnings():
            warnings.simplefilter("ignore")
            path.run(task.map(array))
        assert raised.value.args == error.args
        return
    found, also_warned = outcome(lambda: path.run(task.map(array)))
    assert [*map(shown, found)] == [*map(shown, expected)]
    assert also_warned == warned
    (as_array, whole), _ = outcome(lambda: (path.run(task.map(array).as_array()), np.array(expected)))
    assert (as_array.dtype, as_array.shape) == (whole.dtype, whole.shape)
    assert [*map(shown, as_array.ravel())] == [*map(shown, whole.ravel())]


def test_items_are_handed_over_without_calls_of_the_function(threads):
    task = cs.task(array_maps.affine, lower=True)
    array = np.linspace(-1, 1, 200_000)
    expected = np.array([array_maps.affine(x) for x in array])
    cs.run(task.map(array).as_array())  # makes the kernel, which other tasks of the function share
    kernel = kernel_of(task)
    entries, exits = kernel.entries, kernel.exit_count
    found = cs.run(task.map(array).as_array())
    assert found.tobytes() == expected.tobytes()
    assert 0 < kernel.entries - entries < 20_000, "items are done in blocks"
    assert kernel_of(task) is kernel and kernel.exit_count == exits
    assert found.base is None
    found.resize(3, refcheck=False)


def test_other_threads_compute_items_of_kernels_that_touch_no_objects(monkeypatch):
    numbers = set()

    def start(function: Any, number: int) -> Any:
        numbers.add(number)
        function(number)
        return lambda: None

    monkeypatch.setattr(kernel_maps, "cores", lambda: 3)
    monkeypatch.setattr(kernel_maps, "start", start)
    array = np.arange(20_000)
    for function in (array_maps.long_sum, array_maps.long_look_up, array_maps.long_in_grid):
        task = cs.task(function)
        expected = np.array([function(x) for x in array])
        for lazy in (task.map(array), task.map(array).with_concurrency(1)):
            numbers.clear()
            assert cs.run(lazy.as_array()).tobytes() == expected.tobytes()
            assert numbers == ({1, 2} if lazy.policies.concurrency is None else set())
            assert np.array(cs.run(lazy)).tobytes() == expected.tobytes()


def test_a_small_array_is_worth_no_kernel():
    task = cs.task(array_maps.affine)
    assert cs.run(task.map(np.arange(3))) == [1.0, 3.5, 6.0]
    assert kernel_of(task) is None


@pytest.mark.parametrize("by_name", [False, True])
def test_several_inputs_of_several_kinds(path, threads, by_name):
    task = cs.task(array_maps.of_two)
    x, y = np.arange(COUNT), np.linspace(0, 1, COUNT).astype("float32")
    for inputs in ((x, y), (x[::-1], y), (x, [1, 2.5, True, 2**40] * (COUNT // 4)), (list(x), y)):
        expected = [array_maps.of_two(a, b) for a, b in zip(*inputs, strict=True)]
        lazy = task.map(x=inputs[0], y=inputs[1]) if by_name else task.map(*inputs)
        assert [*map(shown, path.run(lazy))] == [*map(shown, expected)]
        scale = [*range(100)] * (COUNT // 100)
        lazy = task.map(x=inputs[0], y=inputs[1], scale=scale).as_array()
        expected = [array_maps.of_two(a, b, c) for a, b, c in zip(*inputs, scale, strict=True)]
        assert path.run(lazy).tobytes() == np.array(expected).tobytes()


def test_arrays_of_every_form(path):
    task = cs.task(array_maps.affine)
    whole = np.arange(3 * COUNT, dtype="float32")
    misaligned = np.frombuffer(b"x" + np.arange(float(COUNT)).tobytes(), offset=1)
    read_only = whole[:COUNT].copy()
    read_only.flags.writeable = False
    grid = np.arange(4 * COUNT).reshape(COUNT, 4)
    for array in (whole[::3], whole[::-3], misaligned, read_only, grid[:, 1], whole[:0]):
        assert [*map(shown, path.run(task.map(array)))] == [shown(array_maps.affine(x)) for x in array]
        assert (
            path.run(task.map(array).as_array()).tobytes() == np.array([array_maps.affine(x) for x in array]).tobytes()
        )
    assert np.array(path.run(task.map(grid))).tobytes() == np.array([array_maps.affine(x) for x in grid]).tobytes()


def test_bits_that_registers_do_not_hold_are_kept(path):
    signalling = np.frombuffer(np.uint32([0x7F800001, 0x7FC00001, 0xFF800001] * 4_000).tobytes(), dtype="float32")
    large = np.array([2**64 - 1, 5, 2**63, 2**63 - 1] * 3_000, dtype="uint64")
    task = cs.task(array_maps.itself)
    for array in (signalling, large):
        assert [*map(shown, path.run(task.map(array)))] == [*map(shown, array)]
        assert path.run(task.map(array).as_array()).tobytes() == np.array([*array]).tobytes()


def test_items_with_a_side_exit_are_computed_by_cpython_with_their_warnings(path, threads):
    array = np.arange(12_000) % 600
    expected, warned = outcome(lambda: [array_maps.divided(x) for x in array])
    found, also_warned = outcome(lambda: path.run(cs.task(array_maps.divided).map(array).as_array()))
    assert found.tobytes() == np.array(expected).tobytes()
    assert also_warned == warned
    assert len(warned) == 20


def test_an_array_of_which_most_items_exit(path):
    array = np.array([5, 5, 5, 6] * 4_000)
    expected, warned = outcome(lambda: [array_maps.divided(x) for x in array])
    found, also_warned = outcome(lambda: path.run(cs.task(array_maps.divided).map(array).as_array()))
    assert found.tobytes() == np.array(expected).tobytes()
    assert also_warned == warned


def raised_by(call: Callable[[], Any]) -> Any:
    try:
        call()
    except Exception as raised:
        error = raised
    entries = [entry for entry in traceback.extract_tb(error.__traceback__) if "array_maps" in entry.filename]
    return type(error), error.args, [(entry.name, entry.lineno, entry.colno, entry.end_colno) for entry in entries]


def test_an_exception_has_the_traceback_of_the_call(path, threads):
    array = np.arange(COUNT)
    with np.errstate(all="raise"):
        expected = raised_by(lambda: [array_maps.divided(x) for x in array])
        assert raised_by(lambda: path.run(cs.task(array_maps.divided).map(array))) == expected
        with pytest.raises(FloatingPointError) as raised:
            path.run(cs.task(array_maps.divided).map(array))
    assert "in item 5 of the map" in raised.value.__notes__
    seen: list[Any] = []
    expected = raised_by(lambda: [array_maps.appended_or_raised(x, seen) for x in array])
    bag: list[Any] = []
    assert (
        raised_by(lambda: path.run(cs.task(array_maps.appended_or_raised).map(array, seen=[bag] * COUNT))) == expected
    )
    assert [*map(shown, bag)] == [*map(shown, seen)]


def test_effects_happen_once_for_each_item_in_order(path, threads):
    array = np.arange(COUNT)
    seen: list[Any] = []
    expected = [array_maps.appended(x, seen) for x in array]
    for as_array in (False, True):
        bag: list[Any] = []
        lazy = cs.task(array_maps.appended).map(array, seen=[bag] * COUNT)
        found = path.run(lazy.as_array() if as_array else lazy)
        assert [*map(shown, found)] == [*map(shown, expected)]
        assert [*map(shown, bag)] == [*map(shown, seen)]


def test_items_are_those_from_before_the_map_began(path):
    array = np.arange(COUNT)
    task = cs.task(array_maps.overwritten)
    assert path.run(task.map(array, array=[array] * COUNT)) == [*range(1, COUNT + 1)]
    assert not array.any()


class Shifted:
    def __init__(self, shift: int) -> None:
        self.shift = shift

    @cs.task
    def moved(self, x: Any, by: Any = 2) -> Any:
        return x * by + self.shift


def test_methods_and_shared_results(path):
    array = np.arange(COUNT)
    assert path.run(Shifted(3).moved.map(array).as_array()).tobytes() == (array * 2 + 3).tobytes()

    @cs.task
    def by_shared(x: Any, factor: Any = cs.Param("factor", 5, type=int)) -> Any:  # noqa: B008
        return x * factor

    assert path.run(by_shared.map(array).as_array()).tobytes() == (array * 5).tobytes()


def test_items_that_give_more_than_a_value(run):
    @cs.task
    def half(n: Any) -> Any:
        return n // 2

    @cs.task
    def mixed(n: Any) -> Any:
        if n % 1000 == 999:
            return half(n)
        if n % 1000 == 998:
            return cs.TailCall((n + 2,))
        if n % 1000 == 997:
            return asyncio.sleep(0, n)
        return n + 1

    def value(n: Any) -> Any:
        rest = n % 1000
        return n // 2 if rest == 999 else n + 3 if rest == 998 else n if rest == 997 else n + 1

    array = np.arange(COUNT)
    expected = [value(n) for n in array]
    assert [*map(shown, run(mixed.map(array)))] == [*map(shown, expected)]
    assert run(mixed.map(array).as_array()).tobytes() == np.array(expected).tobytes()


def test_a_name_that_changes_between_runs_and_between_items(path, monkeypatch):
    task = cs.task(array_maps.scaled)
    array = np.arange(COUNT)
    for scale in (3, 4, 2.5):
        monkeypatch.setattr(array_maps, "SCALE", scale)
        expected = [array_maps.scaled(x) for x in array]
        assert [*map(shown, path.run(task.map(array)))] == [*map(shown, expected)]

    def changes(x: Any) -> Any:
        if x % 1000 == 500:
            array_maps.SCALE = int(x)
        return x * array_maps.SCALE

    monkeypatch.setattr(array_maps, "SCALE", 1)
    expected = [changes(x) for x in array]
    array_maps.SCALE = 1
    assert [*map(shown, path.run(cs.task(changes).map(array)))] == [*map(shown, expected)]


@pytest.mark.filterwarnings("ignore:Setting the shape:DeprecationWarning")
def test_a_table_that_another_thread_changes_meanwhile_crashes_nothing():
    table = np.arange(12.0)
    over = threading.Event()

    def look(x: Any, table: Any = table) -> Any:
        found = table[x]
        for i in range(50):
            found += table[i % 12]
        return found

    def change() -> None:
        while not over.is_set():
            table.shape = (3, 4)
            table.shape = (12,)

    other = threading.Thread(target=change)
    other.start()
    try:
        for _ in range(5):
            try:
                found = cs.run(cs.task(look).map(np.arange(COUNT) % 12).as_array())
            except IndexError:
                continue  # CPython has met the other shape
            assert len(found) == COUNT
    finally:
        over.set()
        other.join()


def test_frames_profilers_and_tracers_see_calls(path):
    array = np.arange(COUNT)
    assert path.run(cs.task(array_maps.caller_names).map(array)) == ["caller_names"] * COUNT
    calls = 0

    def count(frame: Any, event: str, argument: Any) -> None:
        nonlocal calls
        calls += event == "call" and frame.f_code is array_maps.affine.__code__

    task = cs.task(array_maps.affine)
    sys.setprofile(count)
    try:
        path.run(task.map(array))
    finally:
        sys.setprofile(None)
    assert calls == COUNT


def test_an_endless_item_ends_with_the_runs_time(threads):
    target = cs.task(array_maps.endless).map(np.array([-1.0] * 100 + [1.0]))
    assert_ends_early(target)


def test_maps_of_one_task_at_once(threads):
    task = cs.task(array_maps.in_loop)
    arrays = [np.arange(30_000), np.linspace(0, 1, 30_000), np.arange(30_000, dtype="uint8")]
    with np.errstate(all="ignore"):
        expected = [np.array([array_maps.in_loop(x) for x in array]) for array in arrays]

    async def main() -> list[Any]:
        return await asyncio.gather(*(cs.arun(task.map(array).as_array()) for array in arrays))

    with np.errstate(all="ignore"):
        for found, wanted in zip(asyncio.run(main()), expected, strict=True):
            assert (found.dtype, found.tobytes()) == (wanted.dtype, wanted.tobytes())


def test_an_array_of_more_items_than_are_taken_of_an_iterator(path, monkeypatch):
    monkeypatch.setattr("cascade.runtime.nodes.maps.ITEMS_LIMIT", 100)
    assert path.run(cs.task(array_maps.itself).map(np.arange(200))) == [*range(200)]


SCALARS = [
    np.bool_,
    np.int8,
    np.uint8,
    np.int16,
    np.uint16,
    np.int32,
    np.uint32,
    np.int64,
    np.uint64,
    np.float32,
    np.float64,
]
numbers = st.one_of(
    st.booleans(),
    st.integers(-(2**63), 2**63 - 1),
    st.floats(width=64),
    *(st.sampled_from([kind(0), kind(1)]) for kind in SCALARS),
)


@settings(max_examples=300)
@given(st.lists(numbers, min_size=1, max_size=8))
def test_unboxed_results_become_the_array_of_the_list(values):
    results = _vm.MapResults(len(values))

    def each(x: int) -> Any:
        return values[x]

    column = kernel_maps.array_column(np.arange(len(values)))
    routine = cs.task(each).routine
    items = _vm.ArrayItems(routine, [column], (0,), (0,), results, 1, kernel_maps.start)
    while len(results) < len(values):
        if items.run(1.0):
            items.call_each(each, 1, None, 1.0)
    found, expected = array_of(results), np.array(values)
    assert (found.dtype, found.tobytes()) == (expected.dtype, expected.tobytes())
    assert math.prod(found.shape) == len(values)
