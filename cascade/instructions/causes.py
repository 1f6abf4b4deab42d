"""The causes of side exits, by code: reports show the code, and its page (cascade/messages) says what to do."""

from __future__ import annotations

NO_NUMBER = "CS160"
OUTSIDE_DOMAIN = "CS161"
NOT_FOUND = "CS162"
RAISED = "CS163"
NOT_AS_EXPECTED = "CS164"
DOES_NOT_FIT = "CS165"
OUT_OF_DATE = "CS166"
NO_ROOM = "CS167"
BY_CPYTHON = "CS168"

RAISES = "an exception is raised"
HANDLES = "an exception is handled"
ANOTHER_NAME = "a name that it relies on has got another meaning, or no more code can be made"

CAUSES: dict[str, tuple[str, ...]] = {
    NO_NUMBER: (
        "the result does not fit 64 bits",
        "a division by zero",
        "a division by zero or the result does not fit 64 bits",
        "the result does not fit 64 bits or a division by zero",
        "a float that is not an int of 64 bits",
        "a negative shift",
        "a power that is not a finite float",
        "a power that is not an int of 64 bits",
        "a power that typed code does not take",
        "a division by zero, or an int too large for a float",
        "an int too large for a float",
        "a range beyond 64 bits",
        "a shift that does not fit 64 bits",
        "a step beyond 64 bits",
        "a step of zero, or too long a range",
        "an int beyond 2**53 is compared with a float",
    ),
    OUTSIDE_DOMAIN: (
        "a negative argument",
        "a negative argument, or the result does not fit 64 bits",
        "a negative number of steps",
        "a negative tolerance",
        "a warning of NumPy's",
        "an argument outside the domain, or an overflow",
        "an overflow",
    ),
    NOT_FOUND: (
        "an empty cell",
        "an empty deque",
        "an empty list",
        "no such attribute",
        "no such character",
        "no such item",
        "no such key",
        "no such name",
        "not found",
        "not one character",
    ),
    RAISED: ("an exception", RAISES, HANDLES, "the function raises, or its result has no register"),
    NOT_AS_EXPECTED: (
        "a class with a truth of its own",
        "a dict with keys that are not strings",
        "a dict with other keys",
        "a key that CPython has to compare",
        "a NaN that a variable holds becomes an object",
        "an array of one dimension",
        "another __new__",
        "another array",
        "another array, no such item, or one that a register cannot hold",
        "another type of items",
        "another type of items, or an item that no register holds",
        "another type of items, or no such item",
        "another number of dimensions",
        "another number of items",
        "another or a read-only array, no such item, or a value that does not fit",
        "another or a released memoryview",
    ),
    DOES_NOT_FIT: (
        "a value that does not fit",
        "an int beyond the range of its type",
        "no such item, or no byte",
        "one that a register cannot hold",
    ),
    OUT_OF_DATE: (ANOTHER_NAME,),
    NO_ROOM: ("too many frames, or a tracer", "the recursion limit"),
    BY_CPYTHON: ("no typed form",),
}

CODES: dict[str, str] = {cause: code for code, causes in CAUSES.items() for cause in causes}
"""The code of each cause."""
