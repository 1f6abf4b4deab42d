"""Programs, compiled code, and the replaceable parts of an engine."""

from __future__ import annotations

import asyncio
import copy
import gc
import pickle
import threading
import weakref
from concurrent.futures import ThreadPoolExecutor
from types import FunctionType
from typing import Any

import pytest

import cascade as cs
from cascade.adapters.solvers.native import NativeSolver
from cascade.compiler.code_cache import CodeCache
from cascade.errors import DeclarationError, EventLoopError, PlanError, SendingError, TargetError
from cascade.graph.build import build_graph
from cascade.graph.model import Graph, Plan
from cascade.runtime import Engine
from cascade.runtime.events import Event
from tests.support import kernel_functions
from tests.support.tasks import add, chain, countdown, fail, identity, increment, later, one, total


def test_a_program_of_a_target_runs_again_and_again():
    program = cs.compile(add(increment(1), [one()][0]))
    assert [program() for _ in range(3)] == [3, 3, 3]


def test_a_program_of_a_task_takes_its_parameters():
    program = cs.compile(add)
    assert program(1, 2) == 3
    assert program(a="x", b="y") == "xy"
    with pytest.raises(TypeError, match="missing 1 required positional argument: 'b'"):
        program(1)
    assert cs.compile(countdown)(10_000) == "done"


def test_a_program_of_a_list_gives_a_list():
    assert cs.compile([one(), increment(2)])() == [1, 3]


def test_a_program_of_a_target_has_no_inputs():
    with pytest.raises(TargetError, match="compile the task itself"):
        cs.compile(one())(1)


@pytest.mark.parametrize("target", [5, lambda: 1, None])
def test_what_cannot_be_compiled_is_refused(target):
    with pytest.raises(TargetError):
        cs.compile(target)


def test_a_program_awaits_where_it_must():
    program = cs.compile(add(later(1), 2))
    assert program() == 3

    async def main() -> None:
        assert await program.arun() == 3
        with pytest.raises(EventLoopError, match="program.arun"):
            program()
        assert cs.compile(add(1, 2))() == 3
        dynamic = cs.compile(cs.task(lambda: later(5)))
        with pytest.raises(EventLoopError):
            dynamic()
        assert await dynamic.arun() == 5

    asyncio.run(main())


def test_a_failing_program_can_run_again():
    program = cs.compile(cs.task(lambda n: fail("odd") if n % 2 else n))
    for _ in range(3):
        with pytest.raises(ValueError, match="odd"):
            program(1)
        assert program(2) == 2


def test_threads_and_loops_may_share_a_program():
    program = cs.compile(countdown)
    graph = cs.compile(total([increment(i) for i in range(50)]))
    overlapping = cs.compile(total([later(i, 0.001) for i in range(20)]))

    def work(n: int) -> Any:
        return program(n * 100), graph(), asyncio.run(overlapping.arun())

    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(work, range(40))) == {("done", 1275, 190)}


def test_a_program_may_run_itself():
    @cs.task
    def nested(n: int) -> Any:
        return n if n == 0 else program(n - 1) + 1

    program = cs.compile(nested)
    assert program(50) == 50


def test_equal_shapes_share_their_code():
    code_cache = CodeCache(NativeSolver())
    first, _ = code_cache.code_of(add(increment(1), 2))
    assert code_cache.code_of(add(increment(5), "x"))[0] is first
    assert CodeCache(NativeSolver()).code_of(add(increment(5), 6))[0] is first
    assert code_cache.code_of(add(1, increment(2)))[0] is not first


def test_a_shape_seen_again_is_not_compiled_again(monkeypatch):
    @cs.task
    def again(x: int) -> int:
        return x

    compiled = []
    from cascade.compiler import code_cache as code_cache

    real = code_cache.compile_graph
    monkeypatch.setattr(code_cache, "compile_graph", lambda *args: compiled.append(1) or real(*args))
    assert [cs.run(again(increment(i))) for i in range(5)] == [1, 2, 3, 4, 5]
    assert len(compiled) == 1

    @cs.task
    def grow(n: int, _: Any = None) -> Any:
        return n if n == 0 else grow(n - 1, identity(increment(n)))

    compiled.clear()
    assert cs.run(grow(20)) == 0
    assert len(compiled) == 1


