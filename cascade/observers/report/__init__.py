"""Reports of runs: one HTML file, which needs no network and no script.

| module | contents |
|---|---|
| `collected.py` | the data of a run, collected from its events, in memory that does not grow with the run |
| `page.py` `kernels.py` `markup.py` `style.py` | the file |
"""

from __future__ import annotations

import os
from collections.abc import Callable

from cascade._vm import entry_point
from cascade.events.types import Event, RunStarted
from cascade.observers.each_run import EachRun, output_file
from cascade.observers.kernel_use import KernelUse
from cascade.observers.report.collected import Collected
from cascade.observers.report.page import page
from cascade.observers.target import TargetData


class Report(EachRun[Collected]):
    """An observer that writes a report at the end of each run; the file holds that of the last one."""

    def __init__(self, path: str | os.PathLike[str], *, memory: bool = False) -> None:
        super().__init__()
        self.path = output_file("report", path, "run.html")
        self._memory = memory

    def __repr__(self) -> str:
        return f"<report to {self.path}: observers=[...]>"

    def begin(self, event: RunStarted, target: TargetData | None) -> Collected:
        kernels = None if target is None else KernelUse(target.routines())
        return Collected(event, memory=self._memory, kernels=kernels)

    def end(self, run: Collected, target: TargetData | None) -> None:
        self.path.write_text(page(run, target), encoding="utf-8", errors="replace")


@entry_point
def report(path: str | os.PathLike[str], *, memory: bool = False) -> Callable[[Event], object]:
    """Returns an observer that writes a report of a run as one HTML file: `cs.run(target, observers=[cs.report("run.html")])`.

    It has the graph with states and times, a timeline, a table by task, loops, kernels, and failures with their tracebacks. It needs
    no network and no script, and has at most 300 KB, also for a million nodes: it is aggregated by task. The items of a map
    are counted, and not listed.

    Args:
        path: of the file; it is written at the end of each run, and holds the last one.
        memory: whether the memory of the process is noted, at most twenty times a second.

    Raises:
        DeclarationError: (a TypeError) `path` is not the path of a file in a directory that is there.
    """
    return Report(path, memory=memory)


report.makes_observers = True  # type: ignore[attr-defined]
