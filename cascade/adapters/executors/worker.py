"""The work of a worker process. It takes and returns bytes, so that a value that cannot be sent is found where it is known."""

from __future__ import annotations

import os
import pickle
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable
from types import CodeType, FunctionType
from typing import TYPE_CHECKING

from cascade._vm import TailCall, holds_made, is_awaitable, results_made
from cascade.adapters.executors.exceptions import Parts, attributes
from cascade.adapters.executors.handshake import check_code
from cascade.adapters.executors.kept import LostResult, loads_with
from cascade.adapters.executors.lifeline import hold
from cascade.adapters.executors.sending import dumps_for_all, dumps_for_caller, dumps_plain, has_name
from cascade.declare.failed import user_part
from cascade.declare.task import LazyResult, Task

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

    from cascade.adapters.executors.kept import Keeper, KeptAnswer

KEPT_LIMIT = 100
LONG = 0.05
"""Seconds of a call for which it is worth it to make kernels that are used once."""

_kept: dict[bytes, Callable[..., object]] = {}
"""By their pickles, what calls the stateless functions that came by value, by their kernels."""
_programs: dict[bytes, tuple[object, bool | None, bytes | None]] = {}
"""By their pickles, the programs of calls."""
_seconds: dict[CodeType, float] = {}
"""By their code, what a call of other functions took that came by value."""

_is_prepared = False

VALUE, ERROR, UNREADABLE, UNSENDABLE, LOST = "value", "error", "unreadable", "unsendable", "lost"


