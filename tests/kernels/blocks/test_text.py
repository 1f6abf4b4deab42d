"""Kernels that are made block by block do with text and bytes exactly what CPython does."""

from __future__ import annotations

import sys

import pytest

from tests.support import block_text
from tests.support.block_functions import assert_same, instructions

SENTENCE = "The quick (brown) fox jumps over the lazy dog, and So ÄÖ too €."


class Text(str):
    def split(self, *arguments):
        return ["mine", *arguments]

    def index(self, *arguments):
        return -7


# -- Methods, which are called by their C functions -----------------------------------------------------------------


def test_methods_of_text_are_called_without_a_frame():
    kernel = assert_same(block_text.words, SENTENCE)
    names = instructions(kernel)
    assert "CALL_C" in names
    assert "CALL_C_NUMBER" in names
    assert "CALL_PYTHON" not in names


@pytest.mark.parametrize("parts", [["quick", "fox"], ["quick", "wolf"], ["quick", 3], ["fox", None], [Text("fox")], []])
@pytest.mark.parametrize("function", [block_text.positions, block_text.positions_or_none])
def test_a_method_that_raises_has_the_traceback_of_plain_python(function, parts):
    assert_same(function, SENTENCE, parts)
    assert_same(function, Text(SENTENCE), parts)


@pytest.mark.parametrize(
    "parts", [["a", "b"], ("a",), ["a", 1], ["a", Text("b")], [Text("a")], [b"a"], {"a": 1, 0: 2}, []]
)
@pytest.mark.parametrize("by", ["-", Text("+"), b"-"])
def test_parts_are_joined_as_by_cpython(parts, by):
    assert_same(block_text.joined, parts, by)


@pytest.mark.parametrize("argument", [",", None, "", 3, 2.5, b",", Text(","), [], True])
@pytest.mark.parametrize("text", ["a,b", b"a,b", Text("a,b"), [","], None, 3])
def test_arguments_that_do_not_fit_raise_as_in_cpython(text, argument):
    assert_same(block_text.called_with, text, argument)


def test_references_of_the_arguments_of_a_method_are_kept():
    kernel = assert_same(block_text.positions, SENTENCE, ["quick", "fox"])
    text, part = "".join(["a b c ", SENTENCE]), "".join(["f", "ox"])
    before = sys.getrefcount(text), sys.getrefcount(part)
    for parts in ([part, part], [part, "wolf"]):
        for _ in range(10):
            try:
                kernel(text, parts)
            except ValueError:
                pass
    assert (sys.getrefcount(text), sys.getrefcount(part)) == (before[0], before[1] + 1)
