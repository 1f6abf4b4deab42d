"""The decorator that makes a function a task, and its types."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping

from cascade._vm import TailCall, entry_point
from cascade.declare.functions import CO_ASYNC_GENERATOR, CO_GENERATOR, CO_ITERABLE_COROUTINE, code_flags
from cascade.declare.task import BoundTask, LazyResult, Task
from cascade.errors import DeclarationError, DeclarationWarning, nearest
from cascade.imports import TYPE_CHECKING, Generic, ParamSpec, TypeVar, annotation, overload

if TYPE_CHECKING:
    from typing import Concatenate, Never

    from cascade.declare.cache_policy import CachePolicy
    from cascade.declare.effects import Effect
    from cascade.declare.retry import Retry
else:
    Effect = annotation("cascade.declare.effects", "Effect")
    CachePolicy = annotation("cascade.declare.cache_policy", "CachePolicy")
    Retry = annotation("cascade.declare.retry", "Retry")

C = TypeVar("C")
P = ParamSpec("P")
Q = ParamSpec("Q")
R = TypeVar("R")

OPTIONS = frozenset({"name", "pure", "mode", "lower", "retry", "timeout", "cache", "constraints", "effect"})


# The overload of LazyResult comes first: that is assignable to the results of all others.
@overload
def task(func: Callable[P, LazyResult[R]], /) -> FunctionTask[P, R]: ...
@overload
def task(func: classmethod[C, P, TailCall[R] | LazyResult[R] | R], /) -> Task[P, R]: ...
@overload
def task(func: Callable[P, Coroutine[object, Never, TailCall[R]]], /) -> FunctionTask[P, R]: ...
@overload
def task(func: Callable[P, Coroutine[object, Never, LazyResult[R]]], /) -> FunctionTask[P, R]: ...
@overload
def task(func: Callable[P, Coroutine[object, Never, TailCall[R] | LazyResult[R] | R]], /) -> FunctionTask[P, R]: ...
@overload
def task(func: Callable[P, TailCall[R]], /) -> FunctionTask[P, R]: ...
@overload
def task(func: Callable[P, TailCall[R] | LazyResult[R] | R], /) -> FunctionTask[P, R]: ...
@overload
def task(
    *,
    name: str | None = None,
    pure: bool = False,
    mode: str = "inline",
    lower: bool | None = None,
    retry: Retry | int | Mapping[str, object] | None = None,
    timeout: float | None = None,
    cache: CachePolicy | None = None,
    constraints: Mapping[str, float] | None = None,
    effect: Effect = "again",
) -> _Decorator: ...
@entry_point
def task(
    func: object = None,
    /,
    *,
    name: str | None = None,
    pure: bool = False,
    mode: str = "inline",
    lower: bool | None = None,
    retry: Retry | int | Mapping[str, object] | None = None,
    timeout: float | None = None,
    cache: CachePolicy | None = None,
    constraints: Mapping[str, float] | None = None,
    effect: Effect = "again",
    **unknown: object,
) -> object:
    """Makes a function a task: calling it returns a `LazyResult` instead of a value.

    Args:
        func: a sync or async function, or any other callable.
        name: its name in graphs, events and messages; by default the function's.
        pure: True promises that equal arguments always have equal results: calls in one graph are one node, and return the very
            same object, where their arguments are equal constants (numbers, texts, tuples of them, the very same object) or
            the very same results.
        mode: "inline" to call it where the engine runs, "blocking" to call it in a thread, "compute" to call it in a
            worker process (`pip install 'cascade-engine[processes]'`).
        lower: True to have a run raise `LoweringError` where the function has no typed form; False to never lower it.
            Left out, it is lowered (on the VM path) where that is possible and worth it.
        retry: a `cascade.Retry` or a number of attempts, for calls that set no `with_retry` of their own.
        timeout: seconds, for calls that set no `with_timeout`.
        cache: a cache policy, for calls that set no `with_cache`.
        constraints: amounts of system resources by name; calls may add to them `with_constraints`.
        effect: the treatment of a call that was under way when a saved run (`cascade.start`) broke off. "again": it is made again, as
            are calls after the last snapshot. "once": it is never repeated; its result is saved before anything else is
            called. "atomic": its writes through the store's connection, and the snapshot behind it, are one transaction.

    Raises:
        DeclarationError: (a TypeError) for something that cannot be called, or an unknown mode or option.

    >>> @task
    ... def double(x: int) -> int:
    ...     return 2 * x
    >>> double(4)
    <LazyResult of double, not run yet: cs.run(...)>
    """
    for option in unknown:
        raise DeclarationError(
            f"@task was given an unknown option {option!r}",
            expected="one of " + ", ".join(sorted(OPTIONS)),
            hint=nearest(option, OPTIONS),
        )

    @entry_point
    def make(function: Callable[..., object]) -> Task[..., object]:
        if not lower and _returns_generator(function):
            _warn_of_generator(function)
        return Task(
            function,
            name=name,
            pure=pure,
            mode=mode,
            lower=lower,
            retry=retry,
            timeout=timeout,
            cache=cache,
            constraints=constraints,
            effect=effect,
        )

    return make if func is None else make(func)  # type: ignore[arg-type]  # which Task checks


def _returns_generator(function: object) -> bool:
    """Whether it is a generator function; one that `types.coroutine` has made is awaited."""
    flags = code_flags(function)
    return bool(flags & (CO_GENERATOR | CO_ASYNC_GENERATOR)) and not flags & CO_ITERABLE_COROUTINE


def _warn_of_generator(function: Callable[..., object]) -> None:
    from cascade.declare.warn import warn_user

    name = getattr(function, "__name__", "task")
    warn_user(
        f"the value of task {name!r} is a generator, which runs where somebody iterates over it, and only once. "
        "For its items write: return list(...); for a set-up and a tear-down: @cs.resource; for values as they come: "
        "cs.stream(task.map(...)); if the generator itself is meant, return it from a plain function",
        DeclarationWarning,
        function,
    )


if TYPE_CHECKING:
    from typing import Protocol

    class FunctionTask(Task[P, R]):
        """The type of a decorated function for type checkers: in a class it binds as a method does."""

        @overload
        def __get__(
            self: FunctionTask[Concatenate[C, Q], R], instance: object, owner: type | None = None
        ) -> MethodTask[Q, P, R]: ...
        @overload
        def __get__(self, instance: object, owner: type | None = None) -> Task[P, R]: ...
        def __get__(self, instance: object, owner: type | None = None) -> object: ...

    class MethodTask(BoundTask[Q, R], Generic[Q, P, R]):
        """The type of a task that was looked up in a class, be it a method, a class method or a static method.

        So the first parameter may be bound already, or not.
        """

        @overload
        def __call__(self, /, *args: Q.args, **kwargs: Q.kwargs) -> LazyResult[R]: ...
        @overload
        def __call__(self, /, *args: P.args, **kwargs: P.kwargs) -> LazyResult[R]: ...
        def __call__(self, /, *args: object, **kwargs: object) -> object: ...
        @overload
        def tail(self, /, *args: Q.args, **kwargs: Q.kwargs) -> TailCall[R]: ...
        @overload
        def tail(self, /, *args: P.args, **kwargs: P.kwargs) -> TailCall[R]: ...
        def tail(self, /, *args: object, **kwargs: object) -> object: ...

    class _Decorator(Protocol):
        @overload
        def __call__(self, func: Callable[P, LazyResult[R]], /) -> FunctionTask[P, R]: ...
        @overload
        def __call__(self, func: classmethod[C, P, TailCall[R] | LazyResult[R] | R], /) -> Task[P, R]: ...
        @overload
        def __call__(self, func: Callable[P, Coroutine[object, Never, TailCall[R]]], /) -> FunctionTask[P, R]: ...
        @overload
        def __call__(self, func: Callable[P, Coroutine[object, Never, LazyResult[R]]], /) -> FunctionTask[P, R]: ...
        @overload
        def __call__(
            self, func: Callable[P, Coroutine[object, Never, TailCall[R] | LazyResult[R] | R]], /
        ) -> FunctionTask[P, R]: ...
        @overload
        def __call__(self, func: Callable[P, TailCall[R]], /) -> FunctionTask[P, R]: ...
        @overload
        def __call__(self, func: Callable[P, TailCall[R] | LazyResult[R] | R], /) -> FunctionTask[P, R]: ...
