"""explain: tasks with policies, in maps, routes and state machines."""

from __future__ import annotations

from typing import Any

import pytest

import cascade as cs
from cascade.graph.build import build_graph
from cascade.graph.serialize import from_json, to_json
from tests.support import tasks
from tests.support.kernel_functions import collatz
from tests.support.tasks import later
from tests.support.workflows import CACHE, WORKFLOWS, careful, heals

# Other tests may have called these so often that they have kernels.
add, identity, increment, one = (cs.task(task.func) for task in (tasks.add, tasks.identity, tasks.increment, tasks.one))


@cs.task
def loop(n: int, total: int = 0) -> int:
    while n > 0:
        total += n
        n -= 1
    return total


def regimes(target: Any) -> dict[str, tuple[str, str]]:
    return {task.name: (task.regime, task.why) for task in cs.explain(target).tasks}


def test_a_task_with_policies_is_reported_with_their_names():
    dependent = add(1, 2).with_constraints(cpu=2, gpu=one()).run_if(one()).after(one())
    found = cs.explain(
        [heals("a", 0).with_retry(3, 0.5, retry_on=OSError).with_timeout(2), later(1).with_cache(CACHE), dependent]
    )
    assert (found["heals"].regime, found["heals"].why) == ("managed", "retry 3 (delay 0.5 s, on OSError), timeout 2 s")
    assert (found["later"].regime, found["later"].why) == ("managed", "cache MemoryCache")
    assert (found["add"].regime, found["add"].why) == ("managed", "cpu=2, gpu of a task, condition, order")
    assert found["add"].managed == ("cpu=2, gpu of a task, condition, order",)
    assert found["add"].kernels == () == found["add"].reasons
    assert found["one"].regime == "call"
    assert "heals  managed  retry 3 (delay 0.5 s, on OSError), timeout 2 s" in str(found)


def test_a_task_with_default_policies_runs_with_policies():
    for found in (
        cs.explain(careful),
        cs.explain(careful("x")),
        cs.compile(careful, system_resources={"cpu": 1}).explain(),
    ):
        assert found["careful"].regime == "managed"
        assert found["careful"].why == "retry 3 (on Hiccup or OSError), timeout 30 s, cpu=1"
    bare = careful("x").with_retry(None).with_timeout(None).with_constraints(cpu=0)
    assert regimes(bare)["careful"] == ("managed", "cpu=0")
    default = cs.task(retry=2, name="default")(lambda x: x)  # type: ignore[call-overload]
    assert regimes(default(1).with_retry(None))["default"] == (
        "call",
        "its function has no loop statement, so its kernel is made at the 2,000th call from now",
    )


def test_a_task_that_is_called_with_policies_and_without_is_told_in_both_ways():
    found = cs.explain([loop(2), loop(3).with_timeout(4), loop(5).with_timeout(4), loop(2).with_retry(2)])
    assert len(found.tasks) == 1
    report = found["loop"]
    assert report.regime == "kernel"
    assert report.why == "its function runs as typed code; its other calls run with policies: timeout 4 s; retry 2"
    assert report.managed == ("timeout 4 s", "retry 2")


def test_a_call_with_policies_that_runs_a_kernel_is_reported_as_one():
    def to_zero(n: int) -> int:
        while n > 0:
            n -= 1
        return n

    known, unknown = cs.task(to_zero), cs.task(lambda n: [each for each in range(n)][-1], name="unknown")  # type: ignore[call-overload]
    expected = "its function runs as typed code, under policies: retry 2"
    assert regimes(known(5).with_retry(2))["to_zero"] == ("kernel", expected)
    assert regimes(cs.task(to_zero, mode="blocking")(5))["to_zero"][1].endswith('under policies: mode="blocking"')
    assert regimes(cs.task(to_zero, lower=False)(5).with_retry(2))["to_zero"] == ("managed", "retry 2")
    assert regimes(unknown(5).with_retry(2))["unknown"] == ("managed", "retry 2")
    assert cs.run(known(10).with_retry(2)) == 0
    assert cs.explain(known(5).with_retry(2))["to_zero"].kernels[0].runs == 1


def test_a_call_that_may_be_skipped_or_takes_a_resource_runs_with_policies():
    @cs.resource
    def database() -> Any:
        yield "db"

    fresh = cs.task(lambda x: x, name="fresh")  # type: ignore[call-overload]
    found = regimes(fresh(increment(one().run_if(fresh(1)))))
    assert found["increment"] == ("managed", "a dependency may be skipped")
    assert found["fresh"] == (
        "call",
        "its function has no loop statement, so its kernel is made at the 2,000th call from now"
        "; its other calls run with policies: a dependency may be skipped",
    )
    found = regimes([increment(cs.inject(database)), add(1, [cs.inject(database)])])
    assert found["increment"] == found["add"] == ("managed", "it is given a resource")
    assert found["database"] == ("managed", "a resource")
    assert regimes(cs.task(mode="blocking", name="reads")(lambda: 1)())["reads"] == ("managed", 'mode="blocking"')


def test_maps_are_explained():
    assert regimes(later.map([1]))["later"] == ("managed", "a map")
    assert regimes(add.map([1], [2]).with_concurrency(3).with_retry(2))["add"] == (
        "managed",
        "a map, retry 2, 3 at once",
    )
    plain = cs.task(lambda x: x, name="plain")  # type: ignore[call-overload]
    for lazy in (plain.map([1]), plain.map([1]).run_if(one()), plain.map([1]).with_concurrency(2)):
        assert regimes(lazy)["plain"] == ("call", "called for each item of a map")


