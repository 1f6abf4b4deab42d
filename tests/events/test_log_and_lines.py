"""The log and JSON lines, and outputs that nobody reads any more."""

from __future__ import annotations

import dataclasses
import gc
import importlib.util
import io
import json
import logging
import os
import re
import sys
from typing import Any

import pytest

import cascade as cs
from cascade.errors import DeclarationError, DependencyMissingError, MissingExtraError
from cascade.events import types as events
from cascade.graph.description import counted
from cascade.observers.lines import Log
from cascade.observers.state import States, clock, duration
from cascade.runtime import Engine
from cascade.runtime.events import (
    Event,
    LoopProgress,
    ResourceReleased,
    RunFinished,
    RunStarted,
    TaskBlocked,
    TaskEvent,
    TaskRetrying,
    TaskSkipped,
)
from tests.support.all_events import database, everything
from tests.support.growing import growing
from tests.support.observers import Feed, Terminal, spin
from tests.support.tasks import fail, fail_later, identity, increment, later, one


def plain(text: str) -> list[str]:
    """Lines without what differs from run to run."""
    text = re.sub(r"^\d\d:\d\d:\d\d\.\d{3} \[[0-9a-f]{6}\] ", "", text, flags=re.MULTILINE)
    text = re.sub(r"\([\d,.]+ a second\)", "(R a second)", text)
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
        "resource database acquired",
        "one#1 started",
        "one#1 = 1 in T",
        "identity#3 started",
        "identity#3 = [1, 1] in T",
        "resource database released",
        "run succeeded: 2 tasks in T",
    ]


def test_the_log_tells_of_progress_now_and_then(path):
    progress = re.compile(r"\d of 2 tasks done; spin#1 in iteration [\d,]+, [\d,]+ a second(; running: .*)?")
    for seconds in growing(0.5):
        out = io.StringIO()
        engine = Engine(observers=[cs.console("log", file=out, interval=0.001)])
        with pytest.raises(TimeoutError):
            path.run_with(engine, [later(1, 0.005), spin(0)], timeout=seconds)
        if any(progress.fullmatch(line) for line in plain(out.getvalue())):
            break
    slow = io.StringIO()
    path.run([later(i, 0.001) for i in range(50)], observers=[cs.console("log", file=slow, interval=100)])
    assert len(plain(slow.getvalue())) == 2


def log_of(feed: Any, **options: Any) -> list[str]:
    """The lines of a log of the events that `feed` makes."""
    out = io.StringIO()
    feed(Feed(Log(out, **options)))
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f]", out.getvalue())
    return [line.partition("[r] ")[2] for line in out.getvalue().splitlines()]


def a_run_of_all_kinds(feed: Feed) -> None:
    feed(RunStarted, target="report", tasks=6)
    feed.start("fetch#0", items=100_000)
    feed(TaskRetrying, "fetch#0[5]", at=0.5, attempt=1, max_attempts=3, delay=1.5, error="OSError('no\\n')")
    feed(TaskSkipped, "fetch#0[7]", reason="CacheHit")
    feed(LoopProgress, "fetch#0", at=2.0, iteration=20_000, rate=1.0)
    feed(TaskBlocked, "train#1", reason="waits for gpu=1")
    feed.start("load#2")
    feed.start("loop#3")
    feed(LoopProgress, "loop#3", at=5.0, iteration=1_234, rate=41.23)
    feed(TaskSkipped, "old#4", reason="ConditionFalse")
    feed.start("train#1", at=6.0)
    feed(TaskSkipped, "Router#9/b/plan#0", reason="Pruned")
    feed(LoopProgress, "fetch#0", at=8.0, iteration=95_000, rate=1.0)
    feed.end("fetch#0")
    feed.end("train#1", "ValueError('bad\\x1b[2J')", at=9.0)
    feed.end("loop#3", "ValueError('bad')", abandoned=True)
    feed(ResourceReleased, resource_name="database", error="OSError()")
    feed(RunFinished, status="Failed", duration=9.0, error="ValueError('bad')")


