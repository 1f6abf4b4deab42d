"""Random graphs: plain Python, the graph path and the VM path agree in value, exception and event sequence."""

from __future__ import annotations

import asyncio
import dataclasses
import io
import re
import sys
import types
import warnings
from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis import given, settings

import cascade as cs
from cascade.errors import CacheWarning, CascadeError
from cascade.graph.build import build_graph
from cascade.graph.outline import outline
from cascade.graph.serialize import from_json, to_json
from cascade.runtime import Engine, MessageBus
from cascade.runtime.events import Event
from tests.conftest import Path, no_clock
from tests.support.caches import PlainCache
from tests.support.recording import brief, story


@pytest.fixture(scope="module", autouse=True)
def one_slice():
    with no_clock():
        yield


class Failure(Exception):
    pass


@dataclasses.dataclass(frozen=True)
class Box:
    content: Any
    mark: int = 0


def combine(name: str, args: Any, kwargs: Any) -> Any:
    return (name, args, tuple(sorted(kwargs.items())))


# The behaviours that a node may have; each is the plain function and what the task does instead.


def plain_value(name: str) -> Any:
    def function(*args: Any, **kwargs: Any) -> Any:
        return combine(name, args, kwargs)

    return function, function


def failing(name: str) -> Any:
    def function(*args: Any, **kwargs: Any) -> Any:
        raise Failure(name)

    return function, function


def asynchronous(name: str) -> Any:
    def function(*args: Any, **kwargs: Any) -> Any:
        return combine(name, args, kwargs)

    async def task(*args: Any, **kwargs: Any) -> Any:
        for _ in range(len(name) % 3):
            await asyncio.sleep(0)
        return combine(name, args, kwargs)

    return function, task


def looping(name: str) -> Any:
    def function(*args: Any, **kwargs: Any) -> Any:
        return combine(name, (3,), {"rest": args, **kwargs})

    def task(*args: Any, **kwargs: Any) -> Any:
        return helper.tail(0, *args, **kwargs)

    @cs.task
    def helper(n: int, *args: Any, **kwargs: Any) -> Any:
        return combine(name, (n,), {"rest": args, **kwargs}) if n == 3 else cs.TailCall((n + 1, *args))

    return function, task


def expanding(name: str) -> Any:
    def function(*args: Any, **kwargs: Any) -> Any:
        return combine(name, ([combine(name, args, {}), 1],), kwargs)

    @cs.task
    def inner(*args: Any, **kwargs: Any) -> Any:
        return combine(name, args, kwargs)

    def task(*args: Any, **kwargs: Any) -> Any:
        return inner([inner(*args), 1], **kwargs)

    return function, task


def counting_down(name: str) -> Any:
    def function(n: Any = 4, *args: Any, **kwargs: Any) -> Any:
        return (name, 0, args, tuple(sorted(kwargs.items())))

    def task(n: Any = 4, *args: Any, **kwargs: Any) -> Any:
        if not isinstance(n, int):
            return cs.TailCall((4, *args))
        return (name, 0, args, tuple(sorted(kwargs.items()))) if n <= 0 else cs.TailCall((n - 1,))

    return function, task


BEHAVIOURS = [plain_value, plain_value, asynchronous, looping, expanding, counting_down]

Spec = tuple[int, list[Any], dict[str, Any]]
"""A node: its behaviour, and its arguments, in which `Reference`s stand for other nodes."""


@dataclasses.dataclass(frozen=True)
class Reference:
    back: int


leaves = st.one_of(
    st.integers(-3, 3), st.text("ab", max_size=2), st.builds(Reference, st.integers(0, 5)), st.booleans(), st.none()
)
arguments = st.recursive(
    leaves,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.tuples(inner, inner),
        st.dictionaries(st.text("xyz", min_size=1, max_size=1), inner, max_size=2),
        st.builds(Box, inner),
    ),
    max_leaves=4,
)
node = st.tuples(
    st.integers(0, len(BEHAVIOURS) - 1),
    st.lists(arguments, max_size=3),
    st.dictionaries(st.sampled_from(["p", "q"]), arguments, max_size=2),
)
graphs = st.lists(node, min_size=1, max_size=12)


