"""OpenTelemetry: spans of runs, maps, loops, awaited nodes and retries. Needs the API package alone."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from cascade._vm import entry_point
from cascade.errors import MissingExtraError
from cascade.events.types import (
    Event,
    LoopProgress,
    RunFinished,
    RunStarted,
    TaskExecutionFinished,
    TaskExecutionStarted,
    TaskRetrying,
)
from cascade.observers.each_run import EachRun
from cascade.observers.target import TargetData

Provider = Any  # of a package that need not be installed
Span = Any


class OpenTelemetry(EachRun["_Run"]):
    """An observer that makes spans; no item of a map has one, and no plain call in place."""

    wants_calls = False

    def __init__(self, provider: Provider = None) -> None:
        super().__init__()
        try:
            from opentelemetry import trace
        except ImportError:
            raise MissingExtraError("otel()", "opentelemetry-api", "otel") from None
        self._api = trace
        self._tracer = trace.get_tracer("cascade", tracer_provider=provider)

    def begin(self, event: RunStarted, target: TargetData | None) -> _Run:
        return _Run(self._api, self._tracer, event)


@entry_point
def otel(provider: Provider = None) -> Callable[[Event], object]:
    """Returns an observer that makes spans of OpenTelemetry: `observers=[cs.otel()]`.

    A run has one, below the span that is current where it starts; below it are those of maps, of nodes that are awaited or run
    elsewhere, of loops that take longer than a tenth of a second, and of retries, which last as long as their delay. Calls in
    place and items of maps have none.

    Args:
        provider: a TracerProvider; by default the global one.

    Raises:
        MissingExtraError: (an ImportError) OpenTelemetry is not installed: `pip install 'cascade-engine[otel]'`.
    """
    return OpenTelemetry(provider)


otel.makes_observers = True  # type: ignore[attr-defined]


class _Run:
    def __init__(self, api: Any, tracer: Any, event: RunStarted) -> None:  # noqa: ANN401 - of an optional package
        self._api, self._tracer = api, tracer
        self._spans: dict[str, Span] = {}
        self._run = tracer.start_span(
            f"run {event.target}",
            start_time=_time(event.timestamp),
            attributes={"cascade.run_id": event.run_id, "cascade.tasks": event.tasks},
        )
        self._around = api.set_span_in_context(self._run)
        # By type: other observers may want the plain calls, whose events come here as well.
        self._handlers: dict[type, Callable[[Any], None]] = {
            TaskExecutionStarted: self._begin,
            TaskExecutionFinished: self._ended,
            LoopProgress: self._progressed,
            TaskRetrying: self._retrying,
            RunFinished: self._run_ended,
        }

    def add(self, event: Event) -> None:
        handler = self._handlers.get(type(event))
        if handler is not None:
            handler(event)

    def _ended(self, event: TaskExecutionFinished) -> None:
        span = self._spans.pop(event.task_id, None)
        if span is not None:
            self._end(span, event.timestamp, event.error)

    def _run_ended(self, event: RunFinished) -> None:
        for span in self._spans.values():
            self._end(span, event.timestamp, event.error)
        self._end(self._run, event.timestamp, event.error)

    def _begin(self, event: TaskExecutionStarted) -> None:
        if event.items is not None:
            self._span(event.task_id, f"map {event.task_name}", event.timestamp, {"cascade.items": event.items})
        elif event.mode != "inline":
            self._span(event.task_id, f"{event.mode} {event.task_name}", event.timestamp, {})

    def _span(self, task_id: str, name: str, moment: float, attributes: Mapping[str, object]) -> None:
        self._spans[task_id] = self._tracer.start_span(
            name, context=self._around, start_time=_time(moment), attributes={"cascade.node": task_id, **attributes}
        )

    def _progressed(self, event: LoopProgress) -> None:
        if event.task_id not in self._spans:
            self._span(event.task_id, f"loop {event.task_name}", event.timestamp - event.elapsed, {})
        self._spans[event.task_id].set_attribute("cascade.iterations", event.iteration)

    def _retrying(self, event: TaskRetrying) -> None:
        parent = self._spans.get(event.task_id)
        span = self._tracer.start_span(
            f"retry {event.task_name}",
            context=self._around if parent is None else self._api.set_span_in_context(parent),
            start_time=_time(event.timestamp),
            attributes={"cascade.node": event.task_id, "cascade.attempt": event.attempt, "cascade.error": event.error},
        )
        span.end(end_time=_time(event.timestamp + event.delay))

    def _end(self, span: Span, moment: float, error: str | None) -> None:
        if error is not None:
            span.set_status(self._api.Status(self._api.StatusCode.ERROR, error))
        span.end(end_time=_time(moment))


def _time(moment: float) -> int:
    return int(moment * 1e9)
