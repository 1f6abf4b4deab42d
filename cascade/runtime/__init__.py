"""Running: Engine, MessageBus, events, and the two paths."""

from cascade.runtime.bus import MessageBus
from cascade.runtime.engine import Engine
from cascade.runtime.program import Program

__all__ = ["Engine", "MessageBus", "Program"]