def replace(value: Any, made: list[Any]) -> Any:
    """`value`, with the node that each reference counts back to."""
    if isinstance(value, Reference):
        return made[-1 - value.back % len(made)] if made else 0
    if isinstance(value, list):
        return [replace(item, made) for item in value]
    if isinstance(value, tuple):
        return tuple(replace(item, made) for item in value)
    if isinstance(value, dict):
        return {key: replace(item, made) for key, item in value.items()}
    if isinstance(value, Box):
        return Box(replace(value.content, made), value.mark)
    return value


def evaluate(specs: list[Spec], fails: set[int]) -> Any:
    """The value by plain Python: each node is a memoised call, made when it is first needed."""
    made: list[Any] = []
    for index, (behaviour, args, kwargs) in enumerate(specs):
        chosen = failing if index in fails else BEHAVIOURS[behaviour]
        made.append(_Thunk(chosen(f"n{index}")[0], [*args], dict(kwargs), list(made)))
    return made[-1]()


class _Thunk:
    def __init__(self, function: Any, args: list[Any], kwargs: dict[str, Any], made: list[Any]) -> None:
        self.function, self.args, self.kwargs, self.made = function, args, kwargs, made

    def __call__(self) -> Any:
        if not hasattr(self, "value"):
            args = [_force(replace(argument, self.made)) for argument in self.args]
            kwargs = {name: _force(replace(argument, self.made)) for name, argument in self.kwargs.items()}
            self.value = self.function(*args, **kwargs)
        return self.value


def _force(value: Any) -> Any:
    if isinstance(value, _Thunk):
        return value()
    if isinstance(value, list):
        return [_force(item) for item in value]
    if isinstance(value, tuple):
        return tuple(_force(item) for item in value)
    if isinstance(value, dict):
        return {key: _force(item) for key, item in value.items()}
    if isinstance(value, Box):
        return Box(_force(value.content), value.mark)
    return value


def declare(specs: list[Spec], fails: set[int]) -> Any:
    made: list[Any] = []
    for index, (behaviour, args, kwargs) in enumerate(specs):
        chosen = failing if index in fails else BEHAVIOURS[behaviour]
        task = cs.task(name=f"n{index}")(chosen(f"n{index}")[1])
        made.append(task(*replace(list(args), made), **replace(dict(kwargs), made)))
    return made[-1]


def outcome(action: Any) -> Any:
    try:
        return "value", action()
    except Failure as error:
        return "failure", str(error)


@settings(max_examples=150)
@given(graphs)
def test_random_graphs_give_what_python_gives(specs):
    expected = outcome(lambda: evaluate(specs, set()))
    for use_vm in (False, True):
        path = Path(use_vm)
        assert outcome(lambda: path.run(declare(specs, set()))) == expected
        assert outcome(lambda: asyncio.run(path.arun(declare(specs, set())))) == expected


@settings(max_examples=150)
@given(graphs, st.sets(st.integers(0, 11), max_size=2))
def test_random_graphs_with_failing_nodes_fail_alike(specs, fails):
    synchronous = [(0 if BEHAVIOURS[kind] is asynchronous else kind, args, kwargs) for kind, args, kwargs in specs]
    expected = outcome(lambda: evaluate(synchronous, fails))
    for use_vm in (False, True):
        assert outcome(lambda: Path(use_vm).run(declare(synchronous, fails))) == expected
    # Where async nodes overlap, which of two failures comes first is the event loop's affair: the same on both paths.
    graph, vm = (outcome(lambda: Path(use_vm).run(declare(specs, fails))) for use_vm in (False, True))
    assert graph == vm


@settings(max_examples=100)
@given(graphs, st.sets(st.integers(0, 11), max_size=1), st.integers(0, 30))
def test_random_graphs_tell_the_same_events_and_stop_at_the_same_step(specs, fails, max_steps):
    outcomes = []
    for use_vm in (False, True):
        bus = MessageBus()
        heard: list[Event] = []
        bus.subscribe(Event, heard.append)
        try:
            Path(use_vm).run_with(Engine(bus=bus), declare(specs, fails), max_steps=max_steps)
        except (Failure, RuntimeError) as error:
            outcomes.append((brief(heard), type(error), str(error), getattr(error, "__notes__", None)))
        else:
            outcomes.append((brief(heard), None, "", None))
    assert outcomes[0] == outcomes[1]


