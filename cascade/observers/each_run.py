"""The base of observers that keep data of each run until it ends."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Generic, Protocol, TypeVar

from cascade.errors import DeclarationError
from cascade.events.types import Event, RunFinished, RunStarted
from cascade.observers.target import TargetData
from cascade.runtime.engine import RunObserver


class Kept(Protocol):
    """The data that an observer keeps of a run."""

    def add(self, event: Event) -> None:
        """Takes an event of the run, also the first and the last one."""


K = TypeVar("K", bound=Kept)


def output_file(observer: str, path: object, example: str) -> Path:
    """Returns the path of the file that an observer will write when the run has ended: by then a mistake would cost the run.

    Args:
        observer: its name, for the message.
        example: a path, for the message.

    Raises:
        DeclarationError: (a TypeError) it is not a path, there is no such directory, or it is a directory itself.
    """
    if not isinstance(path, (str, os.PathLike)):
        raise DeclarationError(f"{observer}({path!r})", expected=f"the path of a file, such as {example!r}")
    file = Path(path)
    if not file.parent.is_dir():
        raise DeclarationError(
            f"{observer}({str(file)!r}): there is no directory {str(file.parent)!r}",
            expected="the path of a file in a directory that is there",
        )
    if file.is_dir():
        raise DeclarationError(
            f"{observer}({str(file)!r}) is a directory", expected=f"a file, such as {str(file / example)!r}"
        )
    return file


class EachRun(RunObserver, Generic[K]):
    """An observer that keeps data of each run; an engine may have several under way."""

    wants_items = False
    """A map is one call: its items would be too many for a page or a trace, and slow."""

    def __init__(self) -> None:
        self._targets: dict[str, TargetData] = {}
        self._runs: dict[str, K] = {}

    def run_begins(self, run_id: str, target: object) -> None:
        """Is called by the engine with the target of a run, which events do not have."""
        self._targets[run_id] = TargetData(target)

    def run_ends(self, run_id: str, error: BaseException | None) -> None:
        """Is called by the engine with the exception of a run, before its last event."""
        if run_id in self._targets:
            self._targets[run_id].error = error

    def __call__(self, event: Event) -> None:
        run = self._runs.get(event.run_id)
        if run is None:
            if not isinstance(event, RunStarted):
                return
            run = self._runs[event.run_id] = self.begin(event, self._targets.get(event.run_id))
        run.add(event)
        if isinstance(event, RunFinished):
            del self._runs[event.run_id]
            self.end(run, self._targets.pop(event.run_id, None))

    def begin(self, event: RunStarted, target: TargetData | None) -> K:
        """Returns the data of a run that begins; `target` is not known where nobody but the bus calls the observer."""
        raise NotImplementedError

    def end(self, run: K, target: TargetData | None) -> None:
        """Is called when a run has ended."""
