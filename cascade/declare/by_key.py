"""Caches with a key function: calls are the same where a function of their arguments returns the same."""

from __future__ import annotations

from collections.abc import Callable

from cascade.declare.policies import as_cache
from cascade.errors import DeclarationError, KeyingError
from cascade.imports import TYPE_CHECKING

if TYPE_CHECKING:
    from cascade.declare.cache_policy import CachePolicy

MOST = 64
"""Key functions that are remembered for one cache."""


class ByKey:
    """A cache policy that uses another one, with the result of a function in place of the arguments.

    Args:
        cache: the policy that keeps the values.
        key: a function that is called with the arguments of each call, as the task is.
    """

    def __init__(self, cache: CachePolicy, key: Callable[..., object]) -> None:
        self.cache = cache
        self.key = key
        self.check = cache.check
        self.save = cache.save
        for name in ("key_of", "load", "store", "at_once", "compiled"):
            if hasattr(cache, name):
                setattr(self, name, getattr(cache, name))

    def keyed(self, args: tuple[object, ...], kwargs: dict[str, object]) -> dict[str, object]:
        """Returns the arguments of the other policy for a call: the result of the key function, by the name `key`.

        Raises:
            KeyingError: (a TypeError) the function fails.
        """
        try:
            return {"key": self.key(*args, **kwargs)}
        except Exception as error:
            raise KeyingError(f"its key function fails ({type(error).__name__}: {error})") from None


def by_key(cache: CachePolicy | None, key: Callable[..., object]) -> CachePolicy:
    """Returns the policy of `with_cache(cache, key=key)`: the same one for the same two, so that compiled code is shared.

    Raises:
        DeclarationError: (a TypeError) one of them is none.
    """
    cache = as_cache(cache)
    if cache is None or not callable(key):
        raise DeclarationError(
            f"with_cache({cache!r}, key={key!r})", expected="a cache, and a function of the task's arguments"
        )
    try:
        known: dict[int, ByKey] = vars(cache).setdefault("_by_key", {})
    except TypeError:  # it has no attributes of its own
        return ByKey(cache, key)
    policy = known.get(id(key))
    if policy is None or policy.key is not key:
        if len(known) >= MOST:
            known.clear()
        policy = known[id(key)] = ByKey(cache, key)
    return policy
