"""Stores: errors of files and of what cannot be saved, leases, pinned code."""

from __future__ import annotations

import contextlib
import io
import linecache
import os
import random
import signal
import sqlite3
import subprocess
import sys
import threading
import types
from collections.abc import Callable
from pathlib import Path as FilePath
from typing import Any

import pytest

import cascade as cs
from cascade.durable.owner import Owner
from cascade.observers.lines import Log
from cascade.testing import SpySubscriber
from tests.conftest import Path
from tests.support.durable import tasks

pytestmark = pytest.mark.once


@pytest.fixture
def store(tmp_path: FilePath) -> cs.Store:
    return cs.Store(tmp_path / "runs.db")


def test_what_cannot_be_saved_is_named_with_its_task_and_line_when_the_run_starts(path: Path, store: cs.Store) -> None:
    with pytest.raises(
        cs.SavingError,
        match=r"the argument 'lock' cannot be saved: it holds a _thread\.lock\n.*task 'hold', .*tasks\.py:\d+",
    ):
        cs.start(tasks.hold(1, threading.Lock()), store=store, id="run", use_vm=path.use_vm)
    assert store.runs() == []

    @cs.task
    def local() -> int:
        return 1

    with pytest.raises(cs.SavingError, match=r"the task .*<locals>\.local, which is not found by that name"):
        cs.start(local(), store=store, id="run")


def test_what_cannot_be_saved_later_ends_the_run_at_the_first_snapshot_that_meets_it(
    path: Path, store: cs.Store
) -> None:
    run = cs.start(tasks.crash_in_memory(3), store=store, id="run", every=cs.steps(1), use_vm=path.use_vm)
    with pytest.raises(cs.SavingError, match=r"the argument 'lock' cannot be saved[\s\S]*task 'crash_in_memory'"):
        run.result()
    assert store.run("run").status == "interrupted"


@pytest.mark.parametrize(
    ("target", "what", "task"),
    [
        (lambda: tasks.count_beside(9), "the result", "lock_of"),
        (lambda: tasks.count_beside.map([9, 10]), "the result", "lock_of"),
        (lambda: tasks.add(tasks.lock_of(1), tasks.slow_count(9)), "the result", "lock_of"),
        (lambda: [tasks.lock_once(1), tasks.lock_of(1)], "the result", "lock_once"),
        (lambda: tasks.lock_once_later(1), "the result", "lock_once_later"),
        (lambda: tasks.lock_once.map([1, 2]), "the result of an item", "lock_once"),
        (lambda: tasks.lock_once_later.map([1, 2]), "the result of an item", "lock_once_later"),
        (lambda: tasks.lock_atomically.map([1, 2]), "the result of an item", "lock_atomically"),
    ],
)
def test_a_result_that_cannot_be_saved_is_named_with_its_task_and_line(
    target: Callable[[], Any], what: str, task: str, path: Path, store: cs.Store
) -> None:
    run = cs.start(target(), store=store, id="run", every=cs.steps(1), use_vm=path.use_vm)
    message = rf"{what} cannot be saved: it holds a _thread\.lock\n  where: task '{task}', .*tasks\.py:\d+"
    with pytest.raises(cs.SavingError, match=message):
        run.result()
    assert run.state().status == "interrupted"


def test_the_state_of_a_run_that_goes_on_meanwhile(store: cs.Store, monkeypatch: pytest.MonkeyPatch) -> None:
    cs.start(tasks.decide(cs.wait("go"), 1), store=store, id="run", every=cs.steps(1)).wait()
    look = store.snapshot

    def look_and_be_late(id: str, number: int) -> bytes:
        if number > 1:
            return look(id, number)
        with store.database.transaction():
            row = store.connection().execute("SELECT * FROM snapshots WHERE number = 1").fetchone()
            store.connection().execute("INSERT INTO snapshots VALUES (?, 5, ?, ?, ?)", (row[0], *row[2:]))
            store.connection().execute("DELETE FROM snapshots WHERE number < 5")
        return look(id, number)

    store.connection().execute("DELETE FROM snapshots WHERE number > 1")
    monkeypatch.setattr(store, "snapshot", look_and_be_late)
    assert cs.Run(store, "run").state().snapshot == 5
    store.connection().execute("UPDATE snapshots SET state = x'00'")
    with pytest.raises(cs.StoreError, match="is damaged"):
        cs.Run(store, "run").state()


