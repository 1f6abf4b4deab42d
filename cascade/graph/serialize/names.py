"""Names in graphs that are written as JSON: `module:qualname`, and the rules of looking them up.

Only objects of modules that are imported already, or that the caller's allow-list holds, are named; and only things of the kind that is
wanted. Names are looked up in namespaces, never by `getattr`, so that no code of a user runs.
"""

from __future__ import annotations

import sys
import types
import typing
from collections.abc import Callable, Iterable
from importlib import import_module
from typing import Any, TypeGuard, TypeVar

from cascade.errors import SerializationError

T = TypeVar("T")
TRUSTED_ERRORS = ("builtins", "cascade.errors")
"""Exception types of these modules may be named in any case."""


def path_of(thing: object, function: object, where: str) -> str:
    """The name of a task or a resource: that of its function, where it leads to one of the two.

    Raises:
        SerializationError: (a ValueError) it leads to something else.
    """
    module, qualname = getattr(function, "__module__", None), getattr(function, "__qualname__", None)
    path = f"{module}:{qualname}"
    found = resolve_loaded(path) if isinstance(module, str) and isinstance(qualname, str) else None
    if found is None or (found is not thing and found is not function):
        raise SerializationError(
            f"{path} does not lead to its function, so it cannot be found again",
            where=where,
            expected="a function at the top level of a module, or in a class there",
            hint="lambdas and functions inside functions have no name that can be looked up",
        )
    return path


def class_path(kind: type) -> str:
    """The name of a class.

    Raises:
        SerializationError: (a ValueError) it leads to something else.
    """
    path = f"{kind.__module__}:{kind.__qualname__}"
    if resolve_loaded(path) is not kind:
        raise SerializationError(
            f"class {path} cannot be found by its name", expected="a class at the top level of a module"
        )
    return path


def resolve_loaded(path: str) -> object:
    """Returns the object of a name that `path_of` or `class_path` makes; None if there is none."""
    module, _, qualname = path.partition(":")
    found = sys.modules.get(module)
    for name in qualname.split("."):
        found = getattr(found, name, None)
    return found


def fail(what: str, where: str, expected: str | None = None, hint: str | None = None) -> typing.NoReturn:
    raise SerializationError(what, where=where, expected=expected, hint=hint)


def check_keys(value: object, where: str, required: tuple[str, ...], optional: tuple[str, ...] = ()) -> dict[str, Any]:
    """Returns `value`, which is an object with these keys; raises SerializationError otherwise."""
    if not isinstance(value, dict):
        fail(
            f"it is a {type(value).__name__}",
            where,
            expected="an object with the keys " + ", ".join(required or optional),
        )
    missing = [name for name in required if name not in value]
    unknown = [name for name in value if name not in required and name not in optional]
    if missing or unknown:
        fail(
            "; ".join(
                f"{word} {', '.join(map(repr, names))}"
                for word, names in (("missing", missing), ("unknown", unknown))
                if names
            ),
            where,
            expected="the keys " + ", ".join((*required, *optional)),
        )
    return value


class Names:
    """The names that a reader may look up.

    Args:
        allow: the modules and `module:qualname`s that may be named, and imported; None for modules that are imported already.
    """

    def __init__(self, allow: Iterable[str] | None) -> None:
        self.allow = None if allow is None else [*allow]
        for entry in self.allow or ():
            if not isinstance(entry, str) or not entry:
                raise SerializationError(f"allow holds {entry!r}", expected="names of modules, or 'module:qualname'")

    def find(self, path: object, where: str, accept: Callable[[object], TypeGuard[T]], what: str) -> T:
        """Returns the object that `module:qualname` names, if that is allowed; `accept` tests that it is of the right kind."""
        path, module, qualname = _split(path, where)
        if self.allow is not None:
            if not any(_matches(entry, path, module) for entry in self.allow):
                fail(
                    f"{path} is not allowed",
                    where,
                    expected="one of " + (", ".join(self.allow) or "nothing: the list is empty"),
                )
            if module not in sys.modules:
                try:
                    import_module(module)
                except ImportError as error:
                    fail(f"module {module} cannot be imported: {error}", where)
        elif module not in sys.modules:
            fail(
                f"module {module} is not imported",
                where,
                expected="tasks of modules that are imported already, as no allow-list is given",
                hint=f"import it, or allow it: from_json(text, allow=[{module!r}])",
            )
        return _look_up(module, qualname, where, accept, what)

    def find_error(self, path: object, where: str) -> type[Exception]:
        """Returns the exception type of that name."""
        _, module, qualname = _split(path, where)
        if module in TRUSTED_ERRORS:
            return _look_up(module, qualname, where, _is_error, "an exception type")
        return self.find(path, where, _is_error, "an exception type")


def _split(path: object, where: str) -> tuple[str, str, str]:
    if (
        not isinstance(path, str)
        or path.count(":") != 1
        or not all(part.isidentifier() for side in path.split(":") for part in side.split("."))
    ):
        fail(f"{path!r} names nothing", where, expected="module:qualname")
    module, _, qualname = path.partition(":")
    return path, module, qualname


def _look_up(module: str, qualname: str, where: str, accept: Callable[[object], TypeGuard[T]], what: str) -> T:
    found: object = sys.modules[module]
    for name in qualname.split("."):
        # Looked up in the namespace, so that no descriptor and no __getattr__ runs.
        space = getattr(found, "__dict__", None)
        if not isinstance(found, (types.ModuleType, type)) or space is None or name not in space:
            fail(f"{module}:{qualname} does not exist", where)
        found = space[name]
    found = found.__func__ if isinstance(found, (staticmethod, classmethod)) and what == "a function" else found
    if not accept(found):
        fail(f"{module}:{qualname} is a {type(found).__name__}", where, expected=what)
    return found


def _matches(entry: str, path: str, module: str) -> bool:
    if entry.endswith(".*"):
        return module == entry[:-2] or module.startswith(entry[:-1])
    return entry in (path, module)


def _is_error(found: object) -> TypeGuard[type[Exception]]:
    return isinstance(found, type) and issubclass(found, Exception)
