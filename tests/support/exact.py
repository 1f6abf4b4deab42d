"""Values compared by type and bits."""

from __future__ import annotations

import struct
from typing import Any


def exact(value: Any) -> Any:
    """Equal for values of one type with the same bits only."""
    if type(value) is float:
        return "float", "nan" if value != value else struct.pack("d", value)
    if type(value) is tuple:
        return tuple(map(exact, value))
    return type(value), value
