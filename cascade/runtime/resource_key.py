"""What a cache's key has of a resource."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Origin:
    """What stands for a resource in the key of a cache: its code, and the arguments that it was given.

    The resource itself may be a connection, which has no bytes; and one of scope "task" is not there yet.
    """

    identity: str
    arguments: dict[str, Any]
