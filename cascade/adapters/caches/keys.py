"""Keys: bytes that are equal only for equal values of equal types.

Every value is written with a tag of its type and the lengths of its parts, so that no two different values have the same
bytes. Only values of exact types whose contents are known are written; all others are refused: a cache would return wrong
values for a key that leaves something out.

A mutable object is written once, and as a reference where it occurs again: a function that changes it in one place
sees the change in the other.
"""

from __future__ import annotations

import struct
import sys
import types
from collections.abc import Callable, Collection, Iterable, Mapping
from hashlib import blake2b
from typing import TYPE_CHECKING, NamedTuple, Protocol, TypeVar, cast

from cascade.adapters.caches.foreign import Array, Dtype
from cascade.adapters.caches.library import is_library
from cascade.adapters.caches.models import is_frozen, model_parts
from cascade.adapters.caches.tables import table_parts
from cascade.errors import KeyingError

if TYPE_CHECKING:
    import datetime

MAX_DEPTH = 200
"""Containers inside containers; deeper ones are refused."""

T = TypeVar("T")
CodeOf = Callable[[object], bytes]
Writer = Callable[[object], bytes]
"""Returns the bytes of a value of one type."""
PartsOf = Callable[[object], tuple[object, ...]]
"""Returns the parts of a value of one type."""
_pack_double = struct.Struct("<d").pack
IN_A_SET = -1
_OF_A_SET = b"of a set"
_NOTHING: Mapping[int, bytes] = types.MappingProxyType({})


