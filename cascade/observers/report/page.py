"""The HTML of a report. All text of users is escaped; nothing is loaded, and no script runs."""

from __future__ import annotations

import time
from collections.abc import Iterator
from html import escape

from cascade.graph.description import counted, printable
from cascade.observers.report.collected import (
    BARS,
    Bar,
    Collected,
    FailureData,
    LoopData,
    TaskData,
    in_kernels,
    share_of,
)
from cascade.observers.report.kernels import kernels_of
from cascade.observers.report.markup import NAME, table, text_of
from cascade.observers.report.style import CSS
from cascade.observers.state import REASONS, speed
from cascade.observers.target import TargetData, duration
from cascade.reports.svg import STYLE, Badge

SIZE = 300_000
"""Bytes of a file at most; sections that are long are left out where it would be larger."""
TASKS = 200
"""Rows of the table of tasks: those that took the longest."""
LANE, GUTTER, WIDTH = 16, 4, 1_000
LANES = 40
POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"

Section = tuple[str, str, str]
"""(id, title, HTML)"""


def page(run: Collected, target: TargetData | None) -> str:
    """Returns the report of a run; `target` is not known where there are events only."""
    sections = [*_sections(run, target)]
    text = _document(run, sections)
    for left_out in ("graph", "kernels", "timeline"):
        if len(text.encode("utf-8", "replace")) <= SIZE:
            break
        note = "<p class='soft'>This section was left out, as the file would be too large.</p>"
        sections = [(key, title, note if key == left_out else body) for key, title, body in sections]
        text = _document(run, sections)
    return text


def _sections(run: Collected, target: TargetData | None) -> Iterator[Section]:
    if run.failures or (target is not None and target.error is not None):
        yield "failures", "Failures", _failures(run, target)
    if target is not None:
        yield "graph", "Graph", _graph(run, target)
    yield "timeline", "Timeline", _timeline(run)
    yield "tasks", "Tasks", _tasks(run)
    if run.loops:
        yield "loops", "Loops and maps", _loops(run)
    explanation = None if target is None else target.explanation()
    if explanation is not None:
        yield "kernels", "Kernels", kernels_of(explanation)
    if run.resources:
        yield "resources", "Resources", f"<ul>{''.join(f'<li>{text_of(each)}</li>' for each in run.resources)}</ul>"
    if run.memory:
        yield "memory", "Memory", _memory(run)


def _document(run: Collected, sections: list[Section]) -> str:
    title = text_of(f"Run of {run.name}", NAME)
    links = "".join(f'<li><a href="#{key}">{name}</a></li>' for key, name, _ in sections)
    body = "".join(
        f'<section aria-labelledby="{key}"><h2 id="{key}">{name}</h2>{content}</section>'
        for key, name, content in sections
    )
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{title}</title>'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f'<style>{CSS}{STYLE}</style></head><body><a class="skip" href="#content">Skip to the content</a>'
        f'<header><h1>{title}</h1>{_facts(run)}<nav aria-label="Sections"><ul>{links}</ul></nav></header>'
        f'<main id="content">{body}</main><footer><p class="soft">Run {text_of(run.run_id, 16)}, written by Cascade.</p></footer>'
        "</body></html>\n"
    )


def _facts(run: Collected) -> str:
    status = "unknown" if run.end is None else run.end.status
    kind = {"Succeeded": "good", "Failed": "bad"}.get(status, "soft")
    tasks = run.tasks.values()
    facts: list[tuple[str, str]] = [
        ("Status", f'<span class="{kind}">{text_of(status.lower())}</span>'),
        ("Time", duration(run.seconds)),
        ("Started", time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(run.begun))),
        ("Calls", f"{run.calls:,}"),
    ]
    for name, number in (
        ("Items of maps", sum(task.items for task in tasks)),
        ("Failed", sum(task.failed for task in tasks)),
        ("Failed items", sum(task.failed_items for task in tasks)),
        ("Retries", sum(task.retries for task in tasks)),
        ("From caches", sum(task.cached for task in tasks)),
        ("Skipped", sum(task.skipped.total() - task.cached for task in tasks)),
    ):
        if number:
            facts.append((name, f"{number:,}"))
    return f"<dl class='facts'>{''.join(f'<div><dt>{name}</dt><dd>{value}</dd></div>' for name, value in facts)}</dl>"


