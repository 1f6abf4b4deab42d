"""`cascade bench`: a target beside plain Python."""

from __future__ import annotations

import importlib.util
import json
import re
import sys
from typing import Any

import pytest

import cascade as cs
from cascade.cli import main
from cascade.cli.bench import _in_units, _measures
from cascade.cli.plain import NoPlainFormError, PlainForm
from cascade.cli.targets import load_target
from cascade.graph.build import flatten

pytestmark = pytest.mark.once
FLOW = """
import itertools
import cascade as cs

@cs.task
def collatz(n: int, steps: int = 0):
    return steps if n == 1 else collatz.tail(n // 2 if n % 2 == 0 else 3 * n + 1, steps + 1)

numbers = itertools.count()

@cs.task
def different():
    return next(numbers)

@cs.task
def chosen(x: int):
    return cs.Router(x, {1: different()})
"""


@cs.task
def spread(first: int, /, second: int, *rest: int, third: int = 3, **more: int) -> list[object]:
    return [first, second, rest, third, more]


@cs.task
def even(n: int) -> Any:
    return odd.tail(n - 1) if n else True


@cs.task
def odd(n: int) -> Any:
    return even.tail(n - 1) if n else False


@cs.task
def down(n: int) -> Any:
    return cs.TailCall((n - 1,)) if n else "down"


@cs.task
def halved(n: int, /, by: int, steps: int = 0, *, start: str = "s") -> Any:
    if n == 0:
        return steps, by, start
    return cs.TailCall((n // by,), {"steps": steps + 1})


@cs.task
def kept(n: int, word: str) -> Any:
    return cs.TailCall(kwargs={"n": n - 1}) if n else word


@cs.task
def begins(n: int) -> Any:
    return kept.tail(n, "word")


@cs.task
def add(a: int, b: int = 1) -> int:
    return a + b


@cs.task
def graph(n: int) -> Any:
    return [add(n)]


@cs.task
async def later() -> int:
    return 1


TARGETS = [
    spread(1, 2, 4, 5, third=6, fourth=7),
    spread(1, add(1), third=add(5), other=add(6)),
    [even(5), even(10), down(3)],
    add.map([1, 2, 3]),
    add.map([1, 2], b=[10, add(1)]),
    down.map(range(3)),
    [halved(100, 2), halved(7, 2, start="t"), kept(3, word=add(1)), begins(2)],
    kept.map([1, 2], word=["a", "b"]),
    {"a": add(1) * 3, "b": (add(1), {add(2)})},
    add(add(1), add(2)).with_retry(3).with_timeout(5),
]


@pytest.mark.parametrize("target", TARGETS, ids=range(len(TARGETS)))
def test_a_plain_form_computes_what_the_run_does(path, target):
    plain = PlainForm(*flatten(target))
    value = path.run(target)
    assert plain.value == plain.function() == plain.function() == value
    assert type(plain.value) is type(value)


@pytest.mark.parametrize(
    ("target", "reason"),
    [
        (later(), "later is awaited"),
        (graph(1), "which only Cascade continues with"),
        (add(1).run_if(True), "conditions"),
        (cs.sequence([add(1), add(2)]), "comes after another call"),
        (add.map([1]).as_array(), "not a plain one"),
        (add.map([1], on_error="collect"), "not a plain one"),
        (cs.Router("a", {"a": add(1)}), "not a plain call"),
    ],
)
def test_what_has_no_plain_form_is_told(target, reason):
    with pytest.raises(NoPlainFormError, match=reason):
        PlainForm(*flatten(target))


@pytest.fixture
def flow(tmp_path, monkeypatch):
    (tmp_path / "cascade_bench_flow.py").write_text(FLOW)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    yield tmp_path
    sys.modules.pop("cascade_bench_flow", None)


def needs_pyperf() -> pytest.MarkDecorator:
    return pytest.mark.skipif(importlib.util.find_spec("pyperf") is None, reason="pyperf is not here")


@needs_pyperf()
def test_both_are_measured_by_pyperf(flow, monkeypatch, capsys):
    import cascade.cli.bench as bench

    short = ["--processes", "1", "--values", "2", "--warmups", "1", "--min-time", "0.001"]
    measure = bench._measure
    monkeypatch.setattr(bench, "_measure", lambda pyperf, of, text, given: measure(pyperf, of, text, [*given, *short]))
    assert main(["bench", "--output", "out.json", "cascade_bench_flow:collatz", "--n", "27"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split("  ")[0] for line in lines[:2]] == ["plain Python", "Cascade"]
    assert re.fullmatch(r"Cascade is \d+\.\d\d times as (fast|slow) as plain Python; the values are the same", lines[2])
    measured = json.loads((flow / "out.json").read_text())["benchmarks"]
    assert [each["metadata"]["name"] for each in measured] == ["plain Python", "Cascade"]


def test_a_target_without_a_plain_form_is_measured_alone(flow, capsys):
    measures, reason = _measures(load_target("cascade_bench_flow:chosen", "cascade bench"), ["--x", "1"])
    assert [*measures] == ["Cascade"]
    assert reason == "a task returns a Jump or a graph, which only Cascade continues with"
    assert isinstance(measures["Cascade"](), int)


def test_times_have_three_digits_in_a_unit_that_fits():
    shown = [_in_units(seconds) for seconds in (2.4e-8, 9.999e-7, 1.0649e-6, 0.0123, 0.6543, 12.3)]
    assert shown == ["24 ns", "1 us", "1.06 us", "12.3 ms", "654 ms", "12.3 s"]


@needs_pyperf()
def test_values_that_differ_are_an_error(flow, capsys):
    assert main(["bench", "cascade_bench_flow:different"]) == 1
    error = capsys.readouterr().err
    assert "the values differ; nothing was measured\n  plain Python: 1\n  Cascade: 2\n" in error


def test_without_pyperf_it_says_what_is_to_be_installed(flow, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "pyperf", None)
    assert main(["bench", "cascade_bench_flow:collatz", "--n", "27"]) == 1
    assert "pip install 'cascade-engine[bench]'" in capsys.readouterr().err
