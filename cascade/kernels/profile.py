"""Typed code as a profiler sees it: a call of the task's function, and its return.

A function of the task's name, file and module is called, and runs the typed code:

    cProfile, sys.setprofile, sys.monitoring        typed code
      call    f  (file.py:3)                          <- a function that looks the same is called
      return  f
"""

from __future__ import annotations

from collections.abc import Callable
from types import FunctionType

from cascade.kernels.model import TypedCode


def _caller(run: Callable[[], object]) -> object:
    return run()


def profiled_caller(code: TypedCode) -> Callable[[Callable[[], object]], object]:
    """Returns a function that calls its argument, and looks like that of the code's first task to a profiler."""
    function = code.bodies[0].continuations.source.function
    original = function.__code__
    shown = _caller.__code__.replace(
        co_name=original.co_name,
        co_qualname=original.co_qualname,
        co_filename=original.co_filename,
        co_firstlineno=original.co_firstlineno,
        co_varnames=(".run",),  # no name that could be the user's
    )
    return FunctionType(shown, function.__globals__, function.__name__)