def test_a_task_that_has_no_name_is_refused_with_its_line(store: cs.Store) -> None:
    local = cs.task(lambda x: x)
    with pytest.raises(cs.SavingError, match=r"the task .*<lambda>.*\n  where: task '<lambda>', .*test_stores\.py:\d+"):
        cs.start(local(1), store=store)


def test_errors_of_files_say_what_is_wrong(tmp_path: FilePath) -> None:
    (tmp_path / "text").write_text("no database, but a long text" * 100)
    with pytest.raises(cs.StoreError, match="it is not an SQLite file"):
        cs.Store(tmp_path / "text")
    with pytest.raises(cs.StoreError, match="cannot be opened"):
        cs.Store(tmp_path / "nowhere" / "runs.db")
    other = sqlite3.connect(tmp_path / "other.db")
    other.execute("CREATE TABLE t (x)")
    other.close()
    with pytest.raises(cs.StoreError, match="SQLite file of something else"):
        cs.Store(tmp_path / "other.db")
    newer = cs.Store(tmp_path / "newer.db")
    newer.connection().execute("PRAGMA user_version = 99")
    with pytest.raises(cs.StoreError, match=r"later version of Cascade \(format 99\)"):
        cs.Store(tmp_path / "newer.db")
    with pytest.raises(cs.DeclarationError, match="did you mean 'full'"):
        cs.Store(tmp_path / "x.db", synchronous="ful")


