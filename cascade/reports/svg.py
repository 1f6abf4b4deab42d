"""Pictures of graphs as SVG, without a program or a library: boxes in layers (`layers.py`), and curves between them."""

from __future__ import annotations

import itertools
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from html import escape
from typing import NamedTuple

from cascade.graph.description import printable
from cascade.reports.layers import Box, Layout, lay_out

FONT, LINE, PADDING, MARGIN = 12.0, 16.0, 9.0, 12.0
BACK = 22.0
"""Room below for edges that lead back."""
CHARACTERS = 60
"""Longer lines are cut; the whole text is the title of the node."""

STYLE = """
.cascade-graph{--ink:#1f2328;--soft:#656d76;--paper:#fff;--box:#f6f8fa;--done:#1a7f37;--failed:#cf222e;--under-way:#9a6700;--skipped:#656d76;
--condition:#bc4c00;--constraint:#8250df;--route:#0969da;--jump:#cf222e;font:12px ui-sans-serif,system-ui,sans-serif}
@media(prefers-color-scheme:dark){.cascade-graph{--ink:#e6edf3;--soft:#9198a1;--paper:#0d1117;--box:#161b22;--done:#3fb950;--failed:#ff7b72;
--under-way:#d29922;--skipped:#9198a1;--condition:#f0883e;--constraint:#bc8cff;--route:#58a6ff;--jump:#ff7b72}}
.cascade-graph .paper{fill:var(--paper)}.cascade-graph text{fill:var(--ink)}.cascade-graph .soft{fill:var(--soft);font-size:10px}
.cascade-graph .label{paint-order:stroke;stroke:var(--paper);stroke-width:3px}
.cascade-graph .node>*{stroke:var(--ink);fill:var(--box)}.cascade-graph .node text{stroke:none;fill:var(--ink)}
.cascade-graph .node text.soft{fill:var(--soft)}.cascade-graph .async>*{stroke-dasharray:5 3}.cascade-graph .container>*{stroke:var(--soft)}
.cascade-graph .edge path{fill:none;stroke:var(--soft)}.cascade-graph .edge .head{fill:var(--soft);stroke:none}
.cascade-graph .order path{stroke-dasharray:5 3}.cascade-graph .condition path{stroke:var(--condition);stroke-dasharray:5 3}
.cascade-graph .constraint path{stroke:var(--constraint);stroke-dasharray:2 3}.cascade-graph .route path{stroke:var(--route)}
.cascade-graph .jump path{stroke:var(--jump);stroke-width:1.6}
.cascade-graph .done>*{stroke:var(--done)}.cascade-graph .failed>*{stroke:var(--failed);stroke-width:2}
.cascade-graph .under-way>*{stroke:var(--under-way);stroke-width:2}.cascade-graph .skipped>*,.cascade-graph .abandoned>*{stroke:var(--skipped);stroke-dasharray:2 3}
""".strip()


class Shape(NamedTuple):
    """A node of a picture.

    Attributes:
        name: its identifier in the picture.
        kind: of node, as in `cascade.reports.drawing.NODE_STYLES`.
        lines: of its label.
    """

    name: str
    kind: str
    lines: list[str]


class Line(NamedTuple):
    """An edge of a picture, between nodes by their names."""

    source: str
    target: str
    kind: str
    label: str


class Badge(NamedTuple):
    """The outcome of a node in a run: a class of the style, and a line of text."""

    state: str
    text: str


def draw(
    shapes: list[Shape], lines: list[Line], title: str, *, badges: Mapping[str, Badge] | None = None, style: bool = True
) -> str:
    """Returns the picture of a graph as an SVG element.

    Args:
        badges: the outcomes of nodes, by their names.
        style: whether the style sheet is part of it; without it, the document has to have it.
    """
    badges = badges or {}
    labels = [_label(shape, badges.get(shape.name)) for shape in shapes]
    numbers = {shape.name: number for number, shape in enumerate(shapes)}
    edges = [(numbers[line.source], numbers[line.target]) for line in lines]
    layout = lay_out([_size(label) for label in labels], edges)
    below = BACK if any(layout.boxes[one].x >= layout.boxes[other].x for one, other in edges) else 0.0
    width, height = layout.width + 2 * MARGIN, layout.height + 2 * MARGIN + below
    drawn = [*_edges(lines, edges, layout)]
    marks = [badges.get(shape.name) for shape in shapes]
    body = [
        *(edge for edge, _ in drawn),
        *(_node(*each) for each in zip(shapes, labels, layout.boxes, marks, strict=True)),
        *(label for _, label in drawn),
    ]
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="cascade-graph" role="img" aria-label="{_text(title)}" '
        f'width="{width:.0f}" height="{height:.0f}" viewBox="0 0 {width:.0f} {height:.0f}">'
        f"<title>{_text(title)}</title>"
        + (f"<style>{STYLE}</style>" if style else "")
        + f'<rect class="paper" width="{width:.0f}" height="{height:.0f}" rx="6"/>'
        + f'<g transform="translate({MARGIN:.0f} {MARGIN:.0f})">{"".join(body)}</g></svg>\n'
    )


def _text(text: str) -> str:
    return escape(printable(str(text)))


