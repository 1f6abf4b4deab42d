"""Pictures of graphs: DOT, Mermaid, SVG.

The style of each kind of edge and node is a row in the tables below, and nowhere else.
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from cascade._vm import entry_point
from cascade.declare.inputs import input_of
from cascade.declare.resources import Injection
from cascade.declare.task import Task
from cascade.errors import DrawingError, nearest
from cascade.graph.build import build_graph
from cascade.graph.containers import Container
from cascade.graph.description import called_name, key_words, mode_words, policy_words, printable
from cascade.graph.model import Graph
from cascade.graph.operations import Map, Route, TaskOperation
from cascade.graph.outline import Entry, Outline, outline
from cascade.reports.svg import Badge, Line, Shape, draw

FORMATS = ("dot", "mermaid", "svg")
SVG_SECONDS = 60.0
NEW_LINE = "\\n"
"""A line break in a label in DOT."""


class EdgeStyle(NamedTuple):
    """The style of a kind of edge.

    Attributes:
        dot: attributes in DOT.
        mermaid: the arrow in Mermaid; without a label, and with one in the place of `{}`.
        meaning: for the legend in the documentation.
    """

    dot: str
    mermaid: tuple[str, str]
    meaning: str


EDGE_STYLES: dict[str, EdgeStyle] = {
    "data": EdgeStyle("style=solid", ("-->", "-->|{}|"), "the value is an argument"),
    "order": EdgeStyle("style=dashed, color=gray50", ("-.->", "-.->|{}|"), "runs after, without its value"),
    "condition": EdgeStyle(
        "style=dashed, color=darkorange, arrowhead=odiamond", ("-.->", "-.->|{}|"), "decides whether it runs"
    ),
    "constraint": EdgeStyle(
        "style=dotted, color=purple, arrowhead=obox", ("-.-o", "-.-o|{}|"), "an amount that it needs"
    ),
    "route": EdgeStyle(
        "style=solid, color=blue, arrowhead=vee", ("==>", "==>|{}|"), "its value is the Router's if the key says so"
    ),
    "jump": EdgeStyle("style=bold, color=red, constraint=false", ("==>", "==>|{}|"), "where a Jump with the key leads"),
}
"""By the `kind` of `cascade.graph.model.Edge`. Edges lead where values go, jumps to the next state."""


class NodeStyle(NamedTuple):
    dot: str
    mermaid: tuple[str, str]


NODE_STYLES: dict[str, NodeStyle] = {
    "task": NodeStyle("shape=box, style=rounded", ("(", ")")),
    "async": NodeStyle('shape=box, style="rounded,dashed"', ("(", ")")),
    "blocking": NodeStyle("shape=box, style=rounded, peripheries=2", ("[[", "]]")),
    "compute": NodeStyle("shape=box3d", ("[[", "]]")),
    "map": NodeStyle("shape=hexagon", ("{{", "}}")),
    "router": NodeStyle("shape=diamond", ("{", "}")),
    "end": NodeStyle("shape=doublecircle, fontsize=10, height=0.2", ("((", "))")),
    "resource": NodeStyle("shape=cylinder", ("[(", ")]")),
    "container": NodeStyle("shape=box, fontsize=10, height=0.2, color=gray50, fontcolor=gray30", ("[", "]")),
    "parameter": NodeStyle("shape=parallelogram", ("[/", "/]")),
    "environment variable": NodeStyle("shape=parallelogram, style=dashed", ("[/", "/]")),
}


@entry_point
def visualize(target: object, format: str = "dot") -> str:
    """Draws the graph of a target; nothing is run.

    The routes of Routers are drawn as well, and each state of a state machine, with its end. The name of a node stands above its
    policies.

    Args:
        target: a LazyResult, a container of them, or a Graph.
        format: "dot" (Graphviz), "mermaid", or "svg", which is drawn by Graphviz' program `dot` where that is installed, and else in a
            simpler way.

    Returns:
        The drawing as text.

    Raises:
        DrawingError: (a ValueError) an unknown format; or `dot` fails or takes more than a minute.
    """
    if format not in FORMATS:
        raise DrawingError(
            f"visualize(format={format!r})",
            expected="one of " + ", ".join(map(repr, FORMATS)),
            hint=nearest(str(format), FORMATS),
        )
    graph = target if isinstance(target, Graph) else build_graph(target)
    if format == "mermaid":
        return "\n".join(_mermaid_lines(graph)) + "\n"
    program = shutil.which("dot") if format == "svg" else None
    if format == "svg" and program is None:
        return svg_of(graph)
    text = "\n".join(_dot_lines(graph)) + "\n"
    return text if program is None else _svg_by(program, text)


def svg_of(graph: Graph, badges: Mapping[int, Badge] | None = None, *, style: bool = True) -> str:
    """Returns the picture of a graph as an SVG element, drawn without Graphviz.

    Args:
        badges: the outcomes of nodes in a run, by their numbers.
        style: whether its style sheet is part of it.
    """
    nodes, edges = _picture(graph)
    tasks = sum(kind != "container" for _, kind, _ in nodes)
    return draw(
        [Shape(*node) for node in nodes],
        [Line(*edge) for edge in edges],
        f"graph of {graph.rows[-1][0].name}: {tasks} node{'s' * (tasks != 1)}",
        badges={f"n{number}": badge for number, badge in (badges or {}).items()},
        style=style,
    )


class _Picture(NamedTuple):
    nodes: list[tuple[str, str, list[str]]]
    """(id, style, lines of the label)"""
    edges: list[tuple[str, str, str, str]]
    """(id of the source, id of the target, kind, label)"""


def _picture(graph: Graph) -> _Picture:
    whole = outline(graph)
    nodes = [
        (f"n{number}", "router" if entry.is_router else style_of(entry.operation), _label_lines(entry, whole))
        for number, entry in enumerate(whole.entries)
    ]
    edges = []
    machines: dict[int | None, str] = {
        entry.machine: f"e{entry.machine}" for entry in whole.entries if entry.machine is not None
    }
    for edge in whole.edges():
        # A state machine has its value at its end.
        source = f"n{edge.source}" if edge.kind == "jump" else machines.get(edge.source, f"n{edge.source}")
        end = machines[whole.entries[edge.source].machine] if edge.target < 0 else f"n{edge.target}"
        edges.append((source, end, edge.kind, edge.parameter.removeprefix("constraint ")))
    edges += [(f"n{number}", name, "jump", "") for number, name in _unnamed_ends(whole, machines)]
    nodes += [(name, "end", ["end"]) for name in machines.values()]
    declared = {-1 - number: input_of(value) for number, value in enumerate(whole.inputs)}
    shown = {reference: f"i{-1 - reference}" for reference, each in declared.items() if each is not None}
    nodes += [(shown[reference], each.kind, [each.name]) for reference, each in declared.items() if each is not None]
    for number, entry in enumerate(whole.entries):
        for position, reference in enumerate(entry.references):
            if reference in shown:
                label = entry.names[position] if position < len(entry.names) else ""
                edges.append(
                    (shown[reference], f"n{number}", entry.kind_of(position), label.removeprefix("constraint "))
                )
        edges += [
            (shown[route], f"n{number}", "route", key_words(key)) for key, route in entry.routes if route in shown
        ]
    return _Picture(nodes, edges)


def _unnamed_ends(whole: Outline, machines: dict[int | None, str]) -> Iterator[tuple[int, str]]:
    """Returns the edges to the ends of state machines that no key declares: from states that are not bound, or else from all."""
    states = [(number, entry) for number, entry in enumerate(whole.entries) if entry.machine is not None]
    ending = {
        entry.machine for _, entry in states if entry.jumps is None or any(state is None for _, state in entry.jumps)
    }
    for number, entry in states:
        if entry.jumps is None or entry.machine not in ending:
            yield number, machines[entry.machine]


def style_of(operation: object) -> str:
    """Returns the kind of the node of an operation: a key of `NODE_STYLES`."""
    if isinstance(operation, Container):
        return "container"
    if isinstance(operation, Injection):
        return "resource"
    if isinstance(operation, Route):
        return "router"
    if isinstance(operation, Map):
        return "map"
    task = operation.task if isinstance(operation, TaskOperation) else operation
    if not isinstance(task, Task):
        return "task"
    if task.mode in NODE_STYLES:
        return str(task.mode)
    return "async" if task.is_async else "task"


def _label_lines(entry: Entry, whole: Outline) -> list[str]:
    operation = entry.operation
    if isinstance(operation, Container):
        return [operation.name]
    # A map has a shape of its own, which does not show where its task runs.
    modes = mode_words(operation) if isinstance(operation, Map) else []
    held = [
        f"if {_constant(whole.inputs[-1 - reference])}"
        for position, reference in enumerate(entry.references)
        if reference < 0 and entry.kind_of(position) == "condition" and input_of(whole.inputs[-1 - reference]) is None
    ]
    return [called_name(operation), *modes, *policy_words(operation), *held]


def _constant(value: object) -> str:
    return repr(value) if value is None or type(value) in (bool, int, float) else f"a {type(value).__name__}"


def _edge_style(kind: str) -> EdgeStyle:
    return EDGE_STYLES.get(kind, EDGE_STYLES["data"])


def _dot_lines(graph: Graph) -> Iterator[str]:
    picture = _picture(graph)
    yield "digraph cascade {"
    yield "  rankdir=LR;"
    yield '  node [fontname="sans-serif"];'
    yield '  edge [fontname="sans-serif", fontsize=9];'
    for name, style, lines in picture.nodes:
        yield f'  {name} [label="{NEW_LINE.join(map(_dot_text, lines))}", {NODE_STYLES[style].dot}];'
    for source, end, kind, label in picture.edges:
        yield f'  {source} -> {end} [label="{_dot_text(label)}", {_edge_style(kind).dot}];'
    yield "}"


def _dot_text(text: str) -> str:
    # In a quoted string `\` begins an escape, among them \N for the name of the node. The rest is as it is.
    return printable(str(text)).replace("\\", "\\\\").replace('"', '\\"')


def _mermaid_lines(graph: Graph) -> Iterator[str]:
    picture = _picture(graph)
    yield "flowchart LR"
    for name, style, lines in picture.nodes:
        left, right = NODE_STYLES[style].mermaid
        yield f'  {name}{left}"{"<br/>".join(map(_mermaid_text, lines))}"{right}'
    for source, end, kind, label in picture.edges:
        plain, labelled = _edge_style(kind).mermaid
        arrow = labelled.format(f'"{_mermaid_text(label)}"') if label else plain
        yield f"  {source} {arrow} {end}"


def _mermaid_text(text: str) -> str:
    # Mermaid has many special characters and words; a code such as #35; is never one of them.
    safe = "".join(c if c.isalnum() or c in " _.,-" else f"#{ord(c)};" for c in printable(str(text)))
    return safe or " "


def _svg_by(program: str, dot: str) -> str:
    try:
        done = subprocess.run(
            [program, "-Tsvg"], input=dot.encode(), capture_output=True, timeout=SVG_SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        raise DrawingError(
            f"'dot' did not finish within {SVG_SECONDS:g} s",
            hint="the graph may be too large to be drawn; format='dot' returns its text",
        ) from None
    except OSError as error:
        raise DrawingError(f"'dot' could not be started: {error}", where=program) from error
    if done.returncode != 0:
        message = done.stderr.decode(errors="replace").strip()
        raise DrawingError(f"'dot' failed with exit status {done.returncode}: {message}", where=program)
    return done.stdout.decode(errors="replace")
