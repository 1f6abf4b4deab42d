"""A source of events, and a terminal, for observers."""

from __future__ import annotations

import io
from typing import Any

import cascade as cs
from cascade.runtime.events import (
    Event,
    TaskExecutionFinished,
    TaskExecutionStarted,
)


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@cs.task
def spin(n: int) -> Any:
    return cs.TailCall((n + 1,))


class Feed:
    """Publishes the events of a run, at the times that it is given."""

    def __init__(self, *observers: Any) -> None:
        self.observers = observers
        self.time = 1000.0

    def __call__(self, kind: type[Event], name: str = "", *, at: float | None = None, **fields: Any) -> None:
        if at is not None:
            self.time = 1000.0 + at
        if name:
            fields.update(task_id=name, task_name=name.partition("#")[0])
        for observer in self.observers:
            observer(kind(run_id="r", timestamp=self.time, **fields))

    def start(self, name: str, **fields: Any) -> None:
        self(TaskExecutionStarted, name, **fields)

    def end(self, name: str, error: str | None = None, **fields: Any) -> None:
        status = "Succeeded" if error is None else "Failed"
        preview = "1" if error is None else None
        fields = {"status": status, "duration": 2.0, "result_preview": preview, "error": error, **fields}
        self(TaskExecutionFinished, name, **fields)
