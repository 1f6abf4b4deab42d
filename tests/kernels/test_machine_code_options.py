"""Machine code by engine and by environment: an engine that makes none, and names for profilers."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import cascade as cs
from cascade import _vm
from tests.support.machine_code_functions import forms, in_a_loop

pytestmark = pytest.mark.skipif(not _vm.has_machine_code(), reason="no machine code for this platform")


ARGUMENTS = (5, 3, 0, 20_000)
both_kinds = pytest.mark.parametrize("has_source", [True, False], ids=["numbers", "blocks"])
"""Kernels of numbers, and those of any function."""


def fresh(has_source: bool = True) -> Callable[..., Any]:
    """Returns a function that nobody has a kernel of."""
    return in_a_loop("(x + turn) % 1009 * y", has_source)


def in_a_coroutine(engine: cs.Engine, target: Any) -> Any:
    return asyncio.run(engine.run(target))


def mapped(target: Any) -> Any:
    return target.task.map(*([value] * 3 for value in target.slots))


WAYS: dict[str, Callable[[cs.Engine, Any], Any]] = {
    "now": lambda engine, target: engine.run_now(target),
    "in a coroutine": in_a_coroutine,
    "with a policy": lambda engine, target: engine.run_now(target.with_retry(2)),
    "items": lambda engine, target: engine.run_now(mapped(target))[-1],
    "streamed items": lambda engine, target: list(engine.stream(mapped(target)))[-1],
}


@pytest.fixture(autouse=True)
def without_delay() -> Iterator[None]:
    _vm.use_machine_code(None)
    _vm.lower_without_delay(True)
    yield
    _vm.lower_without_delay(False)
    _vm.use_machine_code(None)


@both_kinds
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("mode", ["inline", "blocking"])
def test_runs_of_an_engine_without_machine_code_make_none(has_source, way, mode):
    task = cs.task(mode=mode)(fresh(has_source))
    expected = task.func(*ARGUMENTS)
    off, on = cs.Engine(machine_code=False), cs.Engine()
    for _ in range(2):
        assert WAYS[way](off, task(*ARGUMENTS)) == expected
    assert forms(task) == 0
    for _ in range(2):
        assert WAYS[way](on, task(*ARGUMENTS)) == expected
    assert forms(task) > 0


@both_kinds
def test_it_is_not_made_at_once_either(has_source):
    _vm.use_machine_code(0)
    task = cs.task(fresh(has_source))
    engine = cs.Engine(machine_code=False)
    for _ in range(2):
        engine.run_now(task(*ARGUMENTS))
    assert forms(task) == 0
    for _ in range(2):
        cs.run(task(*ARGUMENTS))
    assert forms(task) > 0


@both_kinds
def test_runs_inside_of_such_a_run_make_none_and_runs_behind_it_do(has_source):
    inner = cs.task(fresh(has_source))

    @cs.task(lower=False)
    def outer() -> int:
        return cs.run(inner(*ARGUMENTS)) + cs.run(inner(*ARGUMENTS))

    cs.Engine(machine_code=False).run_now(outer())
    assert forms(inner) == 0
    assert cs.run(outer()) == 2 * inner.func(*ARGUMENTS)
    assert forms(inner) > 0


@both_kinds
def test_a_run_behind_one_that_failed_makes_some(has_source):
    task = cs.task(in_a_loop("x // y", has_source))
    with pytest.raises(ZeroDivisionError):
        cs.Engine(machine_code=False).run_now(task(1, 0, 0, 20_000))
    for _ in range(2):
        cs.run(task(7, 2, 0, 20_000))
    assert forms(task) > 0


@both_kinds
def test_a_kernel_keeps_the_machine_code_that_another_engine_has_made(has_source):
    task = cs.task(fresh(has_source))
    for _ in range(2):
        cs.run(task(*ARGUMENTS))
    made = forms(task)
    assert made > 0
    assert cs.Engine(machine_code=False).run_now(task(*ARGUMENTS)) == task.func(*ARGUMENTS)
    assert forms(task) == made


@pytest.mark.parametrize("value", [None, 1, "off"])
def test_the_option_is_a_bool(value):
    with pytest.raises(cs.DeclarationError, match=r"^Engine\(machine_code=.*\n.*expected: True or False"):
        cs.Engine(machine_code=value)


@both_kinds
@pytest.mark.parametrize("way", ["calls", "items", "items of arrays"])
def test_work_of_short_loops_adds_up(has_source, way):
    task = cs.task(fresh(has_source))
    turns = [100] * 300
    if way == "calls":
        program = cs.compile(task)
        found = [program(5, 3, 0, each) for each in turns]
    elif way == "items":
        found = cs.run(task.partial(5, 3, 0).map(turns))
    else:
        found = cs.run(task.partial(5, 3, 0).map(np.array(turns)))
    assert found == [task.func(5, 3, 0, 100)] * 300
    assert forms(task) > 0


# -- Names -------------------------------------------------------------------------------------------------------------

NAMED = """
    import json, os
    import cascade as cs
    from cascade import _vm
    from tests.support.machine_code_functions import collected, made_of, remainders
    _vm.use_machine_code(0)
    _vm.lower_without_delay(True)

    def made(kernel):
        code, _, address = kernel.machine_code()
        return [address, len(code)]

    kept = []       # so that no other code gets their pages

    def of(task, *arguments):
        kept.append(task)
        cs.run(task(*arguments))
        return made(task.routine.block_kernel or task.routine.kernels[0])

    odd = made_of("def f(x):\\n    for x in range(x): pass\\n    return x\\n", True)
    odd.__code__ = odd.__code__.replace(co_qualname="two\\nlines")
    found = {"remainders": of(cs.task(remainders), 100), "collected": of(cs.task(collected), [1, 2, 3, 4, 5, 6, 7], 100)}
    of(cs.task(odd), 9)
    child = os.fork()
    if not child:
        again = of(cs.task(remainders), 100)
        with open(f"/tmp/perf-{os.getpid()}.map") as file:
            os._exit(f"{again[0]:x} {again[1]:x} cascade::remainders:" not in file.read())
    print(json.dumps([os.getpid(), child, os.waitpid(child, 0)[1], found]))
