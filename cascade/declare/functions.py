"""Properties of the functions that tasks are made of, read from their code objects."""

from __future__ import annotations

import types
from collections.abc import Callable

from cascade.imports import Any

CO_GENERATOR, CO_COROUTINE, CO_ITERABLE_COROUTINE, CO_ASYNC_GENERATOR = 0x20, 0x80, 0x100, 0x200
"""As in inspect, which takes long to import."""

HELPERS_LOOKED_AT = 16


def loops(func: types.FunctionType) -> bool:
    """Returns True if there is a loop in the code of a function or of those that it names, or one of these names itself."""
    from opcode import opmap

    jumps = [opmap[name] for name in opmap if "BACKWARD" in name]
    seen: set[types.FunctionType] = {func}
    waiting = [func]
    for function in waiting:  # which grows
        code = function.__code__
        if any(jump in code.co_code[::2] for jump in jumps):
            return True
        for name in code.co_names:
            named = function.__globals__.get(name)
            if type(named) is not types.FunctionType:
                continue
            if named is function:
                return True
            if named not in seen and len(seen) <= HELPERS_LOOKED_AT:
                seen.add(named)
                waiting.append(named)
    return False


def code_with_inner(code: types.CodeType) -> list[types.CodeType]:
    """Returns the code of a function, and of those inside."""
    found = [code]
    for each in found:  # which grows
        found += [constant for constant in each.co_consts if isinstance(constant, types.CodeType)]
    return found


def code_flags(func: object) -> int:
    """Returns the flags of the code that a call of `func` runs, 0 if that is not written in Python."""
    while type(func).__name__ == "partial" and (inner := getattr(func, "func", None)) is not None:
        func = inner
    func = getattr(func, "__func__", func)
    code = getattr(func, "__code__", None)
    if code is None:
        code = getattr(getattr(type(func), "__call__", None), "__code__", None)
    return 0 if code is None else int(code.co_flags)


def as_coroutine_function(func: Callable[..., Any]) -> Callable[..., object]:
    """Returns a coroutine function around one that `types.coroutine` made."""

    async def call(*args: object, **kwargs: object) -> object:
        return await func(*args, **kwargs)

    return call
