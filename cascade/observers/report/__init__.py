"""Reports of runs: one HTML file, which needs no network and no script.

| module | contents |
|---|---|
| `collected.py` | the data of a run, collected from its events, in memory that does not grow with the run |
| `target.py` | the data of its target: pictures, explanations, the calls that failed |
| `page.py` `style.py` | the file |
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from cascade.errors import DeclarationError
from cascade.events.types import Event, RunFinished, RunStarted
from cascade.observers.report.collected import Collected
from cascade.observers.report.page import page
from cascade.observers.report.target import TargetData
from cascade.runtime.engine import RunObserver


class Report(RunObserver):
    """An observer that writes a report at the end of each run; the file holds that of the last one."""

    wants_items = False  # a map is one line: its items would be too many for a page, and slow

    def __init__(self, path: str | os.PathLike[str], *, memory: bool = False) -> None:
        self.path = Path(path)
        self._memory = memory
        self._runs: dict[str, Collected] = {}
        self._targets: dict[str, TargetData] = {}

    def run_begins(self, run_id: str, target: object) -> None:
        """Is called by the engine with the target of a run, which events do not have."""
        self._targets[run_id] = TargetData(target)

    def run_ends(self, run_id: str, error: BaseException | None) -> None:
        """Is called by the engine with the exception of a run, before its last event."""
        if run_id in self._targets:
            self._targets[run_id].error = error

    def __call__(self, event: Event) -> None:
        if isinstance(event, RunStarted):
            self._runs[event.run_id] = Collected(event, memory=self._memory)
        run = self._runs.get(event.run_id)
        if run is None:
            return
        run.add(event)
        if isinstance(event, RunFinished):
            del self._runs[event.run_id]
            text = page(run, self._targets.pop(event.run_id, None))
            self.path.write_text(text, encoding="utf-8", errors="replace")


def report(path: str | os.PathLike[str], *, memory: bool = False) -> Callable[[Event], object]:
    """Returns an observer that writes a report of a run as one HTML file: `cs.run(target, observers=[cs.report("run.html")])`.

    It has the graph with states and times, a timeline, a table by task, loops, kernels, and failures with their tracebacks. It needs
    no network and no script, and has at most 300 KB, also for a million nodes: it is aggregated by task. The items of a map
    are counted, and not listed.

    Args:
        path: of the file; it is written at the end of each run, and holds the last one.
        memory: whether the memory of the process is noted, at most twenty times a second.

    Raises:
        DeclarationError: (a TypeError) `path` is no path.
    """
    if not isinstance(path, (str, os.PathLike)):
        raise DeclarationError(f"report({path!r})", expected="the path of a file, such as 'run.html'")
    return Report(path, memory=memory)


report.makes_observers = True  # type: ignore[attr-defined]
