"""What observers cost: a chain of 20,000 plain calls without any, and with each.

    python perf/observers.py

`cs.otel` is measured with the no-op provider of OpenTelemetry's API, and with the SDK's in-memory exporter; it takes part if they are installed.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import cascade as cs

NODES, ROUNDS = 20_000, 7


@cs.task
def add(a: int, b: int = 1) -> int:
    return a + b


def chain() -> Any:
    value = add(1)
    for _ in range(NODES - 1):
        value = add(value)
    return value


def nothing(event: cs.Event) -> None:
    pass


nothing.wants_items = False  # type: ignore[attr-defined]


def kinds(folder: Path) -> dict[str, Callable[[], Sequence[Any]]]:
    found: dict[str, Callable[[], Sequence[Any]]] = {
        "none": list,
        "a function that does nothing": lambda: [nothing],
        "cs.report": lambda: [cs.report(folder / "run.html")],
        "cs.trace": lambda: [cs.trace(folder / "run.json")],
    }
    try:
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import SimpleSpanProcessor
        from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
        from opentelemetry.trace import NoOpTracerProvider
    except ImportError:
        return found
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(InMemorySpanExporter()))
    found["cs.otel, no-op provider"] = lambda: [cs.otel(NoOpTracerProvider())]
    found["cs.otel, SDK, in memory"] = lambda: [cs.otel(provider)]
    return found


def seconds(target: Any, observers: Sequence[Any]) -> float:
    begun = time.perf_counter()
    assert cs.run(target, observers=observers) == NODES + 1
    return time.perf_counter() - begun


def main() -> None:
    target = chain()
    with tempfile.TemporaryDirectory() as folder:
        best: dict[str, float] = {}
        for _ in range(ROUNDS):
            for name, made in kinds(Path(folder)).items():
                best[name] = min(best.get(name, 1e9), seconds(target, made()))
    print(f"| observer | us a node, the best of {ROUNDS} runs | over none |\n|---|---:|---:|")
    for name, found in best.items():
        print(f"| {name} | {1e6 * found / NODES:.2f} | {1e6 * (found - best['none']) / NODES:.2f} |")


if __name__ == "__main__":
    main()
