"""Names of the nodes of a run, in events and messages."""

from __future__ import annotations

from cascade.imports import TYPE_CHECKING

if TYPE_CHECKING:
    from cascade.declare.task import Task


def label(owner: Task[..., object], serial: int, node: int | str) -> str:
    """Returns the name of a node; graphs that tasks returned have numbers from 1.

    `name#3` is node 3 of the target's graph, `name#2.3` that of the second graph that a task returned, and
    `name#3[17]` item 17 of the map that is node 3.
    """
    return f"{owner.name}#{serial}.{node}" if serial else f"{owner.name}#{node}"


# Names of tasks may hold any characters; the part after the last `#` does not.


def map_of(task_id: str) -> str | None:
    """Returns the name of the map that the node of this name is an item of, if it is one.

    >>> map_of("a.b#3[17]"), map_of("a[1]#2.3")
    ('a.b#3', None)
    """
    return task_id[: task_id.rindex("[")] if task_id.endswith("]") else None


def is_returned(task_id: str) -> bool:
    """Returns True if the node of this name is one of a graph that a task returned.

    >>> is_returned("a.b#3"), is_returned("a#2.3")
    (False, True)
    """
    return "." in task_id[task_id.rfind("#") :]
