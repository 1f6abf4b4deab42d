"""The memory of this process."""

from __future__ import annotations


def memory_now() -> int | None:
    """Returns the bytes of this process in memory; None where the system does not say."""
    try:
        with open("/proc/self/statm") as file:
            pages = int(file.read().split()[1])
    except (OSError, ValueError, IndexError):
        return None
    import resource

    return pages * resource.getpagesize()
