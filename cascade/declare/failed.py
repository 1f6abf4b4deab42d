"""Exceptions that are passed on as values."""

from __future__ import annotations

from cascade.imports import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import NoReturn


class Failed:
    """Stands for an exception as the result of an awaitable: not every exception can be raised by a coroutine."""

    __slots__ = ("error",)

    def __init__(self, error: BaseException) -> None:
        self.error: BaseException = error


def failed(error: BaseException) -> Failed:
    """Raises `error`; returns a StopIteration, which no coroutine can raise, as a `Failed` for the coroutine to return."""
    if isinstance(error, StopIteration):
        return Failed(error)
    raise error


def raise_again(error: BaseException) -> NoReturn:
    """Raises an exception that was passed on as a value, with the `__context__` that it has: `raise` replaces that by what is being handled."""
    context = error.__context__
    try:
        raise error
    finally:
        if context is not None:
            error.__context__ = context
        del error  # its traceback holds this frame


def add_note(error: BaseException, text: str) -> None:
    """Adds a note to a user's exception, unless it refuses: no attribute of one that is a frozen dataclass can be set."""
    try:
        error.add_note(text)
    except Exception:
        pass