def test_the_reference_evaluation_shares_nodes():
    specs: list[Spec] = [(0, [], {}), (0, [Reference(0), [Reference(0)]], {})]
    assert evaluate(specs, set()) == ("n1", (("n0", (), ()), [("n0", (), ())]), ())
    with pytest.raises(Failure, match="n0"):
        evaluate(specs, {0})


# -- Policies and control flow ----------------------------------------------------------------------------------------


@dataclasses.dataclass
class Deal:
    """What a node gets besides its arguments; numbers count back to other nodes, as in Reference."""

    condition: int | bool | None = None
    after: int | None = None
    heals_after: int = 0
    attempts: int = 0
    amount: int | None = None
    lazy_amount: bool = False
    timeout: bool = False
    cached: bool = False
    router: tuple[int, int, bool] | None = None
    mapped: list[int] | None = None
    steps: int | None = None


deals = st.builds(
    Deal,
    condition=st.one_of(st.none(), st.none(), st.booleans(), st.integers(0, 5)),
    after=st.one_of(st.none(), st.none(), st.integers(0, 5)),
    heals_after=st.sampled_from([0, 0, 0, 1, 2]),
    attempts=st.integers(0, 3),
    amount=st.one_of(st.none(), st.integers(0, 4)),
    lazy_amount=st.booleans(),
    timeout=st.booleans(),
    cached=st.booleans(),
    router=st.one_of(st.none(), st.none(), st.tuples(st.integers(0, 5), st.integers(0, 5), st.booleans())),
    mapped=st.one_of(st.none(), st.none(), st.lists(st.integers(0, 3), max_size=3)),
    steps=st.one_of(st.none(), st.none(), st.integers(0, 3)),
)
dealt_graphs = st.lists(st.tuples(st.booleans(), st.lists(arguments, max_size=2), deals), min_size=1, max_size=8)

CAPACITY = {"cpu": 3}


def plain_size(value: Any) -> int:
    return len(repr(value)) % 5


def declare_dealt(specs: list[Any], cache: Any) -> Any:
    """The graph of `specs`, with functions that fail as often as they are told to."""
    made: list[Any] = []

    def back(number: int) -> Any:
        return made[-1 - number % len(made)] if made else number

    for index, (asynchronously, args, deal) in enumerate(specs):
        function = dealt_function(f"n{index}", deal, asynchronously)
        task = cs.task(name=f"n{index}")(function)
        operands = replace(list(args), made)
        if deal.mapped is not None:
            lazy = task.map(list(deal.mapped), [operands] * len(deal.mapped))
        else:
            lazy = task(deal.steps or 0, operands)
        if deal.attempts:
            lazy.with_retry(deal.attempts)
        if deal.timeout:
            lazy.with_timeout(600)
        if deal.amount is not None:
            lazy.with_constraints(cpu=cs.task(plain_size)(back(deal.amount)) if deal.lazy_amount else deal.amount)
        is_state = deal.steps is not None and deal.mapped is None  # states have no cache
        if deal.cached and cache is not None and not is_state:
            lazy.with_cache(cache)
        if is_state:
            cs.bind(lazy, cs.select_jump({"again": lazy, "end": None}))
        if deal.condition is not None:
            lazy.run_if(
                deal.condition if isinstance(deal.condition, bool) else cs.task(plain_size)(back(deal.condition))
            )
        if deal.after is not None and made:
            lazy.after(back(deal.after))
        made.append(lazy)
        if deal.router is not None:
            first, second, key = deal.router
            made.append(cs.Router(key, {True: back(first), False: cs.task(plain_size)(back(second))}))
            if deal.condition is not None:
                made.append(cs.pipeline(back(0), [lambda value, task=task: task(0, [value]).run_if(key)]))
    return made[-1]


