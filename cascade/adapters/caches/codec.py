"""Values to bytes and back: msgpack, with extension types for values that it does not have; NumPy arrays as .npy.

A value that is decoded is equal to the one that was encoded, and of the very same types. Nothing in the bytes can run code.
"""

from __future__ import annotations

import datetime
import decimal
import enum
import fractions
import io
import pathlib
import sys
import uuid
from collections.abc import Callable, Iterable
from importlib import import_module
from types import ModuleType
from typing import NamedTuple, TypeVar, cast

from cascade.adapters.caches.foreign import Array
from cascade.adapters.caches.keys import Encoder, dtype_bytes, timezone_arguments
from cascade.errors import KeyingError, MissingExtraError

T = TypeVar("T")

msgspec: ModuleType | None = None
try:
    msgspec = import_module("msgspec")
except ImportError:
    pass  # reported when a codec is made

TUPLE, SET, FROZENSET, PAIRS, INTEGER, COMPLEX, ARRAY, SCALAR, BYTEARRAY, PICKLE, TEXT, STANDARD, MEMBER = range(1, 14)
MAX_DEPTH = 100
PLAIN = frozenset({type(None), bool, float, bytes})
CHANGEABLE = frozenset({list, dict, set, bytearray})


class StandardType(NamedTuple):
    """How values of a type of the standard library are written.

    Attributes:
        parts: returns the plain data that a value is made of.
        make: returns the value for these.
    """

    kind: type
    parts: Callable[[object], tuple[object, ...]]
    make: Callable[..., object]


def _standard(kind: type[T], parts: Callable[[T], tuple[object, ...]], make: Callable[..., T]) -> StandardType:
    return StandardType(kind, cast("Callable[[object], tuple[object, ...]]", parts), make)


def _make_datetime(
    fold: int,
    year: int,
    month: int,
    day: int,
    hour: int,
    minute: int,
    second: int,
    microsecond: int,
    zone: datetime.tzinfo | None,
) -> datetime.datetime:
    return datetime.datetime(year, month, day, hour, minute, second, microsecond, zone, fold=fold)


def _make_time(
    fold: int, hour: int, minute: int, second: int, microsecond: int, zone: datetime.tzinfo | None
) -> datetime.time:
    return datetime.time(hour, minute, second, microsecond, zone, fold=fold)


def _datetime_parts(value: datetime.datetime) -> tuple[object, ...]:
    date = value.year, value.month, value.day
    return value.fold, *date, value.hour, value.minute, value.second, value.microsecond, value.tzinfo


def _time_parts(value: datetime.time) -> tuple[object, ...]:
    return value.fold, value.hour, value.minute, value.second, value.microsecond, value.tzinfo


def _timezone_parts(value: datetime.timezone) -> tuple[object, ...]:
    # The zone UTC is one object, which functions compare by identity.
    return () if value is datetime.UTC else timezone_arguments(value)


def _make_timezone(offset: datetime.timedelta | None = None, *name: str) -> datetime.timezone:
    return datetime.UTC if offset is None else datetime.timezone(offset, *name)


def _make_uuid(number: int, safe: int | None) -> uuid.UUID:
    return uuid.UUID(int=number, is_safe=uuid.SafeUUID(safe))


STANDARD_TYPES = {
    "date": _standard(datetime.date, lambda value: (value.toordinal(),), datetime.date.fromordinal),
    "datetime": _standard(datetime.datetime, _datetime_parts, _make_datetime),
    "time": _standard(datetime.time, _time_parts, _make_time),
    "timedelta": _standard(datetime.timedelta, lambda value: (value.days, value.seconds, value.microseconds), datetime.timedelta),
    "timezone": _standard(datetime.timezone, _timezone_parts, _make_timezone),
    "Decimal": _standard(decimal.Decimal, lambda value: (str(value),), decimal.Decimal),
    "Fraction": _standard(fractions.Fraction, lambda value: (value.numerator, value.denominator), fractions.Fraction),
    "UUID": _standard(uuid.UUID, lambda value: (value.int, value.is_safe.value), _make_uuid),
    **{kind.__name__: _standard(kind, lambda value: (str(value),), kind)
       for kind in (type(pathlib.Path()), pathlib.PurePosixPath, pathlib.PureWindowsPath)},
}  # fmt: skip
_STANDARD_NAMES = {each.kind: name for name, each in STANDARD_TYPES.items()}


