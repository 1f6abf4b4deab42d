"""Program: a target or a task, compiled once, run many times."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Generic, ParamSpec, TypeVar, overload

from cascade._vm import DONE, WAIT, Code, Machine, holds_deferred
from cascade.adapters.executors.local import LocalExecutor
from cascade.adapters.solvers.native import NativeSolver
from cascade.blueprint import Blueprint
from cascade.compiler.disassemble import disassemble
from cascade.errors import TargetError
from cascade.runtime.drive import NESTED_SLICE, check_synchronous, drive, drive_now, run_loop
from cascade.runtime.host import Host
from cascade.runtime.ledger import Ledger
from cascade.runtime.shapes import Shapes, check_capacity, is_asynchronous, loop_code, operations_of
from cascade.spec.lazy import LazyResult
from cascade.spec.task import Task

P = ParamSpec("P")
R = TypeVar("R")


class Program(Generic[P, R]):
    """Compiled code with its inputs; calling it runs it.

    Runs are independent of each other: several threads and event loops may run the same program at once.

    Attributes:
        blueprint: what the compiler made.
    """

    def __init__(self, code: Code, inputs: Any, bind: Callable[..., Any], target: Any, ledger: Ledger) -> None:
        self._code = code
        self._inputs = inputs
        self._bind = bind
        self._target = target
        self._asynchronous = is_asynchronous(code)
        self._host = Host(Shapes(NativeSolver()), LocalExecutor(), target=target, ledger=ledger)
        check_capacity(operations_of(code), ledger)
        self.blueprint: Blueprint = code.blueprint

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        """Runs the program and returns its value. No event loop is needed when nothing is async.

        Raises:
            TypeError: the arguments do not fit the inputs.
            EventLoopError: (a RuntimeError) something is async, and an event loop is running in this thread.
        """
        machine = self._machine(args, kwargs)
        if self._asynchronous:
            check_synchronous("an asynchronous program", "await program.arun(...)")
            return run_loop(lambda: drive(machine, self._host)).unwrap()  # type: ignore[no-any-return]
        status = machine.run(NESTED_SLICE)
        if status == DONE:
            return machine.take()  # type: ignore[no-any-return]
        return self._finish(machine, status)

    def _finish(self, machine: Machine, status: int) -> R:
        # A run that failed, or was not over at once.
        if status == WAIT:
            try:
                check_synchronous("a program that awaits", "await program.arun(...)")
            except BaseException:
                machine.close()
                raise
        return drive_now(machine, self._host, status=status).unwrap()  # type: ignore[no-any-return]

    def _machine(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Machine:
        inputs = self._inputs
        if inputs is not None and not args and not kwargs:
            return Machine(self._code, inputs, self._host)
        inputs = self._bind(*args, **kwargs)
        if holds_deferred(inputs):
            code, inputs = self._host.expand(self._host.deferred(self._target.operation, inputs))
            return Machine(code, inputs, self._host)
        return Machine(self._code, inputs, self._host)

    async def arun(self, *args: P.args, **kwargs: P.kwargs) -> R:
        """Runs the program inside the running event loop."""
        outcome = await drive(self._machine(args, kwargs), self._host)
        return outcome.unwrap()  # type: ignore[no-any-return]

    def disassemble(self) -> str:
        """The listing of the blueprint: one instruction a line, with what it does."""
        return disassemble(self.blueprint)

    def __repr__(self) -> str:
        return f"<Program {self.blueprint.name}>"


@overload
def compile(target: Task[P, R], *, system_resources: Mapping[str, float] | None = None) -> Program[P, R]: ...
@overload
def compile(target: LazyResult[R], *, system_resources: Mapping[str, float] | None = None) -> Program[[], R]: ...
@overload
def compile(
    target: list[LazyResult[R]] | tuple[LazyResult[R], ...], *, system_resources: Mapping[str, float] | None = None
) -> Program[[], list[R]]: ...
def compile(target: Any, *, system_resources: Mapping[str, float] | None = None) -> Any:
    """Compiles a target once, to run it many times.

    Args:
        target: a LazyResult, a list or tuple of them, or a task; the parameters of a task are the inputs of the
            program.
        system_resources: what nodes `with_constraints` share, in all runs of the program.

    Raises:
        TargetError: (a TypeError) `target` is something else.

    >>> from cascade import task
    >>> @task
    ... def double(x):
    ...     return 2 * x
    >>> compile(double)(21)
    42
    """
    if isinstance(target, Task):
        return Program(loop_code(target.operation), None, target.bind, target, Ledger(system_resources))
    code, inputs = Shapes(NativeSolver()).code_of(target)
    return Program(code, inputs, _no_inputs, target, Ledger(system_resources))


def _no_inputs(*args: Any, **kwargs: Any) -> Any:
    raise TargetError(
        "the program was compiled from a LazyResult, so it has no inputs",
        expected="no arguments",
        hint="compile the task itself: cascade.compile(task)(...)",
    )
