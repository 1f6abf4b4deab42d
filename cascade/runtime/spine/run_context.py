"""RunContext: the services of one run, on both paths. The extension calls its methods (see `cascade/_vm.pyi`)."""

from __future__ import annotations

import functools
from collections.abc import Callable, Coroutine, Sequence
from functools import cache
from types import ModuleType

import cascade.runtime.kernel_hooks  # noqa: F401  (it configures the extension)
from cascade._vm import Code, Jump, Routine, Skipped, jump_data_is_deferred, loop_code_of
from cascade.adapters.protocols import Executor
from cascade.compiler.code_cache import CodeCache, loop_code
from cascade.declare.control import JUMP, together
from cascade.declare.lazy import LazyResult, lazy_result
from cascade.declare.resources import Injection, inject
from cascade.declare.task import Task
from cascade.errors import RunTimeoutError
from cascade.events.silent import SILENT, SilentPublisher
from cascade.graph.model import Row
from cascade.graph.operations import PolicyOperation, StateMachine, operation_of
from cascade.graph.route_table import Around
from cascade.imports import TYPE_CHECKING, Any
from cascade.runtime.nodes.capacity import Capacity
from cascade.runtime.run_inputs import RunInputs
from cascade.runtime.spine import failures

if TYPE_CHECKING:
    from cascade.compiler.chains import Joining
    from cascade.kernels.on_demand import Lowered
    from cascade.runtime.nodes.context import Durable, Park
    from cascade.runtime.nodes.sink import Sink
    from cascade.runtime.spine.tail_calls import TailCallTargets

AnyTask = Task[..., object]


