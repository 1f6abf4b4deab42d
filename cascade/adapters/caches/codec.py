"""Values to bytes and back: msgpack, with extension types for what it does not have; NumPy arrays as .npy.

What comes back is equal to what went in and of the very same types. Nothing in the bytes can run code.
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
from collections.abc import Callable
from importlib import import_module
from typing import Any, NamedTuple

from cascade.adapters.caches.keys import Encoder, dtype_bytes
from cascade.errors import KeyingError, MissingExtraError

msgspec: Any = None
try:
    msgspec = import_module("msgspec")
except ImportError:
    pass  # said when it is needed

TUPLE, SET, FROZENSET, PAIRS, INTEGER, COMPLEX, ARRAY, SCALAR, BYTEARRAY, PICKLE, TEXT, STANDARD, MEMBER = range(1, 14)
MAX_DEPTH = 100
PLAIN = frozenset({type(None), bool, float, bytes})
CHANGEABLE = frozenset({list, dict, set, bytearray})


class StandardType(NamedTuple):
    """How values of a type of the standard library are written.

    Attributes:
        parts: the plain data that a value is made of.
        make: the value of these.
    """

    kind: type
    parts: Callable[[Any], tuple[Any, ...]]
    make: Callable[..., Any]


def _make_datetime(fold: int, *parts: Any) -> datetime.datetime:
    return datetime.datetime(*parts, fold=fold)


def _make_time(fold: int, *parts: Any) -> datetime.time:
    return datetime.time(*parts, fold=fold)


def _datetime_parts(value: datetime.datetime) -> tuple[Any, ...]:
    date = value.year, value.month, value.day
    return value.fold, *date, value.hour, value.minute, value.second, value.microsecond, value.tzinfo


def _time_parts(value: datetime.time) -> tuple[Any, ...]:
    return value.fold, value.hour, value.minute, value.second, value.microsecond, value.tzinfo


def _timezone_parts(value: datetime.timezone) -> tuple[Any, ...]:
    # The zone UTC is one object, which functions compare by identity.
    return () if value is datetime.timezone.utc else tuple(getattr(value, "__getinitargs__")())


def _make_timezone(*parts: Any) -> datetime.timezone:
    return datetime.timezone(*parts) if parts else datetime.timezone.utc


def _make_uuid(number: int, safe: int | None) -> uuid.UUID:
    return uuid.UUID(int=number, is_safe=uuid.SafeUUID(safe))


STANDARD_TYPES = {
    "date": StandardType(datetime.date, lambda value: (value.toordinal(),), datetime.date.fromordinal),
    "datetime": StandardType(datetime.datetime, _datetime_parts, _make_datetime),
    "time": StandardType(datetime.time, _time_parts, _make_time),
    "timedelta": StandardType(datetime.timedelta, lambda value: (value.days, value.seconds, value.microseconds), datetime.timedelta),
    "timezone": StandardType(datetime.timezone, _timezone_parts, _make_timezone),
    "Decimal": StandardType(decimal.Decimal, lambda value: (str(value),), decimal.Decimal),
    "Fraction": StandardType(fractions.Fraction, lambda value: (value.numerator, value.denominator), fractions.Fraction),
    "UUID": StandardType(uuid.UUID, lambda value: (value.int, value.is_safe.value), _make_uuid),
    **{kind.__name__: StandardType(kind, lambda value: (str(value),), kind)
       for kind in (type(pathlib.Path()), pathlib.PurePosixPath, pathlib.PureWindowsPath)},
}  # fmt: skip
_STANDARD_NAMES = {each.kind: name for name, each in STANDARD_TYPES.items()}


class NotLoadedError(Exception):
    """A value is a member of an enumeration that is not there: nothing is imported for it."""


def _member_name(value: enum.Enum) -> tuple[str, str, str] | None:
    """The module, class and name by which a member of an enumeration is found; None where it is not."""
    kind = type(value)
    name = value.__dict__.get("_name_")
    if not isinstance(name, str) or _find_class(kind.__module__, kind.__qualname__) is not kind:
        return None
    return (kind.__module__, kind.__qualname__, name) if kind.__members__.get(name) is value else None


def _find_class(module: str, qualname: str) -> Any:
    found: Any = sys.modules.get(module)
    for each in qualname.split("."):
        found = None if found is None else vars(found).get(each)
    return found


def _find_member(module: str, qualname: str, name: str) -> enum.Enum:
    kind = _find_class(module, qualname)
    member = kind.__members__.get(name) if isinstance(kind, enum.EnumMeta) else None
    if member is None:
        raise NotLoadedError(f"{module}.{qualname}.{name}")
    return member


class Codec:
    """Encodes and decodes values.

    Args:
        pickle: whether other types go by pickle. What is unpickled can run any code: only for files that nobody else writes.

    Raises:
        MissingExtraError: (an ImportError) msgspec is not installed.
    """

    def __init__(self, pickle: bool = False) -> None:
        if msgspec is None:
            raise MissingExtraError("DiskCache", "msgspec", "cache")
        self.pickle = pickle
        self._encode = msgspec.msgpack.Encoder().encode
        self._decode = msgspec.msgpack.Decoder(ext_hook=self._from_extension).decode

    def encode(self, value: Any) -> bytes:
        """The bytes of a value; raises KeyingError (a TypeError) for one that has none."""
        try:
            plain = self._plain(value, 0, Encoder())
        except KeyingError as error:
            if not self.pickle:
                raise KeyingError(
                    f"its value, which holds {error.what}", expected="plain data, dates, numbers, paths, UUIDs, members of enumerations, or NumPy arrays",
                    hint="return plain data, or keep it by DiskCache(path, pickle=True)",
                ) from None
            plain = self._pickled(value)
        data: bytes = self._encode(plain)
        return data

    def _pickled(self, value: Any) -> Any:
        # As a whole: so one object that stands in several places stays one.
        import pickle

        try:
            return msgspec.msgpack.Ext(PICKLE, pickle.dumps(value))
        except Exception as error:
            raise KeyingError(f"its value, which cannot be pickled ({type(error).__name__}: {error})") from None

    def decode(self, data: bytes) -> Any:
        """The value; raises NotLoadedError for one that is not to be had in this process, and some exception for bytes that are damaged."""
        return self._decode(data)

    def _plain(self, value: Any, depth: int, seen: Encoder) -> Any:
        kind = type(value)
        if kind in PLAIN:
            return value
        if kind is int:
            if -(2**63) <= value < 2**64:
                return value
            return msgspec.msgpack.Ext(INTEGER, value.to_bytes(value.bit_length() // 8 + 1, "big", signed=True))
        if kind is str:
            try:
                value.encode()
            except UnicodeEncodeError:
                return msgspec.msgpack.Ext(TEXT, value.encode("utf-8", "surrogatepass"))
            return value
        if depth > MAX_DEPTH:
            raise KeyingError("what is nested too deeply")
        if kind in CHANGEABLE and seen.again(value) is not None:
            raise KeyingError(f"one {kind.__name__} in several places")
        if kind is list:
            return [self._plain(item, depth + 1, seen) for item in value]
        if kind is dict:
            if all(type(key) is str and key.isascii() for key in value):
                return {key: self._plain(item, depth + 1, seen) for key, item in value.items()}
            return self._extension(PAIRS, [part for pair in value.items() for part in pair], depth, seen)
        if kind is tuple:
            return self._extension(TUPLE, value, depth, seen)
        if kind is set:
            return self._extension(SET, value, depth, seen)
        if kind is frozenset:
            return self._extension(FROZENSET, value, depth, seen)
        if kind is complex:
            return self._extension(COMPLEX, (value.real, value.imag), depth, seen)
        if kind is bytearray:
            return msgspec.msgpack.Ext(BYTEARRAY, bytes(value))
        return self._other(value, kind, seen)

    def _extension(self, code: int, items: Any, depth: int, seen: Encoder) -> Any:
        return msgspec.msgpack.Ext(code, self._encode([self._plain(item, depth + 1, seen) for item in items]))

    def _other(self, value: Any, kind: type, seen: Encoder) -> Any:
        numpy = sys.modules.get("numpy")
        if numpy is not None and kind.__module__ == "numpy" and (kind is numpy.ndarray or issubclass(kind, numpy.generic)):
            if seen.write(value).startswith(b"@"):  # which refuses what shares its memory, or has more than a file would have
                raise KeyingError(f"one {kind.__name__} in several places")
            written = numpy.lib.format.descr_to_dtype(numpy.lib.format.dtype_to_descr(value.dtype))
            if dtype_bytes(written) != dtype_bytes(value.dtype):
                raise KeyingError(f"a NumPy value of dtype {value.dtype!r} ({value.dtype.char})")
            file = io.BytesIO()
            numpy.save(file, value, allow_pickle=False)
            return msgspec.msgpack.Ext(ARRAY if kind is numpy.ndarray else SCALAR, file.getvalue())
        member = _member_name(value) if issubclass(kind, enum.Enum) else None
        if member is not None:
            return self._extension(MEMBER, member, 0, seen)
        name = _STANDARD_NAMES.get(kind)
        if name is None:
            raise KeyingError(f"a {kind.__module__}.{kind.__qualname__}")
        return self._extension(STANDARD, (name, *STANDARD_TYPES[name].parts(value)), 0, seen)

    def _from_extension(self, code: int, data: memoryview) -> Any:
        if code in (TUPLE, SET, FROZENSET, PAIRS, COMPLEX):
            items = self._decode(data)
            if code == PAIRS:
                return dict(zip(items[::2], items[1::2], strict=True))
            if code == COMPLEX:
                return complex(*items)
            return (tuple, set, frozenset)[code - TUPLE](items)
        if code == STANDARD:
            name, *parts = self._decode(data)
            return STANDARD_TYPES[name].make(*parts)
        if code == MEMBER:
            return _find_member(*self._decode(data))
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
