"""Graphs as JSON.

    {"format": "cascade-graph", "version": 1,
     "operations": [{"task": "my.module:load"}, {"container": "list"}, {"task": "my.module:total", "timeout": 5.0}],
     "rows": [[0], [1, 0, -1], [2, 1]],
     "inputs": [5]}

`rows` are like those of the graph (`cascade.graph.model`), each with the number of its operation first; the last one is the
result. What only routes and jumps lead to are rows as well (`cascade.graph.outline`), before those of the graph:

    a Router            operation {"router": [key, ...]}; the row has the selector, and a route for each key
    a state machine     "jumps": [[row, [[key, row of the next state, or null for the end], ...]], ...]

Policies stand in the operations (`cascade.graph.serialize.policies`). Values that JSON has no form for are objects with one key that
begins with `$`; a container that stands in one again and again is written once (`cascade.graph.serialize.sharing`). Functions and
classes are named by `module:qualname`; reading imports a module only if the caller's allow-list holds it, and calls nothing.
"""

from __future__ import annotations

import base64
import binascii
import dataclasses
import datetime
import decimal
import enum
import functools
import json
import operator
import pathlib
import types
import typing
import uuid
from collections.abc import Callable, Iterable, Mapping
from importlib import import_module
from typing import Any, NamedTuple

from cascade._vm import holds_deferred
from cascade.declare.control import EITHER as EITHER_TASK
from cascade.declare.control import ROUTER
from cascade.declare.inputs import REQUIRED, Input, input_of
from cascade.declare.lazy import LazyResult
from cascade.declare.policies import CachePolicy
from cascade.declare.resources import Injection, Resource, inject, injection_of
from cascade.declare.task import MODES, BoundTask, Task
from cascade.errors import CascadeError, CycleError, SerializationError
from cascade.graph.build import NO_INPUT, NOTHING_AROUND, build_graph, walk
from cascade.graph.model import DICT, EITHER, LIST, REBUILT, SET, TUPLE, Container, Graph, is_container, parts
from cascade.graph.operations import CALL, MAP, ROUTE, Managed, RouteShape, interned
from cascade.graph.outline import Entry, Outline, outline, routes_of, target_of
from cascade.graph.serialize.names import Names, check_keys, class_path, fail, path_of, resolve_loaded
from cascade.graph.serialize.policies import DEFAULTS, KEYS, PolicyReader, check_caches, describe_policies
from cascade.graph.serialize.sharing import Nest

FORMAT, VERSION = "cascade-graph", 1
CONTAINERS = {each.name: each for each in (LIST, TUPLE, SET, DICT, EITHER, REBUILT)}
TASK_OPTIONS = ("name", "pure", "mode", "lower")
INT_BITS = 10_000
"""Python refuses to read and write decimal numbers of many more; they are written in hexadecimal."""
FROM_JUMP = {"$jump": "data"}
"""Stands for the first argument of a state that a Jump gives, and nothing else."""


class TextForm(NamedTuple):
    """A type whose values are written as text."""

    kind: type
    write: Callable[[Any], str]
    read: Callable[[str], Any]


TEXT_FORMS = {
    "date": TextForm(datetime.date, datetime.date.isoformat, datetime.date.fromisoformat),
    "datetime": TextForm(datetime.datetime, datetime.datetime.isoformat, datetime.datetime.fromisoformat),
    "time": TextForm(datetime.time, datetime.time.isoformat, datetime.time.fromisoformat),
    "decimal": TextForm(decimal.Decimal, str, decimal.Decimal),
    "uuid": TextForm(uuid.UUID, str, uuid.UUID),
    "path": TextForm(type(pathlib.Path()), str, pathlib.Path),
}
TEXT_FORMS_OF = {form.kind: name for name, form in TEXT_FORMS.items()}

SAFE_TYPES = {
    "builtins": ("int", "float", "str", "bool", "bytes", "complex", "list", "tuple", "dict", "set", "frozenset", "object"),
    "datetime": ("date", "datetime", "time", "timedelta"),
    "decimal": ("Decimal",),
    "fractions": ("Fraction",),
    "pathlib": ("Path", "PurePath"),
    "uuid": ("UUID",),
    "types": ("NoneType",),
}
"""Types of inputs that are always understood."""


