"""Watching: whether all that was looked at is as it was, at the cost of some comparisons by identity."""

from __future__ import annotations

import abc
import os
import types
from operator import is_
from typing import Any

from cascade.adapters.caches.keys import Encoder

MISSING = object()
Contents = tuple[bytes, list[int]]
"""The bytes of data, and the ids of the objects in it."""


class Watch:
    """The places where something was read from, and what was there. What was there is kept alive, so that it stays itself."""

    def __init__(self) -> None:
        self._token: Any = None
        self._places: list[tuple[Any, Any, Any]] = []  # (mapping, key, value)
        self._mappings: list[tuple[Any, tuple[Any, ...], tuple[Any, ...]]] = []  # with all keys and values
        self._attributes: list[tuple[Any, str, Any]] = []  # (object, name, value)
        self._cells: list[tuple[types.CellType, Any]] = []
        self._functions: list[tuple[Any, ...]] = []
        self._environment: list[tuple[str, str | None]] = []
        self._data: list[tuple[Any, Contents]] = []  # what can be changed

    def place(self, mapping: Any, key: Any) -> Any:
        """What a mapping has for a key, or MISSING."""
        value = mapping.get(key, MISSING)
        self._places.append((mapping, key, value))
        return value

    def all_of(self, mapping: Any) -> list[tuple[Any, Any]]:
        """All pairs of a mapping."""
        self._mappings.append((mapping, tuple(mapping), tuple(mapping.values())))
        return list(mapping.items())

    def attribute(self, owner: Any, name: str) -> Any:
        """An attribute, or MISSING."""
        value = getattr(owner, name, MISSING)
        self._attributes.append((owner, name, value))
        return value

    def environment(self, name: str) -> str | None:
        """An environment variable, or None."""
        value = os.environ.get(name)
        self._environment.append((name, value))
        return value

    def cell(self, cell: types.CellType) -> Any:
        """What a variable of a closure holds, or MISSING."""
        value = _contents(cell)
        self._cells.append((cell, value))
        return value

    def function(self, function: types.FunctionType) -> None:
        """The parts of a function, but for what its attributes hold."""
        names = function.__name__, function.__qualname__, function.__doc__
        parts = function.__code__, function.__defaults__, function.__kwdefaults__
        self._functions.append((function, *parts, *names, len(function.__dict__)))

    def data(self, value: Any) -> None:
        """The contents of data, as far as it is data; by their identities else. The objects in it have to stay themselves."""
        self._data.append((value, _contents_of(value)))

    def registrations(self) -> None:
        """What abstract classes have registered."""
        self._token = abc.get_cache_token()

    def holds(self) -> bool:
        """Whether everything is where it was."""
        for function, code, defaults, more, name, qualname, doc, count in self._functions:
            if function.__code__ is not code or function.__defaults__ is not defaults or function.__kwdefaults__ is not more:
                return False
            if function.__name__ is not name or function.__qualname__ is not qualname or function.__doc__ is not doc:
                return False
            if len(function.__dict__) != count:
                return False
        for mapping, key, value in self._places:
            if mapping.get(key, MISSING) is not value:
                return False
        for cell, value in self._cells:
            if _contents(cell) is not value:
                return False
        for mapping, keys, values in self._mappings:
            if len(mapping) != len(keys) or not all(map(is_, mapping, keys)) or not all(map(is_, mapping.values(), values)):
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


def _by_id(value: Any) -> bytes:
    return b"%d" % id(value)


def _contents_of(data: Any) -> Contents:
    encoder = Encoder(_by_id)
    return encoder.write(data), encoder.written


def _contents(cell: types.CellType) -> Any:
    try:
        return cell.cell_contents
    except ValueError:  # not bound yet
        return MISSING
