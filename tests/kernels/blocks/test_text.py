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


# -- Characters -----------------------------------------------------------------------------------------------------

LATIN, WIDE, WIDEST = "hällo wörld, aaab xyz-9²µß", "aŁbéaa漢字c", "a\U0001f600b\ud800c"
TEXTS = [LATIN, WIDE, WIDEST, "plain ascii aab", "a", "", Text("abca")]
PLACES = [[0, 1, -1, True], [0, 99], [-99], [2**70], ["0"], [None], [slice(0, 2)], [1.0]]


@pytest.mark.parametrize("places", PLACES)
@pytest.mark.parametrize("text", [*TEXTS, b"ab", ["a", "b"], None])
def test_characters_are_loaded_and_compared_as_by_cpython(text, places):
    assert_same(block_text.characters, text, places)


@pytest.mark.parametrize("text", [*TEXTS, b"aab", ["a", "a", "b", Text("b")], None, ("é", "é", 3)])
def test_texts_are_iterated_as_by_cpython(text):
    assert_same(block_text.iterated, text)


@pytest.mark.parametrize("text", [*TEXTS, "".join(map(chr, range(300)))])
def test_every_test_of_a_character_has_the_result_of_cpython(text):
    assert_same(block_text.kinds, text)


def test_a_kernel_sees_texts_of_all_kinds_one_after_the_other():
    for function in (block_text.iterated, block_text.kinds):
        kernel = None
        for text in (*TEXTS, *reversed(TEXTS)):
            kernel = assert_same(function, text, kernel=kernel)


def test_characters_stay_numbers():
    kernel = assert_same(block_text.shifted, "hello world", 1)
    names = instructions(kernel)
    assert {"TEXT_NEXT", "CHAR_OF", "TEXT_EXTEND_CHAR"} <= set(names)
    assert not {"CALL_PYTHON", "BOX_CHAR"} & set(names)


@pytest.mark.parametrize("by", [0, 1, -200, 150, 300, 0x110000, 2**65, 1.0, "a"])
@pytest.mark.parametrize("text", [LATIN, WIDE, WIDEST])
def test_characters_are_made_of_their_numbers_as_by_cpython(text, by):
    assert_same(block_text.shifted, text, by)


@pytest.mark.parametrize(
    "values", [[0, 65, 255, True], [256, 0x10FFFF], [-1], [0x110000], [2**64], ["a"], [None], [65, 0.5]]
)
def test_chr_and_ord_are_those_of_cpython(values):
    assert_same(block_text.ordinals, values)


@pytest.mark.parametrize(
    "texts", [["a", "é"], ["漢", "\U0001f600"], ["", "a"], ["ab", "a"], [b"a", "a"], [3, "a"], [Text("a"), b""]]
)
def test_ord_of_what_is_no_character_raises_as_in_cpython(texts):
    assert_same(block_text.ordinals_of, texts)


def test_the_character_that_code_of_users_gets_is_the_only_one_of_its_kind():
    seen = []
    kernel = assert_same(block_text.handed_on, LATIN, str.upper)
    kernel(LATIN, seen.append)
    assert all(found is LATIN[i] for i, found in enumerate(seen))


@pytest.mark.parametrize("text", [LATIN, WIDE, "", None])
def test_variables_that_hold_characters_are_deleted(text):
    assert_same(block_text.last_of, text)


# -- Bytes ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("places", PLACES)
@pytest.mark.parametrize("data", [b"bytes \xff\x00", b"a", b"", bytearray(b"abc"), "abc", [1, 2]])
def test_bytes_have_the_items_of_cpython(data, places):
    assert_same(block_text.items, data, places)


def test_items_of_bytes_are_loaded_without_objects():
    names = instructions(assert_same(block_text.items, b"some bytes", [0, -1, True]))
    assert {"BYTES_ITEM", "BYTES_NEXT", "BYTES_SLICE"} <= set(names)
    assert "CALL_PYTHON" not in names


# -- Operators ------------------------------------------------------------------------------------------------------

ANY = ["", "a", "ab", "é", "漢", "a漢", Text("a"), b"", b"a", b"ab", 3, 2.5, None, True, ("a", "b"), {"a"}]


@pytest.mark.parametrize("right", ANY)
@pytest.mark.parametrize("left", ANY)
def test_comparisons_of_texts_are_those_of_cpython(left, right):
    assert_same(block_text.compared, left, right)
    assert_same(block_text.compared_for_equality, left, right)
    assert_same(block_text.joined_by_operators, left, right, 2)


