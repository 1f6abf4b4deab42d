"""SteppedLoop: an event loop that runs only while synchronous code waits for it."""

from __future__ import annotations

import contextvars
from collections.abc import Callable, Coroutine
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as FutureTimeoutError

from cascade.adapters.executors.local import own_loop
from cascade.adapters.executors.scopes import Scope, is_loop_running, nothing_around, outer_cancellation
from cascade.imports import TypeVar, asyncio
from cascade.runtime.spine.driver import NESTED_SLICE, Watching
from cascade.runtime.spine.interrupts import Interrupts

T = TypeVar("T")


class SteppedLoop:
    """An event loop of its own, for coroutines that are run one after the other, and tasks that go on while one of them runs.

    It is in this thread; inside a task that was called from a running event loop, in another one, as that of a nested run.
    """

    def __init__(self) -> None:
        self._check_outer = outer_cancellation()
        self._runner = asyncio.Runner()
        self._thread: ThreadPoolExecutor | None = None
        self._move()

    def _move(self) -> None:
        # Where an event loop is running here: from the start, or by now, as where a stream is dropped.
        if self._thread is None and is_loop_running():
            self._thread = ThreadPoolExecutor(1, thread_name_prefix="cascade-stream")
            self._context = contextvars.copy_context()
            self._scope = Scope()
            self._scope.enter_in(self._context)

    def run(self, start: Callable[[], Coroutine[object, object, T]], watching: bool = True) -> T:
        """Runs the coroutine that `start` makes to its end, and returns its value.

        Args:
            watching: whether it is cancelled when a run around this call has to end.
        """
        self._move()
        check = nothing_around if not watching else self._check_outer if self._thread is None else self._scope.check

        async def step() -> T:
            with own_loop(), Watching(check):
                return await start()

        if self._thread is None:
            with Interrupts() as interrupts:
                value: T = self._runner.run(interrupts.reach(step))
            return value
        return self._wait(self._thread.submit(self._context.run, lambda: self._runner.run(step())), watching)

    def _wait(self, future: Future[T], watching: bool) -> T:
        while True:
            try:
                return future.result(NESTED_SLICE)
            except FutureTimeoutError:
                if future.done():
                    return future.result()
            try:
                if watching:
                    self._check_outer()
            except BaseException:
                self._scope.cancelled = True
                Future.exception(future)
                raise

    def close(self) -> None:
        """Closes the loop, which runs no tasks any more."""
        self._move()
        if self._thread is None:
            self._runner.close()
        else:
            self._thread.submit(self._runner.close).result()
            self._thread.shutdown()
