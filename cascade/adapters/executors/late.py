"""LateCoroutine: a coroutine that is made when it is begun."""

from __future__ import annotations

from collections.abc import Callable, Coroutine

from cascade.imports import Any


class LateCoroutine(Coroutine[Any, Any, Any]):
    """A coroutine that is made when it is begun: one that has been made, and is not begun because of Ctrl-C, would warn of that."""

    def __init__(self, make: Callable[[], Coroutine[Any, Any, Any]], name: str) -> None:
        self.__name__ = self.__qualname__ = name
        self._make = make
        self._made: Coroutine[Any, Any, Any] | None = None

    def send(self, value: Any) -> Any:
        if self._made is None:
            self._made = self._make()
        return self._made.send(value)

    def throw(self, *error: Any) -> Any:
        if self._made is None:
            self._made = self._make()
        return self._made.throw(*error)

    def close(self) -> None:
        if self._made is not None:
            self._made.close()

    def __await__(self) -> Any:
        return self

    def __iter__(self) -> Any:
        return self

    def __next__(self) -> Any:
        return self.send(None)
