"""What a random graph is: data, written by a seed."""

from __future__ import annotations

import dataclasses
import random
from collections.abc import Iterator, Sequence
from typing import Any

CPUS = 3
"""How much of the system resource "cpu" there is."""

CALLS = ("plain", "plain", "async", "tail", "relay", "graph", "typed", "nested", "router", "map", "failing")
"""What a task does: it gives a value, at once or later; it answers with a tail call, to itself or by turns with another task;
with a call of another task, a Router or a map; it runs another target; it is one that is lowered; it always fails."""

TYPED = ("rise", "fall", "swap", "hand_over")


@dataclasses.dataclass(frozen=True)
class Ref:
    """Another node, counted back from the one that it stands in; or, below 0, from the first one on."""

    back: int


@dataclasses.dataclass(frozen=True)
class Node:
    """One node. What is not of its kind does not count.

    Attributes:
        kind: "call", "map", "router", "pipeline", "machine", "sequence", "param", "env" or "resource".
        call: what its task does, one of CALLS, or "blocking".
        args: its arguments: numbers, Refs, and containers of them.
        failures: so many calls fail first; of a resource, set-ups.
        breaks: of a resource, whether its first tear-down fails.
        attempts: of its retry policy; 0 for none.
        condition, amount, after: of its policies; None for none.
        by_default: whether its policies are its task's defaults, as far as they can be.
        lazily: whether tail calls and Jumps carry results that have to be computed.
        key: of a Router, what the number of its route is made of.
        routes: of a Router.
        items: of a map: what it iterates over, or a Ref of what gives that.
        steps: of a machine or a loop.
        skips: of a pipeline, for each stage whether it is skipped: a truth value, a Ref, or None for no condition.
        scope: of a resource.
        given: of an input, whether it is given.
    """

    kind: str = "call"
    call: str = "plain"
    args: tuple[Any, ...] = ()
    failures: int = 0
    breaks: bool = False
    by_default: bool = False
    lazily: bool = False
    attempts: int = 0
    timeout: bool = False
    condition: Any = None
    amount: Any = None
    after: Ref | None = None
    cached: bool = False
    default: Any = None
    concurrency: int | None = None
    key: Any = 0
    routes: tuple[Ref, ...] = ()
    items: Any = ()
    steps: int = 0
    skips: tuple[Any, ...] = ()
    scope: str = "run"
    later: bool = False
    given: bool = False


@dataclasses.dataclass(frozen=True)
class Graph:
    """Nodes, each of which refers to earlier ones; the last ones are the target."""

    seed: int
    nodes: tuple[Node, ...]
    targets: int = 1

    @property
    def target_nodes(self) -> range:
        return range(max(0, len(self.nodes) - self.targets), len(self.nodes))

    def needs(self, at: int) -> list[int]:
        """What a node needs in any case: arguments, amounts, conditions, order; as they stand there."""
        node = self.nodes[at]
        parts: list[Any] = []
        if node.kind in ("call", "machine"):
            parts = [node.args, node.amount]
        elif node.kind == "map":
            parts = [node.items, node.default if node.call != "typed" else None, node.amount]
        elif node.kind == "router":
            parts = [node.key]
        elif node.kind == "pipeline":
            return [*_refs(at, [Ref(1), *node.skips])]
        elif node.kind == "sequence":
            return [*_refs(at, [node.args, node.condition, node.args])]
        else:
            return []
        return [*_refs(at, [*parts, node.condition, node.after])]

    def routes(self, at: int) -> list[int]:
        """The routes of a Router."""
        node = self.nodes[at]
        return [index_of(at, ref) for ref in node.routes] if node.kind == "router" and at else []

    def resource_needed(self, at: int) -> int | None:
        """The number of the resource that a resource needs: the one before it, if that lives long enough."""
        node = self.nodes[at]
        for index in range(at - 1, -1, -1):
            if self.nodes[index].kind == "resource" and (self.nodes[index].scope == "run" or node.scope == "task"):
                return index if node.steps % 2 else None
        return None

    def reached(self) -> set[int]:
        """What the target may need, routes included."""
        found: set[int] = set()
        stack = [*self.target_nodes]
        while stack:
            at = stack.pop()
            if at not in found:
                found.add(at)
                stack += [*self.needs(at), *self.routes(at)]
        return found

    @property
    def has_threads(self) -> bool:
        return any(node.call == "blocking" and node.kind in ("call", "map") for node in self.nodes)

    @property
    def is_sequential(self) -> bool:
        """Whether nothing is ever awaited, so that everything happens in the order in which Python would do it."""
        return not any(node.later or node.call in ("async", "blocking") for node in self.nodes)

    @property
    def may_fail(self) -> bool:
        """Whether it depends on the order of calls which of them fail."""
        return any(
            node.call in ("failing", "relay")
            or (node.kind == "resource" and (node.failures or node.breaks))
            or (isinstance(node.amount, int) and node.amount > CPUS)
            or node.failures >= (1 if node.kind in ("pipeline", "sequence") else max(1, node.attempts))
            for node in self.nodes
        )


