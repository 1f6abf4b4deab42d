"""Workers, queues, schedules, and the commands on saved runs."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path as FilePath

import pytest

import cascade as cs
from cascade.cli import main
from cascade.durable.leases import PAGE
from cascade.durable.owner import Owner
from cascade.durable.schedules import start_due
from cascade.durable.work import wait_until
from tests.support.durable import tasks

pytestmark = pytest.mark.once
ROOT = FilePath(__file__).parents[2]
TASKS = "tests.support.durable.tasks"


@pytest.fixture
def store(tmp_path: FilePath) -> cs.Store:
    return cs.Store(tmp_path / "runs.db")


class Workers:
    """Worker processes of a store."""

    def __init__(self, store: cs.Store) -> None:
        self._store = store
        self.processes: list[subprocess.Popen[str]] = []

    def start(self, *options: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "cascade", "work", "--store", self._store.path, "--tasks", TASKS, *options]
        made = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.processes.append(made)
        return made


@pytest.fixture
def workers(store: cs.Store) -> Iterator[Workers]:
    made = Workers(store)
    yield made
    for process in made.processes:
        if process.poll() is None:
            process.kill()
        process.communicate()


def test_a_worker_executes_what_is_queued_and_due(store: cs.Store) -> None:
    runs = [cs.start(tasks.add(number, 1), store=store, id=f"run {number}", queue="small") for number in range(5)]
    other = cs.start(tasks.add(1, 1), store=store, id="other", queue="other")
    cs.Worker(store, queues=["small"], concurrency=2).work(until_idle=True)
    assert [run.result() for run in runs] == [1, 2, 3, 4, 5] and other.state().status == "queued"


def test_a_queue_has_no_more_runs_under_way_than_its_limit(store: cs.Store, tmp_path: FilePath) -> None:
    store.queue("narrow", 1)
    paths = [str(tmp_path / f"run {number}") for number in range(2)]
    for path in paths:
        cs.start(tasks.endless(path), store=store, id=path, queue="narrow", every=0.01)
    first, second = store.claim_next("elsewhere:1:1:1"), store.claim_next("elsewhere:1:1:2")
    assert first is not None and second is None
    with pytest.raises(cs.DeclarationError, match="a number of runs"):
        store.queue("narrow", 0)


def test_a_worker_that_dies_is_replaced_and_no_two_have_one_run(
    store: cs.Store, workers: Workers, tmp_path: FilePath
) -> None:
    path = str(tmp_path / "file")
    run = cs.start(tasks.endless(path), store=store, id="run", queue="q", every=0.01)
    first = workers.start()
    wait_until(store, "run", ["running"], 30)
    while not os.path.exists(path) or store.run("run").snapshot < 3:
        time.sleep(0.01)
    second = workers.start()
    time.sleep(0.3)
    lines = FilePath(path).read_text().splitlines()
    assert lines == sorted(lines, key=int) and len(lines) == len(set(lines))  # the second one has not begun it
    os.kill(first.pid, signal.SIGKILL)
    while "resumed" not in [entry.kind for entry in run.history()]:
        time.sleep(0.01)
    FilePath(path + ".end").touch()
    assert wait_until(store, "run", ["done"], 30).status == "done" and run.result() == "over"
    second.terminate()
    assert second.wait(30) == 0


def test_a_run_that_a_worker_cannot_continue_is_left_to_others(store: cs.Store) -> None:
    cs.start(tasks.decide(cs.wait("go"), 1), store=store, id="run").wait()
    cs.signal(store, "run", "go")
    rows = store.functions("run")
    seen: list[BaseException | None] = []
    for column, value in (("path", "nowhere:decide"), ("parameters", '["other"]')):
        store.connection().execute(f"UPDATE functions SET {column} = ? WHERE path LIKE '%decide'", (value,))
        cs.Worker(store, report=lambda row, error: seen.append(error)).work(until_idle=True)
        store.replace_functions("run", rows)
    assert [type(error) for error in seen] == [cs.UnknownCodeError, cs.ChangedCodeError]
    assert "the module 'nowhere' is not imported" in str(seen[0]) and store.run("run").status == "interrupted"
    assert [entry.detail for entry in cs.Run(store, "run").history() if entry.kind == "refused"] == [
        "ChangedCodeError: the code of the run has changed, so that it cannot continue:"
    ]
    cs.Worker(store).work(until_idle=True)
    assert cs.Run(store, "run").result() == "None: 1"


@pytest.mark.parametrize("kind", ["not saved", "in doubt", "stopped", "no store"])
def test_a_run_that_can_only_be_interrupted_again_is_left_alone(kind: str, store: cs.Store, tmp_path: FilePath) -> None:
    if kind == "in doubt":
        with pytest.raises(KeyboardInterrupt):
            cs.run(tasks.write_or_stop(str(tmp_path / "file"), "stop"), store=store, id="run")
    else:
        targets = {"not saved": tasks.crash_in_memory(9), "stopped": tasks.leave(), "no store": tasks.slow_count(9)}
        cs.start(targets[kind], store=store, id="run", queue="q", every=cs.steps(1))
    if kind == "no store":
        store.connection().execute(
            "CREATE TRIGGER no BEFORE INSERT ON snapshots WHEN NEW.number > 3 BEGIN SELECT RAISE(ABORT, 'no'); END"
        )
    seen: list[object] = []
    worker = cs.Worker(store, report=lambda row, error: seen.append(type(error)))
    worker.work(until_idle=True)
    worker.work(until_idle=True)
    expected = {
        "not saved": cs.SavingError,
        "in doubt": cs.InDoubtError,
        "stopped": SystemExit,
        "no store": cs.StoreError,
    }
    assert seen == [expected[kind]] and store.run("run").status == "interrupted"
    refused = [entry.detail for entry in cs.Run(store, "run").history() if entry.kind == "refused"]
    assert len(refused) == (kind != "no store")
    if kind == "no store":
        store.connection().execute("DROP TRIGGER no")
        cs.Worker(store).work(until_idle=True)
        assert cs.Run(store, "run").result() == 45


def test_a_worker_takes_a_run_again_that_somebody_has_continued(store: cs.Store, tmp_path: FilePath) -> None:
    target = tasks.decide(tasks.write_or_stop(str(tmp_path / "file"), "stop"), cs.wait("go"))
    with pytest.raises(KeyboardInterrupt):
        cs.run(target, store=store, id="run")
    worker = cs.Worker(store)
    worker.work(until_idle=True)
    cs.resume(store, "run", doubt="again").wait()
    assert store.run("run").status == "waiting"
    cs.signal(store, "run", "go", 5)
    worker.work(until_idle=True)
    assert cs.Run(store, "run").result() == "stop: 5"


def test_a_full_queue_does_not_hold_up_others(store: cs.Store) -> None:
    store.queue("full", 1)
    with store.database.transaction():
        for number in range(2 * PAGE + 2):
            cs.start(tasks.add(number, 1), store=store, id=f"run {number}", queue="full")
        cs.start(tasks.add(1, 1), store=store, id="other", queue="other")
        cs.start(tasks.add(1, 1), store=store, id="last", queue="third")
    first = store.claim_next("elsewhere:1:1:1")
    others = store.claim_next("elsewhere:1:1:2"), store.claim_next("elsewhere:1:1:3", ["third"])
    assert [each and each.id for each in (first, *others)] == ["run 0", "other", "last"]
    assert store.claim_next("elsewhere:1:1:4", ["full", "other"]) is None
    late = f"run {2 * PAGE}"
    assert store.claim_next("elsewhere:1:1:5", may_take=lambda row: row.id == late) is None  # the queue is full
    store.queue("full", 2)
    found = store.claim_next("elsewhere:1:1:6", may_take=lambda row: row.id == late)
    assert found is not None and found.id == late


def test_the_run_of_a_worker_that_died_comes_before_those_that_are_queued(store: cs.Store) -> None:
    cs.start(tasks.add(1, 1), store=store, id="begun", queue="q")
    owner = Owner.new()
    assert store.claim_next(owner) is not None
    cs.start(tasks.add(1, 1), store=store, id="queued", queue="q")
    assert (first := store.claim_next("elsewhere:1:1:1")) is not None and first.id == "queued"
    store.release("queued", "elsewhere:1:1:1", "queued")
    Owner.end(owner)
    assert (second := store.claim_next("elsewhere:1:1:2")) is not None and second.id == "begun"


def test_a_cancelled_run_whose_process_has_ended_is_ended_by_a_worker(store: cs.Store) -> None:
    cs.start(tasks.add(1, 1), store=store, id="run", queue="q")
    owner = Owner.new()
    assert store.claim_next(owner) is not None
    store.cancel("run")
    assert store.run("run").status == "running"
    Owner.end(owner)
    cs.Worker(store).work(until_idle=True)
    assert store.run("run").status == "cancelled"
    with pytest.raises(cs.RunCancelledError):
        cs.Run(store, "run").result()


def test_schedules_start_runs_at_their_times(store: cs.Store) -> None:
    cs.every(60, tasks.add(1, 2), store=store, id="often", queue=None)
    assert start_due(store) == 0
    store.connection().execute("UPDATE schedules SET next = 1000")
    cs.Worker(store).work(until_idle=True)
    (row,) = store.runs()
    assert row.id == "often@1000" and cs.Run(store, row.id).result() == 3
    (due,) = store.schedules()
    assert due[2] > time.time()  # times that have passed are left out
    store.unschedule("often")
    assert store.schedules() == []


def test_schedules_by_rules_of_cron(store: cs.Store) -> None:
    pytest.importorskip("cronsim")
    before = time.time()
    cs.cron("*/5 * * * *", tasks.add(1, 2), store=store, id="five", queue="q")
    (_, _, due) = store.schedules()[0]
    assert time.localtime(due).tm_min % 5 == 0 and before < due <= time.time() + 300
    with pytest.raises(cs.DeclarationError, match="minute, hour, day, month, weekday"):
        cs.cron("every day", tasks.add(1), store=store, id="x")


def test_the_commands_show_and_change_runs(store: cs.Store, capsys: pytest.CaptureFixture[str]) -> None:
    cs.start(tasks.decide(cs.wait("approval"), tasks.slow_count(5)), store=store, id="run", every=cs.steps(1)).wait()
    where = ["--store", store.path]

    def run(*arguments: str) -> str:
        assert main(["runs", *arguments[:1], *where, *arguments[1:]]) == 0
        return capsys.readouterr().out

    assert "run  waiting  decide  step" in run("list") and "waits for approval" in run("list")
    assert "run: waits for approval" in run("resume", "run")
    assert "parked" in run("show", "run")
    assert "run: kept until it waits for aproval; now it waits for approval" in run("signal", "run", "aproval")
    assert "run: continues" in run("signal", "run", "approval", "{'by': 'me'}")
    assert "run: \"{'by': 'me'}: 15\"" in run("resume", "run", "--tasks", TASKS)
    assert "run-fork-1: " in run("fork", "run", "--at", "4", "--set", "total=100")
    assert "no runs" in run("list", "--status", "failed")
    run("cancel", "run")
    assert "run dropped" in run("gc")
    assert main(["runs", "show", *where, "run"]) == 1
    assert "there is no run 'run'" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["list", "--store", "rnus.db"], "there is no store rnus.db[\\s\\S]*did you mean 'runs.db'"),
        (["list", "--store", "text"], "cascade: error: store .* is not a store: it is not an SQLite file"),
        (["list", "--store", "runs.db", "--status", "runing"], "invalid choice: 'runing'"),
        (["list", "--store", "runs.db", "--limit", "-1"], "'-1' is not a whole number from 1 up"),
        (["gc", "--store", "runs.db", "--older-than=-5"], "'-5' is not a number of seconds from 0 up"),
        (["show", "--store", "runs.db", "rum"], "there is no run 'rum' in runs.db[\\s\\S]*did you mean 'run'"),
        (["signal", "--store", "runs.db", "run", "go", "[1, 2"], "the value \\[1, 2 is not a literal"),
        (["fork", "--store", "runs.db", "run", "--set", "total"], "--set total\n  expected: NAME=VALUE"),
        (["fork", "--store", "runs.db", "run", "--at", "99"], "no snapshot 99\n  expected: one of 1 to 2"),
        (["fork", "--store", "runs.db", "run", "--set", "x=1"], "no variable 'x'[\\s\\S]*this one is in none"),
    ],
)
def test_mistakes_in_arguments_of_the_commands_are_named(
    store: cs.Store,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    arguments: list[str],
    message: str,
) -> None:
    cs.start(tasks.decide(cs.wait("go"), 1), store=store, id="run").wait()
    monkeypatch.chdir(FilePath(store.path).parent)
    FilePath("text").write_text("no database" * 1000)
    try:
        status = main(["runs", *arguments])
    except SystemExit as ending:
        status = int(str(ending.code))
    assert status != 0
    written = capsys.readouterr().err
    assert re.search(message, written) and "Traceback" not in written
    assert sorted(os.listdir()) == sorted(name for name in os.listdir() if name.startswith("runs.db") or name == "text")


def test_a_run_that_is_over_is_not_said_to_be_cancelled(store: cs.Store, capsys: pytest.CaptureFixture[str]) -> None:
    cs.run(tasks.add(1, 1), store=store, id="run")
    cs.start(tasks.add(1, 1), store=store, id="queued", queue="q")
    for id in ("run", "queued", "queued"):
        assert main(["runs", "cancel", id, "--store", store.path]) == 0
    assert capsys.readouterr().out == "run: done already\nqueued: cancelled\nqueued: cancelled already\n"


def test_store_methods_check_their_arguments(store: cs.Store) -> None:
    with pytest.raises(cs.DeclarationError, match="did you mean 'running'"):
        store.runs("runing")
    with pytest.raises(cs.DeclarationError, match="from 1 up"):
        store.runs(limit=0)
    with pytest.raises(cs.DeclarationError, match="seconds, from 0 up"):
        store.collect(-1)
