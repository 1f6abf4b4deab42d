"""Keys: bytes that are equal only for equal values of equal types.

Every value is written with a tag of its type and the lengths of its parts, so that no two different values have the same
bytes. Only exact types are written, of which it is known what they hold; what cannot be written is refused: a key that
leaves something out would give wrong values.

An object that can be changed is written once, and as a reference where it stands again: a function that changes it there
sees the change here.
"""

from __future__ import annotations

import struct
import sys
import types
from collections.abc import Callable, Mapping
from hashlib import blake2b
from typing import Any, NamedTuple

from cascade.adapters.caches.library import is_library
from cascade.adapters.caches.models import is_frozen, model_parts
from cascade.adapters.caches.tables import table_parts
from cascade.errors import KeyingError

MAX_DEPTH = 200
"""Containers inside containers; deeper ones are refused."""

CodeOf = Callable[[Any], bytes]
_pack_double = struct.Struct("<d").pack
IN_A_SET = -1
_OF_A_SET = b"of a set"
_NOTHING: Mapping[int, bytes] = types.MappingProxyType({})


def encode(value: Any, code_of: CodeOf | None = None) -> bytes:
    """The bytes of a value.

    Args:
        code_of: the bytes of a function, a class or a task; without it these are refused.

    Raises:
        KeyingError: (a TypeError) it holds something that has no bytes.
    """
    write = _WRITERS.get(type(value))
    return Encoder(code_of).write(value) if write is None else write(value)


