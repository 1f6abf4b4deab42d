"""Typical mistakes with stores are answered by what to write."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
import time
import warnings
from pathlib import Path
from typing import Any

import pytest

import cascade as cs


@cs.task
def one() -> int:
    return 1


GIVEN = [
    (lambda: cs.Store("mysql://host/runs"), "Store('mysql://host/runs')", "a postgresql:// address"),
    (lambda: cs.Store(5), "Store(5)", "the path of a file"),
    (lambda: cs.Store("postgers://host/runs"), "Store('postgers://host/runs')", "did you mean 'postgres'"),
    (lambda: cs.start(one(), store="runs.db"), "store='runs.db'", "store=cascade.Store('runs.db')"),
    (lambda: cs.resume("runs.db", "a"), "store='runs.db'", "store=cascade.Store('runs.db')"),
    (lambda: cs.fork("runs.db", "a"), "store='runs.db'", "store=cascade.Store('runs.db')"),
    (lambda: cs.signal("runs.db", "a", "yes"), "store='runs.db'", "store=cascade.Store('runs.db')"),
    (lambda: cs.Run("runs.db", "a"), "store='runs.db'", "store=cascade.Store('runs.db')"),
    (lambda: cs.Worker("runs.db"), "store='runs.db'", "store=cascade.Store('runs.db')"),
    (lambda: cs.every(60, one(), store="runs.db", id="a"), "store='runs.db'", "store=cascade.Store('runs.db')"),
    (lambda: cs.Worker("runs.db", queues="reports"), "Worker(queues='reports')", "queues=['reports']"),
    (lambda: cs.Store(""), "Store('')", "the path of a file"),
    (lambda: cs.Store("a\0"), "Store('a\\x00')", "the path of a file"),
    (lambda: cs.Store(":memory:"), "Store(':memory:')", "a run survives in a file only"),
    (lambda: cs.Store("runs.db", lease=float("nan")), "Store(lease=nan)", "a positive number of seconds"),
    (lambda: cs.Store("runs.db", lease=float("inf")), "Store(lease=inf)", "a positive number of seconds"),
    (lambda: cs.Store("runs.db", lease=True), "Store(lease=True)", "a positive number of seconds"),
    (lambda: cs.steps(2**70), f"steps({2**70})", "a number of task calls"),
    (lambda: cs.wait("a\0b"), "wait('a\\x00b')", "the name of a signal: a text of 1 to 1,000 characters"),
    (lambda: cs.wait(5), "wait(5)", "the name of a signal"),
    (lambda: cs.sleep("1"), "sleep('1')", "seconds, from 0 up"),
    (lambda: cs.sleep(-1), "sleep(-1)", "seconds, from 0 up"),
    (lambda: cs.sleep(float("nan")), "sleep(nan)", "seconds, from 0 up"),
    (lambda: cs.cron(5, one(), store="runs.db", id="a"), "cron(5)", "five fields"),
]  # fmt: skip


@pytest.mark.parametrize(("write", "what", "hint"), GIVEN, ids=[what for _, what, _ in GIVEN])
def test_what_is_written_is_answered(write: Any, what: str, hint: str, tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(cs.DeclarationError) as found:
        write()
    assert what in str(found.value).splitlines()[0] and hint in str(found.value)
    assert not list(tmp_path.iterdir())


@cs.task
def decay(n: int, mass: float = 1.0) -> Any:
    return mass if n == 0 else decay.tail(n - 1, mass * 0.5)


@cs.task
def asked(answer: Any) -> Any:
    return answer


def test_another_target_under_the_name_of_a_run_is_warned_of(tmp_path: Path) -> None:
    store = cs.Store(tmp_path / "runs.db")
    assert cs.run(decay(3), store=store, id="decay") == 0.125
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert cs.run(decay(3), store=store, id="decay") == 0.125
    target = decay(cs.Param("n"))
    assert cs.run(target, {"n": 1}, store=store, id="param") == 0.5
    for given, params, name in ((decay(4), None, "decay"), (one(), None, "decay"), (target, {"n": 2}, "param")):
        with pytest.warns(cs.DurabilityWarning, match=f"the run '{name}' .* was started with another target") as found:
            assert cs.run(given, params, store=store, id=name) == (0.125 if name == "decay" else 0.5)  # type: ignore[call-overload]
        assert "A new run needs another id" in str(found[0].message)
        assert found[0].filename == __file__
    with pytest.warns(cs.DurabilityWarning, match="another target"):
        assert asyncio.run(cs.arun(decay(4), store=store, id="decay")) == 0.125


def test_a_run_that_waits_says_so_and_how_it_continues(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    store = cs.Store(tmp_path / "runs.db")

    def answer() -> None:
        end = time.monotonic() + 60
        while not caplog.records and time.monotonic() < end:
            time.sleep(0.01)
        cs.signal(store, "ask", "approval", "yes")
        store.close()

    thread = threading.Thread(target=answer)
    thread.start()
    assert cs.run(asked(cs.wait("approval")), store=store, id="ask") == "yes"
    thread.join()
    (record,) = caplog.records
    assert (record.name, record.levelname) == ("cascade", "WARNING")
    assert "the run 'ask' waits for the signal 'approval'; to send it" in record.getMessage()
    assert record.getMessage().endswith(f"cascade runs signal --store {store.path} ask approval VALUE")


def test_a_short_sleep_says_nothing(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    assert cs.run(asked(cs.sleep(0.01)), store=cs.Store(tmp_path / "runs.db"), id="sleep") is None
    assert caplog.records == []


@cs.task
def stops(n: int) -> Any:
    raise KeyboardInterrupt


def test_ctrl_c_says_how_a_saved_run_continues(tmp_path: Path) -> None:
    store = cs.Store(tmp_path / "runs.db")
    with pytest.raises(KeyboardInterrupt) as found:
        cs.run(stops(1), store=store, id="night")
    assert found.value.__notes__[-1] == f"the run 'night' is saved in {store.path}: the same call continues it"
    with pytest.raises(KeyboardInterrupt) as found:
        cs.run(stops(1), store=store)
    assert found.value.__notes__[-1].endswith("continues it") and "cascade.resume(store, '" in found.value.__notes__[-1]


GIVEN_WITH_STORE: list[tuple[Any, str, str]] = [
    (lambda store: cs.start(one(), store=store, id="\ud800"), "id='\\ud800'", "the name of a run: a text of 1 to"),
    (lambda store: cs.run(one(), store=store, id="a\0"), "id='a\\x00'", "the name of a run"),
    (lambda store: cs.run(one(), store=store, id="a" * 1001), "id='aaaa", "the name of a run"),
    (lambda store: cs.run(one(), store=store, id=""), "id=''", "the name of a run"),
    (lambda store: cs.resume(store, 5), "id=5", "the name of a run"),
    (
        lambda store: cs.start(one(), store=store, every=float("nan")),
        "every=nan",
        "seconds, from 0 up, or cascade.steps",
    ),
    (
        lambda store: cs.start(one(), store=store, every=float("inf")),
        "every=inf",
        "seconds, from 0 up, or cascade.steps",
    ),
    (lambda store: cs.start(one(), store=store, every=10**400), "every=1000", "seconds, from 0 up, or cascade.steps"),
    (lambda store: cs.start(one(), store=store, queue=5), "queue=5", "the name of a queue"),
    (lambda store: cs.start(one(), store=store, engine=5), "engine=5", "a cascade.Engine"),
    (lambda store: cs.fork(store, "run", at="1"), "fork(at='1')", "the number of a snapshot"),
    (lambda store: cs.fork(store, "run", at=True), "fork(at=True)", "the number of a snapshot"),
    (lambda store: cs.fork(store, "run", fork_id=""), "fork_id=''", "the name of a run"),
    (lambda store: cs.signal(store, "run", "\ud800"), "signal(..., '\\ud800')", "the name of a signal"),
    (lambda store: store.queue("q", True), "queue('q', True)", "a number of runs"),
    (lambda store: store.queue("q", 10**30), "queue('q', 1", "a number of runs"),
    (lambda store: store.queue(None, 1), "queue(None, ...)", "the name of a queue"),
    (lambda store: cs.every(0.5, one(), store=store, id="a"), "every(0.5, ...)", "a number of seconds, from 1 up"),
    (lambda store: cs.every(10**400, one(), store=store, id="a"), "every(1000", "a number of seconds, from 1 up"),
    (lambda store: cs.every(5, one(), store=store, id=None), "id=None", "the name of a schedule"),
    (lambda store: cs.every(5, one(), store=store, id="a", queue=""), "queue=''", "the name of a queue"),
]


@pytest.mark.parametrize(
    ("write", "what", "hint"), GIVEN_WITH_STORE, ids=[str(at) for at in range(len(GIVEN_WITH_STORE))]
)
def test_what_is_written_with_a_store_is_answered(write: Any, what: str, hint: str, tmp_path: Path) -> None:
    store = cs.Store(tmp_path / "runs.db")
    with pytest.raises(cs.DeclarationError) as found:
        write(store)
    assert what in str(found.value).splitlines()[0] and hint in str(found.value)
    assert not store.runs() and not store.schedules()


def test_a_snapshot_that_is_not_there_is_answered(tmp_path: Path) -> None:
    store = cs.Store(tmp_path / "runs.db")
    cs.run(one(), store=store, id="run")
    for number in (0, 5, -1, 10**30):
        with pytest.raises(cs.StoreError, match=f"has no snapshot {number}\n.*one of 1 to 1"):
            cs.fork(store, "run", at=number)


SCRIPT = """
import cascade as cs

