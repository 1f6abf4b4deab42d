"""Operations: the actions of a graph's rows.

The operation of a plain call is the task itself. Any other row has an `Operation`, of one final class for each kind:

| class | kind |
|---|---|
| `Call` | a call with policies, or one that is skipped when an operand was skipped |
| `Map` | a call for each item of its inputs |
| `Chain` | calls of compute tasks that travel to a worker together |
| `Route` | a Router: the choice of a result by the value of another |
| `SharedResult` | a result that the routes of several Routers need, computed once |
| `StateMachine` | calls that jump to each other |
| `Container` | a list, tuple, set, dict, ... put together again (`cascade.graph.containers`) |

Each operand has a role. They stand in this order: the arguments, computed amounts of constraints, conditions, and results that only
come before. Operations hold what is static, and are interned by their task: equal rows have the very same operation, and are compared
at once.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Sequence

from cascade._vm import NEVER, Routine
from cascade.declare.derived import Derived
from cascade.declare.policies import MapSignature, Policies
from cascade.declare.task import Task
from cascade.imports import TYPE_CHECKING, NamedTuple, final

if TYPE_CHECKING:
    from fractions import Fraction
    from typing import Literal, TypeGuard

    from cascade.declare.cache_policy import CachePolicy
    from cascade.declare.retry import Retry

    EdgeKind = Literal["data", "constraint", "condition", "order"]

AnyTask = Task[..., object]
INTERN_LIMIT = 256


class Role(NamedTuple):
    """The purpose of an operand: one of the constants below.

    It is no `enum`, whose import takes longer than a small graph to run.

    Attributes:
        edge: the kind of an edge to such an operand.
        is_read: whether the engine itself reads the value, before the task is called or instead of that.
    """

    edge: EdgeKind
    is_read: bool = False


DATA = Role("data")
"""An argument of the task."""
ITEMS = Role("data", is_read=True)
"""An input of a map."""
SELECTOR = Role("data", is_read=True)
"""The value that a Router chooses by."""
AMOUNT = Role("constraint", is_read=True)
"""An amount of a constraint that is computed."""
CONDITION = Role("condition", is_read=True)
ORDER = Role("order")
"""A result that comes before, and whose value is not needed."""


class Operand(NamedTuple):
    name: str
    role: Role


class OperationDerived(Derived):
    """Data that layers above keep with an operation; see `cascade.declare.derived`.

    Attributes:
        claim: the exact amounts of its constraints, where none is computed; owned by `cascade.runtime.nodes.policies`.
    """

    __slots__ = ("claim",)

    claim: dict[str, float | Fraction] | None

    def __init__(self) -> None:
        super().__init__()
        self.claim = None


class Operation:
    """The action of a row that is not a plain call. Each kind is a final class.

    Attributes:
        name: for people.
        derived: data that layers above keep with it.
        skippable: whether it may be skipped for a reason of its own.
        hands_on: whether its value holds its operands as they are.
        pure: whether equal rows of it may be made one.
    """

    name: str
    derived: Derived
    skippable: bool = False
    hands_on: bool = False
    pure: bool = False


class TaskOperation(Operation):
    """An operation that calls a task, or several, and may depend on conditions.

    Attributes:
        task: the task that is called; of a state machine, that of its first state.
        operands: the names and roles of its operands.
        arguments, computed, conditions, order: the slices of its operands for the task, for amounts of constraints, for conditions,
            and of those that only come before.
        may_be_skipped: so many of the first operands may have been skipped without it being skipped.
        amounts: for each constraint its name and its amount; None for an amount that is an operand.
        has_computed_amounts: whether there is such an amount.
    """

    derived: OperationDerived
    amounts: tuple[tuple[str, float | None], ...] = ()
    may_be_skipped = 0

    def __init__(
        self, task: AnyTask, arguments: Sequence[Operand], amounts: Iterable[str], conditions: int, order: int
    ) -> None:
        self.derived = OperationDerived()
        self.task = task
        self.name = task.name
        self.is_async = task.is_async
        computed = [Operand(f"constraint {name}", AMOUNT) for name in amounts]
        self.operands = (
            *arguments,
            *computed,
            *(Operand("condition", CONDITION),) * conditions,
            *(Operand("after", ORDER),) * order,
        )
        self.parameters = tuple(operand.name for operand in self.operands)
        self.arguments = slice(0, len(arguments))
        self.has_computed_amounts = len(computed) > 0
        self.computed = slice(self.arguments.stop, self.arguments.stop + len(computed))
        self.conditions = slice(self.computed.stop, self.computed.stop + conditions)
        self.order = slice(self.conditions.stop, len(self.operands))
        self.skippable = conditions > 0
        self._routine: Routine | None = None

    @property
    def extras(self) -> int:
        """The number of operands after the arguments."""
        return len(self.operands) - self.arguments.stop

    @property
    def condition_count(self) -> int:
        return self.conditions.stop - self.conditions.start

    @property
    def order_count(self) -> int:
        return self.order.stop - self.order.start

    @property
    def routine(self) -> Routine:
        """The description of the operation for the virtual machine, which calls it through the run context."""
        if self._routine is None:
            self._routine = self._make_routine()
        return self._routine

    def _make_routine(self, lowering: int = NEVER, state_operands: tuple[tuple[int, int], ...] = ()) -> Routine:
        """The routine of an operation whose operands are passed by position."""
        return Routine(
            owner=self.task, operation=self, function=self.task.called, name=self.name, parameters=self.parameters,
            positional=len(self.parameters), positional_only=len(self.parameters), keywords=(), varargs=False, varkwargs=False,
            bind=self.task.binder.bind, rebinds=False, lowering=lowering, may_skip=self.skippable,
            chooses_route=isinstance(self, Route) and not self.condition_count and not self.order_count, state_operands=state_operands,
        )  # fmt: skip


class PolicyOperation(TaskOperation):
    """A call, or several, with policies.

    Attributes:
        retry, timeout, cache, concurrency: as in `Policies`.
        signature: of a map.
        effect: that of the task.
    """

    retry: Retry | None = None
    timeout: float | None = None
    cache: CachePolicy | None = None
    concurrency: int | None = None
    signature: MapSignature | None = None

    def __init__(self, task: AnyTask, arguments: Sequence[Operand], policies: Policies) -> None:
        self.effect = task.effect
        self.retry = policies.retry
        self.timeout = policies.timeout
        self.cache = policies.cache
        self.concurrency = policies.concurrency
        self.amounts = tuple((name, amount if _is_static(amount) else None) for name, amount in policies.constraints)
        computed = [name for name, amount in self.amounts if amount is None]
        super().__init__(task, arguments, computed, len(policies.conditions), len(policies.after))
        self._again: PolicyOperation | None = None

    def policies(self, extras: Sequence[object]) -> Policies:
        """The policies of the operation, with these operands after its arguments: the inverse of `operation_with` and `extras_of`."""
        computed = iter(extras)
        first = self.arguments.stop
        conditions, order = (
            extras[self.conditions.start - first : self.order.start - first],
            extras[self.order.start - first :],
        )
        return Policies(
            self.retry, self.timeout, self.cache,
            tuple((name, next(computed) if amount is None else amount) for name, amount in self.amounts),
            tuple(conditions), tuple(order), self.concurrency, self.signature,
        )  # fmt: skip

    @property
    def again(self) -> PolicyOperation:
        """The operation of a tail call to the same task: its policies, without conditions and order."""
        if self._again is None:
            self._again = (
                operation_with(self.task, self._of_each_call()) if self.condition_count or self.order_count else self
            )
        return self._again

    def _of_each_call(self) -> Policies:
        """The policies of a later iteration or of an item, with placeholders for computed amounts."""
        return _of_each_call(self.policies((_COMPUTED,) * self.extras))


def _of_each_call(policies: Policies) -> Policies:
    """Returns what also applies to later iterations and to the items of a map: all but what is decided once, for the node."""
    return policies._replace(conditions=(), after=(), concurrency=None, construct=None, selector=None)


class _Computed:
    """Stands for an amount that is an operand, where only the number of operands matters."""


_COMPUTED = _Computed()


@final
class Call(PolicyOperation):
    """A call with policies, or one that is skipped when an operand was skipped."""

    def __init__(self, task: AnyTask, policies: Policies) -> None:
        super().__init__(task, [Operand(name, DATA) for name in task.binder.parameters], policies)
        self.pure = task.pure

    def _make_routine(self, lowering: int = NEVER, state_operands: tuple[tuple[int, int], ...] = ()) -> Routine:
        if self.extras:
            return super()._make_routine(lowering, state_operands)
        binder = self.task.binder
        return Routine(
            owner=self.task, operation=self, function=self.task.called, name=self.name, parameters=self.parameters,
            positional=binder.positional, positional_only=binder.positional_only, keywords=binder.keywords,
            varargs=binder.varargs, varkwargs=binder.varkwargs, bind=binder.bind,
        )  # fmt: skip

    def __repr__(self) -> str:
        return f"<call of {self.name} with policies>"


@final
class Map(PolicyOperation):
    """A call for each item of its inputs.

    Attributes:
        signature: how inputs and shared arguments are passed.
        items, shared: the slices of its operands for inputs, and for arguments that all items share.
        has_plain_items: whether the call of an item has no policies.
    """

    signature: MapSignature

    def __init__(self, task: AnyTask, policies: Policies, signature: MapSignature) -> None:
        self.signature = signature
        names = signature.operand_names(task.binder.parameters)
        self.items = slice(0, signature.inputs)
        self.shared = slice(signature.inputs, len(names))
        self.pure = task.pure
        self.has_plain_items = task.effect is None and _of_each_call(policies).is_plain
        operands = [Operand(name, ITEMS if at < signature.inputs else DATA) for at, name in enumerate(names)]
        super().__init__(task, operands, policies)

    @property
    def item(self) -> PolicyOperation:
        """The operation of one item."""
        return operation_with(self.task, self._of_each_call())

    def __repr__(self) -> str:
        return f"<map of {self.name}>"


class Stage(NamedTuple):
    """One task of a chain.

    Attributes:
        node: the number of its row.
        width: the number of its operands besides the value of the task before.
        position: the operand that this value is; -1 for the first task.
    """

    task: AnyTask
    node: int
    width: int
    position: int


@final
class Chain(PolicyOperation):
    """Calls of compute tasks, each of which needs the value of the one before; see `cascade.compiler.chains`.

    Args:
        keeps: whether only calls in workers need its value, so that it may stay there.
    """

    def __init__(self, stages: tuple[Stage, ...], keeps: bool) -> None:
        self.stages = stages
        self.keeps = keeps
        count = sum(stage.width for stage in stages)
        super().__init__(stages[-1].task, [Operand("argument", DATA)] * count, Policies())

    def __repr__(self) -> str:
        return f"<chain of {', '.join(stage.task.name for stage in self.stages)}>"


@final
class Route(PolicyOperation):
    """A Router. Its operands are the selector, the table of routes, and the results that the routes share with the graph around it.

    Args:
        shared: the number of those.
        skips: whether something in the routes may be skipped.
    """

    def __init__(self, task: AnyTask, policies: Policies, shared: int, skips: bool) -> None:
        arguments = [Operand("selector", SELECTOR), Operand("routes", DATA), *(Operand("shared", DATA),) * shared]
        super().__init__(task, arguments, policies)
        self.may_be_skipped = len(arguments)
        self.skippable = self.skippable or skips

    def __repr__(self) -> str:
        return "<Router>"


@final
class SharedResult(PolicyOperation):
    """A result that the routes of several Routers need: its `Use`, and its value, if that is to be handed on to the others."""

    def __init__(self, task: AnyTask, policies: Policies, has_value: bool) -> None:
        names = ("result", "value") if has_value else ("result",)
        super().__init__(task, [Operand(name, DATA) for name in names], policies)
        self.may_be_skipped = len(names)
        self.skippable = True

    def __repr__(self) -> str:
        return "<shared result>"


class State(NamedTuple):
    """One state of a state machine.

    Attributes:
        operation: the task that is called, or its call with policies.
        offset, width: where its operands stand among those of the state machine.
        routes: the number of the next state by the keys of Jumps, None for the end; None for a state that is not bound.
        takes_input: whether it has a first argument, which the data of a Jump takes the place of.
        injects: whether it may be given resources, so that the context has to call it.
    """

    operation: AnyTask | PolicyOperation
    offset: int
    width: int
    routes: tuple[tuple[object, int | None], ...] | None
    takes_input: bool
    injects: bool


@final
class StateMachine(TaskOperation):
    """Calls that jump to each other. Its first state is the call that stands in the graph."""

    def __init__(self, states: tuple[State, ...], conditions: int, order: int) -> None:
        self.states = states
        names = [
            f"{name} of state {number}" for number, state in enumerate(states) for name in state.operation.parameters
        ]
        super().__init__(states[0].operation.task, [Operand(name, DATA) for name in names], (), conditions, order)
        self.is_async = any(state.operation.is_async for state in states)

    def _make_routine(self, lowering: int = NEVER, state_operands: tuple[tuple[int, int], ...] = ()) -> Routine:
        return super()._make_routine(
            _when_lowered(self.states), tuple((state.offset, state.width) for state in self.states)
        )

    def __repr__(self) -> str:
        return f"<state machine of {self.name}>"


def _when_lowered(states: tuple[State, ...]) -> int:
    """The time when a state machine is lowered as a whole: when the first of its tasks is, as long as all of them may be."""
    levels = [NEVER if state.injects else state.operation.routine.lowering for state in states]
    return NEVER if NEVER in levels else max(levels)


# -- Interning ----------------------------------------------------------------------------------------------------------


def operation_with(task: AnyTask, policies: Policies) -> PolicyOperation:
    """The call or the map of a task with these policies: the same one for policies that differ in LazyResults only."""
    kept = task.derived.operations if policies.cache is None else _kept_by(policies.cache)
    key = (
        task, policies.construct, policies.retry, policies.timeout, id(policies.cache), policies.concurrency,
        tuple((name, amount, type(amount)) if _is_static(amount) else name for name, amount in policies.constraints),
        len(policies.conditions), len(policies.after),
    )  # fmt: skip
    known = kept.get(key)
    if not isinstance(known, PolicyOperation):
        signature = policies.construct
        known = Map(task, policies, signature) if isinstance(signature, MapSignature) else Call(task, policies)
        _keep(kept, key, known)
    return known


def chain_of(stages: tuple[Stage, ...], keeps: bool) -> Chain:
    """The operation of a chain: the same one for equal arguments."""
    kept = stages[-1].task.derived.operations
    key = Chain, stages, keeps
    known = kept.get(key)
    if not isinstance(known, Chain):
        known = Chain(stages, keeps)
        _keep(kept, key, known)
    return known


def route_operation(task: AnyTask, policies: Policies, shared: int, skips: bool) -> Route:
    """The operation of a Router that shares so many results with the graph around it."""
    kept = task.derived.operations
    key = Route, shared, skips, len(policies.conditions), len(policies.after)
    known = kept.get(key)
    if not isinstance(known, Route):
        known = Route(task, policies, shared, skips)
        _keep(kept, key, known)
    return known


def shared_operation(task: AnyTask, policies: Policies, has_value: bool) -> SharedResult:
    """The operation of a result that routes share."""
    kept = task.derived.operations
    known = kept.get((SharedResult, has_value))
    if not isinstance(known, SharedResult):
        known = SharedResult(task, policies, has_value)
        _keep(kept, (SharedResult, has_value), known)
    return known


def state_machine(states: tuple[State, ...], conditions: int, order: int) -> StateMachine:
    """The operation of these states: the same one for equal states."""
    kept = states[0].operation.task.derived.operations
    key = StateMachine, states, conditions, order
    known = kept.get(key)
    if not isinstance(known, StateMachine):
        known = StateMachine(states, conditions, order)
        _keep(kept, key, known)
    return known


def _kept_by(cache: CachePolicy) -> dict[Hashable, object]:
    # An operation that the task keeps would keep the cache alive.
    kept: dict[Hashable, object] = getattr(cache, "compiled", {})
    return kept


def _keep(kept: dict[Hashable, object], key: Hashable, operation: Operation) -> None:
    if len(kept) >= INTERN_LIMIT:
        kept.clear()
    kept[key] = operation


def extras_of(policies: Policies) -> tuple[object, ...]:
    """The operands of a row that follow the arguments, in the order of `TaskOperation.operands`."""
    amounts = tuple(amount for _, amount in policies.constraints if not _is_static(amount))
    return (*amounts, *policies.conditions, *policies.after)


def _is_static(amount: object) -> TypeGuard[float]:
    return isinstance(amount, (int, float))


# -- Questions about the operation of any row ---------------------------------------------------------------------------


def operation_of(task: AnyTask) -> AnyTask | PolicyOperation:
    """The operation of a row that calls the task with its default policies."""
    called = task.task  # of a bound task the one that was bound: its instance is an argument
    policies = called.policies
    return called if policies is None else operation_with(called, policies)


def role_of(operation: AnyTask | Operation, position: int) -> Role:
    """The role of the operand at `position`."""
    return operation.operands[position].role if isinstance(operation, TaskOperation) else DATA


def operations_with_amounts(operations: Iterable[AnyTask | Operation]) -> Iterator[TaskOperation]:
    """The operations that have constraints, states of state machines among them; each once."""
    waiting = [*dict.fromkeys(each for each in operations if isinstance(each, TaskOperation))]
    for operation in waiting:  # which grows
        if isinstance(operation, StateMachine):
            waiting += [state.operation for state in operation.states if isinstance(state.operation, TaskOperation)]
        if operation.amounts:
            yield operation
