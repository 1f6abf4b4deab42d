"""LazyResult -> Graph.

    total([double(x), double(x)], scale=3)     with x = load()

    rows    0  load
            1  double  0
            2  double  0
            3  list    1 2
            4  total   3 input 0
    inputs  3

Rows stand in the order in which Python would evaluate the nested calls: arguments first, left to right, a shared
one where it is first needed. The walk keeps its own stack, so depth is limited by memory only.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Sequence

from cascade._vm import CompiledRoutes, Skipped, configure, hands_on_deferred, holds_deferred, look_for_deferred, results_alive, results_made
from cascade.declare.control import EITHER as EITHER_TASK
from cascade.declare.control import ONCE as ONCE_TASK
from cascade.declare.inputs import Input, input_of
from cascade.declare.lazy import LazyResult
from cascade.declare.policies import PLAIN as NO_POLICIES
from cascade.declare.policies import EitherForm, OnceForm, Policies, RouteForm
from cascade.declare.resources import Injection
from cascade.declare.task import Task
from cascade.errors import CycleError, DeclarationError, TargetError
from cascade.graph.merge import merged
from cascade.graph.model import DICT, EITHER, LIST, REBUILT, SET, TUPLE, Container, Graph, Row, is_container, parts
from cascade.graph.operations import (
    CALL,
    MAP,
    ONCE,
    ROUTE,
    Managed,
    OnceShape,
    RouteShape,
    State,
    StateMachine,
    extras_of,
    interned,
    interned_machine,
)
from cascade.imports import Any, copy

PLAIN = frozenset({int, str, float, bool, bytes, complex, type(None)})
CONTAINERS: dict[type, Container] = {list: LIST, tuple: TUPLE, set: SET, dict: DICT}
ENTERED = sys.maxsize


class Inputs(list[Any]):
    """The inputs of a graph that takes more than constants: what is missing has to be filled in before a run.

    Attributes:
        declared: the numbers of the inputs that are LazyResults of an `Input`, given when the graph is run.
        elsewhere: what the routes of Routers declare, which are graphs of their own.
        injections: the resources that the graph and the routes of its Routers use.
        values: those of them whose value is asked for by something else than a call that gets it as an argument.
        tables: the numbers of the inputs that are tables of routes, and share results: each run has its own.
    """

    def __init__(self) -> None:
        super().__init__()
        self.declared: list[int] = []
        self.elsewhere: list[Input] = []
        self.injections: list[Injection] = []
        self.values: list[Injection] = []
        self.tables: list[int] = []

    def all_declared(self) -> list[Input]:
        """The declarations of what has to be given, also those of routes."""
        return [each for each in map(input_of, self) if each is not None] + self.elsewhere

    def for_one_run(self) -> list[Any]:
        """The inputs with tables of routes of their own; a plain list if nothing else has to be filled in."""
        result: Any = list(self) if not self.declared and not self.elsewhere and not self.injections else copy.copy(self)
        once: dict[LazyResult[Any], Once] = {}
        for number in self.tables:
            result[number] = self[number].for_one_run(once)
        return result  # type: ignore[no-any-return]


def build_graph(target: Any) -> Graph:
    """Builds the graph of a LazyResult, or of a list or tuple of LazyResults (whose value is a list).

    Raises:
        TargetError: (a TypeError) `target` is something else.
        CycleError: (a ValueError) a container that was changed after the call makes a task depend on itself.
    """
    rows, inputs = flatten(target)
    return Graph(rows, tuple(inputs))


class TooManyRows(Exception):
    """A graph has more rows than its builder was allowed, or its arguments hold too much."""


def flatten(target: Any, limit: int | None = None, *, hands_on: bool = False) -> tuple[tuple[Row, ...], list[Any]]:
    """The rows and the inputs of a target's graph; the inputs are `Inputs` if there is something to be filled in.

    Args:
        limit: more rows, or `THINGS` times as much to be searched, raise TooManyRows.
        hands_on: whether the target was returned by a task that has made no other result: then its arguments are data, in which
            only the first things are looked at.

    Raises:
        TooManyRows: see `limit`.
    """
    if type(target) is Graph:
        from cascade.graph.outline import target_of  # read from JSON, or made by hand

        target = target_of(target)
    elif type(target) is not LazyResult:
        _check_target(target)
        target = list(target)
    elif isinstance(target.task, Input):
        target = _given(target)  # a graph needs a row
    around = getattr(target, "given", NOTHING_AROUND) if type(target) is LazyResult else NOTHING_AROUND
    if hands_on and type(target) is LazyResult and target.policies is not None and target.policies.form is not None:
        hands_on = False  # a map looks at each of its items anyway
    if around is not NOTHING_AROUND:
        hands_on = False  # the route of a Router was declared
    return walk(target, limit, around, hands_on=hands_on)


THINGS = 10
"""How many things may be searched for each row that a graph may have."""


def was_searched(lazy: LazyResult[Any], made: int) -> bool:
    """Whether the arguments were searched, held no results, and none was made since: there are `made` of them."""
    return getattr(lazy, "searched", None) == made


def argument_holds_results(value: Any, limit: int | None) -> bool:
    """Whether a LazyResult stands in an argument.

    Raises:
        TooManyRows: it holds so much that the search would take long; see `flatten`.
    """
    if limit is None:
        return holds_deferred(value)
    found = look_for_deferred(value, THINGS * limit)
    if found is None:
        raise TooManyRows
    return found


def _same(value: Any) -> Any:
    return value


_given: Task[..., Any] = Task(_same, name="input")


def walk(
    root: Any, limit: int | None, around: Around, routes: Routes | EveryRoute | None = None, *, hands_on: bool = False
) -> tuple[tuple[Row, ...], list[Any]]:
    """The rows and the inputs of what `root` is or holds.

    Args:
        limit, hands_on: see `flatten`.
        around: what is there already, or is computed elsewhere.
        routes: how the routes of Routers are treated; by default they are graphs of their own.
    """
    # Keys are LazyResults, compared by identity, and the id() of containers; a value is the number of the row, or, as in
    # a reference, of the input.
    numbers: dict[Any, int] = {}
    rows: list[Row] = []
    inputs: Any = []
    values, once = around.values, around.once
    expanded: dict[int, list[Any]] = {}
    # The containers that were looked into, and those of them that hold a LazyResult at any depth.
    searched: dict[int, Any] = {}
    holding: set[int] = set()
    # What a call with policies does, and its operands.
    managed: dict[Any, tuple[Any, tuple[Any, ...]]] = {}
    skips = pure = False
    unknown: set[int] = set()
    made = results_made()
    is_alone = results_alive() == 1  # no other one can stand in its arguments
    row_limit = sys.maxsize if limit is None else limit
    stack: list[Any] = [root]
    number_of = numbers.get
    while stack:
        item = stack[-1]
        if type(item) is LazyResult:
            key: Any = item
            operands: Sequence[Any] = item.slots
            if values and item in values:
                stack.pop()
                if key not in numbers:
                    value = values[item]
                    if type(value) is LazyResult and type(inputs) is list:
                        inputs = _with_declarations(inputs)
                    numbers[key] = _number_given(value, rows, inputs)
                    unknown.add(-1 - numbers[key])
                    skips = skips or type(value) is Skipped
                continue
            if once and item in once:
                if key not in managed:
                    managed[key] = interned(ONCE_TASK, NO_POLICIES._replace(form=OnceShape(False)), ONCE), (around.use(item),)
                    skips = True
                operation, operands = managed[key]
            elif item.policies is not None:
                if key not in managed:
                    if routes is None and type(item.policies.form) is RouteForm:
                        routes = Routes(root, around)
                    managed[key] = _manage(item, item.policies, routes)
                    skips = skips or managed[key][0].skippable
                operation, operands = managed[key]
        else:
            key = id(item)
            operands = expanded.get(key) or expanded.setdefault(key, parts(item))
        number = number_of(key)
        if number is None:
            # First sight: what it needs goes first, the leftmost on top of the stack.
            numbers[key] = ENTERED
            if len(numbers) > row_limit:
                raise TooManyRows
            before = len(stack)
            looked = holds = False
            is_data: bool | None = None  # found out where there is something to be searched
            for operand in operands if key not in managed else _in_order_of_issue(*managed[key]):
                kind = type(operand)
                if kind in PLAIN:
                    continue
                if kind is LazyResult:
                    needed = number_of(operand)
                else:
                    if id(operand) not in searched:
                        if is_data is None:
                            is_data = type(item) is LazyResult and (hands_on and item is root or is_alone or was_searched(item, made))
                        if _hands_on(item, operand) if is_data else argument_holds_results(operand, limit):
                            _search(operand, searched, holding, limit)
                        elif kind in CONTAINERS and not is_data:
                            searched[id(operand)] = operand
                    looked = True
                    if id(operand) not in holding:
                        continue
                    holds = True
                    needed = number_of(id(operand))
                if needed is None:
                    stack.append(operand)
                elif needed == ENTERED:
                    raise _cycle(operand, numbers)
            if looked and not holds and is_data is False and type(item) is LazyResult:
                item.searched = made
            if len(stack) > before:
                stack[before:] = stack[: before - 1 : -1]
                continue
        elif number != ENTERED:
            stack.pop()
            continue
        # Everything it needs has a number.
        stack.pop()
        if type(item) is LazyResult and type(item.task) is not Task and item not in once:
            if type(inputs) is list:
                inputs = _with_declarations(inputs)
            if isinstance(item.task, Input):
                numbers[key] = -1 - len(inputs)
                inputs.declared.append(len(inputs))
                inputs.append(item)
                continue
        row: list[Any] = [item.task if type(item) is LazyResult else CONTAINERS.get(type(item), REBUILT)]
        pure = pure or type(item) is LazyResult and item.task.pure
        if key in managed:
            row[0] = operation
        if row[0] is REBUILT:
            row.append(-1 - len(inputs))
            inputs.append(item)
        for operand in operands:
            kind = type(operand)
            if kind is LazyResult:
                row.append(numbers[operand])
            elif kind in PLAIN or (number := number_of(id(operand))) is None:
                row.append(-1 - len(inputs))
                inputs.append(operand)
            else:
                row.append(number)
        numbers[key] = len(rows)
        rows.append(tuple(row))
    if routes is not None and routes.share():
        if type(inputs) is list:
            inputs = _with_declarations(inputs)
        inputs.tables = [number for number, value in enumerate(inputs) if type(value) is RouteTable and value.common]
    if routes is not None and routes.declarations:
        if type(inputs) is list:
            inputs = _with_declarations(inputs)
        inputs.elsewhere += [task for task in routes.declarations if isinstance(task, Input)]
        inputs.injections += [task for task in routes.declarations if isinstance(task, Injection)]
    if type(inputs) is Inputs:
        inputs.injections[:0] = [row[0] for row in rows if isinstance(row[0], Injection)]
        inputs.values = _asked_for(rows)
    found = tuple(_guard(rows, inputs) if skips else rows)
    return _merged(found, inputs, unknown) if pure else (found, inputs)


def _hands_on(lazy: LazyResult[Any], operand: Any) -> bool:
    """Whether a LazyResult stands among the first things of an operand of a call whose arguments are data."""
    slots, gathered = lazy.slots, lazy.task.binder.gathered
    return hands_on_deferred((operand,), (0,) if any(slots[slot] is operand for slot in gathered) else ())


def _merged(rows: tuple[Row, ...], inputs: list[Any], unknown: set[int]) -> tuple[tuple[Row, ...], list[Any]]:
    if type(inputs) is Inputs:
        unknown |= {*inputs.declared, *inputs.tables}
    found, used = merged(rows, inputs, unknown)
    result = [inputs[number] for number in used]
    if type(inputs) is not Inputs:
        return found, result
    numbers = {number: at for at, number in enumerate(used)}
    changed = copy.copy(inputs)
    changed[:] = result
    changed.declared = [numbers[number] for number in inputs.declared]
    changed.tables = [numbers[number] for number in inputs.tables]
    return found, changed


def _number_given(value: Any, rows: list[Row], inputs: list[Any]) -> int:
    """The number of a value that is there already: an input; for a resource, which stands as a LazyResult, a row of its own."""
    if type(value) is LazyResult:
        rows.append((value.task,))
        return len(rows) - 1
    inputs.append(value)
    return -len(inputs)


def _asked_for(rows: list[Row]) -> list[Injection]:
    """The resources that are conditions, amounts, selectors or inputs of maps, or that the graph's value holds."""
    found: dict[Injection, None] = {}
    _find_injections(rows, len(rows) - 1, lambda operation: isinstance(operation, Container) or operation.hands_on, found)
    for operation, *references in rows:
        if isinstance(operation, (Managed, StateMachine)):
            for position, reference in enumerate(references):
                if operation.looks_at(position):
                    # Not into lists: the items of a map are arguments again.
                    _find_injections(rows, reference, lambda operation: operation is EITHER, found)
    return list(found)


