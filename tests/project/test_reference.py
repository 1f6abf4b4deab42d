"""The reference: it has every public name, with an example that runs (`test_documents.py` runs them)."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

import cascade as cs
from cascade import testing
from cascade.cli.commands import build_parser
from tests.support.code_blocks import DOCS, blocks, documents, pages_of_messages

REFERENCE = DOCS / "reference"
pytestmark = [pytest.mark.skipif(not DOCS.exists(), reason="only in a checkout"), pytest.mark.once]

OF_TESTING = [
    name
    for name, value in vars(testing).items()
    if isinstance(value, type)
    and (value.__module__, name[0]) == ("cascade.testing", name[0].upper())
    and name[0] != "_"
]
NAMES = [name for name in cs.__all__ if name != "__version__"]
OTHERS = [
    *(f"cascade.testing.{name}" for name in (*OF_TESTING, "Crashes", "crash_at_every_commit")),
    "cascade.adapters.executors.local.LocalExecutor", "cascade.adapters.protocols.Executor", "cascade.adapters.protocols.Solver",
    "cascade.adapters.solvers.native.NativeSolver", "cascade.graph.build.build_graph",
]  # fmt: skip


def sections() -> dict[str, str]:
    """Returns for each name that the reference documents, the text of its section."""
    found: dict[str, str] = {}
    for page in REFERENCE.glob("*.md"):
        for section in re.split(r"^## ", page.read_text(), flags=re.MULTILINE):
            for name in re.findall(r"^\.\. auto\w+:: ([\w.]+)", section, flags=re.MULTILINE):
                assert name not in found, f"{name} is there twice"
                found[name] = section
    return found


def example_page(name: str) -> Path:
    return Path(cs.__file__).parent / "messages" / f"{name}.md"


@pytest.mark.parametrize("name", [*(f"cascade.{name}" for name in NAMES), *OTHERS])
def test_every_public_name_has_a_section_with_an_example(name: str) -> None:
    section = sections().get(name)
    assert section is not None, f"docs/reference has no section of {name}"
    short = name.rpartition(".")[2]
    value = getattr(cs, short, None)
    if isinstance(value, type) and issubclass(value, (cs.CascadeError, Warning)):
        section = example_page(short).read_text()
    assert any(re.search(rf"\b{short}\b", block.code + (block.error or "")) for block in blocks(section)), section


def test_the_names_of_the_module_for_tests_are_found() -> None:
    assert {"SpySubscriber", "SpyExecutor", "MockExecutor", "Call"} == set(OF_TESTING)


def test_every_public_name_has_a_docstring() -> None:
    assert [name for name in NAMES if not (getattr(cs, name).__doc__ or "").strip()] == []


def test_every_command_and_every_option_of_run_is_on_the_page_of_the_command_line() -> None:
    page = (REFERENCE / "command-line.md").read_text()
    commands = next(action.choices for action in build_parser()._actions if isinstance(action.choices, dict))
    assert [name for name in commands if f"`cascade {name}`" not in page] == []
    options = [
        option for action in commands["run"]._actions for option in action.option_strings if option.startswith("--")
    ]
    assert [option for option in options if option != "--help" and f"`{option}" not in page] == []


def commands_shown() -> list[str]:
    """Returns the commands that the documents show, whole: in a line of their own, or as code in a sentence."""
    texts = [path.read_text() for path in [*documents(), *pages_of_messages()]]
    found = {
        command
        for text in texts
        for command in re.findall(
            r"^ {4}(?:\$ )?(?:python -m )?(cascade [a-z].*)$|`(?:python -m )?(cascade [a-z][^`]*)`",
            text,
            flags=re.MULTILINE,
        )
    }
    whole = {line for pair in found for line in pair if not re.search(r"\.\.\.|[A-Z]{3,} |\|", line)}
    return sorted(line for line in whole if len([word for word in line.split() if word[0] != "-"]) > 2)


@pytest.mark.parametrize("command", commands_shown())
def test_commands_in_the_documents_are_understood(command: str) -> None:
    parsed = build_parser().parse_args(shlex.split(command, comments=True)[1:])
    assert parsed.command
