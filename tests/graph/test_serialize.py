"""Graphs as JSON: round trips, and hostile input."""

from __future__ import annotations

import abc
import dataclasses
import datetime
import decimal
import enum
import fractions
import json
import math
import pathlib
import sys
import typing
import uuid
from collections import namedtuple
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import cascade as cs
from cascade.errors import CascadeError, CycleError, SerializationError
from cascade.graph.build import build_graph
from cascade.graph.model import Graph
from cascade.graph.outline import target_of
from cascade.graph.serialize import from_json, to_json
from tests.support.documents import document
from tests.support.tasks import add, chain, countdown, identity, increment, later, one, total

HERE = __name__
Point = namedtuple("Point", "x y")


class Colour(enum.Enum):
    RED = 1


@dataclasses.dataclass(frozen=True)
class Box:
    content: Any
    label: str = "box"


@dataclasses.dataclass
class Explosive:
    x: int = 0

    def __post_init__(self) -> None:
        raise AssertionError("nothing may be called")


@dataclasses.dataclass
class Problem(Exception):
    code: int = 0


@dataclasses.dataclass
class Abstract(abc.ABC):
    x: int = 0

    @abc.abstractmethod
    def method(self) -> None: ...


def plain(x: int) -> int:
    return x + 100


class Space:
    @cs.task
    @staticmethod
    def inside(x: int) -> int:
        return x * 2


@cs.resource
def database() -> Any:
    yield "db"


def round_trip(target: Any, **options: Any) -> Graph:
    text = to_json(target)
    graph = from_json(text, **options)
    assert to_json(graph) == text
    return graph


VALUES = [
    None, True, 5, -(10**40), 10**5000, 1.5, -0.0, float("inf"), "text", "\ud800 é", b"\x00\xff", 2 - 1j, [1, [2]], (1, (2,)), {},
    {"a": 1, "$b": 2}, {1: "x", (1, 2): [3]}, {1, 2, 3}, frozenset({"a"}), datetime.date(2026, 1, 2),
    datetime.datetime(2026, 1, 2, 3, 4, 5, 6), datetime.time(1, 2), decimal.Decimal("1.10"), pathlib.Path("a/b"),
    uuid.UUID(int=5), Colour.RED, Box([1, Box(2)]), Point(1, [2]),
]  # fmt: skip


@pytest.mark.parametrize("value", VALUES, ids=lambda value: type(value).__name__)
def test_values_come_back(value, run):
    graph = round_trip(identity(value))
    assert graph == build_graph(identity(value))
    result = run(graph)
    assert result == value and type(result) is type(value)


def test_special_numbers_come_back():
    assert math.isnan(cs.run(round_trip(identity(float("nan")))))
    assert math.copysign(1, cs.run(round_trip(identity(-0.0)))) == -1


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text() | st.binary(),
        lambda inner: st.lists(inner) | st.tuples(inner, inner) | st.dictionaries(st.text() | st.integers(), inner),
    )
)
def test_any_plain_value_comes_back(value):
    assert from_json(to_json(identity(value))).inputs == (value,)


@pytest.mark.parametrize(
    "make",
    [
        lambda: add(increment(1), [one(), {"x": (increment(2), 3)}, {one()}]),
        lambda: total([increment(i) for i in range(5)], scale=3),
        lambda: identity(Box([one(), Box(increment(1))], label="b")),
        lambda: identity(Point(one(), [increment(1)])),
        lambda: identity([Box((0, [one(), Box({"k": [increment(2)]})])), Point([[cs.Param("n", 1)]], 2)]),
        lambda: [one(), later(2), increment(one())],
        lambda: countdown(20),
        lambda: Space.inside(increment(2)),
        lambda: (lambda shared: add(shared, [shared]) if False else identity([shared, shared]))(increment(1)),
    ],
)
def test_graphs_come_back(make, run):
    if isinstance(make(), list) or make().task is not add:
        assert repr(run(round_trip(make()))) == repr(run(make()))
    assert from_json(to_json(make())).rows == build_graph(make()).rows


def test_a_shared_result_stays_shared():
    calls = []
    graph = from_json(to_json((lambda shared: identity([shared, (shared,)]))(increment(1))))
    assert len([row for row in graph.rows if row[0] is increment]) == 1
    assert calls == []