def _tasks(run: Collected) -> str:
    tasks = sorted(run.tasks.values(), key=lambda task: -task.durations.total)
    more = f" The {TASKS} of {len(tasks):,} tasks that took the longest." if len(tasks) > TASKS else ""
    heads = (
        "task",
        "calls",
        "items",
        "total",
        "own time",
        "p50",
        "p99",
        "longest",
        "in kernels",
        "failed",
        "failed items",
        "retries",
        "from caches",
        "skipped",
    )
    collected = "".join(
        f"<p>{counted(task.failed_items, 'failed item')} of {text_of(task.name, NAME)} collected, the first: {text_of(str(task.first_failure))}</p>"
        for task in tasks[:TASKS]
        if task.failed_items
    )
    return (
        table("Tasks, those that took the longest first." + more, heads, map(_task_row, tasks[:TASKS]))
        + collected
        + "<p class='soft'>Own time divides each moment among the calls that were under way. Percentiles are exact to 5 %.</p>"
    )


def _task_row(task: TaskData) -> list[str]:
    times = task.durations
    skipped = ", ".join(
        f"{number:,} {text_of(REASONS.get(reason, reason), NAME)}"
        for reason, number in task.skipped.items()
        if REASONS.get(reason) != REASONS["CacheHit"]
    )
    return [
        text_of(task.name, NAME),
        f"{times.count:,}",
        f"{task.items:,}" if task.items else "",
        *(duration(each) if times.count else "" for each in (times.total, task.own)),
        *(
            duration(each) if times.count else ""
            for each in (times.percentile(0.5), times.percentile(0.99), times.longest)
        ),
        in_kernels(task),
        *(f"{number:,}" if number else "" for number in (task.failed, task.failed_items, task.retries, task.cached)),
        skipped,
    ]


def _loops(run: Collected) -> str:
    return table(
        "Loops and maps that took longer than a tenth of a second.",
        ("node", "kind", "steps", "time", "steps a second", "in kernels"),
        [
            [
                text_of(loop.task_id, NAME),
                "map" if loop.is_map else "loop",
                loop.steps,
                duration(loop.seconds if loop.whole is None else loop.whole),
                speed(loop.iterations / loop.seconds) if loop.seconds > 0 else "",
                _share_in_kernels(loop),
            ]
            for loop in run.loops.values()
        ],
    )


def _share_in_kernels(loop: LoopData) -> str:
    if loop.use is None:
        return ""
    if loop.use.seconds is None:
        return f"a part: {counted(loop.use.exits, 'side exit')}"
    return share_of(loop.use.seconds, loop.whole or loop.seconds)


def _graph(run: Collected, target: TargetData) -> str:
    picture = target.picture(run.states, {name: _badge(task) for name, task in run.tasks.items()})
    if picture is None:
        return "<p>The graph cannot be drawn; the table of tasks has all of them.</p>"
    note = (
        "The graph has too many nodes for a picture of each: all calls of a task are one node. At an edge stands the number of calls that take a value."
        if target.is_drawn_by_task
        else "Below each name is the time that it took."
    )
    return (
        f"<div class='wide' tabindex='0' role='region' aria-label='Picture of the graph'>{picture}</div>"
        f"<p class='soft'>Green: done. Red: failed. Dotted: skipped, or abandoned after a failure. {note}</p>"
    )


def _badge(task: TaskData) -> Badge:
    state = (
        "failed" if task.failed else "abandoned" if task.abandoned else "done" if task.durations.count else "skipped"
    )
    text = duration(task.durations.total) if task.durations.count else "skipped"
    failed = f"{task.failed:,} failed, " if task.failed else ""
    items = f"{counted(task.failed_items, 'failed item')}, " if task.failed_items else ""
    return Badge(state, failed + items + text)


def _failures(run: Collected, target: TargetData | None) -> str:
    parts = [_failure(failure, target) for failure in run.failures]
    if run.failure_count > len(run.failures):
        parts.append(f"<p>{run.failure_count - len(run.failures):,} more are not listed.</p>")
    if not parts and run.end is not None and run.end.error is not None:
        parts.append(f"<p class='bad'>{text_of(run.end.error)}</p>")
    trace = None if target is None else target.traceback()
    if trace is not None:
        parts.append(
            f"<details open><summary>Traceback of the run</summary><pre tabindex='0'>{text_of(trace[-20_000:], 20_000)}</pre></details>"
        )
    return "".join(parts)


