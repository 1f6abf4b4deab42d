"""Calls with policies: everything that a node does besides calling its function, written once for both paths.

Such a call is one coroutine, in this order:

    skipped?        an operand was skipped, or a condition is false
    cached?         the value is there already
    resources       claimed all at once, or waited for, and released on every exit
    attempts        each with its timeout, as long as the retry policy says
    saved           in the cache

Most such calls never have to wait. So the coroutine is begun in place (`begin`), and only if it wants to await something
it stops at a point of its own (`Call.park`) and is handed on, to be awaited in an event loop, like any awaitable
that a task returns.

An error of the task travels as a value, `Failed`: a coroutine cannot raise StopIteration.
"""

from __future__ import annotations

import time
import types
from collections.abc import Callable, Coroutine, Generator, Mapping, Sequence

from cascade._vm import Skipped, TailCall, enter_task, is_awaitable, leave_task
from cascade.adapters.executors.scopes import Scope
from cascade.declare.failed import Failed, add_note
from cascade.declare.lazy import LazyResult
from cascade.declare.amounts import check_amount, is_endless
from cascade.declare.policies import Hit
from cascade.declare.resources import Injection
from cascade.declare.task import Task
from cascade.declare.warn import warn_user
from cascade.errors import CacheWarning, KeyingError, TaskTimeoutError
from cascade.events.names import label
from cascade.graph.operations import ONCE, ROUTE, Managed, StateMachine, operation_of
from cascade.imports import TYPE_CHECKING, Any, asyncio
from cascade.runtime.nodes.capacity import Claim, wanted
from cascade.runtime.spine.fairness import give_turn

if TYPE_CHECKING:
    from cascade.adapters.caches.identity import Identity
    from cascade.runtime.nodes.context import NodeContext

PATIENCE = 0.001
"""Seconds of attempts without a delay after which the event loop gets its turn."""


def skip_reason(operation: Managed | StateMachine, operands: Sequence[Any]) -> str | None:
    """Why the call is not made; None if it is."""
    ordered = len(operands) - operation.after
    for position, operand in enumerate(operands):
        if type(operand) is Skipped and (operation.kind not in (ROUTE, ONCE) or position >= operation.count):
            return "UpstreamSkipped_Data" if position < ordered else "UpstreamSkipped_Sequence"
    if not all(operands[ordered - operation.conditions : ordered]):
        return "ConditionFalse"
    return None


class Call:
    """One call under way."""

    __slots__ = (
        "_task_id", "again", "blocked", "context", "is_published", "node", "on_granted", "operands", "operation", "parked", "serial",
    )  # fmt: skip

    def __init__(
        self, context: NodeContext, operation: Managed, operands: Sequence[Any], serial: int, node: int | str,
        origin: Task[..., Any] | None = None,
    ) -> None:
        self.context = context
        self.operation = operation
        self.operands = operands
        self.serial = serial
        self.node = node
        # An iteration of a loop, or a state of a machine, is part of a node that has been announced, as that of `origin`.
        self.again = origin is not None
        self.is_published = origin is None
        self._task_id = None if origin is None else label(origin, serial, node)
        self.parked = False
        self.blocked = False  # while it waits for resources; then `on_granted` is called
        self.on_granted: Callable[[], None] | None = None

    async def park(self) -> None:
        """Has to be awaited before anything else is: what follows runs in an event loop."""
        if not self.parked:
            self.parked = True
            await _point()

    def where(self) -> str:
        if self.again:
            return f"task {self.operation.name!r}, node {self.task_id()}"
        return self.context.where(self.operation.task, self.serial, self.node, 0)

    def task_id(self) -> str:
        """The name of the node that it is, or is part of."""
        return self._task_id or label(self.operation.task, self.serial, self.node)

    def belongs_to(self, call: Call) -> None:
        """Makes it a part of that call: it has no events of its own."""
        self.is_published = False
        self._task_id = call.task_id()


@types.coroutine
def _point() -> Generator[None, None, None]:
    yield


def begin(coroutine: Coroutine[Any, Any, Any]) -> Any:
    """Runs a coroutine until it parks. Returns its value, or itself, to be awaited; raises the error of a Failed."""
    try:
        coroutine.send(None)
    except StopIteration as done:
        result = done.value
    else:
        return coroutine
    if type(result) is Failed:
        raise result.error
    return result


