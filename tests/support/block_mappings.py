"""Functions with dicts and counters, for kernels that are made block by block."""

from __future__ import annotations

import heapq
import sys
import weakref
from collections import Counter, defaultdict
from typing import Any

from tests.support.block_mapping_views import counter_truth, views

events: list[Any] = []
NAMED = 0


def seen_line() -> tuple[str, int]:
    """Returns the function and the line, relative to its first one, that called the caller of this function."""
    frame = sys._getframe(2)
    return frame.f_code.co_name, (frame.f_lineno or 0) - frame.f_code.co_firstlineno


class Hostile:
    """A key that is equal to a number or text, and notes who compares it."""

    def __init__(self, value: Any) -> None:
        self.value = value

    def __hash__(self) -> int:
        return hash(self.value)

    def __eq__(self, other: object) -> bool:
        events.append(("compared", self.value, repr(other), seen_line()))
        return self.value == (other.value if isinstance(other, Hostile) else other)

    def __repr__(self) -> str:
        return f"Hostile({self.value!r})"


class Dying:
    """A value that notes when it dies."""

    def __init__(self, name: Any) -> None:
        self.name = name

    def __repr__(self) -> str:
        return f"Dying({self.name!r})"

    def __del__(self) -> None:
        events.append(("died", self.name))


# -- Lookups ----------------------------------------------------------------------------------------------------------------


def looked_up(known: Any, keys: Any) -> Any:
    found = []
    for key in keys:
        if key in known:
            found.append(known[key])
        if key not in known:
            found.append("none")
        found.append(known.get(key))
        found.append(known.get(key, -1))
        found.append(known.get(key, key))
    return found, len(known), not known


def item_of(known: Any, keys: Any) -> Any:
    total = []
    for key in keys:
        total.append(known[key])
    return total


def items_or_default(known: Any, keys: Any) -> Any:
    total = []
    for key in keys:
        try:
            total.append(known[key])
        except KeyError as error:
            total.append(repr(error))
    return total


def stored(known: Any, keys: Any, values: Any) -> Any:
    for key, value in zip(keys, values):
        known[key] = value
        known[key] = value
    return list(known.items())


def counted(known: Any, keys: Any) -> Any:
    for key in keys:
        known[key] = known.get(key, 0) + 1
    for key in keys:
        known[key] += 1
    return known


def counted_more(known: Any, keys: Any) -> Any:
    for key in keys:
        known[key] += 1
    return known


def removed(known: Any, keys: Any) -> Any:
    found = []
    for key in keys:
        known.setdefault(key, 5)
        known.setdefault(key, []), known.setdefault((key, 1))
        found.append(known.pop(key))
        found.append(known.pop(key, None))
        found.append(known.pop(key, 7.5))
        known[key] = 1
        del known[key]
    return found, known


def deleted(known: Any, keys: Any) -> Any:
    for key in keys:
        del known[key]
    return known


def popped(known: Any, keys: Any) -> Any:
    found = []
    for key in keys:
        found.append(known.pop(key))
    return found


def displays(key: Any, value: Any) -> Any:
    return (
        {},
        {key: value},
        {1: value, 1.0: key, True: 3},  # noqa: F601
        {"a": key, "b": value, (1, 2): 3},
        {key, value},
        {1, 1.0, "a"},
    )


def grouped(words: Any) -> Any:
    groups: dict[Any, Any] = {}
    for word in words:
        groups.setdefault(word, []).append(len(groups))
    return groups, dict(), set()


# -- Hostile keys -----------------------------------------------------------------------------------------------------------


def hostile_lookups(number: Any, keys: Any) -> Any:
    events.clear()
    known = {Hostile(number): "found", "other": 1}
    found = []
    for key in keys:
        found.append(key in known)
        found.append(known.get(key, 0))
        known[key] = "set"
    found.append(sorted(map(repr, known)))
    return found, list(events)


def hostile_set(number: Any, keys: Any) -> Any:
    events.clear()
    known = {Hostile(number)}
    found = []
    for key in keys:
        found.append(key in known)
        known.add(key)
        known.discard(key)
        known.add(key)
        known.remove(key)
    return found, list(events)


def hostile_arguments(numbers: Any) -> Any:
    events.clear()
    known: dict[Any, Any] = {1: "one", "two": 2, (1, 2): 3}
    members = {1, "two"}
    found = []
    for number in numbers:
        key = Hostile(number)
        found.append((key in known, known.get(key, 0), key in members, (key, 2) in known))
        known[key] = number
        members.add(key)
        known[(key, 3)] = number
        found.append(known.pop((key, 3)))
    return found, list(known.values()), len(members), list(events)


# -- Values that die --------------------------------------------------------------------------------------------------------


def overwritten(keys: Any) -> Any:
    events.clear()
    known = {}
    for key in keys:
        known[key] = Dying(key)
        known[key] = Dying(key)
        known[key] = None
    return known, list(events)


def taken_out(keys: Any) -> Any:
    events.clear()
    known = {key: Dying(key) for key in keys}
    for key in keys:
        if key == keys[0]:
            del known[key]
        else:
            known.pop(key)
        events.append("behind")
    return list(events)


def overwritten_while_borrowed(keys: Any) -> Any:
    known = {key: [key] for key in keys}
    found = []
    for key in keys:
        found.append((known[key], known.pop(key), known.get(key, [0])))
    return found


