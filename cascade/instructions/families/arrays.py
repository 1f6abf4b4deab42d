"""Arrays, buffers, and NumPy's scalars."""

from __future__ import annotations

from collections.abc import Iterator

from cascade.instructions.families.rows import Row

KINDS = ("BOOL_", "INT8", "UINT8", "INT16", "UINT16", "INT32", "UINT32", "INT64", "UINT64", "FLOAT32", "FLOAT64")
DIRECT = ("BOOL_", "UINT8", "INT32", "INT64", "FLOAT32", "FLOAT64")
"""Kinds of items that are read and written by one instruction; the others take two."""
SIGNS = {"ADD": "+", "SUB": "-", "MUL": "*", "DIVIDE": "/", "FLOORDIV": "//", "MOD": "%", "POW": "**"}
OTHER = "another array, no such item, or one that a register cannot hold"
READ_ONLY = "another or a read-only array, no such item, or a value that does not fit"


def _register(kind: str) -> str:
    return "float" if kind.startswith("FLOAT") else "int"


def _items() -> Iterator[Row]:
    for kind in DIRECT:
        lower, register = kind.lower(), _register(kind)
        yield Row(f"ARRAY1_{kind}", f"a>{register} b<object c<int", f"a = {lower} array b[c]", OTHER, free=True)
        yield Row(
            f"ARRAY2_{kind}", f"a>{register} b<object c<int d<int", f"a = {lower} array b[c, d]", OTHER, free=True
        )
        yield Row(f"ARRAY1_STORE_{kind}", f"a<object b<int c<{register}", f"{lower} array a[b] = c", READ_ONLY)
        yield Row(f"ARRAY2_STORE_{kind}", f"a<object b<int c<int d<{register}", f"{lower} array a[b, c] = d", READ_ONLY)
        yield Row(f"ARRAY_NEXT_{kind}", f"a>{register} b~items f@", f"a = the next item of {lower} array b, or go to f at its end",
                  OTHER, free=True)  # fmt: skip
    for kind in KINDS:
        lower, register = kind.lower(), _register(kind)
        yield Row(
            f"READ_{kind}",
            f"a>{register} b<address",
            f"a = the {lower} at b",
            "one that a register cannot hold",
            free=True,
        )
        yield Row(f"WRITE_{kind}", f"a<address b<{register}", f"the {lower} at a = b", "a value that does not fit")


def _arrays() -> Iterator[Row]:
    yield Row("EXPECT_ARRAY", "a<object e# f@", "go to f where a is not an array of kind and dimensions e", free=True)
    yield Row(
        "CHECK_ARRAY", "a<object e#", "check that a is an array of kind and dimensions e", "another array", free=True
    )
    yield Row("ARRAY_AT1", "a>address b<object c<int f#", "a = the address of array b[c]", OTHER, free=True)
    yield Row("ARRAY_AT2", "a>address b<object c<int d<int f#", "a = the address of array b[c, d]", OTHER, free=True)
    yield Row(
        "ARRAY_AT3", "a>address b<object c<int d<int e<int f#", "a = the address of array b[c, d, e]", OTHER, free=True
    )
    yield Row(
        "ARRAY_AT4",
        "a>address b<object c<int d<int e<int f<int",
        "a = the address of array b[c, d, e, f]",
        OTHER,
        free=True,
    )
    yield Row(
        "ARRAY_NEXT_AT",
        "a>address b~items e# f@",
        "a = the address of the next item of array b, or go to f at its end",
        OTHER,
        free=True,
    )
    yield Row(
        "ARRAY_CHECK_NEXT", "a<object e#", "check that the iterator over array a can go on, or is at its end", OTHER
    )
    yield Row("ARRAY_BOUND", "a<object b<int e#", "check index b of axis e of array a", "no such item", free=True)
    yield Row("ARRAY_ROW", "a>owned b<object c<int", "a = array b[c], an array", "no such item")
    yield Row(
        "ARRAY_NEXT_ROW",
        "a>owned b~items f@",
        "a = the next row of array b, or go to f at its end",
        "an array of one dimension",
    )
    yield Row(
        "ARRAY_DIMENSION",
        "a>int b<object e# f#",
        "a = array b.shape[e]",
        "another number of dimensions",
        free=True,
    )
    yield Row("ARRAY_DIMENSIONS", "a>int b<object", "a = array b.ndim", free=True)
    yield Row("ARRAY_SIZE", "a>int b<object", "a = array b.size", free=True)


def _scalars() -> Iterator[Row]:
    yield Row("BOX_SCALAR", "a>owned b< e#", "a = b as a NumPy scalar of kind e")
    yield Row(
        "UNBOX_SCALAR",
        "a> b<object e# f@",
        "a = the value of b, or go to f where b is not a NumPy scalar of kind e",
        free=True,
    )
    yield Row("RETURN_SCALAR", "a< e#", "return a as a NumPy scalar of kind e", ends=True, returns=True, free=True)
    yield Row("FIT", "a>int b<int e#", "a = b", "an int beyond the range of its type", free=True)
    yield Row("TO_FLOAT32", "a>float b<float", "a = b in single precision", "an overflow", free=True)
    for name, sign in SIGNS.items():
        for kind in ("FLOAT64", "FLOAT32"):
            yield Row(
                f"{name}_{kind}",
                "a>float b<float c<float",
                f"a = b {sign} c, as {kind.lower()}",
                "a warning of NumPy's",
                free=True,
            )


def _buffers() -> Iterator[Row]:
    yield Row("BYTEARRAY_ITEM", "a>int b<object c<int", "a = bytearray b[c]", "no such item")
    yield Row("BYTEARRAY_NEXT", "a>int b~items f@", "a = the next item of bytearray b, or go to f at its end")
    yield Row("BYTEARRAY_STORE", "a<object b<int c<int", "bytearray a[b] = c", "no such item, or no byte")
    yield Row("EXPECT_BUFFER", "a<object b<object e# f@", "go to f where a is not an array.array (class b) of code e")
    yield Row(
        "BUFFER_AT",
        "a>address b<object c<int e#",
        "a = the address of array.array b[c]",
        "another type of items, or no such item",
    )
    yield Row("BUFFER_NEXT", "a>address b~items e# f@", "a = the address of the next item of array.array b, or go to f at its end",
              "another type of items")  # fmt: skip
    yield Row("BUFFER_CHECK_NEXT", "a<object e#", "check that the iterator over array.array a can go on, or is at its end",
              "another type of items, or an item that no register holds")  # fmt: skip
    yield Row("EXPECT_VIEW", "a<object e# f@", "go to f where a is not a memoryview of format and dimensions e")
    yield Row("VIEW_AT1", "a>address b<object c<int f#", "a = the address of memoryview b[c]", OTHER)
    yield Row("VIEW_AT2", "a>address b<object c<int d<int f#", "a = the address of memoryview b[c, d]", OTHER)
    yield Row("VIEW_DIMENSION", "a>int b<object e# f#", "a = memoryview b.shape[e]", "another or a released memoryview")


ROWS: tuple[Row, ...] = (*_items(), *_arrays(), *_scalars(), *_buffers())
