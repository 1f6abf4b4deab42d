"""The structure of the code: layers, exports, generated files, the dispatch loop, the folders of the tests."""

from __future__ import annotations

import ast
import importlib
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import cascade
from cascade.instructions.graph import INSTRUCTIONS

pytestmark = pytest.mark.once
ROOT = Path(__file__).parents[2]
TESTS = Path(__file__).parents[1]
PACKAGE = Path(cascade.__file__).parent

LAYERS = [
    ["cascade.imports"],
    ["cascade.errors"],
    ["cascade.instructions"],
    ["cascade._vm"],
    ["cascade.events"],
    ["cascade.declare"],
    ["cascade.graph"],
    ["cascade.adapters"],
    ["cascade.compiler"],
    ["cascade.kernels"],
    ["cascade.reports"],
    ["cascade.runtime"],
    ["cascade.durable"],
    ["cascade.observers"],
    ["cascade.testing"],
    ["cascade.messages"],
    ["cascade.cli"],
]
"""From the bottom up: a module imports only from the layers before its own, or from its own."""


def layer_of(module: str) -> int:
    for number, names in enumerate(LAYERS):
        if any(module == name or module.startswith(name + ".") for name in names):
            return number
    raise AssertionError(f"{module} has no place in the layers")


def imports_of(path: Path) -> set[str]:
    """The modules of Cascade that a source file imports, those for type checking only left out."""
    if path.suffix == ".pyx":
        return set(re.findall(r"^\s*from (cascade[\w.]*) c?import", path.read_text(), re.MULTILINE)) - {
            "cascade._opcodes"
        }
    tree = ast.parse(path.read_text())
    skipped = {
        inner
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
        for inner in ast.walk(node)
    }
    found = set()
    for node in ast.walk(tree):
        if node in skipped:
            continue
        if isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] == "cascade":
            found.add(node.module)
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names if alias.name.split(".")[0] == "cascade")
    return found


def test_every_module_imports_only_from_layers_before_its_own():
    wrong = []
    for path in [*PACKAGE.rglob("*.py"), *PACKAGE.glob("*.pyx")]:
        parts = path.relative_to(PACKAGE).with_suffix("").parts
        module = ".".join(["cascade", *(part for part in parts if part != "__init__")])
        if module in ("cascade", "cascade.__main__"):
            continue
        wrong += [f"{module} imports {name}" for name in imports_of(path) if layer_of(name) > layer_of(module)]
    assert wrong == []


def test_there_is_no_circle_of_imports_not_even_of_lazy_and_type_checking_ones():
    names = {
        ".".join(("cascade", *path.relative_to(PACKAGE).with_suffix("").parts)).removesuffix(".__init__"): path
        for path in PACKAGE.rglob("*.py")
    }
    imports = {name: all_imports_of(path, names) - {name, "cascade"} for name, path in names.items()}
    while free := [name for name, needed in imports.items() if not needed & imports.keys()]:
        for name in free:
            del imports[name]
    assert imports == {}


