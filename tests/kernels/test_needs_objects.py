"""A function that certainly uses objects is told by its bytecode, before a kernel of numbers is tried: never one that has such a kernel."""

from __future__ import annotations

import importlib
import math
import pkgutil
from collections.abc import Iterator
from types import FunctionType
from typing import Any

import pytest

import cascade as cs
import cascade.kernels
from cascade._vm import Kernel
from cascade.kernels import lower
from cascade.kernels.needs_objects import BACKWARD, needs_objects
from tests import support

TYPES = ("int", "float", "object", "none")


def appends(n, xs):
    for i in range(n):
        xs.append(i)


def makes_a_list(n):
    found = []
    while n > 0:
        n -= 1
    return found


def subscripts(n, xs, i):
    total = 0
    for _ in range(n):
        total += xs[i] + xs[0]
    return total


def iterates(xs):
    total = 0
    for x in xs:
        total += x
    return total


def stores(xs, n):
    for i in range(n):
        xs[i] = 0


def has_an_attribute(point, n):
    total = 0
    while n > 0:
        total += point.x
        n -= 1
    return total


def writes(n):
    for i in range(n):
        text = f"{i}!"
    return text


@pytest.mark.parametrize("function", [appends, makes_a_list, subscripts, iterates, stores, has_an_attribute, writes])
def test_it_is_told(function):
    assert needs_objects(function)
    assert not any(isinstance(lower(cs.task(function), types), Kernel) for types in types_for(function))


def logs_if_asked(n, log):
    total = 0
    for i in range(n):
        if log is not None:
            log.append(i)
        total += i
    return total


def logs_or_not(n, log):
    total = 0
    for i in range(n):
        if log is None:
            total += i
        else:
            log.append(i)
    return total


def raises(n, name):
    total = 0
    for i in range(n):
        if i > 1000:
            raise ValueError(f"{name.upper()}: {name[0]}")
        total += i
    return total


def has_a_module(n, m=math):
    total = 0.0
    for i in range(n):
        total += math.sqrt(i) + m.cos(i)
    return total


def ends_with_objects(n):
    total = 0
    for i in range(n):
        total += i
    found = []
    found.append(total)
    return found[0], f"{total}"


@pytest.mark.parametrize(
    ("function", "types"),
    [
        (logs_if_asked, ("int", "none")), (logs_or_not, ("int", "none")), (raises, ("int", "object")), (ends_with_objects, ("int",)),
    ],
)  # fmt: skip
def test_a_kernel_of_numbers_is_tried(function, types):
    assert not needs_objects(function)
    assert isinstance(lower(cs.task(function), types), Kernel)


def test_a_default_may_be_a_module():
    assert not needs_objects(has_a_module)


def functions_with_loops() -> Iterator[FunctionType]:
    for found in pkgutil.walk_packages(support.__path__, f"{support.__name__}."):
        if "__main__" not in found.name:
            for value in vars(importlib.import_module(found.name)).values():
                if isinstance(value, FunctionType) and any(op in BACKWARD for op in value.__code__.co_code[::2]):
                    yield value


def types_for(function: FunctionType) -> list[tuple[str, ...]]:
    return [(name,) * function.__code__.co_argcount for name in TYPES]


def test_no_function_with_a_kernel_of_numbers_is_told():
    told = [each for each in functions_with_loops() if needs_objects(each) and not each.__code__.co_flags & 0x2AC]
    assert len(told) > 200
    for each in told:
        made = [types for types in types_for(each)[::2] if isinstance(lower(cs.task(each), types), Kernel)]
        assert made == [], each


def test_the_source_is_not_read_for_it(monkeypatch):
    def fails(*given: Any) -> None:
        raise AssertionError("the source is read")

    monkeypatch.setattr(cascade.kernels, "read_source", fails)
    task = cs.task(lower=True)(iterates)
    assert cs.run(task([1, 2])) == 3
    assert task.routine.block_kernel.entries == 1


def test_explain_has_the_diagnostics_all_the_same():
    task = cs.task(lower=True)(iterates)
    assert cs.run(task([1, 2])) == 3
    report = cs.explain(task([1, 2]))["iterates"]
    ((types, reasons),) = report.reasons
    assert report.regime == "kernel" and types == ("object",)
    assert {reason.code for reason in reasons} == {"CS114"}
