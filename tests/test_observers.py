"""What shows how runs go: the live display, the log, JSON lines; and handlers that misbehave."""

from __future__ import annotations

import asyncio
import importlib.util
import io
import json
import logging
import os
import re
import sys
import threading
from typing import Any

import pytest

import cascade as cs
from cascade.errors import DeclarationError, MissingExtraError
from cascade.observers.state import States, count, duration
from cascade.runtime import Engine, MessageBus
from cascade.runtime.events import Event, RunFinished, RunStarted, TaskExecutionFinished, TaskExecutionStarted
from tests.tasks import add, fail, fail_later, identity, increment, later, one, total


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@cs.task
def spin(n: int) -> Any:
    return cs.TailCall((n + 1,))


@cs.resource
def database() -> Any:
    yield 1


def plain(text: str) -> list[str]:
    """Lines without what differs from run to run."""
    text = re.sub(r"^\d\d:\d\d:\d\d\.\d{3} \[[0-9a-f]{6}\] ", "", text, flags=re.M)
    return re.sub(r"\d+\.\d+ (ms|s)\b", "T", text).splitlines()


def test_the_log_tells_of_runs_and_failures(path):
    out = io.StringIO()
    engine = Engine(observers=[cs.console("log", file=out)])
    assert path.run_with(engine, increment(one())) == 2
    with pytest.raises(ValueError):
        path.run_with(engine, identity([one(), fail("two\nlines")]))
    assert plain(out.getvalue()) == [
        "run of increment started, 2 tasks",
        "run succeeded: 2 tasks in T",
        "run of identity started, 3 tasks",
        "fail#1 FAILED after T: ValueError('two\\nlines')",
        "run FAILED: 1 task, 1 failed in T: ValueError('two\\nlines')",
    ]


def test_a_verbose_log_tells_everything(path):
    out = io.StringIO()
    path.run(identity([cs.inject(database), one()]), observers=[cs.console("log", file=out, verbose=True)])
    assert plain(out.getvalue()) == [
        "run of identity started, 2 tasks",
        "ResourceAcquired(resource_name='database')",
        "one#1 started",
        "one#1 = 1 in T",
        "identity#3 started",
        "identity#3 = [1, 1] in T",
        "ResourceReleased(resource_name='database', error=None)",
        "run succeeded: 2 tasks in T",
    ]


def test_the_log_tells_of_progress_now_and_then(path):
    out = io.StringIO()
    engine = Engine(observers=[cs.console("log", file=out, interval=0.001)])
    with pytest.raises(TimeoutError):
        path.run_with(engine, [later(1, 0.005), spin(0)], timeout=0.5)
    lines = plain(out.getvalue())
    assert any(re.fullmatch(r"\d of 2 tasks done; running: .*spin#1; spin#1 in iteration [\d,]+, [\d,]+ a second", line) for line in lines)
    slow = io.StringIO()
    path.run([later(i, 0.001) for i in range(50)], observers=[cs.console("log", file=slow, interval=100)])
    assert len(plain(slow.getvalue())) == 2


def test_json_lines_hold_every_event(path):
    out = io.StringIO()
    heard: list[Event] = []
    infinite = cs.task(name='a "name"')(lambda: float("inf"))
    path.run([infinite(), one()], observers=[cs.console("json", file=out), heard.append])
    lines = [json.loads(line, parse_constant=lambda text: pytest.fail(text)) for line in out.getvalue().splitlines()]
    assert [line["event"] for line in lines] == [type(event).__name__ for event in heard]
    assert lines[0]["tasks"] == 2
    assert lines[1]["task_name"] == 'a "name"'
    assert {line["run_id"] for line in lines} == {heard[0].run_id}


def test_the_number_of_tasks_is_told(path):
    heard: list[Event] = []
    path.run(identity([increment(1), {one(), cs.inject(database)}]), observers=[heard.append])
    assert isinstance(heard[0], RunStarted) and heard[0].tasks == 3


