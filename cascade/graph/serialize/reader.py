"""Reads a graph from JSON, and says where the JSON is malformed."""

from __future__ import annotations

import json
import types
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple, TypeGuard

from cascade._vm import entry_point, holds_deferred
from cascade.declare.cache_policy import CachePolicy
from cascade.declare.control import EITHER as EITHER_TASK
from cascade.declare.control import ROUTER
from cascade.declare.inputs import input_of
from cascade.declare.operators import FUNCTIONS, task_of
from cascade.declare.resources import Injection, Resource, inject, injection_of
from cascade.declare.task import MODES, BoundTask, Task
from cascade.errors import CascadeError, CycleError, DeclarationError, SerializationError
from cascade.graph.calls import NO_INPUT
from cascade.graph.containers import DICT, EITHER, REBUILT, Container, is_container, parts
from cascade.graph.model import Graph
from cascade.graph.operations import AnyTask, PolicyOperation, Route, operation_with, route_operation
from cascade.graph.outline import Entry, Outline, routes_of, target_of
from cascade.graph.route_table import NOTHING_AROUND
from cascade.graph.serialize.format import CONTAINERS, FORMAT, FROM_JUMP, TASK_OPTIONS, VERSION
from cascade.graph.serialize.names import Names, check_keys, fail
from cascade.graph.serialize.policies import DEFAULTS, KEYS, PolicyReader, check_caches
from cascade.graph.serialize.value_reader import ValueReader
from cascade.graph.walk import walk

_Called = AnyTask | PolicyOperation | Container


@entry_point
def from_json(
    text: str | bytes, *, allow: Iterable[str] | None = None, caches: Mapping[str, CachePolicy] | None = None
) -> Graph:
    """Reads a graph that `to_json` wrote; `cascade.run` takes it.

    Args:
        text: the JSON.
        allow: the modules and `module:qualname`s that it may name; a name that ends in `.*` stands for all modules of
            a package. Only these are imported. By default nothing is imported: it may name tasks, resources, dataclasses
            and exception types of modules that are imported already.
        caches: the caches that it names. The document's contents make and open none.

    Raises:
        SerializationError: (a ValueError) it is not a graph, is malformed, or has a name that is not allowed.
        CycleError: (a ValueError) the graph depends on itself.
    """
    names, given = Names(allow), check_caches(caches)
    if not isinstance(text, (str, bytes, bytearray)):
        raise DeclarationError(
            f"from_json was given {text!r:.60}, of type {type(text).__name__}", expected="a text, as to_json returns it"
        )
    try:
        document = json.loads(text, object_pairs_hook=_unique, parse_constant=_no_constant)
        whole = Reader(names, given, document).outline()
    except RecursionError:
        raise SerializationError("the JSON nests too deep") from None
    except SerializationError:
        raise
    except ValueError as error:
        raise SerializationError(f"it is not JSON: {error}") from None
    try:
        rows, inputs = walk(target_of(whole), None, NOTHING_AROUND)
        graph = Graph(rows, tuple(inputs))
        routes_of(graph)  # they are graphs of their own, which may have cycles
    except CycleError:
        raise
    except (TypeError, RecursionError) as error:
        what = error.what if isinstance(error, CascadeError) else error
        hint = None if isinstance(error, CascadeError) else "keys and members of sets have to be hashable"
        raise SerializationError(f"it cannot be put together: {what}", hint=hint) from None
    return graph


