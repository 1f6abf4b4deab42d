"""Typed code is left from everywhere: each statement that it can be left at, in each nest of loops, at each iteration.

A nest counts in `n` how often it comes to its place, and there stands a statement that typed code cannot go on with
when `n` is `stop`: on the first, a middle or the last time, or never. Value, exception and traceback have to be those
of plain Python, and typed code has to be left exactly once: where it was not, nothing was tested.
"""

from __future__ import annotations

import textwrap
from typing import Any

import pytest

import cascade as cs
from tests.support.random_programs import Call, Program, compare

DEFINITIONS = """
LIMIT = 9223372036854775807
def add(u, v=1):
    return u + v
def fail(u):
    if u:
        raise Trouble(u)
    return 1
def down(depth, u):
    if depth == 0:
        return LIMIT + u
    return down(depth - 1, u) - depth
"""

BEGIN = """
n, a, b = 0, 0, 0
x, p = 0.5, False
total = 1
"""

# Of type int, or past it where `n` is `stop`.
INTS = {
    "sum": "LIMIT + (n == stop)",
    "difference": "-LIMIT - 1 - (n == stop)",
    "product": "3037000500 * (3037000499 + (n == stop))",
    "negation": "-(-LIMIT - (n == stop))",
    "inversion": "~(LIMIT + (n == stop))",
    "abs": "abs(-LIMIT - (n == stop))",
    "floor division by zero": "7 // (n - stop)",
    "floor division past the limit": "(-LIMIT - 1) // (1 - 2 * (n == stop))",
    "modulo": "7 % (n - stop)",
    "left shift": "1 << 62 + (n == stop)",
    "negative left shift": "1 << 0 - (n == stop)",
    "negative right shift": "8 >> 0 - (n == stop)",
    "power": "2 ** (62 + (n == stop))",
    "pow": "pow(3, 2, abs(n - stop))",
    "inverse": "pow(2, 0 - (n == stop), 4)",
    "int of a float": "int(1e18 * (1 + 99 * (n == stop)))",
    "int of nan": "int(1.0 if n != stop else nan)",
    "round": "round(1e18 * (1 + 99 * (n == stop)))",
    "floor": "math.floor(1e18 * (1 + 99 * (n == stop)))",
    "isqrt": "math.isqrt(0 - (n == stop))",
    "factorial": "math.factorial(20 + (n == stop))",
    "max": "max(LIMIT + (n == stop), 1)",
    "conditional expression": "LIMIT + n if n == stop else 3",
    "and": "n and LIMIT + (n == stop)",
    "or": "n - n or LIMIT + (n == stop)",
    "helper": "add(LIMIT, n == stop)",
    "helper that raises": "fail(n == stop)",
    "recursion": "down(3, n == stop)",
}

FLOATS = {
    "division": "7 / (n - stop)",
    "float division": "1.5 / (n - stop)",
    "float floor division": "1.5 // (n - stop)",
    "float modulo": "1.5 % (n - stop)",
    "float power": "0.0 ** (0 - (n == stop))",
    "overflow": "10.0 ** (308 + (n == stop))",
    "complex": "(-8.0) ** (1 + 0.5 * (n == stop))",
    "square root": "math.sqrt(0.0 - (n == stop))",
    "logarithm": "math.log(1 - (n == stop))",
    "exponential": "math.exp(1000 * (n == stop))",
}

OVERFLOW = "LIMIT + (n == stop)"

