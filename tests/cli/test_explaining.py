"""`cascade explain` beside the source and in colours, and `cascade run --profile`, `--report` and `--trace`."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import cascade as cs
from cascade.cli import main
from cascade.cli.explaining import text_of
from cascade.reports.beside_source import excerpts

pytestmark = pytest.mark.once
FLOW = '''
import cascade as cs

class Odd:
    def __format__(self, spec):
        return "odd"

ODD = Odd()

@cs.task
def calls_out(n: int):
    total = 0
    for i in range(n):
        if i % 4 == 0:
            total += len(f"{ODD}")
        total += i
    return total

@cs.task
def refused(n: int):
    exec("n = 1")
    for i in range(n):
        n += 1
    return n

@cs.task
def long(n: int):
    total = 0
''' + "    total += 1\n" * 50 + '''
    for i in range(n):
        total += len(f"{ODD}")
    return total

@cs.task
def add(a, b):
    return a + b

@cs.task
def step(n: int):
    return step.tail(n - 1) if n else 0

target = add(calls_out(4000), add(1, step(5)))
'''  # fmt: skip


@pytest.fixture(autouse=True)
def flow(tmp_path, monkeypatch):
    (tmp_path / "cascade_explained.py").write_text(FLOW)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    yield tmp_path
    sys.modules.pop("cascade_explained", None)


@pytest.fixture
def explained(capsys):
    def call(*arguments: str) -> str:
        assert main(["explain", *arguments]) == 0
        return capsys.readouterr().out

    return call


def test_call_outs_stand_below_their_lines_with_their_share_of_the_time(explained, flow):
    text = explained("--run", "cascade_explained:calls_out", "--n", "5000")
    lines = text.splitlines()
    assert f"    calls_out, {flow / 'cascade_explained.py'}:10" in lines
    at = lines.index('      15 |             total += len(f"{ODD}")'.replace("      15", "    15"))
    assert re.fullmatch(r"       \| +\^ .*\d+ % of the time, 1,250 times: `.*` is .* \(\w+\)", lines[at + 1])
    assert "line 15:" not in text
    assert "1,250 call-outs" in text


def test_diagnostics_stand_below_their_lines(explained):
    text = explained("cascade_explained:refused")
    assert "refused can have no kernel:\n" in text
    assert re.search(r"21 \| +exec\(.*\)\n +\| +\^ CS105 exec: exec\(\) looks", text)


def test_a_long_function_is_shown_around_its_notes_only(explained):
    text = explained("--run", "cascade_explained:long", "--n", "3000")
    numbers = [int(number) for number in re.findall(r"^ +(\d+) \|", text, flags=re.MULTILINE)]
    assert len(numbers) <= 6 and "\n    ...\n" in text
    assert '`f"{ODD}"`' in text or "ODD" in text


def test_where_there_is_no_source_the_places_are_listed():
    names: dict[str, object] = {}
    exec(compile(FLOW.replace("@cs.task", "@cs.task(lower=True)"), "<no file>", "exec"), names)
    task = names["calls_out"]
    cs.run(task(3000))  # type: ignore[operator]
    found = cs.explain(task)
    assert excerpts(found.tasks[0]) is None
    assert text_of(found, colours=False) == str(found)


def on_a_terminal(folder: Path, *arguments: str, **variables: str) -> str:
    reader, writer = os.openpty()
    environment = {name: value for name, value in os.environ.items() if name != "NO_COLOR"}
    environment |= {"PYTHONPATH": str(Path(cs.__file__).parent.parent), "TERM": "xterm", **variables}
    with subprocess.Popen(
        [sys.executable, "-m", "cascade", *arguments],
        stdout=writer,
        stderr=subprocess.PIPE,
        cwd=folder,
        env=environment,
    ) as process:
        os.close(writer)
        found = b""
        try:
            while data := os.read(reader, 4096):
                found += data
        except OSError:  # Linux: the other end is closed
            pass
        os.close(reader)
    assert process.returncode == 0
    return found.decode().replace("\r\n", "\n")


@pytest.mark.skipif(not hasattr(os, "openpty"), reason="there are no pseudo-terminals")
def test_colours_are_for_terminals_and_not_where_nobody_wants_them(flow, explained):
    command = ["explain", "cascade_explained:refused"]
    coloured = on_a_terminal(flow, *command)
    assert "\x1b[31m^ " in coloured and "\x1b[1mrefused\x1b[0m" in coloured
    plain = explained("cascade_explained:refused")
    assert "\x1b" not in plain
    assert re.sub(r"\x1b\[[\d;]*m", "", coloured) == plain
    assert on_a_terminal(flow, *command, NO_COLOR="1") == plain
    assert on_a_terminal(flow, *command, TERM="dumb") == plain


def test_a_profile_is_printed_on_the_error_output(capsys):
    assert main(["run", "--progress", "none", "--profile", "cascade_explained:target"]) == 0
    result = capsys.readouterr()
    assert result.out.strip().isdigit()
    lines = result.err.splitlines()
    assert re.fullmatch(r"profile of add: 4 calls in .+", lines[0])
    assert lines[1].replace("in kernels", "").split() == ["task", "calls", "own", "share", "total", "p50", "p99"]
    assert sorted(line.split()[0] for line in lines[2:]) == ["(no", "add", "calls_out", "step"]
    shares = [int(re.search(r"(\d+) %", line)[1]) for line in lines[2:]]
    assert lines[-1].startswith("  (no call)") and 97 <= sum(shares) <= 103, lines
    assert next(line.split()[1] for line in lines if line.split()[0] == "add") == "2"


def test_a_report_and_a_trace_are_written(flow, capsys):
    options = ["--progress", "none", "--report", "run.html", "--trace", "run.json"]
    assert main(["run", *options, "cascade_explained:target"]) == 0
    assert "<h1>Run of add</h1>" in (flow / "run.html").read_text()
    assert json.loads((flow / "run.json").read_text())["traceEvents"]
    script = cs.create_cli(cs.task(lambda: 1, name="one")())
    assert script.main(["--report", "one.html", "--progress", "none"]) == 0
    assert "<h1>Run of one</h1>" in (flow / "one.html").read_text()