def all_imports_of(path: Path, names: dict[str, Path]) -> set[str]:
    """The modules of `names` that a source file imports anywhere."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
    return found & names.keys()


def test_each_public_name_has_one_home_and_is_documented():
    for name, home in cascade._HOMES.items():
        value = getattr(cascade, name)
        assert value is getattr(importlib.import_module(home), name)
        assert value.__doc__, f"{name} has no docstring"
    assert set(cascade.__all__) == {*cascade._HOMES, "__version__"} == set(dir(cascade))
    with pytest.raises(AttributeError, match="nothing_like_this"):
        cascade.nothing_like_this


def test_the_names_for_type_checkers_are_the_names_at_run_time():
    tree = ast.parse((PACKAGE / "__init__.py").read_text())
    block = next(node for node in tree.body if isinstance(node, ast.If))
    imports = [node for node in block.body if isinstance(node, ast.ImportFrom) and node.module != "typing"]
    assert {alias.name: node.module for node in imports for alias in node.names} == cascade._HOMES


def test_the_paths_that_other_code_relies_on():
    from cascade.adapters.executors.local import LocalExecutor
    from cascade.adapters.solvers.native import NativeSolver
    from cascade.graph.build import build_graph
    from cascade.runtime import Engine, MessageBus
    from cascade.runtime.blueprint import Blueprint, TailCall

    assert TailCall is cascade.TailCall
    assert Engine is cascade.Engine
    assert all((LocalExecutor, NativeSolver, build_graph, MessageBus, Blueprint))


@pytest.mark.skipif(not (ROOT / "cascade").exists(), reason="the sources are not beside the tests")
def test_generated_files_are_current():
    done = subprocess.run(
        [sys.executable, "tools/generate.py", "--check"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.skipif(not (ROOT / "cascade/_vm.c").exists(), reason="no generated C beside the tests")
def test_the_dispatch_loop_is_a_switch():
    source = (ROOT / "cascade/_vm.c").read_text()
    start = source.index(
        '/* "cascade/vm/machine.pxi"', source.index("_execute(struct __pyx_obj_7cascade_3_vm_Machine *__pyx_v_self) {")
    )
    body = source[start : source.index("\n}\n", start)]
    switch = body[body.index("switch (__pyx_v_opcode)") :]
    cases = set(re.findall(r"case __pyx_e_7cascade_8_opcodes_(\w+):", switch))
    slow = {row.name for row in INSTRUCTIONS if row.policies}
    assert cases == {row.name for row in INSTRUCTIONS} - slow


MODULES = sorted(PACKAGE.rglob("*.py"))


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_no_module_and_no_function_is_long(path):
    text = path.read_text()
    assert text.count("\n") <= 700
    functions = [
        node for node in ast.walk(ast.parse(text)) if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
    ]
    assert [node.name for node in functions if node.end_lineno - node.lineno >= 80] == []


def test_the_code_has_types_in_place_of_any():
    texts = [path.read_text() for path in MODULES]
    count = sum(len(re.findall(r"\bAny\b", text)) for text in texts)
    assert 1000 * count / sum(text.count("\n") for text in texts) < 5


def test_docstrings_name_things():
    """A docstring that begins with "What ..." leaves the reader to find the noun. Model codebases have the word once in 1,000."""
    nodes = [node for path in MODULES for node in ast.walk(ast.parse(path.read_text()))]
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Module)
    words = [
        word
        for node in nodes
        if isinstance(node, kinds)
        for word in re.findall(r"[a-z]+", (ast.get_docstring(node) or "").lower())
    ]
    assert 1000 * words.count("what") / len(words) < 2


def test_the_translators_of_typed_code_hold_one_another_and_inherit_little():
    bases: dict[str, list[str]] = {}
    for path in (PACKAGE / "kernels").glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ClassDef):
                bases[node.name] = [ast.unparse(base) for base in node.bases]

    def depth(name: str) -> int:
        return 1 + max(map(depth, bases[name]), default=0) if name in bases else 0

    assert {name for name in bases if depth(name) > 2} == set()


def _in_fresh_python(code: str) -> str:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout


def test_importing_cascade_loads_little():
    loaded = _in_fresh_python(
        "import sys; before = set(sys.modules); import cascade; print(*set(sys.modules) - before)"
    )
    assert set(loaded.split()) <= {"cascade", "__future__"}


def test_declaring_tasks_loads_neither_numpy_nor_asyncio():
    code = "import sys, cascade as cs; cs.task(lambda x: x); print([m for m in ('numpy', 'asyncio', 'inspect') if m in sys.modules])"
    assert _in_fresh_python(code) == "[]\n"


PLAIN_RUN = """
import sys
before = set(sys.modules)
import cascade as cs
@cs.task
def double(x: int) -> int:
    return 2 * x
@cs.task
def total(parts: list[int], scale: float = 1.0) -> float:
    return sum(parts) * scale
assert cs.run(total([double(1), double(2)]), use_vm={use_vm}) == 6.0
print(*sorted(set(sys.modules) - before))
"""
MANAGED_RUN = """
import sys
before = set(sys.modules)
import cascade as cs
@cs.task
def double(x: int) -> int:
    return 2 * x
@cs.task
def total(parts: list[int]) -> int:
    return sum(parts)
@cs.resource
def unit():
    yield 1
@cs.task
def one(unit=cs.inject("unit")):
    return unit
