"""Sink: the results of a map that is streamed, between the run that puts them and the caller that takes them."""

from __future__ import annotations

from cascade.imports import TYPE_CHECKING, asyncio

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

ROOM = 1000
"""The map waits while so many results have not been taken."""


class Sink:
    """Results on their way, in the order of the items or in that in which they come.

    All methods are called in the event loop of the run.

    Attributes:
        on_room: is called when results have been taken.
    """

    on_room: Callable[[], None] | None = None

    def __init__(self, ordered: bool = True, room: int = ROOM) -> None:
        self.ordered = ordered
        self.room = room
        self._ready: list[object] = []
        self._early: dict[int, object] = {}  # results, or lists of them, that come behind one that is missing
        self._next = 0
        self._early_count = 0
        self._is_over = False
        self._taker: asyncio.Future[None] | None = None
        self._putter: asyncio.Future[None] | None = None

    def put(self, position: int, values: Sequence[object]) -> None:
        """Puts the results of items that begin at `position`."""
        if not values:
            return
        if not self.ordered or position == self._next:
            self._ready += values
            self._next += len(values)
            self._take_early()
            _wake(self._taker)
        else:
            self._early[position] = values
            self._early_count += len(values)

    def _take_early(self) -> None:
        while self._next in self._early:
            values: list[object] = self._early.pop(self._next)  # type: ignore[assignment]
            self._ready += values
            self._next += len(values)
            self._early_count -= len(values)

    @property
    def is_full(self) -> bool:
        """Whether the map has to wait."""
        return len(self._ready) + self._early_count >= self.room

    async def make_room(self) -> None:
        """Waits while it is full."""
        while self.is_full and not self._is_over:
            self._putter = asyncio.get_running_loop().create_future()
            try:
                await self._putter
            finally:
                self._putter = None

    async def take(self) -> list[object]:
        """Returns all results that are there, and waits for one; returns an empty list at the end."""
        while not self._ready and not self._is_over:
            self._taker = asyncio.get_running_loop().create_future()
            try:
                await self._taker
            finally:
                self._taker = None
        taken, self._ready = self._ready, []
        _wake(self._putter)
        if self.on_room is not None:
            self.on_room()
        return taken

    def end(self) -> None:
        """Says that there will be no more results. Those behind a missing one are dropped."""
        self._is_over = True
        _wake(self._taker)
        _wake(self._putter)


def _wake(waiter: asyncio.Future[None] | None) -> None:
    if waiter is not None and not waiter.done():
        waiter.set_result(None)
