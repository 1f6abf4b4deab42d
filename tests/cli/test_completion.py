"""Completion of command lines: what may stand next, and the scripts of the shells."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import cascade as cs
from cascade.cli import main

pytestmark = pytest.mark.once
FLOW = """
import sys
import cascade as cs

sys.exit("a module is not imported for completion")

@cs.task
def greet(name: str, how_often: int = 1, *, loud: bool = False): ...

@cs.task(retry=2)
async def fetch(url): ...

def helper(): ...

size = cs.Param("size", 3, type=int)
cache = cs.MemoryCache()
target = greet(fetch(cs.Param("page_url")), size)
both = [target, fetch("x")]
number = 5
"""


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    (tmp_path / "flow.py").write_text(FLOW)
    (tmp_path / "plain.py").write_text("def f(): ...\n")
    (tmp_path / "broken.py").write_text("import cascade as cs\ndef (\n")
    (tmp_path / "inner").mkdir()
    (tmp_path / "inner" / "steps.py").write_text("from cascade import task\n@task\ndef step(x): ...\n")
    (tmp_path / "data").mkdir()
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def words(capsys):
    def complete(*given: str, shell: str = "zsh") -> list[str]:
        assert main(["completion", shell, "--words", *given]) == 0
        return capsys.readouterr().out.splitlines()

    return complete


def test_commands_and_their_options_are_those_of_the_parser(words):
    assert words("r") == ["report", "run", "runs"]
    assert {"new", "bench", "completion", "work"} <= set(words(""))
    assert words("runs", "s") == ["show", "signal"]
    assert "--max-steps" in words("run", "--m") and "--watch" in words("run", "--")
    assert words("run", "--progress", "l") == ["live", "log"]
    assert words("run", "--progress=l") == ["--progress=live", "--progress=log"]
    assert words("graph", "--format", "svg", "--o") == ["--output"]
    assert words("completion", "") == ["bash", "fish", "zsh"]
    assert words("nothing", "x") == []


def test_targets_are_found_in_the_text_of_modules_which_are_not_imported(words):
    assert words("run", "") == ["flow.py:", "inner/"]
    assert words("run", "fl") == ["flow.py:"]
    assert words("run", "inner/") == ["inner/steps.py:"]
    assert words("run", "inner/steps.py:") == ["inner/steps.py:step"]
    assert words("run", "inner.steps:") == ["inner.steps:step"]
    assert words("explain", "flow:") == ["flow:both", "flow:fetch", "flow:greet", "flow:target"]
    assert words("run", "--progress", "none", "flow.py:t") == ["flow.py:target"]
    assert words("run", "broken.py:") == words("run", "missing:") == words("report", "") == []


def test_options_of_a_target_are_its_parameters(words):
    assert words("graph", "flow.py:greet", "--") == ["--how-often", "--loud", "--name"]
    assert words("graph", "flow.py:target", "--") == ["--help", "--page-url", "--size"]
    assert words("run", "flow.py:target", "--size", "3", "--p") == ["--page-url", "--profile", "--progress"]


def test_bash_is_given_what_stands_behind_a_colon_which_it_takes_for_the_end_of_a_word(words):
    assert words("run", "flow.py:t", shell="bash") == ["target"]
    assert words("run", "--progress=l", shell="bash") == ["live", "log"]
    assert words("run", "fl", shell="bash") == ["flow.py:"]


def in_shell(folder: Path, shell: str, script: str) -> list[str]:
    program = folder / "bin" / "cascade"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -m cascade "$@"\n')
    program.chmod(0o755)
    environment = {
        **os.environ,
        "PATH": f"{program.parent}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(Path(cs.__file__).parent.parent),
        "HOME": str(folder),
    }
    done = subprocess.run(
        [shell, "-c", script], capture_output=True, text=True, env=environment, cwd=folder, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return done.stdout.split()


def needs(shell: str) -> pytest.MarkDecorator:
    return pytest.mark.skipif(shutil.which(shell) is None, reason=f"{shell} is not here")


@needs("bash")
def test_in_bash(folder):
    script = """
    eval "$(cascade completion bash)"
    for COMP_LINE in "cascade run fl" "cascade run flow.py:t" "cascade run flow.py:greet --n" "cascade gr"; do
        COMP_POINT=${#COMP_LINE}
        _cascade
        echo "${COMPREPLY[@]}"
    done
    """
    assert in_shell(folder, "bash", script) == ["flow.py:", "target", "--name", "graph"]


@needs("zsh")
def test_in_zsh(folder):
    script = """
    compdef() { print "$@" }
    compadd() { print -l -- ${(P)@[-1]} }
    _files() { print files }
    eval "$(cascade completion zsh)"
    words=(cascade run flow.py:) CURRENT=3
    _cascade
    words=(cascade run fl) CURRENT=3
    _cascade
    words=(cascade report ev) CURRENT=3
    _cascade
    """
    expected = ["_cascade", "cascade", *(f"flow.py:{name}" for name in ("both", "fetch", "greet", "target"))]
    assert in_shell(folder, "zsh", script) == [*expected, "flow.py:", "files"]


@needs("fish")
def test_in_fish(folder):
    script = """
    cascade completion fish | source
    complete -C "cascade run flow.py:t"
    complete -C "cascade grap"
    complete -C "cascade run flow.py:greet --na"
    """
    assert in_shell(folder, "fish", script) == ["flow.py:target", "graph", "--name"]
