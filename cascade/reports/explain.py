"""Explains in which regime each task of a target runs, and why.

The reports are read from the records that the VM itself decides by: the instructions that call a task, and
`task.routine`, with its kernels, their counters, and the diagnostics where there are none. A task that has not run yet is lowered
for the types that are known, which puts it into that record.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from cascade._vm import AT_ONCE, NEVER, WHEN_HOT, Kernel, Routine, entry_point
from cascade.adapters.solvers.native import NativeSolver
from cascade.compiler import compile_graph, compile_task
from cascade.compiler.code_cache import CompiledTarget, compiled_code, has_plain_items, target_code
from cascade.declare.inputs import input_of
from cascade.declare.resources import Injection
from cascade.declare.task import Task
from cascade.errors import PAGE, LoweringError
from cascade.graph.description import called_name, counted, dependence_words, policy_words, printable
from cascade.graph.operations import Map, Route, StateMachine, TaskOperation
from cascade.graph.outline import Shared, graph_of_routes
from cascade.graph.route_table import RouteTable
from cascade.instructions.blueprint import Blueprint
from cascade.instructions.causes import CODES
from cascade.instructions.graph import INSTRUCTIONS, WORD_FIELDS
from cascade.instructions.kernel import KERNEL_WORD_FIELDS
from cascade.kernels import TYPES, types_of
from cascade.kernels.diagnostics import SLOWER_THAN_CALLING, Diagnostic
from cascade.kernels.on_demand import OnDemand, diagnostics_of
from cascade.reports import block_kernels
from cascade.reports.block_kernels import BlockKernelReport

AnyTask = Task[..., object]
UNKNOWN_TYPE = "?"
ANNOTATIONS = {"int": int, "float": float, "bool": bool, "None": type(None)}


@dataclass(frozen=True)
class ExitReport:
    """A side exit: a program point where typed code continued in CPython.

    Attributes:
        file, line: of the statement.
        source: its text.
        cause: of the exit.
        code: of the cause; docs/lowering.md lists the codes.
        count: the number of exits.
    """

    file: str
    line: int
    source: str
    cause: str
    code: str
    count: int


@dataclass(frozen=True)
class KernelReport:
    """The typed code of a task for one combination of argument types, and its counters.

    Attributes:
        types: of the arguments.
        runs: the number of entries.
        steps: tail calls made in it.
        back_edges: the number of loop iterations, tail calls included.
        exits: its side exits.
        retired: whether it is no longer entered, because it exited too often, or was slower.
        instructions: its number of instructions.
        seconds: the time of a call as typed code, and in CPython, by the last measurement of both; None without one.
        retired_in_maps: whether it is no longer used for the items of maps, because it was slower.
        seconds_in_maps: as `seconds`, for an item of a map.
        in_machine_code: how many of its instructions machine code executes without a handler; 0 where there is none.
    """

    types: tuple[str, ...]
    runs: int
    steps: int
    back_edges: int
    exits: tuple[ExitReport, ...]
    retired: bool
    instructions: int
    seconds: tuple[float, float] | None
    retired_in_maps: bool
    seconds_in_maps: tuple[float, float] | None
    in_machine_code: int = 0

    @property
    def tier(self) -> str:
        """What executes it: "machine code", or "handlers" only."""
        return block_kernels.tier(self.in_machine_code)


@dataclass(frozen=True)
class TaskReport:
    """One task, or one state machine, whose states may have typed code together.

    Attributes:
        name: of the task; `machine name` for a state machine whose first state calls the task of that name.
        regime: "kernel", "call", "managed" or "async" (see docs/lowering.md); for a task that is called both with
            policies and without, the regime of the calls without.
        why: a sentence.
        managed: the policies of each of its calls with policies. Where it has no other calls, "managed" is the regime of those that
            call the function, and "kernel" of those that run typed code.
        file, line: of its function.
        kernels: its typed code.
        reasons: the diagnostics for argument types that have no kernel of numbers.
        outdated: the number of kernels that were given up, as global names that they rely on were rebound.
        block_kernel: the kernel of its function for values of all types, which is made as it is executed; None where there is none (yet).
        refusal: why its function can have no such kernel; None where it can.
        calls_before_kernel: at which call from now on that kernel is made; 0 where there is one, or will be none.
    """

    name: str
    regime: str
    why: str
    managed: tuple[str, ...]
    file: str
    line: int
    kernels: tuple[KernelReport, ...]
    reasons: tuple[tuple[tuple[str, ...], tuple[Diagnostic, ...]], ...]
    outdated: int
    block_kernel: BlockKernelReport | None
    refusal: Diagnostic | None
    calls_before_kernel: int


@dataclass(frozen=True, repr=False)
class Explanation:
    """The reports of `explain`, with a text for `print` and interactive sessions.

    Attributes:
        tasks: a report for each task, in the order in which they are called first.
    """

    tasks: tuple[TaskReport, ...]

    def __str__(self) -> str:
        width = max((len(task.name) for task in self.tasks), default=0)
        return with_pages("\n".join(printable(line) for task in self.tasks for line in task_lines(task, width)))

    __repr__ = __str__

    def _repr_html_(self) -> str:
        """Shows the reports in a notebook, one a row."""
        from cascade.reports.notebook import table

        return table(
            ("task", "regime", "why", "where"),
            [
                (each.name, each.regime, each.why, f"{each.file}:{each.line}" if each.file else "")
                for each in self.tasks
            ],
        )

    def __getitem__(self, name: str) -> TaskReport:
        """Returns the report of the task of that name."""
        for task in self.tasks:
            if task.name == name:
                return task
        raise KeyError(name)


def with_pages(text: str) -> str:
    """Returns a text about tasks with a last line that names the pages of the codes in it."""
    codes = dict.fromkeys(re.findall(r"\bCS1\d\d\b", text))
    return f"{text}\nmore: {PAGE.format(' '.join(codes))}" if codes else text


@entry_point
def explain(target: object) -> Explanation:
    """Returns the regime in which each task of a target runs, and why, including routes and states of state machines.

    Args:
        target: a task, a LazyResult, a container of LazyResults, a Graph or a Program.

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
    code, inputs = compiled_code(target) if isinstance(target, CompiledTarget) else target_code(target)
    return explain_code(code.blueprint, inputs)


