"""The task decorator."""

from __future__ import annotations

import types
from collections.abc import Callable, Coroutine

from cascade._vm import AT_ONCE, MUST, NEVER, WHEN_HOT, Routine, TailCall
from cascade.declare.lazy import LazyResult
from cascade.errors import DeclarationError, nearest
from cascade.imports import TYPE_CHECKING, Any, Generic, ParamSpec, TypeVar, overload

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Concatenate

    from cascade.declare.binding import Binder
    from cascade.declare.policies import CachePolicy, Policies
    from cascade.declare.retry import Retry
    from cascade.graph.operations import Managed

P = ParamSpec("P")
Q = ParamSpec("Q")
R = TypeVar("R")

MODES = ("inline", "blocking", "compute")
OPTIONS = frozenset({"name", "pure", "mode", "lower", "retry", "timeout", "cache", "constraints"})
CO_COROUTINE, CO_ITERABLE_COROUTINE = 0x80, 0x100  # as in inspect, which takes long to import


class Task(Generic[P, R]):
    """A function whose calls are lazy: `task(...)` gives a `LazyResult`.

    Attributes:
        func: the function.
        name: its name in graphs, events and messages.
        pure: whether equal arguments always give equal results, so that equal calls in one graph are one node.
        mode: "inline" (called where the engine runs), "blocking" (in a thread) or "compute" (in a worker process).
        lower: True to have the function lowered to typed code, or else an error; False to have it never lowered.
        policies: the policies of its calls where these set none of their own; None for none.
        is_async: whether the function is a coroutine function.
        called: what a call of the task calls.
    """

    func: Callable[..., Any]
    name: str
    takes_policies = True
    hands_on = False  # whether what it gives holds its arguments, as they came: only of tasks that the engine adds

    def __init__(
        self, func: Callable[..., Any], *, name: str | None = None, pure: bool = False, mode: str = "inline",
        lower: bool | None = None, retry: Retry | int | Mapping[str, Any] | None = None, timeout: float | None = None,
        cache: CachePolicy | None = None, constraints: Mapping[str, float] | None = None,
    ) -> None:
        if isinstance(func, Task):
            raise DeclarationError(
                f"task {func.name!r} is a task already", hint="apply @task once, or pass its function: task(other.func)"
            )
        if not callable(func) and not isinstance(func, classmethod):
            raise DeclarationError(
                f"@task was given {func!r}, which cannot be called", expected="a function",
                hint="options are keywords: @task(name='...')",
            )
        if mode not in MODES:
            raise DeclarationError(
                f"@task(mode={mode!r})", expected="one of " + ", ".join(map(repr, MODES)), hint=nearest(str(mode), MODES)
            )
        for option, value, known in (("pure", pure, (True, False)), ("lower", lower, (True, False, None))):
            if not any(value is each for each in known):
                raise DeclarationError(f"@task({option}={value!r})", expected="one of " + ", ".join(map(repr, known)))
        self.binds: Any = None  # for what is looked up in a class; see __get__
        if isinstance(func, (classmethod, staticmethod)):
            self.binds = classmethod if isinstance(func, classmethod) else staticmethod
            func = func.__func__
        self.func = func
        self.task = self  # as an operation has one
        self.name = name if name is not None else getattr(func, "__name__", type(func).__name__)
        self.pure = pure
        self.mode = mode
        self.lower = lower
        self.policies = _defaults(self.name, retry, timeout, cache, constraints)
        if lower and self.policies is not None:
            raise DeclarationError(
                f"task {self.name!r} has default policies, which act on each of its calls, and lower=True",
                expected="one of the two", hint="set the policies where it is called: task(...).with_retry(...)",
            )
        self.operations: dict[Any, Any] = {}  # what rows of graphs do with it; kept by cascade.graph.operations
        flags = _code_flags(func)
        self.is_async = bool(flags & (CO_COROUTINE | CO_ITERABLE_COROUTINE))
        if self.is_async and mode == "compute":
            raise DeclarationError(
                f"task {self.name!r} is a coroutine function, and mode='compute' calls functions in another process",
                expected="a plain function, or mode='inline'",
            )
        # What is called: the function, or, for one made by types.coroutine, a coroutine function around it.
        self.called = _as_coroutine_function(func) if flags & CO_ITERABLE_COROUTINE else func
        self.resumption: Any = None  # goes on from the function's statements; made by the compiler
        self.identity: Any = None  # what its code is; kept by cascade.adapters.caches
        self.code_cache: Any = None  # compiled forms of graphs that end in this task; kept by the runtime
        self._binder: Binder | None = None
        self._routine: Routine | None = None
        # Replaced by the binding function itself at the first call: decorating stays cheap at import.
        self.bind: Callable[..., tuple[Any, ...]] = self._first_bind
        for attribute in ("__module__", "__name__", "__qualname__", "__doc__"):
            try:
                setattr(self, attribute, getattr(func, attribute))
            except AttributeError:
                pass
        self.__wrapped__ = func

    def __call__(self, /, *args: P.args, **kwargs: P.kwargs) -> LazyResult[R]:
        lazy: LazyResult[R] = _new(LazyResult)
        lazy.task = self
        lazy.slots = self.bind(*args, **kwargs)
        lazy.policies = self.policies
        return lazy

    def map(self, /, *inputs: Any, **named: Any) -> LazyResult[list[R]]:
        """Calls the task for each item of its inputs; the value is the list of what the calls give, in order.

        Args:
            inputs, named: for parameters of the task, something to iterate over, or a LazyResult of it. All have to
                have the same number of items. What they hold may be LazyResults, too.

        The other parameters have their defaults. One that is a LazyResult, such as `cascade.Param(...)`, is computed once,
        and all items share its value; of a resource of scope "task" each item has its own. A resource or a `Param` that is
        given as an input is iterated over like any other.

        Policies of the result act on each item, but for `run_if` and `after`, which are about the map as a whole.

        Raises:
            TypeError: as the call of the task would, where an input does not fit its parameters.
            DeclarationError: (a TypeError) there is no input, or one that cannot be iterated over.
            MapError: (a ValueError) an input has no end.
        """
        return self._mapped((), inputs, named)

    def _mapped(self, first: tuple[Any, ...], inputs: tuple[Any, ...], named: dict[str, Any]) -> LazyResult[list[R]]:
        # `first` is what all calls get as their first argument, if there is such a thing.
        self.bind(*first, *inputs, **named)
        if not inputs and not named:
            raise DeclarationError(f"{self.name}.map()", expected="at least one input", hint=f"{self.name}.map(parameter=items)")
        from cascade.declare.iterables import check_map_input
        from cascade.declare.policies import PLAIN, MapForm

        names = self.parameters[len(first) :]
        for at, items in enumerate(inputs):
            check_map_input(names[min(at, len(names) - 1)], items, f"{self.name}.map")
        for name, items in named.items():
            check_map_input(name, items, f"{self.name}.map")
        shared: dict[int | str, Any] = {**dict(enumerate(first)), **self.binder.deferred_defaults(len(first) + len(inputs), named)}
        lazy: LazyResult[list[R]] = _new(LazyResult)
        lazy.task = self
        lazy.slots = (*inputs, *named.values(), *shared.values())
        lazy.policies = (PLAIN if self.policies is None else self.policies)._replace(
            form=MapForm(len(inputs), tuple(named), tuple(shared))
        )
        return lazy

    def tail(self, /, *args: P.args, **kwargs: P.kwargs) -> TailCall[R]:
        """A tail call to this task: `TailCall(args, kwargs, target=self)`, checked where it is written.

        In a loop of the task itself, a parameter that is left out keeps its current value.

        Raises:
            TypeError: as the call would.
        """
        self.bind(*args, **kwargs)
        return TailCall(args, kwargs or None, self)

    def _first_bind(self, /, *args: Any, **kwargs: Any) -> tuple[Any, ...]:
        self.bind = self.binder.bind
        return self.bind(*args, **kwargs)

    @property
    def binder(self) -> Binder:
        """How calls of the task are bound to its parameters."""
        if self._binder is None:
            from cascade.declare.binding import Binder

            self._binder = Binder(self.func)
        return self._binder

    @property
    def parameters(self) -> tuple[str, ...]:
        """The names of the parameters."""
        return self.binder.parameters

    @property
    def operation(self) -> Task[P, R] | Managed:
        """What a row of a graph does that calls the task with its default policies."""
        if self.policies is None:
            return self
        from cascade.graph.operations import interned

        return interned(self, self.policies)

    @property
    def routine(self) -> Routine:
        """How the virtual machine calls the task's function."""
        if self._routine is None:
            binder = self.binder
            self._routine = Routine(
                owner=self,
                function=self.called,
                name=self.name,
                parameters=binder.parameters,
                positional=binder.positional,
                positional_only=binder.positional_only,
                keywords=binder.keywords,
                varargs=binder.varargs,
                varkwargs=binder.varkwargs,
                bind=binder.bind,
                lowering=self._when_lowered(),
            )
        return self._routine

    def _when_lowered(self) -> int:
        if self.lower:
            return MUST
        if self.lower is False or self.policies is not None or self.is_async or self.mode != "inline":
            return NEVER
        if not isinstance(self.func, types.FunctionType):
            return NEVER
        return AT_ONCE if _loops(self.func) else WHEN_HOT

    if not TYPE_CHECKING:  # checkers know it of decorated functions only, or each attribute that holds a task would bind

        def __get__(self, instance: object, owner: type | None = None) -> Any:
            # As for a function: in a class body, the task of an instance gets it as its first argument.
            if self.binds is classmethod:
                return BoundTask(self, type(instance) if owner is None else owner)
            return self if instance is None or self.binds is staticmethod else BoundTask(self, instance)

    def __repr__(self) -> str:
        return f"<Task {self.name}>"

    def __reduce__(self) -> str:
        # By name, like a function: `@task` puts the task where the function's name points.
        return str(getattr(self, "__qualname__", self.name))