class Encoder:
    """Writes values of which some may be parts of others, such as the arguments of one call.

    Args:
        code_of: as for `encode`.
        earlier: references to objects that were written elsewhere, by their ids.
    """

    def __init__(self, code_of: CodeOf | None = None, earlier: Mapping[int, bytes] = _NOTHING) -> None:
        self._code_of = code_of
        self._earlier = earlier
        self._numbers: dict[int, int] = {}  # of what can be changed, by id
        self._parts: list[Any] = []  # made for this encoder, and kept so that their ids stay theirs
        self._arrays: dict[int, list[Any]] = {}  # by the id of what owns their memory
        self._layouts: dict[int, Layout | None] = {}  # by the id of a class

    def write(self, value: Any, depth: int = 0) -> bytes:
        """The bytes of a value; raises KeyingError (a TypeError)."""
        kind = type(value)
        writer = _WRITERS.get(kind)
        if writer is not None:
            return writer(value)
        if depth > MAX_DEPTH:
            raise KeyingError("what is nested too deeply")
        if kind is tuple:
            return b"t%d:%s" % (len(value), self._joined(value, depth))
        if kind is list:
            return self.again(value) or b"l%d:%s" % (len(value), self._joined(value, depth))
        if kind is dict:  # in its order, which a function can see
            return self.again(value) or b"d%d:%s%s" % (len(value), self._joined(value, depth), self._joined(value.values(), depth))
        if kind is set:
            return self.again(value) or b"z" + self._sorted(value, depth)
        if kind is frozenset:
            return b"Z" + self._sorted(value, depth)
        if kind is bytearray:
            return self.again(value) or self._bytearray(value)
        return self._object(value, kind, depth)

    @property
    def written(self) -> list[int]:
        """The ids of all that can be referred to, in the order in which it was written."""
        return list(self._numbers)

    def reference(self, value: Any) -> bytes | None:
        """A reference to what was written before, or None."""
        return self.again(value) if id(value) in self._numbers else None

    def references(self) -> dict[int, bytes]:
        """References to all that was written, for another encoder, as its `earlier`."""
        return {each: _OF_A_SET if number == IN_A_SET else b"earlier%d;" % number for each, number in self._numbers.items()}

    def after(self, other: Encoder) -> Encoder:
        """Makes this encoder refuse arrays that share their memory with those that the other one has written."""
        self._arrays = {owner: list(arrays) for owner, arrays in other._arrays.items()}
        return self

    def _joined(self, values: Any, depth: int) -> bytes:
        return b"".join([self.write(item, depth + 1) for item in values])

    def again(self, value: Any) -> bytes | None:
        """A reference to what was written before."""
        reference = self._earlier.get(id(value))
        if reference is not None:
            if reference == _OF_A_SET:
                raise KeyingError(f"{_described(value)} that is in a set, and elsewhere as well")
            return reference
        numbers = self._numbers
        count = len(numbers)
        number = numbers.setdefault(id(value), count)
        if number == count:
            return None
        if number == IN_A_SET:
            raise KeyingError(f"{_described(value)} that is in a set, and elsewhere as well")
        return b"@%d;" % number

    def _sorted(self, items: Any, depth: int) -> bytes:
        # The order of a set is none that could be told, so nothing in it can be referred to.
        outside, parts = self._numbers, []
        for item in items:
            self._numbers = {}
            parts.append(self.write(item, depth + 1))
            if not outside.keys().isdisjoint(self._numbers):
                raise KeyingError(f"{_described(item)} in a set, which is, or holds, what is elsewhere as well")
            outside.update(dict.fromkeys(self._numbers, IN_A_SET))
        self._numbers = outside
        return b"%d:%s" % (len(parts), b"".join(sorted(parts)))

    def _bytearray(self, value: bytearray) -> bytes:
        if id(value) in self._arrays:
            raise KeyingError("a bytearray whose memory an array has as well")
        self._arrays[id(value)] = []
        return framed(b"B", bytes(value))

    # -- Objects ------------------------------------------------------------------------------------------------------

    def _object(self, value: Any, kind: type, depth: int) -> bytes:
        numpy, enum = sys.modules.get("numpy"), sys.modules.get("enum")
        if numpy is not None and (kind is numpy.ndarray or issubclass(kind, numpy.generic)):
            return self._numpy(value, kind, numpy)
        parts_of = _library_parts(kind)
        if parts_of is not None:
            return framed(b"R", f"{kind.__module__}.{kind.__qualname__}".encode()) + self.write(parts_of(value), depth + 1)
        table = table_parts(value, kind)
        if table is not None:
            again = self.again(value) if table.is_mutable else None
            self._parts.append(table.held)
            return again or framed(b"P", f"{kind.__module__}.{kind.__qualname__}".encode()) + self.write(table.held, depth + 1)
        if enum is not None and issubclass(kind, enum.Enum):
            return self._member(value, kind, depth)
        model = model_parts(value, kind)
        if model is not None:
            again = None if is_frozen(kind) else self.again(value)
            self._parts.append(model)
            return again or framed(b"M", self._class(kind)) + self.write(model, depth + 1)
        attributes = kind.__dict__.get("__attrs_attrs__")
        if attributes is not None and (layout := self._layout_of(kind)) is not None and layout.base is object:
            return self.again(value) or framed(b"V", self._class(kind)) + self.write(layout.held_by(value), depth + 1)
        if "__dataclass_fields__" in kind.__dict__ and (layout := self._layout_of(kind)) is not None and layout.base is object:
            params = kind.__dict__.get("__dataclass_params__")
            if not (params is not None and params.frozen and params.eq) and (again := self.again(value)) is not None:
                return again
            return framed(b"D", self._class(kind)) + self.write(layout.held_by(value), depth + 1)
        if kind.__bases__ == (tuple,) and "_fields" in kind.__dict__ and not kind.__dictoffset__:
            return framed(b"N", self._class(kind)) + self.write((*tuple.__iter__(value),), depth + 1)
        if self._code_of is None:
            raise unkeyable(value)
        # A function may be changed, or told from an equal one; what a library has is there only once.
        return (None if is_library(value) else self.again(value)) or framed(b"F", self._code_of(value))

    def _class(self, kind: type) -> bytes:
        return f"{kind.__module__}.{kind.__qualname__}".encode() if self._code_of is None else self._code_of(kind)

    def _layout_of(self, kind: type) -> Layout | None:
        if id(kind) not in self._layouts:
            self._layouts[id(kind)] = layout_of(kind)
        return self._layouts[id(kind)]

    def _member(self, value: Any, kind: type, depth: int) -> bytes:
        # A Flag's value may have no name, and a member may have been made of more than its value.
        layout = self._layout_of(kind)
        if layout is None:
            raise unkeyable(value)
        name, held = value.__dict__.get("_name_"), layout.held_by(value, but=_OF_MEMBERS)
        return framed(b"E", self._class(kind)) + self.write((name, held, _PAYLOADS[layout.base](value)), depth + 1)

    # -- NumPy --------------------------------------------------------------------------------------------------------

    def _numpy(self, value: Any, kind: type, numpy: Any) -> bytes:
        if kind.__module__ != "numpy" or getattr(numpy, kind.__name__, None) is not kind:
            raise unkeyable(value)
        if kind is not numpy.ndarray:
            if kind is numpy.void:  # it can be changed, and may be a part of an array
                again = self.again(value)
                if again is not None:
                    return again
                self._check_memory(value, numpy)
            return framed(b"A", dtype_bytes(value.dtype)) + blake2b(value.tobytes()).digest()
        again = self.again(value)
        if again is not None:
            return again
        self._check_memory(value, numpy)
        flags = value.flags
        shape = f"{value.shape!r}{value.strides!r}{flags.writeable}{flags.aligned}".encode()
        return framed(b"a", dtype_bytes(value.dtype)) + framed(b"", shape) + blake2b(value.tobytes(order="C")).digest()

    def _check_memory(self, array: Any, numpy: Any) -> None:
        # Arrays may be parts of one memory: a change in one is a change in the others.
        owner = array
        while isinstance(owner, (numpy.ndarray, numpy.void)) and owner.base is not None:
            owner = owner.base
        if type(owner) is memoryview:
            owner = owner.obj
        others = self._arrays.setdefault(id(owner), [])
        if type(owner) is bytearray and id(owner) in self._numbers:
            raise KeyingError("an array whose memory a bytearray has as well")
        for other in others:
            try:
                shared = numpy.void in (type(array), type(other)) or numpy.shares_memory(array, other, max_work=10_000)
            except Exception:  # too hard to tell
                shared = True
            if shared:
                raise KeyingError("arrays that share their memory")
        others.append(array)