def _find_injections(rows: list[Row], number: int, hands_on: Callable[[Any], bool], found: dict[Injection, None]) -> None:
    stack = [number]
    seen: set[int] = set()
    while stack:
        number = stack.pop()
        if number >= 0 and number not in seen:
            seen.add(number)
            operation = rows[number][0]
            if isinstance(operation, Injection):
                found[operation] = None
            elif hands_on(operation):
                stack += rows[number][1:]


def _manage(lazy: LazyResult[Any], policies: Policies, routes: Any) -> tuple[Any, tuple[Any, ...]]:
    """What a call with policies does, and its operands."""
    if policies.selector is not None:
        return _manage_states(lazy, policies, routes)
    if type(policies.form) is EitherForm:
        return EITHER, lazy.slots
    if type(policies.form) is RouteForm:
        table = routes.table(policies.form.routes)
        operation = interned(lazy.task, policies._replace(form=RouteShape(len(table.shared), table.skips)), ROUTE)
        return operation, (*lazy.slots, table, *table.shared, *extras_of(policies))
    if type(policies.form) is OnceForm:
        return interned(lazy.task, policies._replace(form=OnceShape(True)), ONCE), lazy.slots
    known = getattr(lazy, "managed", None)
    if known is None or known[0] is not policies:
        operation = interned(lazy.task, policies, CALL if policies.form is None else MAP)
        known = lazy.managed = policies, operation, (*lazy.slots, *extras_of(policies))
    return known[1], known[2]


