"""Random programs of everything at once tell the same events on both paths, and what they tell makes sense.

Calls, loops, answers, maps, Routers and state machines; with retries, skips, caches, constraints, timeouts; with resources of
both scopes that are injected into any of them, and that may fail.
"""

from __future__ import annotations

import asyncio
import dataclasses
import time
import warnings
from collections import Counter
from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis import given, settings

import cascade as cs
from cascade.errors import CacheWarning, CascadeError
from cascade.events.names import is_returned, map_of
from cascade.observers.state import States
from cascade.runtime import Engine, MessageBus
from cascade.runtime.events import (
    EVENTS,
    Event,
    ItemFinished,
    ItemStarted,
    LoopProgress,
    ResourceAcquired,
    ResourceEvent,
    ResourceReleased,
    RunFinished,
    RunStarted,
    TaskBlocked,
    TaskExecutionFinished,
    TaskExecutionStarted,
    TaskRetrying,
    TaskSkipped,
)
from tests.conftest import Path, no_clock
from tests.support.caches import PlainCache

pytestmark = pytest.mark.once
CAPACITY = {"cpu": 2}


@pytest.fixture(scope="module", autouse=True)
def one_slice():
    with no_clock():
        yield


class Failure(Exception):
    pass


# -- What is made ---------------------------------------------------------------------------------------------------------


@dataclasses.dataclass
class ResourceSpec:
    """A resource, which may need those before it. `fails` is in the "set-up", in the "tear-down", or None."""

    scope: str = "run"
    asynchronous: bool = False
    needs: list[int] = dataclasses.field(default_factory=list)
    fails: str | None = None


@dataclasses.dataclass
class NodeSpec:
    """A node of one of the kinds in `KINDS`; numbers count back to earlier nodes and to resources."""

    kind: str = "call"
    asynchronous: bool = False
    arguments: list[int] = dataclasses.field(default_factory=list)
    injected: int | None = None
    injected_in_list: bool = False
    # Policies.
    failures: int = 0
    attempts: int = 0
    condition: int | bool | None = None
    after: int | None = None
    amount: int | None = None
    lazy_amount: bool = False
    timeout: bool = False
    cached: bool = False
    # Of maps, loops, state machines, Routers.
    size: int = 2
    concurrency: int | None = None
    key: bool = True
    deferred_data: bool = False


KINDS = (
    "call", "call", "loop", "mutual", "answer", "map", "answer map", "machine", "two states", "map state", "router",
    "answer router", "typed", "typed loop", "typed answer", "typed map",
)  # fmt: skip

rarely_fails = st.sampled_from([*[None] * 8, "set-up", "tear-down"])
widths = st.integers(1, 4)
resource_specs = st.lists(
    st.builds(
        ResourceSpec,
        st.sampled_from(["run", "task"]),
        st.booleans(),
        st.lists(st.integers(0, 2), max_size=2),
        rarely_fails,
    ),
    max_size=3,
)
maybe = st.one_of(st.none(), st.none(), st.integers(0, 4))
node_specs = st.lists(
    st.builds(
        NodeSpec,
        kind=st.sampled_from(KINDS),
        asynchronous=st.booleans(),
        arguments=st.lists(st.integers(0, 4), max_size=2),
        injected=maybe,
        injected_in_list=st.booleans(),
        failures=st.sampled_from([0, 0, 0, 0, 0, 1, 1, 2]),
        attempts=st.sampled_from([0, 2, 3]),
        condition=st.one_of(st.none(), st.none(), st.none(), st.booleans(), st.integers(0, 4)),
        after=maybe,
        amount=st.sampled_from([*[None] * 8, 0, 1, 1, 2, 2, 2, 3]),
        lazy_amount=st.booleans(),
        timeout=st.booleans(),
        cached=st.booleans(),
        size=st.integers(0, 3),
        concurrency=st.one_of(st.none(), st.integers(1, 2)),
        key=st.booleans(),
        deferred_data=st.booleans(),
    ),
    min_size=1,
    max_size=7,
)


