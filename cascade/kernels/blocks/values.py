"""What is known, while a function is translated, of its variables and of the value stack."""

from __future__ import annotations

from collections import Counter, defaultdict, deque
from collections.abc import Iterable
from types import CodeType
from typing import NamedTuple

from cascade.kernels.model import BOOL, FLOAT, INT, NONE, OBJECT
from cascade.kernels.values import WIDE

NULL, CONDITION, DISPLAY, ROW, RANGE, ITEMS, COUNTED, ZIPPED = (
    "null", "condition", "display", "row", "range", "items", "counted", "zipped",
)  # fmt: skip
"""Kinds of values that stand on the stack only:

    null        CPython's NULL beside a callable
    condition   a comparison that the jump behind it makes
    display     a tuple whose items have registers of their own
    row         a row of an array of more dimensions that is not made unless it is used other than by a subscript: the array
                and the subscripts so far
    range       an iterator over a range: next, remaining, step in three registers
    items       an iterator over a list or tuple: the object and an index in two registers
    counted     enumerate() over `items`: and a count
    zipped      zip() over several `items`
"""
ITERATORS = (RANGE, ITEMS, COUNTED, ZIPPED)
ITERATED, AGAIN = "iterated", "again"
"""Kinds of the parameter of a comprehension, which is called with an iterator:

    iterated    it stands, as one of `ITERATORS`, where it will on the stack
    again       it has been pushed, and is the iterator of the outermost loop
"""
UNKNOWN: object = type("Unknown", (), {"__repr__": lambda self: "UNKNOWN"})()
NUMBERS = (INT, FLOAT, BOOL)
CHAR = "char"
"""The kind of a text of one character of Latin-1, whose number is in the register: there is one object for each (see `BOX_CHAR`)."""
SCALARS = (
    "bool_", "int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64", "float32", "float64",
)  # fmt: skip
"""Kinds of NumPy's scalars, in the order of vm/kernel_arrays.h: registers hold an int, or, of the last two, a float."""
UNBOXED = (*NUMBERS, CHAR, *SCALARS)
CODES = {INT: "i", FLOAT: "d", BOOL: "b", CHAR: "c", NONE: "n", **dict(zip(SCALARS, "ABCDEFGHIJK", strict=True))}
"""Kinds, as the extension knows them."""
FORGOTTEN = -1
HELD = (*UNBOXED, NONE, OBJECT)
"""Kinds of values that variables hold."""
PLAIN: frozenset[type] = frozenset((int, float, bool, str, bytes, type(None), complex, range))
"""Classes whose instances run no code when they die, and whose operations run none either."""
BUILT_IN = PLAIN | {list, tuple, dict, set, frozenset, bytearray, deque, defaultdict}
"""Classes that nobody can change, and whose instances have no attributes of their own."""
_EMPTY: dict[object, object] = {}
_ITERABLE: tuple[Iterable[object], ...] = (
    [], (), range(0), range(2**70), "", "\u0101", b"", bytearray(), {}, _EMPTY.values(), _EMPTY.items(), set(), reversed([]),
    reversed({}), reversed(_EMPTY.values()), reversed(_EMPTY.items()),
)  # fmt: skip
PLAIN_ITERATORS: frozenset[type] = frozenset(type(iter(iterable)) for iterable in _ITERABLE)
"""Classes of iterators that run no code of users."""
BACKWARD_ITEMS = type(reversed(list[object]()))
"""The class of an iterator over the items of a list from the last one on; one of the kind `items` may be such."""
TOLD_APART = BUILT_IN | PLAIN_ITERATORS | {Counter}
"""Classes of objects that are told apart."""


class Layout(NamedTuple):
    """The items of an array or buffer.

    Attributes:
        element: the kind of NumPy's scalars with the same bits.
        dimensions: their number.
        code: the type code of an `array.array` or `memoryview`; empty for NumPy's arrays, whose items are NumPy's scalars.
    """

    element: str
    dimensions: int
    code: str = ""


