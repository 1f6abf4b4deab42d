"""The methods of a LazyResult that set its policies."""

from __future__ import annotations

from collections.abc import Callable

from cascade._vm import entry_point
from cascade.errors import DeclarationError
from cascade.imports import TYPE_CHECKING, Any, Generic, Self, TypeVar, annotation

if TYPE_CHECKING:
    from cascade.declare.cache_policy import CachePolicy
    from cascade.declare.policies import MapSignature, Policies
    from cascade.declare.retry import Retry
else:
    CachePolicy = annotation("cascade.declare.cache_policy", "CachePolicy")
    Policies = annotation("cascade.declare.policies", "Policies")
    Retry = annotation("cascade.declare.retry", "Retry")

Node = TypeVar("Node")


class PolicyMethods(Generic[Node]):
    """Methods that change the result they are called on, and return it. `Node` is its type with a value of another type."""

    __slots__ = ()

    task: Any
    slots: tuple[object, ...]
    policies: Policies | None

    @entry_point
    def run_if(self, condition: object) -> Self:
        """Skips the node when `condition` is false: a value, or a LazyResult.

        Results that need its value are skipped as well. Of several conditions all have to be true.
        """
        policies = self._policies()
        return self._set(policies._replace(conditions=(*policies.conditions, condition)))

    @entry_point
    def after(self, *others: PolicyMethods[Any]) -> Self:
        """Runs the node after others, whose values it does not need.

        Raises:
            DeclarationError: (a TypeError) one of them is not a LazyResult.
        """
        for other in others:
            if type(other) is not type(self):
                from cascade.errors import DeclarationError

                raise DeclarationError(
                    f"after({other!r}), of type {type(other).__name__}",
                    where=f"a result of task {self.task.name!r}",
                    expected="LazyResults",
                    hint="pass the result of a call: other_task(...)",
                )
        policies = self._policies()
        return self._set(policies._replace(after=(*policies.after, *others)))

    @entry_point
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

    @entry_point
    def with_timeout(self, seconds: float | None) -> Self:
        """Raises a TimeoutError that names the node when a call takes longer; None or infinity for no limit.

        Each attempt, and each iteration of a loop of tail calls, has its own time. A function that is called in place
        cannot be interrupted: it runs to its end, and then the error is raised.
        """
        from cascade.declare.amounts import as_timeout

        timeout = as_timeout(seconds)
        return self._set(self._policies()._replace(timeout=timeout))

    @entry_point
    def with_constraints(self, /, **amounts: object) -> Self:
        """Takes that much of the engine's `system_resources` while the task is called: all at once, or it waits.

        An amount is a number or a LazyResult of one. Amounts that were set before stay, unless they are named again.
        """
        from cascade.declare.amounts import check_amount

        for name, amount in amounts.items():
            if type(amount) is not type(self):
                check_amount(name, amount)
        policies = self._policies()
        return self._set(policies._replace(constraints=tuple((dict(policies.constraints) | amounts).items())))

    @entry_point
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

    @entry_point
    def with_concurrency(self, limit: int | None) -> Self:
        """Limits the number of items of a map that are under way at once; None for no limit.

        Raises:
            DeclarationError: (a TypeError) this is not a map, or the limit no positive number.
        """
        from cascade.errors import DeclarationError

        if limit is not None and (not isinstance(limit, int) or isinstance(limit, bool) or limit < 1):
            raise DeclarationError(f"with_concurrency({limit!r})", expected="a number of items from 1 up, or None")
        policies, _ = self._map_policies("with_concurrency")
        return self._set(policies._replace(concurrency=limit))

    @entry_point
    def as_array(self) -> Node:
        """Has the value of a map be a NumPy array of its results, in order, instead of a list.

        It is the array that `numpy.array` makes of that list: of ints an array of int64, of floats one of float64, of bools one
        of bool, of numbers of several types one of the type that holds them all, of tuples of equal length one of two dimensions,
        of ints beyond 64 bits and other objects one of objects, of no results an empty one of float64. Numbers that typed code
        computes are put into the array as they are, without an object for each.

        As the methods that set policies, it changes the result, and returns it.

        Raises:
            DeclarationError: (a TypeError) this is not a map, or NumPy is not installed.

        The run raises what `numpy.array` raises, such as a ValueError where the results are sequences of different lengths.
        """
        from importlib.util import find_spec

        from cascade.errors import DeclarationError

        policies, signature = self._map_policies("as_array")
        if find_spec("numpy") is None:
            raise DeclarationError("as_array needs NumPy, which is not installed", hint="pip install numpy")
        result: Any = self._set(policies._replace(construct=signature._replace(as_array=True)))
        return result  # type: ignore[no-any-return]

    def _map_policies(self, method: str) -> tuple[Policies, MapSignature]:
        """Returns the policies of a map and its signature; `method` is the one that only maps have.

        Raises:
            DeclarationError: (a TypeError) this is not a map.
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
    def _holder(self) -> PolicyMethods[Any]:
        """The result that policies are set on: the last stage of a pipeline if that may be skipped, otherwise this one."""
        from cascade.declare.policies import Fallback

        if self.policies is not None and type(self.policies.construct) is Fallback:
            stage = self.slots[0]
            assert isinstance(stage, PolicyMethods)
            return stage._holder
        return self

    def _set(self, policies: Policies) -> Self:
        holder: Any = self
        if self.policies is not None and self.policies.construct is not None:
            holder = self._holder
            _check_router(policies)
        holder.policies = None if policies.is_plain else policies  # a plain call, if nothing is left
        return self


for _name, _method in vars(PolicyMethods).items():
    if not _name.startswith("_") and hasattr(
        _method, "__wrapped__"
    ):  # CPython's messages name the class that users know
        _method.__wrapped__.__qualname__ = _method.__qualname__ = f"LazyResult.{_name}"


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
