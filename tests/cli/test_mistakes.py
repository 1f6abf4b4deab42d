"""Typical mistakes on the command line are answered by what to type; options stand before or behind the target."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from cascade import cli

FLOW = """
import cascade as cs

@cs.task
def double(x: int, output: str = "none") -> int:
    return 2 * x

@cs.task
def add(a: int, b: int = 1) -> int:
    return a + b

@cs.task
def written() -> None:
    with open("ran.txt", "a") as file:
        file.write("ran ")

target = add(cs.Param("n", 1, type=int))
"""


def main(arguments: list[str]) -> int:
    """Runs a command as a new process would, which has imported nothing."""
    sys.modules.pop("a_flow", None)
    return cli.main(arguments)


@pytest.fixture(autouse=True)
def flow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "a_flow.py").write_text(FLOW)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_options_of_the_run_stand_before_or_behind_the_target(flow: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for arguments in (["--output", "json", "a_flow.py:target"], ["a_flow.py:target", "--output", "json"]):
        assert main(["run", "--progress", "none", *arguments]) == 0
        assert json.loads(capsys.readouterr().out) == 2
    behind = ["--n", "5", "--profile", "--report", "run.html", "--trace", "run.json", "--progress", "log"]
    assert main(["run", "a_flow.py:target", *behind]) == 0
    shown = capsys.readouterr()
    assert shown.out == "6\n" and "profile of add: 1 call in" in shown.err and "run succeeded" in shown.err
    assert (flow / "run.html").exists() and (flow / "run.json").exists()
    assert main(["run", "--output", "json", "a_flow.py:target", "--output", "none"]) == 0
    assert capsys.readouterr().out == ""


def test_a_parameter_of_the_name_of_an_option_is_the_parameter_behind_the_target(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert (
        main(["run", "--progress", "none", "--output", "json", "a_flow.py:double", "--x", "2", "--output", "text"]) == 0
    )
    assert capsys.readouterr().out == "4\n"


ANSWERED = [
    ([], "Run a target and print its value."),
    (["run", "a_flow.py:target", "--watch"], "--watch stands before the target"),
    (["run", "a_flow.py:target", "--n", "x"], "argument --n: 'x': it is not a whole number"),
    (["run", "a_flow.py:target", "--timeout", "soon"], "'soon': expected a number of seconds above 0"),
    (["run", "a_flow.py:target", "--max-steps", "many"], "'many': expected a whole number, 0 or more"),
    (["run", "a_flow.py:target", "--repotr", "x"], "did you mean '--report'"),
    (["run", "a_flow.py:target", "--report", "no/run.html"], "there is no directory 'no'"),
    (["run", "a_flow.py:targe"], "did you mean 'target'?"),
    (["run", "a_flow.py"], "the module has a_flow.py:double"),
    (["run", "target"], "there is no module 'target'"),
    (["bench", "a_flow.py:target", "--report", "x.html"], "unrecognized arguments: --report"),
    (["explain", "CS999"], "there is no page about 'CS999'"),
    (["explain", "NoSuchError"], "there is no page about 'NoSuchError'"),
    (["explain", "CycelError"], "did you mean 'CycleError'"),
    (["graph", "a_flow.py:target", "--format", "png"], "argument --format: invalid choice: 'png'"),
    (["plan", "a_flow.py:target", "--format", "svg"], "unrecognized arguments: --format svg"),
    (["runs", "list", "--store", "nope.db"], "there is no store nope.db"),
    (["report", "nope.jsonl"], "nope.jsonl cannot be read"),
    (["report", "a_flow.py"], "is not an event"),
    (["new", "json"], "cannot be the name of a project"),
]  # fmt: skip


@pytest.mark.parametrize(("arguments", "answer"), ANSWERED, ids=[answer for _, answer in ANSWERED])
def test_a_mistake_is_answered(arguments: list[str], answer: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments) != 0
    shown = capsys.readouterr()
    assert answer in shown.err and "Traceback" not in shown.err


def test_pages_are_found_whatever_their_case(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", "cs138", "cycleerror"]) == 0
    assert [line for line in capsys.readouterr().out.splitlines() if line.startswith("# ")] == [
        "# CS138",
        "# CycleError",
    ]


@pytest.mark.parametrize(
    ("name", "begin"), [("g.svg", "<svg"), ("g.dot", "digraph"), ("g.mmd", "flowchart"), ("g", "digraph")]
)
def test_the_format_of_a_picture_is_that_of_its_file(flow: Path, name: str, begin: str) -> None:
    for arguments in (["--output", name, "a_flow.py:target"], ["a_flow.py:target", "--output", name]):
        assert main(["graph", *arguments]) == 0
        assert (flow / name).read_text().startswith(begin)
        (flow / name).unlink()


def test_the_options_of_graph_and_explain_may_stand_behind_the_target(
    flow: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["graph", "a_flow.py:target", "--format", "mermaid"]) == 0
    assert capsys.readouterr().out.startswith("flowchart")
    for arguments in (["--run", "a_flow.py:written"], ["a_flow.py:written", "--run"], ["a_flow.py:written"]):
        assert main(["explain", *arguments]) == 0
    assert (flow / "ran.txt").read_text() == "ran ran "
