"""Runs a random graph in all ways and compares what comes out."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import os
import threading
import warnings
from collections import Counter
from collections.abc import Iterator
from typing import Any

import cascade as cs
from cascade.errors import CapacityError, DependencyMissingError
from cascade.runtime import Engine, MessageBus
from cascade.runtime.events import Event, ResourceAcquired, ResourceReleased
from cascade.runtime.nodes import attempts
from cascade.runtime.nodes import item_calls as mapping
from cascade.runtime.spine import driver as drive
from tests.support.random_graphs.declare import declare
from tests.support.random_graphs.model import Missing, Model, TooMuch
from tests.support.random_graphs.spec import CPUS, Graph
from tests.support.random_graphs.world import Failure, World, enter
from tests.support.recording import story

SYSTEM = {"cpu": CPUS}
ALLOWED = (Failure, DependencyMissingError, CapacityError)
HANGS = 20.0
"""Seconds after which a run is taken to hang."""


class Difference(Exception):
    """Two ways of running a graph do not agree, or something is left behind."""

    def __init__(self, graph: Graph, kind: str, *details: Any) -> None:
        lines = "\n".join(f"  {detail}" for detail in details)
        super().__init__(f"seed {graph.seed}: {kind}\n{lines}")
        self.kind = kind


@dataclasses.dataclass
class Tally:
    """What was compared."""

    graphs: int = 0
    runs: int = 0
    by_model: int = 0
    failed: int = 0
    missing: int = 0
    cancelled: int = 0

    def add(self, other: Tally) -> None:
        for field in dataclasses.fields(self):
            setattr(self, field.name, getattr(self, field.name) + getattr(other, field.name))


class PlainCache:
    """Keeps values by the identity of the code and the repr of the arguments: what a user would write."""

    def __init__(self) -> None:
        self.kept: dict[Any, Any] = {}

    def check(self, task_id: str, arguments: dict[str, Any]) -> Any:
        return self.kept.get((task_id, repr(arguments)))

    def save(self, task_id: str, arguments: dict[str, Any], value: Any) -> None:
        self.kept[task_id, repr(arguments)] = value


@dataclasses.dataclass
class Record:
    """The outcome of one run."""

    outcome: Any
    notes: Any
    log: list[Any]
    events: list[Any]


@contextlib.contextmanager
def one_slice() -> Iterator[None]:
    """No turns for the event loop by the clock: on a slow machine they would decide what comes first."""
    places = [(drive, "SLICE"), (mapping, "SLICE"), (attempts, "PATIENCE")]
    before = [getattr(module, name) for module, name in places]
    for module, name in places:
        setattr(module, name, 3600.0)
    try:
        yield
    finally:
        for (module, name), value in zip(places, before, strict=True):
            setattr(module, name, value)


def compare(graph: Graph) -> Tally:
    """Runs the graph by both paths, observed and not, and as a program; twice where something is cached.

    Raises:
        Difference: they do not agree with each other, or with the model, or something is left behind.
    """
    rounds = 2 if any(node.cached for node in graph.nodes) else 1
    tally = Tally(graphs=1)
    with one_slice(), warnings.catch_warnings():
        warnings.simplefilter("error")
        ways = {
            f"{'observed ' * observed}{'VM' if use_vm else 'graph'} path": Way(graph, use_vm, observed).record(rounds)
            for observed in (True, False)
            for use_vm in (False, True)
        }
        ways["program"] = Way(graph, True, False, as_program=True).record(rounds)
        tally.runs += len(ways) * rounds
        by_model = records_of_model(graph, rounds)
        for number in range(rounds):
            by_way = {name: way[number] for name, way in ways.items()}
            _compare_paths(graph, by_way, by_model[number])
            tally.failed += by_way["VM path"].outcome[0] == "Failure"
            tally.missing += by_way["VM path"].outcome[0] == "Missing"
        tally.by_model += rounds * (graph.is_sequential or not graph.may_fail)
        if graph.seed % 3 == 0 and not graph.is_sequential:
            for use_vm in (False, True):
                tally.cancelled += Way(graph, use_vm, False).cancel(turns=graph.seed % 17)
                tally.runs += 1
    return tally


def _compare_paths(graph: Graph, by_way: dict[str, Record], model: Record) -> None:
    if not graph.has_threads:
        pairs = [("observed graph path", "observed VM path"), ("graph path", "VM path"), ("VM path", "program")]
        for one, other in pairs:
            for what in ("outcome", "notes", "log", "events"):
                if what == "notes" and other == "program":
                    continue
                _require_same(graph, what, {name: getattr(by_way[name], what) for name in (one, other)})
    if graph.is_sequential:
        for name, each in by_way.items():
            _require_same(graph, "outcome", {"model": model.outcome, name: each.outcome})
            _require_same(graph, "log", {"model": model.log, name: each.log})
    elif not graph.may_fail:
        for name, each in by_way.items():
            _require_same(graph, "outcome", {"model": model.outcome, name: each.outcome})
            if not any(
                node.cached or node.failures for node in graph.nodes
            ):  # which would be made again depends on the order
                _require_same(
                    graph, "calls", {"model": sorted(map(repr, model.log)), name: sorted(map(repr, each.log))}
                )
    for name, each in by_way.items():
        ups = Counter(entry[1:] for entry in each.log if entry[0] == "+")
        downs = Counter(entry[1:] for entry in each.log if entry[0] == "-")
        if ups != downs:
            raise Difference(graph, "resources are left", name, ups - downs, downs - ups)


def _require_same(graph: Graph, what: str, found: dict[str, Any]) -> None:
    (one, first), (other, second) = found.items()
    if first == second:
        return
    if isinstance(first, list) and isinstance(second, list):
        at = next(
            (n for n, (a, b) in enumerate(zip(first, second, strict=False)) if a != b), min(len(first), len(second))
        )
        raise Difference(
            graph,
            f"{what}: {one} and {other}",
            f"equal up to {at}: {first[max(0, at - 3) : at]}",
            f"{one}: {first[at : at + 4]}",
            f"{other}: {second[at : at + 4]}",
        )
    raise Difference(graph, f"{what}: {one} and {other}", f"{one}: {first}", f"{other}: {second}")


def records_of_model(graph: Graph, rounds: int) -> list[Record]:
    cache: dict[Any, Any] = {}
    records = []
    for _ in range(rounds):
        world = enter(World())
        outcome: Any
        try:
            outcome = "value", repr(Model(graph, world, cache).run())
        except Failure as error:
            outcome = "Failure", str(error)
        except (Missing, TooMuch) as error:
            outcome = (type(error).__name__,)
        records.append(Record(outcome, None, world.log, []))
    return records


class Way:
    """One way of running a graph."""

    def __init__(self, graph: Graph, use_vm: bool, observed: bool, as_program: bool = False) -> None:
        self.graph = graph
        self.use_vm = use_vm
        self.as_program = as_program
        self.heard: list[Event] = []
        bus = MessageBus()
        if observed:
            bus.subscribe(Event, self.heard.append)
        self.observed = observed
        self.engine = Engine(bus=bus, system_resources=SYSTEM)
        self.threads = {*threading.enumerate()}  # of others
        self.cache = PlainCache() if graph.seed % 2 else cs.MemoryCache()

    def record(self, rounds: int) -> list[Record]:
        return [self._once() for _ in range(rounds)]

    def _once(self) -> Record:
        world = enter(World(self.use_vm))
        self.heard.clear()
        target, params, environment = declare(self.graph, self.cache)
        outcome: Any
        notes = None
        with _environment(environment):
            try:
                outcome = "value", repr(self._run(target, params))
            except Failure as error:
                outcome, notes = ("Failure", str(error)), error.__notes__
            except DependencyMissingError:
                outcome = ("Missing",)
            except CapacityError:
                outcome = ("TooMuch",)
        self.check_rest()
        return Record(outcome, notes, world.log, _brief(self.heard))

    def _run(self, target: Any, params: dict[str, Any]) -> Any:
        if self.as_program:
            program = cs.compile(target, system_resources=SYSTEM)
            if not program.parameters:
                return program()
            return program(**params)
        if self.observed:
            return asyncio.run(self._run_in_loop(target, params))
        return self.engine.run_now(target, params=params, use_vm=self.use_vm)

    async def _run_in_loop(self, target: Any, params: dict[str, Any]) -> Any:
        try:
            return await asyncio.wait_for(self.engine.run(target, params=params, use_vm=self.use_vm), HANGS)
        finally:
            self.check_tasks()

    def cancel(self, turns: int) -> bool:
        """Cancels a run after so many turns of the event loop; whether it was still under way."""
        enter(World(self.use_vm))
        target, params, environment = declare(self.graph, None)

        async def main() -> bool:
            run = asyncio.ensure_future(self.engine.run(target, params=params, use_vm=self.use_vm))
            for _ in range(turns):
                await asyncio.sleep(0)
            run.cancel()
            done, _ = await asyncio.wait([run], timeout=HANGS)
            if not done:
                raise Difference(self.graph, "a cancelled run hangs", self.use_vm)
            self.check_tasks()
            if not run.cancelled() and (error := run.exception()) is not None and not isinstance(error, ALLOWED):
                raise Difference(self.graph, "a cancelled run failed", self.use_vm, repr(error))
            return run.cancelled()

        world = enter(World(self.use_vm))
        with _environment(environment):
            cancelled = asyncio.run(main())
        self.check_rest()
        ups, downs = (Counter(entry[1:] for entry in world.log if entry[0] == sign) for sign in "+-")
        if ups != downs:
            raise Difference(self.graph, "resources are left by a cancelled run", self.use_vm, ups - downs, downs - ups)
        return cancelled

    def check_tasks(self) -> None:
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        if tasks:
            raise Difference(self.graph, "asyncio tasks are left", self.use_vm, tasks)

    def check_rest(self) -> None:
        """Nothing is left of a run."""
        capacity = self.engine.capacity
        if capacity._free != SYSTEM or capacity._waiting:
            raise Difference(self.graph, "system resources are left", self.use_vm, capacity._free, capacity._waiting)
        now = [
            thread
            for thread in threading.enumerate()
            if not thread.name.startswith(("MainThread", "cascade", "asyncio"))
        ]
        threads = [thread for thread in now if thread not in self.threads]
        if threads:
            raise Difference(self.graph, "threads are left", self.use_vm, threads)


@contextlib.contextmanager
def _environment(variables: dict[str, str]) -> Iterator[None]:
    os.environ.update(variables)
    try:
        yield
    finally:
        for name in variables:
            del os.environ[name]


def _brief(events: list[Event]) -> list[Any]:
    result: list[Any] = []
    for event in events:
        if isinstance(event, ResourceAcquired):
            result.append(("acquired", event.resource_name))
        elif isinstance(event, ResourceReleased):
            result.append(("released", event.resource_name, event.error))
        else:
            result += story([event])
    return result