def weak_values(keys: Any) -> Any:
    known = {}
    found = []
    for key in keys:
        value = Hostile(key)
        known[key] = value
        there = weakref.ref(value)
        value = None
        found.append(there() is None)
        known[key] = 0
        found.append(there() is None)
    return found


def named_through_globals(count: int) -> Any:
    total = 0
    namespace = globals()
    for number in range(count):
        namespace["NAMED"] = number
        total += NAMED
    namespace["NAMED"] = 0
    return total


# -- Iteration --------------------------------------------------------------------------------------------------------------


def iterated(known: Any) -> Any:
    found = []
    for key in known:
        found.append(key)
    for key in known.keys():
        found.append(key)
    for value in known.values():
        found.append(value)
    for key, value in known.items():
        found.append((key, value))
    for pair in known.items():
        found.append(pair)
    return found


def summed(known: Any) -> Any:
    total = 0
    for key, value in known.items():
        if value == 3:
            continue
        total += key * value
        if value == 5:
            break
    else:
        total += 1000
    return total


def changed_while_iterated(known: Any, at: Any, what: Any) -> Any:
    found = []
    try:
        for key in known:
            found.append(key)
            if key == at:
                if what == "add":
                    known["new"] = 1
                elif what == "delete":
                    del known[key]
                elif what == "exchange":
                    del known[key]
                    known["new"] = 1
                elif what == "clear":
                    known.clear()
                elif what == "replace":
                    known[key] = "replaced"
                elif what == "rebind":
                    known = None
    except RuntimeError as error:
        found.append(str(error))
    return found


def items_changed_while_iterated(known: Any, at: Any, what: Any) -> Any:
    found = []
    for key, value in known.items():
        found.append((key, value))
        if key == at:
            if what == "add":
                known["new"] = 1
            elif what == "delete":
                del known[key]
            elif what == "replace":
                known[key] = "replaced"
            elif what == "later":
                for other in list(known):
                    known[other] = [other]
        found.append((key, value))
    return found


def iterator_at_exit(known: Any) -> Any:
    total = 0
    for key, value in known.items():
        total += value
    for key in known:
        total += key
    for value in known.values():
        total += value
    return total


def over_attributes(thing: Any) -> Any:
    found = []
    names = thing.__dict__
    for name in names:
        found.append((name, names[name], name in names, names.get(name), names.get("other", 1)))
    for name, value in names.items():
        names[name] = value + 1
        found.append(value)
    return found, thing.first, thing.second


class Thing:
    def __init__(self) -> None:
        self.first = 1
        self.second = 2


# -- Default dicts and counters -------------------------------------------------------------------------------------------


def defaults(factory: Any, keys: Any) -> Any:
    groups = defaultdict(factory)
    for key in keys:
        groups[key]
    for key in keys:
        groups[key]
    return groups, len(groups), bool(groups), 5 in groups, groups.get(100), groups.get(keys[0])


def grouped_by_default(keys: Any) -> Any:
    groups = defaultdict(list)
    counts = defaultdict(int)
    for key in keys:
        groups[key].append(key)
        counts[key] += 1
    return groups, counts


def tallied(keys: Any) -> Any:
    counts: Any = Counter()
    for key in keys:
        counts[key] += 1
        if key in counts:
            counts[key] = counts[key] + 1
    return counts, counts[object], len(counts), sorted(counts.items(), key=str)


def tallied_in(counts: Any, keys: Any) -> Any:
    for key in keys:
        counts[key] += 1
        if key in counts:
            counts[key] += counts[key]
    return counts


# -- References -------------------------------------------------------------------------------------------------------------


def used_in_every_way(known: Any, members: Any, queue: Any, heap: Any, key: Any, value: Any) -> Any:
    known[key] = value
    known[key] = known[key]
    known.setdefault(key, value)
    known.get(key, value)
    known.get((key, 2), value)
    for _ in known:
        pass
    for _, _ in known.items():
        pass
    for _ in known.values():
        pass
    members.add(key)
    for _ in members:
        pass
    members.discard(key)
    queue.append(value)
    queue.append(queue[0])
    queue.popleft()
    queue.pop()
    heapq.heappush(heap, (0, key))
    heapq.heappop(heap)
    known.pop(key)
    known[key] = {key: value}
    del known[key]
    return len(known)


class Refusing:
    """A key that is found by its hash, and whose comparison fails."""

    def __init__(self, value: Any) -> None:
        self.value = value

    def __hash__(self) -> int:
        return hash(self.value)

    def __eq__(self, other: object) -> bool:
        raise ValueError(repr(other))


def refused(known: Any, members: Any, lists: Any, keys: Any) -> Any:
    count = 0
    for key in keys:
        for at in (0, 1):
            try:
                if at == 0:
                    count += len([lists[at], known.get((key, 1), lists[1]), lists[0][0]])
                    known[(key, 2)] = lists[at]
                else:
                    count += len([lists[at], known[(key, 2)], (key, 3) in members])
                    members.add((key, 3))
                    known.setdefault(key, lists[at])
            except ValueError as error:
                count += len(str(error))
            except KeyError:
                count += 1
    return count


__all__ = ["counter_truth", "views"]
