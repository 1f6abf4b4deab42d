"""The documents of a checkout, and the code that they show."""

from __future__ import annotations

import ast
import importlib.util
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
MESSAGES = Path(cs.__file__).parent / "messages"
COPIES = DOCS / "messages"
"""The pages of the package as the site has them; they are made when it is built."""


def documents() -> list[Path]:
    """Returns the files in Markdown that people read: the README, and all of the site's."""
    found = (ROOT / "README.md", *sorted(DOCS.rglob("*.md")))
    return [path for path in found if path.exists() and path.parent != COPIES]


def pages_of_messages() -> list[Path]:
    """Returns the files about error classes and codes."""
    return sorted(MESSAGES.glob("*.md"))


class Block(NamedTuple):
    """A block of code in a document.

    Attributes:
        code: its text.
        error: the end of the traceback that stands below it, where it is shown to fail.
    """

    code: str
    error: str | None

    def missing(self) -> set[str]:
        """Returns the packages that it imports and that are not installed."""
        try:
            tree = ast.parse(self.code)
        except SyntaxError:
            return set()
        names = {
            name
            for node in ast.walk(tree)
            if isinstance(node, (ast.Import, ast.ImportFrom))
            for name in (
                [node.module or ""] if isinstance(node, ast.ImportFrom) else [each.name for each in node.names]
            )
        }
        return {name for name in names if not _is_installed(name)} - self.made()

    def made(self) -> set[str]:
        """Returns the modules that it writes itself before it imports them."""
        return set(re.findall(r'"(\w+)\.py"', self.code))


def _is_installed(module: str) -> bool:
    try:
        return importlib.util.find_spec(module) is not None
    except ModuleNotFoundError:  # of a package around it
        return False


FENCES = re.compile(r"^```(python|text)\n(.*?)^```$", flags=re.DOTALL | re.MULTILINE)
ERROR = re.compile(r"[\w.]+(?:Error|Exception|Interrupt|Warning)\b")


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
    """A block that was run: the line and text of each print, and the error that ended it, as at the end of a traceback."""

    printed: list[tuple[int, str]]
    error: str | None


RECORDER = """
import json, os, runpy, sys, traceback
out, *files = sys.argv[1:]
results = []
for number, path in enumerate(files):
    os.makedirs(f"block{number}")
    os.chdir(f"block{number}")
    printed, error = [], None

    def record(*values, **options):
        printed.append((sys._getframe(1).f_lineno, " ".join(map(str, values))))

    try:
        runpy.run_path(path, {"print": record}, "__main__")
    except Exception as caught:
        error = "".join(traceback.format_exception_only(caught))
        traceback.print_exception(caught)
    results.append((printed, error))
    os.chdir("..")
with open(out, "w") as file:
    json.dump(results, file)
"""


def run_blocks(found: list[Block], directory: Path) -> list[Ran]:
    """Runs blocks, one after the other in a process of their own, each in a directory of its own."""
    files = [directory / f"block{number}.py" for number in range(len(found))]
    for file, block in zip(files, found, strict=True):
        file.write_text(block.code)
    environment = {**os.environ, "PYTHONPATH": str(Path(cs.__file__).parent.parent)}
    command = [sys.executable, "-W", "error", "-c", RECORDER, "results.json", *map(str, files)]
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, timeout=120, env=environment, cwd=directory
    )
    assert done.returncode == 0, done.stderr
    results = json.loads((directory / "results.json").read_text())
    return [Ran([(line, text) for line, text in printed], error) for printed, error in results]


def promised(code: str) -> dict[int, str]:
    """Returns the comments that stand beside prints, by the line where the print begins."""
    comments = {
        number: line.rpartition("  # ")[2].strip() for number, line in enumerate(code.splitlines(), 1) if "  # " in line
    }
    return {
        node.lineno: comments[node.end_lineno]
        for node in ast.walk(ast.parse(code))
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "print" and node.end_lineno in comments
    }


def agree(text: str, shown: str) -> bool:
    """Returns whether a text is as it is shown, where " ..." stands for the rest of it."""
    beginning, more, _ = shown.partition(" ...")
    return text.startswith(beginning) if more else text == shown


def lines_agree(text: str, shown: str) -> bool:
    """Returns whether each line of a text is as it is shown."""
    lines, expected = text.rstrip().splitlines(), shown.rstrip().splitlines()
    return len(lines) == len(expected) and all(map(agree, lines, expected))
