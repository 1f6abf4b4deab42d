"""What runs in a worker process. It takes and gives bytes, so that whatever cannot be sent is found where it is known."""

from __future__ import annotations

import pickle
import signal
import sys
import traceback

from cascade.adapters.executors.sending import dumps_for_caller

VALUE, ERROR, UNREADABLE, UNSENDABLE = "value", "error", "unreadable", "unsendable"


def begin() -> None:
    """Prepares a new worker: Ctrl-C is for the process that started it, which kills its workers when it gives up."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def work(message: bytes, path: list[str] | None) -> bytes:
    """Calls a function.

    Args:
        message: the pickle of (function or task, args, kwargs).
        path: the caller's sys.path, if it has changed since the worker was started.

    Returns:
        The pickle of one of
            (VALUE, value)
            (ERROR, exception, its traceback as text)
            (UNREADABLE, reason): the message cannot be unpickled here
            (UNSENDABLE, what, reason, traceback as text): the value or the exception cannot be pickled
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
        return pickle.dumps((UNSENDABLE, f"its value, of type {type(value).__name__},", _reason(error), ""))


def _failure(error: BaseException) -> bytes:
    at = error.__traceback__
    error.__traceback__ = None if at is None else at.tb_next  # without this module's own frame
    text = "".join(traceback.format_exception(error))
    try:
        message = dumps_for_caller((ERROR, error, text))
        # Many classes of exceptions can be pickled, but not unpickled.
        if type(pickle.loads(message)[1]) is not type(error):
            raise TypeError("it comes back as something else")
        return message
    except BaseException as reason:
        told = "".join(traceback.format_exception_only(error)).strip()
        return pickle.dumps((UNSENDABLE, f"the {type(error).__name__} that it raised", f"{_reason(reason)}; it was: {told}", text))


def _reason(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}"
