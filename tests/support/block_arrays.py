"""Functions of arrays and of NumPy's scalars for kernels that are made block by block, and their comparison with CPython's."""

from __future__ import annotations

import copy
import struct
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

from cascade.kernels.blocks.kernel import block_kernel
from tests.support.outcomes import entries

KINDS = ("bool", "int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64", "float32", "float64")
ARITHMETIC = ("+", "-", "*", "/", "//", "%", "**", "&", "|", "^", "<<", ">>")
COMPARISONS = ("<", "<=", ">", ">=", "==", "!=")
FLOATS = (0.0, -0.0, 1.5, -2.5, 3.0, 1e30, 5e-324, 1e-30, float("inf"), float("-inf"), float("nan"))


def numbers_of(kind: str) -> list[Any]:
    """Returns numbers of a kind, with those at its limits."""
    if kind == "plain bool":
        return [False, True]
    if kind == "plain int":
        return [0, 1, -1, 2, 7, 200, -129, 2**31, 2**53 + 1, -(2**63)]
    if kind == "plain float":
        return list(FLOATS)
    dtype = np.dtype(kind)
    if dtype.kind == "b":
        return [np.False_, np.True_]
    if dtype.kind == "f":
        with np.errstate(all="ignore"):
            return [dtype.type(value) for value in (*FLOATS, np.finfo(dtype).max, np.finfo(dtype).tiny)]
    limits = np.iinfo(dtype)
    return [dtype.type(value) for value in {0, 1, 2, 7, max(limits.min, -3), limits.min, limits.max}]


def binary(sign: str) -> Callable[..., Any]:
    namespace: dict[str, Any] = {}
    exec(f"def function(x, y):\n    return x {sign} y, x", namespace)
    return namespace["function"]  # type: ignore[no-any-return]


def described(value: Any) -> Any:
    """Returns a description by which values, their types and their bits are compared."""
    if isinstance(value, np.ndarray):
        items = repr(value.tolist()) if value.dtype.hasobject else value.tobytes()
        return (type(value), value.dtype.str, value.shape, items)
    if isinstance(value, np.generic):
        return (type(value), value.tobytes())
    if type(value) is float:
        return (float, struct.pack("d", value))
    if isinstance(value, list | tuple):
        return (type(value), tuple(map(described, value)))
    if isinstance(value, memoryview):
        return (memoryview, repr(value)[:10] == "<released " or value.tobytes())
    return (type(value), repr(value))


