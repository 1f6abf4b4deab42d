"""The examples."""

from __future__ import annotations

import csv
import importlib.util
import json
import math
import os
import re
import subprocess
import sys
import time
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

import cascade as cs

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "examples"
PAGE = ROOT / "docs" / "examples.md"
pytestmark = pytest.mark.skipif(not EXAMPLES.exists(), reason="only in a checkout")


def needs(*packages: str) -> pytest.MarkDecorator:
    missing = [name for name in packages if importlib.util.find_spec(name) is None]
    return pytest.mark.skipif(bool(missing), reason=f"{', '.join(missing)}: not here")


def python(*arguments: str, cwd: Path = ROOT, status: int = 0) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(Path(cs.__file__).parent.parent)}
    done = subprocess.run(
        [sys.executable, "-W", "error", *arguments], capture_output=True, text=True, check=False, timeout=120, env=environment, cwd=cwd,
    )  # fmt: skip
    assert done.returncode == status, done.stderr
    return done


def example(name: str, *arguments: str, cwd: Path = ROOT, status: int = 0) -> subprocess.CompletedProcess[str]:
    return python(str(EXAMPLES / name), *arguments, cwd=cwd, status=status)


def kill_when_saved(name: str, *arguments: str, cwd: Path) -> str:
    """Kills an example, by SIGKILL, when its run "orbit" has been saved under way; returns what it has printed."""
    command = [sys.executable, "-W", "error", str(EXAMPLES / name), *arguments]
    environment = {**os.environ, "PYTHONPATH": str(Path(cs.__file__).parent.parent)}
    store = cs.Store(cwd / "planet.db")
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment, cwd=cwd) as running:
        while not any(row.step for row in store.runs()):
            assert running.poll() is None, "it has ended before it was saved"
            time.sleep(0.01)
        running.kill()
        return running.communicate()[0]


def shown_below(command: str) -> str:
    """Returns what the page of the examples shows below a command."""
    return PAGE.read_text().split(f"$ {command}\n")[1].split("\n\n")[0]


def stripped(text: str) -> list[str]:
    return [line.strip() for line in text.strip().splitlines()]


# -- Fireflies and the sweep ------------------------------------------------------------------------------------------


def together(text: str) -> list[float]:
    return [float(number) for number in re.findall(r"(\d\.\d\d)$", text, flags=re.MULTILINE)]


@pytest.mark.parametrize("way", [[], ["--graph-path"]])
def test_fireflies(way):
    strong = together(example("fireflies.py", "--progress", "none", "--seconds", "8", *way).stdout)
    assert len(strong) == 12 and strong[0] < 0.3 and strong[-1] > 0.9
    weak = together(example("fireflies.py", "--progress", "none", "--seconds", "8", "--coupling", "0.1", *way).stdout)
    assert max(weak) < 0.4


@needs("loky")
def test_the_sweep():
    text = example("sweep.py", "--progress", "none").stdout
    assert stripped(text) == stripped(shown_below("python examples/sweep.py --progress none"))
    command = (
        "-m",
        "cascade",
        "run",
        "--progress",
        "none",
        "examples/sweep.py:curve",
        "--count",
        "20",
        "--seconds",
        "3",
        "--points",
        "3",
    )
    small = together(python(*command).stdout)
    assert len(small) == 3 and small[0] < small[-1]


@pytest.mark.parametrize(
    "place",
    ["here", pytest.param("executor", marks=needs("cloudpickle")), pytest.param("dask", marks=needs("distributed"))],
)
def test_the_orbits_are_the_same_wherever_they_are_computed(place):
    text = example("orbits.py", "--on", place, "--points", "500", "--steps", "400").stdout
    assert text == "500 values of r: chaos at 163 of them, first at r = 3.5719\n"


# -- Airports ---------------------------------------------------------------------------------------------------------


