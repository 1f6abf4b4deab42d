"""Functions that have no kernel, as CPython has to execute them whole."""

from __future__ import annotations

import builtins
import dis
import linecache
import sys
from types import CodeType, FunctionType

from cascade.kernels.blocks.identities import Comparison, undecided
from cascade.kernels.blocks.instructions import GENERATOR, parameter_count
from cascade.kernels.diagnostics import IDENTITY, Diagnostic
from cascade.kernels.model import MISSING, PARAMETER_LIMIT
from cascade.kernels.names import builtins_of, has_plain_names

SUSPENDED = GENERATOR | 0x80 | 0x200  # generators, coroutines, asynchronous generators
BUILTINS = frozenset(("locals", "vars", "dir", "eval", "exec", "breakpoint", "id"))
"""Built-in functions that look at the variables of the function that calls them, have it looked at, or look at the identity of numbers."""
LOOKING = frozenset(("_getframe", "currentframe", "_current_frames", "set_trace", "settrace", "setprofile"))
"""Names of functions of modules that do so."""
COUNTING = frozenset(("getrefcount", "get_referrers", "resize"))
"""Names of functions that look how many references of an object there are: `resize` is the method of NumPy's arrays."""
OF_LIBRARIES = {
    "pandas": ("eval", "query"),
    "numexpr": ("evaluate",),
    "duckdb": ("sql", "query", "execute"),
    "polars": ("sql",),
}
"""Names of functions of libraries that look for variables in the frame of the function that calls them, in programs that have imported these."""
NAMES = frozenset((
    "LOAD_GLOBAL", "LOAD_NAME", "LOAD_DEREF", "LOAD_CLASSDEREF", "LOAD_FROM_DICT_OR_GLOBALS", "LOAD_FROM_DICT_OR_DEREF",
))  # fmt: skip
MEMBERS = frozenset(("LOAD_ATTR", "LOAD_METHOD", "LOAD_SUPER_ATTR", "IMPORT_FROM"))

AS_NAMES = (LOOKING | COUNTING | {"evaluate", "sql"}) - {"resize"}
"""Those that are imported from their modules."""

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
    look = _look(function)
    if look is not None:
        return look
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


def _look(function: FunctionType) -> Diagnostic | None:
    """Returns where a function looks at its own variables or frame, at the identity of numbers, or counts references; None where it does not."""
    code = function.__code__
    searching = frozenset(name for library, names in OF_LIBRARIES.items() if library in sys.modules for name in names)
    suspects = (BUILTINS | LOOKING | COUNTING | searching).intersection((*code.co_names, *code.co_freevars))
    if not suspects:
        return None
    has_builtins = any(_meaning(name, function) is builtins for name in code.co_names) or "builtins" in code.co_names
    for instruction in dis.get_instructions(code):
        name = instruction.argval
        if name not in suspects:
            continue
        if instruction.opname in NAMES:
            looks = name in AS_NAMES or _may_be_builtin(name, function)
        else:
            looks = instruction.opname in MEMBERS and (name not in BUILTINS - searching or has_builtins)
        if looks:
            is_member = instruction.opname not in NAMES
            return _diagnostic(
                "CS105", code, instruction.offset, f"{name}()", _why(name, is_member and name in searching)
            )
    return None


def _why(name: str, may_search: bool) -> str:
    if may_search:
        libraries = ", ".join(
            library for library, names in OF_LIBRARIES.items() if name in names and library in sys.modules
        )
        return f"{name}() may be that of {libraries}, which looks for variables in the function's frame, and a kernel has others"
    if name == "id":
        return "id() tells equal numbers apart, and numbers in typed code have no identity"
    if name in COUNTING:
        return f"{name}() counts references, and typed code has some of its own"
    return f"{name}() looks at the function's own variables or frame, and a kernel has others"


def _may_be_builtin(name: str, function: FunctionType) -> bool:
    """Whether a name means the built-in function, and not one of the program's own."""
    found = _meaning(name, function)
    return name in BUILTINS and (found is MISSING or found is getattr(builtins, name))


def _meaning(name: str, function: FunctionType) -> object:
    """Returns what a name of a variable around a function means now: MISSING where it has no value, or is a built-in one."""
    code = function.__code__
    if name in code.co_freevars:
        try:
            return (function.__closure__ or ())[code.co_freevars.index(name)].cell_contents
        except ValueError:
            return MISSING
    return function.__globals__.get(name, MISSING)


def _of_comparison(comparison: Comparison) -> Diagnostic:
    return _diagnostic("CS136", comparison.code, comparison.instruction.last, "is", IDENTITY)


def _diagnostic(number: str, code: CodeType, offset: int, otherwise: str, hint: str) -> Diagnostic:
    """Returns a diagnostic of an instruction; `otherwise` is its construct where there is no source."""
    line, end, begin, stop = list(code.co_positions())[offset // 2]
    text = linecache.getline(code.co_filename, line or 0).encode()  # columns count bytes
    begin, stop = (begin or 0, stop if end == line else None)
    construct = text[begin:stop].decode(errors="replace").strip() or otherwise
    column = len(text[:begin].decode(errors="replace"))
    return Diagnostic(number, line or code.co_firstlineno, column, construct, hint, code.co_filename)
