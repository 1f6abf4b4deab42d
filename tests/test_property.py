"""Random graphs: plain Python, the graph path and the VM path agree in value, exception and event sequence."""

from __future__ import annotations

import asyncio
import dataclasses
from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis import HealthCheck, given, settings

import cascade as cs
from cascade.runtime import Engine, MessageBus, drive
from cascade.runtime.events import Event
from tests.conftest import Path
from tests.test_events import brief


@pytest.fixture(scope="module", autouse=True)
def one_slice():
    """No turns for the event loop by the clock: on a slow machine they would decide what comes first."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(drive, "SLICE", 3600.0)
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


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(graphs)
def test_random_graphs_give_what_python_gives(specs):
    expected = outcome(lambda: evaluate(specs, set()))
    for use_vm in (False, True):
        path = Path(use_vm)
        assert outcome(lambda: path.run(declare(specs, set()))) == expected
        assert outcome(lambda: asyncio.run(path.arun(declare(specs, set())))) == expected


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(graphs, st.sets(st.integers(0, 11), max_size=2))
def test_random_graphs_with_failing_nodes_fail_alike(specs, fails):
    synchronous = [(0 if BEHAVIOURS[kind] is asynchronous else kind, args, kwargs) for kind, args, kwargs in specs]
    expected = outcome(lambda: evaluate(synchronous, fails))
    for use_vm in (False, True):
        assert outcome(lambda: Path(use_vm).run(declare(synchronous, fails))) == expected
    # Where async nodes overlap, which of two failures comes first is the event loop's affair: the same on both paths.
    graph, vm = (outcome(lambda: Path(use_vm).run(declare(specs, fails))) for use_vm in (False, True))
    assert graph == vm


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(graphs, st.sets(st.integers(0, 11), max_size=1), st.integers(0, 30))
def test_random_graphs_tell_the_same_events_and_stop_at_the_same_step(specs, fails, max_steps):
    told = []
    for use_vm in (False, True):
        bus = MessageBus()
        heard: list[Event] = []
        bus.subscribe(Event, heard.append)
        try:
            Path(use_vm).run_with(Engine(bus=bus), declare(specs, fails), max_steps=max_steps)
        except (Failure, RuntimeError) as error:
            told.append((brief(heard), type(error), str(error), getattr(error, "__notes__", None)))
        else:
            told.append((brief(heard), None, "", None))
    assert told[0] == told[1]


def test_the_reference_evaluation_shares_nodes():
    specs: list[Spec] = [(0, [], {}), (0, [Reference(0), [Reference(0)]], {})]
    assert evaluate(specs, set()) == ("n1", (("n0", (), ()), [("n0", (), ())]), ())
    with pytest.raises(Failure, match="n0"):
        evaluate(specs, {0})