def make_resources(specs: list[ResourceSpec]) -> list[cs.Resource]:
    made: list[cs.Resource] = []
    for number, spec in enumerate(specs):
        needed = [made[back % number] for back in spec.needs] if number else []
        if spec.scope == "run":
            needed = [resource for resource in needed if resource.scope == "run"]
        made.append(_make_resource(f"r{number}", spec, needed))
    return made


def _make_resource(name: str, spec: ResourceSpec, needed: list[cs.Resource]) -> cs.Resource:
    def set_up(values: Any) -> Any:
        if spec.fails == "set-up":
            raise Failure(f"set-up of {name}")
        return (name, *values)

    def tear_down() -> None:
        if spec.fails == "tear-down":
            raise Failure(f"tear-down of {name}")

    defaults = ", ".join(f"n{i}=cs.inject(needed[{i}])" for i in range(len(needed)))
    values = ", ".join(f"n{i}" for i in range(len(needed)))
    wait = "    await asyncio.sleep(0)\n" if spec.asynchronous else ""
    source = f"{'async ' * spec.asynchronous}def {name}({defaults}):\n{wait}    yield set_up([{values}])\n{wait}    tear_down()\n"
    names: dict[str, Any] = {"cs": cs, "asyncio": asyncio, "needed": needed, "set_up": set_up, "tear_down": tear_down}
    exec(source, names)
    return cs.resource(name=name, scope=spec.scope)(names[name])


def size_of(value: Any) -> int:
    return len(repr(value)) % 4


