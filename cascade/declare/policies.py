"""Policies: what a node does besides calling its function. Data only; `cascade.runtime.nodes.policies` acts on it."""

from __future__ import annotations

import operator
from collections.abc import Mapping

from cascade.errors import DeclarationError, PolicyError
from cascade.imports import TYPE_CHECKING, Any, NamedTuple, Protocol

if TYPE_CHECKING:
    from cascade.declare.retry import Retry


class CachePolicy(Protocol):
    """Keeps values of tasks. Both methods may also be coroutine functions."""

    def check(self, task_id: str, arguments: dict[str, Any]) -> Any:
        """The value kept for a call; None where there is none. A kept None is given as `Hit(None)`."""

    def save(self, task_id: str, arguments: dict[str, Any], value: Any) -> Any:
        """Keeps the value of a call."""


class Hit(NamedTuple):
    """The answer of a cache policy that has a value, whatever it is."""

    value: Any


class MapForm(NamedTuple):
    """A task that is called for each item.

    Attributes:
        positional: how many inputs go by position.
        names: those of the other inputs.
        shared: the parameters, by name or by slot, whose values are computed, set up or given once, for all items: the
            instance of a method, and defaults. That of slot 0 goes by position, before the inputs.
    """

    positional: int
    names: tuple[str, ...]
    shared: tuple[int | str, ...] = ()

    @property
    def inputs(self) -> int:
        """How many inputs there are."""
        return self.positional + len(self.names)

    @property
    def shares_first(self) -> bool:
        """Whether the first argument of all calls is the same."""
        return self.shared[:1] == (0,)

    def operand_names(self, parameters: tuple[str, ...]) -> tuple[str, ...]:
        """What the operands are called: the inputs, then what is shared."""
        first = int(self.shares_first)
        inputs = (*parameters[first : first + self.positional], *self.names)
        shared = (parameters[each] if isinstance(each, int) else each for each in self.shared)
        return (*inputs, *("input",) * (self.inputs - len(inputs)), *shared)


class EitherForm(NamedTuple):
    """The first of the operands that was not skipped: a stage of a pipeline, and what it was given."""


class RouteForm(NamedTuple):
    """One of several results, chosen by the value of another."""

    routes: dict[Any, Any]


class OnceForm(NamedTuple):
    """What is needed by routes of several Routers has its value."""


class Policies(NamedTuple):
    """What was set on one LazyResult, or as a task's defaults.

    The amounts in `constraints`, the `conditions` and what stands in `after` may be LazyResults.
    """

    retry: Retry | None = None
    timeout: float | None = None
    cache: Any = None
    constraints: tuple[tuple[str, Any], ...] = ()
    conditions: tuple[Any, ...] = ()
    after: tuple[Any, ...] = ()
    concurrency: int | None = None
    form: Any = None
    selector: Any = None

    @property
    def is_plain(self) -> bool:
        """Whether nothing is set; by identity, as a cache may have an `==` of its own."""
        return all(map(operator.is_, self, PLAIN))


PLAIN = Policies()


def as_retry(value: Any) -> Retry | None:
    """A task's `retry=`: a Retry, a number of attempts, or the arguments of a Retry in a dict."""
    if value is None:
        return None
    from cascade.declare.retry import Retry  # a class that takes 2 ms to make

    if isinstance(value, Retry):
        return value
    if isinstance(value, Mapping):
        return Retry(**value)
    if hasattr(value, "__index__") and not isinstance(value, bool):
        return Retry(value)
    raise DeclarationError(f"retry={value!r}", expected="a cascade.Retry, a number of attempts, or None")


def as_timeout(value: Any) -> float | None:
    if isinstance(value, float) and value == float("inf"):
        return None
    if value is not None:
        check_number("timeout", value)
        if not value > 0:
            raise PolicyError(f"timeout={value!r}", expected="a positive number of seconds, or None")
    return value  # type: ignore[no-any-return]


def is_endless(seconds: Any) -> bool:
    """Whether a timeout is none: None, infinity, or a number that no float holds."""
    try:
        return seconds is None or bool(float(seconds) == float("inf"))
    except OverflowError:
        return bool(seconds > 0)
    except (TypeError, ValueError):
        return False


def as_cache(value: Any) -> Any:
    if isinstance(value, type):
        raise DeclarationError(
            f"the cache policy {value.__qualname__} is a class", expected="an object of it",
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


def check_amount(name: str, amount: Any) -> None:
    """Raises unless `amount` can be had of a system resource."""
    check_number(f"the amount of {name!r}", amount)


def _is_real(value: Any) -> bool:
    from numbers import Real  # such as the numbers of NumPy

    return isinstance(value, Real)


def check_number(what: str, value: Any, at_most: float = float("inf")) -> None:
    if isinstance(value, bool) or not (isinstance(value, (int, float)) or _is_real(value)):
        raise DeclarationError(f"{what} is {value!r}, of type {type(value).__name__}", expected="a number from 0 up")
    if not 0 <= value <= at_most or value == float("inf"):
        limit = "from 0 up" if at_most == float("inf") else f"from 0 to {at_most:g}"
        raise PolicyError(f"{what} is {value!r}", expected=f"a finite number {limit}")