def managed(call: Call) -> Coroutine[Any, Any, Any]:
    """The coroutine of a call that is not skipped: it returns the value, the continuation, or a Failed."""
    # A loop of tail calls is looked up once, with its first arguments, and its last value is kept.
    if call.operation.cache is None or call.again:
        return _with_resources(call)
    return _with_cache(call)


def call_cached(call: Call) -> Any:
    """As `begin(managed(call))` of a node that has a cache, without a coroutine where the value is there."""
    keeping = Keeping(call)
    if not keeping.is_possible:
        return begin(_with_resources(call))
    hit = keeping.find()
    if hit is not None and not is_awaitable(hit) and not is_awaitable(_value_of(hit)):
        return _take(call, hit)
    return begin(_with_hit(call, keeping, hit))


async def _with_cache(call: Call) -> Any:
    keeping = Keeping(call)
    if not keeping.is_possible:
        return await _with_resources(call)
    try:
        hit = keeping.find()
    except Exception as error:
        return Failed(error)
    return await _with_hit(call, keeping, hit)


async def _with_hit(call: Call, keeping: Keeping, hit: Any) -> Any:
    if is_awaitable(hit):
        try:
            await parked_with(call, hit)
            hit = await hit
        except Exception as error:
            return Failed(error)
    if hit is not None:
        value = _take(call, hit)
        if is_awaitable(value):
            await call.park()  # it is the value, and not awaited again
        return value
    result = await _with_resources(call)
    if type(result) is Failed:
        return result
    if type(result) is TailCall or type(result) is LazyResult:
        return KEEP(keeping, continuation(call, result))
    try:
        saving = keeping.keep(result)
        if is_awaitable(saving):
            await parked_with(call, saving)
            await saving
    except Exception as error:
        return Failed(error)
    return result


def _value_of(hit: Any) -> Any:
    return hit.value if type(hit) is Hit else hit


def _take(call: Call, hit: Any) -> Any:
    """Returns the value of a hit, and publishes that the call is not made."""
    if call.is_published:
        call.context.skip(call.operation.task, call.serial, call.node, "CacheHit")
    return _value_of(hit)


class Keeping:
    """One call's place in a cache. It is found before the call, which may change its arguments."""

    def __init__(self, call: Call) -> None:
        operation, resources = call.operation, call.context.inputs.resources
        self.name = operation.name
        self.function = operation.task.func
        self.policy = operation.cache
        self.is_possible = True
        self.inputs = call.context.inputs
        self._taken = self.inputs.taken
        self.arguments = dict(zip(operation.task.parameters, call.operands, strict=False))
        self.key: Any = None
        try:
            identity = _identity_of(operation.task)
            self.task_id = identity.text
            if hasattr(self.policy, "keyed"):
                args, kwargs = operation.task.binder.split(tuple(call.operands[: operation.count]))
                self.arguments = self.policy.keyed(args, kwargs)
            if resources is not None:
                self.arguments = resources.keyable(self.arguments)
            # Caches that make keys of their own: see cascade.adapters.caches.keyed.
            if hasattr(self.policy, "key_of"):
                self.key = self.policy.key_of(self.task_id, self.arguments, identity)
        except KeyingError as error:
            self._warn(error)
            self.is_possible = False

    def find(self) -> Any:
        """The value kept, or a Hit, or None; or an awaitable of it."""
        if self.key is None:
            return self.policy.check(self.task_id, self.arguments)
        return _promptly(self.policy, self.policy.load, self.key)

    def keep_answer(self, value: Any) -> Any:
        """As `keep`, for the value of a graph that the task returned.

        Its key is that of the task's call, which has nothing of what the graph takes from the run. Graphs that are computed at
        the same time cannot be told apart from those that belong to it, so what they take counts as well.
        """
        if self.inputs.taken == self._taken:
            return self.keep(value)
        taken = self.inputs.last_taken
        what = f"resource {taken.name!r}" if isinstance(taken, Injection) else repr(taken)
        hint = "declare it as a parameter of the task itself, or cache the tasks of that graph instead"
        self._warn(KeyingError(f"a graph that was computed for its value takes {what} from the run", hint=hint))
        return None

    def keep(self, value: Any) -> Any:
        """Keeps the value; returns an awaitable if that takes one."""
        try:
            if self.key is None:
                return self.policy.save(self.task_id, self.arguments, value)
            return _promptly(self.policy, self.policy.store, self.key, value)
        except KeyingError as error:
            self._warn(error)
        return None

    def _warn(self, error: KeyingError) -> None:
        hint = "" if error.hint is None else f" ({error.hint})"
        warn_user(f"a call of task {self.name!r} is not cached: {error.what}{hint}", CacheWarning, self.function)