def encode(value: object, code_of: CodeOf | None = None) -> bytes:
    """Returns the bytes of a value.

    Args:
        code_of: returns the bytes of a function, a class or a task; without it these are refused.

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
        self._numbers: dict[int, int] = {}  # of mutable objects, by id
        self._parts: list[object] = []  # made for this encoder, and kept so that no other objects get their ids
        self._arrays: dict[int, list[Array]] = {}  # by the id of the object that owns their memory
        self._layouts: dict[int, Layout | None] = {}  # by the id of a class

    def write(self, value: object, depth: int = 0) -> bytes:
        """Returns the bytes of a value; raises KeyingError (a TypeError)."""
        kind = type(value)
        writer = _WRITERS.get(kind)
        if writer is not None:
            return writer(value)
        if depth > MAX_DEPTH:
            raise KeyingError("what is nested too deeply")
        if type(value) is tuple:
            return b"t%d:%s" % (len(value), self._joined(value, depth))
        if type(value) is list:
            return self.again(value) or b"l%d:%s" % (len(value), self._joined(value, depth))
        if type(value) is dict:  # in its order, which a function can see
            return self.again(value) or b"d%d:%s%s" % (
                len(value),
                self._joined(value, depth),
                self._joined(value.values(), depth),
            )
        if type(value) is set:
            return self.again(value) or b"z" + self._sorted(value, depth)
        if type(value) is frozenset:
            return b"Z" + self._sorted(value, depth)
        if type(value) is bytearray:
            return self.again(value) or self._bytearray(value)
        return self._object(value, kind, depth)

    @property
    def written(self) -> list[int]:
        """The ids of all objects that can be referred to, in the order in which they were written."""
        return list(self._numbers)

    def reference(self, value: object) -> bytes | None:
        """Returns a reference to a value that was written before, or None."""
        return self.again(value) if id(value) in self._numbers else None

    def references(self) -> dict[int, bytes]:
        """Returns references to all that was written, for another encoder, as its `earlier`."""
        return {
            each: _OF_A_SET if number == IN_A_SET else b"earlier%d;" % number for each, number in self._numbers.items()
        }

    def after(self, other: Encoder) -> Encoder:
        """Makes this encoder refuse arrays that share memory with arrays that the other one has written."""
        self._arrays = {owner: list(arrays) for owner, arrays in other._arrays.items()}
        return self

    def _joined(self, values: Iterable[object], depth: int) -> bytes:
        return b"".join([self.write(item, depth + 1) for item in values])

    def again(self, value: object) -> bytes | None:
        """Returns a reference to a value that was written before; otherwise notes it as written, and returns None."""
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

    def _sorted(self, items: Collection[object], depth: int) -> bytes:
        # The order of a set is arbitrary, so nothing in it can be referred to.
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

    def _object(self, value: object, kind: type, depth: int) -> bytes:
        numpy, enum = sys.modules.get("numpy"), sys.modules.get("enum")
        if numpy is not None and (kind is numpy.ndarray or issubclass(kind, numpy.generic)):
            return self._numpy(cast("Array", value), kind, numpy)
        parts_of = _library_parts(kind)
        if parts_of is not None:
            return framed(b"R", f"{kind.__module__}.{kind.__qualname__}".encode()) + self.write(
                parts_of(value), depth + 1
            )
        table = table_parts(value, kind)
        if table is not None:
            again = self.again(value) if table.is_mutable else None
            self._parts.append(table.held)
            return again or framed(b"P", f"{kind.__module__}.{kind.__qualname__}".encode()) + self.write(
                table.held, depth + 1
            )
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
        if (
            "__dataclass_fields__" in kind.__dict__
            and (layout := self._layout_of(kind)) is not None
            and layout.base is object
        ):
            params = kind.__dict__.get("__dataclass_params__")
            if not (params is not None and params.frozen and params.eq) and (again := self.again(value)) is not None:
                return again
            return framed(b"D", self._class(kind)) + self.write(layout.held_by(value), depth + 1)
        if kind.__bases__ == (tuple,) and "_fields" in kind.__dict__ and not kind.__dictoffset__:
            return framed(b"N", self._class(kind)) + self.write(_items(value), depth + 1)
        if self._code_of is None:
            raise unkeyable(value)
        # A function may be changed, or distinguished from an equal one; those of libraries exist only once.
        return (None if is_library(value) else self.again(value)) or framed(b"F", self._code_of(value))

    def _class(self, kind: type) -> bytes:
        return f"{kind.__module__}.{kind.__qualname__}".encode() if self._code_of is None else self._code_of(kind)

    def _layout_of(self, kind: type) -> Layout | None:
        if id(kind) not in self._layouts:
            self._layouts[id(kind)] = layout_of(kind)
        return self._layouts[id(kind)]

    def _member(self, value: object, kind: type, depth: int) -> bytes:
        # A Flag's value may have no name, and a member may have been constructed from more than its value.
        layout = self._layout_of(kind)
        if layout is None:
            raise unkeyable(value)
        name, held = vars(value).get("_name_"), layout.held_by(value, but=_OF_MEMBERS)
        return framed(b"E", self._class(kind)) + self.write((name, held, _PAYLOADS[layout.base](value)), depth + 1)

    # -- NumPy --------------------------------------------------------------------------------------------------------

    def _numpy(self, value: Array, kind: type, numpy: types.ModuleType) -> bytes:
        if kind.__module__ != "numpy" or getattr(numpy, kind.__name__, None) is not kind:
            raise unkeyable(value)
        if kind is not numpy.ndarray:
            if kind is numpy.void:  # it is mutable, and may be a part of an array
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

    def _check_memory(self, array: Array, numpy: types.ModuleType) -> None:
        # Arrays may be parts of one memory: a change in one is a change in the others.
        owner: object = array
        while isinstance(owner, (numpy.ndarray, numpy.void)) and (base := cast("Array", owner).base) is not None:
            owner = base
        if type(owner) is memoryview:
            owner = owner.obj
        others = self._arrays.setdefault(id(owner), [])
        if type(owner) is bytearray and id(owner) in self._numbers:
            raise KeyingError("an array whose memory a bytearray has as well")
        for other in others:
            try:
                shared = numpy.void in (type(array), type(other)) or numpy.shares_memory(array, other, max_work=10_000)
            except Exception:  # the search for an overlap took too long
                shared = True
            if shared:
                raise KeyingError("arrays that share their memory")
        others.append(array)


def digest(data: bytes) -> bytes:
    return blake2b(data, digest_size=20).digest()


def framed(tag: bytes, data: bytes) -> bytes:
    return b"%s%d:%s" % (tag, len(data), data)


def is_immutable(value: object) -> bool:
    """Whether a value cannot change, and holds nothing that can."""
    if type(value) in _ATOMS:
        return True
    return (type(value) is tuple or type(value) is frozenset) and all(map(is_immutable, value))


def unkeyable(value: object) -> KeyingError:
    """Returns the error for a value that cannot be part of a key."""
    return KeyingError(_described(value))


def _described(value: object) -> str:
    kind = type(value)
    return f"a value of type {kind.__module__}.{kind.__qualname__}"


# -- Layouts of objects -----------------------------------------------------------------------------------------------

_HAS_MANAGED_DICT = 1 << 4  # a dictionary that takes no room in the object itself
_IS_HEAP_TYPE = 1 << 9
_POINTER = struct.calcsize("P")


Slot = types.MemberDescriptorType | types.GetSetDescriptorType


class Layout(NamedTuple):
    """The storage of a class's instances.

    Attributes:
        slots: the descriptors of their slots and of their `__dict__`.
        base: the type of their value beside that: object, or an immutable type such as int.
    """

    slots: list[Slot]
    base: type

    def held_by(self, value: object, but: frozenset[str] = frozenset()) -> tuple[object, ...]:
        """Returns all that is in the slots and in the `__dict__` of an object, in order."""
        held: list[object] = []
        for number, slot in enumerate(self.slots):
            try:
                item: object = slot.__get__(value, type(value))
            except AttributeError:
                continue  # it is empty
            if slot.__name__ == "__dict__":
                if type(item) is not dict:
                    raise unkeyable(item)
                item = tuple([pair for pair in item.items() if pair[0] not in but])
            held.append((number, item))
        return tuple(held)


def layout_of(kind: type) -> Layout | None:
    """Returns the layout of a class's instances; None where they hold more than Python code can see, as a list does."""
    slots: list[Slot] = []
    base: type = object
    dictionary: list[Slot] = []
    for each in kind.__mro__[:-1]:
        if each in _PAYLOADS:
            base = each
        elif not _is_python_class(each):
            return None
        else:
            slots += [member for member in each.__dict__.values() if type(member) is types.MemberDescriptorType]
            dictionary += [
                member for member in [each.__dict__.get("__dict__")] if type(member) is types.GetSetDescriptorType
            ]
    if kind.__dictoffset__ and not dictionary:
        return None
    return Layout(slots + dictionary[:1], base)


