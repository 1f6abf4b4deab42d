"""Observers: displays and logs of running graphs. An observer is a function that is called with each event."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable
from typing import TextIO

from cascade._vm import entry_point
from cascade.errors import DeclarationError, MissingExtraError, nearest
from cascade.observers.state import is_terminal
from cascade.runtime.events import Event

FORMATS = ("auto", "live", "log", "json")
Observer = Callable[[Event], object]


@entry_point
def console(
    format: str = "auto", *, file: TextIO | None = None, verbose: bool = False, interval: float = 1.0
) -> Observer:
    """Returns an observer that shows the progress of runs: `Engine(observers=[console()])`, or `run(target, observers=[console()])`.

    Args:
        format: "live" for a display that is kept up to date (needs `rich`: `pip install 'cascade-engine[console]'`);
            "log" for lines of text; "json" for one JSON object a line and event; "auto" for "live" on a terminal and in a notebook
            where `rich` is installed, else "log". See docs/events.md.
        file: the text file to write to; by default sys.stderr, and in a notebook for "live" the output of the cell.
        verbose: for "log": a line for every event, instead of starts and ends of runs, failures, some of the skips,
            failed attempts and ends of maps, and the progress now and then.
        interval: for "log": at least so many seconds lie between two lines of progress, and a twentieth of the run's time.

    Raises:
        DeclarationError: (a TypeError) an unknown format, or something that cannot be written to.
        MissingExtraError: (an ImportError) "live" without `rich`.
    """
    if format not in FORMATS:
        raise DeclarationError(
            f"console(format={format!r})",
            expected="one of " + ", ".join(map(repr, FORMATS)),
            hint=nearest(str(format), FORMATS),
        )
    out = sys.stderr if file is None else file
    if out is None:
        return _nowhere  # the process has no error output
    if not hasattr(out, "write"):
        raise DeclarationError(f"console(file={out!r})", expected="a text file that is open for writing")
    if isinstance(interval, bool) or not isinstance(interval, (int, float)) or not interval > 0:
        raise DeclarationError(f"console(interval={interval!r})", expected="a positive number of seconds")
    has_rich = importlib.util.find_spec("rich") is not None
    in_a_cell = file is None and is_notebook()
    if format == "auto":
        format = "live" if has_rich and (in_a_cell or is_terminal(out)) else "log"
    if format == "json":
        from cascade.observers.lines import JsonLines

        return JsonLines(out)
    if format == "log":
        from cascade.observers.lines import Log

        return Log(out, verbose=verbose, interval=interval)
    if not has_rich:
        raise MissingExtraError("console(format='live')", "rich", "console")
    if in_a_cell:
        from cascade.observers.notebook import NotebookLive

        return NotebookLive()
    from cascade.observers.live import Live

    return Live(out)


def is_notebook() -> bool:
    """Returns whether this process is the kernel of a notebook."""
    module = sys.modules.get("IPython")
    shell = None if module is None else module.get_ipython()
    return getattr(shell, "kernel", None) is not None


def _nowhere(event: Event) -> None:
    pass


_nowhere.wants_items = False  # type: ignore[attr-defined]
console.makes_observers = True  # type: ignore[attr-defined]