class BoundTask(Task[P, R]):
    """A task that was looked up on an instance: what a bound method is to a function.

    A call of it is a call of the task, whose first argument is the instance. So all instances share what was compiled.

    Attributes:
        __func__: the task.
        __self__: the instance.
    """

    __func__: Any  # the task; a type with a `__get__` would be taken for what that gives
    identity: Any = None  # not that of the task: the instance is part of it
    _binder: Any = None

    def __init__(self, task: Task[..., R], instance: Any) -> None:
        self.__func__ = task
        self.__self__ = instance
        self.__module__ = task.__module__
        self.__doc__ = task.__doc__

    def __getattr__(self, name: str) -> Any:
        found = getattr(self.__func__, name)
        return types.MethodType(found, self.__self__) if name in ("func", "called", "__wrapped__") else found

    def __call__(self, /, *args: P.args, **kwargs: P.kwargs) -> LazyResult[R]:
        return self.__func__(self.__self__, *args, **kwargs)  # type: ignore[no-any-return]

    def map(self, /, *inputs: Any, **named: Any) -> LazyResult[list[R]]:
        """As `Task.map`; all items share the instance."""
        return self.__func__._mapped((self.__self__,), inputs, named)  # type: ignore[no-any-return]

    def tail(self, /, *args: P.args, **kwargs: P.kwargs) -> TailCall[R]:
        """A tail call to the task, with the instance as its first argument."""
        return self.__func__.tail(self.__self__, *args, **kwargs)  # type: ignore[no-any-return]

    def bind(self, /, *args: Any, **kwargs: Any) -> tuple[Any, ...]:
        return self.__func__.bind(self.__self__, *args, **kwargs)  # type: ignore[no-any-return]

    @property
    def operation(self) -> Any:
        return self.__func__.operation

    @property
    def routine(self) -> Routine:
        return self.__func__.routine  # type: ignore[no-any-return]

    if not TYPE_CHECKING:

        def __get__(self, instance: Any, owner: type | None = None) -> Any:
            return self  # bound already

    def __eq__(self, other: object) -> bool:
        if type(other) is not BoundTask:
            return NotImplemented
        return self.__self__ is other.__self__ and self.__func__ is other.__func__

    def __hash__(self) -> int:
        return hash((id(self.__self__), self.__func__))

    def __repr__(self) -> str:
        return f"<bound task {getattr(self, '__qualname__', self.name)} of {self.__self__!r}>"

    def __reduce__(self) -> Any:
        return getattr, (self.__self__, self.__name__)


