"""What an executor sends messages to: workers that call functions on bytes."""

from __future__ import annotations

from cascade.imports import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable
    from concurrent.futures import Future


class Sent(Protocol):
    """A message under way.

    Attributes:
        future: is done when the answer has come, or will not.
    """

    future: Future[bytes]

    def answer(self) -> bytes:
        """Returns the answer, once the future is done.

        Raises:
            WorkerError: (a RuntimeError) the worker died.
        """
        raise NotImplementedError

    def cancel(self) -> None:
        """Stops the call, or has its result dropped."""


class WorkerPool(Protocol):
    """Workers that call functions on bytes.

    Attributes:
        count: how many calls are made at once.
    """

    @property
    def count(self) -> int: ...

    def submit(self, name: str, function: Callable[..., bytes], *arguments: object) -> Sent | None:
        """Begins to call `function(path, *arguments)` in a worker; `name` is that of the task for which it is.

        The path is the caller's `sys.path`, or None where that of the workers is the same. Returns None where the message takes
        an event loop: `send` sends it.

        Raises:
            WorkerError: (a RuntimeError) there is no worker.
        """
        raise NotImplementedError

    async def send(self, name: str, function: Callable[..., bytes], *arguments: object) -> bytes:
        """As `submit`, and returns the answer; a call that is cancelled is stopped, or its result dropped."""
        raise NotImplementedError
