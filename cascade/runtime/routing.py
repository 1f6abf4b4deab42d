"""Routers: going on with the chosen route."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from cascade._vm import KEPT, Jump, Skipped
from cascade.errors import DeclarationError, RouteError, nearest
from cascade.graph.build import RouteTable, reachable
from cascade.runtime.events import TaskSkipped
from cascade.spec.control import EITHER, ROUTER
from cascade.spec.lazy import LazyResult, lazy_result
from cascade.spec.operation import Managed
from cascade.spec.task import Task

if TYPE_CHECKING:
    from cascade.runtime.host import Host


def call_route(host: Host, operation: Managed, operands: Sequence[Any], serial: int, node: int) -> Any:
    """The chosen route, as a LazyResult to go on with; or its value, if the graph around it has that already."""
    selector, table = operands[0], operands[1]
    assert isinstance(table, RouteTable)
    if type(selector) is Skipped:
        return selector
    chosen = choose(table.routes, selector, f"Router, node Router#{node}")
    given = dict(zip(table.shared, operands[2:], strict=False))
    if TaskSkipped in host.told:
        _tell_pruned(host, table, chosen, f"Router#{serial}.{node}" if serial else f"Router#{node}")
    if chosen in given:
        return given[chosen]
    lazy = lazy_result(chosen.task, chosen.slots, chosen.policies)
    lazy.given = given
    return lazy


def jump_error(targets: tuple[tuple[Any, int, int], ...], jump: Jump[Any], owner: Task[..., Any]) -> RouteError | DeclarationError:
    """Why a Jump leads nowhere: there is no such route, or its task cannot take the data."""
    where = f"task {owner.name!r}"
    try:
        known = any(jump.target_key == key and hash(jump.target_key) == hash(key) for key, _, _ in targets)
    except TypeError:
        known = False
    if not known:
        keys = [key for key, _, _ in targets]
        return RouteError(
            f"there is no route for {jump!r}", where=where, expected="one of " + ", ".join(map(repr, keys)),
            hint=nearest(str(jump.target_key), map(str, keys)),
        )  # fmt: skip
    if jump.data is KEPT:
        return DeclarationError(
            f"{jump!r} gives no data, and its route's first argument is a result that is not computed", where=where,
            expected="Jump(target_key, data)",
        )  # fmt: skip
    return DeclarationError(f"{jump!r} gives data to a task without parameters", where=where, expected="Jump(target_key)")


def choose(routes: dict[Any, Any], key: Any, where: str) -> Any:
    """The route of that key.

    Raises:
        RouteError: (a LookupError and a ValueError) there is none.
    """
    try:
        return routes[key]
    except (KeyError, TypeError):
        names = [str(known) for known in routes]
        raise RouteError(
            f"there is no route for {key!r}", where=where, expected="one of " + ", ".join(map(repr, routes)),
            hint=nearest(str(key), names),
        ) from None


def _tell_pruned(host: Host, table: RouteTable, chosen: LazyResult[Any], label: str) -> None:
    shared = dict.fromkeys(table.shared)
    kept = {**shared, **reachable([chosen], shared, through_routes=True)}
    for key, route in table.routes.items():
        for number, lazy in enumerate(reachable([route], kept, through_routes=True)):
            if lazy not in kept:
                kept[lazy] = None
                if lazy.task is not ROUTER and lazy.task is not EITHER:
                    host.skipped(f"{label}/{key}/{lazy.task.name}#{number}", lazy.task.name, "Pruned")
