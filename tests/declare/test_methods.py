"""Tasks in classes: what a task is that was looked up on an instance, or on a class."""

from __future__ import annotations

import copy
import dataclasses
import inspect
import pickle

import pytest

import cascade as cs
from cascade.declare.task import BoundTask
from cascade.errors import DeclarationError


@dataclasses.dataclass(frozen=True)
class Scaler:
    factor: int

    @cs.task
    def scale(self, x: int = 7, y: int = 0) -> int:
        """Scales x."""
        return self.factor * x + y

    @cs.task
    def only(self, x: int, /, *rest: int, key: int = 0) -> tuple:
        return self.factor, x, rest, key

    @cs.task
    def count(self, n: int, steps: int = 0) -> tuple | cs.TailCall[tuple]:
        return (self.factor, steps) if n <= 0 else self.count.tail(n - 1, steps=steps + 1)

    @cs.task
    async def later(self, x: int) -> int:
        return self.factor * x

    @cs.task(mode="blocking")
    def in_a_thread(self, x: int) -> int:
        return self.factor * x

    @cs.task
    def with_input(self, x: int, y: int = cs.Param("y", 5, type=int)) -> int:
        return self.factor * x + y

    @cs.task
    @classmethod
    def make(cls, factor: int) -> Scaler:
        return cls(factor)

    @cs.task
    @staticmethod
    def double(x: int) -> int:
        return 2 * x

    @classmethod
    @cs.task
    def made(cls, factor: int) -> Scaler:
        return cls(factor)

    @staticmethod
    @cs.task
    def halve(x: int) -> int:
        return x // 2


three = Scaler(3)


def test_the_instance_is_the_first_argument_of_every_call(run):
    assert run(three.scale(3)) == 9
    assert run(three.scale(x=3, y=1)) == 10
    assert run(Scaler.scale(three, 3)) == 9
    assert run(three.later(4)) == 12
    assert run(three.in_a_thread(5)) == 15
    assert run([three.scale(1), Scaler(4).scale(1)]) == [3, 4]


def test_a_map_shares_the_instance(run):
    assert run(three.scale.map([10, 20])) == [30, 60]
    assert run(three.scale.map([10, 20], [1, 2])) == [31, 62]
    assert run(three.scale.map(y=[1, 2])) == [22, 23]
    assert run(three.scale.map([10, 20], y=[1, 2])) == [31, 62]
    assert run(three.only.map([1, 2], [3, 4], [5, 6], key=[7, 8])) == [(3, 1, (3, 5), 7), (3, 2, (4, 6), 8)]
    assert run(three.later.map([1, 2])) == [3, 6]
    assert run(three.in_a_thread.map([1, 2]).with_concurrency(1)) == [3, 6]
    assert run(three.count.map([1, 2])) == [(3, 1), (3, 2)]
    assert run(three.scale.map([three.scale(1), 2])) == [9, 6]
    assert run(three.scale.map([1, 2]).with_retry(2)) == [3, 6]
    assert run(three.with_input.map([1, 2])) == [8, 11]
    assert run(three.with_input.map([1, 2]), params={"y": 0}) == [3, 6]


def test_a_first_argument_by_position_that_all_items_share(run):
    # As an instance is, so is a default that has to be computed, of a parameter that has no name for callers.
    @cs.task
    def add(x: int = cs.Param("x", 10, type=int), /, *, y: int) -> int:
        return x + y

    assert run(add.map(y=[1, 2])) == [11, 12]


def test_the_inputs_of_a_map_go_by_their_own_names(run):
    assert three.scale.map([1], y=[2]).arguments == {"self": three, "x": [1], "y": [2]}
    with pytest.raises(cs.errors.MapError, match="x has 2, y has 1"):
        run(three.scale.map([1, 2], [1]))
    with pytest.raises(DeclarationError, match="map input 'x' is of type int"):
        run(three.scale.map(5))
    with pytest.raises(DeclarationError, match="at least one input"):
        three.scale.map()
    with pytest.raises(TypeError, match=r"Scaler\.scale\(\) got an unexpected keyword argument 'z'"):
        three.scale.map(z=[1])


def test_a_map_over_an_instance_as_json():
    target = three.scale.map([1, 2], y=[0, 1])
    again = cs.from_json(cs.to_json(target))
    assert cs.run(again) == cs.run(target) == [3, 7]
    wrong = cs.to_json(target).replace('"shared": [0]', '"shared": [5]')
    assert '"shared": [5]' in wrong
    with pytest.raises(cs.errors.SerializationError, match="shared"):
        cs.from_json(wrong)


def test_tail_calls_have_the_instance(run):
    assert run(three.count(1000)) == (3, 1000)
    tail = three.count.tail(5)
    assert (tail.target, tail.args) == (Scaler.count, (three, 5))
    with pytest.raises(TypeError, match=r"Scaler\.count\(\) missing 1 required positional argument: 'n'"):
        three.count.tail()