routed = cs.Router(double(1), {{2: total([3]), 4: double(5)}})
target = total([total(double.map([1, 2])), routed, one().run_if(double(1))])
engine = cs.Engine(resources=[unit])
assert engine.run_now(target, use_vm={use_vm}) == 6 + 3 + 1
print(*sorted(set(sys.modules) - before))
"""
ASYNC_RUN = """
import sys, cascade as cs
@cs.task
async def double(x: int) -> int:
    return 2 * x
assert cs.run(double(double(2)), use_vm={use_vm}) == 8
print(*sorted(set(sys.modules)))
"""
HEAVY = {
    "asyncio", "concurrent.futures", "contextlib", "dataclasses", "datetime", "difflib", "enum", "inspect", "json", "logging", "numpy", "re", "socket",
    "threading", "typing", "uuid", "weakref", "cascade.runtime.events", "cascade.events.publisher", "cascade.kernels", "cascade.declare.conversion",
    "cascade.declare.retry",
}  # fmt: skip


def _loaded(code: str) -> set[str]:
    # Without the modules that a site's own start-up has imported.
    done = subprocess.run(
        [sys.executable, "-S", "-c", code],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONPATH": str(PACKAGE.parent)},
    )
    return set(done.stdout.split())


@pytest.mark.parametrize("use_vm", [True, False])
def test_the_first_run_of_plain_tasks_loads_only_what_it_needs(use_vm):
    loaded = _loaded(PLAIN_RUN.format(use_vm=use_vm))
    assert "cascade.runtime.engine" in loaded
    assert loaded & (HEAVY | {"cascade.runtime.program", "cascade.runtime.nodes.maps"}) == set() or not use_vm
    assert loaded & HEAVY == set()
    assert ("cascade.runtime.spine.interpreter" in loaded) is not use_vm


@pytest.mark.parametrize("use_vm", [True, False])
def test_policies_maps_and_routers_of_plain_tasks_load_no_event_loop(use_vm):
    loaded = _loaded(MANAGED_RUN.format(use_vm=use_vm))
    assert "cascade.runtime.nodes.maps" in loaded
    assert loaded & (HEAVY - {"cascade.kernels"}) == set()


@pytest.mark.parametrize("use_vm", [True, False])
def test_the_first_run_of_async_tasks_loads_asyncio_and_no_more_than_that_needs(use_vm):
    with_asyncio = _loaded("import sys, asyncio; print(*sys.modules)")
    loaded = _loaded(ASYNC_RUN.format(use_vm=use_vm)) - with_asyncio
    assert {name for name in loaded if not name.startswith("cascade")} <= {
        "__future__",
        "array",
        "opcode",
        "_opcode",
        "cython_runtime",
        "_cython_3_3_1",
    }
    assert loaded & HEAVY == set()


def test_docstrings_hold(recwarn):
    import doctest

    failed = 0
    for name in (
        "cascade",
        "cascade.declare.decorator",
        "cascade.declare.conversion",
        "cascade.declare.inputs",
        "cascade.declare.resources",
        "cascade.runtime.program",
    ):
        failed += doctest.testmod(importlib.import_module(name)).failed
    assert failed == 0


def modules_named_in(path: Path) -> set[str]:
    """The modules that a source file imports, and the dotted names of what it imports from them."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom):
            module = "." * node.level + (node.module or "")
            found.update({module, *(f"{module}.{alias.name}" for alias in node.names)})
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
    return found


def test_no_module_imports_a_test_module():
    """Helpers that several tests use stand in tests/support, or are fixtures of a conftest.py."""
    test_modules = {path.stem for path in TESTS.rglob("test_*.py")}
    wrong = [
        f"{path.relative_to(TESTS)} imports {name}"
        for path in TESTS.rglob("*.py")
        for name in modules_named_in(path)
        if name.startswith((".", "tests.")) and test_modules & set(name.split("."))
    ]
    assert wrong == []


def test_no_file_of_the_tests_is_longer_than_600_lines():
    lengths = {str(path.relative_to(TESTS)): len(path.read_text().splitlines()) for path in TESTS.rglob("*.py")}
    assert {name: length for name, length in lengths.items() if length > 600} == {}
