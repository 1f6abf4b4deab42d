"""Arrays in saved runs: their layout in memory, and memory that several of them have."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path as FilePath
from typing import Any

import pytest

import cascade as cs
from cascade.durable.arrays import made_array
from cascade.durable.codec import StateReader, StateWriter
from cascade.errors import KeyingError
from tests.conftest import Path
from tests.support.durable import tasks

np = pytest.importorskip("numpy")


def written_and_read(*values: Any) -> list[Any]:
    writer = StateWriter()
    data = writer.write(lambda: [writer.plain(value) for value in values])
    reader = StateReader(writer.blobs.__getitem__)
    found: Any = reader.target(reader.read(data))
    return list(found)


def read_only(array: Any) -> Any:
    array.flags.writeable = False
    return array


MATRIX = np.arange(100_000.0).reshape(100, 1_000)
LAYOUTS: dict[str, Callable[[], Any]] = {
    "contiguous": lambda: np.arange(6.0).reshape(2, 3),
    "of Fortran": lambda: np.asfortranarray(np.arange(6.0).reshape(2, 3)),
    "transposed": lambda: np.random.default_rng(1).random((4, 5, 6)).transpose(1, 2, 0),
    "reversed": lambda: np.arange(5)[::-1],
    "with gaps": lambda: np.arange(10)[::2],
    "with large gaps": lambda: MATRIX[::-10, 7::50],
    "a column": lambda: MATRIX[:, 7],
    "read-only": lambda: read_only(np.arange(3)),
    "large and read-only": lambda: read_only(np.arange(3_000)),
    "repeated": lambda: np.broadcast_to(np.arange(3), (4, 3)),
    "windows": lambda: np.lib.stride_tricks.sliding_window_view(np.arange(10.0), 3),
    "one number": lambda: read_only(np.array(5.0)),
    "empty": lambda: np.empty((0, 3))[:, ::-1],
    "a field of records": lambda: np.zeros(3, dtype=[("a", "i4"), ("b", "f8")])["b"],
    "of times": lambda: np.array(["2020", "2021"], "M8[Y]")[::-1],
    "of the other byte order": lambda: np.arange(9, dtype=">i2")[::2],
}


@pytest.mark.parametrize("name", LAYOUTS)
def test_an_array_has_its_order_in_memory_again(name: str) -> None:
    array = LAYOUTS[name]()
    (found,) = written_and_read(array)
    assert found.dtype == array.dtype and found.shape == array.shape and np.array_equal(found, array)
    assert found.flags.writeable == array.flags.writeable or array.size == 0

    def order(array: Any) -> list[tuple[int, bool]]:
        steps = enumerate(array.strides)
        return [(at, step < 0) for at, step in sorted(steps, key=lambda each: -abs(each[1]))]

    assert order(found) == order(array) or array.size == 0
    if array.dtype == float:
        assert found.sum().hex() == array.sum().hex()  # which depends on the order


def test_large_gaps_are_not_saved() -> None:
    writer = StateWriter()
    data = writer.write(lambda: writer.plain(MATRIX[:, 7]))
    assert len(data) + sum(map(len, writer.blobs.values())) < 2_000


def test_arrays_that_share_memory_share_it_again() -> None:
    grid = np.arange(20.0).reshape(4, 5)
    whole, row, transposed, part, other = written_and_read(grid, grid[1], grid.T, grid[::2, ::2], np.arange(4))
    row[0] = part[1, 1] = -1.0
    assert whole[1, 0] == whole[2, 2] == transposed[0, 1] == -1.0 and other.sum() == 6
    first, second = written_and_read(grid[1:], grid[:2])
    first[0, 0] = 7.0
    assert second[1, 0] == 7.0
    again = written_and_read(whole, row)
    assert np.shares_memory(*again)
    assert not np.shares_memory(*written_and_read(grid[0], grid[1]))
    same, twice = written_and_read(grid, [grid, grid.reshape(-1)])
    assert twice[0] is same and np.shares_memory(twice[1], same)


def test_memory_that_is_not_of_numpy_is_not_shared() -> None:
    held = bytearray(b"abcdefgh")
    array = np.frombuffer(held, np.uint8)
    for values in ([array, held], [held, array], [array, array[1:]]):
        with pytest.raises(KeyingError, match="memory"):
            written_and_read(*values)
    (alone,) = written_and_read(array)
    assert alone.tobytes() == held
    constant = np.frombuffer(b"abcd", np.uint8)
    assert [each.tobytes() for each in written_and_read(constant, constant[1:])] == [b"abcd", b"bcd"]


def test_generators_that_share_their_bits_share_them_again() -> None:
    first = np.random.default_rng(5)
    second = np.random.Generator(first.bit_generator)
    found, again, bits = written_and_read(first, [second], first.bit_generator)
    assert found.bit_generator is again[0].bit_generator is bits
    assert [found.random(), again[0].random()] == [first.random(), second.random()]


@pytest.mark.parametrize(
    ("memory", "offset", "shape", "strides", "description"),
    [
        (b"12345678", 0, (2,), (8,), "<f8"),
        (b"12345678", 8, (1,), (8,), "<f8"),
        (b"12345678", 0, (1,), (8,), "|O"),
        ([1], 0, (1,), (8,), "<f8"),
        (np.array([1, None]), 0, (1,), (8,), "<i8"),
        (b"12345678", -8, (1,), (8,), "<f8"),
    ],
)
def test_a_hostile_array_reads_no_other_memory(
    memory: Any, offset: int, shape: tuple[int, ...], strides: tuple[int, ...], description: str
) -> None:
    with pytest.raises((cs.StoreError, ValueError, TypeError)):
        made_array(memory, offset, shape, strides, description, True)


def test_a_run_of_arrays_that_share_memory_continues_from_each_snapshot(path: Path, tmp_path: FilePath) -> None:
    def target() -> Any:
        grid = np.arange(40.0).reshape(8, 5)
        return tasks.blur(4, grid, grid[2:6, ::-1], random.Random(1))

    expected = path.run(target())
    store = cs.Store(tmp_path / "runs.db")
    run = cs.start(target(), store=store, id="run", every=cs.steps(1), use_vm=path.use_vm)
    assert run.result() == expected
    for number, _, _ in store.snapshots("run"):
        fork = cs.fork(store, "run", at=number)
        assert fork.result() == expected
        assert cs.fork(store, fork.id).result() == expected
