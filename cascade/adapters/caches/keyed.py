"""What caches that make keys of their own have in common."""

from __future__ import annotations

from functools import cached_property
from typing import Any

from cascade.adapters.caches.identity import Identity, code_of
from cascade.adapters.caches.keys import Encoder, digest, encode
from cascade.declare.policies import Hit
from cascade.errors import KeyingError

LONGEST_KEY = 200


class _Codes(dict[int, bytes]):
    """What is known of code while one key is made: a class is looked into once, however many objects of it there are."""

    def of(self, value: Any) -> bytes:
        if id(value) not in self:
            self[id(value)] = code_of(value)
        return self[id(value)]


PLAIN = frozenset({int, str, float, bool, bytes, type(None)})
"""Types whose values hold no code."""


class KeyedCache:
    """A cache policy that keeps values by a key of the task's identity and its arguments.

    The key is made before the call: a function may change its arguments.
    """

    @cached_property
    def compiled(self) -> dict[object, Any]:
        """Operations and code of graphs that use the cache. They hold it, so they are kept here, and go when it goes."""
        return {}

    def key_of(self, task_id: str, arguments: dict[str, Any], identity: Identity | None = None) -> bytes:
        """The key of a call.

        Args:
            identity: what was found out about the task; without it, arguments are not told from what its code reads.

        Raises:
            KeyingError: (a TypeError) an argument cannot be part of a key.
        """
        pieces = [task_id.encode()]
        encoder: Encoder | None = None
        for name, value in arguments.items():
            try:
                if type(value) in PLAIN:
                    pieces.append(encode(value))
                    continue
                if encoder is None:  # one for all: an argument may be a part of another
                    encoder = Encoder(_Codes().of) if identity is None else identity.encoder(_Codes().of)
                pieces.append(encoder.write(value))
            except KeyingError as error:
                raise KeyingError(f"argument {name!r} holds {error.what}") from None
            except Exception as error:  # from code of its class
                raise KeyingError(f"argument {name!r} holds what cannot be looked into ({type(error).__name__}: {error})") from None
        key = b"\0".join(pieces)
        return key if len(key) <= LONGEST_KEY else digest(key)  # which is shorter than any of the others

    def load(self, key: bytes) -> Hit | None:
        raise NotImplementedError

    def store(self, key: bytes, value: Any) -> None:
        raise NotImplementedError

    def check(self, task_id: str, arguments: dict[str, Any]) -> Hit | None:
        """The value kept for a call, as a Hit, or None."""
        return self.load(self.key_of(task_id, arguments))

    def save(self, task_id: str, arguments: dict[str, Any], value: Any) -> None:
        """Keeps the value of a call."""
        self.store(self.key_of(task_id, arguments), value)
