"""`cascade explain`: the reports of tasks, with call-outs, side exits and diagnostics beside the source, and colours on a terminal."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator

from cascade.graph.description import printable
from cascade.observers.state import is_terminal
from cascade.reports.beside_source import Excerpt, Line, Note, excerpts
from cascade.reports.explain import Explanation, TaskReport, task_lines, with_pages

COLOURS = {
    "kernel": "32",
    "managed": "34",
    "async": "35",
    "call": "33",
    "exit": "31",
    "call-out": "33",
    "refused": "31",
}
"""Of regimes and notes, as parameters of the escape sequence SGR (ECMA-48)."""
BOLD, FAINT = "1", "2"
MUCH = 0.1
"""A share of the time from which on a note is bold."""


def has_colours() -> bool:
    """Returns whether the output is a terminal, and nobody has asked for no colours (https://no-color.org)."""
    return not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb" and is_terminal(sys.stdout)


def text_of(explanation: Explanation, colours: bool) -> str:
    """Returns the text of an explanation."""
    painter = _Painter(colours)
    width = max((len(task.name) for task in explanation.tasks), default=0)
    return with_pages("\n".join(line for task in explanation.tasks for line in painter.lines(task, width)))


class _Painter:
    def __init__(self, colours: bool) -> None:
        self._colours = colours

    def lines(self, task: TaskReport, width: int) -> Iterator[str]:
        """Yields the lines of a report; they are escaped before they are coloured."""
        beside = excerpts(task)
        first, *rest = map(printable, task_lines(task, width, parts=beside is None))
        name, regime = first[:width], first[width : width + 11]
        if len(name) == width and regime.strip() == task.regime:
            first = self._in(BOLD, name) + self._in(COLOURS.get(task.regime, ""), regime) + first[width + 11 :]
        yield first
        yield from rest
        for excerpt in beside or ():
            yield from self._excerpt(excerpt)

    def _excerpt(self, excerpt: Excerpt) -> Iterator[str]:
        yield "    " + self._in(FAINT, printable(f"{excerpt.name}, {excerpt.file}:{excerpt.line}"))
        digits = len(str(excerpt.lines[-1].number))
        before = excerpt.line - 1
        for line in excerpt.lines:
            if line.number != before + 1:
                yield "    " + self._in(FAINT, f"{'...':>{digits}}")
            before = line.number
            yield from self._line(line, digits)

    def _line(self, line: Line, digits: int) -> Iterator[str]:
        yield f"    {self._in(FAINT, f'{line.number:{digits}} |')} {printable(line.text.expandtabs())}".rstrip()
        indent = len(line.text.expandtabs()) - len(line.text.expandtabs().lstrip())
        for note in sorted(line.notes, key=lambda note: -(note.share or 0)):
            yield f"    {'':{digits}} {self._in(FAINT, '|')} {'':{indent}}{self._in(_colour(note), '^ ' + printable(note.text))}"

    def _in(self, colour: str, text: str) -> str:
        return f"\x1b[{colour}m{text}\x1b[0m" if self._colours and colour and text else text


def _colour(note: Note) -> str:
    colour = COLOURS[note.kind]
    return f"{BOLD};{colour}" if note.share is not None and note.share >= MUCH else colour
