"""Drawings and the printed plan."""

from __future__ import annotations

import io
import os
import re
import shutil
import stat
import xml.etree.ElementTree
from typing import Any

import pytest

import cascade as cs
from cascade.errors import DrawingError, TargetError
from cascade.graph.build import build_graph
from cascade.reports import drawing as draw
from cascade.reports.drawing import EDGE_STYLES
from tests.support import workflows
from tests.support.tasks import add, chain, identity, increment, later, one, total
from tests.support.workflows import WORKFLOWS

HOSTILE = [
    'a"b',
    "a\\",
    'x\\"]; evil [label="',
    "<b>&amp;</b>",
    "two\nlines",
    "end",
    "#35;",
    "`md`",
    "é→𝄞",
    "\x00\x1b\ud800",
    "",
    "a --> b",
    "\\N",
]


@cs.resource
def database() -> Any:
    yield 1


@pytest.fixture
def target() -> Any:
    blocking = cs.task(mode="blocking", name="read")(lambda x, db: x)
    return total([blocking(cs.Param("n", 5, type=int), cs.inject(database)), later(cs.Env("HOME")), one()], scale=2)


def test_a_graph_as_dot(target, golden):
    golden("drawing.dot", cs.visualize(target).rstrip("\n"))


def test_a_graph_as_mermaid(target, golden):
    golden("drawing.mermaid", cs.visualize(target, format="mermaid").rstrip("\n"))


def test_the_plan_is_printed(target, golden, capsys):
    assert cs.dry_run(target) is None
    golden("plan", capsys.readouterr().out.rstrip("\n"))
    out = io.StringIO()
    cs.dry_run([one(), one()], file=out)
    assert out.getvalue() == "plan of list: 2 tasks in 1 stage\nstage 1\n  one#0()\n  one#1()\n"


def test_policies_routes_and_states_as_dot(golden):
    golden("workflow.dot", cs.visualize(workflows.everything()).rstrip("\n"))


def parsed(target: Any) -> tuple[dict[str, str], list[tuple[str, str, str]]]:
    """Of a drawing in DOT the labels of nodes by id, and the edges with their labels; the one in Mermaid has the same."""
    nodes, edges = {}, []
    for line in cs.visualize(target).splitlines()[4:-1]:
        name, end, label = re.match(r'  (\w+)(?: -> (\w+))? \[label="((?:[^"\\]|\\.)*)"', line).groups()  # type: ignore[union-attr]
        if end is None:
            nodes[name] = label
        else:
            edges.append((nodes[name], nodes[end] if end in nodes else end, label))
    ends = [(source, nodes.get(end, end), label) for source, end, label in edges]
    mermaid = cs.visualize(target, format="mermaid").splitlines()[1:]
    assert len(mermaid) == len(nodes) + len(edges)
    return nodes, ends


@pytest.mark.parametrize("name", list(WORKFLOWS))
def test_workflows_are_drawn_and_planned(name):
    nodes, edges = parsed(WORKFLOWS[name]())
    assert edges or len(nodes) == 1
    out = io.StringIO()
    cs.dry_run(WORKFLOWS[name](), file=out)
    for label in nodes.values():
        called = label.split("\\n")[0].removesuffix(".map")
        assert called in ("list", "end", "either") or called in out.getvalue()
    again = io.StringIO()
    cs.dry_run(build_graph(WORKFLOWS[name]()), file=again)
    assert again.getvalue() == out.getvalue()


def test_a_machine_has_its_states_and_its_end():
    nodes, edges = parsed(WORKFLOWS["machine with policies"]())
    assert list(nodes.values()).count("rest") == 1 and list(nodes.values()).count("end") == 1
    assert [edge for edge in edges if edge[0] in ("rest", "work\\ntimeout 9 s")] == [
        ("work\\ntimeout 9 s", "rest", "'rest'"), ("work\\ntimeout 9 s", "end", "'done'"), ("rest", "work\\ntimeout 9 s", "0"), ("rest", "end", "None"),
    ]  # fmt: skip
    assert ("end", "add", "a") in edges
    last = add(0, 10)
    _, edges = parsed(cs.bind(increment(1), cs.select_jump({"last": last})))
    assert edges == [("increment", "add", "'last'"), ("add", "end", "")]
    lazy = increment(1)
    assert parsed(cs.bind(lazy, cs.select_jump({"again": lazy})))[1] == [
        ("increment", "increment", "'again'"),
        ("increment", "end", ""),
    ]


