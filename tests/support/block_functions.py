"""Calls of functions by kernels that are made block by block, compared with CPython's."""

from __future__ import annotations

import copy
from collections.abc import Callable
from types import FunctionType
from typing import Any

from cascade.kernels.blocks.kernel import block_kernel
from tests.support.outcomes import described


def outcome(call: Callable[..., Any], arguments: list[Any]) -> tuple[Any, ...]:
    """Returns what a call returns or raises, and what it has made of its arguments."""
    try:
        result = call(*arguments)
    except Exception as error:
        error.__traceback__ = error.__traceback__ and error.__traceback__.tb_next  # without this frame
        return ("raised", described(error), shown(arguments))
    return ("returned", shown(result), shown(arguments))


def shown(value: Any) -> str:
    """Returns a text by which values and their types are compared."""
    return (
        f"{type(value).__name__}:{value!r}"
        if not isinstance(value, list | tuple)
        else (f"{type(value).__name__}[{', '.join(map(shown, value))}]")
    )


def assert_same(function: Callable[..., Any], *arguments: Any, calls: int = 3, kernel: Any = None) -> Any:
    """Calls a function by CPython and by a kernel, several times with equal arguments, and returns the kernel."""
    assert isinstance(function, FunctionType)
    kernel = block_kernel(function) if kernel is None else kernel
    for _ in range(calls):
        expected = outcome(function, copy.deepcopy(list(arguments)))
        found = outcome(kernel, copy.deepcopy(list(arguments)))
        assert found == expected
    return kernel


def instructions(kernel: Any) -> list[str]:
    """Returns the names of the kernel's instructions."""
    from cascade.instructions.kernel import KERNEL_INSTRUCTIONS

    return [KERNEL_INSTRUCTIONS[opcode].name for _, opcode, *_ in kernel.listing()]


def show(kernel: Any) -> None:
    """Prints the kernel's code."""
    from cascade.instructions.kernel import KERNEL_INSTRUCTIONS

    for number, opcode, operands, line, exits in kernel.listing():
        row = KERNEL_INSTRUCTIONS[opcode]
        used = {letter: value for letter, value in zip("abcdef", operands, strict=True) if letter in row.operands}
        for letter, operand in row.operands.items():
            if operand.role == "target":
                used[letter] = number + used[letter] // 32
        print(number, f"line {line}", row.name, used, exits or "")
