"""Errors of users' modules and tasks: shown as the user's own, without the frames of Cascade and of the import system."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

import pytest

import cascade as cs
from cascade.cli import main

pytestmark = pytest.mark.once
MODULES = {
    "cascade_outer": "import cascade_inner\n",
    "cascade_inner": "def setup():\n    return 1 / 0\nvalue = setup()\n",
    "cascade_syntax": "import cascade as cs\n@cs.task\ndef f(x:\n    return x\n",
    "cascade_imports_syntax": "import cascade_syntax\n",
    "cascade_declares": "import cascade as cs\n@cs.task(retry='x')\ndef f(x): ...\n",
    "cascade_chained": """
import cascade as cs

def divide(n):
    return n / 0

@cs.task
def chained():
    try:
        divide(1)
    except ZeroDivisionError as error:
        raise ValueError("no") from error

@cs.task
def inner():
    return divide(2)

@cs.task
def nested():
    return cs.run(inner())

@cs.task
def several():
    raise ExceptionGroup("some", [KeyError("a"), OSError("b")])

@cs.task
async def awaited():
    return divide(3)
""",
}


@pytest.fixture(autouse=True)
def modules(tmp_path, monkeypatch):
    for name, text in MODULES.items():
        (tmp_path / f"{name}.py").write_text(text)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    yield tmp_path
    for name in MODULES:
        sys.modules.pop(name, None)


@pytest.fixture
def failure(capsys):
    def run(target: str, *options: str) -> Any:
        assert main(["run", "--progress", "none", *options, target]) == 1
        return capsys.readouterr().err

    return run


def frames(text: str) -> list[tuple[str, str]]:
    """The files and functions of a traceback."""
    return [(Path(file).stem, name) for file, name in re.findall(r'File "([^"]+)", line \d+, in (\S+)', text)]


@pytest.mark.parametrize("place", ["cascade_outer", "cascade_outer.py"])
def test_a_module_that_fails_has_its_own_frames_only(failure, place):
    text = failure(f"{place}:x")
    assert frames(text) == [
        ("cascade_outer", "<module>"), ("cascade_inner", "<module>"), ("cascade_inner", "setup"),
    ]  # fmt: skip
    assert text.endswith("ZeroDivisionError: division by zero\n")


@pytest.mark.parametrize("place", ["cascade_syntax", "cascade_syntax.py"])
def test_an_error_of_syntax_is_the_line_and_no_traceback(failure, modules, place):
    text = failure(f"{place}:f")
    assert text.startswith(f'  File "{modules / "cascade_syntax.py"}", line 3\n    def f(x:\n')
    assert text.endswith("SyntaxError: '(' was never closed\n")


def test_an_error_of_syntax_in_another_module_has_the_line_that_imports_it(failure):
    text = failure("cascade_imports_syntax:f")
    assert frames(text) == [("cascade_imports_syntax", "<module>")]
    assert text.endswith("SyntaxError: '(' was never closed\n")


def test_a_wrong_declaration_has_the_line_of_the_user_and_the_hint(failure):
    text = failure("cascade_declares:f")
    assert frames(text) == [("cascade_declares", "<module>")]
    assert "DeclarationError: retry='x'\n  expected: a cascade.Retry" in text


@pytest.mark.parametrize("way", [[], ["--graph-path"]])
@pytest.mark.parametrize(
    ("target", "expected"),
    [
        ("chained", ["chained", "divide", "chained"]),
        ("nested", ["nested", "inner", "divide"]),
        ("several", ["several"]),
        ("awaited", ["awaited", "divide"]),
    ],
)
def test_causes_groups_and_runs_inside_tasks_have_frames_of_the_user_only(failure, way, target, expected):
    text = failure(f"cascade_chained:{target}", *way)
    assert [(place, name) for place, name in frames(text) if place != "cascade_chained"] == []
    assert [name for _, name in frames(text)] == expected


def test_all_frames_are_there_if_they_are_asked_for(failure):
    before = cs.full_tracebacks()
    try:
        assert "spine" in failure("cascade_chained:nested") or "importlib" in failure("cascade_outer:x")
        assert ("importlib", "import_module") in [
            (Path(file).parent.name, name)
            for file, name in re.findall(r'File "([^"]+)", line \d+, in (\S+)', failure("cascade_outer:x"))
        ]
    finally:
        cs.full_tracebacks(before)
