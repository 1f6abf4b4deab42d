"""A task's function -> typed code, and back: a side exit at any statement.

The modules, in the order in which a function goes through them:

    source      the function's syntax tree, its statements numbered
    admission   refuses functions that cannot be lowered at all
    builder     the functions of one kernel (parts) -> typed code, in this order:
    bodies      bodies and helpers -> instructions, for given types of the arguments
        statements      (versions: of program points, by types)
        expressions     (values; calls, with the arguments of a call, the functions of `math` and containers;
                        identity: comparisons by `is`)
        tail_calls
        function_builder    emits the instructions of one function, and names its registers (names: the meaning of names)
    state_machine   the states of a state machine -> instructions
    loop_rotation   the test of a loop of tail calls moves to its end
    fuse        neighbouring instructions -> one
    assemble    labels -> positions, names -> registers
    verify      checks typed code before it may run
    continuation    the rest of a function, from a statement on, as a function
    reentry     from there to typed code again
"""

from __future__ import annotations

from collections.abc import Callable

from cascade._vm import Kernel, configure
from cascade.declare.task import Task
from cascade.graph.operations import StateMachine
from cascade.kernels.bodies import TaskTranslators
from cascade.kernels.builder import CodeBuilder
from cascade.kernels.continuation import Continuations, IterationEnd
from cascade.kernels.diagnostics import Diagnostic, Refusal
from cascade.kernels.model import BOOL, FLOAT, INT, MISSING, NONE, OBJECT, CallOut, TypedCode
from cascade.kernels.profile import profiled_caller
from cascade.kernels.reentry import reenter
from cascade.kernels.source import FunctionSource, SourceError, read_source
from cascade.kernels.state_machine import StateMachineBuilder
from cascade.kernels.verify import verify_typed

configure(
    verify_typed=verify_typed,
    call_out_type=CallOut,
    reenter=reenter,
    iteration_end_type=IterationEnd,
    profiled_caller=profiled_caller,
    missing=MISSING,
)

TYPES: dict[type, str] = {int: INT, float: FLOAT, bool: BOOL, type(None): NONE}


def types_of(kinds: tuple[type, ...]) -> tuple[str, ...]:
    """Returns the types that values of these classes have in typed code."""
    return tuple(TYPES.get(kind, OBJECT) for kind in kinds)


def lower(task: Task[..., object], types: tuple[str, ...], in_map: bool = False) -> Kernel | tuple[Diagnostic, ...]:
    """Returns the kernel of a task for arguments of the given types, or the diagnostics; in a map, also one without a loop."""
    return _kernel_or_diagnostics(task.name, lambda: translate(task, types, in_map))


def lower_state_machine(
    state_machine: StateMachine, types: tuple[str, ...], start: int
) -> Kernel | tuple[Diagnostic, ...]:
    """Returns the kernel of a state machine from the state `start` on, for operands of the given types, or the diagnostics."""
    return _kernel_or_diagnostics(
        state_machine.name, lambda: _with_loop(StateMachineBuilder(state_machine, _read).build_from(start, types))
    )


def _kernel_or_diagnostics(name: str, make: Callable[[], TypedCode]) -> Kernel | tuple[Diagnostic, ...]:
    try:
        return Kernel(make())
    except SourceError as error:
        return (Diagnostic("CS100", 0, 0, name, str(error)),)
    except Refusal as refusal:
        return refusal.diagnostics
    except RecursionError:
        return (Diagnostic("CS143", 0, 0, name, "its expressions nest too deep"),)


def translate(task: Task[..., object], types: tuple[str, ...], in_map: bool = False) -> TypedCode:
    """Returns the typed code of a task for arguments of the given types.

    Raises:
        SourceError: the source of the function is not there.
        Refusal: it cannot be lowered.
    """
    code = CodeBuilder(_read, TaskTranslators()).build(task, types)
    return code if in_map or task.lower is True else _with_loop(code)


def _with_loop(code: TypedCode) -> TypedCode:
    """Returns code that has a loop; refuses other code."""
    if not code.loops:
        source = code.bodies[0].continuations.source
        hint = "without a loop, a tail call or a Jump, calling the function is faster"
        raise Refusal(
            Diagnostic(
                "CS140", source.tree.lineno, source.tree.col_offset, f"def {source.tree.name}(...)", hint, source.file
            )
        )
    return code


def _read(task: Task[..., object]) -> tuple[FunctionSource, Continuations]:
    known = task.derived.continuations
    if not isinstance(known, Continuations) or known.source.code is not task.func.__code__:
        known = task.derived.continuations = Continuations(read_source(task.func))
    return known.source, known