def _is_python_class(kind: type) -> bool:
    """Whether instances have only the storage that the class's Python code shows, beside that of its bases."""
    base = kind.__base__
    if base is None or not kind.__flags__ & _IS_HEAP_TYPE or kind.__itemsize__ != base.__itemsize__:
        return False
    # The storage that a class written in C adds, or one whose slots were deleted, shows in its size.
    size = kind.__basicsize__ - base.__basicsize__
    size -= _POINTER * sum(type(member) is types.MemberDescriptorType for member in kind.__dict__.values())
    size -= _POINTER * (
        kind.__dictoffset__ != 0 and base.__dictoffset__ == 0 and not kind.__flags__ & _HAS_MANAGED_DICT
    )
    size -= _POINTER * (kind.__weakrefoffset__ > 0 and base.__weakrefoffset__ == 0)
    return size == 0


def _library_parts(kind: type) -> PartsOf | None:
    parts_of = _PARTS.get((kind.__module__, kind.__qualname__)) if isinstance(kind.__module__, str) else None
    if parts_of is None or getattr(sys.modules.get(kind.__module__), kind.__qualname__, None) is not kind:
        return None
    return parts_of


def _network(value: object) -> tuple[object, ...]:
    # These have a `__dict__`, in which something else may be put.
    parsed = cast("Callable[[str], object]", type(value))(str(value))
    held = [{name: vars(each)[name] for name in vars(each) if name not in _COMPUTED} for each in (value, parsed)]
    if held[0] != held[1]:
        raise unkeyable(value)
    return (str(value),)


def dtype_bytes(dtype: Dtype) -> bytes:
    """Returns the bytes of a NumPy dtype; raises KeyingError (a TypeError) for one that may hold more."""
    if (
        dtype.kind not in "biufcmMSUV"
        or dtype.isbuiltin == 2
        or dtype.hasobject
        or dtype.metadata
        or dtype.type.__module__ != "numpy"
    ):
        raise KeyingError(f"a NumPy value of dtype {dtype}" + (" with metadata" if dtype.metadata else ""))
    head = [
        f"{dtype.str} {dtype.char} {dtype.type.__name__} {dtype.itemsize} {dtype.alignment} {dtype.isalignedstruct}".encode()
    ]
    if dtype.subdtype is not None:
        head += [repr(dtype.shape).encode(), dtype_bytes(dtype.base)]
    for name in dtype.names or ():
        field, offset, *title = dtype.fields[name]
        if not all(type(each) is str for each in title):
            raise KeyingError(f"a NumPy value of dtype {dtype}")
        head += [framed(b"", name.encode("utf-8", "surrogatepass")), repr((offset, title)).encode(), dtype_bytes(field)]
    return framed(b"y", b"".join([framed(b"", each) for each in head]))


