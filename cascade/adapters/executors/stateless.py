"""Functions without a state of their own: a worker process may keep one that was sent by value, with its kernels, for later calls.

LIMIT = 1000                                        a constant
def inside(n): return n < LIMIT                     stateless
def count(n): return sum(map(inside, range(n)))     stateless: it refers to stateless functions, modules and constants
def note(n): SEEN.append(n)                         not stateless: what it has noted would be there at the next call
"""

from __future__ import annotations

import dis
import functools
import weakref
from importlib import import_module
from types import BuiltinFunctionType, CodeType, FunctionType, ModuleType

from cascade.adapters.executors.sending import is_named_as
from cascade.declare.functions import code_with_inner

_CONSTANTS = frozenset({type(None), bool, int, float, complex, str, bytes, type(Ellipsis), type(NotImplemented)})
_STORES = frozenset({"STORE_GLOBAL", "DELETE_GLOBAL", "STORE_ATTR", "DELETE_ATTR"})
_STORES_IN_CELLS = frozenset({"STORE_DEREF", "DELETE_DEREF"})
_LOOKING = frozenset({
    "globals", "locals", "vars", "dir", "eval", "exec", "setattr", "delattr", "breakpoint", "_getframe", "currentframe",
})  # fmt: skip
"""Names of functions by which code reaches, or changes, more than it names."""

_names: weakref.WeakKeyDictionary[CodeType, frozenset[str] | None] = weakref.WeakKeyDictionary()


def is_stateless(function: object) -> bool:
    """Returns whether no call of a function can find out that others were made before. False where that is not known."""
    return _is_stateless(function, set())


def _is_stateless(value: object, seen: set[int]) -> bool:
    if type(value) in _CONSTANTS or isinstance(value, ModuleType) or id(value) in seen:
        return True
    if type(value) in (tuple, frozenset):
        return all(_is_stateless(item, seen) for item in value)  # type: ignore[attr-defined]
    if is_sent_by_name(value):
        return True
    if type(value) is not FunctionType or value.__dict__ or value.__kwdefaults__:
        return False
    seen.add(id(value))
    names = _names_of(value.__code__)
    if names is None:
        return False
    given = [value.__globals__[name] for name in names if name in value.__globals__]
    try:
        given += [cell.cell_contents for cell in value.__closure__ or ()]
    except ValueError:
        return False  # an empty cell
    return all(_is_stateless(each, seen) for each in (*given, *(value.__defaults__ or ())))


def is_sent_by_name(value: object) -> bool:
    """Returns whether a value is a function or class that a worker finds by its name."""
    return (
        isinstance(value, (type, FunctionType, BuiltinFunctionType))
        and is_named_as(value, value)
        and value.__module__ not in _cloudpickle().list_registry_pickle_by_value()
    )


@functools.cache
def _cloudpickle() -> ModuleType:
    return import_module("cloudpickle")


def _names_of(code: CodeType) -> frozenset[str] | None:
    """Returns the names that code, and the functions inside, may refer to; None where it stores more than its own variables."""
    if code not in _names:
        _names[code] = _read_names(code)
    return _names[code]


def _read_names(code: CodeType) -> frozenset[str] | None:
    names: set[str] = set()
    for each in code_with_inner(code):
        names.update(each.co_names)
        for instruction in dis.get_instructions(each):
            stores = instruction.opname in _STORES_IN_CELLS and instruction.argval in code.co_freevars
            if stores or instruction.opname in _STORES:
                return None
    if names & _LOOKING or any(name.startswith("__") for name in names):
        return None
    return frozenset(names)
