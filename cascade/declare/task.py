"""Task and LazyResult: a function whose calls are lazy, and such a call. Each of the two types refers to the other."""

from __future__ import annotations

import types
from collections.abc import Callable, Mapping

from cascade._vm import AT_ONCE, MUST, NEVER, WHEN_HOT, Routine, TailCall, configure
from cascade.declare.derived import ResultDerived, TaskDerived
from cascade.declare.functions import CO_COROUTINE, CO_ITERABLE_COROUTINE, as_coroutine_function, code_flags, loops
from cascade.errors import DeclarationError, nearest
from cascade.imports import TYPE_CHECKING, Any, Generic, NoReturn, ParamSpec, Self, TypeVar, annotation, overload

if TYPE_CHECKING:
    from typing import Literal

    from cascade.declare.binding import Binder
    from cascade.declare.cache_policy import CachePolicy
    from cascade.declare.failure import Failure
    from cascade.declare.policies import MapSignature, Policies
    from cascade.declare.retry import Retry
else:
    Binder = annotation("cascade.declare.binding", "Binder")
    CachePolicy = annotation("cascade.declare.cache_policy", "CachePolicy")
    Policies = annotation("cascade.declare.policies", "Policies")
    Retry = annotation("cascade.declare.retry", "Retry")

P = ParamSpec("P")
R = TypeVar("R", covariant=True)

MODES = ("inline", "blocking", "compute")

_new = object.__new__

if TYPE_CHECKING:

    class _Anything(Any):  # type: ignore[misc]  # on purpose
        """Makes a `LazyResult[T]` assignable to every type, so that it may stand where a T is wanted."""

else:
    _Anything = object

AS_CALLS = -1
"""A kernel is made block by block when one of the other kind would be made."""