def to_json(target: Any, *, indent: int | None = None, caches: Mapping[str, CachePolicy] | None = None) -> str:
    """Writes a graph as JSON, with its policies.

    Args:
        target: a Graph, a LazyResult, or a list or tuple of LazyResults.
        indent: spaces for each level, to be read by people.
        caches: names for the caches of nodes, which are objects of this program; `from_json` has to be given caches of
            these names. One that is the default of a task needs none.

    Raises:
        SerializationError: (a ValueError) a task cannot be found by its name, or an argument or a policy has no JSON form;
            the message names the node and the parameter or policy.
    """
    writer = _Writer(outline(build_graph(target)), check_caches(caches))
    return json.dumps(writer.document(), indent=indent, allow_nan=False)


def from_json(
    text: str | bytes, *, allow: Iterable[str] | None = None, caches: Mapping[str, CachePolicy] | None = None
) -> Graph:
    """Reads a graph that `to_json` wrote; `cascade.run` takes it.

    Args:
        text: the JSON.
        allow: the modules and `module:qualname`s that it may name; a name that ends in `.*` stands for all modules of
            a package. Only these are imported. By default nothing is imported: it may name tasks, resources, dataclasses
            and exception types of modules that are imported already.
        caches: the caches that it names. None is made or opened because of what it holds.

    Raises:
        SerializationError: (a ValueError) it is no graph, is malformed, or names what is not allowed.
        CycleError: (a ValueError) the graph depends on itself.
    """
    names, given = Names(allow), check_caches(caches)
    try:
        document = json.loads(text, object_pairs_hook=_unique, parse_constant=_no_constant)
        whole = _Reader(names, given, document).outline()
    except RecursionError:
        raise SerializationError("the JSON nests too deep") from None
    except SerializationError:
        raise
    except ValueError as error:
        raise SerializationError(f"it is no JSON: {error}") from None
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


# -- Writing ----------------------------------------------------------------------------------------------------------


class _Writer:
    """Writes the entries of an outline as rows: those of the graph last."""

    def __init__(self, whole: Outline, caches: dict[str, Any]) -> None:
        self.whole = whole
        self.caches = caches
        self.described: list[dict[str, Any]] = []
        self.numbers: dict[Any, int] = {}  # of operations, and of what was described, as text

    def document(self) -> dict[str, Any]:
        entries, count = self.whole.entries, len(self.whole.entries)
        order = [*range(self.whole.rows, count), *range(self.whole.rows)]
        shift = {number: row for row, number in enumerate(order)}
        rows, jumps = [], []
        for row, number in enumerate(order):
            entry = entries[number]
            references = (*entry.references[:1], *(route for _, route in entry.routes), *entry.references[1:])
            rows.append([self.operation(number), *(shift[r] if r >= 0 else r for r in references)])
            if entry.jumps is not None:
                ways = [[self.key(key, number), None if state is None else shift[state]] for key, state in entry.jumps]
                jumps.append([row, ways])
        document: dict[str, Any] = {"format": FORMAT, "version": VERSION, "operations": self.described, "rows": rows}
        if jumps:
            document["jumps"] = jumps
        document["inputs"] = [self.input(number) for number in range(len(self.whole.inputs))]
        return document

    def operation(self, number: int) -> int:
        """The number of an entry's operation among those that are described."""
        entry = self.whole.entries[number]
        known = None if entry.is_router else self.numbers.get(entry.operation)
        if known is None:
            described = self.describe(entry, number)
            text = json.dumps(described)
            known = self.numbers.get(text)
            if known is None:
                known = self.numbers[text] = len(self.described)
                self.described.append(described)
            self.numbers[entry.operation] = known
        return known

    def describe(self, entry: Entry, number: int) -> dict[str, Any]:
        operation = entry.operation
        if isinstance(operation, Container):
            return {"container": operation.name}
        if isinstance(operation, Injection):
            return _describe_injection(operation)
        task, described = operation.task, {}
        if entry.is_router:
            described = {"router": [self.key(key, number) for key, _ in entry.routes]}
            own = None
        else:
            described = self.task(task)
            own = task.policies.cache if task.policies is not None and "task" in described else None
        if isinstance(operation, Managed):
            described |= describe_policies(operation, self.caches, self.whole.label(number), own)
        return described

    def task(self, task: Task[..., Any]) -> dict[str, Any]:
        where = f"task {task.name!r}"
        path = path_of(task, task.func, where)
        if resolve_loaded(path) is task:
            return {"task": path}
        described = {"function": path, **{name: getattr(task, name) for name in TASK_OPTIONS}}
        operation = task.operation
        if isinstance(operation, Managed):
            described["defaults"] = describe_policies(operation, self.caches, where)
        return described

    def key(self, key: Any, number: int) -> Any:
        where = f"a key of {self.whole.label(number)}"
        if holds_deferred(key):
            raise SerializationError(f"{key!r} has no JSON form", where=where, expected="a value")
        return _encoded(key, where)

    def input(self, number: int) -> Any:
        value = self.whole.inputs[number]
        return FROM_JUMP if value is NO_INPUT else _encoded(value, lambda: self.user(number))

    def user(self, number: int) -> str:
        """What an input is for."""
        for index, entry in enumerate(self.whole.entries):
            for position, reference in enumerate(entry.references):
                if reference == -1 - number:
                    if position < len(entry.names):
                        return f"argument {entry.names[position]!r} of {self.whole.label(index)}"
                    return f"a {entry.operation.name} in an argument"
            if -1 - number in (route for _, route in entry.routes):
                return f"a route of {self.whole.label(index)}"
        return f"input {number}"