class NoInput:
    """Stands for the first argument of a state that comes by a Jump."""


NO_INPUT = NoInput()
configure(no_input_type=NoInput)


def _manage_states(first: LazyResult[Any], policies: Policies, routes: Any) -> tuple[Any, tuple[Any, ...]]:
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
        operation, values = (lazy.task, lazy.slots) if own is None else _manage(lazy, own, routes)
        if lazy is not first and takes_input and _is_computed(values[0]):
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


def _is_computed(value: Any) -> bool:
    """Whether the value is not known before the run; an input is."""
    return holds_deferred(value) and not (type(value) is LazyResult and isinstance(value.task, Input))


def _in_order_of_issue(operation: Managed | StateMachine | Container, operands: tuple[Any, ...]) -> tuple[Any, ...]:
    if isinstance(operation, Container):
        return operands
    # What comes before in order goes first, then the conditions; as one would write it in Python.
    ordered, conditions = len(operands) - operation.after, len(operands) - operation.after - operation.conditions
    return (*operands[ordered:], *operands[conditions:ordered], *operands[:conditions])


def _guard(rows: list[Row], inputs: list[Any]) -> list[Row]:
    """The rows, with a managed call wherever an operand may be missing: it is skipped then, and not called."""
    missing = [False] * len(rows)
    result = []
    for index, row in enumerate(rows):
        operation = row[0]
        absent = [missing[ref] if ref >= 0 else type(inputs[-1 - ref]) is Skipped for ref in row[1:]]
        if all(absent) if operation is EITHER else any(absent):
            missing[index] = True
            if isinstance(operation, Task):
                row = (interned(operation, NO_POLICIES), *row[1:])
        if isinstance(operation, (Managed, StateMachine)) and operation.skippable:
            missing[index] = True
        result.append(row)
    return result


