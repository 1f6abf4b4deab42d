"""Lists of values in the form in which they are sent: numbers as buffers, arrays as they are, anything else as a list."""

from __future__ import annotations

import sys

from cascade._vm import pack_items, unpack_items
from cascade.imports import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray

Packed = tuple[object, ...]

NUMBERS, SCALARS, VALUES, SHARED = "numbers", "scalars", "values", "shared"
"""An array in shared memory, where it begins and ends, is packed and unpacked by those that share it."""


def pack(values: Sequence[object]) -> Packed:
    """Returns values in the form to be pickled; `unpack` makes equal values of the same types of it.

    Args:
        values: a list; or a range or an array of NumPy's, which stand for their items.
    """
    if not isinstance(values, list):
        return VALUES, values
    packed = pack_items(values, 0, len(values))
    if packed is not None:
        return NUMBERS, *packed
    scalars = _scalars(values)
    return (VALUES, values) if scalars is None else (SCALARS, scalars)


def _scalars(values: list[object]) -> object:
    """Returns the array of values that are all scalars of NumPy's and of one type; None for others."""
    numpy = sys.modules.get("numpy")
    if numpy is None or not values or not issubclass(type(values[0]), (numpy.number, numpy.bool_)):
        return None
    kind = type(values[0])
    if any(type(value) is not kind for value in values):
        return None
    array = numpy.array(values)
    return array if array.dtype.type is kind else None


def unpack(packed: Packed) -> list[object]:
    """Returns the list of values that `pack` was given."""
    kind, *content = packed
    if kind == NUMBERS:
        return unpack_items(*content)  # type: ignore[arg-type]
    return list(content[0])  # type: ignore[call-overload,no-any-return]


def joined(parts: Sequence[Packed]) -> object:
    """Returns the array of all values, as `numpy.array` makes it of their list; None where they are not numbers of one type."""
    import numpy

    kinds = {(part[0], part[1] if part[0] == NUMBERS else getattr(part[1], "dtype", None)) for part in parts}
    if len(kinds) != 1:
        return None
    ((kind, of),) = kinds
    if kind == NUMBERS:
        dtype = "float64" if of == "d" else "int64"
        array = numpy.concatenate([numpy.frombuffer(part[2], dtype) for part in parts])  # type: ignore[call-overload]
        return array.astype(bool) if of == "b" else array
    if kind != SCALARS:
        return None
    arrays: list[NDArray[np.generic]] = [part[1] for part in parts]  # type: ignore[misc]
    return numpy.concatenate(arrays)
