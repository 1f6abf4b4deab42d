"""Program points: where code stops, what follows a stub, and what is added to a kernel."""

from __future__ import annotations

from types import FunctionType
from typing import NamedTuple

from cascade.kernels.assemble import Label
from cascade.kernels.blocks.chunks import Words
from cascade.kernels.blocks.values import Iterated, KeptState, Value

HERE, GENERAL, CALLED, AHEAD, BACKWARD = "here", "general", "called", "ahead", "backward"
OF_OPERATOR, OF_COMPARISON, OF_UNEQUAL, OF_HOLDS, OF_LENGTH = 1, 2, 8, 9, 11
"""Ways in which an instruction finishes a special method's result: see vm/kernel_special.h."""


class Unseen(Exception):
    """The class of a value is needed: the code ends in a stub here.

    Attributes:
        place: the position on the stack, from the top, as an index (-1, -2, ...).
    """

    def __init__(self, place: int) -> None:
        self.place = place


class Ended(Exception):
    """The block has ended."""


class LeavesTyped(Exception):
    """From here CPython continues, in any case."""


class Exit(NamedTuple):
    """A side exit: the offset at which CPython continues, and where the variables and the stack's values are; what else is dropped."""

    offset: int
    variables: tuple[Value | None, ...]
    stack: tuple[Value, ...]
    released: tuple[Value, ...] = ()


class Stub(NamedTuple):
    """What follows a stub.

    Attributes:
        offset: of the instruction.
        state: there; registers are physical ones.
        place: the stack's value whose class is needed; 0 where none is.
        tried: how many classes have been told apart.
        way: how the offset is reached: `HERE`, where its instruction begins; `GENERAL`, where it begins and its usual form
            does not fit the values; `CALLED`, where it begins and makes a call that cannot go on in place; `AHEAD` or `BACKWARD`
            by a jump that comes first.
        released: values that die before such a jump or call.
    """

    offset: int
    state: KeptState
    place: int
    tried: int
    way: str = HERE
    released: tuple[Value, ...] = ()


class Version:
    """A translated program point, or one that is going to be.

    Attributes:
        rotated: of the head of a loop: the instruction that takes the next item at the loop's end, the register that gets it,
            the iterator's, and the label behind the first one at the head.
        origin: from which its code can be made once more; None until it has been made.
    """

    __slots__ = ("label", "origin", "rotated")

    def __init__(self) -> None:
        self.label = Label()
        self.rotated: tuple[str, int, int, Label] | None = None
        self.origin: Origin | None = None


class Origin:
    """The start of an entry or a version, from which its code can be made once more: see `Translator.renew`.

    Attributes:
        label: its word.
        stub: the state there.
        version: None for an entry.
        renewals: how often its code has been made anew.
    """

    __slots__ = ("label", "renewals", "stub", "version")

    stub: Stub

    def __init__(self, label: Label, version: Version | None) -> None:
        self.label, self.version = label, version
        self.renewals = 0


class Met(NamedTuple):
    """The class of a value that was met somewhere, and a value like it, where its code depends on more than the class."""

    cls: type
    like: object


class Growth(NamedTuple):
    """Words to be added to a kernel: at `start`, which is behind the last word, or on a stub that is the last one.

    Attributes:
        jump_from: the number of the stub's word that becomes a jump to `start`; -1 for none.
        stubs: the words that stand before the first stub at the end of the code.
        points: the words at which code that is made later may enter, and what registers hold there.
    """

    start: int
    words: Words
    jump_from: int
    stub_start: int
    stubs: Words
    points: tuple[tuple[int, Exit], ...] = ()


class CallOut(NamedTuple):
    """A call-out or a container: its function, the (register, kind) of each argument, and the registers of the results."""

    function: object
    sources: tuple[tuple[int, str], ...]
    targets: tuple[int, ...]
    start: int
    end: int


class IteratorArgument(NamedTuple):
    """An argument that is an iterator in registers.

    Attributes:
        kind: of which kind it is.
        value: the iterator, in registers of the caller.
        target: the first register of the callee that it is moved to.
    """

    kind: Iterated
    value: Value
    target: int


class Callee(NamedTuple):
    """The function that a call-out calls, where that is done by a kernel.

    Attributes:
        kernel: its kernel.
        place: the number of the argument of the call-out before the function's own; -1 where there is none. It is the function,
            unless that is known.
        function: the function, where it is known.
        operand: the number of the argument whose class has the function, for the frame of the caller.
        finish: the way in which the instruction finishes the result: see vm/kernel_special.h.
        sign: of an operator, as an error names it.
        parameters: the number of the parameter for each of the arguments that follow.
        defaults: of a function that is called with fewer arguments than it has parameters.
        iterator: of a comprehension, what its argument is, if it has been made for that.
        raises_at: the offset of the instruction that raises what the function raises.
        joins: whether the result, a list, is joined by the text that is argument 1 of the call-out.
        origin: from where the code leads to the call.
    """

    kernel: object
    place: int = 0
    function: FunctionType | None = None
    operand: int = 0
    finish: int = 0
    sign: str = ""
    parameters: tuple[int, ...] = ()
    defaults: tuple[object, ...] | None = None
    iterator: IteratorArgument | None = None
    raises_at: int = -1
    joins: bool = False
    origin: Origin | None = None
