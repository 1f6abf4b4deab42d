"""Modules of the standard library that are imported at the first use of one of their names.

Most programs run their first graph without them, and they take long to import: of the 90 ms before the first result of a process, these
were 70: asyncio 45, inspect and dataclasses 10, typing with its own imports 8. Only modules on the path of a synchronous run
import them from here.
"""

from __future__ import annotations

TYPE_CHECKING = False  # type checkers take it for true


class _Annotation(str):
    """Stands for a name that only annotations use.

    Its text is an expression that imports the name: `typing.get_type_hints` evaluates strings until one is a type.
    """

    __slots__ = ()

    def _type(self) -> type:
        return eval(self)  # type: ignore[no-any-return]

    def __or__(self, other: type) -> object:
        return self._type() | other

    def __ror__(self, other: type) -> object:
        return other | self._type()

    def __getitem__(self, item: object) -> object:  # type: ignore[override]  # parameters of the type, or a place in the text
        return str.__getitem__(self, item) if isinstance(item, (int, slice)) else self._type()[item]  # type: ignore[index]


def annotation(module: str, name: str) -> str:
    """Returns a stand-in for a name of a module that annotations use and that is not imported yet."""
    return _Annotation(f"__import__({module!r}, fromlist=[{name!r}]).{name}")


def from_above(module: str, name: str) -> Any:
    """Returns a name of a layer above, for a method that only passes its call on: `await result`, or how a notebook shows one."""
    return getattr(__import__(module, fromlist=[name]), name)


if TYPE_CHECKING:
    import asyncio as asyncio
    import copy as copy
    import dataclasses as dataclasses
    import inspect as inspect
    import threading as threading
    import warnings as warnings
    import weakref as weakref
    from typing import Any as Any
    from typing import Generic as Generic
    from typing import NamedTuple as NamedTuple
    from typing import NoReturn as NoReturn
    from typing import ParamSpec as ParamSpec
    from typing import Protocol as Protocol
    from typing import Self as Self
    from typing import TypeVar as TypeVar
    from typing import Unpack as Unpack
    from typing import cast as cast
    from typing import final as final
    from typing import overload as overload
else:
    from collections import namedtuple
    from sys import modules
    from types import GenericAlias

    class _Deferred:
        """Stands for a module. It keeps none of its names, so that replacements in the module take effect."""

        def __init__(self, name):
            self._name = name

        def __getattr__(self, name):
            try:
                return getattr(modules[self._name], name)
            except (KeyError, AttributeError):  # it is not imported, or not wholly yet
                return getattr(__import__(self._name), name)

        def __repr__(self):
            return f"<module {self._name!r}, imported when it is used>"

    asyncio, copy, dataclasses, inspect, threading, warnings, weakref = map(
        _Deferred, ("asyncio", "copy", "dataclasses", "inspect", "threading", "warnings", "weakref")
    )

    Any, NoReturn, Self, Unpack = (annotation("typing", name) for name in ("Any", "NoReturn", "Self", "Unpack"))

    def cast(kind, value):
        return value

    # Names of `typing` that only type checkers need. `class C(Generic[T])` may be subscripted all the same.

    class Protocol:
        """As in `typing`."""

        __slots__ = ()

    class Generic:
        """As in `typing`."""

        __slots__ = ()

        def __class_getitem__(cls, parameters):
            return cls if cls is Generic else GenericAlias(cls, parameters)

    class TypeVar:
        """As in `typing`. It may stand in a union, as annotations are evaluated by `typing.get_type_hints`."""

        def __init__(self, name, **options):
            self.__name__ = name

        def __repr__(self):
            return self.__name__

        def __or__(self, other):
            return _Deferred("typing").Union[self, other]

        def __ror__(self, other):
            return _Deferred("typing").Union[other, self]

    class ParamSpec(TypeVar):
        """As in `typing`."""

        @property
        def args(self):
            return _Deferred("typing").ParamSpecArgs(self)

        @property
        def kwargs(self):
            return _Deferred("typing").ParamSpecKwargs(self)

    def overload(function):
        """As in `typing`."""
        return function

    def final(kind):
        """As in `typing`."""
        return kind

    class _NamedTuples(type):
        """Makes classes of `class C(NamedTuple)`, as `typing` does."""

        def __new__(meta, name, bases, namespace):
            if not bases:
                return super().__new__(meta, name, bases, namespace)
            fields = namespace.pop("__annotations__", {})
            defaults = [namespace.pop(field) for field in fields if field in namespace]
            made = namedtuple(name, fields, defaults=defaults, module=namespace.pop("__module__"))
            made.__annotations__ = fields
            for key, value in namespace.items():
                setattr(made, key, value)
            return made

    class NamedTuple(metaclass=_NamedTuples):
        """As in `typing`."""
