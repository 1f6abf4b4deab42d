"""Frames as rows, and back: the one place that knows how.

A frame is saved as plain data: its code, its position, the values that are there, and the calls that are under way with their
operands. Its code is a graph, found by its *shape* (the results that it was built of, without their values), a task, found by its
name, or an operation in a row of a graph.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple, cast
from weakref import WeakKeyDictionary

from cascade._vm import ABSENT, Code, FrameState, loop_code_of, scalars_of
from cascade.adapters.caches.keys import digest
from cascade.declare.lazy import LazyResult
from cascade.durable.codec import LARGE, ROUTES, StateWriter, unsaved
from cascade.durable.migrations import task_path
from cascade.errors import KeyingError, SavingError, StoreError
from cascade.graph.build import flatten
from cascade.graph.model import Graph, Row
from cascade.graph.operations import AnyTask, Operation, PolicyOperation, StateMachine, operation_of
from cascade.graph.route_table import RouteTable
from cascade.instructions.graph import INSTRUCTIONS, WORD_FIELDS
from cascade.runtime.spine.run_context import RunContext
from cascade.runtime.spine.walk_state import WalkCode, WalkState

State = FrameState | WalkState
AnyOperation = AnyTask | Operation
Written = list[Any]
"""A frame as plain data: code, position, values, calls, owner and position there, flags, numbers, origin."""


class Shape(NamedTuple):
    """That by which a graph is found again.

    Attributes:
        key: the digest of `data`; empty for the graph of the run's target.
        data: the results that it was built of, written without their values.
        blobs: the large values of `data`.
        operations: those of its rows.
    """

    key: bytes
    data: bytes
    blobs: Mapping[bytes, bytes]
    operations: Mapping[int, AnyOperation]


class Shapes:
    """The shapes of the graphs of one run.

    Graphs of the same rows have one code. Where they have Routers, they are told apart by the routes, which are an input.

    Attributes:
        pickle: as of `StateWriter`.
        tasks: those that were written, by their names.
    """

    def __init__(self) -> None:
        self._writer = StateWriter()
        self._of_code: dict[Code, Shape | SavingError] = {}
        self._of_routes: WeakKeyDictionary[RouteTable, LazyResult[object] | Shape | SavingError] = WeakKeyDictionary()
        self._known: dict[bytes, Shape] = {}
        self.tasks = self._writer.tasks
        self.references: dict[AnyOperation, tuple[Shape | None, list[object]]] = {}  # of those that frames stand in

    @property
    def pickle(self) -> bool:
        return self._writer.pickle

    @pickle.setter
    def pickle(self, pickle: bool) -> None:
        self._writer.pickle = pickle

    def root(
        self, operations: Mapping[int, AnyOperation], code: Code | None = None, inputs: Sequence[object] = ()
    ) -> Shape:
        """Notes the graph of the run's target."""
        shape = self._known[b""] = Shape(b"", b"", {}, operations)
        if code is not None:
            self._of_code[code] = shape
        self._of_routes.update((each, shape) for each in inputs if type(each) is RouteTable)
        return shape

    def note_code(self, code: Code, inputs: Sequence[object], deferred: LazyResult[object]) -> None:
        """Notes the code of a graph that a task has returned, and its inputs."""
        if code not in self._of_code:
            self._of_code[code] = self._made_or_error(deferred, code)
        if RouteTable in map(type, inputs):
            for each in inputs:
                if type(each) is RouteTable:
                    self._of_routes.setdefault(each, deferred)

    def _made_or_error(self, deferred: LazyResult[object], code: Code) -> Shape | SavingError:
        try:
            return self.made(deferred, rows_of(code))
        except SavingError as error:
            return error
        except KeyingError as error:
            return unsaved("a graph that a task has returned", deferred.task, error)

    def made(self, deferred: LazyResult[object], operations: Mapping[int, AnyOperation]) -> Shape:
        """Returns the shape of a graph."""
        around = getattr(deferred, "around", None)
        data = self._writer.shape(deferred, () if around is None else around.values)
        key = digest(data)
        if key not in self._known:
            self._known[key] = Shape(key, data, dict(self._writer.blobs), operations)
        return self._known[key]

    def of(self, state: State) -> Shape:
        """Returns the shape of a frame's graph."""
        if isinstance(state, WalkState):
            return cast("Shape", state.code.shape)
        found: LazyResult[object] | Shape | SavingError = self._of_code[state.code]
        for value in (*state.slots, *(operand for _, operands in state.calls for operand in operands)):
            if type(value) is RouteTable:
                found = self._of_routes[value]
                if isinstance(found, LazyResult):
                    found = self._of_routes[value] = self._made_or_error(found, state.code)
                break
        if isinstance(found, SavingError):
            raise found
        return cast("Shape", found)

    def place_of(self, operation: AnyOperation) -> tuple[Shape, list[int]]:
        """Returns the shape and the row in which an operation stands; further numbers lead to its states, and to its later calls."""
        for shape in self._known.values():
            for row, candidate in shape.operations.items():
                for path, found in _inside(candidate):
                    if found is operation:
                        return shape, [row, *path]
        raise SavingError(f"the operation {operation!r} is in no graph of the run")


