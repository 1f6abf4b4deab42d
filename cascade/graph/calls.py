"""The operation and the operands of a result with policies: a call, a map, a Router, a shared result, or a state machine."""

from __future__ import annotations

from collections.abc import Iterable

from cascade._vm import configure, holds_deferred
from cascade.declare.control import EITHER as EITHER_TASK
from cascade.declare.derived import ResultDerived
from cascade.declare.inputs import Input
from cascade.declare.lazy import LazyResult
from cascade.declare.policies import EitherForm, OnceForm, Policies, RouteForm
from cascade.declare.resources import Injection
from cascade.errors import DeclarationError
from cascade.graph.model import EITHER, Container, parts
from cascade.graph.operations import CALL, MAP, ONCE, ROUTE, Managed, OnceShape, RouteShape, State, StateMachine, extras_of, interned, interned_machine
from cascade.imports import Any


def call_of(lazy: LazyResult[Any], policies: Policies, routes: Any) -> tuple[Any, tuple[Any, ...]]:
    """What a call with policies does, and its operands."""
    if policies.selector is not None:
        return state_machine_call(lazy, policies, routes)
    if type(policies.form) is EitherForm:
        return EITHER, lazy.slots
    if type(policies.form) is RouteForm:
        table = routes.table(policies.form.routes)
        operation = interned(lazy.task, policies._replace(form=RouteShape(len(table.shared), table.skips)), ROUTE)
        return operation, (*lazy.slots, table, *table.shared, *extras_of(policies))
    if type(policies.form) is OnceForm:
        return interned(lazy.task, policies._replace(form=OnceShape(True)), ONCE), lazy.slots
    derived = lazy.derived if hasattr(lazy, "derived") else ResultDerived()
    if derived.policies is not policies:
        derived.operation = interned(lazy.task, policies, CALL if policies.form is None else MAP)
        derived.operands = (*lazy.slots, *extras_of(policies))
        derived.policies = policies
        lazy.derived = derived
    return derived.operation, derived.operands


class NoInput:
    """Stands for the first argument of a state that comes by a Jump."""

NO_INPUT = NoInput()

configure(no_input_type=NoInput)


def state_machine_call(first: LazyResult[Any], policies: Policies, routes: Any) -> tuple[Any, tuple[Any, ...]]:
    numbers = {first: 0}
    found = [first]
    states: list[State] = []
    operands: list[Any] = []
    for lazy in found:  # which grows
        own = lazy.policies
        selector = None if own is None else own.selector
        targets = None
        if selector is not None:
            for target in selector.routes.values():
                if target is not None and target not in numbers:
                    if target.policies is policies:  # of which `first` is a copy, made by a Router that goes on with it
                        numbers[target] = 0
                        continue
                    numbers[target] = len(found)
                    found.append(target)
            targets = tuple((key, None if target is None else numbers[target]) for key, target in selector.routes.items())
        if own is not None:
            own = own._replace(selector=None)
            if lazy is first:
                own = own._replace(conditions=(), after=())
            own = None if own.is_plain else own
        if own is not None and own.cache is not None:
            raise DeclarationError(
                f"the state {lazy.task.name!r} has a cache, which would have to keep its Jumps", where="a state machine",
                expected="states without one: with_cache(None)",
                hint="set it on a task that answers with the machine: its value is kept by that task's arguments",
            )
        takes_input = len(lazy.slots) > 0
        if lazy.task.binder.positional == 0 and lazy.task.binder.varargs:
            raise DeclarationError(
                f"the state {lazy.task.name!r} takes *args first", expected="a first parameter, which a Jump's data is given to"
            )
        operation, values = (lazy.task, lazy.slots) if own is None else call_of(lazy, own, routes)
        if lazy is not first and takes_input and is_computed(values[0]):
            values = (NO_INPUT, *values[1:])
        states.append(State(operation, len(operands), len(values), targets, takes_input, _injects(values)))
        operands.extend(values)
    machine = interned_machine(tuple(states), len(policies.conditions), len(policies.after))
    return machine, (*operands, *policies.conditions, *policies.after)


def _injects(values: Iterable[Any]) -> bool:
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


def is_computed(value: Any) -> bool:
    """Whether the value is not known before the run; an input is."""
    return holds_deferred(value) and not (type(value) is LazyResult and isinstance(value.task, Input))


def in_order_of_issue(operation: Managed | StateMachine | Container, operands: tuple[Any, ...]) -> tuple[Any, ...]:
    if isinstance(operation, Container):
        return operands
    # What comes before in order goes first, then the conditions; as one would write it in Python.
    ordered, conditions = len(operands) - operation.after, len(operands) - operation.after - operation.conditions
    return (*operands[ordered:], *operands[conditions:ordered], *operands[:conditions])
