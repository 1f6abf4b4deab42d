"""Tables: what the DataFrames, Series and indexes of pandas, polars and Arrow hold, as parts that have keys of their own."""

from __future__ import annotations

import io
import sys
from typing import Any, NamedTuple

from cascade.errors import KeyingError


class Parts(NamedTuple):
    """What a value is made of.

    Attributes:
        held: plain data, NumPy arrays, and other tables.
        is_mutable: whether a change of the value in one place is seen in others.
    """

    held: tuple[Any, ...]
    is_mutable: bool


def table_parts(value: Any, kind: type) -> Parts | None:
    """The parts of a table; None for anything else.

    Raises:
        KeyingError: (a TypeError) it holds columns of a type that is not known.
    """
    library = str(kind.__module__).partition(".")[0]
    module, parts_of = sys.modules.get(library), _LIBRARIES.get(library)
    if module is None or parts_of is None:
        return None
    if library == "pandas" and (value is module.NA or value is module.NaT):
        return Parts((), False)
    if getattr(module, kind.__name__, None) is not kind:
        return None
    parts: Parts | None = parts_of(value, kind, module)
    return parts


# -- pandas -----------------------------------------------------------------------------------------------------------


def _pandas(value: Any, kind: type, pandas: Any) -> Parts | None:
    if kind is pandas.DataFrame:
        columns = [_column(value.iloc[:, number].array) for number in range(value.shape[1])]
        return Parts((value.index, value.columns, *columns, *_extras(value)), True)
    if kind is pandas.Series:
        return Parts((value.index, value.name, _column(value.array), *_extras(value)), True)
    if kind is pandas.MultiIndex:
        codes = tuple(each.tobytes() for each in value.codes)
        return Parts((tuple(value.levels), codes, tuple(value.names)), False)
    if kind is pandas.RangeIndex:
        return Parts((value.start, value.stop, value.step, value.name), False)
    if issubclass(kind, pandas.Index):
        frequency = getattr(value, "freqstr", None) if kind is not pandas.Index else None
        # What it holds cannot be changed, so it is of no matter whether several tables share it.
        return Parts((tuple(map(_fixed, _column(value.array))), value.name, frequency), False)
    if kind is pandas.Timestamp or kind is pandas.Timedelta:
        return Parts((str(value.unit), value.value if kind is pandas.Timedelta else _moment(value)), False)
    return None


def _fixed(part: Any) -> Any:
    """An array as plain data; anything else as it is."""
    if not hasattr(part, "tobytes"):
        return part
    return (part.dtype.str, part.shape, part.tobytes()) if part.dtype.names is None else part


def _moment(value: Any) -> tuple[Any, ...]:
    return value.to_datetime64().view("i8").item(), value.fold, value.tzinfo


def _extras(value: Any) -> tuple[Any, ...]:
    if getattr(value, "_metadata", None) not in ([], ["_name"], ["name"]):
        raise KeyingError("a table with metadata of its own")
    return value.attrs, value.flags.allows_duplicate_labels


def _column(array: Any) -> tuple[Any, ...]:
    # The names of these attributes are those of pandas from 1.5 to 3.
    name, dtype = type(array).__name__, str(array.dtype)
    if name in ("NumpyExtensionArray", "PandasArray"):
        data = array.to_numpy()
        return name, dtype, tuple(data.tolist()) if data.dtype.hasobject else data
    if name == "Categorical":
        return name, array.codes, array.categories, array.ordered
    if name in ("DatetimeArray", "TimedeltaArray", "PeriodArray"):
        return name, dtype, array.asi8, getattr(array, "freqstr", None)
    if name in ("IntegerArray", "FloatingArray", "BooleanArray"):
        return name, dtype, array._data, array._mask
    if name == "IntervalArray":
        return name, dtype, array.left, array.right
    if name in ("StringArray", "StringArrayNumpySemantics"):
        return name, dtype, tuple(array._ndarray.tolist())
    if name in ("ArrowExtensionArray", "ArrowStringArray", "ArrowStringArrayNumpySemantics"):
        return name, dtype, array._pa_array
    raise KeyingError(f"a column of dtype {dtype}")


# -- polars and Arrow -------------------------------------------------------------------------------------------------


def _polars(value: Any, kind: type, polars: Any) -> Parts | None:
    if kind is polars.Series:
        return Parts((value.name, _polars_bytes(value.to_frame())), True)
    return Parts((_polars_bytes(value),), True) if kind is polars.DataFrame else None


def _polars_bytes(frame: Any) -> bytes:
    for name, dtype in frame.schema.items():
        if "Object" in str(dtype):
            raise KeyingError(f"a column {name!r} of dtype {dtype}")
    file = io.BytesIO()
    frame.write_ipc(file, compression="uncompressed")
    data: bytes = file.getvalue()
    return int(frame.height).to_bytes(8, "little") + data  # the file has no height where there are no columns


def _arrow(value: Any, kind: type, pyarrow: Any) -> Parts | None:
    if kind is pyarrow.Table or kind is pyarrow.RecordBatch:
        return Parts((value.num_rows, _arrow_bytes(value, pyarrow)), False)
    if kind is pyarrow.ChunkedArray:
        return Parts((_arrow_bytes(pyarrow.table({"": value}), pyarrow),), False)
    if issubclass(kind, pyarrow.Array):
        return Parts((_arrow_bytes(pyarrow.record_batch([value], names=[""]), pyarrow),), False)
    if issubclass(kind, (pyarrow.DataType, pyarrow.Field)):
        value = value if issubclass(kind, pyarrow.Field) else pyarrow.field("", value)
        return Parts((pyarrow.schema([value]).serialize().to_pybytes(),), False)
    return Parts((value.serialize().to_pybytes(),), False) if kind is pyarrow.Schema else None


def _arrow_bytes(table: Any, pyarrow: Any) -> bytes:
    ipc = sys.modules.get("pyarrow.ipc") or __import__("pyarrow.ipc").ipc
    sink = pyarrow.BufferOutputStream()
    with ipc.new_stream(sink, table.schema) as writer:
        writer.write(table)
    data: bytes = sink.getvalue().to_pybytes()
    return data


_LIBRARIES: dict[str, Any] = {"pandas": _pandas, "polars": _polars, "pyarrow": _arrow}
