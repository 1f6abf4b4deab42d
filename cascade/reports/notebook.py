"""The looks of things in notebooks: graphs as pictures, explanations and failures as tables."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from html import escape

from cascade.compiler.code_cache import CompiledTarget, compiled_from
from cascade.declare.inputs import Param
from cascade.declare.lazy import lazy_result
from cascade.declare.task import Task
from cascade.graph.build import build_graph
from cascade.graph.description import printable
from cascade.reports.drawing import svg_of, visualize
from cascade.reports.groups import groups_of, svg_of_groups

NODES_LIMIT = 400
"""Of a graph with more nodes, the picture has one for all calls of a task."""


def pictures_of(target: object) -> dict[str, str]:
    """Returns the representations of a result or a program by their types: SVG, Mermaid and text.

    Nothing is raised, as an error would hide the object: one that cannot be drawn is text.
    """
    text = repr(target)
    try:
        graph = build_graph(_drawn(target))
        if len(graph) > NODES_LIMIT:
            picture = svg_of_groups(groups_of(graph.rows), {})
            return {"text/plain": f"{text}, a graph of {len(graph):,} nodes", "image/svg+xml": picture}
        return {
            "text/plain": text,
            "text/vnd.mermaid": visualize(graph, format="mermaid"),
            "image/svg+xml": svg_of(graph),
        }
    except Exception as error:
        return {"text/plain": f"{text} (it cannot be drawn: {error})"}


def _drawn(target: object) -> object:
    if isinstance(target, CompiledTarget):
        target = compiled_from(target)
    if isinstance(target, Task):
        return lazy_result(target, tuple([Param(name) for name in target.parameters]))
    return target


def table(heads: Iterable[str], rows: Iterable[Iterable[object]]) -> str:
    """Returns an HTML table; all cells are escaped."""
    return (
        "<table><thead><tr>"
        + "".join(f"<th scope='col' style='text-align:left'>{cell(head)}</th>" for head in heads)
        + "</tr></thead><tbody>"
        + "".join(f"<tr>{''.join(map(_cell_of_row, row))}</tr>" for row in rows)
        + "</tbody></table>"
    )


def facts(rows: Iterable[tuple[str, object]]) -> str:
    """Returns an HTML table with one fact a row."""
    return "<table><tbody>{}</tbody></table>".format(
        "".join(
            f"<tr><th scope='row' style='text-align:left;vertical-align:top'>{cell(name)}</th>{_cell_of_row(value)}</tr>"
            for name, value in rows
        )
    )


def _cell_of_row(value: object) -> str:
    return f"<td style='text-align:left;vertical-align:top'>{cell(value)}</td>"


def cell(value: object) -> str:
    """Returns text for a cell: escaped, with its line breaks."""
    return "<br>".join(escape(printable(line)) for line in str(value).splitlines())


def table_of_failure(index: int, item: object, error: BaseException, task: str, traceback: str) -> str:
    """Returns the table of an item of a map that failed."""
    shown = _preview(item)
    return (
        facts(
            [
                ("task", task),
                ("item", f"{index:,}: {shown}"),
                ("error", f"{type(error).__name__}: {_preview(error, str)}"),
            ]
        )
        + f"<details><summary>traceback</summary><pre>{escape(traceback)}</pre></details>"
    )


def _preview(value: object, show: Callable[[object], str] = repr) -> str:
    try:
        text = show(value)
    except Exception as error:
        return f"a {type(value).__name__}, whose representation raises {type(error).__name__}"
    return text if len(text) <= 200 else text[:199] + "…"
