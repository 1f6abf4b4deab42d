"""Plots of the measured tables: `python perf/plots.py` reads perf/README.md and writes docs/pictures/*.svg.

`--check` writes nothing, and ends with status 1 where a plot is not that of the tables.
"""

from __future__ import annotations

import argparse
import html
import math
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[1]
PICTURES = ROOT / "docs" / "pictures"
UNITS = {"ns": 1e-9, "us": 1e-6, "ms": 1e-3, "s": 1.0}


class Bar(NamedTuple):
    """A bar: its label, its value, and whether it is Cascade's."""

    label: str
    value: float
    own: bool


class Plot(NamedTuple):
    """A plot of horizontal bars on a logarithmic axis.

    Attributes:
        name: of the file.
        title: above the bars.
        note: below them: the machine, the date, how to read it.
        bars: from top to bottom; a label without a value is None.
        unit: "time" for seconds, or a text that follows each number.
    """

    name: str
    title: str
    note: str
    bars: Sequence[Bar | str]
    unit: str


# -- The tables ----------------------------------------------------------------------------------------------------


def tables(text: str) -> list[list[list[str]]]:
    """Returns the rows of each table in a text, the head first."""
    found = re.findall(r"(?:^\|.*\|$\n?)+", text, flags=re.MULTILINE)
    return [[_cells(line) for line in table.splitlines() if not re.fullmatch(r"[|\s:-]+", line)] for table in found]


def _cells(line: str) -> list[str]:
    return [cell.strip().replace("`", "") for cell in line.strip().strip("|").split("|")]


def seconds(text: str) -> float:
    """Returns the seconds of a time such as "42.0 ns"."""
    number, unit = text.split()
    return float(number.replace(",", "")) * UNITS[unit]


def medians(text: str) -> dict[str, float]:
    """Returns the time of each subject, and of each thing beside it; of several, the first."""
    found: dict[str, float] = {}
    for head, *rows in tables(text):
        if head[:4] == ["per step, node or call", "median", "beside", "median"]:
            for subject, time, beside, other, *_ in rows:
                for name, value in ((subject, time), (beside, other)):
                    if value and not value.endswith("bytes"):
                        found.setdefault(name, seconds(value))
    return found


def kernel_rows(text: str) -> list[tuple[str, dict[str, float]]]:
    """Returns for each kernel how many times faster than CPython it is, by each of the languages and compilers that it was measured in; without those that execute no loop."""
    table = next(table for table in tables(text) if table[0][:2] == ["a step", "CPython"])
    columns = {column: name for column, name in enumerate(table[0]) if name not in ("a step", "CPython", "times")}
    return [
        (row[0], {name: float(row[column + 1]) for column, name in columns.items() if row[column + 1]})
        for row in table[1:]
    ]


def items(text: str) -> dict[str, float]:
    """Returns the microseconds of an item in each kind of worker."""
    (table,) = (table for table in tables(text) if table[0][0].startswith("1,000,000 items"))
    return {row[0]: float(row[1]) for row in table[1:]}


# -- What is plotted -----------------------------------------------------------------------------------------------


def plots(text: str) -> list[Plot]:
    times = medians(text)

    def bars(*rows: tuple[str, str, bool]) -> Sequence[Bar | str]:
        return sorted((Bar(label, times[subject], own) for label, subject, own in rows), key=lambda bar: bar.value)

    suite = _machine(text, "## Measured")
    loops = bars(
        ("Cascade, in a kernel", "seed countdown, VM path", True),
        ("Cascade, Jump to a state", "loop by Jump", True),
        ("Cascade, tail call", "countdown program", True),
        ("a trampoline by hand", "countdown by hand", False),
        ("asyncio, sleep(0) a step", "seed countdown, asyncio loop", False),
        ("pydantic-graph", "one-node loop, pydantic-graph", False),
        ("langgraph", "one-node loop, langgraph", False),
    )
    nodes = bars(
        ("bare calls in a loop", "chain 10,000, bare calls", False),
        ("Cascade, compiled before", "chain 10,000, program", True),
        ("pipefunc, ten nodes", "small chain, pipefunc", False),
        ("graphlib, ordering and calling", "chain 10,000, graphlib", False),
        ("Cascade, declared and run once", "chain 10,000, first run", True),
        ("dask, synchronous scheduler", "chain 10,000, dask", False),
    )
    workers = [
        Bar(name, value * 1e-6, "Blocks" in name or "Cascade" in name or "DaskExecutor" in name)
        for name, value in items(text).items()
    ]
    kernels: list[Bar | str] = []
    for kernel, faster in kernel_rows(text):
        kernels += [kernel, *(Bar(name, value, name == "cascade") for name, value in faster.items())]
    return [
        Plot("loops", "One step of a loop", suite, loops, "time"),
        Plot("nodes", "One node of a chain of 10,000", suite, nodes, "time"),
        Plot(
            "kernels", "Kernels: times faster than CPython", _machine(text, "numba's 0.0 are loops"), kernels, "times"
        ),
        Plot("workers", "One item of a million, in two workers", _machine(text, "## Beyond"), workers, "time"),
    ]


