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
from cascade import errors, messages
from cascade.cli import main
from cascade.observers.state import REASONS
from tests.support.code_blocks import (
    DOCS,
    ROOT,
    Block,
    agree,
    blocks,
    documents,
    lines_agree,
    pages_of_messages,
    promised,
    run_blocks,
)

DOCUMENTS = documents()
PAGES = pages_of_messages()
pytestmark = [pytest.mark.skipif(not DOCS.exists(), reason="only in a checkout"), pytest.mark.once]


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT)) if path.is_relative_to(ROOT) else path.name


def check_blocks(whole: list[Block], directory: Path) -> None:
    """Runs blocks: each prints what a comment beside a print says, or raises what is shown below it; " ..." stands for the rest of a line.

    A block that needs a package which is not installed is left out, and the test skipped when the others have run.
    """
    missing = set().union(*(block.missing() for block in whole))
    found = [block for block in whole if not block.missing()]
    for block, ran in zip(found, run_blocks(found, directory), strict=True):
        if (
            "MissingExtraError" not in (block.error or "")
            and ran.error is not None
            and (extra := re.search(r"needs the package '(\w+)'", ran.error))
        ):
            missing.add(extra[1])
            continue
        if block.error is None:
            assert ran.error is None, block.code
        else:
            assert ran.error is not None and lines_agree(ran.error, block.error), f"{block.code}\n{ran.error}"
        expected = promised(block.code)
        printed = [(line, text) for line, text in ran.printed if line in expected]
        assert all(agree(text, expected[line]) for line, text in printed), f"{block.code}\n{printed}"
        assert {line for line, _ in printed} == set(expected), block.code
    if missing:
        pytest.skip(f"blocks that need {', '.join(sorted(missing))} are left out: not installed")


@pytest.mark.parametrize("path", [path for path in DOCUMENTS if blocks(path.read_text())], ids=name_of)
def test_the_code_in_the_documents(path: Path, tmp_path: Path) -> None:
    check_blocks(blocks(path.read_text()), tmp_path)


def test_the_code_on_the_pages_of_errors_and_codes(tmp_path: Path) -> None:
    check_blocks([block for path in PAGES for block in blocks(path.read_text())], tmp_path)


def test_each_error_class_each_code_and_each_reason_of_a_skip_has_a_page_with_a_meaning_an_example_and_what_to_do() -> (
    None
):
    classes = {
        name
        for name, value in vars(errors).items()
        if isinstance(value, type) and issubclass(value, (cs.CascadeError, Warning))
    }
    package = Path(cs.__file__).parent
    codes = {code for file in package.rglob("*.py") for code in re.findall(r"\bCS1\d\d\b", file.read_text())}
    assert set(messages.names()) == classes | codes | {*REASONS}
    for name in messages.names():
        page = messages.page(name) or ""
        title, meaning, rest = page.split("\n\n", maxsplit=2)
        assert title == f"# {name}" and len(meaning) > 40
        assert len(blocks(page)) == 1 and "\n## What to do\n\n- " in rest


def test_messages_name_the_page_of_their_error_or_code() -> None:
    def total(count: int) -> int:
        return count + len(locals())

    with pytest.raises(cs.TargetError, match=r"\n  more: cascade explain TargetError$"):
        cs.run(total)
    with pytest.raises(cs.LoweringError, match=r"\n  more: cascade explain CS105$"):
        cs.run(cs.task(total, lower=True)(1))
    with pytest.warns(cs.DeclarationWarning, match=r"\(more: cascade explain DeclarationWarning\)$"):
        cs.task(iterates)
    task = cs.task(total)
    cs.run(task(1))
    assert str(cs.explain(task)).endswith("\nmore: cascade explain CS105")


def iterates():  # type: ignore[no-untyped-def]
    yield 1


def test_an_error_of_users_names_no_page() -> None:
    class OwnError(cs.CascadeError):
        """Defined by a user."""

    assert str(OwnError("no", hint="try again")) == "no\n  hint: try again"


def test_the_command_line_prints_pages_without_a_target(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", "CycleError", "CS138"]) == 0
    out = capsys.readouterr().out
    assert out == f"{messages.page('CycleError')}{messages.page('CS138')}"
    assert main(["explain", "CycleError", "CycelError"]) == 2
    assert "did you mean 'CycleError'" in capsys.readouterr().err


def test_every_fence_of_python_is_a_block_that_runs() -> None:
    for path in DOCUMENTS:
        assert path.read_text().count("```python\n") == len(blocks(path.read_text())), path


def test_the_documents_point_to_what_is_there() -> None:
    for path in [*DOCUMENTS, *(page for page in PAGES if page.is_relative_to(ROOT))]:
        for link in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", path.read_text()):
            hidden = (
                "cascade/messages/" in link and not (ROOT / "cascade").exists()
            )  # the tests of an sdist, against a wheel
            assert hidden or link.startswith("http") or (path.parent / link).exists(), f"{path.name}: {link}"
        for name in re.findall(r"`((?:tests|perf|tools|docs|examples|cascade)/[\w./]+)", path.read_text()):
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
    check_links(tmp_path / "site")


def check_links(site: Path) -> None:
    """Each page is there, and each link inside of the site leads to a page and to a place in it."""
    pages = {page.resolve(): page.read_text() for page in site.rglob("*.html")}
    sources = {path.relative_to(DOCS) for path in DOCUMENTS if path.is_relative_to(DOCS)}
    sources |= {Path("messages") / page.name for page in PAGES}
    assert {(site / source).with_suffix(".html").resolve() for source in sources} <= set(pages)
    places = {page: set(re.findall(r'id="([^"]*)"', text)) for page, text in pages.items()}
    for page, text in pages.items():
        for link, anchor in set(re.findall(r'<a [^>]*href="([^"#:?]*)(?:#([^"]*))?"', text)):
            aim = (page.parent / link).resolve() if link else page
            assert aim in pages or aim.is_file(), f"{page}: {link}"
            assert not anchor or aim not in pages or anchor in places[aim], f"{page}: {link}#{anchor}"
