"""Pictures of large graphs: one node for all calls of a task, and one edge for all uses of its values by those of another."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from cascade.graph.containers import Container
from cascade.graph.description import called_name
from cascade.graph.model import Row
from cascade.imports import TYPE_CHECKING
from cascade.reports.drawing import style_of
from cascade.reports.svg import Badge, Line, Shape, draw

if TYPE_CHECKING:
    from cascade.graph.model import RowOperation

GROUPS = 80
"""More tasks are drawn as one node: those with the fewest calls."""


class Key(NamedTuple):
    """A group: a name for people, a kind as in `cascade.reports.drawing.NODE_STYLES`, and the name of its task."""

    name: str
    kind: str
    task: str


OTHERS = Key("other tasks", "task", "")


class Groups(NamedTuple):
    """The calls of a graph by their tasks.

    Attributes:
        counts: the number of calls of each group.
        edges: for two groups, how many calls of the second one take values of the first one.
    """

    counts: dict[Key, int]
    edges: dict[tuple[Key, Key], int]


def groups_of(rows: Sequence[Row]) -> Groups:
    """Returns the groups of a graph; values go through containers."""
    known = {operation: _key_of(operation) for operation in dict.fromkeys(row[0] for row in rows)}
    keys = [known[row[0]] for row in rows]
    counts = Counter(key for key in keys if key is not None)
    shown = {key: key for key, _ in counts.most_common(GROUPS)}
    edges: Counter[tuple[Key, Key]] = Counter()
    sources: list[set[Key]] = []
    for key, (_, *references) in zip(keys, rows, strict=True):
        found = set().union(*(sources[each] for each in references if each >= 0))
        if key is None:
            sources.append(found)
            continue
        group = shown.get(key, OTHERS)
        edges.update((source, group) for source in found)
        sources.append({group})
    made: Counter[Key] = Counter()
    for key, count in counts.items():
        made[shown.get(key, OTHERS)] += count
    return Groups(dict(made), dict(edges))


def _key_of(operation: RowOperation) -> Key | None:
    if isinstance(operation, Container):
        return None
    return Key(called_name(operation), style_of(operation), operation.name)


def svg_of_groups(groups: Groups, badges: Mapping[str, Badge], *, style: bool = True) -> str:
    """Returns the picture of groups as an SVG element.

    Args:
        badges: the outcomes of tasks in a run, by their names.
        style: whether its style sheet is part of it.
    """
    names = {key: f"g{number}" for number, key in enumerate(groups.counts)}
    shapes = [Shape(names[key], key.kind, [key.name, _calls(count)]) for key, count in groups.counts.items()]
    lines = [Line(names[source], names[group], "uses", f"{count:,}") for (source, group), count in groups.edges.items()]
    total = sum(groups.counts.values())
    return draw(
        shapes, lines, f"graph of {total:,} calls by task: {len(shapes)} tasks",
        badges={names[key]: badges[key.task] for key in names if key.task in badges}, style=style,
    )  # fmt: skip


def _calls(count: int) -> str:
    return f"{count:,} calls" if count > 1 else "1 call"
