"""The built-in solver."""

from __future__ import annotations

from collections import deque

from cascade.errors import CycleError
from cascade.graph.containers import Container
from cascade.graph.model import Graph, Plan


class NativeSolver:
    """Orders a graph by stages: a task is in the first stage after all its dependencies.

    Nodes are issued in the order of the graph's rows, which is the order in which Python would evaluate the calls,
    as long as that respects the edges. A graph whose rows are in another order is sorted topologically (Kahn, 1962).
    """

    def resolve(self, graph: Graph) -> Plan:
        """Returns the plan of `graph`.

        Raises:
            CycleError: (a ValueError) with the nodes of a cycle in `cycle`.
        """
        rows = graph.rows
        depths = [-1] * len(rows)  # the stage of a task; for a container, the last stage of its items
        levels = [-1] * len(rows)
        for index, row in enumerate(rows):
            depth = -1
            for position in range(1, len(row)):
                reference = row[position]
                if reference >= 0:
                    if reference >= index:
                        return _sorted_plan(graph)
                    if depths[reference] > depth:
                        depth = depths[reference]
            if not isinstance(row[0], Container):
                depth += 1
                levels[index] = depth
            depths[index] = depth
        return Plan(order=range(len(rows)), levels=levels)


def _sorted_plan(graph: Graph) -> Plan:
    rows = graph.rows
    waiting = [0] * len(rows)
    consumers: list[list[int]] = [[] for _ in rows]
    for edge in graph.edges():
        waiting[edge.target] += 1
        consumers[edge.source].append(edge.target)
    ready = deque(index for index, count in enumerate(waiting) if not count)
    order = []
    depths = [-1] * len(rows)
    levels = [-1] * len(rows)
    while ready:
        index = ready.popleft()
        order.append(index)
        if not isinstance(rows[index][0], Container):
            depths[index] += 1
            levels[index] = depths[index]
        for consumer in consumers[index]:
            depths[consumer] = max(depths[consumer], depths[index])
            waiting[consumer] -= 1
            if not waiting[consumer]:
                ready.append(consumer)
    if len(order) < len(rows):
        raise CycleError(_find_cycle(graph, {index for index, count in enumerate(waiting) if count}))
    return Plan(order=order, levels=levels)


def _find_cycle(graph: Graph, stuck: set[int]) -> list[str]:
    # Every node that never became ready depends on another such node, so following these leads into a cycle.
    path: list[int] = []
    index = min(stuck)
    while index not in path:
        path.append(index)
        index = next(reference for reference in graph.rows[index][1:] if reference in stuck)
    cycle = path[path.index(index) :]
    return [graph.label(node) for node in [*cycle, cycle[0]]]
