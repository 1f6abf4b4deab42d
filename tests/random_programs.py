"""Random functions of the subset that is lowered, with hostile values, and how they are compared with plain Python.

    python -m tests.random_programs --seconds 600 [--seed 1]
"""

from __future__ import annotations

import argparse
import itertools
import linecache
import math
import random
import struct
import sys
import time
import traceback
from typing import Any

import cascade as cs
from cascade.errors import LoweringError

INTS = [0, 1, -1, 2, 3, 7, -5, 63, 64, 100, 2**31 - 1, -(2**31), 2**31, 2**53, 2**53 + 1, -(2**53) - 1, 2**62, 2**63 - 1,
        1 - 2**63]  # fmt: skip
WIDE_INTS = [-(2**63), 2**63, -(2**63) - 1, 2**70]
FLOATS = [0.0, -0.0, 1.0, -1.5, 0.1, 3.0, 1e16, 9007199254740993.0, 1e300, -1e308, 5e-324, math.inf, -math.inf, math.nan,
          2.0**63, -(2.0**63), 0.5]  # fmt: skip

_numbers = itertools.count()


class Writer:
    """Writes one function. Variables a, b, c are ints, x, y floats, p a bool; k counts tail calls down."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.lines: list[str] = []
        self.loops = 0
        self.depth = 0

    def function(self) -> str:
        self.lines = ["def f(k, a, b, x, p):"]
        pick = self.random.random
        self.line(f"c = {self.int_expression(2)}")
        self.line(f"y = {self.float_expression(2)}")
        if pick() < 0.3:
            self.line('"a string for nothing"')
        self.block(self.random.randint(2, 6))
        if pick() < 0.85:
            self.line(self.random.choice(self.returns()))
        return "\n".join(self.lines) + "\n"

    def line(self, text: str) -> None:
        self.lines.append("    " * (self.depth + 1) + text)

    def returns(self) -> list[str]:
        tails = [
            "return TailCall((k - 1, a, b, x, p)) if k > 0 else a",
            "return 'ended'",
            "return",
            f"return {self.int_expression(2)}",
            f"return {self.float_expression(2)}",
            f"return {self.bool_expression(2)}",
            "return (a, b, c, x, y, p)",
            "return 3.5",
            "return True",
        ]
        return tails

    def int_expression(self, depth: int) -> str:
        pick = self.random
        if depth == 0 or pick.random() < 0.2:
            name = pick.choice("aab" if len(self.lines) < 2 else "aabbck")
            return pick.choice([name, name, name, str(pick.choice(INTS)), str(pick.randint(-9, 9)), "CONSTANT"])
        left, right = self.int_expression(depth - 1), self.int_expression(depth - 1)
        if self.loops and pick.random() < 0.9:
            # No products of variables inside loops: squares of squares would fill the memory.
            right_factor = str(pick.choice([2, -3, 10, 2**31 - 1]))
        else:
            right_factor = right
        return pick.choice(
            [
                f"({left} + {right})", f"({left} - {right})", f"({left} * {right_factor})" if not self.loops else f"({left} + 1)",
                f"({left} // {right})", f"({left} % {right})", f"({left} & {right})", f"({left} | {right})",
                f"({left} ^ {right})", f"({left} << {pick.randint(-1, 70)})" if not self.loops else f"({left} - 3)",
                f"({left} >> ({right} & 127))", f"({left} >> {right})" if pick.random() < 0.2 else f"(-{left})", f"(~{left})", f"(+{left})",
                f"({left} if {self.bool_expression(depth - 1)} else {right})", f"({left} and {right})", f"({left} or {right})",
                f"({left} + {self.bool_expression(depth - 1)})",
            ]
        )  # fmt: skip

    def float_expression(self, depth: int) -> str:
        pick = self.random
        if depth == 0 or pick.random() < 0.2:
            name = "x" if len(self.lines) < 3 else pick.choice("xy")
            value = pick.choice(FLOATS)
            return pick.choice([name, name, repr(value) if math.isfinite(value) else "INFINITE", "NOT_A_NUMBER"])
        left, right = self.float_expression(depth - 1), self.float_expression(depth - 1)
        whole = self.int_expression(depth - 1)
        return pick.choice(
            [
                f"({left} + {right})", f"({left} - {whole})", f"({left} * {right})", f"({left} / {right})",
                f"({left} // {right})", f"({left} % {right})", f"({whole} / {self.int_expression(depth - 1)})",
                f"(-{left})", f"({left} if {self.bool_expression(depth - 1)} else {right})", f"({whole} * {left})",
                f"({left} or {right})", f"({left} and {right})", f"({whole} % {right})", f"({whole} // {right})",
            ]
        )  # fmt: skip

    def bool_expression(self, depth: int) -> str:
        pick = self.random
        if depth == 0 or pick.random() < 0.2:
            return pick.choice(["p", "(a < b)", "True", "(x < 0.5)"])
        operator = pick.choice(["<", "<=", ">", ">=", "==", "!="])
        other = pick.choice(["<", "<=", ">", ">=", "==", "!="])
        numbers = [self.int_expression(depth - 1), self.float_expression(depth - 1), self.int_expression(depth - 1)]
        pick.shuffle(numbers)
        return pick.choice(
            [
                f"({numbers[0]} {operator} {numbers[1]})", f"({numbers[0]} {operator} {numbers[1]} {other} {numbers[2]})",
                f"(not {self.bool_expression(depth - 1)})", f"(not {numbers[0]})",
                f"({self.bool_expression(depth - 1)} and {self.bool_expression(depth - 1)})",
                f"({self.bool_expression(depth - 1)} or {self.bool_expression(depth - 1)})",
                f"({self.bool_expression(depth - 1)} ^ {self.bool_expression(depth - 1)})",
            ]
        )  # fmt: skip

    def test(self) -> str:
        return self.random.choice([self.bool_expression(2), self.bool_expression(2), self.int_expression(1), self.float_expression(1)])

    def block(self, count: int) -> None:
        for _ in range(count):
            self.statement()

    def inner(self, count: int) -> None:
        self.depth += 1
        self.block(count)
        self.depth -= 1

    def statement(self) -> None:
        pick = self.random
        kind = pick.random()
        if self.depth >= 3:
            kind *= 0.55
        if kind < 0.2:
            self.line(f"{pick.choice('abc')} = {self.int_expression(3)}")
        elif kind < 0.3:
            self.line(f"{pick.choice('xy')} = {self.float_expression(3)}")
        elif kind < 0.36:
            self.line(f"{pick.choice('abc')} {pick.choice(['+=', '-=', '//=', '%=', '|=', '^='])} {self.int_expression(2)}")
        elif kind < 0.4:
            self.line(f"x {pick.choice(['+=', '-=', '*=', '/=', '%='])} {self.float_expression(2)}")
        elif kind < 0.44:
            self.line(f"a, b = {pick.choice(['b, a', f'b, {self.int_expression(2)}', f'{self.int_expression(2)}, a'])}")
        elif kind < 0.47:
            self.line(f"p = {self.bool_expression(2)}")
        elif kind < 0.49:
            self.line(pick.choice(["pass", f"assert {self.test()}, a", f"assert {self.bool_expression(1)}"]))
        elif kind < 0.55:
            words = ["break", "continue"] if self.loops else [pick.choice(self.returns()), self.tail()]
            self.line(f"if {self.test()}: {pick.choice([*words, self.tail()])}")
        elif kind < 0.75:
            self.line(f"if {self.test()}:")
            self.inner(pick.randint(1, 3))
            if pick.random() < 0.5:
                self.line(f"elif {self.test()}:")
                self.inner(1)
            if pick.random() < 0.5:
                self.line("else:")
                self.inner(pick.randint(1, 2))
        elif kind < 0.9:
            name = f"i{self.depth}"
            bounds = pick.choice(
                [f"{pick.randint(0, 4)}", f"{pick.randint(-2, 2)}, {pick.randint(-2, 4)}", "3, -3, -2", "a & 3", "0, b & 7, 2",
                 "9223372036854775804, 9223372036854775807", f"{pick.randint(-1, 1)}, 3, b & 1", "a, a + 2"]
            )  # fmt: skip
            self.line(f"for {name} in range({bounds}):")
            self.loop_body(f"{pick.choice('abc')} {pick.choice(['+=', '-=', '^='])} {name}")
        else:
            name = f"w{self.depth}"
            self.line(f"{name} = {pick.randint(0, 5)}")
            self.line(f"while {pick.choice([f'{name} > 0', f'{name} > 0 and {self.bool_expression(1)}', f'({name} and a + {name}) and {name} > 0'])}:")
            self.loop_body(f"{name} -= 1")

    def loop_body(self, first: str) -> None:
        self.loops += 1
        self.depth += 1
        self.line(first)
        self.depth -= 1
        self.inner(self.random.randint(1, 3))
        self.loops -= 1
        if self.random.random() < 0.3:
            self.line("else:")
            self.inner(1)

    def tail(self) -> str:
        a, b, x, p = self.int_expression(1), self.int_expression(1), self.float_expression(1), self.bool_expression(1)
        call = self.random.choice(
            [
                f"TailCall((k - 1, {a}, {b}, {x}, {p}))",
                f"TailCall(kwargs={{'k': k - 1, 'a': {a}, 'x': {x}}})",
                f"TailCall((k - 1,), {{'p': {p}, 'b': {b}}})",
                f"TailCall((k - 1, {a}), kwargs={{'x': {a}}})",
            ]
        )
        return f"return {call} if k > 0 else (a, x)" if self.random.random() < 0.3 else f"return {call}"


def arguments(pick: random.Random) -> tuple[Any, ...]:
    ints = [pick.choice(INTS + WIDE_INTS) if pick.random() < 0.6 else pick.randint(-20, 20) for _ in range(2)]
    return (pick.randint(0, 6), *ints, pick.choice(FLOATS), pick.random() < 0.5)


def make(text: str) -> Any:
    """The function of a text, whose source can be found as that of any other."""
    name = f"<random program {next(_numbers)}>"
    linecache.cache[name] = (len(text), None, text.splitlines(True), name)
    namespace: dict[str, Any] = {
        "TailCall": cs.TailCall, "CONSTANT": 2**40, "INFINITE": math.inf, "NOT_A_NUMBER": math.nan, "__name__": "random",
    }  # fmt: skip
    exec(compile(text, name, "exec"), namespace)
    return namespace["f"]


def exact(value: Any) -> Any:
    """A value with its type, bit for bit."""
    if type(value) is float:
        return "float", "nan" if math.isnan(value) else struct.pack("=d", value)
    if type(value) is tuple:
        return tuple(map(exact, value))
    return type(value).__name__, value


def outcome(action: Any, function: Any) -> Any:
    try:
        return "value", exact(action())
    except RecursionError:
        return ("endless",)
    except LoweringError:
        raise
    except Exception as error:
        frames = [
            (frame.name, frame.lineno, frame.colno, frame.end_colno)
            for frame in traceback.extract_tb(error.__traceback__)
            if frame.filename == function.__code__.co_filename
        ]
        return type(error).__name__, str(error), frames


def trampoline(function: Any, given: tuple[Any, ...], limit: int = 8) -> Any:
    """What the task gives, by plain Python."""
    names = ("k", "a", "b", "x", "p")
    current = dict(zip(names, given, strict=True))
    for _ in range(limit):
        value = function(**current)
        if type(value) is not cs.TailCall:
            return value
        current |= dict(zip(names, value.args)) | value.kwargs
    raise RecursionError


def check(seed: int) -> str:
    """Compares one random program; says "refused", "endless" or "compared", and raises AssertionError on a difference."""
    text = Writer(seed).function()
    function = make(text)
    pick = random.Random(seed)
    task = cs.task(lower=True)(function)
    result = "compared"
    for _ in range(4):
        given = arguments(pick)
        expected = outcome(lambda: trampoline(function, given), function)
        if expected == ("endless",):
            result = "endless"
            continue
        try:
            # Bounded, so that a difference cannot become an endless loop.
            found = outcome(lambda: cs.run(task(*given), max_steps=50), function)
        except LoweringError as error:
            return f"refused {error.reasons[0].code}"
        if found != expected:
            raise AssertionError(f"seed {seed}, arguments {given!r}\n{text}\nexpected {expected}\nfound    {found}")
    return result


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    end = time.monotonic() + options.seconds
    counts: dict[str, int] = {}
    for seed in itertools.count(options.seed):
        if time.monotonic() > end:
            break
        result = check(seed)
        counts[result] = counts.get(result, 0) + 1
        linecache.clearcache()
    print(f"seeds {options.seed}..{seed - 1}: {counts}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
