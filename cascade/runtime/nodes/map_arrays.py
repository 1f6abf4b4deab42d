"""Arrays of the results of maps."""

from __future__ import annotations

from typing import cast

from cascade._vm import MapResults
from cascade.imports import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


def array_of(results: list[object] | MapResults) -> object:
    """Returns the array that NumPy makes of the list of results.

    Results that are all numbers are not made objects: NumPy finds the dtype by one of each kind, and casts as `numpy.array` does.
    """
    import numpy

    if isinstance(results, list):
        return numpy.array(results)
    samples = results.samples()
    if not samples:
        return numpy.array(results.values())
    dtype = numpy.array(samples).dtype
    found = cast("NDArray[np.number]", results.taken())
    return found if found.dtype == dtype and found.base is None else found.astype(dtype)