def test_inputs_and_resources_come_back(run):
    kind = dict[str, list[int | None]]
    target = identity([
        cs.Param("n", 5, type=int, description="how many"), cs.Param("x", type=kind), cs.Env("CASCADE_NOT_SET", "e"),
        cs.Param("c", Colour.RED, type=Colour), cs.Param("l", "a", type=typing.Literal["a", "b"]), cs.inject(database),
        cs.Param("t", (), type=tuple[int, ...]), cs.Param("p", None, type=pathlib.Path | None),
    ])  # fmt: skip
    graph = round_trip(target)
    assert run(graph, params={"n": "6", "x": '{"a": [1, null]}'}) == [
        6, {"a": [1, None]}, "e", Colour.RED, "a", "db", (), None
    ]  # fmt: skip
    before, after = (cs.compile(t).parameters for t in (target, graph))
    assert [each.describe() for each in before] == [each.describe() for each in after]
    by_name = round_trip(identity(cs.inject("database")))
    assert cs.Engine(resources=[database]).run_now(by_name) == "db"


def test_a_task_made_beside_its_function_comes_back_where_it_is_allowed(run):
    target = cs.task(name="renamed", mode="blocking")(plain)(1)
    with pytest.raises(SerializationError, match="is a function that is not a task by itself"):
        from_json(to_json(target))
    graph = round_trip(target, allow=[HERE])
    task = graph.rows[-1][0]
    assert (task.name, task.mode, task.func, run(graph)) == ("renamed", "blocking", plain, 101)


def test_a_deep_graph_comes_back():
    graph = from_json(to_json(chain(100_000)))
    assert len(graph) == 100_000
    assert cs.run(graph) == 100_000
    assert cs.run(from_json(to_json(total([one() for _ in range(20_000)])))) == 20_000


def test_rows_may_stand_in_any_order(run):
    graph = Graph(((add, 1, 2), (one,), (increment, 1), (identity, 0)))
    assert run(graph) == 3
    assert run(round_trip(graph)) == 3


@pytest.mark.parametrize(
    ("make", "message", "where"),
    [
        (lambda: cs.task(lambda: 1)(), "does not lead to its function", "task '<lambda>'"),
        (
            lambda: identity(increment(fractions.Fraction(1, 2))),
            "a Fraction has no JSON form",
            "argument 'x' of increment#0",
        ),
        (lambda: identity([1, {"k": object()}]), "a object has no JSON form", "argument 'value' of identity#0"),
        (lambda: identity([object(), one()]), "a object has no JSON form", "a list in an argument"),
        (
            lambda: identity(cs.Param("x", type=lambda v: v)),
            "type .* cannot be found",
            "argument 'value' of identity#0",
        ),
        (
            lambda: identity(dataclasses.make_dataclass("Local", ["x"])(1)),
            "cannot be found by its name",
            "argument 'value'",
        ),
        (lambda: identity(Counted({"a": 1})), "subclass of a container", "argument 'value'"),
        (lambda: identity([Problem(3)]), "a Problem has no JSON form", "argument 'value'"),
    ],
)
def test_what_cannot_be_written_is_named(make, message, where):
    with pytest.raises(SerializationError, match=message) as raised:
        to_json(make())
    assert where in str(raised.value.where)


class Counted(dict[str, int]):
    pass


def test_containers_that_cannot_be_written():
    loop: list[Any] = []
    loop.append(loop)
    with pytest.raises(SerializationError, match="holds itself"):
        to_json(identity(loop))
    deep: Any = 1
    for _ in range(100_000):
        deep = [deep]
    with pytest.raises(SerializationError, match="too deep"):
        to_json(identity(deep))
    while isinstance(deep, list):
        deep = deep[0]


@pytest.mark.parametrize(
    "make",
    [
        lambda inner: [inner, inner],
        lambda inner: (inner, inner),
        lambda inner: {"a": inner, "b": inner},
        lambda inner: Box(inner, inner),
    ],
)
def test_a_value_that_is_doubled_40_times_is_written_once_and_read_as_it_was(make):
    value: Any = [1]
    for _ in range(40):
        value = make(value)
    text = to_json(identity(value))
    assert len(text) < 10_000
    read = from_json(text, allow=[HERE, "tests.support.tasks"]).inputs[0]
    for _ in range(40):
        parts = (
            [*vars(read).values()] if isinstance(read, Box) else [*read.values()] if isinstance(read, dict) else [*read]
        )
        assert parts[0] is parts[1]
        read = parts[0]
    assert read == [1]


def test_what_stands_twice_in_a_short_value_is_written_out():
    inner = [1]
    assert json.loads(to_json(identity([inner, inner])))["inputs"] == [[[1], [1]]]


def test_a_long_value_in_which_nothing_stands_twice_has_no_references():
    value = [[number] for number in range(20_000)]
    assert json.loads(to_json(identity(value)))["inputs"] == [value]