def _failure(failure: FailureData, target: TargetData | None) -> str:
    item = "" if failure.item is None else f", item {failure.item:,}"
    call = None if target is None else target.call_of(failure.task_id)
    again = "" if call is None else f"<p>To call it again: <code>{text_of(call)}</code></p>"
    return (
        f"<h3>{text_of(failure.task_id, NAME)}{item}</h3>"
        f"<p class='bad'>{text_of(failure.error)}</p><p class='soft'>after {duration(failure.seconds)}</p>{again}"
    )


def _timeline(run: Collected) -> str:
    if not run.bars:
        return "<p>Nothing was called.</p>"
    lanes = _lanes(run.bars)
    shown = [placed for placed in lanes if placed[0] < LANES]
    hidden = len(lanes) - len(shown) + run.dropped
    span = max(run.seconds, *(bar.start + bar.seconds for bar in run.bars), 1e-9)
    height = (max(lane for lane, _ in shown) + 1) * (LANE + GUTTER) + 24
    bars = "".join(_bar(lane, bar, span) for lane, bar in shown)
    axis = "".join(_tick(at, span, height) for at in range(6))
    label = f"Timeline of {counted(len(shown), 'call')} over {duration(span)}"
    kinds = {_class_of(bar) for _, bar in shown}
    words = [f"<span class='key {kind}'></span>{text}" for kind, text in KEY if kind in kinds]
    more = f" The {BARS} longest calls at most; {hidden:,} more are not shown." if hidden > 0 else ""
    return (
        f"<div class='wide' tabindex='0' role='region' aria-label='Picture of the timeline'><svg class='timeline' role='img' aria-label='{label}' "
        f"viewBox='0 0 {WIDTH} {height}' width='100%' style='min-width:40rem'><title>{label}</title>{axis}{bars}</svg></div>"
        f"<p class='soft'>{''.join(words)}.{more}</p>"
    )


KEY = (
    ("", "in place"),
    ("async", "awaited"),
    ("blocking", "in a thread"),
    ("compute", "in a worker process"),
    ("failed", "failed"),
    ("abandoned", "abandoned after a failure"),
)


def _lanes(bars: list[Bar]) -> list[tuple[int, Bar]]:
    """Returns the lane of each call: the first one that is free."""
    ends: list[float] = []
    found = []
    for bar in sorted(bars, key=lambda bar: bar.start):
        lane = next((number for number, end in enumerate(ends) if end <= bar.start + 1e-9), len(ends))
        if lane == len(ends):
            ends.append(0.0)
        ends[lane] = bar.start + bar.seconds
        found.append((lane, bar))
    return found


def _class_of(bar: Bar) -> str:
    return bar.status if bar.status != "done" else "" if bar.mode == "inline" else bar.mode


def _bar(lane: int, bar: Bar, span: float) -> str:
    x, width = WIDTH * max(bar.start, 0.0) / span, max(WIDTH * bar.seconds / span, 1.0)
    y = lane * (LANE + GUTTER) + 20
    kind = _class_of(bar)
    room = int((width - 6) / 6.2)
    name = printable(bar.name)
    text = f"<text x='{x + 3:.1f}' y='{y + 12}'>{escape(name[:room])}</text>" if room >= 3 else ""
    title = f"{text_of(bar.task_id, NAME)}: {duration(bar.seconds)}, from {duration(max(bar.start, 0.0))}"
    shape = f"<rect class='{kind}' x='{x:.1f}' y='{y}' width='{width:.1f}' height='{LANE}' rx='2'/>"
    return f"<g><title>{title}</title>{shape}{text}</g>"


def _tick(at: int, span: float, height: float) -> str:
    x = at * WIDTH / 5
    anchor = "start" if at == 0 else "end" if at == 5 else "middle"
    return (
        f"<line class='axis' x1='{x:.0f}' x2='{x:.0f}' y1='16' y2='{height:.0f}'/>"
        f"<text class='axis-text' x='{x:.0f}' y='11' text-anchor='{anchor}'>{duration(at * span / 5)}</text>"
    )


def _memory(run: Collected) -> str:
    most = max(size for _, size in run.memory)
    span = max(run.seconds, 1e-9)
    points = " ".join(f"{WIDTH * at / span:.1f},{100 - 95 * size / most:.1f}" for at, size in run.memory)
    label = f"Memory of the process, at most {most / 1e6:,.0f} MB"
    return (
        f"<p>{label}.</p><svg class='timeline' role='img' aria-label='{label}' viewBox='0 0 {WIDTH} 104' width='100%'>"
        f"<polyline points='{points}'/></svg>"
    )