class LazyResult(Generic[R], _Anything):
    """The result of calling a task, before the call is made: the task and its bound arguments.

    It may stand anywhere in the arguments of other tasks, also inside nested lists, tuples, dicts, sets and
    dataclasses. Run it with `cascade.run`, or compile it with `cascade.compile`.

    The methods that set policies change the result they are called on, and return it, so that they can be
    chained: a LazyResult stands for one node of the graph, which runs once, and a changed copy would be another node.
    Programs that were compiled before do not change.

    Attributes:
        task: the task that was called.
        slots: one value for each parameter of the task, defaults filled in; for a map, one for each input and for each
            value that all items share.
        policies: its own policies, or its task's defaults; None if there are none.
    """

    __slots__ = ("task", "slots", "policies", "derived", "searched", "__weakref__")

    task: Task[..., object]
    slots: tuple[object, ...]
    policies: Policies | None
    derived: ResultDerived
    """Unset until there is something to keep: calls are made by the million."""

    searched: int
    """The number of results that existed when its arguments were searched and held none; see `cascade.graph.search.was_searched`."""

    @property
    def around(self) -> object:
        """The values that a route is given by the graph around its Router; None for any other result."""
        return self.derived.around if hasattr(self, "derived") else None

    @around.setter
    def around(self, around: object) -> None:
        self.derived = ResultDerived()
        self.derived.around = around

    @property
    def arguments(self) -> dict[str, object]:
        """The arguments by the names of the parameters."""
        names = self.task.binder.parameters
        if self.policies is not None and self.policies.construct is not None:
            from cascade.declare.policies import MapSignature

            if isinstance(self.policies.construct, MapSignature):
                names = self.policies.construct.operand_names(names)
        return dict(zip(names, self.slots, strict=False))

    def run_if(self, condition: object) -> Self:
        """Skips the node when `condition` is false: a value, or a LazyResult.

        Results that need its value are skipped as well. Of several conditions all have to be true.
        """
        policies = self._policies()
        return self._set(policies._replace(conditions=(*policies.conditions, condition)))

    def after(self, *others: LazyResult[object]) -> Self:
        """Runs the node after others, whose values it does not need.

        Raises:
            DeclarationError: (a TypeError) one of them is no LazyResult.
        """
        for other in others:
            if type(other) is not LazyResult:
                from cascade.errors import DeclarationError

                raise DeclarationError(
                    f"after({other!r}), of type {type(other).__name__}",
                    where=f"a result of task {self.task.name!r}",
                    expected="LazyResults",
                    hint="pass what calling a task gives",
                )
        policies = self._policies()
        return self._set(policies._replace(after=(*policies.after, *others)))

    def with_retry(
        self,
        max_attempts: int | Retry | None = 3,
        delay: float = 0.0,
        backoff: float = 1.0,
        *,
        max_delay: float | None = None,
        jitter: float = 0.0,
        retry_on: type[Exception] | tuple[type[Exception], ...] = Exception,
    ) -> Self:
        """Calls the task again when it raises. The arguments are those of `cascade.Retry`; None for no retry.

        Each call is retried on its own: in a loop of tail calls, an iteration that fails is made again.
        """
        from cascade.declare.retry import Retry

        if max_attempts is None or isinstance(max_attempts, Retry):
            retry = max_attempts
        else:
            retry = Retry(max_attempts, delay, backoff, max_delay, jitter, retry_on)
        return self._set(self._policies()._replace(retry=retry))

    def with_timeout(self, seconds: float | None) -> Self:
        """Raises a TimeoutError that names the node when a call takes longer; None or infinity for no limit.

        Each attempt, and each iteration of a loop of tail calls, has its own time. A function that is called in place
        cannot be interrupted: it runs to its end, and then the error is raised.
        """
        from cascade.declare.amounts import as_timeout

        timeout = as_timeout(seconds)
        return self._set(self._policies()._replace(timeout=timeout))

    def with_constraints(self, /, **amounts: object) -> Self:
        """Takes that much of the engine's `system_resources` while the task is called: all at once, or it waits.

        An amount is a number or a LazyResult of one. Amounts that were set before stay, unless they are named again.
        """
        from cascade.declare.amounts import check_amount

        for name, amount in amounts.items():
            if type(amount) is not LazyResult:
                check_amount(name, amount)
        policies = self._policies()
        return self._set(policies._replace(constraints=tuple((dict(policies.constraints) | amounts).items())))

    def with_cache(self, policy: CachePolicy | None, *, key: Callable[..., object] | None = None) -> Self:
        """Takes the value from a cache, and saves it there after a call; None for no cache.

        Args:
            policy: such as a `MemoryCache` or a `DiskCache`.
            key: a function that is called as the task is; calls for which it returns the same are the same call. It is meant for
                arguments that have no key, or that matter only in part. The code of the task is part of the key as ever, that of
                `key` is not.

        A resource among the arguments counts by its value where that has a key, as plain data has. Else, and for one of
        scope "task", its function's code and the arguments of that count: two connections that are made in the same way
        are assumed to be equal.
        """
        from cascade.declare.policies import as_cache

        if key is not None:
            from cascade.declare.by_key import by_key

            policy = by_key(policy, key)
        cache = as_cache(policy)
        return self._set(self._policies()._replace(cache=cache))

    def with_concurrency(self, limit: int | None) -> Self:
        """Limits the number of items of a map that are under way at once; None for no limit.

        Raises:
            DeclarationError: (a TypeError) this is no map, or the limit no positive number.
        """
        from cascade.errors import DeclarationError

        if limit is not None and (not isinstance(limit, int) or isinstance(limit, bool) or limit < 1):
            raise DeclarationError(f"with_concurrency({limit!r})", expected="a number of items from 1 up, or None")
        policies, _ = self._map_policies("with_concurrency")
        return self._set(policies._replace(concurrency=limit))

    def as_array(self) -> LazyResult[Any]:
        """Has the value of a map be a NumPy array of its results, in order, instead of a list.

        It is the array that `numpy.array` makes of that list: of ints an array of int64, of floats one of float64, of bools one
        of bool, of numbers of several types one of the type that holds them all, of tuples of equal length one of two dimensions,
        of ints beyond 64 bits and other objects one of objects, of no results an empty one of float64. Numbers that typed code
        computes are put into the array as they are, without an object for each.

        As the methods that set policies, it changes the result, and returns it.

        Raises:
            DeclarationError: (a TypeError) this is no map, or NumPy is not installed.

        The run raises what `numpy.array` raises, such as a ValueError where the results are sequences of different lengths.
        """
        from importlib.util import find_spec

        from cascade.errors import DeclarationError

        policies, signature = self._map_policies("as_array")
        if find_spec("numpy") is None:
            raise DeclarationError("as_array needs NumPy, which is not installed", hint="pip install numpy")
        return self._set(policies._replace(construct=signature._replace(as_array=True)))

    def _map_policies(self, method: str) -> tuple[Policies, MapSignature]:
        """Returns the policies of a map and its signature; `method` is the one that only maps have.

        Raises:
            DeclarationError: (a TypeError) this is no map.
        """
        from cascade.declare.policies import MapSignature
        from cascade.errors import DeclarationError

        policies = self._policies()
        signature = policies.construct
        if not isinstance(signature, MapSignature):
            raise DeclarationError(
                f"{method} on a result of task {self.task.name!r}, which is one call",
                expected="the result of task.map(...)",
            )
        return policies, signature

    def _policies(self) -> Policies:
        if not self.task.takes_policies:
            from cascade.errors import DeclarationError

            raise DeclarationError(
                f"{self.task.name!r} is an input or a resource, and has no policies",
                expected="the result of calling a task",
            )
        from cascade.declare.policies import PLAIN

        policies = self.policies
        if policies is not None and policies.construct is not None:
            policies = self._holder.policies
        return PLAIN if policies is None else policies

    @property
    def _holder(self) -> LazyResult[object]:
        """The result that policies are set on: the last stage of a pipeline if that may be skipped, otherwise this one."""
        from cascade.declare.policies import Fallback

        if self.policies is not None and type(self.policies.construct) is Fallback:
            stage = self.slots[0]
            assert type(stage) is LazyResult
            return stage._holder
        return self

    def _set(self, policies: Policies) -> Self:
        holder: LazyResult[object] = self
        if self.policies is not None and self.policies.construct is not None:
            holder = self._holder
            _check_router(policies)
        holder.policies = None if policies.is_plain else policies  # a plain call, if nothing is left
        return self

    def __reduce__(self) -> tuple[object, ...]:
        """Puts the results that it needs first, as a flat list: its pickle is as deep as one call, however long the chain."""
        from cascade.declare.copying import reduce_result

        return reduce_result(self, new_result)

    def __copy__(self) -> Self:
        from cascade.declare.copying import copy_result

        return copy_result(self)

    def __deepcopy__(self, memo: dict[int, object]) -> Self:
        from cascade.declare.copying import deepcopy_result

        return deepcopy_result(self, memo)

    def __repr__(self) -> str:
        return f"<LazyResult of {self.task.name}>"

    def __bool__(self) -> NoReturn:
        raise TypeError(
            f"the result of task {self.task.name!r} is not known yet, so it has no truth value; "
            "pass it to a task that decides, or run it first with cascade.run"
        )


