"""Failures of a run: the notes and the traceback of a user's exception, and the errors of limits."""

from __future__ import annotations

import time

from cascade._vm import TailCall
from cascade.declare.failed import add_note, has_note, user_part
from cascade.declare.lazy import help_with
from cascade.declare.task import Task
from cascade.errors import DeclarationError, RunTimeoutError
from cascade.events.names import label
from cascade.events.preview import preview

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


def misplaced_tail_call(value: list[object] | tuple[object, ...] | dict[object, object]) -> DeclarationError:
    """Returns the error of a run whose value is a container with a tail call in it."""
    items = value.values() if isinstance(value, dict) else value
    tail = next(item for item in items if isinstance(item, TailCall))
    name = getattr(tail.target, "name", tail.target) or "task"
    return DeclarationError(
        f"the run ends with a tail call in a {type(value).__name__}, which nothing continues: {preview(value)}",
        where=None if tail.target is None else f"a tail call to task {name!r}",
        expected="a tail call that is returned by itself",
        hint=f"return {name}.tail(...), and pass on in its arguments what the {type(value).__name__} was to hold; "
        f"or put a call into it, which is continued: {name}(...)",
    )
