"""Control flow that a task answers with."""

from cascade._vm import TailCall

__all__ = ["TailCall"]