@cs.task
def decay(n: int, mass: float = 1.0):
    return mass if n == 0 else decay.tail(n - 1, mass * 0.5)

cs.run(decay(3), store=cs.Store("runs.db"), id="decay")
"""


def test_a_run_of_a_script_that_another_program_continues_names_the_script(tmp_path: Path) -> None:
    (tmp_path / "decays.py").write_text(SCRIPT)
    subprocess.run([sys.executable, "decays.py"], cwd=tmp_path, check=True)
    fork = [sys.executable, "-m", "cascade", "runs", "fork", "--store", "runs.db", "decay", "--at", "1"]
    ended = subprocess.run(fork, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert ended.returncode != 0
    assert ended.stderr.startswith("cascade: error: __main__:decay: the run was started by the script ")
    assert "decays.py" in ended.stderr and "start that script again, with the same id" in ended.stderr


class Unprintable(Exception):
    def __str__(self) -> str:
        raise ValueError("no text")


@cs.task
def fails() -> int:
    raise Unprintable


@pytest.mark.parametrize("use_vm", [True, False])
def test_a_run_fails_with_an_error_that_has_no_text(tmp_path: Path, use_vm: bool):
    store = cs.Store(tmp_path / "runs.db")
    with pytest.raises(Unprintable):
        cs.run(fails(), store=store, id="a", use_vm=use_vm)
    run = cs.Run(store, "a")
    assert store.run("a").status == "failed"
    assert run.history()[-1].detail == "Unprintable, whose text cannot be made"