def _machine(text: str, heading: str) -> str:
    """Returns the date, the machine and the versions that stand below a heading."""
    below = text[text.index(heading) :]
    line = next(line for line in below.splitlines() if re.search(r"\d{4}-\d\d-\d\d", line))
    date = re.search(r"\d{4}-\d\d-\d\d", line)
    machine = re.search(r"(AMD|Intel) [\w ]+, 2 cores(, shared| that several other jobs shared)?", line)
    python = re.search(r"CPython [\d.]+\d", line)
    assert date and machine and python, line
    return f"Medians, logarithmic axis. {date[0]}, {machine[0]}, {python[0]}."


# -- Drawing -------------------------------------------------------------------------------------------------------

WIDTH, LEFT, RIGHT, ROW = 720, 300, 90, 22
STYLE = (
    ".plot{--ink:#1f2328;--soft:#656d76;--paper:#fff;--own:#0969da;--other:#8c959f;font:13px ui-sans-serif,system-ui,sans-serif}"
    "@media(prefers-color-scheme:dark){.plot{--ink:#e6edf3;--soft:#9198a1;--paper:#0d1117;--own:#58a6ff;--other:#6e7681}}"
    ".plot .paper{fill:var(--paper)}.plot text{fill:var(--ink)}.plot .note{fill:var(--soft);font-size:11px}"
    ".plot .title{font-size:15px;font-weight:600}.plot .own{fill:var(--own)}.plot .other{fill:var(--other)}"
)


def shown(value: float, unit: str) -> str:
    """Returns a value as people read it: "42 ns", "12 times"."""
    if unit != "time":
        return f"{value:.3g} {unit}"
    name = next(name for name, size in UNITS.items() if value < size * 999.5)
    return f"{value / UNITS[name]:.3g} {name}"


def drawn(plot: Plot) -> str:
    """Returns a plot as SVG, light or dark as the page is."""
    values = [bar.value for bar in plot.bars if isinstance(bar, Bar)]
    low = min(values) / 2 if plot.unit == "time" else 1.0
    scale = (WIDTH - LEFT - RIGHT) / math.log(max(values) / low)
    height = 44 + ROW * len(plot.bars) + 30
    described = "; ".join(f"{bar.label} {shown(bar.value, plot.unit)}" for bar in plot.bars if isinstance(bar, Bar))
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" class="plot" role="img" width="{WIDTH}" height="{height}" '
        f'viewBox="0 0 {WIDTH} {height}" aria-label="{html.escape(plot.title)}">',
        f"<title>{html.escape(plot.title)}</title><desc>{html.escape(described)}</desc><style>{STYLE}</style>",
        f'<rect class="paper" width="{WIDTH}" height="{height}" rx="6"/>',
        f'<text class="title" x="14" y="26">{html.escape(plot.title)}</text>',
    ]
    for number, bar in enumerate(plot.bars):
        lines += _row(bar, 44 + ROW * number, low, scale, plot.unit)
    lines += [f'<text class="note" x="14" y="{height - 12}">{html.escape(plot.note)}</text>', "</svg>"]
    return "\n".join(lines) + "\n"


def _row(bar: Bar | str, top: int, low: float, scale: float, unit: str) -> Sequence[str]:
    if isinstance(bar, str):
        return [f'<text x="14" y="{top + 15}" font-weight="600">{html.escape(bar)}</text>']
    width = max(2.0, scale * math.log(bar.value / low))
    return [
        f'<text x="{LEFT - 8}" y="{top + 15}" text-anchor="end">{html.escape(bar.label)}</text>',
        f'<rect class="{"own" if bar.own else "other"}" x="{LEFT}" y="{top + 3}" width="{width:.1f}" height="{ROW - 7}" rx="2"/>',
        f'<text x="{LEFT + width + 7:.1f}" y="{top + 15}">{shown(bar.value, unit)}</text>',
    ]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true")
    options = parser.parse_args()
    status = 0
    for plot in plots((ROOT / "perf" / "README.md").read_text()):
        path, text = PICTURES / f"{plot.name}.svg", drawn(plot)
        if not options.check:
            path.write_text(text)
        elif not path.exists() or path.read_text() != text:
            print(f"{path.relative_to(ROOT)} is not that of perf/README.md: run python perf/plots.py", file=sys.stderr)
            status = 1
    return status


if __name__ == "__main__":
    sys.exit(main())
