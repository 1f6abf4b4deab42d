"""Emission of code words.

    rows    0  double  input 0         0  CALL_ONE  r0 = double(r0!)
            1  add     0 input 1       1  CALL      r1 = add(r0!, r1!)
                                       2  RETURN    return r1!

A source with `!` is the last use of its slot, which is empty after it.
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence

from cascade._vm import AT_ONCE, Routes
from cascade.compiler.registers import Registers
from cascade.declare.resources import Injection
from cascade.declare.task import Task
from cascade.graph.containers import Container, rebuild
from cascade.graph.model import Row
from cascade.graph.operations import AnyTask, State, StateMachine, TaskOperation
from cascade.instructions.blueprint import Blueprint
from cascade.instructions.graph import OPCODES

CALL_ONE, CALL, CALL_POLICIES = OPCODES["CALL_ONE"], OPCODES["CALL"], OPCODES["CALL_POLICIES"]
SELECT, CALL_KERNEL = OPCODES["SELECT"], OPCODES["CALL_KERNEL"]
LOOP, LOOP_POLICIES, RETURN = OPCODES["LOOP"], OPCODES["LOOP_POLICIES"], OPCODES["RETURN"]


def needs_context(operation: AnyTask | TaskOperation) -> bool:
    """Returns True if the run's context has to make the call: it is more than a call of the task's function in place."""
    return not isinstance(operation, Task) or operation.mode != "inline"


def emit(rows: Sequence[Row], order: Sequence[int], registers: Registers, inputs: int) -> Blueprint:
    """Makes the blueprint of a graph."""
    destinations, sources, slots = registers
    words, operands, nodes = array("i"), array("i"), array("i")
    constants: dict[object, int] = {}
    at = 0
    injected: set[int] = set()  # the rows that are resources, or containers that hold some
    for index in order:
        operation = rows[index][0]
        count = len(rows[index]) - 1
        constant: object
        if not isinstance(operation, Container):
            constant = operation.routine
            if needs_context(operation):
                opcode = CALL_POLICIES
                if isinstance(operation.task, Injection):
                    injected.add(index)
            elif injected and not injected.isdisjoint(rows[index][1:]):
                opcode = CALL_POLICIES  # the context may have to set up a resource for the call
            elif operation.routine.lowering >= AT_ONCE:
                opcode = CALL_KERNEL
            else:
                opcode = CALL if count != 1 else CALL_ONE
        else:
            constant = rebuild if operation.opcode == "REBUILD" else None
            opcode = OPCODES[operation.opcode]
            if injected and not injected.isdisjoint(rows[index][1:]):
                injected.add(index)
        number = 0 if constant is None else constants.setdefault(constant, len(constants))
        if opcode == CALL_ONE:
            words.extend((opcode, destinations[index], number, sources[at]))
        else:
            words.extend((opcode, destinations[index], number, len(operands)))
            operands.append(count)
            operands.extend(sources[at : at + count])
        at += count
        nodes.append(index)
    words.extend((RETURN, 0, 0, 2 * destinations[-1] + 1))
    nodes.append(len(rows) - 1)
    return Blueprint(
        name=rows[-1][0].name,
        words=words.tobytes(),
        operands=operands.tobytes(),
        constants=tuple(constants),
        inputs=inputs,
        slots=slots,
        nodes=nodes.tobytes(),
    )


def emit_loop(operation: AnyTask | TaskOperation) -> Blueprint:
    """Makes the blueprint of a task on its own: its parameters are the inputs, a tail call starts it again."""
    inputs = len(operation.parameters)
    opcode = LOOP_POLICIES if needs_context(operation) else LOOP
    return Blueprint(
        name=operation.name,
        words=array("i", (opcode, inputs, 0, 0, RETURN, 0, 0, 2 * inputs + 1)).tobytes(),
        operands=b"",
        constants=(operation.routine,),
        inputs=inputs,
        slots=inputs + 1,
        nodes=array("i", (0, 0)).tobytes(),
    )


def emit_state_machine(state_machine: StateMachine) -> Blueprint:
    """Makes the blueprint of a state machine: each state is a call and a SELECT with the targets of its Jumps.

        0  CALL_ONE  r2 = ping(r0)
        1  SELECT    if r2 is a Jump: go to 'ping' -> 0 with r0, 'pong' -> 2 with r1; else to 4
        2  CALL_ONE  r2 = pong(r1)
        3  SELECT    if r2 is a Jump: go to 'ping' -> 0 with r0; else to 4
        4  RETURN    return r2!

    The inputs are the arguments of all states. The data of a Jump takes the place of the first argument of its state.
    """
    words, operands = array("i"), array("i")
    constants: list[object] = []
    inputs, end = state_machine.arguments.stop, 2 * len(state_machine.states)
    for state in state_machine.states:
        slots = range(state.offset, state.offset + state.width)
        if state.injects or needs_context(state.operation):
            opcode = CALL_POLICIES
        elif state.operation.routine.lowering >= AT_ONCE:
            opcode = CALL_KERNEL
        else:
            opcode = CALL if state.width != 1 else CALL_ONE
        if opcode != CALL_ONE:
            words.extend((opcode, inputs, len(constants), len(operands)))
            operands.append(state.width)
            operands.extend(2 * slot for slot in slots)
        else:
            words.extend((CALL_ONE, inputs, len(constants), 2 * state.offset))
        words.extend((SELECT, 0, len(constants) + 1, 2 * inputs))
        constants += [state.operation.routine, _routes(state_machine, state, end)]
    words.extend((RETURN, 0, 0, 2 * inputs + 1))
    return Blueprint(
        name=state_machine.name,
        words=words.tobytes(),
        operands=operands.tobytes(),
        constants=tuple(constants),
        inputs=inputs,
        slots=inputs + 1,
        nodes=array("i", [0] * (end + 1)).tobytes(),
    )


def _routes(state_machine: StateMachine, state: State, end: int) -> Routes:
    if state.routes is None:
        return Routes(None, end)
    targets = []
    for key, number in state.routes:
        if number is None:
            targets.append((key, -1, -1))
        else:
            target = state_machine.states[number]
            targets.append((key, 2 * number, target.offset if target.takes_input else -1))
    return Routes(tuple(targets), end)
