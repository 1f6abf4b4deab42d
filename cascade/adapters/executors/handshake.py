"""Checks that a worker has the same version of Cascade, of Python, and of a task's code."""

from __future__ import annotations

import functools
import hashlib
import pickle
import platform
import sys
import weakref
from collections.abc import Callable
from types import CodeType

from cascade._vm import kernel_of_call
from cascade.errors import SendingError

Versions = tuple[str, str]

_digests: weakref.WeakKeyDictionary[CodeType, bytes] = weakref.WeakKeyDictionary()


def versions() -> Versions:
    """Returns the versions that have to be equal: of Cascade, and of Python up to its second number."""
    cascade = sys.modules["cascade"].__version__
    return cascade, f"{platform.python_implementation()} {sys.version_info[0]}.{sys.version_info[1]}"


@functools.cache
def greeting() -> bytes:
    """Returns the first argument of `enter`."""
    return pickle.dumps((versions(), kernel_of_call()))


_greeted: set[bytes] = set()
"""The greetings that were read here."""


def enter(greeting: bytes, _ticket: object, function: Callable[..., object], *arguments: object) -> object:
    """Calls a function in a worker that was not prepared for it.

    Args:
        greeting: the pickle of the versions of the caller, and of the maker of kernels, by its name, so that its module is imported.
        _ticket: differs from call to call: there are schedulers that make equal calls once.

    Raises:
        SendingError: (a TypeError) the worker has other versions.
    """
    if greeting not in _greeted:
        theirs, _ = pickle.loads(greeting)
        check_versions(theirs)
        _greeted.add(greeting)
    return function(*arguments)


def check_versions(theirs: Versions) -> None:
    """Raises SendingError (a TypeError) unless this process has these versions."""
    ours = versions()
    for what, here, there in zip(("cascade", "Python"), ours, theirs, strict=True):
        if here != there:
            raise SendingError(
                f"a worker has {what} {here}, and the process that sends it work has {there}",
                where=f"the worker on {platform.node()}",
                expected="the same versions",
                hint="install the same versions where the workers run, and start them anew",
            )


def digest(function: object) -> bytes | None:
    """Returns a digest of a function's code, without names of files and numbers of lines; None for what has no code."""
    code = getattr(function, "__code__", None)
    if not isinstance(code, CodeType):
        return None
    if code not in _digests:
        made = hashlib.blake2b(digest_size=16)
        _add(made, code)
        _digests[code] = made.digest()
    return _digests[code]


def _add(made: hashlib.blake2b, code: CodeType) -> None:
    made.update(code.co_code)
    made.update(repr((code.co_names, code.co_varnames, code.co_freevars, code.co_flags)).encode())
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            _add(made, constant)
        else:
            made.update(_words(constant).encode())


def _words(constant: object) -> str:
    if isinstance(constant, tuple):
        return f"({', '.join(map(_words, constant))})"
    if isinstance(constant, frozenset):  # its order differs from process to process
        return f"{{{', '.join(sorted(map(_words, constant)))}}}"
    return repr(constant)


def check_code(name: str, function: object, theirs: bytes | None) -> None:
    """Raises SendingError (a TypeError) where the function of a task has other code here."""
    if theirs is not None and digest(function) != theirs:
        raise SendingError(
            f"task {name!r} has other code in the worker than in the process that sends it work",
            where=f"the worker on {platform.node()}, {getattr(function, '__module__', None)}",
            hint="the module was changed since the worker was started: start the workers anew, with the same files",
        )