class RunContext:
    """The services of one run, each a part with a name.

    Args:
        code_cache: finds the code of graphs that tasks return.
        executor: calls functions.
        inputs: the values of the run's inputs, and its resources.
        publisher: publishes the events of the run.
        target: the target of the run; tail calls by name look among its tasks.
        capacity: the system's resources.
        limits: the limit of the run's time.
        lowers: whether calls and maps may run typed code, as nothing does on the graph path.

    Attributes:
        subscribed: the classes of events that have subscribers.
        observed: whether starts and ends of calls have to be published.
        started, finished: the methods of the publisher, which are called with every call of a task.
        max_steps: the limit of task calls in a run inside of this one; -1 for none.
        failed_stage: an exception of a chain, with the task that has raised it and the number of its row.
        sink: where a map that is streamed puts its results.
        nested_runs, nested_steps: how many runs inside of this one there were, and task calls in those that have ended.
    """

    subscribed = SILENT.subscribed
    observed = SILENT.observed
    started: Callable[..., None] = SILENT.started
    finished: Callable[..., None] = SILENT.finished
    max_steps = -1
    nested_runs = nested_steps = 0
    sink: Sink | None = None
    failed_stage: tuple[BaseException, AnyTask, int] | None = None
    _targets: TailCallTargets | None = None

    def __init__(
        self,
        code_cache: CodeCache,
        executor: Executor,
        inputs: RunInputs,
        publisher: SilentPublisher = SILENT,
        *,
        target: object = None,
        capacity: Capacity | None = None,
        limits: failures.Limits = failures.NO_LIMITS,
        lowers: bool = True,
    ) -> None:
        self.code_cache = code_cache
        self.executor = executor
        self._execute = getattr(executor, "call_by_kernel", executor.call) if lowers else executor.call
        self.inputs = inputs
        self.publisher = publisher
        self.root = target
        self.capacity = Capacity() if capacity is None else capacity
        self.limits = limits
        self.lowers = lowers
        if publisher is not SILENT:
            self.subscribed, self.observed = publisher.subscribed, publisher.observed
            self.started, self.finished = publisher.started, publisher.finished

    @property
    def calls_inline(self) -> bool:
        """True if tasks of mode "inline" may be called directly; an executor of a user's own need not say."""
        return bool(getattr(self.executor, "calls_inline", False))

    @property
    def joining(self) -> Joining:
        """Whether chains of compute tasks travel together: where there are workers, and nobody asks for each of the calls."""
        if self.observed or self.max_steps >= 0 or getattr(self.executor, "worker_pool", None) is None:
            return "none"
        return "kept" if getattr(self.executor, "keeps_results", False) else "chains"

    # -- Events -----------------------------------------------------------------------------------------------------

    def progress(self, owner: AnyTask, serial: int, node: int, iteration: int) -> None:
        self.publisher.progress(owner, serial, node, iteration)

    def skip(self, owner: AnyTask, serial: int, node: int | str, reason: str) -> Skipped:
        return self.publisher.skip(owner, serial, node, reason)

    durable: Durable | None = None
    """Saves the run, where it has a store: see `cascade.durable`."""

    def shape_of(self, target: object, rows: Sequence[Row]) -> object:
        """Returns that by which a saved run finds the graph of `target` again; None for a run that is not saved."""
        return None

    # -- Code and tasks ---------------------------------------------------------------------------------------------

    def expand(self, deferred: LazyResult[object], hands_on: bool = False) -> tuple[Code, Sequence[object]]:
        """Returns the code of a result and its inputs; `hands_on` says that its arguments are data (see `flatten`)."""
        around = deferred.around
        if isinstance(around, Around):
            known = self.code_cache.code_of_route(around)
            if known is not None:
                return known
            hands_on = False  # a route was declared: its arguments are not data
        if not self.subscribed and self.code_cache.is_single_call(deferred, hands_on=hands_on):
            return loop_code_of(self, deferred.task.routine), deferred.slots
        code, inputs = self.code_cache.code_of(deferred, hands_on=hands_on, joining=self.joining)
        return code, self.inputs.fill(inputs)

    def together(self, nest: object) -> LazyResult[object]:
        """Returns the result that a task continues with after it has returned a container of results."""
        return together(nest)

    def deferred(self, operation: AnyTask | PolicyOperation, slots: tuple[object, ...]) -> LazyResult[object]:
        """Returns the call that a tail call makes, as a LazyResult; the slots are those that `rebind` returned."""
        if isinstance(operation, Task):
            return lazy_result(operation, slots, operation.policies)
        again = operation.again
        return lazy_result(again.task, slots[again.arguments], again.policies(slots[again.computed]))

    def continued(self, deferred: LazyResult[object], park: Park) -> Coroutine[object, None, object]:
        """Returns the coroutine of a run of its own inside of this one; its value is that of the result, or a Failed."""
        from cascade.runtime.spine.continued import continued

        return continued(self, deferred, park)

    def again(self, owner: AnyTask, slots: Sequence[object]) -> Callable[[], object]:
        """Returns a function that calls a task once more, outside of this run."""
        if self.inputs.takes_placeholders:
            from cascade.runtime.resources.placeholder import fresh

            slots = fresh(tuple(slots))
        return functools.partial(call_again, owner, tuple(slots))

    def loop_code(self, operation: AnyTask | PolicyOperation | StateMachine) -> Code:
        return loop_code(operation)

    def target(self, target: object, owner: AnyTask) -> Routine:
        return operation_of(self.target_task(target, owner)).routine

    def target_task(self, target: object, owner: AnyTask) -> AnyTask:
        """Returns the task that a tail call of `owner` continues with."""
        if self._targets is None:
            from cascade.runtime.spine.tail_calls import TailCallTargets  # few programs have tail calls to other tasks

            self._targets = TailCallTargets(self.root)
        return self._targets.find(target, owner)

    def rebind(
        self,
        operation: AnyTask | PolicyOperation,
        current: tuple[object, ...],
        args: tuple[object, ...],
        kwargs: dict[str, object],
    ) -> tuple[object, ...]:
        """Returns the slots of a tail call to itself; of the extras, the amounts of constraints stay."""
        if isinstance(operation, PolicyOperation):
            slots = operation.task.binder.rebind(current[operation.arguments], args, kwargs)
            slots += current[operation.computed]
        else:
            slots = operation.binder.rebind(current, args, kwargs)
        if not self.inputs.takes_placeholders:
            return slots
        from cascade.runtime.resources.placeholder import fresh

        return fresh(slots)

    def holds_resources(self) -> bool:
        """Returns True if values may be resources that each call has its own of, so that a route cannot be entered without `call`."""
        return self.inputs.resources is not None

    def call(
        self,
        operation: AnyTask | PolicyOperation,
        operands: Sequence[object],
        serial: int,
        node: int,
        origin: AnyTask | None,
    ) -> object:
        return _dispatch().perform(self, operation, operands, serial, node, origin)

    def admit(self, operation: StateMachine, operands: Sequence[object], serial: int, node: int) -> Skipped | None:
        skipped: Skipped | None = _dispatch().admit(self, operation, operands, serial, node)
        return skipped

    def execute(self, owner: AnyTask, args: tuple[object, ...], kwargs: dict[str, object]) -> object:
        """Calls a task by the executor, with its resources; every call of a function in a run is made here."""
        resources = self.inputs.resources
        if resources is not None:
            if isinstance(owner, Injection):
                return resources.acquire(owner, inject(owner.resource or owner.name))
            if resources.per_task:
                return resources.call(owner, args, kwargs, self._execute)
        return self._execute(owner, args, kwargs)

    def computed_jump(self, jump: Jump[object], made: int) -> LazyResult[object] | None:
        """Returns the Jump as a result to be computed, if its data has to be; else None.

        Args:
            made: how many results there were when the state was called.
        """
        return JUMP(jump.target_key, jump.data) if jump_data_is_deferred(jump, made) else None

    def jump_error(
        self, targets: Sequence[tuple[object, int, int]], jump: Jump[object], owner: AnyTask
    ) -> BaseException:
        from cascade.runtime.nodes.routers import jump_error

        return jump_error(targets, jump, owner)

    def not_continued(self, value: Any) -> BaseException:  # noqa: ANN401  # a Jump or a container
        if not isinstance(value, Jump):
            return failures.misplaced_tail_call(value)
        from cascade.runtime.nodes.routers import unbound_jump

        return unbound_jump(value, self.root)

    def kernel(self, owner: AnyTask, types: tuple[str, ...], in_map: bool = False) -> Lowered:
        from cascade.kernels.on_demand import kernel_of

        return kernel_of(owner, types, in_map)

    def state_machine_kernel(self, routine: Routine, types: tuple[str, ...], start: int) -> Lowered:
        from cascade.kernels.on_demand import state_machine_kernel_of

        return state_machine_kernel_of(routine, types, start)

    # -- Names and errors -------------------------------------------------------------------------------------------

    def where(self, owner: AnyTask, serial: int, node: int | str, iteration: int) -> str:
        return failures.where(owner, serial, node, iteration)

    def annotate(
        self, error: BaseException, owner: AnyTask, origin: AnyTask, serial: int, node: int, iteration: int
    ) -> None:
        stage = self.failed_stage
        if stage is not None and stage[0] is error:
            self.failed_stage, owner, origin, node = None, stage[1], stage[1], stage[2]
        failures.annotate(error, owner, origin, serial, node, iteration)

    def timed_out(self, steps: int, iterations: int, where: str | None) -> RunTimeoutError:
        return self.limits.timed_out(steps, iterations, where)


class _InPlace:
    """An executor that calls everything in place."""

    calls_inline = True

    def call(self, task: AnyTask, args: tuple[object, ...], kwargs: dict[str, object]) -> object:
        return task.called(*args, **kwargs)


def call_again(task: AnyTask, slots: tuple[object, ...]) -> object:
    """Calls a task, whatever its mode, in this thread and on the graph path, and returns its value."""
    from cascade.adapters.solvers.native import NativeSolver
    from cascade.runtime.spine.continued import continue_now

    context = RunContext(CodeCache(NativeSolver()), _InPlace(), RunInputs(), lowers=False)
    return continue_now(context, lazy_result(task, slots)).unwrap()


@cache
def _dispatch() -> ModuleType:
    # A graph of plain calls needs none of those six modules.
    from cascade.runtime.nodes import dispatch

    return dispatch
