"""Short forms of values, for events and messages."""

from __future__ import annotations

from typing import Any

PREVIEW_LENGTH = 120


def preview(value: Any) -> str:
    """A short repr that never raises."""
    try:
        text = repr(value)
    except Exception as error:
        text = f"<{type(value).__name__}, whose repr raises {type(error).__name__}>"
    return text if len(text) <= PREVIEW_LENGTH else text[: PREVIEW_LENGTH - 1] + "…"
