"""Changes functions in place so that each of their calls is a call of a task, and runs in a kernel.

A function keeps its identity, its signature and its source; only its code is another one, that passes the arguments on:

    def quantiles(data, n, method):          def quantiles(data, n, method):
        ...                                      return <program of a task>(data, n, method)

The task's function has the code that was there before, with the same globals, defaults and variables of enclosing functions. So whatever
holds the function (a class, a property, a table, a decorator) calls the task from then on.
"""

from __future__ import annotations

import gc
import inspect
import warnings
from collections.abc import Collection
from types import CodeType, FunctionType
from typing import Any

import cascade as cs

PROGRAM = "the program of the task"
"""Stands for the program in the source of the new code, and is replaced in its constants."""

LEFT_ALONE = (
    inspect.CO_VARARGS
    | inspect.CO_VARKEYWORDS
    | inspect.CO_GENERATOR
    | inspect.CO_COROUTINE
    | inspect.CO_ASYNC_GENERATOR
)
"""Flags of functions that stay as they are: those that kernels refuse, and those with parameters that are not passed on here."""

SEES_CALLER = {
    "_getframe",
    "_getframemodulename",
    "currentframe",
    "stack",
    "extract_stack",
    "print_stack",
    "warn",
    "_warn",
}
"""Names in functions that look at the frame of their caller, which would be the new code's."""


def functions_of(files: Collection[str]) -> list[FunctionType]:
    """Returns all functions that are there at the moment and were written in one of the files."""
    return [each for each in gc.get_objects() if type(each) is FunctionType and each.__code__.co_filename in files]


def may_be_task(function: FunctionType) -> bool:
    code = function.__code__
    named = all(name.isidentifier() for name in code.co_varnames[: code.co_argcount])
    return not (code.co_flags & LEFT_ALONE or code.co_kwonlyargcount) and named and not SEES_CALLER & {*code.co_names}


def make_task(function: FunctionType) -> Any:
    """Has all calls of the function made by a task, which is returned."""
    code = function.__code__
    original = FunctionType(code, function.__globals__, function.__name__, function.__defaults__, function.__closure__)
    original.__qualname__, original.__module__ = function.__qualname__, function.__module__
    task = cs.task(original)
    function.__code__ = passing_on(code, cs.compile(task))
    return task


def passing_on(code: CodeType, program: Any) -> CodeType:
    """Returns code with the parameters and the free variables of `code` that calls the program."""
    names = list(code.co_varnames[: code.co_argcount])
    parameters = [*names]
    if code.co_posonlyargcount:
        parameters.insert(code.co_posonlyargcount, "/")
    free = ", ".join(code.co_freevars)
    source = (
        f"def enclosing({free}):\n"
        f"    def function({', '.join(parameters)}):\n"
        f"        return {PROGRAM!r}({', '.join(names)})\n"
        f"        [{free}]\n"
        "    return function\n"
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SyntaxWarning)  # a str is not callable
        module = compile(source, code.co_filename, "exec", dont_inherit=True)
    made = inner_code(inner_code(module))
    assert made.co_freevars == code.co_freevars and PROGRAM in made.co_consts
    consts = tuple(program if const == PROGRAM else const for const in made.co_consts)
    return made.replace(
        co_consts=consts, co_name=code.co_name, co_qualname=code.co_qualname, co_firstlineno=code.co_firstlineno
    )


def inner_code(code: CodeType) -> CodeType:
    return next(const for const in code.co_consts if isinstance(const, CodeType))
