"""Reads values that `cascade.graph.serialize.values` wrote. Only names in the allow-list are looked up, and nothing is called."""

from __future__ import annotations

import base64
import binascii
import dataclasses
import enum
import functools
import operator
import types
import typing
from importlib import import_module
from typing import TYPE_CHECKING, Any, TypeGuard, cast

from cascade.declare.inputs import REQUIRED
from cascade.declare.lazy import LazyResult
from cascade.errors import SerializationError
from cascade.graph.serialize.names import Names, check_keys, fail
from cascade.graph.serialize.values import TEXT_FORMS

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

    class _NamedTuple(tuple[object, ...]):
        _fields: tuple[str, ...]


SAFE_TYPES = {
    "builtins": (
        "int",
        "float",
        "str",
        "bool",
        "bytes",
        "complex",
        "list",
        "tuple",
        "dict",
        "set",
        "frozenset",
        "object",
    ),
    "datetime": ("date", "datetime", "time", "timedelta"),
    "decimal": ("Decimal",),
    "fractions": ("Fraction",),
    "pathlib": ("Path", "PurePath"),
    "uuid": ("UUID",),
    "types": ("NoneType",),
}
"""Types of inputs that are always understood."""


class ValueReader:
    """Reads values; classes and enumerations are looked up in `names` only."""

    def __init__(self, names: Names) -> None:
        self.find = names.find
        self.shared: dict[int, object] = {}

    def read(self, value: object, where: str) -> object:
        """Returns the value that one JSON value stands for; shared containers are those of this value."""
        self.shared = {}
        return self.value(value, where)

    def value(self, value: object, where: str) -> object:
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
                fail(f"{value['name']!r} is not a member", where, expected="one of " + ", ".join(kind.__members__))
            return kind.__members__[value["name"]]
        if mark in ("$dataclass", "$namedtuple"):
            return self._instance(value, mark, where)
        if mark == "$shared":
            return self._shared(value, where)
        check_keys(value, where, (mark,))
        if mark[1:] in TEXT_FORMS:
            if not isinstance(value[mark], str):
                fail("it is not text", f"{where}.{mark}")
            try:
                return TEXT_FORMS[mark[1:]].read(value[mark])
            except (ValueError, ArithmeticError) as error:
                fail(f"it is malformed: {error}", f"{where}.{mark}")
        decode = getattr(self, f"_decode_{mark[1:]}", None) if mark[1:] in MARKS else None
        if decode is None:
            fail(
                f"{mark!r} is unknown",
                where,
                expected="one of " + ", ".join(f"${name}" for name in (*MARKS, *TEXT_FORMS)),
            )
        try:
            return decode(value[mark], f"{where}.{mark}")
        except (TypeError, ValueError, binascii.Error) as error:
            if isinstance(error, SerializationError):
                raise
            fail(f"it is malformed: {error}", f"{where}.{mark}")

    def _items(self, value: object, where: str) -> list[object]:
        if not isinstance(value, list):
            fail(f"it is a {type(value).__name__}", where, expected="a list")
        return [self.value(item, f"{where}[{at}]") for at, item in enumerate(value)]

    def _shared(self, value: dict[str, object], where: str) -> object:
        check_keys(value, where, ("$shared", "value"))
        number = value["$shared"]
        if type(number) is not int or number in self.shared:
            fail(f"the number {number!r}", f"{where}.$shared", expected="a number that no other has")
        self.shared[number] = made = self.value(value["value"], f"{where}.value")
        return made

    def _decode_again(self, value: object, where: str) -> object:
        if type(value) is not int or value not in self.shared:
            fail(f"the number {value!r}", where, expected="that of a value that was shared before")
        return self.shared[value]

    def _decode_float(self, value: object, where: str) -> float:
        if value not in ("nan", "inf", "-inf"):
            fail(f"{value!r}", where, expected="nan, inf or -inf")
        return float(value)

    def _decode_int(self, value: object, where: str) -> int:
        return int(cast(str, value), 16)  # TypeError is reported like ValueError

    def _decode_complex(self, value: object, where: str) -> complex:
        real, imaginary = self._items(value, where)
        if type(real) is not float or type(imaginary) is not float:
            fail("it is not a pair of floats", where)
        return complex(real, imaginary)

    def _decode_slice(self, value: object, where: str) -> slice:
        start, stop, step = self._items(value, where)
        return slice(start, stop, step)

    def _decode_bytes(self, value: object, where: str) -> bytes:
        return base64.b64decode(cast(str, value), validate=True)

    def _decode_tuple(self, value: object, where: str) -> tuple[object, ...]:
        return tuple(self._items(value, where))

    def _decode_set(self, value: object, where: str) -> set[object]:
        return set(self._items(value, where))

    def _decode_frozenset(self, value: object, where: str) -> frozenset[object]:
        return frozenset(self._items(value, where))

    def _decode_dict(self, value: object, where: str) -> dict[object, object]:
        pairs = self._items(value, where)
        if any(not isinstance(pair, list) or len(pair) != 2 for pair in pairs):
            fail("it is not a list of pairs", where)
        return dict(cast("list[tuple[object, object]]", pairs))

    def _decode_param(self, value: object, where: str) -> LazyResult[object]:
        return self._input("parameter", value, where)

    def _decode_env(self, value: object, where: str) -> LazyResult[object]:
        return self._input("environment variable", value, where)

    def _input(self, kind: str, described: object, where: str) -> LazyResult[object]:
        value = check_keys(described, where, ("name",), ("default", "type", "description"))
        from cascade.declare.inputs import Env, Param

        default = self.value(value["default"], f"{where}.default") if "default" in value else REQUIRED
        declare = Param if kind == "parameter" else Env
        lazy: LazyResult[object] = declare(
            value["name"],
            default,
            type=self._type(value["type"], f"{where}.type") if "type" in value else None,
            description=value.get("description", ""),
        )
        return lazy

    def _type(self, value: object, where: str) -> object:
        if isinstance(value, str):
            module, _, name = value.partition(":")
            if name in SAFE_TYPES.get(module, ()):
                return getattr(import_module(module), name)
            return self.find(value, where, _is_type, "a type")
        described = check_keys(value, where, ("form",), ("of",))
        form, members = described["form"], described.get("of", [])
        if form in ("Any", "..."):
            return Any if form == "Any" else Ellipsis
        if not isinstance(members, list) or not members:
            fail("it has no members", where)
        if form == "Literal":
            return typing.Literal[tuple(self._items(members, where))]
        kinds = [self._type(member, f"{where}.of[{at}]") for at, member in enumerate(members)]
        if form == "Union":
            return functools.reduce(operator.or_, kinds)
        if form != "generic" or not isinstance(kinds[0], type) or len(kinds) < 2:
            fail(f"form {form!r}", where, expected="Any, Union, Literal or generic")
        return types.GenericAlias(kinds[0], tuple(kinds[1:]))

    def _instance(self, value: dict[str, object], mark: str, where: str) -> object:
        content = "fields" if mark == "$dataclass" else "items"
        check_keys(value, where, (mark, content))
        if mark == "$dataclass":
            kind = self.find(value[mark], where, _is_dataclass, "a dataclass")
            names = [field.name for field in dataclasses.fields(kind)]
            fields = check_keys(value[content], f"{where}.fields", (), tuple(names))
            # As a copy is made: its __init__ has run where it was written.
            try:
                instance = object.__new__(kind)
            except TypeError as error:
                fail(
                    f"{value[mark]} is not only a dataclass: {error}",
                    where,
                    expected="a dataclass that is nothing else",
                )
            for name, item in fields.items():
                object.__setattr__(instance, name, self.value(item, f"{where}.fields.{name}"))
            return instance
        named = self.find(value[mark], where, _is_namedtuple, "a named tuple")
        items = self._items(value[content], f"{where}.items")
        if len(items) != len(named._fields):
            fail(f"{len(items)} items for {len(named._fields)} fields", where)
        return tuple.__new__(named, items)


MARKS = ("float", "int", "complex", "slice", "bytes", "tuple", "set", "frozenset", "dict", "again", "param", "env")


def _is_type(found: object) -> TypeGuard[type]:
    return isinstance(found, type)


def _is_enum(found: object) -> TypeGuard[type[enum.Enum]]:
    return isinstance(found, enum.EnumMeta)


def _is_dataclass(found: object) -> TypeGuard[type[DataclassInstance]]:
    return isinstance(found, type) and "__dataclass_fields__" in vars(found)


def _is_namedtuple(found: object) -> TypeGuard[type[_NamedTuple]]:
    return isinstance(found, type) and issubclass(found, tuple) and hasattr(found, "_fields")