def _encoded(value: Any, where: str | Callable[[], str]) -> Any:
    """The form of a value; errors say where it stands."""
    try:
        return _encode(value, Nest(value))
    except RecursionError:
        error = SerializationError("it nests too deep for JSON")
    except SerializationError as raised:
        error = raised
    raise SerializationError(error.what, where=where if isinstance(where, str) else where(), expected=error.expected, hint=error.hint)


def _describe_injection(operation: Injection) -> dict[str, Any]:
    described: dict[str, Any] = {"resource": operation.name}
    if operation.resource is not None:
        described["of"] = path_of(operation.resource, operation.resource.func, f"resource {operation.name!r}")
    return described


def _encode(value: Any, nest: Nest) -> Any:
    kind = type(value)
    if value is None or kind in (bool, str):
        return value
    if kind is int:
        return value if value.bit_length() < INT_BITS else {"$int": hex(value)}
    if kind is float:
        return value if value - value == 0 else {"$float": repr(value)}
    if kind is complex:
        return {"$complex": [_encode(value.real, nest), _encode(value.imag, nest)]}
    if kind is bytes:
        return {"$bytes": base64.b64encode(value).decode()}
    text_form = TEXT_FORMS_OF.get(kind)
    if text_form is not None:
        return {f"${text_form}": TEXT_FORMS[text_form].write(value)}
    declared = input_of(value)
    if declared is not None:
        return _encode_input(declared, nest)
    if isinstance(value, enum.Enum):
        return {"$enum": class_path(kind), "name": value.name}
    if not is_container(value):
        raise SerializationError(
            f"a {kind.__name__} has no JSON form", expected="plain values, containers and dataclasses",
            hint="declare it as an input, cascade.Param(...), or have a task make it",
        )
    if id(value) in nest.around:
        raise SerializationError("a container holds itself")
    if nest.is_shared(value):
        number, known = nest.number(value)
        return {"$again": number} if known else {"$shared": number, "value": _encode_around(value, kind, nest)}
    return _encode_around(value, kind, nest)


def _encode_around(value: Any, kind: type, nest: Nest) -> Any:
    nest.around.add(id(value))
    try:
        return _encode_container(value, kind, nest)
    finally:
        nest.around.discard(id(value))


