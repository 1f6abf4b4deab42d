"""Functions that have no kernel, as CPython has to execute them whole."""

from __future__ import annotations

import linecache
from types import FunctionType

from cascade.kernels.blocks.identities import Comparison, undecided
from cascade.kernels.blocks.instructions import GENERATOR, parameter_count
from cascade.kernels.diagnostics import IDENTITY, Diagnostic
from cascade.kernels.model import PARAMETER_LIMIT
from cascade.kernels.names import builtins_of, has_plain_names

SUSPENDED = GENERATOR | 0x80 | 0x200  # generators, coroutines, asynchronous generators
LOOKING = frozenset((
    "locals", "vars", "dir", "eval", "exec", "breakpoint", "_getframe", "currentframe", "id", "_current_frames",
    "set_trace", "settrace", "setprofile",
))  # fmt: skip
"""Names of functions that look at the frame of the function that calls them, or have it looked at, or at the identity of numbers."""
COUNTING = frozenset(("getrefcount", "get_referrers", "resize"))
"""Names of functions that look how many references of an object there are: `resize` is the method of NumPy's arrays."""

VARIABLE_LIMIT = 200
INSTRUCTION_LIMIT = 6_000


def refusal_of(function: FunctionType, is_consumed: bool = False) -> Diagnostic | None:
    """Returns why a function has no kernel; None where it may have one.

    Args:
        function: a plain function.
        is_consumed: whether it is a generator whose values are taken by a consumer.
    """
    code = function.__code__

    def no(number: str, hint: str) -> Diagnostic:
        return Diagnostic(number, code.co_firstlineno, 0, f"def {code.co_name}(...)", hint, code.co_filename)

    if code.co_flags & SUSPENDED & ~(GENERATOR if is_consumed else 0):
        return no("CS103", "generators and coroutine functions are not lowered")
    looking = LOOKING.intersection((*code.co_names, *code.co_freevars))
    if looking:
        return no(
            "CS105", f"it looks at its own variables by {', '.join(sorted(looking))}(), and typed code has others"
        )
    counting = COUNTING.intersection(code.co_names)
    if counting:
        return no(
            "CS105", f"it counts references by {', '.join(sorted(counting))}(), and typed code has some of its own"
        )
    if "__class__" in code.co_freevars and not code.co_argcount:
        return no("CS105", "super() looks for a first parameter, and it has none")
    if not has_plain_names(function) or type(builtins_of(function)) is not dict:
        return no("CS106", "its globals are not a plain dict, or its builtins are not those of its module")
    if len(code.co_code) // 2 > INSTRUCTION_LIMIT or code.co_nlocals + code.co_stacksize > VARIABLE_LIMIT:
        return no("CS143", "it is too long")
    if parameter_count(code) > PARAMETER_LIMIT:
        return no("CS143", f"it has more than {PARAMETER_LIMIT} parameters")
    comparison = undecided(function)
    if comparison is not None:
        return _of_comparison(comparison)
    return None


def _of_comparison(comparison: Comparison) -> Diagnostic:
    code, instruction, _ = comparison
    line, end, begin, stop = list(code.co_positions())[instruction.last // 2]
    text = linecache.getline(code.co_filename, line or 0).encode()  # columns count bytes
    begin, stop = (begin or 0, stop if end == line else None)
    construct = text[begin:stop].decode(errors="replace").strip() or "is"
    column = len(text[:begin].decode(errors="replace"))
    return Diagnostic("CS136", line or code.co_firstlineno, column, construct, IDENTITY, code.co_filename)
