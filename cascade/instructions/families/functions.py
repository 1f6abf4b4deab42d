"""Functions of Python's own: random, sum, min, max and others."""

from __future__ import annotations

from cascade.instructions.families.rows import Row

ROWS: tuple[Row, ...] = ()
