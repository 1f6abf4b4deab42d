"""A live display, drawn by rich: bars for runs, maps and loops, the nodes under way, and failures."""

from __future__ import annotations

import sys
import threading
import time
from itertools import islice
from typing import TextIO

from rich.console import Console, Group, RenderableType  # type: ignore[import-not-found, unused-ignore]
from rich.live import Live as RichLive  # type: ignore[import-not-found, unused-ignore]
from rich.progress_bar import ProgressBar  # type: ignore[import-not-found, unused-ignore]
from rich.spinner import Spinner  # type: ignore[import-not-found, unused-ignore]
from rich.table import Table  # type: ignore[import-not-found, unused-ignore]
from rich.text import Text  # type: ignore[import-not-found, unused-ignore]

from cascade.events.types import Event, ResourceReleased, RunFinished, TaskExecutionFinished, TaskRetrying
from cascade.graph.description import printable
from cascade.observers.state import Group as Nodes
from cascade.observers.state import (
    Node,
    RunState,
    States,
    besides,
    duration,
    is_news,
    is_terminal,
    of_items,
    pace_of,
    speed,
    summary,
    who,
)

ROWS = 8
"""Rows for the nodes under way in a run: maps and loops first, the oldest first, so that rows keep their positions."""
RUNS = 4
REFRESHES = 10
"""How often a thread of rich's draws the display, per second."""
LATE = 2 / REFRESHES
"""Seconds after which the publishing thread draws the display: beside a busy event loop, which releases the GIL and acquires it
again at once every millisecond, the thread of rich's may starve."""
WIDTH = 20


class Live:
    """Shows the runs under way; a run that has ended leaves a line on the screen."""

    wants_items = False

    def __init__(self, file: TextIO) -> None:
        self._console = Console(file=file)
        # Two locks, since rich draws on a thread of its own, which takes rich's locks and then the first one: it is never
        # held while rich is called.
        self._lock = threading.Lock()
        self._display = threading.RLock()
        self._states = States()
        self._live: RichLive | None = None
        self._spinner = Spinner("dots")
        self._drawn = 0.0

    def __call__(self, event: Event) -> None:
        with self._lock:
            run, _ = self._states.update(event)
        lines = [] if run is None else lasting(event, run)
        if lines or bool(self._states.runs) != (self._live is not None):
            self._show(lines)
        elif time.monotonic() - self._drawn > LATE:
            self._draw()

    def _draw(self) -> None:
        with self._display:
            if self._live is not None:
                self._live.refresh()

    def _show(self, lines: list[Text]) -> None:
        with self._display:
            if self._live is not None and not self._states.runs:
                live, self._live = self._live, None
                live.stop()
            for line in lines:
                self._console.print(line, soft_wrap=True)
            if self._live is None and self._states.runs:
                live = RichLive(
                    console=self._console,
                    get_renderable=self._render,
                    refresh_per_second=REFRESHES,
                    transient=True,
                    # Printed text goes above the display; text that goes to a file is not redirected.
                    redirect_stdout=is_terminal(sys.stdout),
                    redirect_stderr=is_terminal(sys.stderr),
                )
                # Drawn here for the first time: rich's imports for it would take long on a thread beside a busy one.
                live.start(refresh=True)
                self._live = live

    def _render(self) -> RenderableType:
        now = time.time()
        self._drawn = time.monotonic()
        with self._lock:
            runs = list(self._states.runs.values())
            parts: list[RenderableType] = [table_of(run, now, self._spinner) for run in runs[:RUNS]]
        if len(runs) > RUNS:
            parts.append(Text(f"and {len(runs) - RUNS:,} more runs", style="dim"))
        return Group(*parts)


def table_of(run: RunState, now: float, spinner: RenderableType) -> Table:
    """Returns the table of a run: a row for itself, and one for each map, loop and group of nodes under way."""
    table = Table.grid(padding=(0, 1), expand=True)
    table.add_column()
    table.add_column(no_wrap=True, overflow="ellipsis", max_width=40)
    for _ in ("bar", "numbers", "time"):
        table.add_column(no_wrap=True)
    table.add_column(no_wrap=True, overflow="ellipsis", ratio=1)  # the rest of the line
    bar = ProgressBar(total=max(run.total, 1), completed=run.done, width=WIDTH)
    name, notes = Text(printable(run.target), style="bold"), Text(", ".join(besides(run)), style="dim")
    table.add_row(spinner, name, bar, f"{run.done:,}/{run.total:,} tasks", _since(run.begun, now), notes)
    alone = [_row_alone(node, now) for node in islice(run.maps_and_loops.values(), ROWS)]
    groups = [_row_of_group(group, now) for group in islice(run.groups.values(), ROWS - len(alone))]
    for row in (*alone, *groups):
        table.add_row("", *row)
    more = len(run.maps_and_loops) + len(run.groups) - len(alone) - len(groups)
    if more:
        table.add_row("", Text(f"and {more:,} more", style="dim"))
    return table


def _since(begun: float, now: float) -> Text:
    return Text(duration(max(0.0, now - begun)), style="dim")


def _row_alone(node: Node, now: float) -> tuple[RenderableType, ...]:
    """Returns the row of a map or a loop: its name, a bar, its progress, its time, and notes."""
    name, since, items, loop = Text(printable(node.task_id)), _since(node.begun, now), node.items, node.loop
    if items is None:
        assert loop is not None
        bar = ProgressBar(total=None, pulse=True, width=WIDTH)
        return name, bar, f"iteration {loop.iteration:,}", since, Text(f"{speed(loop.rate)} a second", style="dim")
    bar = ProgressBar(total=max(items.total, 1), completed=items.done, width=WIDTH)
    notes = pace_of(items, now) + of_items(items)
    return name, bar, f"{items.done:,}/{items.total:,} items", since, Text(", ".join(notes), style="dim")


def _row_of_group(group: Nodes, now: float) -> tuple[RenderableType, ...]:
    """Returns the row of the nodes of one task, or of a single one."""
    oldest = next(iter(group.nodes.values()))
    since = _since(oldest.begun, now)
    if group.total == 1:
        notes = printable(oldest.blocked or "" if oldest.retry is None else _attempt(oldest.retry))
        return Text(printable(oldest.task_id)), "", "", since, Text(notes, style="dim")
    bar = ProgressBar(total=group.total, completed=group.done, width=WIDTH)
    notes = f"{group.blocked:,} waiting for resources" if group.blocked else ""
    return Text(printable(group.name)), bar, f"{group.done:,}/{group.total:,}", since, Text(notes, style="dim")


def _attempt(retry: TaskRetrying) -> str:
    return f"attempt {retry.attempt + 1} of {retry.max_attempts}, after {retry.error}"


def lasting(event: Event, run: RunState) -> list[Text]:
    """Returns the lines of an event that stay on the screen."""
    if isinstance(event, TaskExecutionFinished) and is_news(event):
        return [Text(f"✗ {who(event)}: {printable(str(event.error))}", style="red")]
    if isinstance(event, ResourceReleased) and event.error is not None:
        return [Text(f"✗ tear-down of {printable(event.resource_name)}: {printable(event.error)}", style="red")]
    if isinstance(event, RunFinished):
        good = event.status == "Succeeded"
        style = "green" if good else "bold red"
        return [Text(f"{'✓' if good else '✗'} {printable(run.target)}: {summary(run, event)}", style=style)]
    return []
