"""Pictures of graphs: DOT, Mermaid, SVG.

What a kind of edge or node looks like stands in the tables below, one row each, and nowhere else.
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from typing import Any, NamedTuple

from cascade.errors import DrawingError, nearest
from cascade.graph.build import build_graph
from cascade.graph.model import Graph, operand_names, task_of
from cascade.spec.inputs import input_of
from cascade.spec.resources import Injection

FORMATS = ("dot", "mermaid", "svg")
SVG_SECONDS = 60.0


class EdgeStyle(NamedTuple):
    """How a kind of edge is drawn.

    Attributes:
        dot: attributes in DOT.
        mermaid: the arrow in Mermaid; `{}` stands for the label in its place.
        meaning: for the legend of documentation.
    """

    dot: str
    mermaid: tuple[str, str]
    meaning: str


EDGE_STYLES: dict[str, EdgeStyle] = {
    "data": EdgeStyle("style=solid", ("-->", "-->|{}|"), "the value is an argument"),
    "order": EdgeStyle("style=dashed, color=gray50", ("-.->", "-.->|{}|"), "runs after, without its value"),
    "condition": EdgeStyle("style=dashed, color=darkorange, arrowhead=odiamond", ("-.->", "-.->|{}|"), "decides whether it runs"),
    "constraint": EdgeStyle("style=dotted, color=purple, arrowhead=obox", ("-.-o", "-.-o|{}|"), "an amount that it needs"),
    "route": EdgeStyle("style=solid, color=blue, arrowhead=vee", ("==>", "==>|{}|"), "a branch that may be chosen"),
    "jump": EdgeStyle("style=bold, color=red, constraint=false", ("==>", "==>|{}|"), "runs again"),
}
"""By the `kind` of `cascade.graph.model.Edge`."""


class NodeStyle(NamedTuple):
    dot: str
    mermaid: tuple[str, str]


NODE_STYLES: dict[str, NodeStyle] = {
    "task": NodeStyle("shape=box, style=rounded", ("(", ")")),
    "async": NodeStyle('shape=box, style="rounded,dashed"', ("(", ")")),
    "blocking": NodeStyle("shape=box, style=rounded, peripheries=2", ("[[", "]]")),
    "compute": NodeStyle("shape=box3d", ("[[", "]]")),
    "resource": NodeStyle("shape=cylinder", ("[(", ")]")),
    "container": NodeStyle("shape=box, fontsize=10, height=0.2, color=gray50, fontcolor=gray30", ("[", "]")),
    "parameter": NodeStyle("shape=parallelogram", ("[/", "/]")),
    "environment variable": NodeStyle("shape=parallelogram, style=dashed", ("[/", "/]")),
}


def visualize(target: Any, format: str = "dot") -> str:
    """Draws the graph of a target; nothing is run.

    Args:
        target: a LazyResult, a list or tuple of them, or a Graph.
        format: "dot" (Graphviz), "mermaid", or "svg", which needs Graphviz' program `dot`.

    Returns:
        The drawing as text.

    Raises:
        DrawingError: (a ValueError) an unknown format; or there is no `dot`, or it fails or takes more than a minute.
    """
    if format not in FORMATS:
        raise DrawingError(
            f"visualize(format={format!r})", expected="one of " + ", ".join(map(repr, FORMATS)),
            hint=nearest(str(format), FORMATS),
        )
    graph = target if isinstance(target, Graph) else build_graph(target)
    if format == "mermaid":
        return "\n".join(_mermaid_lines(graph)) + "\n"
    text = "\n".join(_dot_lines(graph)) + "\n"
    return text if format == "dot" else _svg(text)


class _Picture(NamedTuple):
    nodes: list[tuple[str, str, str]]
    """(id, style, label)"""
    edges: list[tuple[str, str, str, str]]
    """(id of the source, id of the target, kind, label)"""


def _picture(graph: Graph) -> _Picture:
    nodes = []
    for node in graph.nodes:
        nodes.append((f"n{node.index}", _style_of(node.operation), node.name))
    edges = [(f"n{edge.source}", f"n{edge.target}", edge.kind, edge.parameter) for edge in graph.edges()]
    for number, value in enumerate(graph.inputs):
        declared = input_of(value)
        if declared is not None:
            nodes.append((f"i{number}", declared.kind, declared.name))
    shown = {name for name, _, _ in nodes}
    for index, row in enumerate(graph.rows):
        names = operand_names(row[0])
        for position, reference in enumerate(row[1:]):
            if reference < 0 and f"i{-1 - reference}" in shown:
                label = names[position] if position < len(names) else ""
                edges.append((f"i{-1 - reference}", f"n{index}", "data", label))
    return _Picture(nodes, edges)


def _style_of(operation: Any) -> str:
    task = task_of(operation)
    if isinstance(task, Injection):
        return "resource"
    if task is None:
        return "container"
    if task.mode in NODE_STYLES:
        return task.mode
    return "async" if task.is_async else "task"


def _edge_style(kind: str) -> EdgeStyle:
    return EDGE_STYLES.get(kind, EDGE_STYLES["data"])


def _dot_lines(graph: Graph) -> Iterator[str]:
    picture = _picture(graph)
    yield "digraph cascade {"
    yield "  rankdir=LR;"
    yield '  node [fontname="sans-serif"];'
    yield '  edge [fontname="sans-serif", fontsize=9];'
    for name, style, label in picture.nodes:
        yield f'  {name} [label="{_dot_text(label)}", {NODE_STYLES[style].dot}];'
    for source, end, kind, label in picture.edges:
        yield f'  {source} -> {end} [label="{_dot_text(label)}", {_edge_style(kind).dot}];'
    yield "}"


def _dot_text(text: str) -> str:
    # In a quoted string `\` begins an escape, among them \N for the name of the node. The rest is as it is.
    return _printable(text).replace("\\", "\\\\").replace('"', '\\"')


def _mermaid_lines(graph: Graph) -> Iterator[str]:
    picture = _picture(graph)
    yield "flowchart LR"
    for name, style, label in picture.nodes:
        left, right = NODE_STYLES[style].mermaid
        yield f'  {name}{left}"{_mermaid_text(label)}"{right}'
    for source, end, kind, label in picture.edges:
        plain, labelled = _edge_style(kind).mermaid
        arrow = labelled.format(f'"{_mermaid_text(label)}"') if label else plain
        yield f"  {source} {arrow} {end}"


def _mermaid_text(text: str) -> str:
    # Mermaid knows many special characters and words; a code such as #35; is never one of them.
    safe = "".join(c if c.isalnum() or c in " _.,-" else f"#{ord(c)};" for c in _printable(text))
    return safe or " "


def _printable(text: str) -> str:
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in str(text))


def _svg(dot: str) -> str:
    program = shutil.which("dot")
    if program is None:
        raise DrawingError(
            "an SVG is drawn by Graphviz, and its program 'dot' was not found",
            expected="'dot' in a directory of PATH",
            hint="install Graphviz (https://graphviz.org), or use format='mermaid' or format='dot'",
        )
    try:
        done = subprocess.run([program, "-Tsvg"], input=dot.encode(), capture_output=True, timeout=SVG_SECONDS, check=False)
    except subprocess.TimeoutExpired:
        raise DrawingError(
            f"'dot' did not finish within {SVG_SECONDS:g} s", hint="the graph may be too large to be drawn; format='dot' gives its text"
        ) from None
    except OSError as error:
        raise DrawingError(f"'dot' could not be started: {error}", where=program) from error
    if done.returncode != 0:
        message = done.stderr.decode(errors="replace").strip()
        raise DrawingError(f"'dot' failed with exit status {done.returncode}: {message}", where=program)
    return done.stdout.decode(errors="replace")
