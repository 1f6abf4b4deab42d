"""The examples, and the code that the README shows."""

from __future__ import annotations

import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import cascade as cs

ROOT = Path(__file__).parent.parent
EXAMPLES = ROOT / "examples"
pytestmark = pytest.mark.skipif(not EXAMPLES.exists(), reason="only in a checkout")
needs_loky = pytest.mark.skipif(importlib.util.find_spec("loky") is None, reason="loky is not here")


def python(*arguments: str, text: str | None = None) -> str:
    environment = {**os.environ, "PYTHONPATH": str(Path(cs.__file__).parent.parent)}
    done = subprocess.run(
        [sys.executable, "-W", "error", *arguments], input=text, capture_output=True, text=True, check=False, timeout=120,
        env=environment, cwd=ROOT,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


def together(text: str) -> list[float]:
    return [float(number) for number in re.findall(r"(\d\.\d\d)$", text, flags=re.M)]


@pytest.mark.parametrize("way", [[], ["--graph-path"]])
def test_fireflies(way):
    strong = together(python("examples/fireflies.py", "--progress", "none", "--seconds", "8", *way))
    assert len(strong) == 12 and strong[0] < 0.3 and strong[-1] > 0.9
    weak = together(python("examples/fireflies.py", "--progress", "none", "--seconds", "8", "--coupling", "0.1", *way))
    assert max(weak) < 0.4


@needs_loky
def test_the_sweep():
    text = python("examples/sweep.py", "--progress", "none")
    shown = (ROOT / "README.md").read_text().split("$ python examples/sweep.py --progress none\n")[1].split("\n\n")[0]
    assert [line.strip() for line in text.splitlines()] == [line.strip() for line in shown.splitlines()]
    small = together(python("-m", "cascade", "run", "--progress", "none", "examples/sweep.py:curve", "--count", "20", "--seconds", "3"))
    assert len(small) == 6 and small[0] < small[-1]


def test_targets_of_the_examples_are_drawn():
    assert "coupling" in python("-m", "cascade", "plan", "examples/fireflies.py:night")
    assert python("-m", "cascade", "graph", "examples/sweep.py:curve").count("watch") == 6


@pytest.mark.parametrize("number", [0, 1])
def test_the_code_in_the_readme(number):
    blocks = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), flags=re.S)
    printed = python("-", text=blocks[number]).splitlines()
    expected = [line.rpartition("# ")[2].strip() for line in blocks[number].splitlines() if line.startswith("print(") and "# " in line]
    expected = [text for text in expected if not text.startswith("or ")]
    assert printed[: len(expected)] == expected