def test_what_the_log_tells_of_all_kinds_of_events():
    assert log_of(a_run_of_all_kinds) == [
        "run of report started, 6 tasks",
        "fetch#0[5]: attempt 1 of 3 failed, again in 1.5 s: OSError('no\\n')",
        "0 of 6 tasks done; fetch#0: 20,000 of 100,000 items, 10,000 a second, 8 s left; 1 from the cache, 1 retry",
        "0 of 6 tasks done; fetch#0: 20,000 of 100,000 items, 10,000 a second, 8 s left; loop#3 in iteration 1,234, 41 a second; "
        "running: load#2; waiting for resources: 1; 1 from the cache, 1 retry",
        "old#4 skipped: condition false",
        "1 of 6 tasks done; fetch#0: 20,000 of 100,000 items, 3,333 a second, 24 s left; loop#3 in iteration 1,234, 41 a second; "
        "running: train#1, load#2; 1 skipped (1 condition false), 1 from the cache, 1 retry",
        "Router#9/b/plan#0 skipped: route not chosen",
        "1 of 6 tasks done; fetch#0: 95,000 of 100,000 items, 12,500 a second; loop#3 in iteration 1,234, 41 a second; "
        "running: train#1, load#2; 1 skipped (1 condition false), 1 on routes not taken, 1 from the cache, 1 retry",
        "fetch#0: 100,000 items in 2.0 s (50,000 a second), 1 from the cache, 1 retry",
        "train#1 FAILED after 2.0 s: ValueError('bad\\x1b[2J')",
        "resource database released, its tear-down FAILED: OSError()",
        "run FAILED: 1 task, 100,000 items, 1 failed, 1 abandoned, 1 skipped (1 condition false), 1 on routes not taken, "
        "1 from the cache, 1 retry in 9.0 s: ValueError('bad')",
    ]


def test_what_a_verbose_log_tells_of_all_kinds_of_events():
    assert log_of(a_run_of_all_kinds, verbose=True) == [
        "run of report started, 6 tasks",
        "fetch#0 started, 100,000 items",
        "fetch#0[5]: attempt 1 of 3 failed, again in 1.5 s: OSError('no\\n')",
        "fetch#0[7] skipped: in the cache",
        "fetch#0 after item 20,000, 1.0 a second",
        "train#1 waits for gpu=1",
        "load#2 started",
        "loop#3 started",
        "loop#3 in iteration 1,234, 41 a second",
        "old#4 skipped: condition false",
        "train#1 started",
        "Router#9/b/plan#0 skipped: route not chosen",
        "fetch#0 after item 95,000, 1.0 a second",
        "fetch#0: 100,000 items in 2.0 s (50,000 a second), 1 from the cache, 1 retry",
        "train#1 FAILED after 2.0 s: ValueError('bad\\x1b[2J')",
        "loop#3 abandoned after 2.0 s: ValueError('bad')",
        "resource database released, its tear-down FAILED: OSError()",
        "run FAILED: 1 task, 100,000 items, 1 failed, 1 abandoned, 1 skipped (1 condition false), 1 on routes not taken, "
        "1 from the cache, 1 retry in 9.0 s: ValueError('bad')",
    ]


def test_a_log_of_many_events_is_short():
    def feed_an_hour(feed: Feed) -> None:
        feed(RunStarted, target="t", tasks=100_001)
        for number in range(36_000):
            feed(TaskRetrying, f"a#{number}", at=number / 10, attempt=1, max_attempts=2, delay=0.0, error="E()")
            feed(TaskSkipped, f"b#{number}", reason="ConditionFalse")
            feed(TaskSkipped, f"c#{number}", reason="CacheHit")
        feed.start("d#1")
        feed.end("d#1", "E()")
        feed(RunFinished, status="Failed", duration=3600.0, error="E()")

    lines = log_of(feed_an_hour)
    assert lines[-2] == "d#1 FAILED after 2.0 s: E()"
    assert (
        lines[-1]
        == "run FAILED: 0 tasks, 1 failed, 36,000 skipped (36,000 condition false), 36,000 from the cache, 36,000 retries in 1:00:00: E()"
    )
    progress = [line for line in lines if "tasks done" in line]
    # One a second at first, and each a twentieth later than the one before from the twentieth second on.
    assert 90 < len(progress) < 150
    assert len(lines) <= 3 + 3 * (3 * len(progress) + 3) + len(progress)
    assert len(log_of(feed_an_hour, interval=600)) < 80