class _Annotations(dict[str, Any]):
    """The annotations of a class whose instances show those of the function that they stand for."""

    def __get__(self, task: Any, owner: type | None = None) -> Any:
        return self if task is None else getattr(task.func, "__annotations__", {})


Task.__annotations__ = _Annotations(Task.__annotations__)
BoundTask.__annotations__ = _Annotations(BoundTask.__annotations__)

_new: Any = object.__new__

HELPERS_LOOKED_AT = 16


def _loops(func: types.FunctionType) -> bool:
    """Whether there is a loop in the function's code or in that of the functions that it names, or one of these names itself."""
    from opcode import opmap

    jumps = [opmap[name] for name in opmap if "BACKWARD" in name]
    seen: set[types.FunctionType] = {func}
    waiting = [func]
    for function in waiting:  # which grows
        code = function.__code__
        if any(jump in code.co_code[::2] for jump in jumps):
            return True
        for name in code.co_names:
            named = function.__globals__.get(name)
            if type(named) is not types.FunctionType:
                continue
            if named is function:
                return True
            if named not in seen and len(seen) <= HELPERS_LOOKED_AT:
                seen.add(named)
                waiting.append(named)
    return False


def _defaults(
    name: str, retry: Retry | int | Mapping[str, object] | None, timeout: float | None, cache: CachePolicy | None,
    constraints: Mapping[str, float] | None,
) -> Policies | None:
    """Returns the default policies of a task, None if there are none."""
    if retry is None and timeout is None and cache is None and not constraints:
        return None
    from cascade.declare.amounts import as_timeout, check_amount
    from cascade.declare.policies import Policies, as_cache, as_retry

    amounts = tuple(dict(constraints or {}).items())
    for resource, amount in amounts:
        if not isinstance(resource, str):
            raise DeclarationError(f"constraints={constraints!r}", where=f"task {name!r}", expected="names of resources as keys")
        check_amount(resource, amount)
    return Policies(as_retry(retry), as_timeout(timeout), as_cache(cache), amounts)


