"""Clocks: what has to hold between processes is kept by the clock of the machine, which may be set meanwhile."""

from __future__ import annotations

import time

LEAST_JUMP = 1.0
"""Seconds by which the clock of the machine has to differ from one that is never set."""
MOST_SEEN = 10_000


class Clock:
    """Tells whether the clock of the machine was set: that is compared with one that is never set."""

    def __init__(self) -> None:
        self._offset = time.time() - time.monotonic()

    def jump(self) -> float:
        """Returns by how many seconds the clock was set since the last look; 0.0 if it was not."""
        offset = time.time() - time.monotonic()
        jump = offset - self._offset
        if abs(jump) < LEAST_JUMP:
            return 0.0
        self._offset = offset
        return jump


class Watch:
    """Watches the leases of other machines, whose clocks may be others: one is over when it was not renewed for as long as it lasts."""

    def __init__(self) -> None:
        self._seen: dict[str, tuple[object, float]] = {}  # by the name of the run: the lease, and since when

    def is_over(self, id: str, owner: str, lease: float, seconds: float) -> bool:
        """Returns whether a lease is over, as far as it was watched.

        Args:
            seconds: how long a lease lasts.
        """
        now = time.monotonic()
        if len(self._seen) > MOST_SEEN:
            self._seen.clear()
        known = self._seen.get(id)
        if known is None or known[0] != (owner, lease):
            known = self._seen[id] = (owner, lease), now
        return now - known[1] > seconds