def _check_router(policies: Policies) -> None:
    from cascade.declare.policies import RouteSet

    if type(policies.construct) is not RouteSet:
        return
    for name, value in zip(policies._fields, policies, strict=True):
        if name not in ("construct", "conditions", "after") and value is not None and value != ():
            raise DeclarationError(
                f"a Router calls nothing itself, and takes no {name}",
                expected="run_if or after",
                hint="set it on the results that are its routes",
            )


configure(deferred_type=LazyResult)


def new_result(_before: object = ()) -> LazyResult[object]:
    """Returns an empty result, for a pickle, which has the results that it needs before it."""
    return LazyResult()


def lazy_result(
    task: Task[..., object], slots: tuple[object, ...], policies: Policies | None = None
) -> LazyResult[Any]:
    """Returns a LazyResult of arguments that are bound already."""
    lazy: LazyResult[object] = LazyResult()
    lazy.task = task
    lazy.slots = slots
    lazy.policies = policies
    return lazy


class Task(Generic[P, R]):
    """A function whose calls are lazy: `task(...)` returns a `LazyResult`.

    Attributes:
        func: the function.
        name: its name in graphs, events and messages.
        pure: True if equal arguments always have equal results, so that equal calls in one graph are one node.
        mode: "inline" (called where the engine runs), "blocking" (in a thread) or "compute" (in a worker process).
        lower: True if the function must be lowered to typed code, and it is an error if it cannot be; False if it is never lowered.
        policies: the policies of its calls that set none of their own; None for none.
        is_async: True for a coroutine function.
        called: the function that a call of the task calls.
    """

    func: Callable[..., Any]
    name: str
    takes_policies = True
    hands_on = False  # whether what it gives holds its arguments, as they came: only of tasks that the engine adds

    def __init__(
        self,
        func: Callable[..., object],
        *,
        name: str | None = None,
        pure: bool = False,
        mode: str = "inline",
        lower: bool | None = None,
        retry: Retry | int | Mapping[str, object] | None = None,
        timeout: float | None = None,
        cache: CachePolicy | None = None,
        constraints: Mapping[str, float] | None = None,
    ) -> None:
        _check_options(func, mode, pure, lower)
        self.binds: type | None = None  # classmethod or staticmethod, for the look-up in a class; see __get__
        if isinstance(func, (classmethod, staticmethod)):
            self.binds = classmethod if isinstance(func, classmethod) else staticmethod
            func = func.__func__
        self.func = func
        self.task = self  # as an operation has one
        self.name = name if name is not None else getattr(func, "__name__", type(func).__name__)
        self.pure = pure
        self.mode = mode
        self.lower = lower
        self.policies: Policies | None = self._default_policies(retry, timeout, cache, constraints)
        flags = code_flags(func)
        self.is_async: bool = bool(flags & (CO_COROUTINE | CO_ITERABLE_COROUTINE))
        if self.is_async and mode == "compute":
            raise DeclarationError(
                f"task {self.name!r} is a coroutine function, and mode='compute' calls functions in another process",
                expected="a plain function, or mode='inline'",
            )
        # The function itself, or, for one made by types.coroutine, a coroutine function around it.
        self.called: Callable[..., object] = as_coroutine_function(func) if flags & CO_ITERABLE_COROUTINE else func
        self.derived: TaskDerived = TaskDerived()
        self._binder: Binder | None = None
        self._routine: Routine | None = None
        # Replaced by the binding function itself at the first call: decorating stays cheap at import.
        self.bind: Callable[..., tuple[object, ...]] = self._first_bind
        for attribute in ("__module__", "__name__", "__qualname__", "__doc__"):
            try:
                setattr(self, attribute, getattr(func, attribute))
            except AttributeError:
                pass
        self.__wrapped__ = func

    def _default_policies(
        self,
        retry: Retry | int | Mapping[str, object] | None,
        timeout: float | None,
        cache: CachePolicy | None,
        constraints: Mapping[str, float] | None,
    ) -> Policies | None:
        if retry is None and timeout is None and cache is None and not constraints:
            return None
        from cascade.declare.policies import task_defaults

        policies = task_defaults(self.name, retry, timeout, cache, constraints)
        if self.lower:
            raise DeclarationError(
                f"task {self.name!r} has default policies, which act on each of its calls, and lower=True",
                expected="one of the two",
                hint="set the policies where it is called: task(...).with_retry(...)",
            )
        return policies

    def __call__(self, /, *args: P.args, **kwargs: P.kwargs) -> LazyResult[R]:
        lazy: LazyResult[R] = _new(LazyResult)
        lazy.task = self
        lazy.slots = self.bind(*args, **kwargs)
        lazy.policies = self.policies
        return lazy

    @overload
    def map(self, /, *inputs: object, on_error: Literal["raise"] = "raise", **named: object) -> LazyResult[list[R]]: ...
    @overload
    def map(
        self, /, *inputs: object, on_error: Literal["collect"] | int, **named: object
    ) -> LazyResult[list[R | Failure]]: ...
    def map(self, /, *inputs: object, on_error: object = "raise", **named: object) -> LazyResult[Any]:
        """Calls the task for each item of its inputs; its value is the list of their results, in order, or an array: see `as_array`.

        Args:
            inputs, named: for parameters of the task, an iterable or a LazyResult of one. All of them need the
                same number of items, which may be LazyResults as well.
            on_error: "raise" ends the map with the exception of the first item that fails, as calls in a loop would. With "collect" every
                item is called, and a `cascade.Failure` stands in the value in the place of each that failed; with a number as well,
                up to so many, and the next one ends the map. An item has failed when its retry policy has given up, too. A parameter
                of the task with this name takes an input, as any other.

        The other parameters have their defaults. One that is a LazyResult, such as `cascade.Param(...)`, is computed once,
        and all items share its value; of a resource of scope "task" each item has its own. A resource or a `Param` that is
        passed as an input is iterated over like any other.

        Policies of the result apply to each item, except `run_if` and `after`, which apply to the map as a whole.

        Raises:
            TypeError: as the call of the task would, where an input does not fit its parameters.
            DeclarationError: (a TypeError) there is no input, or one that cannot be iterated over.
            MapError: (a ValueError) an input has no end.
        """
        return self._mapped((), inputs, named, on_error)

    def _mapped(
        self, first: tuple[object, ...], inputs: tuple[object, ...], named: dict[str, object], on_error: object
    ) -> LazyResult[list[R]]:
        # `first` holds the first argument of all calls, if they share it.
        if on_error != "raise" or not isinstance(on_error, str):
            if "on_error" in self.parameters:
                named, on_error = {**named, "on_error": on_error}, "raise"
            else:
                from cascade.declare.failure import as_tolerated

                as_tolerated(on_error)
        self.bind(*first, *inputs, **named)
        if not inputs and not named:
            raise DeclarationError(
                f"{self.name}.map()", expected="at least one input", hint=f"{self.name}.map(parameter=items)"
            )
        from cascade.declare.iterables import check_map_input
        from cascade.declare.policies import PLAIN, MapSignature

        names = self.parameters[len(first) :]
        for at, items in enumerate(inputs):
            if not isinstance(items, LazyResult):
                check_map_input(names[min(at, len(names) - 1)], items, f"{self.name}.map")
        for name, items in named.items():
            if not isinstance(items, LazyResult):
                check_map_input(name, items, f"{self.name}.map")
        shared: dict[int | str, object] = {
            **dict(enumerate(first)),
            **self.binder.deferred_defaults(len(first) + len(inputs), named),
        }
        lazy: LazyResult[list[R]] = _new(LazyResult)
        lazy.task = self
        lazy.slots = (*inputs, *named.values(), *shared.values())
        lazy.policies = (PLAIN if self.policies is None else self.policies)._replace(
            construct=MapSignature(len(inputs), tuple(named), tuple(shared), on_error=on_error)  # type: ignore[arg-type]  # checked
        )
        return lazy

    def tail(self, /, *args: P.args, **kwargs: P.kwargs) -> TailCall[R]:
        """Returns a tail call to this task, `TailCall(args, kwargs, target=self)`, whose arguments are checked at once.

        In a loop of the task itself, an omitted parameter keeps its current value.

        Raises:
            TypeError: as the call would.
        """
        self.bind(*args, **kwargs)
        return TailCall(args, kwargs or None, self)

    def _first_bind(self, /, *args: object, **kwargs: object) -> tuple[object, ...]:
        self.bind = self.binder.bind
        return self.bind(*args, **kwargs)

    @property
    def binder(self) -> Binder:
        """The binder of calls to the parameters of the task."""
        if self._binder is None:
            from cascade.declare.binding import Binder

            self._binder = Binder(self.func)
        return self._binder

    @property
    def parameters(self) -> tuple[str, ...]:
        """The names of the parameters."""
        return self.binder.parameters

    @property
    def by_kernel(self) -> Callable[..., object]:
        """Calls as `called` does, by the kernels of the function where it has some."""
        return self.routine.call

    @property
    def routine(self) -> Routine:
        """The form in which the VM calls the task's function."""
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
                call_lowering=self._when_lowered_for_calls(),
                block_lowering=self._when_a_method_is_lowered(),
            )
        return self._routine

    def _when_lowered(self) -> int:
        # For calls that the VM makes: no others than plain ones.
        if not self.lower and (self.policies is not None or self.mode != "inline"):
            return NEVER
        return self._when_lowered_for_calls()

    def _when_lowered_for_calls(self) -> int:
        if self.lower:
            return MUST
        if self.lower is False or self.is_async or self.mode not in MODES:
            return NEVER
        if not isinstance(self.func, types.FunctionType):
            return NEVER
        return AT_ONCE if loops(self.func) else WHEN_HOT

    def _when_a_method_is_lowered(self) -> int:
        # Kernels that are made block by block, of the function behind a bound method. A function has them as its other kernels.
        if not isinstance(self.func, types.MethodType) or not isinstance(self.func.__func__, types.FunctionType):
            return AS_CALLS
        if self.lower is not None or self.is_async or self.mode not in MODES:
            return AS_CALLS
        return AT_ONCE if loops(self.func.__func__) else WHEN_HOT

    # Checkers know it of decorated functions only, or each attribute that holds a task would bind.
    if not TYPE_CHECKING:

        def __get__(self, instance: object, owner: type | None = None) -> Task[..., object]:
            # As for a function: in a class body, the task of an instance gets it as its first argument.
            if self.binds is classmethod:
                return BoundTask(self, type(instance) if owner is None else owner)
            return self if instance is None or self.binds is staticmethod else BoundTask(self, instance)

    def __repr__(self) -> str:
        return f"<Task {self.name}>"

    def __reduce__(self) -> str | tuple[object, ...]:
        # By name, like a function: `@task` puts the task where the function's name points.
        return str(getattr(self, "__qualname__", self.name))


