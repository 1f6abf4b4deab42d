"""`cascade new`: a small project, with a test that passes."""

from __future__ import annotations

import keyword
import sys
from pathlib import Path

from cascade.cli.terminal import NotWritten
from cascade.errors import DeclarationError

PROJECT = """[project]
name = "{name}"
version = "0.1.0"
requires-python = ">=3.11"
dependencies = ["cascade-engine[console]"]

[project.optional-dependencies]
test = ["pytest>=8"]

[build-system]
requires = ["setuptools>=77"]
build-backend = "setuptools.build_meta"

[tool.setuptools]
py-modules = ["{module}"]

[tool.pytest.ini_options]
testpaths = ["tests"]
pythonpath = ["."]
"""
README = """# {name}

    pip install -e '.[test]'
    cascade run {module}:report --path README.md
    cascade run --watch {module}:report           # again after each change of a file
    cascade graph --format svg --output graph.svg {module}:report
    pytest
"""
MODULE = '''"""Counts the words of a text: reading is tried again, and the words are counted in a map."""

from collections import Counter
from pathlib import Path

import cascade as cs


@cs.task(retry=3)
def read(path: str) -> list[str]:
    return Path(path).read_text(encoding="utf-8").splitlines()


@cs.task
def words(line: str) -> list[str]:
    return [word.strip(".,:;!?()`#'").lower() for word in line.split()]


@cs.task
def count(lines: list[list[str]], most: int) -> list[tuple[str, int]]:
    return Counter(word for line in lines for word in line if word).most_common(most)


@cs.task
def table(counts: list[tuple[str, int]]) -> str:
    return "\\n".join(f"{number:5}  {word}" for word, number in counts)


path = cs.Param("path", "README.md", type=str, description="the file that is read")
most = cs.Param("most", 5, type=int, description="how many words are shown")
report = table(count(words.map(read(path)), most))

if __name__ == "__main__":
    cs.create_cli(report)()
'''
TEST = """from pathlib import Path

import pytest
from {module} import count, report, words

import cascade as cs


def test_words_are_counted_whatever_their_case():
    assert cs.run(count(words.map(["A rose is", "a rose."]), 2)) == [("a", 2), ("rose", 2)]


def test_the_report_has_the_most_frequent_words_first(tmp_path: Path):
    (tmp_path / "text.txt").write_text("to be or not to be\\nto")
    shown = cs.run(report, params={{"path": str(tmp_path / "text.txt"), "most": 2}})
    assert shown.split() == ["3", "to", "2", "be"]


def test_a_file_that_is_not_there_is_reported():
    with pytest.raises(FileNotFoundError):
        cs.run(report, params={{"path": "not/there.txt"}})
"""
FILES = {"pyproject.toml": PROJECT, "README.md": README, "{module}.py": MODULE, "tests/test_{module}.py": TEST}


def new_project(place: str) -> list[Path]:
    """Makes a project in a new or an empty folder and returns its files.

    Args:
        place: the path of the folder; its last part is the name of the project.

    Raises:
        DeclarationError: (a TypeError) the name cannot be that of a module.
        NotWritten: there is something in the folder, or it cannot be written to.
    """
    folder = Path(place)
    module = folder.name.replace("-", "_")
    if not _is_free(module):
        raise DeclarationError(
            f"{folder.name!r} cannot be the name of a project",
            expected="a name of letters, digits and - that Python has no module of, such as word-count",
        )
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if any(folder.iterdir()):
            raise NotWritten("it is not empty", f"the project cannot be made in {place!r}")
        return [_write(folder / name.format(module=module), text, folder.name, module) for name, text in FILES.items()]
    except OSError as error:
        raise NotWritten(error.strerror or str(error), f"the project cannot be made in {place!r}") from None


def _is_free(module: str) -> bool:
    taken = module in sys.stdlib_module_names or module in ("cascade", "tests", "pytest")
    return module.isidentifier() and module.isascii() and not keyword.iskeyword(module) and not taken


def _write(path: Path, text: str, name: str, module: str) -> Path:
    path.parent.mkdir(exist_ok=True)
    path.write_text(text.format(name=name, module=module) if text is not MODULE else text, encoding="utf-8")
    return path
