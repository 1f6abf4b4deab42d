"""What becomes of a value: the instruction that takes it from the stack."""

from __future__ import annotations

import builtins

from cascade.kernels.blocks.decode import Instruction
from cascade.kernels.blocks.generic import effect, popped
from cascade.kernels.blocks.translator import Translator
from cascade.kernels.blocks.values import NULL
from cascade.kernels.functions import MATH

FURTHEST = 16
"""Instructions that are looked at."""
PUSHING = {
    "LOAD_FAST": 1,
    "LOAD_FAST_CHECK": 1,
    "LOAD_FAST_LOAD_FAST": 2,
    "LOAD_DEREF": 1,
    "LOAD_CONST": 1,
    "PUSH_NULL": 1,
}
NOTHING = ("NOP", "CACHE", "PRECALL", "RESUME")
OF_NUMBERS = frozenset((builtins.min, builtins.max, builtins.abs, builtins.float, builtins.int, builtins.round, *MATH))
"""Functions that are called with numbers."""
COMPUTING = (
    "BINARY_OP",
    "COMPARE_OP",
    "BINARY_SUBSCR",
    "UNARY_NEGATIVE",
    "UNARY_NOT",
    "UNARY_INVERT",
    "TO_BOOL",
    "STORE_FAST",
)


def consumer(translator: Translator, offset: int) -> tuple[Instruction, int] | None:
    """Returns the instruction that takes the value on top of the stack at an offset, and how many values stand on it then."""
    depth = 1
    for _ in range(FURTHEST):
        instruction = translator.text.instructions.get(offset)
        if instruction is None or offset in translator.text.joins:
            return None
        pushed = PUSHING.get(instruction.name)
        if instruction.name == "LOAD_GLOBAL":
            pushed = 1 + (instruction.arg & 1)
        if pushed is not None:
            depth += pushed
        elif instruction.name.startswith("POP_JUMP") or instruction.name == "STORE_FAST":
            return (instruction, depth) if depth == 1 else None
        elif instruction.name not in NOTHING:
            taken = popped(instruction)
            if taken is None:
                return None
            if taken >= depth:
                return instruction, depth
            depth += effect(instruction)
        offset = instruction.after
    return None


def is_computed_with(translator: Translator, offset: int) -> bool:
    """Returns whether the value on top of the stack at an offset is going to be an operand, so that its class is needed soon."""
    found = consumer(translator, offset)
    if found is None:
        return False
    instruction, depth = found
    if instruction.name == "CALL":
        return callee_of(translator, instruction, depth, len(translator.state.stack) - 1) in OF_NUMBERS
    return instruction.name in COMPUTING or instruction.name.startswith("POP_JUMP")


def callee_of(translator: Translator, call: Instruction, depth: int, ours: int) -> object:
    """Returns the known function that a call is going to call; None where it is not known.

    Args:
        call: the call, which takes the value at the position `ours` of the stack as an argument.
        depth: how many values there are then from that one on.
    """
    stack = translator.state.stack
    first = ours - (call.arg + 2 - depth)  # the callable, beside a NULL or its first argument
    for place in (first, first + 1):
        if 0 <= place < ours:
            value = stack[place]
            if value.kind != NULL and value.constant:
                try:
                    hash(value.known)
                except TypeError:
                    return None
                return value.known
    return None
