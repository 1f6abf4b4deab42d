"""disassemble shows machine code: which tier executes a kernel, and what the machine executes for each instruction."""

from __future__ import annotations

import platform
import re
import sys
from collections.abc import Iterator
from types import FunctionType
from typing import Any

import pytest

import cascade as cs
from cascade import _vm
from tests.support.machine_code_functions import collected, in_a_loop, machine_code, remainders

pytestmark = pytest.mark.skipif(not _vm.has_machine_code(), reason="no machine code for this platform")

MACHINE_LINE = re.compile(r"^ {12}([0-9a-f]{4,})  (.*)$", re.MULTILINE)
both_kinds = pytest.mark.parametrize(
    ("function", "arguments"),
    [(remainders, (50,)), (collected, ([1, 2, 3, 4, 5, 6, 7], 50)), (in_a_loop("x * y + z"), (1.5, 2.5, 3, 9))],
    ids=["numbers", "blocks", "floats"],
)


@pytest.fixture(autouse=True)
def at_once() -> Iterator[None]:
    with machine_code(0):
        yield


def listed(function: Any, *arguments: Any) -> tuple[str, bytes, list[int]]:
    """Returns the listing of a kernel, its machine code, and where in that its instructions begin."""
    task = cs.task(function)
    cs.run(task(*arguments))
    kernel = task.routine.block_kernel or task.routine.kernels[0]
    code, starts, _ = kernel.machine_code()  # type: ignore[misc]
    text = cs.compile(task).disassemble()
    return text[text.index("\nkernel ") :], code, starts


@both_kinds
def test_the_bytes_of_each_instruction_stand_below_it(function, arguments, monkeypatch):
    monkeypatch.setitem(sys.modules, "capstone", None)
    text, code, starts = listed(function, *arguments)
    assert "bytes of machine code; its bytes: pip install 'cascade-engine[listing]' for its instructions" in text
    *lines, last = MACHINE_LINE.findall(text)
    assert b"".join(bytes.fromhex(shown) for _, shown in lines) == code[: starts[-1]]
    assert last == (
        f"{starts[-1]:04x}",
        f"{len(code) - starts[-1]} bytes off the usual way: to handlers, from them, and between loops",
    )
    for part in re.split(r"\n(?= {0,5}\d+  [A-Z])", text)[1:]:
        number = int(part.split()[0])
        if number + 1 < len(starts) and starts[number] < starts[number + 1]:
            assert MACHINE_LINE.findall(part)[0][0] == f"{starts[number]:04x}"


@both_kinds
def test_the_instructions_of_the_machine_stand_below_each_instruction(function, arguments):
    capstone = pytest.importorskip("capstone")
    text, code, starts = listed(function, *arguments)
    *lines, _ = MACHINE_LINE.findall(text)
    disassembler = (
        capstone.Cs(capstone.CS_ARCH_ARM64, capstone.CS_MODE_ARM)
        if platform.machine().lower() in ("aarch64", "arm64")
        else capstone.Cs(capstone.CS_ARCH_X86, capstone.CS_MODE_64)
    )
    decoded = list(disassembler.disasm_lite(code[: starts[-1]], 0))
    assert [int(at, 16) for at, _ in lines] == [at for at, *_ in decoded]
    assert sum(size for _, size, *_ in decoded) == starts[-1]
    for (_, shown), (_, _, name, operands) in zip(lines, decoded, strict=True):
        assert shown.split(" -> ")[0].split() == [name, *operands.split()]


def test_jumps_of_the_machine_name_the_instruction_that_they_lead_to():
    pytest.importorskip("capstone")
    text, _, starts = listed(remainders, 50)
    targets = [
        (int(at, 16), to) for at, to in re.findall(r" (?:j\w+|b[.\w]*) +#?0x([0-9a-f]+) +-> (.+)$", text, re.MULTILINE)
    ]
    inside = [(at, to) for at, to in targets if to != "off the usual way"]
    assert inside and all(starts[int(to)] == at for at, to in inside)
    assert len(inside) < len(targets)
    assert all(at >= starts[-1] for at, to in targets if to == "off the usual way")


@both_kinds
def test_listing_and_explanation_name_the_tier(function, arguments):
    def told() -> tuple[str, str]:
        again = FunctionType(
            function.__code__.replace(), function.__globals__, function.__name__
        )  # nobody has a kernel of it
        task = cs.task(again)
        cs.run(task(*arguments))
        report = cs.explain(task)[task.name]
        made = report.block_kernel or report.kernels[0]
        return made.tier, cs.compile(task).disassemble()

    tier, text = told()
    assert tier == "machine code" and re.search(
        r"^kernel .* \d+ of \d+ in \d+ bytes of machine code", text, re.MULTILINE
    )
    _vm.use_machine_code(-1)
    tier, text = told()
    assert tier == "handlers" and re.search(r"^kernel .*, executed by handlers$", text, re.MULTILINE)
    assert MACHINE_LINE.findall(text) == []
