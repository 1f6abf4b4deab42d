"""Worker processes, by loky: calls are sent as bytes, dead workers are noticed, cancelled calls are stopped.

No more calls are given to the workers than there are workers; the others wait here. So a worker that dies takes only
those with it that were running, and a call that is cancelled while it waits is simply dropped. A running call cannot be
stopped but with its process: its workers get no more calls, and are killed when the other calls that they run are done.
"""

from __future__ import annotations

import asyncio
import atexit
import contextlib
import functools
import importlib.util
import os
import pickle
import re
import sys
import threading
import weakref
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, InvalidStateError
from importlib import import_module
from types import GetSetDescriptorType
from typing import TYPE_CHECKING, Protocol, cast

from cascade._vm import kernel_of_call
from cascade.adapters.executors.exceptions import Parts, incomplete
from cascade.adapters.executors.lifeline import Lifeline
from cascade.adapters.executors.sending import dumps_for_worker, has_name
from cascade.adapters.executors.stateless import is_stateless
from cascade.adapters.executors.worker import ERROR, UNREADABLE, VALUE, begin, work
from cascade.declare.failed import failed
from cascade.errors import MissingExtraError, SendingError, WorkerError

if TYPE_CHECKING:
    from cascade.declare.task import Task

ATTEMPTS = 3
IDLE_SECONDS = 60.0
"""Workers without work end after so long."""


_CAUSE: GetSetDescriptorType = vars(BaseException)["__cause__"]


