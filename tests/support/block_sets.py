"""Functions with sets, deques and heaps, for kernels that are made block by block."""

from __future__ import annotations

import heapq
from collections import deque
from typing import Any

from tests.support.block_mappings import Dying, events, seen_line


class Less:
    """An item that notes who compares it."""

    def __init__(self, value: int) -> None:
        self.value = value

    def __lt__(self, other: Any) -> bool:
        events.append(("less", self.value, other.value, seen_line()))
        return bool(self.value < other.value)

    def __repr__(self) -> str:
        return f"Less({self.value})"


# -- Sets -------------------------------------------------------------------------------------------------------------------


def in_set(members: Any, keys: Any) -> Any:
    found = []
    for key in keys:
        found.append(key in members)
        found.append(key not in members)
    for member in members:
        found.append(member)
    return found, len(members), not members


def set_changed(keys: Any) -> Any:
    members = set()
    found = []
    for key in keys:
        members.add(key)
        members.add(key)
        found.append(len(members))
    for key in keys:
        members.discard(key)
        members.discard(key)
        found.append(key in members)
        members.add(key)
        members.remove(key)
    return found, members, bool(members)


def set_removed(members: Any, keys: Any) -> Any:
    for key in keys:
        members.remove(key)
    return members


def set_changed_while_iterated(members: Any) -> Any:
    for member in members:
        members.add((member, member))
    return members


def comprehended(keys: Any) -> Any:
    return {key: key for key in keys}, {key for key in keys}


# -- Deques -----------------------------------------------------------------------------------------------------------------


def queued(values: Any, limit: Any) -> Any:
    queue: Any = deque((), limit)
    found = []
    for value in values:
        queue.append(value)
        queue.appendleft(value)
        queue.append((value, 1))
        if len(queue) > 3:
            found.append(queue.popleft())
            found.append(queue[0])
            found.append(queue[-1])
    while queue:
        found.append(queue.pop())
        if queue:
            found.append(queue.popleft())
    return found, queue, not queue


def waved(count: int) -> Any:
    queue = deque()
    total = 0
    for number in range(count):
        for other in range(number % 7):
            queue.append(number * other)
            queue.appendleft(other)
        for other in range(number % 5):
            total += queue.pop()
            total -= queue.popleft() * 2
        total += queue[len(queue) // 2] if queue else 0
    return total, list(queue)


def deque_indexed(values: Any, indices: Any) -> Any:
    queue = deque(values)
    return [queue[index] for index in indices], [value for value in queue]


def deque_items(queue: Any, indices: Any) -> Any:
    found = []
    for index in indices:
        found.append(queue[index])
    for item in queue:
        found.append(item)
    return found


def emptied(queue: Any, first: Any) -> Any:
    while True:
        if first:
            queue.popleft()
        else:
            queue.pop()


def deque_changed_while_iterated(queue: Any) -> Any:
    for item in queue:
        queue.append(item)
    return queue


def dropped_by_a_limit(count: int) -> Any:
    events.clear()
    queue: Any = deque((), 2)
    for number in range(count):
        queue.append(Dying(number))
        events.append("behind")
    return list(events)


# -- Heaps ------------------------------------------------------------------------------------------------------------------


def sorted_by_heap(values: Any) -> Any:
    heap: Any = []
    for value in values:
        heapq.heappush(heap, value)
    found = list(heap)
    while heap:
        found.append(heapq.heappop(heap))
    return found


def paired_by_heap(values: Any) -> Any:
    heap: Any = []
    for number, value in enumerate(values):
        heapq.heappush(heap, (value, number))
    found = list(heap)
    while heap:
        value, number = heapq.heappop(heap)
        found.append((value, number))
    return found


def popped_from(heap: Any) -> Any:
    return heapq.heappop(heap)


def heap_of_objects(numbers: Any) -> Any:
    events.clear()
    heap: Any = []
    for number in numbers:
        heapq.heappush(heap, Less(number))
    found = []
    while heap:
        found.append(heapq.heappop(heap).value)
    return found, list(events)
