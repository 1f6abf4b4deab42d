"""The documents of a checkout, and the code that they show."""

from __future__ import annotations

import ast
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import cascade as cs

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"


def documents() -> list[Path]:
    """Returns the files in Markdown that people read: the README, and all of the site's."""
    return [path for path in (ROOT / "README.md", *sorted(DOCS.rglob("*.md"))) if path.exists()]


class Block(NamedTuple):
    """A block of code in a document.

    Attributes:
        code: its text.
        error: the end of the traceback that stands below it, where it is shown to fail.
    """

    code: str
    error: str | None


FENCES = re.compile(r"^```(python|text)\n(.*?)^```$", flags=re.DOTALL | re.MULTILINE)
ERROR = re.compile(r"[\w.]+(?:Error|Exception|Interrupt)\b")


def blocks(text: str) -> list[Block]:
    """Returns the blocks of Python in a text; one that a block of text with an error follows raises that error."""
    fences = FENCES.findall(text)
    following = [*fences[1:], ("", "")][: len(fences)]
    return [
        Block(code, shown if kind == "text" and ERROR.match(shown) else None)
        for (language, code), (kind, shown) in zip(fences, following, strict=True)
        if language == "python"
    ]


class Ran(NamedTuple):
    """A block that was run: what it printed, and the error that ended it, as it is printed at the end of a traceback."""

    printed: list[str]
    error: str | None


RECORDER = """
import json, os, runpy, sys, traceback
out, results = sys.stdout, []
sys.stdout = sys.stderr
for number, path in enumerate(sys.argv[1:]):
    os.makedirs(f"block{number}")
    os.chdir(f"block{number}")
    printed, error = [], None
    try:
        runpy.run_path(path, {"print": lambda *values, **_: printed.append(" ".join(map(str, values)))}, "__main__")
    except Exception as caught:
        error = "".join(traceback.format_exception_only(caught))
        traceback.print_exception(caught)
    results.append([printed, error])
    os.chdir("..")
json.dump(results, out)
"""


def run_blocks(found: list[Block], directory: Path) -> list[Ran]:
    """Runs blocks, one after the other in a process of their own, each in a directory of its own."""
    files = [directory / f"block{number}.py" for number in range(len(found))]
    for file, block in zip(files, found, strict=True):
        file.write_text(block.code)
    environment = {**os.environ, "PYTHONPATH": str(Path(cs.__file__).parent.parent)}
    command = [sys.executable, "-W", "error", "-c", RECORDER, *map(str, files)]
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, timeout=120, env=environment, cwd=directory
    )
    assert done.returncode == 0, done.stderr
    return [Ran(*result) for result in json.loads(done.stdout)]


def promised(code: str) -> list[str | None]:
    """Returns for each print of a block, in order, the comment that stands beside it."""
    comments = [line.rpartition("  # ")[2].strip() if "  # " in line else None for line in code.splitlines()]
    return [
        comments[node.end_lineno - 1]
        for node in ast.parse(code).body
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call) and ast.unparse(node.value.func) == "print"
    ]


def agree(text: str, shown: str) -> bool:
    """Returns whether a text is as it is shown, where " ..." stands for the rest of it."""
    beginning, more, _ = shown.partition(" ...")
    return text.startswith(beginning) if more else text == shown


def lines_agree(text: str, shown: str) -> bool:
    """Returns whether each line of a text is as it is shown."""
    lines, expected = text.rstrip().splitlines(), shown.rstrip().splitlines()
    return len(lines) == len(expected) and all(map(agree, lines, expected))
