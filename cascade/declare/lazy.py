"""LazyResult: a call of a task that has not been made yet."""

from __future__ import annotations

from cascade._vm import configure
from cascade.imports import TYPE_CHECKING, Any, Generic, NoReturn, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Self

    from cascade.declare.policies import CachePolicy, Policies
    from cascade.declare.retry import Retry
    from cascade.declare.task import Task

R = TypeVar("R", covariant=True)

if TYPE_CHECKING:

    class _Anything(Any):  # type: ignore[misc]  # on purpose
        """Makes a `LazyResult[T]` assignable to every type, so that it may stand where a T is wanted."""

else:
    _Anything = object


class LazyResult(Generic[R], _Anything):
    """The result of calling a task, before the call is made: the task and its bound arguments.

    It may stand anywhere in the arguments of other tasks, also inside nested lists, tuples, dicts, sets and
    dataclasses. Run it with `cascade.run`, or compile it with `cascade.compile`.

    The methods that set policies change the result they are called on, and give it back, so that they can be
    chained: a LazyResult stands for one node of the graph, which runs once, and a changed copy would be another node.
    What was compiled before does not change.

    Attributes:
        task: the task that was called.
        slots: one value for each parameter of the task, defaults filled in; for a map, one for each input, and what all
            items share.
        policies: what was set on it, or its task's defaults; None where that is nothing.
    """

    __slots__ = ("task", "slots", "policies", "given", "managed", "searched", "__weakref__")

    task: Task[..., Any]
    slots: tuple[Any, ...]
    policies: Policies | None
    managed: tuple[Any, Any, tuple[Any, ...]]
    """The policies, and what the graph builder has made of them: it is asked again for each run."""

    searched: int
    """How many results there were when its arguments were searched, and held none; see `cascade.graph.build.was_searched`."""

    given: Any
    """What the graph around it has computed; only set on what a Router goes on with. See `cascade.graph.build.Around`."""

    @property
    def arguments(self) -> dict[str, Any]:
        """The arguments by the names of the parameters."""
        form = None if self.policies is None else self.policies.form
        names = self.task.binder.parameters
        if form is not None and hasattr(form, "operand_names"):
            names = form.operand_names(names)
        return dict(zip(names, self.slots, strict=False))

    def run_if(self, condition: Any) -> Self:
        """Skips the node when `condition` is false: a value, or a LazyResult.

        What needs its value is skipped as well. Of several conditions all have to be true.
        """
        policies = self._policies()
        return self._set(conditions=(*policies.conditions, condition))

    def after(self, *others: LazyResult[Any]) -> Self:
        """Runs the node after others, whose values it does not need.

        Raises:
            DeclarationError: (a TypeError) one of them is no LazyResult.
        """
        for other in others:
            if type(other) is not LazyResult:
                from cascade.errors import DeclarationError

                raise DeclarationError(
                    f"after({other!r}), of type {type(other).__name__}", where=f"a result of task {self.task.name!r}",
                    expected="LazyResults", hint="pass what calling a task gives",
                )
        return self._set(after=(*self._policies().after, *others))

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
        """Calls the task again when it raises. For the arguments see `cascade.Retry`; None for no retry.

        Each call is retried on its own: in a loop of tail calls, an iteration that fails is made again.
        """
        from cascade.declare.retry import Retry

        if max_attempts is None or isinstance(max_attempts, Retry):
            return self._set(retry=max_attempts)
        return self._set(retry=Retry(max_attempts, delay, backoff, max_delay, jitter, retry_on))

    def with_timeout(self, seconds: float | None) -> Self:
        """Raises a TimeoutError that names the node when a call takes longer; None or infinity for no limit.

        Each attempt, and each iteration of a loop of tail calls, has its own time. A function that is called in place
        cannot be interrupted: it runs to its end, and then the error is raised.
        """
        from cascade.declare.amounts import as_timeout

        return self._set(timeout=as_timeout(seconds))

    def with_constraints(self, /, **amounts: Any) -> Self:
        """Takes that much of the engine's `system_resources` while the task is called: all at once, or it waits.

        An amount is a number or a LazyResult of one. Amounts that were set before stay, unless they are named again.
        """
        from cascade.declare.amounts import check_amount

        for name, amount in amounts.items():
            if type(amount) is not LazyResult:
                check_amount(name, amount)
        return self._set(constraints=tuple((dict(self._policies().constraints) | amounts).items()))

    def with_cache(self, policy: CachePolicy | None, *, key: Callable[..., Any] | None = None) -> Self:
        """Takes the value from a cache if it is there, and puts it there if not; None for no cache.

        Args:
            policy: such as a `MemoryCache` or a `DiskCache`.
            key: a function that is called as the task is; calls for which it returns the same are the same call. For arguments
                that have no key, or of which only a part matters. The code of the task counts as ever, that of `key` does not.

        A resource among the arguments counts by its value where that has a key, as plain data has. Else, and for one of
        scope "task", its function's code and the arguments of that count: two connections that are made in the same way
        are taken to give the same.
        """
        from cascade.declare.policies import as_cache

        if key is not None:
            from cascade.declare.by_key import by_key

            policy = by_key(policy, key)
        return self._set(cache=as_cache(policy))

    def with_concurrency(self, limit: int | None) -> Self:
        """Of the items of a map, at most so many are under way at once; None for no limit.

        Raises:
            DeclarationError: (a TypeError) this is no map, or the limit no positive number.
        """
        from cascade.declare.policies import MapForm
        from cascade.errors import DeclarationError

        if limit is not None and (not isinstance(limit, int) or isinstance(limit, bool) or limit < 1):
            raise DeclarationError(f"with_concurrency({limit!r})", expected="a number of items from 1 up, or None")
        if not isinstance(self._policies().form, MapForm):
            raise DeclarationError(
                f"with_concurrency on a result of task {self.task.name!r}, which is one call", expected="the result of task.map(...)"
            )
        return self._set(concurrency=limit)

    def _policies(self) -> Policies:
        if not self.task.takes_policies:
            from cascade.errors import DeclarationError

            raise DeclarationError(
                f"{self.task.name!r} is an input or a resource, and has no policies",
                expected="the result of calling a task",
            )
        from cascade.declare.policies import PLAIN

        policies = self.policies
        if policies is not None and policies.form is not None:
            policies = self._holder.policies
        return PLAIN if policies is None else policies

    @property
    def _holder(self) -> LazyResult[Any]:
        """What policies are set on: this, or, of a pipeline whose last stage may be skipped, that stage."""
        from cascade.declare.policies import EitherForm

        if self.policies is not None and type(self.policies.form) is EitherForm:
            stage: LazyResult[Any] = self.slots[0]
            return stage._holder
        return self

    def _set(self, **changes: Any) -> Self:
        policies = self._policies()
        holder: LazyResult[Any] = self
        if self.policies is not None and self.policies.form is not None:
            holder = self._holder
            _check_form(policies.form, changes)
        changed = policies._replace(**changes)
        holder.policies = None if changed.is_plain else changed  # a plain call, if nothing is left
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        """What it needs comes first, as a flat list: a pickle of it is as deep as one call, however long the chain."""
        from cascade.declare.copying import reduce_result

        return reduce_result(self)

    def __copy__(self) -> Self:
        from cascade.declare.copying import copy_result

        return copy_result(self)

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        from cascade.declare.copying import deepcopy_result

        return deepcopy_result(self, memo)

    def __repr__(self) -> str:
        return f"<LazyResult of {self.task.name}>"

    def __bool__(self) -> NoReturn:
        raise TypeError(
            f"the result of task {self.task.name!r} is not known yet, so it has no truth value; "
            "pass it to a task that decides, or run it first with cascade.run"
        )


