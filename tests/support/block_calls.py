"""Functions that call functions of Python's own: those under test in tests/kernels/blocks/test_functions.py."""

from __future__ import annotations

import random


def seeded_numbers(count):
    random.seed(7)
    return [random.random() for _ in range(count)]