def digest(data: bytes) -> bytes:
    return blake2b(data, digest_size=20).digest()


def framed(tag: bytes, data: bytes) -> bytes:
    return b"%s%d:%s" % (tag, len(data), data)


def is_immutable(value: Any) -> bool:
    """Whether the value is one of those that cannot change, and hold nothing that can."""
    return type(value) in _ATOMS or (type(value) in (tuple, frozenset) and all(map(is_immutable, value)))


def unkeyable(value: Any) -> KeyingError:
    return KeyingError(_described(value))


def _described(value: Any) -> str:
    kind = type(value)
    return f"a value of type {kind.__module__}.{kind.__qualname__}"


# -- What objects hold ------------------------------------------------------------------------------------------------

_HAS_MANAGED_DICT = 1 << 4  # one that takes no place of its own in the object
_IS_HEAP_TYPE = 1 << 9
_POINTER = struct.calcsize("P")


class Layout(NamedTuple):
    """What an instance of a class holds.

    Attributes:
        slots: the descriptors of its slots and of its `__dict__`.
        base: what it is beside that: object, or an immutable type such as int.
    """

    slots: list[Any]
    base: type

    def held_by(self, value: Any, but: frozenset[str] = frozenset()) -> tuple[Any, ...]:
        """All that is in the slots and in the `__dict__` of an object, in order."""
        held: list[Any] = []
        for number, slot in enumerate(self.slots):
            try:
                item = slot.__get__(value, type(value))
            except AttributeError:
                continue  # nothing in it
            if slot.__name__ == "__dict__":
                if type(item) is not dict:
                    raise unkeyable(item)
                item = tuple([pair for pair in item.items() if pair[0] not in but])
            held.append((number, item))
        return tuple(held)


def layout_of(kind: type) -> Layout | None:
    """What the instances of a class hold; None where there is more than can be seen, as in a list."""
    slots: list[Any] = []
    base: type = object
    dictionary: list[Any] = []
    for each in kind.__mro__[:-1]:
        if each in _PAYLOADS:
            base = each
        elif not _is_python_class(each):
            return None
        else:
            slots += [member for member in each.__dict__.values() if type(member) is types.MemberDescriptorType]
            dictionary += [member for member in [each.__dict__.get("__dict__")] if type(member) is types.GetSetDescriptorType]
    if kind.__dictoffset__ and not dictionary:
        return None
    return Layout(slots + dictionary[:1], base)


def _is_python_class(kind: type) -> bool:
    """Whether the instances have only what the class's Python code shows, beside what they have from its bases."""
    base = kind.__base__
    if base is None or not kind.__flags__ & _IS_HEAP_TYPE or kind.__itemsize__ != base.__itemsize__:
        return False
    # What a class written in C adds, or one whose slots were deleted, shows by its size.
    size = kind.__basicsize__ - base.__basicsize__
    size -= _POINTER * sum(type(member) is types.MemberDescriptorType for member in kind.__dict__.values())
    size -= _POINTER * (kind.__dictoffset__ != 0 and base.__dictoffset__ == 0 and not kind.__flags__ & _HAS_MANAGED_DICT)
    size -= _POINTER * (kind.__weakrefoffset__ > 0 and base.__weakrefoffset__ == 0)
    return size == 0


def _library_parts(kind: type) -> Callable[[Any], tuple[Any, ...]] | None:
    parts_of = _PARTS.get((kind.__module__, kind.__qualname__)) if isinstance(kind.__module__, str) else None
    if parts_of is None or getattr(sys.modules.get(kind.__module__), kind.__qualname__, None) is not kind:
        return None
    return parts_of


