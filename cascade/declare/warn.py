"""Warnings that point to the line of the user's code, however deep in the library they are raised."""

from __future__ import annotations

import sys
import warnings
from types import CodeType, FrameType

from cascade.errors import PAGE

LIBRARIES = frozenset({"cascade", "asyncio", "concurrent", "contextlib", "threading", "anyio", "trio", "loky"})


def warn_user(message: str, category: type[Warning], function: object = None) -> None:
    """Warns at the line of the user that called the library. The message ends with the command that prints the page of the warning.

    Args:
        function: the warning points to its definition where there is no such line, as in a thread or in an event loop.
    """
    message = f"{message} (more: {PAGE.format(category.__name__)})"
    inner, frame = "", sys._getframe(1) if hasattr(sys, "_getframe") else None
    while frame is not None and (name := _library(frame)) in LIBRARIES:
        inner, frame = name, frame.f_back
    code = getattr(function, "__code__", None)
    if isinstance(code, CodeType) and (frame is None or inner != "cascade"):
        _warn_at(message, category, code.co_filename, code.co_firstlineno, getattr(function, "__globals__", {}))
    elif frame is not None:
        _warn_at(message, category, frame.f_code.co_filename, frame.f_lineno, frame.f_globals)
    else:
        warnings.warn(message, category, stacklevel=2)


def _library(frame: FrameType) -> str:
    return str(frame.f_globals.get("__name__", "")).partition(".")[0]


def _warn_at(message: str, category: type[Warning], file: str, line: int, names: dict[str, object]) -> None:
    module, registry = names.get("__name__"), names.setdefault("__warningregistry__", {})
    assert isinstance(registry, dict)
    warnings.warn_explicit(message, category, file, line, module if isinstance(module, str) else None, registry)
