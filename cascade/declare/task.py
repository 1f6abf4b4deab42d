"""Task and LazyResult: a function whose calls are lazy, and such a call. Each of the two types refers to the other."""

from __future__ import annotations

import types
from collections.abc import Callable, Mapping

from cascade._vm import AT_ONCE, MUST, NEVER, WHEN_HOT, Routine, TailCall, configure, entry_point
from cascade.declare.derived import ResultDerived, TaskDerived
from cascade.declare.functions import CO_COROUTINE, CO_ITERABLE_COROUTINE, as_coroutine_function, code_flags, loops
from cascade.declare.operators import PREFIX, Operators, make_tasks_by
from cascade.declare.policy_methods import PolicyMethods
from cascade.errors import DeclarationError, nearest
from cascade.imports import TYPE_CHECKING, Any, Generic, ParamSpec, Self, TypeVar, annotation, from_above, overload

if TYPE_CHECKING:
    from typing import Literal

    from cascade.declare.binding import Binder
    from cascade.declare.cache_policy import CachePolicy
    from cascade.declare.failure import Failure
    from cascade.declare.policies import Policies
    from cascade.declare.retry import Retry

    Shared = tuple["Task[..., R]", tuple[object, ...], Mapping[str, object]]
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


class LazyResult(Operators["LazyResult[Any]"], PolicyMethods["LazyResult[Any]"], Generic[R], _Anything):
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
    derived: ResultDerived | None
    """None until there is something to keep: calls are made by the million. The extension puts it there when a result is allocated."""

    searched: int
    """The number of results that existed when its arguments were searched and held none; see `cascade.graph.search.was_searched`; 0 before."""

    @property
    def around(self) -> object:
        """The values that a route is given by the graph around its Router; None for any other result."""
        return None if self.derived is None else self.derived.around

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

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, str]:
        """Shows the graph in a notebook."""
        return from_above("cascade.reports.notebook", "pictures_of")(self)  # type: ignore[no-any-return]

    def __repr__(self) -> str:
        # The hint is read where `asyncio.run` refuses a result, too: its message holds nothing else.
        return f"<LazyResult of {self.task.name}, not run yet: cs.run(...)>"


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
        effect: "once" or "atomic" in a saved run; None where calls are made again.
        is_async: True for a coroutine function.
        called: the function that a call of the task calls.
    """

    func: Callable[..., Any]
    name: str
    takes_policies = True
    hands_on = False  # whether what it gives holds its arguments, as they came: only of tasks that the engine adds

    @entry_point
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
        effect: str = "again",
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
        self.effect: str | None = None
        if effect != "again":
            from cascade.declare.effects import checked
            from cascade.declare.policies import PLAIN

            self.effect = checked(self.name, effect, typed=bool(self.lower), pure=pure)
            self.policies = PLAIN if self.policies is None else self.policies  # its calls are more than plain ones
        flags = code_flags(func)
        self.is_async: bool = bool(flags & (CO_COROUTINE | CO_ITERABLE_COROUTINE))
        if self.effect == "atomic" and (self.is_async or mode != "inline"):
            raise DeclarationError(
                f"task {self.name!r} has effect='atomic' and is not called in place",
                expected="a plain function with mode='inline', which writes through the store's connection",
            )
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

    @entry_point
    def __call__(self, /, *args: P.args, **kwargs: P.kwargs) -> LazyResult[R]:
        lazy: LazyResult[R] = _new(LazyResult)
        lazy.task = self
        try:
            lazy.slots = self.bind(*args, **kwargs)
        except TypeError as error:
            _note_parameters(error, self)
            raise
        lazy.policies = self.policies
        return lazy

    @overload
    def map(self, /, *inputs: object, on_error: Literal["raise"] = "raise", **named: object) -> LazyResult[list[R]]: ...
    @overload
    def map(
        self, /, *inputs: object, on_error: Literal["collect"] | int, **named: object
    ) -> LazyResult[list[R | Failure]]: ...
    @entry_point
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

        An argument that all items share is held by `partial`: `add.partial(b=3).map([1, 2])`.

        Policies of the result apply to each item, except `run_if` and `after`, which apply to the map as a whole.

        Raises:
            TypeError: as the call of the task would, where an input does not fit its parameters.
            DeclarationError: (a TypeError) there is no input, one that cannot be iterated over, a dict, or a text beside
                other inputs.
            MapError: (a ValueError) an input has no end.
        """
        task, first, held = self._shared_by_items()
        return task._mapped(first, held, inputs, named, on_error)

    def _shared_by_items(self) -> Shared[R]:
        """Returns the task that is called for each item of a map, and what all calls share: by position, and by name."""
        return self, (), {}

    @entry_point
    def partial(self, /, *args: object, **kwargs: object) -> Task[..., R]:
        """Returns the task with these arguments held, as `functools.partial` does for a function.

        Calls and tail calls pass the others, and may pass the ones held by name again. All items of a map share them:

        >>> import cascade as cs
        >>> @cs.task
        ... def add(a: int, b: int) -> int:
        ...     return a + b
        >>> cs.run(add.partial(b=3).map([1, 2]))
        [4, 5]

        Raises:
            TypeError: as the call would, for an unknown name or a surplus argument.
        """
        return PartialTask(self, args, kwargs)

    def _mapped(
        self,
        first: tuple[object, ...],
        held: Mapping[str, object],
        inputs: tuple[object, ...],
        named: dict[str, object],
        on_error: object,
    ) -> LazyResult[list[R]]:
        # All calls share `first`, passed by position before the inputs, and `held`, passed by name.
        if on_error != "raise" or not isinstance(on_error, str):
            if "on_error" in self.parameters:
                named, on_error = {**named, "on_error": on_error}, "raise"
            else:
                from cascade.declare.failure import as_tolerated

                as_tolerated(on_error)
        self._bind_inputs(first, held, inputs, named)
        if not inputs and not named:
            raise DeclarationError(
                f"{self.name}.map()", expected="at least one input", hint=f"{self.name}.map(parameter=items)"
            )
        from cascade.declare.iterables import check_map_input
        from cascade.declare.policies import PLAIN, MapSignature

        names = self.parameters[len(first) :]
        by_name = [(names[min(at, len(names) - 1)], items) for at, items in enumerate(inputs)]
        by_name += named.items()
        for name, items in by_name:
            if not isinstance(items, LazyResult):
                check_map_input(name, items, self.name, [other for other, _ in by_name if other != name])
        shared: dict[int | str, object] = {
            **dict(enumerate(first)),
            **{name: value for name, value in held.items() if name not in named},
            **self.binder.deferred_defaults(len(first) + len(inputs), {**held, **named}),
        }
        lazy: LazyResult[list[R]] = _new(LazyResult)
        lazy.task = self
        lazy.slots = (*inputs, *named.values(), *shared.values())
        lazy.policies = (PLAIN if self.policies is None else self.policies)._replace(
            construct=MapSignature(len(inputs), tuple(named), tuple(shared), on_error=on_error)  # type: ignore[arg-type]  # checked
        )
        return lazy

    def _bind_inputs(
        self,
        first: tuple[object, ...],
        held: Mapping[str, object],
        inputs: tuple[object, ...],
        named: Mapping[str, object],
    ) -> None:
        """Binds the inputs of a map as the arguments of a call, and raises a TypeError that says how maps take them."""
        try:
            self.bind(*first, *inputs, **{**held, **named})
        except TypeError as error:
            names = self.parameters[len(first) :]
            taken = [name for name in names[: len(inputs)] if name in held]
            free = [name for name in names if name not in held]
            inputs_by_name = f"{self.name}.map({', '.join(f'{name}=...' for name in free)})"
            hint = f"each input is a list for one parameter: {inputs_by_name}"
            if taken:
                hint = f"partial holds {taken[0]!r} already: pass the others by name, .map({', '.join(f'{name}=...' for name in free)})"
            elif len(inputs) == 1 and not named and len(free) > 1:
                hint += f"; for a list of tuples: {self.name}.map(*zip(*tuples))"
            raise DeclarationError(str(error), where=f"{self.name}.map", hint=hint) from None

    def tail(self, /, *args: P.args, **kwargs: P.kwargs) -> TailCall[R]:
        """Returns a tail call to this task, `TailCall(args, kwargs, target=self)`, whose arguments are checked at once.

        In a loop of the task itself, an omitted parameter keeps its current value.

        Raises:
            TypeError: as the call would.
        """
        try:
            self.bind(*args, **kwargs)
        except TypeError as error:
            _note_parameters(error, self)
            raise
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
            self.bind = binder.bind
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

    @entry_point
    def __call__(self, /, *args: P.args, **kwargs: P.kwargs) -> LazyResult[R]:
        return self.__func__(self.__self__, *args, **kwargs)

    def _shared_by_items(self) -> Shared[R]:
        return self.__func__, (self.__self__,), {}

    @entry_point
    def partial(self, /, *args: object, **kwargs: object) -> Task[..., R]:
        return PartialTask(self.__func__, (self.__self__, *args), kwargs)

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