class _InitArguments(Protocol):
    """An object, such as a `datetime.timezone`, with the arguments that make an equal one."""

    def __getinitargs__(self) -> tuple[object, ...]:
        """Returns these arguments."""
        ...


def timezone_arguments(zone: object) -> tuple[object, ...]:
    """Returns the arguments that make a `datetime.timezone`."""
    return cast("_InitArguments", zone).__getinitargs__()


def _of(kind: type[T], write: Callable[[T], bytes]) -> tuple[type, Writer]:
    return kind, cast("Writer", write)


_WRITERS: dict[type, Writer] = dict(
    [
        _of(type(None), lambda value: b"n"),
        _of(type(...), lambda value: b"e"),
        _of(bool, lambda value: b"T" if value else b"f"),
        _of(int, lambda value: b"i%x;" % value if value >= 0 else b"i-%x;" % -value),
        _of(float, lambda value: b"g" + _pack_double(value)),
        _of(complex, lambda value: b"c" + _pack_double(value.real) + _pack_double(value.imag)),
        _of(str, lambda value: framed(b"s", value.encode("utf-8", "surrogatepass"))),
        _of(bytes, lambda value: framed(b"b", value)),
    ]
)
_ATOMS = frozenset({*_WRITERS, range})


def _attributes(*names: str) -> PartsOf:
    return lambda value: tuple([getattr(value, name) for name in names])


_time_parts = _attributes("hour", "minute", "second", "microsecond", "fold", "tzinfo")


def _text(value: object) -> tuple[object, ...]:
    return (str(value),)


# The parts of an object of a type of the standard library. Subclasses may hold more.
_PARTS: dict[tuple[str, str], PartsOf] = {
    ("builtins", "range"): _attributes("start", "stop", "step"),
    ("builtins", "slice"): _attributes("start", "stop", "step"),
    ("datetime", "date"): lambda value: (cast("datetime.date", value).toordinal(),),
    ("datetime", "datetime"): lambda value: (cast("datetime.date", value).toordinal(), *_time_parts(value)),
    ("datetime", "time"): _time_parts,
    ("datetime", "timedelta"): _attributes("days", "seconds", "microseconds"),
    ("datetime", "timezone"): timezone_arguments,
    ("decimal", "Decimal"): _text,
    ("fractions", "Fraction"): _attributes("numerator", "denominator"),
    ("uuid", "UUID"): _attributes("int", "is_safe"),
    ("ipaddress", "IPv4Address"): _text,
    ("ipaddress", "IPv6Address"): _text,
    **{("ipaddress", f"IPv{version}{kind}"): _network for version in (4, 6) for kind in ("Interface", "Network")},
    **{
        (module, kind): _text
        for module in ("pathlib", "pathlib._local")
        for kind in ("PosixPath", "PurePosixPath", "PureWindowsPath", "WindowsPath")
    },
}
_COMPUTED = frozenset({"broadcast_address", "hostmask", "hosts"})


def _items(value: object) -> tuple[object, ...]:
    return (*tuple.__iter__(cast("tuple[object, ...]", value)),)


# The value that an object is beside the contents of its slots, as a member of an IntEnum is an int, whatever its class shows of it.
_PAYLOADS: dict[type, Callable[[object], object]] = {
    object: lambda value: None,
    int: cast("Callable[[object], object]", int.__pos__),
    float: cast("Callable[[object], object]", float.__pos__),
    complex: cast("Callable[[object], object]", complex.__pos__),
    str: cast("Callable[[object], object]", str.__str__),
    bytes: lambda value: bytes.__getitem__(cast("bytes", value), slice(None)),
    tuple: _items,
}
_OF_MEMBERS = frozenset({"_name_", "__objclass__", "_sort_order_", "_inverted_", "__doc__"})
