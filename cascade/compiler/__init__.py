"""Graph + Plan -> Blueprint.

The passes, in order:

    order       plan.issue_order     the rows in order of issue
    chains      join_chains          chains of compute tasks as one row, where the run sends them so
    registers   allocate             a slot for every value, reused after its last use
    emit        emit                 the code words and side tables

Every blueprint is verified when it is turned into `Code` (see `cascade.compiler.verify`).
"""

from __future__ import annotations

from cascade._vm import Code, configure
from cascade.compiler.chains import join_chains
from cascade.compiler.emit import emit, emit_loop, emit_state_machine
from cascade.compiler.registers import allocate
from cascade.compiler.verify import verify
from cascade.graph.model import Graph, Plan
from cascade.graph.operations import AnyTask, StateMachine, TaskOperation
from cascade.imports import TYPE_CHECKING
from cascade.instructions.blueprint import Blueprint

if TYPE_CHECKING:
    from cascade.compiler.chains import Joining

configure(verify=verify)


def compile_graph(graph: Graph, plan: Plan, joining: Joining = "none") -> Blueprint:
    """Compiles a graph; its inputs are the inputs of the blueprint.

    Args:
        joining: whether chains of compute tasks become one call; see `join_chains`.
    """
    rows, order = join_chains(graph.rows, plan.issue_order(graph), joining)
    registers = allocate(rows, order, len(graph.inputs))
    return emit(rows, order, registers, len(graph.inputs))


def compile_task(operation: AnyTask | TaskOperation) -> Blueprint:
    """Compiles a task on its own; its parameters are the inputs, and a tail call or a Jump continues in it."""
    return emit_state_machine(operation) if isinstance(operation, StateMachine) else emit_loop(operation)


__all__ = ["Code", "compile_graph", "compile_task"]