class PartialTask(BoundTask[..., R]):
    """A task with some of its arguments held: see `Task.partial`. A call of it is a call of the task.

    Attributes:
        args, keywords: the held arguments.
    """

    def __init__(self, task: Task[..., R], args: tuple[object, ...], keywords: Mapping[str, object]) -> None:
        super().__init__(task, None)
        try:
            task.binder.check_partial(args, keywords)
        except TypeError as error:
            _note_parameters(error, task)
            raise
        self.args = args
        self.keywords = dict(keywords)

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> object:
            if name in ("func", "called", "__wrapped__"):
                return self._held(getattr(self.__func__, name))
            return super().__getattr__(name)

    def _held(self, function: Callable[..., object]) -> Callable[..., object]:
        from functools import partial

        return partial(function, *self.args, **self.keywords)

    @entry_point
    def __call__(self, /, *args: object, **kwargs: object) -> LazyResult[R]:
        return self.__func__(*self.args, *args, **{**self.keywords, **kwargs})

    def _shared_by_items(self) -> Shared[R]:
        return self.__func__, self.args, self.keywords

    @entry_point
    def partial(self, /, *args: object, **kwargs: object) -> Task[..., R]:
        return PartialTask(self.__func__, (*self.args, *args), {**self.keywords, **kwargs})

    def tail(self, /, *args: object, **kwargs: object) -> TailCall[R]:
        """Returns a tail call to the task, with the held arguments."""
        return self.__func__.tail(*self.args, *args, **{**self.keywords, **kwargs})

    def bind(self, /, *args: object, **kwargs: object) -> tuple[object, ...]:
        return self.__func__.bind(*self.args, *args, **{**self.keywords, **kwargs})

    @property
    def binder(self) -> Binder:
        return self.__func__.binder

    @property
    def by_kernel(self) -> Callable[..., object]:
        return self._held(self.__func__.by_kernel)

    def __eq__(self, other: object) -> bool:
        return self is other

    __hash__ = object.__hash__

    def __repr__(self) -> str:
        held = [*map(repr, self.args), *(f"{name}={value!r}" for name, value in self.keywords.items())]
        return f"<Task {self.__func__.name} with {', '.join(held)}>"

    def __reduce__(self) -> tuple[object, ...]:
        return PartialTask, (self.__func__, self.args, self.keywords)


def _note_parameters(error: TypeError, task: Task[..., Any]) -> None:
    from cascade.declare.binding import note_parameters

    note_parameters(error, task.name, task.func)


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


def _operator_task(name: str, function: Callable[..., object], shape: Callable[..., object]) -> Task[..., object]:
    from cascade.declare.binding import Binder

    task: Task[..., object] = Task(function, name=name)
    task._binder = Binder(shape)  # that of a function written in C would need `inspect`, which takes 10 ms to import
    vars(task).update(__module__=Operators.__module__, __qualname__=PREFIX + name)
    return task


make_tasks_by(_operator_task)
