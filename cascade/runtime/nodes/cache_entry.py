"""The entry of a call in a cache.

Under an event loop, a cache that would have to wait for others (a file that another process has locked) is asked on a thread.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from cascade.adapters.executors.scopes import is_loop_running
from cascade.declare.failed import Failed
from cascade.declare.task import Task
from cascade.declare.warn import warn_user
from cascade.errors import CacheWarning, KeyingError
from cascade.imports import TYPE_CHECKING, ParamSpec, asyncio
from cascade.runtime.nodes.cache_records import (
    BY_ITSELF,
    Name,
    States,
    arguments_with,
    described,
    key_with,
    record_in,
    record_with,
)
from cascade.runtime.nodes.call import Call, Parking

if TYPE_CHECKING:
    from contextlib import AbstractContextManager
    from typing import Protocol, TypeGuard

    from cascade.adapters.caches.identity import Identity
    from cascade.declare.cache_policy import CachePolicy

    class _KeyMaking(CachePolicy, Protocol):
        """A cache that makes keys of its own; see `cascade.adapters.caches.keyed`."""

        def key_of(self, task_id: str, arguments: dict[str, object], identity: Identity | None = None) -> bytes: ...
        def load(self, key: bytes) -> object: ...
        def store(self, key: bytes, value: object) -> object: ...

    class _ArgumentsChoosing(CachePolicy, Protocol):
        """A cache that says which arguments of a call, or values made of them, make its key; see `cascade.declare.by_key`."""

        def keyed(self, args: tuple[object, ...], kwargs: dict[str, object]) -> dict[str, object]: ...

    class _Impatient(CachePolicy, Protocol):
        """A cache that can refuse to wait for others, by a BlockingIOError."""

        def at_once(self) -> AbstractContextManager[None]: ...


P = ParamSpec("P")


def _makes_keys(cache: CachePolicy) -> TypeGuard[_KeyMaking]:
    return hasattr(cache, "key_of")


def _chooses_arguments(cache: CachePolicy) -> TypeGuard[_ArgumentsChoosing]:
    return hasattr(cache, "keyed")


def _can_refuse_to_wait(cache: CachePolicy) -> TypeGuard[_Impatient]:
    return hasattr(cache, "at_once")


class CacheEntry:
    """The entry of one call in a cache. It is found before the call, which may change its arguments.

    Attributes:
        is_usable: whether there can be such an entry: the arguments may have no key.
    """

    def __init__(self, call: Call, cache: CachePolicy) -> None:
        operation, resources = call.operation, call.context.inputs.resources
        self._task = operation.task
        self._cache = cache
        self._inputs = call.context.inputs
        self._taken = self._inputs.note_taken()
        self._begun = 0 if self._taken is None else self._taken.count
        self._arguments: dict[str, object] = dict(zip(operation.task.parameters, call.operands, strict=False))
        self._keyed: _KeyMaking | None = None  # the cache, if it makes keys of its own
        self._key = b""
        self.is_usable = True
        try:
            identity = _identity_of(operation.task)
            self._task_id = identity.text
            self._injected = identity.resources
            if _chooses_arguments(cache):
                args, kwargs = operation.task.binder.split(tuple(call.operands[operation.arguments]))
                self._arguments = cache.keyed(args, kwargs)
            if resources is not None:
                self._arguments = resources.keyable(self._arguments)
            if _makes_keys(cache):
                self._keyed = cache
                self._key = cache.key_of(self._task_id, self._arguments, identity)
        except KeyingError as error:
            self._warn(error)
            self.is_usable = False

    def find(self) -> object:
        """Returns the value, a Hit, None, or a record of the inputs that the value depends on; or an awaitable of it."""
        return self._load(None)

    async def resolve(self, parking: Parking, found: object) -> object:
        """Returns the entry found; for a record, the value for the inputs of this run, or None."""
        lists = record_in(found)
        if lists is None:
            return found
        for names in lists if self._taken is not None else ():
            states = self._states_of(names)
            hit = None if states is None else await parking.result_of(self._load(states))
            if hit is not None and states is not None:
                self._note(states)
                return hit
        return None

    def save(self, value: object) -> object:
        """Saves the value; returns an awaitable if that takes one."""
        try:
            return self._store(value, None)
        except KeyingError as error:
            self._warn(error)
        return None

    async def save_of_graph(self, parking: Parking, value: object) -> object:
        """Saves the value of a graph that the task returned; returns it, or a Failed.

        It depends on what the graph took from the run as well. Graphs that were computed at the same time cannot be told apart
        from those that belong to it, so their inputs count, too.
        """
        try:
            states = self._states_taken()
            if states:
                await self._save_with_record(parking, value, states)
            elif states is not None:
                await parking.result_of(self._store(value, None))
        except KeyingError as error:
            self._warn(error)
        except Exception as error:
            return Failed(error)
        return value

    async def _save_with_record(self, parking: Parking, value: object, states: States) -> None:
        found = await parking.result_of(self._load(None))
        others = record_in(found)
        if found is not None and others is None:
            return  # a value that depends on nothing was saved meanwhile
        record = record_with(states, others or [])
        if record_in(record) != others:
            await self._save_record(parking, record)
        await parking.result_of(self._store(value, states))

    async def _save_record(self, parking: Parking, record: dict[str, list[list[list[str]]]]) -> None:
        try:
            await parking.result_of(self._store(record, None))
        except Exception as error:
            if self._keyed is not None:
                raise
            reason = f"{type(error).__name__}: {error}"  # a user's policy may be made for the values of one task
            raise KeyingError(f"its cache cannot keep the names of what the value depends on ({reason})") from None

    # -- What the value depends on ------------------------------------------------------------------------------------

    def _states_taken(self) -> States | None:
        """Returns the names that the graph took, and their states; None, with a warning, where one has no state."""
        try:
            states = {} if self._taken is None else self._taken.since(self._begun)
            for name, state in states.items():
                if name[0] == BY_ITSELF and self._inputs.states().of(name, self._injected) != state:
                    raise KeyingError(f"{described(name)}, which is injected by code that is not a part of the task's")
        except KeyingError as error:
            hint = (
                error.hint or "declare it as a parameter of the task itself, or cache the tasks of that graph instead"
            )
            self._warn(KeyingError(f"a graph that was computed for its value takes {error.what}", hint=hint))
            return None
        return states

    def _states_of(self, names: Iterable[Name]) -> States | None:
        states, present = {}, self._inputs.states()
        for name in names:
            state = present.of(name, self._injected)
            if state is None:
                return None
            states[name] = state
        return states

    def _note(self, states: States) -> None:
        # Values of calls around this one depend on the same.
        assert self._taken is not None
        for name, state in states.items():
            self._taken.note(name, state)

    # -- The cache ----------------------------------------------------------------------------------------------------

    def _load(self, states: States | None) -> object:
        cache = self._keyed
        if cache is None:
            return self._cache.check(self._task_id, self._arguments_with(states))
        return _promptly(cache, cache.load, self._key_with(states))

    def _store(self, value: object, states: States | None) -> object:
        cache = self._keyed
        if cache is None:
            return self._cache.save(self._task_id, self._arguments_with(states), value)
        return _promptly(cache, cache.store, self._key_with(states), value)

    def _key_with(self, states: States | None) -> bytes:
        return self._key if states is None else key_with(self._key, states)

    def _arguments_with(self, states: States | None) -> dict[str, object]:
        return self._arguments if states is None else arguments_with(self._arguments, states)

    def _warn(self, error: KeyingError) -> None:
        hint = "" if error.hint is None else f" ({error.hint})"
        warn_user(
            f"a call of task {self._task.name!r} is not cached: {error.what}{hint}", CacheWarning, self._task.func
        )


def _promptly(cache: CachePolicy, action: Callable[P, object], *args: P.args, **kwargs: P.kwargs) -> object:
    """Returns the action's result; under an event loop an awaitable of it, from a thread, where the cache would wait for others."""
    if not _can_refuse_to_wait(cache) or not is_loop_running():
        return action(*args, **kwargs)
    try:
        with cache.at_once():
            return action(*args, **kwargs)
    except BlockingIOError:
        return _in_thread(action, *args, **kwargs)


async def _in_thread(action: Callable[P, object], *args: P.args, **kwargs: P.kwargs) -> object:
    return await asyncio.to_thread(action, *args, **kwargs)


def _identity_of(task: Task[..., object]) -> Identity:
    # Imported when the first call is cached: it needs `dis`, `sysconfig` and the like.
    global _identity_of
    from cascade.adapters.caches.identity import known_identity

    _identity_of = known_identity
    return known_identity(task)