def _label(shape: Shape, badge: Badge | None) -> list[str]:
    lines = [printable(str(line)) for line in shape.lines]
    return [_cut(line) for line in (*lines, *((badge.text,) if badge is not None and badge.text else ()))]


def _cut(line: str) -> str:
    return line if len(line) <= CHARACTERS else line[: CHARACTERS - 1] + "…"


def _columns(text: str) -> float:
    return sum(1.8 if unicodedata.east_asian_width(char) in "WF" else 1.0 for char in text)


def _size(lines: list[str]) -> tuple[float, float]:
    width = max([_columns(lines[0]) * 7.0, *(_columns(line) * 5.8 for line in lines[1:])] if lines else [0.0])
    return max(width + 2 * PADDING, 34.0), len(lines) * LINE + PADDING


def _node(shape: Shape, label: list[str], box: Box, badge: Badge | None) -> str:
    middle = box.x + box.width / 2
    first = box.y + box.height / 2 - (len(label) - 1) * LINE / 2 + FONT / 3
    texts = "".join(
        f'<text x="{middle:.1f}" y="{first + at * LINE:.1f}" text-anchor="middle"{" class=" + chr(34) + "soft" + chr(34) if at else ""}>'
        f"{escape(line)}</text>"
        for at, line in enumerate(label)
    )
    state = "" if badge is None else f" {badge.state}"
    title = _text(", ".join(map(str, shape.lines)) + (f": {badge.text}" if badge is not None else ""))
    kind = shape.kind.replace(" ", "-")
    return f'<g class="node {kind}{state}"><title>{title}</title>{_outline(shape.kind, box)}{texts}</g>'


def _outline(kind: str, box: Box) -> str:
    x, y, width, height = box
    right, bottom, middle = x + width, y + height, y + height / 2
    if kind in ("map", "router"):
        inset = min(8.0, width / 4)
        points = [
            (x, middle),
            (x + inset, y),
            (right - inset, y),
            (right, middle),
            (right - inset, bottom),
            (x + inset, bottom),
        ]
    elif kind in ("parameter", "environment variable"):
        points = [(x + 7, y), (right, y), (right - 7, bottom), (x, bottom)]
    else:
        radius = {"container": 0.0, "end": height / 2}.get(kind, 7.0)
        inner = (
            f'<rect x="{x + 3:.1f}" y="{y + 3:.1f}" width="{width - 6:.1f}" height="{height - 6:.1f}" rx="{max(radius - 3, 0):.1f}"/>'
            if kind in ("blocking", "compute", "end", "resource")
            else ""
        )
        return f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}" rx="{radius:.1f}"/>{inner}'
    return '<polygon points="{}"/>'.format(" ".join(f"{at:.1f},{down:.1f}" for at, down in points))


def _edges(lines: list[Line], edges: list[tuple[int, int]], layout: Layout) -> Iterator[tuple[str, str]]:
    """Draws edges, and their labels, which stand above all boxes."""
    for line, (source, target), bends in zip(lines, edges, layout.bends, strict=True):
        start, end = layout.boxes[source], layout.boxes[target]
        points = [(start.x + start.width, start.y + start.height / 2), *bends, (end.x - 5, end.y + end.height / 2)]
        if start.x >= end.x:  # it leads back, or to itself: below both
            path, at = _path_back(start, end)
        else:
            path, at = _path(points), points[len(points) // 2] if bends else _between(points[0], points[1])
        x, y = end.x, end.y + end.height / 2
        head = f'<polygon class="head" points="{x:.1f},{y:.1f} {x - 7:.1f},{y - 3.5:.1f} {x - 7:.1f},{y + 3.5:.1f}"/>'
        label = ""
        if line.label and line.kind != "data":
            label = f'<text class="soft label" x="{at[0]:.1f}" y="{at[1] - 3:.1f}" text-anchor="middle">{escape(_cut(printable(line.label)))}</text>'
        title = f"<title>{_text(f'{line.kind} {line.label}'.strip())}</title>"
        yield f'<g class="edge {line.kind}">{title}<path d="{path}"/>{head}</g>', label


def _between(one: tuple[float, float], other: tuple[float, float]) -> tuple[float, float]:
    return (one[0] + other[0]) / 2, (one[1] + other[1]) / 2


def _path(points: Iterable[tuple[float, float]]) -> str:
    points = list(points)
    path = "M{:.1f} {:.1f}".format(*points[0])
    for (x, y), (to_x, to_y) in itertools.pairwise(points):
        half = (to_x - x) / 2
        path += f"C{x + half:.1f} {y:.1f} {to_x - half:.1f} {to_y:.1f} {to_x:.1f} {to_y:.1f}"
    return path


def _path_back(start: Box, end: Box) -> tuple[str, tuple[float, float]]:
    right, left = start.x + start.width, end.x - 5
    low = max(start.y + start.height, end.y + end.height) + 8
    from_y, to_y = start.y + start.height / 2, end.y + end.height / 2
    path = (
        f"M{right:.1f} {from_y:.1f}C{right + 20:.1f} {from_y:.1f} {right + 20:.1f} {low:.1f} {right:.1f} {low:.1f}"
        f"L{end.x:.1f} {low:.1f}C{left - 20:.1f} {low:.1f} {left - 20:.1f} {to_y:.1f} {left:.1f} {to_y:.1f}"
    )
    return path, ((right + left) / 2, low + 12)
