"""Calls of functions written in C that run no code of users."""

from __future__ import annotations

from cascade.instructions.families.rows import Row

RAISES = "an exception"
ROWS: tuple[Row, ...] = (
    Row("CALL_C", "a>owned e&", "a = the C function of gathering e, of its values", RAISES),
    Row("CALL_C_NUMBER", "a>int e&", "the same, of one that returns an int of 64 bits or a bool", RAISES),
    Row("CALL_C_FLOAT", "a>float e&", "the same, of one that returns a float", RAISES),
    Row("CALL_C_NONE", "e&", "the same, of one that returns None", RAISES),
)
