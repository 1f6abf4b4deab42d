"""The hooks that the extension calls while a kernel runs: more code, exits."""

from __future__ import annotations

from types import FunctionType
from weakref import WeakValueDictionary

import cascade.kernels.blocks.attributes
import cascade.kernels.blocks.calls
import cascade.kernels.blocks.construction
import cascade.kernels.blocks.consumers
import cascade.kernels.blocks.functions
import cascade.kernels.blocks.iteration
import cascade.kernels.blocks.lists
import cascade.kernels.blocks.mappings
import cascade.kernels.blocks.matching
import cascade.kernels.blocks.math_calls
import cascade.kernels.blocks.names
import cascade.kernels.blocks.number_objects
import cascade.kernels.blocks.numbers
import cascade.kernels.blocks.partial_calls
import cascade.kernels.blocks.python_calls
import cascade.kernels.blocks.random_calls
import cascade.kernels.blocks.regions
import cascade.kernels.blocks.sequences
import cascade.kernels.blocks.set_operators
import cascade.kernels.blocks.sets
import cascade.kernels.blocks.slices
import cascade.kernels.blocks.special_methods
import cascade.kernels.blocks.super_calls
import cascade.kernels.blocks.text  # noqa: F401  (they enter their forms)
from cascade._vm import BlockKernel, configure
from cascade.kernels.blocks import exits, verify
from cascade.kernels.blocks.admission import refusal_of
from cascade.kernels.blocks.translator import Consumer, Translator

configure(translator_type=Translator)


def block_kernel(function: FunctionType) -> BlockKernel:
    """Returns the kernel of a function, whose code is made as it is executed."""
    known = KERNELS.get(id(function))
    if known is not None and known.translator.function is function and not known.stale:
        return known
    made = KERNELS[id(function)] = new_kernel(function)
    return made


def new_kernel(function: FunctionType, consumer: Consumer | None = None) -> BlockKernel:
    translator = Translator(function, consumer)
    translator.kernel_of = kernel_of
    if verify.ON:
        translator.verify()
    return BlockKernel(translator, exits)


KERNELS: WeakValueDictionary[int, BlockKernel] = WeakValueDictionary()
"""By the address of the function, which its kernel holds."""


def kernel_of(function: FunctionType, consumer: Consumer | None) -> BlockKernel | None:
    """Returns the kernel by which a kernel calls a function; None where it has none.

    Args:
        function: a plain function.
        consumer: what takes its values, where it is a generator.
    """
    if refusal_of(function, consumer is not None) is not None:
        return None
    return block_kernel(function) if consumer is None else new_kernel(function, consumer)
