"""Worker processes, by loky: calls are sent as bytes, dead workers are noticed, cancelled calls are stopped.

No more calls are given to the workers than there are workers; the others wait here. So a worker that dies takes only
those with it that were running, and a call that is cancelled while it waits is simply dropped. A running call cannot be
stopped but with its process: its workers get no more calls, and are killed when the other calls that they run are done.
"""

from __future__ import annotations

import asyncio
import atexit
import functools
import importlib.util
import os
import re
import sys
import threading
import weakref
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, InvalidStateError
from importlib import import_module
from typing import Protocol

from cascade._vm import kernel_of_call
from cascade.adapters.executors.lifeline import Lifeline
from cascade.adapters.executors.messages import died
from cascade.adapters.executors.worker import begin
from cascade.errors import MissingExtraError

ATTEMPTS = 3
IDLE_SECONDS = 60.0
"""Workers without work end after so long."""


class _LokyExecutor(Protocol):
    def submit(self, function: Callable[..., bytes], *args: object) -> Future[bytes]: ...

    def shutdown(self, *, wait: bool, kill_workers: bool) -> None: ...


class _Workers:
    """Processes that were started together, and the calls that they run."""

    def __init__(self, count: int) -> None:
        make = import_module("loky.process_executor").ProcessPoolExecutor
        _start_tracker()
        self.executor: _LokyExecutor = make(
            max_workers=count, timeout=IDLE_SECONDS, initializer=begin, initargs=(Lifeline(), kernel_of_call())
        )
        self.path = list(sys.path)
        self.running: set[_Call] = set()
        self.condemned = False
        self._killed = False

    @property
    def useless(self) -> bool:
        """Whether nobody waits for any call of theirs, and there will be no more."""
        return self.condemned and all(call.abandoned for call in self.running)

    def kill(self, wait: bool = False) -> None:
        if not self._killed:
            self._killed = True
            # Usually in a thread: it joins the workers' manager.
            thread = threading.Thread(target=self._end, name="cascade-kill-workers", daemon=True)
            if wait:
                thread.run()
            else:
                thread.start()

    def _end(self) -> None:
        self.executor.shutdown(wait=True, kill_workers=True)
        import_module("multiprocessing").active_children()  # lets go those that have ended; loky does not join them all


def _start_tracker() -> None:
    """Starts loky's process that removes the semaphores of processes that were killed, so that it does so without a warning."""
    quiet = "ignore:resource_tracker:UserWarning"
    sys.warnoptions.append(quiet)  # is handed on to it
    try:
        import_module("loky.backend.resource_tracker").ensure_running()
    finally:
        sys.warnoptions.remove(quiet)


class _Call:
    def __init__(self, name: str, function: Callable[..., bytes], arguments: tuple[object, ...]) -> None:
        self.name = name
        self.function = function
        self.arguments = arguments
        self.future: Future[bytes] = Future()
        self.workers: _Workers | None = None
        self.abandoned = False
        self.attempts = 0


