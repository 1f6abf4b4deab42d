"""Tables: DataFrames, Series and indexes of pandas, polars and Arrow, as parts that have keys of their own."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable, Iterable, Mapping
from importlib import import_module
from types import ModuleType
from typing import NamedTuple, Protocol, cast

from cascade.adapters.caches.foreign import Array
from cascade.errors import KeyingError


class Parts(NamedTuple):
    """The parts of a value.

    Attributes:
        held: plain data, NumPy arrays, and other tables.
        is_mutable: whether a change of the value in one place is seen in others.
    """

    held: tuple[object, ...]
    is_mutable: bool


PartsOf = Callable[[object, type, ModuleType], Parts | None]


def table_parts(value: object, kind: type) -> Parts | None:
    """Returns the parts of a table; None for anything else.

    Raises:
        KeyingError: (a TypeError) it holds columns of an unknown type.
    """
    library = str(kind.__module__).partition(".")[0]
    module, parts_of = sys.modules.get(library), _LIBRARIES.get(library)
    if module is None or parts_of is None:
        return None
    if library == "pandas" and (value is module.NA or value is module.NaT):
        return Parts((), False)
    if getattr(module, kind.__name__, None) is not kind:
        return None
    return parts_of(value, kind, module)


# -- pandas -----------------------------------------------------------------------------------------------------------


class _Flags(Protocol):
    allows_duplicate_labels: bool


class _Labelled(Protocol):
    """A DataFrame or Series of pandas."""

    index: object
    attrs: object
    flags: _Flags
    _metadata: list[str]


class _Frame(_Labelled, Protocol):
    columns: object
    shape: tuple[int, int]
    iloc: Mapping[tuple[slice, int], _Series]


class _Series(_Labelled, Protocol):
    name: object
    array: object


class _Index(Protocol):
    name: object
    array: object


class _MultiIndex(Protocol):
    codes: Iterable[Array]
    levels: Iterable[object]
    names: Iterable[object]


class _RangeIndex(Protocol):
    start: int
    stop: int
    step: int
    name: object


class _Moment(Protocol):
    """A Timestamp of pandas, or a Timedelta, which has the first two of these attributes."""

    unit: object
    value: object
    fold: int
    tzinfo: object

    def to_datetime64(self) -> _Datetime64: ...


class _Datetime64(Protocol):
    def view(self, dtype: str) -> _Number: ...


class _Number(Protocol):
    def item(self) -> int: ...


def _pandas(value: object, kind: type, pandas: ModuleType) -> Parts | None:
    if kind is pandas.DataFrame:
        frame = cast("_Frame", value)
        columns = [_column(frame.iloc[:, number].array) for number in range(frame.shape[1])]
        return Parts((frame.index, frame.columns, *columns, *_extras(frame)), True)
    if kind is pandas.Series:
        series = cast("_Series", value)
        return Parts((series.index, series.name, _column(series.array), *_extras(series)), True)
    if kind is pandas.MultiIndex:
        nested = cast("_MultiIndex", value)
        codes = tuple(each.tobytes() for each in nested.codes)
        return Parts((tuple(nested.levels), codes, tuple(nested.names)), False)
    if kind is pandas.RangeIndex:
        numbers = cast("_RangeIndex", value)
        return Parts((numbers.start, numbers.stop, numbers.step, numbers.name), False)
    if issubclass(kind, pandas.Index):
        index = cast("_Index", value)
        frequency = getattr(value, "freqstr", None) if kind is not pandas.Index else None
        # Its labels cannot be changed, so it does not matter whether several tables share it.
        return Parts((tuple(map(_fixed, _column(index.array))), index.name, frequency), False)
    if kind is pandas.Timestamp or kind is pandas.Timedelta:
        moment = cast("_Moment", value)
        return Parts((str(moment.unit), moment.value if kind is pandas.Timedelta else _moment(moment)), False)
    return None


def _fixed(part: object) -> object:
    """Returns an array as plain data, and anything else as it is."""
    if not hasattr(part, "tobytes"):
        return part
    array = cast("Array", part)
    return (array.dtype.str, array.shape, array.tobytes()) if array.dtype.names is None else part


def _moment(value: _Moment) -> tuple[object, ...]:
    return value.to_datetime64().view("i8").item(), value.fold, value.tzinfo


def _extras(value: _Labelled) -> tuple[object, ...]:
    if getattr(value, "_metadata", None) not in ([], ["_name"], ["name"]):
        raise KeyingError("a table with metadata of its own")
    return value.attrs, value.flags.allows_duplicate_labels


class _PandasArray(Protocol):
    def to_numpy(self) -> Array: ...


class _StringArray(Protocol):
    _ndarray: Array


_COLUMNS: dict[str, tuple[str, ...]] = {
    "Categorical": ("codes", "categories", "ordered"),
    "IntervalArray": ("left", "right"),
    **dict.fromkeys(("DatetimeArray", "TimedeltaArray", "PeriodArray"), ("asi8",)),
    **dict.fromkeys(("IntegerArray", "FloatingArray", "BooleanArray"), ("_data", "_mask")),
    **dict.fromkeys(("ArrowExtensionArray", "ArrowStringArray", "ArrowStringArrayNumpySemantics"), ("_pa_array",)),
}
"""The attributes that hold the data of pandas's arrays, by the names of their classes: those of pandas from 1.5 to 3."""