def _encode_container(value: Any, kind: type, nest: Nest) -> Any:
    if kind is list:
        return [_encode(item, nest) for item in value]
    if kind is dict:
        if all(type(key) is str and not key.startswith("$") for key in value):
            return {key: _encode(item, nest) for key, item in value.items()}
        return {"$dict": [[_encode(key, nest), _encode(item, nest)] for key, item in value.items()]}
    if kind is tuple:
        return {"$tuple": [_encode(item, nest) for item in value]}
    if kind in (set, frozenset):
        inner = nest.of_set(value)
        # A set's own order differs from process to process.
        return {f"${kind.__name__}": sorted([_encode(item, inner) for item in value], key=json.dumps)}
    path = class_path(kind)
    if dataclasses.is_dataclass(kind) and not isinstance(value, (list, tuple, dict, set, frozenset)):
        if not _is_plain(kind):
            raise SerializationError(
                f"a {kind.__name__} has no JSON form", expected="dataclasses that are nothing else",
                hint="an exception, say, holds more than its fields",
            )
        names = [field.name for field in dataclasses.fields(kind) if hasattr(value, field.name)]
        return {"$dataclass": path, "fields": {name: _encode_part(getattr(value, name), nest) for name in names}}
    if isinstance(value, tuple) and hasattr(kind, "_fields"):
        return {"$namedtuple": path, "items": [_encode_part(item, nest) for item in value]}
    raise SerializationError(f"a {kind.__name__}, which is a subclass of a container, has no JSON form")


def _encode_part(value: Any, nest: Nest) -> Any:
    # Of a container whose parts a row fills in: what stands there until then is None.
    return None if holds_deferred(value) else _encode(value, nest)


def _encode_input(declared: Input, nest: Nest) -> dict[str, Any]:
    described: dict[str, Any] = {"name": declared.name}
    if not declared.required:
        described["default"] = _encode(declared.default, nest)
    if declared.type is not None:
        described["type"] = _encode_type(declared.type)
    if declared.description:
        described["description"] = declared.description
    return {"$param" if declared.kind == "parameter" else "$env": described}


def _encode_type(kind: Any) -> Any:
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if kind is Any:
        return {"form": "Any"}
    if kind is Ellipsis:
        return {"form": "..."}
    if origin is typing.Union or origin is types.UnionType:
        return {"form": "Union", "of": [_encode_type(each) for each in arguments]}
    if origin is typing.Literal:
        return {"form": "Literal", "of": [_encode(each, Nest(each)) for each in arguments]}
    if origin is typing.Annotated:
        return _encode_type(arguments[0])
    if origin is not None:
        return {"form": "generic", "of": [_encode_type(origin), *map(_encode_type, arguments)]}
    if kind is types.NoneType:
        return "types:NoneType"
    path = f"{getattr(kind, '__module__', '')}:{getattr(kind, '__qualname__', '')}"
    if resolve_loaded(path) is not kind:
        raise SerializationError(f"type {kind!r} cannot be found by its name", expected="a type at the top level of a module")
    return path


# -- Reading ----------------------------------------------------------------------------------------------------------


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise SerializationError(f"the key {twice!r} stands twice in one object")
    return result


def _no_constant(text: str) -> Any:
    raise SerializationError(f"{text} is not JSON", expected='{"$float": "..."}')


