"""Programs of calls of `math` in typed code, and the numbers that they are compared with `math` on."""

from __future__ import annotations

import importlib.util
import itertools
import math
import random
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cascade as cs

FLOATS = [
    0.0, -0.0, 1.0, -1.0, 0.5, -0.5, 1.5, 2.0, -2.0, 3.0, 2.5, -7.25, 1e-9, 170.6, 171.7, -171.5, 710.0, -745.2, 1024.0, 1e16, 1e300,
    math.pi, -math.pi / 2, math.inf, -math.inf, math.nan, 5e-324, -5e-324, 2.2250738585072014e-308, 1.1e-310,
    1.7976931348623157e308, -1.7976931348623157e308, 0.9999999999999999, 1.0000000000000002,
    *(struct.unpack("=d", struct.pack("=Q", bits))[0] for bits in (0xFFF8000000000000, 0x7FF8DEADBEEF0001, 0xFFFFFFFFFFFFFFFF)),
]  # fmt: skip
INTS = [
    0, 1, -1, 2, 3, 5, 12, 20, 21, 33, 61, 62, 66, 67, 68, 1000, -12, 2**31 - 1, 2**31, 2**32 + 1, 2**52 - 1, 2**53 + 1, 2**62,
    3037000499**2, 3037000499**2 - 1, 3037000500, 2**63 - 1, -(2**63), 6 * 7 * 10**15, -(10**18), True, False,
]  # fmt: skip


def bits(value: Any) -> Any:
    if type(value) is tuple:
        return tuple(map(bits, value))
    return struct.pack("=d", value) if type(value) is float else (type(value), value)


def outcome(function: Callable[..., Any], arguments: tuple[Any, ...]) -> Any:
    try:
        return bits(function(*arguments))
    except Exception as error:
        return type(error), str(error)


def wild_float(pick: random.Random) -> float:
    if pick.random() < 0.5:
        return pick.choice([1, 10, 1000, 1e15]) * (pick.random() - 0.5)
    found: float = struct.unpack("=d", pick.getrandbits(64).to_bytes(8, "little"))[0]
    return found


def wild_int(pick: random.Random) -> int:
    return pick.randrange(-(2**63), 2**63) >> pick.randrange(64)


Make = Callable[..., Callable[..., Any]]


def maker(folder: Path) -> Make:
    """Returns a function that makes a program of a task which returns an expression of its parameters; `statement` stands before it."""
    numbers = itertools.count()

    def made(parameters: str, expression: str, statement: str = "pass") -> Callable[..., Any]:
        name = f"of_math_{next(numbers)}"
        file = folder / f"{name}.py"
        file.write_text(
            f"import math\nimport cascade as cs\n\n@cs.task(lower=True)\ndef called({parameters}):\n    {statement}\n    return {expression}\n"
        )
        spec = importlib.util.spec_from_file_location(name, file)
        assert spec is not None and spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        program = cs.compile(module.called)

        def call(*arguments: Any) -> Any:
            return program(*arguments)

        call.task = module.called  # type: ignore[attr-defined]
        return call

    return made
