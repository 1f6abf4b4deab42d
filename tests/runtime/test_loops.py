"""Tail calls and tasks that answer with LazyResults: loops and recursion."""

from __future__ import annotations

import gc
from typing import Any

import pytest

import cascade as cs
from cascade.errors import DeclarationError, UnknownTaskError
from tests.support.tasks import add, countdown, identity, increment, later


@cs.task
def ping(n: int) -> Any:
    return ("ping", n) if n <= 0 else pong.tail(n - 1)


@cs.task
def pong(n: int, step: int = 1) -> Any:
    return ("pong", n) if n <= 0 else cs.TailCall((n - step,), target="ping")


@cs.task
def recurse(n: int) -> Any:
    return "done" if n <= 0 else recurse(n - 1)


@cs.task
def sum_up(n: int) -> Any:
    return 0 if n == 0 else add(n, sum_up(n - 1))


@cs.task
def fibonacci(n: int) -> Any:
    return n if n < 2 else add(fibonacci(n - 1), fibonacci(n - 2))


@cs.task
async def async_countdown(n: int) -> Any:
    return "done" if n <= 0 else cs.TailCall((n - 1,))


@cs.task
async def async_recurse(n: int) -> Any:
    return "done" if n <= 0 else async_recurse(n - 1)


def test_a_loop_called_by_position_and_answered_by_keyword_ends(run):
    assert run(countdown(1000)) == "done"
    assert run(countdown(n=1000)) == "done"


def test_a_loop_anywhere_in_a_graph_hands_on_only_its_last_value(run):
    assert run([identity(countdown(5)), countdown(0)]) == ["done", "done"]
    assert run(identity((countdown(3), ping(4)))) == ("done", ("ping", 0))


def test_mutual_recursion_by_task_and_by_name(run):
    assert run(ping(7)) == ("pong", 0)
    assert run(ping(8)) == ("ping", 0)


def test_another_tasks_defaults_apply_at_every_switch(run):
    @cs.task
    def left(n: int, mark: int = 0) -> Any:
        return mark if n == 0 else cs.TailCall((n - 1,), target=right)

    @cs.task
    def right(n: int, mark: int = 10) -> Any:
        return mark if n == 0 else cs.TailCall((n - 1,), {"mark": mark + 1}, left)

    assert run(left(1)) == 10
    assert run(left(2, mark=5)) == 11
    assert run(left(3, mark=5)) == 10


def test_the_target_may_be_the_running_task_itself(run):
    @cs.task
    def loop(n: int, kept: str = "default") -> Any:
        return kept if n == 0 else cs.TailCall((n - 1,), target=loop)

    assert run(loop(4, kept="mine")) == "mine"


def test_an_unknown_target_suggests_the_nearest_name(run):
    @cs.task
    def start():
        return cs.TailCall(target="countdwn")

    with pytest.raises(UnknownTaskError) as raised:
        run(start())
    assert "did you mean 'countdown'" in str(raised.value)
    assert isinstance(raised.value, LookupError)


def test_a_target_of_another_type_is_refused(run):
    @cs.task
    def start():
        return cs.TailCall(target=5)

    with pytest.raises(DeclarationError, match="a task or the name of a task"):
        run(start())


@pytest.mark.parametrize("n", [0, 1, 2, 300])
def test_a_task_may_answer_with_a_result(run, n):
    assert run(recurse(n)) == "done"
    assert run(sum_up(n)) == n * (n + 1) // 2


def test_a_tree_of_answers(run):
    assert run(fibonacci(12)) == 144


def test_answers_may_nest_deeper_than_the_stack(run):
    assert run(sum_up(50_000)) == 50_000 * 50_001 // 2


def test_tail_call_arguments_may_hold_results(run):
    @cs.task
    def loop(n: int, seen: Any = ()) -> Any:
        return seen if n == 0 else cs.TailCall(kwargs={"n": n - 1, "seen": (*seen, increment(n))})

    @cs.task
    def bare(n: int, acc: int = 0) -> Any:
        return acc if n == 0 else cs.TailCall((n - 1, increment(acc)))

    assert run(loop(3)) == (4, 3, 2)
    assert run(bare(50)) == 50


def test_a_tail_call_to_another_task_may_hold_results(run):
    @cs.task
    def start():
        return identity.tail([increment(1), {"x": later(2)}])

    assert run(start()) == [2, {"x": 2}]


def test_a_loop_that_passes_a_large_container_along_keeps_it(run):
    @cs.task
    def visit(n: int, seen: dict[int, int]) -> Any:
        seen[n] = n
        return seen if n == 0 else cs.TailCall((n - 1,))

    seen: dict[int, int] = {}
    assert run(visit(500, seen)) is seen
    assert len(seen) == 501


def test_async_loops(run):
    assert run(async_countdown(200)) == "done"
    assert run(async_recurse(200)) == "done"
    assert run([identity(async_countdown(20)), async_recurse(30), countdown(5)]) == ["done"] * 3


def test_mixed_loops_of_sync_and_async_tasks(run):
    @cs.task
    async def async_side(n: int) -> Any:
        return n if n <= 0 else sync_side.tail(n - 1)

    @cs.task
    def sync_side(n: int) -> Any:
        return n if n <= 0 else async_side.tail(n - 1)

    assert run(sync_side(41)) == 0
    assert run(identity(async_side(40))) == 0


