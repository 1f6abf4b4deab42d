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

# Type checkers treat it as true; importing it from typing would double the time of the import. It is a call, because editors
# that evaluate plain constants would complete nothing.
TYPE_CHECKING = bool()  # noqa: UP018

if TYPE_CHECKING:
    from cascade.adapters.caches.disk import DiskCache as DiskCache
    from cascade.adapters.caches.memory import MemoryCache as MemoryCache
    from cascade.adapters.executors.blocks import Blocks as Blocks
    from cascade.adapters.executors.dask import DaskExecutor as DaskExecutor
    from cascade.cli import create_cli as create_cli
    from cascade.declare.cache_policy import CachePolicy as CachePolicy
    from cascade.declare.control import Jump as Jump
    from cascade.declare.control import Router as Router
    from cascade.declare.control import TailCall as TailCall
    from cascade.declare.control import bind as bind
    from cascade.declare.control import pipeline as pipeline
    from cascade.declare.control import select_jump as select_jump
    from cascade.declare.control import sequence as sequence
    from cascade.declare.decorator import task as task
    from cascade.declare.failure import Failure as Failure
    from cascade.declare.inputs import Env as Env
    from cascade.declare.inputs import Param as Param
    from cascade.declare.lazy import LazyResult as LazyResult
    from cascade.declare.policies import Hit as Hit
    from cascade.declare.resources import Resource as Resource
    from cascade.declare.resources import inject as inject
    from cascade.declare.resources import resource as resource
    from cascade.declare.retry import Retry as Retry
    from cascade.declare.task import Task as Task
    from cascade.durable.effects import Returned as Returned
    from cascade.durable.migrations import migrate as migrate
    from cascade.durable.run import Run as Run
    from cascade.durable.run import Store as Store
    from cascade.durable.run import fork as fork
    from cascade.durable.run import resume as resume
    from cascade.durable.run import signal as signal
    from cascade.durable.run import start as start
    from cascade.durable.saving import steps as steps
    from cascade.durable.schedules import cron as cron
    from cascade.durable.schedules import every as every
    from cascade.durable.waits import sleep as sleep
    from cascade.durable.waits import wait as wait
    from cascade.durable.work import Worker as Worker
    from cascade.errors import BlueprintError as BlueprintError
    from cascade.errors import CacheError as CacheError
    from cascade.errors import CacheWarning as CacheWarning
    from cascade.errors import CapacityError as CapacityError
    from cascade.errors import CascadeError as CascadeError
    from cascade.errors import ChangedCodeError as ChangedCodeError
    from cascade.errors import CycleError as CycleError
    from cascade.errors import DeclarationError as DeclarationError
    from cascade.errors import DeclarationWarning as DeclarationWarning
    from cascade.errors import DependencyMissingError as DependencyMissingError
    from cascade.errors import DrawingError as DrawingError
    from cascade.errors import DurabilityWarning as DurabilityWarning
    from cascade.errors import EventLoopError as EventLoopError
    from cascade.errors import InDoubtError as InDoubtError
    from cascade.errors import InternalError as InternalError
    from cascade.errors import KeyingError as KeyingError
    from cascade.errors import LoweringError as LoweringError
    from cascade.errors import MapError as MapError
    from cascade.errors import MissingExtraError as MissingExtraError
    from cascade.errors import NotRunError as NotRunError
    from cascade.errors import ParameterError as ParameterError
    from cascade.errors import PlanError as PlanError
    from cascade.errors import PolicyError as PolicyError
    from cascade.errors import ResourceError as ResourceError
    from cascade.errors import RouteError as RouteError
    from cascade.errors import RunCancelledError as RunCancelledError
    from cascade.errors import RunFailedError as RunFailedError
    from cascade.errors import RunTimeoutError as RunTimeoutError
    from cascade.errors import SavingError as SavingError
    from cascade.errors import SchedulerError as SchedulerError
    from cascade.errors import SendingError as SendingError
    from cascade.errors import SerializationError as SerializationError
    from cascade.errors import StepLimitError as StepLimitError
    from cascade.errors import StoreError as StoreError
    from cascade.errors import TargetError as TargetError
    from cascade.errors import TaskTimeoutError as TaskTimeoutError
    from cascade.errors import UnknownCodeError as UnknownCodeError
    from cascade.errors import UnknownTaskError as UnknownTaskError
    from cascade.errors import WorkerError as WorkerError
    from cascade.events.bus import MessageBus as MessageBus
    from cascade.graph.serialize import from_json as from_json
    from cascade.graph.serialize import to_json as to_json
    from cascade.observers import console as console
    from cascade.observers.otel import otel as otel
    from cascade.observers.report import report as report
    from cascade.observers.trace import trace as trace
    from cascade.reports.drawing import visualize as visualize
    from cascade.reports.explain import explain as explain
    from cascade.reports.plan import dry_run as dry_run
    from cascade.runtime.api import arun as arun
    from cascade.runtime.api import full_tracebacks as full_tracebacks
    from cascade.runtime.api import run as run
    from cascade.runtime.api import stream as stream
    from cascade.runtime.engine import Engine as Engine
    from cascade.runtime.events import Event as Event
    from cascade.runtime.events import ItemFinished as ItemFinished
    from cascade.runtime.events import ItemStarted as ItemStarted
    from cascade.runtime.events import LoopProgress as LoopProgress
    from cascade.runtime.events import ResourceAcquired as ResourceAcquired
    from cascade.runtime.events import ResourceEvent as ResourceEvent
    from cascade.runtime.events import ResourceReleased as ResourceReleased
    from cascade.runtime.events import RunFinished as RunFinished
    from cascade.runtime.events import RunParked as RunParked
    from cascade.runtime.events import RunResumed as RunResumed
    from cascade.runtime.events import RunSaved as RunSaved
    from cascade.runtime.events import RunStarted as RunStarted
    from cascade.runtime.events import TaskBlocked as TaskBlocked
    from cascade.runtime.events import TaskEvent as TaskEvent
    from cascade.runtime.events import TaskExecutionFinished as TaskExecutionFinished
    from cascade.runtime.events import TaskExecutionStarted as TaskExecutionStarted
    from cascade.runtime.events import TaskRetrying as TaskRetrying
    from cascade.runtime.events import TaskSkipped as TaskSkipped
    from cascade.runtime.program import Program as Program
    from cascade.runtime.program import compile as compile
    from cascade.runtime.watching import Emitted as Emitted
    from cascade.runtime.watching import RunValue as RunValue
    from cascade.runtime.watching import emit as emit
    from cascade.runtime.watching import watch as watch
    from cascade.testing import override_resource as override_resource