def explain_code(blueprint: Blueprint, inputs: Sequence[object] | None) -> Explanation:
    """Returns reports of the tasks that code calls; tasks that have not run are lowered where their types are known.

    Args:
        inputs: of the code; None where they are the arguments of a task.
    """
    survey = _Survey()
    survey.add(blueprint, inputs)
    for calls in survey.found.values():
        routine = calls.called.routine
        if calls.types is not None and routine.lowering != NEVER:
            _lower(routine, calls.types)
        if calls.types_with_policies is not None and routine.call_lowering >= AT_ONCE:
            _lower(routine, calls.types_with_policies)
    return Explanation(tuple(map(_report, survey.found.values())))


@dataclass
class _Calls:
    """The calls of a task or of a state machine.

    Attributes:
        types: of the arguments of the first call that has an instruction of its own; None without one.
        inside: its other callers without policies: "called for each item of a map", or state machines.
        with_policies: the policies of its other calls.
        types_with_policies: of the arguments of the first of those; None without one, and for a map.
    """

    called: AnyTask | StateMachine
    types: tuple[str, ...] | None = None
    inside: dict[str | StateMachine, None] = field(default_factory=dict)
    with_policies: dict[str, None] = field(default_factory=dict)
    types_with_policies: tuple[str, ...] | None = None


