"""RunContext: what both ways of running need to know and do besides calling functions. One for each run."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from functools import cache
from types import ModuleType, TracebackType

from cascade._vm import Code, Jump, Kernel, Routine, Skipped, jump_data_is_deferred, loop_code_of
from cascade.declare.control import JUMP
from cascade.declare.failed import add_note
from cascade.declare.lazy import LazyResult, help_with, lazy_result
from cascade.declare.policies import Policies
from cascade.declare.protocols import Executor
from cascade.declare.resources import Injection, inject
from cascade.declare.task import BoundTask, Task
from cascade.errors import DeclarationError, LoweringError, RunTimeoutError, TargetError, UnknownTaskError, nearest
from cascade.events.bus import MessageBus
from cascade.events.names import label
from cascade.events.silent import Silent
from cascade.graph.build import Inputs
from cascade.graph.model import task_of
from cascade.graph.operations import Managed, StateMachine
from cascade.imports import TYPE_CHECKING, Any
from cascade.runtime.inputs import Given
from cascade.runtime.nodes.capacity import Capacity
from cascade.runtime.resources import Leases, ResourceContainer, fresh
from cascade.runtime.spine.code_cache import CodeCache, loop_code

if TYPE_CHECKING:
    from cascade.kernels.diagnostics import Reason

AnyTask = Task[..., Any]


class RunContext(Silent):
    """The services of one run, and what it tells of itself.

    Args:
        bus: carries what it tells, if it is a `telling_host`; None for nobody hears it.
        target: what is run; tail calls by name look among its tasks.
        timeout: seconds, for messages.
        params: the values of the target's parameters.
        resources: those that are known by name.
        shared: whether several runs share this context; then none of them can have inputs or resources.
        capacity: the system's resources.
        deadline: on the clock of `time.monotonic()`; 0.0 for none.
        lowers: whether maps may run typed code: on the graph path nothing does.

    Attributes:
        taken: how many inputs and resources graphs of this run have taken so far; none of them is part of the key of a
            task that returned such a graph.
        last_taken: the last of them.
    """

    given: Given | None = None
    leases: Leases | None = None

    def __init__(
        self,
        code_cache: CodeCache,
        executor: Executor,
        bus: MessageBus | None = None,
        *,
        target: Any = None,
        run_id: str = "",
        timeout: float | None = None,
        params: Mapping[str, Any] | None = None,
        resources: ResourceContainer | None = None,
        shared: bool = False,
        capacity: Capacity | None = None,
        deadline: float = 0.0,
        lowers: bool = True,
    ) -> None:
        if bus is not None:
            self.publish_on(bus, run_id)
        self.code_cache = code_cache
        self.executor = executor
        self.deadline = deadline
        self.lowers = lowers
        self.capacity = Capacity() if capacity is None else capacity
        self.root = target
        self.timeout = timeout
        self.params = params
        self.resources = resources
        self.shared = shared
        self._named: dict[tuple[AnyTask, str], AnyTask] = {}
        self.taken = 0
        self.last_taken: AnyTask | None = None

    # -- Inputs and resources ---------------------------------------------------------------------------------------

    def fill(self, inputs: Sequence[Any]) -> Sequence[Any]:
        """The inputs of a graph, complete. The first graph is the run's target, whose inputs are checked all at once."""
        if isinstance(inputs, Inputs) and inputs.tables:
            inputs = inputs.for_one_run()
        if type(inputs) is not Inputs and (self.params is None or self.given is not None):
            return inputs
        if self.shared:
            raise TargetError(
                "a task of this program answered with a graph that takes inputs or resources",
                expected="inputs and resources that the compiled target takes as well",
                hint="run it with cascade.run(...), or pass what is needed as an argument",
            )
        first = self.given is None
        if self.given is None:
            self.given = Given(self.params)
        declared = []
        if isinstance(inputs, Inputs):
            declared = inputs.all_declared()
            self._note_taken([*declared, *inputs.injections])
            if inputs.injections:
                if self.leases is None:
                    self.leases = Leases(self.resources or ResourceContainer(), self.given.value, self.publish_resource)
                declared += self.leases.check(inputs.injections, inputs.values)
        if first:
            self.given.check(declared)
        return self.given.fill(inputs) if isinstance(inputs, Inputs) else inputs

    def _note_taken(self, taken: Sequence[AnyTask]) -> None:
        if taken:
            self.taken += len(taken)
            self.last_taken = taken[-1]

    # -- Code and tasks ---------------------------------------------------------------------------------------------

    def expand(self, deferred: LazyResult[Any], hands_on: bool = False) -> tuple[Code, Sequence[Any]]:
        """The code of a result and its inputs; `hands_on` says that its arguments are data (see `flatten`)."""
        if not self.subscribed and self.code_cache.is_single_call(deferred, hands_on=hands_on):
            return loop_code_of(self, deferred.task.routine), deferred.slots
        around = getattr(deferred, "given", None)
        if around is not None and around.route is not None:
            code, inputs = self.code_cache.code_of_route(deferred, around)
        else:
            code, inputs = self.code_cache.code_of(deferred, hands_on=hands_on)
        return code, self.fill(inputs)

    def deferred(self, operation: AnyTask | Managed, slots: tuple[Any, ...]) -> LazyResult[Any]:
        """A result of what a tail call calls: the slots are those that `rebind` has given."""
        if isinstance(operation, Task):
            return lazy_result(operation, slots, operation.policies)
        again = operation.again
        computed = iter(slots[again.count :])
        constraints = tuple((name, next(computed) if amount is None else amount) for name, amount in again.amounts)
        return lazy_result(again.task, slots[: again.count], Policies(again.retry, again.timeout, again.cache, constraints))

    def loop_code(self, operation: AnyTask | Managed | StateMachine) -> Code:
        return loop_code(operation)

    def target(self, target: Any, owner: AnyTask) -> Routine:
        return self.target_task(target, owner).operation.routine

    def target_task(self, target: Any, owner: AnyTask) -> AnyTask:
        """The task that a tail call of `owner` means: given itself, or by its name."""
        if isinstance(target, BoundTask):
            raise DeclarationError(
                f"TailCall(target={target!r})", where=f"task {owner.name!r}", expected="a task or the name of a task",
                hint=f"return {target.name}.tail(...), of the same instance",
            )
        if isinstance(target, Task):
            return target
        if not isinstance(target, str):
            raise DeclarationError(
                f"TailCall(target={target!r})", where=f"task {owner.name!r}", expected="a task or the name of a task"
            )
        known = self._named.get((owner, target))
        if known is None:
            known = self._named[owner, target] = self._find(target, owner)
        return known

    def _find(self, name: str, owner: AnyTask) -> AnyTask:
        # Nearest first: the task itself, what its function sees, the tasks of the target.
        seen: dict[str, AnyTask] = {owner.name: owner}
        for task in (*_visible_tasks(owner.func), *_tasks_of(self.root)):
            seen.setdefault(task.name, task)
        if name not in seen:
            raise UnknownTaskError(
                f"TailCall(target={name!r}): no task of that name is known here",
                where=f"task {owner.name!r}",
                expected="the name of a task of the running target, or of one that the function can see",
                hint=nearest(name, seen) or "pass the task itself: TailCall(target=the_task)",
            )
        return seen[name]

    def rebind(
        self, operation: AnyTask | Managed, current: tuple[Any, ...], args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> tuple[Any, ...]:
        """The slots of a tail call to itself; of the extras, the amounts of constraints stay."""
        if isinstance(operation, Managed):
            count = operation.count
            slots = operation.task.binder.rebind(current[:count], args, kwargs)
            slots += current[count : count + operation.computed]
        else:
            slots = operation.binder.rebind(current, args, kwargs)
        return fresh(slots) if self.leases is not None and self.leases.per_task else slots

    def holds_resources(self) -> bool:
        """Whether values may be resources that each call has its own of, so that a route cannot be entered without `call`."""
        return self.leases is not None

    def call(
        self, operation: AnyTask | Managed, operands: Sequence[Any], serial: int, node: int, origin: AnyTask | None
    ) -> Any:
        return _doing().perform(self, operation, operands, serial, node, origin)

    def admit(self, operation: StateMachine, operands: Sequence[Any], serial: int, node: int) -> Skipped | None:
        skipped: Skipped | None = _doing().admit(self, operation, operands, serial, node)
        return skipped

    def execute(self, owner: AnyTask, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """One call of a task, whatever has it called: with the resources that it was given, by the executor."""
        if self.leases is not None:
            if isinstance(owner, Injection):
                return self.leases.acquire(owner, inject(owner.resource or owner.name))
            if self.leases.per_task:
                return self.leases.call(owner, args, kwargs, self.executor.call)
        return self.executor.call(owner, args, kwargs)

    def computed_jump(self, jump: Jump[Any], made: int) -> LazyResult[Any] | None:
        """The Jump as a result to be computed, if its data has to be; else None.

        Args:
            made: how many results there were when the state was called.
        """
        return JUMP(jump.target_key, jump.data) if jump_data_is_deferred(jump, made) else None

    def jump_error(self, targets: Any, jump: Jump[Any], owner: AnyTask) -> BaseException:
        from cascade.runtime.nodes.routers import jump_error

        return jump_error(targets, jump, owner)

    def kernel(
        self, owner: AnyTask, types: tuple[str, ...], in_map: bool = False
    ) -> Kernel | tuple[Reason, ...] | None:
        """The kernel for arguments of these types; why there is none; or None where there is none for any types."""
        from cascade.kernels import lower  # takes long to import, and not every program needs it

        made = lower(owner, types, in_map)
        if isinstance(made, Kernel):
            return made
        if (types, made) not in owner.routine.reasons:
            owner.routine.reasons.append((types, made))
        if owner.lower:
            where = f"{made[0].file}:{made[0].line}" if made[0].file else None
            raise LoweringError(owner.name, made, where=where)
        return None if any(reason.for_all_types for reason in made) else made

    def machine_kernel(self, routine: Routine, types: tuple[str, ...], start: int) -> Kernel | tuple[Reason, ...] | None:
        """As `kernel`, for a state machine that goes on with the state of number `start`."""
        from cascade.kernels import lower_machine

        made = lower_machine(routine.operation, types, start)
        if isinstance(made, Kernel):
            return made
        routine.reasons.append((types, made))
        return None if any(reason.for_all_types for reason in made) else made

    # -- Names and errors -------------------------------------------------------------------------------------------

    def where(self, owner: AnyTask, serial: int, node: int | str, iteration: int) -> str:
        return f"task {owner.name!r}, node {label(owner, serial, node)}, iteration {iteration:,}"

    def annotate(
        self, error: BaseException, owner: AnyTask, origin: AnyTask, serial: int, node: int, iteration: int
    ) -> None:
        """Adds a note to a user's exception that says where it came from, and takes our own frames off it."""
        if not isinstance(error, Exception):
            return
        error.with_traceback(user_part(error.__traceback__))  # never refused, as setting the attribute may be
        notes = getattr(error, "__notes__", ())
        note = f"in {'resource' if owner.mode == 'resource' else 'task'} {owner.name!r}, node {label(origin, serial, node)}, iteration {iteration:,}"
        if note not in notes:
            add_note(error, note)
        help_text = help_with(error)
        if help_text is not None and help_text not in notes:
            add_note(error, help_text)

    def timed_out(self, steps: int, iterations: int, where: str | None) -> RunTimeoutError:
        return RunTimeoutError(self.timeout or 0.0, steps, iterations, where=where)

    def check_deadline(self) -> None:
        """Raises RunTimeoutError (a TimeoutError) when the run has taken too long; for calls that take long in one go."""
        if self.deadline and time.monotonic() >= self.deadline:
            raise self.timed_out(0, 0, None)


@cache
def _doing() -> ModuleType:
    # A graph of plain calls needs none of the six modules.
    from cascade.runtime.nodes import dispatch as perform

    return perform


@cache
def telling_host() -> type[RunContext]:
    """The class of the host of a run that somebody hears; its events take 10 ms to import."""
    from cascade.events.publisher import EventPublisher

    class TellingHost(EventPublisher, RunContext):
        pass

    return TellingHost


def user_part(traceback: TracebackType | None) -> TracebackType | None:
    """The traceback from the first frame that is not Cascade's own; all of it where there is none."""
    at = traceback
    while at is not None and at.tb_frame.f_globals.get("__name__", "").startswith("cascade."):
        at = at.tb_next
    return traceback if at is None else at


def _visible_tasks(function: Any) -> list[AnyTask]:
    cells = getattr(function, "__closure__", None) or ()
    found = []
    for cell in cells:
        try:
            found.append(cell.cell_contents)
        except ValueError:  # a name that is not bound yet
            continue
    found.extend(getattr(function, "__globals__", {}).values())
    return [value for value in found if isinstance(value, Task) and not isinstance(value, BoundTask)]


def _tasks_of(target: Any) -> list[AnyTask]:
    if target is None:
        return []
    if isinstance(target, Task):
        return [target.task]
    from cascade.graph.build import flatten

    return [task for row in flatten(target)[0] if (task := task_of(row[0])) is not None and not isinstance(task, Injection)]