class _Reader:
    """Reads a document; whatever it may hold, only what `names` allows is looked up."""

    def __init__(self, names: Names, caches: dict[str, Any], document: Any) -> None:
        check_keys(document, "the document", ("format", "version", "operations", "rows", "inputs"), ("jumps",))
        if document["format"] != FORMAT or document["version"] != VERSION or type(document["version"]) is not int:
            fail(
                f"format {document['format']!r}, version {document['version']!r}", "the document",
                expected=f"format {FORMAT!r}, version {VERSION}",
            )
        for name in ("operations", "rows", "inputs", "jumps"):
            if not isinstance(document.get(name, []), list):
                fail(f"{name} is no list", "the document")
        if not document["rows"]:
            fail("there are no rows", "the document")
        self.document = document
        self.names = names
        self.find = names.find
        widest = max(len(row) if isinstance(row, list) else 0 for row in document["rows"])
        self.policies = PolicyReader(names, caches, widest)
        self.inputs: list[Any] = []

    def outline(self) -> Outline:
        document = self.document
        operations = [self._operation(each, f"operations[{at}]") for at, each in enumerate(document["operations"])]
        self.inputs = [
            NO_INPUT if each == FROM_JUMP else self.whole_value(each, f"inputs[{at}]") for at, each in enumerate(document["inputs"])
        ]
        entries = [self._row(each, f"rows[{at}]", operations) for at, each in enumerate(document["rows"])]
        for at, each in enumerate(document.get("jumps", [])):
            self._jumps(each, f"jumps[{at}]", entries)
        self._check_routes(entries)
        self._check_jump_data(entries)
        return Outline(tuple(entries), tuple(self.inputs), len(entries))

    def _row(self, row: Any, where: str, operations: list[Any]) -> Entry:
        if not isinstance(row, list) or not row or any(type(number) is not int for number in row):
            fail("it is no list of integers", where)
        if not 0 <= row[0] < len(operations):
            fail(f"operation {row[0]} is none of the {len(operations)}", where)
        rows = len(self.document["rows"])
        for reference in row[1:]:
            if not -len(self.inputs) <= reference < rows:
                fail(f"reference {reference} leads nowhere", where, expected=f"{-len(self.inputs)} to {rows - 1}")
        operation, references = operations[row[0]], tuple(row[1:])
        if isinstance(operation, _RouterOperation):
            count = len(operation.keys)
            if len(references) != 1 + count + operation.managed.extras:
                fail(f"{len(references)} references for a selector, {count} routes and {operation.managed.extras} more", where)
            routes = tuple(zip(operation.keys, references[1 : 1 + count], strict=True))
            return Entry(operation.managed, (*references[:1], *references[1 + count :]), routes)
        self._check_count(operation, references, where)
        return Entry(operation, references)

    def _check_count(self, operation: Any, references: tuple[int, ...], where: str) -> None:
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
                    fail(f"the route {key!r} is no result of a task", f"rows[{at}]")

    def _jumps(self, value: Any, where: str, entries: list[Entry]) -> None:
        """Makes a row a state."""
        row, ways = value if isinstance(value, list) and len(value) == 2 else (None, None)
        if type(row) is not int or not 0 <= row < len(entries) or not isinstance(ways, list) or not ways:
            fail("it is no row and its jumps", where)
        if entries[row].jumps is not None or not _is_call(entries[row]):
            fail(f"row {row} is no state, or is bound twice", where)
        jumps = []
        for at, way in enumerate(ways):
            key, state = way if isinstance(way, list) and len(way) == 2 else (None, -1)
            if state is not None and (type(state) is not int or not 0 <= state < len(entries) or not _is_call(entries[state])):
                fail("it is no key and a row with a call, or null", f"{where}[1][{at}]")
            jumps.append((self._key(key, f"{where}[1][{at}]"), state))
        _check_distinct([key for key, _ in jumps], where)
        entries[row] = entries[row]._replace(jumps=tuple(jumps))

    def _check_jump_data(self, entries: list[Entry]) -> None:
        """What a Jump gives may only be the first argument of a state that nothing but a Jump leads to."""
        awaiting = {-1 - at for at, value in enumerate(self.inputs) if value is NO_INPUT}
        if not awaiting:
            return
        led_to = {state for entry in entries for _, state in entry.jumps or ()}
        needed = {r for entry in entries for r in (*entry.references, *(route for _, route in entry.routes))} | {len(entries) - 1}
        for at, entry in enumerate(entries):
            misplaced = awaiting.intersection(entry.references[1:])
            if misplaced or awaiting.intersection(entry.references[:1]) and (at not in led_to or at in needed):
                fail("it takes the data of a Jump, and is no state that only a Jump leads to", f"rows[{at}]")

    def _operation(self, value: Any, where: str) -> Any:
        if isinstance(value, dict) and "container" in value:
            check_keys(value, where, ("container",))
            container = CONTAINERS.get(value["container"]) if isinstance(value["container"], str) else None
            if container is None:
                fail(f"container {value['container']!r}", where, expected="one of " + ", ".join(CONTAINERS))
            return container
        if isinstance(value, dict) and "resource" in value:
            check_keys(value, where, ("resource",), ("of",))
            if "of" in value:
                return injection_of(inject(self.find(value["of"], where, lambda found: isinstance(found, Resource), "a resource")))
            if not isinstance(value["resource"], str) or not value["resource"]:
                fail(f"resource {value['resource']!r}", where, expected="a name")
            return injection_of(inject(value["resource"]))
        if isinstance(value, dict) and "router" in value:
            return self._router(value, where)
        if isinstance(value, dict) and "function" in value:
            task = self._task_of_function(value, where)
        else:
            check_keys(value, where, ("task",), KEYS)
            task = self.find(value["task"], where, _is_users, "a task")
        policies = self.policies.read(value, task, where)
        if policies.is_plain:
            return task
        return interned(task, policies, CALL if policies.form is None else MAP)

    def _router(self, value: dict[str, Any], where: str) -> _RouterOperation:
        check_keys(value, where, ("router",), ("conditions", "after"))  # it calls nothing itself
        if not isinstance(value["router"], list) or not value["router"]:
            fail("it has no routes", where)
        keys = [self._key(key, f"{where}.router[{at}]") for at, key in enumerate(value["router"])]
        _check_distinct(keys, where)
        policies = self.policies.read(value, ROUTER, where)._replace(form=RouteShape(len(keys), False))
        return _RouterOperation(interned(ROUTER, policies, ROUTE), tuple(keys))

    def _key(self, value: Any, where: str) -> Any:
        key = self.whole_value(value, where)
        try:
            hash(key)
        except TypeError as error:
            fail(f"it is no key: {error}", where)
        if holds_deferred(key):
            fail("it is no key, but known only when it runs", where)
        return key

    def _task_of_function(self, value: dict[str, Any], where: str) -> Task[..., Any]:
        check_keys(value, where, ("function",), (*TASK_OPTIONS, "defaults", *KEYS))
        if self.names.allow is None:
            fail(
                f"{value['function']} is a function that is no task by itself", where,
                hint="functions are taken only if they are allowed: from_json(text, allow=[...])",
            )
        function = self.find(value["function"], where, callable, "a function")
        if isinstance(function, Task):
            function = function.func
        if isinstance(function, type):
            fail(f"{value['function']} is a class", where, expected="a function")
        options = {name: value[name] for name in TASK_OPTIONS if name in value}
        for name, kinds in (("name", str), ("pure", bool), ("mode", str), ("lower", (bool, types.NoneType))):
            if name in options and not isinstance(options[name], kinds):
                fail(f"{name} is {options[name]!r}", where)
        if options.get("mode", "inline") not in MODES:
            fail(f"mode is {options['mode']!r}", where, expected="one of " + ", ".join(MODES))
        if "defaults" in value:
            check_keys(value["defaults"], f"{where}.defaults", (), DEFAULTS)
            defaults = self.policies.read(value["defaults"], Task(function), f"{where}.defaults")
            options |= {name: getattr(defaults, name) for name in DEFAULTS} | {"constraints": dict(defaults.constraints)}
        try:
            return Task(function, **options)
        except CascadeError as error:
            fail(error.what, where, error.expected, error.hint)

    # -- Values

    def whole_value(self, value: Any, where: str) -> Any:
        self.shared: dict[int, Any] = {}
        return self.value(value, where)

    def value(self, value: Any, where: str) -> Any:
        if isinstance(value, list):
            return [self.value(item, f"{where}[{at}]") for at, item in enumerate(value)]
        if not isinstance(value, dict):
            return value
        mark = next((key for key in value if key.startswith("$")), None)
        if mark is None:
            return {key: self.value(item, f"{where}.{key}") for key, item in value.items()}
        if mark == "$enum":
            check_keys(value, where, (mark, "name"))
            kind = self.find(value[mark], where, _is_enum, "an enumeration")
            if not isinstance(value["name"], str) or value["name"] not in kind.__members__:
                fail(f"{value['name']!r} is no member", where, expected="one of " + ", ".join(kind.__members__))
            return kind.__members__[value["name"]]
        if mark in ("$dataclass", "$namedtuple"):
            return self._instance(value, mark, where)
        if mark == "$shared":
            return self._shared(value, where)
        check_keys(value, where, (mark,))
        if mark[1:] in TEXT_FORMS:
            if not isinstance(value[mark], str):
                fail("it is no text", f"{where}.{mark}")
            try:
                return TEXT_FORMS[mark[1:]].read(value[mark])
            except (ValueError, ArithmeticError) as error:
                fail(f"it is malformed: {error}", f"{where}.{mark}")
        decode = getattr(self, f"_decode_{mark[1:]}", None) if mark[1:] in MARKS else None
        if decode is None:
            fail(f"{mark!r} is unknown", where, expected="one of " + ", ".join(f"${name}" for name in (*MARKS, *TEXT_FORMS)))
        try:
            return decode(value[mark], f"{where}.{mark}")
        except (TypeError, ValueError, binascii.Error) as error:
            if isinstance(error, SerializationError):
                raise
            fail(f"it is malformed: {error}", f"{where}.{mark}")

    def _items(self, value: Any, where: str) -> list[Any]:
        if not isinstance(value, list):
            fail(f"it is a {type(value).__name__}", where, expected="a list")
        return [self.value(item, f"{where}[{at}]") for at, item in enumerate(value)]

    def _shared(self, value: dict[str, Any], where: str) -> Any:
        check_keys(value, where, ("$shared", "value"))
        number = value["$shared"]
        if type(number) is not int or number in self.shared:
            fail(f"the number {number!r}", f"{where}.$shared", expected="a number that no other has")
        self.shared[number] = made = self.value(value["value"], f"{where}.value")
        return made

    def _decode_again(self, value: Any, where: str) -> Any:
        if type(value) is not int or value not in self.shared:
            fail(f"the number {value!r}", where, expected="that of a value that was shared before")
        return self.shared[value]

    def _decode_float(self, value: Any, where: str) -> float:
        if value not in ("nan", "inf", "-inf"):
            fail(f"{value!r}", where, expected="nan, inf or -inf")
        return float(value)

    def _decode_int(self, value: Any, where: str) -> int:
        return int(value, 16)

    def _decode_complex(self, value: Any, where: str) -> complex:
        real, imaginary = self._items(value, where)
        if type(real) is not float or type(imaginary) is not float:
            fail("it is no pair of floats", where)
        return complex(real, imaginary)

    def _decode_bytes(self, value: Any, where: str) -> bytes:
        return base64.b64decode(value, validate=True)

    def _decode_tuple(self, value: Any, where: str) -> tuple[Any, ...]:
        return tuple(self._items(value, where))

    def _decode_set(self, value: Any, where: str) -> set[Any]:
        return set(self._items(value, where))

    def _decode_frozenset(self, value: Any, where: str) -> frozenset[Any]:
        return frozenset(self._items(value, where))

    def _decode_dict(self, value: Any, where: str) -> dict[Any, Any]:
        pairs = self._items(value, where)
        if any(not isinstance(pair, list) or len(pair) != 2 for pair in pairs):
            fail("it is no list of pairs", where)
        return {key: item for key, item in pairs}

    def _decode_param(self, value: Any, where: str) -> LazyResult[Any]:
        return self._input("parameter", value, where)

    def _decode_env(self, value: Any, where: str) -> LazyResult[Any]:
        return self._input("environment variable", value, where)

    def _input(self, kind: str, value: Any, where: str) -> LazyResult[Any]:
        check_keys(value, where, ("name",), ("default", "type", "description"))
        from cascade.declare.inputs import Env, Param

        default = self.value(value["default"], f"{where}.default") if "default" in value else REQUIRED
        declare: Any = Param if kind == "parameter" else Env
        lazy: LazyResult[Any] = declare(
            value["name"], default, type=self._type(value["type"], f"{where}.type") if "type" in value else None,
            description=value.get("description", ""),
        )
        return lazy

    def _type(self, value: Any, where: str) -> Any:
        if isinstance(value, str):
            module, _, name = value.partition(":")
            if name in SAFE_TYPES.get(module, ()):
                return getattr(import_module(module), name)
            return self.find(value, where, lambda found: isinstance(found, type), "a type")
        check_keys(value, where, ("form",), ("of",))
        form, members = value["form"], value.get("of", [])
        if form in ("Any", "..."):
            return Any if form == "Any" else Ellipsis
        if not isinstance(members, list) or not members:
            fail("it has no members", where)
        if form == "Literal":
            return typing.Literal[tuple(self._items(members, where))]
        kinds = [self._type(member, f"{where}.of[{at}]") for at, member in enumerate(members)]
        if form == "Union":
            return functools.reduce(operator.or_, kinds)
        if form == "generic" and isinstance(kinds[0], type) and len(kinds) > 1:
            return types.GenericAlias(kinds[0], tuple(kinds[1:]))
        fail(f"form {form!r}", where, expected="Any, Union, Literal or generic")

    def _instance(self, value: dict[str, Any], mark: str, where: str) -> Any:
        content = "fields" if mark == "$dataclass" else "items"
        check_keys(value, where, (mark, content))
        if mark == "$dataclass":
            kind = self.find(value[mark], where, _is_dataclass, "a dataclass")
            names = [field.name for field in dataclasses.fields(kind)]
            check_keys(value[content], f"{where}.fields", (), tuple(names))
            # As a copy is made: its __init__ has run where it was written.
            try:
                instance = object.__new__(kind)
            except TypeError as error:
                fail(f"{value[mark]} is not only a dataclass: {error}", where, expected="a dataclass that is nothing else")
            for name, item in value[content].items():
                object.__setattr__(instance, name, self.value(item, f"{where}.fields.{name}"))
            return instance
        kind = self.find(value[mark], where, _is_namedtuple, "a named tuple")
        items = self._items(value[content], f"{where}.items")
        if len(items) != len(kind._fields):
            fail(f"{len(items)} items for {len(kind._fields)} fields", where)
        return tuple.__new__(kind, items)


