"""Notebooks: a real one is executed; graphs are pictures, explanations and failures tables, and `cs.run` works in a cell."""

from __future__ import annotations

import re
import xml.etree.ElementTree
from typing import Any

import pytest

import cascade as cs

pytestmark = pytest.mark.once
SVG = "image/svg+xml"


@cs.task
def load(path: str) -> list[int]:
    return [len(path)]


@cs.task
def total(numbers: list[int], scale: int = 1) -> int:
    return sum(numbers) * scale


def execute(*cells: str) -> list[Any]:
    nbclient = pytest.importorskip("nbclient")
    nbformat = pytest.importorskip("nbformat")
    pytest.importorskip("ipykernel")
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    nbclient.NotebookClient(notebook, timeout=120, kernel_name="python3").execute()
    return [cell.outputs for cell in notebook.cells]


@pytest.mark.filterwarnings("ignore")  # of the libraries that run it
def test_a_notebook_shows_graphs_runs_both_kinds_of_graphs_and_refuses_what_would_block():
    outputs = execute(
        "import asyncio, threading\n"
        "import cascade as cs\n"
        "@cs.task\n"
        "def add(a, b): return a + b, threading.current_thread() is threading.main_thread()\n"
        "@cs.task\n"
        "async def later(x):\n    await asyncio.sleep(0)\n    return x, threading.current_thread() is threading.main_thread()\n"
        "@cs.task\n"
        "def fails(x): raise ValueError('no <' + x)",
        "add(1, later(2))",
        "cs.run(add(1, 2))",
        "cs.run(later(3))",
        "await cs.arun(later(4))",
        "await later(5)",
        "cs.compile(add)",
        "cs.explain(add(1, 2))",
        "cs.run(fails.map(['a'], on_error='collect'))[0]",
        "async def wrong(): return cs.run(add(1, 2))\n"
        "try:\n    await asyncio.create_task(wrong())\nexcept cs.EventLoopError as error:\n    print(type(error).__name__)",
        "cs.compile(later)(6)",
    )
    graph = outputs[1][0].data
    assert graph["text/plain"] == "<LazyResult of add, not run yet: cs.run(...)>"
    assert graph["text/vnd.mermaid"].startswith("flowchart LR")
    assert xml.etree.ElementTree.fromstring(graph[SVG]).tag.endswith("svg")
    assert [outputs[at][0].data["text/plain"] for at in (2, 3, 4, 5)] == [
        "(3, True)",
        "(3, False)",
        "(4, True)",
        "(5, True)",
    ]
    assert ">add<" in outputs[6][0].data[SVG]
    assert "<td style='text-align:left;vertical-align:top'>call</td>" in outputs[7][0].data["text/html"]
    assert "ValueError: no &lt;a" in outputs[8][0].data["text/html"]
    assert outputs[9][0].text == "EventLoopError\n"
    assert outputs[10][0].data["text/plain"] == "(6, False)"


def test_a_result_a_program_and_a_program_of_a_task_are_pictures():
    for shown in (total(load("a")), cs.compile(total(load("a"))), cs.compile(total)):
        bundle = shown._repr_mimebundle_()
        assert {"text/plain", "text/vnd.mermaid", SVG} == set(bundle)
        texts = [
            each.text for each in xml.etree.ElementTree.fromstring(bundle[SVG]).iter() if each.tag.endswith("text")
        ]
        assert "total" in texts


def test_a_large_graph_is_a_picture_of_its_tasks():
    bundle = total([load(str(n)) for n in range(500)])._repr_mimebundle_()
    assert bundle["text/plain"] == "<LazyResult of total, not run yet: cs.run(...)>, a graph of 502 nodes"
    texts = [each.text for each in xml.etree.ElementTree.fromstring(bundle[SVG]).iter() if each.tag.endswith("text")]
    assert texts == ["load", "500 calls", "total", "1 call", "1"]


def test_a_graph_that_cannot_be_drawn_is_text():
    circle = load("a")
    circle.after(total(circle))
    assert "cannot be drawn: the graph depends on itself" in circle._repr_mimebundle_()["text/plain"]


def test_tables_escape_all_text():
    @cs.task(name="<b>&")
    def hostile(x: int) -> int:
        return x

    html = cs.explain(hostile(1))._repr_html_()
    assert "&lt;b&gt;&amp;" in html
    assert "<b>" not in html
    error = cs.TargetError("<i>what</i>", hint="a\nb")
    assert "&lt;i&gt;what" in error._repr_html_()
    assert "a<br>b" in error._repr_html_()


WATCHED = """
import time
import cascade as cs
from IPython.display import DisplayHandle

shown = []
update = DisplayHandle.update
def noted(handle, bundle, **options):
    shown.append(bundle["text/plain"])
    update(handle, bundle, **options)
DisplayHandle.update = noted

def is_shown():
    return any("iteration" in text and "spin#0" in text for text in shown)

@cs.task
def spin(seconds, begun=0.0):
    begun = begun or time.perf_counter()
    spent = time.perf_counter() - begun
    return spin.tail(seconds, begun) if spent < seconds or (spent < 60 and not is_shown()) else 1

@cs.task
async def later(x):
    return x

@cs.task
def fails(x):
    raise ValueError("<b>no</b>")
"""


