"""Saved runs: the price of snapshots, of a call with the effect "once", of resuming; and peers, where they are installed.

    python perf/durable.py
    python perf/durable.py --rounds 9

Times with and without a store are taken in turns, in one process; the price is the median of the quotients, in time of the processor, so that
other programs on the machine count little: by what they take of its caches. Peers (`pip install msgspec burr dbos langgraph langgraph-checkpoint-sqlite`, in an environment of
its own, with PYTHONPATH set to this tree) make the same loop of steps, each of which they save, on SQLite; Cascade makes it as well, in turns with them.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib.util
import io
import os
import platform
import sqlite3
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cascade as cs
from cascade.durable.owner import Owner
from cascade.durable.run import resumed
from cascade.runtime.api import default_engine


@cs.task(lower=False)
def called(n: int, total: int) -> Any:
    return total if n == 0 else called.tail(n - 1, total + n)


@cs.task
def typed(n: int, total: int) -> Any:
    return total if n == 0 else typed.tail(n - 1, total + n % 7)


@cs.task(effect="once")
def once(n: int) -> Any:
    return n if n == 0 else once.tail(n - 1)


@cs.task(effect="once", lower=False)
def item(n: int) -> int:
    return n + 1


def seconds_of(action: Callable[[], object], clock: Callable[[], float] = time.perf_counter) -> float:
    begun = clock()
    action()
    return clock() - begun


def prices_of(action: Callable[[], object], steps: int) -> tuple[float, float]:
    """Returns the seconds of a step, and those of the processor."""
    begun = time.perf_counter(), time.process_time()
    action()
    return (time.perf_counter() - begun[0]) / steps, (time.process_time() - begun[1]) / steps


def price_of_snapshots(folder: Path, target: Callable[[], Any], rounds: int) -> str:
    """Returns what snapshots each 0.05 s add to a run, against one without a store and against one with a store that takes none.

    Medians and quartiles of many short rounds, in which all three are run, and how long a snapshot takes.
    """
    store = cs.Store(folder / f"{target().task.name}.db")
    actions: list[Callable[[], object]] = [
        lambda: cs.run(target()),
        lambda: cs.run(target(), store=store, every=3600),
        lambda: cs.run(target(), store=store, every=0.05),
    ]
    times: list[list[float]] = [[], [], []]
    for number in range(3 * rounds):
        for each in range(3):
            at = (number + each) % 3 if number % 2 else (number - each) % 3
            times[at].append(seconds_of(actions[at], time.process_time))
    shares = []
    for against in times[:2]:
        quotients = [100 * (saved / other - 1) for saved, other in zip(times[2], against, strict=True)]
        low, middle, high = statistics.quantiles(quotients, n=4)
        shares.append(f"{middle:+.1f} % ({low:+.1f} to {high:+.1f} %)")
    durations: list[float] = []
    end = default_engine().bus.subscribe(cs.RunSaved, lambda event: durations.append(event.duration))
    actions[2]()
    end()
    return (
        f"{shares[0]} of {statistics.median(times[0]):.2f} s without a store, {shares[1]} of a saved run without "
        f"snapshots; one takes {1e6 * statistics.median(durations):.0f} us"
    )


def price_of_once(folder: Path, steps: int, synchronous: str = "normal") -> tuple[float, float]:
    """Returns the seconds of a step that is saved before anything continues, and those of the processor."""
    store = cs.Store(folder / f"once-{synchronous}.db", synchronous=synchronous)
    cs.run(once(10), store=store)
    return prices_of(lambda: cs.run(once(steps), store=store, every=3600), steps)


def price_of_row(folder: Path, items: int, synchronous: str) -> tuple[float, float]:
    """Returns the seconds that a row takes when the items of a map share commits, and those of the processor.

    An item has two: one says that it begins, the other one has its result.
    """
    store = cs.Store(folder / f"rows-{synchronous}.db", synchronous=synchronous)
    cs.run(item.map(range(items)), store=store, every=3600)
    plain = prices_of(lambda: cs.run(item.map(range(items))), 2 * items)
    saved = prices_of(lambda: cs.run(item.map(range(items)), store=store, every=3600), 2 * items)
    return saved[0] - plain[0], saved[1] - plain[1]


def time_to_resume(folder: Path) -> float:
    """Returns the seconds that a run of ten million steps takes to be set up again."""
    store = cs.Store(folder / "resume.db")
    run = cs.start(typed(1 << 40, 0), store=store, id="long", every=cs.steps(10_000_000))
    while store.run("long").step < 10_000_000:
        time.sleep(0.01)
    run.stop()
    times = []
    for _ in range(5):
        owner = Owner.new()
        row = store.claim("long", owner)
        times.append(seconds_of(lambda row=row, owner=owner: resumed(store, row, owner, default_engine())))  # type: ignore[misc]
        store.release("long", owner, "interrupted")
        Owner.end(owner)
    assert store.run("long").step >= 10_000_000
    return min(times)


def large_store(folder: Path) -> tuple[float, float]:
    """Returns the seconds that a store of 100,000 runs takes to list the latest, and to resume one."""
    store = cs.Store(folder / "large.db")
    run = cs.start(called(1 << 40, 0), store=store, id="one", every=cs.steps(1000))
    while store.run("one").snapshot < 3:
        time.sleep(0.01)
    run.stop()
    columns = "status, target, name, options, created, saved, step, queue, owner, lease, lease_here, due, waits, outcome, error, cancelled"
    connection = store.connection()
    connection.execute("BEGIN")
    connection.executemany(
        f"INSERT INTO runs SELECT ?, {columns} FROM runs WHERE id = 'one'",
        ((f"run {number}",) for number in range(100_000)),
    )
    connection.execute("COMMIT")
    listed = min(seconds_of(lambda: store.runs(limit=50)) for _ in range(5))
    owner = Owner.new()

    def resume() -> None:
        resumed(store, store.claim("one", owner), owner, default_engine())

    return listed, seconds_of(resume)


def in_microseconds(price: tuple[float, float]) -> str:
    return f"{1e6 * price[0]:.1f} us, {1e6 * price[1]:.1f} of the processor"


def price_of_sqlite(path: Path, steps: int, synchronous: str) -> tuple[float, float]:
    """Returns the seconds of a commit of one row of the same size, by SQLite alone, and those of the processor."""
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute(f"PRAGMA synchronous = {synchronous}")
    connection.execute(
        "CREATE TABLE rows (run TEXT, number INTEGER, state BLOB, PRIMARY KEY (run, number)) WITHOUT ROWID"
    )
    state = bytes(200)

    def write() -> None:
        for number in range(steps):
            connection.execute("INSERT INTO rows VALUES ('run', ?, ?)", (number, state))
            if number % 32 == 31:
                connection.execute("DELETE FROM rows WHERE number <= ?", (number - 32,))

    found = prices_of(write, steps)
    connection.close()
    return found


def quotients(measured: tuple[float, float], floor: tuple[float, float]) -> tuple[float, float]:
    return measured[0] / floor[0], measured[1] / floor[1]


def medians(rounds: list[tuple[float, float]]) -> tuple[float, float]:
    """Returns the medians of the seconds by the clock and by the processor, or of their quotients."""
    clock, processor = zip(*rounds, strict=True)
    return statistics.median(clock), statistics.median(processor)


def row_of_once(folder: Path, steps: int, synchronous: str, limit: str) -> tuple[str, str, str]:
    """Returns the price of a step that is saved, and how many times that of SQLite it is: the median of rounds in which both are measured."""
    prices, times = [], []
    for number in range(5):
        own = price_of_once(folder, steps, synchronous)
        alone = price_of_sqlite(folder / f"alone-{synchronous}-{number}.db", steps, synchronous)
        prices.append(own)
        times.append(quotients(own, alone))
    price, ratios = in_microseconds(medians(prices)), medians(times)
    measured = f"{price}: {ratios[0]:.1f} times SQLite, {ratios[1]:.1f} times its processor"
    return f"a step with effect=once, synchronous={synchronous}", measured, limit


# -- Peers ----------------------------------------------------------------------------------------------------------------


def burr(folder: Path, steps: int) -> tuple[float, float]:
    from burr.core import ApplicationBuilder, State, action, expr
    from burr.core.persistence import SQLitePersister

    @action(reads=["n"], writes=["n"])
    def step(state: State) -> State:
        return state.update(n=state["n"] - 1)

    persister = SQLitePersister(str(folder / "burr.db"))
    persister.initialize()
    application = (
        ApplicationBuilder()
        .with_actions(step)
        .with_transitions(("step", "step", expr("n > 0")))
        .with_state(n=steps)
        .with_entrypoint("step")
        .with_state_persister(persister)
        .with_identifiers(app_id="perf")
        .build()
    )
    return prices_of(lambda: application.run(halt_after=[], halt_before=[]), steps)


def dbos(folder: Path, steps: int) -> tuple[float, float]:
    from dbos import DBOS

    DBOS(config={"name": "perf", "system_database_url": f"sqlite:///{folder / 'dbos.db'}", "log_level": "ERROR"})

    @DBOS.step()
    def step(n: int) -> int:
        return n - 1

    @DBOS.workflow()
    def workflow(n: int) -> int:
        while n > 0:
            n = step(n)
        return n

    DBOS.launch()
    try:
        return prices_of(lambda: workflow(steps), steps)
    finally:
        DBOS.destroy()


def langgraph(folder: Path, steps: int) -> tuple[float, float]:
    from langgraph.checkpoint.sqlite import SqliteSaver
    from langgraph.graph import END, START, StateGraph
    from typing_extensions import TypedDict

    class Counted(TypedDict):
        n: int

    graph = StateGraph(Counted)
    graph.add_node("step", lambda state: {"n": state["n"] - 1})
    graph.add_edge(START, "step")
    graph.add_conditional_edges("step", lambda state: "step" if state["n"] > 0 else END)
    with SqliteSaver.from_conn_string(str(folder / "langgraph.db")) as saver:
        compiled = graph.compile(checkpointer=saver)
        config = {"configurable": {"thread_id": "1"}, "recursion_limit": steps + 10}
        return prices_of(lambda: compiled.invoke({"n": steps}, config), steps)


PEERS: dict[str, tuple[Callable[[Path, int], tuple[float, float]], str]] = {
    "burr": (burr, "burr"),
    "DBOS": (dbos, "dbos"),
    "LangGraph": (langgraph, "langgraph"),
}


def peer_row(
    folder: Path, label: str, measure: Callable[[Path, int], tuple[float, float]], module: str, rounds: int
) -> tuple[str, str, str]:
    """Returns the price of a step of a peer, and how many times that of Cascade it is: the median of rounds in which both make one."""
    label = f"a step of {label}"
    if importlib.util.find_spec(module) is None:
        return label, "not installed", ""
    prices, times = [], []
    for _ in range(min(rounds, 5)):
        with tempfile.TemporaryDirectory(dir=folder) as name, contextlib.redirect_stderr(io.StringIO()):
            try:
                theirs = measure(Path(name), 300)
            except Exception as error:
                return label, f"{type(error).__name__}: {error}"[:60], ""
            own = price_of_once(Path(name), 3000)
        prices.append(theirs)
        times.append(quotients(theirs, own))
    price, ratios = in_microseconds(medians(prices)), medians(times)
    measured = f"{price}: {ratios[0]:.0f} times ours, {ratios[1]:.0f} times the processor"
    return label, measured, "20 times"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--steps", type=int, default=3000, help="with the effect once, and of each peer")
    options = parser.parse_args()
    load = ", ".join(f"{each:.1f}" for each in os.getloadavg())
    print(
        f"{platform.machine()}, {os.cpu_count()} cores, CPython {platform.python_version()}, {time.strftime('%Y-%m-%d')}, "
        f"load {load}\n"
    )
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        rows = []
        for label, target, limit in (
            ("loop of called steps, every=0.05", lambda: called(4_000_000, 0), "1 %"),
            ("kernel, every=0.05", lambda: typed(1_000_000_000, 0), "3 %"),
        ):
            rows.append((label, price_of_snapshots(folder, target, options.rounds), limit))
        rows += [row_of_once(folder, options.steps, *each) for each in (("normal", "40 us"), ("full", ""))]
        for synchronous, limit in (("normal", ""), ("full", "12 us")):
            price = price_of_row(folder, 4 * options.steps, synchronous)
            rows.append(
                (f"a row of items that share commits, synchronous={synchronous}", in_microseconds(price), limit)
            )
        rows.append(("resume of a run of 10,000,000 steps", f"{1e3 * time_to_resume(folder):.2f} ms", "10 ms"))
        listed, again = large_store(folder)
        rows.append(
            ("store of 100,000 runs: list 50, resume one", f"{1e3 * listed:.2f} ms, {1e3 * again:.2f} ms", "50 ms")
        )
        rows += [peer_row(folder, label, *PEERS[label], options.rounds) for label in PEERS]
    print("| | measured | target |\n|---|---|---|")
    for row in rows:
        print("| " + " | ".join(row) + " |")


if __name__ == "__main__":
    sys.exit(main())
