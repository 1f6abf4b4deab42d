"""What typed code has to know of NumPy and of `array`, which are not imported here: it is learnt when an instance is met.

Nothing is learnt, and arrays are any objects, where NumPy is older than 2 (other rules of promotion), or where the fields that typed code
reads are not what NumPy says they are.
"""

from __future__ import annotations

import struct
import sys
from collections.abc import Callable
from types import ModuleType

from cascade._vm import array_fields, buffer_address, learn_numpy, scalar_of
from cascade.kernels.blocks.values import SCALARS, Layout

CODES = {"bool_": "?", "int": "bhilq", "uint": "BHILQ", "float": "fd"}
"""Characters of formats, by kind of item."""
SAMPLES = {"bool_": 1, "float32": 0.5, "float64": -0.0}


class Numpy:
    """NumPy's classes, and the kinds of items of its dtypes.

    Attributes:
        array: the class of arrays.
        kinds: for the class of a scalar, its kind.
        classes: the classes of scalars, by kind.
        promoted: the kind of the result, by two kinds; pairs with another result are missing.
    """

    def __init__(self, module: ModuleType) -> None:
        self.array: type = module.ndarray
        self.descrs = {kind: module.dtype(kind.rstrip("_")) for kind in SCALARS}
        self.classes: dict[str, type] = {kind: descr.type for kind, descr in self.descrs.items()}
        self.kinds = {cls: kind for kind, cls in self.classes.items()}
        by_descr = {descr: kind for kind, descr in self.descrs.items()}
        self.promoted: dict[tuple[str, str], str] = {}
        for left, one in self.descrs.items():
            for right, other in self.descrs.items():
                kind = by_descr.get(module.promote_types(one, other))
                if kind is not None:
                    self.promoted[left, right] = kind

    def layout(self, array: object) -> Layout | None:
        """Returns what typed code may expect of an array; None where it has no form for its items."""
        descr, dimensions = array.dtype, array.ndim  # type: ignore[attr-defined]
        kind = self.kinds.get(descr.type)
        if kind is None or not descr.isnative or descr.num != self.descrs[kind].num or not 1 <= dimensions <= 4:
            return None
        return Layout(kind, dimensions)


_found: dict[str, Numpy | None] = {}


def numpy_now() -> Numpy | None:
    """Returns what is known of NumPy, if the program has imported it, and typed code can be exact with it."""
    if "numpy" in _found:
        return _found["numpy"]
    module = sys.modules.get("numpy")
    if not isinstance(module, ModuleType) or not hasattr(module, "ndarray"):
        return None
    _found["numpy"] = _learn(module)
    return _found["numpy"]


def _learn(module: ModuleType) -> Numpy | None:
    try:
        if module.__version__.split(".")[0] != "2":
            return None
        known = Numpy(module)
        error_state = _error_state(module)
        bools = (module.False_, module.True_)
        if not _fields_agree(module):
            return None
        learn_numpy(known.array, known.descrs.values(), known.classes.values(), bools, error_state)
        return known if all(_scalar_agrees(known, kind) for kind in SCALARS) else None
    except (AttributeError, TypeError, ValueError):
        return None  # another NumPy than the one that is known


def _error_state(module: ModuleType) -> Callable[[], object]:
    # The function behind numpy.geterr is written in C, so that no frame is seen when typed code calls it.
    return module._core.umath._get_extobj_dict  # type: ignore[no-any-return]


def _fields_agree(module: ModuleType) -> bool:
    array = module.zeros((3, 5), dtype="float64")[1:, ::2]
    found = array_fields(array, 2)
    told = array.__array_interface__
    expected = (told["data"][0], array.shape, array.strides, array.dtype.num, array.dtype.type, array.flags.num)
    return found == expected


def _scalar_agrees(known: Numpy, kind: str) -> bool:
    sample = SAMPLES.get(kind, 100)
    made, expected = scalar_of(SCALARS.index(kind), sample), known.classes[kind](sample)
    return type(made) is type(expected) and made.tobytes() == expected.tobytes()  # type: ignore[attr-defined]


# -- array.array and memoryview -----------------------------------------------------------------------------------------


def element_of(code: str) -> str | None:
    """Returns the kind with the bits of a native format of one character; None where there is none."""
    for kind, codes in CODES.items():
        if len(code) == 1 and code in codes:
            return kind if kind == "bool_" else f"{kind}{8 * struct.calcsize(code)}"
    return None


def array_class() -> type | None:
    """Returns `array.array`, if the program has imported it, and its fields are where typed code reads them."""
    if "array" not in _found:
        module = sys.modules.get("array")
        if module is None:
            return None
        sample = module.array("d", [0.5, 1.5])
        _arrays[:] = [module.array] if buffer_address(sample) == sample.buffer_info()[0] else []
        _found["array"] = None
    return _arrays[0] if _arrays else None


_arrays: list[type] = []


def buffer_layout(found: object, code: str, dimensions: int) -> Layout | None:
    element = element_of(code)
    return None if element is None or not 1 <= dimensions <= 2 else Layout(element, dimensions, code)
