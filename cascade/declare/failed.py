"""Exceptions that are passed on as values."""

from __future__ import annotations

import sys
from types import TracebackType


class Failed:
    """Stands for an exception as the result of an awaitable: not every exception can be raised by a coroutine."""

    __slots__ = ("error",)

    def __init__(self, error: BaseException) -> None:
        self.error: BaseException = error


def failed(error: BaseException) -> Failed:
    """Raises `error`; returns a StopIteration, which no coroutine can raise, as a `Failed` for the coroutine to return."""
    if isinstance(error, StopIteration):
        return Failed(error)
    with KeptContext(error):
        raise error


CONTEXT = BaseException.__dict__["__context__"]
"""The attribute, also of exceptions whose class allows no assignments."""


class KeptContext:
    """A `with` block that raises an exception which was passed on as a value: it keeps the `__context__` that it has, or has not.

    `raise` replaces that by the exception that is being handled. The groups that `except*` raises have none, for one.
    """

    __slots__ = ("_context", "_error")

    def __init__(self, error: BaseException) -> None:
        self._error = error
        self._context: BaseException | None = CONTEXT.__get__(error)

    def __enter__(self) -> None:
        pass

    def __exit__(self, *_: object) -> None:
        CONTEXT.__set__(self._error, self._context)


def take_context(error: BaseException) -> None:
    """Gives an exception of another thread the `__context__` that it would have here: the exception that is being handled."""
    if CONTEXT.__get__(error) is None and sys.exception() is not error:
        CONTEXT.__set__(error, sys.exception())


def has_note(error: BaseException, text: str) -> bool:
    """Returns whether an exception has a note. No code of users is called, which its class or its notes may have."""
    try:
        notes = object.__getattribute__(error, "__dict__").get("__notes__")
    except AttributeError:
        return False
    return type(notes) is list and any(type(note) is str and note == text for note in notes)


def add_note(error: BaseException, text: str) -> None:
    """Adds a note to a user's exception, unless it refuses: no attribute of one that is a frozen dataclass can be set."""
    try:
        error.add_note(text)
    except Exception:
        pass


def user_part(traceback: TracebackType | None) -> TracebackType | None:
    """Returns the traceback from the first frame that is not Cascade's own; all of it where there is none."""
    at = traceback
    while at is not None and at.tb_frame.f_globals.get("__name__", "").startswith("cascade."):
        at = at.tb_next
    return traceback if at is None else at