def _network(value: Any) -> tuple[Any, ...]:
    # These have a `__dict__`, in which something else may be put.
    held = [{name: vars(each)[name] for name in vars(each) if name not in _COMPUTED} for each in (value, type(value)(str(value)))]
    if held[0] != held[1]:
        raise unkeyable(value)
    return (str(value),)


def dtype_bytes(dtype: Any) -> bytes:
    """The bytes of a NumPy dtype; raises KeyingError (a TypeError) for one that may hold more."""
    if dtype.kind not in "biufcmMSUV" or dtype.isbuiltin == 2 or dtype.hasobject or dtype.metadata or dtype.type.__module__ != "numpy":
        raise KeyingError(f"a NumPy value of dtype {dtype}" + (" with metadata" if dtype.metadata else ""))
    head = [f"{dtype.str} {dtype.char} {dtype.type.__name__} {dtype.itemsize} {dtype.alignment} {dtype.isalignedstruct}".encode()]
    if dtype.subdtype is not None:
        head += [repr(dtype.shape).encode(), dtype_bytes(dtype.base)]
    for name in dtype.names or ():
        field, offset, *title = dtype.fields[name]
        if not all(type(each) is str for each in title):
            raise KeyingError(f"a NumPy value of dtype {dtype}")
        head += [framed(b"", name.encode("utf-8", "surrogatepass")), repr((offset, title)).encode(), dtype_bytes(field)]
    return framed(b"y", b"".join([framed(b"", each) for each in head]))


_WRITERS: dict[type, Callable[[Any], bytes]] = {
    type(None): lambda value: b"n",
    type(...): lambda value: b"e",
    bool: lambda value: b"T" if value else b"f",
    int: lambda value: b"i%x;" % value if value >= 0 else b"i-%x;" % -value,
    float: lambda value: b"g" + _pack_double(value),
    complex: lambda value: b"c" + _pack_double(value.real) + _pack_double(value.imag),
    str: lambda value: framed(b"s", value.encode("utf-8", "surrogatepass")),
    bytes: lambda value: framed(b"b", value),
}
_ATOMS = frozenset({*_WRITERS, range})

# What an object of a type of the standard library is made of. Subclasses may hold more.
_PARTS: dict[tuple[str, str], Callable[[Any], tuple[Any, ...]]] = {
    ("builtins", "range"): lambda value: (value.start, value.stop, value.step),
    ("builtins", "slice"): lambda value: (value.start, value.stop, value.step),
    ("datetime", "date"): lambda value: (value.toordinal(),),
    ("datetime", "datetime"): lambda value: (
        value.toordinal(), value.hour, value.minute, value.second, value.microsecond, value.fold, value.tzinfo,
    ),
    ("datetime", "time"): lambda value: (value.hour, value.minute, value.second, value.microsecond, value.fold, value.tzinfo),
    ("datetime", "timedelta"): lambda value: (value.days, value.seconds, value.microseconds),
    ("datetime", "timezone"): lambda value: value.__getinitargs__(),
    ("decimal", "Decimal"): lambda value: (str(value),),
    ("fractions", "Fraction"): lambda value: (value.numerator, value.denominator),
    ("uuid", "UUID"): lambda value: (value.int, value.is_safe),
    ("ipaddress", "IPv4Address"): lambda value: (str(value),),
    ("ipaddress", "IPv6Address"): lambda value: (str(value),),
    **{("ipaddress", f"IPv{version}{kind}"): _network for version in (4, 6) for kind in ("Interface", "Network")},
    **{
        (module, kind): lambda value: (str(value),)
        for module in ("pathlib", "pathlib._local")
        for kind in ("PosixPath", "PurePosixPath", "PureWindowsPath", "WindowsPath")
    },
}
_COMPUTED = frozenset({"broadcast_address", "hostmask", "hosts"})
# The value that an object is beside what it holds, as a member of an IntEnum is an int, whatever its class shows of it.
_PAYLOADS: dict[type, Callable[[Any], Any]] = {
    object: lambda value: None,
    int: int.__pos__,
    float: float.__pos__,
    complex: complex.__pos__,
    str: str.__str__,
    bytes: lambda value: bytes.__getitem__(value, slice(None)),
    tuple: lambda value: (*tuple.__iter__(value),),
}
_OF_MEMBERS = frozenset({"_name_", "__objclass__", "_sort_order_", "_inverted_", "__doc__"})