def begin(lifeline: int, _kernels: object) -> None:
    """Prepares a new worker: it ends with the process that started it.

    Ctrl-C is for that process, which kills its workers when it gives up.

    Args:
        _kernels: what makes kernels. It has come by its name, so its module has been imported and has configured the extension.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})  # blocked since the process was started
    hold(lifeline)


def serve(connection: Connection, lifeline: int, kernels: object) -> None:
    """Calls functions, one after the other, until an empty message comes; the work of a new process.

    Args:
        connection: brings the pickle of (function, path, arguments), and takes the bytes that the function returns.
        lifeline, kernels: see `begin`.
    """
    begin(lifeline, kernels)
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=connection.close)  # or the end of this process would not be noticed
    while True:
        try:
            message = connection.recv_bytes()
        except (EOFError, OSError):
            return
        if not message:
            return
        function, path, arguments = pickle.loads(message)
        del message
        answer = function(path, *arguments)
        del arguments
        try:
            connection.send_bytes(answer)
        except OSError:
            return
        del answer


def prepare(path: list[str] | None) -> None:
    """Prepares a call: what the caller imports can be imported here, and Ctrl-C is for the caller, which cancels it."""
    global _is_prepared
    if path is not None:
        sys.path.extend(entry for entry in path if entry not in sys.path)
    if not _is_prepared:
        _is_prepared = True
        is_child = getattr(sys.modules.get("multiprocessing.process"), "parent_process", lambda: None)() is not None
        if is_child and threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGINT, signal.SIG_IGN)


def work(path: list[str] | None, program: bytes, message: bytes, *kept: object) -> bytes:
    """Calls a function.

    Args:
        path: the caller's sys.path, if it has changed since the worker was started.
        program: the pickle of (function, lower, digest) for a function that may be kept for later calls: its task, if that goes by its
            name, or its pickle. `lower` is that of the task, False where it is to be called without kernels; `digest` is that of the
            code of a task. Empty for other functions.
        message: the pickle of (args, kwargs); of (function, args, kwargs, lower) where `program` is empty.
        kept: the answers that have the values for which a `Kept` stands in the message.

    Returns:
        The pickle of one of
            (VALUE, value)
            (ERROR, the pickle of the exception or None, its Parts, its traceback as text)
            (UNREADABLE, reason): the message cannot be unpickled here
            (UNSENDABLE, subject, reason): the value cannot be pickled
            (LOST, name of a task): its value is not among the answers in `kept`
    """
    prepare(path)
    try:
        if program:
            function = _program(program)
            args, kwargs = loads_with(message, kept)
        else:
            function, args, kwargs, lower = loads_with(message, kept)
            function = _called(function, lower)
    except BaseException as error:
        return _unreadable(error)
    begun = time.perf_counter()
    try:
        value = function(*args, **kwargs)
    except BaseException as error:
        return failure_of(error)
    _note(function, time.perf_counter() - begun)
    try:
        return dumps_plain((VALUE, value)) or dumps_for_caller((VALUE, value))
    except BaseException as error:
        return pickle.dumps((UNSENDABLE, f"its value, of type {type(value).__name__},", reason_of(error)))


class Previous:
    """Stands, among the arguments of a call in a chain, for the value of the call before."""

    def __reduce__(self) -> str:
        return "PREVIOUS"


PREVIOUS = Previous()


def work_chain(path: list[str] | None, message: bytes, keep: Keeper | None = None, *kept: object) -> bytes | KeptAnswer:
    """Calls functions one after the other.

    Args:
        path: the caller's sys.path, if it has changed since the worker was started.
        message: the pickle of the calls, each as that of `work`.
        keep: has the answer stay here, if it has the value of the last call.
        kept: see `work`.

    Returns:
        The pickle of the number of the last function that was called, and its answer. The answer's value is (value, the value before, whether the
        value is a tail call, a result, or a nest of results, behind which the caller continues).
    """
    prepare(path)
    number = 0
    try:
        calls = [
            (_checked(function, lower, digest), args, kwargs)
            for function, args, kwargs, lower, digest in loads_with(message, kept)
        ]
    except BaseException as error:
        return pickle.dumps((0, _unreadable(error)))
    value: object = None
    previous: object = None
    is_special = False
    for number, (function, args, kwargs) in enumerate(calls):
        previous = value
        args = tuple(previous if each is PREVIOUS else each for each in args)
        kwargs = {name: previous if each is PREVIOUS else each for name, each in kwargs.items()}
        begun, made = time.perf_counter(), results_made()
        try:
            value = function(*args, **kwargs)
        except BaseException as error:
            return pickle.dumps((number, failure_of(error)))
        _note(function, time.perf_counter() - begun)
        is_special = type(value) in (TailCall, LazyResult) or holds_made(value, made)
        if is_special or is_awaitable(value):
            break
    try:
        answer, is_for_all = dumps_for_all((VALUE, (value, previous if is_special else None, is_special)))
    except BaseException as error:
        answer = pickle.dumps((UNSENDABLE, f"its value, of type {type(value).__name__},", reason_of(error)))
        is_special = True
    whole = pickle.dumps((number, answer))
    return whole if keep is None or is_special or not is_for_all else keep(whole)


def _unreadable(error: BaseException) -> bytes:
    """Returns the answer of a call whose message cannot be read."""
    return pickle.dumps((LOST, str(error)) if type(error) is LostResult else (UNREADABLE, reason_of(error)))


def _program(program: bytes) -> Callable[..., object]:
    """Returns the function of a program; a task that came by its name is that which has the name now."""
    known = _programs.get(program)
    if known is None or (isinstance(known[0], Task) and not has_name(known[0])):
        if len(_programs) == KEPT_LIMIT:
            _programs.clear()
        known = _programs[program] = pickle.loads(program)
    return _checked(*known)


def _checked(function: object, lower: bool | None, digest: bytes | None) -> Callable[..., object]:
    if isinstance(function, Task):
        check_code(function.name, function.called, digest)
    return _called(function, lower)


def _called(function: object, lower: bool | None) -> Callable[..., object]:
    """Returns the function of a message, or that which calls it by its kernels."""
    if isinstance(function, Task):
        return function.called if lower is False else function.by_kernel
    if type(function) is bytes:
        known = _kept.get(function)
        if known is None:
            if len(_kept) == KEPT_LIMIT:
                _kept.clear()
            known = _kept[function] = Task(pickle.loads(function), lower=lower).by_kernel
        return known
    assert callable(function)
    # The next call gets another function, so its kernels are for this call only.
    if lower is False or not isinstance(function, FunctionType) or _seconds.get(function.__code__, 0.0) < LONG:
        return function
    return Task(function, lower=lower).by_kernel


def _note(function: object, seconds: float) -> None:
    """Notes how long a call of a function took that was called without kernels."""
    if isinstance(function, FunctionType):
        if len(_seconds) == KEPT_LIMIT:
            _seconds.clear()
        _seconds[function.__code__] = seconds


def failure_of(error: BaseException) -> bytes:
    """Returns the answer of a call that has raised."""
    error.with_traceback(user_part(error.__traceback__))
    text = "".join(traceback.format_exception(error))
    message = "".join(traceback.format_exception_only(error)).strip()
    whole, reason = _whole(error)
    members, state = ({}, {}) if whole is not None else attributes(error)
    parts = Parts(type(error).__name__, _classes(error), _pickles(members), _pickles(state), message, reason)
    return pickle.dumps((ERROR, whole, parts, text))


def _whole(error: BaseException) -> tuple[bytes | None, str]:
    # Many classes have a way of their own that pickles, but does not unpickle.
    reason = ""
    for always_rebuild in (False, True):
        try:
            whole = dumps_for_caller(error, always_rebuild)
            if type(pickle.loads(whole)) is type(error):
                return whole, ""
            reason = "it comes back as something else"
        except BaseException as trouble:
            reason = reason_of(trouble)
    return None, reason


def _classes(error: BaseException) -> list[bytes]:
    # Its class and those that it is based on, up to the first one that every process has.
    classes = []
    for kind in type(error).__mro__:
        if issubclass(kind, BaseException):
            classes.append(_pickle_of(kind))
            if kind.__module__ == "builtins":
                break
    return [each for each in classes if each is not None]


def _pickles(values: dict[str, object]) -> dict[str, bytes | None]:
    return {name: _pickle_of(value) for name, value in values.items()}


def _pickle_of(value: object) -> bytes | None:
    try:
        made = dumps_for_caller(value, always_rebuild=True)
        pickle.loads(made)
        return made
    except BaseException:
        return None  # it cannot be sent


def reason_of(error: BaseException) -> str:
    """Returns an exception in words."""
    return f"{type(error).__name__}: {error}"
