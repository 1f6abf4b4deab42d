"""Capacity: amounts of the system's resources that calls hold, and claims that wait for some.

A claim takes all that it wants at once, or waits. It never overtakes an earlier claim that wants some of the same
resources, so nobody starves; claims that want other things do not wait for it.
"""

from __future__ import annotations

import itertools
from _thread import allocate_lock
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache

from cascade.declare.amounts import check_number
from cascade.errors import CapacityError, DeclarationError, nearest
from cascade.graph.operations import operations_with_amounts
from cascade.imports import TYPE_CHECKING, asyncio, weakref

if TYPE_CHECKING:
    from fractions import Fraction

    from cascade.graph.operations import AnyTask, Operation

    Exact = float | Fraction
    """An amount as it is written: a whole number, infinity, or a fraction."""
    Amounts = Iterable[tuple[str, Exact | None]]
    """Amounts by name; None for one that is computed."""

INFINITE = float("inf")


class Claim:
    """Amounts of some resources that are held, or waited for."""

    __slots__ = ("amounts", "future", "granted", "names", "number")

    def __init__(self, amounts: Mapping[str, Exact]) -> None:
        self.amounts: Mapping[str, Exact] = amounts
        self.granted: bool = False
        # Of one that has to wait:
        self.names: frozenset[str] = frozenset()
        self.number: int = 0
        # Weak: the queue does not keep an event loop that was closed with its waiting claims.
        self.future: weakref.ref[asyncio.Future[None]] | None = None


