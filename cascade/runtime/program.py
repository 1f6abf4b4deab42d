"""Program: a target or a task, compiled once, run many times."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

from cascade._vm import DONE, WAIT, Code, DirectCall, Machine, called_directly, entry_point, hands_on_deferred
from cascade.adapters.executors.local import LocalExecutor
from cascade.adapters.executors.scopes import check_scopes, has_scope
from cascade.adapters.solvers.native import NativeSolver
from cascade.compiler.code_cache import CodeCache, CompiledTarget, is_asynchronous, operations_of, target_code
from cascade.declare.binding import note_parameters
from cascade.declare.inputs import Input
from cascade.declare.lazy import LazyResult
from cascade.declare.resources import Resource
from cascade.declare.task import Task
from cascade.errors import DeclarationError, SendingError, TargetError
from cascade.graph.inputs import Inputs
from cascade.graph.operations import operation_of
from cascade.imports import TYPE_CHECKING, Generic, NoReturn, ParamSpec, TypeVar, annotation, overload
from cascade.instructions.blueprint import Blueprint
from cascade.runtime.inputs import layout_of
from cascade.runtime.nodes.capacity import Capacity, check_capacity
from cascade.runtime.resources.registry import ResourceContainer
from cascade.runtime.resources.resolver import parameters_of
from cascade.runtime.run_inputs import RunInputs
from cascade.runtime.spine.driver import (
    NESTED_SLICE,
    check_asynchronous,
    check_synchronous,
    drive,
    drive_awaited,
    drive_now,
    run_loop,
)
from cascade.runtime.spine.run_context import RunContext

if TYPE_CHECKING:
    from cascade.declare.nests import D, Nest, Values
    from cascade.reports.explain import Explanation
else:
    Explanation = annotation("cascade.reports.explain", "Explanation")

__tracebackhide__ = True  # for pytest
P = ParamSpec("P")
K = TypeVar("K")
R = TypeVar("R")


class _Signature:
    """The `__signature__` of a program, made when it is read; the class has none.

    No `__getattr__`, which would make every attribute of a program slow.
    """

    def __get__(self, program: Program[..., object] | None, owner: type) -> object:
        if program is None:
            raise AttributeError("__signature__")
        from inspect import Parameter, Signature, signature

        target = program._target
        if isinstance(target, Task):
            return signature(target.func)
        return Signature(
            [
                Parameter(
                    each.name,
                    Parameter.KEYWORD_ONLY if len(program.parameters) > 1 else Parameter.POSITIONAL_OR_KEYWORD,
                    default=Parameter.empty if each.required else each.default,
                    annotation=Parameter.empty if each.type is None else each.type,
                )
                for each in program.parameters
            ]
        )


@called_directly
class Program(CompiledTarget, DirectCall, Generic[P, R]):
    """Compiled code with its inputs; calling it runs it.

    Runs are independent of each other: several threads and event loops may run the same program at once.

    Attributes:
        blueprint: the compiled code.
    """

    def __init__(
        self,
        code: Code,
        inputs: Sequence[object] | None,
        bind: Callable[..., tuple[object, ...]],
        target: object,
        capacity: Capacity,
        resources: Iterable[Resource] = (),
    ) -> None:
        self._code = code
        self._inputs = inputs
        self._layout = layout_of(inputs) if isinstance(inputs, Inputs) else None
        self._bind = bind
        self._target = target
        self._gathered = target.binder.gathered if isinstance(target, Task) else ()
        self._asynchronous = is_asynchronous(code)
        self._container = ResourceContainer()
        self._container.register_all(resources)
        # Runs that take no inputs and no resources share a context.
        self._context = RunContext(
            CodeCache(NativeSolver()), LocalExecutor(), RunInputs(shared=True), target=target, capacity=capacity
        )
        check_capacity(operations_of(code), capacity)
        if not self._asynchronous and not isinstance(inputs, Inputs):
            positional = target.binder.unbound if isinstance(target, Task) else -1
            DirectCall.__init__(
                self, code, self._context, NESTED_SLICE,
                inputs=inputs, bind=bind, positional=positional, gathered=self._gathered,
            )  # fmt: skip
        self.blueprint: Blueprint = code.blueprint
        if isinstance(inputs, Inputs):
            self.__doc__ = "\n".join(
                [f"A program compiled from {self.blueprint.name}; its parameters are:", ""]
                + [f"    {each.describe()}" for each in self.parameters]
            )

    @entry_point
    def __call__(self, /, *args: P.args, **kwargs: P.kwargs) -> R:
        """Runs the program and returns its value. No event loop is needed when nothing is async.

        Raises:
            TypeError: the arguments do not fit the inputs.
            EventLoopError: (a RuntimeError) something is async, and an event loop is running in this thread.
        """
        # Most calls do not come here, but those of programs with inputs or resources: see vm/direct.pxi.
        if has_scope():
            check_scopes()  # a loop of short programs has to end as well
        machine, context = self._machine(args, kwargs)
        if self._asynchronous:
            check_synchronous("an asynchronous program", "await program.arun(...)")
            return self._run_loop(machine, context)
        status = machine.run(NESTED_SLICE)
        if status == DONE and context.inputs.resources is None:
            return machine.take()  # type: ignore[no-any-return]
        return self._finish(machine, context, status)

    def _run_loop(self, machine: Machine, context: RunContext) -> R:
        return run_loop(lambda: drive(machine, context)).unwrap()  # type: ignore[return-value]  # of the type that the target promises

    def _finish(self, machine: Machine, context: RunContext, status: int) -> R:
        # A run that failed, or was not over at once.
        if status == WAIT:
            try:
                check_synchronous("a program that awaits", "await program.arun(...)")
            except BaseException:
                machine.close()
                raise
        return drive_now(machine, context, status=status).unwrap()  # type: ignore[return-value]  # of the type that the target promises

    def _machine(self, args: tuple[object, ...], kwargs: dict[str, object]) -> tuple[Machine, RunContext]:
        inputs = self._inputs
        if type(inputs) is Inputs:
            if args:
                kwargs = self._by_name(args, kwargs)
            context = self._own_context(kwargs)
            filled = None if self._layout is None else self._layout.fill(kwargs)
            if filled is not None:
                context.inputs.values, values = filled
                return Machine(self._code, values, context), context
            return Machine(self._code, context.inputs.fill(inputs), context), context
        if inputs is not None and not args and not kwargs:
            return Machine(self._code, inputs, self._context), self._context
        try:
            slots = self._bind(*args, **kwargs)
        except TypeError as error:
            self._note_parameters(error)
            raise
        if hands_on_deferred(slots, self._gathered):
            assert isinstance(self._target, Task)
            context = self._own_context(None)
            code, filled_in = context.expand(context.deferred(operation_of(self._target), slots))
            return Machine(code, filled_in, context), context
        return Machine(self._code, slots, self._context), self._context

    def _note_parameters(self, error: TypeError) -> None:
        if isinstance(self._target, Task):
            note_parameters(error, self.blueprint.name, self._target.func)

    def _by_name(self, args: tuple[object, ...], kwargs: dict[str, object]) -> dict[str, object]:
        """Returns the parameters with the one that was given by position, where there is only one."""
        if len(args) == len(self.parameters) == 1 and not kwargs:
            return {self.parameters[0].name: args[0]}
        names = ", ".join(f"{each.name}=..." for each in self.parameters)
        raise DeclarationError(
            f"program {self.blueprint.name} takes its parameters by name, {len(args)} were given by position",
            expected=f"program({names})",
        )

    def _own_context(self, params: dict[str, object] | None) -> RunContext:
        return RunContext(
            self._context.code_cache,
            self._context.executor,
            RunInputs(params, self._container),
            target=self._target,
            capacity=self._context.capacity,
        )

    @property
    def parameters(self) -> tuple[Input, ...]:
        """The parameters of the target that was compiled, in the order in which they stand there; each once."""
        if not isinstance(self._inputs, Inputs):
            return ()
        return parameters_of(self._inputs, self._container)

    __signature__: _Signature = _Signature()

    async def arun(self, /, *args: P.args, **kwargs: P.kwargs) -> R:
        """Runs the program inside the running event loop."""
        check_asynchronous("program.arun", "program")
        machine, context = self._machine(args, kwargs)
        outcome = await drive_awaited(machine, context)
        return outcome.unwrap()  # type: ignore[return-value]  # of the type that the target promises

    def disassemble(self) -> str:
        """Returns the listing of the blueprint, of those that it leads to, and of the typed code of its tasks beside their source lines.

        One instruction a line, with its meaning. The states of machines and the routes of Routers are blueprints of their own,
        which follow. A task has typed code once it has run, or was explained.
        """
        from cascade.reports.listing import listing

        return listing(self.blueprint, self._inputs)

    def explain(self) -> Explanation:
        """Explains in which regime each task of the program runs, and why; see `cascade.explain`."""
        from cascade.reports.explain import explain_code

        return explain_code(self.blueprint, self._inputs)

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, str]:
        """Shows the graph in a notebook."""
        from cascade.reports.notebook import pictures_of

        return pictures_of(self)

    @property
    def system_resources(self) -> dict[str, float]:
        """The amounts of resources that its nodes share, as they were passed to `compile`."""
        return dict(self._context.capacity.total)

    def __copy__(self) -> Program[P, R]:
        return self  # its runs share nothing that changes

    def __reduce__(self) -> NoReturn:
        raise SendingError(
            f"program {self.blueprint.name!r} cannot be pickled",
            expected="what it is compiled from",
            hint="send the task, or the target as cascade.to_json writes it, and compile it there",
        )

    def __repr__(self) -> str:
        return f"<Program {self.blueprint.name}>"


@overload
def compile(
    target: LazyResult[R], *, resources: Iterable[Resource] = (), system_resources: Mapping[str, float] | None = None
) -> Program[..., R]: ...
@overload
def compile(
    target: Task[P, R], *, resources: Iterable[Resource] = (), system_resources: Mapping[str, float] | None = None
) -> Program[P, R]: ...
@overload
def compile(
    target: list[LazyResult[R]] | tuple[LazyResult[R], ...],
    *,
    resources: Iterable[Resource] = (),
    system_resources: Mapping[str, float] | None = None,
) -> Program[..., list[R]]: ...
@overload
def compile(
    target: dict[K, LazyResult[R]],
    *,
    resources: Iterable[Resource] = (),
    system_resources: Mapping[str, float] | None = None,
) -> Program[..., dict[K, R]]: ...
@overload
def compile(
    target: Nest, *, resources: Iterable[Resource] = (), system_resources: Mapping[str, float] | None = None
) -> Program[..., Values]: ...
@overload
def compile(
    target: D, *, resources: Iterable[Resource] = (), system_resources: Mapping[str, float] | None = None
) -> Program[..., D]: ...
@entry_point
def compile(
    target: object, *, resources: Iterable[Resource] = (), system_resources: Mapping[str, float] | None = None
) -> object:
    """Compiles a target once, to run it many times.

    Args:
        target: a LazyResult, a container of them, or a task. The inputs of the program are the parameters of the
            task, or the `Param`s that the target holds, by keyword; `inspect.signature(program)` shows them.
        resources: those that the target injects by name.
        system_resources: the amounts of resources that nodes `with_constraints` share, in all runs of the program.

    Raises:
        TargetError: (a TypeError) `target` is something else.

    >>> from cascade import task
    >>> @task
    ... def double(x):
    ...     return 2 * x
    >>> compile(double)(21)
    42
    """
    code, inputs = target_code(target)
    bind = target.bind if isinstance(target, Task) else _no_inputs
    return Program(code, inputs, bind, target, Capacity(system_resources), resources)


def _no_inputs(*args: object, **kwargs: object) -> NoReturn:
    raise TargetError(
        "the program was compiled from a LazyResult without parameters, so it has no inputs",
        expected="no arguments",
        hint="compile the task itself: cascade.compile(task)(...), or let the target hold a cascade.Param",
    )
