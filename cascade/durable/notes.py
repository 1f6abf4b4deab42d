"""Notes: the state of calls that are under way, besides their operands."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from cascade.declare.task import Task

Key = tuple[int, int | str]
"""The frame and the node of a call."""


class Ahead(Protocol):
    """Saves items of a map in groups; see `cascade.durable.groups`."""

    def returned(self, row: EffectRow) -> None: ...


class Note:
    """The state of a call that is under way, besides its operands.

    Attributes:
        begun: whether a call whose effect must not be repeated may have begun.
        attempt: how many attempts have failed, and `due`, when the next one is made, or a wait is over, in seconds since the epoch.
        name: of the signal that it waits for.
        items: returns the items of a map that are finished, by position.
        value: of an item with an effect that is finished, in a list.
        ahead: saves the item with others of its map.
        task: whose results these are.
    """

    __slots__ = ("attempt", "begun", "due", "in_doubt", "ahead", "items", "name", "restored", "task", "value")

    def __init__(self) -> None:
        self.begun = False
        self.in_doubt = False
        self.attempt = 0
        self.due: float | None = None
        self.name: str | None = None
        self.items: Callable[[], dict[int, object]] | None = None
        self.restored: dict[int, object] = {}
        self.value: list[object] = []
        self.ahead: Ahead | None = None
        self.task: Task[..., object] | None = None


class EffectRow(NamedTuple):
    """A row that says that an item of a map has begun, or returned: `value` then holds its value."""

    serial: int
    node: int | str
    note: Note
    value: tuple[()] | tuple[object]
