"""What the command line writes: names and values that are not plain text, and outputs that are closed or full."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import cascade as cs

TARGETS = """
import sys
import cascade as cs

@cs.task
def arrow(n: int = 3):
    return "\\u00e9\\u2192" * n

@cs.task
def surrogate():
    return "a\\udc80b"

@cs.task
def long():
    return "x" * 100_000

@cs.task
def nothing():
    return None

@cs.task
def prints():
    print("printed by the task")

@cs.task
def fails():
    raise ValueError("broken")

odd = cs.task(name="na\\nme\\x1b[31m")(lambda x=1: x)("a\\x1bb")
routed = cs.Router(arrow(1), {"a\\x1b": odd, "b": arrow(2)})
"""
CLOSED = "it is closed"
FULL = "No space left on device"


def call(tmp_path: Path, redirected: str, *arguments: str, encoding: str = "utf-8") -> subprocess.CompletedProcess[str]:
    (tmp_path / "targets.py").write_text(TARGETS)
    package = str(Path(cs.__file__).parent.parent)
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path), package]), "PYTHONIOENCODING": encoding}
    environment.pop("PYTHONUNBUFFERED", None)  # with it, a task's own print would fail
    command = f'exec "$@" {redirected}'
    return subprocess.run(
        ["sh", "-c", command, "sh", sys.executable, "-m", "cascade", *arguments], capture_output=True, text=True, encoding=encoding,
        env=environment, timeout=60, check=False,
    )  # fmt: skip


def run(tmp_path: Path, redirected: str, target: str, encoding: str = "utf-8") -> tuple[int, str, str]:
    done = call(tmp_path, redirected, "run", "--progress", "none", f"targets:{target}", encoding=encoding)
    return done.returncode, done.stdout, done.stderr


pytestmark = pytest.mark.skipif(
    not os.path.exists("/dev/full"), reason="closes files by a shell, and writes to /dev/full"
)


@pytest.mark.parametrize("progress", ["auto", "log", "json", "none"])
@pytest.mark.parametrize("redirected", ["2>&-", "2>/dev/full"])
def test_a_run_needs_no_error_output(tmp_path, redirected, progress):
    done = call(tmp_path, redirected, "run", "--progress", progress, "targets:arrow")
    assert (done.returncode, done.stdout) == (0, "é→é→é→\n")


@pytest.mark.parametrize("target", ["arrow", "long"])
@pytest.mark.parametrize(("redirected", "reason"), [(">&-", CLOSED), (">/dev/full", FULL)])
def test_a_value_that_cannot_be_written_is_one_line_and_a_status(tmp_path, redirected, reason, target):
    assert run(tmp_path, redirected, target) == (1, "", f"cascade: error: the output cannot be written: {reason}\n")


@pytest.mark.parametrize("redirected", [">&- 2>&-", ">/dev/full 2>/dev/full", ">/dev/full 2>&-"])
def test_without_any_output_the_status_still_tells(tmp_path, redirected):
    assert run(tmp_path, redirected, "arrow") == (1, "", "")
    assert run(tmp_path, redirected, "nothing") == (0, "", "")


def test_a_run_without_a_value_needs_no_output(tmp_path):
    assert run(tmp_path, ">&-", "nothing") == (0, "", "")
    assert run(tmp_path, ">/dev/full", "nothing") == (0, "", "")


def test_what_a_task_prints_is_lost_with_a_word(tmp_path):
    assert run(tmp_path, ">/dev/full", "prints") == (1, "", f"cascade: error: the output cannot be written: {FULL}\n")
    status, _, errors = run(tmp_path, ">/dev/full", "fails")
    assert status == 1
    assert errors.count("ValueError: broken") == 1


def test_a_failure_is_told_on_no_other_output_than_that_for_errors(tmp_path):
    assert run(tmp_path, "2>&-", "fails") == (1, "", "")
    assert run(tmp_path, "2>&-", "missing") == (2, "", "")
    done = call(tmp_path, "2>&-", "run", "--unknown", "targets:arrow")
    assert (done.returncode, done.stdout) == (2, "")


@pytest.mark.parametrize(("redirected", "reason"), [(">&-", CLOSED), (">/dev/full", FULL)])
@pytest.mark.parametrize(
    "arguments",
    [
        ["explain", "targets:odd"], ["plan", "targets:odd"], ["graph", "targets:odd"], ["disassemble", "targets:odd"],
        ["run", "--output", "json", "targets:arrow"], ["run", "targets:arrow", "--help"], ["--help"], ["--version"],
    ],
    ids=" ".join,
)  # fmt: skip
def test_every_command_tells_of_an_output_that_cannot_be_written(tmp_path, arguments, redirected, reason):
    done = call(tmp_path, redirected, *arguments)
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == f"cascade: error: the output cannot be written: {reason}"
    assert "Traceback" not in done.stderr and "Exception ignored" not in done.stderr


def test_a_picture_that_cannot_be_saved_is_one_line(tmp_path):
    missing = tmp_path / "missing" / "picture.dot"
    done = call(tmp_path, "", "graph", "--output", str(missing), "targets:odd")
    assert (done.returncode, done.stdout) == (1, "")
    assert (
        done.stderr == f"cascade: error: the picture cannot be written to {str(missing)!r}: No such file or directory\n"
    )


def test_characters_that_the_output_does_not_have_are_escaped(tmp_path):
    assert run(tmp_path, "", "arrow", encoding="ascii") == (0, "\\xe9\\u2192" * 3 + "\n", "")
    assert run(tmp_path, "", "arrow", encoding="latin-1") == (0, "é\\u2192" * 3 + "\n", "")
    assert run(tmp_path, "", "surrogate") == (0, "a\\udc80b\n", "")


def test_a_file_that_a_target_opens_never_takes_the_place_of_a_closed_output(tmp_path):
    opened = tmp_path / "opened"
    (tmp_path / "opens.py").write_text(
        f"import os\nimport cascade as cs\n@cs.task\ndef opens():\n    with open({str(opened)!r}, 'w') as file:\n        return file.fileno()\n"
    )
    assert int(call(tmp_path, "2>&-", "run", "opens:opens").stdout) > 2


@pytest.mark.parametrize("command", ["plan", "explain", "disassemble", "graph"])
@pytest.mark.parametrize("target", ["odd", "routed"])
def test_control_characters_of_names_are_escaped(tmp_path, command, target):
    done = call(tmp_path, "", command, f"targets:{target}")
    assert done.returncode == 0
    assert "na\\nme\\x1b[31m" in done.stdout.replace("\\\\", "\\")
    assert all(line.isprintable() for line in done.stdout.splitlines())


def test_a_plan_and_an_explanation_are_printable_in_a_program_too(capsys):
    @cs.task(name="na\nme\x1b[31m")
    def odd(x):
        return x

    cs.dry_run(odd("\x1b"))
    assert "  na\\nme\\x1b[31m#0(x='\\x1b')" in capsys.readouterr().out.splitlines()
    assert all(line.isprintable() for line in str(cs.explain(odd)).splitlines())
    assert cs.explain(odd)["na\nme\x1b[31m"].regime == "call"


def test_a_plan_is_written_to_a_file_that_lacks_characters(tmp_path):
    @cs.task(name="Größe→")
    def size():
        return 1

    with open(tmp_path / "plan", "w", encoding="latin-1") as file:
        cs.dry_run(size(), file=file)
    assert "Größe\\u2192#0()" in (tmp_path / "plan").read_text(encoding="latin-1")


def test_a_console_of_a_process_without_an_error_output_shows_nothing(monkeypatch):
    @cs.task
    def one():
        return 1

    monkeypatch.setattr(sys, "stderr", None)
    assert cs.run(one(), observers=[cs.console()]) == 1
    cs.dry_run(one())
