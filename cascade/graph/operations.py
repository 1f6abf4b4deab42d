"""Operations: what a row of a graph does when it is more than calling a task's function.

A row `(operation, reference, ...)` has the arguments of the task first. What follows them are the *extras*: the
conditions, the amounts of constraints that are computed, and what comes before in order only.

Operations are interned by their task, so equal rows have the very same operation and are compared at once.
"""

from __future__ import annotations

from collections.abc import Sequence

from cascade._vm import NEVER, Routine
from cascade.declare.derived import Derived
from cascade.declare.policies import Policies
from cascade.imports import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from fractions import Fraction
    from typing import TypeGuard

    from cascade.declare.task import Task

INTERN_LIMIT = 256

CALL, MAP, ROUTE, ONCE, MACHINE = "call", "map", "route", "once", "machine"


class RouteShape(NamedTuple):
    """A Router: how many values it hands on to its routes, and whether one of these may be skipped."""

    shared: int
    skips: bool


class OnceShape(NamedTuple):
    """A result that routes of several Routers need; with the value, if that is to be handed on to the others."""

    has_value: bool


class OperationDerived(Derived):
    """What layers above keep with an operation; see `cascade.declare.derived`.

    Attributes:
        claim: the amounts of its constraints as exact numbers, where none is computed; owned by `cascade.runtime.nodes.policies`.
    """

    __slots__ = ("claim",)

    claim: dict[str, float | Fraction] | None

    def __init__(self) -> None:
        super().__init__()
        self.claim = None


class Managed:
    """A call with policies, or one that is skipped when what it needs was skipped.

    Attributes:
        task: the task that is called.
        kind: CALL, MAP for a call for each item, ROUTE for a Router, or ONCE for what several Routers share.
        count: how many operands are arguments.
        amounts: for each constraint its name and its amount; None for an amount that is an operand.
        conditions, after: how many operands are conditions, and how many only come before.
    """

    hands_on = False

    def __init__(self, task: Task[..., Any], policies: Policies, kind: str = CALL) -> None:
        self.derived = OperationDerived()
        self.task = task
        self.kind = kind
        self.form = policies.form
        self.retry = policies.retry
        self.timeout = policies.timeout
        self.cache: Any = policies.cache
        self.concurrency = policies.concurrency
        self.amounts = tuple((name, amount if _is_static(amount) else None) for name, amount in policies.constraints)
        self.computed = sum(amount is None for _, amount in self.amounts)
        self.conditions = len(policies.conditions)
        self.after = len(policies.after)
        self.is_quick = (
            kind == CALL and self.timeout is None and self.cache is None and not self.computed
        )  # nothing to do but to call it, as long as that goes well
        binder = task.binder
        names = binder.parameters
        if kind == MAP:
            names = self.form.operand_names(names)
        elif kind == ROUTE:
            names = ("selector", "routes", *("shared",) * self.form.shared)
        elif kind == ONCE:
            names = ("result", "value") if self.form.has_value else ("result",)
        self.count = len(names)
        self.extras = self.computed + self.conditions + self.after
        self.parameters: tuple[str, ...] = (
            *names,
            *(f"constraint {name}" for name, amount in self.amounts if amount is None),
            *("condition" for _ in range(self.conditions)),
            *("after" for _ in range(self.after)),
        )
        self._again: Managed | None = None
        self._routine: Routine | None = None

    @property
    def name(self) -> str:
        return self.task.name

    @property
    def is_async(self) -> bool:
        return self.task.is_async

    @property
    def skippable(self) -> bool:
        """Whether it may be skipped for a reason of its own."""
        return self.conditions > 0 or self.kind == ONCE or (self.kind == ROUTE and self.form.skips)

    def kind_of(self, position: int) -> str:
        """What the operand at `position` is for: "data", "constraint", "condition" or "order"."""
        position -= self.count
        if position < 0:
            return "data"
        if position < self.computed:
            return "constraint"
        return "condition" if position < self.computed + self.conditions else "order"

    def looks_at(self, position: int) -> bool:
        """Whether the value of the operand at `position` is for the engine itself, and not for the task."""
        if position < self.count:
            return position == 0 if self.kind == ROUTE else self.kind == MAP and position < self.form.inputs
        return position < self.count + self.computed + self.conditions

    @property
    def again(self) -> Managed:
        """The operation of a tail call to the same task: its policies, without what decides whether it runs at all."""
        if self._again is None:
            if not self.conditions and not self.after:
                self._again = self
            else:
                constraints = tuple((name, _COMPUTED if amount is None else amount) for name, amount in self.amounts)
                policies = Policies(self.retry, self.timeout, self.cache, constraints)
                self._again = interned(self.task, policies, self.kind)
        return self._again

    @property
    def item(self) -> Managed:
        """Of a map, the operation of one item."""
        constraints = tuple((name, _COMPUTED if amount is None else amount) for name, amount in self.amounts)
        return interned(self.task, Policies(self.retry, self.timeout, self.cache, constraints))

    @property
    def routine(self) -> Routine:
        """How the virtual machine knows it; it is always called through the host."""
        if self._routine is None:
            binder = self.task.binder
            plain = self.kind == CALL and not self.extras
            self._routine = Routine(
                owner=self.task,
                operation=self,
                function=self.task.called,
                name=self.name,
                parameters=self.parameters,
                positional=binder.positional if plain else len(self.parameters),
                positional_only=binder.positional_only if plain else len(self.parameters),
                keywords=binder.keywords if plain else (),
                varargs=plain and binder.varargs,
                varkwargs=plain and binder.varkwargs,
                bind=binder.bind,
                rebinds=plain,
                may_skip=self.skippable,
                chooses_route=self.kind == ROUTE and not (self.conditions or self.after),
            )
        return self._routine

    def __repr__(self) -> str:
        return f"<managed {self.name}>"