class BoundTask(Task[P, R]):
    """A task that was looked up on an instance, as a bound method is a function that was.

    A call of it is a call of the task, whose first argument is the instance. So all instances share compiled code.

    Attributes:
        __func__: the task.
        __self__: the instance.
    """

    __func__: Task[..., R]
    _binder: Binder | None = None

    def __init__(self, task: Task[..., R], instance: object) -> None:
        self.__func__ = task
        self.__self__ = instance
        self.__module__ = task.__module__
        self.__doc__ = task.__doc__

    if not TYPE_CHECKING:  # checkers know the attributes of a Task

        def __getattr__(self, name: str) -> object:
            if name == "derived":  # not that of the task: the instance is part of its identity
                self.derived = TaskDerived()
                return self.derived
            found = getattr(self.__func__, name)
            return types.MethodType(found, self.__self__) if name in ("func", "called", "__wrapped__") else found

    def __call__(self, /, *args: P.args, **kwargs: P.kwargs) -> LazyResult[R]:
        return self.__func__(self.__self__, *args, **kwargs)

    @overload
    def map(self, /, *inputs: object, on_error: Literal["raise"] = "raise", **named: object) -> LazyResult[list[R]]: ...
    @overload
    def map(
        self, /, *inputs: object, on_error: Literal["collect"] | int, **named: object
    ) -> LazyResult[list[R | Failure]]: ...
    def map(self, /, *inputs: object, on_error: object = "raise", **named: object) -> LazyResult[Any]:
        """As `Task.map`; all items share the instance."""
        return self.__func__._mapped((self.__self__,), inputs, named, on_error)

    def tail(self, /, *args: P.args, **kwargs: P.kwargs) -> TailCall[R]:
        """Returns a tail call to the task, with the instance as its first argument."""
        return self.__func__.tail(self.__self__, *args, **kwargs)

    def bind(self, /, *args: object, **kwargs: object) -> tuple[object, ...]:
        return self.__func__.bind(self.__self__, *args, **kwargs)

    @property
    def by_kernel(self) -> Callable[..., object]:
        return types.MethodType(self.__func__.by_kernel, self.__self__)

    @property
    def routine(self) -> Routine:
        return self.__func__.routine

    if not TYPE_CHECKING:

        def __get__(self, instance: object, owner: type | None = None) -> BoundTask[..., object]:
            return self  # bound already

    def __eq__(self, other: object) -> bool:
        if type(other) is not BoundTask:
            return NotImplemented
        return self.__self__ is other.__self__ and self.__func__ is other.__func__

    def __hash__(self) -> int:
        return hash((id(self.__self__), self.__func__))

    def __repr__(self) -> str:
        return f"<bound task {getattr(self, '__qualname__', self.name)} of {self.__self__!r}>"

    def __reduce__(self) -> tuple[object, ...]:
        return getattr, (self.__self__, getattr(self, "__name__"))  # set from its function


