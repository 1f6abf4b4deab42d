"""The base of caches that make keys of their own."""

from __future__ import annotations

from functools import cached_property

from cascade.adapters.caches.identity import Identity, code_of
from cascade.adapters.caches.keys import Encoder, digest, encode
from cascade.declare.policies import Hit
from cascade.errors import KeyingError

LONGEST_KEY = 200


class _Codes(dict[int, bytes]):
    """The bytes of code while one key is made, by id: a class is inspected once, however many instances of it there are."""

    def of(self, value: object) -> bytes:
        """Returns the bytes of a function, class or task."""
        if id(value) not in self:
            self[id(value)] = code_of(value)
        return self[id(value)]


PLAIN = frozenset({int, str, float, bool, bytes, type(None)})
"""Types whose values hold no code."""


class KeyedCache:
    """A cache policy that keeps values by a key of the task's identity and its arguments.

    The key is made before the call, because a function may change its arguments.
    """

    @cached_property
    def compiled(self) -> dict[object, object]:
        """Policies, operations and code of graphs that use the cache. They refer to it, so it keeps them, and they are freed with it."""
        return {}

    def key_of(self, task_id: str, arguments: dict[str, object], identity: Identity | None = None) -> bytes:
        """Returns the key of a call.

        Args:
            task_id: the task's name and the digest of its code.
            arguments: the values of the call's parameters.
            identity: the task's; without it, an argument that is also an object that the task's code reads passes for an equal copy of it.

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
            except Exception as error:  # raised by code of its class
                raise KeyingError(
                    f"argument {name!r} holds what cannot be looked into ({type(error).__name__}: {error})"
                ) from None
        key = b"\0".join(pieces)
        return key if len(key) <= LONGEST_KEY else digest(key)  # which is shorter than any of the others

    def load(self, key: bytes) -> Hit | None:
        """Returns the value kept for a key, as a Hit, or None."""
        raise NotImplementedError

    def store(self, key: bytes, value: object) -> None:
        """Keeps a value for a key."""
        raise NotImplementedError

    def check(self, task_id: str, arguments: dict[str, object]) -> Hit | None:
        """Returns the value kept for a call, as a Hit, or None."""
        return self.load(self.key_of(task_id, arguments))

    def save(self, task_id: str, arguments: dict[str, object], value: object) -> None:
        """Keeps the value of a call."""
        self.store(self.key_of(task_id, arguments), value)
