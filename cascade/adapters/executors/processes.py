"""Worker processes: each has a pipe for its calls, which are sent as bytes, and a thread here that waits for their answers.

A worker has one call at a time; the others wait here. So a worker that dies takes one call with it, and a call that is cancelled while it
waits is simply dropped. A running call cannot be stopped but with its process.

The processes are started by loky, which needs no `if __name__ == "__main__"`. Its executor is not used: a call would wake four threads on
its way and back, which takes five times as long.
"""

from __future__ import annotations

import contextlib
import functools
import importlib.util
import os
import pickle
import signal
import sys
import threading
import time
import weakref
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, InvalidStateError
from importlib import import_module
from typing import TYPE_CHECKING

from cascade._vm import kernel_of_call
from cascade.adapters.executors.lifeline import Lifeline
from cascade.adapters.executors.messages import died, not_finished
from cascade.adapters.executors.worker import serve
from cascade.adapters.executors.worker_call import answer_of
from cascade.errors import MissingExtraError

if TYPE_CHECKING:
    from multiprocessing.process import BaseProcess

    from cascade.adapters.executors.kept import Answer

ATTEMPTS = 3
"""How often a call is given to a worker that turns out to have died before."""
IDLE_SECONDS = 60.0
"""Workers without work end after so long."""
AT_ONCE = 1 << 16
"""Bytes of a message that a waiting worker takes at once; larger ones are written on a thread of their own."""
_SIGNALS = {int(each): each.name for each in signal.Signals}
PATIENCE = 5.0
"""Seconds after which a worker is killed that has closed its pipe, and does not end."""


class _Call:
    """A call that waits for a worker, or runs there."""

    def __init__(
        self, pool: ProcessPool, name: str, function: Callable[..., object], arguments: tuple[object, ...]
    ) -> None:
        self.pool = pool
        self.name = name
        self.function = function
        self.arguments = arguments
        self.future: Future[bytes] = Future()
        self.worker: _Worker | None = None
        self.attempts = 0
        self.abandoned = False

    def answer(self) -> bytes:
        return self.future.result()

    def cancel(self) -> None:
        self.pool.abandon(self)

    def settle(self, value: bytes = b"", error: BaseException | None = None) -> None:
        try:
            if error is None:
                self.future.set_result(value)
            else:
                self.future.set_exception(error)
        except InvalidStateError:
            pass  # its caller has been cancelled


class _Worker:
    """A process, the call that it runs, and since when it has none.

    Attributes:
        is_condemned: whether it gets no more calls.
    """

    def __init__(self) -> None:
        _start_tracker()
        context = import_module("loky.backend").get_context("loky")
        self.path = list(sys.path)
        self.connection, other = import_module("multiprocessing").Pipe()
        self.process: BaseProcess = context.Process(
            target=serve, args=(other, Lifeline(), kernel_of_call()), name="cascade-worker"
        )
        with _starting, _without_ctrl_c(), _as_a_parent():
            self.process.start()
        other.close()
        self.call: _Call | None = None
        self.thread: threading.Thread | None = None
        self.is_condemned = False
        self.idle_since = time.monotonic()

    def write(self, call: _Call) -> None:
        """Sends a call.

        Raises:
            OSError: the process has died.
        """
        path = None if self.path == sys.path else list(sys.path)
        message = pickle.dumps((call.function, path, call.arguments), pickle.HIGHEST_PROTOCOL)
        if len(message) <= AT_ONCE:
            self.connection.send_bytes(message)
        else:
            threading.Thread(target=self._write, args=(message,), name="cascade-message", daemon=True).start()

    def _write(self, message: bytes) -> None:
        with contextlib.suppress(OSError):  # the thread that reads notices it, too
            self.connection.send_bytes(message)

    def end(self) -> str:
        """Waits for the end of a process that has closed its pipe, and returns its exit status in words."""
        latest = time.monotonic() + PATIENCE
        while self.process.is_alive() and time.monotonic() < latest:
            self.process.join(0.05)  # which waits longer than for the process, where a child of it lives on
        if self.process.is_alive():
            self.kill()
            self.process.join()
        self.connection.close()
        code = self.process.exitcode
        if code is None:  # somebody else has waited for the process
            return "its exit status is not known"
        name = "EXIT" if code >= 0 else _SIGNALS.get(-code, "SIGNAL")
        return f"exit status {name}({code})"

    def kill(self) -> None:
        if self.process.exitcode is None:
            if sys.platform == "win32":
                self.process.terminate()
            else:
                with contextlib.suppress(ProcessLookupError):
                    assert self.process.pid is not None
                    os.kill(self.process.pid, signal.SIGKILL)

    def dismiss(self) -> None:
        """Has a process end that has no call."""
        with contextlib.suppress(OSError):
            self.connection.send_bytes(b"")


