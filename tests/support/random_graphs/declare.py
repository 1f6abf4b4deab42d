"""A random graph as LazyResults."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import AsyncIterator, Iterator
from typing import Any

import cascade as cs
from tests.support.random_graphs import world as functions
from tests.support.random_graphs.spec import TYPED, Graph, Node, Ref, index_of
from tests.support.random_graphs.world import Failure, here

odd, bounded, key_of, as_items, small, total = (
    cs.task(getattr(functions, name)) for name in ("odd", "bounded", "key_of", "as_items", "small", "total")
)
same = cs.task(lambda value: value, name="same")


@cs.task
def rise(n: int, k: int) -> int:
    sum = 0
    for i in range(n):
        sum += i * k
    return sum


@cs.task
def fall(n: int, k: int) -> Any:
    if n <= 0:
        return k
    return fall.tail(n - 1, k + 3 * n)


@cs.task
def swap(n: int, k: int) -> Any:
    return k if n <= 0 else swap_back(n - 1, k * 2 + n)


@cs.task
def swap_back(n: int, k: int) -> Any:
    if n <= 0:
        return k
    return swap(n - 1, k * 2 + n)


@cs.task(retry=2, timeout=600)
def careful(n: int, k: int) -> Any:
    return k if n == 0 else cs.TailCall((n - 1, k + 1))


@cs.task
def hand_over(n: int, k: int) -> Any:
    for i in range(n):
        k += i
    return careful(3, 2 * k)


def declare(graph: Graph, cache: Any) -> tuple[Any, dict[str, Any], dict[str, str]]:
    """The target, the parameters that are given, and the variables of the environment."""
    declaring = _Declaring(graph, cache)
    for index, node in enumerate(graph.nodes):
        declaring.at = index
        declaring.made.append(getattr(declaring, f"_{node.kind}")(node, f"n{index}"))
    targets = [declaring.value(index) for index in graph.target_nodes]
    return targets if graph.targets > 1 else targets[0], declaring.params, declaring.environment


class _Declaring:
    def __init__(self, graph: Graph, cache: Any) -> None:
        self.graph = graph
        self.nodes = graph.nodes
        self.reached = graph.reached()
        self.cache = cache
        self.made: list[Any] = []
        self.at = 0
        self.params: dict[str, Any] = {}
        self.environment: dict[str, str] = {}
        self.resources: dict[int, cs.Resource] = {}

    # -- References

    def ref(self, ref: Ref) -> Any:
        return self.made[index_of(self.at, ref)] if self.at else 0

    def value(self, index: int) -> Any:
        """A node where a resource of scope "task" cannot stand."""
        node = self.nodes[index]
        return same(self.made[index]) if node.kind == "resource" and node.scope == "task" else self.made[index]

    def put(self, argument: Any) -> Any:
        if isinstance(argument, Ref):
            return self.ref(argument)
        if isinstance(argument, (list, tuple)):
            return type(argument)(self.put(item) for item in argument)
        if isinstance(argument, dict):
            return {name: self.put(item) for name, item in argument.items()}
        return argument

    # -- Policies

    def with_policies(self, lazy: Any, node: Node, name: str, *, state: bool = False) -> Any:
        if not node.by_default or node.call == "typed":
            if node.attempts:
                lazy.with_retry(node.attempts)
            if node.timeout:
                lazy.with_timeout(600)
        if node.amount == "param":
            lazy.with_constraints(cpu=cs.Param(f"{name}_cpu", 1, type=int))
        elif node.amount is not None:
            lazy.with_constraints(cpu=bounded(self.ref(node.amount)) if isinstance(node.amount, Ref) else node.amount)
        if node.cached and self.cache is not None and not state:
            lazy.with_cache(self.cache)
        return lazy if state else self.with_order(lazy, node)

    def with_order(self, lazy: Any, node: Node) -> Any:
        if node.condition is not None:
            lazy.run_if(self.ask(node.condition))
        if node.after is not None and self.at:
            lazy.after(self.ref(node.after))
        return lazy

    def ask(self, condition: Any) -> Any:
        return odd(self.ref(condition)) if isinstance(condition, Ref) else condition

    # -- Kinds

    def _call(self, node: Node, name: str) -> Any:
        args = self.put(node.args)
        if node.call == "typed":
            lazy = globals()[TYPED[self.at % len(TYPED)]](small(list(args)), node.steps)
        elif node.call in ("tail", "relay"):
            lazy = looping_task(node, name)(node.steps, *args)
        else:
            lazy = task_of(node, name)(*args)
        return self.with_policies(lazy, node, name)

    def _map(self, node: Node, name: str) -> Any:
        items = as_items(self.ref(node.items)) if isinstance(node.items, Ref) else list(self.put(node.items))
        if node.call == "typed":
            lazy = globals()[TYPED[self.at % len(TYPED)]].map(
                [small(item) for item in items] if isinstance(items, list) else items, k=_k(items, node)
            )
        else:
            default = 0 if node.default is None else self.ref(node.default)
            lazy = item_task(node, name, default).map(items)
        return self.with_policies(lazy, node, name).with_concurrency(node.concurrency)

    def _router(self, node: Node, name: str) -> Any:
        routes = [self.value(index_of(self.at, ref)) if self.at else same(0) for ref in node.routes]
        key: Any = node.key
        if isinstance(key, Ref):
            key = pick(key_of(self.ref(key)), len(routes))
        else:
            key %= len(routes)
        return self.with_order(cs.Router(key, dict(enumerate(routes))), node)

    def _pipeline(self, node: Node, name: str) -> Any:
        start = self.value(index_of(self.at, Ref(1))) if self.at else 0

        def stage(number: int, condition: Any) -> Any:
            task = task_of(node, f"{name}s{number}", call="async" if node.later else "plain")
            return lambda value: task(value) if condition is None else task(value).run_if(self.ask(condition))

        return cs.pipeline(start, [stage(number, condition) for number, condition in enumerate(node.skips)])

    def _machine(self, node: Node, name: str) -> Any:
        args = self.put(node.args)
        ping, pong = (
            self.with_policies(
                state_task(node, f"{name}{own}", other)(node.steps if own == "ping" else None, *args),
                node,
                f"{name}{own}",
                state=True,
            )
            for own, other in (("ping", "pong"), ("pong", "ping"))
        )
        selector = cs.select_jump({"ping": ping, "pong": pong, "end": None})
        cs.bind(pong, selector)
        return self.with_order(cs.bind(ping, selector), node)

    def _sequence(self, node: Node, name: str) -> Any:
        parts = [
            task_of(node, f"{name}{part}", call="async" if node.later else "plain")(*self.put(node.args))
            for part in "ab"
        ]
        return self.with_order(cs.sequence(parts), dataclasses.replace(node, after=None))  # which it sets itself

    def _param(self, node: Node, name: str) -> Any:
        if node.given and self.at in self.reached:
            self.params[name] = str(100 + self.at)
        return cs.Param(name, self.at, type=int)

    def _env(self, node: Node, name: str) -> Any:
        if node.given:
            self.environment[f"CASCADE_{name}"] = str(200 + self.at)
        return cs.Env(f"CASCADE_{name}", self.at, type=int)

    def _resource(self, node: Node, name: str) -> Any:
        need = self.graph.resource_needed(self.at)
        self.resources[self.at] = resource = resource_of(node, name, None if need is None else self.resources[need])
        return cs.inject(resource)


def _k(items: Any, node: Node) -> Any:
    return [node.steps] * len(items) if isinstance(items, list) else repeated(items, node.steps)


pick = cs.task(lambda value, count: value % count, name="pick")
repeated = cs.task(lambda items, value: [value] * len(items), name="repeated")


# -- Functions of tasks. What they close over has to have a key. ------------------------------------------------------


def helpers(node: Node, name: str) -> tuple[Any, Any]:
    first_failures, attempts = min(node.failures, 1), 2

    @cs.task(name=f"{name}x", retry=attempts)
    def first(*args: Any) -> int:
        return here().call(f"{name}x", args, first_failures)

    @cs.task(name=f"{name}y")
    def second(*args: Any) -> int:
        return here().call(f"{name}y", args, 0)

    return first, second


def answer_of(node: Node, name: str, call: str) -> Any:
    """A function of a call's number: what the task answers with."""
    first, second = helpers(node, name)
    if call == "graph":
        return lambda value: second(first(value), value)
    if call == "router":
        return lambda value: cs.Router(value % 2, {0: first(value), 1: second(first(value))})
    if call == "map":
        return lambda value: total(first.map([value, value + 1, value]))
    if call == "nested":
        return lambda value: cs.run(first(value), use_vm=here().use_vm)
    if call == "failing":
        return always_fail
    return lambda value: value


