"""The functions of `math` and the builtins that are known: types, and the instruction where there is one.

Functions without an instruction are call-outs: the VM calls them with Python objects. They have no effect, so where one
raises, the code exits, and CPython calls it again.
"""

from __future__ import annotations

import math
from typing import NamedTuple

from cascade.kernels.model import BOOL, FLOAT, INT


class Known(NamedTuple):
    """A function of numbers.

    Attributes:
        types: of the parameters; an int or bool is made a float where a float is wanted.
        result: the type of its result.
        instruction: the instruction for it; empty for a call-out.
    """

    types: tuple[str, ...]
    result: str
    instruction: str = ""


def _floats(count: int, result: str = FLOAT, instruction: str = "") -> Known:
    return Known((FLOAT,) * count, result, instruction)


_MATH: dict[str, Known] = {
    name: _floats(1, FLOAT, name.upper())
    for name in ("sqrt", "cbrt", "exp", "exp2", "expm1", "log", "log2", "log10", "log1p", "sin", "cos", "tan", "asin", "acos",
                 "atan", "sinh", "cosh", "tanh", "asinh", "acosh", "atanh", "degrees", "radians", "erf", "erfc", "ulp")
}  # fmt: skip
_MATH |= {name: _floats(2, FLOAT, name.upper()) for name in ("atan2", "copysign", "nextafter", "fmod", "remainder")}
_MATH |= {name: _floats(1, BOOL, name.upper()) for name in ("isnan", "isinf", "isfinite")}
_MATH |= {
    "fabs": _floats(1, FLOAT, "ABS_FLOAT"), "floor": _floats(1, INT, "FLOOR"), "ceil": _floats(1, INT, "CEIL"),
    "trunc": _floats(1, INT, "TRUNCATE"), "pow": _floats(2, FLOAT, "POWER"), "fma": _floats(3, FLOAT, "FMA"),
    "ldexp": Known((FLOAT, INT), FLOAT, "LDEXP"), "isqrt": Known((INT,), INT, "ISQRT"),
    "factorial": Known((INT,), INT, "FACTORIAL"), "comb": Known((INT, INT), INT, "COMB"), "perm": Known((INT, INT), INT, "PERM"),
    "gamma": _floats(1), "lgamma": _floats(1), "hypot": _floats(2),
}  # fmt: skip

MATH: dict[object, Known] = {getattr(math, name): known for name, known in _MATH.items() if hasattr(math, name)}
OTHERWISE: dict[object, Known] = {math.log: _floats(2), math.perm: Known((INT,), INT, "FACTORIAL")}
"""With another number of arguments."""
PAIRS: dict[object, tuple[Known, Known]] = {
    math.frexp: (_floats(1, FLOAT, "FREXP_MANTISSA"), _floats(1, INT, "FREXP_EXPONENT")),
    math.modf: (_floats(1, FLOAT, "MODF_FRACTION"), _floats(1, FLOAT, "MODF_WHOLE")),
}
"""They return two values."""
FOLDED: dict[object, tuple[str, int]] = {math.gcd: ("GCD", 0), math.lcm: ("LCM", 1)}
"""Of any number of ints: the instruction for two, and the value of none."""
ARGUMENT_LIMIT = 16
"""Of a function that is called."""
WHOLE = (math.floor, math.ceil, math.trunc)
"""They return an int as it is."""
