"""Keys of the tables of pandas, polars and Arrow: equal for equal contents, different for any difference."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import cascade as cs
from cascade.errors import CacheWarning

np = pytest.importorskip("numpy")
pd = pytest.importorskip("pandas")
pl = pytest.importorskip("polars")
pa = pytest.importorskip("pyarrow")


@pytest.fixture(params=["memory", "disk"])
def cache(request: pytest.FixtureRequest, tmp_path: Path) -> Any:
    return cs.MemoryCache() if request.param == "memory" else cs.DiskCache(tmp_path / "cache.db")


def with_attrs(frame: Any) -> Any:
    frame.attrs["unit"] = "m"
    return frame


TABLES = [
    lambda: pd.DataFrame({"a": [1, 2], "b": [1.0, 2.0]}),
    lambda: pd.DataFrame({"b": [1.0, 2.0], "a": [1, 2]}),
    lambda: pd.DataFrame({"a": [1, 3], "b": [1.0, 2.0]}),
    lambda: pd.DataFrame({"a": [1, 2], "b": [1.0, 2.0]}, dtype="float32"),
    lambda: pd.DataFrame({"a": [1, 2], "b": [1.0, 2.0]}, index=[5, 6]),
    lambda: pd.DataFrame({"a": [1, 2], "b": [1.0, 2.0]}, index=["x", "y"]),
    lambda: with_attrs(pd.DataFrame({"a": [1, 2], "b": [1.0, 2.0]})),
    lambda: pd.DataFrame({"a": ["x", "y"]}),
    lambda: pd.DataFrame({"a": ["x", "y"]}, dtype=object),
    lambda: pd.DataFrame({"a": ["x", "y"]}, dtype="category"),
    lambda: pd.DataFrame({"a": pd.array([1, None], dtype="Int64")}),
    lambda: pd.DataFrame({"a": pd.array([1, None], dtype="int64[pyarrow]")}),
    lambda: pd.DataFrame({"a": pd.to_datetime(["2024-01-01", "2024-01-02"])}),
    lambda: pd.DataFrame({"a": pd.to_datetime(["2024-01-01", "2024-01-02"]).tz_localize("UTC")}),
    lambda: pd.DataFrame({"a": [1]}, index=pd.MultiIndex.from_tuples([("x", 1)], names=["k", "n"])),
    lambda: pd.DataFrame({"a": [1]}, index=pd.MultiIndex.from_tuples([("x", 1)], names=["k", "m"])),
    lambda: pd.DataFrame(),
    lambda: pd.Series([1, 2]),
    lambda: pd.Series([1, 2], name="a"),
    lambda: pd.Series([True, False]),
    lambda: pd.Index([1, 2]),
    lambda: pd.RangeIndex(2),
    lambda: pd.Timestamp("2024-01-01"),
    lambda: pd.Timedelta("1h"),
    lambda: pd.NA,
    lambda: pd.NaT,
    lambda: pl.DataFrame({"a": [1, 2]}),
    lambda: pl.DataFrame({"a": [1, 3]}),
    lambda: pl.DataFrame({"b": [1, 2]}),
    lambda: pl.DataFrame({"a": [1.0, 2.0]}),
    lambda: pl.DataFrame({"a": ["x", None]}),
    lambda: pl.DataFrame(),
    lambda: pl.Series("a", [1, 2]),
    lambda: pl.Series("b", [1, 2]),
    lambda: pa.table({"a": [1, 2]}),
    lambda: pa.table({"a": [1, 3]}),
    lambda: pa.table({"a": [1, 2]}).replace_schema_metadata({"k": "v"}),
    lambda: pa.array([1, 2]),
    lambda: pa.array([1, 2], type=pa.int32()),
    lambda: pa.array([0, 1, 2, 3])[1:],
    lambda: pa.chunked_array([[1, 2]]),
    lambda: pa.chunked_array([[1], [2]]),
    lambda: pa.record_batch([[1, 2]], names=["a"]),
    lambda: pa.int32(),
    lambda: pa.schema([("a", pa.int32())]),
]  # fmt: skip


def test_different_tables_have_different_keys_and_equal_ones_the_same() -> None:
    cache = cs.MemoryCache()
    keys = [cache.key_of("task", {"x": make()}) for make in TABLES]
    assert len(set(keys)) == len(keys)
    assert keys == [cache.key_of("task", {"x": make()}) for make in TABLES]


@pytest.mark.parametrize("make", [TABLES[0], TABLES[26], TABLES[34]], ids=["pandas", "polars", "arrow"])
def test_a_call_with_an_equal_table_is_a_hit(path: Any, cache: Any, make: Any) -> None:
    @cs.task(cache=cache)
    def size(table: Any) -> int:
        return len(table)

    assert [path.run(size(make())) for _ in range(2)] == [2, 2]
    assert len(cache) == 1


def test_a_table_that_was_changed_in_place_is_another_argument(path: Any, cache: Any) -> None:
    @cs.task(cache=cache)
    def total(table: Any) -> int:
        return int(table["a"].sum())

    frame = pd.DataFrame({"a": [1, 2]})
    assert path.run(total(frame)) == 3
    frame.loc[0, "a"] = 10
    assert path.run(total(frame)) == 12


@pytest.mark.parametrize(
    "table",
    [
        pd.DataFrame({"a": pd.arrays.SparseArray([0, 1])}),
        pd.DataFrame({"a": [object()]}),
        pl.DataFrame({"a": [object()]}),
    ],
)
def test_a_table_of_what_has_no_key_is_named_and_not_cached(path: Any, cache: Any, table: Any) -> None:
    @cs.task(cache=cache)
    def size(table: Any) -> int:
        return len(table)

    with pytest.warns(CacheWarning, match="argument 'table' holds a"):
        assert path.run(size(table)) == len(table)
    assert len(cache) == 0


def test_one_table_given_twice_is_another_call_than_two_equal_ones() -> None:
    cache, make = cs.MemoryCache(), TABLES[0]
    table = make()
    assert cache.key_of("task", {"x": table, "y": table}) != cache.key_of("task", {"x": table, "y": make()})
