"""The extension's sources: its stub, the length of its parts, its imports."""

from __future__ import annotations

import ast
import re
from contextvars import ContextVar
from pathlib import Path

import pytest

import cascade
from cascade import _vm

PACKAGE = Path(cascade.__file__).parent
PARTS = sorted((PACKAGE / "vm").glob("*.pxi"))
HEADERS = sorted((PACKAGE / "vm").glob("*.h"))
STUB = ast.parse((PACKAGE / "_vm.pyi").read_text())
LONGEST_PART = 750  # lines
GENERATED = {"kernel_table.h"}
NOT_IN_STUB = {"Frame"}  # nobody outside of the extension holds one

pytestmark = pytest.mark.skipif(not PARTS, reason="the sources are not beside the tests")


def is_for_checkers(node: ast.stmt) -> bool:
    """Whether the stub has a name for type checkers only: a protocol, an alias, a type variable."""
    if isinstance(node, ast.ClassDef):
        return any("Protocol" in ast.unparse(base) for base in node.bases)
    return isinstance(node, ast.Assign) or (
        isinstance(node, ast.AnnAssign) and "TypeAlias" in ast.unparse(node.annotation)
    )


def names_of(node: ast.stmt) -> str | None:
    if isinstance(node, (ast.ClassDef, ast.FunctionDef)):
        return node.name
    return ast.unparse(node.target) if isinstance(node, ast.AnnAssign) else None


def test_the_stub_has_the_names_of_the_extension():
    own = {
        name
        for name, value in vars(_vm).items()
        if not name.startswith("_")
        and (
            type(value) in (int, ContextVar)
            or "cascade._vm" in (getattr(value, "__module__", ""), type(value).__module__)
        )
    }
    in_stub = {names_of(node) for node in STUB.body if not is_for_checkers(node)} - {None}
    assert in_stub == own - NOT_IN_STUB


@pytest.mark.parametrize(
    "node", [node for node in STUB.body if isinstance(node, ast.ClassDef) and not is_for_checkers(node)], ids=names_of
)
def test_the_stub_has_the_members_of_each_class(node):
    in_stub = {names_of(member) for member in node.body} - {None}
    own = {name for name in vars(getattr(_vm, node.name)) if not name.startswith("__")}
    assert {name for name in in_stub if not name.startswith("__")} == own


@pytest.mark.parametrize(
    "path", [*PARTS, *(path for path in HEADERS if path.name not in GENERATED)], ids=lambda path: path.name
)
def test_a_part_of_the_extension_has_one_subject_and_is_not_long(path):
    text = path.read_text()
    assert text.count("\n") <= LONGEST_PART
    assert text.startswith(("# ", "/*")), "its first line says what it is about"


def test_each_part_is_included_once():
    included = re.findall(r'^include "vm/(\w+\.pxi)"', (PACKAGE / "_vm.pyx").read_text(), re.MULTILINE)
    assert sorted(included) == [path.name for path in PARTS]


def test_the_extension_imports_instructions_and_errors_only():
    imported = set()
    for path in [PACKAGE / "_vm.pyx", *PARTS]:
        imported |= set(re.findall(r"^\s*(?:from|import) (cascade[\w.]*)", path.read_text(), re.MULTILINE))
    assert imported <= {
        "cascade._opcodes", "cascade.errors", "cascade.instructions.blueprint", "cascade.instructions.graph", "cascade.instructions.kernel",
        "cascade.instructions.families.sequences",
    }  # fmt: skip


def test_what_is_private_to_cpython_stands_in_one_header():
    private = re.compile(
        r"#\s*include\s*[\"<]internal/|\b_Py\w+\(|\bma_version_tag\b|\bc_?recursion_remaining\b|\bcframe\b"
    )
    wrong = [
        f"{path.name}: {found[0]}"
        for path in [PACKAGE / "_vm.pyx", PACKAGE / "_vm.pxd", *PARTS, *HEADERS]
        if path.name not in ("cpython.h", "cpython_checks.h", "cpython_threads.h")
        for found in private.finditer(path.read_text())
    ]
    assert wrong == []