def dealt_function(name: str, deal: Deal, asynchronously: bool) -> Any:
    failures = 0

    def function(n: int, operands: Any) -> Any:
        nonlocal failures
        if failures < deal.heals_after:
            failures += 1
            raise Failure(f"{name} for the {failures}. time")
        if deal.steps is not None and deal.mapped is None:
            return cs.Jump("again", n - 1) if n > 0 else cs.Jump("end", (name, operands))
        return (name, n, operands)

    async def function_later(n: int, operands: Any) -> Any:
        await asyncio.sleep(0)
        return function(n, operands)

    return function_later if asynchronously else function


def outcomes_of(
    specs: list[Any], use_vm: bool, cache: Any, rounds: int = 1, through: Any = lambda target: target
) -> Any:
    outcomes = []
    for _ in range(rounds):
        bus = MessageBus()
        heard: list[Event] = []
        bus.subscribe(Event, heard.append)
        engine = Engine(bus=bus, system_resources=CAPACITY)
        try:
            value: Any = Path(use_vm).run_with(engine, through(declare_dealt(specs, cache)))
            outcomes.append((story(heard), repr(value), None))
        except (Failure, CascadeError) as error:
            outcomes.append((story(heard), type(error), [str(error), *getattr(error, "__notes__", ())]))
        assert engine.capacity._free == CAPACITY
        assert not engine.capacity._waiting
    return outcomes


@settings(max_examples=200)
@given(dealt_graphs)
def test_random_policies_and_control_flow_are_the_same_on_both_paths(specs):
    assert outcomes_of(specs, False, None) == outcomes_of(specs, True, None)


@settings(max_examples=100)
@given(dealt_graphs)
def test_random_caches_are_the_same_on_both_paths(specs):
    # Functions that close over a counter cannot be told apart by code alone: a cache of one's own keeps them by name.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", CacheWarning)
        assert outcomes_of(specs, False, PlainCache(), 2) == outcomes_of(specs, True, PlainCache(), 2)


def read_again(target: Any) -> Any:
    """The target, written as JSON and read; its functions stand in a module meanwhile, to be found there."""
    module = types.ModuleType("cascade_dealt")
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, module.__name__, module)
        for entry in outline(build_graph(target)).entries:
            task = getattr(entry.operation, "task", None)
            if task is not None and task.func.__name__.startswith("function"):
                task.func.__module__, task.func.__qualname__ = module.__name__, task.name
                setattr(module, task.name, task)
        text = to_json(target)
        graph = from_json(text, allow=[module.__name__, __name__])
        assert to_json(graph) == text
        return graph


@settings(max_examples=100)
@given(dealt_graphs)
def test_random_graphs_are_the_same_after_they_were_written_and_read(specs):
    with_target = outcomes_of(specs, True, None)
    assert outcomes_of(specs, True, None, through=read_again) == with_target
    assert outcomes_of(specs, False, None, through=build_graph) == with_target


@settings(max_examples=100)
@given(dealt_graphs)
def test_random_graphs_can_be_looked_at(specs):
    target = declare_dealt(specs, PlainCache())
    out = io.StringIO()
    cs.dry_run(target, file=out)
    tasks = {task.name for task in cs.explain(target).tasks}
    assert {name for name in tasks if name.startswith("n")} == set(
        re.findall(r"^  (n\d)#", out.getvalue(), re.MULTILINE)
    )
    drawn = cs.visualize(target)
    assert all(name.removeprefix("machine ") in drawn for name in tasks)
    assert cs.compile(target, system_resources={"cpu": 9}).disassemble().startswith("blueprint ")


@settings(max_examples=100)
@given(dealt_graphs)
def test_values_are_the_same_whether_observed_or_not(specs):
    def outcome_of(use_vm: bool) -> Any:
        try:
            return repr(cs.run(declare_dealt(specs, None), use_vm=use_vm, system_resources=CAPACITY))
        except (Failure, CascadeError) as error:
            return type(error), str(error)

    observed = outcomes_of(specs, True, None)[0]
    expected = observed[1] if observed[2] is None else (observed[1], observed[2][0])
    assert outcome_of(False) == expected
    assert outcome_of(True) == expected
