"""Attributes and methods of objects."""

from __future__ import annotations

from collections.abc import Iterator

from cascade.instructions.families.rows import Row

STORED = (("FLOAT", "float"), ("INT", "int"), ("BOOL", "int"), ("OWNED", "given"), ("BORROWED", "object"))
PASSED_ON = {"OWNED": ", whose reference is passed on"}


def _rows() -> Iterator[Row]:
    yield Row("EXPECT_TAG", "a<object e# f@", "go to f where the class of a has another tag than e")
    yield Row("EXPECT_OWN_TAG", "a<object e# f@", "go to f where class a has another tag than e")
    yield Row("ATTRIBUTE_SLOT", "a>object b<object c# f@", "a = the slot at offset c of b, borrowed, or go to f")
    yield Row("ATTRIBUTE_VALUE", "a>object b<object c# e& f@", "a = value c, named e, of b, borrowed, or go to f")
    yield Row(
        "ATTRIBUTE_ITEM",
        "a>object b<object c# e& f@",
        "a = the item named e of the dict of b, borrowed, or go to f; c is 1 where instances share names",
    )
    yield Row(
        "CLASS_ITEM", "a>object b<object e&", "a = the attribute e of the class of b, borrowed", "no such attribute"
    )
    yield Row("OWN_ITEM", "a>object b<object e&", "a = the attribute e of class b, borrowed", "no such attribute")
    yield Row("EXPECT_NO_VALUE", "a<object e& f@", "go to f where a has an attribute named e of its own")
    yield Row("EXPECT_NO_ITEM", "a<object e& f@", "go to f where the dict of a has an item named e")
    yield Row(
        "NEW_INSTANCE", "a>owned b<object", "a = an instance of class b that is not initialised", "another __new__"
    )
    yield Row("EXPECT_SUPER", "a<object e& f@", "go to f where super() does not find the method that e says for a")
    yield Row("EXPECT_INITIALISED", "a<object", "a TypeError where a, which an __init__ has returned, is not None")
    yield Row("EXPECT_CODE", "a<object b<object f@", "go to f where the code of function a is not b")
    yield Row(
        "BUILD_NAMED_TUPLE",
        "a>owned b<object e&",
        "a = an instance of the tuple class b with the values of gathering e",
    )
    for name, register in STORED:
        passed = PASSED_ON.get(name, "")
        behind = f"b{passed}; the old value goes to d, and on at f, where its end may run code"
        yield Row(f"STORE_SLOT_{name}", f"a<object b<{register} c# d>owned f@", f"the slot at offset c of a = {behind}")
        for place, number in (("VALUE", "c# "), ("ITEM", "")):
            yield Row(
                f"STORE_{place}_{name}",
                f"a<object b<{register} {number}d>owned e& f@",
                f"the attribute e of a = {behind}",
                "a dict with keys that are not strings",
            )


ROWS: tuple[Row, ...] = tuple(_rows())
