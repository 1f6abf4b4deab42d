"""Exceptions as data: the parts that are sent to make the same exception in another process.

Pickle makes an exception by calling its class with `args`, which fails, or makes other attributes, where the class has an
`__init__` of its own. Here no code of the class is called: the object is made by the built-in class that it is based on, and given
the attributes that it had. Where these cannot be sent, `incomplete` makes an exception of a subclass with those that can.
"""

from __future__ import annotations

import copyreg
from collections.abc import Iterator
from types import GetSetDescriptorType, MemberDescriptorType
from typing import NamedTuple, cast

from cascade.errors import SendingError

Reduced = tuple[object, ...]

_ARGS: GetSetDescriptorType = vars(BaseException)["args"]
_NOT_SENT = {"obj", "message", "exceptions", "__suppress_context__"}
"""Attributes of built-in classes: what an AttributeError was about, which may be anything; those that `args` gives."""


class Parts(NamedTuple):
    """An exception in pieces, each as its pickle (None where it has none), for where it cannot be sent or read whole."""

    name: str  # of its class
    classes: list[bytes]  # that of the exception first, a built-in one last
    members: dict[str, bytes | None]
    state: dict[str, bytes | None]
    message: str
    reason: str


def reduce_exception(error: BaseException, always: bool = False) -> object:
    """How pickle sends an exception; NotImplemented where its class has its own way.

    Args:
        always: also then, as that way has failed.
    """
    kind = type(error)
    if not always and _has_its_own_way(kind):
        return NotImplemented
    return rebuild, (kind, _made_from(error), _ARGS.__get__(error), *attributes(error))


def rebuild(
    kind: type[BaseException],
    made_from: tuple[object, ...],
    args: tuple[object, ...],
    members: dict[str, object],
    state: dict[str, object],
) -> BaseException:
    """The exception that had these attributes.

    Args:
        made_from: the arguments that its built-in class makes it of.
    """
    base = _built_in_base(kind)
    error: BaseException = base.__new__(kind, *made_from)
    base.__init__(error, *made_from)
    _ARGS.__set__(error, args)
    _set(error, members, state)
    return error


def attributes(error: BaseException) -> tuple[dict[str, object], dict[str, object]]:
    """The attributes that have a place of their own (`__slots__`, fields of built-in classes), and all others."""
    members = {name: getattr(error, name) for name in _members(type(error)) if hasattr(error, name)}
    return members, dict(getattr(error, "__dict__", {}))


def incomplete(
    kind: type[BaseException], trouble: SendingError, members: dict[str, object], state: dict[str, object]
) -> BaseException:
    """An exception of a subclass of `kind`, for one that cannot be sent whole; it is a SendingError with the message of `trouble`, too.

    Raises:
        Exception: that class cannot have subclasses.
    """
    # A class that no `except Exception` catches is not made one that it does.
    bases = (SendingError, kind) if issubclass(kind, Exception) else (kind,)
    names = {
        "__module__": kind.__module__,
        "__str__": BaseException.__str__,
        "__reduce__": _reduce_incomplete,
        "sent": (kind, trouble),
    }
    subclass = cast("type[BaseException]", type(f"{kind.__name__}SendingError", bases, names))
    error: BaseException = _built_in_base(subclass).__new__(subclass)
    error.args = trouble.args
    _set(error, members, {**trouble.__dict__, **state})
    return error


def _reduce_incomplete(error: BaseException) -> Reduced:
    return incomplete, (*getattr(type(error), "sent"), *attributes(error))


def _set(error: BaseException, members: dict[str, object], state: dict[str, object]) -> None:
    for name, value in members.items():
        # Not one that is there already: for an OSError, None is not the same as nothing. The class may have a `__setattr__` that refuses.
        if getattr(error, name, _ARGS) is not value:
            object.__setattr__(error, name, value)
    error.__dict__.update(state)


def _has_its_own_way(kind: type[BaseException]) -> bool:
    return kind in copyreg.dispatch_table or any(
        name in vars(each)
        for each in kind.__mro__
        if each.__module__ != "builtins"
        for name in (
            "__reduce__",
            "__reduce_ex__",
            "__getstate__",
            "__setstate__",
            "__getnewargs__",
            "__getnewargs_ex__",
        )
    )


def _built_in_base(kind: type[BaseException]) -> type[BaseException]:
    # Along `__base__`, which leads to the class that says how the object lies in memory, whatever comes first in the list of bases.
    while kind.__module__ != "builtins":
        kind = cast("type[BaseException]", kind.__base__)
    return kind


def _made_from(error: BaseException) -> tuple[object, ...]:
    if isinstance(error, BaseExceptionGroup):
        return error.message, list(error.exceptions)  # `args` has the arguments of its class
    reduced = cast("Reduced", _built_in_base(type(error)).__reduce__(error))
    return cast("tuple[object, ...]", reduced[1])  # of an OSError with the names of its files, which `args` lacks


def _members(kind: type[BaseException]) -> Iterator[str]:
    for each in kind.__mro__:
        for name, value in vars(each).items():
            if isinstance(value, MemberDescriptorType) and not (each.__module__ == "builtins" and name in _NOT_SENT):
                yield name
