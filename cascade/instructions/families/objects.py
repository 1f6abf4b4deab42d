"""References, boxes, tests for classes, growth, call-outs, cells."""

from __future__ import annotations

from collections.abc import Iterator

from cascade.instructions.families.rows import Row

KINDS = (("INT", "int"), ("FLOAT", "float"), ("BOOL", "int"))


def _rows() -> Iterator[Row]:
    yield Row("OWN", "a>owned b<object", "a = b, with a reference of its own")
    yield Row("BORROW", "a>object b<object", "a = b, whose reference stays where it is")
    yield Row("RELEASE", "a<given", "drop the reference of a")
    for kind, register in KINDS:
        yield Row(f"BOX_{kind}", f"a>owned b<{register}", f"a = the {kind.lower()} b as an object")
        yield Row(
            f"UNBOX_{kind}",
            f"a>{register} b<object f@",
            f"a = the number of b, or go to f where b is not a plain {kind.lower()}{' that is a number' * (kind == 'FLOAT')}",
            free=True,
        )
    yield Row("BOX_CHAR", "a>held b<int", "a = the character b of Latin-1 as a text, which lives for ever")
    yield Row("EXPECT_NONE", "a<object f@", "go to f where a is not None", free=True)
    yield Row("EXPECT_CLASS", "a<object b<object f@", "go to f where the class of a is not b", free=True)
    for name in ("LIST", "TUPLE", "STR"):
        yield Row(f"EXPECT_{name}", "a<object f@", f"go to f where the class of a is not {name.lower()}", free=True)
    yield Row("TRUTH", "a>int b<object", "a = bool(b)", "a class with a truth of its own")
    yield Row("STUB", "e#", "make the code that follows, for the types that are there", ends=True, free=True)
    yield Row("GUARD", "", "check that names mean the same still", free=True)
    yield Row("NAME_ITEM", "a>object b<object c<object", "a = the value of name c in dict b, borrowed", "no such name")
    yield Row("NAME_STORE", "a<object b<object c<object", "name c in dict b = a", "a dict with other keys")
    yield Row(
        "EXPECT_ROOM",
        "e#",
        "side exit unless functions may be called, e of them one in the other",
        "too many frames, or a tracer",
    )
    yield Row("EXIT_UNLESS_EQUAL", "a<int b<int", "side exit unless a == b", "another number of items", free=True)
    yield Row(
        "EXIT_IF_NAN",
        "a<float",
        "side exit where a is a NaN",
        "a NaN that a variable holds becomes an object",
        free=True,
    )
    yield Row("CALL_PYTHON", "e&", "call-out e", "an exception")
    yield Row(
        "CALL_FUNCTION", "e&", "call a function by its kernel; the arguments are those of call-out e", "an exception"
    )
    yield Row(
        "MAKE_FUNCTION", "a>owned e&", "a = a function like that of gathering e, with the closure that is gathered"
    )
    like = "go to f where a is not a function with the code, globals and builtins of function b"
    yield Row("EXPECT_FUNCTION", "a<object b<object f@", like)
    yield Row("SET_CLOSURE", "a<object b<object", "the closure of function a = b")
    yield Row("NEW_CELL", "a>owned b<given", "a = a cell with b, whose reference is passed on")
    yield Row("EMPTY_CELL", "a>owned", "a = an empty cell")
    yield Row("CELL_ITEM", "a>object b<object", "a = the content of cell b, borrowed", "an empty cell")
    yield Row("CELL_STORE", "a<object b<given", "the content of cell a = b, whose reference is passed on")
    yield Row("RETURN_OWNED", "a<given", "return a, whose reference is passed on", ends=True, returns=True)


ROWS: tuple[Row, ...] = tuple(_rows())
