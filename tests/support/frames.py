"""Frames that a function of a test finds around it."""

from __future__ import annotations

import sys


def callers() -> list[tuple[str, int]]:
    """Returns the names and present lines of the functions that have called this one, as far as they are in one file."""
    found = []
    frame = sys._getframe(1)
    file = frame.f_code.co_filename
    while frame is not None and frame.f_code.co_filename == file:
        found.append((frame.f_code.co_name, frame.f_lineno))
        frame = frame.f_back
    return found
