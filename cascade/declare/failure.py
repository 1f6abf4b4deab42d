"""Failure: an item of a map that failed, as a value of the map."""

from __future__ import annotations

from collections.abc import Callable

from cascade._vm import entry_point
from cascade.errors import DeclarationError
from cascade.events.preview import preview


class Failure:
    """Stands in the value of a map, in the place of an item that failed; see `on_error` of `Task.map`.

    Attributes:
        index: the number of the item, from 0 up.
        item: the item; the tuple of the items of all inputs, where the map has several.
        error: the exception. It holds the frames of its traceback, and so their variables, unless it comes from another process.
        task: the name of the task.
    """

    __slots__ = ("_again", "_text", "error", "index", "item", "task")

    def __init__(
        self,
        index: int,
        item: object,
        error: Exception,
        task: str,
        again: Callable[[], object],
        text: str | None = None,
    ) -> None:
        self.index = index
        self.item = item
        self.error = error
        self.task = task
        self._again = again
        self._text = text

    @property
    def traceback(self) -> str:
        """The traceback of the exception, as Python prints it."""
        if self._text is not None:
            return self._text
        from traceback import format_exception

        return "".join(format_exception(self.error))

    @entry_point
    def reproduce(self) -> object:
        """Runs the one item again, in this process and this thread, without the policies of the map, and returns its value.

        Values that all items share are those of the run: a resource that has been torn down is not set up again.

        Raises:
            Exception: whatever the task raises this time.
        """
        return self._again()

    def _repr_html_(self) -> str:
        """Shows the failure in a notebook."""
        from cascade.imports import from_above

        show = from_above("cascade.reports.notebook", "table_of_failure")
        return show(self.index, self.item, self.error, self.task, self.traceback)  # type: ignore[no-any-return]

    def __reduce__(self) -> tuple[object, ...]:
        """The traceback is sent as its text: frames stay in their process."""
        return Failure, (self.index, self.item, self.error, self.task, self._again, self.traceback)

    def __repr__(self) -> str:
        return f"<Failure of item {self.index:,} of {self.task}: {preview(self.error)}>"


def as_tolerated(value: object) -> int | None:
    """Returns how many failed items a map's `on_error` tolerates: None for any number.

    Raises:
        DeclarationError: (a TypeError) it is something else.
    """
    if value == "raise" and isinstance(value, str):
        return 0
    if value == "collect" and isinstance(value, str):
        return None
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise DeclarationError(
            f"on_error={value!r}",
            expected="'raise', 'collect', or the number of failed items that are tolerated",
        )
    return value
