"""What lowering costs, and what a call-out costs: `python perf/lowering.py`.

The first table has functions of some fifty lines (`lowering_functions.py`). Each is copied under other names into a module of its own,
with the classes that it uses, and each copy is called for the first time with a kernel; the time of a call of the plain function is
subtracted. The translator has been loaded, by another function. The second has loops with one call-out in each iteration, beside the
same loops in plain Python: what an iteration takes over CPython's. Answers are compared; times are those of the processor.
"""

from __future__ import annotations

import importlib.util
import inspect
import math
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from types import ModuleType
from typing import Any

import lowering_functions
from report import print_table, show_met

import cascade as cs

COPIES = 21
SIZE = 60
"""The argument of the copies: large enough for every branch to be taken."""
LOWERING = 10e-3
"""Seconds in which a function of 50 lines is to be lowered."""
CALL_OUT = 60e-9
"""Seconds that a call-out may take over the same work in plain CPython."""
ITERATIONS, ROUNDS = 20_000, 15


# -- Lowering -------------------------------------------------------------------------------------------------------


def copies(function: Callable[[int], Any], folder: Path) -> list[Callable[[int], Any]]:
    """The function and the classes of its module, so often in modules of their own: nothing is known of one from another."""
    text = inspect.getsource(lowering_functions)
    return [getattr(load(text, folder / f"{function.__name__}_{i}.py"), function.__name__) for i in range(COPIES)]


def load(text: str, path: Path) -> ModuleType:
    path.write_text(text)
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module
    spec.loader.exec_module(module)
    return module


def seconds_of(run: Callable[[], Any]) -> tuple[float, Any]:
    begun = time.process_time()
    value = run()
    return time.process_time() - begun, value


def lowering_row(function: Callable[[int], Any], folder: Path) -> list[str]:
    function(SIZE)
    plain, expected = seconds_of(lambda: function(SIZE))
    first, second = [], []
    for copy in copies(function, folder):
        program = cs.compile(cs.task(copy, lower=True))
        for found in (first, second):
            took, value = seconds_of(lambda program=program: program(SIZE))
            assert value == expected, (value, expected)
            found.append(took)
        assert cs.explain(program)[function.__name__].regime == "kernel"
    lines = len(inspect.getsource(function).splitlines())
    lowering = statistics.median(first) - plain
    return [
        function.__name__, str(lines), f"{1e6 * plain:,.0f} us", f"{1e6 * statistics.median(second):,.0f} us",
        f"{1e3 * lowering:.1f} ms", f"{1e3 * lowering * 50 / lines:.1f} ms", show_met(lowering * 50 / lines <= LOWERING),
    ]  # fmt: skip


# -- Call-outs ------------------------------------------------------------------------------------------------------


def spread(n: int) -> int:
    pair = (3, 4)
    result = 0
    for _ in range(n):
        result += max(*pair)
    return result


def formatted(n: int) -> int:
    result = 0
    for i in range(n):
        result += len("%d items" % i)  # noqa: UP031 - the very operation
    return result


def decimals(n: int) -> Decimal:
    result = Decimal(0)
    step = Decimal("0.1")
    for _ in range(n):
        result = result + step
    return result


def dictionary(n: int) -> int:
    found: dict[str, int] = {}
    for i in range(n):
        found.update(last=i)
    return found["last"]


def converted(n: int) -> float:
    result = 0.0
    for _ in range(n):
        result += float("1.5")
    return result


def call_out_row(function: Callable[[int], Any]) -> list[str]:
    program = cs.compile(cs.task(function, lower=True))
    expected = function(ITERATIONS)
    plain, ours = [math.inf], [math.inf]
    for _ in range(ROUNDS):
        for run, found in ((function, plain), (program, ours)):
            took, value = seconds_of(lambda run=run: run(ITERATIONS))
            assert value == expected, (value, expected)
            found.append(took)
    (kernel,) = [cs.explain(program)[function.__name__].block_kernel]
    sources = ", ".join(f"`{each.source}`" for each in kernel.call_outs if each.count >= ITERATIONS)
    each = [1e9 * min(found) / ITERATIONS for found in (plain, ours)]
    over = each[1] - each[0]
    return [
        function.__name__, sources or "none", f"{each[0]:.1f} ns", f"{each[1]:.1f} ns", f"{over:.1f} ns",
        show_met(over <= 1e9 * CALL_OUT) if sources else "",
    ]  # fmt: skip


def main() -> None:
    print(sys.version)
    with tempfile.TemporaryDirectory() as folder:
        lowering_row(lowering_functions.bank, Path(folder))  # loads the translator
        rows = [
            lowering_row(function, Path(folder))
            for function in (lowering_functions.integrator, lowering_functions.report, lowering_functions.bank)
        ]
    print_table(["function", "lines", "plain call", "second call", "lowering", "for 50 lines", "at most 10 ms"], rows)
    functions = (spread, formatted, decimals, dictionary, converted)
    print_table(
        ["a loop", "its call-out", "CPython", "cascade", "over", "at most 60 ns"],
        [call_out_row(function) for function in functions],
    )


if __name__ == "__main__":
    main()
