"""Migrations: runs that were saved with other tasks continue with those that are here, wherever they stand."""

from __future__ import annotations

import linecache
import os
import sys
import types
from collections.abc import Callable, Iterator
from pathlib import Path as FilePath
from typing import Any

import pytest

import cascade as cs
from cascade.durable import migrations
from tests.conftest import Path
from tests.support.durable import tasks

OLD = """
import cascade as cs
from tests.support.durable.tasks import add, later, together, write_once

@cs.task(lower=False)
def count(n, total):
    return f"old {total}" if n == 0 else count.tail(n - 1, total + n)

@cs.task
def half(x):
    return x // 2

@cs.task
async def slow_half(x):
    return x // 2

@cs.task(effect="once")
def write(path, text):
    return write_once.func(path, text)

@cs.task
def nested(x):
    return add(half(x), half(x + 2))

@cs.task
def ping(n):
    return cs.Jump("end", f"old {n}") if n <= 0 else cs.Jump("pong", n - 1)

@cs.task
def pong(n):
    return cs.Jump("ping", n - 1)

def machine(n):
    first = ping(n)
    selector = cs.select_jump({"ping": first, "pong": pong(None), "end": None})
    for route in selector.routes.values():
        if route is not None:
            cs.bind(route, selector)
    return first
"""
NEW = """
import cascade as cs
from tests.support.durable.tasks import write_once

@cs.task(lower=False)
def count(total, n, unit):
    return f"{total} {unit}" if n == 0 else count.tail(total + n, n - 1, unit)

@cs.task
def third(value, by):
    return value // by

@cs.task(effect="once")
def write(text, path):
    return write_once.func(path, text)

@cs.task
def nested(x):
    return third(x, 3)

@cs.task
def ping(n, step):
    return cs.Jump("end", f"new {n}") if n <= 0 else cs.Jump("pong", n - step)

@cs.task
def pong(n):
    return cs.Jump("ping", n - 1)
"""


class Module:
    """The module of the tasks, which changes."""

    def __init__(self) -> None:
        self.tasks: Any = types.ModuleType("migrated_tasks")
        self.load(OLD)

    def load(self, text: str) -> None:
        vars(self.tasks).clear()
        vars(self.tasks)["__name__"] = "migrated_tasks"
        linecache.cache["migrated.py"] = (len(text), None, text.splitlines(True), "migrated.py")
        exec(compile(text, "migrated.py", "exec"), vars(self.tasks))

    def change(self) -> None:
        """Loads the new code, and says how calls of the old tasks continue."""
        self.load(NEW)
        new = self.tasks
        cs.migrate("migrated_tasks:count", new.count, lambda n, total: {"total": total, "n": n, "unit": "m"})
        cs.migrate("migrated_tasks:half", new.third, lambda x: {"value": x, "by": 3})
        cs.migrate("migrated_tasks:slow_half", new.third, lambda x: {"value": x, "by": 4})
        cs.migrate("migrated_tasks:write", new.write, lambda path, text: {"text": text, "path": path})
        cs.migrate("migrated_tasks:ping", new.ping, lambda n: {"n": n, "step": 2})


@pytest.fixture
def module(monkeypatch: pytest.MonkeyPatch) -> Iterator[Module]:
    made = Module()
    monkeypatch.setitem(sys.modules, "migrated_tasks", made.tasks)
    yield made
    migrations._migrations.clear()
    migrations._adapters.clear()


@pytest.fixture
def store(tmp_path: FilePath) -> cs.Store:
    return cs.Store(tmp_path / "runs.db")


Make = Callable[[Any], Any]
TARGETS: dict[str, tuple[Make, set[Any]]] = {
    "a loop": (lambda t: t.count(6, 0), {"21 m", "old 21"}),
    "a loop behind another call": (lambda t: t.count(t.add(2), 0), {"6 m", "old 6"}),
    "calls of a graph": (lambda t: t.together(t.half(12), t.half(t.half(60))), {(6, 15), (6, 10), (4, 6), (6, 6)}),
    "calls that are awaited": (lambda t: t.together(t.slow_half(8), t.half(t.later(12))), {(4, 6), (4, 4), (2, 4)}),
    "a graph that a task has returned": (lambda t: t.later(t.nested(10)), {11, 9, 8, 7, 3}),
    "a map": (lambda t: t.half.map([12, 24, 36]), {(6, 12, 18), (6, 12, 12), (6, 8, 12), (4, 8, 12)}),
    "a map of awaited calls": (
        lambda t: t.slow_half.map([8, 16]).with_concurrency(1),
        {(4, 8), (4, 4), (2, 4)},
    ),
    "a Router": (
        lambda t: cs.Router(tasks.choose(t.half(40)), {"small": t.half(10), "large": t.half(30)}),
        {15, 10},
    ),
    "a state machine": (lambda t: t.add(t.machine(7), "!"), {"old -1!", "new -2!", "new -1!", "new 0!", "old 0!"}),
    "a wait": (lambda t: t.half(t.add(cs.wait("go"), 10)), {6, 4}),
}


