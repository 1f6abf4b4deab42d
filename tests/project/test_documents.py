"""The documents: their code runs, their links lead somewhere, and the site of them builds."""

from __future__ import annotations

import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import cascade as cs
from tests.support.code_blocks import DOCS, ROOT, agree, blocks, documents, lines_agree, promised, run_blocks

DOCUMENTS = documents()
pytestmark = [pytest.mark.skipif(not DOCS.exists(), reason="only in a checkout"), pytest.mark.once]


@pytest.mark.parametrize(
    "path", [path for path in DOCUMENTS if blocks(path.read_text())], ids=lambda path: str(path.relative_to(ROOT))
)
def test_the_code_in_the_documents(path: Path, tmp_path: Path) -> None:
    """It runs, and prints what a comment beside a print says, or raises what is shown below it; "..." stands for the rest of a line."""
    found = blocks(path.read_text())
    for block, ran in zip(found, run_blocks(found, tmp_path), strict=True):
        if block.error is None:
            assert ran.error is None, block.code
            expected = promised(block.code)
            assert len(ran.printed) == len(expected)
        else:
            assert ran.error is not None and lines_agree(ran.error, block.error), f"{block.code}\n{ran.error}"
            expected = promised(block.code)[: len(ran.printed)]
        for text, comment in zip(ran.printed, expected, strict=True):
            assert comment is None or agree(text, comment), block.code


def test_every_fence_of_python_is_a_block_that_runs() -> None:
    for path in DOCUMENTS:
        assert path.read_text().count("```python\n") == len(blocks(path.read_text())), path


def test_the_documents_point_to_what_is_there() -> None:
    for path in DOCUMENTS:
        for link in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", path.read_text()):
            assert link.startswith("http") or (path.parent / link).exists(), f"{path.name}: {link}"
        for name in re.findall(r"`((?:tests|perf|tools|docs|examples|cascade)/[\w./]+)", path.read_text()):
            # The tests of an sdist run against a wheel.
            hidden = name.startswith("cascade/") and not (ROOT / "cascade").exists()
            assert hidden or (ROOT / name.rstrip(".")).exists() or name.endswith(".json"), f"{path.name}: {name}"


def test_tests_that_the_documents_name_are_there() -> None:
    """A claim names the test that proves it."""
    for path in DOCUMENTS:
        for file, function in re.findall(r"`([\w/]*test_\w+)\.py::(test_\w+)`", path.read_text()):
            assert f"def {function}(" in (ROOT / "tests" / f"{file}.py").read_text(), (
                f"{path.name}: {file}.py::{function}"
            )


@pytest.mark.parametrize("program", ["perf/plots.py", "tools/pictures.py"])
def test_pictures_are_those_of_the_tables_and_of_the_code(program: str) -> None:
    environment = {**os.environ, "PYTHONPATH": str(Path(cs.__file__).parent.parent)}
    command = [sys.executable, str(ROOT / program), "--check"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60, env=environment)
    assert done.returncode == 0, done.stderr


@pytest.mark.skipif(importlib.util.find_spec("sphinx") is None, reason="sphinx is not here: pip install '.[docs]'")
def test_the_site_builds_without_a_warning_and_its_links_lead_somewhere(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "sphinx", "-W", "--keep-going", "-q", "-b", "html", "-d", str(tmp_path / "trees")]
    done = subprocess.run(
        [*command, str(DOCS), str(tmp_path / "site")], capture_output=True, text=True, check=False, timeout=300
    )
    assert done.returncode == 0, done.stderr
    pages = {page.relative_to(tmp_path / "site") for page in (tmp_path / "site").rglob("*.html")}
    sources = {path.relative_to(DOCS).with_suffix(".html") for path in DOCUMENTS if path.is_relative_to(DOCS)}
    assert sources <= pages
    for page in pages:
        text = (tmp_path / "site" / page).read_text()
        for link, anchor in re.findall(r'<a [^>]*href="([^"#:?]*)(?:#([^"]*))?"', text):
            aim = (tmp_path / "site" / page).parent / link if link else tmp_path / "site" / page
            assert aim.exists(), f"{page}: {link}"
            assert not anchor or aim.suffix != ".html" or f'id="{anchor}"' in aim.read_text(), (
                f"{page}: {link}#{anchor}"
            )
