"""Cancelled: tells workers on the same machine that nobody waits for their work any more."""

from __future__ import annotations

import atexit
import contextlib
import os
import shutil
import socket
import tempfile
import time
from _thread import allocate_lock

LOOK = 0.05
"""Seconds between two looks."""

_lock = allocate_lock()
_folder: str | None = None
_count = 0


class Cancelled:
    """Says whether a run has ended, in a process of the same machine; in another one it never says so.

    Attributes:
        path: a file that is there as long as the run is.
        host: the name of the machine.
    """

    def __init__(self) -> None:
        self.path = _new_file()
        self.host = socket.gethostname()
        self._next = 0.0

    def __call__(self) -> bool:
        now = time.monotonic()
        if now < self._next:
            return False
        self._next = now + LOOK
        return self.host == socket.gethostname() and not os.path.exists(self.path)

    def end(self) -> None:
        """Says that the run has ended."""
        with contextlib.suppress(OSError):
            os.remove(self.path)

    def __reduce__(self) -> tuple[object, ...]:
        return _again, (self.path, self.host)


def _again(path: str, host: str) -> Cancelled:
    cancelled = Cancelled.__new__(Cancelled)
    cancelled.path, cancelled.host = path, host
    cancelled._next = 0.0
    return cancelled


def _new_file() -> str:
    global _folder, _count
    with _lock:
        if _folder is None:
            _folder = tempfile.mkdtemp(prefix="cascade-")
        _count += 1
        path = os.path.join(_folder, str(_count))
    os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    return path


@atexit.register
def _remove_folder() -> None:
    if _folder is not None:
        shutil.rmtree(_folder, ignore_errors=True)


def _forget() -> None:
    # A forked process makes a folder of its own; that of its parent is removed by the parent.
    global _lock, _folder
    _lock, _folder = allocate_lock(), None


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)
