"""Graph + Plan -> Blueprint.

The passes, in order:

    order       plan.issue_order     the rows in order of issue
    registers   allocate             a slot for every value, reused after its last use
    emit        emit                 the code words and side tables

Every blueprint is verified when it is turned into `Code` (see `cascade.compiler.verify`).
"""

from __future__ import annotations

from cascade._vm import Code, configure
from cascade.compiler.emit import emit, emit_loop, emit_state_machine
from cascade.compiler.registers import allocate
from cascade.compiler.verify import verify
from cascade.graph.model import Graph, Plan
from cascade.graph.operations import AnyTask, StateMachine, TaskOperation
from cascade.instructions.blueprint import Blueprint

configure(verify=verify)


def compile_graph(graph: Graph, plan: Plan) -> Blueprint:
    """Compiles a graph; its inputs are the inputs of the blueprint."""
    order = plan.issue_order(graph)
    registers = allocate(graph.rows, order, len(graph.inputs))
    return emit(graph.rows, order, registers, len(graph.inputs))


def compile_task(operation: AnyTask | TaskOperation) -> Blueprint:
    """Compiles a task on its own; its parameters are the inputs, and a tail call or a Jump continues in it."""
    return emit_state_machine(operation) if isinstance(operation, StateMachine) else emit_loop(operation)


__all__ = ["Code", "compile_graph", "compile_task"]
