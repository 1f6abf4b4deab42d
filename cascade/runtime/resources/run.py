"""The resources of a run: set-up, use in calls, and tear-down in the reverse order.

A resource of scope "run" is set up when its node in the graph is issued, and torn down when the run is over. For one of scope
"task" the task gets a `ResourcePlaceholder`; the call of the task sets the resource up and tears it down.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable

from cascade._vm import is_awaitable
from cascade.declare.failed import Failed, KeptContext, failed
from cascade.declare.inputs import Input
from cascade.declare.lazy import LazyResult
from cascade.declare.resources import Injection, Resource, inject
from cascade.declare.task import Task
from cascade.graph.containers import PLAIN
from cascade.imports import asyncio
from cascade.runtime.resources.lifetime import AsyncLifetime, Lifetime, Publish, UserCode
from cascade.runtime.resources.placeholder import ResourcePlaceholder, placeholders_in, with_values
from cascade.runtime.resources.registry import ResourceContainer
from cascade.runtime.resources.resolver import ResourceResolver
from cascade.runtime.spine.task_group import is_closed, itself

Call = Callable[[Task[..., object], tuple[object, ...], dict[str, object]], object]


class RunResources:
    """The resources of one run.

    Args:
        container: the resources that are known by name.
        input_value: finds the value of an input that a resource takes.
        publish: publishes set-ups and tear-downs.
    """

    def __init__(self, container: ResourceContainer, input_value: Callable[[Input], object], publish: Publish) -> None:
        self.resolver = ResourceResolver(container, input_value)
        self._publish = publish
        self._lifetimes: dict[Resource, Lifetime] = {}  # those of scope "run", also while they are being set up
        self._stack: list[Lifetime] = []  # those that are set up, in the order of set-up
        self._calls: dict[int, tuple[list[Lifetime], object]] = {}  # of calls whose awaitable is not awaited yet
        self.check = self.resolver.check
        self.per_task = False
        """Whether a task got a ResourcePlaceholder in this run."""

    @property
    def count(self) -> int:
        """The number of resources of scope "run" that are set up."""
        return len(self._stack)

    def injections(self) -> dict[int, LazyResult[object]]:
        """Returns, by the ids of the values of resources that are set up, the injections that they are the values of."""
        return {id(each.value): inject(each.resource) for each in self._stack if type(each.value) not in PLAIN}

    def keyable(self, arguments: dict[str, object]) -> dict[str, object]:
        """Returns the arguments of a call as a cache's key takes them; see `cascade.runtime.resources.key.with_origins`."""
        from cascade.runtime.resources.key import with_origins

        return with_origins(arguments, self._stack, self.resolver)

    # -- Scope "run" ------------------------------------------------------------------------------------------------

    def acquire(self, injection: Injection, lazy: LazyResult[object]) -> object:
        """Returns the result of an injection's node: a value, an awaitable of it, or a placeholder."""
        resource = self.resolver.find(injection)
        if resource.scope == "task":
            self.per_task = True
            return ResourcePlaceholder(lazy, resource)
        order = self._missing([resource])
        if any(each.is_async for each in order):
            return self._acquire_async(order, resource)
        for each in order:
            self._set_up_for_run(each)
        value = self._lifetimes[resource].value
        # A value that can be awaited is handed on as it is, not awaited.
        return itself(value) if is_awaitable(value) else value

    def _missing(self, wanted: Iterable[Resource]) -> list[Resource]:
        """Returns the resources that have to be set up for `wanted`, in order."""
        ready = {resource for resource, lifetime in self._lifetimes.items() if lifetime.is_ready}
        return self.resolver.order(wanted, ready)

    async def _acquire_async(self, order: list[Resource], resource: Resource) -> object:
        for each in order:
            await self._ensure(each)
        return self._lifetimes[resource].value

    async def _ensure(self, resource: Resource) -> None:
        lifetime = self._lifetimes.get(resource)
        if lifetime is None:
            if not resource.is_async:
                self._set_up_for_run(resource)
                return
            name = self.resolver.names[resource]
            lifetime = AsyncLifetime(name, resource, self._publish, self._stack.append, self._forget)
            self._begin(lifetime, {})
            self._lifetimes[resource] = lifetime
        if isinstance(lifetime, AsyncLifetime) and not lifetime.is_ready:
            await lifetime.wait()

    def _forget(self, lifetime: Lifetime) -> None:
        self._lifetimes.pop(lifetime.resource, None)  # whoever tries again has it set up again

    def _set_up_for_run(self, resource: Resource) -> None:
        lifetime = self._set_up(resource, {})
        self._lifetimes[resource] = lifetime
        self._stack.append(lifetime)  # before it is published, which Ctrl-C may break off
        lifetime.publish_acquired()

    def _set_up(self, resource: Resource, own: dict[Resource, Lifetime]) -> Lifetime:
        """Sets up a resource; those that it needs are in `own`, or of the run."""
        lifetime = Lifetime(self.resolver.names[resource], resource, self._publish)
        lifetime.set_up(self._arguments(resource, own))
        return lifetime

    def _begin(self, lifetime: AsyncLifetime, own: dict[Resource, Lifetime]) -> None:
        lifetime.begin(self._arguments(lifetime.resource, own))

    def _arguments(self, resource: Resource, own: dict[Resource, Lifetime]) -> dict[str, object]:
        return self.resolver.arguments(resource, lambda needed: (own.get(needed) or self._lifetimes[needed]).value)

    # -- Scope "task" -----------------------------------------------------------------------------------------------

    def call(self, owner: Task[..., object], args: tuple[object, ...], kwargs: dict[str, object], call: Call) -> object:
        """Calls a task, with the resources that its placeholders stand for."""
        wanted = placeholders_in((args, kwargs))
        if not wanted:
            return call(owner, args, kwargs)
        order = self._missing(wanted)
        if owner.is_async or owner.mode != "inline" or any(each.is_async for each in order):
            return self._call_async(order, owner, args, kwargs, call)
        own: dict[Resource, Lifetime] = {}
        try:
            for resource in order:
                self._set_up_for_call(resource, own)
            result = call(owner, *with_values(args, kwargs, _values(own)))
        except BaseException as error:
            raise self._release(list(own.values()), error) or error  # noqa: B904  # in the context of the first
        if is_awaitable(result):
            number = id(result)
            self._calls[number] = (list(own.values()), result)
            return self._finish(number, result)
        trouble = self._release(list(own.values()), None)
        if trouble is not None:
            raise trouble
        return result

    def _set_up_for_call(self, resource: Resource, own: dict[Resource, Lifetime]) -> None:
        if resource.scope == "run":
            self._set_up_for_run(resource)
        else:
            lifetime = own[resource] = self._set_up(resource, own)
            lifetime.publish_acquired()

    async def _finish(self, number: int, awaitable: Awaitable[object]) -> object:
        """Awaits the result of a call whose resources are set up, and tears these down."""
        lifetimes, _ = self._calls.pop(number)
        try:
            result = await awaitable
        except BaseException as error:
            raise self._release(lifetimes, error) or error  # noqa: B904
        if type(result) is Failed:
            return failed(self._release(lifetimes, result.error) or result.error)
        trouble = self._release(lifetimes, None)
        if trouble is not None:
            raise trouble
        return result

    async def _call_async(
        self,
        order: list[Resource],
        owner: Task[..., object],
        args: tuple[object, ...],
        kwargs: dict[str, object],
        call: Call,
    ) -> object:
        own: dict[Resource, Lifetime] = {}
        this_task = asyncio.current_task()
        try:
            for resource in order:
                await self._ensure_for_call(resource, own)
            with UserCode():
                result = call(owner, *with_values(args, kwargs, _values(own)))
            if is_awaitable(result):
                result = await result
            if type(result) is Failed:
                error, result = result.error, None  # the traceback holds this frame
                with KeptContext(error):
                    raise error
        except BaseException as error:
            if is_closed(error, this_task):
                for each in reversed(own.values()):
                    each.abandon()
                raise
            return failed(await self._release_async(list(own.values()), error) or error)
        trouble = await self._release_async(list(own.values()), None)
        if trouble is not None:
            raise trouble
        return result

    async def _ensure_for_call(self, resource: Resource, own: dict[Resource, Lifetime]) -> None:
        if resource.scope == "run":
            await self._ensure(resource)
        elif resource.is_async:
            lifetime = AsyncLifetime(self.resolver.names[resource], resource, self._publish)
            self._begin(lifetime, own)
            own[resource] = lifetime
            await lifetime.wait()
        else:
            self._set_up_for_call(resource, own)

    def _release(self, lifetimes: list[Lifetime], error: BaseException | None) -> BaseException | None:
        for each in reversed(lifetimes):
            error = each.end_now(error)
        return error

    async def _release_async(self, lifetimes: list[Lifetime], error: BaseException | None) -> BaseException | None:
        interrupted: BaseException | None = None
        for each in reversed(lifetimes):
            error, interrupted = await each.end(error, interrupted)
        return error if interrupted is None else interrupted

    # -- The end of the run -----------------------------------------------------------------------------------------

    def close_now(self, error: BaseException | None) -> BaseException | None:
        """Tears down all resources, without an event loop. Takes and returns the error that the run ends with."""
        error = self._close_calls(error)
        while self._stack:
            error = self._pop().end_now(error)
        return error

    async def close(self, error: BaseException | None, keep: int = 0) -> BaseException | None:
        """As `close_now`, in an event loop; the first `keep` resources stay.

        Raises:
            CancelledError: the caller was cancelled meanwhile; still all were torn down.
        """
        interrupted: BaseException | None = None
        error = self._close_calls(error)
        for lifetime in [each for each in self._lifetimes.values() if not each.is_ready]:
            error, interrupted = await lifetime.end(error, interrupted)
        while len(self._stack) > keep:
            error, interrupted = await self._pop().end(error, interrupted)
        if interrupted is not None:
            raise interrupted
        return error

    def _pop(self) -> Lifetime:
        lifetime = self._stack.pop()
        self._lifetimes.pop(lifetime.resource, None)
        return lifetime

    def abandon(self) -> None:
        """Tears down all resources as far as that is possible without awaiting anything."""
        for each in reversed(list(self._lifetimes.values())):
            if isinstance(each, AsyncLifetime):
                each.abandon()
        self.close_now(None)

    def _close_calls(self, error: BaseException | None) -> BaseException | None:
        while self._calls:
            _, (lifetimes, awaitable) = self._calls.popitem()
            close = getattr(awaitable, "close", None)  # an awaitable need not have one
            if close is not None:
                close()
            error = self._release(lifetimes, error)
        return error


def _values(lifetimes: dict[Resource, Lifetime]) -> dict[Resource, object]:
    return {resource: lifetime.value for resource, lifetime in lifetimes.items()}
