"""Generator expressions that are consumed at once run in kernels, with CPython's values, frames, tracebacks and lifetimes."""

from __future__ import annotations

import dis
import gc
import sys
from typing import Any

import pytest

from cascade.kernels.blocks.kernel import block_kernel
from cascade.kernels.blocks.resume import continuation
from tests.support import block_generators as functions
from tests.support.block_functions import assert_same, instructions


@pytest.mark.parametrize(("name", "arguments"), functions.CASES)
def test_functions_that_consume_generator_expressions_do_what_cpython_does(name: str, arguments: tuple[Any, ...]):
    assert_same(getattr(functions, name), *arguments)


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("summed", ([1, 2],)),
        ("any_and_all", ([1, 2, 3], 2)),
        ("extremes", ([3, 1],)),
        ("closed_over", ([1, 2], 3)),
        ("joined", ([1, 2],)),
    ],
)
def test_the_generator_is_not_made(name: str, arguments: tuple[Any, ...]):
    kernel = assert_same(getattr(functions, name), *arguments)
    assert "CALL_FUNCTION" in instructions(kernel)
    assert "CALL_PYTHON" not in instructions(kernel)
    for made in kernel.translator.made_kernels.values():
        assert made.exit_count == 0


def test_an_iterator_over_a_list_is_in_registers_of_the_comprehension():
    kernel = assert_same(functions.summed, [1, 2, 3])
    (made,) = kernel.translator.made_kernels.values()
    assert any(name.startswith("LIST_NEXT") for name in instructions(made))


@pytest.mark.parametrize("other", [sum, max, sorted, list])
def test_a_function_that_is_an_argument_is_called_with_a_generator(other: Any):
    assert_same(functions.shadowed, [3, 1, 2], other)


def test_a_consumer_with_another_meaning_is_called(monkeypatch: pytest.MonkeyPatch):
    kernel = block_kernel(functions.summed)
    assert kernel([1, 2]) == 5
    monkeypatch.setattr(functions, "sum", lambda values: ("mine", list(values)), raising=False)
    assert kernel([1, 2]) == ("mine", [1, 4])


def test_arguments_are_not_kept_where_an_expression_ends_exits_or_raises():
    values: list[Any] = [1, 2, 3]
    wrong: list[Any] = [1, "a"]
    kernel = block_kernel(functions.summed)
    searching = block_kernel(functions.any_and_all)
    for _ in range(3):
        kernel(values)
        searching(values, 1)
        for call in (lambda: kernel(wrong), lambda: searching(wrong, 5)):
            with pytest.raises(TypeError):
                call()
    gc.collect()
    assert sys.getrefcount(values) == 2
    assert sys.getrefcount(wrong) == 2


def test_an_expression_that_mostly_exits_is_called_by_cpython():
    kernel = block_kernel(functions.extremes)
    for _ in range(30):
        assert kernel([2.5, 1]) == (2, -1)
    made = [each.exit_count for each in kernel.translator.made_kernels.values()]
    for _ in range(30):
        assert kernel([2.5, 1]) == (2, -1)
    assert [each.exit_count for each in kernel.translator.made_kernels.values()] == made


YIELD = dis.opmap["YIELD_VALUE"]


def generator(count: int) -> Any:
    for i in range(count):
        yield i * 10


def test_the_continuation_of_a_generator_is_a_generator():
    code = generator.__code__.co_code
    offset = next(each for each in range(0, len(code), 2) if code[each] == YIELD)
    resumed = continuation(generator, offset, [0, 1], [True, True])
    assert list(resumed(3, 1, iter([5, 6]), "first")) == ["first", 50, 60]


DEAD: list[object] = []


class Mortal:
    def __init__(self, name):
        self.name = name

    def __del__(self):
        DEAD.append(self.name)


def mortals(count):
    local = Mortal("local")
    for i in range(count):
        yield Mortal(i)
    del local


def found_early(count):
    DEAD.clear()
    found = any(each.name > 0 for each in mortals(count)), all(each.name < 1 for each in mortals(count))
    return found, list(DEAD)


def test_what_a_generator_holds_dies_in_cpythons_order_where_the_search_ends():
    assert_same(found_early, 3)
    assert_same(found_early, 1)
