"""A decorated task keeps its parameters and its result for type checkers."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Generic, TypeVar, get_args, get_origin

import pytest

import cascade as cs

ROOT = Path(__file__).parent.parent
EXPECTED = Path(__file__).parent / "typing" / "expected.py"

pytest.importorskip("mypy")


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