def _inside(operation: AnyOperation) -> Iterator[tuple[list[int], AnyOperation]]:
    yield [], operation
    if isinstance(operation, PolicyOperation):
        yield [-1], operation.again
    if isinstance(operation, StateMachine):
        for number, state in enumerate(operation.states):
            yield from (([number, *path], found) for path, found in _inside(state.operation))


def rows_of(code: Code) -> dict[int, AnyOperation]:
    """Returns the operations that the code of a graph calls, by their rows."""
    table = code.blueprint
    words, nodes = table.word_table, table.node_table
    return {
        nodes[at]: cast("Any", table.constants[words[WORD_FIELDS * at + 2]]).operation
        for at in range(len(nodes))
        if INSTRUCTIONS[words[WORD_FIELDS * at]].calls
    }


def operations_in(rows: tuple[Row, ...]) -> dict[int, AnyOperation]:
    """Returns the operations of a graph's rows."""
    return {number: row[0] for number, row in enumerate(rows)}


# -- Writing ----------------------------------------------------------------------------------------------------------


def written_frames(
    states: Sequence[State], writer: StateWriter, shapes: Shapes, used: dict[bytes, Shape]
) -> tuple[int, list[Written]]:
    """Returns the number of the frame that continues first, and the frames as plain data: each stands behind the one that takes its result.

    Args:
        used: takes the shapes of their graphs, by their keys.
    """
    if len(states) == 1:  # a loop, most often
        return 0, [_written_frame(states[0], writer, shapes, {}, used)]
    order: list[int] = []
    for number in range(len(states)):
        chain = []
        while number >= 0 and number not in order:
            chain.append(number)
            number = states[number].owner
        order += reversed(chain)
    place = {number: at for at, number in enumerate(order)}
    return place[0], [_written_frame(states[number], writer, shapes, place, used) for number in order]


def _written_frame(
    state: State, writer: StateWriter, shapes: Shapes, place: Mapping[int, int], used: dict[bytes, Shape]
) -> Written:
    slots = _values(writer, state.slots, state)
    calls = (
        [[pc, _values(writer, operands, state), len(operands)] for pc, operands in state.calls] if state.calls else []
    )
    origin = None if state.origin is None else _task(writer, state.origin)
    return [
        _reference(state, writer, shapes, used), state.pc, slots, len(state.slots), calls,
        place.get(state.owner, -1), state.owner_pc, state.waits, state.may_skip, state.inner,
        state.iteration, state.serial, state.node, origin,
    ]  # fmt: skip


def _task(writer: StateWriter, task: AnyTask) -> str:
    path = writer.paths.get(task)
    if path is None:
        path = writer.paths[task] = task_path(task)
        writer.tasks[path] = task
    return path


def _values(writer: StateWriter, values: list[object], state: State) -> Sequence[object]:
    """Returns the values that are there, with their positions."""
    scalars = scalars_of(values, LARGE)
    if scalars is not None:
        return scalars
    at, plain = 0, writer.plain
    try:
        written: list[object] = []
        for at, value in enumerate(values):
            if value is not ABSENT:
                written.append([at, plain(value)])
        return written
    except KeyingError as error:
        raise unsaved(*_namer(state)(at), error) from None


def _namer(state: State) -> Callable[[int], tuple[str, AnyTask]]:
    """Returns a function from the number of a slot to the words for it, and the task that it belongs to."""
    operation = operation_in(state)
    if operation is not None:
        task, names = operation.task, operation.parameters
        return lambda at: (f"the argument {names[at]!r}" if at < len(names) else "its result", task)
    made = _results_in(state)
    tasks = [task for _, each in made if (task := getattr(each, "task", None)) is not None]
    last = [task for task in tasks if not task.__module__.startswith("cascade.")] or tasks

    def named(at: int) -> tuple[str, AnyTask]:
        task = next((getattr(each, "task", None) for slot, each in reversed(made) if slot == at), None)
        return ("a value in the graph", last[-1]) if task is None else ("the result", task)

    return named


def _results_in(state: State) -> list[tuple[int, AnyOperation]]:
    """Returns the calls of a frame's graph before its position, in order: the slot of the result, and the operation."""
    if isinstance(state, WalkState):
        assert state.code.graph is not None
        return list(enumerate((row[0] for row in state.code.graph.rows), len(state.code.graph.inputs)))
    words, operations = state.code.blueprint.word_table, rows_of(state.code)
    nodes = enumerate(state.code.blueprint.node_table[: state.pc])
    return [(words[WORD_FIELDS * at + 1], operations[node]) for at, node in nodes if node in operations]


def operation_in(state: State) -> Any:  # noqa: ANN401  # a task, or an operation, which have the same attributes
    """Returns the operation that a frame makes again and again; None for a graph."""
    if isinstance(state, WalkState):
        return state.code.operation
    return None if state.routine is None else state.routine.operation


