"""Attributes and methods of objects."""

from __future__ import annotations

from cascade.instructions.families.rows import Row

ROWS: tuple[Row, ...] = ()
