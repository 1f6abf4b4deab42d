"""Lists and tuples."""

from __future__ import annotations

from collections.abc import Iterator

from cascade.instructions.families.rows import Row


def _rows() -> Iterator[Row]:
    yield Row("BUILD_LIST", "a>owned e&", "a = [the values of gathering e]")
    yield Row("BUILD_TUPLE", "a>owned e&", "a = (the values of gathering e)")
    for kind in ("LIST", "TUPLE"):
        lower = kind.lower()
        yield Row(f"{kind}_ITEM", "a>object b<object c<int", f"a = {lower} b[c], borrowed", "no such item")
        yield Row(f"{kind}_SLICE", "a>owned b<object c<int d<int", f"a = {lower} b[c:d]")
        yield Row(
            f"{kind}_NEXT", "a>object b~items f@", f"a = the next item of {lower} b, borrowed, or go to f at its end"
        )
        yield Row(
            f"{kind}_NEXT_BACK",
            "a>object b~items f@",
            f"a = the next item of {lower} b, borrowed, and back to f, if there is one",
            takes_fuel=True,
        )
        for tested in ("INT", "FLOAT", "BOOL", "LIST", "TUPLE", "STR"):
            yield Row(
                f"{kind}_ITEM_{tested}",
                "a>object b<object c<int",
                f"{kind}_ITEM and the test for {tested.lower()} behind it",
                "no such item",
            )
            yield Row(
                f"{kind}_NEXT_{tested}",
                "a>object b~items f@",
                f"{kind}_NEXT and the test for {tested.lower()} behind it",
            )
        for number in ("INT", "FLOAT"):
            yield Row(
                f"{kind}_HOLDS_{number}",
                f"a>int b<object c<{number.lower()} f@",
                f"a = c in {lower} b, or go to f where an item is of another class",
            )
    bounds = "a = slice(b, c, d), with None in place of those whose bits are set in e"
    yield Row("SLICE", "a>owned b<int c<int d<int e#", bounds)
    yield Row(
        "ITEMS",
        "a>owned b<object c<object",
        "a = b[c], of a list, tuple, text or bytes by a slice object",
        "an exception",
    )
    steps = "a = list or tuple b[c:d:n], where n = e // 4, and None stands in place of those whose bits are set in e"
    yield Row("STEPS", "a>owned b<object c<int d<int e#", steps)
    yield Row("LIST_STORE_SLICE", "a<object b<int c<int d<object", "list a[b:c] = list or tuple d", "an exception")
    yield Row(
        "STORE_ITEMS",
        "a<object b<object c<object",
        "list a[b] = c, by a slice object, of a list or tuple",
        "an exception",
    )
    backward = "a = the item before of list b, borrowed, or go to f at its start"
    yield Row("LIST_NEXT_BACKWARD", "a>object b~items f@", backward)
    yield Row("EXPECT_ANY_LIST", "a<object f@", "go to f where a is no list, nor of a class that inherits it")
    yield Row("SIZE", "a>int b<object", "a = the size of b")
    yield Row("LIST_REPLACE", "a<object b<int c<given", "list a[b] = c, whose reference is passed on", "no such item")
    stores = (("OWNED", "given", "c, whose reference is passed on"), ("BORROWED", "object", "c"), ("INT", "int", "c"))
    for name, kind, given in (*stores, ("FLOAT", "float", "c"), ("BOOL", "int", "the bool c")):
        synopsis = f"list a[b] = {given}, or go to f where the old item is not plain"
        yield Row(f"LIST_STORE_{name}", f"a<object b<int c<{kind} f@", synopsis, "no such item")
    yield Row(
        "PLAIN_NEXT", "a>owned b<object f@", "a = the next item of iterator b, which runs no code of users, or go to f"
    )
    next_of_any = (
        "a = the next item of iterator b, by call-out e if its class may run code of users, or go to f; c: the end"
    )
    yield Row("ITER_NEXT", "a>owned b<object c<object e& f@", next_of_any)
    yield Row("RANGE_OF", "a~made b<object", "a = an iterator over the range object b", "a range beyond 64 bits")
    yield Row("RANGE_BACKWARD", "a~", "range a counts backward", "a step beyond 64 bits")
    scalars = "go to f where an item of a is not plain; e = 1: where they could not be sorted; e = 2: where one may not be hashed"
    yield Row("EXPECT_SCALARS", "a<object e# f@", scalars)
    yield Row(
        "LIST_DELETE", "a<object b<int f@", "del list a[b], or go to f where the item is not plain", "no such item"
    )
    yield Row("APPEND", "a<object b<given", "list a.append(b), whose reference is passed on")
    yield Row("APPEND_INT", "a<object b<int", "list a.append(b)")
    yield Row("APPEND_FLOAT", "a<object b<float", "list a.append(b)")
    yield Row("LIST_POP", "a>owned b<object", "a = list b.pop()", "an empty list")


def _overlays() -> Iterator[tuple[str, str, str, str]]:
    for kind in ("LIST", "TUPLE"):
        for first in (f"{kind}_ITEM", f"{kind}_NEXT"):
            for number in ("INT", "FLOAT", "BOOL"):
                yield f"{first}_{number}", first, f"UNBOX_{number}", "b"
            for other in ("LIST", "TUPLE", "STR"):
                yield f"{first}_{other}", first, f"EXPECT_{other}", "a"


OVERLAYS: tuple[tuple[str, str, str, str], ...] = tuple(_overlays())
"""Instructions that do the work of two neighbours, and skip the second one: name, first, second, the operand of the second that is
the result of the first. They have the operands of the first; what they write is read from the second word."""


ROWS: tuple[Row, ...] = tuple(_rows())