def always_fail(value: int) -> Any:
    raise Failure(f"always, with {value}")


def options_of(node: Node, name: str) -> dict[str, Any]:
    return {
        "name": name,
        **({"retry": node.attempts or None, "timeout": 600 if node.timeout else None} if node.by_default else {}),
    }


def task_of(node: Node, name: str, call: str | None = None) -> Any:
    call, failures = node.call if call is None else call, node.failures
    answer = answer_of(node, name, call)

    def function(*args: Any) -> Any:
        return answer(here().call(name, args, failures))

    async def function_later(*args: Any) -> Any:
        for _ in range(len(args) % 3):
            await asyncio.sleep(0)
        return answer(here().call(name, args, failures))

    mode: Any = "blocking" if call == "blocking" else "inline"
    options = options_of(node, name) if name[-1].isdigit() and "s" not in name else {"name": name}
    return cs.task(mode=mode, **options)(function_later if call == "async" else function)


def looping_task(node: Node, name: str) -> Any:
    failures, lazily, relay = node.failures, node.lazily, node.call == "relay"

    @cs.task(**options_of(node, name))
    def loop(n: int, *args: Any) -> Any:
        value = here().call(name, (n, *args), failures)
        if n <= 0:
            return value
        next = same(n - 1) if lazily else n - 1
        return cs.TailCall((next, *args), target=f"{name}o") if relay else cs.TailCall((next,))

    @cs.task(name=f"{name}o", retry=2)
    def other(n: int, *args: Any) -> Any:
        value = here().call(f"{name}o", (n, *args), min(failures, 1))
        return value if n <= 0 else loop.tail(same(n - 1) if lazily else n - 1, *args)

    loop.func.__globals__[f"{name}o"] = other  # where it is looked for by its name
    return loop


