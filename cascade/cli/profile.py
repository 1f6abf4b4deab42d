"""`cascade run --profile`: where the time of a run went, as a table on the error output."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from cascade.cli.terminal import show_error
from cascade.events.types import RunStarted
from cascade.graph.description import counted, printable
from cascade.observers.each_run import EachRun
from cascade.observers.kernel_use import KernelUse
from cascade.observers.report.collected import Collected, TaskData, in_kernels
from cascade.observers.state import speed
from cascade.observers.target import TargetData, duration

ROWS = 30
HEADS = ("task", "calls", "items", "own", "share", "in kernels", "total", "p50", "p99", "failed", "retries", "cached")


class Profile(EachRun[Collected]):
    """An observer that prints the table of tasks at the end of each run."""

    def begin(self, event: RunStarted, target: TargetData | None) -> Collected:
        return Collected(event, kernels=None if target is None else KernelUse(target.routines()))

    def end(self, run: Collected, target: TargetData | None) -> None:
        show_error("\n".join(profile_lines(run)))


def profile_lines(run: Collected) -> Iterator[str]:
    """Yields the lines of the table: the tasks that took the longest first."""
    tasks = sorted(run.tasks.values(), key=lambda task: -task.own)
    yield f"profile of {printable(run.name)}: {counted(run.calls, 'call')} in {duration(run.seconds)}"
    yield from _table([HEADS, *(_row(task, run.seconds) for task in tasks[:ROWS]), *_rest(run)])
    if len(tasks) > ROWS:
        yield f"{len(tasks) - ROWS:,} more tasks are not shown"
    for loop in run.loops.values():
        rate = f", {speed(loop.iterations / loop.seconds)} a second" if loop.seconds > 0 else ""
        kind = "map" if loop.is_map else "loop"
        yield f"{kind} {printable(loop.task_id)}: {loop.steps} steps in {duration(loop.whole or loop.seconds)}{rate}"


def _rest(run: Collected) -> Iterator[Sequence[str]]:
    """Yields the row of the time in which no call was under way: of starting, and between calls."""
    seconds = run.seconds - sum(task.own for task in run.tasks.values())
    if seconds > 0 and run.tasks:
        yield ("(no call)", "", "", duration(seconds), f"{100 * seconds / run.seconds:.0f} %", *[""] * (len(HEADS) - 5))


def _row(task: TaskData, whole: float) -> Sequence[str]:
    times = task.durations
    numbers = (f"{number:,}" if number else "" for number in (task.failed, task.retries, task.cached))
    if not times.count:
        return (printable(task.name), "0", "", "", "", "", "", "", "", *numbers)
    share = f"{100 * task.own / whole:.0f} %" if whole > 0 else ""
    lengths = (duration(each) for each in (task.durations.total, times.percentile(0.5), times.percentile(0.99)))
    items = f"{task.items:,}" if task.items else ""
    kernels = in_kernels(task)
    return (printable(task.name), f"{times.count:,}", items, duration(task.own), share, kernels, *lengths, *numbers)


def _table(rows: Sequence[Sequence[str]]) -> Iterable[str]:
    """Returns aligned lines, without the columns that are empty."""
    used = [at for at in range(len(rows[0])) if any(row[at] for row in rows[1:])] if len(rows) > 1 else []
    widths = {at: max(len(row[at]) for row in rows) for at in used}
    for row in rows:
        cells = (row[at].ljust(widths[at]) if at == 0 else row[at].rjust(widths[at]) for at in used)
        yield "  " + "  ".join(cells).rstrip()
