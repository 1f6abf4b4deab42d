"""The work of a worker process. It takes and returns bytes, so that a value that cannot be sent is found where it is known."""

from __future__ import annotations

import pickle
import signal
import sys
import traceback

from cascade.adapters.executors.exceptions import Parts, attributes
from cascade.adapters.executors.lifeline import hold
from cascade.adapters.executors.sending import dumps_for_caller

VALUE, ERROR, UNREADABLE, UNSENDABLE = "value", "error", "unreadable", "unsendable"


def begin(lifeline: int) -> None:
    """Prepares a new worker: it ends with the process that started it.

    Ctrl-C is for that process, which kills its workers when it gives up.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    hold(lifeline)


def work(message: bytes, path: list[str] | None) -> bytes:
    """Calls a function.

    Args:
        message: the pickle of (function or task, args, kwargs).
        path: the caller's sys.path, if it has changed since the worker was started.

    Returns:
        The pickle of one of
            (VALUE, value)
            (ERROR, the pickle of the exception or None, its Parts, its traceback as text)
            (UNREADABLE, reason): the message cannot be unpickled here
            (UNSENDABLE, subject, reason): the value cannot be pickled
    """
    if path is not None:
        sys.path.extend(entry for entry in path if entry not in sys.path)
    try:
        function, args, kwargs = pickle.loads(message)
        function = getattr(function, "called", function)
    except BaseException as error:
        return pickle.dumps((UNREADABLE, _reason(error)))
    try:
        value = function(*args, **kwargs)
    except BaseException as error:
        return _failure(error)
    try:
        return dumps_for_caller((VALUE, value))
    except BaseException as error:
        return pickle.dumps((UNSENDABLE, f"its value, of type {type(value).__name__},", _reason(error)))


def _failure(error: BaseException) -> bytes:
    at = error.__traceback__
    error.with_traceback(None if at is None else at.tb_next)  # without this module's own frame
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
            reason = _reason(trouble)
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


def _reason(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}"