STATEMENTS = {
    "assignment": f"a = {OVERFLOW}",
    "augmented assignment": f"a += {OVERFLOW} - a",
    "tuple": f"a, b = b, {OVERFLOW}",
    "swap": "a, b = b, a // (n - stop)",
    "chain": f"a = b = {OVERFLOW}",
    "annotation": f"a: int = {OVERFLOW}",
    "divmod": "a, b = divmod(7, n - stop)",
    "assert": "assert n != stop",
    "assert with a message": "assert n != stop, f'{n} {total}'",
    "assert that overflows": f"assert {OVERFLOW}",
    "raise": "if n == stop: raise Trouble(n, total)",
    "raise of a class": "if n == stop:\n    raise Trouble",
    "raise from": "if n == stop: raise Trouble(n) from ValueError(total)",
    "raise of nothing": "if n == stop: raise None",
    "return of a tuple": "if n == stop: return (n, total, a, x, p)",
    "return of an overflow": "if n == stop:\n    return LIMIT + n",
    "if": f"if {OVERFLOW} > 5:\n    a = 3\nelse:\n    a = 4",
    "elif": f"if n < 0:\n    a = 3\nelif {OVERFLOW} == 5:\n    a = 4\nelse:\n    a = 5",
    "while": f"while {OVERFLOW} > LIMIT:\n    a = 5\n    break\nelse:\n    a = 6",
    "while that goes on": "b = 0\nwhile b < 3 and LIMIT + (n == stop and b == 2):\n    b += 1\nelse:\n    a = 6",
    "for": "for j9 in range(LIMIT - 1 + (n == stop), LIMIT + (n == stop)):\n    a = 5",
    "for with a step of zero": "for j9 in range(0, 2, 1 - (n == stop)):\n    a = j9\nelse:\n    b = 3",
    "comparison": f"p = {OVERFLOW} > 3",
    "comparisons in a chain": f"p = 0 < n < {OVERFLOW} != 5",
    "not": f"p = not {OVERFLOW}",
}

OPERATIONS = {
    **{name: f"a = {text}" for name, text in INTS.items()},
    **{name: f"x = {text}" for name, text in FLOATS.items()},
}

NESTS = {
    "no loop": "PLACE",
    "for": """
        for i in range(4):
            PLACE
    """,
    "for downwards": """
        for i in range(7, -3, -3):
            PLACE
            total += i
        total += i
    """,
    "while": """
        w = 4
        while w > 0:
            PLACE
            w -= 1
    """,
    "while true": """
        w = 0
        while True:
            w += 1
            PLACE
            if w == 4: break
    """,
    "for in for": """
        for i in range(3):
            for j in range(i, 3):
                PLACE
                total += i * j
            total += 1
    """,
    "while in for": """
        for i in range(1, 4):
            w = i
            while w > 0:
                w -= 1
                PLACE
            else:
                total += 5
    """,
    "for in while": """
        w = 3
        while w > 0:
            w -= 1
            for j in range(w):
                total += j
                PLACE
            else:
                total += 7
        else:
            total += 11
    """,
    "while in while": """
        w = 3
        while w > 0:
            v = w
            while v:
                PLACE
                v -= 1
            w -= 1
    """,
    "else of for": """
        for i in range(3):
            for j in range(2):
                total += j
            else:
                PLACE
                total += 3
    """,
    "else of while": """
        for i in range(3):
            w = i
            while w > 0:
                w -= 1
            else:
                PLACE
    """,
    "else of the outermost loop": """
        for i in range(3):
            total += i
        else:
            PLACE
        total += i
    """,
    "before break": """
        for i in range(4):
            for j in range(5):
                if j == i:
                    PLACE
                    break
                total += j
            else:
                total += 13
    """,
    "before continue": """
        for i in range(6):
            if i % 2:
                PLACE
                continue
            total += i
        else:
            total += 17
    """,
    "after continue": """
        w = 6
        while w:
            w -= 1
            if w % 2: continue
            PLACE
            total += w
    """,
    "after break of an inner loop": """
        for i in range(3):
            for j in range(9):
                if j > i: break
            else:
                total += 1000
            PLACE
            total += j
    """,
    "arms of if": """
        for i in range(6):
            if i % 3 == 0:
                total += 1
            elif i % 3 == 1:
                PLACE
            else:
                total += 2
                if total % 2:
                    total += 5
    """,
    "three deep": """
        for i in range(2):
            w = 2
            while w > 0:
                w -= 1
                for j in range(3):
                    if j == 2 and i: break
                    PLACE
                else:
                    continue
                total += 1
            else:
                total += i
        else:
            total += 19
    """,
}

PLACE = """
n += 1
LEAVE
total = (total * 31 + n + a % 97 + b % 89 + (x > 0.7) + p) % 1000003
"""

TAIL = """
@task(lower=True)
def f(stop, n=0, total=1):
    a, b, x, p = 0, 0, 0.5, False
    n += 1
    LEAVE
    total = (total * 31 + n + a % 97 + b % 89 + (x > 0.7) + p) % 1000003
    return RESULT
"""

TAILS = {
    "tail": "total if n > 3 else f.tail(stop, n, total)",
    "TailCall": "total if n > 3 else TailCall((stop, n), {'total': total})",
    "call": "f(stop, n, total) if n < 4 else total",
}


