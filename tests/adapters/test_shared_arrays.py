"""Maps over arrays: the processes of one machine read large arrays in shared memory."""

from __future__ import annotations

import os
import sys
from typing import Any

import pytest

import cascade as cs
from cascade.adapters.executors import packing, shared_arrays
from cascade.adapters.executors.shared_arrays import NotShared, SharedArray
from cascade.runtime.nodes import block_maps
from tests.support.block_tasks import doubled, inverse, steps, summed, written

np = pytest.importorskip("numpy")
pytest.importorskip("loky")
pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="arrays are shared on Linux")


@pytest.fixture(autouse=True)
def small_arrays_are_shared(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shared_arrays, "LEAST", 0)


@pytest.fixture
def messages(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The sizes of the messages with blocks."""
    sizes: list[int] = []
    dumps = block_maps.dumps_for_worker

    def counting(value: Any) -> Any:
        made = dumps(value)
        sizes.append(len(made[0]))
        return made

    monkeypatch.setattr(block_maps, "dumps_for_worker", counting)
    return sizes


ARRAYS = {
    "ints": np.arange(5000),
    "floats": np.linspace(0, 1, 3000),
    "small floats": np.arange(100, dtype="float32"),
    "bools": np.arange(100) % 3 == 0,
    "every second": np.arange(1000)[::2],
    "backwards": np.arange(1000)[::-1],
    "rows": np.arange(1200.0).reshape(300, 4),
    "columns": np.asfortranarray(np.arange(40.0).reshape(10, 4)),
}


@pytest.mark.parametrize("kind", ARRAYS)
def test_items_and_results_are_those_of_calls_here(path, messages, kind):
    items = ARRAYS[kind]
    found, expected = path.run(doubled.map(items)), [doubled.func(item) for item in items]
    assert [type(value) for value in found] == [type(value) for value in expected]
    assert all(np.array_equal(value, other) for value, other in zip(found, expected, strict=True))
    array = path.run(doubled.map(items).as_array())
    assert array.dtype == np.array(expected).dtype and np.array_equal(array, np.array(expected))
    assert max(messages) < 2500


def test_several_arrays_and_other_inputs_go_together(path):
    expected = [(a, b, c) for a, b, c in zip(range(50), range(50, 100), "x" * 50, strict=True)]
    assert path.run(summed.map(np.arange(50), list(range(50, 100)), c=["x"] * 50)) == expected
    assert path.run(summed.map(np.arange(50), np.arange(50, 100), c=["x"] * 50)) == expected


def test_results_become_an_array_whatever_their_types(path):
    for task, items in (
        (steps, range(3000)),
        (inverse, range(1, 500)),
        (doubled, [1, 2.5, True]),
        (doubled, ["a", "b"]),
    ):
        array, expected = path.run(task.map(items).as_array()), np.array([task.func(item) for item in items])
        assert array.dtype == expected.dtype and np.array_equal(array, expected)
        assert array.flags.writeable
    values = path.run(inverse.map([1, 0, 2], on_error="collect").as_array())
    assert values.dtype == object and type(values[1]) is cs.Failure


def test_a_row_that_a_task_writes_to_is_a_copy(path):
    rows = np.zeros((100, 3))
    assert path.run(written.map(rows)) == [3.0] * 100
    assert path.run(written.map(rows)) == [3.0] * 100
    assert not rows.any()


def test_later_changes_of_the_array_are_not_seen_and_nothing_stays_open(path):
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(3):
        items = np.arange(1000)
        assert path.run(doubled.map(items)) == list(range(0, 2000, 2))
    with pytest.raises(ZeroDivisionError):
        path.run(inverse.map([1.0, 0.0]))
    assert len(os.listdir("/proc/self/fd")) <= before + 8  # pipes of the workers, where they have just begun


def test_workers_that_cannot_read_the_memory_get_the_arrays_themselves(path, monkeypatch, messages):
    class Elsewhere(SharedArray):
        def __init__(self, array: Any) -> None:
            super().__init__(array)
            self.part = self.part._replace(host="another machine")

    monkeypatch.setattr(block_maps, "SharedArray", Elsewhere)
    assert path.run(doubled.map(np.arange(3000))) == list(range(0, 6000, 2))
    assert max(messages) > 2500


def test_only_the_memory_that_was_meant_is_read():
    array = SharedArray(np.arange(10))
    part = array.part
    assert list(part.array()) == list(range(10))
    assert not part.array().flags.writeable
    for wrong in (part._replace(token=b"x" * 16), part._replace(path="/proc/self/fd/999999"), part._replace(host="x")):
        with pytest.raises(NotShared):
            wrong.array()
    array.close()
    array.close()


def test_packed_values_come_back_as_they_were():
    for values in ([1, 2], [1.5, -0.0], [True], [np.float32(1)], ["x", 1], [2**63], [1, True], []):
        found = packing.unpack(packing.pack(values))
        assert [(type(each), repr(each)) for each in found] == [(type(each), repr(each)) for each in values]
    assert packing.unpack(packing.pack(range(3))) == [0, 1, 2]
    assert packing.joined([packing.pack([1]), packing.pack([1.5])]) is None
