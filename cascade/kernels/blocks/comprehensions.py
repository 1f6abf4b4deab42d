"""Calls of comprehensions, up to CPython 3.11, and of generator expressions that are consumed at once, by kernels.

    sum(x * x for x in xs)      MAKE_FUNCTION   the code of the expression
                                GET_ITER        pushes an iterator in registers (see `iteration.py`)
                                CALL 0          calls the kernel of code and consumer, which returns the sum
                                CALL 1          is passed over

The iterator is moved to where it will stand on the callee's stack.
"""

from __future__ import annotations

from types import CodeType, FunctionType
from typing import NamedTuple

from cascade.kernels.blocks.decode import Instruction
from cascade.kernels.blocks.instructions import with_empty_cells
from cascade.kernels.blocks.translator import Consumer, Translator
from cascade.kernels.blocks.values import CHAR, NULL, Value

COMPREHENSIONS = ("<listcomp>", "<setcomp>", "<dictcomp>")
"""Up to CPython 3.11, functions that are made and called at once."""
BEGINNING = ("LOAD_FAST_AND_CLEAR", "SWAP", "BUILD_LIST", "BUILD_SET", "BUILD_MAP")
GENERATOR = "<genexpr>"
CONSUMERS: dict[object, Consumer] = {}
"""By the function that is called with a generator; see `consumers.py`."""
HASHABLE = (type, type(sum), type(str.join))


def begun_at(translator: Translator, offset: int) -> tuple[Instruction, int]:
    """Returns the instruction at an offset behind those by which a comprehension that is a part of the function begins (from CPython 3.12 on).

    The old values of its variables and the container that it makes get below its iterator; the second result is how many these are.
    """
    pushed = 0
    following = translator.text.instructions[offset]
    while following.name in BEGINNING:
        pushed += following.name != "SWAP"
        following = translator.text.instructions[following.after]
    return following, pushed


class Made(NamedTuple):
    """A comprehension that is going to be called.

    Attributes:
        kernel: its kernel.
        call: of a generator expression the call of the consumer, else its own.
        consumer: the consumer.
    """

    kernel: object
    call: Instruction
    consumer: Consumer | None = None

    @property
    def joins(self) -> bool:
        return self.consumer is not None and self.consumer.name == "join"


def made_at(translator: Translator, offset: int, place: int) -> Made | None:
    """Returns the comprehension that is called at an offset, if it has a kernel.

    Args:
        translator: of the code that calls it.
        offset: behind the instruction that makes its iterator.
        place: where its function stands on the stack, from the bottom.
    """
    stack = translator.state.stack
    code = stack[place].code if 0 <= place < len(stack) else None
    call = next_call(translator, offset, 0)
    if code is None or call is None:
        return None
    consumer = None
    if code.co_name == GENERATOR:
        outer = next_call(translator, call.after, 1)
        consumer = None if outer is None or place < 2 else consumer_of(stack[place - 2], stack[place - 1])
        if outer is None or consumer is None:
            return None
        call = outer
    elif code.co_name not in COMPREHENSIONS:
        return None
    kernel = kernel_of_code(translator, code, consumer)
    return None if kernel is None else Made(kernel, call, consumer)


def next_call(translator: Translator, offset: int, count: int) -> Instruction | None:
    """Returns the call at an offset, if it has no keywords, and takes so many arguments."""
    found = translator.text.instructions.get(offset)
    while found is not None and found.name == "PRECALL" and found.start not in translator.text.joins:
        found = translator.text.instructions.get(found.after)
    if found is None or found.name != "CALL" or found.arg != count or found.start in translator.text.joins:
        return None
    return found


def consumer_of(first: Value, second: Value) -> Consumer | None:
    """Returns the consumer that a function is, or a method and its instance."""
    if second.kind == NULL:
        first, second = second, first
    function = second if first.kind == NULL else first
    if not function.constant or type(function.known) not in HASHABLE:
        return None
    found = CONSUMERS.get(function.known)
    if found is None or (first.kind == NULL) is (found.name == "join"):
        return None
    return found if first.kind == NULL or second.kind == CHAR or second.cls is str else None


def kernel_of_code(translator: Translator, code: CodeType, consumer: Consumer | None) -> object:
    """Returns the kernel of a function that is made in this code; None where it has none."""
    key = (id(code), "" if consumer is None else consumer.name)
    if key not in translator.made_kernels:
        made = with_empty_cells(code, translator.function.__globals__)
        translator.made_kernels[key] = translator.kernel_of(made, consumer)
    return translator.made_kernels[key]


def kernel_of_generator(translator: Translator, function: FunctionType, consumer: Consumer) -> object:
    """Returns the kernel of a generator function whose values a consumer takes; None where it has none."""
    key = (id(function), consumer.name)
    if key not in translator.made_kernels:
        translator.made_kernels[key] = translator.kernel_of(function, consumer)
    return translator.made_kernels[key]
