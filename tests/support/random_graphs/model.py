"""A random graph in plain Python: what it gives, and what is called in which order, when nothing is awaited.

It shares no code with the engine: nodes are memoised calls, made when they are first needed. What is skipped has the value SKIPPED.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

from tests.support.random_graphs import world as functions
from tests.support.random_graphs.spec import CPUS, TYPED, Graph, Node, Ref, index_of
from tests.support.random_graphs.world import Failure, World, as_items, bounded, key_of, mix, odd, small


class Skipped:
    def __repr__(self) -> str:
        return "<skipped>"


SKIPPED = Skipped()


@dataclasses.dataclass(frozen=True)
class Lease:
    """A resource of scope "task", among the arguments of a call."""

    index: int


class Missing(Exception):
    """The target was skipped."""


class TooMuch(Exception):
    """A node wants more of a system resource than there is."""


@dataclasses.dataclass
class Around:
    """A graph that is being evaluated.

    Attributes:
        own: what it computes in any case.
        given: what the graph around it has computed.
        once: what graphs around it compute at most once.
    """

    own: set[int]
    given: set[int]
    once: dict[int, Around | None]

    @property
    def always(self) -> set[int]:
        return self.own | self.given


class Model:
    def __init__(self, graph: Graph, world: World, cache: dict[Any, Any]) -> None:
        self.graph = graph
        self.nodes = graph.nodes
        self.is_list = graph.targets > 1
        self.world = world
        self.cache = cache
        self.values: dict[int, Any] = {}
        self.held: list[int] = []

    def run(self) -> Any:
        around = Around(self.closure(self.graph.target_nodes, ()), set(), {})
        self.check_capacity(around)
        return self.and_tear_down(self.held, lambda: self.targets(around))

    def targets(self, around: Around) -> Any:
        values = [self.whole(index, around) for index in self.graph.target_nodes]
        if any(value is SKIPPED for value in values):
            raise Missing
        return values if self.is_list else values[0]

    def check_capacity(self, around: Around) -> None:
        """What can never be had is refused before anything runs."""
        for index in around.own:
            if self.nodes[index].kind in ("call", "map", "machine"):
                self.check_amount(self.nodes[index])

    def check_amount(self, node: Node) -> None:
        if isinstance(node.amount, int) and node.amount > CPUS:
            raise TooMuch

    def and_tear_down(self, held: list[int], action: Callable[[], Any]) -> Any:
        """What an action gives, and the end of the resources that it leaves in `held`; its own error goes before theirs."""
        error: Exception | None = None
        try:
            value = action()
        except Exception as raised:
            error = raised
        while held:
            index = held.pop()
            try:
                self.world.tear_down(f"n{index}", int(self.nodes[index].breaks))
            except Failure as trouble:
                error = error or trouble
        if error is not None:
            raise error
        return value

    # -- What needs what

    def needs(self, at: int) -> list[int]:
        return self.graph.needs(at)

    def routes(self, at: int) -> list[int]:
        return self.graph.routes(at)

    def closure(self, roots: Any, stop: Any) -> set[int]:
        found: set[int] = set()
        stack = [*roots]
        while stack:
            index = stack.pop()
            if index not in found:
                found.add(index)
                if index not in stop:
                    stack += self.needs(index)
        return found

    def reachable(self, roots: list[int], stop: Any) -> list[int]:
        """What routes are or need, routes of Routers among these included; nothing beyond `stop`."""
        found: dict[int, None] = {}

        def visit(index: int) -> None:
            if index not in found:
                found[index] = None
                if index not in stop:
                    for each in (*self.needs(index), *self.routes(index)):
                        visit(each)

        for root in roots:
            visit(root)
        return list(found)

    # -- Values

    def whole(self, index: int, around: Around) -> Any:
        """The value of a node that a task is called with on its own, if it is a resource of scope "task"."""
        value = self.value(index, around)
        if isinstance(value, Lease):
            return self.called(lambda values: values[0], (value,))
        return value

    def value(self, index: int, around: Around) -> Any:
        if index not in self.values:
            if index in around.once and index not in around.always:
                inner = around.once[index] or around
                once = {other: found for other, found in inner.once.items() if other != index}
                around = self.inner(index, inner.given, once)
            self.values[index] = getattr(self, f"_{self.nodes[index].kind}")(
                index, self.nodes[index], f"n{index}", around
            )
        return self.values[index]

    def inner(self, root: int, given: set[int], once: dict[int, Around | None]) -> Around:
        return Around(self.closure([root], {*given, *once}) - given - set(once), given, once)

    def put(self, at: int, argument: Any, around: Around) -> Any:
        if isinstance(argument, Ref):
            return self.value(index_of(at, argument), around) if at else 0
        if isinstance(argument, (list, tuple)):
            items = [self.put(at, item, around) for item in argument]
            return SKIPPED if any(item is SKIPPED for item in items) else type(argument)(items)
        if isinstance(argument, dict):
            pairs = {name: self.put(at, item, around) for name, item in argument.items()}
            return SKIPPED if any(item is SKIPPED for item in pairs.values()) else pairs
        return argument

    def through(self, function: Callable[[Any], Any], value: Any) -> Any:
        """A helper of the engine's own side: called with a value, which may be a resource."""
        return SKIPPED if value is SKIPPED else self.called(lambda values: function(values[0]), (value,))

    def before(self, at: int, node: Node, around: Around) -> bool | None:
        """What comes first: order and conditions. Whether they are true; None where something was skipped."""
        after = self.put(at, node.after, around) if node.after is not None else None
        condition = self.asked(at, node.condition, around)
        return None if after is SKIPPED or condition is SKIPPED else bool(condition)

    def asked(self, at: int, condition: Any, around: Around) -> Any:
        if isinstance(condition, Ref):
            return self.through(odd, self.put(at, condition, around)) if at else odd(0)
        return True if condition is None else condition

    def amount(self, at: int, node: Node, around: Around) -> Any:
        """SKIPPED if what the amount is made of was; else how much is claimed does not matter, as nothing else is under way."""
        return self.through(bounded, self.put(at, node.amount, around)) if isinstance(node.amount, Ref) else 0

    # -- Calls

    def called(self, function: Callable[[tuple[Any, ...]], Any], args: tuple[Any, ...]) -> Any:
        """A call with resources of its own."""
        wanted: dict[int, None] = {}
        _find_leases(args, wanted)
        own: list[int] = []

        def call() -> Any:
            for index in wanted:
                self.set_up(index, own)
            return function(_put_resources(args, self.resource_value))

        return self.and_tear_down(own, call)

    def set_up(self, index: int, own: list[int]) -> None:
        if index in own or index in self.held:
            return
        need = self.graph.resource_needed(index)
        if need is not None:
            self.set_up(need, own)
        value = 0 if need is None else self.resource_value(need)
        self.world.set_up(f"n{index}", value, self.nodes[index].failures)
        (self.held if self.nodes[index].scope == "run" else own).append(index)

    def resource_value(self, index: int) -> int:
        need = self.graph.resource_needed(index)
        return mix(f"n{index}", 0 if need is None else self.resource_value(need))

    def attempts(self, count: int, call: Callable[[], Any]) -> Any:
        for left in reversed(range(max(1, count))):
            try:
                return call()
            except Failure:
                if not left:
                    raise

    def loop(self, node: Node, name: str, n: int, args: tuple[Any, ...], attempts: int, failures: int) -> Any:
        """A call, and those that it answers with by tail calls; each with its own attempts."""
        return self.attempts(
            attempts, lambda: self.called(lambda given: self.world.call(name, given, failures), (n, *args))
        )

    def cached(self, node: Node, name: str, arguments: dict[str, Any], compute: Callable[[], Any]) -> Any:
        key = (name, repr(arguments))
        if not node.cached or key not in self.cache:
            self.check_amount(node)
            value = compute()
            if not node.cached:
                return value
            if value is SKIPPED:
                return value
            self.cache[key] = value
        return self.cache[key]

    def first_call(self, node: Node, name: str, call: str, args: tuple[Any, ...], attempts: int) -> Any:
        """The call of a task, and what it answers with."""

        def function(given: tuple[Any, ...]) -> Any:
            value = self.world.call(name, given, node.failures)
            if call == "failing":
                raise Failure(f"always, with {value}")
            if call == "nested":
                return self.answer(node, name, "first", value)
            return value

        value = self.attempts(attempts, lambda: self.called(function, args))
        return self.answer(node, name, call, value) if call in ("graph", "router", "map") else value

    def answer(self, node: Node, name: str, call: str, value: int) -> Any:
        def first(*args: Any) -> int:
            return self.attempts(2, lambda: self.world.call(f"{name}x", args, min(node.failures, 1)))  # type: ignore[no-any-return]

        def second(*args: Any) -> int:
            return self.world.call(f"{name}y", args, 0)

        if call == "first":
            return first(value)
        if call == "graph":
            return second(first(value), value)
        if call == "router":
            return second(first(value)) if value % 2 else first(value)
        return sum([first(value), first(value + 1), first(value)])

    # -- Kinds

    def _call(self, at: int, node: Node, name: str, around: Around) -> Any:
        go = self.before(at, node, around)
        args = self.put(at, node.args, around)
        if node.call == "typed":
            args = self.through(small, SKIPPED if args is SKIPPED else list(args))
        amount = self.amount(at, node, around)
        if not go or args is SKIPPED or amount is SKIPPED:
            return SKIPPED
        if node.call == "typed":
            task = TYPED[at % len(TYPED)]
            return self.cached(
                node, task, {"n": args, "k": node.steps}, lambda: getattr(functions, task)(args, node.steps)
            )
        if node.call in ("tail", "relay"):

            def loop() -> Any:
                given, own = args, True
                for n in range(node.steps, -1, -1):
                    if own:
                        attempts = node.attempts if node.call == "tail" or n == node.steps or node.by_default else 0
                        value = self.loop(node, name, n, given, attempts, node.failures)
                    else:
                        value = self.loop(node, f"{name}o", n, given, 2, min(node.failures, 1))
                    if node.call == "relay":
                        given, own = _put_resources(given, self.resource_value), not own
                return value

            return self.cached(node, name, {"n": node.steps, "args": args}, loop)
        return self.cached(
            node, name, {"args": args}, lambda: self.first_call(node, name, node.call, args, node.attempts)
        )

    def _map(self, at: int, node: Node, name: str, around: Around) -> Any:
        go = self.before(at, node, around)
        typed = node.call == "typed"
        if isinstance(node.items, Ref):
            items = self.through(as_items, self.put(at, node.items, around)) if at else as_items(0)
        else:
            items = []
            for argument in node.items:
                item = self.put(at, argument, around)
                items.append(self.through(small, item) if typed else item)
            if any(item is SKIPPED for item in items):
                items = SKIPPED
        shared = 0 if typed or node.default is None else self.put(at, node.default, around)
        amount = self.amount(at, node, around)
        if not go or items is SKIPPED or shared is SKIPPED or amount is SKIPPED:
            return SKIPPED
        results = []
        for item in items:
            if typed:
                task = TYPED[at % len(TYPED)]
                results.append(
                    self.cached(
                        node,
                        task,
                        {"n": item, "k": node.steps},
                        lambda item=item: getattr(functions, task)(item, node.steps),
                    )
                )
            else:
                results.append(self.begun_item(node, name, item, shared))
        return [result() if callable(result) else result for result in results]

    def begun_item(self, node: Node, name: str, item: Any, shared: Any) -> Any:
        """The value of an item, or what computes it when all items have been called."""
        arguments = {"x": item, "shared": shared}
        key = (name, repr(arguments))
        if node.cached and key in self.cache:
            return self.cache[key]

        def call(x: Any) -> Any:
            self.check_amount(node)

            def function(given: tuple[Any, ...]) -> Any:
                value = self.world.call(name, given, node.failures)
                if node.call == "tail" and isinstance(given[0], int) and 0 < given[0] < 4:
                    return ("again", given[0] - 1)
                if node.call == "failing":
                    raise Failure(f"always, with {value}")
                return self.answer(node, name, "first", value) if node.call == "nested" else value

            return self.attempts(node.attempts, lambda: self.called(function, (x, shared)))

        def keep(value: Any) -> Any:
            if node.cached:
                self.cache[key] = value
            return value

        value = call(item)
        if isinstance(value, tuple):

            def rest(value: Any = value) -> Any:
                while isinstance(value, tuple):
                    value = call(value[1])
                return keep(value)

            return rest
        if node.call in ("graph", "router", "map"):
            return lambda: keep(self.answer(node, name, node.call, value))
        return keep(value)

    def _router(self, at: int, node: Node, name: str, around: Around) -> Any:
        go = self.before(at, node, around)
        count = max(1, len(node.routes))
        key = self.through(key_of, self.put(at, node.key, around)) if isinstance(node.key, Ref) and at else node.key
        if isinstance(node.key, Ref) and not at:
            key = key_of(0)
        routes = self.routes(at)
        found = self.reachable(routes, {*around.always, *around.once})
        shared = [index for index in found if index in around.always]
        for index in shared:
            self.value(index, around)
        if not go or key is SKIPPED:
            return SKIPPED
        if not routes:
            return 0
        chosen = routes[key % count]
        if chosen in around.always and not self.is_task_resource(chosen):
            return self.values[chosen]
        once: dict[int, Around | None] = {}
        for index in found:
            if index in around.once and index not in around.always:
                once[index] = around.once[index] or around
        for index in self.common(at, around):
            once[index] = None
        inner = Around(set(), {*shared}, once) if chosen in once else self.inner(chosen, {*shared}, once)
        return self.whole(chosen, inner)

    def common(self, at: int, around: Around) -> list[int]:
        """What this Router's routes have in common with those of other Routers of the same graph."""
        known = {*around.always, *around.once}
        seen: dict[int, int] = {}
        own: list[int] = []
        for router in [index for index in around.own if self.nodes[index].kind == "router"]:
            only = [index for index in self.reachable(self.routes(router), known) if index not in known]
            for index in only:
                seen[index] = seen.get(index, 0) + 1
            if router == at:
                own = only
        return [
            index for index in own if seen[index] > 1 and self.nodes[index].kind not in ("param", "env", "resource")
        ]

    def is_task_resource(self, index: int) -> bool:
        return self.nodes[index].kind == "resource" and self.nodes[index].scope == "task"

    def _pipeline(self, at: int, node: Node, name: str, around: Around) -> Any:
        # The last stage needs what comes before it, and so on: the first is evaluated first, but for conditions.
        def value_of(number: int) -> Any:
            if number < 0:
                return self.whole(index_of(at, Ref(1)), around) if at else 0
            condition = self.asked(at, node.skips[number], around) if node.skips[number] is not None else True
            value = value_of(number - 1)
            if value is SKIPPED or condition is SKIPPED or not condition:
                return value if node.skips[number] is not None else SKIPPED
            return self.called(lambda given: self.world.call(f"{name}s{number}", given, node.failures), (value,))

        return value_of(len(node.skips) - 1)

    def _machine(self, at: int, node: Node, name: str, around: Around) -> Any:
        go = self.before(at, node, around)
        amounts = []
        for _ in range(2):
            args = self.put(at, node.args, around)
            amounts.append(self.amount(at, node, around))
        if not go or args is SKIPPED or any(amount is SKIPPED for amount in amounts):
            return SKIPPED
        n, own, other = node.steps, "ping", "pong"
        while True:
            self.check_amount(node)
            value = self.loop(node, f"{name}{own}", n, args, node.attempts, node.failures)
            if n <= 0:
                return value
            n, own, other = n - 1, other, own

    def _sequence(self, at: int, node: Node, name: str, around: Around) -> Any:
        args = self.put(at, node.args, around)
        first = SKIPPED if args is SKIPPED else self.first_call(node, f"{name}a", "plain", args, 0)
        condition = self.asked(at, node.condition, around)
        args = self.put(at, node.args, around)
        if first is SKIPPED or condition is SKIPPED or not condition or args is SKIPPED:
            return SKIPPED
        return self.first_call(node, f"{name}b", "plain", args, 0)

    def _param(self, at: int, node: Node, name: str, around: Around) -> Any:
        return 100 + at if node.given else at

    def _env(self, at: int, node: Node, name: str, around: Around) -> Any:
        return 200 + at if node.given else at

    def _resource(self, at: int, node: Node, name: str, around: Around) -> Any:
        if node.scope == "task":
            return Lease(at)
        self.set_up(at, [])
        return self.resource_value(at)


def _find_leases(value: Any, found: dict[int, None]) -> None:
    if isinstance(value, Lease):
        found[value.index] = None
    elif isinstance(value, (list, tuple)):
        for item in value:
            _find_leases(item, found)
    elif isinstance(value, dict):
        for item in value.values():
            _find_leases(item, found)


def _put_resources(value: Any, value_of: Callable[[int], Any]) -> Any:
    if isinstance(value, Lease):
        return value_of(value.index)
    if isinstance(value, (list, tuple)):
        return type(value)(_put_resources(item, value_of) for item in value)
    if isinstance(value, dict):
        return {name: _put_resources(item, value_of) for name, item in value.items()}
    return value
