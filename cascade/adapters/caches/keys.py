"""Keys: bytes that are equal only for equal values of equal types.

Every value is written with a tag of its type and the lengths of its parts, so that no two different values have the same
bytes. What cannot be written is refused: a key that leaves something out would give wrong values.
"""

from __future__ import annotations

import struct
import sys
from collections.abc import Callable
from hashlib import blake2b
from typing import Any

from cascade.errors import KeyingError

MAX_DEPTH = 200
"""Containers inside containers; deeper ones are refused, as are those that hold themselves."""

CodeOf = Callable[[Any], bytes]
_pack_double = struct.Struct("<d").pack


def encode(value: Any, code_of: CodeOf | None = None, depth: int = 0) -> bytes:
    """The bytes of a value.

    Args:
        code_of: the bytes of a function, a class or a task; without it these are refused.

    Raises:
        KeyingError: (a TypeError) it holds something that has no bytes.
    """
    kind = type(value)
    write = _WRITERS.get(kind)
    if write is not None:
        return write(value)
    if depth > MAX_DEPTH:
        raise KeyingError("what is nested too deeply, or holds itself")
    if kind is list or kind is tuple:
        return b"%s%d:%s" % (b"l" if kind is list else b"t", len(value), _joined(value, code_of, depth))
    if kind is dict:  # in its order, which a function can see
        return b"d%d:%s%s" % (len(value), _joined(value, code_of, depth), _joined(value.values(), code_of, depth))
    if kind is set or kind is frozenset:
        parts = sorted(encode(item, code_of, depth + 1) for item in value)
        return b"%s%d:%s" % (b"z" if kind is set else b"Z", len(parts), b"".join(parts))
    return _encode_object(value, kind, code_of, depth)


def _joined(values: Any, code_of: CodeOf | None, depth: int) -> bytes:
    return b"".join([encode(item, code_of, depth + 1) for item in values])


def digest(data: bytes) -> bytes:
    return blake2b(data, digest_size=20).digest()


def framed(tag: bytes, data: bytes) -> bytes:
    return b"%s%d:%s" % (tag, len(data), data)


def is_immutable(value: Any) -> bool:
    """Whether the value is one of those that cannot change, and hold nothing that can."""
    return type(value) in _ATOMS or (type(value) in (tuple, frozenset) and all(map(is_immutable, value)))


def _encode_object(value: Any, kind: type, code_of: CodeOf | None, depth: int) -> bytes:
    numpy, enum = sys.modules.get("numpy"), sys.modules.get("enum")
    if numpy is not None and (kind is numpy.ndarray or isinstance(value, numpy.generic)):
        return _encode_numpy(value, depth)
    if kind.__module__ in _BY_REDUCE and not isinstance(value, type):
        # Small immutable types of the standard library, whose parts say all.
        parts = [repr(part) if isinstance(part, type) else part for part in value.__reduce_ex__(2)[1:3]]
        name = f"{kind.__module__}.{kind.__qualname__}".encode()
        return framed(b"R", name) + encode([_without_types(part) for part in parts], code_of, depth + 1)
    if enum is not None and isinstance(value, enum.Enum):
        return framed(b"E", _class_bytes(kind, code_of)) + encode(value.name, None, depth + 1)
    fields = kind.__dict__.get("__dataclass_fields__")
    if fields is not None and set(getattr(value, "__dict__", ())) <= set(fields):
        held = {name: getattr(value, name) for name in fields if hasattr(value, name)}
        return framed(b"D", _class_bytes(kind, code_of)) + encode(held, code_of, depth + 1)
    if kind.__bases__ == (tuple,) and "_fields" in kind.__dict__ and not hasattr(value, "__dict__"):
        return framed(b"N", _class_bytes(kind, code_of)) + encode(tuple(value), code_of, depth + 1)
    if code_of is not None:
        return framed(b"F", code_of(value))
    raise unkeyable(value)


def unkeyable(value: Any) -> KeyingError:
    kind = type(value)
    return KeyingError(f"a value of type {kind.__module__}.{kind.__qualname__}")


def _without_types(part: Any) -> Any:
    return tuple(repr(item) if isinstance(item, type) else item for item in part) if isinstance(part, tuple) else part


def _class_bytes(kind: type, code_of: CodeOf | None) -> bytes:
    return f"{kind.__module__}.{kind.__qualname__}".encode() if code_of is None else code_of(kind)


def _encode_numpy(value: Any, depth: int) -> bytes:
    if value.dtype.hasobject:
        raise KeyingError(f"a NumPy value of dtype {value.dtype}")
    scalar = value.ndim == 0 and type(value).__name__ != "ndarray"
    head = f"{scalar}{value.dtype.descr!r}{value.shape!r}{value.flags.writeable}{value.flags.f_contiguous}".encode()
    return framed(b"A", head) + blake2b(value.tobytes(order="C")).digest()


_WRITERS: dict[type, Callable[[Any], bytes]] = {
    type(None): lambda value: b"n",
    type(...): lambda value: b"e",
    bool: lambda value: b"T" if value else b"f",
    int: lambda value: b"i%x;" % value if value >= 0 else b"i-%x;" % -value,
    float: lambda value: b"g" + _pack_double(value),
    complex: lambda value: b"c" + _pack_double(value.real) + _pack_double(value.imag),
    str: lambda value: framed(b"s", value.encode("utf-8", "surrogatepass")),
    bytes: lambda value: framed(b"b", value),
    bytearray: lambda value: framed(b"B", bytes(value)),
    range: lambda value: b"r" + encode([value.start, value.stop, value.step]),
    slice: lambda value: b"S" + encode([value.start, value.stop, value.step]),
}
_ATOMS = frozenset(_WRITERS) - {bytearray, slice}
_BY_REDUCE = frozenset({"datetime", "decimal", "fractions", "pathlib", "pathlib._local", "uuid", "ipaddress"})
