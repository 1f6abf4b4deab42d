"""Compiled code of targets, compiled once for each shape.

The rows of a graph (see `cascade.graph.model`) hold no values, so calls that differ only in their arguments have equal
rows and share their code. The code is kept by the task that returns the result and goes when that task goes.
"""

from __future__ import annotations

from _thread import allocate_lock
from collections.abc import Callable, Iterable, Iterator, Sequence

from cascade._vm import Code, RouteTemplate, Routine, hands_on_deferred, results_alive, results_made
from cascade.adapters.protocols import Solver
from cascade.adapters.solvers.native import NativeSolver
from cascade.compiler import compile_graph, compile_task
from cascade.declare.lazy import LazyResult, lazy_result
from cascade.declare.resources import Injection
from cascade.declare.task import Task
from cascade.graph.build import flatten
from cascade.graph.model import Graph, Row
from cascade.graph.operations import AnyTask, Map, Operation, PolicyOperation, Route, TaskOperation, operation_of
from cascade.graph.route_table import Around, RouteTable
from cascade.graph.search import argument_holds_results, was_searched
from cascade.imports import TYPE_CHECKING, NamedTuple
from cascade.instructions.graph import INSTRUCTIONS, WORD_FIELDS

if TYPE_CHECKING:
    from typing import TypeGuard

    from cascade.compiler.chains import Joining

    CompiledOperation = AnyTask | TaskOperation
    KeptCode = dict[tuple[Row, ...], object]

SHAPE_LIMIT = 64
ROW_LIMIT = 200_000
"""For each task, at most so many shapes of so many rows in all are kept; the oldest goes first."""

_lock = allocate_lock()


class Hole(NamedTuple):
    """Stands, among the inputs of a route, for a value that it shares with the graph around it."""

    number: int


SEEN = object()
"""In place of a template: the route was entered once."""
NO_TEMPLATE = object()
"""In place of a template: the route cannot have one."""


class _Variants:
    """The code of a graph that may have chains of compute tasks, by how they are joined."""

    def __init__(self) -> None:
        self._codes: dict[Joining, Code] = {}

    def of(self, joining: Joining, make: Callable[[], Code]) -> Code:
        """Returns one of them, which `make` makes when it is first needed."""
        if joining not in self._codes:
            self._codes[joining] = make()
        return self._codes[joining]


class CodeCache:
    """Finds or makes the code of targets, by one solver."""

    def __init__(self, solver: Solver) -> None:
        self.solver = solver
        # Code by plans of another solver is kept apart, as long as that lives.
        self._own: dict[AnyTask | Operation, KeptCode] | None = None if type(solver) is NativeSolver else {}

    def code_of(
        self, target: object, limit: int | None = None, *, hands_on: bool = False, joining: Joining = "none"
    ) -> tuple[Code, Sequence[object]]:
        """Returns the code of a target and the values of its inputs; the arguments as in `flatten`, and `joining` as in `compile_graph`."""
        rows, inputs = flatten(target, limit, hands_on=hands_on, to_run=True)
        operation = rows[-1][0]
        known = operation.derived.code if self._own is None else self._own.get(operation)
        code = known.get(rows) if known is not None else None
        if code is None:
            by_cache = _kept_by_cache(rows)
            if by_cache is not None and self._own is None:
                code = by_cache.get(rows)
            if code is None:
                code = _Variants() if _may_join(rows) else self._compiled(rows, inputs)
                self._keep(operation, rows, code, by_cache)
        if type(code) is _Variants:
            return code.of(joining, lambda: self._compiled(rows, inputs, joining)), inputs
        assert type(code) is Code
        return code, inputs

    def _compiled(self, rows: tuple[Row, ...], inputs: Sequence[object], joining: Joining = "none") -> Code:
        graph = Graph(rows, tuple(inputs))
        return Code(compile_graph(graph, self.solver.resolve(graph), joining))

    def is_single_call(
        self, target: object, limit: int | None = None, *, hands_on: bool = False
    ) -> TypeGuard[LazyResult[object]]:
        """Returns True if a target is no more than a call in place, with values: its task's own code runs it, and no graph is needed.

        The arguments are those of `flatten`; those of a route of a Router are not data, so for these `hands_on` is false.
        """
        if type(target) is not LazyResult or target.policies is not None or self._own is not None:
            return False
        task = target.task
        if type(task) is not Task or task.mode != "inline":
            return False
        made = results_made()
        # Where it is the only one, its arguments hold none.
        if hands_on or was_searched(target, made) or results_alive() == 1:
            return not hands_on_deferred(target.slots, task.binder.gathered)
        if argument_holds_results(target.slots, limit):
            return False
        target.searched = made
        return True

    def code_of_route(self, around: Around) -> tuple[Code, Sequence[object]] | None:
        """Returns the code of the route that a Router continues with, and its inputs: from the second time on, it need not be walked again.

        None at the first time, which may be the only one, and where the route's code has other inputs than constants and shared values.
        """
        if around.route is None:
            return None
        table, route = around.route
        template = table.templates.get(route)
        if template is None and self._own is None:
            table.templates[route] = SEEN
        elif template is SEEN:
            template = table.templates[route] = self._template(route, table)
        if type(template) is RouteTemplate:
            inputs = template.fill(list(around.values.values()), 0)
            if inputs is not None:
                return template.code, inputs
        return None

    def _template(self, route: LazyResult[object], table: RouteTable) -> RouteTemplate | object:
        copy = lazy_result(route.task, route.slots, route.policies)
        holes = [Hole(number) for number in range(len(table.shared))]
        copy.around = Around(dict(zip(table.shared, holes, strict=True)), {})
        code, inputs = self.code_of(copy)
        if type(inputs) is not list:
            return NO_TEMPLATE  # there is something else to be filled in
        return RouteTemplate(code, inputs, [(at, hole.number) for at, hole in enumerate(inputs) if type(hole) is Hole])

    def _keep(
        self, operation: AnyTask | Operation, rows: tuple[Row, ...], code: Code | _Variants, by_cache: KeptCode | None
    ) -> None:
        if len(rows) > ROW_LIMIT:
            return
        with _lock:
            if by_cache is not None:
                known = by_cache if self._own is None else {}  # code by another solver is not shared
            elif self._own is not None:
                known = self._own.setdefault(operation, {})
            elif operation.derived.code is None:
                known = operation.derived.code = {}
            else:
                known = operation.derived.code
            while known and (len(known) >= SHAPE_LIMIT or sum(map(len, known)) + len(rows) > ROW_LIMIT):
                del known[next(iter(known))]
            known[rows] = code


