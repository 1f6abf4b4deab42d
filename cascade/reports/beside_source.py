"""Call-outs, side exits and diagnostics of tasks beside the lines of their source."""

from __future__ import annotations

import inspect
import linecache
from collections.abc import Iterator
from tokenize import TokenError
from typing import NamedTuple

from cascade.reports.block_kernels import BlockKernelReport, of_the_time, times
from cascade.reports.explain import TaskReport, refused

WHOLE = 40
"""A longer function is shown around the lines that have notes only."""
AROUND = 2
ELSEWHERE = "", "", 0
"""A function that typed code contains, and of which only the line of an exit is known: it has no excerpt."""


class Note(NamedTuple):
    """A finding at a line.

    Attributes:
        kind: "exit", "call-out" or "refused".
        text: in words.
        share: the part of the time of the function's runs; None where it is not known.
    """

    kind: str
    text: str
    share: float | None = None


class Line(NamedTuple):
    number: int
    text: str
    notes: tuple[Note, ...]


class Excerpt(NamedTuple):
    """The source of a function, or the lines of it around those that have notes.

    Attributes:
        lines: there are gaps between the numbers of a long function.
    """

    name: str
    file: str
    line: int
    lines: tuple[Line, ...]


def excerpts(task: TaskReport) -> list[Excerpt] | None:
    """Returns the source of the functions of a task that have notes; None where the source of one of them is not there."""
    found: dict[tuple[str, str, int], dict[int, list[Note]]] = {}
    for place, line, note in _notes(task):
        found.setdefault(place, {}).setdefault(line, []).append(note)
    made = [_excerpt(*place, notes) for place, notes in found.items()]
    return None if None in made else [each for each in made if each is not None]


def _notes(task: TaskReport) -> Iterator[tuple[tuple[str, str, int], int, Note]]:
    own = task.name, task.file, task.line
    for kernel in task.kernels:
        for left in kernel.exits:
            yield (
                own if left.file == task.file else ELSEWHERE,
                left.line,
                Note("exit", f"side exit, {left.cause}, {times(left.count)} ({left.code})"),
            )
    made = task.block_kernel
    for each in () if made is None else (made, *made.functions):
        yield from ((_place(each, task), line, note) for line, note in _notes_of_blocks(each))
    for _, reasons in refused(task):
        for reason in reasons:
            if reason.file:
                yield (
                    own if reason.file == task.file else ELSEWHERE,
                    reason.line,
                    Note("refused", f"{reason.code} {reason.construct}: {reason.hint}"),
                )


def _place(made: BlockKernelReport, task: TaskReport) -> tuple[str, str, int]:
    is_own = (made.file, made.line) == (task.file, task.line)
    return (task.name if is_own else made.name), made.file, made.line


def _notes_of_blocks(made: BlockKernelReport) -> Iterator[tuple[int, Note]]:
    for called in made.call_outs:
        what = f"`{called.source}` {called.verb}" if called.source else f"something {called.verb}"
        text = f"{of_the_time(called.share, 'the')}{times(called.count)}: {what} ({called.code})"
        yield called.line, Note("call-out", text, called.share)
    for left in made.exits:
        where = f" at `{left.source}`" if left.source else ""
        text = f"side exit{where}, {left.cause}, {of_the_time(left.share, 'the')}{times(left.count)} ({left.code})"
        yield left.line, Note("exit", text, left.share)


def _excerpt(name: str, file: str, line: int, notes: dict[int, list[Note]]) -> Excerpt | None:
    source = linecache.getlines(file)[line - 1 :]
    try:
        source = inspect.getblock(source)
    except (TokenError, SyntaxError, IndentationError):
        return None
    heading = next((at for at, text in enumerate(source) if text.lstrip().startswith(("def ", "async def "))), 0)
    if line in notes and heading:  # of the function as a whole, whose line is that of its first decorator
        notes = {**notes, line + heading: notes.pop(line)}
    last = line + len(source)
    if not source or not all(line <= each < last for each in notes):
        return None
    shown = range(line, last)
    if len(source) > WHOLE:
        shown = sorted({each for at in notes for each in range(at - AROUND, at + AROUND + 1) if line <= each < last})  # type: ignore[assignment]
    lines = tuple(Line(each, source[each - line].rstrip(), tuple(notes.get(each, ()))) for each in shown)
    return Excerpt(name, file, line, lines)
