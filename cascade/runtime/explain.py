"""explain: in which regime each task of a target runs, and why.

What is said here is read off the very record that the machine decides by: `task.routine`, with its kernels, their
counters, and the reasons for there being none. A task that has not run yet is lowered for the types that are known, which
puts it into that record.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from cascade._vm import NEVER, WHEN_HOT, Kernel, Routine
from cascade.adapters.executors.local import LocalExecutor
from cascade.adapters.solvers.native import NativeSolver
from cascade.compiler.emit import is_managed
from cascade.compiler.lower import types_of
from cascade.compiler.lower.reasons import Reason
from cascade.errors import LoweringError
from cascade.graph.build import build_graph
from cascade.opcodes import TYPED_FIELDS, TYPED_INSTRUCTIONS
from cascade.runtime.host import Host
from cascade.runtime.shapes import Shapes
from cascade.spec.task import Task

AnyTask = Task[..., Any]
UNKNOWN_TYPE = "?"
ANNOTATIONS = {"int": int, "float": float, "bool": bool, "None": type(None)}


@dataclass(frozen=True)
class ExitReport:
    """A place where typed code was left to CPython.

    Attributes:
        file, line: the statement.
        source: its text.
        cause: why.
        count: how often.
    """

    file: str
    line: int
    source: str
    cause: str
    count: int


@dataclass(frozen=True)
class KernelReport:
    """The typed code of a task for one combination of argument types, and what became of it.

    Attributes:
        types: of the arguments.
        runs: how often it was entered.
        steps: tail calls made in it.
        back_edges: how often it went round a loop, tail calls included.
        exits: where it was left before its end.
        retired: whether it is no longer entered, because it kept leaving.
        instructions: how long it is.
    """

    types: tuple[str, ...]
    runs: int
    steps: int
    back_edges: int
    exits: tuple[ExitReport, ...]
    retired: bool
    instructions: int


@dataclass(frozen=True)
class TaskReport:
    """One task.

    Attributes:
        name: the task's.
        regime: "kernel", "call", "managed" or "async" (see docs/lowering.md).
        why: a sentence.
        file, line: where its function is.
        kernels: its typed code.
        reasons: for argument types without typed code, why there is none.
        compilations: how many kernels were made; more than there are when names changed their meaning.
    """

    name: str
    regime: str
    why: str
    file: str
    line: int
    kernels: tuple[KernelReport, ...]
    reasons: tuple[tuple[tuple[str, ...], tuple[Reason, ...]], ...]
    compilations: int


@dataclass(frozen=True)
class Explanation:
    """What `explain` found; `str()` of it is the text.

    Attributes:
        tasks: a report for each task, in the order in which they are called first.
    """

    tasks: tuple[TaskReport, ...]

    def __str__(self) -> str:
        width = max((len(task.name) for task in self.tasks), default=0)
        return "\n".join(line for task in self.tasks for line in _lines(task, width))

    def __getitem__(self, name: str) -> TaskReport:
        """The report of the task of that name."""
        for task in self.tasks:
            if task.name == name:
                return task
        raise KeyError(name)


def explain(target: Any) -> Explanation:
    """Says in which regime each task of a target runs, and why.

    Args:
        target: a task, a LazyResult, or a list or tuple of LazyResults.

    Raises:
        TargetError: (a TypeError) `target` is something else.
        CycleError: (a ValueError) a task of the target depends on itself.

    >>> from cascade import explain, task
    >>> @task(lower=False)
    ... def double(x):
    ...     return 2 * x
    >>> explain(double)["double"].regime
    'call'
    """
    if isinstance(target, Task):
        return explain_tasks([(target, annotated(target))])
    graph = build_graph(target)
    found: dict[AnyTask, tuple[str, ...]] = {}
    for row in graph.rows:
        if isinstance(row[0], Task) and row[0] not in found:
            found[row[0]] = _known_types(row, graph.inputs)
    return explain_tasks(found.items())


def explain_tasks(tasks: Iterable[tuple[AnyTask, Sequence[str]]]) -> Explanation:
    """The reports of tasks; those that have not run are lowered for the given types, where all of these are known."""
    return Explanation(tuple(_report(task, tuple(types)) for task, types in tasks))


def _report(task: AnyTask, types: tuple[str, ...]) -> TaskReport:
    routine = task.routine
    _lower(task, routine, types)
    code = getattr(task.func, "__code__", None)
    regime, why = _regime(task, routine)
    return TaskReport(
        name=task.name,
        regime=regime,
        why=why,
        file=getattr(code, "co_filename", ""),
        line=getattr(code, "co_firstlineno", 0),
        kernels=tuple(_kernel(kernel) for kernel in routine.kernels),
        reasons=tuple(routine.reasons),
        compilations=routine.made,
    )


def _lower(task: AnyTask, routine: Routine, types: tuple[str, ...]) -> None:
    never = routine.lowering == NEVER or is_managed(task) or task.is_async
    if never or routine.kernels or routine.reasons or UNKNOWN_TYPE in types:
        return
    try:
        routine.lower(Host(Shapes(NativeSolver()), LocalExecutor()), types)
    except LoweringError:
        pass  # the reason is in the record


def _regime(task: AnyTask, routine: Routine) -> tuple[str, str]:
    if task.is_async:
        return "async", "its calls are awaited"
    if is_managed(task):
        return "managed", f'mode="{task.mode}"'
    if any(not kernel.retired for kernel in routine.kernels):
        return "kernel", "its function runs as typed code"
    if routine.kernels:
        return "call", "its typed code was left so often that calling the function is faster"
    if task.lower is False:
        return "call", "lower=False"
    if routine.reasons:
        return "call", "not lowered"
    if routine.lowering == NEVER:
        return "call", "not a plain Python function"
    if routine.lowering == WHEN_HOT:
        return "call", "a function without a loop is lowered after 1,000 tail calls"
    return "call", "the types of its arguments are not known: run it first, or annotate its parameters"


def _kernel(kernel: Kernel) -> KernelReport:
    code = kernel.code
    words = memoryview(code.words).cast("i")
    exits: dict[tuple[str, int, str, str], int] = {}
    for number, count in kernel.exits_by_word().items():
        row = TYPED_INSTRUCTIONS[words[number * TYPED_FIELDS]]
        source, line = code.lines[number]
        key = (source.file, line, source.line(line), row.leaves)
        exits[key] = exits.get(key, 0) + count
    return KernelReport(
        types=code.types,
        runs=kernel.entries,
        steps=kernel.steps,
        back_edges=kernel.work,
        exits=tuple(ExitReport(*key, count) for key, count in sorted(exits.items())),
        retired=kernel.retired,
        instructions=len(code.lines),
    )


def _known_types(row: Sequence[Any], inputs: Sequence[Any]) -> tuple[str, ...]:
    # A reference to an input is negative; what other tasks give is known from annotations only.
    kinds = annotated(row[0])
    refs = row[1:]
    if len(refs) != len(kinds):
        return kinds
    return tuple(
        types_of((type(inputs[~ref]),))[0] if ref < 0 else kind for ref, kind in zip(refs, kinds, strict=True)
    )


def annotated(task: AnyTask) -> tuple[str, ...]:
    """The types of the parameters as they are annotated; "?" where that says nothing."""
    try:
        parameters = inspect.signature(task.func).parameters.values()
    except (TypeError, ValueError):
        return tuple(UNKNOWN_TYPE for _ in task.binder.parameters)
    result = []
    for parameter in parameters:
        found = parameter.annotation
        kind = found if isinstance(found, type) else ANNOTATIONS.get(str(found))
        result.append(types_of((kind,))[0] if kind in ANNOTATIONS.values() and kind is not None else UNKNOWN_TYPE)
    return tuple(result)


def _lines(task: TaskReport, width: int) -> Iterable[str]:
    yield f"{task.name:<{width}}  {task.regime:<8} {task.why}"
    for kernel in task.kernels:
        state = ", retired" if kernel.retired else ""
        yield (
            f"    {task.name}({', '.join(kernel.types)}): {kernel.instructions} instructions, {kernel.runs:,} runs, "
            f"{kernel.back_edges:,} back edges ({kernel.steps:,} steps), {sum(e.count for e in kernel.exits):,} exits{state}"
        )
        for way in kernel.exits:
            yield f"        {way.count:,} times at {way.file}:{way.line}: {way.cause}: {way.source}"
    for types, reasons in task.reasons:
        yield f"    {task.name}({', '.join(types)}) is not lowered:"
        for reason in reasons:
            where = f"{reason.file}:{reason.line}:{reason.column + 1}: " if reason.file else ""
            yield f"        {where}{reason.code} {reason.construct}: {reason.hint}"
    if task.compilations > len(task.kernels) + len(task.reasons):
        yield f"    {task.compilations} kernels were made: names that the code relies on changed their meaning"
