"""Program: a target or a task, compiled once, run many times."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Generic, ParamSpec, TypeVar, overload

from cascade._vm import DONE, WAIT, Code, Machine, Routine, holds_deferred
from cascade.adapters.executors.local import LocalExecutor
from cascade.adapters.solvers.native import NativeSolver
from cascade.blueprint import Blueprint
from cascade.compiler.disassemble import disassemble
from cascade.errors import TargetError
from cascade.runtime.drive import NESTED_SLICE, check_synchronous, drive, drive_now, run_loop
from cascade.runtime.host import Host
from cascade.runtime.shapes import Shapes, is_asynchronous, loop_code
from cascade.spec.lazy import LazyResult
from cascade.spec.task import Task

if TYPE_CHECKING:
    from cascade.runtime.explain import Explanation

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
        self._target = target
        self._asynchronous = is_asynchronous(code)
        self._host = Host(Shapes(NativeSolver()), LocalExecutor(), target=target)
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
            code, inputs = self._host.expand(self._host.deferred(self._target, inputs))
            return Machine(code, inputs, self._host)
        return Machine(self._code, inputs, self._host)

    async def arun(self, *args: P.args, **kwargs: P.kwargs) -> R:
        """Runs the program inside the running event loop."""
        outcome = await drive(self._machine(args, kwargs), self._host)
        return outcome.unwrap()  # type: ignore[no-any-return]

    def disassemble(self) -> str:
        """The listing of the blueprint, and of the typed code of its tasks beside their source lines.

        One instruction a line, with what it does. A task has typed code once it has run, or was explained.
        """
        from cascade.compiler.lower.listing import listing

        kernels = [kernel for routine in self._routines() for kernel in routine.kernels]
        return "\n\n".join([disassemble(self.blueprint), *(listing(kernel.code) for kernel in kernels)])

    def explain(self) -> Explanation:
        """In which regime each task of the program runs, and why; see `cascade.explain`."""
        from cascade.runtime.explain import annotated, explain, explain_tasks

        if self._target is not None and not isinstance(self._target, Task):
            return explain(self._target)
        return explain_tasks((routine.owner, annotated(routine.owner)) for routine in self._routines())

    def _routines(self) -> list[Routine]:
        return [constant for constant in self.blueprint.constants if type(constant) is Routine]

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