class _Survey:
    """Collects the calls of tasks from code."""

    def __init__(self) -> None:
        self.found: dict[AnyTask | StateMachine, _Calls] = {}

    def add(
        self,
        blueprint: Blueprint,
        inputs: Sequence[object] | None,
        inside: StateMachine | None = None,
        deep: bool = True,
    ) -> None:
        """Adds the calls of a blueprint.

        Args:
            inside: the state machine whose blueprint it is.
            deep: whether to add the routes of its inputs' Routers as well.
        """
        machines: dict[StateMachine, None] = {}
        words = blueprint.word_table
        written: set[int] = set()  # slots that no longer hold inputs
        for at in range(0, len(words), WORD_FIELDS):
            opcode, a, b, c = words[at : at + WORD_FIELDS]
            row = INSTRUCTIONS[opcode]
            if row.calls:
                routine = blueprint.constants[b]
                assert type(routine) is Routine
                slots = [source >> 1 for source in row.c.sources(c, blueprint)]
                known = (
                    None
                    if inputs is None
                    else [Shared(s) if s in written or s >= len(inputs) else inputs[s] for s in slots]
                )
                if isinstance(routine.operation, StateMachine):
                    machines[routine.operation] = None
                    self._machine(routine.operation, known)
                else:
                    self._call(routine, row.policies, known, inside)
            written.add(row.a.writes(a))
        for machine in machines:
            self.add(compile_task(machine), None, machine)
        tables = [value for value in inputs or () if type(value) is RouteTable]
        if tables and deep:
            graph = graph_of_routes(tables)
            self.add(compile_graph(graph, NativeSolver().resolve(graph)), graph.inputs, deep=False)

    def _machine(self, machine: StateMachine, values: Sequence[object] | None) -> None:
        kinds = [kind for state in machine.states for kind in annotated(state.operation.task)]
        if machine not in self.found:
            given = None if values is None else values[machine.arguments]
            self.found[machine] = _Calls(machine, _known_types(tuple(kinds), given))

    def _call(
        self, routine: Routine, policies: bool, values: Sequence[object] | None, inside: StateMachine | None
    ) -> None:
        operation, task = routine.operation, routine.owner
        if isinstance(operation, Route):
            return
        calls = self.found.setdefault(task, _Calls(task))
        if isinstance(operation, Map) and has_plain_items(operation):
            calls.inside[OF_MAP] = None
        elif policies:
            calls.with_policies[_policies_of(operation, task)] = None
            if calls.types_with_policies is None and not isinstance(operation, Map):
                given = None if values is None else values[: len(task.parameters)]
                calls.types_with_policies = _known_types(annotated(task), given)
        elif inside is not None:
            calls.inside[inside] = None
        elif calls.types is None:
            calls.types = _known_types(annotated(task), values)


OF_MAP = "called for each item of a map"


def _policies_of(operation: object, task: AnyTask) -> str:
    words = [*(["a map"] if isinstance(operation, Map) else []), *policy_words(operation), *dependence_words(operation)]
    if task.mode != "inline":
        words.append("a resource" if isinstance(task, Injection) else f'mode="{task.mode}"')
    if not words:
        words.append(
            "a dependency may be skipped" if isinstance(operation, TaskOperation) else "it is given a resource"
        )
    return ", ".join(words)


def _report(calls: _Calls) -> TaskReport:
    called, routine = calls.called, calls.called.routine
    code = getattr(called.task.func, "__code__", None)
    regime, why = _regime(calls, routine)
    return TaskReport(
        name=called_name(called),
        regime=regime,
        why=why,
        managed=tuple(calls.with_policies),
        file=getattr(code, "co_filename", ""),
        line=getattr(code, "co_firstlineno", 0),
        kernels=tuple(_kernel(kernel) for kernel in routine.kernels),
        reasons=diagnostics_of(calls.called.task, routine),
        outdated=routine.outdated,
        block_kernel=None if routine.block_kernel is None else block_kernels.report(routine.block_kernel),
        refusal=(refusal := block_kernels.refusal(routine)),
        calls_before_kernel=0 if refusal is not None else routine.calls_before_block_kernel,
    )


def _lower(routine: Routine, types: tuple[str, ...]) -> None:
    if routine.kernels or routine.diagnostics or UNKNOWN_TYPE in types:
        return
    try:
        routine.lower(OnDemand(), types)
    except LoweringError:
        pass  # its diagnostics are in the record


def _regime(calls: _Calls, routine: Routine) -> tuple[str, str]:
    if calls.types is None and not calls.inside:
        policies = "; ".join(calls.with_policies)
        if _has_kernels_for_calls(routine):
            return "kernel", f"its function runs as typed code, under policies: {policies}"
        retired = None if routine.block_kernel is None else block_kernels.regime(routine)
        return "managed", policies if retired is None else f"{policies}; {retired[1]}"
    regime, why = (
        _of_machine(routine) if isinstance(calls.called, StateMachine) else _of_task(calls, calls.called, routine)
    )
    if calls.with_policies:
        why += "; its other calls run with policies: " + "; ".join(calls.with_policies)
    return regime, why


def _has_kernels_for_calls(routine: Routine) -> bool:
    """Returns whether calls with policies run as typed code."""
    blocks = routine.block_kernel
    if blocks is not None and not blocks.retired:
        return True
    return any(not kernel.retired and kernel.code.loops for kernel in routine.kernels)


