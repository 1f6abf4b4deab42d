"""Effects and waits: calls that are never repeated, writes in one transaction with the snapshot, signals."""

from __future__ import annotations

import threading
import time
from pathlib import Path as FilePath
from typing import Any

import pytest

import cascade as cs
from cascade.durable.groups import Statement, Threads
from cascade.durable.sqlite import SQLite
from cascade.durable.work import wait_until
from tests.conftest import Path
from tests.support.durable import tasks


@pytest.fixture
def store(tmp_path: FilePath) -> cs.Store:
    return cs.Store(tmp_path / "runs.db")


@pytest.fixture
def file(tmp_path: FilePath) -> FilePath:
    return tmp_path / "effects"


def test_a_call_with_the_effect_once_is_not_repeated_by_a_run_that_continues_behind_it(
    path: Path, store: cs.Store, file: FilePath
) -> None:
    target = tasks.add(tasks.write_once(str(file), "a"), tasks.write_later(str(file), "b"))
    run = cs.start(target, store=store, id="run", every=3600, use_vm=path.use_vm)
    assert run.result() == "ab"
    behind = [number for number, _, step in store.snapshots("run") if step >= 2]
    for number in behind:
        assert cs.fork(store, "run", at=number).result() == "ab"
    assert behind and file.read_text() == "a\nb\n"


def test_a_call_that_had_begun_is_in_doubt_and_is_made_again_or_taken_as_made(
    path: Path, store: cs.Store, file: FilePath
) -> None:
    run = cs.start(
        tasks.add(tasks.write_once(str(file), "a"), "!"), store=store, id="run", every=3600, use_vm=path.use_vm
    )
    assert run.result() == "a!"
    begun = store.snapshots("run")[1][0]  # the one that says that the call begins
    with pytest.raises(cs.InDoubtError, match=r"a call of 'write_once' had begun[\s\S]*doubt='again'") as error:
        cs.fork(store, "run", at=begun, fork_id="asked").result()
    assert error.value.arguments == {"path": str(file), "text": "a"} and file.read_text() == "a\n"
    assert store.run("asked").status == "interrupted"
    assert cs.resume(store, "asked", doubt=cs.Returned("seen")).result() == "seen!"
    with pytest.raises(cs.InDoubtError):
        cs.fork(store, "run", at=begun, fork_id="again").result()
    assert cs.resume(store, "again", doubt="again").result() == "a!" and file.read_text() == "a\na\n"


def test_items_with_the_effect_once_are_not_repeated(path: Path, store: cs.Store, file: FilePath) -> None:
    target = tasks.write_once.map([str(file)] * 4, ["a", "b", "c", "d"])
    run = cs.start(target, store=store, id="run", every=3600, use_vm=path.use_vm)
    assert run.result() == ["a", "b", "c", "d"]
    for number, _, _ in store.snapshots("run"):
        cs.fork(store, "run", at=number, fork_id=f"fork {number}").wait()
        written = file.read_text().splitlines()
        value = cs.resume(store, f"fork {number}", doubt=lambda name, given: cs.Returned(given["text"])).result()
        assert value == ["a", "b", "c", "d"]
        file.write_text("\n".join(written[:4]) + "\n")