class Maker:
    """Makes the graph of specs; its functions fail as often as they are told to."""

    def __init__(self, nodes: list[NodeSpec], resources: list[ResourceSpec], cache: Any) -> None:
        self.resources = make_resources(resources)
        self.cache = cache
        self.made: list[Any] = []
        for number, spec in enumerate(nodes):
            self.made.append(self.node(f"n{number}", spec))

    def back(self, number: int) -> Any:
        return self.made[-1 - number % len(self.made)] if self.made else number

    def node(self, name: str, spec: NodeSpec) -> Any:
        rest: list[Any] = [self.back(number) for number in spec.arguments]
        held = None
        if spec.injected is not None and self.resources:
            held = cs.inject(self.resources[spec.injected % len(self.resources)])
            if spec.injected_in_list:
                rest.append([held])
        if spec.kind == "router":
            other = self.back(spec.size) if self.made else cs.task(size_of)(name)
            lazy = cs.Router(spec.key, {True: self.task(name, spec)(0, rest, held), False: other})
            return self.order(lazy, spec)
        task = self.task(name, spec)
        if spec.kind in ("map", "typed map"):
            items = list(range(spec.size)) if spec.key else cs.task(range, name="items")(spec.size)
            rests = [rest] * spec.size if spec.key else cs.task(lambda rest: [rest] * spec.size, name="rests")(rest)
            lazy = task.map(items, rests, [held] * spec.size).with_concurrency(spec.concurrency)
        else:
            lazy = task(spec.size, rest, held)
        if spec.kind == "machine":
            cs.bind(lazy, cs.select_jump({"again": lazy, "end": None}))
        elif spec.kind == "map state":
            each = self.policies(
                self.task(f"{name}m", dataclasses.replace(spec, kind="map")).map([1, 2], [rest, rest]), spec
            )
            cs.bind(lazy, cs.select_jump({"again": each, "end": None}))
        elif spec.kind == "two states":
            other = self.policies(self.task(f"{name}b", dataclasses.replace(spec, failures=0))(0, "second"), spec)
            selector = cs.select_jump({"again": other, "end": None})
            cs.bind(other, cs.select_jump({"again": lazy, "end": None}))
            cs.bind(lazy, selector)
        return self.order(self.policies(lazy, spec), spec)

    def policies(self, lazy: Any, spec: NodeSpec) -> Any:
        if spec.attempts:
            lazy.with_retry(spec.attempts)
        if spec.timeout:
            lazy.with_timeout(600)
        if spec.amount is not None:
            lazy.with_constraints(cpu=cs.task(size_of)(self.back(spec.amount)) if spec.lazy_amount else spec.amount)
        if spec.cached and self.cache is not None:
            lazy.with_cache(self.cache)
        return lazy

    def order(self, lazy: Any, spec: NodeSpec) -> Any:
        if spec.condition is not None:
            lazy.run_if(
                spec.condition if isinstance(spec.condition, bool) else cs.task(size_of)(self.back(spec.condition))
            )
        if spec.after is not None and self.made:
            lazy.after(self.back(spec.after))
        return lazy

    def task(self, name: str, spec: NodeSpec) -> Any:
        if spec.kind in TYPED:
            # Functions that are lowered to typed code; one that fails leaves it, and CPython raises.
            return TYPED[spec.kind](name, 1 if spec.failures < 2 else 0)
        answer = self.answer_of(name, spec)
        failures = 0

        def function(n: int, rest: Any, held: Any = None) -> Any:
            nonlocal failures
            if failures < spec.failures:
                failures += 1
                raise Failure(f"{name} for the {failures}. time")
            return answer(n, rest if held is None else [*rest, repr(held)])

        async def function_later(n: int, rest: Any, held: Any = None) -> Any:
            await asyncio.sleep(0)
            return function(n, rest, held)

        return cs.task(name=name)(function_later if spec.asynchronous else function)

    def answer_of(self, name: str, spec: NodeSpec) -> Any:
        inner = cs.task(name=f"{name}i")(lambda n, rest: (name, n, rest))
        tasks: dict[str, Any] = {}

        def value(n: int, rest: Any) -> Any:
            return (name, n, rest)

        def loop(n: int, rest: Any) -> Any:
            return cs.TailCall((n - 1,)) if n > 0 else (name, rest)

        def mutual(n: int, rest: Any) -> Any:
            return tasks["other"].tail(n - 1, rest) if n > 0 else (name, rest)

        def jump_to_map(n: int, rest: Any) -> Any:
            return cs.Jump("again", list(range(n))) if n == 2 else cs.Jump("end", n)

        def jump(n: int, rest: Any) -> Any:
            if not isinstance(n, int):
                return cs.Jump("end", n)
            data = cs.task(lambda x: x, name="data")(n - 1) if spec.deferred_data else n - 1
            return cs.Jump("again", data) if n > 0 else cs.Jump("end", (name, rest))

        tasks["other"] = cs.task(name=f"{name}o")(mutual)
        answers = {
            "loop": loop, "mutual": mutual, "machine": jump, "two states": jump, "map state": jump_to_map,
            "answer": lambda n, rest: inner(n, [inner(n, rest), 1]),
            "answer map": lambda n, rest: inner.map([n, inner(n, rest)], [rest, rest]),
            "answer router": lambda n, rest: cs.Router(cs.task(size_of)(rest), {key: inner(key, [n, rest]) for key in range(4)}),
        }  # fmt: skip
        return answers.get(spec.kind, value)


def typed(name: str, divisor: int) -> Any:
    def function(n: int, rest: Any, held: Any = None) -> Any:
        total = 0
        for number in range(n + 3):
            total += number // divisor
        return total

    return cs.task(name=name)(function)


def typed_loop(name: str, divisor: int) -> Any:
    def function(n: int, rest: Any, held: Any = None) -> Any:
        total = 0
        for number in range(3):
            total += number // divisor
        if n > 0:
            return cs.TailCall((n - 1,))
        return total

    return cs.task(name=name)(function)


def typed_answer(name: str, divisor: int) -> Any:
    def function(n: int, rest: Any, held: Any = None) -> Any:
        total = 0
        for number in range(3):
            total += number // divisor
        if n > 0:
            return answer(n - 1, rest)
        return total

    answer = cs.task(name=name)(function)
    return answer


