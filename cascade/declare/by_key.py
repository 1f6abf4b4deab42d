"""A cache with a key function: calls are told apart by what a function of their arguments returns."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from cascade.declare.policies import as_cache
from cascade.errors import DeclarationError, KeyingError


class ByKey:
    """A cache policy that asks another one, with the result of a function in the place of the arguments.

    Args:
        cache: the policy that keeps the values.
        key: is called with the arguments of each call, as the task is.
    """

    def __init__(self, cache: Any, key: Callable[..., Any]) -> None:
        self.cache = cache
        self.key = key
        self.check = cache.check
        self.save = cache.save
        for name in ("key_of", "load", "store", "at_once", "compiled"):
            if hasattr(cache, name):
                setattr(self, name, getattr(cache, name))

    def keyed(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, Any]:
        """What stands for the arguments of a call.

        Raises:
            KeyingError: (a TypeError) the function fails.
        """
        try:
            return {"key": self.key(*args, **kwargs)}
        except Exception as error:
            raise KeyingError(f"its key function fails ({type(error).__name__}: {error})") from None


def by_key(cache: Any, key: Any) -> Any:
    """The policy of `with_cache(cache, key=key)`: the same one for the same cache and function, so that compiled code is shared.

    Raises:
        DeclarationError: (a TypeError) one of them is none.
    """
    if as_cache(cache) is None or not callable(key):
        raise DeclarationError(f"with_cache({cache!r}, key={key!r})", expected="a cache, and a function of the task's arguments")
    try:
        known = vars(cache).setdefault("_by_key", {})
    except TypeError:  # it has no attributes of its own
        return ByKey(cache, key)
    policy = known.get(id(key))
    if policy is None or policy.key is not key:
        if len(known) >= MOST:
            known.clear()
        policy = known[id(key)] = ByKey(cache, key)
    return policy


MOST = 64
