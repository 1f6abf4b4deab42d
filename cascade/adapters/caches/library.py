"""The standard library and installed packages, whose functions and classes are identified by name and version."""

from __future__ import annotations

import os
import sys
import sysconfig
from functools import cache, lru_cache
from hashlib import blake2b
from importlib import util
from importlib.machinery import ModuleSpec

from cascade.errors import KeyingError

OPAQUE = frozenset(
    {
        "_frozen_importlib.__import__", "_pickle.Unpickler", "_pickle.load", "_pickle.loads", "builtins.__import__",
        "builtins.eval", "builtins.exec", "builtins.globals", "gc.get_objects", "gc.get_referents", "gc.get_referrers",
        "importlib.__import__", "importlib._bootstrap.__import__", "importlib.import_module", "importlib.reload",
        "inspect.currentframe", "inspect.getmodule", "inspect.stack", "inspect.trace",
        "joblib.numpy_pickle.load", "os.getenv", "os.getenvb", "pickle._Unpickler", "pickle._load", "pickle._loads", "pkgutil.resolve_name", "pydoc.locate",
        "runpy.run_module", "runpy.run_path", "shelve.open", "sys._current_frames", "sys._getframe", "sys._getframemodulename",
    }
)  # fmt: skip
"""Functions that reach objects by names that they get when they are called."""

ENVIRONMENT_HINT = "read os.environ['NAME'] or os.getenv('NAME') with a constant name, or take the value as an argument"

DOORS = frozenset({"builtins", "gc", "importlib", "inspect", "pickle", "pkgutil", "runpy", "sys"})
"""Modules that have such functions: each attribute that is taken from them has to be visible in the code."""


def name_of(value: object) -> str:
    """Returns the full name of a function or class."""
    return f"{value.__module__}.{getattr(value, '__qualname__', None) or getattr(value, '__name__', '')}"


def check_not_opaque(value: object) -> None:
    """Raises KeyingError for an object that gives access to objects which cannot be identified."""
    if value is sys.modules:
        raise KeyingError("sys.modules")
    if type(value) is type(os.environ):
        raise KeyingError("os.environ", hint=ENVIRONMENT_HINT)
    name = getattr(value, "__qualname__", None)
    if isinstance(name, str) and f"{getattr(value, '__module__', None)}.{name}" in OPAQUE:
        hint = ENVIRONMENT_HINT if name.startswith("getenv") else None
        raise KeyingError(f"{value.__module__.lstrip('_')}.{name}, which may reach anything", hint=hint)


def is_environment(value: object) -> bool:
    """Whether a value is `os.environ`, its method `get`, or `os.getenv`."""
    if value is os.environ or value is os.getenv:
        return True
    return getattr(value, "__self__", None) is os.environ and getattr(value, "__name__", None) == "get"


def is_library(value: object) -> bool:
    """Whether a function or class belongs to the standard library or an installed package."""
    module = getattr(value, "__module__", None)
    if not isinstance(module, str) or not is_library_module(module):
        return False
    # A function that a library made for the user, as a decorator does, is not the library's: it has to be found there.
    found: object = sys.modules.get(module)
    for name in str(getattr(value, "__qualname__", None) or getattr(value, "__name__", "")).split("."):
        found = getattr(found, name, None)
    return found is value


def is_library_module(name: str) -> bool:
    """Whether a module, imported or not, is one of the standard library or of an installed package."""
    return _is_library_file(name, file_of(name))


def file_of(name: str) -> str | None:
    """Returns the file of a module, or, if it is not imported yet, of its package."""
    module = sys.modules.get(name)
    if module is not None:
        file = getattr(module, "__file__", None)  # modules that are built in have none
        return file if isinstance(file, str) else None
    spec = find_spec(name.partition(".")[0])
    return None if spec is None or not spec.has_location else spec.origin


def find_spec(top: str) -> ModuleSpec | None:
    """Returns the spec of a top-level module, or None."""
    try:
        return util.find_spec(top)
    except (ImportError, ValueError):  # ValueError for a module without a spec, as __main__
        return None


@lru_cache(maxsize=4096)
def _is_library_file(name: str, file: str | None) -> bool:
    top = name.partition(".")[0]
    if top == "cascade":
        return True
    if file is None:  # built in, or frozen
        return top in sys.stdlib_module_names and name != "__main__"
    if f"{os.sep}site-packages{os.sep}" in file or f"{os.sep}dist-packages{os.sep}" in file:
        return True
    # By its directory: a module of the user may have a name of the standard library's.
    return any(os.path.realpath(file).startswith(directory) for directory in _library_directories())


@cache
def _library_directories() -> tuple[str, ...]:
    paths = sysconfig.get_paths()
    return tuple(
        os.path.join(os.path.realpath(paths[name]), "") for name in ("stdlib", "platstdlib", "purelib", "platlib")
    )


def version_of(module: str) -> bytes:
    """Returns bytes that change with the version of a library, or with the file of a module that is not installed."""
    top = module.partition(".")[0]
    if not is_library_module(module):
        return _contents_of(file_of(module))
    if top in sys.stdlib_module_names:
        return b"@"
    return _version_of(top, getattr(sys.modules.get(top), "__version__", None), file_of(module))


@lru_cache(maxsize=4096)
def _version_of(top: str, version: object, file: str | None) -> bytes:
    if version is None:
        from importlib import metadata

        try:
            version = metadata.version(top)
        except (metadata.PackageNotFoundError, ValueError):
            return _contents_of(file)
    return f"@{version}".encode()


@lru_cache(maxsize=4096)
def _contents_of(file: str | None) -> bytes:
    # Read once: a module that is loaded stays as it is in this process, also when its file is built anew.
    if file is None:
        return b"@"
    try:
        with open(file, "rb") as stream:
            return b"@" + blake2b(stream.read(), digest_size=20).digest()
    except OSError as error:
        raise KeyingError(f"the file {file}, which cannot be read ({error.strerror})") from None
