"""Text and bytes. A character is a text of one character of Latin-1, as its number."""

from __future__ import annotations

from collections.abc import Iterator

from cascade.instructions.families.rows import Row

NO_ITEM = "no such item"


def _items() -> Iterator[Row]:
    yield Row("EXPECT_LATIN", "a<object f@", "go to f where a character of text a is not in Latin-1")
    yield Row(
        "TEXT_ITEM",
        "a>int b<object c<int f@",
        "a = the character text b[c], or go to f where it is not Latin-1",
        NO_ITEM,
    )
    yield Row("TEXT_ITEM_OBJECT", "a>owned b<object c<int", "a = text b[c]", NO_ITEM)
    yield Row("TEXT_NEXT", "a>int b~items f@", "a = the next character of text b, or go to f at its end")
    yield Row(
        "TEXT_NEXT_OBJECT", "a>owned b~items f@", "a = the next character of text b as an object, or go to f at its end"
    )
    yield Row("BYTES_ITEM", "a>int b<object c<int", "a = bytes b[c]", NO_ITEM)
    yield Row("BYTES_NEXT", "a>int b~items f@", "a = the next item of bytes b, or go to f at its end")
    yield Row("TEXT_SIZE", "a>int b<object", "a = the length of text b")
    yield Row("TEXT_SLICE", "a>owned b<object c<int d<int", "a = text b[c:d]")
    yield Row("BYTES_SLICE", "a>owned b<object c<int d<int", "a = bytes b[c:d]")


def _characters() -> Iterator[Row]:
    yield Row("CHAR_OF", "a>int b<int f@", "a = the character chr(b), or go to f where it is not Latin-1")
    yield Row("TEXT_OF_NUMBER", "a>owned b<int", "a = chr(b)", "no such character")
    yield Row("ORD", "a>int b<object", "a = ord(b) of a text", "not one character")
    yield Row(
        "CHAR_MAP", "a>int b<object c<int f@", "a = the character bytes b[c], or go to f where that is 0 and c is not"
    )
    yield Row("TEXT_IS_CHAR", "a>int b<object c<int", "a = text b is the character c")
    yield Row("TEXT_HOLDS_CHAR", "a>int b<object c<int", "a = character c in text b")


def _operators() -> Iterator[Row]:
    for name in ("EQUAL", "NOT_EQUAL"):
        yield Row(
            f"TEXT_{name}", "a>int b<object c<object", f"a = text b {'!=' if name.startswith('NOT') else '=='} text c"
        )
    yield Row(
        "TEXT_ORDER",
        "a>int b<object c<object",
        "a = -1, 0 or 1, as text b is less than, equal to or greater than text c",
    )
    yield Row("BYTES_ORDER", "a>int b<object c<object", "the same of bytes")
    yield Row("HOLDS", "a>int b<object c<object", "a = c in b, whose classes run no code of users", "an exception")
    yield Row("CONCATENATE", "a>owned b<object c<object", "a = b + c of two texts, or two bytes", "an exception")
    yield Row("TEXT_EXTEND", "a>owned b<given c<object", "a = text b + text c; the reference of b is passed on")
    yield Row("TEXT_EXTEND_CHAR", "a>owned b<given c<int", "a = text b + character c; the reference of b is passed on")
    yield Row("REPEAT", "a>owned b<object c<int", "a = b * c of a text or bytes", "an exception")
    yield Row("TEXT_FORMAT", "a>owned b<object c<object", "a = text b % c, of plain values", "an exception")


def _conversions() -> Iterator[Row]:
    yield Row("INT_TO_TEXT", "a>owned b<int", "a = str(b)")
    yield Row("TO_TEXT", "a>owned b<object", "a = str(b) of a plain object", "an exception")
    yield Row("BUILD_TEXT", "a>owned e&", "a = the texts of gathering e, one behind the other")


def _searches() -> Iterator[Row]:
    yield Row("TEXT_FIND", "a>int b<object c<object", "a = text b.find(text c)")
    yield Row("TEXT_INDEX", "a>int b<object c<object", "a = text b.index(text c)", "not found")
    yield Row("TEXT_INDEX_CHAR", "a>int b<object c<int", "a = text b.index(character c)", "not found")
    yield Row("TEXT_COUNT", "a>int b<object c<object", "a = text b.count(text c)")
    yield Row("TEXT_STARTS", "a>int b<object c<object", "a = text b.startswith(text c)")
    yield Row("TEXT_ENDS", "a>int b<object c<object", "a = text b.endswith(text c)")


ROWS: tuple[Row, ...] = (*_items(), *_characters(), *_operators(), *_conversions(), *_searches())