def test_a_set_whose_elements_are_doubled_again_and_again_is_refused():
    element: Any = (1,)
    for _ in range(15):  # Python itself takes as long as the text would be: it hashes them
        element = (element, element)
    with pytest.raises(SerializationError, match="a frozenset whose elements hold"):
        to_json(identity(frozenset([element])))


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({"$again": 0}, "the number 0"),
        ({"$again": [0]}, "the number"),
        ([{"$shared": 0, "value": []}, {"$shared": 0, "value": []}], "the number 0"),
        ({"$shared": "x", "value": []}, "the number 'x'"),
        ({"$shared": 0}, "value"),
        ({"$shared": 0, "value": [{"$again": 0}]}, "the number 0"),
    ],
)
def test_references_that_lead_nowhere_are_refused(value, message):
    with pytest.raises(SerializationError, match=message):
        from_json(document(inputs=[value]), allow=["tests.support.tasks"])


# -- Hostile input ------------------------------------------------------------------------------------------------------


def operation(**fields: Any) -> str:
    return document(operations=[fields])


def value(*values: Any) -> str:
    return document(inputs=list(values))


def test_the_document_of_these_tests_is_good():
    assert cs.run(from_json(document())) == 2


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "it is not JSON"),
        ("[" * 100_000, "nests too deep|no JSON"),
        (b"\xff\xfe\xff", "not JSON"),
        ("9" * 100_000, "not JSON"),
        ("[]", "it is a list"),
        ("{}", "missing 'format'"),
        ('{"a": 1, "a": 2}', "'a' stands twice"),
        (document(format="other"), "format 'other'"),
        (document(version=2), "version 2"),
        (document(version=True), "version True"),
        (document(extra=1), "unknown 'extra'"),
        (document(rows=5), "rows is not a list"),
        (document(rows=[]), "no rows"),
        (document(rows=[[]]), "not a list of integers"),
        (document(rows=[[0, "x"]]), "not a list of integers"),
        (document(rows=[[False, -1]]), "not a list of integers"),
        (document(rows=[[1, -1]]), "operation 1 is none of the 1"),
        (document(rows=[[-1, -1]]), "operation -1"),
        (document(rows=[[0, -2]]), "reference -2 leads nowhere"),
        (document(rows=[[0, 1]]), "reference 1 leads nowhere"),
        (document(rows=[[0, 10**30]]), "leads nowhere"),
        (document(rows=[[0]]), "increment has 1 parameters, 0 are given"),
        (document(rows=[[0, -1, -1]]), "2 are given"),
        (document(rows=[[0, 0]]), "depends on itself"),
        (document(rows=[[0, 1], [0, 0]]), "increment#1 -> increment#0 -> increment#1"),
        (document(operations=[{"container": "dict"}]), "do not come in pairs"),
        (document(operations=[{"container": "set"}], inputs=[[1]]), "hashable"),
        (document(operations=[{"container": "rebuilt"}]), "does not fit its parts"),
        (document(operations=[{"container": "rebuilt"}], inputs=[[1, 2]]), "does not fit its parts"),
        (operation(container="bag"), "container 'bag'"),
        (operation(container=["list"]), "container"),
        (operation(resource=5), "resource 5"),
        (operation(resource="x", of="tests.support.tasks:one"), "expected: a resource"),
        (operation(task=5), "5 names nothing"),
        (operation(task="tests.support.tasks"), "names nothing"),
        (operation(task="tests.support.tasks:one:two"), "names nothing"),
        (operation(task="tests.support.tasks:no such"), "names nothing"),
        (operation(task="tests.support.tasks:nothing"), "does not exist"),
        (operation(task="tests.support.tasks:increment.func"), "does not exist"),
        (operation(task="tests.support.tasks:increment.__init__.__globals__"), "does not exist"),
        (operation(task="os:system"), "expected: a task"),
        (operation(task="builtins:eval"), "expected: a task"),
        (operation(task="cascade_no_such_module:f"), "is not imported"),
        (operation(function="os:system"), "only if they are allowed"),
        (operation(), "missing 'task'"),
        (value({"$what": 1}), r"'\$what' is unknown"),
        (value({"$tuple": 1}), "expected: a list"),
        (value({"$tuple": [], "more": 1}), "unknown 'more'"),
        (value({"$float": "1e5"}), "nan, inf"),
        (value({"$float": [1]}), "nan, inf"),
        (value({"$int": "xyz"}), "malformed"),
        (value({"$int": [1]}), "malformed"),
        (value({"$complex": [1]}), "malformed"),
        (value({"$complex": ["a", "b"]}), "not a pair of floats"),
        (value({"$bytes": "!"}), "malformed"),
        (value({"$bytes": 5}), "malformed"),
        (value({"$set": [[1]]}), "malformed"),
        (value({"$dict": [[[1], 2]]}), "malformed"),
        (value({"$dict": [1]}), "not a list of pairs"),
        (value({"$date": "yesterday"}), "malformed"),
        (value({"$date": 5}), "not text"),
        (value({"$decimal": "x"}), "malformed"),
        (value({"$enum": f"{HERE}:Colour", "name": "GREEN"}), "not a member"),
        (value({"$enum": "os:system", "name": "x"}), "an enumeration"),
        (value({"$dataclass": "os:system", "fields": {}}), "expected: a dataclass"),
        (value({"$dataclass": f"{HERE}:Box", "fields": {"other": 1}}), "unknown 'other'"),
        (value({"$dataclass": f"{HERE}:Box", "fields": []}), "it is a list"),
        (value({"$dataclass": f"{HERE}:Problem", "fields": {"code": 1}}), "Problem is not only a dataclass"),
        (value({"$dataclass": f"{HERE}:Abstract", "fields": {"x": 1}}), "Abstract is not only a dataclass"),
        (value({"$namedtuple": f"{HERE}:Point", "items": [1]}), "1 items for 2 fields"),
        (value({"$namedtuple": f"{HERE}:Box", "items": [1]}), "a named tuple"),
        (value({"$param": {"name": "a b"}}), "written as a keyword"),
        (value({"$param": {}}), "missing 'name'"),
        (value({"$param": {"name": "n", "type": "os:system"}}), "expected: a type"),
        (value({"$param": {"name": "n", "type": {"form": "generic", "of": []}}}), "no members"),
        (value({"$param": {"name": "n", "type": {"form": "odd", "of": ["builtins:int"]}}}), "form 'odd'"),
        (document().replace("[1]", "[NaN]"), "NaN is not JSON"),
    ],
)
def test_hostile_json_is_refused(text, message):
    with pytest.raises(CascadeError, match=message) as raised:
        from_json(text)
    assert isinstance(raised.value, (SerializationError, CycleError))