class NotLoadedError(Exception):
    """The value is a member of an enumeration that this process has not loaded: nothing is imported for it."""


def _member_name(value: enum.Enum) -> tuple[str, str, str] | None:
    """Returns the module, class and name by which a member of an enumeration is found; None where it is not."""
    kind = type(value)
    name = value.__dict__.get("_name_")
    if not isinstance(name, str) or _find_class(kind.__module__, kind.__qualname__) is not kind:
        return None
    return (kind.__module__, kind.__qualname__, name) if kind.__members__.get(name) is value else None


def _find_class(module: str, qualname: str) -> object:
    found: object = sys.modules.get(module)
    for each in qualname.split("."):
        found = None if found is None else vars(found).get(each)
    return found


def _find_member(module: str, qualname: str, name: str) -> enum.Enum:
    kind = _find_class(module, qualname)
    member: object = kind.__members__.get(name) if isinstance(kind, enum.EnumMeta) else None
    if not isinstance(member, enum.Enum):
        raise NotLoadedError(f"{module}.{qualname}.{name}")
    return member


class Codec:
    """Encodes and decodes values.

    Args:
        pickle: whether values of other types are encoded by pickle. Unpickling can run any code: only for files that nobody else writes.
        owner: the class that needs it, for the message.

    Raises:
        MissingExtraError: (an ImportError) msgspec is not installed.
    """

    def __init__(self, pickle: bool = False, *, owner: str = "DiskCache") -> None:
        if msgspec is None:
            raise MissingExtraError(owner, "msgspec", "cache")
        self.pickle = pickle
        self._extended: Callable[[int, bytes], object] = msgspec.msgpack.Ext
        self._encode: Callable[[object], bytes] = msgspec.msgpack.Encoder().encode
        self._decode: Callable[[bytes | memoryview], object] = msgspec.msgpack.Decoder(
            ext_hook=self._from_extension
        ).decode

    def encode(self, value: object) -> bytes:
        """Returns the bytes of a value; raises KeyingError (a TypeError) for one that has none."""
        try:
            plain = self._plain(value, 0, Encoder())
        except KeyingError as error:
            if not self.pickle:
                raise KeyingError(
                    f"its value, which holds {error.what}",
                    expected="plain data, dates, numbers, paths, UUIDs, members of enumerations, or NumPy arrays",
                    hint="return plain data, or keep it by DiskCache(path, pickle=True)",
                ) from None
            plain = self._pickled(value)
        return self._encode(plain)

    def _pickled(self, value: object) -> object:
        # As a whole, so that an object that the value holds in several places is still one object.
        import pickle

        try:
            return self._extended(PICKLE, pickle.dumps(value))
        except Exception as error:
            raise KeyingError(f"its value, which cannot be pickled ({type(error).__name__}: {error})") from None

    def decode(self, data: bytes) -> object:
        """Returns the value; raises NotLoadedError for one that this process has no type of, and some exception for damaged bytes."""
        return self._decode(data)

    def _plain(self, value: object, depth: int, seen: Encoder) -> object:
        kind = type(value)
        if kind in PLAIN:
            return value
        if type(value) is int:
            if -(2**63) <= value < 2**64:
                return value
            return self._extended(INTEGER, value.to_bytes(value.bit_length() // 8 + 1, "big", signed=True))
        if type(value) is str:
            try:
                value.encode()
            except UnicodeEncodeError:
                return self._extended(TEXT, value.encode("utf-8", "surrogatepass"))
            return value
        if depth > MAX_DEPTH:
            raise KeyingError("what is nested too deeply")
        if kind in CHANGEABLE and (again := self._again(value, kind, depth, seen)) is not None:
            return again
        if type(value) is list:
            return [self._plain(item, depth + 1, seen) for item in value]
        if type(value) is dict:
            if all(type(key) is str and key.isascii() for key in value):
                return {key: self._plain(item, depth + 1, seen) for key, item in value.items()}
            return self._extension(PAIRS, [part for pair in value.items() for part in pair], depth, seen)
        if type(value) is tuple:
            return self._extension(TUPLE, value, depth, seen)
        if type(value) is set:
            return self._extension(SET, value, depth, seen)
        if type(value) is frozenset:
            return self._extension(FROZENSET, value, depth, seen)
        if type(value) is complex:
            return self._extension(COMPLEX, (value.real, value.imag), depth, seen)
        if type(value) is bytearray:
            return self._extended(BYTEARRAY, bytes(value))
        return self._other(value, kind, seen)

    def _again(self, value: object, kind: type, depth: int, seen: Encoder) -> object:
        """Returns the plain form of a changeable value that stands in several places, where there is one; None where it is the first."""
        if seen.again(value) is not None:
            raise KeyingError(f"one {kind.__name__} in several places")
        return None

    def _extension(self, code: int, items: Iterable[object], depth: int, seen: Encoder) -> object:
        return self._extended(code, self._encode([self._plain(item, depth + 1, seen) for item in items]))

    def _other(self, value: object, kind: type, seen: Encoder) -> object:
        numpy = sys.modules.get("numpy")
        if (
            numpy is not None
            and kind.__module__ == "numpy"
            and (kind is numpy.ndarray or issubclass(kind, numpy.generic))
        ):
            return self._array(cast("Array", value), kind, numpy, seen)
        member = _member_name(value) if isinstance(value, enum.Enum) else None
        if member is not None:
            return self._extension(MEMBER, member, 0, seen)
        name = _STANDARD_NAMES.get(kind)
        if name is None:
            raise KeyingError(f"a {kind.__module__}.{kind.__qualname__}")
        return self._extension(STANDARD, (name, *STANDARD_TYPES[name].parts(value)), 0, seen)

    def _array(self, value: Array, kind: type, numpy: ModuleType, seen: Encoder) -> object:
        # This refuses an array that shares its memory, or holds more than a file would.
        if seen.write(value).startswith(b"@"):
            raise KeyingError(f"one {kind.__name__} in several places")
        self._description(value, numpy)
        file = io.BytesIO()
        numpy.save(file, value, allow_pickle=False)
        return self._extended(ARRAY if kind is numpy.ndarray else SCALAR, file.getvalue())

    def _description(self, value: Array, numpy: ModuleType) -> object:
        """Returns the dtype of an array as NumPy describes it in files; raises KeyingError (a TypeError) where that is not all of it."""
        description: object = numpy.lib.format.dtype_to_descr(value.dtype)
        if dtype_bytes(numpy.lib.format.descr_to_dtype(description)) != dtype_bytes(value.dtype):
            raise KeyingError(f"a NumPy value of dtype {value.dtype!r} ({value.dtype.char})")
        return description

    def _from_extension(self, code: int, data: memoryview) -> object:
        if code in (TUPLE, SET, FROZENSET, PAIRS, COMPLEX, STANDARD, MEMBER):
            return self._from_items(code, cast("list[object]", self._decode(data)))
        if code == INTEGER:
            return int.from_bytes(data, "big", signed=True)
        if code == TEXT:
            return bytes(data).decode("utf-8", "surrogatepass")
        if code == BYTEARRAY:
            return bytearray(data)
        if code in (ARRAY, SCALAR):
            array = import_module("numpy").load(io.BytesIO(data), allow_pickle=False)
            return array if code == ARRAY else array[()]
        if code == PICKLE and self.pickle:
            import pickle

            return pickle.loads(bytes(data))
        raise ValueError(f"extension type {code}")

    def _from_items(self, code: int, items: list[object]) -> object:
        if code == PAIRS:
            return dict(zip(items[::2], items[1::2], strict=True))
        if code == COMPLEX:
            return complex(*cast("list[float]", items))
        if code == STANDARD:
            name, *parts = items
            return STANDARD_TYPES[cast("str", name)].make(*parts)
        if code == MEMBER:
            return _find_member(*cast("tuple[str, str, str]", items))
        makers: tuple[Callable[[list[object]], object], ...] = (tuple, set, frozenset)
        return makers[code - TUPLE](items)