"""


def named(options: list[str], environment: dict[str, str]) -> tuple[list[str], dict[str, list[int]], int]:
    """Returns the lines of the file of names, the address and size of each machine code, and the status of the child."""
    import json

    done = subprocess.run(
        [sys.executable, *options, "-c", textwrap.dedent(NAMED)], capture_output=True, text=True, timeout=60, check=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), **environment},
    )  # fmt: skip
    process, child, status, found = json.loads(done.stdout)
    file = Path(f"/tmp/perf-{process}.map")
    lines = file.read_text().splitlines() if file.exists() else []
    file.unlink(missing_ok=True)
    Path(f"/tmp/perf-{child}.map").unlink(missing_ok=True)
    return lines, found, status


@pytest.mark.skipif(not Path("/proc/self/maps").exists(), reason="perf is of Linux")
@pytest.mark.parametrize("by_python", [False, True])
def test_the_file_of_names_has_the_place_of_each_machine_code(by_python):
    if by_python and sys.version_info < (3, 12):
        pytest.skip("CPython 3.11 supports no profiler by names")
    lines, found, status = (
        named(["-X", "perf"], {"CASCADE_MACHINE_CODE_MAP": ""}) if by_python else named([], {"CASCADE_MACHINE_CODE_MAP": "1"})
    )  # fmt: skip
    ours = [line.split(" ", 2) for line in lines if " cascade::" in line]
    for name, (address, size) in found.items():
        file = "tests/support/machine_code_functions.py"
        assert [place for place in ours if place[0] == f"{address:x}"][-1][1] == f"{size:x}"
        assert any(
            place[0] == f"{address:x}" and place[2].startswith(f"cascade::{name}:") and place[2].endswith(file)
            for place in ours
        )
    assert any(place[2].startswith("cascade::two?lines:") for place in ours)
    assert status == 0


@pytest.mark.skipif(not Path("/proc/self/maps").exists(), reason="perf is of Linux")
def test_there_is_no_file_of_names_unless_it_is_asked_for():
    lines, _, status = named([], {"CASCADE_MACHINE_CODE_MAP": ""})
    assert lines == []
    assert status != 0
