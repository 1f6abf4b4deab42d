"""Dicts, sets and deques."""

from __future__ import annotations

from cascade.instructions.families.rows import Row

ROWS: tuple[Row, ...] = ()
