"""Identity: bytes that say what a task's function does.

They are made of its code object (instructions, constants, names; no line numbers, no comments), its defaults, what its
closure holds, and the values of the globals it reads; of functions and classes among these likewise, and so on. Parts of
the standard library and of installed packages count by their names and versions. What cannot be told is refused.

The bytes are kept, with the places where they were read from: as long as the same objects stand there, and the
mutable data among them has the same contents, they hold.
"""

from __future__ import annotations

import builtins
import collections
import dis
import functools
import os
import sys
import sysconfig
import types
from typing import Any

from cascade.adapters.caches.keys import digest, encode, framed, is_immutable, unkeyable
from cascade.errors import KeyingError
from cascade.spec.lazy import LazyResult
from cascade.spec.resources import Resource
from cascade.spec.task import Task

MISSING = object()
TUPLE_FIELD: Any = getattr(collections, "_tuplegetter")  # what a named tuple has for each of its fields
GLOBAL_LOADS = frozenset({"LOAD_GLOBAL", "LOAD_NAME"})
ATTRIBUTE_LOADS = frozenset({"LOAD_ATTR", "LOAD_METHOD"})
OF_NO_MATTER = frozenset(
    {
        "__dict__", "__weakref__", "__doc__", "__module__", "__qualname__", "__firstlineno__", "__static_attributes__",
        "__annotations__", "__annotate__", "__annotate_func__", "__annotations_cache__", "__abstractmethods__", "_abc_impl",
        "__dataclass_fields__", "__dataclass_params__", "__match_args__", "__parameters__", "__orig_bases__", "__slots__",
    }
)  # fmt: skip
VERSION = f"{sys.implementation.cache_tag} {sys.version_info[:3]}".encode()


