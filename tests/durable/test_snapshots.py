"""Snapshots: a run that continues from any of its snapshots has the value of an undisturbed run, on both paths."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path as FilePath
from typing import Any

import pytest

import cascade as cs
from tests.conftest import Path
from tests.support.durable import tasks

POINT = tasks.Point(0.0, 1.0)
TARGETS: dict[str, Callable[[], Any]] = {
    "a loop that is called": lambda: tasks.slow_count(20),
    "a kernel": lambda: tasks.count(20),
    "two tasks that call each other": lambda: tasks.even(15),
    "calls in calls": lambda: tasks.add(tasks.slow_count(5), tasks.add(tasks.count(6), 1)),
    "calls that return calls": lambda: tasks.fib(4),
    "calls that are awaited": lambda: tasks.add(tasks.later(1), tasks.add(tasks.later(2), tasks.slow_count(4))),
    "an awaited argument of a call that continues": lambda: tasks.handed(6),
    "awaited arguments side by side": lambda: [
        tasks.handed(3),
        tasks.total.map([[tasks.handed(2)], [tasks.handed(5)]]),
    ],
    "an awaited loop": lambda: tasks.add(tasks.async_loop(5, 0), 1),
    "several targets": lambda: [tasks.add(1, 2), tasks.total([1, tasks.slow_count(3)]), tasks.later((4, tasks.add(5)))],
    "values that grow": lambda: tasks.history(12, [], {}),
    "random numbers": lambda: tasks.walk(10, random.Random(3)),
    "objects in several places": lambda: tasks.move(6, POINT, {"point": POINT}),
    "a state machine": lambda: tasks.add(tasks.state_machine(9), "!"),
    "a state machine at the end": lambda: tasks.state_machine(9),
    "routes": lambda: tasks.routed(4),
    "another route": lambda: tasks.routed(40),
    "a route that is a Router": lambda: cs.Router(
        tasks.choose(12),
        {"small": tasks.add(1), "large": cs.Router(tasks.choose(3), {"small": tasks.add(5), "large": tasks.add(7)})},
    ),
    "Routers of the same rows": lambda: tasks.turned(25),
    "Routers of the same rows side by side": lambda: tasks.together(tasks.turned(25), tasks.turned(24)),
    "a map": lambda: tasks.total(tasks.square.map(range(8))),
    "a map of calls that continue": lambda: tasks.total(tasks.square_later.map([1, 2, tasks.add(1, 2)])),
    "a map of slow calls that continue": lambda: tasks.square_slowly.map([1, 2, 3]),
    "a map of loops": lambda: tasks.total(tasks.slow_count.map([3, 0, 2])),
    "a map of tail calls": lambda: tasks.total(tasks.later_after.map([3, 0, 2])),
    "a map of awaited calls": lambda: tasks.total(tasks.later.map(list(range(6))).with_concurrency(2)),
    "a resource": lambda: tasks.add(tasks.based(1), tasks.based(tasks.slow_count(3))),
    "a resource in a loop": lambda: tasks.based_loop(6),
    "a resource that a route shares": lambda: tasks.together(
        tasks.based_loop(2), cs.Router(tasks.choose(2), {"small": tasks.based_loop(1), "large": tasks.add(1, 1)})
    ),
    "a condition": lambda: [
        tasks.add(1, 1),
        cs.pipeline(3, [tasks.add, lambda x: tasks.add(x).run_if(tasks.add(-1)), tasks.square]),
    ],
    "a retry": lambda: tasks.add(tasks.slow_count(3), 2).with_retry(3),
    "a timeout": lambda: tasks.slow_count(tasks.add(3)).with_timeout(60),
    "a parameter": lambda: tasks.add(tasks.slow_count(cs.Param("n", 5)), cs.Param("m", 2)),
}


def fresh(name: str) -> Any:
    POINT.x, POINT.tags = 0.0, []
    return TARGETS[name]()


@pytest.mark.parametrize("name", TARGETS)
def test_a_run_continues_from_each_snapshot_to_the_value_of_an_undisturbed_run(
    path: Path, name: str, tmp_path: FilePath
) -> None:
    expected = path.run(fresh(name))
    store = cs.Store(tmp_path / "runs.db")
    run = cs.start(fresh(name), store=store, id="run", every=cs.steps(1), use_vm=path.use_vm)
    assert run.result() == expected
    snapshots = [number for number, _, _ in store.snapshots("run")]
    assert len(snapshots) > 2
    for number in snapshots:
        fork = cs.fork(store, "run", at=number)
        value = fork.result()
        assert value == expected and type(value) is type(expected), f"snapshot {number}"


@pytest.mark.parametrize("name", [name for name in TARGETS if "map" in name])
def test_a_map_continues_from_each_snapshot_amid_its_items(
    path: Path, name: str, tmp_path: FilePath, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cascade.durable.saving.SHARE", 0)  # each time that it may be saved
    expected = path.run(fresh(name))
    store = cs.Store(tmp_path / "runs.db")
    run = cs.start(fresh(name), store=store, id="run", every=0, use_vm=path.use_vm)
    assert run.result() == expected
    for number, _, _ in store.snapshots("run"):
        value = cs.fork(store, "run", at=number).result()
        assert repr(value) == repr(expected), f"snapshot {number}"
