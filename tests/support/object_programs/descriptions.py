"""Describes values, exceptions and modules exactly, without running any code of theirs.

A `Description` is made of everything that a call left behind, in one pass: a container or an instance that is met again is a reference
to its first place, so two descriptions are equal only if all values have the same types, bits, order and aliasing.
"""

from __future__ import annotations

import array
import itertools
import opcode
import re
import sys
import types
import weakref
from collections import OrderedDict, deque
from collections.abc import Callable, Iterator
from typing import Any

try:
    import numpy as np
except ImportError:
    np = None  # type: ignore[assignment]

SCALARS: tuple[type, ...] = () if np is None else (np.generic,)
LOAD_FAST = opcode.opmap["LOAD_FAST"]
VARIABLES = (LOAD_FAST, opcode.opmap["STORE_FAST"])
NODE_NOTES = ("in task '", "in item ")
SIMPLE = {int, bool, str, bytes, type(None), type(Ellipsis), type(NotImplemented), range, slice}
ADDRESS = re.compile(r" at 0x[0-9a-f]*", re.IGNORECASE)
UNSPECIFIED = {(types.TracebackType, "tb_lasti")}
"""Attributes of built-in objects that differ between ways of running: a position in bytecode (its line and columns are compared)."""
MOST = 20_000
"""Values in a description; what has more is cut, equally for all ways of running."""


