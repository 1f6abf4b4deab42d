"""Values as JSON, and inputs with their types.

Those that JSON has no form for are objects with one key that begins with `$`.
"""

from __future__ import annotations

import base64
import dataclasses
import datetime
import decimal
import enum
import json
import pathlib
import types
import typing
import uuid
from collections.abc import Callable
from typing import Any, NamedTuple

from cascade._vm import find_in_class, holds_deferred
from cascade.declare.inputs import Input, input_of
from cascade.errors import SerializationError
from cascade.graph.containers import is_container
from cascade.graph.serialize.names import class_path, resolve_loaded
from cascade.graph.serialize.sharing import Nest

INT_BITS = 10_000
"""Python refuses to read and write decimal numbers of many more; they are written in hexadecimal."""


class TextForm(NamedTuple):
    """A type whose values are written as text."""

    kind: type
    write: Callable[[Any], str]
    read: Callable[[str], object]


TEXT_FORMS = {
    "date": TextForm(datetime.date, datetime.date.isoformat, datetime.date.fromisoformat),
    "datetime": TextForm(datetime.datetime, datetime.datetime.isoformat, datetime.datetime.fromisoformat),
    "time": TextForm(datetime.time, datetime.time.isoformat, datetime.time.fromisoformat),
    "decimal": TextForm(decimal.Decimal, str, decimal.Decimal),
    "uuid": TextForm(uuid.UUID, str, uuid.UUID),
    "path": TextForm(type(pathlib.Path()), str, pathlib.Path),
}

TEXT_FORMS_OF = {form.kind: name for name, form in TEXT_FORMS.items()}


def encode_value(value: object, where: str | Callable[[], str]) -> object:
    """Returns the JSON form of a value; errors say where it stands."""
    try:
        return _encode(value, Nest(value))
    except RecursionError:
        error = SerializationError("it nests too deep for JSON")
    except SerializationError as raised:
        error = raised
    raise SerializationError(
        error.what, where=where if isinstance(where, str) else where(), expected=error.expected, hint=error.hint
    )


def _encode(value: object, nest: Nest) -> object:
    kind = type(value)
    if value is None or kind in (bool, str):
        return value
    if type(value) is int:
        return value if value.bit_length() < INT_BITS else {"$int": hex(value)}
    if type(value) is float:
        return value if value - value == 0 else {"$float": repr(value)}
    if type(value) is complex:
        return {"$complex": [_encode(value.real, nest), _encode(value.imag, nest)]}
    if type(value) is slice:
        return {"$slice": [_encode(bound, nest) for bound in (value.start, value.stop, value.step)]}
    if type(value) is bytes:
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
            f"a {kind.__name__} has no JSON form",
            expected="plain values, containers and dataclasses",
            hint="declare it as an input, cascade.Param(...), or have a task make it",
        )
    if id(value) in nest.around:
        raise SerializationError("a container holds itself")
    if nest.is_shared(value):
        number, known = nest.number(value)
        return {"$again": number} if known else {"$shared": number, "value": _encode_around(value, kind, nest)}
    return _encode_around(value, kind, nest)


def _encode_around(value: object, kind: type, nest: Nest) -> object:
    nest.around.add(id(value))
    try:
        return _encode_container(value, kind, nest)
    finally:
        nest.around.discard(id(value))


def _encode_container(value: object, kind: type, nest: Nest) -> object:
    if type(value) is list:
        return [_encode(item, nest) for item in value]
    if type(value) is dict:
        if all(type(key) is str and not key.startswith("$") for key in value):
            return {key: _encode(item, nest) for key, item in value.items()}
        return {"$dict": [[_encode(key, nest), _encode(item, nest)] for key, item in value.items()]}
    if type(value) is tuple:
        return {"$tuple": [_encode(item, nest) for item in value]}
    if type(value) is set or type(value) is frozenset:
        inner = nest.of_set(value)
        # A set's own order differs from process to process.
        return {f"${kind.__name__}": sorted([_encode(item, inner) for item in value], key=json.dumps)}
    path = class_path(kind)
    if find_in_class(kind, "__dataclass_fields__") is not None and not isinstance(
        value, (list, tuple, dict, set, frozenset)
    ):
        if not is_plain_dataclass(kind):
            raise SerializationError(
                f"a {kind.__name__} has no JSON form",
                expected="dataclasses that are nothing else",
                hint="an exception, say, holds more than its fields",
            )
        names = [field.name for field in dataclasses.fields(kind) if hasattr(value, field.name)]
        return {"$dataclass": path, "fields": {name: _encode_part(getattr(value, name), nest) for name in names}}
    if isinstance(value, tuple) and hasattr(kind, "_fields"):
        return {"$namedtuple": path, "items": [_encode_part(item, nest) for item in value]}
    raise SerializationError(f"a {kind.__name__}, which is a subclass of a container, has no JSON form")


def _encode_part(value: object, nest: Nest) -> object:
    # Of a container whose parts a row fills in: what stands there until then is None.
    return None if holds_deferred(value) else _encode(value, nest)


def _encode_input(declared: Input, nest: Nest) -> dict[str, object]:
    described: dict[str, object] = {"name": declared.name}
    if not declared.required:
        described["default"] = _encode(declared.default, nest)
    if declared.type is not None:
        described["type"] = _encode_type(declared.type)
    if declared.description:
        described["description"] = declared.description
    return {"$param" if declared.kind == "parameter" else "$env": described}


def _encode_type(kind: object) -> object:
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
        raise SerializationError(
            f"type {kind!r} cannot be found by its name", expected="a type at the top level of a module"
        )
    return path


HEAP_TYPE = 1 << 9  # of a class that is not built in: Py_TPFLAGS_HEAPTYPE


def is_plain_dataclass(kind: type) -> bool:
    """Whether a class has only classes that are written in Python above it: others hold more than attributes."""
    return all(base is object or base.__flags__ & HEAP_TYPE for base in kind.__mro__)
