"""Prints the plan of a target as text."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import TextIO

from cascade._vm import entry_point
from cascade.adapters.protocols import Solver
from cascade.adapters.solvers.native import NativeSolver
from cascade.declare.inputs import input_of
from cascade.declare.resources import Injection
from cascade.events.preview import preview
from cascade.graph.build import build_graph
from cascade.graph.calls import NO_INPUT
from cascade.graph.containers import DICT, EITHER, LIST, SET, TUPLE, Container
from cascade.graph.description import counted, key_words, mode_words, policy_words, printable, write_line
from cascade.graph.model import Graph
from cascade.graph.operations import Map
from cascade.graph.outline import Entry, Outline, outline

ITEMS = 6
DEPTH = 3
BRACKETS = {LIST: "[]", TUPLE: "()", SET: "{}", DICT: "{}"}


@entry_point
def dry_run(target: object, *, solver: Solver | None = None, file: TextIO | None = None) -> None:
    """Prints the plan of a target, stage by stage, with the arguments and policies of each task; nothing is run.

    Calls that only routes of Routers or jumps of state machines lead to follow after the stages.

    Args:
        target: a LazyResult, a container of them, or a Graph.
        solver: makes the plan; by default `NativeSolver`.
        file: the text file to print to; by default sys.stdout.

    Raises:
        TargetError: (a TypeError) `target` is something else.
        CycleError: (a ValueError) the graph depends on itself.
    """
    out = sys.stdout if file is None else file
    for line in plan_lines(target, solver):
        if out is not None:
            write_line(out, line)


def plan_lines(target: object, solver: Solver | None = None) -> Iterator[str]:
    """Returns the lines that `dry_run` prints."""
    return map(printable, _raw_lines(target, solver))


def _raw_lines(target: object, solver: Solver | None) -> Iterator[str]:
    graph = target if isinstance(target, Graph) else build_graph(target)
    plan = (NativeSolver() if solver is None else solver).resolve(graph)
    whole = outline(graph)
    tasks = sum(map(len, plan.stages))
    yield f"plan of {graph.rows[-1][0].name}: {counted(tasks, 'task')} in {counted(len(plan.stages), 'stage')}"
    declared = {(d.kind, d.name): d for d in map(input_of, whole.inputs) if d is not None}
    for each in declared.values():
        yield f"  {each.kind} {each.describe()}"
    for number, stage in enumerate(plan.stages, 1):
        yield f"stage {number}"
        for index in stage:
            yield from _lines(whole, index)
    further = [
        number
        for number in range(whole.rows, len(whole.entries))
        if not isinstance(whole.entries[number].operation, Container)
    ]
    if further:
        yield "where routes and jumps lead"
    for index in further:
        yield from _lines(whole, index)


def _lines(whole: Outline, index: int) -> Iterator[str]:
    """Returns the lines of a call and of its routes and jumps."""
    entry = whole.entries[index]
    yield f"  {_call(whole, index, entry)}"
    for key, route in entry.routes:
        yield f"    {key_words(key)} -> {_value(whole, route, DEPTH)}"
    for key, state in entry.jumps or ():
        yield f"    {key_words(key)} -> {'the end' if state is None else whole.label(state)}"


def _call(whole: Outline, index: int, entry: Entry) -> str:
    operation = entry.operation
    if isinstance(operation, Injection):
        return f"{whole.label(index)}: set up resource {operation.name!r}"
    arguments, words = [], [*mode_words(operation), *policy_words(operation)]
    for position, (name, reference) in enumerate(zip(entry.names, entry.references, strict=False)):
        value, kind = _value(whole, reference, DEPTH), entry.kind_of(position)
        if kind == "data":
            arguments.append(f"{name}={value}")
        else:
            words.append(entry.words(position, value))
    call = f"{whole.label(index)}{'.map' if isinstance(operation, Map) else ''}({', '.join(arguments)})"
    return call + (f"  [{', '.join(words)}]" if words else "")


def _value(whole: Outline, reference: int, depth: int) -> str:
    if reference < 0:
        value = whole.inputs[-1 - reference]
        declared = input_of(value)
        if value is NO_INPUT:
            return "<data of the jump>"
        return preview(value) if declared is None else f"<{declared.name}>"
    entry = whole.entries[reference]
    operation, references = entry.operation, entry.references
    if not isinstance(operation, Container) or not depth:
        return whole.label(reference)
    if operation is EITHER:
        return " or ".join(_value(whole, each, depth - 1) for each in references)
    brackets = BRACKETS.get(operation)
    if brackets is None:
        holder = whole.inputs[-1 - references[0]]
        brackets, references = f"{type(holder).__name__}()", references[1:]
    items = [_value(whole, each, depth - 1) for each in references[: ITEMS * (2 if operation is DICT else 1)]]
    if operation is DICT:
        items = [f"{key}: {value}" for key, value in zip(items[::2], items[1::2], strict=True)]
    more = ", …" if len(references) > ITEMS * (2 if operation is DICT else 1) else ""
    return f"{brackets[:-1]}{', '.join(items)}{more}{brackets[-1]}"