def test_a_damaged_or_truncated_store_is_reported_and_left_as_it_is(store: cs.Store) -> None:
    for number in range(30):
        cs.run(tasks.add("x" * 1000, str(number)), store=store, id=f"run {number}")
    store.connection().execute("PRAGMA wal_checkpoint(TRUNCATE)")
    store.close()
    with open(store.path, "r+b") as file:
        size = file.seek(0, 2)
        file.truncate(size // 2)
    before = FilePath(store.path).read_bytes()
    with pytest.raises(cs.StoreError, match="is damaged"):
        for row in cs.Store(store.path).runs():
            cs.Run(cs.Store(store.path), row.id).result()
    assert FilePath(store.path).read_bytes() == before


def test_damaged_rows_are_reported(path: Path, store: cs.Store) -> None:
    targets: list[Any] = [
        tasks.routed(4),
        tasks.together(tasks.state_machine(5), tasks.history(6, [], {})),
        tasks.turned(9),
    ]
    snapshots: list[tuple[str, int]] = []
    for number, target in enumerate(targets):
        cs.run(target, store=store, id=str(number), every=cs.steps(1), use_vm=path.use_vm)
        snapshots += [(str(number), each) for each, _, _ in store.snapshots(str(number))]
    chosen, connection, seen = random.Random(7), store.connection(), set()
    for _ in range(150):
        id, number = chosen.choice(snapshots)
        table, column, key = chosen.choice(
            [
                ("snapshots", "state", f"run = ? AND number = {number}"),
                ("runs", "target", "id = ?"),
                ("runs", "waits", "id = ?"),
            ]
        )
        whole = connection.execute(f"SELECT {column} FROM {table} WHERE {key}", (id,)).fetchone()[0]
        data = bytearray(whole if isinstance(whole, bytes) else whole.encode())
        for _ in range(chosen.randrange(1, 4)):
            data[chosen.randrange(len(data))] = chosen.randrange(256)
        set_to = f"UPDATE {table} SET {column} = {{}} WHERE {key}"
        connection.execute(set_to.format("?" if column != "waits" else "CAST(? AS TEXT)"), (bytes(data), id))
        try:
            fork = cs.fork(store, id, at=number)
        except cs.CascadeError as error:
            assert not isinstance(error, cs.InternalError), bytes(data)
            seen.add(type(error))
        else:  # a value may be another one
            fork.cancel()
            with contextlib.suppress(Exception):
                fork.result(30)
        connection.execute(set_to.format("?"), (whole, id))
    assert cs.StoreError in seen


def test_a_full_disk_interrupts_the_run_which_continues_when_there_is_room(path: Path, store: cs.Store) -> None:
    target = tasks.add(tasks.grow(cs.wait("go")), tasks.later(b"."))
    run = cs.start(target, store=store, id="run", every=cs.steps(1), use_vm=path.use_vm)
    run.wait()
    cs.signal(store, "run", "go", 1)
    connection = store.connection()
    pages = connection.execute("PRAGMA page_count").fetchone()[0]
    connection.execute(f"PRAGMA max_page_count = {pages + 2}")
    with pytest.raises(cs.StoreError, match="the disk is full"):
        run.result(30)
    connection.execute("PRAGMA max_page_count = 1000000")
    assert store.run("run").status == "interrupted"
    assert cs.resume(store, "run").result() == random.Random(1).randbytes(1_000_000) + b"."


def test_a_locked_store_is_reported(store: cs.Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cascade.durable.sqlite.BUSY_SECONDS", 0.05)
    holder = sqlite3.connect(store.path, isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    with pytest.raises(cs.StoreError, match="was locked by another process"):
        cs.start(tasks.add(1), store=cs.Store(store.path), id="run")
    holder.execute("ROLLBACK")
    holder.close()


def test_a_hostile_store_runs_nothing(store: cs.Store) -> None:
    cs.run(tasks.add(1), store=store, id="run")
    import pickle

    import msgspec

    class Evil:
        def __reduce__(self) -> Any:
            return os.mkdir, (store.path + ".evil",)

    state = msgspec.msgpack.encode([[], [], msgspec.msgpack.Ext(10, pickle.dumps(Evil()))])
    store.connection().execute("UPDATE runs SET outcome = ?", (state,))
    with pytest.raises(cs.StoreError, match="is damaged: it cannot be read .*extension type 10"):
        cs.Run(store, "run").result()
    reference = msgspec.msgpack.encode([[], [], msgspec.msgpack.Ext(43, b"os:mkdir")])
    store.connection().execute("UPDATE runs SET outcome = ?", (reference,))
    assert cs.Run(store, "run").result() is os.mkdir  # named, and not called
    unknown = msgspec.msgpack.encode([[], [], msgspec.msgpack.Ext(43, b"antigravity:fly")])
    store.connection().execute("UPDATE runs SET outcome = ?", (unknown,))
    with pytest.raises(cs.UnknownCodeError, match="the module 'antigravity' is not imported"):
        cs.Run(store, "run").result()
    assert "antigravity" not in sys.modules and not os.path.exists(store.path + ".evil")


def test_a_store_that_was_opened_with_pickle_keeps_other_values(path: Path, tmp_path: FilePath) -> None:
    store = cs.Store(tmp_path / "pickled.db", pickle=True)
    target = tasks.hold(tasks.Plain(3), tasks.slow_count(3))
    assert cs.run(target, store=store, id="run", every=cs.steps(1), use_vm=path.use_vm).value == 3
    for number, _, _ in store.snapshots("run"):
        assert cs.fork(store, "run", at=number).result().value == 3
    with pytest.raises(cs.SavingError, match=r"holds a tests\.support\.durable\.tasks\.Plain"):
        cs.run(target, store=cs.Store(tmp_path / "plain.db"), id="run")


def test_two_processes_never_have_the_same_run(path: Path, store: cs.Store) -> None:
    run = cs.start(tasks.decide(cs.wait("go"), 1), store=store, id="run", use_vm=path.use_vm)
    run.wait()
    here, there = Owner.new(), f"elsewhere:1:1:{1}"
    store.claim("run", there)
    with pytest.raises(
        cs.StoreError, match=r"held by another process, process 1 on elsewhere[\s\S]*its lease is over in"
    ):
        store.claim("run", here)
    store.connection().execute("UPDATE runs SET lease = 0")
    store.claim("run", here)
    assert store.run("run").owner == here
    Owner.end(here)  # this process does not run it any more: no lease has to be waited for
    cs.signal(store, "run", "go", 2)
    assert cs.resume(store, "run").result() == "2: 1"


def test_a_process_that_has_lost_its_run_stops_at_its_next_snapshot(path: Path, store: cs.Store) -> None:
    run = cs.start(tasks.slow_count(10**9), store=store, id="run", every=0.01, use_vm=path.use_vm)
    store.connection().execute("UPDATE runs SET owner = 'elsewhere:1:1:1'")
    with pytest.raises(cs.StoreError, match="was taken over by another process"):
        run.result(30)


@pytest.mark.parametrize("every", [1, 3_600, cs.steps(1_000_000)])
def test_ctrl_c_while_a_run_is_waited_for_returns_when_it_is_saved(every: Any, path: Path, store: cs.Store) -> None:
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        run = cs.start(tasks.interrupt_main(100), store=store, id="run", every=every, use_vm=path.use_vm)
        with pytest.raises(KeyboardInterrupt):
            run.result()
        state = run.state()
    finally:
        signal.signal(signal.SIGINT, before)
    assert state.status == "interrupted" and 5 <= state.step < 100
    assert cs.resume(store, "run").result() == 0


@pytest.mark.parametrize("every", [3_600, cs.steps(10**12)])
def test_a_run_of_typed_code_stops_soon(every: Any, store: cs.Store) -> None:
    run = cs.start(tasks.count(10**12), store=store, id="run", every=every)
    run.stop()
    assert run.state().status == "interrupted"


def test_a_run_is_cancelled_at_its_next_snapshot(path: Path, store: cs.Store) -> None:
    run = cs.start(tasks.slow_count(10**9), store=store, id="run", every=0.01, use_vm=path.use_vm)
    run.cancel()
    with pytest.raises(cs.RunCancelledError):
        run.result(30)
    assert store.run("run").status == "cancelled"
    parked = cs.start(cs.wait("never"), store=store, id="parked")
    parked.wait()
    parked.cancel()
    with pytest.raises(cs.RunCancelledError):
        parked.result()


def test_a_result_may_be_asked_for_again(path: Path, store: cs.Store) -> None:
    failed = cs.start(tasks.add(1, "a"), store=store, id="failed", use_vm=path.use_vm)
    for _ in range(3):
        with pytest.raises(TypeError, match="unsupported operand"):
            failed.result()
    run = cs.start(tasks.add(1000, 1), store=store, id="added", use_vm=path.use_vm)
    assert run.result() == run.result() == 1001


def test_a_failed_run_keeps_its_traceback_for_other_processes(path: Path, store: cs.Store) -> None:
    with pytest.raises(TypeError, match="unsupported operand"):
        cs.run(tasks.add(1, "a"), store=store, id="run", use_vm=path.use_vm)
    with pytest.raises(cs.RunFailedError, match=r"in add\n[\s\S]*unsupported operand"):
        cs.Run(store, "run").result()


def test_names_that_are_nearly_right_are_suggested(store: cs.Store) -> None:
    cs.run(tasks.slow_count(3), store=store, id="count", every=cs.steps(1))
    with pytest.raises(cs.StoreError, match="did you mean 'count'"):
        cs.resume(store, "cuont")
    with pytest.raises(cs.DeclarationError, match="did you mean 'total'"):
        cs.fork(store, "count", at=2, totla=3)
    with pytest.raises(cs.StoreError, match="a run 'count' in .* already"):
        cs.start(tasks.slow_count(3), store=store, id="count")
    assert cs.fork(store, "count", at=3, total=100).result() > 100


def test_events_say_where_a_run_was_saved_resumed_and_parked(path: Path, store: cs.Store) -> None:
    engine = cs.Engine()
    spy = SpySubscriber(engine.bus)
    run = cs.start(
        tasks.decide(cs.wait("go"), tasks.slow_count(4)), store=store, id="run", engine=engine, use_vm=path.use_vm
    )
    run.wait()
    cs.signal(store, "run", "go", 1)
    assert run.result() == "1: 10"
    lines = io.StringIO()
    log = Log(lines, verbose=True)
    for event in spy.events:
        log(event)
    assert f"run resumed at step {spy.events_of_type(cs.RunResumed)[0].step:,}\n" in lines.getvalue()
    assert "run parked at step" in lines.getvalue() and "saved at step 0: snapshot 1" in lines.getvalue()
    assert [type(event) for event in spy.events][0] is cs.RunStarted and type(spy.events[-1]) is cs.RunFinished
    (parked,), (resumed,) = spy.events_of_type(cs.RunParked), spy.events_of_type(cs.RunResumed)
    assert (parked.name, parked.waits, resumed.code) == ("run", ("go",), "same") and resumed.step == parked.step
    assert [event.snapshot for event in spy.events_of_type(cs.RunSaved)][:2] == [1, 2]


# -- Pinned code ----------------------------------------------------------------------------------------------------------

CODE = """
import cascade as cs

def half(x):
    return x // 2

@cs.task
def step({parameters}):
    {body}
"""


@pytest.fixture
def module(monkeypatch: pytest.MonkeyPatch) -> Any:
    made = types.ModuleType("pinned_tasks")
    monkeypatch.setitem(sys.modules, "pinned_tasks", made)

    def load(parameters: str, body: str, helper: str = "x // 2") -> Any:
        text = CODE.format(parameters=parameters, body=body).replace("x // 2", helper)
        linecache.cache["pinned.py"] = (len(text), None, text.splitlines(True), "pinned.py")
        exec(compile(text, "pinned.py", "exec"), vars(made))
        return made

    return load


LOOP = "return total if n == 0 else step.tail(n - 1, total + half(n), cs.wait(f'go {n}'))"


def parked(store: cs.Store, module: Any, use_vm: bool) -> cs.Run:
    made = module("n, total, waited=None", LOOP)
    run = cs.start(made.step(4, 0), store=store, id="run", use_vm=use_vm)
    run.wait()
    return run


def go_on(store: cs.Store) -> Any:
    for n in range(4, 0, -1):
        cs.signal(store, "run", f"go {n}")
    return cs.resume(store, "run").result()


def test_a_run_continues_with_the_same_code(path: Path, store: cs.Store, module: Any) -> None:
    parked(store, module, path.use_vm)
    module("n, total, waited=None", LOOP)
    assert go_on(store) == 2 + 1 + 1 + 0


def test_a_run_continues_with_compatible_code_and_says_so(path: Path, store: cs.Store, module: Any) -> None:
    parked(store, module, path.use_vm)
    before = [row[2] for row in store.functions("run")]
    module("n, total, waited=None", LOOP, helper="x * 100")
    with pytest.warns(
        cs.DurabilityWarning, match=r"pinned_tasks:half has changed:[\s\S]*pinned\.py:4[\s\S]*\+    return x \* 100"
    ):
        value = go_on(store)
    assert value == 2 + 300 + 200 + 100
    assert [row[2] for row in store.functions("run")] != before  # it belongs to the new code now


def test_a_run_is_refused_with_a_difference_where_parameters_have_changed(
    path: Path, store: cs.Store, module: Any
) -> None:
    made = module("n, total", "return total if n == 0 else step.tail(n - 1, total + half(n))")
    made.step.lower = False
    cs.start(made.step(10, 0), store=store, id="run", every=cs.steps(1), use_vm=path.use_vm).result()
    early = cs.fork(store, "run", at=5, fork_id="early")
    assert early.result() == 25
    fork = store.copy("run", 5, "late")
    made = module("n, sum, unit", "return f'{sum} {unit}' if n == 0 else step.tail(n - 1, sum + half(n), unit)")
    expected = (
        r"pinned_tasks:step: it took \(n, total\) and takes \(n, sum, unit\)[\s\S]*\+def step[\s\S]*cascade\.migrate"
    )
    with pytest.raises(cs.ChangedCodeError, match=expected) as error:
        cs.resume(store, fork)
    assert len(error.value.changes) == 1 and store.run(fork).status == "interrupted"


def test_a_task_that_is_gone_is_named(store: cs.Store, module: Any) -> None:
    parked(store, module, True)
    del sys.modules["pinned_tasks"].step  # type: ignore[attr-defined]
    with pytest.raises(cs.ChangedCodeError, match=r"pinned_tasks:step, pinned\.py:7: there is no such task"):
        go_on(store)


def test_importing_the_package_loads_no_store() -> None:
    code = "import cascade, sys; cascade.run; print([name for name in sys.modules if 'durable' in name or name == 'sqlite3'])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


def test_without_msgspec_a_store_says_what_is_missing(tmp_path: FilePath, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cascade.adapters.caches.codec.msgspec", None)
    with pytest.raises(cs.MissingExtraError, match=r"^Store needs the package 'msgspec'.*\n.*cascade-engine\[cache\]"):
        cs.Store(tmp_path / "runs.db")
    assert not list(tmp_path.iterdir())