def _check_options(func: object, mode: str, pure: bool, lower: bool | None) -> None:
    if isinstance(func, Task):
        raise DeclarationError(
            f"task {func.name!r} is a task already", hint="apply @task once, or pass its function: task(other.func)"
        )
    if not callable(func) and not isinstance(func, classmethod):
        raise DeclarationError(
            f"@task was given {func!r}, which cannot be called",
            expected="a function",
            hint="options are keywords: @task(name='...')",
        )
    if mode not in MODES:
        raise DeclarationError(
            f"@task(mode={mode!r})", expected="one of " + ", ".join(map(repr, MODES)), hint=nearest(str(mode), MODES)
        )
    for option, value, known in (("pure", pure, (True, False)), ("lower", lower, (True, False, None))):
        if not any(value is each for each in known):
            raise DeclarationError(f"@task({option}={value!r})", expected="one of " + ", ".join(map(repr, known)))


class _Annotations(dict[str, object]):
    """The annotations of a class whose instances show the annotations of their function."""

    def __get__(self, task: Task[..., object] | None, owner: type | None = None) -> Mapping[str, object]:
        return self if task is None else getattr(task.func, "__annotations__", {})


Task.__annotations__ = _Annotations(Task.__annotations__)
BoundTask.__annotations__ = _Annotations(BoundTask.__annotations__)