@pytest.mark.parametrize("format", ["log", "json"])
def test_nobody_reads_any_more(path, format, caplog):
    read, write = os.pipe()
    file = open(write, "w")
    observer = cs.console(format, file=file)
    os.close(read)
    with caplog.at_level(logging.WARNING, logger="cascade"):
        for _ in range(3):
            assert path.run(increment(one()), observers=[observer]) == 2
    assert [record.getMessage() for record in caplog.records] == [
        f"events are no longer written to {file.name}: [Errno 32] Broken pipe"
    ]
    try:
        file.close()
    except OSError:
        pass
    closed = io.StringIO()
    observer = cs.console(format, file=closed)
    closed.close()
    assert path.run(one(), observers=[observer]) == 1


def test_a_log_in_ascii_tells_other_letters_as_codes(path):
    raw = io.BytesIO()
    file = io.TextIOWrapper(raw, encoding="ascii")
    path.run(cs.task(name="größe\x1b[2J")(lambda: "ü")(), observers=[cs.console("log", file=file, verbose=True)])
    assert b"gr\\xf6\\xdfe\\x1b[2J#0 started" in raw.getvalue()


@pytest.mark.skipif(importlib.util.find_spec("rich") is None, reason="rich is not here")
class TestLive:
    @pytest.fixture(autouse=True)
    def terminal(self, monkeypatch):
        monkeypatch.setenv("TERM", "xterm")
        monkeypatch.setenv("COLUMNS", "100")

    def test_runs_leave_a_line(self, path):
        out = Terminal()
        engine = Engine(observers=[cs.console(file=out)])
        assert path.run_with(engine, total([later(i, 0.08 * i) for i in range(5)])) == 10
        with pytest.raises(ValueError):
            path.run_with(engine, [later(1, 30), fail_later("[bold]x[/bold]", 0.05)])
        text = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", out.getvalue())
        assert "✓ total: 6 tasks in" in text
        assert "✗ fail_later#1: ValueError('[bold]x[/bold]')" in text
        assert "✗ list: 0 tasks, 2 failed in" in text
        assert "/6 tasks" in text
        assert threading.active_count() == 1 or all("refresh" not in t.name.lower() for t in threading.enumerate())

    def test_maps_and_loops_have_bars(self, path):
        out = Terminal()
        engine = Engine(observers=[cs.console(file=out)])
        target = [*(later(i, 0.2 + 0.05 * i) for i in range(3)), spin(0)]
        with pytest.raises(TimeoutError):
            path.run_with(engine, target, timeout=0.7)
        text = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", out.getvalue())
        assert re.search(r"spin#3 .*iteration [\d,]+, [\d,]+/s", text)
        assert re.search(r"later .* \d/3", text)

    def test_many_runs_at_once_and_threads(self, path):
        out = Terminal()
        engine = Engine(observers=[cs.console(file=out)])

        def work() -> None:
            async def main() -> None:
                await asyncio.gather(*(engine.run(increment(later(i, 0.001 * i)), use_vm=path.use_vm) for i in range(10)))

            asyncio.run(main())

        threads = [threading.Thread(target=work) for _ in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
            assert not thread.is_alive()
        assert out.getvalue().count("✓ increment: 2 tasks") == 60

    def test_what_tasks_print_to_a_file_goes_there(self, path, capsys, monkeypatch):
        out = Terminal()
        path.run(cs.task(lambda: print("to the file"))(), observers=[cs.console("live", file=out)])
        assert capsys.readouterr().out == "to the file\n"

    def test_auto_takes_it_on_a_terminal_only(self):
        from cascade.observers.lines import Log
        from cascade.observers.live import Live

        assert isinstance(cs.console(file=Terminal()), Live)
        assert isinstance(cs.console(file=io.StringIO()), Log)


def test_without_rich(monkeypatch):
    from cascade.observers.lines import Log

    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    assert isinstance(cs.console(file=Terminal()), Log)
    with pytest.raises(MissingExtraError, match=r"needs the package 'rich'.*\n.*cascade-engine\[console\]") as raised:
        cs.console("live")
    assert isinstance(raised.value, ImportError) and raised.value.package == "rich"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"format": "lgo"}, "did you mean 'log'"),
        ({"file": 5}, "a text file"),
        ({"interval": 0}, "positive number"),
    ],
)
def test_wrong_options_are_refused(options, message):
    with pytest.raises(DeclarationError, match=message):
        cs.console(**options)


