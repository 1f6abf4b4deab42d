"""Collections that look at new objects only: those that a long process has already may be millions."""

from __future__ import annotations

import contextlib
import gc
from collections.abc import Iterator

_for_good = False


def freeze_heap() -> None:
    """For the rest of the process `gc.collect()` does not look at the objects that there are now."""
    global _for_good
    _for_good = True
    gc.freeze()


@contextlib.contextmanager
def frozen_heap() -> Iterator[None]:
    """Within it, `gc.collect()` does not look at the objects that there are at its beginning."""
    if _for_good:
        yield
        return
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()