def item_task(node: Node, name: str, default: Any) -> Any:
    failures, call = node.failures, node.call
    answer = answer_of(node, name, call)

    def function(x: Any, shared: Any = default) -> Any:
        value = here().call(name, (x, shared), failures)
        if call == "tail" and isinstance(x, int) and 0 < x < 4:
            return cs.TailCall((x - 1,))
        return answer(value)

    async def function_later(x: Any, shared: Any = default) -> Any:
        await asyncio.sleep(0)
        return answer(here().call(name, (x, shared), failures))

    mode: Any = "blocking" if call == "blocking" else "inline"
    return cs.task(mode=mode, **options_of(node, name))(function_later if call == "async" else function)


def state_task(node: Node, name: str, other: str) -> Any:
    failures, lazily = node.failures, node.lazily

    def function(n: int, *args: Any) -> Any:
        value = here().call(name, (n, *args), failures)
        if n > 0:
            return cs.Jump(other, same(n - 1) if lazily else n - 1)
        return cs.Jump("end", value) if value % 2 else value

    async def function_later(n: int, *args: Any) -> Any:
        await asyncio.sleep(0)
        return function(n, *args)

    return cs.task(**options_of(node, name))(function_later if node.later else function)


def resource_of(node: Node, name: str, needs: cs.Resource | None) -> cs.Resource:
    need = 0 if needs is None else cs.inject(needs)

    failures, breaks = node.failures, int(node.breaks)

    def sync(need: Any = need) -> Iterator[int]:
        yield here().set_up(name, need, failures)
        here().tear_down(name, breaks)

    async def later(need: Any = need) -> AsyncIterator[int]:
        await asyncio.sleep(0)
        yield here().set_up(name, need, failures)
        await asyncio.sleep(0)
        here().tear_down(name, breaks)

    return cs.resource(name=name, scope=node.scope)(later if node.later else sync)
