"""Typical mistakes with stores are answered by what to write."""

from __future__ import annotations

import subprocess
import sys
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