def help_with(error: BaseException) -> str | None:
    """What to write instead, where CPython's own error says that a LazyResult was used as if it were its value."""
    if type(error) not in (TypeError, AttributeError) or not error.args or type(error.args[0]) is not str:
        return None
    import re

    message: str = error.args[0]
    if not re.search(r"\bLazyResult\b", message):
        return None
    if "await" in message:
        return AWAIT_HELP
    return VALUE_HELP


VALUE_HELP = (
    "a LazyResult stands for a value that is not known yet. Inside a task, hand it on: return other_task(lazy, ...); "
    "loop with return this_task.tail(...); or call the function itself: this_task.func(...)"
)
AWAIT_HELP = (
    "a LazyResult is not awaited. Inside a task, return it, or pass it to another task; anywhere, its value is: await cs.arun(lazy)"
)


def _check_form(form: Any, changes: dict[str, Any]) -> None:
    from cascade.declare.policies import RouteForm
    from cascade.errors import DeclarationError

    for name, value in changes.items():
        if type(form) is RouteForm and name not in ("conditions", "after") and value is not None and value != ():
            raise DeclarationError(
                f"a Router calls nothing itself, and takes no {name}", expected="run_if or after",
                hint="set it on the results that are its routes",
            )


configure(deferred_type=LazyResult)


def lazy_result(task: Task[..., Any], slots: tuple[Any, ...], policies: Policies | None = None) -> LazyResult[Any]:
    """A LazyResult of arguments that are bound already."""
    lazy: LazyResult[Any] = LazyResult()
    lazy.task = task
    lazy.slots = slots
    lazy.policies = policies
    return lazy
