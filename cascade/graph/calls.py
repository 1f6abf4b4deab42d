"""The operation and the operands of a result with policies: a call, a map, a Router, a shared result, or a state machine."""

from __future__ import annotations

from collections.abc import Iterable

from cascade._vm import configure, holds_deferred
from cascade.declare.control import EITHER as EITHER_TASK
from cascade.declare.derived import ResultDerived
from cascade.declare.inputs import Input
from cascade.declare.lazy import LazyResult
from cascade.declare.policies import PLAIN as NO_POLICIES
from cascade.declare.policies import Fallback, Policies, RouteSet, SharedValue
from cascade.declare.resources import Injection
from cascade.errors import DeclarationError
from cascade.graph.containers import EITHER, parts
from cascade.graph.operations import (
    AnyTask,
    Operation,
    PolicyOperation,
    State,
    StateMachine,
    TaskOperation,
    extras_of,
    operation_with,
    route_operation,
    shared_operation,
    state_machine,
)
from cascade.graph.route_table import RouteTable
from cascade.imports import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    OperationCall = tuple[Operation, tuple[object, ...]]
    """An operation and its operands."""


class RouteTables(Protocol):
    """Makes the tables of Routers; see `cascade.graph.routes`."""

    def table(self, routes: dict[object, LazyResult[object]]) -> RouteTable:
        """The table of these routes."""
        raise NotImplementedError


def call_of(lazy: LazyResult[object], policies: Policies, routes: RouteTables | None) -> OperationCall:
    """The operation of a result with policies, and its operands."""
    if policies.selector is not None:
        return state_machine_call(lazy, policies)
    construct = policies.construct
    if construct is None:
        return call_with_policies(lazy, policies)
    if isinstance(construct, Fallback):
        return EITHER, lazy.slots
    if isinstance(construct, RouteSet):
        assert routes is not None
        table = routes.table(construct.routes)
        operation = route_operation(lazy.task, policies, len(table.shared), table.skips)
        return operation, (*lazy.slots, table, *table.shared, *extras_of(policies))
    if isinstance(construct, SharedValue):
        return shared_operation(lazy.task, NO_POLICIES, has_value=True), lazy.slots
    return call_with_policies(lazy, policies)


def call_with_policies(lazy: LazyResult[object], policies: Policies) -> tuple[PolicyOperation, tuple[object, ...]]:
    """The operation and the operands of a call or a map; kept with the result, which may be built again for each run."""
    derived = ResultDerived() if lazy.derived is None else lazy.derived
    operation = derived.operation
    if derived.policies is not policies or not isinstance(operation, PolicyOperation):
        operation = derived.operation = operation_with(lazy.task, policies)
        derived.operands = (*lazy.slots, *extras_of(policies))
        derived.policies = policies
        lazy.derived = derived
    return operation, derived.operands


class NoInput:
    """Stands for the first argument of a state that a Jump will pass."""


NO_INPUT = NoInput()
configure(no_input_type=NoInput)


def state_machine_call(first: LazyResult[object], policies: Policies) -> tuple[StateMachine, tuple[object, ...]]:
    """The operation and the operands of the state machine whose first state is `first`."""
    numbers = {first: 0}
    found = [first]
    states: list[State] = []
    operands: list[object] = []
    for lazy in found:  # which grows
        targets = _number_targets(lazy, policies, numbers, found)
        _check_state(lazy)
        own = _own_policies(lazy, is_first=lazy is first)
        operation: PolicyOperation | AnyTask = lazy.task
        values: tuple[object, ...] = lazy.slots
        if own is not None:
            operation, values = call_with_policies(lazy, own)
        takes_input = len(lazy.slots) > 0
        if lazy is not first and takes_input and is_computed(values[0]):
            values = (NO_INPUT, *values[1:])
        states.append(State(operation, len(operands), len(values), targets, takes_input, _injects(values)))
        operands.extend(values)
    machine = state_machine(tuple(states), len(policies.conditions), len(policies.after))
    return machine, (*operands, *policies.conditions, *policies.after)


def _number_targets(
    lazy: LazyResult[object],
    policies: Policies,
    numbers: dict[LazyResult[object], int],
    found: list[LazyResult[object]],
) -> tuple[tuple[object, int | None], ...] | None:
    """The numbers of the states that Jumps of this one lead to, by their keys; states that are met first are added."""
    selector = None if lazy.policies is None else lazy.policies.selector
    if selector is None:
        return None
    for target in selector.routes.values():
        if target is not None and target not in numbers:
            if target.policies is policies:  # the first state is a copy of it, made by a Router that continues with it
                numbers[target] = 0
                continue
            numbers[target] = len(found)
            found.append(target)
    return tuple((key, None if target is None else numbers[target]) for key, target in selector.routes.items())


def _own_policies(lazy: LazyResult[object], *, is_first: bool) -> Policies | None:
    """The policies of a state's calls; conditions and order of the first state are those of the whole."""
    if lazy.policies is None:
        return None
    own = lazy.policies._replace(selector=None)
    if is_first:
        own = own._replace(conditions=(), after=())
    return None if own.is_plain and lazy.task.effect is None else own


def _check_state(lazy: LazyResult[object]) -> None:
    if lazy.policies is not None and lazy.policies.cache is not None:
        raise DeclarationError(
            f"the state {lazy.task.name!r} has a cache, which would have to keep its Jumps",
            where="a state machine",
            expected="states without one: with_cache(None)",
            hint="set it on a task that answers with the machine: its value is kept by that task's arguments",
        )
    if lazy.task.binder.positional == 0 and lazy.task.binder.varargs:
        raise DeclarationError(
            f"the state {lazy.task.name!r} takes *args first",
            expected="a first parameter, which a Jump's data is given to",
        )


def _injects(values: Iterable[object]) -> bool:
    """Whether resources stand among the values, or in containers or alternatives of them."""
    stack = [*values]
    seen: set[int] = set()
    while stack:
        value = stack.pop()
        if type(value) is LazyResult:
            if isinstance(value.task, Injection):
                return True
            if value.task is EITHER_TASK:
                stack += value.slots
        elif holds_deferred(value) and id(value) not in seen:
            seen.add(id(value))
            stack += parts(value)
    return False


def is_computed(value: object) -> bool:
    """Whether the value is not known before the run; an input is."""
    return holds_deferred(value) and not (type(value) is LazyResult and isinstance(value.task, Input))


def in_order_of_issue(operation: Operation, operands: tuple[object, ...]) -> tuple[object, ...]:
    """The operands in the order in which one would write them in Python: operands that only come before, then conditions, then arguments."""
    if not isinstance(operation, TaskOperation):
        return operands
    return (*operands[operation.order], *operands[operation.conditions], *operands[: operation.conditions.start])
