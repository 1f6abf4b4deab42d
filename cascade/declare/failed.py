"""Failed: an exception that travels as a value."""

from __future__ import annotations

from cascade.imports import Any


class Failed:
    """The result of an awaitable that stands for an exception: a coroutine cannot raise every one."""

    __slots__ = ("error",)

    def __init__(self, error: Any) -> None:
        self.error = error


def failed(error: BaseException) -> Failed:
    """What a coroutine returns that ends with `error`: raises it, but for a StopIteration, which no coroutine can raise."""
    if isinstance(error, StopIteration):
        return Failed(error)
    raise error


def add_note(error: BaseException, text: str) -> None:
    """Adds a note to a user's exception, where it takes one: that of a frozen dataclass has no attribute that can be set."""
    try:
        error.add_note(text)
    except Exception:
        pass