class Describer:
    """Describes values one after the other, and remembers those that were met."""

    def __init__(self) -> None:
        self.met: dict[int, int] = {}
        self.kept: list[Any] = []  # so that no identity is used twice

    def describe(self, value: Any) -> Any:
        kind = type(value)
        if kind is str:
            return "str", without_addresses(value)
        if kind is bytes and b" at 0x" in value:
            return "bytes", without_addresses(value.decode("latin-1"))
        if kind in SIMPLE:
            return (
                (kind.__name__, value)
                if kind is not slice
                else ("slice", self.each((value.start, value.stop, value.step)))
            )
        if kind is float:
            return "float", repr(value)
        if kind is complex:
            return "complex", repr(value)
        if kind is tuple and not value:
            return ("tuple",)
        numpy = sys.modules.get("numpy")
        if numpy is not None and issubclass(kind, numpy.generic):  # numbers have no identity in typed code
            if value.dtype.char in "gG":
                return kind.__name__, repr(value)  # its bytes are filled up with anything
            return kind.__name__, (value.dtype.str, value.tobytes().hex())
        return self.object(value, kind)

    def each(self, values: Any) -> tuple[Any, ...]:
        return tuple([self.describe(value) for value in values])

    def object(self, value: Any, kind: type) -> Any:
        """What has an identity."""
        number = self.met.get(id(value))
        if number is not None:
            return "same as", number
        if len(self.met) > MOST:
            return ("cut",)
        self.met[id(value)] = len(self.met)
        self.kept.append(value)
        described = DESCRIBED.get(kind)
        if described is not None:
            return kind.__name__, described(self, value)
        return self.instance(value, kind)

    def instance(self, value: Any, kind: type) -> Any:
        """An instance of any other class: what its built-in bases hold, then its attributes."""
        if np is not None and isinstance(value, (np.ndarray, np.generic)):
            return kind.__name__, self.of_numpy(value)
        if isinstance(value, BaseException):
            return kind.__qualname__, self.each(value.args)
        if isinstance(value, type):
            return "class", value.__qualname__
        held = [(base.__name__, describe(self, value)) for base, describe in BASES.items() if issubclass(kind, base)]
        return kind.__qualname__, tuple(held), self.attributes(value, kind)

    def attributes(self, value: Any, kind: type) -> Any:
        found = []
        try:
            names = object.__getattribute__(value, "__dict__")
        except AttributeError:
            names = None
        if type(names) is dict:
            found.append(tuple([(name, self.describe(held)) for name, held in dict.items(names)]))
        for base in kind.__mro__:
            for name, member in base.__dict__.items():
                if type(member) is types.MemberDescriptorType and (kind, name) not in UNSPECIFIED:
                    found.append((name, self.slot(member, value)))
        return tuple(found)

    def slot(self, member: Any, value: Any) -> Any:
        try:
            return self.describe(member.__get__(value))
        except (AttributeError, TypeError):
            return ("no value",)

    def of_numpy(self, value: Any) -> Any:
        """Of an array all that its users can see; NaNs have no sign or payload here."""
        if isinstance(value, np.generic):
            return value.dtype.str, repr(value.item())
        flags = value.flags.writeable, value.flags.owndata
        items = self.each(value.ravel().tolist()) if value.dtype == object else repr(value.tolist())
        return value.dtype.str, value.shape, value.strides, flags, items

    def set(self, value: Any) -> Any:
        """In its order, where that follows from the values."""
        if all(type(item) in (int, str, bool, float, bytes) for item in set.__iter__(set(value))):
            return self.each(value)
        return len(value), tuple(sorted(repr(Describer().describe(item)) for item in value))

    # -- Exceptions ---------------------------------------------------------------------------------------------------

    def error(self, error: BaseException | None, file: str, depth: int = 0) -> Any:
        """Everything of an exception that a user can see; of its traceback the frames in the program's file."""
        if error is None or depth > 6:
            return None
        notes = tuple(note for note in getattr(error, "__notes__", ()) if not str(note).startswith(NODE_NOTES))
        inner = (
            tuple(self.error(each, file, depth + 1) for each in error.exceptions)
            if isinstance(error, BaseExceptionGroup)
            else ()
        )
        return (
            type(error).__qualname__,
            self.each(error.args),
            without_addresses(message(error)),
            notes,
            name_of(error),
            tuple(self.frames(error, file)),
            error.__suppress_context__,
            ("cause", self.error(error.__cause__, file, depth + 1)),
            ("context", self.error(error.__context__, file, depth + 1)),
            inner,
        )

    def frames(self, error: BaseException, file: str) -> Iterator[Any]:
        traceback = error.__traceback__
        while traceback is not None:
            code = traceback.tb_frame.f_code
            if code.co_filename == file:
                word = failed_word(error, code, traceback.tb_lasti // 2)
                positions = next(itertools.islice(code.co_positions(), word, None))
                if isinstance(error, UnboundLocalError) and sys.version_info < (3, 12):
                    # Where CPython's own instructions are specialised, it names the instruction before or behind.
                    yield code.co_qualname, self.variables(traceback.tb_frame)
                else:
                    yield code.co_qualname, traceback.tb_lineno, positions, self.variables(traceback.tb_frame)
            traceback = traceback.tb_next

    def variables(self, frame: types.FrameType) -> Any:
        """What a debugger shows."""
        if frame.f_locals is frame.f_globals:
            return ()
        return tuple((name, self.describe(value)) for name, value in sorted(frame.f_locals.items()))


def without_addresses(text: str) -> str:
    """Each world has objects of its own."""
    return ADDRESS.sub(" at 0x", text) if "0x" in text or "0X" in text else text


def message(error: BaseException) -> str:
    try:
        return str(error)
    except Exception as raised:
        return f"no text: {type(raised).__name__}"


def name_of(error: BaseException) -> Any:
    """The name that an exception is about.

    An AttributeError that a property raises gets the property's name from CPython as long as the load of the attribute is not warm.
    """
    name = getattr(error, "name", None)
    return None if isinstance(error, AttributeError) and str(name) not in message(error) else name


def failed_word(error: BaseException, code: types.CodeType, word: int) -> int:
    """The instruction that failed.

    CPython 3.11 runs two neighbours as one when a function has become warm, and if the second of them, a load of an
    unbound variable, fails, it names the first. Whether it is warm depends on the calls before, so here it is always the load.
    """
    if not isinstance(error, UnboundLocalError) or sys.version_info >= (3, 12):
        return word
    instruction, operand = code.co_code[2 * word : 2 * word + 2]
    if instruction in VARIABLES and code.co_varnames[operand].startswith("."):
        return word
    loads = instruction == LOAD_FAST and f"'{code.co_varnames[operand]}'" in str(error)
    return word if loads else word + 1


def _function(describer: Describer, value: Any) -> Any:
    return (
        value.__qualname__,
        describer.describe(value.__defaults__),
        tuple(describer.describe(_cell(cell)) for cell in value.__closure__ or ()),
    )


def _cell(cell: types.CellType) -> Any:
    try:
        return cell.cell_contents
    except ValueError:
        return NotImplemented


def _items(describer: Describer, value: Any) -> Any:
    return tuple([(describer.describe(key), describer.describe(held)) for key, held in dict.items(value)])


def _memory(describer: Describer, value: memoryview) -> Any:
    try:
        return value.format, value.shape, value.strides, value.readonly, value.tobytes()
    except (ValueError, NotImplementedError) as error:
        return str(error)


def _by_name(describer: Describer, value: Any) -> Any:
    return getattr(value, "__qualname__", getattr(value, "__name__", ""))


BASES: dict[type, Callable[[Describer, Any], Any]] = {
    int: lambda describer, value: int.__int__(value),
    float: lambda describer, value: float.__repr__(value),
    str: lambda describer, value: str.__str__(value),
    list: lambda describer, value: describer.each(list.__iter__(value)),
    tuple: lambda describer, value: describer.each(tuple.__iter__(value)),
    dict: _items,
    deque: lambda describer, value: (value.maxlen, describer.each(deque.__iter__(value))),
    weakref.ref: lambda describer, value: weakref.ref.__call__(value) is not None,
}
"""How to describe what an instance holds as an instance of a base."""

DESCRIBED: dict[type, Callable[[Describer, Any], Any]] = {
    list: Describer.each,
    tuple: Describer.each,
    dict: _items,
    OrderedDict: _items,
    set: Describer.set,
    frozenset: Describer.set,
    deque: BASES[deque],
    weakref.ref: BASES[weakref.ref],
    bytearray: lambda describer, value: bytes(value),
    memoryview: _memory,
    array.array: lambda describer, value: (value.typecode, describer.each(value)),
    types.FunctionType: _function,
    types.BuiltinFunctionType: _by_name,
    types.ModuleType: _by_name,
    types.MethodType: lambda describer, value: (value.__func__.__qualname__, describer.describe(value.__self__)),
    type: _by_name,
}  # fmt: skip
"""How to describe an instance of exactly this type."""

try:
    import random

    DESCRIBED[random.Random] = lambda describer, value: hash(value.getstate())
except ImportError:
    pass
