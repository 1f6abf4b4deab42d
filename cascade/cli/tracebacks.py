"""Tracebacks of users' exceptions: the frames of their own code, without those of Cascade and of the import system."""

from __future__ import annotations

import os
import traceback
from collections.abc import Iterator

from cascade._vm import show_full_tracebacks

PACKAGE = os.path.dirname(os.path.dirname(os.path.abspath(__file__))) + os.sep
EXTENSION = (".pyx", ".pxi")
IMPORTING = "<frozen importlib"
IMPORT_MODULE = os.path.join("importlib", "__init__.py")


def whole_text(error: BaseException) -> str:
    """Returns the traceback of an exception with all frames."""
    return "".join(traceback.format_exception(error)).removesuffix("\n")


def short_text(error: BaseException) -> str:
    """Returns the traceback of an exception, and of those that led to it, with the frames of the user's code only.

    All frames are there after `cs.full_tracebacks()`, and for an exception that has no frame of the user's.
    """
    full = show_full_tracebacks(True)
    show_full_tracebacks(full)
    if full:
        return whole_text(error)
    shown = traceback.TracebackException.from_exception(error)
    for each in _with_causes(shown):
        own = [frame for frame in each.stack if not _is_of_engine(frame.filename)]
        if own or isinstance(error, SyntaxError):
            each.stack[:] = own
        if not each.stack:
            each.stack = None  # type: ignore[assignment]  # no heading without frames
    return "".join(shown.format()).removesuffix("\n")


def _with_causes(shown: traceback.TracebackException) -> Iterator[traceback.TracebackException]:
    waiting = [shown]
    while waiting:
        each = waiting.pop()
        yield each
        waiting += [other for other in (each.__cause__, each.__context__) if other is not None]
        waiting += each.exceptions or ()


def _is_of_engine(file: str) -> bool:
    return file.startswith((PACKAGE, IMPORTING)) or file.endswith((IMPORT_MODULE, *EXTENSION))