def test_observing_loads_rich_only_when_it_is_used():
    import subprocess

    code = "import sys, cascade as cs; cs.console('log'); cs.console('json'); print([m for m in sys.modules if m.startswith('rich')])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


def test_lengths_of_time_and_counts():
    assert [duration(s) for s in (0, 0.0123, 0.0999, 3.14, 99.4, 99.6, 3600, 7384)] == [
        "0.0 ms", "12.3 ms", "0.1 s", "3.1 s", "99.4 s", "1:40", "1:00:00", "2:03:04",
    ]  # fmt: skip
    assert [count(1, "task"), count(2000, "task")] == ["1 task", "2,000 tasks"]


def test_what_is_kept_does_not_grow_with_the_run():
    states = States()
    states.hear(RunStarted(run_id="r", target="t", tasks=1))
    for number in range(1000):
        states.hear(TaskExecutionStarted(run_id="r", task_id=f"a#{number}", task_name="a"))
        states.hear(TaskExecutionFinished(run_id="r", task_id=f"a#{number}", task_name="a", status="Succeeded", duration=0.0))
    run = states.runs["r"]
    assert (run.done, run.total, len(run.running), len(run.groups)) == (1000, 1000, 0, 1)
    assert states.hear(TaskExecutionStarted(run_id="other", task_id="a#1", task_name="a")) is None
    states.hear(RunFinished(run_id="r", status="Succeeded", duration=1.0))
    assert states.runs == {}


# -- The bus ------------------------------------------------------------------------------------------------------------


def test_each_broken_handler_is_reported_once(path, caplog):
    bus = MessageBus()

    class Broken:
        def __eq__(self, other: object) -> bool:
            raise RuntimeError("cannot be compared")

        __hash__ = None  # type: ignore[assignment]

        def __call__(self, event: Event) -> None:
            raise LookupError(type(event).__name__)

    for _ in range(2):
        bus.subscribe(Event, Broken())
    with caplog.at_level(logging.ERROR, logger="cascade"):
        for _ in range(3):
            assert path.run_with(Engine(bus=bus), increment(one())) == 2
    assert len(caplog.records) == 2
    assert "of Event raised at a RunStarted" in caplog.records[0].getMessage()


def test_a_log_that_raises_breaks_no_run(path, monkeypatch):
    monkeypatch.setattr(logging.getLogger("cascade"), "exception", lambda *args: 1 / 0)
    assert path.run(one(), observers=[lambda event: 1 / 0]) == 1


@pytest.mark.parametrize(
    ("event_type", "handler", "message"),
    [
        (int, print, "a class of events"),
        ("Event", print, "a class of events"),
        (Event, 5, "cannot be called"),
        (Event, later.func, "is a coroutine function"),
    ],
)
def test_wrong_subscriptions_are_refused(event_type, handler, message):
    with pytest.raises(DeclarationError, match=message):
        MessageBus().subscribe(event_type, handler)
    if event_type is Event:
        with pytest.raises(DeclarationError, match=message):
            Engine(observers=[handler])


def test_subscribing_from_many_threads_loses_nothing():
    bus = MessageBus()
    heard: list[Event] = []
    ends: list[Any] = []

    def work() -> None:
        for _ in range(200):
            ends.append(bus.subscribe(Event, heard.append))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    bus.publish(RunStarted(run_id="r", target="t"))
    assert len(heard) == 800
    for end in ends:
        end()
    assert not bus.has_subscribers