@pytest.mark.filterwarnings("ignore")  # of the libraries that run it
def test_progress_is_shown_live_in_the_output_of_the_cell():
    pytest.importorskip("rich")
    outputs = execute(
        WATCHED,
        "cs.run(spin(0.8), observers=[cs.console()])",
        "cs.run(later(spin(0.1)), observers=[cs.console()])",  # in a thread with an event loop of its own
        "print(is_shown(), len(shown))",
        "try:\n    cs.run(fails(1), observers=[cs.console('live')])\nexcept ValueError: pass",
        "import sys; cs.run(later(1), observers=[cs.console(file=sys.stdout)])",
    )
    for cell, name in ((1, "spin"), (2, "later")):
        (live,) = [output for output in outputs[cell] if output.output_type == "display_data"]
        assert f"✓ {name}: " in live.data["text/plain"]
        assert "<pre" in live.data["text/html"]
    is_live, count = outputs[3][0].text.split()
    assert is_live == "True" and int(count) < 20
    assert "&lt;b&gt;no&lt;/b&gt;" in outputs[4][0].data["text/html"]
    assert outputs[5][0].output_type == "stream" and "run of later started" in outputs[5][0].text


MISTAKES = [
    # A cell that fails, and a part of the last lines of its error.
    ("if add(1) == 2: pass", "NotRunError: the result of task 'add' is not known yet, and cannot be compared by =="),
    ("if add(1): pass", "hint: task(...).run_if(condition) or cs.Router(condition, routes)"),
    ("for value in add.map([1]): pass", "hint: call a task for each of its items: task.map(result)"),
    ("add(1).result()", "hint: cs.run(result) runs it, and returns the value"),
    ("add(1).plot()", "hint: read it in a task, which is given the value; or run it first: cs.run(result).plot"),
    ("float(add(1))", "cannot be converted by float()"),
    ("sum(add.map([1]))", "run it first: for item in cs.run(result)"),
    ("max(add(1), 3)", "has no truth value"),
    ("add.map({'a': 1})", "map input 'a' is a dict"),
    ("cs.run(add)", "hint: call it: add(...)"),
    ("cs.run(add(1), add(2))", "hint: several targets go in a list: cs.run([a, b])"),
    ("await later(1); cs.run(later(1))", "and in a cell with an await of its own, write: await cascade.arun(...)"),
    ("await cs.run(add(1))", "and in a cell with an await of its own, write: await cascade.arun(...)"),
    ("cs.run(inside(1))", "where: a task, in which a call of a task is lazy as everywhere"),
    ("cs.run(in_worker.map([1, 0]))", "ZeroDivisionError: division by zero"),
]  # fmt: skip


@pytest.mark.filterwarnings("ignore")  # of the libraries that run it
def test_mistakes_in_cells_are_answered_at_the_line_of_the_cell():
    nbformat, nbclient = pytest.importorskip("nbformat"), pytest.importorskip("nbclient")
    pytest.importorskip("ipykernel")
    pytest.importorskip("loky")
    tasks = (
        "import cascade as cs\n@cs.task\ndef add(a, b=1): return a + b\n@cs.task\nasync def later(x): return x\n"
        "@cs.task\ndef inside(n): return 1 if add(n) > 3 else 2\n@cs.task(mode='compute')\ndef in_worker(n): return 1 / n"
    )
    cells = [nbformat.v4.new_code_cell(cell) for cell in (tasks, *(cell for cell, _ in MISTAKES))]
    notebook = nbformat.v4.new_notebook(cells=cells)
    nbclient.NotebookClient(notebook, timeout=120, kernel_name="python3", allow_errors=True).execute()
    for cell, (_, answer) in zip(notebook.cells[1:], MISTAKES, strict=True):
        (output,) = [output for output in cell.outputs if output.output_type == "error"]
        shown = re.sub(r"\x1b\[[0-9;]*m", "", "\n".join(output.traceback))
        assert answer in shown
        assert (
            "site-packages/cascade" not in shown and "/cascade/declare" not in shown and "/cascade/runtime" not in shown
        )


REDEFINED = """
import warnings
def warned(target, **options):
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("always")
        value = cs.run(target, **options)
    return value, [str(each.message).partition(":")[0] for each in found if each.category is cs.DeclarationWarning]
"""
OLD = "task 'half' has been defined anew since this result was made, and the run calls the old one"


@pytest.mark.filterwarnings("ignore")  # of the libraries that run it
def test_a_task_that_a_cell_defines_anew_is_warned_of_where_a_result_has_the_old_one():
    half = "@cs.task\ndef half(x): return x / 2"
    outputs = execute(
        "import cascade as cs\n" + REDEFINED,
        half,
        "single, graph = half(1), half(half(4))",
        half,  # the cell is run again, unchanged
        "print(warned(single), warned(graph))",
        half.replace("/", "//"),
        "print(warned(single), warned(graph), warned(graph, use_vm=False))",
        "print(warned(half(3)), warned(half.map([3])), warned(half.partial().map([3])))",
    )
    assert outputs[4][0].text == "(0.5, []) (1.0, [])\n"
    assert outputs[6][0].text == f"{(0.5, [OLD])} {(1.0, [OLD])} {(1.0, [OLD])}\n"
    assert outputs[7][0].text == "(1, []) ([1], []) ([1], [])\n"
