"""The hooks that the extension calls while a kernel runs: more code, exits."""

from __future__ import annotations

from types import FunctionType
from weakref import ref

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


class KernelTable:
    """The kernels by their functions, which they hold.

    It has weak references without callbacks: an exception of a signal's handler that strikes in one written in Python, as those of a
    `WeakValueDictionary` are, would be lost.
    """

    def __init__(self) -> None:
        self.references: dict[int, ref[BlockKernel]] = {}
        self.limit = 64

    def get(self, function: FunctionType) -> BlockKernel | None:
        reference = self.references.get(id(function))
        kernel = None if reference is None else reference()
        return kernel if kernel is not None and kernel.translator.function is function else None

    def keep(self, function: FunctionType, kernel: BlockKernel) -> None:
        if len(self.references) >= self.limit:
            for address, reference in list(self.references.items()):
                if reference() is None:
                    self.references.pop(address, None)
            self.limit = 2 * len(self.references) + 64
        self.references[id(function)] = ref(kernel)


KERNELS = KernelTable()


def block_kernel(function: FunctionType) -> BlockKernel:
    """Returns the kernel of a function, whose code is made as it is executed."""
    known = KERNELS.get(function)
    if known is not None and not known.stale:
        return known
    made = new_kernel(function)
    KERNELS.keep(function, made)
    return made


def new_kernel(function: FunctionType, consumer: Consumer | None = None) -> BlockKernel:
    translator = Translator(function, consumer)
    translator.kernel_of = kernel_of
    if verify.ON:
        translator.verify()
    return BlockKernel(translator, exits)


def kernel_of(function: FunctionType, consumer: Consumer | None) -> BlockKernel | None:
    """Returns the kernel by which a kernel calls a function; None where it has none.

    Args:
        function: a plain function.
        consumer: what takes its values, where it is a generator.
    """
    if refusal_of(function, consumer is not None) is not None:
        return None
    return block_kernel(function) if consumer is None else new_kernel(function, consumer)