def test_what_routes_share_is_drawn_once():
    nodes, edges = parsed(WORKFLOWS["router"]())
    assert [label for label in nodes.values() if label == "add"] == ["add", "add"]
    assert (
        ("increment", "Router", "None") in edges
        and ("elsewhere", "Router", "2") in edges
        and ("CASCADE_TEST_NOWHERE", "add", "b") in edges
    )
    target: Any = one()
    for _ in range(60):
        target = add(cs.Router("a", {"a": target}), cs.Router("a", {"a": target}))
    assert len(parsed(target)[0]) == 181


def test_keys_and_names_are_escaped():
    class Shy:
        def __repr__(self) -> str:
            raise ValueError

    for key in (*HOSTILE, "long" * 100, Shy(), ("a", HOSTILE[2])):
        lazy = increment(1)
        target = cs.Router(identity(1), {key: cs.bind(lazy, cs.select_jump({key: None}))})
        for label in dot_strings(cs.visualize(target)):
            assert len(label) <= 45 and label.isprintable()
        for line in cs.visualize(target, format="mermaid").splitlines()[1:]:
            assert re.fullmatch(r'  \w+([({]+"(\w|[ _.,#;-])+"[)}]+| (-->|==>)(\|"(\w|[ _.,#;-])+"\|)? \w+)', line), (
                line
            )
        cs.dry_run(target, file=io.StringIO())
    constrained = increment(1).with_constraints(**{'a"b\\': 1, "<x>": one()})
    assert 'a\\"b\\\\=1' in cs.visualize(constrained)
    assert dot_strings(cs.visualize(constrained))[-1] == "<x>"


def test_numbers_that_no_float_holds_are_shown():
    assert "timeout 0x" in cs.visualize(one().with_timeout(10**400))


def test_the_plan_tells_policies_maps_routes_and_states(golden, capsys):
    switch = cs.task(mode="blocking", timeout=5)(lambda x: x > 3)
    switch.name = "switch"
    first = one()
    routes = {
        True: increment(first).with_cache(cs.MemoryCache()),
        False: increment.map([1, 2]).with_concurrency(2),
    }
    mapped = (
        increment.map([1, 2])
        .with_concurrency(2)
        .with_retry(4)
        .with_constraints(gpu=0.5, cpu=first)
        .run_if(cs.Param("deep"))
    )
    start, end = increment(0), one().with_retry(1)
    cs.bind(start, cs.select_jump({"on": end, "off": None}))
    cs.dry_run(total([cs.Router(switch(first), routes), mapped.after(start)]))
    golden("plan_of_policies", capsys.readouterr().out.rstrip("\n"))


def test_a_stage_that_may_be_skipped_stands_beside_its_input_in_the_plan():
    out = io.StringIO()
    skipped = lambda value: increment(value).run_if(False)  # noqa: E731
    cs.dry_run(total([cs.pipeline(one(), [skipped, increment])]), file=out)
    assert "increment#3(x=increment#1 or one#0)" in out.getvalue()
    cs.dry_run(cs.pipeline(2, [skipped]), file=out)
    assert "plan of either: 1 task in 1 stage" in out.getvalue()


def test_long_arguments_are_shortened_in_the_plan():
    out = io.StringIO()
    deep: Any = one()
    for _ in range(2000):
        deep = [deep]
    cs.dry_run(add(add([one() for _ in range(100)], {"k": one()}), deep), file=out)
    lines = out.getvalue().splitlines()
    assert "add#102(a=[one#0, one#1, one#2, one#3, one#4, one#5, …], b={'k': one#101})" in out.getvalue() or any(
        "one#5, …]" in line and "'k'" in line for line in lines
    )
    assert max(map(len, lines)) < 500