@pytest.mark.parametrize("count", [0, 1, -3, True, 2**40, 2**70, 1.0, "a", None])
@pytest.mark.parametrize("text", ["ab", "漢", b"ab"])
def test_texts_are_repeated_as_by_cpython(text, count):
    if count != 2**40:
        assert_same(block_text.joined_by_operators, text, text, count)


@pytest.mark.parametrize("stop", [None, 0, 3, -1, 99, -99, True, 2**70, "a", 1.0])
@pytest.mark.parametrize("start", [None, 0, 2, -2, 99, -99, -(2**70)])
@pytest.mark.parametrize("text", [LATIN, WIDE, b"some bytes", "", b"", Text("abc"), [1, 2, 3]])
def test_slices_are_those_of_cpython(text, start, stop):
    assert_same(block_text.sliced, text, start, stop, calls=2)


@pytest.mark.parametrize(
    "parts", [["a", "b"], ["a", "é", "漢"], list(LATIN), ["a", 3], [Text("a"), "b"], ["a", None], [b"a"], LATIN, WIDE]
)
def test_a_text_that_grows_has_the_values_of_cpython(parts):
    assert_same(block_text.grown, parts)


def test_a_text_grows_in_place():
    names = instructions(assert_same(block_text.shifted, LATIN * 50, 1))
    assert "TEXT_EXTEND_CHAR" in names
    kernel = assert_same(block_text.grown, ["abc", "d"])
    part = "".join(["pa", "rt"])
    before = sys.getrefcount(part)
    for _ in range(10):
        kernel([part, part])
    assert sys.getrefcount(part) == before


# -- Conversions and formats ----------------------------------------------------------------------------------------

NUMBERS = [0, 7, -1, 10, 2**63 - 1, -(2**63), 2**63, 10**30, 2.5, -0.0, 1e300, float("nan"), float("inf"), True]


@pytest.mark.parametrize("other", ["text", 3, 2.5, None, Text("mine")])
@pytest.mark.parametrize("value", [*NUMBERS, "a", "漢", Text("é"), None, b"a", ["x"], ("x", 1), 1j, {}])
def test_formatted_texts_are_those_of_cpython(value, other):
    assert_same(block_text.formatted, value, other)


@pytest.mark.parametrize("digits", ["10", "", ".2e", "q", 5, Text("08")])
@pytest.mark.parametrize("value", [*NUMBERS, "a", None, Text("3")])
def test_formats_of_numbers_are_those_of_cpython(value, digits):
    assert_same(block_text.formatted_number, value, digits)


TEXTS_OF_NUMBERS = [
    "0", "-7", "+12", "123456789012345678", "1234567890123456789", "9223372036854775807", "9223372036854775808",
    "-9223372036854775808", "1_000", " 12 ", "٣", "12\n", "1" * 40,
]  # fmt: skip


@pytest.mark.parametrize("texts", [[text] for text in TEXTS_OF_NUMBERS] + [TEXTS_OF_NUMBERS])
def test_numbers_are_read_as_by_cpython(texts):
    assert_same(block_text.converted, texts)


WRONG = [
    "",
    "-",
    "+",
    "1-",
    "a",
    "1.5",
    "1__0",
    "é",
    "漢",
    "0x10",
    "- 1",
    "\0",
    "1\0",
    "\ud800",
    None,
    b"12",
    Text("12"),
    Text("a"),
    [],
]


@pytest.mark.parametrize("wrong", WRONG)
def test_texts_that_are_no_numbers_raise_as_in_cpython(wrong):
    assert_same(block_text.converted, ["1", wrong, "2"])
    assert_same(block_text.converted_or_not, ["1", wrong, "2", "1" * 5000])


# -- Searches -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("part", ["l", "lo", "", "ö", "漢", "zz", Text("l"), b"l", 3, None, ("h", "l")])
@pytest.mark.parametrize("text", [LATIN, WIDE, "", Text("hello"), b"hello"])
def test_searches_find_what_cpython_finds(text, part):
    assert_same(block_text.searched, text, part)


@pytest.mark.parametrize("text", TEXTS)
def test_a_character_is_searched_in_a_character(text):
    assert_same(block_text.characters_in_characters, text)


@pytest.mark.parametrize("parts", ["lo", "é", "漢é", "zl", "", "l\U0001f600"])
@pytest.mark.parametrize("text", [LATIN, WIDE, WIDEST, "lo", Text("lo")])
def test_characters_are_searched_as_by_cpython(text, parts):
    assert_same(block_text.searched_for_characters, text, parts)