def test_a_call_with_values_needs_no_graph(monkeypatch):
    def unexpected(*_: object, **__: object) -> None:
        raise AssertionError

    engine = cs.Engine()
    monkeypatch.setattr("cascade.compiler.code_cache.flatten", unexpected)
    assert asyncio.run(engine.run(add([1], [2]))) == [1, 2]
    for target in (add([one()], []), add(1, 2).with_retry(2)):
        with pytest.raises(AssertionError):
            asyncio.run(engine.run(target))
    engine.bus.subscribe(Event, lambda event: None)
    with pytest.raises(AssertionError):
        asyncio.run(engine.run(add(1, 2)))


def test_compiled_shapes_go_with_their_task():
    def make() -> weakref.ref[Any]:
        task = cs.task(lambda x: x)
        assert cs.run(task(task(1))) == 1
        return weakref.ref(task)

    reference = make()
    gc.collect()
    assert reference() is None


def test_only_so_many_shapes_are_kept():
    task = cs.task(lambda *items: len(items))
    for count in range(200):
        assert cs.run(task(*range(count % 3), *[one()] * count)) == count % 3 + count
    assert len(task.derived.code) <= 64


def test_a_value_is_dropped_right_after_its_last_use(path):
    class Value:
        pass

    references: list[weakref.ref[Value]] = []
    alive: list[bool] = []

    @cs.task
    def make() -> Value:
        value = Value()
        references.append(weakref.ref(value))
        return value

    @cs.task
    def use(value: Any, *after: Any) -> int:
        return 1

    @cs.task
    def look(*after: Any) -> int:
        alive.append(references[0]() is not None)
        return 0

    value = make()
    before = look(use(value))
    path.run(look(look(use(value, before))))
    assert alive == [True, False, False]


def test_slots_are_reused():
    assert cs.compile(chain(1000)).blueprint.slots == 1
    blueprint = cs.compile(total([increment(chain(10, i)) for i in range(5)])).blueprint
    assert blueprint.slots == blueprint.inputs == 6


def without_kernels(task):
    """A task of a function of its own: another test may have called the other one often enough for a kernel."""
    function = task.func
    return cs.task(FunctionType(function.__code__, function.__globals__, function.__name__, function.__defaults__))


def test_the_listing_of_a_graph(golden):
    shared = without_kernels(increment)(1)
    sum_of = without_kernels(add)
    golden("graph", cs.compile(sum_of(shared, {"a": shared, "b": [2, without_kernels(one)()]})).disassemble())


def test_the_listing_of_a_task(golden):
    golden("task", cs.compile(without_kernels(countdown)).disassemble())


def test_the_listing_of_a_kernel(golden):
    program = cs.compile(cs.task(lower=True)(kernel_functions.add_up.func))
    program(3, 0)
    golden("kernel", program.disassemble())


def test_the_native_solver_gives_stages():
    shared = one()
    plan = NativeSolver().resolve(build_graph(add(increment(shared), [increment(shared), 5])))
    assert plan.stages == ((0,), (1, 2), (4,))
    assert list(plan) == list(plan.stages)
    assert len(plan) == 3


def test_the_native_solver_sorts_graphs_made_by_hand():
    graph = Graph(((add, 1, 2), (one,), (increment, 1)))
    plan = NativeSolver().resolve(graph)
    assert plan.stages == ((1,), (2,), (0,))
    assert list(plan.order or ()) == [1, 2, 0]


def test_a_cycle_is_shown():
    from cascade.errors import CycleError

    graph = Graph(((one,), (add, 0, 3), (increment, 1), (increment, 2)))
    with pytest.raises(CycleError) as raised:
        NativeSolver().resolve(graph)
    assert raised.value.cycle == ("add#1", "increment#3", "increment#2", "add#1")