class Identity:
    """What was found out about one function."""

    def __init__(self, function: Any) -> None:
        self.name = f"{getattr(function, '__module__', '')}:{getattr(function, '__qualname__', '')}@"
        self._places: list[tuple[Any, Any, Any]] = []  # (mapping, key, value)
        self._cells: list[tuple[types.CellType, Any]] = []
        self._functions: list[tuple[Any, Any, Any, Any]] = []
        self._mutable: list[tuple[Any, bytes]] = []  # data, and its contents
        self._seen: dict[int, int] = {}
        self._kept: list[Any] = []  # so that the ids above stay theirs
        self.digest = digest(VERSION + self._of(function))
        self.text = self.name + self.digest.hex()

    def holds(self) -> bool:
        """Whether everything is where it was."""
        for mapping, key, value in self._places:
            if mapping.get(key, MISSING) is not value:
                return False
        for function, code, defaults, more in self._functions:
            if function.__code__ is not code or function.__defaults__ is not defaults or function.__kwdefaults__ is not more:
                return False
        for cell, value in self._cells:
            if _contents(cell) is not value:
                return False
        for value, contents in self._mutable:
            if encode(value, _by_id) != contents:
                return False
        return True

    # -- What something is made of ------------------------------------------------------------------------------------

    def _of(self, value: Any) -> bytes:
        if is_immutable(value):
            return encode(value)
        number = self._seen.get(id(value))
        if number is not None:
            return b"seen%d;" % number
        self._seen[id(value)] = len(self._seen)
        self._kept.append(value)
        written = self._of_code_object(value)
        if written is not None:
            return written
        if type(value) in (list, dict, tuple):
            written = framed(b"container", type(value).__name__.encode()) + self._of_each(value)
        else:
            del self._seen[id(value)]  # or it would pass for code that was seen
            written = b"data" + encode(value, self._of_part)
        self._mutable.append((value, encode(value, _by_id)))
        return written

    def _of_part(self, value: Any) -> bytes:
        # What stands inside of data has to be code, or it is refused.
        number = self._seen.get(id(value))
        if number is not None:
            return b"seen%d;" % number
        self._seen[id(value)] = len(self._seen)
        self._kept.append(value)
        written = self._of_code_object(value)
        if written is None:
            raise unkeyable(value)
        return written

    def _of_code_object(self, value: Any) -> bytes | None:
        # Functions, classes and what is made of them; None for data.
        if isinstance(value, Task):
            return b"task" + self._of(value.func)
        if type(value) is LazyResult:
            return self._of_lazy_result(value)
        if isinstance(value, types.FunctionType):
            return self._of_function(value)
        if isinstance(value, type):
            return self._of_class(value)
        if isinstance(value, types.ModuleType):
            return self._of_module(value)
        if isinstance(value, functools.partial):
            return b"partial" + self._of(value.func) + self._of_each(value.args) + self._of_each(value.keywords)
        if isinstance(value, (staticmethod, classmethod, types.MethodType)):
            owner = self._of(value.__self__) if isinstance(value, types.MethodType) else b""
            function: Any = value.__func__
            kind: type = type(value)
            return framed(b"method", kind.__name__.encode()) + owner + self._of(function)
        if isinstance(value, property):
            return b"property" + self._of_each((value.fget, value.fset, value.fdel))
        if isinstance(value, functools.cached_property):
            return b"cached" + self._of(value.func)
        if isinstance(value, (types.BuiltinFunctionType, types.MethodDescriptorType, types.WrapperDescriptorType)):
            return self._of_builtin(value)
        if isinstance(value, (types.MemberDescriptorType, types.GetSetDescriptorType)):
            return framed(b"slot", value.__name__.encode())
        if isinstance(value, TUPLE_FIELD):
            return framed(b"field", encode(value.__reduce__()[1][0]))  # its place
        if hasattr(value, "__wrapped__") and callable(value) and is_library(type(value)):
            return framed(b"wrapper", _name_of(type(value))) + self._of(value.__wrapped__)  # functools.cache and the like
        if callable(value) and is_library(value):  # a ufunc, say
            return framed(b"library", _name_of(value) + version_of(value.__module__))
        return None

    def _of_lazy_result(self, lazy: LazyResult[Any]) -> bytes:
        # The default of a parameter, say. What it gives is an argument of the call.
        if not lazy.task.takes_policies:
            return framed(b"given", f"{type(lazy.task).__name__} {lazy.task.name}".encode())
        return b"lazy" + self._of(lazy.task) + self._of_each(lazy.slots)

    def _of_each(self, values: Any) -> bytes:
        items = [part for pair in values.items() for part in pair] if isinstance(values, dict) else list(values)
        return b"%d:" % len(items) + b"".join([self._of(item) for item in items])

    def _of_function(self, function: types.FunctionType) -> bytes:
        if is_library(function):
            return framed(b"library", _name_of(function) + version_of(function.__module__))
        self._functions.append((function, function.__code__, function.__defaults__, function.__kwdefaults__))
        pieces = [b"function", self._of_code(function.__code__, function.__globals__)]
        pieces.append(self._of_each(function.__defaults__ or ()))
        pieces.append(self._of_each(function.__kwdefaults__ or {}))
        for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=True):
            value = _contents(cell)
            self._cells.append((cell, value))
            if value is not MISSING:
                pieces.append(self._at(value, f"the closure's {name!r}"))
        own = {key: value for key, value in function.__dict__.items() if key not in ("__wrapped__", "__signature__")}
        pieces.append(self._of_each(own))
        return b"".join(pieces)

    def _of_code(self, code: types.CodeType, names: dict[str, Any]) -> bytes:
        pieces = [
            framed(b"code", code.co_code), framed(b"except", getattr(code, "co_exceptiontable", b"")),
            encode((code.co_names, code.co_varnames, code.co_freevars, code.co_cellvars, code.co_flags & 0xFFFF)),
            encode((code.co_argcount, code.co_posonlyargcount, code.co_kwonlyargcount)),
        ]  # fmt: skip
        for constant in code.co_consts:
            pieces.append(self._of_code(constant, names) if isinstance(constant, types.CodeType) else encode(constant))
        for chain in global_reads(code):
            pieces.append(self._of_global(chain, names))
        return b"".join(pieces)

    def _of_global(self, chain: tuple[str, ...], names: dict[str, Any]) -> bytes:
        name = chain[0]
        value = names.get(name, MISSING)
        self._places.append((names, name, value))
        if value is MISSING:
            if hasattr(builtins, name):
                return framed(b"builtin", name.encode())
            return framed(b"nothing", name.encode())  # it will raise, or is deleted and set by the function itself
        for attribute in chain[1:]:
            if not isinstance(value, types.ModuleType) or is_library_module(value.__name__):
                break
            inner = value.__dict__.get(attribute, MISSING)
            if inner is MISSING:
                raise KeyingError(f"{'.'.join(chain)}, which its module does not have now")
            self._places.append((value.__dict__, attribute, inner))
            name += "." + attribute
            value = inner
        if isinstance(value, types.ModuleType) and not is_library_module(value.__name__):
            raise KeyingError(f"the module {name!r}, used as a value")
        return framed(b"global", name.encode()) + self._at(value, f"the global {name!r}")

    def _at(self, value: Any, where: str) -> bytes:
        try:
            return self._of(value)
        except KeyingError as error:
            raise KeyingError(f"{where}: {error.what}" if not error.what.startswith("the ") else f"{where}, {error.what}") from None

    def _of_class(self, kind: type) -> bytes:
        if is_library(kind):
            return framed(b"library", _name_of(kind) + version_of(kind.__module__))
        pieces = [framed(b"class", kind.__qualname__.encode()), self._of_each(kind.__bases__)]
        for name, value in sorted(kind.__dict__.items()):
            if name not in OF_NO_MATTER:
                self._places.append((kind.__dict__, name, value))
                pieces.append(framed(b"member", name.encode()) + self._at(value, f"{kind.__qualname__}.{name}"))
        if type(kind) is not type:
            pieces.append(self._of(type(kind)))
        return b"".join(pieces)

    def _of_module(self, module: types.ModuleType) -> bytes:
        if not is_library_module(module.__name__):
            raise KeyingError(f"the module {module.__name__!r}, used as a value")
        return framed(b"module", module.__name__.encode() + version_of(module.__name__))

    def _of_builtin(self, value: Any) -> bytes:
        owner = getattr(value, "__self__", None)
        if owner is not None and not isinstance(owner, (types.ModuleType, type)):
            return framed(b"method", value.__name__.encode()) + self._of(owner)
        module = getattr(value, "__module__", None) or getattr(getattr(value, "__objclass__", None), "__module__", "builtins")
        return framed(b"library", f"{module}.{value.__qualname__}".encode() + version_of(module))