def outcome(call: Callable[..., Any], arguments: tuple[Any, ...]) -> Any:
    """Returns what a call returns or raises, the warnings that it causes, and what it has made of its arguments."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            result = ("returned", described(call(*arguments)))
        except Exception as error:
            trace = entries(error.__traceback__.tb_next if error.__traceback__ else None)
            result = ("raised", (type(error), str(error), trace))
    seen = [(each.category, str(each.message), each.filename, each.lineno) for each in caught]
    return (result, seen, described(list(arguments)))


def copies(arguments: tuple[Any, ...]) -> tuple[Any, ...]:
    return tuple(kept(argument) for argument in arguments)


def kept(argument: Any) -> Any:
    """Returns a copy with the same strides; what cannot be copied is shared."""
    if type(argument) is np.ndarray and argument.size and argument.dtype != object:
        base = np.frombuffer(bytearray(span(argument)[0]), "uint8")
        made = np.ndarray(argument.shape, argument.dtype, base, span(argument)[1], argument.strides)
        made[...] = argument
        made.flags.writeable = argument.flags.writeable
        return made
    return argument if isinstance(argument, memoryview) else copy.deepcopy(argument)


def span(array: Any) -> tuple[int, int]:
    """Returns how many bytes an array spans, and where among them its first item is."""
    low = sum(min(0, (count - 1) * stride) for count, stride in zip(array.shape, array.strides, strict=True))
    high = sum(max(0, (count - 1) * stride) for count, stride in zip(array.shape, array.strides, strict=True))
    return high - low + array.itemsize, -low


def assert_same(function: Any, *arguments: Any, kernel: Any = None, calls: int = 2) -> Any:
    """Calls a function by CPython and by a kernel with equal arguments, several times, and returns the kernel."""
    kernel = block_kernel(function) if kernel is None else kernel
    for _ in range(calls):
        expected = outcome(function, copies(arguments))
        found = outcome(kernel, copies(arguments))
        assert found == expected, (function.__name__, arguments)
    return kernel


# -- Functions under test -----------------------------------------------------------------------------------------------


def item(array: Any, i: Any) -> Any:
    return array[i]


def item_of_two(array: Any, i: Any, j: Any) -> Any:
    return array[i, j], array[i][j]


def item_of_three(array: Any, i: Any, j: Any, k: Any) -> Any:
    return array[i, j, k], array[i][j][k], array[i, j][k], array[i][j, k]


def item_of_four(array: Any, i: Any, j: Any, k: Any, m: Any) -> Any:
    return array[i, j, k, m], array[i][j][k][m]


def store(array: Any, i: Any, value: Any) -> Any:
    array[i] = value
    return array[i]


def store_of_two(array: Any, i: Any, j: Any, value: Any) -> Any:
    array[i, j] = value
    array[j][i] = array[i, j]
    array[i, j] += array[j, i]
    array[i][j] += 1
    return array[i][j]


def store_of_three(array: Any, i: Any, j: Any, k: Any, value: Any) -> Any:
    array[i, j, k] = value
    array[i][j][k] += 1
    return array


def store_of_four(array: Any, i: Any, j: Any, k: Any, m: Any, value: Any) -> Any:
    array[i, j, k, m] = value
    array[i][j][k][m] += 1
    return array


def rows_that_are_used(array: Any, i: Any) -> Any:
    row = array[i]
    row[0] = 5
    other = array[i]
    array = None
    return row, other, [other], other.sum(), other is row


def shapes(array: Any) -> Any:
    return array.shape, array.ndim, array.size, len(array), array.shape[0], array.shape[-1]


def unpacked_shape(array: Any) -> Any:
    height, width = array.shape
    total = 0
    for y in range(height):
        for x in range(width):
            total += array[y, x]
    return total, height, width


def iterated(array: Any) -> Any:
    found = []
    for value in array:
        found.append(value)
    for i, value in enumerate(array):
        found.append((i, value))
    for one, other in zip(array, array):
        found.append((one, other))
    return found, len(array)


def changes_while_iterated(array: Any, other: Any) -> Any:
    found = []
    for i, value in enumerate(array):
        found.append(value)
        if i == 1:
            array[3] = 9
            other.change(array)
    return found


def reads_after_change(array: Any, i: Any, other: Any) -> Any:
    first = array[i]
    other.change(array)
    return first, array[i]


def one_of_each(array: Any, i: Any, j: Any) -> Any:
    x, y = array[i], array[j]
    found = [
        -x,
        abs(x),
        float(x),
        int(x),
        bool(x),
        not x,
        x and y,
        x or y,
        min(x, y),
        max(y, x),
        x < y < 3,
        x == y,
        x is None,
    ]
    if x:
        found.append("true")
    if not x < y:
        found.append("not less")
    while x < y:
        x = x + 1
    return found, x, y


def sums(array: Any) -> Any:
    total = 0.0
    for i in range(len(array)):
        total += array[i] * array[i] - 0.5 * array[i]
    return total


def index_by_scalars(array: Any, names: Any) -> Any:
    found = []
    for number in array:
        found.append(names[number])
        for k in range(number):
            found.append(k)
    return found


def tests(array: Any, i: Any, j: Any) -> Any:
    x, y = array[i], array[j]
    return x < y, x <= y, x > y, x >= y, x == y, x != y, bool(x), not y, x and y, min(x, y), max(x, y), abs(x) < y


def _functions_of_one() -> list[Any]:
    texts = [
        "math.sqrt(x)", "math.floor(x)", "math.ceil(x)", "math.trunc(x)", "math.sin(x)", "math.isnan(x)", "math.gcd(x, 12)",
        "math.isqrt(x)", "math.hypot(x, 2)", "math.copysign(x, -1)", "float(x)", "int(x)", "bool(x)", "abs(x)", "-x", "+x", "~x",
        "not x", "str(x)", "x.item()", "x.dtype", "round(x)", "divmod(x, 2)", "[x]", "(x, x)", "{x: 1}", "x is None", "x == None",
        "x != 'a'", "hash(x) if x == x else 0", "x.real", "range(x)", "[1, 2][x]", "1 if x else 2", "max(x, 0)", "max(x, x)", "f'{x}'",
        "x in [1, 2]", "sum([x, x])", "isinstance(x, float)", "pow(x, 2)",
    ]  # fmt: skip
    made: list[Any] = []
    for text in texts:
        namespace: dict[str, Any] = {"math": __import__("math")}
        exec(f"def function(x):\n    return {text}", namespace)
        made.append(namespace["function"])
    return made


OF_ONE = _functions_of_one()


def visited(items: Any) -> Any:
    found = []
    for item in items:
        found.append(item)
    return found


def visited_with_numbers(items: Any, start: int) -> Any:
    found = []
    for pair in enumerate(items, start):
        found.append(pair)
    return found


def visited_side_by_side(first: Any, items: Any, other: Any) -> Any:
    found = []
    for three in zip(first, items, other):
        found.append(three)
    return found


def less_a_constant_beyond_single_precision(array):
    array[1] -= 1e308
    array[0] += 1e-46
    array[2] *= 0.0
    return array.tolist()


def beside_none(items, nothing):
    found = []
    for x in items:
        found.append((x == None, None != x, x == nothing, x is None))  # noqa: E711
        try:
            found.append(1 if x == None else 2)  # noqa: E711
        except ValueError as error:
            found.append(str(error))
    return found


def rows_of_rebound_indices(array, i, j):
    found = [
        array[i][(i := j)],
        array[i][j][(j := i)],
        [array[i], (i := 1)],
        array[i][(i := 1) :],
        array[i][(i := 0), 0],
    ]
    for x in array[i][(i := 1)]:
        found.append(x)
    array[i][(i := 2)] = 7
    array[i][(i := 1)] += 1
    i, row = i + 1, array[i]
    try:
        found.append(array[i][(i := 9)])
    except IndexError as error:
        found.append(str(error))
    return found, row, i


def powers(left, right):
    return [x**y for x in left for y in right]
