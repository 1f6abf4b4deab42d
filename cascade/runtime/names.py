"""Names of the nodes of a run, as events and messages tell them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from cascade.spec.task import Task


def label(owner: Task[..., Any], serial: int, node: int | str) -> str:
    """The name of a node; graphs that tasks answered with have numbers from 1.

    `name#3` is node 3 of the target's graph, `name#2.3` that of the second graph that a task answered with, and
    `name#3[17]` item 17 of the map that is node 3.
    """
    return f"{owner.name}#{serial}.{node}" if serial else f"{owner.name}#{node}"


class Place(NamedTuple):
    """What a name says: the map that it is an item of, and whether its graph is one that a task answered with."""

    map_id: str | None
    dynamic: bool


def place_of(task_id: str) -> Place:
    """What the name of a node says. Names of tasks may hold any characters; what follows the last `#` does not.

    >>> place_of("a.b#3[17]")
    Place(map_id='a.b#3', dynamic=False)
    >>> place_of("a#2.3")
    Place(map_id=None, dynamic=True)
    """
    number = task_id[task_id.rfind("#") + 1 :]
    item = number.find("[")
    map_id = None if item < 0 else task_id[: len(task_id) - len(number) + item]
    return Place(map_id, "." in number)
