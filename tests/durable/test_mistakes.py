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
