"""The state of runs, computed from their events, in memory proportional to the nodes under way."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import NamedTuple, TextIO, TypeVar, cast

from cascade.events.names import is_returned, map_of
from cascade.events.types import (
    Event,
    ItemFinished,
    LoopProgress,
    RunFinished,
    RunStarted,
    TaskBlocked,
    TaskEvent,
    TaskExecutionFinished,
    TaskExecutionStarted,
    TaskRetrying,
    TaskSkipped,
)
from cascade.graph.description import counted, printable

E = TypeVar("E", bound=Event)
CACHED, PRUNED = "CacheHit", "Pruned"
REASONS = {
    "ConditionFalse": "condition false",
    "UpstreamSkipped_Data": "input skipped",
    "UpstreamSkipped_Sequence": "predecessor skipped",
    PRUNED: "route not chosen",
    CACHED: "in the cache",
}
"""The reasons of TaskSkipped, as they are shown."""


class Loop(NamedTuple):
    iteration: int
    rate: float


class Pace:
    """A rate, estimated from how much was done at certain times."""

    __slots__ = ("_at", "_begun", "_done", "_rate")
    WINDOW = 1.0

    def __init__(self, begun: float) -> None:
        self._begun = self._at = begun
        self._done = 0
        self._rate = 0.0

    def note(self, done: int, now: float) -> None:
        if now - self._at >= self.WINDOW:
            self._rate = (done - self._done) / (now - self._at)
            self._at, self._done = now, done

    def rate(self, done: int, now: float) -> float:
        """Returns the rate per second: of the last window, or, without a recent measurement, since the beginning."""
        if self._done and now - self._at <= 3 * self.WINDOW:
            return self._rate
        return done / (now - self._begun) if now > self._begun else 0.0


class Items:
    """The items of a map under way."""

    __slots__ = ("cached", "done", "pace", "retries", "skipped", "total")

    def __init__(self, total: int, begun: float) -> None:
        self.total = total
        self.done = 0
        self.cached = 0  # of these
        self.skipped = 0
        self.retries = 0
        self.pace = Pace(begun)


class Node:
    """A node under way: it is being called, or waits for capacity."""

    __slots__ = ("begun", "blocked", "items", "loop", "name", "retry", "task_id")

    def __init__(self, task_id: str, name: str, begun: float) -> None:
        self.task_id = task_id
        self.name = name
        self.begun = begun
        self.items: Items | None = None  # of a map
        self.loop: Loop | None = None
        self.retry: TaskRetrying | None = None
        self.blocked: str | None = None  # the reason for which it waits


class Group:
    """The nodes of one task that are under way, and a count of all since the group was last empty."""

    __slots__ = ("blocked", "done", "name", "nodes", "total")

    def __init__(self, name: str) -> None:
        self.name = name
        self.nodes: dict[str, Node] = {}
        self.blocked = 0  # how many of them wait for capacity
        self.total = 0
        self.done = 0


class RunState:
    """The state of one run.

    Attributes:
        maps_and_loops: those under way, by the names of their nodes, the oldest first.
        groups: the other nodes under way, by the names of their tasks.
        skipped: the number of nodes and items that were skipped, by reason.
    """

    def __init__(self, event: RunStarted) -> None:
        self.target = event.target
        self.begun = event.timestamp
        self.planned = event.tasks
        self.returned = 0  # nodes of graphs that tasks returned, as far as events have named them
        self._nodes: dict[str, Node] = {}
        self.maps_and_loops: dict[str, Node] = {}
        self.groups: dict[str, Group] = {}
        self.finished = 0
        self.failed = 0
        self.abandoned = 0
        self.passed = 0  # nodes that were not called, and not expected any more
        self.retries = 0
        self.items = 0
        self.failed_items = 0  # that are values of their maps
        self.skipped: Counter[str] = Counter()

    @property
    def total(self) -> int:
        """Number of tasks known so far: tasks may return more."""
        return max(self.planned + self.returned, self.done + len(self._nodes))

    @property
    def done(self) -> int:
        return self.finished + self.failed + self.passed

    def update(self, event: Event) -> Node | None:
        """Updates the state with an event; returns the node that it is about, even if that has just finished."""
        # There is none for the events of single items: maps publish their progress.
        handler = _HANDLERS.get(type(event))
        return None if handler is None else handler(self, event)

    # -- One handler for each type of event ---------------------------------------------------------------------------------------------

    def _started(self, event: TaskExecutionStarted) -> Node:
        node = self._nodes.get(event.task_id) or self._enter(event)
        self._set_blocked(node, None)
        node.begun = event.timestamp
        if event.items is not None:
            node.items = Items(event.items, event.timestamp)
            self._show_alone(node)
        return node

    def _finished(self, event: TaskExecutionFinished) -> Node | None:
        node = self._leave(event.task_id)
        good = event.status == "Succeeded"
        self.finished += good
        self.abandoned += event.abandoned
        self.failed += not good and not event.abandoned
        if node is not None and node.items is not None:
            self.items += node.items.total if good else node.items.done
            self.failed_items += event.failed_items
        return node

    def _was_skipped(self, event: TaskSkipped) -> Node | None:
        self.skipped[event.reason] += 1
        if event.reason == PRUNED:
            return None  # never one of the tasks that are counted
        map_id = map_of(event.task_id)
        if map_id is None:
            node = self._leave(event.task_id)
            self.returned += node is None and is_returned(event.task_id)
            self.passed += 1
            return node
        items = self._items_of(map_id)
        if items is not None:
            items.cached += event.reason == CACHED
            items.skipped += event.reason != CACHED
        return None

    def _retrying(self, event: TaskRetrying) -> Node | None:
        self.retries += 1
        map_id = map_of(event.task_id)
        items = None if map_id is None else self._items_of(map_id)
        if items is not None:
            items.retries += 1
        node = self._nodes.get(event.task_id)
        if node is not None:
            node.retry = event
        return node

    def _blocked(self, event: TaskBlocked) -> Node | None:
        if map_of(event.task_id) is not None:
            return None
        node = self._nodes.get(event.task_id)
        if node is None:  # else it is a loop, and no event says when it continues
            node = self._enter(event)
            self._set_blocked(node, event.reason)
        return node

    def _progressed(self, event: LoopProgress) -> Node | None:
        node = self._nodes.get(event.task_id)
        if node is None:
            return None
        if node.items is not None:
            node.items.done = event.iteration
            node.items.pace.note(event.iteration, event.timestamp)
        else:
            node.loop = Loop(event.iteration, event.rate)
            self._show_alone(node)
        return node

    # -- Nodes under way ------------------------------------------------------------------------------------------

    def _items_of(self, map_id: str) -> Items | None:
        node = self._nodes.get(map_id)
        return None if node is None else node.items

    def _enter(self, event: TaskEvent) -> Node:
        node = self._nodes[event.task_id] = Node(event.task_id, event.task_name, event.timestamp)
        self.returned += is_returned(event.task_id)
        group = self.groups.get(node.name)
        if group is None:
            group = self.groups[node.name] = Group(node.name)
        group.nodes[event.task_id] = node
        group.total += 1
        return node

    def _leave(self, task_id: str) -> Node | None:
        node = self._nodes.pop(task_id, None)
        if node is not None and self.maps_and_loops.pop(task_id, None) is None:
            self._set_blocked(node, None)
            self.groups[node.name].done += 1
            self._leave_group(node)
        return node

    def _leave_group(self, node: Node) -> None:
        group = self.groups[node.name]
        del group.nodes[node.task_id]
        if not group.nodes:
            del self.groups[node.name]

    def _show_alone(self, node: Node) -> None:
        if node.task_id not in self.maps_and_loops:
            self.groups[node.name].total -= 1
            self._leave_group(node)
            self.maps_and_loops[node.task_id] = node

    def _set_blocked(self, node: Node, reason: str | None) -> None:
        group = self.groups.get(node.name)
        if group is not None and node.task_id in group.nodes:
            group.blocked += (reason is not None) - (node.blocked is not None)
        node.blocked = reason


def _row(
    kind: type[E], handle: Callable[[RunState, E], Node | None]
) -> tuple[type[Event], Callable[[RunState, Event], Node | None]]:
    return kind, cast("Callable[[RunState, Event], Node | None]", handle)  # it is called with events of that type only


_HANDLERS: dict[type[Event], Callable[[RunState, Event], Node | None]] = dict(
    [
        _row(TaskExecutionStarted, RunState._started),
        _row(TaskExecutionFinished, RunState._finished),
        _row(TaskSkipped, RunState._was_skipped),
        _row(TaskRetrying, RunState._retrying),
        _row(TaskBlocked, RunState._blocked),
        _row(LoopProgress, RunState._progressed),
    ]
)


class States:
    """The runs that are under way, by their ids."""

    def __init__(self) -> None:
        self.runs: dict[str, RunState] = {}

    def update(self, event: Event) -> tuple[RunState | None, Node | None]:
        """Updates the states with an event; returns its run, or None if its start was not observed, and the node that it is about."""
        if isinstance(event, RunStarted):
            self.runs[event.run_id] = RunState(event)
        run = self.runs.get(event.run_id)
        node = None if run is None else run.update(event)
        if isinstance(event, RunFinished):
            self.runs.pop(event.run_id, None)
        return run, node


def is_news(event: TaskExecutionFinished) -> bool:
    """Returns whether an event is a failure in its own right: not abandoned after another one, and not of an item, which its map reports."""
    return event.status != "Succeeded" and not event.abandoned and not isinstance(event, ItemFinished)


def who(event: TaskExecutionFinished) -> str:
    """Returns the name of the node, or of the item of a map, that has failed."""
    return printable(event.task_id if event.failed_item is None else f"{event.task_id}[{event.failed_item}]")


def is_terminal(file: TextIO) -> bool:
    """Returns whether a file is a terminal; False for an object that only looks like a file."""
    try:
        return bool(file.isatty())
    except (AttributeError, ValueError):  # something that only looks like a file, or is closed
        return False


def duration(seconds: float) -> str:
    """Formats a length of time: `1.2 ms`, `3.4 s`, `2:05:10`."""
    if seconds < 0.0995:
        return f"{seconds * 1000:.1f} ms"
    return f"{seconds:.1f} s" if seconds < 99.5 else clock(seconds)


def clock(seconds: float) -> str:
    """Formats a length of time in whole seconds: `3 s`, `1:40`, `2:05:10`."""
    if seconds < 99.5:
        return f"{round(seconds)} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def speed(rate: float) -> str:
    """Formats a rate per second with its significant digits."""
    return f"{rate:,.0f}" if rate >= 9.95 else f"{rate:.1f}"


def besides(run: RunState) -> list[str]:
    """Returns short phrases about everything but tasks that returned a value: failures, skips, cache hits, retries."""
    skipped = {reason: number for reason, number in run.skipped.items() if reason not in (CACHED, PRUNED)}
    why = ", ".join(f"{number:,} {REASONS.get(reason, reason)}" for reason, number in sorted(skipped.items()))
    numbers = (
        (run.failed, "failed"),
        (run.abandoned, "abandoned"),
        (sum(skipped.values()), f"skipped ({why})"),
        (run.skipped[PRUNED], "on routes not taken"),
        (run.skipped[CACHED], "from the cache"),
    )
    phrases = [f"{number:,} {words}" for number, words in numbers if number]
    return [*phrases, *retries(run.retries)]


def retries(number: int) -> list[str]:
    return [] if not number else ["1 retry"] if number == 1 else [f"{number:,} retries"]


def pace_of(items: Items, now: float) -> list[str]:
    """Returns the speed of a map and its remaining time, as far as they can be estimated."""
    rate = items.pace.rate(items.done, now)
    left = (items.total - items.done) / rate if rate > 0 else 0.0
    return [*([f"{speed(rate)} a second"] if rate > 0 else []), *([f"{clock(left)} left"] if left >= 1 else [])]


def of_items(items: Items) -> list[str]:
    """Returns short phrases about the items of a map that were not just called: cache hits, skips, retries."""
    numbers = ((items.cached, "from the cache"), (items.skipped, "skipped"))
    return [*(f"{number:,} {words}" for number, words in numbers if number), *retries(items.retries)]


def summary(run: RunState, end: RunFinished) -> str:
    """Returns the outcome of a run in one line."""
    parts = [counted(run.finished, "task")]
    if run.items:
        parts.append(counted(run.items, "item"))
    if run.failed_items:
        parts.append(f"{counted(run.failed_items, 'failed item')} collected")
    text = f"{', '.join(parts + besides(run))} in {duration(end.duration)}"
    return text if end.error is None else f"{text}: {printable(end.error)}"