@given(st.data())
def test_mutated_json_gives_a_graph_or_a_clear_error(data):
    text = to_json(identity([Box(increment(1)), {1: (one(),)}, cs.Param("n", 1, type=int)]))
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(text) - 1))
        text = text[:at] + data.draw(st.sampled_from(list('0123456789[]{}",:-$aeisn ') + [""])) + text[at + 1 :]
    try:
        graph = from_json(text)
    except (SerializationError, CycleError):
        return
    assert isinstance(graph, Graph)


def test_only_what_is_allowed_is_imported_and_nothing_is_called(tmp_path, monkeypatch):
    for name in ("cascade_allowed", "cascade_forbidden"):
        (tmp_path / f"{name}.py").write_text("import cascade as cs\n@cs.task\ndef f(x):\n    return x\n")
    monkeypatch.syspath_prepend(tmp_path)
    good, bad = (operation(task=f"{name}:f") for name in ("cascade_allowed", "cascade_forbidden"))
    with pytest.raises(SerializationError, match="is not imported"):
        from_json(good)
    for allow in ([], ["cascade_allow"], ["cascade_allowed:g"], ["other.*"]):
        with pytest.raises(SerializationError, match="is not allowed"):
            from_json(good, allow=allow)
    assert "cascade_allowed" not in sys.modules
    for allow in (["cascade_allowed"], ["cascade_allowed:f"], ["x", "cascade_allowed.*"]):
        assert cs.run(from_json(good, allow=allow)) == 1
    with pytest.raises(SerializationError, match="is not allowed"):
        from_json(bad, allow=["cascade_allowed"])
    assert "cascade_forbidden" not in sys.modules
    with pytest.raises(SerializationError, match="is not allowed"):
        from_json(document(), allow=["cascade_allowed"])
    with pytest.raises(SerializationError, match="cannot be imported"):
        from_json(operation(task="cascade_missing:f"), allow=["cascade_missing"])
    with pytest.raises(SerializationError, match="allow holds 5"):
        from_json(good, allow=[5])
    del sys.modules["cascade_allowed"]
    exploding = value({"$dataclass": f"{HERE}:Explosive", "fields": {"x": 5}})
    assert from_json(exploding).inputs[0].x == 5


def test_the_target_of_a_graph():
    assert target_of(build_graph(increment(one()))).task is increment
    assert [lazy.task for lazy in target_of(build_graph([one(), increment(1)]))] == [one, increment]