class ProcessPool:
    """Calls functions in worker processes.

    Args:
        count: how many workers; by default as many as this process has cores. They are started when they are needed.

    Raises:
        MissingExtraError: (an ImportError) loky is not installed.
    """

    def __init__(self, count: int | None = None) -> None:
        if importlib.util.find_spec("loky") is None:
            raise MissingExtraError("a task of mode 'compute'", "loky", "processes")
        self.count: int = import_module("loky").cpu_count() if count is None else count
        self._lock = threading.Lock()
        self._waiting: deque[_Call] = deque()
        self._workers: _Workers | None = None
        _pools.add(self)

    async def send(self, name: str, function: Callable[..., bytes], *arguments: object) -> bytes:
        """Calls a function in a worker, as a `WorkerPool` does; one that is cancelled is stopped."""
        call = _Call(name, function, arguments)
        with self._lock:
            self._waiting.append(call)
        self._give_out()
        try:
            return await asyncio.wrap_future(call.future)
        except (asyncio.CancelledError, GeneratorExit):
            self._abandon(call)
            raise

    def close(self, wait: bool = False) -> None:
        """Kills the workers. Calls that wait or run raise WorkerError."""
        with self._lock:
            waiting, self._waiting = self._waiting, deque()
            workers, self._workers = self._workers, None
        for call in waiting:
            _settle(call.future, error=died(call.name, "its executor was closed"))
        if workers is not None:
            workers.kill(wait)

    def forget(self) -> None:
        """Drops the workers and the waiting calls, in a forked process: they are its parent's."""
        self._lock = threading.Lock()
        self._waiting = deque()
        self._workers = None

    def _give_out(self) -> None:
        # Submits the waiting calls, as far as there are workers. Never under the lock: loky calls `_done` from submit, too.
        while True:
            with self._lock:
                workers = self._workers
                if not self._waiting or (workers is not None and len(workers.running) >= self.count):
                    return
                call = self._waiting.popleft()
                call.attempts += 1
                try:
                    if workers is None:
                        workers = self._workers = _Workers(self.count)
                except Exception as error:
                    _settle(call.future, error=died(call.name, f"no worker could be started: {error}"))
                    continue
                call.workers = workers
                workers.running.add(call)
            path = None if workers.path == sys.path else list(sys.path)
            try:
                inner = workers.executor.submit(call.function, path, *call.arguments)
            except Exception as error:
                # Found broken or shut down: the call was not made, and others are asked.
                with self._lock:
                    workers.running.discard(call)
                    call.workers = None
                    if self._workers is workers:
                        self._workers = None
                    again = call.attempts < ATTEMPTS and not call.abandoned
                    if again:
                        self._waiting.appendleft(call)
                if not again:
                    _settle(call.future, error=died(call.name, f"no worker takes it: {type(error).__name__}: {error}"))
                continue
            inner.add_done_callback(functools.partial(self._done, call))

    def _done(self, call: _Call, inner: Future[bytes]) -> None:
        # Called on loky's own thread.
        workers = call.workers
        assert workers is not None
        error = None if inner.cancelled() else inner.exception()
        with self._lock:
            workers.running.discard(call)
            if error is not None or inner.cancelled():
                workers.condemned = True  # one has died, and loky has killed the others
                if self._workers is workers:
                    self._workers = None  # the next call gets new ones
        if workers.useless:
            workers.kill()
        if inner.cancelled():
            _settle(call.future, error=died(call.name, "its executor was closed"))
        elif error is not None:
            codes = re.search(r"exit codes of the workers are \{(.*)\}", str(error))
            _settle(call.future, error=died(call.name, f"exit status {codes[1]}" if codes else str(error).strip()))
        else:
            _settle(call.future, inner.result())
        self._give_out()

    def _abandon(self, call: _Call) -> None:
        with self._lock:
            call.abandoned = True
            workers = call.workers
            if workers is None:
                if call in self._waiting:
                    self._waiting.remove(call)
                return
            if call not in workers.running:
                return
            workers.condemned = True
            if self._workers is workers:
                self._workers = None
        if workers.useless:
            workers.kill()
        self._give_out()


_pools: weakref.WeakSet[ProcessPool] = weakref.WeakSet()


@atexit.register
def _close_pools() -> None:
    # While everything is still there that loky needs for it.
    for pool in list(_pools):
        pool.close(wait=True)


_shared: ProcessPool | None = None
_shared_lock = threading.Lock()


def _forget() -> None:
    global _shared_lock
    _shared_lock = threading.Lock()
    for pool in list(_pools):
        pool.forget()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)


def shared_pool() -> ProcessPool:
    """The pool of all executors that were not given a number of processes."""
    global _shared
    with _shared_lock:
        if _shared is None:
            _shared = ProcessPool()
        return _shared


def _settle(future: Future[bytes], value: bytes = b"", error: BaseException | None = None) -> None:
    try:
        if error is None:
            future.set_result(value)
        else:
            future.set_exception(error)
    except InvalidStateError:
        pass  # its caller has been cancelled
