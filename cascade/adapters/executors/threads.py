"""A pool of threads that nobody waits for."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor


class OwnThreads(ThreadPoolExecutor):
    """As its base class, but its end waits for none of its threads."""

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        super().shutdown(wait=False, cancel_futures=True)
