"""The functions of `math` and the builtins that are known: types, and the instruction where there is one.

Functions without an instruction are asked: the machine calls them with Python objects. They have no effect, so where one
raises, the code leaves, and CPython calls it again.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

from cascade.compiler.lower.typed import BOOL, FLOAT, INT


class Known(NamedTuple):
    """A function of numbers.

    Attributes:
        types: of the parameters; an int or bool is made a float where a float is wanted.
        result: the type that it gives.
        instruction: that does it; empty to ask.
    """

    types: tuple[str, ...]
    result: str
    instruction: str = ""


def _floats(count: int, result: str = FLOAT, instruction: str = "") -> Known:
    return Known((FLOAT,) * count, result, instruction)


_MATH: dict[str, Known] = {
    "sqrt": _floats(1, FLOAT, "SQRT"), "exp": _floats(1, FLOAT, "EXP"), "log": _floats(1, FLOAT, "LOG"),
    "log2": _floats(1, FLOAT, "LOG2"), "log10": _floats(1, FLOAT, "LOG10"), "sin": _floats(1, FLOAT, "SIN"),
    "cos": _floats(1, FLOAT, "COS"), "tan": _floats(1, FLOAT, "TAN"), "atan": _floats(1, FLOAT, "ATAN"),
    "tanh": _floats(1, FLOAT, "TANH"), "fabs": _floats(1, FLOAT, "ABS_FLOAT"), "isnan": _floats(1, BOOL, "ISNAN"),
    "isinf": _floats(1, BOOL, "ISINF"), "isfinite": _floats(1, BOOL, "ISFINITE"), "floor": _floats(1, INT, "FLOOR"),
    "ceil": _floats(1, INT, "CEIL"), "trunc": _floats(1, INT, "TRUNCATE"), "pow": _floats(2),
    "isclose": _floats(2, BOOL), "ldexp": Known((FLOAT, INT), FLOAT), "nextafter": _floats(2),
    "gcd": Known((INT, INT), INT), "lcm": Known((INT, INT), INT), "isqrt": Known((INT,), INT),
    "factorial": Known((INT,), INT), "comb": Known((INT, INT), INT), "perm": Known((INT, INT), INT),
}  # fmt: skip
_MATH |= {
    name: _floats(1)
    for name in ("acos", "acosh", "asin", "asinh", "atanh", "cbrt", "cosh", "degrees", "erf", "erfc", "exp2", "expm1",
                 "gamma", "lgamma", "log1p", "radians", "sinh", "ulp")
}  # fmt: skip
_MATH |= {name: _floats(2) for name in ("atan2", "copysign", "fmod", "hypot", "remainder")}

MATH: dict[Any, Known] = {getattr(math, name): known for name, known in _MATH.items() if hasattr(math, name)}
WHOLE = (math.floor, math.ceil, math.trunc)
"""They give an int back as it is."""
