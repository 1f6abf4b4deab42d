"""Side exits have codes, with pages: in explain, beside the source, and in the report."""

from __future__ import annotations

from pathlib import Path

import pytest

import cascade as cs
from cascade import messages
from cascade.cli import main
from cascade.instructions.causes import CAUSES, CODES
from cascade.instructions.kernel import KERNEL_INSTRUCTIONS
from cascade.reports.block_kernels import cause_of
from tests.support.explained_functions import left_early


@cs.task
def power(base: int, exponent: int) -> int:
    result = 1
    for _ in range(exponent):
        result *= base
    return result


def test_each_cause_has_a_code_and_each_code_a_page():
    told = {row.exits_for for row in KERNEL_INSTRUCTIONS} - {""}
    told |= {
        cause_of(opcode, name) for opcode in range(len(KERNEL_INSTRUCTIONS)) for name in ("RAISE_VARARGS", "RERAISE")
    }
    assert told == set(CODES)
    assert set(CAUSES) <= set(messages.names())
    assert sum(map(len, CAUSES.values())) == len(CODES), "a cause has two codes"


def test_a_kernel_of_numbers_shows_the_code_of_an_exit():
    task = cs.task(lower=True)(power.func)
    cs.run(task(3, 50))
    found = cs.explain(task)
    (left,) = found["power"].kernels[0].exits
    assert (left.cause, left.code, left.count) == ("the result does not fit 64 bits", "CS160", 1)
    assert f"        once at {__file__}:{left.line}: the result does not fit 64 bits: result *= base (CS160)\n" in str(
        found
    )
    assert str(found).endswith("\nmore: cascade explain CS160")


def test_a_kernel_of_any_function_shows_the_code_of_an_exit():
    task = cs.task(left_early, lower=True)
    cs.run(task([1, 2], 0))
    with pytest.raises(IndexError):
        cs.run(task([1, 2], 5))
    found = cs.explain(task)
    block_kernel = found["left_early"].block_kernel
    assert block_kernel is not None
    (left,) = block_kernel.exits
    assert (left.cause, left.code) == ("no such item", "CS162")
    assert str(left).endswith(", once (CS162)")
    assert "CS162" in str(found).split("\nmore: cascade explain ")[1].split()


def test_the_report_and_the_command_line_show_the_code_beside_the_source(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    task = cs.task(lower=True)(power.func)
    cs.run(task(3, 50), report=tmp_path / "run.html")
    assert "side exit, the result does not fit 64 bits, once (CS160)" in (tmp_path / "run.html").read_text()
    (tmp_path / "grows.py").write_text(
        "import cascade as cs\n\n@cs.task(lower=True)\ndef power(base: int, exponent: int) -> int:\n    result = 1\n"
        "    for _ in range(exponent):\n        result *= base\n    return result\n"
    )
    monkeypatch.chdir(tmp_path)
    assert main(["explain", "--run", "grows.py:power", "--base", "3", "--exponent", "50"]) == 0
    shown = capsys.readouterr().out
    assert "side exit, the result does not fit 64 bits, once (CS160)" in shown and shown.endswith(
        "more: cascade explain CS160\n"
    )
