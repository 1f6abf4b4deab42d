"""The graph path: walks a plan node by node. The readable reference of how a run goes.

It runs as the virtual machine does (`cascade/_vm.pyx`), in the same order, with the same messages: nodes are issued
in the order of the plan; one whose operand is not there yet is parked as a `Pending` and issued when its last operand
comes; a task that returns a tail call or a LazyResult starts a new frame, which takes the place of the old one
when nothing in that is still to be done.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Awaitable, Hashable, Iterable, Sequence

from cascade._vm import (
    DONE,
    FAILED,
    KEPT,
    PAUSE,
    SAVE_FIRST,
    WAIT,
    Jump,
    Skipped,
    TailCall,
    enter_task,
    holds_made,
    holds_new_deferred,
    is_awaitable,
    is_not_continued,
    is_only_result,
    leave_task,
    results_made,
)
from cascade.compiler.chains import join_chains
from cascade.declare.lazy import LazyResult
from cascade.declare.task import Task
from cascade.errors import DependencyMissingError, StepLimitError
from cascade.events.silent import PROGRESS_TIME
from cascade.graph.build import flatten
from cascade.graph.calls import NoInput
from cascade.graph.containers import EITHER, Container
from cascade.graph.model import Graph, Row
from cascade.graph.operations import AnyTask, Operation, PolicyOperation, StateMachine, TaskOperation, operation_of
from cascade.imports import TYPE_CHECKING
from cascade.runtime.nodes.call import close_awaitable

if TYPE_CHECKING:
    from cascade.runtime.nodes.context import NodeContext
    from cascade.runtime.spine.task_group import TaskGroup
    from cascade.runtime.spine.worker_calls import WorkerCalls

    RowOperation = AnyTask | PolicyOperation | StateMachine | Container

RESUMED = -1


class Pending:
    """A node that waits for operands, or whose value is awaited."""

    __slots__ = ("frame", "index", "made", "missing", "operands", "waiters")

    def __init__(self, frame: Frame, index: int, operands: list[object]) -> None:
        self.frame = frame
        self.index = index
        self.operands = operands
        self.made: int | None = None  # how many results there were before the call that is awaited
        self.missing = 0
        self.waiters: list[tuple[Pending | Frame, int]] = []


class Frame:
    """A graph that is being walked, or a task that is being called again and again."""

    __slots__ = (
        "at",
        "destination",
        "graph",
        "inner",
        "iteration",
        "made",
        "may_skip",
        "next_progress",
        "node",
        "operation",
        "order",
        "origin",
        "parent",
        "promise",
        "serial",
        "shape",
        "slots",
        "state",
        "state_machine",
        "states",
        "uses",
        "values",
    )  # fmt: skip

    def __init__(self) -> None:
        # A graph: `values[node]` until the last of `uses[node]`.
        self.graph: Graph | None = None
        self.shape: object = None  # by which a saved run finds the graph again
        self.order: Sequence[int] = ()
        self.at = 0
        self.values: dict[int, object] = {}
        self.uses: list[int] = []
        # A task on its own: its arguments; its value is `values[0]`.
        self.operation: AnyTask | PolicyOperation | None = None
        self.slots: tuple[object, ...] = ()
        # A state machine: the arguments of all states; that of the current one is called.
        self.state_machine: StateMachine | None = None
        self.states: list[list[object]] = []
        self.state = 0
        self.inner = False  # continues with a state of a state machine: its end is not published
        # Where the result goes: to `promise`, else to node `destination` of `parent`, else it is the run's.
        self.parent: Frame | None = None
        self.destination = 0
        self.promise: Pending | None = None
        self.may_skip = False  # the operation that takes the result can do without it
        self.made = results_made()  # when its step began
        # Names for people.
        self.serial = 0
        self.node = 0
        self.origin: AnyTask | None = None
        self.iteration = 0
        self.next_progress = 0.0  # when the progress of the loop is published next

    @property
    def result(self) -> int:
        return len(self.graph.rows) - 1 if self.graph is not None else 0

    def operation_of(self, index: int) -> RowOperation:
        """Returns the operation of a node."""
        if self.graph is None:
            assert self.operation is not None
            return self.operation
        operation: RowOperation = self.graph.rows[index][0]
        return operation

    def call_of(self, index: int) -> AnyTask | PolicyOperation:
        """Returns the operation of a node that is a call."""
        if self.graph is None:
            assert self.operation is not None
            return self.operation
        operation: AnyTask | PolicyOperation = self.graph.rows[index][0]
        return operation

    def task_of(self, index: int) -> AnyTask:
        """Returns the task of a node that calls one."""
        return self.call_of(index).task


class Interpreter:
    """One run on the graph path; the methods are those of `cascade._vm.Machine`."""

    def __init__(
        self,
        target: object,
        context: NodeContext,
        *,
        observed: bool = False,
        deadline: float = 0.0,
        max_steps: int = -1,
        limit: int | None = None,
        serial: int = 0,
    ) -> None:
        self.context = context
        self.observed = observed
        self.deadline = deadline
        self.max_steps = max_steps
        self.steps = 0
        self.stop_step = -1
        self.graphs = serial
        self.error: BaseException | None = None
        self.value: object = None
        self.ready: deque[Pending | Frame] = deque()
        self.unspawned: list[tuple[Pending, Awaitable[object]]] = []
        self.task_group: TaskGroup | WorkerCalls | None = None
        self.running = False
        self.looked = False
        self.current: Frame | None = self._enter(target, limit)
        self.asynchronous = any(operation.is_async for operation in self.operations())

    # -- Called by the driver ---------------------------------------------------------------------------------------

    def run(self, slice_seconds: float = 0.0) -> int:
        slice_end = time.monotonic() + slice_seconds if slice_seconds else 0.0
        self.looked = False  # at least one step is made
        status = RESUMED if self.error is None else FAILED
        self.running = True
        while status == RESUMED:
            status = self._look_around(slice_end)
            if status == RESUMED:
                try:
                    status = self._advance()
                except BaseException as error:
                    self.error = error
                    status = FAILED
        self.running = False
        return status

    def take(self) -> object:
        value, self.value = self.value, None
        return value

    def attach(self, task_group: TaskGroup | WorkerCalls) -> None:
        self.task_group = task_group
        waiting, self.unspawned = self.unspawned, []
        for pending, awaitable in waiting:
            try:
                task_group.spawn(pending, awaitable, pending.frame.task_of(pending.index).name)
            except BaseException as error:
                self.fail(pending, error)

    def complete(self, entry: Pending, value: object) -> None:
        try:
            self._land(entry.frame, entry.index, entry.operands, value, entry, entry.made, awaited=True)
        except BaseException as error:
            self.error = error

    def fail(self, entry: Pending, error: BaseException) -> None:
        self._fail_at(entry.frame, entry.index, error)

    def stop_before(self, step: int) -> None:
        """Makes `run` pause before the call number `step`; a negative number for none."""
        self.stop_step = step

    between_calls = True
    """Whether the run can be saved; see `Machine.between_calls`."""

    def label(self, entry: Pending) -> tuple[AnyTask, int, int, int]:
        return self._locate(entry.frame, entry.index)

    def close(self) -> None:
        frame, self.current = self.current, None
        self.error = None  # its traceback may hold the frame that holds this interpreter
        self.ready.clear()
        while frame is not None:
            frame.values.clear()  # a Pending leads back to its frame
            frame.parent, frame = None, frame.parent
        waiting, self.unspawned = self.unspawned, []
        for _, awaitable in waiting:
            close_awaitable(awaitable)

    def operations(self) -> list[AnyTask | TaskOperation]:
        """Returns the operations of the target's graph."""
        rows = self.current.graph.rows if self.current is not None and self.current.graph is not None else ()
        return [row[0] for row in rows if not isinstance(row[0], Container)]

    # -- Frames -----------------------------------------------------------------------------------------------------

    def _enter(self, target: object, limit: int | None = None, *, hands_on: bool = False) -> Frame:
        rows, inputs = flatten(target, limit, hands_on=hands_on, to_run=True)
        frame = Frame()
        frame.serial = self.graphs
        frame.shape = self.context.shape_of(target, rows)
        frame.graph = graph = Graph(rows, tuple(self.context.inputs.fill(inputs)))
        frame.order = self.context.code_cache.solver.resolve(graph).issue_order(graph)
        joined, frame.order = join_chains(rows, frame.order, self.context.joining)
        if joined is not rows:
            frame.graph = graph = Graph(tuple(joined), graph.inputs)
        frame.uses = self.uses_of([graph.rows[index] for index in frame.order], len(rows))
        return frame

    @staticmethod
    def uses_of(rows: Iterable[Row], count: int) -> list[int]:
        """Returns how often the value of each of `count` rows is read by these; that of the last one is the result."""
        uses = [0] * count
        for row in rows:
            for reference in row[1:]:
                if reference >= 0:
                    uses[reference] += 1
        uses[-1] += 1
        return uses

    def _read(self, frame: Frame, reference: int) -> object:
        """Returns the value of an operand; it is dropped at its last use."""
        if reference < 0:
            assert frame.graph is not None
            return frame.graph.inputs[-1 - reference]
        frame.uses[reference] -= 1
        return frame.values[reference] if frame.uses[reference] else frame.values.pop(reference)

    def _leave(self, frame: Frame, value: object) -> int:
        """Ends a frame whose result is there."""
        if type(value) is Skipped and not frame.may_skip:
            self.error = DependencyMissingError(value.task_id, value.reason)
            if self.observed and frame.origin is not None:
                self.context.finished(frame.origin, frame.serial, frame.node, None, self.error)
            return FAILED
        if self.observed and frame.origin is not None and not frame.inner:
            self.context.finished(frame.origin, frame.serial, frame.node, value, None)
        self.current = frame.parent
        if frame.promise is not None:
            self.current = None
            self._resolve(frame.promise, value)
        elif frame.parent is not None:
            frame.parent.values[frame.destination] = value
        elif is_not_continued(value):
            self.error = self.context.not_continued(value)
            return FAILED
        else:
            self.value = value
            return DONE
        return RESUMED

    def _resolve(self, pending: Pending, value: object) -> None:
        values = pending.frame.values
        if values.get(pending.index) is pending:
            values[pending.index] = value
        for waiter, position in pending.waiters:
            if isinstance(waiter, Pending):
                waiter.operands[position] = value
                waiter.missing -= 1
                if waiter.missing:
                    continue
            self.ready.append(waiter)
        pending.waiters = []

    # -- One step ---------------------------------------------------------------------------------------------------

    def _look_around(self, slice_end: float) -> int:
        frame = self.current
        if frame is None and not self.ready:
            return RESUMED
        now = time.monotonic()
        if self.deadline and now >= self.deadline:
            iteration, where = (0, None) if frame is None else (frame.iteration, self._where(frame))
            self.error = self.context.timed_out(self.steps, iteration, where)
            return FAILED
        if (0 <= self.stop_step <= self.steps) or (slice_end and now >= slice_end and self.looked):
            return PAUSE
        self.looked = True
        if (
            self.observed
            and frame is not None
            and frame.operation is not None
            and 0 not in frame.values
            and now >= frame.next_progress
        ):
            if frame.next_progress:
                self.context.progress(*self._locate(frame, 0))
            frame.next_progress = now + PROGRESS_TIME
        return RESUMED

    def _advance(self) -> int:
        frame = self.current
        if frame is None:
            if not self.ready:
                return WAIT
            item = self.ready.popleft()
            if isinstance(item, Frame):
                self.current = item
                return RESUMED
            return self._perform(item.frame, item.index, item.operands, item)
        if frame.graph is None:
            return self._return_value(frame) if frame.values else self._perform(frame, 0, list(frame.slots), None)
        if frame.at == len(frame.order):
            return self._return_value(frame)
        index = frame.order[frame.at]
        frame.at += 1
        operands = [self._read(frame, reference) for reference in frame.graph.rows[index][1:]]
        missing = [(position, operand) for position, operand in enumerate(operands) if type(operand) is Pending]
        if not missing:
            return self._perform(frame, index, operands, None)
        frame.values[index] = pending = Pending(frame, index, operands)
        pending.missing = len(missing)
        for position, operand in missing:
            operand.waiters.append((pending, position))
        return RESUMED

    def _return_value(self, frame: Frame) -> int:
        value = frame.values[frame.result]
        if type(value) is not Pending:
            return (
                self._leave(frame, value)
                if frame.state_machine is None
                else self._select(frame, frame.state_machine, value)
            )
        value.waiters.append((frame, -1))
        self.current = parent = frame.parent
        if parent is not None and frame.promise is None:
            # The caller continues without the value.
            frame.promise = parent.values[frame.destination] = Pending(parent, frame.destination, [])
            frame.parent = None
        return RESUMED

    def _enter_state_machine(
        self, frame: Frame, index: int, state_machine: StateMachine, operands: list[object], pending: Pending | None
    ) -> int:
        held = self.context.admit(state_machine, operands, frame.serial, index)
        if held is not None:
            return self._deliver(frame, index, held, pending)
        new = Frame()
        new.state_machine = state_machine
        new.states = [operands[state.offset : state.offset + state.width] for state in state_machine.states]
        new.origin, new.serial, new.node = state_machine.task, frame.serial, index
        self._enter_state(new, state_machine, 0)
        status = self._place(frame, index, new, pending)
        new.iteration = frame.iteration
        return status

    def _enter_state(self, frame: Frame, state_machine: StateMachine, state: int) -> None:
        frame.state = state
        frame.made = results_made()
        frame.operation = state_machine.states[state].operation
        frame.slots = tuple(frame.states[state])
        frame.values.clear()

    def _select(self, frame: Frame, state_machine: StateMachine, value: object) -> int:
        """Continues after a state: its value is a Jump to another one, or the value of the state machine."""
        routes = state_machine.states[frame.state].routes
        if type(value) is not Jump or routes is None:
            return self._leave(frame, value)
        try:
            return self._jump(frame, state_machine, routes, value)
        except BaseException as error:
            return self._fail_at(frame, 0, error)

    def _jump(
        self, frame: Frame, state_machine: StateMachine, routes: Iterable[tuple[object, int | None]], jump: Jump[object]
    ) -> int:
        numbers = dict(routes)
        known = isinstance(jump.target_key, Hashable) and jump.target_key in numbers
        target = numbers[jump.target_key] if known else None
        takes_input = target is not None and state_machine.states[target].takes_input
        deferred = self.context.computed_jump(jump, frame.made)
        if deferred is not None:
            # Its data has to be computed; then it comes back here.
            new = self._enter(deferred)
            self.graphs += 1
            new.serial = self.graphs
            new.iteration = frame.iteration
            new.parent = frame
            frame.values.clear()
            self.current = new
            return RESUMED
        kept = jump.data is KEPT
        if not known or (
            target is not None
            and (
                type(frame.states[target][0]) is NoInput
                if takes_input and kept
                else not kept and not takes_input and jump.data is not None
            )
        ):
            raise self.context.jump_error(
                [(key, 0, 0) for key, _ in routes], jump, state_machine.states[frame.state].operation.task
            )
        if target is None:
            frame.iteration += 1
            return self._leave(frame, None if kept else jump.data)
        if takes_input and not kept:
            frame.states[target][0] = jump.data
        frame.iteration += 1
        self._enter_state(frame, state_machine, target)
        return RESUMED

    def _perform(self, frame: Frame, index: int, operands: list[object], pending: Pending | None) -> int:
        operation = frame.operation_of(index)
        if isinstance(operation, Container):
            skipped = next((operand for operand in operands if type(operand) is Skipped), None)
            if operation is EITHER:
                skipped = None
            return self._deliver(frame, index, operation.make(operands) if skipped is None else skipped, pending)
        if self.max_steps >= 0 and self.steps >= self.max_steps:
            self.error = StepLimitError(self.max_steps, frame.iteration, where=self._where(frame, index))
            return FAILED
        if isinstance(operation, StateMachine):
            return self._enter_state_machine(frame, index, operation, operands, pending)
        self.steps += 1
        made = results_made() if isinstance(operation, Task) else None  # of others, whoever executes the policies looks
        enter_task()
        try:
            origin, serial, node, _ = self._locate(frame, index)
            value = self.context.call(operation, operands, serial, node, None if frame.operation is None else origin)
            if value is SAVE_FIRST:
                return self._stop_before_call(frame, index, operands, pending)
        except BaseException as error:
            return self._fail_at(frame, index, error)
        finally:
            leave_task()
        return self._land(frame, index, operands, value, pending, made)

    def _stop_before_call(self, frame: Frame, index: int, operands: list[object], pending: Pending | None) -> int:
        """Undoes what was done for a call that the context has not made: it is made again when the run continues."""
        self.steps -= 1
        if pending is not None:
            self.ready.appendleft(pending)
        elif frame.graph is not None:
            frame.at -= 1
            for reference, operand in zip(frame.graph.rows[index][1:], operands, strict=True):
                if reference >= 0:
                    frame.values[reference] = operand
                    frame.uses[reference] += 1
        return PAUSE

    # -- The results of calls ---------------------------------------------------------------------------------------

    def _land(
        self,
        frame: Frame,
        index: int,
        operands: list[object],
        value: object,
        pending: Pending | None,
        made: int | None,
        *,
        awaited: bool = False,
    ) -> int:
        """Continues with the result of a call, before which there were `made` results; None if it is known to hold none."""
        try:
            if type(value) is TailCall:
                return self._tail_call(frame, index, operands, value, pending)
            if type(value) is LazyResult:
                return self._continue_with(
                    frame, index, value, value, pending, hands_on=is_only_result(value, frame.made)
                )
            if made is not None and holds_made(value, made):
                return self._continue_with(frame, index, self.context.together(value), value, pending)
            if awaited or not is_awaitable(value):
                return self._deliver(frame, index, value, pending)
            if pending is None:
                frame.values[index] = pending = Pending(frame, index, operands)
            pending.made = made
            if self.task_group is None:
                self.unspawned.append((pending, value))
                return WAIT
            self.task_group.spawn(pending, value, frame.task_of(index).name)
            return RESUMED
        except BaseException as error:
            return self._fail_at(frame, index, error)

    def _deliver(self, frame: Frame, index: int, value: object, pending: Pending | None) -> int:
        operation = frame.operation_of(index)
        if self.observed and frame.operation is None and not isinstance(operation, Container):
            self.context.finished(operation.task, frame.serial, index, value, None)
        if pending is None:
            frame.values[index] = value
        else:
            self._resolve(pending, value)
        return RESUMED

    def _tail_call(
        self, frame: Frame, index: int, operands: list[object], tail: TailCall[object], pending: Pending | None
    ) -> int:
        operation = frame.call_of(index)
        task = operation.task
        target = task if tail.target is None else self.context.target_task(tail.target, task)
        if target is task:
            slots = self.context.rebind(operation, tuple(operands), tail.args, tail.kwargs)
        else:
            slots = target.bind(*tail.args, **tail.kwargs)
            operation = operation_of(target)
        if holds_new_deferred(slots, operands if target is task else None, frame.made, target.binder.gathered):
            return self._continue_with(frame, index, self.context.deferred(operation, slots), tail, pending)
        new = Frame()
        new.operation = operation.again if isinstance(operation, PolicyOperation) else operation
        new.slots = slots
        new.inner = frame.inner or frame.state_machine is not None
        new.serial = frame.serial
        new.node = index if frame.origin is None else frame.node
        new.origin = task if frame.origin is None else frame.origin
        new.next_progress = frame.next_progress
        return self._place(frame, index, new, pending)

    def _continue_with(
        self,
        frame: Frame,
        index: int,
        deferred: object,
        result: object,
        pending: Pending | None,
        *,
        hands_on: bool = False,
    ) -> int:
        new = self._enter(deferred, hands_on=hands_on)
        if self.observed and not frame.inner and frame.state_machine is None:
            self.context.finished(*self._locate(frame, index)[:3], result, None)
        self.graphs += 1
        new.serial = self.graphs
        return self._place(frame, index, new, pending)

    def _place(self, frame: Frame, index: int, new: Frame, pending: Pending | None) -> int:
        """Starts a frame whose result is the value of a node."""
        new.iteration = frame.iteration + 1
        if index == frame.result and frame.state_machine is None:
            # In tail position the new frame takes the place of the old one: constant memory.
            new.parent, new.promise, new.destination = frame.parent, frame.promise, frame.destination
            new.may_skip = frame.may_skip
            frame.values.clear()
            if pending is not None:
                pending.waiters.clear()
        else:
            operation = frame.operation_of(index)
            new.may_skip = isinstance(operation, Operation) and operation.skippable
            if pending is None:
                new.parent, new.destination = frame, index
            else:
                new.promise = pending
        tail = index == frame.result and frame.state_machine is None
        # A call that was parked continues before whatever else is ready, as one that was not parked does; but after an await it
        # has to stand in line.
        if pending is None or (self.current is frame and tail) or (self.current is None and self.running):
            self.current = new
        else:
            self.ready.append(new)
        return RESUMED

    # -- Names and errors -------------------------------------------------------------------------------------------

    def _locate(self, frame: Frame, index: int) -> tuple[AnyTask, int, int, int]:
        if frame.origin is not None:
            return frame.origin, frame.serial, frame.node, frame.iteration
        return frame.task_of(index), frame.serial, index, frame.iteration

    def _where(self, frame: Frame, index: int | None = None) -> str | None:
        if index is None:
            # A container is put together for the next call, or, at the end, returned.
            coming = frame.order[frame.at :] if frame.graph is not None else [0][len(frame.values) :]
            index = next((index for index in coming if not isinstance(frame.operation_of(index), Container)), None)
        return None if index is None else self.context.where(*self._locate(frame, index))

    def _fail_at(self, frame: Frame, index: int, error: BaseException) -> int:
        origin, serial, node, iteration = self._locate(frame, index)
        if self.observed:
            self.context.finished(origin, serial, node, None, error)
        self.context.annotate(error, frame.task_of(index), origin, serial, node, iteration)
        self.error = error
        return FAILED