def events(done: subprocess.CompletedProcess[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in done.stderr.splitlines()]


def loneliest_by_the_table(region: str) -> tuple[int, float, str]:
    """How many airports there are, how far the loneliest is from the next, and its name: each compared with each."""
    import airportsdata

    places = []
    with open(Path(airportsdata.__file__).with_name("airports.csv"), encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            if row["iata"] and row["tz"].startswith(f"{region}/"):
                north, east = math.radians(float(row["lat"])), math.radians(float(row["lon"]))
                on_the_sphere = (math.cos(north) * math.cos(east), math.cos(north) * math.sin(east), math.sin(north))
                places.append((on_the_sphere, f"{row['name']}, {row['country']}"))
    ways = [
        min(math.dist(here, there) for number, (there, _) in enumerate(places) if number != own)
        for own, (here, _) in enumerate(places)
    ]
    farthest = max(ways)
    return len(places), 6371 * 2 * math.asin(farthest / 2), places[ways.index(farthest)][1]


@needs("airportsdata", "msgspec")
def test_airports(tmp_path):
    first = example("airports.py", "--progress", "json", cwd=tmp_path)
    names = [event["event"] for event in events(first)]
    assert names.count("TaskRetrying") == 2 and "TaskSkipped" not in names
    lines = first.stdout.splitlines()
    for region in ("Pacific", "Indian", "Australia"):
        count, way, name = loneliest_by_the_table(region)
        (line,) = [line for line in lines if line.startswith(region)]
        found = re.fullmatch(rf"{region} +([\d,]+) +([\d,]+) km  (.*)", line)
        assert found is not None and int(found[1].replace(",", "")) == count
        assert float(found[2].replace(",", "")) == pytest.approx(way, abs=1)
        assert found[3] == name
    again = example("airports.py", "--progress", "json", "--failures", "0", cwd=tmp_path)
    assert again.stdout == first.stdout
    skipped = [event for event in events(again) if event["event"] == "TaskSkipped"]
    assert {event["reason"] for event in skipped} == {"CacheHit"} and len(skipped) == len(lines) - 1
    assert "TaskRetrying" not in [event["event"] for event in events(again)]


@needs("airportsdata", "msgspec")
def test_airports_that_no_airline_serves_and_a_line_that_stays_down(tmp_path):
    every = example("airports.py", "--progress", "json", "--no-served", "--graph-path", cwd=tmp_path)
    assert [event["reason"] for event in events(every) if event["event"] == "TaskSkipped"] == ["ConditionFalse"]
    assert (
        sum(int(count.replace(",", "")) for count in re.findall(r"^\w+ +([\d,]+)", every.stdout, flags=re.MULTILINE))
        > 20_000
    )
    down = example("airports.py", "--progress", "none", "--failures", "9", cwd=tmp_path, status=1)
    assert "ConnectionError: the line is down\nafter 5 attempts" in down.stderr


@needs("airportsdata", "msgspec")
def test_the_page_shows_how_airports_are_listed(tmp_path):
    """The table grows from month to month, so only the form is compared."""
    text = example("airports.py", "--progress", "none", cwd=tmp_path).stdout
    form = [re.sub(r"[\d,]+ km .*|[\d,]+", "", line).split() for line in stripped(text)]
    shown = stripped(shown_below("python examples/airports.py --progress none"))
    assert [re.sub(r"[\d,]+ km .*|[\d,]+", "", line).split() for line in shown] == form


# -- The agent --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("way", [[], ["--graph-path"]])
def test_the_agent(way):
    text = example("agent.py", "--progress", "none", *way).stdout
    assert stripped(text) == stripped(shown_below("python examples/agent.py --progress none"))
    question = "the length of Amazon minus 3 miles in m"
    text = example("agent.py", "--progress", "none", "--question", question, *way).stdout
    assert stripped(text)[-1].split() == ["answer", f"{6_400_000 - 3 * 1609.344:.0f}", "m"]
    stopped = example("agent.py", "--progress", "none", "--max-steps", "10", *way, status=1)
    assert "more than max_steps=10 task calls" in stopped.stderr
    unknown = example("agent.py", "--progress", "none", "--question", "the length of Nile", *way, status=1)
    assert "KeyError: 'length of Nile'\nin task 'look_up'" in unknown.stderr


def test_the_agent_is_compared_with_plain_python():
    shown = example("agent.py", "--compare").stdout
    assert re.fullmatch(r"a question of 5 turns: Cascade \d+ us, plain Python \d+ us, -?\d+ us more a turn\n", shown)


# -- Programs to take home --------------------------------------------------------------------------------------------

TIMES = r"plain Python \d+\.\d+ s, Cascade \d+\.\d+ s, \d+\.\d times as fast"


def picture(name: str, folder: Path) -> ElementTree.Element:
    """The picture that an example makes; the documents show such a one."""
    example(name, "--picture", str(folder / "made.svg"), cwd=folder)
    shown = ElementTree.parse(ROOT / "docs" / "pictures" / f"{name.removesuffix('.py')}.svg").getroot()
    made = ElementTree.parse(folder / "made.svg").getroot()
    assert made.tag == shown.tag == "{http://www.w3.org/2000/svg}svg"
    return made


@pytest.mark.once
@needs("numpy")
def test_options_are_priced_as_the_formula_says(tmp_path):
    text = example("options.py", "--progress", "none", "--paths", "20000", "--strike", "100").stdout
    found = re.fullmatch(
        r"European call +(\S+) \+- (\S+)  \(by the formula (\S+)\)\nAsian call +(\S+) \+- (\S+)\n", text
    )
    assert found is not None
    european, error, formula, asian, _ = map(float, found.groups())
    assert abs(european - formula) < 2 * error < 0.5
    assert asian < european
    assert re.fullmatch(rf"500 paths of 50 steps: {TIMES}\n", example("options.py", "--compare", "500").stdout)
    assert picture("options.py", tmp_path).findall(".//{*}polyline")


@pytest.mark.once
@needs("fastapi", "httpx")
def test_quotes_of_a_service_under_load_are_those_of_plain_python(tmp_path):
    lines = example("service.py", "--requests", "60", "--at-once", "20").stdout.splitlines()
    for line, name in zip(lines, ("Cascade", "plain Python"), strict=False):
        assert re.fullmatch(rf"{name} +[\d,]+ requests a second, p50 \d+\.\d ms, p99 \d+\.\d ms", line)
    found = re.fullmatch(r"(\d+) quotes, (\d+) not found: the same from both", lines[2])
    assert found is not None
    good, wrong = map(int, found.groups())
    assert good + wrong == 60 and good > wrong > 0
    assert re.fullmatch(r"the pipeline alone: Cascade \d+ us, plain Python \d+ us a request", lines[3])
    picture("service.py", tmp_path)


@pytest.mark.once
@pytest.mark.parametrize("way", [[], ["--graph-path"]])
def test_customers_of_a_bank_wait_as_long_as_the_formula_says(way, tmp_path):
    rows = [line.split() for line in example("bank.py", "--progress", "none", *way).stdout.splitlines()[1:]]
    assert [row[0] for row in rows] == ["3", "4", "5", "6"]
    for row in rows:
        assert float(row[1]) == pytest.approx(float(row[2]), rel=0.25, abs=0.02)
    if not way:
        shown = example("bank.py", "--compare", "2000").stdout
        rates = r"plain Python [\d,]+ events a second, Cascade [\d,]+ events a second: \d+\.\d times as fast\n"
        assert re.fullmatch(rates, shown)
        assert len(picture("bank.py", tmp_path).findall(".//{*}rect")) == 4


@pytest.mark.once
@needs("polars", "msgspec")
def test_sales_of_months_that_have_not_changed_come_from_the_cache(tmp_path):
    small = ["--months", "2", "--rows", "300"]
    first = example("sales.py", *small, cwd=tmp_path).stdout
    assert [line.split()[0] for line in first.splitlines()] == ["Basel", "Lyon", "Ulm", "written:"]
    folder = tmp_path / "sales"
    counts = [int(line.split(",")[1]) for line in (folder / "shops.txt").read_text().splitlines()[1:]]
    rows = [line.split(",") for name in ("01.csv", "02.csv") for line in (folder / name).read_text().splitlines()[1:]]
    assert sum(counts) == sum(int(count or 0) for _, _, count in rows)
    assert example("sales.py", *small, cwd=tmp_path).stdout == first
    times = example("sales.py", *small, "--compare", cwd=tmp_path).stdout
    assert re.fullmatch(r"plain Python +\d+ ms\nCascade, first run +\d+ ms\nCascade, again +\d+ ms\n", times)
    picture("sales.py", tmp_path)


@pytest.mark.once
@pytest.mark.parametrize("way", [[], ["--graph-path"]])
def test_connect_four_is_played_to_the_end(way, tmp_path):
    *board, last = example("connect_four.py", "--progress", "none", "--depth", "5", *way).stdout.splitlines()
    stones = "".join(board)
    assert len(board) == 6 and all(len(row) == 7 for row in board)
    assert stones.count("X") - stones.count("O") in (0, 1)
    winner = re.fullmatch(r"([XO]) wins by move (\d+)", last)
    lines = [
        [board[y + step * dy][x + step * dx] for step in range(4)]
        for y in range(6) for x in range(7) for dy, dx in ((0, 1), (1, 0), (1, 1), (1, -1))
        if y + 3 * dy < 6 and 0 <= x + 3 * dx < 7
    ]  # fmt: skip
    full = {line[0] for line in lines if line[0] != "." and len({*line}) == 1}
    assert full == ({winner[1]} if winner else set())
    if not way:
        shown = example("connect_four.py", "--compare", "4").stdout
        assert re.fullmatch(rf"the first move, 4 ahead: {TIMES}\n", shown)
        assert len(picture("connect_four.py", tmp_path).findall(".//{*}text")) > 7


@pytest.mark.once
@needs("msgspec")
def test_the_cost_of_a_decision_that_survives_is_printed(tmp_path):
    shown = example("approval.py", "--compare", cwd=tmp_path).stdout.splitlines()
    cost = r"\d+\.\d ms a decision that survives a crash at any moment \(SQLite, synced to the disk\),"
    assert re.fullmatch(cost, shown[-2])
    assert re.fullmatch(r"\d+ us in plain Python, which would be lost", shown[-1])
    assert list(tmp_path.iterdir()) == []
    picture("approval.py", tmp_path)


# -- All of them ------------------------------------------------------------------------------------------------------

TARGETS = {
    "fireflies.py": "night",
    "sweep.py": "curve",
    "orbits.py": "preview",
    "airports.py": "report",
    "agent.py": "agent",
    "approval.py": "agent",
    "planet.py": "orbit",
    "options.py": "prices",
    "service.py": "quote",
    "bank.py": "report",
    "sales.py": "sales",
    "connect_four.py": "game",
}


def test_every_example_is_tested():
    assert sorted(path.name for path in EXAMPLES.glob("*.py")) == sorted(TARGETS)
    page = PAGE.read_text()
    assert all(f"examples/{name}" in page for name in TARGETS)


def test_a_planet_is_compared_with_plain_python_and_with_a_saved_run():
    pytest.importorskip("msgspec")
    shown = example("planet.py", "--compare", "20000").stdout
    assert re.fullmatch(r"plain Python \d+ ns a step, Cascade \d+ ns, saved \d+ ns: \d+\.\d times as fast\n", shown)


def test_the_picture_of_the_orbits(tmp_path):
    assert len(picture("orbits.py", tmp_path).findall(".//{*}polyline")) == 1


@needs("airportsdata", "msgspec", "polars", "numpy")
@pytest.mark.parametrize("name", TARGETS)
def test_targets_of_the_examples_are_planned_and_drawn(name, tmp_path):
    target = f"{EXAMPLES / name}:{TARGETS[name]}"
    assert python("-m", "cascade", "plan", target, cwd=tmp_path).stdout.startswith("plan of ")
    assert python("-m", "cascade", "graph", target, cwd=tmp_path).stdout.startswith("digraph cascade {")


# -- Saved runs -------------------------------------------------------------------------------------------------------


AGAIN = "  (start again with --answer yes, or no)"


@needs("msgspec")
def test_an_agent_waits_for_answers_across_restarts(tmp_path):
    assert example("approval.py", cwd=tmp_path).stdout == f"asks      desk for 310?{AGAIN}\n"
    assert example("approval.py", cwd=tmp_path).stdout == f"asks      desk for 310?{AGAIN}\n"
    bought = example("approval.py", "--answer", "yes", cwd=tmp_path).stdout
    assert bought == f"buys      desk for 310\nasks      lamp for 45?{AGAIN}\n"
    assert example("approval.py", "--answer", "no", cwd=tmp_path).stdout == "done      bought desk, 90 left: no lamp\n"


@needs("msgspec")
def test_a_simulation_that_is_killed_goes_on(tmp_path):
    steps = ["--steps", "40000000"]
    assert example("planet.py", *steps, "--kill-after", "0", "--store", "a.db", cwd=tmp_path, status=-9).stdout in (
        "begins\n",
        "",
    )
    assert kill_when_saved("planet.py", *steps, cwd=tmp_path) == "begins\n"
    on = example("planet.py", *steps, cwd=tmp_path).stdout.splitlines()
    undisturbed = example("planet.py", *steps, "--store", "other.db", cwd=tmp_path).stdout.splitlines()
    assert re.fullmatch(r"continues at step [\d,]+", on[0]) and undisturbed[0] == "begins"
    assert on[1] == undisturbed[1]


# -- Benchmarks -------------------------------------------------------------------------------------------------------


def test_the_times_of_stages_can_be_measured():
    shown = python("perf/stages.py", "--nodes", "50", "--rounds", "1").stdout
    assert re.search(r"^\| verify \| +\d", shown, flags=re.MULTILINE)
