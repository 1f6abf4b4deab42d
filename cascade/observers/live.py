"""A display that is kept up to date, by rich: a bar for each run and each group of tasks, loops, failures."""

from __future__ import annotations

import sys
import threading
import time
from typing import Any, TextIO

from rich.console import Console, Group, RenderableType  # type: ignore[import-not-found, unused-ignore]
from rich.live import Live as RichLive  # type: ignore[import-not-found, unused-ignore]
from rich.progress_bar import ProgressBar  # type: ignore[import-not-found, unused-ignore]
from rich.spinner import Spinner  # type: ignore[import-not-found, unused-ignore]
from rich.table import Table  # type: ignore[import-not-found, unused-ignore]
from rich.text import Text  # type: ignore[import-not-found, unused-ignore]

from cascade.observers.state import RunState, States, duration, is_terminal, one_line, summary
from cascade.runtime.events import Event, RunFinished, TaskExecutionFinished

ROWS = 8
"""Groups of tasks shown for each run: those under way, the newest first."""
RUNS = 4
REFRESHES = 10
WIDTH = 20


class Live:
    """Shows the runs that are under way; what has ended leaves a line."""

    def __init__(self, file: TextIO) -> None:
        self._console = Console(file=file)
        # Two locks, since rich draws on a thread of its own, which takes rich's locks and then the first one: it is never
        # held while rich is called.
        self._lock = threading.Lock()
        self._display = threading.RLock()
        self._states = States()
        self._live: RichLive | None = None
        self._spinner = Spinner("dots")

    def __call__(self, event: Event) -> None:
        lines: list[Text] = []
        with self._lock:
            run = self._states.hear(event)
        if run is not None:
            if isinstance(event, TaskExecutionFinished) and event.status != "Succeeded":
                lines.append(Text(f"✗ {one_line(event.task_id)}: {one_line(str(event.error))}", style="red"))
            if isinstance(event, RunFinished):
                good = event.status == "Succeeded"
                style = "green" if good else "bold red"
                lines.append(Text(f"{'✓' if good else '✗'} {one_line(run.target)}: {summary(run, event)}", style=style))
        if lines or bool(self._states.runs) != (self._live is not None):
            self._show(lines)

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
                    # What is printed goes above the display, unless it goes to a file: then it is left alone.
                    redirect_stdout=is_terminal(sys.stdout),
                    redirect_stderr=is_terminal(sys.stderr),
                )
                live.start()
                self._live = live

    def _render(self) -> RenderableType:
        with self._lock:
            runs = list(self._states.runs.values())
            parts: list[RenderableType] = [self._table(run) for run in runs[:RUNS]]
            if len(runs) > RUNS:
                parts.append(Text(f"and {len(runs) - RUNS:,} more runs", style="dim"))
            return Group(*parts)

    def _table(self, run: RunState) -> Table:
        now = time.time()
        table = Table.grid(padding=(0, 1))
        table.add_row(
            self._spinner,
            Text(one_line(run.target), style="bold"),
            ProgressBar(total=max(run.total, 1), completed=run.done, width=WIDTH),
            Text(f"{run.done:,}/{run.total:,} tasks", no_wrap=True),
            Text(duration(max(0.0, now - run.begun)), style="dim"),
        )
        active: dict[str, list[str]] = {}
        for task_id, (name, _) in run.running.items():
            active.setdefault(name, []).append(task_id)
        for name in list(active)[-1 : -1 - ROWS : -1]:
            table.add_row("", *self._group(run, name, active[name], now))
        if len(active) > ROWS:
            table.add_row("", Text(f"and {len(active) - ROWS:,} more", style="dim"))
        return table

    def _group(self, run: RunState, name: str, ids: list[str], now: float) -> tuple[Any, ...]:
        group = run.groups[name]
        label = Text(one_line(name if group.started > 1 else ids[0]))
        began = min(run.running[task_id][1] for task_id in ids)
        elapsed = Text(duration(max(0.0, now - began)), style="dim")
        loop = next((run.loops[task_id] for task_id in ids if task_id in run.loops), None)
        if loop is not None:
            text = Text(f"iteration {loop.iteration:,}, {loop.rate:,.0f}/s", no_wrap=True)
            return label, ProgressBar(total=None, pulse=True, width=WIDTH), text, elapsed
        done = group.finished + group.failed
        bar = ProgressBar(total=max(group.started, 1), completed=done, width=WIDTH)
        counts = f"{done:,}/{group.started:,}" + (f", {group.failed:,} failed" if group.failed else "")
        return label, bar if group.started > 1 else "", Text(counts) if group.started > 1 else "", elapsed
