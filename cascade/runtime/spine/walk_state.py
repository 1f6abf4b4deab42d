"""Snapshots of the graph path: the frames of an interpreter as data, and frames made of such data.

As `vm/snapshot.pxi` does for the virtual machine, in the same form: a position, the values of slots, and the calls that are under
way, which are made again.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from cascade._vm import ABSENT
from cascade.errors import InternalError
from cascade.graph.model import Graph
from cascade.graph.operations import AnyTask, PolicyOperation, StateMachine
from cascade.imports import NamedTuple
from cascade.runtime.spine.interpreter import Frame, Interpreter, Pending


class WalkCode(NamedTuple):
    """What a frame runs: a graph, a task on its own, or a state machine."""

    shape: object = None
    graph: Graph | None = None
    operation: AnyTask | PolicyOperation | StateMachine | None = None


class WalkState(NamedTuple):
    """A frame as data; see `cascade._vm.FrameState`. The slots are the inputs, then the values of the rows, or the one value."""

    code: WalkCode
    pc: int
    slots: list[object]
    calls: list[tuple[int, list[object]]]
    owner: int = -1
    owner_pc: int = 0
    waits: bool = False
    may_skip: bool = False
    inner: bool = False
    iteration: int = 0
    serial: int = 0
    node: int = 0
    origin: AnyTask | None = None


def frame_states(run: Interpreter, awaited: Iterable[Pending] = ()) -> list[WalkState]:
    """Returns the states of all frames of a run; the one that continues first stands first."""
    numbers: dict[Frame, int] = {}
    calls: dict[Frame, list[Pending]] = {}
    promises: set[Pending] = set()
    stack: list[Frame | Pending] = [*awaited, *(pending for pending, _ in run.unspawned), *reversed(run.ready)]
    if run.current is not None:
        stack.append(run.current)
    seen: set[Frame | Pending] = set()
    while stack:
        item = stack.pop()
        if item in seen:
            continue
        seen.add(item)
        if isinstance(item, Pending):
            calls.setdefault(item.frame, []).append(item)
            stack += [item.frame, *(waiter for waiter, _ in item.waiters)]
            stack += [operand for operand in item.operands if type(operand) is Pending]
            continue
        numbers[item] = len(numbers)
        if item.promise is not None:
            promises.add(item.promise)
            stack.append(item.promise)
        if item.parent is not None:
            stack.append(item.parent)
        stack += [value for value in item.values.values() if type(value) is Pending]
    return [
        _state_of(frame, numbers, [each for each in calls.get(frame, ()) if each not in promises]) for frame in numbers
    ]


def _state_of(frame: Frame, numbers: dict[Frame, int], calls: list[Pending]) -> WalkState:
    code, pc, slots = _position(frame)
    owner, owner_pc = -1, 0
    if frame.promise is not None:
        owner, owner_pc = numbers[frame.promise.frame], _place_of(frame.promise.frame, frame.promise.index)
    elif frame.parent is not None:
        owner, owner_pc = numbers[frame.parent], _place_of(frame.parent, frame.destination)
    under_way = sorted(
        (_place_of(frame, call.index), [ABSENT if type(each) is Pending else each for each in call.operands])
        for call in calls
    )
    waits = frame.promise is None and frame.parent is not None
    return WalkState(
        code, pc, slots, under_way, owner, owner_pc, waits, frame.may_skip, frame.inner,
        frame.iteration, frame.serial, frame.node, frame.origin,
    )  # fmt: skip


def _position(frame: Frame) -> tuple[WalkCode, int, list[object]]:
    values = {index: value for index, value in frame.values.items() if type(value) is not Pending}
    if frame.graph is not None:
        slots = [*frame.graph.inputs, *(values.get(index, ABSENT) for index in range(len(frame.graph.rows)))]
        return WalkCode(frame.shape, frame.graph), frame.at, slots
    if frame.state_machine is not None:
        flat = [operand for state in frame.states for operand in state]
        return WalkCode(operation=frame.state_machine), 2 * frame.state + len(values), [*flat, values.get(0, ABSENT)]
    return WalkCode(operation=frame.operation), len(values), [*frame.slots, values.get(0, ABSENT)]


def _place_of(frame: Frame, index: int) -> int:
    """Returns the position of a node in the order of issue."""
    return frame.order.index(index) if frame.graph is not None else 2 * frame.state


def restore_frames(run: Interpreter, states: Sequence[WalkState], first: int, steps: int, graphs: int) -> None:
    """Replaces the frames of a run that has not begun; owners stand before the frames that they wait for."""
    frames = [_new_frame(run, state) for state in states]
    run.current = None
    run.ready.clear()
    waiting: set[int] = set()
    for number, (frame, state) in enumerate(zip(frames, states, strict=True)):
        if state.owner >= number or (state.owner < 0) != (number == 0):
            raise InternalError("the frames of a saved run do not fit each other")
        children = {
            other.owner_pc: (frames[at], other.waits) for at, other in enumerate(states) if at and other.owner == number
        }
        if frame.graph is None:
            for child, _ in children.values():
                child.parent, child.destination = frame, 0
                waiting.add(number)
        else:
            _restore_graph(run, frame, state, children)
            if any(waits for _, waits in children.values()):
                waiting.add(number)
    others = [frames[at] for at in [first, *(at for at in range(len(frames)) if at != first)] if at not in waiting]
    # Those that return the result of a call which is made again wait for it before it is made: it may continue in their place.
    run.ready.extendleft(frame for frame in others if _is_at_end(frame))
    run.ready.extend(frame for frame in others if not _is_at_end(frame))
    run.steps, run.graphs = steps, graphs


def _is_at_end(frame: Frame) -> bool:
    return frame.graph is not None and frame.at == len(frame.order) and type(frame.values.get(frame.result)) is Pending


def _new_frame(run: Interpreter, state: WalkState) -> Frame:
    frame = Frame()
    operation = state.code.operation
    *slots, value = state.slots
    if state.code.graph is not None:
        graph = state.code.graph
        count = len(graph.inputs)
        frame.shape, frame.graph = state.code.shape, Graph(graph.rows, tuple(state.slots[:count]))
        frame.order = run.context.code_cache.solver.resolve(graph).issue_order(graph)
        frame.at = state.pc
        frame.values = {index: each for index, each in enumerate(state.slots[count:]) if each is not ABSENT}
        frame.uses = run.uses_of(graph.rows, len(graph.rows))
    elif isinstance(operation, StateMachine):
        frame.state_machine, frame.state = operation, state.pc // 2
        frame.states = [slots[each.offset : each.offset + each.width] for each in operation.states]
        frame.operation = operation.states[frame.state].operation
        frame.slots = tuple(frame.states[frame.state])
    else:
        frame.operation, frame.slots = operation, tuple(slots)
    if frame.graph is None and value is not ABSENT:
        frame.values = {0: value}
    frame.iteration, frame.serial, frame.node, frame.origin = state.iteration, state.serial, state.node, state.origin
    frame.may_skip, frame.inner = state.may_skip, state.inner
    return frame


def _restore_graph(run: Interpreter, frame: Frame, state: WalkState, children: dict[int, tuple[Frame, bool]]) -> None:
    calls = dict(state.calls)
    pending: dict[int, Pending] = {}
    assert frame.graph is not None
    for at, index in enumerate(frame.order[: frame.at]):
        references = frame.graph.rows[index][1:]
        for reference in references:
            if reference >= 0:
                frame.uses[reference] -= 1
        child, waits = children.get(at, (None, False))
        if child is not None and waits:
            child.parent, child.destination = frame, index
        elif child is not None or at in calls:
            frame.values[index] = pending[index] = call = Pending(frame, index, list(calls.get(at, ())))
            if child is not None:
                child.promise = call
                continue
            for position, operand in enumerate(call.operands):
                if operand is ABSENT:
                    pending[references[position]].waiters.append((call, position))
                    call.missing += 1
            if not call.missing:
                run.ready.append(call)
