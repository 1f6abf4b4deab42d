"""The workloads: functions, and the shapes in which they are composed.

A shape is written once and takes the functions as arguments. With plain functions it makes the bare calls, which are
the floor; with tasks it declares the same calls for Cascade.
"""

from __future__ import annotations

import asyncio
import types
from collections.abc import Callable, Iterable
from typing import Any

import cascade as cs
from cascade.runtime.blueprint import TailCall

Function = Callable[..., Any]

WIDTH = 100
"""Nodes in a layer of the layered graph."""


def increment(value: int) -> int:
    return value + 1


def itself(value: int) -> int:
    return value


def mix(left: int, right: int) -> int:
    # Stays small at any depth; a sum would end in big integers, whose cost would hide ours.
    return left ^ right


def total(*values: int) -> int:
    return sum(values)


def double(value: int) -> int:
    return 2 * value


def add(left: int, right: int) -> int:
    return left + right


def countdown(n: int) -> str | TailCall[str]:
    return TailCall(kwargs={"n": n - 1}) if n > 0 else "done"


async def pause(number: int) -> int:
    await asyncio.sleep(0.01)
    return number


def distinct(function: Function, count: int) -> list[Function]:
    """Returns copies of a function that share nothing, as different functions of a program do."""
    assert isinstance(function, types.FunctionType)
    copies: list[Function] = []
    for number in range(count):
        code = function.__code__.replace(co_name=f"{function.__name__}_{number}")
        copies.append(types.FunctionType(code, function.__globals__, code.co_name))
    return copies


# -- Shapes ------------------------------------------------------------------------------------------------------------


def chain(functions: Iterable[Function]) -> Any:
    """Returns a chain: each function takes the value of the one before."""
    value: Any = 0
    for function in functions:
        value = function(value)
    return value


def layered(nodes: int, itself: Function, mix: Function, total: Function) -> Any:
    """Returns layers of `WIDTH` nodes; each takes two of the layer before, and the last layer is summed."""
    layer = [itself(position) for position in range(WIDTH)]
    for _ in range(nodes // WIDTH - 1):
        layer = [mix(layer[position], layer[position - 1]) for position in range(WIDTH)]
    return total(*layer)


def three_nodes(double: Function, increment: Function, add: Function) -> Any:
    return add(double(3), increment(4))


def three_calls() -> int:
    """Makes the bare calls of `three_nodes`, written by hand."""
    return add(double(3), increment(4))


# -- The shapes, declared -------------------------------------------------------------------------------------------
#
# Fresh tasks each time: compiled code is kept by its task, and would be found again.


def declare_chain(nodes: int) -> cs.LazyResult[int]:
    result: cs.LazyResult[int] = chain([cs.task(increment)] * nodes)
    return result


def declare_layered(nodes: int) -> cs.LazyResult[int]:
    result: cs.LazyResult[int] = layered(nodes, cs.task(itself), cs.task(mix), cs.task(total))
    return result


def bare_chain(nodes: int) -> int:
    result: int = chain([increment] * nodes)
    return result


def bare_layered(nodes: int) -> int:
    result: int = layered(nodes, itself, mix, total)
    return result


DECLARATIONS: dict[str, Callable[[int], cs.LazyResult[int]]] = {"chain": declare_chain, "layered": declare_layered}
BARE: dict[str, Callable[[int], int]] = {"chain": bare_chain, "layered": bare_layered}


# -- Floors of loops ------------------------------------------------------------------------------------------------


def trampoline(function: Function, **arguments: Any) -> Any:
    """Runs a function that returns tail calls to itself, as a loop written by hand would."""
    while True:
        result = function(**arguments)
        if type(result) is not TailCall:
            return result
        arguments = result.kwargs


def heavy_calls(steps: int) -> str:
    """Makes the bare calls of the seed's heavy countdown."""

    def noop(_dummy: object = None) -> object:
        return None

    def step(n: int, _dummy: object = None) -> str | None:
        return "done" if n <= 0 else None

    answer = step(steps)
    while answer is None:
        value = noop()
        for _ in range(10):
            value = noop(_dummy=value)
        steps -= 1
        answer = step(steps, _dummy=value)
    return answer