def _promptly(cache: Any, action: Callable[..., Any], *args: Any) -> Any:
    """Returns the action's result; under an event loop an awaitable of it, from a thread, where the cache would wait for others."""
    if not hasattr(cache, "at_once") or not _is_loop_running():
        return action(*args)
    try:
        with cache.at_once():
            return action(*args)
    except BlockingIOError:
        return _in_thread(action, *args)


def _is_loop_running() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


async def _in_thread(action: Callable[..., Any], *args: Any) -> Any:
    return await asyncio.to_thread(action, *args)


def _identity_of(task: Task[..., Any]) -> Identity:
    # Imported when the first call is cached: it needs `dis`, `sysconfig` and the like.
    global _identity_of
    from cascade.adapters.caches.identity import known_identity

    _identity_of = known_identity
    return known_identity(task)


def _keep(keeping: Keeping, value: Any) -> Any:
    saving = keeping.keep_answer(value)
    return _after(saving, value) if is_awaitable(saving) else value


async def _after(saving: Any, value: Any) -> Any:
    await saving
    return value


KEEP: Task[..., Any] = Task(_keep, name="keep in cache")
KEEP.hands_on = True


def continuation(call: Call, result: TailCall[Any] | LazyResult[Any]) -> LazyResult[Any]:
    """Returns the continuation of a call that returned a tail call or a LazyResult, as a LazyResult."""
    if isinstance(result, LazyResult):
        return result
    operation, context = call.operation, call.context
    task = operation.task
    target = task if result.target is None else context.target_task(result.target, task)
    if target is not task:
        return context.deferred(operation_of(target), target.bind(*result.args, **result.kwargs))
    lazy = context.deferred(operation, context.rebind(operation, tuple(call.operands), result.args, result.kwargs))
    return lazy.with_cache(None)


async def _with_resources(call: Call) -> Any:
    operation = call.operation
    if operation.amounts:
        claim = claim_for(call)
        try:
            if not claim.granted:
                call.context.publisher.blocked(call.task_id(), operation.name, _shortage(claim))
                call.blocked = True
                await call.park()
                await call.context.capacity.wait(claim)
                call.blocked = False
                if call.on_granted is not None:
                    call.on_granted()
            return await _attempts(call)
        finally:
            call.context.capacity.release(claim)
    return await _attempts(call)


def claim_for(call: Call) -> Claim:
    """Claims the resources that the call wants.

    Raises:
        CapacityError: (a ValueError) there is not so much of one of them.
        PolicyError: (a ValueError) an amount that was computed is negative.
    """
    operation = call.operation
    amounts = operation.derived.claim
    if operation.computed:
        computed = iter(call.operands[operation.count :])
        named = tuple((name, next(computed) if amount is None else amount) for name, amount in operation.amounts)
        for name, amount in named:
            check_amount(name, amount)
        amounts = wanted(named)
    elif amounts is None:
        amounts = operation.derived.claim = wanted(operation.amounts)
    return call.context.capacity.claim(amounts, call.where)


def _shortage(claim: Claim) -> str:
    return "waits for " + ", ".join(f"{name}={float(amount):g}" for name, amount in claim.amounts.items())


def _call_function(context: NodeContext, operation: Managed, operands: Sequence[Any]) -> Any:
    """Calls the function of a node: the one call of all policies."""
    args, kwargs = operation.task.binder.split(tuple(operands[: operation.count]))
    enter_task()
    try:
        return context.execute(operation.task, args, kwargs)
    finally:
        leave_task()


