"""The tables of routes of the Routers of one graph, and the results that routes share with it and with each other."""

from __future__ import annotations

from collections.abc import Container, Iterable

from cascade.declare.lazy import LazyResult
from cascade.declare.policies import RouteSet
from cascade.declare.task import Task
from cascade.graph.calls import state_machine_call
from cascade.graph.containers import PLAIN, is_container, parts
from cascade.graph.operations import extras_of
from cascade.graph.route_table import Around, RouteTable


class Routes:
    """The results that the Routers of one graph share with the rest of it, and with each other."""

    def __init__(self, root: object, around: Around) -> None:
        self._around = around
        self._always = reachable([root], around.once, through_routes=False) | dict.fromkeys(around.values)
        self._known = {**self._always, **around.once}
        self._found: list[tuple[RouteTable, list[LazyResult[object]]]] = []
        self.declarations: list[Task[..., object]] = []
        """The inputs and resources that only routes need."""

    def table(self, routes: dict[object, LazyResult[object]]) -> RouteTable:
        found = reachable(routes.values(), self._known, through_routes=True)
        shared = tuple(lazy for lazy in found if lazy in self._always)
        uses = {
            lazy: self._around.use(lazy) for lazy in found if lazy in self._around.once and lazy not in self._always
        }
        only = [lazy for lazy in found if lazy not in self._known]
        self.declarations += [lazy.task for lazy in only if type(lazy.task) is not Task]
        skips = bool(uses) or any(lazy.policies is not None and lazy.policies.conditions for lazy in found)
        table = RouteTable(routes, shared, skips, uses)
        self._found.append((table, only))
        return table

    def share(self) -> bool:
        """Finds the results that several of the tables need, when all are there."""
        if len(self._found) < 2:
            return False
        seen: dict[LazyResult[object], int] = {}
        for _, only in self._found:
            for lazy in only:
                seen[lazy] = seen.get(lazy, 0) + 1
        for table, only in self._found:
            table.common = [lazy for lazy in only if seen[lazy] > 1 and lazy.task.takes_policies]
        return any(table.common for table, _ in self._found)


class EveryRoute:
    """In place of `Routes`: the graph computes every route, so that all of them are rows of it.

    Such a graph is for people and tools, not to be run.
    """

    declarations: tuple[Task[..., object], ...] = ()

    def table(self, routes: dict[object, LazyResult[object]]) -> RouteTable:
        return RouteTable(routes, tuple(routes.values()), False, {})

    def share(self) -> bool:
        return False


def reachable(
    roots: Iterable[object], stop: Container[object], *, through_routes: bool
) -> dict[LazyResult[object], None]:
    """The LazyResults that `roots` are or need, in the order of a walk; those in `stop` are not looked into.

    Args:
        through_routes: whether a Router needs its routes, or only its selector.
    """
    found: dict[LazyResult[object], None] = {}
    seen: set[int] = set()
    stack = [*roots][::-1]
    while stack:
        item = stack.pop()
        if type(item) is not LazyResult:
            if type(item) not in PLAIN and id(item) not in seen and is_container(item):
                seen.add(id(item))
                stack.extend(reversed(parts(item)))
        elif item not in found:
            found[item] = None
            if item not in stop:
                policies = item.policies
                if policies is not None:
                    if through_routes and isinstance(policies.construct, RouteSet):
                        stack.extend(reversed(policies.construct.routes.values()))
                    if policies.selector is not None:
                        stack.extend(reversed(state_machine_call(item, policies)[1]))
                        continue
                    stack.extend(reversed(extras_of(policies)))
                stack.extend(reversed(item.slots))
    return found
