"""The sizes of blocks of items: by the time that items take, so that a block takes as long as is worth a message."""

from __future__ import annotations

TARGET = 0.5
"""Seconds that a block is meant to take."""
LIMIT = 2.0
"""Seconds behind which a worker begins no further item of a block, and sends the rest back."""
SHORTEST = 0.02
"""Seconds that a block is meant to take at least, where the last items are divided among the workers."""
GROWTH = 16
"""A block is at most so many times as long as the last one."""
LARGEST = 1 << 18
"""Items of a block: with more, a message takes long at once."""
BYTES = 1 << 26
"""Bytes of a message, about, at most."""


class BlockSizes:
    """Says how many items the next block has.

    Args:
        workers: how many blocks are computed at once.
        message_bytes: the bytes of a message, about, at most.
    """

    def __init__(self, workers: int, message_bytes: int = BYTES) -> None:
        self._message_bytes = message_bytes
        self._workers = workers
        self._seconds = 0.0  # an item, as measured last; 0.0 before that
        self._bytes = 0.0  # an item
        self._largest = 1

    def note(self, count: int, seconds: float) -> None:
        """Notes that a worker took so long for so many items."""
        if count:
            self._seconds = max(seconds / count, 1e-9)
            self._largest = min(max(self._largest, GROWTH * count), LARGEST)

    def note_message(self, count: int, size: int) -> None:
        """Notes the bytes of a message with so many items."""
        self._bytes = size / count

    def next(self, left: int | None) -> int:
        """Returns the number of items of the next block; `left` is how many there are, None where that is not known."""
        if not self._seconds:
            return 1
        size = TARGET / self._seconds
        if left is not None:
            share = left / (2 * self._workers)
            size = min(size, max(share, SHORTEST / self._seconds))
        if self._bytes:
            size = min(size, self._message_bytes / self._bytes)
        return max(1, min(int(size), self._largest))
