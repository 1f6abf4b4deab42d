"""Host: what both ways of running need to know and do besides calling functions. One for each run."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any

from cascade._vm import Code, Kernel, Routine
from cascade.errors import DeclarationError, LoweringError, RunTimeoutError, TargetError, UnknownTaskError, nearest
from cascade.graph.build import Inputs
from cascade.runtime.bus import MessageBus
from cascade.runtime.events import (
    LoopProgress,
    ResourceAcquired,
    ResourceReleased,
    TaskExecutionFinished,
    TaskExecutionStarted,
)
from cascade.runtime.inputs import Given
from cascade.runtime.preview import preview
from cascade.runtime.resources import Leases, ResourceContainer, fresh
from cascade.runtime.shapes import Shapes, loop_code
from cascade.spec.inputs import input_of
from cascade.spec.lazy import LazyResult
from cascade.spec.protocols import Executor
from cascade.spec.resources import Injection, inject
from cascade.spec.task import Task

if TYPE_CHECKING:
    from cascade.compiler.lower.reasons import Reason

AnyTask = Task[..., Any]


class Host:
    """The services of one run. A node is named by its task, the number of its graph in the run, and its own.

    Args:
        target: what is run; tail calls by name look among its tasks.
        timeout: seconds, for messages.
        params: the values of the target's parameters.
        resources: those that are known by name.
        shared: whether several runs share this host; then none of them can have inputs or resources.
    """

    given: Given | None = None
    leases: Leases | None = None

    def __init__(
        self,
        shapes: Shapes,
        executor: Executor,
        bus: MessageBus | None = None,
        *,
        target: Any = None,
        run_id: str = "",
        timeout: float | None = None,
        params: Mapping[str, Any] | None = None,
        resources: ResourceContainer | None = None,
        shared: bool = False,
    ) -> None:
        self.shapes = shapes
        self.executor = executor
        self.bus = bus
        self.root = target
        self.run_id = run_id
        self.timeout = timeout
        self.params = params
        self.resources = resources
        self.shared = shared
        self._named: dict[tuple[AnyTask, str], AnyTask] = {}
        self._running: dict[tuple[int, int], tuple[AnyTask, float]] = {}
        self._progress: dict[tuple[int, int], tuple[float, int]] = {}

    # -- Inputs and resources ---------------------------------------------------------------------------------------

    def fill(self, inputs: Sequence[Any]) -> Sequence[Any]:
        """The inputs of a graph, complete. The first graph is the run's target, whose inputs are checked all at once."""
        if type(inputs) is list and (self.params is None or self.given is not None):
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
            declared = [each for each in map(input_of, inputs) if each is not None]
            if inputs.injections:
                if self.leases is None:
                    tell = None if self.bus is None else self._tell_of_resource
                    self.leases = Leases(self.resources or ResourceContainer(), self.given.value, tell)
                declared += self.leases.check(inputs.injections)
        if first:
            self.given.check(declared)
        return self.given.fill(inputs) if isinstance(inputs, Inputs) else inputs

    def _tell_of_resource(self, what: str, name: str, error: BaseException | None) -> None:
        assert self.bus is not None
        if what == "acquired":
            self.bus.publish(ResourceAcquired(run_id=self.run_id, resource_name=name))
        else:
            shown = None if error is None else preview(error)
            self.bus.publish(ResourceReleased(run_id=self.run_id, resource_name=name, error=shown))

    # -- Code and tasks ---------------------------------------------------------------------------------------------

    def expand(self, deferred: LazyResult[Any]) -> tuple[Code, Sequence[Any]]:
        code, inputs = self.shapes.code_of(deferred)
        return code, self.fill(inputs)

    def deferred(self, owner: AnyTask, slots: tuple[Any, ...]) -> LazyResult[Any]:
        lazy: LazyResult[Any] = LazyResult()
        lazy.task = owner
        lazy.slots = slots
        return lazy

    def loop_code(self, owner: AnyTask) -> Code:
        return loop_code(owner)

    def target(self, target: Any, owner: AnyTask) -> Routine:
        return self.target_task(target, owner).routine

    def target_task(self, target: Any, owner: AnyTask) -> AnyTask:
        """The task that a tail call of `owner` means: given itself, or by its name."""
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
        self, owner: AnyTask, current: tuple[Any, ...], args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> tuple[Any, ...]:
        slots = owner.binder.rebind(current, args, kwargs)
        return fresh(slots) if self.leases is not None and self.leases.per_task else slots

    def call(self, owner: AnyTask, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        return self.execute(owner, args, kwargs)

    def execute(self, owner: AnyTask, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """One call of a task, whatever has it called: with the resources that it was given, by the executor."""
        if self.leases is not None:
            if isinstance(owner, Injection):
                return self.leases.acquire(owner, inject(owner.resource or owner.name))
            if self.leases.per_task:
                return self.leases.call(owner, args, kwargs, self.executor.call)
        return self.executor.call(owner, args, kwargs)

    def kernel(self, owner: AnyTask, types: tuple[str, ...]) -> Kernel | tuple[Reason, ...] | None:
        """The kernel for arguments of these types; why there is none; or None where there is none for any types."""
        from cascade.compiler.lower import lower  # takes long to import, and not every program needs it

        made = lower(owner, types)
        if isinstance(made, Kernel):
            return made
        owner.routine.reasons.append((types, made))
        if owner.lower:
            where = f"{made[0].file}:{made[0].line}" if made[0].file else None
            raise LoweringError(owner.name, made, where=where)
        return None if any(reason.for_all_types for reason in made) else made

    # -- Names and errors -------------------------------------------------------------------------------------------

    def where(self, owner: AnyTask, serial: int, node: int, iteration: int) -> str:
        return f"task {owner.name!r}, node {label(owner, serial, node)}, iteration {iteration:,}"

    def annotate(
        self, error: BaseException, owner: AnyTask, origin: AnyTask, serial: int, node: int, iteration: int
    ) -> None:
        """Adds a note to a user's exception that says where it came from, and takes our own frames off it."""
        if not isinstance(error, Exception):
            return
        error.__traceback__ = user_part(error.__traceback__)
        note = f"in {'resource' if owner.mode == 'resource' else 'task'} {owner.name!r}, node {label(origin, serial, node)}, iteration {iteration:,}"
        if note not in getattr(error, "__notes__", ()):
            error.add_note(note)

    def timed_out(self, steps: int, iterations: int, where: str | None) -> RunTimeoutError:
        return RunTimeoutError(self.timeout or 0.0, steps, iterations, where=where)

    # -- Events -----------------------------------------------------------------------------------------------------

    def started(self, owner: AnyTask, serial: int, node: int) -> None:
        assert self.bus is not None
        if owner.mode == "resource":
            return  # it has events of its own
        self._running[serial, node] = (owner, time.perf_counter())
        self.bus.publish(
            TaskExecutionStarted(run_id=self.run_id, task_id=label(owner, serial, node), task_name=owner.name)
        )

    def finished(self, owner: AnyTask, serial: int, node: int, value: Any, error: BaseException | None) -> None:
        assert self.bus is not None
        if owner.mode == "resource":
            return
        begun = self._running.pop((serial, node), None)
        self._progress.pop((serial, node), None)
        self.bus.publish(
            TaskExecutionFinished(
                run_id=self.run_id,
                task_id=label(owner, serial, node),
                task_name=owner.name,
                status="Succeeded" if error is None else "Failed",
                duration=0.0 if begun is None else time.perf_counter() - begun[1],
                result_preview=preview(value) if error is None else None,
                error=None if error is None else preview(error),
            )
        )

    def progress(self, owner: AnyTask, serial: int, node: int, iteration: int) -> None:
        assert self.bus is not None
        now = time.perf_counter()
        began = self._running.get((serial, node), (owner, now))[1]
        before, counted = self._progress.get((serial, node), (began, 0))
        self._progress[serial, node] = (now, iteration)
        self.bus.publish(
            LoopProgress(
                run_id=self.run_id,
                task_id=label(owner, serial, node),
                task_name=owner.name,
                iteration=iteration,
                rate=(iteration - counted) / max(now - before, 1e-9),
            )
        )

    def abandon(self, error: BaseException) -> None:
        """The run ends with tasks under way: they have failed, too."""
        for (serial, node), (owner, _) in list(self._running.items()):
            self.finished(owner, serial, node, None, error)


def label(owner: AnyTask, serial: int, node: int) -> str:
    """The name of a node; graphs that tasks answered with have numbers from 1."""
    return f"{owner.name}#{serial}.{node}" if serial else f"{owner.name}#{node}"


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
    return [value for value in found if isinstance(value, Task)]


def _tasks_of(target: Any) -> list[AnyTask]:
    if target is None:
        return []
    if isinstance(target, Task):
        return [target]
    from cascade.graph.build import flatten

    return [row[0] for row in flatten(target)[0] if isinstance(row[0], Task) and not isinstance(row[0], Injection)]
