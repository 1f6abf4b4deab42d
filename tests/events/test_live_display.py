"""The live display."""

from __future__ import annotations

import asyncio
import importlib.util
import io
import re
import threading
from typing import Any

import pytest

import cascade as cs
from cascade.observers.state import States
from cascade.runtime import Engine
from cascade.runtime.events import (
    LoopProgress,
    RunStarted,
    TaskBlocked,
    TaskRetrying,
    TaskSkipped,
)
from tests.support.growing import growing
from tests.support.observers import Feed, Terminal, spin
from tests.support.tasks import fail_later, increment, later, total


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
        assert "✗ list: 0 tasks, 1 failed, 1 abandoned in" in text
        assert "/6 tasks" in text
        assert threading.active_count() == 1 or all("refresh" not in t.name.lower() for t in threading.enumerate())

    def test_maps_and_loops_have_bars(self, path):
        for seconds in growing(0.7):
            out = Terminal()
            engine = Engine(observers=[cs.console(file=out)])
            target = [*(later(i, 0.2 + 0.05 * i) for i in range(3)), spin(0)]
            with pytest.raises(TimeoutError):
                path.run_with(engine, target, timeout=seconds)
            text = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", out.getvalue())
            if re.search(r"spin#3 .*iteration [\d,]+ .* [\d,]+ a second", text) and re.search(r"later .* \d/3", text):
                break

    def rows_of(self, feed: Any, width: int = 100, now: float = 1010.0) -> list[str]:
        from rich.console import Console

        from cascade.observers.live import table_of

        states = States()
        feed(Feed(states.update))
        out = io.StringIO()
        Console(file=out, width=width, color_system=None, force_terminal=True).print(
            table_of(states.runs["r"], now, "*")
        )
        return [line.rstrip() for line in out.getvalue().splitlines()]

    def test_what_is_shown_of_all_kinds_of_events(self):
        def feed(feed: Feed) -> None:
            feed(RunStarted, target="re[b]port", tasks=10)
            feed.start("loop#3")
            feed(LoopProgress, "loop#3", at=5.0, iteration=1_234, rate=41.23)
            feed.start("fetch#0", items=100_000)
            feed(TaskRetrying, "fetch#0[5]", at=6.0, attempt=1, max_attempts=3, delay=1.5, error="OSError()")
            feed(TaskSkipped, "fetch#0[7]", reason="CacheHit")
            feed(LoopProgress, "fetch#0", at=9.0, iteration=40_000, rate=1.0)
            feed.start("flaky#1")
            feed(TaskRetrying, "flaky#1", attempt=1, max_attempts=3, delay=1.5, error="OSError('[bold]')")
            feed(TaskBlocked, "wait#2", reason="waits for gpu=1")
            for number in range(20, 24):
                feed.start(f"many#{number}", at=9.5)
            feed.end("many#22")
            feed(TaskBlocked, "many#24", reason="waits for gpu=1")
            feed(TaskSkipped, "old#4", reason="UpstreamSkipped_Data")

        assert self.rows_of(feed, 120) == [
            "* re[b]port ━━━━                 2/10 tasks           10.0 s 1 skipped (1 input skipped), 1 from the cache, 2 retries",
            "  loop#3    ━━━━━━━━━━━━━━━━━━━━ iteration 1,234      10.0 s 41 a second",
            "  fetch#0   ━━━━━━━━             40,000/100,000 items 5.0 s  10,000 a second, 6 s left, 1 from the cache, 1 retry",
            "  flaky#1                                             1.0 s  attempt 2 of 3, after OSError('[bold]')",
            "  wait#2                                              1.0 s  waits for gpu=1",
            "  many      ━━━━                 1/5                  0.5 s  1 waiting for resources",
        ]

    def test_a_row_is_one_line(self):
        def feed(feed: Feed) -> None:
            feed(RunStarted, target="n" * 200, tasks=10)
            feed.start("a\n" * 100 + "#1")
            feed.start("flaky#1")
            feed(TaskRetrying, "flaky#1", attempt=1, max_attempts=3, delay=1.5, error="x" * 120)
            for number in range(50):
                feed.start(f"node{number}#{number}")
                feed.start(f"map{number}#{number}", items=0)

        for width in (40, 80, 300):
            rows = self.rows_of(feed, width)
            assert len(rows) == 10
            assert all(len(row) <= width for row in rows)
            assert rows[-1].strip() == "and 94 more"

    def test_many_runs_at_once_and_threads(self, path):
        out = Terminal()
        engine = Engine(observers=[cs.console(file=out)])

        def work() -> None:
            async def main() -> None:
                await asyncio.gather(
                    *(engine.run(increment(later(i, 0.001 * i)), use_vm=path.use_vm) for i in range(10))
                )

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
