"""Functions over views and counters, for kernels that are made block by block."""

from __future__ import annotations

from typing import Any


def views(known: Any) -> Any:
    total = 0
    for _ in (1, 2):
        total += len(known.items()) + len(known.keys())
        found = known.values()
    return total, list(found), sorted(known.items(), key=repr)


def counter_truth(counts: Any) -> Any:
    total = 0
    while counts:
        counts.popitem()
        total += 1
    return total, not counts, bool(counts)