def identity_of(task: Task[..., Any] | Resource) -> str:
    """A name of the task or resource and its code: module, qualified name and digest.

    Raises:
        KeyingError: (a TypeError) the function depends on something that cannot be told.
    """
    known: Identity | None = task.identity
    if known is None or not known.holds():
        known = task.identity = Identity(task.func)
    return known.text


def code_of(value: Any) -> bytes:
    """The bytes of a function, class or task that is an argument; refuses anything else."""
    if isinstance(value, Task):
        return identity_of(value).encode()
    if isinstance(value, type) or hasattr(value, "__code__") or hasattr(value, "__func__") or hasattr(value, "__wrapped__"):
        return Identity(value).digest
    if isinstance(value, (functools.partial, types.BuiltinFunctionType)):
        return Identity(value).digest
    raise unkeyable(value)


def _by_id(value: Any) -> bytes:
    return b"%d" % id(value)


@functools.lru_cache(maxsize=4096)
def global_reads(code: types.CodeType) -> tuple[tuple[str, ...], ...]:
    """The globals that the code reads, each with the attributes that are read from it, in order."""
    found: dict[tuple[str, ...], None] = {}
    chain: list[str] | None = None
    for instruction in dis.get_instructions(code):
        if instruction.opname in GLOBAL_LOADS:
            if chain:
                found[tuple(chain)] = None
            chain = [instruction.argval]
        elif instruction.opname in ATTRIBUTE_LOADS and chain:
            chain.append(instruction.argval)
        elif instruction.opname not in ("CACHE", "PUSH_NULL", "EXTENDED_ARG"):
            if chain:
                found[tuple(chain)] = None
            chain = None
    if chain:
        found[tuple(chain)] = None
    return tuple(found)


def _contents(cell: types.CellType) -> Any:
    try:
        return cell.cell_contents
    except ValueError:  # not bound yet
        return MISSING


def _name_of(value: Any) -> bytes:
    return f"{value.__module__}.{getattr(value, '__qualname__', None) or getattr(value, '__name__', '')}".encode()


def is_library(value: Any) -> bool:
    """Whether a function or class belongs to the standard library or an installed package."""
    module = getattr(value, "__module__", None)
    if not isinstance(module, str) or not is_library_module(module):
        return False
    # What a library made for the user, as a decorator does, is not the library's: it has to be found there.
    found: Any = sys.modules.get(module)
    for name in str(getattr(value, "__qualname__", None) or getattr(value, "__name__", "")).split("."):
        found = getattr(found, name, None)
    return found is value


@functools.lru_cache(maxsize=4096)
def is_library_module(name: str) -> bool:
    if name in sys.builtin_module_names or name.split(".")[0] in sys.stdlib_module_names or name.split(".")[0] == "cascade":
        return name != "__main__"
    file = getattr(sys.modules.get(name), "__file__", None)
    if file is None:
        return False
    if f"{os.sep}site-packages{os.sep}" in file or f"{os.sep}dist-packages{os.sep}" in file:
        return True
    return any(os.path.realpath(file).startswith(directory) for directory in _library_directories())


@functools.cache
def _library_directories() -> tuple[str, ...]:
    paths = sysconfig.get_paths()
    return tuple(os.path.join(os.path.realpath(paths[name]), "") for name in ("stdlib", "platstdlib", "purelib", "platlib"))


@functools.lru_cache(maxsize=4096)
def version_of(module: str) -> bytes:
    """What changes when another version of a library is installed."""
    top = sys.modules.get(module.split(".")[0])
    version = getattr(top, "__version__", None)
    file = getattr(sys.modules.get(module), "__file__", None)
    if version is None and file is not None and module.split(".")[0] not in sys.stdlib_module_names:
        status = os.stat(file)
        version = f"{status.st_size} {status.st_mtime_ns}"
    return f"@{version}".encode()
