"""A live display in a notebook: the output of a cell, which is replaced as a run goes on. Jupyter and VS Code show it alike."""

from __future__ import annotations

import importlib
import io
import threading
import time
from typing import Any

from rich.console import Console, Group, RenderableType  # type: ignore[import-not-found, unused-ignore]
from rich.spinner import Spinner  # type: ignore[import-not-found, unused-ignore]
from rich.text import Text  # type: ignore[import-not-found, unused-ignore]

from cascade.events.types import Event, RunFinished
from cascade.observers.live import RUNS, lasting, table_of
from cascade.observers.state import States

INTERVAL = 0.2
"""Seconds between two drawings: each is a message to the browser."""
WIDTH = 110
FORMAT = "<pre style='white-space:pre;overflow-x:auto;line-height:normal'>{code}</pre>"


class NotebookLive:
    """Shows the runs under way in the output of the cell that has started the first of them; what lasts of a run stays there."""

    wants_items = False

    def __init__(self) -> None:
        self._lock = threading.RLock()  # an engine may be shared by threads
        self._states = States()
        self._spinner = Spinner("dots")
        self._lines: list[Text] = []
        self._handle: Any = None  # of IPython, which need not be installed
        self._drawn = 0.0

    def __call__(self, event: Event) -> None:
        with self._lock:
            run, _ = self._states.update(event)
            self._lines += [] if run is None else lasting(event, run)
            is_last = isinstance(event, RunFinished) and not self._states.runs
            if is_last or time.monotonic() - self._drawn >= INTERVAL:
                self._draw()
            if is_last:
                self._handle, self._lines = None, []

    def _draw(self) -> None:
        self._drawn = time.monotonic()
        bundle = _bundle(Group(*self._lines, *self._tables()))
        if self._handle is None:
            ipython: Any = importlib.import_module("IPython.display")
            self._handle = ipython.display(bundle, raw=True, display_id=True)
        else:
            self._handle.update(bundle, raw=True)

    def _tables(self) -> list[RenderableType]:
        now = time.time()
        runs = list(self._states.runs.values())
        more = [Text(f"and {len(runs) - RUNS:,} more runs")] if len(runs) > RUNS else []
        return [*(table_of(run, now, self._spinner) for run in runs[:RUNS]), *more]


def _bundle(shown: RenderableType) -> dict[str, str]:
    console = Console(file=io.StringIO(), record=True, width=WIDTH, force_jupyter=False, force_terminal=True)
    console.print(shown)
    html = console.export_html(inline_styles=True, code_format=FORMAT, clear=False)
    return {"text/html": html, "text/plain": console.export_text()}