__version__ = "0.2.0.dev0"

# Where each public name lives; it is imported when it is first used, so that `import cascade` costs nothing.
_HOMES = {
    "Blocks": "cascade.adapters.executors.blocks",
    "BlueprintError": "cascade.errors",
    "CacheError": "cascade.errors",
    "CachePolicy": "cascade.declare.cache_policy",
    "CacheWarning": "cascade.errors",
    "CapacityError": "cascade.errors",
    "CascadeError": "cascade.errors",
    "ChangedCodeError": "cascade.errors",
    "CycleError": "cascade.errors",
    "DaskExecutor": "cascade.adapters.executors.dask",
    "DeclarationError": "cascade.errors",
    "DeclarationWarning": "cascade.errors",
    "DependencyMissingError": "cascade.errors",
    "DiskCache": "cascade.adapters.caches.disk",
    "DrawingError": "cascade.errors",
    "DurabilityWarning": "cascade.errors",
    "Emitted": "cascade.runtime.watching",
    "Engine": "cascade.runtime.engine",
    "Env": "cascade.declare.inputs",
    "Event": "cascade.runtime.events",
    "EventLoopError": "cascade.errors",
    "Failure": "cascade.declare.failure",
    "Hit": "cascade.declare.policies",
    "InDoubtError": "cascade.errors",
    "InternalError": "cascade.errors",
    "ItemFinished": "cascade.runtime.events",
    "ItemStarted": "cascade.runtime.events",
    "Jump": "cascade.declare.control",
    "KeyingError": "cascade.errors",
    "LazyResult": "cascade.declare.lazy",
    "LoopProgress": "cascade.runtime.events",
    "LoweringError": "cascade.errors",
    "MapError": "cascade.errors",
    "MemoryCache": "cascade.adapters.caches.memory",
    "MessageBus": "cascade.events.bus",
    "MissingExtraError": "cascade.errors",
    "NotRunError": "cascade.errors",
    "Param": "cascade.declare.inputs",
    "ParameterError": "cascade.errors",
    "PlanError": "cascade.errors",
    "PolicyError": "cascade.errors",
    "Program": "cascade.runtime.program",
    "Resource": "cascade.declare.resources",
    "ResourceAcquired": "cascade.runtime.events",
    "ResourceError": "cascade.errors",
    "ResourceEvent": "cascade.runtime.events",
    "ResourceReleased": "cascade.runtime.events",
    "Retry": "cascade.declare.retry",
    "Returned": "cascade.durable.effects",
    "RouteError": "cascade.errors",
    "Router": "cascade.declare.control",
    "Run": "cascade.durable.run",
    "RunCancelledError": "cascade.errors",
    "RunFailedError": "cascade.errors",
    "RunFinished": "cascade.runtime.events",
    "RunParked": "cascade.runtime.events",
    "RunResumed": "cascade.runtime.events",
    "RunSaved": "cascade.runtime.events",
    "RunStarted": "cascade.runtime.events",
    "RunTimeoutError": "cascade.errors",
    "RunValue": "cascade.runtime.watching",
    "SavingError": "cascade.errors",
    "SchedulerError": "cascade.errors",
    "SendingError": "cascade.errors",
    "SerializationError": "cascade.errors",
    "StepLimitError": "cascade.errors",
    "Store": "cascade.durable.run",
    "StoreError": "cascade.errors",
    "TailCall": "cascade.declare.control",
    "TargetError": "cascade.errors",
    "Task": "cascade.declare.task",
    "TaskBlocked": "cascade.runtime.events",
    "TaskEvent": "cascade.runtime.events",
    "TaskExecutionFinished": "cascade.runtime.events",
    "TaskExecutionStarted": "cascade.runtime.events",
    "TaskRetrying": "cascade.runtime.events",
    "TaskSkipped": "cascade.runtime.events",
    "TaskTimeoutError": "cascade.errors",
    "UnknownCodeError": "cascade.errors",
    "UnknownTaskError": "cascade.errors",
    "Worker": "cascade.durable.work",
    "WorkerError": "cascade.errors",
    "arun": "cascade.runtime.api",
    "bind": "cascade.declare.control",
    "compile": "cascade.runtime.program",
    "console": "cascade.observers",
    "create_cli": "cascade.cli",
    "cron": "cascade.durable.schedules",
    "dry_run": "cascade.reports.plan",
    "emit": "cascade.runtime.watching",
    "every": "cascade.durable.schedules",
    "explain": "cascade.reports.explain",
    "fork": "cascade.durable.run",
    "from_json": "cascade.graph.serialize",
    "full_tracebacks": "cascade.runtime.api",
    "inject": "cascade.declare.resources",
    "migrate": "cascade.durable.migrations",
    "otel": "cascade.observers.otel",
    "override_resource": "cascade.testing",
    "pipeline": "cascade.declare.control",
    "report": "cascade.observers.report",
    "resource": "cascade.declare.resources",
    "resume": "cascade.durable.run",
    "run": "cascade.runtime.api",
    "select_jump": "cascade.declare.control",
    "sequence": "cascade.declare.control",
    "signal": "cascade.durable.run",
    "sleep": "cascade.durable.waits",
    "start": "cascade.durable.run",
    "steps": "cascade.durable.saving",
    "stream": "cascade.runtime.api",
    "task": "cascade.declare.decorator",
    "to_json": "cascade.graph.serialize",
    "trace": "cascade.observers.trace",
    "visualize": "cascade.reports.drawing",
    "wait": "cascade.durable.waits",
    "watch": "cascade.runtime.watching",
}

