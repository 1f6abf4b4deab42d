"""The same graphs in other libraries. A library that is not installed is skipped, and a line says so."""

from __future__ import annotations

import graphlib
import importlib.util
from collections.abc import Callable
from functools import partial
from typing import Any, TypedDict

from measure import Measure, Run, always, separately
from workloads import BARE, WIDTH, increment, itself, mix, total

PIPELINE_NODES = 10
LOOP_STEPS = 200

DictGraph = dict[str, tuple[Any, ...]]
"""A graph as dask takes it: a key maps to `(function, argument, ...)`; a string among the arguments is the key of its value."""


def dict_chain(nodes: int) -> DictGraph:
    graph: DictGraph = {"0": (increment, 0)}
    for number in range(1, nodes):
        graph[str(number)] = (increment, str(number - 1))
    graph["result"] = (itself, str(nodes - 1))
    return graph


def dict_layered(nodes: int) -> DictGraph:
    layers = nodes // WIDTH
    graph: DictGraph = {f"0.{position}": (itself, position) for position in range(WIDTH)}
    for layer in range(1, layers):
        for position in range(WIDTH):
            left, right = f"{layer - 1}.{position}", f"{layer - 1}.{(position - 1) % WIDTH}"
            graph[f"{layer}.{position}"] = (mix, left, right)
    graph["result"] = (total, *(f"{layers - 1}.{position}" for position in range(WIDTH)))
    return graph


DICT_GRAPHS: dict[str, Callable[[int], DictGraph]] = {"chain": dict_chain, "layered": dict_layered}


def walk_sorted(make: Callable[[int], DictGraph], nodes: int) -> Any:
    """Runs a graph by the loop that the documentation of graphlib shows."""
    graph = make(nodes)
    sorter = graphlib.TopologicalSorter(
        {key: [argument for argument in call[1:] if type(argument) is str] for key, call in graph.items()}
    )
    sorter.prepare()
    values: dict[str, Any] = {}
    while sorter.is_active():
        for key in sorter.get_ready():
            function, *arguments = graph[key]
            values[key] = function(*[values[item] if type(item) is str else item for item in arguments])
            sorter.done(key)
    return values["result"]


def prepare_dask(make: Callable[[int], DictGraph], nodes: int) -> Run:
    from dask.local import get_sync

    return lambda: get_sync(make(nodes), "result")


def prepare_pipefunc() -> Run:
    from pipefunc import Pipeline, pipefunc

    def named(number: int) -> Any:
        # The library connects functions by the names of their parameters.
        return pipefunc(output_name=f"value{number + 1}", renames={"value": f"value{number}"})(increment)

    pipeline = Pipeline([named(number) for number in range(PIPELINE_NODES)])
    return lambda: pipeline(f"value{PIPELINE_NODES}", value0=0)


class State(TypedDict):
    n: int


def prepare_langgraph() -> Run:
    from langgraph.graph import END, START, StateGraph

    def step(state: State) -> State:
        return {"n": state["n"] - 1}

    builder = StateGraph(State)
    builder.add_node("step", step)
    builder.add_edge(START, "step")
    builder.add_conditional_edges("step", lambda state: END if state["n"] <= 0 else "step")
    graph = builder.compile()
    return lambda: graph.invoke({"n": LOOP_STEPS}, {"recursion_limit": LOOP_STEPS + 10})


def prepare_pydantic_graph() -> Run:
    import peer_pydantic

    return lambda: peer_pydantic.run(LOOP_STEPS)


def missing() -> list[str]:
    """Returns the peers that are not installed."""
    names = ("dask", "pipefunc", "langgraph", "pydantic_graph")
    return [name for name in names if importlib.util.find_spec(name) is None]


def peer_measures(nodes: int) -> list[Measure]:
    """Returns the measures of the installed peers."""
    absent = missing()
    measures = []
    for shape, make in DICT_GRAPHS.items():
        expected = partial(BARE[shape], nodes)
        walk = partial(walk_sorted, make, nodes)
        measures.append(Measure(f"{shape} {nodes:,}, graphlib", always(walk), expected, nodes, separately))
        if "dask" not in absent:
            prepare = partial(prepare_dask, make, nodes)
            measures.append(Measure(f"{shape} {nodes:,}, dask", prepare, expected, nodes, separately))
    if "pipefunc" not in absent:
        measures.append(Measure("small chain, pipefunc", prepare_pipefunc, always(PIPELINE_NODES), PIPELINE_NODES))
    if "langgraph" not in absent:
        measures.append(Measure("one-node loop, langgraph", prepare_langgraph, always({"n": 0}), LOOP_STEPS))
    if "pydantic_graph" not in absent:
        measures.append(Measure("one-node loop, pydantic-graph", prepare_pydantic_graph, always(0), LOOP_STEPS))
    return measures
