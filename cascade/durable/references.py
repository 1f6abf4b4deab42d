"""References: tasks, functions and classes by `module:qualname`.

Names are looked up in the namespaces of modules that are imported already, so reading a store imports nothing and runs nothing.
Modules of Cascade itself are imported.
"""

from __future__ import annotations

import sys
import types
from importlib import import_module

from cascade.declare import operators
from cascade.declare.task import Task
from cascade.errors import KeyingError, UnknownCodeError, nearest

AnyTask = Task[..., object]


def path_of(value: object, named: object = None) -> str:
    """Returns the name of a task, function or class.

    Args:
        named: the object that stands there, if it is another one: a resource, which has the name of its function.

    Raises:
        KeyingError: (a TypeError) the name does not lead to it, so that no other process could find it.
    """
    module, qualname = getattr(value, "__module__", None), getattr(value, "__qualname__", None)
    path = f"{module}:{qualname}"
    if (
        not isinstance(module, str)
        or not isinstance(qualname, str)
        or _look_up(path) is not (value if named is None else named)
    ):
        raise KeyingError(
            f"the {_kind_of(value)} {path}, which is not found by that name",
            hint="define it at the top level of a module, or in a class there",
        )
    return path


def find(path: str, kind: type | tuple[type, ...], what: str) -> object:
    """Returns the object of a name.

    Raises:
        UnknownCodeError: (a LookupError) there is none of that kind.
    """
    found = _look_up(path)
    if isinstance(found, kind):
        return found
    module = path.partition(":")[0]
    if module not in sys.modules:
        raise UnknownCodeError(
            f"{path}: the module {module!r} is not imported",
            expected=f"the module of each {what} of the run, imported before it is resumed",
            hint=f"import {module}, or `--tasks {module}` of the commands",
        )
    names = [name for name, value in vars(sys.modules[module]).items() if isinstance(value, kind)]
    raise UnknownCodeError(
        f"{path}: there is no such {what}",
        expected=f"the {what} that the run was started with",
        hint=nearest(path.partition(":")[2], names)
        or f"if it has another name now, say so by cascade.migrate({path!r}, ...)",
    )


def _look_up(path: str) -> object:
    module, _, qualname = path.partition(":")
    if module.startswith("cascade.") and module not in sys.modules:
        try:
            import_module(module)
        except ImportError:
            return None
    found: object = sys.modules.get(module)
    if found is operators and qualname.startswith(operators.PREFIX):
        return getattr(operators, qualname, None)  # it is made when it is first needed
    for name in qualname.split("."):
        # In the namespace itself, so that no descriptor and no __getattr__ runs.
        space = getattr(found, "__dict__", None) if isinstance(found, (types.ModuleType, type)) else None
        if space is None or name not in space:
            return None
        found = space[name]
    return found.__func__ if isinstance(found, (staticmethod, classmethod)) else found


def _kind_of(value: object) -> str:
    return "task" if isinstance(value, Task) else "class" if isinstance(value, type) else "function"