class RouteTable(CompiledRoutes):
    """The routes of a Router.

    Attributes:
        shared: what of them the graph around it computes in any case.
        skips: whether something in them may be skipped.
        uses: what of them is computed at most once, by whichever Router of a graph further out needs it first.
        common: what of them other Routers of the same graph may need as well.
        once: for one run, what becomes of that.
        forms: what the runtime keeps of routes that were gone on with.
    """

    # CPython finds attributes in the dict of an instance of an extension type's subclass half as fast.
    __slots__ = ("common", "forms", "once", "routes", "shared", "skips", "uses")

    def __init__(
        self, routes: dict[Any, LazyResult[Any]], shared: tuple[LazyResult[Any], ...], skips: bool, uses: dict[LazyResult[Any], Use],
        forms: dict[LazyResult[Any], Any] | None = None,
    ) -> None:
        self.forms = {} if forms is None else forms
        super().__init__(routes, self.forms)
        self.routes = routes
        self.shared = shared
        self.skips = skips
        self.uses = uses
        self.common: list[LazyResult[Any]] = []
        self.once: dict[LazyResult[Any], Once] = {}

    def for_one_run(self, once: dict[LazyResult[Any], Once]) -> RouteTable:
        """A table with results of its own; `once` has those that other tables of the run have, too."""
        result = RouteTable(self.routes, self.shared, self.skips, self.uses, self.forms)
        result.common = self.common
        result.once = {lazy: once.setdefault(lazy, Once(lazy)) for lazy in self.common}
        return result

    def around(self, values: dict[LazyResult[Any], Any]) -> Around:
        """What a route has around it, given the values of what is shared."""
        return Around(values, {**self.uses, **self.once})

    def __repr__(self) -> str:
        return "{" + ", ".join(f"{key!r}: {route.task.name}" for key, route in self.routes.items()) + "}"


