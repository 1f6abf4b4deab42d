"""Values of users are compared by identity where that is meant, and are handed on as they were given."""

from __future__ import annotations

import dataclasses
import decimal
import functools
import math
from typing import Annotated, Any, NamedTuple

import pytest

import cascade as cs
from cascade.graph.build import build_graph

np = pytest.importorskip("numpy")


class Unequal:
    """Refuses to be compared, like an array whose comparison has no truth value."""

    __hash__ = None

    def __eq__(self, other: object) -> Any:
        raise ValueError("compared")

    def __call__(self, value: Any) -> Any:
        return value

    def check(self, task_id: str, arguments: dict[str, Any]) -> None:
        return None

    def save(self, task_id: str, arguments: dict[str, Any], value: Any) -> None:
        return None


WEIGHTS = np.ones(3)


def scaled(a, w=WEIGHTS):
    return a * w


def annotated(a: WEIGHTS, w: Unequal() = Unequal()) -> WEIGHTS:  # type: ignore
    return type(w).__name__


def keyword(a, *, w=WEIGHTS):
    total = 0.0
    for each in w:
        total += a * each
    return total


@cs.task
def identity(x):
    return x


@pytest.mark.parametrize("function", [scaled, annotated, keyword])
def test_a_default_or_annotation_whose_comparison_raises_is_no_hindrance(run, function):
    task = cs.task(function)
    expected = function(2)
    assert np.array_equal(run(task(2)), expected)
    assert np.array_equal(run(task.map([2]))[0], expected)
    assert np.array_equal(cs.compile(task)(2), expected)
    assert np.array_equal(
        run(cs.task(functools.wraps(function)(lambda *args, **kwargs: function(*args, **kwargs)))(2)), expected
    )
    assert cs.explain(task).tasks


@pytest.mark.parametrize(
    "partial", [functools.partial(scaled, w=np.arange(3)), functools.partial(scaled, np.arange(3))]
)
def test_a_partial_may_hold_arrays(run, partial):
    arguments = () if partial.args else (2,)
    assert np.array_equal(run(cs.task(partial)(*arguments)), partial(*arguments))


def test_a_tail_call_keeps_a_default_whose_comparison_raises(run):
    @cs.task
    def count(n, w=WEIGHTS):
        return w if n == 0 else cs.TailCall((n - 1,))

    assert run(count(3)) is WEIGHTS


def test_a_state_with_a_cache_whose_comparison_raises_is_refused_for_its_cache():
    state = cs.bind(identity(1).with_cache(Unequal()), cs.select_jump({"end": None}))
    with pytest.raises(TypeError, match="has a cache"):
        cs.run(state)


def test_constants_and_a_cache_policy_whose_comparison_raises_are_handed_on(run):
    value = Unequal()
    assert run(identity(value).with_cache(value)) is value


def test_a_jump_by_a_key_that_has_no_hash_is_a_route_error(run):
    jump = cs.task(lambda: cs.Jump(WEIGHTS, 1))
    with pytest.raises(cs.RouteError, match="there is no route for Jump"):
        run(cs.bind(jump(), cs.select_jump({"a": None})))


def test_graphs_with_inputs_whose_comparison_raises_are_compared():
    graph = build_graph(identity(WEIGHTS))
    assert graph == build_graph(identity(WEIGHTS)) and hash(graph) == hash(build_graph(identity(WEIGHTS)))
    assert graph != build_graph(identity(np.ones(3)))
    assert build_graph(identity([1])) == build_graph(identity([1])) != build_graph(identity([True]))


def test_parameters_may_have_defaults_and_types_whose_comparison_raises(run):
    declared = cs.Param("w", WEIGHTS, type=Unequal())
    assert all(found is WEIGHTS for found in run([identity(declared), identity(declared)]))
    first = cs.Param("x", 1, type=Annotated[int, WEIGHTS])
    second = cs.Param("x", 1, type=Annotated[int, np.zeros(3)])
    with pytest.raises(cs.CascadeError, match="declared"):
        run([identity(first), identity(second)])


@pytest.mark.parametrize(
    ("one", "other"), [([1], [True]), (0.0, -0.0), ({"a": 1}, {"a": 1.0}), (np.ones(2), np.ones(2))]
)
def test_parameters_of_one_name_need_defaults_that_cannot_be_told_apart(run, one, other):
    with pytest.raises(cs.CascadeError, match="declared"):
        run([identity(cs.Param("x", one)), identity(cs.Param("x", other))])


@pytest.mark.parametrize("value", [[1, (2.5, None)], math.nan, {"a": [1]}, decimal.Decimal("1.5")])
def test_parameters_of_one_name_may_repeat_an_equal_default(run, value):
    other = type(value)(value)
    assert repr(run([identity(cs.Param("x", value)), identity(cs.Param("x", other))])) == repr([value, value])


class Options(NamedTuple):
    level: int
    names: list[str]


@dataclasses.dataclass
class Settings:
    level: int
    names: list[str] = dataclasses.field(default_factory=list)