def call_quickly(
    context: NodeContext, operation: Managed, operands: Sequence[Any], serial: int, node: int, origin: Task[..., Any] | None
) -> Any:
    """As `managed`, where nothing has to be done but the call, unless it fails or has to be awaited."""
    held = None
    if operation.amounts:
        held = operation.derived.claim
        if held is None:
            held = operation.derived.claim = wanted(operation.amounts)
        if not context.capacity.take(held):
            return begin(managed(Call(context, operation, operands, serial, node, origin)))
    made, error = None, None
    goes_on = False
    try:
        if context.observed and origin is None:
            context.started(operation.task, serial, node)
        try:
            made = _call_function(context, operation, operands)
        except Exception as raised:
            if operation.retry is None:
                raise
            error = raised
        goes_on = error is not None or is_awaitable(made)
    finally:
        if held is not None and not goes_on:
            context.capacity.give(held)
    if not goes_on:
        return made
    return begin(_continue(Call(context, operation, operands, serial, node, origin), made, error, held))


async def _continue(call: Call, made: Any, error: BaseException | None, held: Mapping[str, Any] | None) -> Any:
    try:
        if error is None:
            await parked_with(call, made)
            try:
                made = await made
            except Exception as raised:
                error = raised
            else:
                if type(made) is not Failed:
                    return made
                error = made.error
        return await _attempts(call, error)
    finally:
        if held is not None:
            call.context.capacity.give(held)


async def _attempts(call: Call, failure: BaseException | None = None) -> Any:
    """Calls the task until it succeeds or may not be called again; `failure` is that of a first attempt."""
    operation, context = call.operation, call.context
    task, retry = operation.task, operation.retry
    if context.observed and call.is_published and failure is None:
        context.started(task, call.serial, call.node)
    attempt = _attempt if operation.timeout is None or is_endless(operation.timeout) else _timed_attempt
    number = 1
    begun = 0.0
    while True:
        value, error = (None, failure) if failure is not None else await attempt(call)
        failure = None
        if error is None:
            return value
        if retry is None or number >= retry.max_attempts or not isinstance(error, retry.retry_on):
            if number > 1:
                add_note(error, f"after {number} attempts")
            return Failed(error)
        delay = retry.delay_after(number)
        context.publisher.retrying(call.task_id(), task.name, number, retry.max_attempts, delay, error)
        error = value = None
        if delay:
            await call.park()
            await asyncio.sleep(delay)
        elif not begun:
            begun = time.monotonic()
        elif time.monotonic() - begun > PATIENCE:
            await call.park()
            await give_turn()
            begun = time.monotonic()
        number += 1


async def _attempt(call: Call) -> tuple[Any, BaseException | None]:
    try:
        made = _call_function(call.context, call.operation, call.operands)
        if is_awaitable(made):
            await parked_with(call, made)
            made = await made
    except Exception as error:
        return None, error
    return (None, made.error) if type(made) is Failed else (made, None)


async def _timed_attempt(call: Call) -> tuple[Any, BaseException | None]:
    seconds = call.operation.timeout
    assert seconds is not None
    begun = time.monotonic()
    inside = Scope(deadline=begun + seconds)  # runs in the function end in time
    scope = None
    made: Any = None
    late = False
    notes: list[str] = []
    try:
        with inside:
            made = _call_function(call.context, call.operation, call.operands)
        if is_awaitable(made):
            await parked_with(call, made)
            async with asyncio.timeout(seconds) as scope:
                made = await made
        else:
            late = time.monotonic() - begun > seconds
    except TimeoutError as error:
        if scope is None or not scope.expired():
            return None, error
        late = True
        notes = getattr(error.__cause__, "__notes__", [])  # of a tear-down that failed, too
    except Exception as error:
        return None, error
    except BaseException as error:
        if not (inside.expired and isinstance(error, asyncio.CancelledError)):
            raise
        late = True
    if not late:
        return (None, made.error) if type(made) is Failed else (made, None)
    is_stopped = scope is not None and call.operation.task.mode != "blocking"
    timed_out = TaskTimeoutError(
        f"task {call.operation.name!r} took longer than {seconds:g} s", where=call.where(),
        hint="raise the node's with_timeout"
        + ("" if is_stopped else ", or make the call one that can be stopped: a coroutine, or mode='compute'"),
    )
    for note in notes:
        timed_out.add_note(note)
    return None, timed_out


async def parked_with(call: Call, awaitable: Any) -> None:
    """As `call.park`, with something that has to be awaited, or closed if that does not come about."""
    try:
        await call.park()
    except BaseException:
        # Nobody will await it.
        if hasattr(awaitable, "close"):
            awaitable.close()
        raise

