"""The section of a report on kernels: how each task ran, and its call-outs, side exits and diagnostics beside the source lines."""

from __future__ import annotations

from cascade.observers.report.markup import NAME, table, text_of
from cascade.reports.beside_source import Excerpt, Line, excerpts
from cascade.reports.explain import Explanation, TaskReport, task_lines

TASKS, EXCERPTS = 200, 40
"""Rows of the table, and functions whose source is shown."""


def kernels_of(explanation: Explanation) -> str:
    """Returns the HTML of the section."""
    parts = [table("How each task ran.", HEADS, map(_row, explanation.tasks[:TASKS]), texts=(1, 5))]
    shown = 0
    for task in explanation.tasks:
        if shown == EXCERPTS:
            parts.append("<p class='soft'>The source of more tasks is not shown.</p>")
            break
        found = _source_of(task)
        shown += bool(found)
        parts.append(found)
    return "".join(parts)


HEADS = ("task", "regime", "entries", "call-outs", "side exits", "why")


def _row(task: TaskReport) -> list[str]:
    made = task.block_kernel
    entries = sum(kernel.runs for kernel in task.kernels) + (0 if made is None else made.runs)
    call_outs = 0 if made is None else sum(each.count for each in made.call_outs)
    exits = sum(exit.count for kernel in task.kernels for exit in kernel.exits)
    exits += 0 if made is None else sum(each.count for each in made.exits)
    numbers = [f"{number:,}" if number else "" for number in (entries, call_outs, exits)]
    return [text_of(task.name, NAME), text_of(task.regime, NAME), *numbers, text_of(task.why, 300)]


def _source_of(task: TaskReport) -> str:
    """Returns the source of a task's functions with notes below the lines; as a list where the source is not there."""
    found = excerpts(task)
    if found is None:
        return _details(task.name, text_of("\n".join(task_lines(task, 0)), 20_000))
    return "".join(_details(f"{each.name}, {each.file}:{each.line}", _lines(each)) for each in found)


def _details(title: str, content: str) -> str:
    return f"<details open><summary>{text_of(title, 200)}</summary><pre class='source' tabindex='0'>{content}</pre></details>"


def _lines(excerpt: Excerpt) -> str:
    digits = len(str(excerpt.lines[-1].number))
    before, parts = excerpt.line - 1, []
    for line in excerpt.lines:
        if line.number != before + 1:
            parts.append(f"<i>{'...':>{digits}}</i>")
        before = line.number
        parts += [f"<i>{line.number:{digits}}</i> {text_of(line.text, 300)}", *_notes(line, digits)]
    return "\n".join(parts)


def _notes(line: Line, digits: int) -> list[str]:
    indent = len(line.text.expandtabs()) - len(line.text.expandtabs().lstrip())
    notes = sorted(line.notes, key=lambda note: -(note.share or 0))
    return [f"{'':{digits}} {'':{indent}}<b class='{note.kind}'>{text_of(note.text, 300)}</b>" for note in notes]
