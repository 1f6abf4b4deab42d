"""Crashes: a run is killed where it saves, and in between, resumed, and compared with an undisturbed one.

The run executes in child processes, each forked from this one, so tasks need not be found by another import. A child is killed by SIGKILL:
at a commit, which it is told by number, or after a time.
"""

from __future__ import annotations

import os
import random
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from cascade._vm import entry_point
from cascade.declare.lazy import LazyResult
from cascade.durable.arguments import checked_seconds
from cascade.durable.effects import Doubt
from cascade.durable.run import Run, resume, start_here
from cascade.durable.run import signal as send
from cascade.durable.saving import Steps
from cascade.durable.sqlite import SQLite
from cascade.durable.store import Store
from cascade.errors import DeclarationError
from cascade.runtime.api import default_engine

EACH_CALL = Steps(1)
CHILD_SECONDS = 60.0
MOST_ATTEMPTS = 1000


class Crashes(NamedTuple):
    """The outcome of `crash_at_every_commit`.

    Attributes:
        value: of the undisturbed run, and of each of the others.
        commits: how many commits the undisturbed run has made.
        kills: how often a process was killed.
    """

    value: object
    commits: int
    kills: int


@entry_point
def crash_at_every_commit(
    target: Callable[[], LazyResult[Any]] | LazyResult[Any],
    *,
    every: float | Steps = EACH_CALL,
    use_vm: bool = True,
    signals: dict[str, object] | None = None,
    at_random: int = 0,
    seed: int = 0,
    begin: Callable[[], object] | None = None,
    check: Callable[[], object] | None = None,
    doubt: Doubt | None = None,
    most: int | None = None,
) -> Crashes:
    """Runs a target in child processes, kills them by SIGKILL before and after each commit, and resumes the run in another one.

    Args:
        target: a LazyResult, or a function that returns a new one for each run.
        every: between two snapshots; by default each task call.
        use_vm: False for the graph path.
        signals: the values of the signals that the run waits for, by name; they are sent when it waits, or before.
        at_random: how often a run is killed besides, at random moments; `seed` chooses them.
        begin: called before each run, to set the effects back.
        check: returns the effects of a run that is over; they have to be those of the undisturbed one.
        doubt: as of `cascade.resume`: a function that looks whether the effect of a call took place.
        most: not more commits than so many are crashed at, chosen at random.

    Returns:
        The value, and how many kills it has survived.

    Raises:
        AssertionError: a run had another value or other effects, or the undisturbed one has failed.
        DeclarationError: (a TypeError) `target` is neither of the two, or `every` is no interval.
    """
    if not isinstance(target, LazyResult) and not callable(target):
        raise DeclarationError(
            f"crash_at_every_commit({target!r:.60})",
            expected="a LazyResult, or a function that returns one",
            hint="pass the result of a call: crash_at_every_commit(task(...))",
        )
    if not isinstance(every, Steps):
        checked_seconds(every, "every={}", expected="seconds, from 0 up, or cascade.steps(n)")
    kit = _Kit(target, every, use_vm, signals or {}, begin, check, doubt)
    expected, commits = kit.undisturbed()
    moments: list[tuple[int, bool]] = [(number, after) for number in range(1, commits + 1) for after in (False, True)]
    chosen = random.Random(seed)
    if most is not None and len(moments) > most:
        moments = chosen.sample(moments, most)
    kills = 0
    for number, after in moments:
        kills += kit.disturbed(
            expected, f"commit {number}, {'after' if after else 'before'} it", commit=(number, after)
        )
    for _ in range(at_random):
        seconds = chosen.uniform(0.0, kit.seconds)
        kills += kit.disturbed(expected, f"{seconds:.6f} s", seconds=seconds)
    return Crashes(expected[0], commits, kills)


