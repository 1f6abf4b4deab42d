"""The retry policy."""

from __future__ import annotations

import operator
from dataclasses import dataclass

from cascade._vm import entry_point
from cascade.declare.amounts import check_number
from cascade.errors import DeclarationError, PolicyError


@dataclass(frozen=True, slots=True)
class Retry:
    """Makes failed calls again, a limited number of times and after a delay. Cancellation is never retried.

    Args:
        max_attempts: calls in all, the first one included.
        delay: seconds before the second call.
        backoff: the factor between a delay and the next one.
        max_delay: no delay is longer.
        jitter: the largest part of a delay that is taken off at random, from 0 for none to 1 for all of it.
        retry_on: an exception type or a tuple of them; anything else that is raised ends the node at once.

    Raises:
        PolicyError: (a ValueError) a number is out of range.
        DeclarationError: (a TypeError) something is of another type.
    """

    max_attempts: int = 3
    delay: float = 0.0
    backoff: float = 1.0
    max_delay: float | None = None
    jitter: float = 0.0
    retry_on: type[Exception] | tuple[type[Exception], ...] = Exception

    def __post_init__(self) -> None:
        if not hasattr(self.max_attempts, "__index__") or isinstance(self.max_attempts, bool):
            raise DeclarationError(f"max_attempts={self.max_attempts!r}", expected="a number of calls, from 1 up")
        object.__setattr__(self, "max_attempts", operator.index(self.max_attempts))  # of NumPy, say
        if self.max_attempts < 1:
            raise PolicyError(f"max_attempts={self.max_attempts}", expected="a number of calls, from 1 up")
        check_number("delay", self.delay)
        check_number("backoff", self.backoff)
        check_number("jitter", self.jitter, at_most=1.0)
        if self.max_delay is not None:
            check_number("max_delay", self.max_delay)
        kinds = self.retry_on if isinstance(self.retry_on, tuple) else (self.retry_on,)
        for kind in kinds:
            if not isinstance(kind, type) or not issubclass(kind, Exception):
                raise DeclarationError(
                    f"retry_on={self.retry_on!r}",
                    expected="a subclass of Exception, or a tuple of them",
                    hint="cancellation, KeyboardInterrupt and SystemExit are never retried",
                )

    def delay_after(self, attempt: int) -> float:
        """Returns the seconds between the call number `attempt`, which failed, and the next one."""
        try:
            delay = self.delay and self.delay * float(self.backoff) ** (attempt - 1)
        except OverflowError:
            delay = float("inf")
        if self.max_delay is not None:
            delay = min(delay, self.max_delay)
        delay = min(delay, LONGEST_DELAY)
        return delay * (1.0 - self.jitter * _chance()) if self.jitter else delay


Retry.__init__ = entry_point(Retry.__init__)  # type: ignore[method-assign]  # the same, made by the decorator above


def _chance() -> float:
    # Not the numbers of `random` itself: a program that has seeded it relies on them.
    global _chance
    from random import SystemRandom

    _chance = SystemRandom().random
    return _chance()


LONGEST_DELAY = 365 * 24 * 3600.0
"""The event loop's timers do not take every number of seconds."""