class Value(NamedTuple):
    """A value.

    Attributes:
        kind: int, float, bool, char, none, object, one of `SCALARS`, or one of the kinds above.
        register: the name of its (first) register; -1 where it has none.
        cls: of an object, its exact class, where that is known.
        owned: whether it is the stack's own: its reference is dropped when it is consumed.
        local: the number of the variable that holds it; -1 where none does.
        known: the object itself, where it is known.
        parts: the items of a display; the iterators of counted and zipped, with what holds the items that these gave last (see
            `last_items.py`), in the order in which they die, of zipped the last one first; of a condition its two sides.
        name: of a condition the instruction.
        general: an object of any class that no more versions are made for; a condition whose value is a bool of NumPy's.
        met: of such an object, the class that it has had; it is tested again before the code relies on it.
        tested: the epoch (see `State`) in which that class was tested.
        code: of a function that was made here, its code.
        tries: how many classes it was told apart from before; `FORGOTTEN` where paths with several have joined, so that the class
            is told again, of a copy on the stack, where it is needed.
        layout: of an array or buffer, what is expected of its items; each access checks it.
    """

    kind: str
    register: int = -1
    cls: type | None = None
    owned: bool = False
    local: int = -1
    known: object = UNKNOWN
    parts: tuple[Value, ...] = ()
    name: str = ""
    general: bool = False
    met: type | None = None
    tested: int = -1
    code: CodeType | None = None
    tries: int = 0
    layout: Layout | None = None

    def __eq__(self, other: object) -> bool:
        # Known objects are compared by identity: their own comparison may run code of users, and 0.0 == -0.0.
        return (
            isinstance(other, Value) and self.known is other.known and self[:5] == other[:5] and self[6:] == other[6:]
        )

    def __ne__(self, other: object) -> bool:
        return not self == other

    def __hash__(self) -> int:
        return hash((self.kind, self.register))

    def moved(self, register: int, parts: tuple[Value, ...]) -> Value:
        """Returns the value in another register, as are its parts."""
        return tuple.__new__(Value, (self.kind, register, *self[2:6], parts, *self[7:]))

    def loaded(self, local: int) -> Value:
        """Returns the value as it stands on the stack when it has been loaded from a variable."""
        return tuple.__new__(Value, (*self[:3], False, local, *self[5:]))

    @property
    def number(self) -> bool:
        return self.kind in NUMBERS

    @property
    def scalar(self) -> bool:
        """Whether it is a scalar of NumPy's, unboxed."""
        return self.kind in SCALARS

    @property
    def constant(self) -> bool:
        return self.known is not UNKNOWN

    @property
    def passed_apart(self) -> bool:
        """Whether it is a tuple that need not be made for code in place of a call: the classes of its items need not be told."""
        return self.kind == DISPLAY and all(part.kind in UNBOXED or part.kind == NONE for part in self.parts)

    @property
    def unseen(self) -> bool:
        """Whether it is an object of which nothing is known yet."""
        return self.kind == OBJECT and self.cls is None and not self.general and self.known is UNKNOWN


class Iterated(NamedTuple):
    """An argument that is an iterator in registers; `value` counts these from 0. There is one for each kind: see `iterated`."""

    value: Value


_ITERATED: dict[Value, Iterated] = {}


def iterated(value: Value) -> Iterated:
    """Returns the kind of argument that an iterator in registers is."""
    relative = shifted(value, -value.register)
    return _ITERATED.setdefault(relative, Iterated(relative))


def shifted(value: Value, by: int) -> Value:
    """Returns an iterator in other registers."""
    register = value.register + by if value.register >= 0 else value.register
    return value._replace(register=register, parts=tuple(shifted(part, by) for part in value.parts))


NOTHING = Value(NONE, known=None)
NO_CALLABLE = Value(NULL)


def fact(value: Value) -> object:
    """Returns the part of a value by which versions differ: a kind, the address of a constant, or a tuple."""
    kind = value.kind
    if kind in CODES:
        return kind
    if kind == OBJECT and value.known is not UNKNOWN:
        return id(value.known)
    is_told_again = value.general and value.tries == FORGOTTEN
    own = (kind, value.cls, value.general, is_told_again, value.layout)
    return (*own, *map(fact, value.parts)) if value.parts else own


def constant_value(found: object) -> Value:
    """Returns the value of a constant."""
    if type(found) is bool:
        return Value(BOOL, known=found)
    if type(found) is int and found in WIDE:
        return Value(INT, known=found)
    if type(found) is float and found == found:
        return Value(FLOAT, known=found)
    if found is None:
        return NOTHING
    cls = type(found)
    built_in = cls in BUILT_IN
    return Value(OBJECT, cls=cls if built_in else None, known=found, general=True, met=None if built_in else cls)


class State:
    """The variables and the value stack at a program point.

    Attributes:
        variables: by the number of the variable; None where it is unbound.
        stack: from the bottom to the top.
        guarded: whether the names that the code relies on are known to mean the same still.
        epoch: another number wherever code of users may have run, or paths join: the classes of objects are tested again.
        origin: the program point from which the code leads here: an `Origin` of points.py, or None.
    """

    __slots__ = ("epoch", "guarded", "origin", "stack", "variables")

    def __init__(
        self, variables: list[Value | None], stack: list[Value], guarded: bool, epoch: int = 0, origin: object = None
    ) -> None:
        self.variables = variables
        self.stack = stack
        self.guarded = guarded
        self.epoch = epoch
        self.origin = origin

    def copy(self) -> State:
        return State(list(self.variables), list(self.stack), self.guarded, self.epoch, self.origin)

    def kept(self, stack: Iterable[Value]) -> KeptState:
        """Returns the state as it is now, with another stack."""
        return tuple.__new__(KeptState, (tuple(self.variables), tuple(stack), self.guarded, self.epoch, self.origin))

    def key(self, offset: int) -> tuple[object, ...]:
        variables = tuple([None if value is None else fact(value) for value in self.variables])
        return (offset, self.guarded, variables, tuple(map(fact, self.stack)))


class KeptState(NamedTuple):
    """A state to which the translation may come back."""

    variables: tuple[Value | None, ...]
    stack: tuple[Value, ...]
    guarded: bool
    epoch: int
    origin: object

    def state(self) -> State:
        return State(list(self.variables), list(self.stack), self.guarded, self.epoch, self.origin)