HEAP_TYPE = 1 << 9  # of a class that is not built in: Py_TPFLAGS_HEAPTYPE
MARKS = ("float", "int", "complex", "bytes", "tuple", "set", "frozenset", "dict", "again", "param", "env")


class _RouterOperation(NamedTuple):
    managed: Managed
    keys: tuple[Any, ...]


def _is_users(found: Any) -> bool:
    if not isinstance(found, Task) or isinstance(found, BoundTask):
        return False
    return found.takes_policies and found is not ROUTER and found is not EITHER_TASK


def _is_result(entry: Entry) -> bool:
    """Whether an entry is a LazyResult."""
    return entry.operation is EITHER or not isinstance(entry.operation, Container)


def _is_call(entry: Entry) -> bool:
    """Whether an entry can be a state."""
    return not isinstance(entry.operation, (Container, Injection)) and not entry.is_router


def _check_distinct(keys: list[Any], where: str) -> None:
    if len(set(keys)) < len(keys):
        fail("a key stands twice", where)


def _is_enum(found: Any) -> bool:
    return isinstance(found, enum.EnumMeta)


def _is_dataclass(found: Any) -> bool:
    return isinstance(found, type) and "__dataclass_fields__" in vars(found)


def _is_plain(kind: type) -> bool:
    """Whether a class has only classes that are written in Python above it: others hold more than attributes."""
    return all(base is object or base.__flags__ & HEAP_TYPE for base in kind.__mro__)


def _is_namedtuple(found: Any) -> bool:
    return isinstance(found, type) and issubclass(found, tuple) and hasattr(found, "_fields")
