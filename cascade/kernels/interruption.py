"""Exceptions that strike while code is being made: those of signal handlers, and those that another thread sets.

Making code is Python code, in which they are raised as in any other. They are the program's, and have to reach it; an exception of the
making itself only means that there is no code.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from types import CodeType, FunctionType, TracebackType


def is_interruption(error: BaseException) -> bool:
    """Returns whether an exception that was raised while code was being made does not come from the making itself."""
    cls = type(error)
    if not isinstance(error, Exception) or cls is TimeoutError:
        return True
    if cls.__module__ != "builtins" and not cls.__module__.startswith("cascade."):
        return True
    return not frames_of(error.__traceback__).isdisjoint(handlers())


def as_of_the_program(error: BaseException) -> BaseException:
    """Returns such an exception without the entries of the making in its traceback: those of a signal's handler are left."""
    trace, codes = error.__traceback__, {*handlers()}
    while trace is not None and trace.tb_frame.f_code not in codes:
        trace = trace.tb_next
    return error.with_traceback(trace)


def frames_of(trace: TracebackType | None) -> set[CodeType]:
    found = set()
    while trace is not None:
        found.add(trace.tb_frame.f_code)
        trace = trace.tb_next
    return found


def handlers() -> Iterator[CodeType]:
    """The code of the functions that handle signals."""
    signal = sys.modules.get("signal")
    if signal is None:
        return
    for number in signal.valid_signals():
        handler = signal.getsignal(number)
        while hasattr(handler, "func"):  # a partial
            handler = handler.func
        function = getattr(handler, "__func__", handler)
        if type(function) is not FunctionType:
            function = getattr(type(handler), "__call__", None)
        if type(function) is FunctionType:
            yield function.__code__