def typed_item(name: str, divisor: int) -> Any:
    fails = 1 - divisor  # which item does

    def function(n: int, rest: Any, held: Any = None) -> Any:
        total = 0
        for number in range(3):
            total += number // (n - fails + 7 * divisor)
        return total

    return cs.task(name=name)(function)


TYPED = {"typed": typed, "typed loop": typed_loop, "typed answer": typed_answer, "typed map": typed_item}


# -- Recorded runs --------------------------------------------------------------------------------------------------------


@dataclasses.dataclass
class Recorded:
    value: str | None
    error: Any
    events: list[Event]


def record(
    use_vm: bool,
    nodes: Any,
    resources: Any,
    width: int,
    cache: Any = None,
    *,
    executor: Any = None,
    now: bool = False,
    **subscription: Any,
) -> Recorded:
    bus = MessageBus()
    heard: list[Event] = []
    bus.subscribe(subscription.pop("kind", Event), heard.append, **subscription)
    engine = Engine(bus=bus, executor=executor, system_resources=CAPACITY)
    before = time.time()
    try:
        target = Maker(nodes, resources, cache).made[-width:]
        value: Any = engine.run_now(target, use_vm=use_vm) if now else Path(use_vm).run_with(engine, target)
        recorded = Recorded(repr(value), None, heard)
    except (Failure, CascadeError, ZeroDivisionError) as error:
        recorded = Recorded(None, (type(error), str(error), list(getattr(error, "__notes__", ()))), heard)
    assert all(before <= event.timestamp <= time.time() for event in heard)
    assert engine.capacity._free == CAPACITY
    return recorded


OWN_OF_EACH_RUN = {"run_id", "event_id", "timestamp", "duration"}


def plain(events: list[Event]) -> list[Any]:
    """Events as they can be compared: without what differs from run to run."""
    return [
        (type(event).__name__, {name: value for name, value in vars(event).items() if name not in OWN_OF_EACH_RUN})
        for event in events
        if not isinstance(event, LoopProgress)
    ]


@settings(max_examples=250)
@given(node_specs, resource_specs, widths)
def test_both_paths_tell_the_same(nodes, resources, width):
    graph, vm = record(False, nodes, resources, width), record(True, nodes, resources, width)
    assert plain(graph.events) == plain(vm.events)
    assert (graph.value, graph.error) == (vm.value, vm.error)
    check_sense(graph)
    check_sense(vm)


@settings(max_examples=100)
@given(node_specs, resource_specs, widths)
def test_both_paths_tell_the_same_with_caches(nodes, resources, width):
    caches = PlainCache(), PlainCache()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", CacheWarning)
        for _ in range(2):
            graph, vm = (record(use_vm, nodes, resources, width, caches[use_vm]) for use_vm in (False, True))
            assert plain(graph.events) == plain(vm.events)
            assert (graph.value, graph.error) == (vm.value, vm.error)
            check_sense(graph)


@settings(max_examples=125)
@given(node_specs, resource_specs, widths, st.sampled_from([*EVENTS, TaskRetrying, None]))
def test_what_a_part_of_the_events_tells_does_not_depend_on_who_hears_the_others(nodes, resources, width, kind):
    everything = record(True, nodes, resources, width)
    for use_vm in (False, True):
        if kind is None:
            part = record(use_vm, nodes, resources, width, items=False)
            expected = [event for event in everything.events if not isinstance(event, (ItemStarted, ItemFinished))]
        else:
            part = record(use_vm, nodes, resources, width, kind=kind)
            expected = [event for event in everything.events if isinstance(event, kind)]
        assert plain(part.events) == plain(expected)
        assert (part.value, part.error) == (everything.value, everything.error)


class Calling:
    """An executor of somebody's own, which every call goes through."""

    calls_inline = False

    def call(self, task: Any, args: Any, kwargs: Any) -> Any:
        return task.called(*args, **kwargs)


