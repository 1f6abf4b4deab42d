"""Random graphs of all that there is give the same on both paths and in plain Python; and the comparison would see it if not."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import Any

import pytest

from cascade.graph import walk
from cascade.runtime.nodes import attempts, policies
from cascade.runtime.nodes import dispatch as perform
from cascade.runtime.nodes import plain_items as mapping
from cascade.runtime.nodes import routers as routing
from cascade.runtime.resources import run as run_resources
from tests.support.random_graphs import Graph, Node, Ref, Tally, compare, write_graph
from tests.support.random_graphs.minimise import minimise, shown_by, written

FIRST = int(os.environ.get("CASCADE_SEED", "1"))
AT_ONCE = 50


@pytest.mark.once
@pytest.mark.parametrize("first", range(FIRST, FIRST + 4 * AT_ONCE, AT_ONCE))
def test_random_graphs_are_the_same_in_all_ways(first):
    tally = Tally()
    for seed in range(first, first + AT_ONCE):
        tally.add(compare(write_graph(seed)))  # a difference names its seed
    assert tally.graphs == AT_ONCE
    assert tally.by_model > AT_ONCE / 2
    assert tally.failed > 0


def test_the_same_seed_gives_the_same_graph():
    code = "from tests.support.random_graphs import write_graph; print([write_graph(seed) for seed in range(50)])"
    texts = {
        subprocess.run(
            [sys.executable, "-c", code], capture_output=True, check=True, env={**os.environ, "PYTHONHASHSEED": seed}
        ).stdout
        for seed in "12"
    }
    assert len(texts) == 1


def graph_of(*nodes: Node, targets: int = 1) -> Graph:
    return Graph(0, nodes, targets)


LEASE = Node(kind="resource", scope="task")
FIRST_NODE = Ref(-1)

# Each is a graph that goes wrong when something is taken away from the engine.
MUTATIONS: dict[str, tuple[Any, str, Any, Graph]] = {
    "routes share nothing": (
        walk.Routes,
        "share",
        lambda self: False,
        graph_of(
            Node(), Node(kind="router", routes=(FIRST_NODE,)), Node(kind="router", routes=(FIRST_NODE,)), targets=2
        ),
    ),
    "a route is given a resource as it is": (
        routing,
        "fresh",
        lambda slots: slots,
        graph_of(
            LEASE, Node(args=(FIRST_NODE,)), Node(kind="router", routes=(Ref(1),)), Node(args=(FIRST_NODE,)), targets=2
        ),
    ),
    "a loop keeps a resource": (
        "cascade.runtime.resources.placeholder",
        "fresh",
        lambda slots: slots,
        graph_of(LEASE, Node(call="tail", args=([FIRST_NODE],), steps=1)),
    ),
    "a map does not share defaults": (
        "cascade.declare.binding.Binder",
        "deferred_defaults",
        lambda self, count, names: (),
        graph_of(Node(), Node(kind="map", items=(1,), default=FIRST_NODE)),
    ),
    "items are called plainly": (
        mapping,
        "is_plain",
        lambda operation, context: context.bus is None,
        graph_of(LEASE, Node(kind="map", items=(FIRST_NODE,))),
    ),
    "nothing is skipped": (perform, "skip_reason", lambda operation, operands: None, graph_of(Node(condition=False))),
    "arguments come first": (
        walk,
        "in_order_of_issue",
        lambda operation, operands: operands,
        graph_of(Node(), Node(), Node(args=(Ref(1),), after=FIRST_NODE)),
    ),
    "an attempt too few": (
        policies,
        "attempts",
        lambda call, failure=None: attempts._attempt(call),
        graph_of(Node(failures=1, attempts=2, timeout=True)),
    ),
    "tear-downs in order": (
        run_resources.RunResources,
        "_release",
        lambda self, lifetimes, error: [each.end_now(error) for each in lifetimes] and error,
        graph_of(LEASE, LEASE, Node(args=(FIRST_NODE, Ref(1)))),
    ),
    "a claim is kept": (
        "cascade.runtime.nodes.capacity.Capacity",
        "release_amounts",
        lambda self, wanted: None,
        graph_of(Node(amount=1)),
    ),
}


@pytest.mark.parametrize("name", MUTATIONS)
def test_the_comparison_sees_a_change_of_the_engine(name, monkeypatch):
    place, attribute, replacement, graph = MUTATIONS[name]
    compare(graph)
    if isinstance(place, str):
        monkeypatch.setattr(f"{place}.{attribute}", replacement)
    else:
        monkeypatch.setattr(place, attribute, replacement)
    assert shown_by(graph)[0] is not None


def test_a_graph_is_made_smaller(monkeypatch):
    monkeypatch.setattr(walk.Routes, "share", lambda self: False)
    nodes = (
        Node(attempts=2),
        Node(args=(FIRST_NODE, 5)),
        Node(kind="router", routes=(Ref(1), FIRST_NODE), condition=True),
    )
    graph = Graph(7, (*nodes, Node(kind="router", routes=(Ref(2),)), Node(args=(Ref(1), Ref(2)))), 1)
    kind, text = shown_by(graph)
    assert kind is not None and text.startswith("seed 7: ")
    smaller = minimise(graph, kind)
    assert shown_by(smaller)[0] == kind
    assert len(smaller.nodes) < len(graph.nodes)
    assert eval(written(smaller), {"Graph": Graph, "Node": Node, "Ref": Ref}) == smaller
