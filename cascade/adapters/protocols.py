"""Protocols of the replaceable parts of an engine."""

from __future__ import annotations

from cascade.imports import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from cascade.declare.task import Task
    from cascade.graph.model import Graph, Plan


class Solver(Protocol):
    """Turns a graph into an order of execution."""

    def resolve(self, graph: Graph) -> Plan:
        """Returns the plan of `graph`.

        Raises:
            CycleError: (a ValueError) the graph depends on itself.
        """
        raise NotImplementedError


class Executor(Protocol):
    """Calls the functions of tasks that are not called directly."""

    calls_inline: bool
    """True if tasks of mode "inline" may be called directly, without the executor."""

    def call(self, task: Task[..., object], args: tuple[object, ...], kwargs: dict[str, object]) -> object:
        """Calls the function of `task`; returns its result or an awaitable of it."""