def index_of(at: int, ref: Ref) -> int:
    """The number of the node that a Ref in node `at` means."""
    return at - 1 - (ref.back - 1) % at if ref.back > 0 else (-1 - ref.back) % at


def _refs(at: int, argument: Any) -> Iterator[int]:
    if isinstance(argument, Ref):
        if at:
            yield index_of(at, argument)
    elif isinstance(argument, (list, tuple)):
        for item in argument:
            yield from _refs(at, item)
    elif isinstance(argument, dict):
        for item in argument.values():
            yield from _refs(at, item)


def write_graph(seed: int) -> Graph:
    """The graph of a seed."""
    choose = random.Random(seed)
    style = _Style(choose)
    sources = [style.node(choose.choice(style.sources)) for _ in range(style.hot)]
    nodes = (*sources, *(style.node(choose.choice(style.kinds)) for _ in range(choose.choice((1, 2, 3, 4, 5, 6, 8)))))
    return Graph(seed, nodes, choose.choice((1, 2, 4, 6)))


SOURCES = ("call", "param", "env", "resource", "resource", "resource")
KINDS = ("call", "call", "map", "router", "router", "pipeline", "machine", "sequence")


class _Style:
    """What the nodes of one graph have in common: a graph has much of some things and nothing of others."""

    def __init__(self, choose: random.Random) -> None:
        self.choose = choose
        self.sources = self.some_of(SOURCES) or ["call"]
        self.kinds = self.some_of(KINDS) or ["call"]
        self.calls = self.some_of(CALLS) or ["plain"]
        self.hot = choose.randrange(4)
        if choose.random() < 0.5:
            self.calls = [call for call in self.calls if call not in ("async", "failing")] or ["plain"]
        if choose.random() < 0.06:
            self.calls.append("blocking")
        self.later = "async" in self.calls and choose.random() < 0.7
        self.failures = choose.choice((0.0, 0.0, 0.2, 0.5))
        self.policies = choose.choice((0.0, 0.3, 0.5))
        self.too_much = choose.choice((2, 2, 2, 2, 2, CPUS + 1))
        self.furthest = choose.choice((2, 3, 6))
        self.scopes = choose.choice((("run",), ("task",), ("run", "task")))
        self.truths = choose.choice(((True,), (True, True, False)))

    def some_of(self, words: Sequence[str]) -> list[str]:
        return [word for word in words for _ in range(self.choose.choice((0, 0, 1, 4)))]

    def node(self, kind: str) -> Node:
        choose = self.choose
        failures = choose.choice((1, 1, 2)) if choose.random() < self.failures else 0
        return Node(
            kind=kind,
            call=choose.choice(self.calls),
            args=tuple(self.argument(2) for _ in range(choose.choice((0, 1, 2, 3)))),
            failures=failures,
            breaks=choose.random() < self.failures / 2,
            by_default=choose.random() < 0.3,
            lazily=choose.random() < 0.3,
            attempts=failures + choose.choice((0, 1, 1, 1)) if failures else choose.choice((0, 0, 2)),
            timeout=self.often(),
            condition=self.ask() if self.often() else None,
            amount=choose.choice((0, 1, 2, 3, self.ref(), "param", self.too_much)) if self.often() else None,
            after=self.ref() if self.often() else None,
            cached=self.often(),
            default=self.ref() if choose.random() < 0.4 else None,
            concurrency=choose.choice((None, 1, 2)) if self.often() else None,
            key=choose.choice((0, 1, self.ref(), self.ref())),
            routes=tuple(self.ref() for _ in range(choose.randrange(1, 4))),
            items=self.ref() if choose.random() < 0.3 else tuple(self.argument(1) for _ in range(choose.randrange(4))),
            steps=choose.randrange(4),
            skips=tuple(choose.choice((None, self.ask())) for _ in range(choose.randrange(1, 4))),
            scope=choose.choice(self.scopes),
            later=self.later and choose.random() < 0.5,
            given=choose.random() < 0.5,
        )

    def often(self) -> bool:
        return self.choose.random() < self.policies

    def ref(self) -> Ref:
        if self.hot and self.choose.random() < 0.4:
            return Ref(-1 - self.choose.randrange(self.hot))
        return Ref(1 + self.choose.randrange(self.furthest))

    def ask(self) -> Any:
        return self.choose.choice((*self.truths, self.ref(), self.ref()))

    def argument(self, depth: int) -> Any:
        choose = self.choose
        if depth and choose.random() < 0.35:
            items = [self.argument(depth - 1) for _ in range(choose.choice((0, 1, 1, 2)))]
            return choose.choice((items, tuple(items), {str(n): item for n, item in enumerate(items)}))
        return self.ref() if choose.random() < 0.8 else choose.randrange(10)
