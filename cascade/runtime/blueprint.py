"""The public import path of TailCall and Blueprint."""

from cascade._vm import TailCall
from cascade.instructions.blueprint import Blueprint

__all__ = ["Blueprint", "TailCall"]