def _put(text: str, word: str, replacement: str) -> str:
    """A text with a line that is just a word replaced by other lines, as deep as it."""
    lines = []
    for line in text.splitlines():
        if line.strip() == word:
            lines += textwrap.indent(replacement.strip("\n"), line[: line.index(word)]).splitlines()
        else:
            lines.append(line)
    return "\n".join(lines)


def _in_loops(nest: str, statement: str) -> str:
    place = _put(PLACE, "LEAVE", statement)
    body = BEGIN + _put(textwrap.dedent(nest), "PLACE", place) + "\nreturn total\n"
    return DEFINITIONS + "@task(lower=True)\ndef f(stop):\n" + textwrap.indent(body, "    ")


def _in_tail_calls(result: str, statement: str) -> str:
    return DEFINITIONS + _put(TAIL, "LEAVE", statement).replace("RESULT", result)


PROGRAMS = {
    **{nest: (_in_loops, text) for nest, text in NESTS.items()},
    **{f"tail call by {name}": (_in_tail_calls, text) for name, text in TAILS.items()},
}


def _times(nest: str) -> int:
    """How often a nest comes to its place."""
    if nest.startswith("tail call"):
        return 4
    names: dict[str, Any] = {"task": lambda lower: lambda function: function}
    exec(_in_loops(NESTS[nest], "pass").replace("return total", "return n"), names)
    return int(names["f"](0))


TIMES = {nest: _times(nest) for nest in PROGRAMS}


OF_EACH_SORT = ("no loop", "for in while", "else of while", "before continue", "three deep", "tail call by tail")


@pytest.mark.parametrize("statement", STATEMENTS)
@pytest.mark.parametrize("nest", PROGRAMS)
def test_each_statement_is_left_from_anywhere(nest, statement):
    _compare(nest, STATEMENTS[statement])


@pytest.mark.parametrize("operation", OPERATIONS)
@pytest.mark.parametrize("nest", OF_EACH_SORT)
def test_each_operation_leaves_its_statement(nest, operation):
    _compare(nest, OPERATIONS[operation])


@pytest.mark.parametrize("statement", [name for name, text in STATEMENTS.items() if OVERFLOW in text])
@pytest.mark.parametrize("nest", PROGRAMS)
def test_a_statement_is_left_again_and_again(nest, statement):
    """From `stop` on every time: CPython makes what is left of an iteration, and typed code may take over after it."""
    make, text = PROGRAMS[nest]
    stops = _stops(nest)
    repeated = make(text, STATEMENTS[statement].replace("n == stop", "n >= stop > 0"))
    tally = compare(Program(0, repeated, tuple(Call((stop,)) for stop in stops)))
    assert not tally.refused
    assert tally.exits >= 2 * len(stops)


def _compare(nest: str, statement: str) -> None:
    make, text = PROGRAMS[nest]
    stops = _stops(nest)
    script = tuple(Call((stop,)) for stop in (0, *stops))
    tally = compare(Program(0, make(text, statement), script))
    assert not tally.refused
    # Each call is made twice on the VM path.
    assert tally.exits == 2 * len(stops)
    assert tally.entries >= 2 * len(script)


def _stops(nest: str) -> list[int]:
    """The first, a middle and the last time that a nest comes to its place."""
    last = TIMES[nest]
    return sorted({1, (last + 1) // 2, last})


def test_numbers_that_are_compared_by_identity_are_not_lowered(run):
    # A number that leaves typed code is an object of its own, and here both variables hold the same one.
    @cs.task
    def same(k, o=None):
        z = 0.5
        for _ in range(1):
            u = z
        if k:
            return cs.TailCall((k - 1, u))
        return o is u, u is not z

    expected = run(same(2)), run(same(0))
    assert expected == ((True, False), (False, False))


def test_objects_that_are_compared_by_identity_are_lowered():
    missing = object()

    @cs.task(lower=True)
    def count(n, o, p):
        total = 0
        while n > 0:
            total += 1 if o is missing or o is p else 2 if p is not None else 3
            n -= 1
        return total

    text = "a text"
    pairs = [(missing, 1), (text, text), (text, 0.5), (0.5, None)]
    assert [cs.run(count(10, *pair)) for pair in pairs] == [10, 10, 20, 30]
    assert all(kernel.exits == 0 for kernel in count.routine.kernels)
