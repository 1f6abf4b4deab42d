"""Lifeline: worker processes end when the process that started them ends, however it ends and whatever they do.

That process holds the only write end of a pipe, so the system closes it with the process. The workers inherit the read end. On Linux
the kernel kills them then, also one whose call does not let go of the interpreter; elsewhere a thread does.

(The system's own `PR_SET_PDEATHSIG` would act when the *thread* that started a worker ends.)
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import sys
import threading
from multiprocessing.context import get_spawning_popen
from typing import Any, NoReturn

_lock = threading.Lock()
_pipe: tuple[int, int] | None = None


class Lifeline:
    """Stands for the pipe among the objects sent to a process that is being started, which gets the number of its read end."""

    def __reduce__(self) -> tuple[Any, ...]:
        if os.name != "posix":
            return int, (-1,)
        popen: Any = get_spawning_popen()
        return int, (popen.duplicate_for_child(_read_end()),)


def hold(read_end: int) -> None:
    """Makes this process end when the write end is closed; to be called once, by a new worker."""
    if read_end < 0:
        return
    os.set_inheritable(read_end, False)
    try:
        _have_the_kernel_watch(read_end)
    except OSError:
        threading.Thread(target=_watch, args=(read_end,), name="cascade-lifeline", daemon=True).start()


def _read_end() -> int:
    global _pipe
    with _lock:
        if _pipe is None:
            _pipe = os.pipe()
        return _pipe[0]


def _have_the_kernel_watch(read_end: int) -> None:
    if sys.platform != "linux":
        raise OSError("no other system can kill a process for this")
    import fcntl

    # Opened anew, since the owner belongs to what was opened, which the workers would share.
    own = os.open(f"/proc/self/fd/{read_end}", os.O_RDONLY | os.O_NONBLOCK)
    fcntl.fcntl(own, fcntl.F_SETOWN, os.getpid())
    fcntl.fcntl(own, fcntl.F_SETSIG, signal.SIGKILL)
    fcntl.fcntl(own, fcntl.F_SETFL, fcntl.fcntl(own, fcntl.F_GETFL) | os.O_ASYNC)
    poll = select.poll()
    poll.register(own, 0)
    if poll.poll(0):
        _end()  # it was closed before


def _watch(read_end: int) -> None:
    os.read(read_end, 1)
    _end()


def _end() -> NoReturn:
    os.kill(os.getpid(), signal.SIGKILL)
    raise SystemExit  # is not reached


def _forget() -> None:
    # In a forked process, which would keep the workers of its parent alive.
    global _lock, _pipe
    _lock = threading.Lock()
    for end in _pipe or ():
        with contextlib.suppress(OSError):
            os.close(end)
    _pipe = None


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)
