"""LateCoroutine: a coroutine that is made when it is begun."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Generator

from cascade.imports import Generic, TypeVar

R = TypeVar("R")


class LateCoroutine(Coroutine[object, object, R], Generic[R]):
    """A coroutine that is made when it is begun: one that has been made, and is not begun because of Ctrl-C, would warn of that."""

    def __init__(self, make: Callable[[], Coroutine[object, object, R]] | None, name: str) -> None:
        self.__name__ = self.__qualname__ = name
        self._function = make
        self._made: Coroutine[object, object, R] | None = None

    def _make(self) -> Coroutine[object, object, R]:
        """Makes it. A subclass with a way of its own gives no function: a method of its own would hold it, in a cycle."""
        assert self._function is not None
        return self._function()

    def send(self, value: object) -> object:
        if self._made is None:
            self._made = self._make()
        return self._made.send(value)

    def throw(self, *error: object) -> object:
        if self._made is None:
            self._made = self._make()
        return self._made.throw(*error)  # type: ignore[call-overload]

    def close(self) -> None:
        if self._made is not None:
            self._made.close()

    def __await__(self) -> Generator[object, object, R]:
        return self  # type: ignore[return-value,unused-ignore]  # pyright: ignore[reportReturnType]  # it has the methods of a generator

    def __iter__(self) -> LateCoroutine[R]:
        return self

    def __next__(self) -> object:
        return self.send(None)
