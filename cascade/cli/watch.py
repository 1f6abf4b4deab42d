"""`cascade run --watch`: runs a target again after each change of its modules.

Each run is a child process, so nothing of an earlier one is left; it is a fork of this one, which has imported Cascade and none of the user's
modules. The child sends the files that it executes, which are those that are watched, each with its time when it was executed.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import CodeType

from cascade.cli.status import INTERRUPTED
from cascade.cli.terminal import show_error

INTERVAL, PATIENCE = 0.2, 1.0
"""Seconds between two looks at the files, and until a run that Ctrl-C has not reached is sent the signal."""
Mark = tuple[int, int]


def run_and_watch(action: Callable[[], int]) -> int:
    """Calls `action` in a child process, and again whenever a file has changed; Ctrl-C ends it.

    Returns:
        In the child process, the exit status of `action`. In this one, that of Ctrl-C, or of a run that has executed no file of the user's.
    """
    while True:
        reader, writer = os.pipe()
        for output in (sys.stdout, sys.stderr):
            output.flush()  # otherwise the child has the text as well, and writes it again
        child = os.fork()
        if child == 0:
            os.close(reader)
            sys.addaudithook(_Sender(writer))
            return action()
        os.close(writer)
        watched = _Watched(child, reader)
        try:
            changed = watched.until_changed()
        except KeyboardInterrupt:
            watched.end(PATIENCE)
            return INTERRUPTED
        watched.end(0.0)
        if changed is None:
            return watched.status
        show_error(f"cascade: {_shown(changed)} has changed: runs again")


class _Watched:
    """A run in a child process, and the files that it has executed so far with their times."""

    def __init__(self, child: int, reader: int) -> None:
        self.status = 0
        self._child: int | None = child
        self._reader = reader
        self._marks: dict[str, Mark] = {}
        self._rest = b""

    def until_changed(self) -> str | None:
        """Waits for a change of one of the files, and returns the file; None where the run has ended, and there is none."""
        while True:
            self._read_files()
            for file, mark in self._marks.items():
                now = _mark(file)
                if now not in (mark, None):  # None while an editor replaces it
                    return file
            if self._has_ended():
                self._read_files()  # those that it sent before its end
                if not self._marks:
                    return None

    def end(self, patience: float) -> None:
        """Ends the run as Ctrl-C does, after so many seconds: at a terminal, it has got that signal already."""
        begun = time.monotonic()
        with contextlib.suppress(KeyboardInterrupt):
            while not self._has_ended() and time.monotonic() < begun + patience:
                time.sleep(0.02)
            if self._child is not None:
                os.kill(self._child, signal.SIGINT)  # tasks are cancelled, and resources torn down
                self._has_ended(0)
        os.close(self._reader)

    def _has_ended(self, options: int = os.WNOHANG) -> bool:
        if self._child is not None:
            ended, status = os.waitpid(self._child, options)
            if ended:
                self._child, self.status = None, os.waitstatus_to_exitcode(status)
        return self._child is None

    def _read_files(self) -> None:
        """Waits for an interval; the names of files that come meanwhile are noted."""
        ready, _, _ = select.select([self._reader], [], [], INTERVAL)
        if not ready:
            return
        data = os.read(self._reader, 65536)
        if not data:
            time.sleep(INTERVAL)  # the run has ended
        *found, self._rest = (self._rest + data).split(b"\n")
        for each in found:
            file, modified, size = each.split(b"\0")
            self._marks.setdefault(os.fsdecode(file), (int(modified), int(size)))


class _Sender:
    """An audit hook that sends the names of the user's files that are compiled and executed, with their times and sizes then."""

    def __init__(self, writer: int) -> None:
        self._writer = writer
        self._sent: set[str] = set()

    def __call__(self, event: str, values: tuple[object, ...]) -> None:
        if event == "exec" and isinstance(values[0], CodeType):
            self._send(values[0].co_filename)
        elif event == "compile" and isinstance(values[1], (str, bytes)):
            self._send(os.fsdecode(values[1]))

    def _send(self, file: str) -> None:
        if file in self._sent:
            return
        self._sent.add(file)
        if file.endswith(".py") and _is_of_user(file):
            mark = _mark(file)  # taken here: the other process may read the name when the file has changed again
            if mark is not None and "\n" not in file:
                with contextlib.suppress(OSError):  # nobody reads it any more
                    os.write(self._writer, os.fsencode(os.path.abspath(file)) + b"\0%d\0%d\n" % mark)


def _is_of_user(file: str) -> bool:
    return not any(file.startswith(each + os.sep) for each in _LIBRARIES) and "site-packages" not in file


def _libraries() -> Iterator[str]:
    yield os.path.dirname(os.__file__)
    yield str(Path(__file__).resolve().parents[1])


_LIBRARIES = tuple(_libraries())


def _mark(file: str) -> Mark | None:
    try:
        found = os.stat(file)
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size


def _shown(file: str) -> str:
    with contextlib.suppress(ValueError):
        return str(Path(file).relative_to(Path.cwd()))
    return file
