"""SVG without Graphviz: layers, and pictures that are well-formed whatever names hold."""

from __future__ import annotations

import itertools
import xml.etree.ElementTree
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import cascade as cs
from cascade.reports.layers import lay_out
from cascade.reports.svg import STYLE

pytestmark = pytest.mark.once
NAMESPACE = "{http://www.w3.org/2000/svg}"


@pytest.fixture(autouse=True)
def no_graphviz(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))


@cs.task
def load(n: int) -> int:
    return n


@cs.task
def add(a: int, b: int) -> int:
    return a + b


def drawn(target: Any) -> xml.etree.ElementTree.Element:
    return xml.etree.ElementTree.fromstring(cs.visualize(target, format="svg"))


def of_class(root: xml.etree.ElementTree.Element, name: str) -> list[xml.etree.ElementTree.Element]:
    return [each for each in root.iter() if name in each.get("class", "").split()]


def test_an_svg_needs_no_program():
    root = drawn(add(load(1), load(2)))
    assert [text.text for text in root.iter(f"{NAMESPACE}text")] == ["load", "load", "add"]
    assert len(of_class(root, "node")) == 3
    assert len(of_class(root, "edge")) == 2
    assert root.get("role") == "img"
    assert root.get("aria-label") == "graph of add: 3 nodes"


def test_kinds_of_nodes_and_edges_have_classes():
    router = cs.Router(load(1) % 2, {0: load(2), 1: load(3)})
    root = drawn(add(router, load.map([1])).run_if(load(5)).after(load(6)))
    assert len(of_class(root, "router")) == len(of_class(root, "map")) == 1
    assert len(of_class(root, "route")) == 2
    assert of_class(root, "condition")
    assert of_class(root, "order")


def test_state_machines_lead_back_below_their_states():
    first = load(1)
    root = drawn(cs.bind(first, cs.select_jump({"again": first, "end": None})))
    assert len(of_class(root, "jump")) == 2


@pytest.mark.parametrize(
    "name", ["<script>alert(1)</script>", "\"&'", "]]>", "\x00\x1b[31m", "a" * 500, "名前", "\ud800"]
)
def test_hostile_names_are_text(name):
    svg = cs.visualize(cs.task(name=name)(lambda: 1)(), format="svg")
    xml.etree.ElementTree.fromstring(svg)
    assert "<script" not in svg


edges = st.lists(st.tuples(st.integers(0, 14), st.integers(0, 14)), max_size=40)


@given(edges)
def test_boxes_do_not_overlap_and_edges_lead_to_the_right_but_for_circles(pairs):
    layout = lay_out([(30.0 + 5 * (n % 4), 20.0 + 3 * (n % 3)) for n in range(15)], pairs)
    for one, other in itertools.combinations(layout.boxes, 2):
        apart = one.x + one.width <= other.x + 0.01 or other.x + other.width <= one.x + 0.01
        above = one.y + one.height <= other.y + 0.01 or other.y + other.height <= one.y + 0.01
        assert apart or above
    for box in layout.boxes:
        assert box.x >= -0.01
        assert box.y >= -0.01
        assert box.x + box.width <= layout.width + 0.01
        assert box.y + box.height <= layout.height + 0.01
    forward = [(source, target) for source, target in pairs if source < target]
    if len(forward) == len(pairs):  # no circle
        assert all(layout.boxes[a].x + layout.boxes[a].width < layout.boxes[b].x for a, b in forward)


def test_a_diamond_is_symmetric_and_a_chain_is_straight():
    layout = lay_out([(30, 20)] * 4, [(0, 1), (0, 2), (1, 3), (2, 3)])
    top, one, other, bottom = (box.y for box in layout.boxes)
    assert top == bottom == (one + other) / 2
    chain = lay_out([(30, 20)] * 3, [(0, 1), (1, 2)])
    assert len({box.y for box in chain.boxes}) == 1


def test_an_edge_over_several_layers_goes_around_the_nodes_between():
    layout = lay_out([(30, 20)] * 3, [(0, 1), (1, 2), (0, 2)])
    ((x, y),) = layout.bends[2]
    middle = layout.boxes[1]
    assert middle.x <= x <= middle.x + middle.width
    assert not middle.y <= y <= middle.y + middle.height


def test_nothing_and_one_node_can_be_laid_out():
    assert lay_out([], []).boxes == []
    assert lay_out([(10, 10)], [(0, 0)]).width == 10


def test_colours_are_for_light_and_dark():
    assert "prefers-color-scheme:dark" in STYLE