def _alive(kernels: Iterable[Kernel]) -> bool:
    return any(not kernel.retired for kernel in kernels)


def _why_retired(kernels: Sequence[Kernel]) -> str:
    slower = [kernel.trial_seconds for kernel in kernels if kernel.slower]
    return _times(SLOWER, slower[0]) if slower else EXITED_OFTEN


def _times(text: str, seconds: tuple[float, float] | None) -> str:
    typed, plain = seconds or (1.0, 1.0)
    return f"{SLOWER_THAN_CALLING} {text.format(typed / (plain or 1.0))}"


EXITED_OFTEN = "its typed code exited so often that calling the function is faster"
SLOWER = "its typed code takes {:.2f} times as long as calling the function"
SLOWER_IN_MAPS = "an item of its maps takes {:.2f} times as long with typed code as calling the function"
UNKNOWN = "the types of its arguments are not known: run it first, or annotate its parameters"


def _of_machine(routine: Routine) -> tuple[str, str]:
    if _alive(routine.kernels):
        return "kernel", "its states run as typed code"
    if routine.kernels:
        return "call", _why_retired(routine.kernels)
    if routine.diagnostics:
        return "call", "not lowered"
    if routine.lowering == NEVER:
        return "call", "not lowered, as one of its states has policies or is never lowered"
    return (
        "call",
        "a state machine of functions without a loop is lowered after 20,000 steps"
        if routine.lowering == WHEN_HOT
        else UNKNOWN,
    )


def _of_task(calls: _Calls, task: AnyTask, routine: Routine) -> tuple[str, str]:
    if task.is_async:
        return "async", "its calls are awaited"
    # Typed code without a loop runs only for items of maps.
    own = [kernel for kernel in routine.kernels if kernel.code.loops or task.lower]
    slower = [kernel.map_trial_seconds for kernel in routine.kernels if kernel.retired_in_maps]
    if slower and calls.types is None and OF_MAP in calls.inside and len(slower) == len(routine.kernels):
        return "call", _times(SLOWER_IN_MAPS, slower[0])
    if _alive(own):
        if all(kernel.entries and not kernel.work and kernel.exits >= kernel.entries for kernel in own):
            return "kernel", "its function begins as typed code, and exited before its loop in every run"
        return "kernel", "its function runs as typed code"
    items = OF_MAP in calls.inside and any(
        not kernel.retired_in_maps for kernel in routine.kernels if not kernel.retired
    )
    if calls.types is None:
        if items:
            return "kernel", "items of its maps run as typed code"
        for machine in calls.inside:
            if isinstance(machine, StateMachine) and _alive(machine.routine.kernels):
                return "kernel", f"in the typed code of {called_name(machine)}"
    regime, why = _by_calls(calls, task, routine, own)
    return regime, f"{why}; items of its maps run as typed code" if items else why


def _by_calls(calls: _Calls, task: AnyTask, routine: Routine, own: Sequence[Kernel]) -> tuple[str, str]:
    is_called = calls.types is not None or set(calls.inside) != {OF_MAP}  # otherwise only for items of maps
    found = block_kernels.regime(routine) if is_called or routine.block_kernel is not None else None
    if not own:
        return found or ("call", _why_called(calls, task, routine))
    retired = _why_retired(own)
    return (
        ("call", retired) if found is None else (found[0], f"{found[1]}; its kernel of numbers was given up: {retired}")
    )


def _why_called(calls: _Calls, task: AnyTask, routine: Routine) -> str:
    if task.lower is False:
        return "lower=False"
    if routine.diagnostics or block_kernels.refusal(routine) is not None:
        return "not lowered"
    if routine.lowering == NEVER:
        return "not a plain Python function" if task.policies is None else "a task with default policies is not lowered"
    if calls.types is None:
        return ", ".join(
            f"a state of {called_name(each)}" if isinstance(each, StateMachine) else each for each in calls.inside
        )
    return (
        "a function without a loop is lowered after 20,000 tail calls, or 2,000 that are spelled `return task(...)`"
        if routine.lowering == WHEN_HOT
        else UNKNOWN
    )