def test_a_bound_task_as_the_target_of_a_tail_call_is_refused(run):
    @cs.task
    def begin(n: int) -> cs.TailCall:
        return cs.TailCall((n,), target=three.count)

    with pytest.raises(DeclarationError, match=r"TailCall\(target=<bound task Scaler\.count") as caught:
        run(begin(3))
    assert caught.value.hint == "return count.tail(...), of the same instance"


def test_a_bound_task_is_not_found_by_its_name(run):
    renamed = cs.task(name="bound here")(lambda self, n: n).__get__(three)

    @cs.task
    def begin(n: int) -> object:
        return cs.TailCall((n,), target="bound here") if renamed else None

    with pytest.raises(cs.errors.UnknownTaskError):
        run(begin(3))


def test_programs_of_bound_tasks():
    program = cs.compile(three.scale)
    assert program(3) == 9
    assert program(x=3, y=1) == 10
    assert program() == 21
    assert program(Scaler.double(2)) == 12
    assert str(inspect.signature(program)) == "(x: 'int' = 7, y: 'int' = 0) -> 'int'"
    assert cs.compile(three.count)(10) == (3, 10)
    with pytest.raises(TypeError, match=r"Scaler\.scale\(\) got an unexpected keyword argument 'z'"):
        program(z=1)


def test_explain_says_what_it_says_of_the_task():
    assert cs.explain(three.scale)["scale"].regime == cs.explain(Scaler.scale)["scale"].regime


def test_to_run_a_bound_task_it_has_to_be_called(path):
    with pytest.raises(cs.errors.TargetError, match="task 'scale' was given where its result is expected") as caught:
        path.run(three.scale)
    assert caught.value.hint == "call it: scale(...)"


def test_a_bound_task_is_like_a_bound_method():
    bound = three.scale
    assert type(bound) is BoundTask
    assert bound.__self__ is three
    assert bound.__func__ is Scaler.scale
    assert bound.func(2) == 6
    assert (bound.name, bound.mode, bound.is_async) == ("scale", "inline", False)
    assert (bound.__name__, bound.__qualname__, bound.__doc__, bound.__module__) == (
        "scale",
        "Scaler.scale",
        "Scales x.",
        __name__,
    )
    assert str(inspect.signature(bound)) == "(x: 'int' = 7, y: 'int' = 0) -> 'int'"
    assert bound.parameters == ("x", "y")
    assert repr(bound) == "<bound task Scaler.scale of Scaler(factor=3)>"
    assert bound == three.scale and hash(bound) == hash(three.scale)
    assert bound != Scaler(3).scale  # of another instance, though that is equal
    assert bound != three.count and bound != Scaler.scale
    assert pickle.loads(pickle.dumps(bound)).__self__ == three
    assert copy.copy(bound) == bound
    with pytest.raises(AttributeError, match="unknown"):
        bound.unknown  # noqa: B018
    with pytest.raises(DeclarationError, match="is a task already"):
        cs.task(bound)


def test_class_methods_and_static_methods(run):
    for owner in (Scaler, three):
        assert run(owner.make(4)) == Scaler(4)
        assert run(owner.make.map([4, 5])) == [Scaler(4), Scaler(5)]
        assert run(owner.made(4)) == Scaler(4)
        assert run(owner.double(4)) == 8
        assert run(owner.double.map([4, 5])) == [8, 10]
        assert run(owner.halve(4)) == 2
        assert run(owner.halve.map([4, 6])) == [2, 3]
        assert cs.compile(owner.make)(4) == Scaler(4)
        assert cs.compile(owner.double)(4) == 8
    assert run(type("Other", (Scaler,), {}).make(4)).__class__.__name__ == "Other"


def test_a_bound_task_is_part_of_a_cache_key(run):
    kept = cs.MemoryCache()
    bound = {"scale": three.scale}

    @cs.task(name="apply")
    def apply(x: int, how: str = "scale") -> object:
        return bound[how](x)

    assert run(apply(2).with_cache(kept)) == 6
    bound["scale"] = Scaler(4).scale
    assert run(apply(2).with_cache(kept)) == 8


def test_a_bound_task_is_an_argument_that_has_a_key(run):
    kept = cs.MemoryCache()
    call = cs.task(lambda bound, x: bound(x))
    assert [run(call(Scaler(n).scale, 2).with_cache(kept)) for n in (3, 3, 4)] == [6, 6, 8]
    assert run(call(Scaler.double, 2).with_cache(kept)) == 4


def test_a_parameter_may_be_called_self(run):
    @cs.task
    def same(self: int, other: int = 0) -> int | cs.TailCall:
        return self + other if self > 2 else same.tail(self=self + 1)

    assert run(same(self=1)) == 3
    assert run(same.map(self=[3, 4])) == [3, 4]
    assert cs.compile(same)(self=5) == 5
    assert cs.compile(same(cs.Param("self", type=int)))(self=6) == 6
    assert run(same(self=3).with_constraints(self=1), system_resources={"self": 1}) == 3
