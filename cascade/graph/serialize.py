"""Graphs as JSON.

    {"format": "cascade-graph", "version": 1,
     "operations": [{"task": "my.module:load"}, {"container": "list"}, {"task": "my.module:total"}],
     "rows": [[0], [1, 0, -1], [2, 1]],
     "inputs": [5]}

`rows` are those of the graph (`cascade.graph.model`), each with the number of its operation first. Values that JSON has
no form for are objects with one key that begins with `$`. Functions and classes are named by `module:qualname`; reading
imports a module only if the caller's allow-list holds it, and calls nothing.
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
import sys
import types
import typing
import uuid
from collections.abc import Callable, Iterable
from importlib import import_module
from typing import Any, NamedTuple

from cascade.errors import CycleError, SerializationError
from cascade.graph.build import build_graph
from cascade.graph.model import DICT, LIST, REBUILT, SET, TUPLE, Container, Graph, Row, is_container, operand_names, parts
from cascade.spec.inputs import REQUIRED, Input, input_of
from cascade.spec.lazy import LazyResult, lazy_result
from cascade.spec.resources import Injection, Resource, inject, injection_of
from cascade.spec.task import MODES, Task

FORMAT, VERSION = "cascade-graph", 1
CONTAINERS = {each.name: each for each in (LIST, TUPLE, SET, DICT, REBUILT)}
TASK_OPTIONS = ("name", "pure", "mode", "lower")
INT_BITS = 10_000
"""Python refuses to read and write decimal numbers of many more; they are written in hexadecimal."""


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


def to_json(target: Any, *, indent: int | None = None) -> str:
    """Writes a graph as JSON.

    Args:
        target: a Graph, a LazyResult, or a list or tuple of LazyResults.
        indent: spaces for each level, to be read by people.

    Raises:
        SerializationError: (a ValueError) a task cannot be found by its name, or an argument has no JSON form; the
            message names the task and the parameter.
    """
    graph = target if isinstance(target, Graph) else build_graph(target)
    operations: dict[Any, int] = {}
    described: list[Any] = []
    rows = []
    for row in graph.rows:
        number = operations.get(row[0])
        if number is None:
            number = operations[row[0]] = len(described)
            described.append(_describe(row[0]))
        rows.append([number, *row[1:]])
    inputs = []
    users = _users(graph)
    for number, value in enumerate(graph.inputs):
        try:
            inputs.append(_encode(value, set()))
        except RecursionError:
            raise SerializationError("it nests too deep for JSON", where=users(number)) from None
        except SerializationError as error:
            raise SerializationError(error.what, where=users(number), expected=error.expected, hint=error.hint) from None
    document = {"format": FORMAT, "version": VERSION, "operations": described, "rows": rows, "inputs": inputs}
    return json.dumps(document, indent=indent, allow_nan=False)


def from_json(text: str | bytes, *, allow: Iterable[str] | None = None) -> Graph:
    """Reads a graph that `to_json` wrote; `cascade.run` takes it.

    Args:
        text: the JSON.
        allow: the modules and `module:qualname`s that it may name; a name that ends in `.*` stands for all modules of
            a package. Only these are imported. By default nothing is imported: it may name tasks, resources and
            dataclasses of modules that are imported already.

    Raises:
        SerializationError: (a ValueError) it is no graph, is malformed, or names what is not allowed.
        CycleError: (a ValueError) the graph depends on itself.
    """
    reader = _Reader(None if allow is None else [*allow])
    try:
        document = json.loads(text, object_pairs_hook=_unique, parse_constant=_no_constant)
        graph = reader.graph(document)
    except RecursionError:
        raise SerializationError("the JSON nests too deep") from None
    except SerializationError:
        raise
    except ValueError as error:
        if isinstance(error, CycleError):
            raise
        raise SerializationError(f"it is no JSON: {error}") from None
    try:
        target_of(graph)
    except (TypeError, RecursionError) as error:
        raise SerializationError(f"it cannot be put together: {error}", hint="keys and members of sets have to be hashable") from None
    return graph


def target_of(graph: Graph) -> Any:
    """The target that a graph was built from: a LazyResult, or a list of them.

    Raises:
        CycleError: (a ValueError) the graph depends on itself.
    """
    rows = graph.rows
    made: dict[int, Any] = {}
    path: dict[int, None] = {}  # entered and not made: in order, from the root
    stack = [len(rows) - 1]
    while stack:
        index = stack[-1]
        if index in made:
            stack.pop()
        elif index in path:
            # Everything that it needs is made.
            stack.pop()
            del path[index]
            made[index] = _made(rows[index], [graph.inputs[-1 - r] if r < 0 else made[r] for r in rows[index][1:]])
        else:
            path[index] = None
            for reference in reversed(rows[index][1:]):
                if reference in path:
                    cycle = [*path][[*path].index(reference) :]
                    raise CycleError([graph.label(each) for each in (*cycle, reference)])
                if reference >= 0 and reference not in made:
                    stack.append(reference)
    return made[len(rows) - 1]


def _made(row: Row, values: list[Any]) -> Any:
    if isinstance(row[0], Container):
        return row[0].make(values)
    return lazy_result(row[0], tuple(values))


# -- Writing ----------------------------------------------------------------------------------------------------------


def _users(graph: Graph) -> Callable[[int], str]:
    def name(number: int) -> str:
        for index, row in enumerate(graph.rows):
            for position, reference in enumerate(row[1:]):
                if reference == -1 - number:
                    names = operand_names(row[0])
                    if position < len(names):
                        return f"argument {names[position]!r} of {graph.label(index)}"
                    return f"a {row[0].name} in an argument"
        return f"input {number}"

    return name


def _describe(operation: Any) -> dict[str, Any]:
    if isinstance(operation, Container):
        return {"container": operation.name}
    if isinstance(operation, Injection):
        described: dict[str, Any] = {"resource": operation.name}
        if operation.resource is not None:
            described["of"] = _path_of(operation.resource, operation.resource.func, f"resource {operation.name!r}")
        return described
    if not isinstance(operation, Task):
        raise SerializationError(f"{operation!r} has no JSON form", where=f"task {operation.name!r}", expected="a plain call of a task")
    path = _path_of(operation, operation.func, f"task {operation.name!r}")
    if _resolve_loaded(path) is operation:
        return {"task": path}
    options = {name: getattr(operation, name) for name in TASK_OPTIONS}
    return {"function": path, **options}


def _path_of(thing: Any, function: Any, where: str) -> str:
    module, qualname = getattr(function, "__module__", None), getattr(function, "__qualname__", None)
    path = f"{module}:{qualname}"
    found = _resolve_loaded(path) if isinstance(module, str) and isinstance(qualname, str) else None
    if found is None or (found is not thing and found is not function):
        raise SerializationError(
            f"{path} does not lead to its function, so it cannot be found again", where=where,
            expected="a function at the top level of a module, or in a class there",
            hint="lambdas and functions inside functions have no name that can be looked up",
        )
    return path


def _resolve_loaded(path: str) -> Any:
    module, _, qualname = path.partition(":")
    found = sys.modules.get(module)
    for name in qualname.split("."):
        found = getattr(found, name, None)
    return found


def _encode(value: Any, inside: set[int]) -> Any:
    kind = type(value)
    if value is None or kind in (bool, str):
        return value
    if kind is int:
        return value if value.bit_length() < INT_BITS else {"$int": hex(value)}
    if kind is float:
        return value if value - value == 0 else {"$float": repr(value)}
    if kind is complex:
        return {"$complex": [_encode(value.real, inside), _encode(value.imag, inside)]}
    if kind is bytes:
        return {"$bytes": base64.b64encode(value).decode()}
    text_form = TEXT_FORMS_OF.get(kind)
    if text_form is not None:
        return {f"${text_form}": TEXT_FORMS[text_form].write(value)}
    declared = input_of(value)
    if declared is not None:
        return _encode_input(declared, inside)
    if isinstance(value, enum.Enum):
        return {"$enum": _class_path(kind), "name": value.name}
    if not is_container(value):
        raise SerializationError(
            f"a {kind.__name__} has no JSON form", expected="plain values, containers and dataclasses",
            hint="declare it as an input, cascade.Param(...), or have a task make it",
        )
    if id(value) in inside:
        raise SerializationError("a container holds itself")
    inside.add(id(value))
    try:
        return _encode_container(value, kind, inside)
    finally:
        inside.discard(id(value))


def _encode_container(value: Any, kind: type, inside: set[int]) -> Any:
    if kind is list:
        return [_encode(item, inside) for item in value]
    if kind is dict:
        if all(type(key) is str and not key.startswith("$") for key in value):
            return {key: _encode(item, inside) for key, item in value.items()}
        return {"$dict": [[_encode(key, inside), _encode(item, inside)] for key, item in value.items()]}
    if kind in (tuple, set, frozenset):
        items = [_encode(item, inside) for item in value]
        # A set's own order differs from process to process.
        return {f"${kind.__name__}": items if kind is tuple else sorted(items, key=json.dumps)}
    path = _class_path(kind)
    if dataclasses.is_dataclass(kind) and not isinstance(value, (list, tuple, dict, set, frozenset)):
        names = [field.name for field in dataclasses.fields(kind) if hasattr(value, field.name)]
        return {"$dataclass": path, "fields": {name: _encode_part(getattr(value, name), inside) for name in names}}
    if isinstance(value, tuple) and hasattr(kind, "_fields"):
        return {"$namedtuple": path, "items": [_encode_part(item, inside) for item in value]}
    raise SerializationError(f"a {kind.__name__}, which is a subclass of a container, has no JSON form")


def _class_path(kind: type) -> str:
    path = f"{kind.__module__}:{kind.__qualname__}"
    if _resolve_loaded(path) is not kind:
        raise SerializationError(f"class {path} cannot be found by its name", expected="a class at the top level of a module")
    return path


def _encode_part(value: Any, inside: set[int]) -> Any:
    # Of a container whose parts a row fills in: what stands there until then is None.
    if type(value) is LazyResult and input_of(value) is None:
        return None
    if is_container(value) and any(type(part) is LazyResult for part in parts(value)):
        return None
    return _encode(value, inside)


def _encode_input(declared: Input, inside: set[int]) -> dict[str, Any]:
    described: dict[str, Any] = {"name": declared.name}
    if not declared.required:
        described["default"] = _encode(declared.default, inside)
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
        return {"form": "Literal", "of": [_encode(each, set()) for each in arguments]}
    if origin is typing.Annotated:
        return _encode_type(arguments[0])
    if origin is not None:
        return {"form": "generic", "of": [_encode_type(origin), *map(_encode_type, arguments)]}
    if kind is types.NoneType:
        return "types:NoneType"
    path = f"{getattr(kind, '__module__', '')}:{getattr(kind, '__qualname__', '')}"
    if _resolve_loaded(path) is not kind:
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


def _fail(what: str, where: str, expected: str | None = None, hint: str | None = None) -> typing.NoReturn:
    raise SerializationError(what, where=where, expected=expected, hint=hint)


class _Reader:
    def __init__(self, allow: list[str] | None) -> None:
        for entry in allow or ():
            if not isinstance(entry, str) or not entry:
                raise SerializationError(f"allow holds {entry!r}", expected="names of modules, or 'module:qualname'")
        self.allow = allow

    def graph(self, document: Any) -> Graph:
        self._keys(document, "the document", ("format", "version", "operations", "rows", "inputs"))
        if document["format"] != FORMAT or document["version"] != VERSION or type(document["version"]) is not int:
            _fail(
                f"format {document['format']!r}, version {document['version']!r}", "the document",
                expected=f"format {FORMAT!r}, version {VERSION}",
            )
        for name in ("operations", "rows", "inputs"):
            if not isinstance(document[name], list):
                _fail(f"{name} is no list", "the document")
        if not document["rows"]:
            _fail("there are no rows", "the document")
        operations = [self._operation(each, f"operations[{at}]") for at, each in enumerate(document["operations"])]
        inputs = [self.value(each, f"inputs[{at}]") for at, each in enumerate(document["inputs"])]
        count = len(document["rows"])
        rows = [self._row(each, f"rows[{at}]", operations, inputs, count) for at, each in enumerate(document["rows"])]
        return Graph(tuple(rows), tuple(inputs))

    def _keys(self, value: Any, where: str, required: tuple[str, ...], optional: tuple[str, ...] = ()) -> None:
        if not isinstance(value, dict):
            _fail(f"it is a {type(value).__name__}", where, expected="an object with the keys " + ", ".join(required))
        missing = [name for name in required if name not in value]
        unknown = [name for name in value if name not in required and name not in optional]
        if missing or unknown:
            _fail(
                "; ".join(f"{word} {', '.join(map(repr, names))}" for word, names in (("missing", missing), ("unknown", unknown)) if names),
                where, expected="the keys " + ", ".join((*required, *optional)),
            )

    def _row(self, row: Any, where: str, operations: list[Any], inputs: list[Any], count: int) -> Row:
        if not isinstance(row, list) or not row or any(type(number) is not int for number in row):
            _fail("it is no list of integers", where)
        if not 0 <= row[0] < len(operations):
            _fail(f"operation {row[0]} is none of the {len(operations)}", where)
        for reference in row[1:]:
            if not -len(inputs) <= reference < count:
                _fail(f"reference {reference} leads nowhere", where, expected=f"{-len(inputs)} to {count - 1}")
        operation, given = operations[row[0]], len(row) - 1
        if isinstance(operation, Task):
            wanted = 0 if isinstance(operation, Injection) else len(operation.binder.parameters)
            if given != wanted:
                _fail(f"{operation.name} has {wanted} parameters, {given} are given", where)
        elif operation is DICT and given % 2:
            _fail("keys and values do not come in pairs", where)
        elif operation is REBUILT:
            original = inputs[-1 - row[1]] if given and row[1] < 0 else None
            if not is_container(original) or len(parts(original)) != given - 1:
                _fail("what is rebuilt does not fit its parts", where)
        return (operation, *row[1:])

    # -- Names

    def find(self, path: Any, where: str, accept: Callable[[Any], bool], what: str) -> Any:
        """What `module:qualname` names, if that is allowed; `accept` says whether it is the right kind of thing."""
        if not isinstance(path, str) or path.count(":") != 1 or not all(
            part.isidentifier() for side in path.split(":") for part in side.split(".")
        ):
            _fail(f"{path!r} names nothing", where, expected="module:qualname")
        module, _, qualname = path.partition(":")
        if self.allow is not None:
            if not any(_matches(entry, path, module) for entry in self.allow):
                _fail(f"{path} is not allowed", where, expected="one of " + (", ".join(self.allow) or "nothing: the list is empty"))
            if module not in sys.modules:
                try:
                    import_module(module)
                except ImportError as error:
                    _fail(f"module {module} cannot be imported: {error}", where)
        elif module not in sys.modules:
            _fail(
                f"module {module} is not imported", where,
                expected="tasks of modules that are imported already, as no allow-list is given",
                hint=f"import it, or allow it: from_json(text, allow=[{module!r}])",
            )
        found: Any = sys.modules[module]
        for name in qualname.split("."):
            # Looked up in the namespace, so that no descriptor and no __getattr__ runs.
            space = getattr(found, "__dict__", None)
            if not isinstance(found, (types.ModuleType, type)) or space is None or name not in space:
                _fail(f"{path} does not exist", where)
            found = space[name]
        found = found.__func__ if isinstance(found, (staticmethod, classmethod)) and what == "a function" else found
        if not accept(found):
            _fail(f"{path} is a {type(found).__name__}", where, expected=what)
        return found

    def _operation(self, value: Any, where: str) -> Any:
        if isinstance(value, dict) and "container" in value:
            self._keys(value, where, ("container",))
            container = CONTAINERS.get(value["container"]) if isinstance(value["container"], str) else None
            if container is None:
                _fail(f"container {value['container']!r}", where, expected="one of " + ", ".join(CONTAINERS))
            return container
        if isinstance(value, dict) and "resource" in value:
            self._keys(value, where, ("resource",), ("of",))
            if "of" in value:
                return injection_of(inject(self.find(value["of"], where, lambda found: isinstance(found, Resource), "a resource")))
            if not isinstance(value["resource"], str) or not value["resource"]:
                _fail(f"resource {value['resource']!r}", where, expected="a name")
            return injection_of(inject(value["resource"]))
        if isinstance(value, dict) and "function" in value:
            return self._task_of_function(value, where)
        self._keys(value, where, ("task",))
        return self.find(value["task"], where, lambda found: isinstance(found, Task), "a task")

    def _task_of_function(self, value: dict[str, Any], where: str) -> Task[..., Any]:
        self._keys(value, where, ("function",), TASK_OPTIONS)
        if self.allow is None:
            _fail(
                f"{value['function']} is a function that is no task by itself", where,
                hint="functions are taken only if they are allowed: from_json(text, allow=[...])",
            )
        function = self.find(value["function"], where, callable, "a function")
        if isinstance(function, Task):
            function = function.func
        if isinstance(function, type):
            _fail(f"{value['function']} is a class", where, expected="a function")
        options = {name: value[name] for name in TASK_OPTIONS if name in value}
        for name, kinds in (("name", str), ("pure", bool), ("mode", str), ("lower", (bool, types.NoneType))):
            if name in options and not isinstance(options[name], kinds):
                _fail(f"{name} is {options[name]!r}", where)
        if options.get("mode", "inline") not in MODES:
            _fail(f"mode is {options['mode']!r}", where, expected="one of " + ", ".join(MODES))
        return Task(function, **options)

    # -- Values

    def value(self, value: Any, where: str) -> Any:
        if isinstance(value, list):
            return [self.value(item, f"{where}[{at}]") for at, item in enumerate(value)]
        if not isinstance(value, dict):
            return value
        mark = next((key for key in value if key.startswith("$")), None)
        if mark is None:
            return {key: self.value(item, f"{where}.{key}") for key, item in value.items()}
        if mark == "$enum":
            self._keys(value, where, (mark, "name"))
            kind = self.find(value[mark], where, _is_enum, "an enumeration")
            if not isinstance(value["name"], str) or value["name"] not in kind.__members__:
                _fail(f"{value['name']!r} is no member", where, expected="one of " + ", ".join(kind.__members__))
            return kind.__members__[value["name"]]
        if mark in ("$dataclass", "$namedtuple"):
            return self._instance(value, mark, where)
        self._keys(value, where, (mark,))
        if mark[1:] in TEXT_FORMS:
            if not isinstance(value[mark], str):
                _fail("it is no text", f"{where}.{mark}")
            try:
                return TEXT_FORMS[mark[1:]].read(value[mark])
            except (ValueError, ArithmeticError) as error:
                _fail(f"it is malformed: {error}", f"{where}.{mark}")
        decode = getattr(self, f"_decode_{mark[1:]}", None) if mark[1:] in MARKS else None
        if decode is None:
            _fail(f"{mark!r} is unknown", where, expected="one of " + ", ".join(f"${name}" for name in (*MARKS, *TEXT_FORMS)))
        try:
            return decode(value[mark], f"{where}.{mark}")
        except (TypeError, ValueError, binascii.Error) as error:
            if isinstance(error, SerializationError):
                raise
            _fail(f"it is malformed: {error}", f"{where}.{mark}")

    def _items(self, value: Any, where: str) -> list[Any]:
        if not isinstance(value, list):
            _fail(f"it is a {type(value).__name__}", where, expected="a list")
        return [self.value(item, f"{where}[{at}]") for at, item in enumerate(value)]

    def _decode_float(self, value: Any, where: str) -> float:
        if value not in ("nan", "inf", "-inf"):
            _fail(f"{value!r}", where, expected="nan, inf or -inf")
        return float(value)

    def _decode_int(self, value: Any, where: str) -> int:
        return int(value, 16)

    def _decode_complex(self, value: Any, where: str) -> complex:
        real, imaginary = self._items(value, where)
        if type(real) is not float or type(imaginary) is not float:
            _fail("it is no pair of floats", where)
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
            _fail("it is no list of pairs", where)
        return {key: item for key, item in pairs}

    def _decode_param(self, value: Any, where: str) -> LazyResult[Any]:
        return self._input("parameter", value, where)

    def _decode_env(self, value: Any, where: str) -> LazyResult[Any]:
        return self._input("environment variable", value, where)

    def _input(self, kind: str, value: Any, where: str) -> LazyResult[Any]:
        self._keys(value, where, ("name",), ("default", "type", "description"))
        from cascade.spec.inputs import Env, Param

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
        self._keys(value, where, ("form",), ("of",))
        form, members = value["form"], value.get("of", [])
        if form in ("Any", "..."):
            return Any if form == "Any" else Ellipsis
        if not isinstance(members, list) or not members:
            _fail("it has no members", where)
        if form == "Literal":
            return typing.Literal[tuple(self._items(members, where))]
        kinds = [self._type(member, f"{where}.of[{at}]") for at, member in enumerate(members)]
        if form == "Union":
            return functools.reduce(operator.or_, kinds)
        if form == "generic" and isinstance(kinds[0], type) and len(kinds) > 1:
            return types.GenericAlias(kinds[0], tuple(kinds[1:]))
        _fail(f"form {form!r}", where, expected="Any, Union, Literal or generic")

    def _instance(self, value: dict[str, Any], mark: str, where: str) -> Any:
        content = "fields" if mark == "$dataclass" else "items"
        self._keys(value, where, (mark, content))
        if mark == "$dataclass":
            kind = self.find(value[mark], where, _is_dataclass, "a dataclass")
            names = [field.name for field in dataclasses.fields(kind)]
            self._keys(value[content], f"{where}.fields", (), tuple(names))
            # As a copy is made: its __init__ has run where it was written.
            instance = object.__new__(kind)
            for name, item in value[content].items():
                object.__setattr__(instance, name, self.value(item, f"{where}.fields.{name}"))
            return instance
        kind = self.find(value[mark], where, _is_namedtuple, "a named tuple")
        items = self._items(value[content], f"{where}.items")
        if len(items) != len(kind._fields):
            _fail(f"{len(items)} items for {len(kind._fields)} fields", where)
        return tuple.__new__(kind, items)


MARKS = ("float", "int", "complex", "bytes", "tuple", "set", "frozenset", "dict", "param", "env")


def _matches(entry: str, path: str, module: str) -> bool:
    if entry.endswith(".*"):
        return module == entry[:-2] or module.startswith(entry[:-1])
    return entry in (path, module)


def _is_enum(found: Any) -> bool:
    return isinstance(found, enum.EnumMeta)


def _is_dataclass(found: Any) -> bool:
    return isinstance(found, type) and "__dataclass_fields__" in vars(found)


def _is_namedtuple(found: Any) -> bool:
    return isinstance(found, type) and issubclass(found, tuple) and hasattr(found, "_fields")