def _may_join(rows: Sequence[Row]) -> bool:
    """Returns whether there may be a chain of compute tasks."""
    return sum(type(row[0]) is Task and row[0].mode == "compute" for row in rows) > 1


def _kept_by_cache(rows: tuple[Row, ...]) -> KeptCode | None:
    """Returns the dict that keeps the code of a graph that uses a cache, in that cache: kept elsewhere, the code would keep it alive.

    None for a graph without caches; code that uses several caches, or one of a user's class, is not kept.
    """
    caches = {
        id(row[0].cache): row[0].cache
        for row in rows
        if isinstance(row[0], PolicyOperation) and row[0].cache is not None
    }
    if not caches:
        return None
    kept = getattr(next(iter(caches.values())), "compiled", None) if len(caches) == 1 else None
    return {} if kept is None else kept.setdefault("code", {})


def loop_code(operation: AnyTask | TaskOperation) -> Code:
    """Returns the code that runs a task on its own; for one with policies, that of a tail call to itself."""
    return Code(compile_task(operation.again if isinstance(operation, PolicyOperation) else operation))


class CompiledTarget:
    """A target with its code, as `cascade.compile` returns it."""

    _code: Code
    _inputs: Sequence[object] | None
    _target: object


def compiled_code(target: CompiledTarget) -> tuple[Code, Sequence[object] | None]:
    """As `target_code`, of a target that has been compiled already."""
    return target._code, target._inputs


def compiled_from(target: CompiledTarget) -> object:
    """Returns the target or the task that was compiled."""
    return target._target


def target_code(target: object) -> tuple[Code, Sequence[object] | None]:
    """Returns the code of a target and its inputs; None for the inputs of a task, whose arguments they are.

    Raises:
        TargetError: (a TypeError) `target` is something else.
    """
    if isinstance(target, Task):
        return loop_code(operation_of(target)), None
    return CodeCache(NativeSolver()).code_of(target)


def task_count(operations: Iterable[CompiledOperation]) -> int:
    """Returns the number of tasks with a start and an end: resources have events of their own, Routers continue with a route."""
    return sum(not isinstance(each, (Injection, Route)) for each in operations)


def calls_of(code: Code) -> Iterator[CompiledOperation]:
    """Returns the operations that the code calls, once for each of its calls."""
    words, constants = code.blueprint.word_table, code.blueprint.constants
    for opcode, constant in zip(words[::WORD_FIELDS], words[2::WORD_FIELDS], strict=True):
        if INSTRUCTIONS[opcode].calls:
            routine = constants[constant]
            assert type(routine) is Routine
            yield routine.operation


def is_asynchronous(code: Code) -> bool:
    """Returns True if a coroutine function is called, so that an event loop is needed in any case."""
    return any(operation.is_async for operation in operations_of(code))


def has_plain_items(operation: Map) -> bool:
    """Returns True if the items of a map are plain calls, so that they can be called in a loop of the VM, or run by kernels."""
    task = operation.task
    return operation.has_plain_items and not task.is_async and task.mode == "inline"


def operations_of(code: Code) -> list[CompiledOperation]:
    """Returns the operations that the code calls."""
    return [constant.operation for constant in code.blueprint.constants if type(constant) is Routine]
