"""Graphs as JSON documents."""

from __future__ import annotations

import json
from typing import Any


def document(**changes: Any) -> str:
    base: dict[str, Any] = {
        "format": "cascade-graph", "version": 1, "operations": [{"task": "tests.support.tasks:increment"}], "rows": [[0, -1]], "inputs": [1],
    }  # fmt: skip
    return json.dumps(base | changes)
