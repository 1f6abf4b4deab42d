"""Watching: whether everything that was inspected is unchanged, at the cost of some comparisons by identity."""

from __future__ import annotations

import abc
import os
import types
from collections.abc import Mapping
from operator import is_
from typing import TypeVar, cast

from cascade.adapters.caches.keys import Encoder

K = TypeVar("K")
V = TypeVar("V")
MISSING = object()
Contents = tuple[bytes, list[int]]
"""The bytes of data, and the ids of the objects in it."""
_Function = tuple[types.FunctionType, types.CodeType, object, object, str, str, object, int]
"""A function with its code, defaults, keyword defaults, name, qualified name, docstring, and the number of its attributes."""


class Watch:
    """The places that were read, and the objects that were found there. These are kept alive, so that no others get their ids."""

    def __init__(self) -> None:
        self._token: object = None
        self._items: list[tuple[Mapping[str, object], str, object]] = []  # (mapping, key, value)
        # With all keys and values.
        self._mappings: list[tuple[Mapping[object, object], tuple[object, ...], tuple[object, ...]]] = []
        self._attributes: list[tuple[object, str, object]] = []  # (object, name, value)
        self._cells: list[tuple[types.CellType, object]] = []
        self._functions: list[_Function] = []
        self._environment: list[tuple[str, str | None]] = []
        self._data: list[tuple[object, Contents]] = []  # mutable data

    def item(self, mapping: Mapping[str, object], key: str) -> object:
        """Returns the value that a mapping has for a key, or MISSING."""
        value = mapping.get(key, MISSING)
        self._items.append((mapping, key, value))
        return value

    def all_of(self, mapping: Mapping[K, V]) -> list[tuple[K, V]]:
        """Returns all pairs of a mapping."""
        self._mappings.append((cast("Mapping[object, object]", mapping), tuple(mapping), tuple(mapping.values())))
        return list(mapping.items())

    def attribute(self, owner: object, name: str) -> object:
        """Returns an attribute, or MISSING."""
        value: object = getattr(owner, name, MISSING)
        self._attributes.append((owner, name, value))
        return value

    def environment(self, name: str) -> str | None:
        """Returns an environment variable, or None."""
        value = os.environ.get(name)
        self._environment.append((name, value))
        return value

    def cell(self, cell: types.CellType) -> object:
        """Returns the value of a closure's variable, or MISSING."""
        value = _contents(cell)
        self._cells.append((cell, value))
        return value

    def function(self, function: types.FunctionType) -> None:
        """Notes the parts of a function, but for the values of its attributes."""
        names = function.__name__, function.__qualname__, function.__doc__
        parts = function.__code__, function.__defaults__, function.__kwdefaults__
        self._functions.append((function, *parts, *names, len(function.__dict__)))

    def data(self, value: object) -> None:
        """Notes the contents of data; objects in it that are not data, by their identities."""
        self._data.append((value, _contents_of(value)))

    def registrations(self) -> None:
        """Notes the registrations of abstract classes."""
        self._token = abc.get_cache_token()

    def holds(self) -> bool:
        """Whether everything is as it was."""
        # Written out: it is done at each hit.
        for function, code, defaults, more, name, qualname, doc, count in self._functions:
            if (
                function.__code__ is not code
                or function.__defaults__ is not defaults
                or function.__kwdefaults__ is not more
            ):
                return False
            if function.__name__ is not name or function.__qualname__ is not qualname or function.__doc__ is not doc:
                return False
            if len(function.__dict__) != count:
                return False
        for mapping, key, value in self._items:
            if mapping.get(key, MISSING) is not value:
                return False
        for cell, value in self._cells:
            if _contents(cell) is not value:
                return False
        for pairs, keys, values in self._mappings:
            if len(pairs) != len(keys) or not all(map(is_, pairs, keys)) or not all(map(is_, pairs.values(), values)):
                return False
        for owner, name, value in self._attributes:
            if getattr(owner, name, MISSING) is not value:
                return False
        for variable, text in self._environment:
            if os.environ.get(variable) != text:
                return False
        for value, contents in self._data:
            if _contents_of(value) != contents:
                return False
        return self._token is None or self._token == abc.get_cache_token()


def _by_id(value: object) -> bytes:
    return b"%d" % id(value)


def _contents_of(data: object) -> Contents:
    encoder = Encoder(_by_id)
    return encoder.write(data), encoder.written


def _contents(cell: types.CellType) -> object:
    try:
        contents: object = cell.cell_contents
    except ValueError:  # not bound yet
        return MISSING
    return contents
