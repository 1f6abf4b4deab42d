"""Owners: the processes that have the leases of runs, as texts, and whether one of this machine has ended."""

from __future__ import annotations

import contextlib
import itertools
import os
import socket
import threading
from functools import cache

from cascade.adapters.caches.keys import digest

_count = itertools.count(1)
_active: set[str] = set()
_lock = threading.Lock()


class Owner:
    """The owner of a run in this process: `host:pid:start:number`."""

    @staticmethod
    def new() -> str:
        """Returns the text of a new owner, which is alive until `end`."""
        made = f"{_host()}:{os.getpid()}:{_started(os.getpid())}:{next(_count)}"
        with _lock:
            _active.add(made)
        return made

    @staticmethod
    def end(owner: str) -> None:
        """Notes that an owner runs nothing any more."""
        with _lock:
            _active.discard(owner)

    @staticmethod
    def is_here(owner: str) -> bool:
        """Returns whether an owner is a process of this machine, since it was started."""
        return owner.rsplit(":", 3)[0] == _host()

    @staticmethod
    def is_dead(owner: str | None) -> bool:
        """Returns True if an owner is known to have ended; False for one of another machine."""
        if owner is None:
            return True
        host, pid, started, _ = owner.rsplit(":", 3)
        if host != _host():
            return False
        if int(pid) == os.getpid() and started == _started(os.getpid()):
            return owner not in _active
        return _started(int(pid)) != started

    @staticmethod
    def describe(owner: str) -> str:
        """Returns an owner in words."""
        host, pid, _, _ = owner.rsplit(":", 3)
        return f"process {pid} on {host.partition('/')[0]}"


@cache
def _host() -> str:
    """Returns the name of the machine, and what tells apart its starts, and containers of the same name on it."""
    parts = ""
    with contextlib.suppress(OSError), open("/proc/sys/kernel/random/boot_id") as file:  # there is none but on Linux
        parts = file.read() + os.readlink("/proc/self/ns/pid")
    return f"{socket.gethostname()}/{digest(parts.encode()).hex()[:8]}"


def _started(pid: int) -> str:
    """Returns when a process was started, as its system counts; an empty text if there is none."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            fields = file.read().rpartition(b")")[2].split()
        return "" if fields[0] in (b"Z", b"X") else fields[19].decode()
    except OSError:
        pass
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return ""
    except PermissionError:
        pass
    return "0" if not os.path.exists("/proc/self/stat") else ""
