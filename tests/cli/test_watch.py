"""`cascade run --watch`: a target runs again after each change of its modules."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path
from queue import Queue

import pytest

import cascade as cs
from cascade.cli.watch import _Sender, _Watched

pytestmark = [pytest.mark.once, pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")]
FLOW = """
import cascade as cs
from helper import NUMBER

@cs.task
def number(n: int = 0):
    return NUMBER + n
"""
ENDLESS = """
import cascade as cs

@cs.resource
def file():
    print("set up", flush=True)
    yield 1
    print("torn down", flush=True)

@cs.task
def spin(n: int = 0, f=cs.inject(file)):
    return spin.tail(n + 1, f)
"""


class Watching:
    """A process of `cascade run --watch`, whose lines are read as they come."""

    def __init__(self, folder: Path, *arguments: str) -> None:
        environment = {**os.environ, "PYTHONPATH": str(Path(cs.__file__).parent.parent), "PYTHONDONTWRITEBYTECODE": "1"}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "cascade", "run", "--progress", "none", "--watch", *arguments],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=folder, env=environment,
        )  # fmt: skip
        self._lines: Queue[str] = Queue()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self._lines.put(line.rstrip("\n"))

    def until(self, text: str) -> list[str]:
        """The lines up to the first one that has the text."""
        found: list[str] = []
        while not found or text not in found[-1]:
            found.append(self._lines.get(timeout=60))
        return found

    def interrupt(self) -> int:
        self.process.send_signal(signal.SIGINT)
        return self.process.wait(60)


def write(file: Path, text: str) -> None:
    """Writes a file at once: nobody sees one that is empty."""
    new = file.with_suffix(".new")
    new.write_text(text)
    new.replace(file)


@pytest.fixture
def watching(tmp_path):
    (tmp_path / "flow.py").write_text(FLOW)
    (tmp_path / "helper.py").write_text("NUMBER = 41\n")
    (tmp_path / "endless.py").write_text(ENDLESS)
    started: list[Watching] = []

    def start(*arguments: str) -> Watching:
        started.append(Watching(tmp_path, *arguments))
        return started[-1]

    yield start
    for each in started:
        if each.process.poll() is None:
            each.process.kill()
        each.process.wait()
        assert each.process.stdout is not None
        each.process.stdout.close()


def test_a_change_of_the_module_and_of_one_that_it_imports_runs_the_target_again(watching, tmp_path):
    running = watching("flow.py:number", "--n", "1")
    assert running.until("42") == ["42"]
    write(tmp_path / "helper.py", "NUMBER = 410\n")
    assert running.until("411") == ["cascade: helper.py has changed: runs again", "411"]
    write(tmp_path / "flow.py", FLOW.replace("NUMBER + n", "-NUMBER"))
    assert running.until("-410") == ["cascade: flow.py has changed: runs again", "-410"]
    assert running.interrupt() == 130


def test_a_change_before_the_watching_process_has_read_the_name_is_noticed(tmp_path):
    file = tmp_path / "flow.py"
    file.write_text("NUMBER = 1\n")
    reader, writer = os.pipe()
    _Sender(writer)("compile", ("", str(file)))
    file.write_text("NUMBER = 10\n")
    os.close(writer)
    assert _Watched(os.getpid(), reader).until_changed() == str(file)
    os.close(reader)


def test_errors_of_the_module_are_shown_and_the_next_change_is_waited_for(watching, tmp_path):
    running = watching("flow.py:number")
    running.until("41")
    write(tmp_path / "helper.py", "NUMBER = (\n")
    assert "SyntaxError" in running.until("SyntaxError")[-1]
    write(tmp_path / "helper.py", "NUMBER = 9041703\n")
    assert running.until("9041703")[-1] == "9041703"
    assert running.interrupt() == 130


def test_a_run_that_is_under_way_is_cancelled_and_its_resources_are_torn_down(watching, tmp_path):
    running = watching("endless.py:spin")
    running.until("set up")
    write(tmp_path / "endless.py", ENDLESS.replace("torn down", "torn down again"))
    lines = running.until("set up")
    assert "torn down" in lines and "interrupted" in lines
    assert running.interrupt() == 130
    running.until("torn down again")


def test_what_names_no_module_ends_it(watching):
    running = watching("missing.py:x")
    assert "there is no file 'missing.py'" in running.until("missing")[-1]
    assert running.process.wait(60) == 2