class Once:
    """A result that routes of several Routers need. The first one that does computes it.

    Attributes:
        lazy: the result.
        state: "not begun", "begun" or "done".
        value: when it is done.
        waiting: those who need it meanwhile are woken by these.
    """

    __slots__ = ("lazy", "state", "value", "waiting")

    def __init__(self, lazy: LazyResult[Any]) -> None:
        self.lazy = lazy
        self.state = "not begun"
        self.value: Any = None
        self.waiting: list[Callable[[], None]] = []


class Use:
    """A `Once` that is needed, with what there is around it."""

    __slots__ = ("around", "once")

    def __init__(self, once: Once, around: Around) -> None:
        self.once = once
        self.around = around


class Around:
    """What a route is given by the graph around it.

    Attributes:
        values: of results that it has computed.
        once: results that it computes at most once; what these need stands here, too, if not with the `Use`.
        route: the Router's table and the route, unless something may be computed once.
    """

    __slots__ = ("once", "route", "values")

    route: tuple[RouteTable, LazyResult[Any]] | None

    def __init__(self, values: dict[LazyResult[Any], Any], once: dict[LazyResult[Any], Once | Use]) -> None:
        self.values = values
        self.once = once
        self.route = None

    def use(self, lazy: LazyResult[Any]) -> Use:
        found = self.once[lazy]
        return Use(found, self) if type(found) is Once else found  # type: ignore[return-value]

    def without(self, lazy: LazyResult[Any]) -> Around:
        """What there is around `lazy` itself."""
        return Around(self.values, {other: found for other, found in self.once.items() if other is not lazy})


NOTHING_AROUND = Around({}, {})


class Routes:
    """What the Routers of one graph share with the rest of it, and with each other."""

    def __init__(self, root: Any, around: Around) -> None:
        self._around = around
        self._always = reachable([root], around.once, through_routes=False) | dict.fromkeys(around.values)
        self._known = {**self._always, **around.once}
        self._found: list[tuple[RouteTable, list[LazyResult[Any]]]] = []
        self.declarations: list[Task[..., Any]] = []
        """The inputs and resources that only routes need."""

    def table(self, routes: dict[Any, LazyResult[Any]]) -> RouteTable:
        found = reachable(routes.values(), self._known, through_routes=True)
        shared = tuple(lazy for lazy in found if lazy in self._always)
        uses = {lazy: self._around.use(lazy) for lazy in found if lazy in self._around.once and lazy not in self._always}
        only = [lazy for lazy in found if lazy not in self._known]
        self.declarations += [lazy.task for lazy in only if type(lazy.task) is not Task]
        skips = bool(uses) or any(lazy.policies is not None and lazy.policies.conditions for lazy in found)
        table = RouteTable(routes, shared, skips, uses)
        self._found.append((table, only))
        return table

    def share(self) -> bool:
        """Finds what several of the tables need, when all are there."""
        if len(self._found) < 2:
            return False
        seen: dict[LazyResult[Any], int] = {}
        for _, only in self._found:
            for lazy in only:
                seen[lazy] = seen.get(lazy, 0) + 1
        for table, only in self._found:
            table.common = [lazy for lazy in only if seen[lazy] > 1 and lazy.task.takes_policies]
        return any(table.common for table, _ in self._found)


