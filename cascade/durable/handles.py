"""Handles: the connections of threads, each closed when its thread ends or its store is freed, and transactions on them."""

from __future__ import annotations

import atexit
import contextlib
import os
import threading
from collections.abc import Iterator
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
        self._process = _process
        # Held from outside as well, so that the collector does not finalize it before this.
        _OPEN[id(self)] = self._process, connection

    @property
    def is_own(self) -> bool:
        return self._process == _process

    def close(self) -> None:
        """Closes the connection, in the process that has opened it."""
        if self.is_own:
            _OPEN.pop(id(self), None)
            self.connection.close()  # type: ignore[attr-defined]  # both kinds of connections have it
        else:
            _FOREIGN.append(self.connection)

    def __del__(self) -> None:
        self.close()


_process = os.getpid()


def _note_process() -> None:
    global _process
    _process = os.getpid()


if hasattr(os, "register_at_fork"):  # there is none where there are no forks
    os.register_at_fork(after_in_child=_note_process)

_OPEN: dict[int, tuple[int, object]] = {}
_FOREIGN: list[object] = []


@atexit.register
def _close_all() -> None:
    # A store that a module holds outlives its thread's local data, in which its handle is.
    for process, connection in list(_OPEN.values()):
        if process == _process:
            connection.close()  # type: ignore[attr-defined]  # both kinds of connections have it


class Transactions:
    """Transactions of a database with a connection for each thread, whose handle is `self._local.known`."""

    def __init__(self) -> None:
        self._local = threading.local()

    @property
    def in_transaction(self) -> bool:
        """Whether this thread's connection, which is opened if there is none, has begun a transaction."""
        raise NotImplementedError

    def begin(self) -> None:
        """Begins a transaction, which the next one in this thread is a part of until `commit`."""
        raise NotImplementedError

    def commit(self) -> None:
        """Commits the transaction that `begin` has begun."""
        raise NotImplementedError

    def roll_back(self) -> None:
        """Undoes the transaction of this thread, if there is one."""
        raise NotImplementedError

    @contextlib.contextmanager
    def transaction(self) -> Iterator[None]:
        """In this block all statements are one transaction; inside of another one they are a part of that."""
        if self.in_transaction:
            yield
            return
        self.begin()
        try:
            yield
            self.commit()
        except BaseException:
            self.roll_back()
            raise

    def close(self) -> None:
        """Closes this thread's connection; it is opened again when needed."""
        known = getattr(self._local, "known", None)
        if known is not None:
            self._local.known = None
            known.close()
