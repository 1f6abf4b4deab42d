"""Why CPython calls a Python function for a kernel stands in the line of the call-out; kernels that names made obsolete are counted."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

import cascade as cs


def identified(value: int) -> int:
    return id(value) and value


def takes_rest(value: int, *rest: int) -> int:
    return value


def keyword_only(value: int, *, more: int = 2) -> int:
    return value + more


def generated(value: int) -> Iterator[int]:
    yield value


class Parser:
    def block(self, value: int, *stops: str) -> int:
        return value


PARSER = Parser()


def plain(value: int) -> int:
    for _ in range(2):
        value += 1
    return value


def calls_identified(n: int) -> Any:
    found = []
    for i in range(n):
        found.append(identified(i))
    return found


def calls_rest(n: int) -> Any:
    found = []
    for i in range(n):
        found.append(takes_rest(i))
    return found


def calls_keyword_only(n: int) -> Any:
    found = []
    for i in range(n):
        found.append(keyword_only(i))
    return found


def calls_generated(n: int) -> Any:
    for i in range(n):
        for value in generated(i):
            n += value
    return n


def calls_method(n: int) -> Any:
    found = []
    for i in range(n):
        found.append(PARSER.block(i, "end"))
    return found


def calls_met(n: int, function: Any = identified) -> Any:
    found = []
    for i in range(n):
        found.append(function(i))
    return found


def calls_library(n: int) -> Any:
    found = []
    for i in range(n):
        found.append(hash(str(i)))
    return found


@pytest.mark.parametrize(
    ("function", "source", "why"),
    [
        (calls_identified, "identified(i)", "`identified` can have no kernel, as of `id` in line {line} (CS105)"),
        (calls_rest, "takes_rest(i)", "`takes_rest` is declared with `*` or `**`"),
        (calls_keyword_only, "keyword_only(i)", "`keyword_only` has keyword-only parameters that are left out"),
        (
            calls_generated,
            "generated(i)",
            "`generated` is a generator function, which has a kernel where all of its values",
        ),
        (calls_method, 'PARSER.block(i, "end")', "`Parser.block` is declared with `*` or `**`"),
        (calls_met, "function(i)", "`identified` can have no kernel, as of `id` in line {line} (CS105)"),
        (calls_library, "hash(str(i))", ""),
    ],
)
def test_a_called_function_without_a_kernel_says_why(function, source, why):
    task = cs.task(lower=True)(function)
    for _ in range(3):
        assert cs.run(task(5)) == function(5)
    report = cs.explain(task(5))[function.__name__].block_kernel
    (call_out,) = [each for each in report.call_outs if (each.source, each.verb) == (source, "is called")]
    expected = why.format(line=identified.__code__.co_firstlineno + 1)
    assert call_out.why.startswith(expected) and bool(call_out.why) == bool(why)
    assert str(call_out).endswith(f"({call_out.code}): {call_out.why}" if why else f"({call_out.code})")


SCALE = 2


def scaled(n: int) -> int:
    total = 0
    for i in range(n):
        total += i * SCALE
    return total


def test_kernels_are_outdated_only_by_names(monkeypatch):
    task = cs.task(lower=True)(scaled)
    assert cs.run(task(3)) == 6
    cs.run(task.map([1, 2, 3]))
    report = cs.explain(task(3))["scaled"]
    assert report.outdated == 0 and "given up" not in str(cs.explain(task(3)))
    monkeypatch.setitem(globals(), "SCALE", 3)
    assert cs.run(task(3)) == 9
    report = cs.explain(task(3))["scaled"]
    assert report.outdated == 1
    assert (
        "    1 earlier kernel given up: names that the code relies on changed their meaning\n"
        in f"{cs.explain(task(3))}\n"
    )