class EveryRoute:
    """In place of `Routes`: the graph computes every route, so that all of them are rows of it.

    Such a graph is for people and tools, not to be run.
    """

    declarations: tuple[Task[..., Any], ...] = ()

    def table(self, routes: dict[Any, LazyResult[Any]]) -> RouteTable:
        return RouteTable(routes, tuple(routes.values()), False, {})

    def share(self) -> bool:
        return False


def reachable(roots: Iterable[Any], stop: Any, *, through_routes: bool) -> dict[LazyResult[Any], None]:
    """The LazyResults that `roots` are or need, in the order of a walk; those in `stop` are not looked into.

    Args:
        through_routes: whether a Router needs its routes, or only its selector.
    """
    found: dict[LazyResult[Any], None] = {}
    seen: set[int] = set()
    stack = [*roots][::-1]
    while stack:
        item = stack.pop()
        if type(item) is not LazyResult:
            if type(item) not in PLAIN and id(item) not in seen and is_container(item):
                seen.add(id(item))
                stack.extend(reversed(parts(item)))
        elif item not in found:
            found[item] = None
            if item not in stop:
                policies = item.policies
                if policies is not None:
                    if through_routes and type(policies.form) is RouteForm:
                        stack.extend(reversed(policies.form.routes.values()))
                    if policies.selector is not None:
                        stack.extend(reversed(_manage_states(item, policies, None)[1]))
                        continue
                    stack.extend(reversed(extras_of(policies)))
                stack.extend(reversed(item.slots))
    return found


def _with_declarations(inputs: list[Any]) -> Inputs:
    result = Inputs()
    result.extend(inputs)
    return result


def _search(root: Any, searched: dict[int, Any], holding: set[int], limit: int | None) -> None:
    # Once for a whole nest of containers: asking at every level would take time quadratic in the depth.
    searched[id(root)] = root
    parents: dict[int, list[int]] = {}
    stack = [root]
    found = []
    things = 0
    while stack:
        container = stack.pop()
        if limit is not None:
            things += len(container) if hasattr(container, "__len__") else 0
            if things > THINGS * limit:
                raise TooManyRows
        for part in parts(container):
            if type(part) is LazyResult:
                found.append(id(container))
            elif type(part) not in PLAIN and is_container(part):
                parents.setdefault(id(part), []).append(id(container))
                if id(part) not in searched:
                    searched[id(part)] = part
                    stack.append(part)
                elif id(part) in holding:
                    found.append(id(container))
    while found:
        number = found.pop()
        if number not in holding:
            holding.add(number)
            found.extend(parents.get(number, ()))


def _cycle(again: Any, numbers: dict[Any, int]) -> CycleError:
    # What is entered and not numbered is the path from the root, in the order in which it was entered.
    path = [key for key, number in numbers.items() if number == ENTERED]
    path = path[path.index(again if type(again) is LazyResult else id(again)) :]
    names = [key.task.name for key in path if type(key) is LazyResult]
    return CycleError([*names, *names[:1]], where=_closed_by(path))


def _closed_by(path: Sequence[Any]) -> str:
    """How a cycle can have come about: a call binds results that are there already."""
    for lazy, needed in zip(path, [*path[1:], path[0]], strict=True):
        policies = lazy.policies if type(lazy) is LazyResult else None
        if policies is not None and any(needed is other for other in extras_of(policies)):
            by = "after" if any(needed is other for other in policies.after) else "run_if or with_constraints"
            return f"task {lazy.task.name!r} was made to need {needed.task.name!r} by {by}"
    return "a container that was changed after it was passed to a task"


def _check_target(target: Any) -> None:
    if isinstance(target, Task):
        raise TargetError(
            f"task {target.name!r} was given where its result is expected",
            expected="a LazyResult",
            hint=f"call it: {target.name}(...)",
        )
    if not isinstance(target, (list, tuple)):
        raise TargetError(
            f"the target is {target!r}, of type {type(target).__name__}",
            expected="a LazyResult, or a list or tuple of LazyResults",
            hint="decorate the function with @task and pass the result of calling it",
        )
    for index, item in enumerate(target):
        if type(item) is not LazyResult:
            raise TargetError(
                f"target[{index}] is {item!r}, of type {type(item).__name__}", expected="a LazyResult in every place"
            )
