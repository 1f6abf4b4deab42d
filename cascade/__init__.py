"""Cascade: a declarative task-graph engine.

Decorate functions with `task`, compose the lazy results of calling them, and `run` them:

>>> import cascade as cs
>>> @cs.task
... def double(x: int) -> int:
...     return 2 * x
>>> @cs.task
... def total(parts: list[int]) -> int:
...     return sum(parts)
>>> cs.run(total([double(1), double(2)]))
6
"""

from __future__ import annotations

TYPE_CHECKING = False  # type checkers take it for true; importing it from typing would double the time of the import

if TYPE_CHECKING:
    from typing import Any

    from cascade.adapters.caches.disk import DiskCache as DiskCache
    from cascade.adapters.caches.memory import MemoryCache as MemoryCache
    from cascade.cli import create_cli as create_cli
    from cascade.errors import CascadeError as CascadeError
    from cascade.errors import DependencyMissingError as DependencyMissingError
    from cascade.graph.draw import visualize as visualize
    from cascade.graph.serialize import from_json as from_json
    from cascade.graph.serialize import to_json as to_json
    from cascade.observers import console as console
    from cascade.runtime.api import arun as arun
    from cascade.runtime.api import run as run
    from cascade.runtime.bus import MessageBus as MessageBus
    from cascade.runtime.dry_run import dry_run as dry_run
    from cascade.runtime.engine import Engine as Engine
    from cascade.runtime.explain import explain as explain
    from cascade.runtime.program import Program as Program
    from cascade.runtime.program import compile as compile
    from cascade.spec.control import Jump as Jump
    from cascade.spec.control import Router as Router
    from cascade.spec.control import TailCall as TailCall
    from cascade.spec.control import bind as bind
    from cascade.spec.control import pipeline as pipeline
    from cascade.spec.control import select_jump as select_jump
    from cascade.spec.control import sequence as sequence
    from cascade.spec.inputs import Env as Env
    from cascade.spec.inputs import Param as Param
    from cascade.spec.lazy import LazyResult as LazyResult
    from cascade.spec.resources import Resource as Resource
    from cascade.spec.resources import inject as inject
    from cascade.spec.resources import resource as resource
    from cascade.spec.policies import CachePolicy as CachePolicy
    from cascade.spec.policies import Hit as Hit
    from cascade.spec.retry import Retry as Retry
    from cascade.spec.task import Task as Task
    from cascade.spec.task import task as task
    from cascade.testing import override_resource as override_resource

__version__ = "0.1.0"

# Where each public name lives; it is imported when it is first used, so that `import cascade` costs nothing.
_HOMES = {
    "CachePolicy": "cascade.spec.policies",
    "CascadeError": "cascade.errors",
    "DependencyMissingError": "cascade.errors",
    "DiskCache": "cascade.adapters.caches.disk",
    "Engine": "cascade.runtime.engine",
    "Env": "cascade.spec.inputs",
    "Hit": "cascade.spec.policies",
    "Jump": "cascade.spec.control",
    "LazyResult": "cascade.spec.lazy",
    "MemoryCache": "cascade.adapters.caches.memory",
    "MessageBus": "cascade.runtime.bus",
    "Param": "cascade.spec.inputs",
    "Program": "cascade.runtime.program",
    "Resource": "cascade.spec.resources",
    "Retry": "cascade.spec.retry",
    "Router": "cascade.spec.control",
    "TailCall": "cascade.spec.control",
    "Task": "cascade.spec.task",
    "arun": "cascade.runtime.api",
    "bind": "cascade.spec.control",
    "console": "cascade.observers",
    "compile": "cascade.runtime.program",
    "create_cli": "cascade.cli",
    "dry_run": "cascade.runtime.dry_run",
    "explain": "cascade.runtime.explain",
    "from_json": "cascade.graph.serialize",
    "inject": "cascade.spec.resources",
    "override_resource": "cascade.testing",
    "resource": "cascade.spec.resources",
    "pipeline": "cascade.spec.control",
    "run": "cascade.runtime.api",
    "select_jump": "cascade.spec.control",
    "sequence": "cascade.spec.control",
    "task": "cascade.spec.task",
    "to_json": "cascade.graph.serialize",
    "visualize": "cascade.graph.draw",
}

__all__ = [*_HOMES, "__version__"]


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'cascade' has no attribute {name!r}")
    value = getattr(__import__(home, fromlist=[name]), name)  # importlib itself takes half a millisecond
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