class Reversed:
    """A solver of one's own: each stage is issued from its end."""

    def resolve(self, graph: Graph) -> Plan:
        return Plan(stage[::-1] for stage in NativeSolver().resolve(graph).stages)


def test_a_solver_of_ones_own_decides_the_order(path):
    calls = []

    @cs.task
    def note(name, *needs):
        calls.append(name)
        return name

    engine = Engine(solver=Reversed())
    target = note("d", [note("a"), (note("b"), note("c"))])
    for _ in range(2):
        calls.clear()
        assert path.run_with(engine, target) == "d"
        assert calls == ["c", "b", "a", "d"]
    assert path.run_with(engine, [note("x"), {"y": note("y")}["y"]]) == ["x", "y"]


@pytest.mark.parametrize(
    ("stages", "message"),
    [
        ([[0], [1]], "leaves out add#2"),
        ([[1], [0], [2]], "before one#0, which it needs"),
        ([[0], [0], [1], [2]], "names node 0 twice"),
        ([[0], [1], [7]], "names node 7"),
    ],
)
def test_a_wrong_plan_is_refused(path, stages, message):
    class Wrong:
        def resolve(self, graph: Graph) -> Plan:
            return Plan(stages)

    with pytest.raises(PlanError) as raised:
        path.run_with(Engine(solver=Wrong()), add(increment(one()), 1))
    assert message in str(raised.value)


class Recording:
    """An executor of one's own, which is asked for every call."""

    def __init__(self) -> None:
        self.called: list[str] = []

    async def call(self, task: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        self.called.append(task.name)
        await asyncio.sleep(0)
        value = task.func(*args, **kwargs)
        return await value if task.is_async else value


def test_an_executor_of_ones_own_makes_every_call(path):
    executor = Recording()
    engine = Engine(executor=executor)
    assert path.run_with(engine, identity([countdown(3), add(one(), b=later(2))])) == ["done", 3]
    assert sorted(executor.called) == ["add", *["countdown"] * 4, "identity", "later", "one"]


@pytest.mark.parametrize("part", ["solver", "executor", "bus"])
def test_a_part_that_cannot_work_is_refused(part):
    with pytest.raises(DeclarationError, match="an object with a method"):
        Engine(**{part: object()})


def test_an_engine_is_shared_by_threads(path):
    engine = Engine()
    results: list[Any] = []

    def work() -> None:
        results.append(path.run_with(engine, total([increment(i) for i in range(100)])))

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == [5050] * 8


def test_a_program_resolves_results_inside_its_arguments():
    assert cs.compile(total)([one(), increment(1)]) == 3
    assert cs.compile(identity)(later([one()])) is not None

    async def main() -> Any:
        return await cs.compile(total).arun((later(1), 2))

    assert asyncio.run(main()) == 3


def test_a_program_cannot_be_pickled_and_says_so():
    program = cs.compile(one())
    for make in (pickle.dumps, copy.deepcopy):
        with pytest.raises(SendingError, match="program 'one' cannot be pickled"):
            make(program)
    assert copy.copy(program)() == 1


@pytest.mark.parametrize(
    ("options", "kind", "message"),
    [
        ({"observers": print}, DeclarationError, "expected: a list of functions"),
        ({"observers": [cs.console]}, DeclarationError, r"hint: call it: observers=\[console\(\)\]"),
        ({"observers": [5]}, DeclarationError, "cannot be called"),
        ({"timeout": "a"}, ValueError, "timeout='a'\n  expected: a positive number of seconds"),
        ({"max_steps": "a"}, ValueError, "max_steps='a'\n  expected: a number of task calls"),
        ({"use_vm": "no"}, DeclarationError, "use_vm='no'"),
    ],
)
def test_wrong_options_of_runs_are_refused(options, kind, message):
    with pytest.raises(kind, match=message):
        cs.run(one(), **options)


@pytest.mark.parametrize("options", [{"lower": "no"}, {"lower": 1}, {"pure": "yes"}])
def test_options_of_tasks_that_are_neither_true_nor_false_are_refused(options):
    with pytest.raises(DeclarationError, match="expected: one of True, False"):
        cs.task(**options)(lambda: 1)
