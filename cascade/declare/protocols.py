"""What the replaceable parts of an engine have to offer."""

from __future__ import annotations

from cascade.imports import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from cascade.declare.task import Task
    from cascade.graph.model import Graph, Plan


class Solver(Protocol):
    """Turns a graph into an order of execution."""

    def resolve(self, graph: Graph) -> Plan:
        """Returns the plan of `graph`; raises `CycleError` if there is none."""


class Executor(Protocol):
    """Calls the functions of tasks that are not simply called in place."""

    calls_inline: bool
    """Whether tasks of mode "inline" may be called directly, without asking the executor."""

    def call(self, task: Task[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Awaitable[Any] | Any:
        """Calls the function of `task`; returns its value or an awaitable of it."""
