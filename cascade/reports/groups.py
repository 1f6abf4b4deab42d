"""Pictures of large graphs: one node for all calls of a task, and one edge for all uses of its values by those of another."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from cascade.graph.containers import Container
from cascade.graph.description import called_name
from cascade.graph.model import Row
from cascade.reports.drawing import style_of
from cascade.reports.svg import Badge, Line, Shape, draw

GROUPS = 80
"""More tasks are drawn as one node: those with the fewest calls."""
OTHERS = "other tasks"


class Groups(NamedTuple):
    """The calls of a graph by their tasks.

    Attributes:
        counts: for each group, its name and kind (as in `cascade.reports.drawing.NODE_STYLES`), the number of calls.
        edges: for two groups, how many calls of the second one take values of the first one.
    """

    counts: dict[tuple[str, str], int]
    edges: dict[tuple[tuple[str, str], tuple[str, str]], int]


def groups_of(rows: Sequence[Row]) -> Groups:
    """Returns the groups of a graph; values go through containers."""
    keys = [None if isinstance(row[0], Container) else (called_name(row[0]), style_of(row[0])) for row in rows]
    counts = Counter(key for key in keys if key is not None)
    others = (OTHERS, "task")
    shown = {key: key for key, _ in counts.most_common(GROUPS)}
    edges: Counter[tuple[tuple[str, str], tuple[str, str]]] = Counter()
    sources: list[set[tuple[str, str]]] = []
    for key, (_, *references) in zip(keys, rows, strict=True):
        found = set().union(*(sources[each] for each in references if each >= 0))
        if key is None:
            sources.append(found)
            continue
        group = shown.get(key, others)
        edges.update((source, group) for source in found)
        sources.append({group})
    made: Counter[tuple[str, str]] = Counter()
    for key, count in counts.items():
        made[shown.get(key, others)] += count
    return Groups(dict(made), dict(edges))


def svg_of_groups(groups: Groups, badges: Mapping[str, Badge], *, style: bool = True) -> str:
    """Returns the picture of groups as an SVG element.

    Args:
        badges: the outcomes of tasks in a run, by their names.
        style: whether its style sheet is part of it.
    """
    names = {key: f"g{number}" for number, key in enumerate(groups.counts)}
    shapes = [Shape(names[key], key[1], [key[0], _calls(count)]) for key, count in groups.counts.items()]
    lines = [Line(names[source], names[group], "uses", f"{count:,}") for (source, group), count in groups.edges.items()]
    total = sum(groups.counts.values())
    return draw(
        shapes, lines, f"graph of {total:,} calls by task: {len(shapes)} tasks",
        badges={names[key]: badges[key[0]] for key in names if key[0] in badges}, style=style,
    )  # fmt: skip


def _calls(count: int) -> str:
    return f"{count:,} calls" if count > 1 else "1 call"