class RemoteTraceback(Exception):
    """The cause of an exception from a worker process: its traceback there, as text."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.text = text

    def __str__(self) -> str:
        return f'in a worker process\n"""\n{self.text}"""'


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
    def __init__(
        self, task: Task[..., object], args: tuple[object, ...], kwargs: dict[str, object], by_kernel: bool
    ) -> None:
        self.name = task.name
        self.message, self.sent = _message(task, args, kwargs, by_kernel)
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

    async def call(
        self, task: Task[..., object], args: tuple[object, ...], kwargs: dict[str, object], by_kernel: bool = False
    ) -> object:
        """Calls the function of `task` in a worker; `by_kernel` says that it may make kernels of the function, and use them.

        Raises:
            SendingError: (a TypeError) something cannot be sent there, or back.
            WorkerError: (a RuntimeError) the worker died.
        """
        call = _Call(task, args, kwargs, by_kernel)
        with self._lock:
            self._waiting.append(call)
        self._give_out()
        try:
            answer = await asyncio.wrap_future(call.future)
        except (asyncio.CancelledError, GeneratorExit):
            self._abandon(call)
            raise
        return _value_of(answer, task)

    def close(self, wait: bool = False) -> None:
        """Kills the workers. Calls that wait or run raise WorkerError."""
        with self._lock:
            waiting, self._waiting = self._waiting, deque()
            workers, self._workers = self._workers, None
        for call in waiting:
            _settle(call.future, error=_died(call.name, "its executor was closed"))
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
                    _settle(call.future, error=_died(call.name, f"no worker could be started: {error}"))
                    continue
                call.workers = workers
                workers.running.add(call)
            path = None if workers.path == sys.path else list(sys.path)
            try:
                inner = workers.executor.submit(work, call.message, path)
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
                    _settle(call.future, error=_died(call.name, f"no worker takes it: {type(error).__name__}: {error}"))
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
            _settle(call.future, error=_died(call.name, "its executor was closed"))
        elif error is not None:
            codes = re.search(r"exit codes of the workers are \{(.*)\}", str(error))
            _settle(call.future, error=_died(call.name, f"exit status {codes[1]}" if codes else str(error).strip()))
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


def _died(name: str, reason: str) -> WorkerError:
    return WorkerError(
        name,
        f"the worker process that ran task {name!r} died",
        where=reason,
        hint="a crash in native code, too little memory (killed by the system), or os._exit; the task may be tried again",
    )


# -- Messages -----------------------------------------------------------------------------------------------------------


def _message(
    task: Task[..., object], args: tuple[object, ...], kwargs: dict[str, object], by_kernel: bool
) -> tuple[bytes, list[Task[..., object]]]:
    lower = task.lower if by_kernel else False
    function: object = task if has_name(task) else task.called
    sent: object = function
    try:
        if lower is not False and is_stateless(function):
            sent, _ = dumps_for_worker(function)
        return dumps_for_worker((sent, args, kwargs, lower))
    except Exception as error:
        raise _cannot_send(task, function, args, kwargs, error) from error


def _cannot_send(
    task: Task[..., object], function: object, args: tuple[object, ...], kwargs: dict[str, object], error: Exception
) -> SendingError:
    names = task.binder.parameters[: task.binder.positional]
    named = [(names[at] if at < len(names) else f"*{at}", value) for at, value in enumerate(args)]
    for name, value in (*named, *kwargs.items()):
        found = _culprit(value)
        if found is not None:
            path, part, reason = found
            what = f"argument {name + path!r} of task {task.name!r}"
            return SendingError(
                f"{what}, of type {type(part).__name__}, cannot be sent to a worker process: {reason}",
                where=f"task {task.name!r}, which has mode 'compute'",
                hint="pass what it is made from and make it in the task, or use mode='blocking', which stays in this process",
            )
    reason = _reason_not_to_pickle(function) or f"{type(error).__name__}: {error}"
    return SendingError(
        f"the function of task {task.name!r} cannot be sent to a worker process: {reason}",
        where=f"task {task.name!r}, which has mode 'compute'",
        hint="a function at the top level of a module is sent as its name; any other, as one of the main script, with all that it "
        "refers to: move it to a module",
    )


def _reason_not_to_pickle(value: object) -> str | None:
    try:
        dumps_for_worker(value)
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return None


def _culprit(value: object) -> tuple[str, object, str] | None:
    """The innermost part of a value that cannot be pickled: its path, itself, the reason."""
    reason = _reason_not_to_pickle(value)
    if reason is None:
        return None
    path = ""
    for _ in range(20):
        for step, part in _parts(value):
            inner = _reason_not_to_pickle(part)
            if inner is not None:
                path, value, reason = path + step, part, inner
                break
        else:
            break
    return path, value, reason


def _parts(value: object) -> list[tuple[str, object]]:
    if isinstance(value, dict):
        return [(f"[{key!r}]", part) for key, part in value.items()]
    if isinstance(value, (list, tuple)):
        return [(f"[{at}]", part) for at, part in enumerate(value)]
    return (
        [(f".{name}", part) for name, part in getattr(value, "__dict__", {}).items()]
        if not isinstance(value, type)
        else []
    )


def _value_of(answer: bytes, task: Task[..., object]) -> object:
    where = f"task {task.name!r}, in a worker process"
    try:
        kind, *content = pickle.loads(answer)
    except Exception as error:
        raise SendingError(
            f"the answer of task {task.name!r} cannot be read: {type(error).__name__}: {error}", where=where
        ) from error
    if kind == VALUE:
        return content[0]
    if kind == ERROR:
        whole, parts, text = content
        raised = _raised(whole, parts, task, where)
        _CAUSE.__set__(raised, RemoteTraceback(text))  # never refused, as setting the attribute may be
        return failed(raised)
    if kind == UNREADABLE:
        raise SendingError(
            f"the function or the arguments of task {task.name!r} cannot be read by the worker process: {content[0]}",
            where=where,
            hint="what is sent by its name has to be importable there, too",
        )
    what, reason = content
    raise SendingError(f"{what} cannot be sent back from task {task.name!r}: {reason}", where=where)


def _raised(whole: bytes | None, parts: Parts, task: Task[..., object], where: str) -> BaseException:
    """Returns the exception that a worker has sent; where that is impossible, one of a subclass with the attributes that could be sent."""
    reason = parts.reason
    if whole is not None:
        try:
            return cast("BaseException", pickle.loads(whole))
        except Exception as error:
            reason = f"{type(error).__name__}: {error}"
    missing = [repr(name) for name, value in {**parts.members, **parts.state}.items() if value is None]
    trouble = SendingError(
        f"the {parts.name} that it raised cannot be sent back from task {task.name!r}: {reason}; it was: {parts.message}",
        where=where,
        hint=f"these attributes of it are missing here: {', '.join(missing)}" if missing else None,
    )
    members, state = _read(parts.members), _read(parts.state)
    for kind in parts.classes:
        try:
            return incomplete(pickle.loads(kind), trouble, members, state)
        except Exception:
            continue  # this process does not have the class, or it cannot have subclasses
    return trouble


def _read(pickles: dict[str, bytes | None]) -> dict[str, object]:
    values = {}
    for name, made in pickles.items():
        if made is not None:
            with contextlib.suppress(Exception):
                values[name] = pickle.loads(made)
    return values