def _code_flags(func: Any) -> int:
    while type(func).__name__ == "partial" and hasattr(func, "func"):
        func = func.func
    func = getattr(func, "__func__", func)
    code = getattr(func, "__code__", None)
    if code is None:
        code = getattr(getattr(type(func), "__call__", None), "__code__", None)
    return 0 if code is None else int(code.co_flags)


def _as_coroutine_function(func: Callable[..., Any]) -> Callable[..., Any]:
    async def call(*args: Any, **kwargs: Any) -> Any:
        return await func(*args, **kwargs)

    return call


# That of a LazyResult comes first: it is assignable to the results of all others.
@overload
def task(func: Callable[P, LazyResult[R]], /) -> FunctionTask[P, R]: ...
@overload
def task(func: classmethod[Any, P, TailCall[R] | LazyResult[R] | R], /) -> Task[P, R]: ...
@overload
def task(func: Callable[P, Coroutine[Any, Any, TailCall[R]]], /) -> FunctionTask[P, R]: ...
@overload
def task(func: Callable[P, Coroutine[Any, Any, LazyResult[R]]], /) -> FunctionTask[P, R]: ...
@overload
def task(func: Callable[P, Coroutine[Any, Any, TailCall[R] | LazyResult[R] | R]], /) -> FunctionTask[P, R]: ...
@overload
def task(func: Callable[P, TailCall[R]], /) -> FunctionTask[P, R]: ...
@overload
def task(func: Callable[P, TailCall[R] | LazyResult[R] | R], /) -> FunctionTask[P, R]: ...
@overload
def task(
    *, name: str | None = None, pure: bool = False, mode: str = "inline", lower: bool | None = None,
    retry: Retry | int | Mapping[str, Any] | None = None, timeout: float | None = None,
    cache: CachePolicy | None = None, constraints: Mapping[str, float] | None = None,
) -> _Decorator: ...
def task(
    func: Any = None, /, *, name: str | None = None, pure: bool = False, mode: str = "inline", lower: bool | None = None,
    retry: Retry | int | Mapping[str, Any] | None = None, timeout: float | None = None,
    cache: CachePolicy | None = None, constraints: Mapping[str, float] | None = None, **unknown: Any,
) -> Any:
    """Makes a function a task: calling it gives a `LazyResult` instead of a value.

    Args:
        func: a sync or async function, or any other callable.
        name: its name in graphs, events and messages; by default the function's.
        pure: True promises that equal arguments always give equal results: calls in one graph are one node, and give the very
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

    Raises:
        DeclarationError: (a TypeError) for something that cannot be called, or an unknown mode or option.

    >>> @task
    ... def double(x: int) -> int:
    ...     return 2 * x
    >>> double(4)
    <LazyResult of double>
    """
    for option in unknown:
        raise DeclarationError(
            f"@task was given an unknown option {option!r}", expected="one of " + ", ".join(sorted(OPTIONS)),
            hint=nearest(option, OPTIONS),
        )
    def make(function: Any) -> Task[..., Any]:
        return Task(
            function, name=name, pure=pure, mode=mode, lower=lower, retry=retry, timeout=timeout, cache=cache, constraints=constraints
        )

    return make if func is None else make(func)


