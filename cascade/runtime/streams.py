"""Streams: the results of a map as they come."""

from __future__ import annotations

import atexit
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Generator, Iterator
from contextlib import suppress
from functools import cache
from types import TracebackType

from cascade._vm import entry_point
from cascade.declare.lazy import LazyResult, lazy_result
from cascade.declare.policies import MapSignature
from cascade.errors import DeclarationError
from cascade.imports import Generic, Protocol, Self, TypeVar, asyncio, cast, weakref
from cascade.runtime.nodes.sink import Sink
from cascade.runtime.spine.driver import Outcome, Run, check_asynchronous, check_synchronous, drive_awaited
from cascade.runtime.spine.run_context import RunContext
from cascade.runtime.spine.stepped_loop import SteppedLoop
from cascade.runtime.spine.task_group import cancel_all

R = TypeVar("R")


class Session(Protocol):
    """One run of an engine."""

    outcome: Outcome

    @property
    def run(self) -> Run: ...
    @property
    def context(self) -> RunContext: ...
    @property
    def deadline(self) -> float: ...
    def __enter__(self) -> None: ...
    def __exit__(self, kind: object, error: BaseException | None, traceback: object) -> None: ...


def streamed(target: LazyResult[list[R]], ordered: bool) -> LazyResult[list[R]]:
    """Returns a copy of a map that hands its results on, instead of a list of them.

    Raises:
        DeclarationError: (a TypeError) it is not a map, or one that becomes an array; or `ordered` is not a bool.
    """
    if ordered is not True and ordered is not False:
        raise DeclarationError(f"stream(ordered={ordered!r})", expected="True or False")
    policies = target.policies if type(target) is LazyResult else None
    signature = None if policies is None else policies.construct
    if policies is None or not isinstance(signature, MapSignature):
        raise DeclarationError(
            f"stream was given {target!r}", expected="a map", hint="for value in cascade.stream(task.map(items)): ..."
        )
    if signature.as_array:
        raise DeclarationError(
            f"stream was given a map of task {target.task.name!r} that becomes an array",
            expected="a map without as_array()",
            hint="results are handed on one by one",
        )
    construct = signature._replace(streamed=True)
    return lazy_result(target.task, target.slots, policies._replace(construct=construct))


class Stream(Generic[R]):
    """The results of a map as they come, in constant memory: see `cascade.stream`. It can be iterated over once.

    Args:
        start: makes the run that puts its results into a sink.
        ordered: whether results come in the order of the items.
    """

    def __init__(self, start: Callable[[Sink], Session], ordered: bool) -> None:
        self._start = start
        self._ordered = ordered
        self._results: Generator[object, None, None] | None = None
        self._results_later: AsyncGenerator[object, None] | None = None

    def __repr__(self) -> str:
        begun = self._results is not None or self._results_later is not None
        return f"<Stream, {'begun' if begun else 'not run yet'}: for value in ...>"

    def __iter__(self) -> Iterator[R]:
        return self

    @entry_point
    def __next__(self) -> R:
        if self._results is None:
            self._refuse_twice(self._results_later)
            check_synchronous("stream", "async for value in cascade.stream(...)")
            self._results = _generate(self._start, self._ordered)
            _open_streams().add(self._results)
        return cast("R", next(self._results))

    def close(self) -> None:
        """Ends the run, if it has begun in a `for` loop: what still runs is cancelled and awaited."""
        if self._results is None:
            self._results = _nothing()
        self._results.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def __aiter__(self) -> AsyncIterator[R]:
        return self

    async def __anext__(self) -> R:
        if self._results_later is None:
            self._refuse_twice(self._results)
            check_asynchronous("stream", "list, cascade.stream(target)")
            self._results_later = _generate_later(self._start, self._ordered)
        return cast("R", await self._results_later.__anext__())

    async def aclose(self) -> None:
        """As `close`, of a run that has begun in an `async for` loop."""
        if self._results_later is not None:
            await self._results_later.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.aclose()

    def _refuse_twice(self, other: object) -> None:
        if other is not None:
            raise DeclarationError("a stream is iterated over by `for` and by `async for`", expected="one of the two")


@cache
def _open_streams() -> weakref.WeakSet[Generator[object, None, None]]:
    """Returns the streams that have begun and may not be over; they are closed where the process ends.

    One that stands in the traceback of an uncaught exception would otherwise be closed when modules are gone already.
    """
    streams: weakref.WeakSet[Generator[object, None, None]] = weakref.WeakSet()

    def close_all() -> None:
        for stream in list(streams):
            with suppress(ValueError):  # it is running, in a thread that the process does not wait for
                stream.close()

    atexit.register(close_all)
    return streams


# Not methods: a generator that led back to its stream would not be closed where the stream is dropped.


def _generate(start: Callable[[Sink], Session], ordered: bool) -> Generator[object, None, None]:
    loop = SteppedLoop()
    try:
        streaming = _Streaming(start, ordered)
        try:
            while results := loop.run(streaming.take):
                yield from results
            outcome = loop.run(streaming.finish)
        finally:
            loop.run(streaming.stop, watching=False)
        outcome.unwrap()
    finally:
        loop.close()


async def _generate_later(start: Callable[[Sink], Session], ordered: bool) -> AsyncGenerator[object, None]:
    streaming = _Streaming(start, ordered)
    try:
        while results := await streaming.take():
            for result in results:
                yield result
        outcome = await streaming.finish()
    finally:
        await streaming.stop()
    outcome.unwrap()


def _nothing() -> Generator[object, None, None]:
    yield from ()


class _Streaming:
    """The run of a stream, as a task of an event loop; its methods are called there."""

    def __init__(self, start: Callable[[Sink], Session], ordered: bool) -> None:
        self._sink = Sink(ordered)
        self._session = start(self._sink)
        self._task: asyncio.Task[object] | None = None

    async def take(self) -> list[object]:
        """Returns some results; an empty list at the end."""
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._drive(), name="cascade stream")
        return await self._sink.take()

    async def _drive(self) -> Outcome:
        session = self._session
        try:
            with session:
                session.outcome = await drive_awaited(session.run, session.context, session.deadline)
            return session.outcome
        finally:
            self._sink.end()

    async def finish(self) -> Outcome:
        """Returns the outcome of the run, all of whose results have been taken."""
        assert self._task is not None
        return cast("Outcome", await self._task)

    async def stop(self) -> None:
        """Cancels the run if it is not over, and waits for its end."""
        task = self._task
        if task is None:
            return
        interrupted = await cancel_all([task])
        if interrupted is not None:
            raise interrupted
        if not task.cancelled():
            task.result()