def test_a_result_answered_by_one_of_several_nodes(run):
    @cs.task
    def expand(n: int) -> Any:
        return identity([later(n), increment(n)])

    assert run(identity([expand(1), expand(5), later(0)])) == [[1, 2], [5, 6], 0]


def test_a_blocking_task_may_loop(run):
    @cs.task(mode="blocking")
    def loop(n: int) -> Any:
        return "done" if n == 0 else cs.TailCall((n - 1,))

    assert run(loop(20)) == "done"
    assert run(identity([loop(2), loop(3)])) == ["done", "done"]


@pytest.mark.parametrize("steps", [100_000])
def test_loops_take_constant_memory(path, steps):
    for loop in (countdown(steps), recurse(steps // 10)):
        path.run(loop)  # loads the translator, and makes the kernel
    before = _live_objects(lambda: path.run(countdown(10)))
    assert _live_objects(lambda: path.run(countdown(steps))) - before < 100
    assert _live_objects(lambda: path.run(recurse(steps // 10))) - before < 100


def _live_objects(action) -> int:
    action()
    gc.collect()
    return len(gc.get_objects())


def test_a_loop_does_not_hold_more_than_its_current_arguments(path):
    class Value:
        alive = 0

        def __init__(self) -> None:
            Value.alive += 1

        def __del__(self) -> None:
            Value.alive -= 1

    @cs.task
    def loop(n: int, value: Any) -> Any:
        # The current one, the one in the tail call that is just being bound, and the target's own argument.
        assert Value.alive <= 3
        return n if n == 0 else cs.TailCall((n - 1, Value()))

    assert path.run(loop(100, Value())) == 0
    gc.collect()
    assert Value.alive == 0


def test_a_container_that_is_passed_along_is_searched_when_it_comes_and_not_again(run):
    # The rule is the same on both paths: what the parameter holds already is left as it is.
    @cs.task
    def loop(n: int, kept: Any) -> Any:
        if n == 0:
            return [type(item).__name__ for item in kept]
        kept.append(increment(1))
        return cs.TailCall((n - 1,)) if n == 1 else cs.TailCall(kwargs={"n": n - 1, "kept": kept})

    assert run(loop(2, [])) == ["LazyResult", "LazyResult"]


def test_a_tail_calls_dict_may_change_while_it_is_bound(run):
    changing: dict[str, Any] = {}

    class Emptying(list):
        def __iter__(self) -> Any:
            changing.clear()
            return iter(())

    @cs.task
    def loop(a: Any, n: int = 0) -> Any:
        if type(a) is Emptying:
            return "done"
        changing.clear()
        changing["a"] = Emptying([1, 2, 3])
        return cs.TailCall(kwargs=changing)

    assert run(loop(1)) == "done"


def test_names_of_a_str_subclass_are_compared_safely(run):
    class Name(str):
        __hash__ = str.__hash__

        def __eq__(self, other: object) -> bool:
            raise RuntimeError("compared")

    class Plain(str):
        pass

    @cs.task
    def loop(a: int, n: int) -> Any:
        return (a, n) if n == 0 else cs.TailCall(kwargs={Plain("n"): n - 1})

    @cs.task
    def wrong(a: int, n: int) -> Any:
        return cs.TailCall(kwargs={Name("x"): n - 1})

    assert run(loop(7, 2)) == (7, 0)
    with pytest.raises((RuntimeError, TypeError)):
        run(wrong(7, 2))


def test_an_empty_tail_call_made_by_new_repeats_the_call(run):
    count = []

    @cs.task
    def loop() -> Any:
        count.append(1)
        return "done" if len(count) == 3 else cs.TailCall.__new__(cs.TailCall)

    assert run(loop()) == "done"
    count.clear()


def test_tail_keeps_what_it_does_not_name_like_any_tail_call(run):
    @cs.task
    def simple(a: int, b: int = 2) -> Any:
        return (a, b) if a == 0 else simple.tail(a - 1)

    @cs.task
    def keyword(a: int, *, b: int = 2) -> Any:
        return (a, b) if a == 0 else keyword.tail(a - 1)

    assert run(simple(3, 9)) == run(keyword(3, b=9)) == (0, 9)


def test_async_mutual_tail_calls_leave_no_cycles(path):
    async def left(n: int) -> Any:
        return n if n <= 0 else cs.TailCall((n - 1,), target=right_task)

    async def right(n: int) -> Any:
        return n if n <= 0 else cs.TailCall((n - 1,), target=left_task)

    left_task, right_task = cs.task(left), cs.task(right)

    def names() -> int:
        return sum(type(thing).__name__ in ("Frame", "Pending") for thing in gc.get_objects())

    path.run(left_task(10))
    gc.collect()
    gc.disable()
    try:
        before = names()
        path.run(left_task(500))
        assert names() - before < 100
    finally:
        gc.enable()


def test_a_result_and_a_container_of_results_that_a_task_returns_are_followed(run):
    gather = cs.task(lambda parts: parts)

    @cs.task
    def answer(how: str) -> object:
        results = [increment(n) for n in range(3)]
        if how == "map":
            return increment.map(range(3))
        return gather(results) if how == "gather" else results

    assert run(answer("list")) == run(answer("gather")) == run(answer("map")) == [1, 2, 3]
