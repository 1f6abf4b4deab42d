"""Traces in the format of Chrome and Perfetto, and spans of OpenTelemetry."""

from __future__ import annotations

import json
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

import cascade as cs
from tests.support.growing import growing
from tests.support.tasks import sum_to

pytestmark = pytest.mark.once


@cs.task
def add(a: int, b: int = 1) -> int:
    return a + b


@cs.task
async def later(x: int) -> int:
    return x


@cs.task(mode="blocking")
def in_a_thread(x: int) -> int:
    return x


@cs.task
def square(x: int) -> int:
    return x * x


@cs.task
def several(n: int) -> Any:
    return [add(i) for i in range(n)]


def traced(path: Any, folder: Path, target: Any) -> list[dict[str, Any]]:
    try:
        path.run(target, observers=[cs.trace(folder / "run.json")])
    except ValueError:
        pass
    document = json.loads((folder / "run.json").read_text())
    assert set(document) == {"displayTimeUnit", "traceEvents"}
    events: list[dict[str, Any]] = document["traceEvents"]
    check_format(events)
    return events


def check_format(events: list[dict[str, Any]]) -> None:
    """Checks what the format demands: fields by phase, ends for beginnings, slices of a lane one in the other or apart."""
    for event in events:
        assert {"ph", "name", "ts", "pid", "tid"} <= set(event)
        assert event["ph"] in "MXbesfCi"
        assert isinstance(event["ts"], (int, float))
        assert event["ts"] >= 0
        if event["ph"] == "X":
            assert event["dur"] >= 0
        if event["ph"] in "besf":
            assert {"id", "cat"} <= set(event)
        if event["ph"] == "C":
            assert all(isinstance(value, (int, float)) for value in event["args"].values())
    for begin, end in ("be", "sf"):
        begun = {event["id"]: event for event in events if event["ph"] == begin}
        ended = {event["id"]: event for event in events if event["ph"] == end}
        assert begun.keys() == ended.keys()
        assert all(begun[key]["ts"] <= ended[key]["ts"] for key in begun)
    slices = sorted((event["ts"], -event["dur"]) for event in events if event["ph"] == "X")
    open_ends: list[float] = []
    for start, length in slices:
        while open_ends and open_ends[-1] <= start + 0.002:
            open_ends.pop()
        end = start - length
        assert not open_ends or end <= open_ends[-1] + 0.002
        open_ends.append(end)


def test_calls_in_place_are_slices_and_others_have_lanes_of_their_own(path, tmp_path):
    events = traced(path, tmp_path, add(add(1), later(in_a_thread(2))))
    by_phase = {phase: [event["name"] for event in events if event["ph"] == phase] for phase in "Xb"}
    assert by_phase == {"X": ["add#0", "add#3"], "b": ["in_a_thread#1", "later#2"]}
    result = next(event for event in events if event["name"] == "add#3")
    assert result["args"] == {"status": "Succeeded", "result": "4", "error": None, "task": "add"}


def test_flows_lead_along_the_edges_through_containers(path, tmp_path):
    events = traced(path, tmp_path, cs.task(sum, name="total")([add(1), add(add(2))]))
    assert Counter(event["ph"] for event in events)["s"] == 3


def test_maps_returned_graphs_skips_retries_and_failures_are_in_a_trace(path, tmp_path):
    @cs.task(retry=2)
    def fails(x: int) -> int:
        raise ValueError(f"no {x}")

    events = traced(path, tmp_path, [square.map(range(1000)), several(2), fails(1)])
    names = [event["name"] for event in events]
    assert "square#0" in names
    assert not any(name.startswith("square#0[") for name in names)
    assert "add#1.0" in names
    assert "fails#2 again" in names
    assert "run failed" in names
    assert "calls under way" in names


def test_kernels_are_slices_inside_those_of_their_calls(tmp_path):
    plain = cs.task(lambda x: x, name="plain", lower=False)
    events = traced(cs, tmp_path, [sum_to(500_000), sum_to(2000).with_retry(2), plain(1)])
    for phase, name in (("X", "sum_to#0"), ("b", "sum_to#1")):
        call = next(event for event in events if event["ph"] == phase and event["name"] == name)
        kernel = events[events.index(call) + 1]
        assert (kernel["name"], kernel["ph"], kernel["ts"]) == ("kernel of sum_to", phase, call["ts"])
        assert call["args"]["kernel entries"] >= 1
    assert not any("kernel entries" in event["args"] for event in events if event["name"] == "plain#2")
    last = {event["name"]: event["args"] for event in events if event["ph"] == "C"}
    assert last["calls ended"] == {"succeeded": 3, "failed": 0, "retries": 0}
    assert last["time in kernels"]["ms"] > 0
    assert last["memory"]["MB"] > 1


