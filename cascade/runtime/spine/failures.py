"""Failures of a run: the notes and the traceback of a user's exception, and the errors of limits."""

from __future__ import annotations

import time
from types import TracebackType

from cascade.declare.failed import add_note, has_note
from cascade.declare.lazy import help_with
from cascade.declare.task import Task
from cascade.errors import RunTimeoutError
from cascade.events.names import label

AnyTask = Task[..., object]


class Limits:
    """The limit of a run's time: in seconds, and on the clock of `time.monotonic()`, 0.0 for none."""

    __slots__ = ("deadline", "timeout")

    def __init__(self, timeout: float = 0.0, deadline: float = 0.0) -> None:
        self.timeout = timeout
        self.deadline = deadline

    def timed_out(self, steps: int, iterations: int, where: str | None) -> RunTimeoutError:
        return RunTimeoutError(self.timeout, steps, iterations, where=where)

    def check_deadline(self) -> None:
        """Raises RunTimeoutError (a TimeoutError) when the run has taken too long; for calls that take long in one go."""
        if self.deadline and time.monotonic() >= self.deadline:
            raise self.timed_out(0, 0, None)


NO_LIMITS = Limits()


def where(owner: AnyTask, serial: int, node: int | str, iteration: int) -> str:
    """Returns the name of a node and an iteration of it, for error messages."""
    return f"task {owner.name!r}, node {label(owner, serial, node)}, iteration {iteration:,}"


def annotate(error: BaseException, owner: AnyTask, origin: AnyTask, serial: int, node: int, iteration: int) -> None:
    """Adds a note to a user's exception that names the node, and takes the frames of Cascade off its traceback."""
    if not isinstance(error, Exception):
        return
    error.with_traceback(user_part(error.__traceback__))  # never refused, as setting the attribute may be
    kind = "resource" if owner.mode == "resource" else "task"
    note = f"in {kind} {owner.name!r}, node {label(origin, serial, node)}, iteration {iteration:,}"
    if not has_note(error, note):
        add_note(error, note)
    help_text = help_with(error)
    if help_text is not None and not has_note(error, help_text):
        add_note(error, help_text)


def user_part(traceback: TracebackType | None) -> TracebackType | None:
    """Returns the traceback from the first frame that is not Cascade's own; all of it where there is none."""
    at = traceback
    while at is not None and at.tb_frame.f_globals.get("__name__", "").startswith("cascade."):
        at = at.tb_next
    return traceback if at is None else at
