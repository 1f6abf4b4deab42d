"""The plan of a target, for people."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any, TextIO

from cascade.adapters.solvers.native import NativeSolver
from cascade.graph.build import build_graph
from cascade.graph.model import DICT, EITHER, LIST, SET, TUPLE, Graph, operand_names, task_of
from cascade.runtime.preview import preview
from cascade.spec.inputs import input_of
from cascade.spec.operation import MAP, Managed, StateMachine
from cascade.spec.protocols import Solver
from cascade.spec.resources import Injection
from cascade.spec.task import Task

ITEMS = 6
DEPTH = 3
BRACKETS = {LIST: "[]", TUPLE: "()", SET: "{}", DICT: "{}"}


def dry_run(target: Any, *, solver: Solver | None = None, file: TextIO | None = None) -> None:
    """Prints the plan of a target, stage by stage, with the arguments of each task; nothing is run.

    Args:
        target: a LazyResult, a list or tuple of them, or a Graph.
        solver: makes the plan; by default `NativeSolver`.
        file: where it is printed; by default sys.stdout.

    Raises:
        TargetError: (a TypeError) `target` is something else.
        CycleError: (a ValueError) the graph depends on itself.
    """
    out = sys.stdout if file is None else file
    for line in plan_lines(target, solver):
        print(line, file=out)


def plan_lines(target: Any, solver: Solver | None = None) -> Iterator[str]:
    """The lines that `dry_run` prints."""
    graph = target if isinstance(target, Graph) else build_graph(target)
    plan = (NativeSolver() if solver is None else solver).resolve(graph)
    tasks = sum(map(len, plan.stages))
    yield f"plan of {graph.rows[-1][0].name}: {_count(tasks, 'task')} in {_count(len(plan.stages), 'stage')}"
    declared = {(d.kind, d.name): d for d in map(input_of, graph.inputs) if d is not None}
    for each in declared.values():
        yield f"  {each.kind} {each.describe()}"
    for number, stage in enumerate(plan.stages, 1):
        yield f"stage {number}"
        for index in stage:
            yield f"  {_call(graph, index)}"


def _count(number: int, word: str) -> str:
    return f"{number:,} {word}{'' if number == 1 else 's'}"


def _call(graph: Graph, index: int) -> str:
    operation, *references = graph.rows[index]
    task = task_of(operation)
    assert task is not None
    if isinstance(task, Injection):
        return f"{graph.label(index)}: set up resource {task.name!r}"
    arguments = [
        f"{name}={_value(graph, reference, DEPTH)}"
        for name, reference in zip(operand_names(operation), references, strict=False)
    ]
    words = [*_words_of_task(task), *_words_of_operation(operation)]
    return f"{graph.label(index)}({', '.join(arguments)})" + (f"  [{', '.join(words)}]" if words else "")


def _words_of_task(task: Task[..., Any]) -> Iterator[str]:
    if task.is_async:
        yield "async"
    if task.mode != "inline":
        yield task.mode


def _words_of_operation(operation: Any) -> Iterator[str]:
    """What a node does besides one call, in the order in which it happens."""
    if isinstance(operation, StateMachine):
        yield "states " + ", ".join(state.operation.name for state in operation.states)
    if not isinstance(operation, Managed):
        return
    if operation.kind == MAP:
        yield "map" if operation.concurrency is None else f"map, at most {operation.concurrency:,} at once"
    if operation.cache is not None:
        yield "cached"
    for name, amount in operation.amounts:
        if amount is not None:
            yield f"{name}={amount:g}"
    if operation.retry is not None:
        yield f"at most {_count(operation.retry.max_attempts, 'attempt')}"
    if operation.timeout is not None:
        yield f"timeout {operation.timeout:g} s"


def _value(graph: Graph, reference: int, depth: int) -> str:
    if reference < 0:
        value = graph.inputs[-1 - reference]
        declared = input_of(value)
        return preview(value) if declared is None else f"<{declared.name}>"
    operation, *references = graph.rows[reference]
    if task_of(operation) is not None or not depth:
        return graph.label(reference)
    if operation is EITHER:
        return " or ".join(_value(graph, each, depth - 1) for each in references)
    brackets = BRACKETS.get(operation)
    if brackets is None:
        holder = graph.inputs[-1 - references[0]]
        brackets, references = f"{type(holder).__name__}()", references[1:]
    items = [_value(graph, each, depth - 1) for each in references[: ITEMS * (2 if operation is DICT else 1)]]
    if operation is DICT:
        items = [f"{key}: {value}" for key, value in zip(items[::2], items[1::2], strict=True)]
    more = ", …" if len(references) > ITEMS * (2 if operation is DICT else 1) else ""
    return f"{brackets[:-1]}{', '.join(items)}{more}{brackets[-1]}"