class _Kit:
    def __init__(
        self, target: Callable[[], LazyResult[Any]] | LazyResult[Any], every: float | Steps, use_vm: bool, signals: dict[str, object], begin: Callable[[], object] | None,
        check: Callable[[], object] | None, doubt: Doubt | None,
    ) -> None:  # fmt: skip
        self._target = target
        self._every = every
        self._use_vm = use_vm
        self._signals = signals
        self._begin = begin
        self._check = check
        self._doubt = doubt
        self.seconds = 0.0

    def _new(self) -> LazyResult[Any]:
        return self._target if isinstance(self._target, LazyResult) else self._target()

    def undisturbed(self) -> tuple[tuple[object, object], int]:
        """Returns the value and the effects of an undisturbed run, and the number of its commits."""
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "runs.db"
            counts = Path(folder) / "commits"
            if self._begin is not None:
                self._begin()
            begun = time.monotonic()
            status = self._child(path, None, None, counts)
            self.seconds = time.monotonic() - begun
            assert status == 0, (
                f"an undisturbed child process has ended with status {status}; its error is printed above"
            )
            value = self._value(path)
            return (value, None if self._check is None else self._check()), len(counts.read_bytes())

    def disturbed(
        self,
        expected: tuple[object, object],
        moment: str,
        commit: tuple[int, bool] | None = None,
        seconds: float | None = None,
    ) -> int:
        """Makes one run, killed at that moment and resumed; returns how many processes were killed."""
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "runs.db"
            if self._begin is not None:
                self._begin()
            kills = 0
            status = self._child(path, commit, seconds, None)
            kills += status == -signal.SIGKILL
            for _ in range(MOST_ATTEMPTS):
                if status == 0:
                    break
                assert status == -signal.SIGKILL, f"killed at {moment}: a process has ended with status {status}"
                status = self._child(path, None, None, None)
            found = self._value(path), None if self._check is None else self._check()
            assert found == expected, f"killed at {moment}: {found!r} instead of {expected!r}"
            assert type(found[0]) is type(expected[0]), f"killed at {moment}: {found[0]!r} instead of {expected[0]!r}"
            return kills

    def _value(self, path: Path) -> object:
        value: object = Run(Store(path), RUN).result(timeout=CHILD_SECONDS)
        return value

    def _child(self, path: Path, commit: tuple[int, bool] | None, seconds: float | None, counts: Path | None) -> int:
        """Executes the run in a forked process, and returns its status: that of `os.waitstatus_to_exitcode`."""
        sys.stdout.flush()
        sys.stderr.flush()
        pid = os.fork()
        if pid == 0:
            status = 1
            try:
                with _killed_at(commit), _counted(counts):
                    self._execute(path)
                status = 0
            except BaseException:
                traceback.print_exc()
            finally:
                sys.stderr.flush()
                os._exit(status)
        return _ended(pid, seconds)

    def _execute(self, path: Path) -> None:
        store = Store(path)
        if store.has(RUN):
            self._send(store)
            run = resume(store, RUN, doubt=self._doubt, _in_thread=False)
        else:
            run = start_here(
                self._new(), store=store, id=RUN, every=self._every, engine=default_engine(), use_vm=self._use_vm
            )
        while store.run(RUN).status == "waiting":
            self._send(store)
            run.proceed()
        run.result()

    def _send(self, store: Store) -> None:
        for name in store.run(RUN).waits:
            if name in self._signals and not store.was_sent(RUN, name):
                send(store, RUN, name, self._signals[name])


RUN = "run"


def _ended(pid: int, seconds: float | None) -> int:
    deadline = None if seconds is None else time.monotonic() + seconds
    late = time.monotonic() + CHILD_SECONDS
    while True:
        ended, status = os.waitpid(pid, os.WNOHANG)
        if ended:
            return os.waitstatus_to_exitcode(status)
        now = time.monotonic()
        if (deadline is not None and now >= deadline) or now >= late:
            os.kill(pid, signal.SIGKILL)
            status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
            assert now < late or deadline is not None, f"a process was not over after {CHILD_SECONDS:g} s"
            return status
        time.sleep(0.0002)


@contextmanager
def _killed_at(commit: tuple[int, bool] | None) -> Iterator[None]:
    """In this process, kills it before or after a commit."""
    if commit is None:
        yield
        return
    number, after = commit
    made = 0

    def watch(is_over: bool) -> None:
        nonlocal made
        made += not is_over
        if made == number and is_over is after:
            os.kill(os.getpid(), signal.SIGKILL)

    SQLite.on_commit = staticmethod(watch)
    yield


@contextmanager
def _counted(counts: Path | None) -> Iterator[None]:
    if counts is None:
        yield
        return
    with open(counts, "wb", buffering=0) as file:

        def watch(is_over: bool) -> None:
            if is_over:
                file.write(b"x")

        SQLite.on_commit = staticmethod(watch)
        yield
