"""Targets of figures, and tables of figures."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

# -- Targets --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Target:
    """A bound on the ratio of the time of a subject to that of its comparison."""

    text: str
    is_met: Callable[[float, float], bool]


Comparison = tuple[str, str, Target | None]
"""The name of a subject, the name of its comparison, and the target."""


def faster(times: float) -> Target:
    return Target(f"at least {times:g} times faster", lambda time, beside: beside >= times * time)


def within(times: float) -> Target:
    return Target(f"at most {times:g} times", lambda time, beside: time <= times * beside)


def microseconds(limit: float) -> Target:
    return Target(f"at most {limit:g} us", lambda time, beside: time <= limit * 1e-6)


def microseconds_over(limit: float) -> Target:
    return Target(f"at most {limit:g} us over", lambda time, beside: time - beside <= limit * 1e-6)


# -- Tables --------------------------------------------------------------------------------------------------------

COMPARISON_HEAD = ["per step, node or call", "median", "beside", "median", "ratio", "target", "met"]


def show_time(seconds: float) -> str:
    if seconds < 99.5e-9:
        return f"{seconds * 1e9:.1f} ns"
    return f"{seconds * 1e9:,.0f} ns" if seconds < 1e-6 else f"{seconds * 1e6:,.2f} us"


def show_ratio(time: float, beside: float) -> str:
    return f"{beside / time:,.2f} times faster" if time < beside else f"{time / beside:,.2f} times"


def show_met(met: bool) -> str:
    return "yes" if met else "NO"


def comparison_rows(comparisons: list[Comparison], medians: dict[str, float]) -> list[list[str]]:
    """Returns a row for each comparison whose two sides were measured."""
    rows = []
    for subject, beside, target in comparisons:
        if subject in medians and beside in medians:
            times = medians[subject], medians[beside]
            wanted = [target.text, show_met(target.is_met(*times))] if target is not None else ["", ""]
            rows.append([subject, show_time(times[0]), beside, show_time(times[1]), show_ratio(*times), *wanted])
    return rows


def print_table(head: list[str], rows: list[list[str]]) -> None:
    """Prints a table in Markdown, its columns aligned."""
    widths = [max(len(row[column]) for row in [head, *rows]) for column in range(len(head))]
    for row in [head, ["-" * width for width in widths], *rows]:
        print("| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) + " |")