def _column(array: object) -> tuple[object, ...]:
    name, dtype = type(array).__name__, str(getattr(array, "dtype", None))
    if name in ("NumpyExtensionArray", "PandasArray"):
        data = cast("_PandasArray", array).to_numpy()
        return name, dtype, tuple(data.tolist()) if data.dtype.hasobject else data
    if name in ("StringArray", "StringArrayNumpySemantics"):
        return name, dtype, tuple(cast("_StringArray", array)._ndarray.tolist())
    if name not in _COLUMNS:
        raise KeyingError(f"a column of dtype {dtype}")
    parts = [getattr(array, attribute) for attribute in _COLUMNS[name]]
    if name == "Categorical":  # whose dtype lists the categories
        return name, *parts
    return name, dtype, *parts, *([getattr(array, "freqstr", None)] if _COLUMNS[name] == ("asi8",) else [])


# -- polars and Arrow -------------------------------------------------------------------------------------------------


class _PolarsFrame(Protocol):
    schema: Mapping[str, object]
    height: int

    def write_ipc(self, file: io.BytesIO, compression: str) -> None: ...


class _PolarsSeries(Protocol):
    name: str

    def to_frame(self) -> _PolarsFrame: ...


class _Buffer(Protocol):
    def to_pybytes(self) -> bytes: ...


class _ArrowTable(Protocol):
    schema: _ArrowSchema
    num_rows: int


class _ArrowSchema(Protocol):
    def serialize(self) -> _Buffer: ...


def _polars(value: object, kind: type, polars: ModuleType) -> Parts | None:
    if kind is polars.Series:
        series = cast("_PolarsSeries", value)
        return Parts((series.name, _polars_bytes(series.to_frame())), True)
    return Parts((_polars_bytes(cast("_PolarsFrame", value)),), True) if kind is polars.DataFrame else None


def _polars_bytes(frame: _PolarsFrame) -> bytes:
    for name, dtype in frame.schema.items():
        if "Object" in str(dtype):
            raise KeyingError(f"a column {name!r} of dtype {dtype}")
    file = io.BytesIO()
    frame.write_ipc(file, compression="uncompressed")
    # The file has no height where there are no columns.
    return int(frame.height).to_bytes(8, "little") + file.getvalue()


def _arrow(value: object, kind: type, pyarrow: ModuleType) -> Parts | None:
    if kind is pyarrow.Table or kind is pyarrow.RecordBatch:
        table = cast("_ArrowTable", value)
        return Parts((table.num_rows, _arrow_bytes(table, pyarrow)), False)
    if kind is pyarrow.ChunkedArray:
        return Parts((_arrow_bytes(pyarrow.table({"": value}), pyarrow),), False)
    if issubclass(kind, pyarrow.Array):
        return Parts((_arrow_bytes(pyarrow.record_batch([value], names=[""]), pyarrow),), False)
    if issubclass(kind, (pyarrow.DataType, pyarrow.Field)):
        field = value if issubclass(kind, pyarrow.Field) else pyarrow.field("", value)
        return Parts((_schema_bytes(pyarrow.schema([field])),), False)
    return Parts((_schema_bytes(cast("_ArrowSchema", value)),), False) if kind is pyarrow.Schema else None


def _schema_bytes(schema: _ArrowSchema) -> bytes:
    return schema.serialize().to_pybytes()


def _arrow_bytes(table: _ArrowTable, pyarrow: ModuleType) -> bytes:
    sink = pyarrow.BufferOutputStream()
    with import_module("pyarrow.ipc").new_stream(sink, table.schema) as writer:
        writer.write(table)
    return cast("_Buffer", sink.getvalue()).to_pybytes()


_LIBRARIES: dict[str, PartsOf] = {"pandas": _pandas, "polars": _polars, "pyarrow": _arrow}
