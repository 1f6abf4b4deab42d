"""Running: Engine, MessageBus, events, and the two paths."""

from __future__ import annotations

from cascade.imports import TYPE_CHECKING

if TYPE_CHECKING:
    from cascade.events.bus import MessageBus
    from cascade.runtime.engine import Engine
    from cascade.runtime.program import Program

__all__ = ["Engine", "MessageBus", "Program"]

# Each is imported when it is asked for: a run needs no Program, and whoever imports the events no Engine.
_HOMES = {"Engine": "cascade.runtime.engine", "MessageBus": "cascade.events.bus", "Program": "cascade.runtime.program"}


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_HOMES[name]), name)