def test_a_trace_needs_a_path():
    with pytest.raises(cs.DeclarationError, match="the path of a file"):
        cs.trace(5)  # type: ignore[arg-type]


def spans_of(path: Any, target: Any, **options: Any) -> list[Any]:
    export = pytest.importorskip("opentelemetry.sdk.trace.export.in_memory_span_exporter")
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import SimpleSpanProcessor

    exporter, provider = export.InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    with provider.get_tracer("user").start_as_current_span("user"):
        try:
            path.run(target, observers=[cs.otel(provider), *options.pop("observers", ())], **options)
        except ValueError:
            pass
    return list(exporter.get_finished_spans())


def test_a_run_a_map_and_an_awaited_node_have_spans_and_items_and_plain_calls_none(path):
    spans = spans_of(path, add(add(1), cs.task(len, name="size")([square.map(range(50)), later(in_a_thread(1))])))
    names = {span.name: span for span in spans}
    assert set(names) == {"run add", "map square", "async later", "blocking in_a_thread", "user"}
    run = names["run add"]
    assert run.parent.span_id == names["user"].context.span_id
    assert all(span.parent.span_id == run.context.span_id for span in spans if span.name not in ("run add", "user"))
    assert names["map square"].attributes["cascade.items"] == 50
    assert all(span.start_time <= span.end_time for span in spans)
    assert run.start_time <= names["map square"].start_time


def test_failures_and_retries_are_in_the_spans(path):
    @cs.task(retry=2)
    async def fails(x: int) -> int:
        raise ValueError(f"no {x}")

    spans = spans_of(path, fails(1))
    names = {span.name: span for span in spans}
    assert set(names) == {"run fails", "async fails", "retry fails", "user"}
    assert names["retry fails"].parent.span_id == names["async fails"].context.span_id
    assert names["retry fails"].attributes["cascade.attempt"] == 1
    for name in ("run fails", "async fails"):
        assert names[name].status.status_code.name == "ERROR"
        assert "no 1" in names[name].status.description


def test_a_loop_that_publishes_its_progress_has_a_span():
    pytest.importorskip("opentelemetry.sdk")
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import SimpleSpanProcessor
    from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

    exporter, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    observer = cs.otel(provider)
    of_node = {"run_id": "r", "task_id": "count#0", "task_name": "count"}
    observer(cs.RunStarted(run_id="r", target="count", tasks=1, timestamp=1.0))
    observer(cs.TaskExecutionStarted(timestamp=2.0, **of_node))
    observer(cs.LoopProgress(iteration=500, rate=1.0, elapsed=1.0, timestamp=3.0, **of_node))
    observer(cs.TaskExecutionFinished(status="Succeeded", duration=2.0, timestamp=4.0, **of_node))
    observer(cs.RunFinished(run_id="r", status="Succeeded", duration=3.0, timestamp=4.0))
    loop = next(span for span in exporter.get_finished_spans() if span.name == "loop count")
    assert (loop.start_time, loop.end_time) == (2_000_000_000, 4_000_000_000)
    assert loop.attributes["cascade.iterations"] == 500


@cs.task
def spin(seconds: float, begun: float = 0.0) -> Any:
    begun = begun or time.perf_counter()
    return spin.tail(seconds, begun) if time.perf_counter() - begun < seconds else 1


@pytest.mark.parametrize("others", [[], [lambda event: None]], ids=["alone", "beside an observer of all events"])
def test_a_loop_of_plain_calls_has_a_span_from_its_start(path, others):
    for seconds in growing(0.25):
        spans = spans_of(path, add(spin(seconds)), observers=others)
        names = {span.name: span for span in spans}
        if "loop spin" in names:  # it has told its progress
            break
    assert set(names) == {"run add", "loop spin", "user"}
    loop, run = names["loop spin"], names["run add"]
    assert run.start_time <= loop.start_time < loop.end_time <= run.end_time
    assert (loop.end_time - loop.start_time) / 1e9 > 0.8 * seconds  # its first progress came later than its start
    assert loop.attributes["cascade.iterations"] > 1


def test_awaited_nodes_of_returned_graphs_and_of_large_ones_have_spans(path):
    returns = cs.task(lambda n: [later(n)], name="returns")
    spans = spans_of(path, [returns(1), *(add(n) for n in range(2500)), later(2)])
    assert [span.name for span in spans].count("async later") == 2
