"""Functions of Python's own: random, sum, min, max and others."""

from __future__ import annotations

from collections.abc import Iterator

from cascade.instructions.families.rows import Row

_CALLED = "or go to f where the function has to be called"


def _rows() -> Iterator[Row]:
    yield Row("ROUND_DIGITS", "a>float b<float c<int", "a = round(b, c)", "an overflow")
    yield Row("INT_OF_TEXT", "a>int b<object f@", f"a = int(str b), {_CALLED}")
    yield Row("FLOAT_OF_TEXT", "a>float b<object f@", f"a = float(str b), {_CALLED}")
    yield Row("EXPECT_NUMBERS", "a<object f@", "go to f where an item of list or tuple a is not a plain number")
    yield Row("HASH_INT", "a>int b<int", "a = hash(b)")
    yield Row("IS_INSTANCE", "a>int b<object c<object f@", f"a = isinstance(b, class c), {_CALLED}")
    yield Row("TYPE_OF", "a>owned b<object", "a = type(b)")
    for name, function in (("SUM", "sum"), ("LEAST", "min"), ("MOST", "max"), ("SORTED", "sorted")):
        yield Row(name, "a>owned b<object f@", f"a = {function}(list, tuple or set b), {_CALLED}")
    for name, function in (("ANY", "any"), ("ALL", "all")):
        yield Row(name, "a>int b<object f@", f"a = {function}(list, tuple or set b), {_CALLED}")
    yield Row("LIST_OF", "a>owned b<object", "a = list(b), of a built-in class")
    yield Row("TUPLE_OF", "a>owned b<object", "a = tuple(b), of a built-in class")
    yield Row(
        "EXPECT_PARTIAL", "a<object b<object c# f@", "go to f where a is not a partial object of b with c arguments"
    )
    yield Row("PARTIAL_ITEM", "a>object b<object c#", "a = partial b.args[c], borrowed")
    yield Row("BIND", "a>owned b<object e&", "a = method e of b, bound to it")
    yield Row(
        "EXPECT_BOUND", "a<object b<object f@", "go to f where a is not method b of an instance of its very class"
    )
    yield Row("BOUND_TO", "a>object b<object", "a = the object that method b is bound to, borrowed")
    yield Row("SUM_FLOAT", "a~sum c<float", "a += c, as sum() does: a + 1 has the errors of the additions")
    yield Row("SUM_ERRORS", "a>float b~sum", "a = b and the errors of the additions")
    yield from _number_objects()
    yield from _random()


def _number_objects() -> Iterator[Row]:
    yield Row("RELEASE_COMPLEX", "a<given", "drop the reference of a complex number")
    for name, sign in (("ADD", "+"), ("SUB", "-"), ("MUL", "*")):
        row = "a>owned b<object c<object"
        yield Row(f"COMPLEX_{name}", row, f"a = b {sign} c, a complex number", "an int too large for a float")
    yield Row("COMPLEX_ABS", "a>float b<object", "a = abs(complex b)", "an overflow")
    yield Row("COMPLEX_REAL", "a>float b<object", "a = complex b.real")
    yield Row("COMPLEX_IMAG", "a>float b<object", "a = complex b.imag")
    yield Row("COMPLEX", "a>owned b<float c<float", "a = complex(b, c)")
    yield Row("OPERATE", "a>owned b<object c<object e#", "a = b operator e c, of numbers")
    yield Row("COMPARE_NUMBERS", "a>int b<object c<object e#", "a = b comparison e c, of numbers")
    yield Row("NEGATE_OBJECT", "a>owned b<object", "a = -b, of a number")


def _random() -> Iterator[Row]:
    yield Row("RANDOM", "a>float b<object", "a = Random b.random()")
    yield Row("RANDOM_KNOWN", "a<object f@", "go to f where the methods of Random a are not those of its module")
    for name, operands, call in (
        ("BITS", "a>int b<object c<int f@", "getrandbits(c)"),
        ("BELOW", "a>int b<object c<int f@", "randrange(c)"),
        ("RANGE", "a>int b<object c<int d<int e<int f@", "randrange(c, d, e)"),
        ("GAUSS", "a>float b<object c<float d<float f@", "gauss(c, d)"),
    ):
        yield Row(f"RANDOM_{name}", operands, f"a = Random b.{call}, {_CALLED}")
    yield Row("RANDOM_SHUFFLE", "a<object b<object f@", f"Random a.shuffle(list b), {_CALLED}")


ROWS: tuple[Row, ...] = tuple(_rows())
