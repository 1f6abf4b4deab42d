"""`cascade new`: a project that works at once."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import cascade as cs
from cascade.cli import main

pytestmark = pytest.mark.once


def python(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(Path(cs.__file__).parent.parent), "PYTHONDONTWRITEBYTECODE": "1"}
    environment.pop("PYTEST_ADDOPTS", None)
    return subprocess.run(
        [sys.executable, *arguments],
        capture_output=True,
        text=True,
        cwd=folder,
        env=environment,
        timeout=120,
        check=False,
    )


def test_its_tests_pass_and_its_target_runs(tmp_path, capsys):
    folder = tmp_path / "some" / "word-count"
    assert main(["new", str(folder)]) == 0
    names = ["pyproject.toml", "README.md", "word_count.py", "tests/test_word_count.py"]
    assert capsys.readouterr().out.splitlines() == [str(folder / name) for name in names]
    tested = python(folder, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-W", "error")
    assert tested.returncode == 0, tested.stdout
    assert "3 passed" in tested.stdout
    ran = python(folder, "-m", "cascade", "run", "--progress", "none", "word_count:report", "--most", "2")
    assert ran.stdout == "    3  cascade\n    3  word_count:report\n"
    script = python(folder, "word_count.py", "--progress", "none", "--most", "1")
    assert script.stdout == "    3  cascade\n"
    for command in (line.strip() for line in (folder / "README.md").read_text().splitlines()):
        if command.startswith("cascade graph"):
            assert python(folder, "-m", *command.split()).returncode == 0
            assert (folder / "graph.svg").read_text().startswith("<svg")


def test_what_is_there_is_not_written_over(tmp_path, capsys):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "file").write_text("")
    assert main(["new", str(tmp_path / "mine")]) == 1
    assert "it is not empty" in capsys.readouterr().err
    (tmp_path / "other").write_text("")
    assert main(["new", str(tmp_path / "other")]) == 1
    assert "cannot be made" in capsys.readouterr().err
    assert {path.name for path in tmp_path.rglob("*")} == {"mine", "file", "other"}


@pytest.mark.parametrize("name", ["json", "cascade", "pytest", "2048", "a b", "class", "größe", "a.b"])
def test_names_that_cannot_be_imported_or_hide_a_module_are_refused(tmp_path, capsys, name):
    assert main(["new", str(tmp_path / name)]) == 1
    assert f"{name!r} cannot be the name of a project" in capsys.readouterr().err
    assert not (tmp_path / name).exists()
