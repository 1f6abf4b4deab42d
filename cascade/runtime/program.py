"""Program: a target or a task, compiled once, run many times."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Generic, ParamSpec, TypeVar, overload

from cascade._vm import DONE, FAILED, Code, Machine
from cascade.adapters.executors.local import LocalExecutor
from cascade.adapters.solvers.native import NativeSolver
from cascade.blueprint import Blueprint
from cascade.compiler.disassemble import disassemble
from cascade.errors import TargetError
from cascade.runtime.drive import Outcome, check_synchronous, drive, run_loop
from cascade.runtime.host import Host
from cascade.runtime.shapes import Shapes, is_asynchronous, loop_code
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

    def __init__(self, code: Code, inputs: Any, bind: Callable[..., Any], target: Any) -> None:
        self._code = code
        self._inputs = inputs
        self._bind = bind
        self._asynchronous = is_asynchronous(code)
        self._host = Host(Shapes(NativeSolver()), LocalExecutor(), target=target)
        self.blueprint: Blueprint = code.blueprint

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        """Runs the program and returns its value. No event loop is needed when nothing is async.

        Raises:
            TypeError: the arguments do not fit the inputs.
            EventLoopError: (a RuntimeError) something is async, and an event loop is running in this thread.
        """
        inputs = self._inputs
        if inputs is None or args or kwargs:
            inputs = self._bind(*args, **kwargs)
        machine = Machine(self._code, inputs, self._host)
        if self._asynchronous:
            check_synchronous("an asynchronous program", "await program.arun(...)")
        else:
            status = machine.run()
            if status == DONE:
                return machine.take()  # type: ignore[no-any-return]
            if status == FAILED:
                outcome = Outcome(None, machine.error)
                machine.close()
                return outcome.unwrap()  # type: ignore[no-any-return]
            try:
                check_synchronous("a program that awaits", "await program.arun(...)")
            except BaseException:
                machine.close()
                raise
        return run_loop(lambda: drive(machine, self._host)).unwrap()  # type: ignore[no-any-return]

    async def arun(self, *args: P.args, **kwargs: P.kwargs) -> R:
        """Runs the program inside the running event loop."""
        inputs = self._inputs
        if inputs is None or args or kwargs:
            inputs = self._bind(*args, **kwargs)
        outcome = await drive(Machine(self._code, inputs, self._host), self._host)
        return outcome.unwrap()  # type: ignore[no-any-return]

    def disassemble(self) -> str:
        """The listing of the blueprint: one instruction a line, with what it does."""
        return disassemble(self.blueprint)

    def __repr__(self) -> str:
        return f"<Program {self.blueprint.name}>"


@overload
def compile(target: Task[P, R]) -> Program[P, R]: ...
@overload
def compile(target: LazyResult[R]) -> Program[[], R]: ...
@overload
def compile(target: list[LazyResult[R]] | tuple[LazyResult[R], ...]) -> Program[[], list[R]]: ...
def compile(target: Any) -> Any:
    """Compiles a target once, to run it many times.

    Args:
        target: a LazyResult, a list or tuple of them, or a task; the parameters of a task are the inputs of the
            program.

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
        return Program(loop_code(target), None, target.bind, target)
    code, inputs = Shapes(NativeSolver()).code_of(target)
    return Program(code, inputs, _no_inputs, target)


def _no_inputs(*args: Any, **kwargs: Any) -> Any:
    raise TargetError(
        "the program was compiled from a LazyResult, so it has no inputs",
        expected="no arguments",
        hint="compile the task itself: cascade.compile(task)(...)",
    )