class Capacity:
    """The resources of one engine; its runs may be in several threads and event loops.

    Args:
        total: how much there is of each resource, by name.

    Raises:
        DeclarationError: (a TypeError) `total` is not a mapping of names to numbers.
        PolicyError: (a ValueError) a number is negative.
    """

    def __init__(self, total: Mapping[str, float] | None = None) -> None:
        if total is not None and not isinstance(total, Mapping):
            raise DeclarationError(f"system_resources={total!r}", expected="a dict of amounts by name")
        for name, amount in (total or {}).items():
            if not isinstance(name, str):
                raise DeclarationError(f"system_resources={total!r}", expected="names of resources as keys")
            if amount != INFINITE:
                check_number(f"the system resource {name!r}", amount)
        self.total: dict[str, float] = dict(total or {})
        self._free = {name: exact(amount) for name, amount in self.total.items()}
        self._numbers = itertools.count()
        # By the resources that are wanted, each in order of arrival.
        self._waiting: dict[frozenset[str], deque[Claim]] = {}
        self._lock = allocate_lock()

    def check(self, amounts: Amounts, where: Callable[[], str]) -> None:
        """Raises CapacityError (a ValueError) if these amounts exceed the total. Those that are None are not known yet."""
        for name, amount in amounts:
            if amount is not None and exact(amount) > exact(self.total.get(name, 0)):
                known = name in self.total
                advice = f"pass system_resources={{{name!r}: ...}} to the engine or to run"
                raise CapacityError(
                    f"{name}={float(amount):g} exceeds total system capacity, which is "
                    + (f"{self.total[name]:g}" if known else "none"),
                    where=where(),
                    expected="amounts that the engine's system_resources have",
                    hint=None if known else nearest(name, self.total) or advice,
                )

    def claim(self, wanted: Mapping[str, Exact], where: Callable[[], str]) -> Claim:
        """Takes the wanted amounts, or queues for them: see `Claim.granted`. The claim has to be released in any case.

        Args:
            wanted: exact amounts; see `wanted`.
            where: names the call that wants them, for messages.

        Raises:
            CapacityError: (a ValueError) an amount exceeds the total.
        """
        claim = Claim(wanted)
        with self._lock:
            if self._fits(wanted) and (not self._waiting or self._waiting.keys().isdisjoint(self._sets_with(wanted))):
                self._take(claim)
                return claim
        self.check(wanted.items(), where)
        claim.names = frozenset(wanted)
        with self._lock:
            claim.number = next(self._numbers)
            self._waiting.setdefault(claim.names, deque()).append(claim)
            granted = self._grant()  # its resources may have been released meanwhile
        self._notify(granted)
        return claim

    def try_acquire(self, wanted: Mapping[str, Exact]) -> bool:
        """Takes the wanted amounts if they are free and no claim waits; returns False otherwise. `release_amounts` returns them."""
        with self._lock:
            if self._waiting or not self._fits(wanted):
                return False
            for name, amount in wanted.items():
                self._free[name] -= amount
            return True

    def release_amounts(self, wanted: Mapping[str, Exact]) -> None:
        """Returns the amounts that `try_acquire` took."""
        with self._lock:
            for name, amount in wanted.items():
                self._free[name] += amount
            granted = self._grant() if self._waiting else []
        if granted:
            self._notify(granted)

    def _sets_with(self, wanted: Mapping[str, Exact]) -> list[frozenset[str]]:
        return [names for names in self._waiting if not names.isdisjoint(wanted)]

    async def wait(self, claim: Claim) -> None:
        """Waits until the claim is granted."""
        with self._lock:
            if claim.granted:
                return
            future = asyncio.get_running_loop().create_future()
            claim.future = weakref.ref(future)
        await future

    def release(self, claim: Claim) -> None:
        """Returns the amounts that the claim holds, or takes it out of the queue."""
        with self._lock:
            if claim.granted:
                claim.granted = False
                for name, amount in claim.amounts.items():
                    self._free[name] += amount
            else:
                queue = self._waiting.get(claim.names)
                if queue is not None and claim in queue:
                    queue.remove(claim)
            granted = self._grant() if self._waiting else []
        self._notify(granted)

    def _notify(self, granted: list[Claim]) -> None:
        for other in granted:
            future = None if other.future is None else other.future()
            if future is not None:
                self._wake(other, future)

    def _fits(self, wanted: Mapping[str, Exact]) -> bool:
        for name, amount in wanted.items():  # noqa: SIM110  # a generator takes longer
            if amount > self._free.get(name, 0):
                return False
        return True

    def _take(self, claim: Claim) -> None:
        claim.granted = True
        for name, amount in claim.amounts.items():
            self._free[name] -= amount

    def _grant(self) -> list[Claim]:
        granted = []
        blocked: set[str] = set()
        heads = sorted((queue for queue in self._waiting.values() if queue), key=lambda queue: queue[0].number)
        while heads:
            queue = heads.pop(0)
            claim = queue[0]
            if blocked & claim.names or not self._fits(claim.amounts):
                blocked |= claim.names
                continue
            self._take(queue.popleft())
            granted.append(claim)
            if queue:
                heads.append(queue)
                heads.sort(key=lambda queue: queue[0].number)
        for names in [names for names, queue in self._waiting.items() if not queue]:
            del self._waiting[names]
        return granted

    def _wake(self, claim: Claim, future: asyncio.Future[None]) -> None:
        loop = future.get_loop()
        try:
            running = asyncio.get_running_loop()
        except RuntimeError:
            running = None
        if running is loop:
            _set(future)
            return
        try:
            loop.call_soon_threadsafe(_set, future)
        except RuntimeError:  # that loop is closed, and nobody waits there any more
            self.release(claim)


def _set(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)


def wanted(amounts: Amounts) -> dict[str, Exact]:
    """Returns exact amounts by name, without those that are 0."""
    return {name: exact(amount) for name, amount in amounts if amount}


@lru_cache(maxsize=4096, typed=True)  # 0.1 equals Fraction(0.1), which is written as another number
def exact(amount: Exact) -> Exact:
    """Returns the number as it is written: ten times 0.1 is 1."""
    if amount == INFINITE:
        return INFINITE
    if amount == int(amount):
        return int(amount)
    from fractions import Fraction  # which takes long to import, and most amounts are whole numbers

    return amount if isinstance(amount, Fraction) else Fraction(str(amount))


def check_capacity(operations: Iterable[AnyTask | Operation], capacity: Capacity) -> None:
    """Raises CapacityError (a ValueError) if one of the operations wants more of a resource than there is."""
    for operation in operations_with_amounts(operations):
        name = operation.name
        capacity.check(operation.amounts, lambda: f"task {name!r}")  # noqa: B023
