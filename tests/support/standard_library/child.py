"""Runs the tests of one module in this process, in one of the ways, and writes their outcomes and counts as JSON.

python -m tests.support.standard_library.child test_difflib functions /tmp/outcomes.json 'difflib' '' ''
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import sys
import tempfile
import traceback
import unittest
from pathlib import Path
from typing import Any

from tests.support.standard_library import entries

LIBRARY = Path(os.__file__).parent
LONGEST = 4000
"""Characters that are kept of the text of a failure."""


class Outcomes(unittest.TestResult):
    """Notes the outcome of each test by its name; those of failed subtests have names of their own."""

    def __init__(self) -> None:
        super().__init__()
        self.found: dict[str, str] = {}
        self.texts: dict[str, str] = {}

    def note(self, test: Any, outcome: str, error: Any = None) -> None:
        name = test.id()
        if error is not None:
            outcome = f"{outcome}, {error[0].__name__}"
            self.texts[name] = text_of(error)
        self.found[name] = outcome

    def addSuccess(self, test: Any) -> None:
        self.note(test, "passed")

    def addError(self, test: Any, err: Any) -> None:
        self.note(test, "error", err)

    def addFailure(self, test: Any, err: Any) -> None:
        self.note(test, "failed", err)

    def addSkip(self, test: Any, reason: str) -> None:
        self.note(test, "skipped")

    def addExpectedFailure(self, test: Any, err: Any) -> None:
        self.note(test, "failed as expected")

    def addUnexpectedSuccess(self, test: Any) -> None:
        self.note(test, "passed unexpectedly")

    def addSubTest(self, test: Any, subtest: Any, err: Any) -> None:
        if err is not None:
            self.note(subtest, "failed", err)


def text_of(error: Any) -> str:
    try:
        return "".join(traceback.format_exception(*error))[-LONGEST:]
    except Exception as other:
        return f"which cannot be shown: {other!r}"


def cases_of(suite: Any) -> Any:
    for each in suite:
        if isinstance(each, unittest.TestSuite):
            yield from cases_of(each)
        else:
            yield each


def files_of(modules: list[str]) -> set[str]:
    """The files of modules of the library, and of all modules in packages of it."""
    found = set()
    for module in modules:
        path = LIBRARY / module.replace(".", "/")
        found |= {str(file) for file in path.rglob("*.py")} if path.is_dir() else {f"{path}.py", f"<frozen {module}>"}
    return found


def kernels_in_use() -> dict[str, int]:
    from cascade import _vm

    blocks = [each for each in gc.get_objects() if type(each) is _vm.BlockKernel]
    numbers = [each for each in gc.get_objects() if type(each) is _vm.Kernel]
    entered = [each for each in [*blocks, *numbers] if each.entries]
    return {
        "kernels": len(entered),
        "entries": sum(each.entries for each in entered),
        "call_outs": sum(count for each in blocks for _, count, _ in each.call_outs_made()),
        "exits": sum(each.exit_count for each in blocks) + sum(each.exits for each in numbers),
        "retired": sum(each.retired for each in blocks),
    }


def prepare_engine() -> None:
    """Loads all of the engine, has kernels made and kept at the first call, and exceptions get no notes, which tests would print."""
    import cascade as cs
    from cascade import _vm
    from cascade.runtime.spine import failures

    failures.annotate = lambda *of_a_call: None
    _vm.lower_without_delay(True)
    _vm.use_trial_clock(lambda plain: 0.0)
    cs.compile(cs.task(files_of))([])


def run(tests: str, way: str, modules: list[str], left_out: list[str], only: str) -> dict[str, Any]:
    if way != "plain":
        prepare_engine()
    kept = {id(each) for each in entries.functions_of(files_of(modules))}
    for name in [*sys.modules]:
        if any(name == module or name.startswith(f"{module}.") for module in modules):
            del sys.modules[
                name
            ]  # what is loaded already belongs to the engine and to unittest: the tests have a copy of their own
    support = importlib.import_module("test.support")
    support.use_resources = []
    module = importlib.import_module(f"test.{tests}")
    cases = [
        case
        for case in cases_of(unittest.defaultTestLoader.loadTestsFromModule(module))
        if only in case.id() and not any(part in case.id() for part in left_out)
    ]
    functions = []
    if way == "functions":
        functions = [each for each in entries.functions_of(files_of(modules)) if id(each) not in kept]
    elif way == "tests":
        functions = [each for each in entries.functions_of(files_of(["test"])) if each.__name__.startswith("test")]
    tasks = [entries.make_task(each) for each in functions if entries.may_be_task(each)]
    gc.freeze()  # many tests collect garbage: what is there by now is none
    outcomes = Outcomes()
    unittest.TestSuite(cases).run(outcomes)
    counts = kernels_in_use() if tasks else {}
    return {
        "outcomes": outcomes.found,
        "texts": outcomes.texts,
        "functions": len(functions),
        "tasks": len(tasks),
        **counts,
    }


def main() -> None:
    tests, way, output, modules, left_out, only = sys.argv[1:7]
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        found = run(tests, way, modules.split(), left_out.split(), only)
        os.chdir("/")
    Path(output).write_text(json.dumps(found))
    sys.stdout.flush()
    os._exit(0)


if __name__ == "__main__":
    main()
