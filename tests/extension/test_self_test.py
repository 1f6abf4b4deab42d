"""The extension module itself: what it relies on in CPython, and what it is given by the layers above it."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

import cascade as cs
from cascade import _vm
from cascade.errors import InternalError

SOURCES = Path(__file__).resolve().parents[2] / "cascade"
HEADER = SOURCES / "vm/cpython.h"
CHECKS = [
    "version", "dict", "table", "hash", "collections", "set", "ints", "items", "depth", "function", "tag", "slots", "values",
    "allocation", "tools", "tracing",
]  # fmt: skip


def test_this_cpython_passes_the_self_test():
    _vm.check_cpython()


@pytest.mark.parametrize("name", CHECKS)
def test_a_check_that_fails_refuses_the_interpreter(name):
    with pytest.raises(
        ImportError,
        match=r"cannot run on this interpreter, cpython 3\.\d+.*Use a release of CPython 3\.\d+, or install",
    ) as caught:
        _vm.check_cpython(name)
    assert caught.value.name == "cascade._vm"


def test_an_interpreter_that_other_code_has_changed_is_still_accepted():
    def trace(frame, event, argument):
        return trace

    before = sys.gettrace(), sys.getprofile()
    sys.settrace(trace)
    sys.setprofile(trace)
    try:
        _vm.check_cpython()
    finally:
        sys.settrace(before[0])
        sys.setprofile(before[1])


def test_the_self_test_does_not_take_what_it_makes_for_results(path):
    @cs.task
    def checks(value):
        _vm.check_cpython()
        return value + 1

    assert path.run(checks(checks(1))) == 3


@pytest.mark.skipif(not HEADER.exists(), reason="only in a checkout")
def test_each_check_is_attacked():
    assert re.findall(r'^    \{"(\w+)", ', (SOURCES / "vm/cpython_checks.h").read_text(), re.MULTILINE) == CHECKS


PRIVATE = re.compile(
    r"PY_VERSION|\b_Py[A-Z]\w+|ma_version_tag|tp_version_tag|recursion_remaining|c_tracefunc|c_profilefunc|\bob_item\b|setentry|func_code"
)


@pytest.mark.skipif(not HEADER.exists(), reason="only in a checkout")
def test_private_parts_of_cpython_are_used_in_its_headers_only():
    files = [*SOURCES.glob("_vm.p*"), *SOURCES.glob("vm/**/*.*")]
    found = {file.name: names for file in files if (names := set(PRIVATE.findall(file.read_text())))}
    assert sorted(found) == ["cpython.h", "cpython_checks.h", "cpython_text.h", "cpython_threads.h"]
    assert "ma_version_tag" in found["cpython.h"]


@pytest.mark.skipif(not HEADER.exists(), reason="only in a checkout")
def test_the_machine_reads_no_attribute_of_its_context():
    text = "".join(file.read_text() for file in SOURCES.glob("vm/*.pxi"))
    stub = (SOURCES / "_vm.pyi").read_text()
    protocol = stub[stub.index("class KernelMaker(Protocol)") : stub.index("class Machine")]
    used = set(re.findall(r"\bcontext\.(\w+)\(", text))
    assert used == set(re.findall(r"def (\w+)\(", protocol))
    assert not re.findall(r"\bcontext\.\w+(?![\w(])", text)


@pytest.mark.parametrize("name", ["deferred_type", "no_input_type", "call_out_type", "iteration_end_type"])
def test_a_type_is_given_once(name):
    import cascade.compiler
    import cascade.kernels  # noqa: F401

    with pytest.raises(InternalError, match=name):
        _vm.configure(**{name: int})


@pytest.mark.parametrize("name", ["verify", "verify_typed", "reenter", "profiled_caller"])
def test_a_function_is_given_once(name):
    import cascade.compiler
    import cascade.kernels  # noqa: F401

    with pytest.raises(InternalError, match=name):
        _vm.configure(**{name: print})


def test_nothing_is_set_where_one_argument_is_refused():
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            "from cascade import _vm, errors\n"
            "_vm.configure(no_input_type=int)\n"
            "try: _vm.configure(deferred_type=str, no_input_type=float)\n"
            "except errors.InternalError: pass\n"
            "_vm.configure(deferred_type=bytes, no_input_type=int)\n"
            "print(_vm.holds_deferred('text'))",
        ],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stdout == "False\n"