def _reference(state: State, writer: StateWriter, shapes: Shapes, used: dict[bytes, Shape]) -> list[object]:
    operation = operation_in(state)
    if operation is None:
        graph = shapes.of(state)
        used[graph.key] = graph
        return ["graph", graph.key]
    known = shapes.references.get(operation)
    if known is None:
        known = shapes.references[operation] = _operation_reference(operation, writer, shapes)
    shape, reference = known
    if shape is not None:
        used[shape.key] = shape
    return reference


def _operation_reference(
    operation: Any,  # noqa: ANN401  # as `operation_in` returns it
    writer: StateWriter,
    shapes: Shapes,
) -> tuple[Shape | None, list[object]]:
    task = operation.task
    usual = operation_of(task)
    if operation is usual or operation is task:
        return None, ["task", _task(writer, task), False]
    if isinstance(usual, PolicyOperation) and operation is usual.again:
        return None, ["task", _task(writer, task), True]
    shape, path = shapes.place_of(operation)
    return shape, ["row", shape.key, path]


# -- Reading ----------------------------------------------------------------------------------------------------------


class FramesReader:
    """Makes the frames of a run of plain data.

    Args:
        context: of the run that they are made for.
        root: the code of the run's target and its inputs, as the path of the run has them.
        task: finds a task by its name.
        shape: returns the results that a graph was built of, by the key of its shape.
    """

    def __init__(
        self,
        context: RunContext,
        root: tuple[Code | WalkCode, Iterable[object]],
        task: Callable[[str], AnyTask],
        shape: Callable[[bytes], LazyResult[object]],
    ) -> None:
        self._context = context
        self._graphs: dict[bytes, tuple[Code | WalkCode, list[object]]] = {b"": (root[0], list(root[1]))}
        self._task = task
        self._shape = shape

    def states(self, written: list[Written]) -> list[State]:
        """Returns the states of the frames."""
        return [self._state(each) for each in written]

    def _graph(self, key: bytes) -> tuple[Code | WalkCode, list[object]]:
        if key not in self._graphs:
            target = self._shape(key)
            if self._context.lowers:
                code, inputs = self._context.expand(target)
                self._graphs[key] = code, list(inputs)
            else:
                rows, given = flatten(target, to_run=True)
                inputs = list(self._context.inputs.fill(given))
                self._graphs[key] = walk_code(self._context.shape_of(target, rows), rows, inputs), inputs
        return self._graphs[key]

    def _state(self, written: Written) -> State:
        reference, pc, slots, count, calls, *rest = written
        code: Code | WalkCode = WalkCode()
        origin = None if rest[-1] is None else self._task(rest[-1])
        inputs: list[object] = []
        operation: AnyOperation | None = None
        if reference[0] == "graph":
            code, inputs = self._graph(reference[1])
        else:
            operation = self._operation(reference)
        values: list[object] = [ABSENT] * count
        for at, value in slots:
            values[at] = inputs[at] if value is ROUTES else value
        under_way: list[tuple[int, list[object]]] = []
        for at, given, size in calls:
            operands: list[object] = [ABSENT] * size
            for position, value in given:
                operands[position] = inputs[self._input_of(code, at, position)] if value is ROUTES else value
            under_way.append((at, operands))
        if not self._context.lowers:
            made = cast("WalkCode", code) if operation is None else WalkCode(operation=cast("Any", operation))
            return WalkState(made, pc, values, under_way, *cast("Any", (*rest[:-1], origin)))
        routine = None if operation is None else cast("Any", operation).routine
        machine_code = cast("Code", code) if routine is None else loop_code_of(self._context, routine)
        return FrameState(machine_code, pc, values, under_way, *cast("Any", (*rest[:-1], origin, routine)))

    def _input_of(self, code: Code | WalkCode, at: int, position: int) -> int:
        """Returns the number of the input that an operand of the call at a position is."""
        if isinstance(code, Code):
            words = code.blueprint.word_table
            row = INSTRUCTIONS[words[WORD_FIELDS * at]]
            return int(row.c.sources(words[WORD_FIELDS * at + 3], code.blueprint)[position]) >> 1
        assert code.graph is not None
        order = self._context.code_cache.solver.resolve(code.graph).issue_order(code.graph)
        reference: int = code.graph.rows[order[at]][1 + position]
        return -1 - reference

    def _operation(self, reference: list[Any]) -> AnyOperation:
        if reference[0] == "task":
            usual = operation_of(self._task(reference[1]))
            return usual.again if reference[2] and isinstance(usual, PolicyOperation) else usual
        code, _ = self._graph(reference[1])
        found = rows_of(code) if isinstance(code, Code) else operations_in(cast("Any", code.graph).rows)
        row, *path = reference[2]
        operation = found.get(row)
        for number in path:
            if number < 0 and isinstance(operation, PolicyOperation):
                operation = operation.again
            elif isinstance(operation, StateMachine) and 0 <= number < len(operation.states):
                operation = operation.states[number].operation
            else:
                operation = None
        if operation is None:
            raise StoreError("a frame of the run stands in a graph that has other rows now")
        return operation


def walk_code(shape: object, rows: tuple[Row, ...], inputs: Iterable[object]) -> WalkCode:
    """Returns the code of a graph on the graph path."""
    return WalkCode(shape, Graph(rows, tuple(inputs)))
