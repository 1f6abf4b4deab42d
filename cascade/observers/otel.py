"""OpenTelemetry: spans of runs, maps, loops, awaited nodes and retries. Needs the API package alone."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

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
from cascade.observers.report.target import TargetData
from cascade.runtime.engine import RunObserver

Provider = Any  # of a package that need not be installed
Span = Any


class OpenTelemetry(RunObserver):
    """An observer that makes spans; no item of a map has one, and no plain call in place."""

    wants_items = False

    def __init__(self, provider: Provider = None) -> None:
        try:
            from opentelemetry import trace
        except ImportError:
            raise MissingExtraError("otel()", "opentelemetry-api", "otel") from None
        self._api = trace
        self._tracer = trace.get_tracer("cascade", tracer_provider=provider)
        self._targets: dict[str, TargetData] = {}
        self._runs: dict[str, _Run] = {}

    def run_begins(self, run_id: str, target: object) -> None:
        self._targets[run_id] = TargetData(target)

    def __call__(self, event: Event) -> None:
        run = self._runs.get(event.run_id)
        if run is None:
            if isinstance(event, RunStarted):
                self._runs[event.run_id] = _Run(self._api, self._tracer, event, self._targets.pop(event.run_id, None))
            return
        handler = run.handlers.get(type(event))
        if handler is not None:
            handler(event)
            if type(event) is RunFinished:
                del self._runs[event.run_id]


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
    def __init__(self, api: Any, tracer: Any, event: RunStarted, target: TargetData | None) -> None:  # noqa: ANN401 - of an optional package
        self._api, self._tracer = api, tracer
        self._kinds = {} if target is None else target.kinds()
        self._started: dict[str, float] = {}
        self._spans: dict[str, Span] = {}
        self._run = tracer.start_span(
            f"run {event.target}",
            start_time=_time(event.timestamp),
            attributes={"cascade.run_id": event.run_id, "cascade.tasks": event.tasks},
        )
        self._around = api.set_span_in_context(self._run)
        # By type: a chain of isinstance would take most of the time of a call in place, which has no span.
        self.handlers: dict[type, Callable[[Any], None]] = {
            TaskExecutionStarted: self._begin,
            TaskExecutionFinished: self._ended,
            LoopProgress: self._progressed,
            TaskRetrying: self._retrying,
            RunFinished: self._run_ended,
        }

    def _ended(self, event: TaskExecutionFinished) -> None:
        if self._started.pop(event.task_id, None) is None:
            span = self._spans.pop(event.task_id, None)
            if span is not None:
                self._end(span, event.timestamp, event.error)

    def _run_ended(self, event: RunFinished) -> None:
        for span in self._spans.values():
            self._end(span, event.timestamp, event.error)
        self._end(self._run, event.timestamp, event.error)

    def _begin(self, event: TaskExecutionStarted) -> None:
        kind = "map" if event.items is not None else self._kinds.get(event.task_name)
        if kind is None:
            self._started[event.task_id] = event.timestamp
            return
        items = {} if event.items is None else {"cascade.items": event.items}
        self._span(event.task_id, f"{kind} {event.task_name}", event.timestamp, items)

    def _span(self, task_id: str, name: str, moment: float, attributes: Mapping[str, object]) -> None:
        self._spans[task_id] = self._tracer.start_span(
            name, context=self._around, start_time=_time(moment), attributes={"cascade.node": task_id, **attributes}
        )

    def _progressed(self, event: LoopProgress) -> None:
        begun = self._started.pop(event.task_id, None)
        if begun is not None:
            self._span(event.task_id, f"loop {event.task_name}", begun, {})
        span = self._spans.get(event.task_id)
        if span is not None:
            span.set_attribute("cascade.iterations", event.iteration)

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
