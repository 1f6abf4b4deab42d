"""Makes a graph that shows a difference smaller, as long as it shows one of the same kind."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any

from tests.support.random_graphs.comparison import Difference, compare
from tests.support.random_graphs.spec import Graph, Node


def minimise(graph: Graph, kind: str) -> Graph:
    """The smallest graph that is found by leaving out nodes and what they have."""
    found = True
    while found:
        found = False
        for smaller in _smaller(graph):
            if shown_by(smaller)[0] == kind:
                graph, found = smaller, True
                break
    return graph


def shown_by(graph: Graph) -> tuple[str | None, str]:
    """The kind of the difference that the graph shows, None for none; and what is to be said of it."""
    try:
        compare(graph)
    except Difference as difference:
        return difference.kind, str(difference)
    except Exception as error:
        return type(error).__name__, f"seed {graph.seed}: {type(error).__name__}: {error}"
    return None, ""


def written(graph: Graph) -> str:
    """The graph as text, without what is as usual."""
    lines = []
    for node in graph.nodes:
        fields = [
            (field.name, getattr(node, field.name))
            for field in dataclasses.fields(node)
            if getattr(node, field.name) != field.default
        ]
        lines.append(f"    Node({', '.join(f'{name}={value!r}' for name, value in fields)}),")
    return "\n".join(["Graph(", f"  {graph.seed},", "  (", *lines, "  ),", f"  targets={graph.targets},", ")"])


def _smaller(graph: Graph) -> Iterator[Graph]:
    for at in range(len(graph.nodes)):
        if len(graph.nodes) > 1:
            yield dataclasses.replace(graph, nodes=(*graph.nodes[:at], *graph.nodes[at + 1 :]))
    if graph.targets > 1:
        yield dataclasses.replace(graph, targets=graph.targets - 1)
    for at, node in enumerate(graph.nodes):
        for plainer in _plainer(node):
            yield dataclasses.replace(graph, nodes=(*graph.nodes[:at], plainer, *graph.nodes[at + 1 :]))


def _plainer(node: Node) -> Iterator[Node]:
    for field in dataclasses.fields(Node):
        value: Any = getattr(node, field.name)
        if value == field.default:
            continue
        yield dataclasses.replace(node, **{field.name: field.default})
        if isinstance(value, tuple):
            for at in range(len(value)):
                yield dataclasses.replace(node, **{field.name: (*value[:at], *value[at + 1 :])})