_starting = threading.Lock()


@contextlib.contextmanager
def _without_ctrl_c() -> Iterator[None]:
    """Blocks the signal of Ctrl-C, also in a process that is started meanwhile, up to `worker.begin`."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextlib.contextmanager
def _as_a_parent() -> Iterator[None]:
    """Lets a daemonic process have children, such as a worker of Dask's: multiprocessing refuses them, as they might outlive it. Ours do not."""
    process = import_module("multiprocessing").current_process()
    daemonic = process.daemon
    if not daemonic:
        yield
        return
    process.daemon = False
    try:
        yield
    finally:
        process.daemon = True


def _start_tracker() -> None:
    """Starts the processes that remove the semaphores of those that were killed, loky's so that it does so without a warning.

    That of multiprocessing, which loky needs as well, unblocks the signal of Ctrl-C once it has started: so not within `_without_ctrl_c`.
    """
    quiet = "ignore:resource_tracker:UserWarning"
    sys.warnoptions.append(quiet)  # is handed on to it
    try:
        if os.name == "posix":
            import_module("multiprocessing.resource_tracker").ensure_running()
        import_module("loky.backend.resource_tracker").ensure_running()
    finally:
        sys.warnoptions.remove(quiet)


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
        self._free: list[_Worker] = []
        self._workers: list[_Worker] = []  # those that may get calls
        self._starting = 0
        self._is_watched = False
        _pools.add(self)

    def submit(self, name: str, function: Callable[..., object], *arguments: object) -> _Call:
        """Begins to call a function in a worker, as a `WorkerPool` does; a call that is cancelled is stopped."""
        call = _Call(self, name, function, arguments)
        with self._lock:
            self._waiting.append(call)
        try:
            self._give_out()
        except BaseException:
            self.abandon(call)
            raise
        return call

    async def send(self, name: str, function: Callable[..., object], *arguments: object) -> Answer:
        """Calls a function in a worker, as a `WorkerPool` does."""
        return await answer_of(self.submit(name, function, *arguments))

    def close(self, wait: bool = False) -> None:
        """Kills the workers. Calls that wait or run raise WorkerError."""
        with self._lock:
            waiting, self._waiting = self._waiting, deque()
            workers, self._workers, self._free = self._workers, [], []
            running = [worker.call for worker in workers if worker.call is not None]
            for worker in workers:
                worker.is_condemned = True
                worker.kill()
        for call in (*running, *waiting):
            call.settle(error=not_finished(call.name, "its executor was closed"))
        for worker in workers if wait else ():
            if worker.thread is not None:
                worker.thread.join()

    def forget(self) -> None:
        """Drops the workers and the waiting calls, in a forked process: they are its parent's."""
        self._lock = threading.Lock()
        self._waiting = deque()
        for worker in self._workers:
            worker.connection.close()
        self._workers, self._free = [], []
        self._starting = 0
        self._is_watched = False

    def abandon(self, call: _Call) -> None:
        """Stops a call that nobody waits for any more."""
        with self._lock:
            call.abandoned = True
            worker = call.worker
            if worker is None:
                if call in self._waiting:
                    self._waiting.remove(call)
            elif worker.call is call:
                self._condemn(worker)
                worker.kill()
        self._give_out()

    def _give_out(self) -> None:
        """Gives the waiting calls to workers, as far as there are some."""
        while True:
            worker: _Worker | None = None
            with self._lock:
                if not self._waiting or not (self._free or len(self._workers) + self._starting < self.count):
                    return
                if self._free:
                    call = self._waiting.popleft()
                    worker = self._free.pop()  # the last one, which has its caches warm
                    call.worker, worker.call = worker, call
                else:
                    self._starting += 1
            if worker is None:
                self._start()
            else:
                self._give(worker, call)

    def _give(self, worker: _Worker, call: _Call) -> None:
        call.attempts += 1
        try:
            worker.write(call)
        except OSError as error:  # it has died, and the call was not made
            with self._lock:
                self._condemn(worker)
                worker.call = call.worker = None
                again = call.attempts < ATTEMPTS and not call.abandoned
                if again:
                    self._waiting.appendleft(call)
            if not again:
                call.settle(error=not_finished(call.name, f"{type(error).__name__}: {error}"))
        except BaseException:
            self.abandon(call)  # it may have been written in part
            raise

    def _start(self) -> None:
        worker: _Worker | None = None
        call: _Call | None = None
        trouble: Exception | None = None
        try:
            worker = _Worker()
        except Exception as error:
            trouble = error
        finally:
            with self._lock:
                self._starting -= 1
                if worker is not None:
                    self._workers.append(worker)
                    self._free.append(worker)
                elif self._waiting:
                    call = self._waiting.popleft()
        if worker is not None:
            worker.thread = threading.Thread(target=self._read, args=(worker,), name="cascade-answers", daemon=True)
            worker.thread.start()
            _end_with_this_process()
            self._end_idle_later()
        elif call is not None:
            call.settle(
                error=not_finished(call.name, f"no worker could be started: {type(trouble).__name__}: {trouble}")
            )

    def _condemn(self, worker: _Worker) -> None:
        worker.is_condemned = True
        if worker in self._workers:
            self._workers.remove(worker)
        if worker in self._free:
            self._free.remove(worker)

    def _read(self, worker: _Worker) -> None:
        """Takes the answers of a worker, up to its end; runs on a thread of its own."""
        receive = worker.connection.recv_bytes
        while True:
            try:
                answer = receive()
            except (EOFError, OSError):
                break
            call = worker.call
            assert call is not None
            with self._lock:
                worker.call = None
                worker.idle_since = time.monotonic()
                if not worker.is_condemned:
                    self._free.append(worker)
            if self._waiting:
                self._give_out()
            call.settle(answer)
            del call, answer
        with self._lock:
            self._condemn(worker)
            call, worker.call = worker.call, None
        status = worker.end()
        if call is not None:
            call.settle(error=died(call.name, status))
        self._give_out()

    def _end_idle_later(self) -> None:
        with self._lock:
            if self._is_watched:
                return
            self._is_watched = True
        threading.Thread(target=self._watch, name="cascade-idle", daemon=True).start()

    def _watch(self) -> None:
        """Ends the workers that have had nothing to do for long; runs on a thread of its own, as long as there are workers."""
        while True:
            with self._lock:
                latest = time.monotonic() - IDLE_SECONDS
                for worker in [worker for worker in self._free if worker.idle_since <= latest]:
                    self._condemn(worker)
                    worker.dismiss()
                if not self._workers:
                    self._is_watched = False
                    return
                next_one = min((worker.idle_since for worker in self._free), default=latest + IDLE_SECONDS)
            time.sleep(max(0.01, next_one - latest))


_pools: weakref.WeakSet[ProcessPool] = weakref.WeakSet()


@functools.cache
def _end_with_this_process() -> None:
    """Has the workers killed before multiprocessing waits for them, at the end of this process, which may be a worker itself."""
    import_module("multiprocessing.util").Finalize(None, _close_pools, exitpriority=100)


def _close_pools() -> None:
    for pool in list(_pools):
        pool.close(wait=True)


_shared: ProcessPool | None = None
_shared_lock = threading.Lock()


def _forget() -> None:
    global _shared_lock, _starting
    _shared_lock, _starting = threading.Lock(), threading.Lock()
    _end_with_this_process.cache_clear()
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
