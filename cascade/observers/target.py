"""The data of a run's target: its picture, explanations, and the calls that reproduce failures. None of it may break a run."""

from __future__ import annotations

import traceback
from collections.abc import Mapping, Sequence

from cascade._vm import Routine
from cascade.declare.task import Task
from cascade.graph.build import TooManyRows, flatten
from cascade.graph.model import Graph, Row
from cascade.graph.operations import StateMachine
from cascade.observers.state import duration as long_duration
from cascade.reports.drawing import svg_of
from cascade.reports.explain import Explanation, explain
from cascade.reports.groups import groups_of, svg_of_groups
from cascade.reports.svg import Badge

ROWS = 2_000
"""Of a larger graph, kernels, failures and flows are not looked up: that would take longer than the run."""
DRAWN = 120
"""Nodes of a graph that is drawn node by node."""
VALUE = 60


class TargetData:
    """The target of a run.

    Attributes:
        error: the exception that ended the run.
    """

    def __init__(self, target: object) -> None:
        self._target = target
        self.error: BaseException | None = None
        self._graph: Graph | None = None
        self._is_read = False

    @property
    def graph(self) -> Graph | None:
        """The graph; None where it is too large, or cannot be built any more."""
        if not self._is_read:
            self._is_read = True
            try:
                if isinstance(self._target, Graph):
                    self._graph = self._target if len(self._target) <= ROWS else None
                else:
                    rows, inputs = flatten(self._target, ROWS)
                    self._graph = Graph(rows, tuple(inputs))
            except (TooManyRows, Exception):
                self._graph = None
        return self._graph

    def picture(self, states: Mapping[str, tuple[str, float | None]], tasks: Mapping[str, Badge]) -> str | None:
        """Returns the graph as SVG with the states and times of its nodes; None where it cannot be drawn.

        A graph of more than `DRAWN` nodes has one node for all calls of a task.

        Args:
            states: of nodes, by their names.
            tasks: outcomes of tasks, by their names.
        """
        graph = self.graph
        try:
            if graph is not None and len(graph) <= DRAWN:
                return svg_of(graph, _badges(graph, states), style=False)
            rows = graph.rows if graph is not None else self._all_rows()
            return svg_of_groups(groups_of(rows), tasks, style=False)
        except Exception:
            return None

    @property
    def is_drawn_by_task(self) -> bool:
        """Whether the picture has one node for all calls of a task."""
        return self.graph is None or len(self.graph) > DRAWN

    def _all_rows(self) -> Sequence[Row]:
        return self._target.rows if isinstance(self._target, Graph) else flatten(self._target)[0]

    def routines(self) -> dict[str, list[Routine]]:
        """Returns what holds the kernels of tasks and of state machines, by the names of the tasks."""
        found: dict[str, dict[Routine, None]] = {}
        for row in () if self.graph is None else self.graph.rows:
            operation = row[0]
            task = operation if isinstance(operation, Task) else getattr(operation, "task", None)
            if isinstance(task, Task) and type(task) is Task:
                of_task = found.setdefault(task.name, {})
                of_task[task.routine] = None
                if isinstance(operation, StateMachine):
                    of_task[operation.routine] = None
        return {name: list(routines) for name, routines in found.items()}

    def explanation(self) -> Explanation | None:
        """Returns how each task was run; None where that is not known any more."""
        try:
            return None if self.graph is None else explain(self._target)
        except Exception:
            return None

    def call_of(self, task_id: str) -> str | None:
        """Returns the call of a node as an expression, where its arguments are constants of the graph."""
        graph, (name, _, number) = self.graph, task_id.rpartition("#")
        if graph is None or not number.isdigit() or int(number) >= len(graph):
            return None
        operation, *references = graph.rows[int(number)]
        if operation.name != name or any(reference >= 0 for reference in references):
            return None
        try:
            values = [graph.inputs[-1 - reference] for reference in references]
            named = [f"{key}={_shown(value)}" for key, value in zip(operation.parameters, values, strict=False)]
        except Exception:
            return None
        return f"cs.run({name}({', '.join(named)}))"

    def traceback(self) -> str | None:
        if self.error is None:
            return None
        return "".join(traceback.format_exception(self.error, limit=-20))


def _badges(graph: Graph, states: Mapping[str, tuple[str, float | None]]) -> dict[int, Badge]:
    badges = {}
    for index, row in enumerate(graph.rows):
        found = states.get(f"{row[0].name}#{index}")
        if found is not None:
            state, seconds = found
            text = state.replace("-", " ") if seconds is None else duration(seconds)
            badges[index] = Badge(state, f"{state} after {text}" if seconds is not None and state != "done" else text)
    return badges


def duration(seconds: float) -> str:
    """Formats a length of time: `12 µs`, `1.2 ms`, `3.4 s`, `2:05:10`."""
    return f"{seconds * 1e6:.0f} µs" if seconds < 0.0000995 else long_duration(seconds)


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= VALUE else text[: VALUE - 1] + "…"
