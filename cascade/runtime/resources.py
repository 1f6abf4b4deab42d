"""Resources of an engine and of a run: which there are, and their set-up and tear-down.

A resource of scope "run" is set up when its node in the graph is issued, and torn down when the run is over. One of scope
"task" is given to the task as a `Lease`; the call of the task sets it up and tears it down.

An async resource lives in an asyncio task of its own, from its set-up to its tear-down: what it enters (a cancel scope, a
context variable) is left in the task that entered it, and a cancellation of whoever needs it does not break off its tear-down.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, Generator, Iterable, Iterator, Mapping

from cascade._vm import TailCall, enter_task, is_awaitable, leave_task
from cascade.declare.failed import Failed, add_note, failed
from cascade.declare.inputs import Input, input_of
from cascade.declare.lazy import LazyResult
from cascade.declare.resources import Injection, Resource, injection_of
from cascade.declare.task import Task
from cascade.errors import CycleError, DeclarationError, KeyingError, ResourceError, nearest
from cascade.events.preview import preview
from cascade.graph.build import Inputs
from cascade.graph.model import is_container, parts, rebuild
from cascade.imports import TYPE_CHECKING, Any, asyncio
from cascade.runtime.spine.task_group import is_closed

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from cascade.runtime.resource_key import Origin

Call = Callable[[Task[..., Any], tuple[Any, ...], dict[str, Any]], Any]


class ResourceContainer:
    """The resources that an engine knows by name, and what stands in for them meanwhile."""

    def __init__(self) -> None:
        # Replaced, never changed: a run goes on with what it found when it began.
        self.registered: Mapping[str, Resource] = {}
        self.overrides: tuple[tuple[str, Resource], ...] = ()

    def register(self, resource: Any, *, replace: bool = False) -> Resource:
        """Makes a resource known by its name.

        Args:
            resource: a resource, or a generator function, which becomes one.
            replace: whether it may take the place of another one of its name.

        Raises:
            DeclarationError: (a TypeError) it must be a generator; or its name is taken by another.
        """
        given: Resource = resource if isinstance(resource, Resource) else Resource(resource)
        if self.registered.get(given.name, given) is not given and not replace:
            raise DeclarationError(
                f"a resource {given.name!r} is registered already",
                hint="give it another name, or override the first one for a while: resource_container.override(...)",
            )
        self.registered = {**self.registered, given.name: given}
        return given

    def override(self, name: str, resource: Any) -> AbstractContextManager[Resource]:
        """While the context lasts, runs that begin get `resource` where `name` is injected.

        Raises:
            DeclarationError: (a TypeError) it is neither a resource nor a generator function.
        """
        if not isinstance(name, str) or not name:
            raise DeclarationError(f"override({name!r}, ...)", expected="the name of a resource")
        if not isinstance(resource, Resource):
            resource = Resource(resource, name=name)
        return _Override(self, name, resource)


class _Override:
    def __init__(self, container: ResourceContainer, name: str, resource: Resource) -> None:
        self._container = container
        self._entry = (name, resource)

    def __enter__(self) -> Resource:
        self._container.overrides = (*self._container.overrides, self._entry)
        return self._entry[1]

    def __exit__(self, *_: object) -> None:
        self._container.overrides = tuple(other for other in self._container.overrides if other is not self._entry)


class Lease:
    """What a task is given for a resource of scope "task", until it is called."""

    __slots__ = ("injection", "resource")

    def __init__(self, injection: LazyResult[Any], resource: Resource) -> None:
        self.injection = injection
        self.resource = resource

    def __repr__(self) -> str:
        return f"<resource {self.resource.name!r}, set up when the task is called>"


class _Held:
    """A resource that has been, or is being, set up."""

    def __init__(self, name: str, resource: Resource) -> None:
        self.name = name
        self.resource = resource
        self.value: Any = None
        self.generator: Generator[Any, None, None] | AsyncGenerator[Any, None] | None = None
        # The life of an async one.
        self.ready: asyncio.Future[None] | None = None
        self.release: asyncio.Future[None] | None = None
        self.life: asyncio.Task[None] | None = None


class Leases:
    """The resources of one run.

    Args:
        container: what is known by name.
        input_value: finds the value of an input that a resource takes.
        publish_on: called with ("acquired" or "released", name of the resource, error) if somebody listens.
    """

    def __init__(
        self,
        container: ResourceContainer,
        input_value: Callable[[Input], Any],
        publish_on: Callable[[str, str, BaseException | None], None] | None,
    ) -> None:
        self._registered = container.registered
        self._overrides = dict(container.overrides)
        self._input_value = input_value
        self._tell = publish_on
        self._held: dict[Resource, _Held] = {}  # scope "run"
        self._stack: list[_Held] = []  # in the order of set-up
        self._calls: dict[int, tuple[list[_Held], Any]] = {}  # what calls hold whose awaitable is not awaited yet
        self._checked: set[Injection] = set()
        self._names: dict[Resource, str] = {}
        self.per_task = False
        """Whether a task was given a Lease in this run."""

    @property
    def count(self) -> int:
        """How many resources of scope "run" are set up."""
        return len(self._stack)

    # -- Which resource is meant ------------------------------------------------------------------------------------

    def find(self, injection: Injection) -> Resource:
        """The resource that is injected.

        Raises:
            ResourceError: (a RuntimeError) there is none of that name.
        """
        name = injection.name
        found = self._overrides.get(name) or injection.resource or self._registered.get(name)
        if found is None:
            known = sorted({*self._overrides, *self._registered})
            raise ResourceError(
                name, f"no resource {name!r} is known", expected="one of " + ", ".join(map(repr, known)) if known else None,
                hint=nearest(name, known) or "register it with engine.register(resource), or inject the resource itself",
            )
        self._names.setdefault(found, name)
        return found

    def check(self, injections: Iterable[Injection], values: Iterable[Injection] = ()) -> list[Input]:
        """Finds resources and all they need, before anything is set up; returns the inputs that these take.

        Args:
            values: those whose value is not only an argument of calls.

        Raises:
            ResourceError: (a RuntimeError) one is not known, or needs one that does not live as long as itself, or is there
                for one call only, and asked for by something else.
            CycleError: (a ValueError) they need each other.
        """
        for injection in values:
            if self.find(injection).scope == "task":
                raise ResourceError(
                    injection.name,
                    f"resource {injection.name!r} of scope 'task' is used where there is no call that it is set up for",
                    expected="an argument of a task's call; not a result, a route, a Jump's data, a condition, an amount, a "
                    "selector, or what a map iterates over",
                    hint=f"give {injection.name!r} the scope 'run', or inject it into the call that needs it",
                )
        inputs: list[Input] = []
        for injection in injections:
            if injection not in self._checked:
                for resource in self._order([self.find(injection)], {}):
                    inputs.extend(i for i in map(input_of, resource.parameters.values()) if i is not None)
                self._checked.add(injection)
        return inputs

    def _order(self, wanted: Iterable[Resource], ready: Mapping[Resource, Any]) -> list[Resource]:
        """What has to be set up for `wanted`, each after what it needs itself."""
        order: list[Resource] = []
        entered: dict[Resource, None] = {}
        stack: list[tuple[Resource, bool]] = [(resource, False) for resource in reversed(list(wanted))]
        while stack:
            resource, complete = stack.pop()
            if complete:
                del entered[resource]
                order.append(resource)
            elif resource in entered:
                names = [self._names[each] for each in entered]
                names = names[names.index(self._names[resource]) :]
                raise CycleError([*names, names[0]], where="resources that inject each other")
            elif resource not in ready and resource not in order:
                entered[resource] = None
                stack.append((resource, True))
                for injection in reversed(resource.needs):
                    needed = self.find(injection)
                    if resource.scope == "run" and needed.scope == "task":
                        raise ResourceError(
                            resource.name,
                            f"resource {resource.name!r} of scope 'run' needs {injection.name!r}, which is of scope 'task'",
                            expected="a resource that lives at least as long",
                            hint=f"give {injection.name!r} the scope 'run', or {resource.name!r} the scope 'task'",
                        )
                    stack.append((needed, False))
        return order

    # -- Keys of caches ---------------------------------------------------------------------------------------------

    def keyable(self, arguments: dict[str, Any]) -> dict[str, Any]:
        """The arguments of a call, with Origins in the place of resources whose values cannot be part of a key.

        Raises:
            KeyingError: (a TypeError) the code of one of them cannot be subscribed.
        """
        origins = {id(held.value): held.resource for held in self._stack if not _has_key(held.value)}

        def stands_for(value: Any) -> Any:
            resource = value.resource if type(value) is Lease else origins.get(id(value))
            return value if resource is None else self._origin(resource)

        return {name: replaced(value, stands_for) for name, value in arguments.items()}

    def _origin(self, resource: Resource) -> Origin:
        from cascade.adapters.caches.identity import identity_of

        arguments = {}
        for name, default in resource.parameters.items():
            injection, declared = injection_of(default), input_of(default)
            if injection is not None:
                arguments[name] = self._origin(self.find(injection))
            else:
                arguments[name] = default if declared is None else self._input_value(declared)
        from cascade.runtime.resource_key import Origin

        return Origin(identity_of(resource), arguments)

    # -- Scope "run" ------------------------------------------------------------------------------------------------

    def acquire(self, injection: Injection, lazy: LazyResult[Any]) -> Any:
        """What the node of an injection gives: a value, an awaitable of it, or a Lease."""
        resource = self.find(injection)
        if resource.scope == "task":
            self.per_task = True
            return Lease(lazy, resource)
        order = self._order([resource], self._ready())
        if any(each.is_async for each in order):
            return self._acquire_later(order, resource)
        for each in order:
            self._set_up_for_run(each)
        value = self._held[resource].value
        # A value that can be awaited is handed on as it is, not awaited.
        return itself(value) if is_awaitable(value) else value

    def _ready(self) -> dict[Resource, _Held]:
        return {resource: held for resource, held in self._held.items() if held.ready is None or held.ready.done()}

    async def _acquire_later(self, order: list[Resource], resource: Resource) -> Any:
        for each in order:
            await self._ensure(each)
        return self._held[resource].value

    async def _ensure(self, resource: Resource) -> None:
        held = self._held.get(resource)
        if held is None:
            if not resource.is_async:
                self._set_up_for_run(resource)
                return
            held = self._held[resource] = self._begin(resource, {})
        if held.ready is not None and not held.ready.done():
            await asyncio.shield(held.ready)  # others may wait for it, too

    def _set_up_for_run(self, resource: Resource) -> None:
        held = self._set_up(resource, {})
        self._held[resource] = held
        self._stack.append(held)  # before it is subscribed, which Ctrl-C may break off
        self._say("acquired", held.name)

    def _begin(self, resource: Resource, own: Mapping[Resource, _Held]) -> _Held:
        held = _Held(self._names[resource], resource)
        loop = asyncio.get_running_loop()
        held.ready, held.release = loop.create_future(), loop.create_future()
        held.life = loop.create_task(self._live(held, self._arguments(resource, own)), name=f"resource {held.name}")
        return held

    async def _live(self, held: _Held, arguments: dict[str, Any]) -> None:
        assert held.ready is not None and held.release is not None
        try:
            await self._set_up_later(held, arguments)
        except BaseException as error:
            if is_closed(error, held.life):
                raise  # its event loop is gone, and nobody waits
            if held.resource.scope == "run":
                self._held.pop(held.resource, None)  # whoever tries again has it set up again
            if held.ready.done():
                raise
            if isinstance(error, asyncio.CancelledError):
                held.ready.cancel()
                raise
            held.ready.set_exception(error)
            held.ready.exception()  # it has been seen, also if nobody waits any more
            if not isinstance(error, (Exception, GeneratorExit)):
                raise
            return
        if held.resource.scope == "run":
            self._stack.append(held)
        if not held.ready.done():
            held.ready.set_result(None)
        try:
            await held.release
        except asyncio.CancelledError:
            await self._leave_later(held)
            raise
        await self._leave_later(held)

    def _arguments(self, resource: Resource, own: Mapping[Resource, _Held]) -> dict[str, Any]:
        arguments = {}
        for name, default in resource.parameters.items():
            injection, declared = injection_of(default), input_of(default)
            if injection is not None:
                needed = self.find(injection)
                arguments[name] = (own.get(needed) or self._held[needed]).value
            else:
                arguments[name] = default if declared is None else self._input_value(declared)
        return arguments

    # -- One set-up, one tear-down ----------------------------------------------------------------------------------

    def _set_up(self, resource: Resource, own: Mapping[Resource, _Held]) -> _Held:
        held = _Held(self._names[resource], resource)
        generator = held.generator = resource.func(**self._arguments(resource, own))
        with _note(f"in the set-up of resource {held.name!r}"), _users_code():
            try:
                held.value = next(generator)
            except StopIteration:
                raise _no_yield(held.name) from None
        self._check_value(held)
        return held

    async def _set_up_later(self, held: _Held, arguments: dict[str, Any]) -> None:
        generator = held.generator = held.resource.func(**arguments)
        with _note(f"in the set-up of resource {held.name!r}"):
            try:
                held.value = await anext(generator)
            except StopAsyncIteration:
                raise _no_yield(held.name) from None
        self._check_value(held)
        self._say("acquired", held.name)

    def _check_value(self, held: _Held) -> None:
        if type(held.value) in (LazyResult, TailCall):
            raise ResourceError(
                held.name, f"resource {held.name!r} yields a {type(held.value).__name__}", expected="a value",
                hint="a resource gets results of tasks only by running them",
            )

    def _leave(self, held: _Held) -> None:
        # The tear-down of a sync generator.
        generator: Any = held.generator
        try:
            with _note(f"in the tear-down of resource {held.name!r}"), _users_code():
                if next(generator, _ENDED) is not _ENDED:
                    generator.close()
                    raise _second_yield(held.name)
        except BaseException as error:
            self._say("released", held.name, error)
            raise
        self._say("released", held.name)

    async def _leave_later(self, held: _Held) -> None:
        generator: Any = held.generator
        try:
            with _note(f"in the tear-down of resource {held.name!r}"):
                if await anext(generator, _ENDED) is not _ENDED:
                    await generator.aclose()
                    raise _second_yield(held.name)
        except BaseException as error:
            self._say("released", held.name, error)
            raise
        self._say("released", held.name)

    def _say(self, what: str, name: str, error: BaseException | None = None) -> None:
        if self._tell is not None:
            self._tell(what, name, error)

    # -- The end of the run -----------------------------------------------------------------------------------------

    def close_now(self, error: BaseException | None) -> BaseException | None:
        """Tears down what is left, without an event loop. Returns the error that the run ends with."""
        error = self._close_calls(error)
        while self._stack:
            held = self._stack.pop()
            self._held.pop(held.resource, None)
            if held.life is None:
                error = _attempt(self._leave, held, error)
        return error

    async def close(self, error: BaseException | None, keep: int = 0) -> BaseException | None:
        """Tears down all but the first `keep`, in the reverse order of their set-ups. Returns the error that the run ends with.

        Raises:
            CancelledError: the caller was cancelled meanwhile; still all were torn down.
        """
        interrupted: BaseException | None = None
        error = self._close_calls(error)
        # Those whose set-up has not come to an end.
        for held in [each for each in self._held.values() if each.ready is not None and not each.ready.done()]:
            error, interrupted = await self._end(held, error, interrupted)
        while len(self._stack) > keep:
            held = self._stack.pop()
            self._held.pop(held.resource, None)
            error, interrupted = await self._end(held, error, interrupted)
        if interrupted is not None:
            raise interrupted
        return error

    async def _end(
        self, held: _Held, error: BaseException | None, interrupted: BaseException | None
    ) -> tuple[BaseException | None, BaseException | None]:
        # One tear-down, however often the caller is cancelled meanwhile.
        life = held.life
        if life is None:
            return _attempt(self._leave, held, error), interrupted
        assert held.ready is not None and held.release is not None
        if not held.ready.done():
            life.cancel()
        elif not held.release.done():
            held.release.set_result(None)
        while not life.done():
            try:
                await asyncio.wait([life])
            except asyncio.CancelledError as cancelled:
                interrupted = cancelled
        if not life.cancelled():
            trouble = life.exception()
            if trouble is not None:
                error = _first(error, trouble)
        return error, interrupted

    def abandon(self) -> None:
        """Tears down what can be torn down without awaiting anything."""
        self._abandon([held for held in self._held.values() if held.life is not None])
        self.close_now(None)

    def _abandon(self, holds: list[_Held]) -> None:
        for held in reversed(holds):
            if held.life is None:
                _attempt(self._leave, held, None)
            elif not held.life.get_loop().is_closed():
                held.life.cancel()

    def _close_calls(self, error: BaseException | None) -> BaseException | None:
        while self._calls:
            _, (held, awaitable) = self._calls.popitem()
            if hasattr(awaitable, "close"):
                awaitable.close()
            error = self._release(held, error)
        return error

    # -- Scope "task" -----------------------------------------------------------------------------------------------

    def call(self, owner: Task[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any], call: Call) -> Any:
        """Calls a task, with the resources that its Leases stand for."""
        wanted = dict.fromkeys(part.resource for part in _all_parts((args, kwargs)) if type(part) is Lease)
        if not wanted:
            return call(owner, args, kwargs)
        order = self._order(wanted, self._ready())
        if owner.is_async or owner.mode != "inline" or any(each.is_async for each in order):
            return self._call_later(order, owner, args, kwargs, call)
        own: dict[Resource, _Held] = {}
        try:
            for resource in order:
                self._set_up_for_call(resource, own)
            result = call(owner, *_with_values(args, kwargs, own))
        except BaseException as error:
            raise self._release(list(own.values()), error) or error
        if is_awaitable(result):
            number = id(result)
            self._calls[number] = (list(own.values()), result)
            return self._finish(number, result)
        trouble = self._release(list(own.values()), None)
        if trouble is not None:
            raise trouble
        return result

    def _set_up_for_call(self, resource: Resource, own: dict[Resource, _Held]) -> None:
        if resource.scope == "run":
            self._set_up_for_run(resource)
        else:
            own[resource] = self._set_up(resource, own)
            self._say("acquired", own[resource].name)

    async def _finish(self, number: int, awaitable: Awaitable[Any]) -> Any:
        held, _ = self._calls.pop(number)
        try:
            result = await awaitable
        except BaseException as error:
            raise self._release(held, error) or error
        if type(result) is Failed:
            return failed(self._release(held, result.error) or result.error)
        trouble = self._release(held, None)
        if trouble is not None:
            raise trouble
        return result

    async def _call_later(
        self, order: list[Resource], owner: Task[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any], call: Call
    ) -> Any:
        own: dict[Resource, _Held] = {}
        this_task = asyncio.current_task()
        try:
            for resource in order:
                if resource.scope == "run":
                    await self._ensure(resource)
                elif resource.is_async:
                    held = own[resource] = self._begin(resource, own)
                    assert held.ready is not None
                    await asyncio.shield(held.ready)
                else:
                    own[resource] = self._set_up(resource, own)
                    self._say("acquired", own[resource].name)
            with _users_code():
                result = call(owner, *_with_values(args, kwargs, own))
            if is_awaitable(result):
                result = await result
            if type(result) is Failed:
                raise result.error
        except BaseException as error:
            if is_closed(error, this_task):
                self._abandon(list(own.values()))
                raise
            return failed(await self._release_later(list(own.values()), error) or error)
        trouble = await self._release_later(list(own.values()), None)
        if trouble is not None:
            raise trouble
        return result

    def _release(self, held: list[_Held], error: BaseException | None) -> BaseException | None:
        for each in reversed(held):
            error = _attempt(self._leave, each, error)
        return error

    async def _release_later(self, held: list[_Held], error: BaseException | None) -> BaseException | None:
        interrupted: BaseException | None = None
        for each in reversed(held):
            error, interrupted = await self._end(each, error, interrupted)
        return error if interrupted is None else interrupted


_ENDED: Any = object()


def fresh(slots: tuple[Any, ...]) -> tuple[Any, ...]:
    """The arguments of a tail call, with injections in the place of Leases: the next call has its own."""
    return tuple(replaced(slot, lambda value: value.injection if type(value) is Lease else value) for slot in slots)


async def itself(value: Any) -> Any:
    """Gives a value; so one that could be awaited is not."""
    return value


class _users_code:
    """Around synchronous code of a user, which may be called by a coroutine of ours; it may make runs of its own, as a task may."""

    def __enter__(self) -> None:
        enter_task()

    def __exit__(self, *_: object) -> None:
        leave_task()


class _note:
    """Adds a note to an exception that comes out of it."""

    def __init__(self, text: str) -> None:
        self._text = text

    def __exit__(self, kind: object, error: BaseException | None, traceback: object) -> None:
        if isinstance(error, Exception) and self._text not in getattr(error, "__notes__", ()):
            add_note(error, self._text)

    def __enter__(self) -> None:
        pass


def _attempt(leave: Callable[[_Held], None], held: _Held, error: BaseException | None) -> BaseException | None:
    try:
        leave(held)
    except BaseException as trouble:
        return _first(error, trouble)
    return error


def _first(error: BaseException | None, trouble: BaseException) -> BaseException:
    """The error to go on with, when `trouble` came in a tear-down after `error`."""
    if error is None:
        return trouble
    if isinstance(error, Exception) and not isinstance(trouble, Exception):
        return trouble  # Ctrl-C, or a cancellation
    if trouble is not error:
        notes = getattr(trouble, "__notes__", ["in a tear-down"])
        add_note(error, f"{notes[0]}, as well: {preview(trouble)}")
    return error


def parameters_of(inputs: Inputs, container: ResourceContainer) -> tuple[Input, ...]:
    """The parameters of a graph and of the resources that it names, in the order in which they stand there; each once."""
    declared = inputs.all_declared()
    if inputs.injections:
        declared += Leases(container, itself, None).check(inputs.injections, inputs.values)
    return tuple({each.name: each for each in declared if each.kind == "parameter"}.values())


def _no_yield(name: str) -> ResourceError:
    return ResourceError(name, f"resource {name!r} ended without a yield", expected="exactly one yield")


def _second_yield(name: str) -> ResourceError:
    return ResourceError(
        name, f"resource {name!r} yields twice", expected="exactly one yield", hint="what follows the yield is the tear-down"
    )


def _with_values(
    args: tuple[Any, ...], kwargs: dict[str, Any], own: Mapping[Resource, _Held]
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    def value_of(value: Any) -> Any:
        return own[value.resource].value if type(value) is Lease else value

    return (
        tuple(replaced(value, value_of) for value in args),
        {name: replaced(value, value_of) for name, value in kwargs.items()},
    )


def replaced(value: Any, stands_for: Callable[[Any], Any]) -> Any:
    """The value, with `stands_for(part)` in the place of each part; a container in which nothing changes is itself."""
    new = stands_for(value)
    if new is not value or not is_container(value):
        return new
    if all(stands_for(part) is part for part in _all_parts(value)):
        return value
    return rebuild(value, *(replaced(part, stands_for) for part in parts(value)))


def _all_parts(value: Any) -> Iterator[Any]:
    """A value and all that it holds, also inside of containers; from left to right."""
    stack = [value]
    seen: set[int] = set()
    while stack:
        value = stack.pop()
        yield value
        if is_container(value) and id(value) not in seen:
            seen.add(id(value))
            stack.extend(reversed(parts(value)))


def _has_key(value: Any) -> bool:
    from cascade.adapters.caches.identity import code_of
    from cascade.adapters.caches.keys import encode

    try:
        encode(value, code_of)
    except KeyingError:
        return False
    return True
