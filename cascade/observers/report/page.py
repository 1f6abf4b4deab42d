"""The HTML of a report. All text of users is escaped; nothing is loaded, and no script runs."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from html import escape

from cascade.graph.description import printable
from cascade.observers.report.collected import BARS, Bar, Collected, FailureData, TaskData
from cascade.observers.report.style import CSS
from cascade.observers.state import REASONS, speed
from cascade.observers.target import TargetData, duration
from cascade.reports.svg import STYLE

SIZE = 300_000
"""Bytes of a file at most; sections that are long are left out where it would be larger."""
TASKS = 200
"""Rows of the table of tasks: those that took the longest."""
NAME, TEXT = 80, 4_000
"""Characters of a name, and of a longer text."""
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
    yield "timeline", "Timeline", _timeline(run, {} if target is None else target.kinds())
    yield "tasks", "Tasks", _tasks(run)
    if run.loops:
        yield "loops", "Loops and maps", _loops(run)
    explanation = None if target is None else target.explanation()
    if explanation is not None:
        yield "kernels", "Kernels", _kernels(explanation.tasks, str(explanation))
    if run.resources:
        yield "resources", "Resources", f"<ul>{''.join(f'<li>{_text(each)}</li>' for each in run.resources)}</ul>"
    if run.memory:
        yield "memory", "Memory", _memory(run)


def _document(run: Collected, sections: list[Section]) -> str:
    title = _text(f"Run of {run.name}", NAME)
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
        f'<main id="content">{body}</main><footer><p class="soft">Run {_text(run.run_id, 16)}, written by Cascade.</p></footer>'
        "</body></html>\n"
    )


def _text(value: object, limit: int = TEXT) -> str:
    """Returns escaped text, shortened, without control characters; line breaks stay."""
    lines = [printable(line) for line in str(value)[: limit + 1].splitlines()]
    text = "\n".join(lines)
    return escape(text if len(text) <= limit else text[: limit - 1] + "…")


def _facts(run: Collected) -> str:
    status = "unknown" if run.end is None else run.end.status
    kind = {"Succeeded": "good", "Failed": "bad"}.get(status, "soft")
    tasks = run.tasks.values()
    facts: list[tuple[str, str]] = [
        ("Status", f'<span class="{kind}">{_text(status.lower())}</span>'),
        ("Time", duration(run.seconds)),
        ("Started", time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(run.begun))),
        ("Calls", f"{run.calls:,}"),
    ]
    for name, number in (
        ("Items of maps", sum(task.items for task in tasks)),
        ("Failed", sum(task.failed for task in tasks)),
        ("Retries", sum(task.retries for task in tasks)),
        ("From caches", sum(task.cached for task in tasks)),
        ("Skipped", sum(task.skipped.total() - task.cached for task in tasks)),
    ):
        if number:
            facts.append((name, f"{number:,}"))
    return f"<dl class='facts'>{''.join(f'<div><dt>{name}</dt><dd>{value}</dd></div>' for name, value in facts)}</dl>"


def _table(caption: str, heads: Iterable[str], rows: Iterable[Iterable[str]], texts: tuple[int, ...] = ()) -> str:
    """Returns a table of cells that are HTML already; the first one of a row is its head, those numbered by `texts` are no numbers."""
    body = "".join(
        "<tr>"
        + "".join(
            f"<th scope='row'>{cell}</th>" if at == 0 else f"<td{' class=text' if at in texts else ''}>{cell}</td>"
            for at, cell in enumerate(row)
        )
        + "</tr>"
        for row in rows
    )
    head = "".join(
        f"<th scope='col'{' class=text' if at in texts else ''}>{each}</th>" for at, each in enumerate(heads)
    )
    return (
        f"<div class='wide' tabindex='0' role='region' aria-label='{caption}'><table><caption>{caption}</caption>"
        f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"
    )


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
        "failed",
        "retries",
        "from caches",
        "skipped",
    )
    return (
        _table("Tasks, those that took the longest first." + more, heads, map(_task_row, tasks[:TASKS]))
        + "<p class='soft'>Own time divides each moment among the calls that were under way. Percentiles are exact to 5 %.</p>"
    )


def _task_row(task: TaskData) -> list[str]:
    times = task.durations
    skipped = ", ".join(
        f"{number:,} {_text(REASONS.get(reason, reason), NAME)}"
        for reason, number in task.skipped.items()
        if REASONS.get(reason) != REASONS["CacheHit"]
    )
    return [
        _text(task.name, NAME),
        f"{times.count:,}",
        f"{task.items:,}" if task.items else "",
        *(duration(each) if times.count else "" for each in (times.total, task.own)),
        *(
            duration(each) if times.count else ""
            for each in (times.percentile(0.5), times.percentile(0.99), times.longest)
        ),
        *(f"{number:,}" if number else "" for number in (task.failed, task.retries, task.cached)),
        skipped,
    ]


def _loops(run: Collected) -> str:
    return _table(
        "Loops and maps that took longer than a tenth of a second.",
        ("node", "kind", "steps", "time", "steps a second"),
        [
            [
                _text(loop.task_id, NAME),
                "map" if loop.is_map else "loop",
                f"{loop.iterations:,}",
                duration(loop.seconds),
                speed(loop.iterations / loop.seconds) if loop.seconds > 0 else "",
            ]
            for loop in run.loops.values()
        ],
    )


def _kernels(tasks: Iterable[object], whole: str) -> str:
    rows = [
        [
            _text(getattr(task, "name", ""), NAME),
            _text(getattr(task, "regime", ""), NAME),
            f"{sum(kernel.runs for kernel in getattr(task, 'kernels', ())):,}",
            f"{sum(exit.count for kernel in getattr(task, 'kernels', ()) for exit in kernel.exits):,}",
            _text(getattr(task, "why", ""), 300),
        ]
        for task in tasks
    ]
    return (
        _table("How each task ran.", ("task", "regime", "entries", "exits", "why"), rows, texts=(1, 4))
        + f"<details><summary>Kernels with their exits and call-outs beside the source lines</summary><pre tabindex='0'>{_text(whole, 60_000)}</pre></details>"
    )


def _graph(run: Collected, target: TargetData) -> str:
    picture = target.picture(run.states)
    if picture is None:
        return "<p>The graph has too many nodes for a picture; the table of tasks has them all.</p>"
    return (
        f"<div class='wide' tabindex='0' role='region' aria-label='Graph'>{picture}</div>"
        "<p class='soft'>Green: done. Red: failed. Dotted: skipped, or abandoned after a failure. Below each name is the time that it took.</p>"
    )


def _failures(run: Collected, target: TargetData | None) -> str:
    parts = [_failure(failure, target) for failure in run.failures]
    if run.failure_count > len(run.failures):
        parts.append(f"<p>{run.failure_count - len(run.failures):,} more are not listed.</p>")
    if not parts and run.end is not None and run.end.error is not None:
        parts.append(f"<p class='bad'>{_text(run.end.error)}</p>")
    trace = None if target is None else target.traceback()
    if trace is not None:
        parts.append(
            f"<details open><summary>Traceback of the run</summary><pre tabindex='0'>{_text(trace[-20_000:], 20_000)}</pre></details>"
        )
    return "".join(parts)


def _failure(failure: FailureData, target: TargetData | None) -> str:
    item = "" if failure.item is None else f", item {failure.item:,}"
    call = None if target is None else target.call_of(failure.task_id)
    again = "" if call is None else f"<p>To call it again: <code>{_text(call)}</code></p>"
    return (
        f"<h3>{_text(failure.task_id, NAME)}{item}</h3>"
        f"<p class='bad'>{_text(failure.error)}</p><p class='soft'>after {duration(failure.seconds)}</p>{again}"
    )


def _timeline(run: Collected, kinds: dict[str, str]) -> str:
    if not run.bars:
        return "<p>Nothing was called.</p>"
    lanes = _lanes(run.bars)
    shown = [placed for placed in lanes if placed[0] < LANES]
    hidden = len(lanes) - len(shown) + run.dropped
    span = max(run.seconds, *(bar.start + bar.seconds for bar in run.bars), 1e-9)
    height = (max(lane for lane, _ in shown) + 1) * (LANE + GUTTER) + 24
    bars = "".join(_bar(lane, bar, span, kinds) for lane, bar in shown)
    axis = "".join(_tick(at, span, height) for at in range(6))
    label = f"Timeline of {len(shown):,} calls over {duration(span)}"
    words = [f"<span class='key {kind}'></span>{text}" for kind, text in KEY if kind in {*kinds.values(), "", "failed"}]
    more = f" The {BARS} longest calls at most; {hidden:,} more are not shown." if hidden > 0 else ""
    return (
        f"<div class='wide' tabindex='0' role='region' aria-label='Timeline'><svg class='timeline' role='img' aria-label='{label}' "
        f"viewBox='0 0 {WIDTH} {height}' width='100%' style='min-width:40rem'><title>{label}</title>{axis}{bars}</svg></div>"
        f"<p class='soft'>{''.join(words)}.{more}</p>"
    )


KEY = (
    ("", "in place"),
    ("async", "awaited"),
    ("blocking", "in a thread"),
    ("compute", "in a worker process"),
    ("failed", "failed"),
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


def _bar(lane: int, bar: Bar, span: float, kinds: dict[str, str]) -> str:
    x, width = WIDTH * max(bar.start, 0.0) / span, max(WIDTH * bar.seconds / span, 1.0)
    y = lane * (LANE + GUTTER) + 20
    kind = "failed" if bar.status == "failed" else kinds.get(bar.name, "")
    room = int((width - 6) / 6.2)
    name = printable(bar.name)
    text = f"<text x='{x + 3:.1f}' y='{y + 12}'>{escape(name[:room])}</text>" if room >= 3 else ""
    title = f"{_text(bar.task_id, NAME)}: {duration(bar.seconds)}, from {duration(max(bar.start, 0.0))}"
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