__all__ = [
    "Blocks",
    "BlueprintError",
    "CacheError",
    "CachePolicy",
    "CacheWarning",
    "CapacityError",
    "CascadeError",
    "ChangedCodeError",
    "CycleError",
    "DaskExecutor",
    "DeclarationError",
    "DeclarationWarning",
    "DependencyMissingError",
    "DiskCache",
    "DrawingError",
    "DurabilityWarning",
    "Emitted",
    "Engine",
    "Env",
    "Event",
    "EventLoopError",
    "Failure",
    "Hit",
    "InDoubtError",
    "InternalError",
    "ItemFinished",
    "ItemStarted",
    "Jump",
    "KeyingError",
    "LazyResult",
    "LoopProgress",
    "LoweringError",
    "MapError",
    "MemoryCache",
    "MessageBus",
    "MissingExtraError",
    "NotRunError",
    "Param",
    "ParameterError",
    "PlanError",
    "PolicyError",
    "Program",
    "Resource",
    "ResourceAcquired",
    "ResourceError",
    "ResourceEvent",
    "ResourceReleased",
    "Retry",
    "Returned",
    "RouteError",
    "Router",
    "Run",
    "RunCancelledError",
    "RunFailedError",
    "RunFinished",
    "RunParked",
    "RunResumed",
    "RunSaved",
    "RunStarted",
    "RunTimeoutError",
    "RunValue",
    "SavingError",
    "SchedulerError",
    "SendingError",
    "SerializationError",
    "StepLimitError",
    "Store",
    "StoreError",
    "TailCall",
    "TargetError",
    "Task",
    "TaskBlocked",
    "TaskEvent",
    "TaskExecutionFinished",
    "TaskExecutionStarted",
    "TaskRetrying",
    "TaskSkipped",
    "TaskTimeoutError",
    "UnknownCodeError",
    "UnknownTaskError",
    "Worker",
    "WorkerError",
    "__version__",
    "arun",
    "bind",
    "compile",
    "console",
    "create_cli",
    "cron",
    "dry_run",
    "emit",
    "every",
    "explain",
    "fork",
    "from_json",
    "full_tracebacks",
    "inject",
    "migrate",
    "otel",
    "override_resource",
    "pipeline",
    "report",
    "resource",
    "resume",
    "run",
    "select_jump",
    "sequence",
    "signal",
    "sleep",
    "start",
    "steps",
    "stream",
    "task",
    "to_json",
    "trace",
    "visualize",
    "wait",
    "watch",
]  # fmt: skip


if not TYPE_CHECKING:  # for type checkers the names above are complete

    def __getattr__(name: str) -> object:
        home = _HOMES.get(name)
        if home is None:
            # With the name and the object, Python shows the nearest name that there is.
            module = __import__("sys").modules[__name__]
            raise AttributeError(f"module 'cascade' has no attribute {name!r}", name=name, obj=module)
        value = getattr(__import__(home, fromlist=[name]), name)  # importing importlib takes half a millisecond
        globals()[name] = value
        return value


def __dir__() -> list[str]:
    return sorted(__all__)
