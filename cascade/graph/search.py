"""The search for results in containers that are arguments of calls."""

from __future__ import annotations

from cascade._vm import hands_on_deferred, holds_deferred, look_for_deferred, results_alive
from cascade.declare.lazy import LazyResult
from cascade.graph.containers import CONTAINERS, PLAIN, Sparse, is_container, parts


class TooManyRows(Exception):
    """A graph has more rows than its builder was allowed, or its arguments hold too much."""


THINGS = 10
"""How many things may be searched for each row that a graph may have."""


def was_searched(lazy: LazyResult[object], made: int) -> bool:
    """Whether the arguments were searched, held no results, and none was made since: there are `made` of them."""
    return lazy.searched == made


def argument_holds_results(value: object, limit: int | None) -> bool:
    """Whether a LazyResult stands in an argument.

    Raises:
        TooManyRows: it holds so much that the search would take long; see `flatten`.
    """
    if limit is None:
        return holds_deferred(value)
    found = look_for_deferred(value, THINGS * limit)
    if found is None:
        raise TooManyRows
    return found


SEARCHED, HOLDS = 1, 2
"""Flags of an operand: all that it holds was looked at just now; a LazyResult stands in it."""


LONG, FEW = 1_000, 10
"""A container of so many parts, of which one in so many may hold results, is copied: the other parts are not operands."""


class ArgumentSearch:
    """The search of one walk through the arguments of results.

    Args:
        limit: see `cascade.graph.build.flatten`.
        made: the number of results that were made before the walk.
        data: a result whose arguments are data, in which only the first things are looked at; None if there is none.
    """

    def __init__(self, limit: int | None, made: int, data: object) -> None:
        self._limit = limit
        self._made = made
        self._data = data
        self._is_alone = results_alive() == 1  # no other one can stand in its arguments
        self._searched: dict[int, object] = {}  # by `id()`
        self._holding: set[int] = set()

    def look(self, item: object, operand: object) -> int:
        """Looks for results in an operand of a result or of a container; returns flags."""
        if id(operand) in self._searched:
            return HOLDS if id(operand) in self._holding else 0
        if type(item) is LazyResult and (item is self._data or self._is_alone or was_searched(item, self._made)):
            return self._search_deeply(operand) if _first_things_hold_results(item, operand) else 0
        if argument_holds_results(operand, self._limit):
            return self._search_deeply(operand)
        if type(operand) in CONTAINERS:
            self._searched[id(operand)] = operand
        return SEARCHED if type(item) is LazyResult else 0

    def sparse(self, container: object) -> Sparse | None:
        """Returns a long container whose parts, but for a few, hold no results as such; None for any other.

        It has been searched.
        """
        if type(container) is list or type(container) is tuple:
            if len(container) < LONG:
                return None
            places: list[object] = [at for at, part in enumerate(container) if self._holds(part)]
        elif type(container) is dict and len(container) >= LONG and not any(map(self._holds, container)):
            places = [key for key, part in container.items() if self._holds(part)]
            if not all(map(_is_found_again, places)):
                return None
        else:
            return None
        return Sparse(container, places) if len(places) * FEW <= len(container) else None

    def _holds(self, part: object) -> bool:
        kind = type(part)
        return kind is LazyResult or kind not in PLAIN and id(part) in self._holding

    def _search_deeply(self, root: object) -> int:
        # Once for a whole nest of containers: asking at every level would take time quadratic in the depth.
        searched, holding, limit = self._searched, self._holding, self._limit
        searched[id(root)] = root
        parents: dict[int, list[int]] = {}
        stack = [root]
        found: list[int] = []
        things = 0
        while stack:
            container = stack.pop()
            inside = parts(container)
            things += len(inside)
            if limit is not None and things > THINGS * limit:
                raise TooManyRows
            for part in inside:
                if type(part) is LazyResult:
                    found.append(id(container))
                elif type(part) not in PLAIN and is_container(part):
                    parents.setdefault(id(part), []).append(id(container))
                    if id(part) not in searched:
                        searched[id(part)] = part
                        stack.append(part)
                    elif id(part) in holding:
                        found.append(id(container))
        while found:
            number = found.pop()
            if number not in holding:
                holding.add(number)
                found.extend(parents.get(number, ()))
        return HOLDS if id(root) in holding else 0


def _is_found_again(key: object) -> bool:
    """Whether a key of a dict has one hash for ever. A user's may have another one by now, or when the dict is copied."""
    return type(key) in PLAIN or (type(key) is tuple and all(type(part) in PLAIN for part in key))


def _first_things_hold_results(lazy: LazyResult[object], operand: object) -> bool:
    """Whether a LazyResult stands among the first things of an operand of a call whose arguments are data."""
    slots = lazy.slots
    # A call has one slot for each parameter; those of a map are its inputs.
    is_call = lazy.policies is None or lazy.policies.construct is None
    gathered = lazy.task.binder.gathered if is_call else ()
    return hands_on_deferred((operand,), (0,) if any(slots[slot] is operand for slot in gathered) else ())
