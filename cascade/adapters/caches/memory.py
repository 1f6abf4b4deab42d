"""MemoryCache: values kept in this process."""

from __future__ import annotations

import copy
import threading
from collections import OrderedDict

from cascade._vm import entry_point
from cascade.adapters.caches.keyed import KeyedCache
from cascade.adapters.caches.keys import is_immutable
from cascade.adapters.caches.singletons import Singletons, singletons_in
from cascade.declare.policies import Hit
from cascade.errors import DeclarationError, KeyingError


class MemoryCache(KeyedCache):
    """Keeps values in memory, for `with_cache`. Mutable values are copied when they are stored and when they are loaded,
    but for singletons such as `dataclasses.MISSING`, which stay themselves.

    Args:
        max_entries: how many values are kept; the least recently used one is dropped first.

    Raises:
        DeclarationError: (a TypeError) `max_entries` is not a positive number.
    """

    @entry_point
    def __init__(self, max_entries: int = 65_536) -> None:
        if not isinstance(max_entries, int) or max_entries < 1:
            raise DeclarationError(f"MemoryCache(max_entries={max_entries!r})", expected="a positive number of values")
        self.max_entries = max_entries
        self._entries: OrderedDict[bytes, tuple[object, Singletons | None]] = OrderedDict()
        self._lock = threading.Lock()

    def load(self, key: bytes) -> Hit | None:
        with self._lock:
            entry = self._entries.get(key)
            if entry is None:
                return None
            self._entries.move_to_end(key)
        value, singletons = entry
        return Hit(value if singletons is None else copy.deepcopy(value, dict(singletons)))

    def store(self, key: bytes, value: object) -> None:
        singletons = None if is_immutable(value) else singletons_in(value)
        if singletons is not None:
            try:
                value = copy.deepcopy(value, dict(singletons))
            except Exception as error:
                raise KeyingError(f"its value, which cannot be copied ({type(error).__name__}: {error})") from None
        with self._lock:
            self._entries[key] = value, singletons
            self._entries.move_to_end(key)
            while len(self._entries) > self.max_entries:
                self._entries.popitem(last=False)

    def clear(self) -> None:
        """Forgets everything."""
        with self._lock:
            self._entries.clear()

    def __len__(self) -> int:
        return len(self._entries)
