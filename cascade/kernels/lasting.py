"""Objects that code may hold: those that live on as a rule, and those whose end nobody can see."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from random import Random
from types import (
    BuiltinFunctionType,
    ClassMethodDescriptorType,
    FunctionType,
    MethodDescriptorType,
    MethodType,
    ModuleType,
    WrapperDescriptorType,
)
from typing import Final, TypeGuard, TypeVar

from cascade.declare.task import Task

T = TypeVar("T")

LASTING: frozenset[type] = frozenset((
    int, float, bool, str, bytes, complex, range, object, type(None), type(...), type(NotImplemented), FunctionType, MethodDescriptorType,
    WrapperDescriptorType, ClassMethodDescriptorType, Task,
))  # fmt: skip
"""Classes of such objects; modules and classes, which may have classes of users, are such objects, too."""
BOUND = (BuiltinFunctionType, MethodType)
OWNERS = (ModuleType, type, type(None), Random)
"""Classes of objects whose bound methods may be held: those of `random` are bound to the module's source of numbers."""
ITEM_LIMIT = 64
"""Items of a tuple that are looked at."""
MADE_BY_PROGRAMS = 1 << 9
"""The flag of classes other than those of CPython and of extension modules, which never die (Py_TPFLAGS_HEAPTYPE)."""


def is_instance(value: object, cls: type[T]) -> TypeGuard[T]:
    """Returns whether an object is of a class or of one that inherits it, by its type: `isinstance` may run code of users, `__class__`."""
    return issubclass(type(value), cls)


def has_identity(cls: type) -> bool:
    """Returns whether a class is equal to itself alone: its metaclass may have an `__eq__` or `__hash__`, which a look for it in a set calls."""
    meta = type(cls)
    return meta is type or all(_in_class(meta, name) is NAMESPACE(object)[name] for name in ("__eq__", "__hash__"))


def _in_class(cls: type, name: str) -> object:
    return next(NAMESPACE(each)[name] for each in MRO(cls) if name in NAMESPACE(each))


def is_lasting(value: object, depth: int = 4) -> bool:
    """Returns whether code may hold an object; another one has to die as soon as CPython lets it die."""
    cls = type(value)
    if type in MRO(cls) and not has_identity(value):  # type: ignore[arg-type]
        return False
    if cls is tuple or cls is frozenset:
        items: tuple[object, ...] = tuple(value)  # type: ignore[arg-type]
        return depth > 0 and len(items) <= ITEM_LIMIT and all(is_lasting(item, depth - 1) for item in items)
    if cls in BOUND:
        return type(value.__self__) in OWNERS  # type: ignore[attr-defined]
    return cls in LASTING or not {type, ModuleType}.isdisjoint(MRO(cls))


def is_lasting_class(cls: type, namespace: Mapping[str, object]) -> bool:
    """Returns whether code may hold the class of an object that it has met: whether the class has its name in its module, or in a namespace.

    Classes that are made inside functions may die with the calls.
    """
    if not has_identity(cls):
        return False
    if not cls.__flags__ & MADE_BY_PROGRAMS:
        return True
    name = QUALIFIED_NAME(cls)
    return any(_found_in(found, name) is cls for found in (namespace, *_module_of(cls)))


def _module_of(cls: type) -> Iterator[Mapping[str, object]]:
    name = NAMESPACE(cls).get("__module__")
    module = sys.modules.get(name) if type(name) is str else None
    if module is not None and type(module) is ModuleType:
        yield vars(module)


def _found_in(namespace: Mapping[str, object], name: str) -> object:
    found: object = None
    for part in name.split("."):
        found = namespace.get(part)
        if not issubclass(type(found), type):
            return None
        namespace = NAMESPACE(found)
    return found


# Nothing of these classes' own code is called.
MRO: Final = type.__dict__["__mro__"].__get__
NAMESPACE: Final = type.__dict__["__dict__"].__get__
QUALIFIED_NAME: Final = type.__dict__["__qualname__"].__get__