if TYPE_CHECKING:
    from typing import Protocol

    class FunctionTask(Task[P, R]):
        """What type checkers know of a decorated function: in a class it binds as a method does."""

        @overload
        def __get__(self: FunctionTask[Concatenate[Any, Q], R], instance: object, owner: type | None = None) -> MethodTask[Q, P, R]: ...
        @overload
        def __get__(self, instance: object, owner: type | None = None) -> Task[P, R]: ...
        def __get__(self, instance: Any, owner: type | None = None) -> Any: ...

    class MethodTask(BoundTask[Q, R], Generic[Q, P, R]):
        """A task that was looked up in a class: checkers do not say whether of a class method, a static one or another.

        So the first parameter may be bound already, or not.
        """

        @overload
        def __call__(self, /, *args: Q.args, **kwargs: Q.kwargs) -> LazyResult[R]: ...
        @overload
        def __call__(self, /, *args: P.args, **kwargs: P.kwargs) -> LazyResult[R]: ...
        def __call__(self, /, *args: Any, **kwargs: Any) -> Any: ...
        @overload
        def tail(self, /, *args: Q.args, **kwargs: Q.kwargs) -> TailCall[R]: ...
        @overload
        def tail(self, /, *args: P.args, **kwargs: P.kwargs) -> TailCall[R]: ...
        def tail(self, /, *args: Any, **kwargs: Any) -> Any: ...

    class _Decorator(Protocol):
        @overload
        def __call__(self, func: Callable[P, LazyResult[R]], /) -> FunctionTask[P, R]: ...
        @overload
        def __call__(self, func: classmethod[Any, P, TailCall[R] | LazyResult[R] | R], /) -> Task[P, R]: ...
        @overload
        def __call__(self, func: Callable[P, Coroutine[Any, Any, TailCall[R]]], /) -> FunctionTask[P, R]: ...
        @overload
        def __call__(self, func: Callable[P, Coroutine[Any, Any, LazyResult[R]]], /) -> FunctionTask[P, R]: ...
        @overload
        def __call__(self, func: Callable[P, Coroutine[Any, Any, TailCall[R] | LazyResult[R] | R]], /) -> FunctionTask[P, R]: ...
        @overload
        def __call__(self, func: Callable[P, TailCall[R]], /) -> FunctionTask[P, R]: ...
        @overload
        def __call__(self, func: Callable[P, TailCall[R] | LazyResult[R] | R], /) -> FunctionTask[P, R]: ...
