"""Handles: the connections of threads, each closed when its thread ends or its store is freed."""

from __future__ import annotations

import atexit
import os
from typing import Generic, TypeVar

C = TypeVar("C")


class Handle(Generic[C]):
    """A connection of one thread.

    Attributes:
        connection: the connection.
        is_own: whether this process has opened it: one that a fork has carried into another is left alone there.
    """

    def __init__(self, connection: C) -> None:
        self.connection = connection
        self._process = os.getpid()
        # Held from outside as well, so that the collector does not finalize it before this.
        _OPEN[id(self)] = self._process, connection

    @property
    def is_own(self) -> bool:
        return self._process == os.getpid()

    def close(self) -> None:
        """Closes the connection, in the process that has opened it."""
        if self.is_own:
            _OPEN.pop(id(self), None)
            self.connection.close()  # type: ignore[attr-defined]  # both kinds of connections have it
        else:
            _FOREIGN.append(self.connection)

    def __del__(self) -> None:
        self.close()


_OPEN: dict[int, tuple[int, object]] = {}
_FOREIGN: list[object] = []


@atexit.register
def _close_all() -> None:
    # A store that a module holds outlives its thread's local data, in which its handle is.
    for process, connection in list(_OPEN.values()):
        if process == os.getpid():
            connection.close()  # type: ignore[attr-defined]  # both kinds of connections have it