def _kernel(kernel: Kernel) -> KernelReport:
    code = kernel.code
    words = memoryview(code.words).cast("i")
    exits: dict[tuple[str, int, str, str, str], int] = {}
    for number, count in kernel.exits_by_word().items():
        cause = block_kernels.cause_of(words[number * KERNEL_WORD_FIELDS], "")
        source, line = code.lines[number]
        key = (source.file, line, source.line(line).strip(), cause, CODES[cause])
        exits[key] = exits.get(key, 0) + count
    return KernelReport(
        types=code.types,
        runs=kernel.entries,
        steps=kernel.steps,
        back_edges=kernel.work,
        exits=tuple(ExitReport(*key, count) for key, count in sorted(exits.items())),
        retired=kernel.retired,
        seconds=kernel.trial_seconds,
        retired_in_maps=kernel.retired_in_maps,
        seconds_in_maps=kernel.map_trial_seconds,
        instructions=len(code.lines),
        in_machine_code=kernel.forms_in_machine_code,
    )


def _known_types(kinds: tuple[str, ...], values: Sequence[object] | None) -> tuple[str, ...]:
    """Returns the types of arguments; `kinds` are those of the annotations."""
    # Results of other tasks, and parameters without a type, are known from annotations only.
    if values is None or len(values) != len(kinds):
        return kinds
    return tuple(_known_type(value, kind) for value, kind in zip(values, kinds, strict=True))


def _known_type(value: object, annotated: str) -> str:
    declared = input_of(value)
    if declared is not None:
        return TYPES.get(declared.type, annotated) if isinstance(declared.type, type) else annotated
    return annotated if type(value) is Shared else types_of((type(value),))[0]


def annotated(task: AnyTask) -> tuple[str, ...]:
    """Returns the annotated types of the parameters; "?" for one that is not annotated with a plain type."""
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


def task_lines(task: TaskReport, width: int, parts: bool = True) -> Iterator[str]:
    """Yields the text of a report.

    Args:
        width: of the longest name.
        parts: whether exits, call-outs and diagnostics of a line are listed; without, they stand beside the source (`beside_source`).
    """
    yield f"{task.name:<{width}}  {task.regime:<8} {task.why}"
    for kernel in task.kernels:
        yield from _kernel_lines(task, kernel, parts)
    if task.block_kernel is not None:
        yield from block_kernels.lines(task.block_kernel, parts)
    yield from _refusals(task, parts)
    if task.outdated:
        yield f"    {counted(task.outdated, 'earlier kernel')} given up: names that the code relies on changed their meaning"


def _kernel_lines(task: TaskReport, kernel: KernelReport, parts: bool) -> Iterator[str]:
    state = ", retired" if kernel.retired else ", retired in maps" if kernel.retired_in_maps else ""
    yield (
        f"    {task.name}({', '.join(kernel.types)}): {counted(kernel.instructions, 'instruction')}"
        f"{block_kernels.in_machine_code(kernel.in_machine_code)}, {counted(kernel.runs, 'run')}, {counted(kernel.back_edges, 'back edge')} "
        f"({counted(kernel.steps, 'step')}), {counted(sum(each.count for each in kernel.exits), 'side exit')}{state}"
    )
    for subject, seconds in (("a call", kernel.seconds), ("an item of a map", kernel.seconds_in_maps)):
        if seconds is not None:
            yield f"        {subject} took {1e6 * seconds[0]:.2f} us with typed code, {1e6 * seconds[1]:.2f} us by CPython"
    for way in kernel.exits if parts else ():
        yield f"        {block_kernels.times(way.count)} at {way.file}:{way.line}: {way.cause}: {way.source} ({way.code})"


def _refusals(task: TaskReport, parts: bool) -> Iterator[str]:
    for heading, reasons in refused(task):
        yield heading
        yield from (_diagnostic(reason) for reason in reasons if parts or not reason.file)


def refused(task: TaskReport) -> Iterator[tuple[str, tuple[Diagnostic, ...]]]:
    """Yields why there is no kernel: a heading, and the diagnostics below it."""
    if task.refusal is not None:
        yield f"    {task.name} can have no kernel:", (task.refusal,)
    elif task.block_kernel is None and not task.calls_before_kernel:
        for types, reasons in task.reasons:
            yield f"    {task.name}({', '.join(types)}) is not lowered:", reasons


def _diagnostic(reason: Diagnostic) -> str:
    where = f"{reason.file}:{reason.line}:{reason.column + 1}: " if reason.file else ""
    return f"        {where}{reason.code} {reason.construct}: {reason.hint}"