def dot_strings(text: str) -> list[str]:
    """The labels of nodes, as Graphviz reads them; fails on anything else than the statements that are expected."""
    labels = []
    for line in text.splitlines()[4:-1]:
        match = re.fullmatch(r'  [nie]\d+(?: -> [nie]\d+)? \[label="((?:[^"\\]|\\.)*)", [^"]*("[^"]*")?[^"]*\];', line)
        assert match, line
        labels.append(re.sub(r"\\(.)", r"\1", match[1]))
    return labels


@pytest.mark.parametrize("name", HOSTILE, ids=range(len(HOSTILE)))
def test_names_are_escaped(name):
    lazy = cs.task(name=name)(lambda x: x)(one())
    labels = dot_strings(cs.visualize(lazy))
    printable = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in name)
    assert labels == ["one", printable, "x"]
    for line in cs.visualize(lazy, format="mermaid").splitlines()[1:]:
        assert re.fullmatch(r'  n\d+(\("(\w|[ _.,#;-])+"\)| -->\|"x"\| n\d+)', line), line
    cs.dry_run(lazy, file=io.StringIO())


def test_every_kind_of_edge_has_its_style(monkeypatch):
    from cascade.graph.model import Edge
    from cascade.graph.outline import Outline

    kinds = list(EDGE_STYLES)
    assert kinds == ["data", "order", "condition", "constraint", "route", "jump"]
    graph = build_graph(chain(3))
    edges = [Edge(0, 1, kind, "x") for kind in kinds]
    monkeypatch.setattr(Outline, "edges", lambda self: iter(edges))
    dot = [line for line in cs.visualize(graph).splitlines() if "->" in line]
    mermaid = cs.visualize(graph, format="mermaid").splitlines()[-len(kinds) :]
    assert len(set(dot)) == len(kinds) == len({style.dot for style in EDGE_STYLES.values()})
    assert len(mermaid) == len(kinds)
    assert all(style.meaning for style in EDGE_STYLES.values())


def test_a_large_graph_is_drawn():
    text = cs.visualize(chain(100_000))
    assert text.count("\n") == 5 + 100_000 + 99_999
    assert cs.visualize(total([one() for _ in range(1000)])).count("->") == 1001


def test_wrong_requests_are_refused():
    with pytest.raises(DrawingError, match="did you mean 'svg'"):
        cs.visualize(one(), format="svgg")
    for wrong in (one, 5):
        with pytest.raises(TargetError):
            cs.visualize(wrong)
        with pytest.raises(TargetError):
            cs.dry_run(wrong)


def program(folder: Any, text: str) -> None:
    file = folder / "dot"
    file.write_text("#!/bin/sh\n" + text)
    file.chmod(file.stat().st_mode | stat.S_IXUSR)


@pytest.mark.skipif(os.name != "posix", reason="a shell script stands in for Graphviz")
def test_graphviz_is_called_and_watched(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    program(tmp_path, 'echo "<svg>$1"; cat; echo "</svg>"')
    text = cs.visualize(increment(one()), format="svg")
    assert text == "<svg>-Tsvg\n" + cs.visualize(increment(one())) + "</svg>\n"
    program(tmp_path, "echo broken >&2; exit 3")
    with pytest.raises(DrawingError, match="failed with exit status 3: broken"):
        cs.visualize(one(), format="svg")
    program(tmp_path, "exec sleep 60")
    monkeypatch.setattr(draw, "SVG_SECONDS", 0.2)
    with pytest.raises(DrawingError, match="did not finish within 0.2 s"):
        cs.visualize(one(), format="svg")


@pytest.mark.skipif(shutil.which("dot") is None, reason="Graphviz is not here")
def test_graphviz_understands_it(target):
    for drawn in (target, *(cs.task(name=name)(lambda x: x)(one()) for name in HOSTILE)):
        xml.etree.ElementTree.fromstring(cs.visualize(drawn, format="svg"))
