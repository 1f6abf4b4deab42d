"""Values to bytes and back: msgpack, with extension types for what it does not have; NumPy arrays as .npy.

What comes back is equal to what went in and of the very same types. Nothing in the bytes can run code.
"""

from __future__ import annotations

import io
import sys
from importlib import import_module
from typing import Any

from cascade.errors import KeyingError, MissingExtraError

msgspec: Any = None
try:
    msgspec = import_module("msgspec")
except ImportError:
    pass  # said when it is needed

TUPLE, SET, FROZENSET, PAIRS, INTEGER, COMPLEX, ARRAY, SCALAR, BYTEARRAY, PICKLE, TEXT = range(1, 12)
MAX_DEPTH = 100
PLAIN = frozenset({type(None), bool, float, bytes})


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
        data: bytes = self._encode(self._plain(value, 0))
        return data

    def decode(self, data: bytes) -> Any:
        """The value; raises some exception for bytes that are damaged."""
        return self._decode(data)

    def _plain(self, value: Any, depth: int) -> Any:
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
            raise KeyingError("a value that is nested too deeply, or holds itself")
        if kind is list:
            return [self._plain(item, depth + 1) for item in value]
        if kind is dict:
            if all(type(key) is str for key in value):
                return {self._plain(key, depth + 1): self._plain(item, depth + 1) for key, item in value.items()} if all(
                    key.isascii() for key in value
                ) else self._extension(PAIRS, [part for pair in value.items() for part in pair], depth)
            return self._extension(PAIRS, [part for pair in value.items() for part in pair], depth)
        if kind is tuple:
            return self._extension(TUPLE, value, depth)
        if kind is set:
            return self._extension(SET, value, depth)
        if kind is frozenset:
            return self._extension(FROZENSET, value, depth)
        if kind is complex:
            return self._extension(COMPLEX, (value.real, value.imag), depth)
        if kind is bytearray:
            return msgspec.msgpack.Ext(BYTEARRAY, bytes(value))
        return self._other(value, kind)

    def _extension(self, code: int, items: Any, depth: int) -> Any:
        return msgspec.msgpack.Ext(code, self._encode([self._plain(item, depth + 1) for item in items]))

    def _other(self, value: Any, kind: type) -> Any:
        numpy = sys.modules.get("numpy")
        if numpy is not None and (kind is numpy.ndarray or isinstance(value, numpy.generic)) and not value.dtype.hasobject:
            file = io.BytesIO()
            numpy.save(file, value, allow_pickle=False)
            return msgspec.msgpack.Ext(ARRAY if kind is numpy.ndarray else SCALAR, file.getvalue())
        if self.pickle:
            import pickle

            return msgspec.msgpack.Ext(PICKLE, pickle.dumps(value))
        raise KeyingError(
            f"its value, which holds a {kind.__module__}.{kind.__qualname__}", expected="plain data, or NumPy arrays",
            hint="return plain data, or keep it by DiskCache(path, pickle=True)",
        )

    def _from_extension(self, code: int, data: memoryview) -> Any:
        if code in (TUPLE, SET, FROZENSET, PAIRS, COMPLEX):
            items = self._decode(data)
            if code == PAIRS:
                return dict(zip(items[::2], items[1::2], strict=True))
            if code == COMPLEX:
                return complex(*items)
            return (tuple, set, frozenset)[code - TUPLE](items)
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