@settings(max_examples=100)
@given(node_specs, resource_specs, widths)
def test_every_way_to_run_tells_the_same(nodes, resources, width):
    expected = record(True, nodes, resources, width)
    for use_vm in (False, True):
        for options in ({"now": True}, {"executor": Calling()}):
            recorded = record(use_vm, nodes, resources, width, **options)
            assert plain(recorded.events) == plain(expected.events)
            assert (recorded.value, recorded.error) == (expected.value, expected.error)


# -- What makes sense -----------------------------------------------------------------------------------------------------


def check_sense(recorded: Recorded) -> None:
    """What holds for the events of any run."""
    events = recorded.events
    if not events:
        assert recorded.error is not None  # it was refused before anything ran
        return
    assert type(events[0]) is RunStarted and type(events[-1]) is RunFinished
    assert [event.event_id for event in events] == sorted({event.event_id for event in events})
    assert len({event.run_id for event in events}) == 1
    assert events[-1].status == ("Succeeded" if recorded.error is None else "Failed")
    for event in events:
        assert vars(event).keys() == {field.name for field in dataclasses.fields(event)}
        assert type(event)(**vars(event)) == event
    check_calls(events)
    check_resources(events)
    check_account(recorded)


def check_calls(events: list[Event]) -> None:
    running: dict[str, int | None] = {}
    ended: set[str] = set()
    skipped: set[str] = set()
    for event in events[1:-1]:
        if isinstance(event, ResourceEvent):
            continue
        task_id = event.task_id
        map_id = map_of(task_id)
        if isinstance(event, TaskExecutionStarted):
            assert isinstance(event, ItemStarted) == (map_id is not None)
            assert task_id not in running and task_id not in ended and task_id not in skipped
            if map_id is not None:
                items = running[map_id]
                assert items is not None and int(task_id[len(map_id) + 1 : -1]) < items
            running[task_id] = event.items
        elif isinstance(event, TaskExecutionFinished):
            assert isinstance(event, ItemFinished) == (map_id is not None)
            assert (event.status == "Succeeded") == (event.error is None) == (event.result_preview is not None)
            assert event.duration >= 0
            assert event.failed_item is None or not event.abandoned
            if event.status == "Succeeded" or event.abandoned:
                assert not any(map_of(other) == task_id for other in running), "a map ends after its items"
            if event.abandoned:
                assert event.error == events[-1].error
            else:
                assert map_id is None or map_id in running
            del running[task_id]
            ended.add(task_id)
        elif isinstance(event, TaskSkipped):
            assert task_id not in running and task_id not in ended and task_id not in skipped
            skipped.add(task_id)
        elif isinstance(event, TaskRetrying):
            assert task_id in running
            assert 1 <= event.attempt < event.max_attempts
        elif isinstance(event, LoopProgress):
            assert task_id in running
        else:
            assert isinstance(event, TaskBlocked)
            assert task_id not in ended and task_id not in skipped
    assert not running


def check_resources(events: list[Event]) -> None:
    acquired = Counter(event.resource_name for event in events if isinstance(event, ResourceAcquired))
    released = Counter(event.resource_name for event in events if isinstance(event, ResourceReleased))
    assert acquired == released
    held: Counter[str] = Counter()
    for event in events:
        if isinstance(event, ResourceEvent):
            held[event.resource_name] += 1 if isinstance(event, ResourceAcquired) else -1
            assert held[event.resource_name] >= 0


def check_account(recorded: Recorded) -> None:
    """The number of tasks that was told first, and what observers make of the events."""
    states = States()
    for event in recorded.events[:-1]:
        states.update(event)
    run = states.runs[recorded.events[0].run_id]
    assert not run.maps_and_loops and not run.groups or recorded.error is not None
    if recorded.error is None:
        assert run.done == run.total
        own = {
            event.task_id
            for event in recorded.events
            if isinstance(event, (TaskExecutionStarted, TaskSkipped))
            and map_of(event.task_id) is None
            and not is_returned(event.task_id)
            and not event.task_id.startswith("Router#")
        }
        assert len(own) == recorded.events[0].tasks
        assert all(getattr(event, "status", "Succeeded") == "Succeeded" for event in recorded.events)