def test_kernels_of_items_are_told_apart_from_those_of_calls():
    @cs.task
    def square(x: int) -> int:
        return x * x

    items = square.map(range(20_000))
    assert cs.explain(items)["square"].regime == "call"
    assert cs.run(items)[-1] == 19_999**2
    found = cs.explain(items)["square"]
    assert (found.regime, found.why) == ("kernel", "items of its maps run as typed code")
    assert found.kernels[0].runs > 0
    found = cs.explain([square(3), items])["square"]
    assert found.regime == "call" and found.why.endswith("; items of its maps run as typed code")
    assert cs.explain(square(3))["square"].regime == "call"
    cs.run(loop.map(range(2000)))
    assert cs.explain(loop.map([1]))["loop"].why == "its function runs as typed code"


def test_routes_and_states_are_explained():
    found = cs.explain(WORKFLOWS["router"]())
    assert {"increment", "later", "identity", "add", "total", "one", "work", "rest"} <= {
        task.name for task in found.tasks
    }
    assert "Router" not in {task.name for task in found.tasks}
    # Other tests may have called it before.
    assert found["rest"].regime == "call" and "no loop statement, so its kernel is made at the" in found["rest"].why
    found = cs.explain(WORKFLOWS["machine of retries"]())
    assert (found["heals"].regime, found["heals"].why) == ("managed", "retry 2")
    assert (found["counts"].regime, found["counts"].why) == ("managed", "retry 2, condition")
    target = cs.Router(cs.Param("key"), {"a": loop(cs.Param("n", type=int)), "b": loop(1).with_retry(2)})
    assert cs.explain(target)["loop"].regime == "kernel"
    assert cs.explain(target)["loop"].managed == ("retry 2",)
    many: Any = one()
    for _ in range(60):
        many = add(cs.Router("a", {"a": many}), cs.Router("a", {"a": many}))
    assert [task.name for task in cs.explain(many).tasks] == ["add", "one"]


def test_a_machine_is_explained_by_its_own_record(path):
    target = collatz(27)
    found = cs.explain(target)
    assert [(task.name, task.regime) for task in found.tasks] == [
        ("machine look", "kernel"), ("look", "kernel"), ("even", "kernel"), ("odd", "kernel"),
    ]  # fmt: skip
    assert found["even"].why == "in the typed code of machine look"
    assert found["even"].kernels == ()
    (kernel,) = found["machine look"].kernels
    assert (kernel.types, kernel.runs) == (("int", "int", "int"), 0)
    assert path.run(target) == 111
    (kernel,) = cs.explain(target)["machine look"].kernels
    assert (kernel.runs, kernel.steps > 100) == ((1, True) if path.use_vm else (0, False))
    assert "kernel look(" in cs.compile(target).disassemble()


def test_a_machine_that_is_not_lowered_says_why():
    found = cs.explain(WORKFLOWS["machine of retries"]())
    assert (found["machine heals"].regime, found["machine heals"].why) == (
        "call",
        "not lowered, as one of its states has policies or is never lowered",
    )
    machine = cs.explain(WORKFLOWS["machine with policies"]())["machine work"]
    assert machine.regime == "call" and machine.file.endswith("workflows.py")

    @cs.task
    def untyped(n):  # type: ignore[no-untyped-def]
        while n > 5:
            n -= 1
        return cs.Jump("again", n - 1) if n else cs.Jump("end", n)

    lazy = untyped(identity(3))
    lazy = cs.bind(lazy, cs.select_jump({"again": lazy, "end": None}))
    assert (
        cs.explain(lazy)["machine untyped"].why
        == "the types of its arguments are not known: run it first, or annotate its parameters"
    )
    given = untyped(3)
    given = cs.bind(given, cs.select_jump({"again": given, "end": None}))
    assert cs.explain(given)["machine untyped"].regime == "kernel"


def test_parameters_count_with_their_types():
    @cs.task
    def counts(n):  # type: ignore[no-untyped-def]
        while n > 0:
            n -= 1
        return n

    assert cs.explain(counts(cs.Param("n")))["counts"].kernels == ()
    (kernel,) = cs.explain(counts(cs.Param("n", type=int)))["counts"].kernels
    assert kernel.types == ("int",)


@pytest.mark.parametrize("name", list(WORKFLOWS))
def test_every_workflow_is_explained_the_same_in_each_form(name):
    text = str(cs.explain(WORKFLOWS[name]()))
    assert text
    assert str(cs.explain(build_graph(WORKFLOWS[name]()))) == text
    assert str(cs.explain(from_json(to_json(WORKFLOWS[name]())))) == text
    program = cs.compile(WORKFLOWS[name](), system_resources={"cpu": 9, "gpu": 9, "memory": 9})
    assert str(program.explain()) == str(cs.explain(program)) == text


def test_a_program_is_explained_as_it_was_compiled():
    lazy = heals("x", 0)
    program = cs.compile(lazy)
    lazy.with_retry(3)
    assert program.explain()["heals"].regime == "call"
    assert cs.explain(lazy)["heals"].regime == "managed"