def test_a_map_of_many_items_is_told_in_three_lines(path):
    out = io.StringIO()
    log = cs.console("log", file=out, interval=100)
    for target in (
        increment.map(range(20_000)),
        increment.map(range(1_000)).with_retry(2),
        later.map(range(1_000)).with_concurrency(10),
    ):
        out.truncate(0)
        out.seek(0)
        path.run(target, observers=[log])
        name, number = target.task.name, len(target.slots[0])
        assert plain(out.getvalue()) == [
            f"run of {name} started, 1 task",
            f"{name}#0: {number:,} items in T (R a second)",
            f"run succeeded: 1 task, {number:,} items in T",
        ]


def test_the_item_that_a_map_fails_with_is_told(path):
    for target in (fail.map(["x"]), fail.map(["x"]).with_retry(1), fail_later.map(["x"] * 3)):
        out, name = io.StringIO(), target.task.name
        with pytest.raises(ValueError):
            path.run(target, observers=[cs.console("log", file=out)])
        assert plain(out.getvalue())[1:] == [
            f"{name}#0[0] FAILED after T: ValueError('x')", "run FAILED: 0 tasks, 1 failed in T: ValueError('x')",
        ]  # fmt: skip


def test_what_was_under_way_when_a_run_failed_is_only_counted(path):
    out = io.StringIO()
    with pytest.raises(ValueError):
        path.run([*(later(i, 30) for i in range(100)), fail_later("x", 0.01)], observers=[cs.console("log", file=out)])
    assert plain(out.getvalue())[1:] == [
        "fail_later#100 FAILED after T: ValueError('x')", "run FAILED: 0 tasks, 1 failed, 100 abandoned in T: ValueError('x')",
    ]  # fmt: skip


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


@dataclasses.dataclass(frozen=True, kw_only=True)
class Own(TaskEvent):
    """An event of somebody's own."""

    what: Any


@pytest.mark.usefixtures("one_slice")
def test_json_lines_lose_nothing(path):
    out = io.StringIO()
    heard: list[Event] = []
    engine = Engine(observers=[cs.console("json", file=out), heard.append], system_resources={"gpu": 1})
    cache = cs.MemoryCache()
    for _ in range(2):
        with pytest.raises(DependencyMissingError):
            path.run_with(engine, everything(cache))
    with pytest.raises(ValueError):
        path.run_with(engine, [later(1, 30), fail_later.map(["ü\ud800 \n"])])
    assert {type(event) for event in heard} - {LoopProgress} == set(events.EVENTS) - {
        LoopProgress,
        *events.SAVED_RUN_EVENTS,
    }
    lines = [json.loads(line, parse_constant=lambda text: pytest.fail(text)) for line in out.getvalue().splitlines()]
    assert [getattr(events, line.pop("event"))(**line) for line in lines] == heard


def test_json_lines_of_other_values():
    out = io.StringIO()
    values = [float("inf"), -float("inf"), float("nan"), [1, (2.5, None)], {"a": {"b": True}}, {1: 2}, {3}]
    for value in values:
        cs.console("json", file=out)(Own(run_id="r", task_id="a#0", task_name="a", what=value))
    lines = [json.loads(line, parse_constant=lambda text: pytest.fail(text)) for line in out.getvalue().splitlines()]
    assert [line["what"] for line in lines] == [
        "Infinity",
        "-Infinity",
        "NaN",
        [1, [2.5, None]],
        {"a": {"b": True}},
        "{1: 2}",
        "{3}",
    ]
    assert {line["event"] for line in lines} == {"Own"}


