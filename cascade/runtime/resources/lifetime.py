"""The lifetime of one resource that was set up: its set-up, its value, its tear-down."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Generator

from cascade._vm import TailCall, enter_task, leave_task
from cascade.declare.failed import add_note, has_note
from cascade.declare.lazy import LazyResult
from cascade.declare.resources import Resource
from cascade.errors import ResourceError
from cascade.events.preview import preview
from cascade.imports import asyncio
from cascade.runtime.spine.task_group import is_closed

Publish = Callable[[str, str, BaseException | None], None]
"""Takes "acquired" or "released", the name of a resource, and the error of its tear-down."""
_ENDED = object()


class Lifetime:
    """The lifetime of a resource that a generator function sets up.

    Args:
        name: the name that it was injected by.
        publish: publishes its set-up and its tear-down.
    """

    def __init__(self, name: str, resource: Resource, publish: Publish) -> None:
        self.name = name
        self.resource = resource
        self.value: object = None
        self._publish = publish

    is_ready: bool = True
    """Whether its set-up is over."""

    def set_up(self, arguments: dict[str, object]) -> None:
        """Makes the value. It is not published yet: Ctrl-C may interrupt that, and the caller has to keep this lifetime before."""
        generator: Generator[object, None, None] = self.resource.func(**arguments)
        self._generator = generator
        with _Noting(f"in the set-up of resource {self.name!r}"), UserCode():
            self._set_value(next(generator, _ENDED))
        self._check_value()

    def publish_acquired(self) -> None:
        self._publish("acquired", self.name, None)

    def _set_value(self, value: object) -> None:
        if value is _ENDED:
            raise ResourceError(
                self.name, f"resource {self.name!r} ended without a yield", expected="exactly one yield"
            )
        self.value = value

    def _check_value(self) -> None:
        if type(self.value) in (LazyResult, TailCall):
            raise ResourceError(
                self.name,
                f"resource {self.name!r} yields a {type(self.value).__name__}",
                expected="a value",
                hint="a resource gets results of tasks only by running them",
            )

    def _tear_down(self) -> None:
        with self._releasing(), UserCode():
            if next(self._generator, _ENDED) is not _ENDED:
                self._generator.close()
                raise _second_yield(self.name)

    def _releasing(self) -> _Releasing:
        return _Releasing(self.name, self._publish)

    def end_now(self, error: BaseException | None) -> BaseException | None:
        """Tears the resource down, without an event loop. Takes and returns the error that the run or the call ends with."""
        try:
            self._tear_down()
        except BaseException as trouble:
            return _first(error, trouble)
        return error

    async def end(
        self, error: BaseException | None, interrupted: BaseException | None
    ) -> tuple[BaseException | None, BaseException | None]:
        """As `end_now`, in an event loop; takes and returns the last cancellation of the caller, too."""
        return self.end_now(error), interrupted

    def abandon(self) -> None:
        """Tears the resource down as far as that is possible without awaiting anything."""
        self.end_now(None)


class AsyncLifetime(Lifetime):
    """The lifetime of a resource that an async generator function sets up, in an asyncio task of its own.

    A cancel scope or a context variable that it enters is left in the task that entered it, and a cancellation of a task that
    needs the resource does not interrupt its tear-down.

    Args:
        on_ready: called when it was set up.
        on_failure: called when its set-up or its tear-down has failed.
    """

    def __init__(
        self,
        name: str,
        resource: Resource,
        publish: Publish,
        on_ready: Callable[[AsyncLifetime], None] | None = None,
        on_failure: Callable[[AsyncLifetime], None] | None = None,
    ) -> None:
        super().__init__(name, resource, publish)
        self._on_ready = on_ready
        self._on_failure = on_failure

    def begin(self, arguments: dict[str, object]) -> None:
        """Starts its set-up, which `wait` waits for."""
        loop = asyncio.get_running_loop()
        self._ready: asyncio.Future[None] = loop.create_future()
        self._release: asyncio.Future[None] = loop.create_future()
        self._task: asyncio.Task[None] = loop.create_task(self._live(arguments), name=f"resource {self.name}")

    @property
    def is_ready(self) -> bool:  # type: ignore[override]
        return self._ready.done()

    async def wait(self) -> None:
        """Waits for the end of its set-up. Others may wait for it as well, so a cancellation of the caller does not end it."""
        await asyncio.shield(self._ready)

    async def _live(self, arguments: dict[str, object]) -> None:
        try:
            await self._set_up_async(arguments)
        except BaseException as error:
            self._set_up_failed(error)
            return
        if self._on_ready is not None:
            self._on_ready(self)
        if not self._ready.done():
            self._ready.set_result(None)
        try:
            await self._release
        except asyncio.CancelledError:
            await self._tear_down_async()
            raise
        await self._tear_down_async()

    def _set_up_failed(self, error: BaseException) -> None:
        """Hands the error to whoever waits for the set-up; raises it again where it is more than a failure of the set-up."""
        if is_closed(error, self._task):
            raise error  # its event loop is gone, and nobody waits
        if self._on_failure is not None:
            self._on_failure(self)
        if self._ready.done():
            raise error
        if isinstance(error, asyncio.CancelledError):
            self._ready.cancel()
            raise error
        self._ready.set_exception(error)
        self._ready.exception()  # it has been seen, also if nobody waits any more
        if not isinstance(error, (Exception, GeneratorExit)):
            raise error

    async def _set_up_async(self, arguments: dict[str, object]) -> None:
        generator: AsyncGenerator[object, None] = self.resource.func(**arguments)
        self._async_generator = generator
        with _Noting(f"in the set-up of resource {self.name!r}"):
            self._set_value(await anext(generator, _ENDED))
        self._check_value()
        self.publish_acquired()

    async def _tear_down_async(self) -> None:
        with self._releasing():
            if await anext(self._async_generator, _ENDED) is not _ENDED:
                await self._async_generator.aclose()
                raise _second_yield(self.name)

    def end_now(self, error: BaseException | None) -> BaseException | None:
        return error  # it can only be torn down in its event loop

    async def end(
        self, error: BaseException | None, interrupted: BaseException | None
    ) -> tuple[BaseException | None, BaseException | None]:
        # One tear-down, however often the caller is cancelled meanwhile.
        task = self._task
        if not self._ready.done():
            task.cancel()
        elif not self._release.done():
            self._release.set_result(None)
        while not task.done():
            try:
                await asyncio.wait([task])
            except asyncio.CancelledError as cancelled:
                interrupted = cancelled
        if not task.cancelled():
            trouble = task.exception()
            if trouble is not None:
                error = _first(error, trouble)
        return error, interrupted

    def abandon(self) -> None:
        if not self._task.get_loop().is_closed():
            self._task.cancel()


def _first(error: BaseException | None, trouble: BaseException) -> BaseException:
    """Returns the error to continue with, when `trouble` came in a tear-down after `error`."""
    if error is None:
        return trouble
    if isinstance(error, Exception) and not isinstance(trouble, Exception):
        return trouble  # Ctrl-C, or a cancellation
    if trouble is not error:
        notes = getattr(trouble, "__notes__", ["in a tear-down"])
        add_note(error, f"{notes[0]}, as well: {preview(trouble)}")
    return error


class UserCode:
    """Marks synchronous code of a user that a coroutine of ours may call: like a task, it may make runs of its own."""

    def __enter__(self) -> None:
        enter_task()

    def __exit__(self, *_: object) -> None:
        leave_task()


class _Noting:
    """Adds a note to an exception that passes through."""

    def __init__(self, text: str) -> None:
        self._text = text

    def __exit__(self, kind: object, error: BaseException | None, traceback: object) -> None:
        if isinstance(error, Exception) and not has_note(error, self._text):
            add_note(error, self._text)

    def __enter__(self) -> None:
        pass


class _Releasing(_Noting):
    """The tear-down of a resource: adds a note to its error, and publishes its end."""

    def __init__(self, name: str, publish: Publish) -> None:
        super().__init__(f"in the tear-down of resource {name!r}")
        self._name = name
        self._publish = publish

    def __exit__(self, kind: object, error: BaseException | None, traceback: object) -> None:
        super().__exit__(kind, error, traceback)
        self._publish("released", self._name, error)


def _second_yield(name: str) -> ResourceError:
    return ResourceError(
        name,
        f"resource {name!r} yields twice",
        expected="exactly one yield",
        hint="what follows the yield is the tear-down",
    )
