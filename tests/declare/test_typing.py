"""A decorated task keeps its parameters and its result for type checkers."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Generic, TypeVar, get_args, get_origin, get_type_hints

import pytest

import cascade as cs

ROOT = Path(__file__).parents[2]
EXPECTED = Path(__file__).parent / "typing" / "expected.py"
STANDING_IN = EXPECTED.with_name("standing_in.py")
CHECKERS = {
    "mypy": ["--strict", "--no-error-summary"],
    "pyright": ["--pythonpath", sys.executable],
    "ty": ["check", "--output-format", "concise", "--python", sys.prefix],
}

pytest.importorskip("mypy")
pytestmark = pytest.mark.once


def mypy(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "mypy", "--strict", "--no-error-summary", *arguments]
    return subprocess.run(command, cwd=EXPECTED.parent, capture_output=True, text=True, check=False, timeout=300)


def test_the_types_that_users_see():
    done = mypy(str(EXPECTED))
    found = set()
    for line in done.stdout.splitlines():
        match = re.match(r".*expected\.py:(\d+): error: .*\[([\w-]+)\]$", line)
        if match:
            found.add((int(match[1]), match[2]))
    marked = set()
    for number, line in enumerate(EXPECTED.read_text().splitlines(), 1):
        if match := re.search(r"# error: ([\w-]+)$", line):
            marked.add((number, match[1]))
    assert found == marked, done.stdout + done.stderr


def installed(checker: str) -> str:
    """The path of a type checker that runs here; the test is skipped where there is none."""
    path = shutil.which(checker, path=str(Path(sys.executable).parent)) or shutil.which(checker)
    if path is None:
        pytest.skip(f"{checker} is not installed")
    try:
        done = subprocess.run([path, "--version"], capture_output=True, text=True, check=False, timeout=120)
    except subprocess.TimeoutExpired:
        pytest.skip(f"{checker} does not start, as without a network: pyright fetches Node.js")
    if done.returncode:
        pytest.skip(f"{checker} does not start: {done.stderr[-200:]}")
    return path


@pytest.mark.parametrize("checker", CHECKERS)
def test_a_result_may_stand_where_its_value_is_wanted_and_wrong_types_are_reported(checker):
    command = [installed(checker), *CHECKERS[checker], str(STANDING_IN)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=300)
    found = {int(number) for number in re.findall(r"standing_in\.py:(\d+):", done.stdout)}
    lines = STANDING_IN.read_text().splitlines()
    assert found == {number for number, line in enumerate(lines, 1) if line.endswith("# wrong")}, (
        done.stdout + done.stderr
    )


@pytest.mark.skipif(not (ROOT / "cascade/_vm.pyx").exists(), reason="only in a checkout")
def test_the_package_itself_is_typed():
    done = mypy(str(ROOT / "cascade"))
    assert done.returncode == 0, done.stdout + done.stderr


def test_generic_classes_may_be_subscripted_and_subclassed_at_run_time():
    item = TypeVar("item")

    class Named(cs.LazyResult[item], Generic[item]): ...

    for kind, parameters in ((cs.LazyResult, int), (cs.Task, ([int], str)), (cs.Program, ([], int)), (Named, int)):
        assert get_origin(kind[parameters]) is kind  # type: ignore[index]
    assert get_args(cs.LazyResult[int]) == (int,)
    assert issubclass(Named, cs.LazyResult)
    assert get_args(cs.LazyResult[item] | None)[0].__parameters__ == (item,)


@pytest.mark.parametrize("method", [cs.Task.__call__, cs.Task.tail, cs.Program.__call__, cs.Program.arun])
def test_annotations_of_methods_that_keep_parameters_can_be_evaluated(method):
    hints = get_type_hints(method)
    assert get_origin(hints["args"]) is get_origin(hints["kwargs"]) is not None
    assert {"args", "kwargs", "return"} <= hints.keys()


def test_annotations_with_a_type_variable_in_a_union_can_be_evaluated():
    from cascade.declare import task

    def either(left: R | None, right: None | R) -> None: ...  # noqa: F821

    hints = get_type_hints(either, globalns={"R": task.R})
    assert get_args(hints["left"]) == (task.R, type(None))
    assert get_args(hints["right"]) == (type(None), task.R)
