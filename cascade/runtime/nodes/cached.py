"""Cached calls: a node whose value a cache has is not called; the value of one that is called is saved.

Under an event loop, a cache that would have to wait for others (a file that another process has locked) is called on a thread.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from cascade._vm import TailCall, is_awaitable
from cascade.adapters.executors.scopes import is_loop_running
from cascade.declare.failed import Failed
from cascade.declare.lazy import LazyResult
from cascade.declare.policies import Hit
from cascade.declare.resources import Injection
from cascade.declare.task import Task
from cascade.declare.warn import warn_user
from cascade.errors import CacheWarning, KeyingError
from cascade.imports import TYPE_CHECKING, ParamSpec, asyncio
from cascade.runtime.nodes.call import Call, begin
from cascade.runtime.nodes.constraints import constrained

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
        """A cache that chooses the arguments of a call, or values made of them, that make its key; see `cascade.declare.by_key`."""

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
def call_cached(call: Call, cache: CachePolicy) -> object:
    """As `begin(cached(call, cache))`, without a coroutine where the value is there."""
    entry = CacheEntry(call, cache)
    if not entry.is_usable:
        return begin(constrained(call))
    hit = entry.find()
    if hit is not None and not is_awaitable(hit) and not is_awaitable(_value_of(hit)):
        return _take(call, hit)
    return begin(_with_hit(call, entry, hit))


async def cached(call: Call, cache: CachePolicy) -> object:
    """Makes the call unless the cache has its value; returns the value, the continuation, or a Failed."""
    entry = CacheEntry(call, cache)
    if not entry.is_usable:
        return await constrained(call)
    try:
        hit = entry.find()
    except Exception as error:
        return Failed(error)
    return await _with_hit(call, entry, hit)


async def _with_hit(call: Call, entry: CacheEntry, hit: object) -> object:
    if is_awaitable(hit):
        try:
            await call.park_with(hit)
            hit = await hit
        except Exception as error:
            return Failed(error)
    if hit is not None:
        value = _take(call, hit)
        if is_awaitable(value):
            await call.park()  # it is the value, and not awaited again
        return value
    result = await constrained(call)
    if type(result) is Failed:
        return result
    if type(result) is TailCall or type(result) is LazyResult:
        return SAVE(entry, call.continuation(result))
    try:
        saving = entry.save(result)
        if is_awaitable(saving):
            await call.park_with(saving)
            await saving
    except Exception as error:
        return Failed(error)
    return result


def _value_of(hit: object) -> object:
    return hit.value if type(hit) is Hit else hit


def _take(call: Call, hit: object) -> object:
    """Returns the value of a hit, and publishes that the call is not made."""
    if call.is_published and call.context.subscribed:
        call.context.skip(call.operation.task, call.serial, call.node, "CacheHit")
    return _value_of(hit)


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
        self._taken = self._inputs.taken
        self._arguments: dict[str, object] = dict(zip(operation.task.parameters, call.operands, strict=False))
        self._keyed: _KeyMaking | None = None  # the cache, if it makes keys of its own
        self._key = b""
        self.is_usable = True
        try:
            identity = _identity_of(operation.task)
            self._task_id = identity.text
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
        """Returns the value, or a Hit, or None; or an awaitable of it."""
        cache = self._keyed
        if cache is None:
            return self._cache.check(self._task_id, self._arguments)
        return _promptly(cache, cache.load, self._key)

    def save(self, value: object) -> object:
        """Saves the value; returns an awaitable if that takes one."""
        cache = self._keyed
        try:
            if cache is None:
                return self._cache.save(self._task_id, self._arguments, value)
            return _promptly(cache, cache.store, self._key, value)
        except KeyingError as error:
            self._warn(error)
        return None

    def save_of_graph(self, value: object) -> object:
        """As `save`, for the value of a graph that the task returned.

        Its key is that of the task's call, which has nothing of the inputs that the graph takes from the run. Graphs that are
        computed at the same time cannot be told apart from those that belong to it, so their inputs count as well.
        """
        taken = self._inputs.last_taken
        if self._inputs.taken == self._taken or taken is None:
            return self.save(value)
        name = f"resource {taken.name!r}" if isinstance(taken, Injection) else repr(taken)
        hint = "declare it as a parameter of the task itself, or cache the tasks of that graph instead"
        self._warn(KeyingError(f"a graph that was computed for its value takes {name} from the run", hint=hint))
        return None

    def _warn(self, error: KeyingError) -> None:
        hint = "" if error.hint is None else f" ({error.hint})"
        warn_user(f"a call of task {self._task.name!r} is not cached: {error.what}{hint}", CacheWarning, self._task.func)


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


def _save_of_graph(entry: CacheEntry, value: object) -> object:
    saving = entry.save_of_graph(value)
    return _after(saving, value) if is_awaitable(saving) else value


async def _after(saving: Awaitable[object], value: object) -> object:
    await saving
    return value


SAVE: Task[..., object] = Task(_save_of_graph, name="keep in cache")
SAVE.hands_on = True