def _unique(pairs: list[tuple[str, object]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise SerializationError(f"the key {twice!r} stands twice in one object")
    return result


def _no_constant(text: str) -> object:
    raise SerializationError(f"{text} is not JSON", expected='{"$float": "..."}')


class Reader:
    """Reads a document; only names that `names` allows are looked up."""

    def __init__(self, names: Names, caches: Mapping[str, CachePolicy], parsed: object) -> None:
        document = check_keys(parsed, "the document", ("format", "version", "operations", "rows", "inputs"), ("jumps",))
        if document["format"] != FORMAT or document["version"] != VERSION or type(document["version"]) is not int:
            fail(
                f"format {document['format']!r}, version {document['version']!r}",
                "the document",
                expected=f"format {FORMAT!r}, version {VERSION}",
            )
        for name in ("operations", "rows", "inputs", "jumps"):
            if not isinstance(document.get(name, []), list):
                fail(f"{name} is not a list", "the document")
        if not document["rows"]:
            fail("there are no rows", "the document")
        self.document = document
        self.names = names
        self.find = names.find
        self.values = ValueReader(names)
        widest = max(len(row) if isinstance(row, list) else 0 for row in document["rows"])
        self.policies = PolicyReader(names, caches, widest)
        self.inputs: list[object] = []

    def outline(self) -> Outline:
        document = self.document
        operations = [self._operation(each, f"operations[{at}]") for at, each in enumerate(document["operations"])]
        self.inputs = [
            NO_INPUT if each == FROM_JUMP else self.values.read(each, f"inputs[{at}]")
            for at, each in enumerate(document["inputs"])
        ]
        entries = [self._row(each, f"rows[{at}]", operations) for at, each in enumerate(document["rows"])]
        for at, each in enumerate(document.get("jumps", [])):
            self._jumps(each, f"jumps[{at}]", entries)
        self._check_routes(entries)
        self._check_jump_data(entries)
        return Outline(tuple(entries), tuple(self.inputs), len(entries))

    def _row(self, row: object, where: str, operations: list[_Called | _RouterOperation]) -> Entry:
        if not isinstance(row, list) or not row or any(type(number) is not int for number in row):
            fail("it is not a list of integers", where)
        if not 0 <= row[0] < len(operations):
            fail(f"operation {row[0]} is none of the {len(operations)}", where)
        rows = len(self.document["rows"])
        for reference in row[1:]:
            if not -len(self.inputs) <= reference < rows:
                fail(f"reference {reference} leads nowhere", where, expected=f"{-len(self.inputs)} to {rows - 1}")
        operation, references = operations[row[0]], tuple(row[1:])
        if isinstance(operation, _RouterOperation):
            count = len(operation.keys)
            if len(references) != 1 + count + operation.route.extras:
                fail(
                    f"{len(references)} references for a selector, {count} routes and {operation.route.extras} more",
                    where,
                )
            routes = tuple(zip(operation.keys, references[1 : 1 + count], strict=True))
            return Entry(operation.route, (*references[:1], *references[1 + count :]), routes)
        self._check_count(operation, references, where)
        return Entry(operation, references)

    def _check_count(self, operation: _Called, references: tuple[int, ...], where: str) -> None:
        given = len(references)
        if not isinstance(operation, Container):
            wanted = 0 if isinstance(operation, Injection) else len(operation.parameters)
            if given != wanted:
                fail(f"{operation.name} has {wanted} parameters, {given} are given", where)
        elif operation is DICT and given % 2:
            fail("keys and values do not come in pairs", where)
        elif operation is EITHER and not given:
            fail("there is nothing to choose from", where)
        elif operation is REBUILT:
            original = self.inputs[-1 - references[0]] if given and references[0] < 0 else None
            if not is_container(original) or len(parts(original)) != given - 1:
                fail("what is rebuilt does not fit its parts", where)

    def _check_routes(self, entries: list[Entry]) -> None:
        for at, entry in enumerate(entries):
            for key, route in entry.routes:
                if input_of(self.inputs[-1 - route]) is None if route < 0 else not _is_result(entries[route]):
                    fail(f"the route {key!r} is not a result of a task", f"rows[{at}]")

    def _jumps(self, value: object, where: str, entries: list[Entry]) -> None:
        """Makes a row a state."""
        row, ways = value if isinstance(value, list) and len(value) == 2 else (None, None)
        if type(row) is not int or not 0 <= row < len(entries) or not isinstance(ways, list) or not ways:
            fail("it is not a row and its jumps", where)
        if entries[row].jumps is not None or not _is_call(entries[row]):
            fail(f"row {row} is not a state, or is bound twice", where)
        jumps = []
        for at, way in enumerate(ways):
            key, state = way if isinstance(way, list) and len(way) == 2 else (None, -1)
            if state is not None and (
                type(state) is not int or not 0 <= state < len(entries) or not _is_call(entries[state])
            ):
                fail("it is not a key and a row with a call, or null", f"{where}[1][{at}]")
            jumps.append((self._key(key, f"{where}[1][{at}]"), state))
        _check_distinct([key for key, _ in jumps], where)
        entries[row] = entries[row]._replace(jumps=tuple(jumps))

    def _check_jump_data(self, entries: list[Entry]) -> None:
        """Checks the data of Jumps: it may only be the first argument of a state that nothing but a Jump leads to."""
        awaiting = {-1 - at for at, value in enumerate(self.inputs) if value is NO_INPUT}
        if not awaiting:
            return
        led_to = {state for entry in entries for _, state in entry.jumps or ()}
        needed = {r for entry in entries for r in (*entry.references, *(route for _, route in entry.routes))} | {
            len(entries) - 1
        }
        for at, entry in enumerate(entries):
            misplaced = awaiting.intersection(entry.references[1:])
            if misplaced or awaiting.intersection(entry.references[:1]) and (at not in led_to or at in needed):
                fail("it takes the data of a Jump, and is not a state that only a Jump leads to", f"rows[{at}]")

    def _operation(self, value: object, where: str) -> _Called | _RouterOperation:
        if isinstance(value, dict) and "container" in value:
            check_keys(value, where, ("container",))
            container = CONTAINERS.get(value["container"]) if isinstance(value["container"], str) else None
            if container is None:
                fail(f"container {value['container']!r}", where, expected="one of " + ", ".join(CONTAINERS))
            return container
        if isinstance(value, dict) and "resource" in value:
            check_keys(value, where, ("resource",), ("of",))
            if "of" in value:
                return _injection(self.find(value["of"], where, _is_resource, "a resource"))
            if not isinstance(value["resource"], str) or not value["resource"]:
                fail(f"resource {value['resource']!r}", where, expected="a name")
            return _injection(value["resource"])
        if isinstance(value, dict) and "router" in value:
            return self._router(value, where)
        if isinstance(value, dict) and "function" in value:
            task = self._task_of_function(value, where)
        elif isinstance(value, dict) and "operator" in value:
            check_keys(value, where, ("operator",), KEYS)
            if not isinstance(value["operator"], str) or value["operator"] not in FUNCTIONS:
                fail(f"operator {value['operator']!r}", where, expected="one of " + ", ".join(FUNCTIONS))
            task = task_of(value["operator"])
        else:
            value = check_keys(value, where, ("task",), KEYS)
            task = self.find(value["task"], where, _is_users, "a task")
        policies = self.policies.read(value, task, where)
        if policies.is_plain:
            return task
        return operation_with(task, policies)

    def _router(self, value: dict[str, object], where: str) -> _RouterOperation:
        check_keys(value, where, ("router",), ("conditions", "after"))  # it calls nothing itself
        if not isinstance(value["router"], list) or not value["router"]:
            fail("it has no routes", where)
        keys = [self._key(key, f"{where}.router[{at}]") for at, key in enumerate(value["router"])]
        _check_distinct(keys, where)
        policies = self.policies.read(value, ROUTER, where)
        return _RouterOperation(route_operation(ROUTER, policies, len(keys), skips=False), tuple(keys))

    def _key(self, value: object, where: str) -> object:
        key = self.values.read(value, where)
        try:
            hash(key)
        except TypeError as error:
            fail(f"it is not a key: {error}", where)
        if holds_deferred(key):
            fail("it is not a key, but known only when it runs", where)
        return key

    def _task_of_function(self, value: dict[str, object], where: str) -> Task[..., object]:
        check_keys(value, where, ("function",), (*TASK_OPTIONS, "defaults", *KEYS))
        if self.names.allow is None:
            fail(
                f"{value['function']} is a function that is not a task by itself",
                where,
                hint="functions are taken only if they are allowed: from_json(text, allow=[...])",
            )
        function = self.find(value["function"], where, _is_callable, "a function")
        if isinstance(function, Task):
            function = function.func
        if isinstance(function, type):
            fail(f"{value['function']} is a class", where, expected="a function")
        options: dict[str, Any] = {name: value[name] for name in TASK_OPTIONS if name in value}
        for name, kinds in (("name", str), ("pure", bool), ("mode", str), ("lower", (bool, types.NoneType))):
            if name in options and not isinstance(options[name], kinds):
                fail(f"{name} is {options[name]!r}", where)
        if options.get("mode", "inline") not in MODES:
            fail(f"mode is {options['mode']!r}", where, expected="one of " + ", ".join(MODES))
        if "defaults" in value:
            described = check_keys(value["defaults"], f"{where}.defaults", (), DEFAULTS)
            defaults = self.policies.read(described, Task(function), f"{where}.defaults")
            options |= {name: getattr(defaults, name) for name in DEFAULTS} | {
                "constraints": dict(defaults.constraints)
            }
        try:
            return Task(function, **options)
        except CascadeError as error:
            fail(error.what, where, error.expected, error.hint)


class _RouterOperation(NamedTuple):
    route: Route
    keys: tuple[object, ...]


def _injection(resource: str | Resource) -> Injection:
    injection = injection_of(inject(resource))
    assert injection is not None
    return injection


def _is_resource(found: object) -> TypeGuard[Resource]:
    return isinstance(found, Resource)


def _is_callable(found: object) -> TypeGuard[Callable[..., object]]:
    return callable(found)


def _is_users(found: object) -> TypeGuard[Task[..., object]]:
    """Whether it is a task that a user has declared."""
    if not isinstance(found, Task) or isinstance(found, BoundTask):
        return False
    return found.takes_policies and found is not ROUTER and found is not EITHER_TASK


def _is_result(entry: Entry) -> bool:
    """Whether an entry is a LazyResult."""
    return entry.operation is EITHER or not isinstance(entry.operation, Container)


def _is_call(entry: Entry) -> bool:
    """Whether an entry can be a state."""
    return not isinstance(entry.operation, (Container, Injection)) and not entry.is_router


def _check_distinct(keys: list[object], where: str) -> None:
    if len(set(keys)) < len(keys):
        fail("a key stands twice", where)