class State(NamedTuple):
    """One state of a machine.

    Attributes:
        operation: the task that is called, or the task with policies.
        offset, width: where its operands stand among those of the machine.
        routes: the number of the next state by the keys of Jumps, None for the end; None for a state that is not bound.
        takes_input: whether it has a first argument, which the data of a Jump takes the place of.
        injects: whether it may be given resources, so that the context has to call it.
    """

    operation: Any
    offset: int
    width: int
    routes: tuple[tuple[Any, int | None], ...] | None
    takes_input: bool
    injects: bool


class StateMachine:
    """Calls that jump to each other. Its first state is the call that stands in the graph.

    Attributes:
        conditions, after: how many of the operands, which come last, are conditions, and how many only come before.
    """

    kind = MACHINE
    hands_on = False
    amounts = ()

    def __init__(self, states: tuple[State, ...], conditions: int, after: int) -> None:
        self.derived = OperationDerived()
        self.states = states
        self.task = states[0].operation.task
        self.conditions = conditions
        self.after = after
        self.count = sum(state.width for state in states)
        inputs = tuple(f"{name} of state {n}" for n, state in enumerate(states) for name in state.operation.parameters)
        self.parameters: tuple[str, ...] = (*inputs, *("condition",) * conditions, *("after",) * after)
        self.routine = Routine(
            owner=self.task, operation=self, function=self.task.called, name=self.name, parameters=self.parameters,
            positional=len(self.parameters), positional_only=len(self.parameters), keywords=(), varargs=False, varkwargs=False,
            bind=self.task.binder.bind, rebinds=False, lowering=_when_lowered(states), may_skip=self.skippable,
            state_operands=tuple((state.offset, state.width) for state in states),
        )  # fmt: skip

    @property
    def name(self) -> str:
        return str(self.task.name)

    @property
    def is_async(self) -> bool:
        return any(state.operation.is_async for state in self.states)

    @property
    def skippable(self) -> bool:
        """Whether it may be skipped for a reason of its own."""
        return self.conditions > 0

    def kind_of(self, position: int) -> str:
        """What the operand at `position` is for: "data", "condition" or "order"."""
        if position < self.count:
            return "data"
        return "condition" if position < self.count + self.conditions else "order"

    def looks_at(self, position: int) -> bool:
        """Whether the value of the operand at `position` is for the engine itself, and not for a task."""
        return self.count <= position < self.count + self.conditions


def _when_lowered(states: tuple[State, ...]) -> int:
    """When a state machine is lowered as a whole: when the first of its tasks is, as long as all of them may be."""
    levels = [NEVER if state.injects else state.operation.routine.lowering for state in states]
    return NEVER if NEVER in levels else max(levels)


def interned_machine(states: tuple[State, ...], conditions: int, after: int) -> StateMachine:
    """The operation of these states: the same one for equal states."""
    task = states[0].operation.task
    key = (MACHINE, states, conditions, after)
    kept = task.derived.operations
    known = kept.get(key)
    if not isinstance(known, StateMachine):
        if len(kept) >= INTERN_LIMIT:
            kept.clear()
        known = kept[key] = StateMachine(states, conditions, after)
    return known


class _Computed:
    """Stands for an amount that is an operand, where only the number of operands matters."""


_COMPUTED: Any = _Computed()


def _is_static(amount: object) -> TypeGuard[float]:
    return isinstance(amount, (int, float))


def interned(task: Task[..., Any], policies: Policies, kind: str = CALL) -> Managed:
    """The operation of a task with policies: the same one for policies that differ in LazyResults only."""
    kept: dict[Any, Any] = task.derived.operations
    if policies.cache is not None:
        if not hasattr(policies.cache, "compiled"):
            return Managed(task, policies, kind)  # kept by the task, it would keep the cache alive
        kept = policies.cache.compiled
    key = (
        task, kind, policies.form, policies.retry, policies.timeout, id(policies.cache), policies.concurrency,
        tuple((name, amount, type(amount)) if _is_static(amount) else name for name, amount in policies.constraints),
        len(policies.conditions), len(policies.after),
    )  # fmt: skip
    known: Managed | None = kept.get(key)
    if known is None:
        if len(kept) >= INTERN_LIMIT:
            kept.clear()
        known = kept[key] = Managed(task, policies, kind)
    return known


def extras_of(policies: Policies) -> tuple[Any, ...]:
    """The operands of a row that follow the arguments, in the order of `Managed.parameters`."""
    amounts = tuple(amount for _, amount in policies.constraints if not _is_static(amount))
    return (*amounts, *policies.conditions, *policies.after)


def policies_of(operation: Managed, extras: Sequence[Any]) -> Policies:
    """The policies that make `operation`, and these operands after its arguments: `interned` and `extras_of` reversed."""
    computed = iter(extras)
    ordered = operation.computed + operation.conditions
    return Policies(
        operation.retry, operation.timeout, operation.cache,
        tuple((name, next(computed) if amount is None else amount) for name, amount in operation.amounts),
        tuple(extras[operation.computed : ordered]), tuple(extras[ordered:]), operation.concurrency, operation.form,
    )  # fmt: skip


def operation_of(task: Task[..., Any]) -> Task[..., Any] | Managed:
    """The operation of a row that calls the task with its default policies."""
    called = task.task  # of a bound task the one that was bound: its instance is an argument
    policies = called.policies
    return called if policies is None else interned(called, policies)


def is_map(operation: Any) -> bool:
    """Whether it is a call for each item."""
    return isinstance(operation, Managed) and operation.kind == MAP


def is_router(operation: Any) -> bool:
    """Whether it is a Router."""
    return isinstance(operation, Managed) and operation.kind == ROUTE
