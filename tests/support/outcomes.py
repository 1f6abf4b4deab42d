"""All that a call does, as a value to compare: its result, or its exception with all that hangs on it."""

from __future__ import annotations

import itertools
from typing import Any

from tests.support import bytecode_states as states


def outcome(call: Any, arguments: tuple[object, ...] | list[object]) -> tuple[object, ...]:
    """Returns all that a call did: its result or exception with its traceback."""
    try:
        return "returned", repr(call(*arguments))
    except BaseException as error:
        return "raised", described(error)


def described(error: BaseException | None) -> object:
    if error is None:
        return None
    trace, cause, context = entries(error.__traceback__), described(error.__cause__), described(error.__context__)
    return type(error), repr(error), str(error), trace, cause, context, error.__suppress_context__


def entries(trace: Any) -> list[object]:
    """Returns the traceback's entries in the user's functions, with lines and columns."""
    found = []
    while trace is not None:
        code = trace.tb_frame.f_code
        own = code.co_filename in (__file__, states.__file__) or "/blocks/test_" in code.co_filename
        if not own and not code.co_filename.endswith((".pxi", ".pyx")):  # those of the extension's test door
            place = next(itertools.islice(code.co_positions(), trace.tb_lasti // 2, None))
            found.append((code.co_filename, code.co_qualname, trace.tb_lineno, place))
        trace = trace.tb_next
    return found