@pytest.mark.parametrize("kind", [Options, Settings])
@pytest.mark.parametrize("given", [{"level": "3", "names": ["a"]}, '{"level": 3, "names": ["a"]}'])
def test_a_parameter_of_a_class_with_fields_takes_a_mapping_by_name(run, kind, given):
    assert run(identity(cs.Param("s", type=kind)), params={"s": given}) == kind(3, ["a"])


def test_a_field_that_does_not_fit_is_named(run):
    with pytest.raises(cs.CascadeError, match=r"\['level'\] is 'x'"):
        run(identity(cs.Param("s", type=Settings)), params={"s": {"level": "x"}})


def test_a_parameter_of_a_pydantic_model_validates_a_mapping_by_name(run):
    pydantic = pytest.importorskip("pydantic")
    model = pydantic.create_model("Model", level=(int, ...), alias=(str, pydantic.Field("none", alias="other-name")))
    target = identity(cs.Param("m", type=model))
    for given in ({"level": "3", "other-name": "x"}, '{"level": 3, "other-name": "x"}'):
        found = run(target, params={"m": given})
        assert type(found) is model and (found.level, found.alias) == (3, "x")
    with pytest.raises(cs.CascadeError, match="level"):
        run(target, params={"m": {}})


SHOWN = [
    (np.sqrt, (4.0,), {}), (np.array, ([1, 2],), {}), (np.array, ([1, 2],), {"dtype": float}), (np.linspace, (0, 1, 3), {}),
    (np.add.reduce, ([1, 2, 3],), {}), (functools.partial(np.sqrt), (4.0,), {}), (round, (2.5,), {}), (round, (2.567, 2), {}),
    (round, (), {"number": 2.567, "ndigits": 1}), (decimal.Decimal, ("1.5",), {}), (decimal.Decimal, (), {}), ("a b".split, (), {}),
    (str.split, ("a b",), {}), (sum, ([1, 2],), {}), (sorted, ([1, 2],), {"reverse": True}), (math.isclose, (1, 1), {}),
]  # fmt: skip


@pytest.mark.parametrize(("function", "args", "kwargs"), SHOWN)
def test_defaults_that_are_only_shown_are_not_given(run, function, args, kwargs):
    assert repr(run(cs.task(function)(*args, **kwargs))) == repr(function(*args, **kwargs))


def test_what_a_model_was_not_given_counts_as_not_given(run):
    pydantic = pytest.importorskip("pydantic")
    model = pydantic.create_model("Model", a=(int, ...), b=(int, 3))
    assert run(cs.task(model)(a=1)).model_fields_set == {"a"}


def test_a_signature_that_an_object_shows_does_not_change_its_call(run):
    import inspect

    def count(*args, **kwargs):
        return args, kwargs

    count.__signature__ = inspect.signature(lambda a, b=2, *, c=3: None)
    task = cs.task(count)
    assert run(task(1)) == ((1,), {})
    assert run(task(1, c=5)) == ((1,), {"c": 5})
    with pytest.raises(TypeError, match="missing 1 required"):
        task()


def test_a_tail_call_to_a_callable_of_c_names_the_parameters_that_it_shows(run):
    rounded = cs.task(round)

    @cs.task
    def start(x):
        return rounded.tail(x, ndigits=1)

    assert run(start(2.567)) == 2.6
    assert run(rounded.map([2.51, 3.26], ndigits=[0, 1])) == [3.0, 3.3]
    assert cs.compile(rounded)(2.567, 1) == 2.6


def test_an_infinite_timeout_is_none(run):
    @cs.task(timeout=math.inf)
    async def later(x):
        return x

    assert run(later(1).with_timeout(math.inf), timeout=math.inf) == 1
    assert run(later(1), timeout=10**400) == 1
    assert run(later(1).with_timeout(10**400)) == 1
    assert run(identity(1).with_timeout(10**400)) == 1
    assert identity(1).with_timeout(math.inf).policies is None
    for refused in (math.nan, -math.inf, 0):
        with pytest.raises(ValueError):
            identity(1).with_timeout(refused)
        with pytest.raises(ValueError):
            run(identity(1), timeout=refused)


def test_a_parameters_type_and_a_runs_parameters_may_be_given_by_position(path):
    import asyncio

    target = identity(cs.Param("n", 3, int))
    assert path.run(target) == 3
    assert cs.run(target, {"n": "4"}, use_vm=path.use_vm) == 4
    assert asyncio.run(cs.arun(target, {"n": "4"}, use_vm=path.use_vm)) == 4
    assert asyncio.run(cs.Engine().run(target, {"n": "4"}, use_vm=path.use_vm)) == 4
    assert cs.Engine().run_now(target, {"n": "4"}, use_vm=path.use_vm) == 4
    assert path.run(identity(cs.Env("CASCADE_UNSET", 3, int))) == 3


def test_a_run_outside_of_asyncio_says_what_to_do(path):
    trio = pytest.importorskip("trio")

    async def main():
        return await path.arun(identity(1))

    async def program():
        return await cs.compile(identity).arun(1)

    async def in_thread():
        return await trio.to_thread.run_sync(path.run, identity(1))

    for refused in (main, program):
        with pytest.raises(RuntimeError, match=r"no event loop of asyncio[\s\S]*trio\.to_thread\.run_sync"):
            trio.run(refused)
    assert trio.run(in_thread) == 1
