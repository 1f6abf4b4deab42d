"""What a call gave, with all that a user can see of it, bit for bit."""

from __future__ import annotations

import itertools
import opcode
import struct
import sys
from collections.abc import Iterator
from types import CodeType, FrameType
from typing import Any, NamedTuple

from tests.support.random_programs.worlds import Plain

LOAD_FAST = opcode.opmap["LOAD_FAST"]
VARIABLES = (LOAD_FAST, opcode.opmap["STORE_FAST"])


class Outcome(NamedTuple):
    """What a call gave: ("value", ...) or ("raised", ...), and its traces elsewhere."""

    result: tuple[Any, ...]
    log: tuple[Any, ...]
    warned: tuple[Any, ...]
    notes: tuple[str, ...] | None = ()

    @property
    def kind(self) -> str:
        """The type of the exception, or "value"."""
        return str(self.result[1][0]) if self.result[0] == "raised" else "value"


def exact(value: Any) -> Any:
    """A value with its type, bit for bit; objects by what identifies them in their world.

    Only the bits of a nan are not looked at: which of two nans their sum is depends on whether CPython has warmed up.
    """
    kind = type(value)
    if kind is int or kind is bool or value is None or kind is str:
        return kind.__name__, value
    if kind is float:
        return "float", "nan" if value != value else struct.pack("=d", value)
    if kind is complex:
        return "complex", exact(value.real), exact(value.imag)
    if kind is tuple or kind is list:
        return (kind.__name__, *map(exact, value))
    if isinstance(value, Plain):
        return kind.__name__, value.name, value.world.objects[value.name] is value
    return kind.__name__, repr(value) if isinstance(value, (int, float)) else getattr(value, "__name__", "")


def exact_error(error: BaseException, file: str) -> tuple[Any, ...]:
    """Everything of an exception that a user can see; of its traceback the frames in the program's file."""
    cause = error.__cause__
    return (
        type(error).__name__,
        exact(error.args),
        getattr(error, "name", None),
        tuple(_frames(error, file)),
        None if cause is None else (type(cause).__name__, exact(cause.args)),
        error.__suppress_context__,
    )


def _frames(error: BaseException, file: str) -> Iterator[tuple[Any, ...]]:
    traceback = error.__traceback__
    while traceback is not None:
        code = traceback.tb_frame.f_code
        if code.co_filename == file:
            word = _failed_word(error, code, traceback.tb_lasti // 2)
            yield (
                code.co_qualname,
                *next(itertools.islice(code.co_positions(), word, None)),
                _variables(traceback.tb_frame),
            )
        traceback = traceback.tb_next


def _variables(frame: FrameType) -> tuple[Any, ...]:
    """What a debugger shows: the variables by name. Free ones mean something else in each world."""
    found = frame.f_locals
    return tuple((name, None if name in frame.f_code.co_freevars else exact(found[name])) for name in sorted(found))


def _failed_word(error: BaseException, code: CodeType, word: int) -> int:
    """The instruction that failed.

    CPython 3.11 runs two neighbours as one when a function has become warm, and if the second of them, a load of an
    unbound variable, fails, it names the first. Whether it is warm depends on the calls before, so here it is always
    the load.
    """
    if not isinstance(error, UnboundLocalError) or sys.version_info >= (3, 12):
        return word
    instruction, operand = code.co_code[2 * word : 2 * word + 2]
    if instruction in VARIABLES and code.co_varnames[operand].startswith("."):
        return word  # in plain Python there is no such neighbour
    loads = instruction == LOAD_FAST and f"'{code.co_varnames[operand]}'" in str(error)
    return word if loads else word + 1