def test_the_log_tells_of_events_of_ones_own():
    def feed(feed: Feed) -> None:
        feed(Own, "a#0", what="x\n")

    assert log_of(feed) == ["a#0 Own(what='x\\n')"]


def test_the_number_of_tasks_is_told(path):
    heard: list[Event] = []
    route = cs.Router(one(), {1: increment(1), 2: one()})
    path.run(identity([increment(1), {one(), cs.inject(database)}, route]), observers=[heard.append])
    assert isinstance(heard[0], RunStarted) and heard[0].tasks == 4


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
    assert [clock(s) for s in (0, 0.6, 99, 100, 7384)] == ["0 s", "1 s", "99 s", "1:40", "2:03:04"]
    assert [duration(s) for s in (0, 0.0123, 0.0999, 3.14, 99.4, 99.6, 3600, 7384)] == [
        "0.0 ms", "12.3 ms", "0.1 s", "3.1 s", "99.4 s", "1:40", "1:00:00", "2:03:04",
    ]  # fmt: skip
    assert [counted(1, "task"), counted(2000, "task")] == ["1 task", "2,000 tasks"]


def size_of(value: Any) -> int:
    """How many objects can be reached."""
    seen: set[int] = set()
    stack = [value]
    while stack:
        item = stack.pop()
        if id(item) not in seen and not isinstance(item, type):
            seen.add(id(item))
            stack.extend(gc.get_referents(item))
    return len(seen)


@pytest.mark.parametrize("make", [States, lambda: Log(io.StringIO())], ids=["state", "log"])
def test_what_is_kept_does_not_grow_with_the_run(make):
    observer = make()
    feed = Feed(observer.update if isinstance(observer, States) else observer)
    feed(RunStarted, target="t", tasks=1)
    sizes = []
    for number in range(3000):
        name = f"n{number}#{number // 2}.{number}"
        feed(TaskBlocked, name, reason="waits for gpu=1")
        feed.start(name, items=2 if number % 2 else None)
        feed(LoopProgress, name, iteration=1, rate=1.0)
        feed(TaskRetrying, name, attempt=1, max_attempts=2, delay=0.0, error="E()")
        feed(events.ItemStarted, f"{name}[1]")
        feed(events.ItemFinished, f"{name}[1]", status="Succeeded", duration=0.0)
        feed(TaskRetrying, f"{name}[0]", attempt=1, max_attempts=2, delay=0.0, error="E()")
        feed(TaskSkipped, f"{name}[0]", reason="CacheHit")
        feed(TaskBlocked, f"{name}[0]", reason="waits for gpu=1")
        feed.end(name)
        feed(TaskSkipped, f"s{number}#{number}.1", reason="ConditionFalse")
        feed(TaskSkipped, f"Router#{number}/a/b#0", reason="Pruned")
        if isinstance(observer, Log):
            observer._file.truncate(0)
        if number % 1000 == 999:
            sizes.append(size_of(observer))
    assert max(sizes) - min(sizes) < 50
    states = observer if isinstance(observer, States) else observer._states
    run = states.runs["r"]
    assert (run.done, run.finished, run.total, run.items, run.retries) == (6000, 3000, 6001, 3000, 6000)
    assert not run.groups and not run.maps_and_loops
    feed(RunFinished, status="Succeeded", duration=1.0)
    assert states.runs == {}
    empty = make()
    assert size_of(observer) - size_of(empty) < 20


def test_events_of_a_run_whose_start_was_not_heard_are_left_alone():
    states = States()
    for kind in events.EVENTS:
        if kind is not RunStarted:
            names = {
                field.name
                for field in dataclasses.fields(kind)
                if field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING
            }
            assert states.update(kind(**dict.fromkeys(names, "x"))) == (None, None)
    assert states.runs == {}
