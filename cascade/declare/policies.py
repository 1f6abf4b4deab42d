"""Policies of a node, such as retry, timeout and cache. Data only: `cascade.runtime.nodes.policies` executes them."""

from __future__ import annotations

import operator
from collections.abc import Mapping

from cascade.declare.amounts import as_timeout, check_amount
from cascade.errors import DeclarationError
from cascade.imports import TYPE_CHECKING, Any, NamedTuple, TypeVar, annotation

if TYPE_CHECKING:
    from cascade.declare.cache_policy import CachePolicy
    from cascade.declare.retry import Retry
else:
    CachePolicy = annotation("cascade.declare.cache_policy", "CachePolicy")
    Retry = annotation("cascade.declare.retry", "Retry")


C = TypeVar("C", bound="CachePolicy | None")


class Hit(NamedTuple):
    """A value that a cache policy found, which may be None."""

    value: object


class MapSignature(NamedTuple):
    """Marks a call that is made for each item of its inputs.

    Attributes:
        positional: the number of inputs that are passed by position.
        names: the parameters of the inputs that are passed by name.
        shared: the parameters, by name or by slot, whose values are computed or set up once, for all items: the
            instance of a method, arguments that `partial` holds, and defaults that are results. Those of slots 0, 1, ... are passed by position,
            before the inputs.
        as_array: whether the value is a NumPy array of the results instead of a list.
        on_error: "raise", "collect", or the number of failed items that are tolerated.
        streamed: whether the results are handed on one by one, and the value is nothing.
    """

    positional: int
    names: tuple[str, ...]
    shared: tuple[int | str, ...] = ()
    as_array: bool = False
    on_error: str | int = "raise"
    streamed: bool = False

    @property
    def tolerated(self) -> int | None:
        """How many failed items are tolerated; None for any number."""
        return self.on_error if isinstance(self.on_error, int) else 0 if self.on_error == "raise" else None

    @property
    def inputs(self) -> int:
        """The number of inputs."""
        return self.positional + len(self.names)

    @property
    def leading(self) -> int:
        """The number of arguments that all calls share, and that are passed by position before the inputs."""
        return next((at for at, slot in enumerate(self.shared) if slot != at), len(self.shared))

    def operand_names(self, parameters: tuple[str, ...]) -> tuple[str, ...]:
        """Returns the names of the operands: those of the inputs, then the shared parameters."""
        first = self.leading
        inputs = (*parameters[first : first + self.positional], *self.names)
        shared = (parameters[each] if isinstance(each, int) else each for each in self.shared)
        return (*inputs, *("input",) * (self.inputs - len(inputs)), *shared)


class Fallback(NamedTuple):
    """Marks a choice of the first operand that was not skipped: a pipeline's stage, or the input of that stage."""


class RouteSet(NamedTuple):
    """Marks a Router: one of several results, chosen by the value of another."""

    routes: dict[object, Any]  # LazyResults, whose class refers to this module


class SharedValue(NamedTuple):
    """Marks a result that the routes of several Routers share, and that is computed once."""


class Policies(NamedTuple):
    """The policies of one LazyResult, or the defaults of a task.

    The amounts in `constraints`, the `conditions` and the members of `after` may be LazyResults.
    """

    retry: Retry | None = None
    timeout: float | None = None
    cache: CachePolicy | None = None
    constraints: tuple[tuple[str, object], ...] = ()
    conditions: tuple[object, ...] = ()
    after: tuple[object, ...] = ()
    concurrency: int | None = None
    construct: MapSignature | Fallback | RouteSet | SharedValue | None = None
    selector: Any = None

    @property
    def is_plain(self) -> bool:
        """True if nothing is set; compared by identity, as a cache may have an `==` of its own."""
        return all(map(operator.is_, self, PLAIN))


PLAIN = Policies()


def as_retry(value: Retry | int | Mapping[str, object] | None) -> Retry | None:
    """Returns the Retry of a task's `retry=`: a Retry, a number of attempts, or the arguments of a Retry in a dict.

    Raises:
        DeclarationError: (a TypeError) it is something else, or as `Retry` does.
        PolicyError: (a ValueError) as `Retry` does.
    """
    if value is None:
        return None
    from cascade.declare.retry import Retry  # a class that takes 2 ms to make

    if isinstance(value, Retry):
        return value
    if isinstance(value, Mapping):
        return Retry(**value)  # type: ignore[arg-type]  # which it checks
    if hasattr(value, "__index__") and not isinstance(value, bool):
        return Retry(value)
    raise DeclarationError(f"retry={value!r}", expected="a cascade.Retry, a number of attempts, or None")


def as_cache(value: C) -> C:
    """Returns a cache policy, or None, as it is.

    Raises:
        DeclarationError: (a TypeError) it is something else.
    """
    if isinstance(value, type):
        raise DeclarationError(
            f"the cache policy {value.__qualname__} is a class",
            expected="an object of it",
            hint=f"write {value.__qualname__}(...), and keep it: an object made for each call would be empty",
        )
    if value is not None:
        for method in ("check", "save"):
            if not callable(getattr(value, method, None)):
                raise DeclarationError(
                    f"the cache policy {value!r} has no method {method!r}",
                    expected="an object with check(task_id, arguments) and save(task_id, arguments, value)",
                    hint="cascade.MemoryCache() and cascade.DiskCache(path) are such objects",
                )
    return value


def task_defaults(
    name: str,
    retry: Retry | int | Mapping[str, object] | None,
    timeout: float | None,
    cache: CachePolicy | None,
    constraints: Mapping[str, float] | None,
) -> Policies:
    """Returns the policies of a task's calls that set none of their own."""
    if constraints is not None and not isinstance(constraints, Mapping):
        raise DeclarationError(
            f"constraints={constraints!r}",
            where=f"task {name!r}",
            expected="amounts of resources by name",
            hint="constraints={'cpu': 1}",
        )
    amounts = tuple((constraints or {}).items())
    for resource, amount in amounts:
        if not isinstance(resource, str):
            raise DeclarationError(
                f"constraints={constraints!r}", where=f"task {name!r}", expected="names of resources as keys"
            )
        check_amount(resource, amount)
    return Policies(as_retry(retry), as_timeout(timeout), as_cache(cache), amounts)
