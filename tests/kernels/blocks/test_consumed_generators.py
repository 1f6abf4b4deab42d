"""Generator functions whose generators are consumed at once, as in `list(tokens(text))`, run in kernels as CPython runs them."""

from __future__ import annotations

import pytest

from cascade.kernels.blocks.kernel import block_kernel
from tests.support import block_consumed as functions
from tests.support.block_functions import assert_same, instructions


@pytest.mark.parametrize("n", [0, 1, 5, 2.5, True, -1, "a", None, 2**70], ids=repr)
def test_generators_are_consumed(n):
    if n == 2**70:
        n = 3
    assert_same(functions.consumed, n)


@pytest.mark.parametrize("values", [[1, 2], (2.5, 1), "ab", [], [1, "a"], [[1], [0]], None, range(3), {3: 1}], ids=repr)
def test_generators_with_defaults_are_consumed(values):
    assert_same(functions.extremes, values)


@pytest.mark.parametrize("n", [0, 2, 4])
def test_texts_are_joined(n):
    assert_same(functions.joined, n)


@pytest.mark.parametrize(
    "error", [ValueError("x"), StopIteration(3), GeneratorExit(), KeyError, RuntimeError("y")], ids=repr
)
@pytest.mark.parametrize("n", [2, 5])
def test_a_generator_raises(n, error):
    kernel = block_kernel(functions.raised)
    for _ in range(3):
        found = []
        for call in (functions.raised, kernel):
            try:
                found.append(call(n, error))
            except BaseException as raised:
                lines, at = [], raised.__traceback__.tb_next
                while at is not None:
                    if not at.tb_frame.f_code.co_name.startswith("cascade._vm"):
                        lines.append((at.tb_frame.f_code.co_name, at.tb_lineno))
                    at = at.tb_next
                found.append((type(raised), str(raised), type(raised.__cause__), lines))
                raised.__traceback__ = None
        assert found[0] == found[1]


def test_a_generator_is_closed():
    assert_same(functions.closed, 4)
    assert_same(functions.not_summed, [])


@pytest.mark.parametrize("n", [0, 3])
def test_generators_that_delegate_are_sent_values_or_share_variables(n):
    assert_same(functions.others, n)


def test_code_that_looks_at_frames_sees_the_generators():
    assert_same(functions.looks, 2)


def test_code_that_looks_at_frames_sees_the_consumers_line():
    kernel = assert_same(functions.on_two_lines, 2)
    assert "CALL_FUNCTION" in instructions(kernel)


@pytest.mark.parametrize("n", [1, 4, 5])
def test_queens(n):
    assert_same(functions.solved, n)


def test_the_generator_is_not_made():
    def run(n):
        return list(functions.queens(n))

    kernel = assert_same(functions.solved, 5)
    assert "CALL_FUNCTION" in instructions(kernel) and kernel.exit_count == 0
    assert {made.translator.function.__name__ for made in kernel.translator.made_kernels.values()} == {
        "queens",
        "permuted",
    }


@pytest.mark.parametrize("case", range(4))
def test_a_wrong_call_raises_cpythons_exception(case):
    assert_same(functions.wrong, case)


def test_a_function_with_other_code_is_called(monkeypatch):
    kernel = assert_same(functions.consumed, 3)
    monkeypatch.setattr(functions, "upto", lambda n: [n])
    assert kernel(3) == functions.consumed(3)


def test_code_that_is_replaced_is_called():
    kernel = assert_same(functions.solved, 4)
    before = functions.queens.__code__
    functions.queens.__code__ = functions.upto.__code__
    try:
        assert kernel(4) == functions.solved(4)
    finally:
        functions.queens.__code__ = before
