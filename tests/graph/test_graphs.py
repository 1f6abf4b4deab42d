"""Building and running graphs: arguments of every kind, sharing, containers, depth."""

from __future__ import annotations

import collections
import dataclasses
import functools
import math
from typing import Any, ClassVar, NamedTuple

import pytest

import cascade as cs
from cascade.errors import CycleError, DeclarationError, TargetError
from cascade.graph.build import build_graph
from tests.support.tasks import add, chain, identity, increment, later, one, total


def test_a_nested_call_gives_its_value(run):
    assert run(add(increment(one()), 40)) == 42


def test_a_shared_result_is_computed_once(run):
    calls = []

    @cs.task
    def source():
        calls.append(1)
        return object()

    shared = source()
    first, second = run(identity([shared, (shared, {"x": shared})]))[0:2]
    assert calls == [1]
    assert first is second[0] is second[1]["x"]


class Named(cs.Task):
    """A task of a user's own class."""


def test_a_task_of_a_derived_class_is_called_with_its_arguments(run):
    plus = Named(lambda left, right: left + right, name="plus")
    assert run(plus(plus(one(), 2), [one(), 3][1])) == 6
    assert run(plus([one()], [2]).with_retry(2)) == [1, 2]
    assert run(cs.Router(one(), {1: plus(one(), 4)})) == 5
    assert build_graph(plus(one(), 2)).rows == ((one.task,), (plus, 0, -1))


def test_a_list_of_targets_gives_a_list(run):
    assert run([one(), increment(5)]) == [1, 6]
    assert run((one(), later(2))) == [1, 2]
    assert run([]) == []


class Point(NamedTuple):
    x: Any
    y: Any = 0


@dataclasses.dataclass
class Plain:
    value: Any
    other: Any = 1


@dataclasses.dataclass(frozen=True, slots=True)
class Frozen:
    value: Any
    hidden: Any = dataclasses.field(init=False, default="kept")


class Names(list):
    pass


@pytest.mark.parametrize(
    ("make", "expected"),
    [
        (lambda x: [x, [x]], [1, [1]]),
        (lambda x: (x, (2, x)), (1, (2, 1))),
        (lambda x: {"a": x, "b": {"c": [x]}}, {"a": 1, "b": {"c": [1]}}),
        (lambda x: {x: "key"}, {1: "key"}),
        (lambda x: {x, 2}, {1, 2}),
        (lambda x: frozenset([x]), frozenset([1])),
        (lambda x: Plain(x, [x]), Plain(1, [1])),
        (lambda x: Frozen((x,)), Frozen((1,))),
        (lambda x: Point(x, y=[x]), Point(1, [1])),
        (lambda x: Names([x, 3]), Names([1, 3])),
        (lambda x: collections.OrderedDict(b=x, a=2), collections.OrderedDict(b=1, a=2)),
        (lambda x: collections.defaultdict(list, a=x), collections.defaultdict(list, a=1)),
    ],
)
def test_results_are_found_inside_containers(run, make, expected):
    value = run(identity(make(one())))
    assert value == expected
    assert type(value) is type(expected)


def test_a_dataclass_keeps_fields_that_its_init_does_not_take(run):
    assert run(identity(Frozen(one()))).hidden == "kept"


def test_the_original_container_is_left_alone(run):
    lazy = one()
    argument = {"x": [lazy]}
    assert run(identity(argument)) == {"x": [1]}
    assert argument == {"x": [lazy]}


def test_a_container_without_results_is_passed_as_itself(run):
    argument = [1, {"a": (2,)}]
    assert run(identity(argument)) is argument


def test_a_container_passed_twice_stays_one_object(run):
    shared = [one()]
    first, second = run([identity(shared), identity(shared)])
    assert first is second
    assert first == [1]


def test_a_container_nested_in_several_others_stays_one_object(run):
    shared = [one()]
    plain = [2]
    first, second, third = run([identity([shared, plain]), identity({"x": (shared, plain)}), identity(shared)])
    assert first[0] is second["x"][0] is third
    assert first[1] is second["x"][1] is plain


def test_a_container_that_holds_itself_is_passed_as_itself(run):
    knot: list[Any] = [1]
    knot.append(knot)
    assert run(identity(knot)) is knot


def test_a_container_that_holds_itself_and_a_result_is_a_cycle(run):
    knot: list[Any] = [one()]
    knot.append(knot)
    with pytest.raises(CycleError):
        run(identity(knot))


def test_a_container_changed_after_the_call_can_make_a_cycle(run):
    argument: list[Any] = []
    first = total(argument)
    argument.append(increment(first))
    with pytest.raises(CycleError) as raised:
        run(first)
    assert raised.value.cycle == ("total", "increment", "total")
    assert "total -> increment -> total" in str(raised.value)
    assert "a container that was changed" in str(raised.value)


def test_strings_and_mappings_of_plain_values_are_not_copied(run):
    text = "text" * 1000
    assert run(identity(text)) is text


@pytest.mark.parametrize(
    ("target", "message"),
    [
        (one, "call it: one(...)"),
        (5, "the target is 5, of type int"),
        ([1, 5], "target[0] is 1"),
        ({"a": 1}, "of type dict"),
    ],
)
def test_a_wrong_target_is_refused(run, target, message):
    with pytest.raises(TargetError) as raised:
        run(target)
    assert message in str(raised.value)
    assert isinstance(raised.value, TypeError)


def test_a_result_has_no_truth_value():
    with pytest.raises(TypeError, match="is not known yet"):
        bool(one())


@pytest.mark.parametrize("bad", [{"mode": "thread"}, {"mode": None}])
def test_an_unknown_mode_is_refused(bad):
    with pytest.raises(DeclarationError, match="blocking"):
        cs.task(**bad)(lambda: 1)


