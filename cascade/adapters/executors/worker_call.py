"""WorkerCall: a call in a worker, with or without an event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import CancelledError

from cascade.adapters.executors.late import LateCoroutine
from cascade.adapters.executors.worker_pool import Sent, WorkerPool
from cascade.imports import TYPE_CHECKING

if TYPE_CHECKING:
    from cascade.adapters.executors.kept import Answer


async def answer_of(sent: Sent) -> Answer:
    """Returns the answer of a message when it has come. Cancelled, it cancels the call."""
    try:
        await asyncio.wrap_future(sent.future)
    except (asyncio.CancelledError, GeneratorExit) as error:
        task = None if isinstance(error, GeneratorExit) else asyncio.current_task()
        if task is None or task.cancelling() or not sent.future.cancelled():
            sent.cancel()
            raise
    except (Exception, CancelledError):
        pass  # `answer` has it
    return sent.answer()


class WorkerCall(LateCoroutine[object]):
    """A call in a worker: it is awaited, or its end is waited for without an event loop.

    Args:
        pool: the workers.
        name: the name of the task.
        function: is called in the worker.
        encode: returns the arguments of that function.
        decode: returns the value of its answer.
    """

    def __init__(
        self,
        pool: WorkerPool,
        name: str,
        function: Callable[..., object],
        encode: Callable[[], tuple[object, ...]],
        decode: Callable[[Answer], object],
    ) -> None:
        super().__init__(None, name)
        self._pool = pool
        self._called = function
        self._encode = encode
        self._decode = decode
        self._arguments: tuple[object, ...] | None = None
        self._sent: Sent | None = None
        self._error: BaseException | None = None

    def begin(self, notify: Callable[[WorkerCall], object]) -> bool:
        """Sends the message; calls `notify`, in any thread, when there is an outcome. Returns False where it has to be awaited instead."""
        try:
            self._arguments = self._encode()
            self._sent = self._pool.submit(self.__name__, self._called, *self._arguments)
        except Exception as error:
            self._error = error
            notify(self)
            return True
        if self._sent is None:
            return False
        self._sent.future.add_done_callback(lambda _: notify(self))
        return True

    def value(self) -> object:
        """Returns the value of a call that has an outcome, once; raises its error, or returns it as a `Failed`."""
        if self._error is not None:
            raise self._error
        sent = self._take_sent()
        assert sent is not None
        return self._decode(sent.answer())

    def cancel(self) -> None:
        """Cancels a call that was begun."""
        sent = self._take_sent()
        if sent is not None:
            sent.cancel()

    def _take_sent(self) -> Sent | None:
        """Returns the message under way, and drops it: its future leads back here, and would keep what a worker keeps for it."""
        sent, self._sent, self._arguments = self._sent, None, None
        return sent

    async def _make(self) -> object:
        if self._error is not None:
            raise self._error
        arguments = self._encode() if self._arguments is None else self._arguments
        sent = self._take_sent()
        if sent is not None:
            return self._decode(await answer_of(sent))
        return self._decode(await self._pool.send(self.__name__, self._called, *arguments))
