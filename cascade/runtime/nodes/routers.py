"""Routers: continuing with the chosen route."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from cascade._vm import KEPT, Jump, Skipped, is_awaitable
from cascade.declare.control import EITHER, ONCE, ROUTER
from cascade.declare.lazy import LazyResult, lazy_result
from cascade.declare.policies import Policies, SharedValue
from cascade.declare.task import Task
from cascade.errors import DeclarationError, RouteError, nearest
from cascade.graph.model import Graph
from cascade.graph.operations import Route
from cascade.graph.route_table import Once, RouteTable, Use
from cascade.graph.routes import reachable
from cascade.imports import TYPE_CHECKING, TypeVar, asyncio
from cascade.runtime.resources.placeholder import fresh
from cascade.runtime.spine.task_group import itself

if TYPE_CHECKING:
    from cascade.runtime.nodes.context import NodeContext

T = TypeVar("T")
HANDED_ON = Policies(construct=SharedValue())


def call_route(context: NodeContext, operation: Route, operands: Sequence[object], serial: int, node: int) -> object:
    """Returns the chosen route, as a LazyResult to continue with; or its value, if the graph around it has that already."""
    selector, table = operands[0], operands[1]
    assert isinstance(table, RouteTable)
    if type(selector) is Skipped:
        return selector
    chosen = choose(table.routes, selector, f"Router, node Router#{node}")
    given = dict(zip(table.shared, operands[2:], strict=False))
    if context.inputs.takes_placeholders:
        given = dict(zip(given, fresh(tuple(given.values())), strict=True))  # each call has its own
    if context.subscribed:
        _publish_pruned(context, table, chosen, f"Router#{serial}.{node}" if serial else f"Router#{node}")
    if chosen in given:
        return _given(given[chosen])
    around = table.around(given)
    if not around.once:
        around.route = table, chosen
    elif chosen in around.once:
        return _first_use(around.use(chosen))
    lazy = lazy_result(chosen.task, chosen.slots, chosen.policies)
    lazy.around = around
    return lazy


def call_shared_result(operands: Sequence[object]) -> object:
    """Computes a result that routes of several Routers share, at its first use; later uses return its value, or wait for it."""
    use = operands[0]
    assert isinstance(use, Use)
    if len(operands) == 1:
        return _first_use(use)
    use.once.state, use.once.value = "done", operands[1]
    for wake in use.once.waiting:
        wake()
    return _given(operands[1])


def _first_use(use: Use) -> object:
    once = use.once
    if once.state == "done":
        return _given(once.value)
    if once.state == "begun":
        return _wait(once)
    once.state = "begun"
    lazy = lazy_result(ONCE, (use, once.lazy), HANDED_ON)
    lazy.around = use.around.without(once.lazy)
    return lazy


async def _wait(once: Once) -> object:
    if once.state != "done":
        future = asyncio.get_running_loop().create_future()
        once.waiting.append(lambda: None if future.done() else future.set_result(None))
        await future
    return once.value


def _given(value: object) -> object:
    return itself(value) if is_awaitable(value) else value  # which is there, and not awaited


def jump_error(
    targets: Sequence[tuple[object, int, int]], jump: Jump[object], owner: Task[..., object]
) -> RouteError | DeclarationError:
    """Returns the error of a Jump that leads nowhere: there is no such route, or its task cannot take the data."""
    where = f"task {owner.name!r}"
    try:
        known = jump.target_key in {key for key, _, _ in targets}
    except TypeError:
        known = False  # it has no hash
    if not known:
        keys = [key for key, _, _ in targets]
        return RouteError(
            f"there is no route for {jump!r}", where=where, expected="one of " + ", ".join(map(repr, keys)),
            hint=_near_key(jump.target_key, keys),
        )  # fmt: skip
    if jump.data is KEPT:
        return DeclarationError(
            f"{jump!r} gives no data, and its route's first argument is a result that is not computed", where=where,
            expected="Jump(target_key, data)",
        )  # fmt: skip
    return DeclarationError(
        f"{jump!r} gives data to a task without parameters", where=where, expected="Jump(target_key)"
    )


def _near_key(key: object, known: Iterable[object]) -> str | None:
    """Returns a hint that names the key that was meant: one with the same text and another type, or texts near to a text."""
    keys = list(known)
    same = next((each for each in keys if str(each) == str(key)), None)
    if same is not None:
        return f"the key {same!r} is of type {type(same).__name__}, and the value of type {type(key).__name__}"
    return nearest(key, [each for each in keys if isinstance(each, str)]) if isinstance(key, str) else None


def unbound_jump(jump: Jump[object], target: object) -> RouteError:
    """Returns the error of a run whose value is a Jump: no state machine has taken it."""
    task = getattr(target.rows[-1][0] if isinstance(target, Graph) else target, "task", None)
    task = None if task is EITHER or task is ONCE else task  # no task of the user's, and a graph does not name it
    name = getattr(task, "name", "task")
    return RouteError(
        f"the run ends with {jump!r}, and nothing is bound that it could lead to",
        where=None if task is None else f"task {name!r}",
        expected="a result that is bound to a selector, or a value",
        hint=f"cs.bind({name}(...), cs.select_jump({{{jump.target_key!r}: other_task(...), 'end': None}}))",
    )


def choose(routes: dict[object, T], key: object, where: str) -> T:
    """Returns the route of that key.

    Raises:
        RouteError: (a LookupError and a ValueError) there is none.
    """
    try:
        return routes[key]
    except (KeyError, TypeError):
        raise RouteError(
            f"there is no route for {key!r}",
            where=where,
            expected="one of " + ", ".join(map(repr, routes)),
            hint=_near_key(key, routes),
        ) from None


def _publish_pruned(context: NodeContext, table: RouteTable, chosen: LazyResult[object], label: str) -> None:
    from cascade.events.types import TaskSkipped

    if TaskSkipped not in context.subscribed:
        return
    shared = dict.fromkeys((*table.shared, *table.uses, *table.common))  # another Router may need it
    kept = {**shared, **reachable([chosen], shared, through_routes=True)}
    for key, route in table.routes.items():
        for number, lazy in enumerate(reachable([route], kept, through_routes=True)):
            if lazy not in kept:
                kept[lazy] = None
                if lazy.task.takes_policies and lazy.task is not ROUTER and lazy.task is not EITHER:
                    context.publisher.skipped(f"{label}/{key}/{lazy.task.name}#{number}", lazy.task.name, "Pruned")
