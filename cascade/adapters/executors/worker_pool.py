"""What an executor sends messages to: workers that call functions on bytes."""

from __future__ import annotations

from cascade.imports import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable


class WorkerPool(Protocol):
    """Workers that call functions on bytes.

    Attributes:
        count: how many calls are made at once.
    """

    @property
    def count(self) -> int: ...

    async def send(self, name: str, function: Callable[..., bytes], *arguments: object) -> bytes:
        """Calls `function(path, *arguments)` in a worker; `name` is that of the task for which it is.

        The path is the caller's `sys.path`, or None where that of the workers is the same. A call that is cancelled is stopped, or its
        result dropped.

        Raises:
            WorkerError: (a RuntimeError) the worker died.
        """
        raise NotImplementedError
