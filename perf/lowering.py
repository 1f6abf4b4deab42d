"""The costs of lowering and of call-outs: `python perf/lowering.py`.

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
from types import FunctionType, ModuleType
from typing import Any

import lowering_functions
from report import print_table, show_met

import cascade as cs

COPIES = 21
SIZE = 60
"""The argument of the copies: large enough for every branch to be taken."""
USED = {lowering_functions.bank: (lowering_functions.Account,)}
"""Classes that are lowered with a function."""
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
    lines = sum(len(inspect.getsource(each).splitlines()) for each in (function, *USED.get(function, ())))
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


def ordered(n: int) -> list[int]:
    pair = [-3, 1]
    result: list[int] = []
    for _ in range(n):
        result = sorted(pair, key=abs)
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


def call_outs_of(program: Any, function: Callable[[int], Any]) -> dict[str, int]:
    kernel = cs.explain(program)[function.__name__].block_kernel
    assert kernel is not None, f"{function.__name__} has a kernel of numbers"
    return {each.source: each.count for each in kernel.call_outs}


def call_out_row(function: Callable[[int], Any]) -> list[str]:
    """Calls that a trial makes by CPython do not count."""
    expected = function(ITERATIONS)
    plain, ours = [math.inf], [math.inf]
    made: set[str] = set()
    for _ in range(ROUNDS):
        program = cs.compile(cs.task(load_again(function), lower=True))
        program(10)
        before = call_outs_of(program, function)
        found, took = {}, {}
        for side, run in (("plain", function), ("ours", program)):
            took[side], value = seconds_of(lambda run=run: run(ITERATIONS))
            assert value == expected, (value, expected)
        found = {source: count - before[source] for source, count in call_outs_of(program, function).items()}
        in_loop = {source for source, count in found.items() if count >= ITERATIONS}
        if in_loop:
            made |= in_loop
            plain.append(took["plain"])
            ours.append(took["ours"])
    each = [1e9 * min(times) / ITERATIONS for times in (plain, ours)]
    return [
        function.__name__, ", ".join(f"`{source}`" for source in made), f"{each[0]:.1f} ns", f"{each[1]:.1f} ns",
        f"{each[1] - each[0]:.1f} ns", show_met(each[1] - each[0] <= 1e9 * CALL_OUT),
    ]  # fmt: skip


def load_again(function: Callable[[int], Any]) -> Callable[[int], Any]:
    """The same function with nothing known of it."""
    return FunctionType(function.__code__.replace(), globals(), function.__name__)


def main() -> None:
    print(sys.version)
    with tempfile.TemporaryDirectory() as folder:
        lowering_row(lowering_functions.bank, Path(folder))  # loads the translator
        rows = [
            lowering_row(function, Path(folder))
            for function in (lowering_functions.integrator, lowering_functions.report, lowering_functions.bank)
        ]
    print_table(["function", "lines", "plain call", "second call", "lowering", "for 50 lines", "at most 10 ms"], rows)
    functions = (spread, ordered, decimals, dictionary)
    print_table(
        ["a loop", "its call-out", "CPython", "cascade", "over", "at most 60 ns"],
        [call_out_row(function) for function in functions],
    )


if __name__ == "__main__":
    main()