@pytest.mark.parametrize("task", [tasks.write_once, tasks.write_later])
def test_items_that_begin_or_return_together_are_saved_by_one_commit(
    path: Path, store: cs.Store, file: FilePath, task: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    commits: list[bool] = []
    texts = [str(number) for number in range(200)]
    monkeypatch.setattr(SQLite, "on_commit", staticmethod(commits.append))
    value = cs.run(task.map([str(file)] * 200, texts), store=store, id="run", every=3600, use_vm=path.use_vm)
    assert value == texts and sorted(file.read_text().split()) == sorted(texts)
    assert sum(commits) < 100


def test_runs_of_several_threads_share_commits_that_wait_for_the_disk(
    path: Path, tmp_path: FilePath, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = cs.Store(tmp_path / "full.db", synchronous="full")
    commits: list[bool] = []
    monkeypatch.setattr(SQLite, "on_commit", staticmethod(commits.append))
    files = [tmp_path / f"file {number}" for number in range(20)]
    runs = [cs.start(tasks.once_loop(str(each), 20), store=store, use_vm=path.use_vm, every=3600) for each in files]
    assert [run.result() for run in runs] == ["over"] * 20
    assert all(file.read_text().split() == [str(n) for n in range(20, -1, -1)] for file in files)
    assert sum(commits) < 420  # there are 420 calls


@pytest.mark.once
def test_an_error_of_a_shared_commit_is_that_of_each_statement_in_it() -> None:
    together = threading.Barrier(3)
    seen: list[tuple[int, object]] = []

    def write(statements: list[Statement]) -> None:
        if statements[0].arguments == ("first",):
            together.wait()  # the others come meanwhile
            while len(threads._waiting) < 2:
                pass
        elif any(each.arguments == ("bad",) for each in statements):
            raise ValueError("bad")
        for each in statements:
            each.changed = len(statements)

    def count(argument: str) -> None:
        if argument != "first":
            together.wait()
        try:
            seen.append((0, threads.count("", (argument,))))
        except ValueError as error:
            seen.append((1, str(error)))

    threads = Threads(write)
    made = [threading.Thread(target=count, args=(argument,)) for argument in ("first", "good", "bad")]
    for thread in made:
        thread.start()
    for thread in made:
        thread.join()
    assert sorted(seen) == [(0, 1), (1, "bad"), (1, "bad")]


def test_items_that_have_returned_since_the_last_snapshot_are_not_called_again(
    path: Path, store: cs.Store, file: FilePath
) -> None:
    texts = [*map(str, range(50)), "stop", "after"]
    target = tasks.write_or_stop.map([str(file)] * 52, texts)
    with pytest.raises(KeyboardInterrupt):
        cs.run(target, store=store, id="run", every=3600, use_vm=path.use_vm)
    run = cs.resume(store, "run", doubt=tasks.settle)
    assert run.result() == texts and file.read_text().split() == texts


def test_an_error_of_the_store_is_no_failure_of_an_item(
    path: Path, store: cs.Store, file: FilePath, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise cs.StoreError("the disk is full")

    target = tasks.write_once.map([str(file)] * 9, list("abcdefghi"), on_error="collect")
    with monkeypatch.context() as patch:
        patch.setattr(cs.Store, "save_effects", fail)
        with pytest.raises(cs.StoreError, match="the disk is full"):
            cs.run(target, store=store, id="run", every=3600, use_vm=path.use_vm)
    assert store.run("run").status == "interrupted"
    assert cs.resume(store, "run", doubt=tasks.settle).result() == list("abcdefghi")
    assert sorted(file.read_text().split()) == list("abcdefghi")


@pytest.mark.parametrize("task", [tasks.once_but_two, tasks.once_later_but_two, tasks.atomic_but_two])
@pytest.mark.parametrize("every", [0, 3600])
def test_a_call_with_an_effect_that_fails_ends_the_run_with_its_own_error(
    every: float, task: Any, path: Path, store: cs.Store
) -> None:
    targets = [
        task(2), tasks.together(task(1), task(2)), tasks.together(tasks.later(1), task(2)), task.map([1, 2, 3]),
        task(2).with_retry(2), task.map([1, 2]).with_retry(2), task(2).with_timeout(60), [task.map([1, 3]), task(2)],
    ]  # fmt: skip
    for number, target in enumerate(targets):
        run = cs.start(target, store=store, id=f"run {number}", every=every, use_vm=path.use_vm)
        with pytest.raises(ValueError, match="two"):
            run.result()
        assert run.state().status == "failed" and run.history()[-1].detail == "ValueError: two"


def test_a_run_that_was_stopped_has_no_call_in_doubt_that_had_not_begun(
    path: Path, store: cs.Store, file: FilePath
) -> None:
    targets: list[Any] = [
        tasks.once_loop(str(file), 300),
        tasks.write_once.map([str(file)] * 2_000, [str(number) for number in range(2_000)]),
        tasks.write_once.map([str(file)] * 300, [str(number) for number in range(300)]).with_concurrency(1),
    ]
    for number, target in enumerate(targets):
        file.write_text("")
        run = cs.start(target, store=store, id=str(number), every=3600, use_vm=path.use_vm)
        while run.state().status != "done":
            while not file.read_text() and run.state().status != "done":
                time.sleep(0.0005)
            run.stop()
            run = cs.resume(store, str(number))
            if len(store.events(str(number))) > 8:
                run.result()
        lines = file.read_text().splitlines()
        assert len(lines) == len(set(lines)) == [301, 2_000, 300][number]


def test_attempts_count_on_when_a_run_continues(path: Path, store: cs.Store, file: FilePath) -> None:
    run = cs.start(tasks.write_at_the_second_attempt(str(file)), store=store, id="run", every=3600, use_vm=path.use_vm)
    assert run.result() == "written" and file.read_text() == "xx"
    second = store.snapshots("run")[2][0]  # after the first attempt has failed
    with pytest.raises(cs.InDoubtError):
        cs.fork(store, "run", at=second).result()


def test_writes_of_an_atomic_call_are_committed_with_the_snapshot_or_not_at_all(path: Path, store: cs.Store) -> None:
    tasks.Ledger.store = store
    store.connection().execute("CREATE TABLE ledger (amount INTEGER)")
    total = tasks.add(tasks.pay(3), tasks.pay(4))
    assert cs.run(total, store=store, id="paid", every=3600, use_vm=path.use_vm) == 7
    assert store.connection().execute("SELECT amount FROM ledger").fetchall() == [(3,), (4,)]
    with pytest.raises(ValueError, match="negative"):
        cs.run(tasks.pay(-1), store=store, id="failed", use_vm=path.use_vm)
    assert store.connection().execute("SELECT count(*) FROM ledger").fetchall() == [(2,)]
    assert cs.run(tasks.pay.map([5, 6]), store=store, id="map", use_vm=path.use_vm) == [5, 6]
    assert store.connection().execute("SELECT sum(amount) FROM ledger").fetchall() == [(18,)]


def test_a_run_that_waits_is_parked_without_a_thread_and_continues_with_the_signal(path: Path, store: cs.Store) -> None:
    run = cs.start(tasks.decide(cs.wait("approval"), tasks.slow_count(3)), store=store, id="run", use_vm=path.use_vm)
    run.wait()
    state = run.state()
    assert (state.status, state.waits, store.run("run").owner) == ("waiting", ("approval",), None)
    assert cs.resume(store, "run").state().status == "waiting"  # there is nothing to continue with
    cs.signal(store, "run", "approval", {"yes": True})
    assert cs.resume(store, "run").result() == "{'yes': True}: 6"
    assert [entry.kind for entry in run.history() if entry.kind != "saved"] == ["parked", "signal", "resumed", "done"]


def test_a_signal_whose_value_cannot_be_saved_is_named_and_not_sent(path: Path, store: cs.Store) -> None:
    run = cs.start(tasks.add(cs.wait("sum"), 1), store=store, id="run", use_vm=path.use_vm)
    message = r"the value of the signal 'sum' cannot be saved: it holds a builtins\.object\n  expected: plain data"
    with pytest.raises(cs.SavingError, match=message):
        cs.signal(store, "run", "sum", [object()])
    cs.signal(store, "run", "sum", 2)
    assert run.result() == 3


def test_a_signal_that_comes_before_its_wait_is_kept_and_each_wait_takes_one(path: Path, store: cs.Store) -> None:
    run = cs.start(tasks.turn("answer", []), store=store, id="run", use_vm=path.use_vm)
    run.wait()
    cs.signal(store, "run", "answer 1", "second")
    assert store.run("run").status == "waiting"
    cs.signal(store, "run", "answer 0", "first")
    assert run.result() == ["first", "second"]
    with pytest.raises(cs.StoreError, match="is done: it takes no signal any more"):
        cs.signal(store, "run", "answer 0", 1)


def test_a_run_continues_from_each_snapshot_between_its_waits(path: Path, store: cs.Store) -> None:
    run = cs.start(tasks.rested(2), store=store, id="rested", every=cs.steps(1), use_vm=path.use_vm)
    assert run.result() == 0
    talk = cs.start(tasks.turn("answer", []), store=store, id="talk", every=cs.steps(1), use_vm=path.use_vm)
    for number in range(2):
        cs.signal(store, "talk", f"answer {number}", number)
    assert talk.result() == [0, 1]
    for number, _, _ in store.snapshots("rested"):
        assert cs.fork(store, "rested", at=number).result() == 0
    for number, _, _ in store.snapshots("talk"):
        fork = cs.fork(store, "talk", at=number)
        for _ in range(2):
            fork.wait()
            for name in fork.state().waits:
                cs.signal(store, fork.id, name, int(name.split()[1]))
            fork = cs.resume(store, fork.id)
        assert fork.result() == [0, 1]


def test_a_wait_ends_at_its_timeout(path: Path, store: cs.Store) -> None:
    target = cs.wait("nothing", 0.05, default="late")
    assert cs.start(tasks.decide(target, 1), store=store, id="run", use_vm=path.use_vm).result() == "late: 1"
    with pytest.raises(cs.TaskTimeoutError, match=r"no signal 'nothing' came within 0\.01 s"):
        cs.run(cs.wait("nothing", 0.01), store=store, id="other", use_vm=path.use_vm)
    assert cs.run(tasks.decide(cs.sleep(0.01), 2), store=store, id="slept", use_vm=path.use_vm) == "None: 2"


def test_a_wait_beside_an_awaited_call_is_not_parked(path: Path, store: cs.Store) -> None:
    target = tasks.together(cs.wait("go"), tasks.later(tasks.slow_count(2)))
    run = cs.start(target, store=store, id="run", use_vm=path.use_vm)
    wait_until(store, "run", ["waiting"], 30)
    cs.signal(store, "run", "go", 1)
    assert run.result() == [1, 3]


def test_a_wait_needs_a_store(path: Path) -> None:
    with pytest.raises(cs.StoreError, match=r"cascade\.wait\('x'\) in a run without a store"):
        path.run(cs.wait("x"))


@pytest.mark.once
def test_an_effect_is_checked_where_it_is_declared() -> None:
    with pytest.raises(cs.DeclarationError, match="did you mean 'once'"):
        cs.task(effect="onec")(lambda: 1)  # type: ignore[call-overload]
    with pytest.raises(cs.DeclarationError, match="effect='once' and pure=True"):
        cs.task(effect="once", pure=True)(lambda: 1)

    async def write() -> None:
        pass

    with pytest.raises(cs.DeclarationError, match="effect='atomic' and is not called in place"):
        cs.task(effect="atomic")(write)


def test_a_task_with_an_effect_is_a_plain_one_in_a_run_without_a_store(path: Path, file: FilePath) -> None:
    assert path.run(tasks.once_loop(str(file), 3)) == "over" and file.read_text() == "3\n2\n1\n0\n"
