"""Functions that have no kernel, as CPython has to execute them whole."""

from __future__ import annotations

from types import CodeType, FunctionType

from cascade.declare.functions import code_with_inner
from cascade.kernels.blocks.decode import Instruction, decode
from cascade.kernels.blocks.instructions import GENERATOR
from cascade.kernels.diagnostics import Diagnostic
from cascade.kernels.names import builtins_of, has_plain_names

SUSPENDED = GENERATOR | 0x80 | 0x200  # generators, coroutines, asynchronous generators
LOOKING = frozenset((
    "locals", "vars", "dir", "eval", "exec", "breakpoint", "_getframe", "currentframe", "id", "_current_frames",
    "set_trace", "settrace", "setprofile",
))  # fmt: skip
"""Names of functions that look at the frame of the function that calls them, or have it looked at, or at the identity of numbers."""
COUNTING = frozenset(("getrefcount", "get_referrers", "resize"))
"""Names of functions that look how many references of an object there are: `resize` is the method of NumPy's arrays."""
COPIED = (int, float, complex, str)
"""Classes whose instances typed code copies: a number, or a character, that comes out of it is another object."""
SINGLE = (None, True, False, Ellipsis, NotImplemented)

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
    if code.co_kwonlyargcount or code.co_flags & 0x0C:
        return no("CS101", "only plain parameters can be lowered: no *args, **kwargs or keyword-only ones")
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
    if not has_plain_names(function) or type(builtins_of(function)) is not dict:
        return no("CS106", "its globals are not a plain dict, or its builtins are not those of its module")
    if len(code.co_code) // 2 > INSTRUCTION_LIMIT or code.co_nlocals + code.co_stacksize > VARIABLE_LIMIT:
        return no("CS143", "it is too long")
    if any(_compares_identity(each, function) for each in code_with_inner(code)):
        return no("CS136", "whether two equal numbers are one object is not known: compare with ==")
    return None


def _compares_identity(code: CodeType, function: FunctionType) -> bool:
    """Returns whether `is` compares values neither of which is surely an object that there is one of."""
    before: list[Instruction] = []
    for instruction in decode(code).instructions.values():
        if instruction.name == "IS_OP" and not _is_with_one_of_a_kind(before[-2:], code, function):
            return True
        if instruction.name not in ("CACHE", "NOP"):
            before = [*before[-1:], instruction]
    return False


def _is_with_one_of_a_kind(before: list[Instruction], code: CodeType, function: FunctionType) -> bool:
    # The last operand: a constant such as None, or a global (a class, a sentinel) that is no number.
    if not before:
        return False
    last = before[-1]
    if last.name == "LOAD_CONST":
        return any(code.co_consts[last.arg] is one for one in SINGLE)
    if last.name != "LOAD_GLOBAL":
        return False
    name = code.co_names[last.arg >> 1]
    return type(function.__globals__.get(name, builtins_of(function).get(name))) not in COPIED
