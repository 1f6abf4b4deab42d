"""What an executor sends messages to: workers that call functions on bytes."""

from __future__ import annotations

from cascade.imports import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable
    from concurrent.futures import Future
    from typing import Any

    from cascade.adapters.executors.kept import Answer, Keeper


class Sent(Protocol):
    """A message under way.

    Attributes:
        future: is done when the answer has come, or will not.
    """

    future: Future[Any]

    def answer(self) -> Answer:
        """Returns the answer, once the future is done; in the place of one that has stayed on a worker, a `Kept`.

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

    def submit(self, name: str, function: Callable[..., object], *arguments: object) -> Sent | None:
        """Begins to call `function(path, *arguments)` in a worker; `name` is that of the task for which it is.

        The path is the caller's `sys.path`, or None where that of the workers is the same. Returns None where the message takes
        an event loop: `send` sends it.

        Raises:
            WorkerError: (a RuntimeError) there is no worker.
        """
        raise NotImplementedError

    async def send(self, name: str, function: Callable[..., object], *arguments: object) -> Answer:
        """As `submit`, and returns the answer; a call that is cancelled is stopped, or its result dropped."""
        raise NotImplementedError


class KeepingPool(WorkerPool, Protocol):
    """Workers that keep answers that only others of them need."""

    def keeper(self) -> Keeper:
        """Returns what has an answer stay on its worker; it is an argument of `submit`, as the futures of answers that have stayed are."""
        raise NotImplementedError