def as_key(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


@pytest.mark.filterwarnings("ignore::cascade.DurabilityWarning")  # a task beside it has changed, too
@pytest.mark.parametrize("name", TARGETS)
def test_a_run_is_migrated_from_each_of_its_snapshots(path: Path, store: cs.Store, module: Module, name: str) -> None:
    make, expected = TARGETS[name]
    run = cs.start(make(module.tasks), store=store, id="run", every=cs.steps(1), use_vm=path.use_vm)
    run.wait()
    cs.signal(store, "run", "go", 2) if name == "a wait" else None
    old = as_key(run.result())
    numbers = [number for number, _, _ in store.snapshots("run")]
    copies = [store.copy("run", number, f"copy {number}") for number in numbers]
    module.change()
    found = []
    for copy in copies:
        cs.signal(store, copy, "go", 2) if name == "a wait" else None
        found.append(as_key(cs.resume(store, copy).result()))
        assert "migrated code" in [entry.detail.partition(", ")[2] for entry in cs.Run(store, copy).history()]
    assert set(found) <= expected and old in expected
    assert found[0] != old


def test_a_run_that_was_migrated_continues_again_and_once_more(path: Path, store: cs.Store, module: Module) -> None:
    t = module.tasks
    target = t.together(t.half(cs.wait("a")), t.half(cs.wait("b")), t.half(cs.wait("c")))
    cs.start(target, store=store, id="run", use_vm=path.use_vm).wait()
    cs.signal(store, "run", "a", 12)
    run = cs.resume(store, "run")
    run.wait()
    module.change()
    cs.signal(store, "run", "b", 12)
    again = cs.resume(store, "run")
    again.wait()
    assert min(number for number, _, _ in store.snapshots("run")) > 2  # those from before are dropped
    first = store.snapshots("run")[0][0]
    cs.signal(store, "run", "c", 12)
    assert cs.resume(store, "run").result() == [6, 4, 4]
    codes = [entry.detail for entry in run.history() if entry.kind == "resumed"]
    assert [code.partition(", ")[2] for code in codes] == ["same code", "migrated code", "same code"]
    fork = cs.fork(store, "run", at=first, fork_id="fork")
    fork.wait()
    for name in "bc":
        cs.signal(store, "fork", name, 12)
    assert fork.result() == [6, 4, 4]


def test_a_call_in_doubt_stays_in_doubt_when_it_is_migrated(
    path: Path, store: cs.Store, module: Module, tmp_path: FilePath
) -> None:
    file = str(tmp_path / "file")
    cs.run(tasks.add(module.tasks.write(file, "a"), "!"), store=store, id="run", every=3600, use_vm=path.use_vm)
    begun = store.snapshots("run")[1][0]
    copies = [store.copy("run", begun, name) for name in ("doubt", "again", "known")]
    module.change()
    with pytest.raises(cs.InDoubtError) as error:
        cs.resume(store, copies[0]).result()
    assert error.value.arguments == {"path": file, "text": "a"}
    assert cs.resume(store, copies[1], doubt="again").result() == "a!"
    assert cs.resume(store, copies[2], doubt=cs.Returned("b")).result() == "b!"
    assert FilePath(file).read_text() == "a\na\n"


def test_a_run_that_waits_in_a_queue_is_migrated_before_it_begins(path: Path, store: cs.Store, module: Module) -> None:
    for name in ("refused", "run"):
        cs.start(module.tasks.count(3, 0), store=store, id=name, queue="q", use_vm=path.use_vm)
    module.load(NEW)
    with pytest.raises(cs.ChangedCodeError, match=r"count: it took \(n, total\) and takes \(total, n, unit\)"):
        cs.resume(store, "refused")
    module.change()
    assert cs.resume(store, "run").result() == "6 m"


@pytest.mark.once
def test_mistakes_in_migrations_are_named(store: cs.Store, module: Module) -> None:
    new = module.tasks.half
    for arguments in (("half", new, dict), ("m:half", "m:new", dict), ("m:half", new, 3), (3, new, dict)):
        with pytest.raises(cs.DeclarationError, match="expected: (the|a) task"):
            cs.migrate(*arguments)  # type: ignore[arg-type]
    run = cs.start(module.tasks.half(cs.wait("go")), store=store, id="run")
    run.wait()
    module.load(NEW)
    cs.migrate("migrated_tasks:half", module.tasks.third, lambda x: 3)  # type: ignore[arg-type,return-value]
    cs.signal(store, "run", "go", 12)
    with pytest.raises(
        cs.DeclarationError, match=r"half\(x\) returned 3[\s\S]*the arguments of task 'third' in a dict"
    ):
        cs.resume(store, "run").result()
    assert os.path.exists(store.path)