def test_a_task_of_a_task_is_refused():
    with pytest.raises(DeclarationError, match="is a task already"):
        cs.task(one)


def test_every_kind_of_callable_can_be_a_task(run):
    class Adder:
        def __init__(self, n: int) -> None:
            self.n = n

        def __call__(self, x: int) -> int:
            return x + self.n

        @cs.task
        def method(self, x: int) -> int:
            return self.n * x

        @staticmethod
        def static(x: int) -> int:
            return -x

    adder = Adder(3)
    assert run(cs.task(adder)(1)) == 4
    assert run(cs.task(adder.__call__)(2)) == 5
    assert run(adder.method(5)) == 15
    assert run(cs.task(Adder.static)(2)) == -2
    assert run(cs.task(functools.partial(adder, x=9))()) == 12
    assert run(cs.task(len)([1, 2])) == 2
    assert run(cs.task(math.hypot)(3, 4)) == 5.0
    assert run(cs.task(max)(1, 7, 3, key=lambda n: -n)) == 1
    assert run(cs.task(dict)(a=one())) == {"a": 1}
    assert run(cs.task(lambda *items: items)(one(), 2)) == (1, 2)


def test_tasks_may_share_a_function_and_differ_in_name():
    assert cs.task(len).name == "len"
    assert cs.task(name="size")(len).name == "size"


def test_a_wrapped_function_is_called_as_the_user_called_it(run):
    seen = []

    def decorator(function):
        @functools.wraps(function)
        def wrapper(*args, **kwargs):
            seen.append((args, kwargs))
            return function(*args, **kwargs)

        return wrapper

    @cs.task
    @decorator
    def power(base: int, exponent: int = 2) -> int:
        return base**exponent

    assert run(power(3)) == 9
    assert run(power(base=2, exponent=one())) == 2
    assert seen == [((3,), {}), ((), {"base": 2, "exponent": 1})]


def test_the_order_of_calls_is_that_of_nested_python_calls(run):
    calls = []

    @cs.task
    def note(name, *needs):
        calls.append(name)
        return name

    run(note("e", note("b", note("a")), [note("c"), note("d")]))
    assert calls == ["a", "b", "c", "d", "e"]


@pytest.mark.parametrize("length", [100_000])
def test_a_deep_chain_runs_and_is_freed(run, length):
    assert run(chain(length)) == length


def test_a_wide_graph_runs(run):
    parts = [increment(i) for i in range(20_000)]
    assert run(total(parts)) == sum(range(1, 20_001))


def test_containers_nest_deeply(run):
    nested: Any = one()
    for _ in range(50_000):
        nested = [nested]
    value = run(identity(nested))
    for _ in range(50_000):
        (value,) = value
    assert value == 1


def test_graphs_of_equal_shape_are_equal_and_hash_alike():
    first, second = build_graph(add(increment(1), 2)), build_graph(add(increment(3), 4))
    assert first.rows == second.rows
    assert hash(first.rows) == hash(second.rows)
    assert first.inputs == (1, 2)
    assert build_graph(add(1, increment(2))).rows != first.rows


def test_the_graph_tells_its_nodes_and_edges():
    shared = one()
    graph = build_graph(add(shared, b=[shared, 5]))
    assert [node.label for node in graph.nodes] == ["one#0", "list#1", "add#2"]
    assert [(edge.source, edge.target, edge.parameter) for edge in graph.edges()] == [
        (0, 1, "0"),
        (0, 2, "a"),
        (1, 2, "b"),
    ]
    assert graph.inputs == (5,)


def test_a_hash_of_a_deep_chain_does_not_recurse():
    assert hash(build_graph(chain(100_000)).rows) == hash(build_graph(chain(100_000, start=7)).rows)


def test_subclasses_are_rebuilt_by_their_own_rules(run):
    assert run(identity(collections.Counter(a=one()))) == collections.Counter(a=1)

    class Tagged(tuple):
        tag: str

    tagged = Tagged([one(), 2])
    tagged.tag = "kept"
    assert run(identity(tagged)).tag == "kept"

    @dataclasses.dataclass(slots=True)
    class Slotted:
        value: Any
        kind: ClassVar[Any] = one()
        seed: dataclasses.InitVar[int] = 0

    value = run(identity(Slotted(one())))
    assert value.value == 1
    assert "kind" not in Slotted.__slots__
    assert type(Slotted.kind) is cs.LazyResult


def test_a_shared_large_container_is_searched_once():
    @dataclasses.dataclass
    class Counting:
        value: int
        searched = 0

        def __getattribute__(self, name: str) -> Any:
            Counting.searched += name == "value"
            return object.__getattribute__(self, name)

    shared = [Counting(1)]
    build_graph(total([identity(shared) for _ in range(100)]))
    assert Counting.searched == 1


def test_graphs_and_nodes_are_equal_by_what_they_hold_and_cannot_be_changed():
    graph, same, other = (build_graph(add(increment(one()), n)) for n in (1, 1, 2))
    assert (
        graph == same
        and hash(graph) == hash(same)
        and graph.nodes == same.nodes
        and len({*graph.nodes, *same.nodes}) == len(graph)
    )
    assert graph != other and graph != graph.rows and graph.nodes[0] != graph.nodes[1]
    for thing, name in ((graph, "rows"), (graph.nodes[0], "index"), (cs.compile(add(1, 2)).blueprint, "words")):
        with pytest.raises(AttributeError, match="cannot be changed"):
            setattr(thing, name, ())
        with pytest.raises(AttributeError, match="cannot be changed"):
            delattr(thing, name)
