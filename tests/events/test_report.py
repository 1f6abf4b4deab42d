"""Reports of runs: one small HTML file without scripts, whatever the run and its names were."""

from __future__ import annotations

import html.parser
import re
from pathlib import Path
from typing import Any

import pytest

import cascade as cs
from cascade.cli.commands import main
from cascade.observers.report import Report
from cascade.observers.report.collected import Collected, Durations
from cascade.observers.report.page import SIZE, page
from cascade.observers.target import TargetData
from tests.support.tasks import sum_to

pytestmark = pytest.mark.once
HOSTILE = [
    "<script>alert(1)</script>",
    "\"'><img src=x onerror=alert(2)>",
    "]]></style>",
    "a\x00\x1b[31m\nb",
    "n" * 5000,
    "\ud800",
    "${x}&amp;",
]
VOID = {"meta", "rect", "polygon", "line", "path", "polyline", "br"}


class Page(html.parser.HTMLParser):
    """Reads a page: its elements have to be closed in order."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: Any) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.append(data)

    def of(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]

    @property
    def text(self) -> str:
        return " ".join(self.texts)


@cs.task
def add(a: int, b: int = 1) -> int:
    return a + b


@cs.task
def fails(x: Any, name: str = "") -> int:
    raise ValueError(f"no <b>{x}</b>")


@cs.task
async def later(x: int) -> int:
    return x


@cs.task
def square(x: int) -> int:
    return x * x


@cs.task
def count(n: int) -> Any:
    return count.tail(n - 1) if n else 0


def reported(path: Any, folder: Path, target: Any, **options: Any) -> Page:
    file = folder / "run.html"
    try:
        path.run(target, report=file, **options)
    except ValueError:
        pass
    text = file.read_text()
    assert len(text.encode()) <= SIZE
    return Page(text)


def test_a_report_has_the_graph_the_timeline_and_a_table_of_tasks(path, tmp_path):
    shown = reported(path, tmp_path, add(add(1), later(2)))
    assert [title for title in ("Graph", "Timeline", "Tasks", "Kernels") if title in shown.texts] == [
        "Graph", "Timeline", "Tasks", "Kernels",
    ]  # fmt: skip
    assert "succeeded" in shown.texts
    classes = [attributes.get("class") for attributes in shown.of("g")]
    assert classes.count("node task done") == 2
    assert classes.count("node async done") == 1
    assert {"async", ""} <= {attributes.get("class") for attributes in shown.of("rect")}


def test_a_report_needs_no_script_and_no_network(path, tmp_path):
    shown = reported(path, tmp_path, add(add(1)))
    names = {name for name, _ in shown.elements}
    assert not names & {"script", "link", "img", "iframe", "object", "embed", "form"}
    policy = next(each["content"] for each in shown.of("meta") if "content" in each and "none" in str(each["content"]))
    assert policy is not None
    assert policy.startswith("default-src 'none'")
    for _, attributes in shown.elements:
        assert not any(name.startswith("on") for name in attributes)
        assert all(str(attributes.get(name, "#")).startswith("#") for name in ("href", "src"))


def test_a_report_can_be_read_by_keyboard_and_screen_reader(path, tmp_path):
    shown = reported(path, tmp_path, add(add(1)))
    assert shown.of("html")[0]["lang"] == "en"
    assert shown.of("main") and shown.of("nav")[0]["aria-label"] == "Sections"
    assert shown.of("a")[0] == {"class": "skip", "href": "#content"}
    identifiers = {attributes["id"] for _, attributes in shown.elements if "id" in attributes}
    for attributes in shown.of("a"):
        assert str(attributes["href"]).removeprefix("#") in identifiers
    for attributes in shown.of("section"):
        assert attributes["aria-labelledby"] in identifiers
    assert all(attributes.get("role") == "img" and attributes.get("aria-label") for attributes in shown.of("svg"))
    assert all(attributes.get("scope") in ("row", "col") for attributes in shown.of("th"))
    regions = [attributes for attributes in shown.of("div") if attributes.get("class") == "wide"]
    assert regions and all(attributes["tabindex"] == "0" and attributes["aria-label"] for attributes in regions)


def test_a_failure_has_its_traceback_and_the_call_that_reproduces_it(path, tmp_path):
    shown = reported(path, tmp_path, add(add(1), fails(3, "x")))
    assert "failed" in shown.texts
    assert "cs.run(fails(x=3, name='x'))" in shown.texts
    assert "ValueError('no <b>3</b>')" in shown.texts
    assert f'File "{__file__}"' in shown.text
    assert "node task failed" in [attributes.get("class") for attributes in shown.of("g")]


def test_loops_maps_retries_skips_and_caches_are_counted(path, tmp_path):
    calls: list[int] = []

    @cs.task(retry=2)
    def second(x: int) -> int:
        calls.append(x)
        if len(calls) < 2:
            raise ValueError("again")
        return x

    cache = cs.MemoryCache()
    cs.run(add(5).with_cache(cache))
    target = [
        square.map(range(1000)),
        second(1),
        add(5).with_cache(cache),
        add(7).run_if(False).with_retry(2),
        count(10),
    ]
    shown = reported(path, tmp_path, cs.task(lambda parts: 1)([*target[:3], target[4]]))
    facts = dict(zip(shown.texts, shown.texts[1:], strict=False))
    assert facts["Items of maps"] == "1,000"
    assert facts["Retries"] == "1"
    assert facts["From caches"] == "1"


def test_a_loop_that_takes_long_is_in_the_table_of_loops(tmp_path):
    run = Collected(cs.RunStarted(run_id="r", target="count", tasks=1, timestamp=0.0))
    started = cs.TaskExecutionStarted(run_id="r", task_id="count#0", task_name="count", timestamp=0.0)
    run.add(started)
    run.add(cs.LoopProgress(run_id="r", task_id="count#0", task_name="count", iteration=500, rate=1.0, timestamp=2.0))
    shown = Page(page(run, None))
    assert "Loops and maps" in shown.texts
    assert "250" in shown.texts


def test_own_time_divides_each_moment_among_the_calls_under_way():
    run = Collected(cs.RunStarted(run_id="r", target="t", tasks=2, timestamp=0.0))
    for moment, kind, name, more in (
        (0.0, cs.TaskExecutionStarted, "a", {}),
        (1.0, cs.TaskExecutionStarted, "b", {}),
        (3.0, cs.TaskExecutionFinished, "a", {"status": "Succeeded", "duration": 3.0}),
        (4.0, cs.TaskExecutionFinished, "b", {"status": "Succeeded", "duration": 3.0}),
    ):
        run.add(kind(run_id="r", task_id=f"{name}#0", task_name=name, timestamp=moment, **more))
    assert {name: task.own for name, task in run.tasks.items()} == {"a": 2.0, "b": 2.0}


def test_percentiles_are_exact_to_five_per_cent():
    durations = Durations()
    for number in range(1, 10_001):
        durations.add(number / 1000)
    assert durations.percentile(0.5) == pytest.approx(5.0, rel=0.06)
    assert durations.percentile(0.99) == pytest.approx(9.9, rel=0.06)
    assert durations.percentile(1.0) <= durations.longest == 10.0
    durations.add(0.0)
    assert durations.percentile(0.0) >= 0


@pytest.mark.parametrize("name", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_names_values_and_errors_are_text(path, tmp_path, name):
    task = cs.task(name=name)(lambda x: x)
    wrong = cs.task(name=name)(fails.func)
    for target in (task(name), wrong(name, name)):
        shown = reported(path, tmp_path, [target])
        assert not {"script", "img"} & {tag for tag, _ in shown.elements}
        assert "\x1b" not in shown.text


def test_a_report_of_a_million_events_is_small_and_so_is_its_memory():
    run = Collected(cs.RunStarted(run_id="r", target="t", tasks=1, timestamp=0.0))
    for number in range(60_000):
        event = cs.TaskExecutionFinished(
            run_id="r", task_id=f"{HOSTILE[number % 3]}{number % 5000}#{number}", task_name=f"{HOSTILE[number % 3]}{number % 5000}",
            status="Failed" if number % 3 else "Succeeded", error="e" * 100, duration=number / 1e6, timestamp=number / 1e3,
        )  # fmt: skip
        run.add(event)
    assert len(run.bars) <= 400
    assert len(run.states) <= 5000
    assert len(run.tasks) <= 2001
    assert len(run.failures) <= 20
    assert run.calls == 60_000
    text = page(run, None)
    assert len(text.encode()) <= SIZE
    Page(text)


def test_a_graph_of_many_nodes_is_drawn_by_task(path, tmp_path):
    total = cs.task(len, name="total")
    for count in (130, 3000):
        shown = reported(path, tmp_path, total([add(square(n)) for n in range(count)]))
        words = "all calls of a task are one node"
        assert any(words in text for text in shown.texts)
        kinds = [attributes.get("class") for attributes in shown.of("g")]
        assert kinds.count("node task done") == 3
        assert kinds.count("edge uses") == 2
        assert shown.texts.count(f"{count:,} calls") == 2


def test_failed_and_skipped_tasks_are_marked_in_the_picture_by_task(path, tmp_path):
    target = cs.task(len, name="total")([*(add(n) for n in range(200)), fails(1), square(1).run_if(False)])
    mapped = reported(path, tmp_path, cs.task(len, name="total")([*(add(n) for n in range(200)), square.map([1, 2])]))
    assert "square.map" in mapped.texts
    assert [attributes.get("class") for attributes in mapped.of("g")].count("node map done") == 1
    shown = reported(path, tmp_path, target)
    kinds = [attributes.get("class") for attributes in shown.of("g")]
    assert "node task failed" in kinds
    assert "node task done" in kinds or "node task abandoned" in kinds
    assert any(text.startswith("1 failed, ") for text in shown.texts)


def test_the_picture_by_task_has_a_limit_of_tasks(path, tmp_path):
    tasks = [cs.task(name=f"task {number}")(lambda x: x) for number in range(300)]
    value: Any = 1
    for task in tasks:
        value = task(value)
    shown = reported(path, tmp_path, value)
    assert len([1 for attributes in shown.of("g") if str(attributes.get("class")).startswith("node")]) == 81
    assert "other tasks" in shown.texts and "220 calls" in shown.texts


@cs.task(lower=True)
def sums(n: int) -> int:
    total = 0
    for i in range(n):
        total += len(f"{add}") * 0 + i
    return total


def test_kernels_stand_beside_their_source_with_their_call_outs(tmp_path):
    cs.run(add(sums(5000), sums(10)), report=tmp_path / "run.html")
    text = " ".join(Page((tmp_path / "run.html").read_text()).text.split())
    assert f"sums, {__file__}:" in text
    assert re.search(r"total \+= len\(f.\{add\}.\) \* 0 \+ i \d+ % of the time, 5,010 times: `[^`]+` is made", text)
    assert re.search(r"sums kernel 2 5,010 its function runs in a kernel", text)


def test_loops_and_tasks_have_the_share_of_their_time_in_kernels(tmp_path):
    collected: list[Collected] = []

    class Keeping(Report):
        def end(self, run: Collected, target: TargetData | None) -> None:
            collected.append(run)

    plain = cs.task(lambda x: x, name="plain", lower=False)
    cs.run([sum_to(3_000_000), plain(1)], observers=[Keeping(tmp_path / "run.html")])
    (run,) = collected
    found = run.tasks["sum_to"]
    assert 0.5 * found.durations.total < found.in_kernels <= found.durations.total
    assert run.tasks["plain"].in_kernels == 0


def test_a_map_has_the_number_of_its_items_and_a_loop_at_least_its_last_progress():
    run = Collected(cs.RunStarted(run_id="r", target="t", tasks=2, timestamp=0.0))
    for name, items in (("loop", None), ("map", 900)):
        of_node: Any = {"run_id": "r", "task_id": f"{name}#0", "task_name": name}
        run.add(cs.TaskExecutionStarted(items=items, timestamp=0.0, **of_node))
        run.add(cs.LoopProgress(iteration=500, rate=1.0, elapsed=1.0, timestamp=1.0, **of_node))
        run.add(cs.TaskExecutionFinished(status="Succeeded", duration=2.0, timestamp=2.0, **of_node))
    assert [(loop.steps, loop.seconds, loop.whole) for loop in run.loops.values()] == [
        ("≥ 500", 1.0, 2.0), ("900", 2.0, 2.0),
    ]  # fmt: skip
    shown = Page(page(run, None))
    assert {"≥ 500", "900"} <= set(shown.texts)


def test_memory_is_noted_if_asked_for(path, tmp_path):
    path.run(add(1), observers=[cs.report(tmp_path / "a.html", memory=True)])
    assert "Memory" in (tmp_path / "a.html").read_text()
    path.run(add(1), report=tmp_path / "b.html")
    assert "Memory" not in (tmp_path / "b.html").read_text()


def test_an_observer_reports_each_run_of_an_engine(path, tmp_path):
    engine = cs.Engine(observers=[cs.report(tmp_path / "run.html")])
    for target, name in ((add(1), "add"), (square(2), "square")):
        path.run_with(engine, target)
        assert f"<h1>Run of {name}</h1>" in (tmp_path / "run.html").read_text()


def test_the_command_line_makes_a_report_of_a_file_of_events(tmp_path, capsys):
    events = tmp_path / "events.jsonl"
    with events.open("w") as file:
        cs.run(add(add(1)), observers=[cs.console("json", file=file)])
    assert main(["report", str(events)]) == 0
    assert capsys.readouterr().out == f"{tmp_path / 'events.html'}\n"
    shown = Page((tmp_path / "events.html").read_text())
    assert "Run of add" in shown.texts
    assert "2" in shown.texts
    assert main(["report", str(events), "--output", str(tmp_path / "other.html")]) == 0
    assert (tmp_path / "other.html").exists()


def test_a_file_that_holds_no_events_is_refused_by_its_line(tmp_path, capsys):
    wrong = tmp_path / "wrong.jsonl"
    for text, message in (
        ('{"event": "RunStarted", "run_id": "a", "target": "t"}\nno\n', "line 2 is not an event: no"),
        ('{"event": "RunStarted"}\n', "line 1 is not an event"),
        ("[1]\n", "line 1 is not an event"),
        ("", "holds no run"),
        ('{"event": "Other", "x": 1}\n', "holds no run"),
    ):
        wrong.write_text(text)
        assert main(["report", str(wrong)]) == 1
        assert message in capsys.readouterr().err
    assert main(["report", str(tmp_path / "missing")]) == 1
    assert "cannot be read" in capsys.readouterr().err


def test_a_report_is_refused_without_a_path():
    with pytest.raises(cs.DeclarationError, match="the path of a file"):
        cs.report(5)  # type: ignore[arg-type]
    with pytest.raises(cs.DeclarationError, match=r"call it: observers=\[report\(\)\]"):
        cs.run(add(1), observers=[cs.report])
