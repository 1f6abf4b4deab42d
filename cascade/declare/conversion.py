"""Conversion of a given value to a declared type, exactly or not at all.

    convert("12", int)                12
    convert("[1, 2]", list[float])    [1.0, 2.0]
    convert("no", bool)               False
    convert(3.5, int)                 refused: it is not a whole number

Values from the command line and the environment are text: numbers and dates are read as Python prints them, containers as
JSON. A value that has the type already is returned as the very object.
"""

from __future__ import annotations

import datetime
import enum
import json
import operator
import types
import typing
from collections.abc import Callable, Iterable, Mapping

from cascade.declare.sameness import is_equal

T = typing.TypeVar("T")

TRUE = ("true", "yes", "on", "1")
FALSE = ("false", "no", "off", "0")
CONTAINERS: dict[object, type] = {
    list: list, tuple: tuple, set: set, frozenset: frozenset, dict: dict,
    typing.get_origin(typing.Sequence[int]): list,
    typing.get_origin(typing.Iterable[int]): list,
    typing.get_origin(typing.Mapping[int, int]): dict,
}  # fmt: skip


class Unfit(ValueError):
    """A value that cannot be converted; the message says why."""


def is_type(kind: object) -> bool:
    """Returns True if `convert` accepts `kind`: a type, a form of `typing`, or a function of one value."""
    return kind is None or callable(kind) or typing.get_origin(kind) is not None


def type_name(kind: object) -> str:
    """Returns a type as it is written."""
    if isinstance(kind, type) and typing.get_origin(kind) is None:
        return kind.__name__
    named = getattr(kind, "__qualname__", None) if typing.get_origin(kind) is None else None
    return named or repr(kind).removeprefix("typing.")


@typing.overload
def convert(value: object, kind: type[T]) -> T: ...
@typing.overload
def convert(value: object, kind: object) -> object: ...
def convert(value: object, kind: object) -> object:
    """Returns `value` as a `kind`; None and `Any` stand for every type.

    Raises:
        Unfit: (a ValueError) it cannot be converted, or not without a loss.
    """
    origin = typing.get_origin(kind)
    if kind is None or kind is typing.Any or kind is object or isinstance(kind, typing.TypeVar):
        return value
    if origin is typing.Annotated:
        return convert(value, typing.get_args(kind)[0])
    if origin is typing.Literal:
        return _one_of(value, typing.get_args(kind))
    if origin is typing.Union or origin is types.UnionType:
        return _any_of(value, typing.get_args(kind), kind)
    if isinstance(origin or kind, type):  # a function may be an object that cannot be hashed
        container = CONTAINERS.get(origin or kind)
        if container is not None:
            return _container(value, container, typing.get_args(kind), kind)
        known = _CONVERTERS.get(kind)
        if known is not None:
            return known(value)
    if isinstance(kind, type):
        if isinstance(value, kind):
            return value
        if issubclass(kind, enum.Enum):
            return _member(value, kind)
        if (isinstance(value, Mapping) or isinstance(value, str) and value.lstrip().startswith("{")) and has_fields(
            kind
        ):
            return _record(value, kind)
    elif not callable(kind):
        return value  # a form that has no meaning at run time, such as a protocol's alias
    make: Callable[[object], object] = kind
    try:
        return make(value)
    except Unfit:
        raise
    except Exception as error:
        raise Unfit(f"{type_name(kind)} refuses it: {type(error).__name__}: {error}") from error


def has_fields(kind: type) -> bool:
    """Returns True for a class with declared fields: of dataclasses, named tuples, pydantic, attrs or msgspec."""
    marks = ("__dataclass_fields__", "model_validate", "__attrs_attrs__", "__struct_fields__")
    return any(hasattr(kind, mark) for mark in marks) or issubclass(kind, tuple) and hasattr(kind, "_fields")


def _record(value: object, kind: type) -> object:
    fields = _read_json(value) if isinstance(value, str) else value
    assert isinstance(fields, Mapping)
    try:
        validate = getattr(kind, "model_validate", None)
        if validate is not None:
            return validate(dict(fields))
        types_of = _field_types(kind)
        return kind(**{name: _part(part, types_of.get(name), f"[{name!r}]") for name, part in fields.items()})
    except Unfit:
        raise
    except Exception as error:
        raise Unfit(f"{type_name(kind)} refuses it: {type(error).__name__}: {error}") from error


def _field_types(kind: type) -> dict[str, object]:
    try:
        return typing.get_type_hints(kind)
    except Exception:
        return {}  # a name that only a type checker sees


def _to_int(value: object) -> int:
    if type(value) is int:
        return value
    if isinstance(value, str):
        try:
            return int(value)
        except ValueError:
            raise Unfit("it is not a whole number") from None
    if isinstance(value, float):
        if not value.is_integer():
            raise Unfit("it is not a whole number")
        return int(value)
    try:
        return operator.index(typing.cast(typing.SupportsIndex, value))
    except TypeError:
        raise Unfit(f"a {type(value).__name__} is not a whole number") from None


def _to_float(value: object) -> float:
    if isinstance(value, float):
        return value
    if isinstance(value, (str, int)) or hasattr(type(value), "__float__"):
        try:
            number = float(typing.cast(typing.SupportsFloat, value))
        except (ValueError, TypeError, OverflowError) as error:
            raise Unfit("it is not a number" if isinstance(value, str) else str(error)) from None
        if isinstance(value, int) and number != value:
            raise Unfit("a float cannot hold it exactly")
        return number
    raise Unfit(f"a {type(value).__name__} is not a number")


def _to_bool(value: object) -> bool:
    if isinstance(value, bool):
        return value
    if isinstance(value, str):
        word = value.strip().lower()
        if word in TRUE or word in FALSE:
            return word in TRUE
        raise Unfit("it is none of " + ", ".join((*TRUE, *FALSE)))
    if type(value).__module__ == "numpy" and type(value).__name__ == "bool":
        return bool(value)
    if isinstance(value, (int, float)) and value in (0, 1):
        return value == 1
    raise Unfit(f"a {type(value).__name__} is neither true nor false")


def _to_str(value: object) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, (int, float)) or hasattr(value, "__fspath__"):
        return str(value)
    raise Unfit(f"a {type(value).__name__} is not text")


def _to_bytes(value: object) -> bytes:
    if isinstance(value, str):
        return value.encode()
    if isinstance(value, (bytes, bytearray, memoryview)):
        return bytes(value) if type(value) is not bytes else value
    raise Unfit(f"a {type(value).__name__} is not bytes")


def _to_none(value: object) -> None:
    if value is None or isinstance(value, str) and value.lower() in ("", "none", "null"):
        return
    raise Unfit("it is not None")


def _moment(kind: type[datetime.date | datetime.time]) -> Callable[[object], object]:
    def read(value: object) -> object:
        # A datetime is a date as well, and would lose its time.
        if type(value) is kind or isinstance(value, kind) and kind is not datetime.date:
            return value
        if not isinstance(value, str):
            raise Unfit(f"a {type(value).__name__} does not fit {kind.__name__}")
        try:
            return kind.fromisoformat(value)
        except ValueError as error:
            raise Unfit(str(error)) from None

    return read


_CONVERTERS: dict[object, Callable[[object], object]] = {
    int: _to_int,
    float: _to_float,
    bool: _to_bool,
    str: _to_str,
    bytes: _to_bytes,
    type(None): _to_none,
    datetime.date: _moment(datetime.date),
    datetime.datetime: _moment(datetime.datetime),
    datetime.time: _moment(datetime.time),
}
PLAIN_TYPES = frozenset(_CONVERTERS)
"""Types with a conversion of their own here, which does not call them."""


def _one_of(value: object, choices: tuple[object, ...]) -> object:
    for choice in choices:
        if type(choice) is type(value) and choice == value:
            return choice
    for choice in choices:
        try:
            if convert(value, type(choice)) == choice:
                return choice
        except Unfit:
            continue
    raise Unfit("it is none of " + ", ".join(map(repr, choices)))


def _any_of(value: object, kinds: tuple[object, ...], kind: object) -> object:
    for member in kinds:
        if isinstance(member, type) and type(value) is member:
            return value
    # None last: the text "none" is a text wherever a text will do. So is a number.
    ordered = [*(k for k in kinds if k not in (str, type(None))), *(k for k in kinds if k in (str, type(None)))]
    for member in ordered:
        try:
            return convert(value, member)
        except Unfit:
            continue
    raise Unfit(f"it fits none of {type_name(kind)}")


def _member(value: object, kind: type[enum.Enum]) -> enum.Enum:
    if isinstance(value, str) and value in kind.__members__:
        return kind[value]
    for member in kind:
        try:
            if is_equal(convert(value, type(member.value)), member.value):
                return member
        except Unfit:
            continue
    raise Unfit("it is none of " + ", ".join(kind.__members__))


def _container(value: object, container: type, arguments: tuple[object, ...], kind: object) -> object:
    if isinstance(value, str):
        value = _read_json(value)
    if container is dict:
        if not isinstance(value, Mapping):
            raise Unfit(f"a {type(value).__name__} is not a mapping")
        if not arguments:
            return value if isinstance(value, dict) else dict(value)
        return {_part(k, arguments[0], "key"): _part(v, arguments[1], f"[{k!r}]") for k, v in value.items()}
    if isinstance(value, (str, bytes, Mapping)) or not isinstance(value, Iterable):
        raise Unfit(f"a {type(value).__name__} does not fit {type_name(kind)}")
    if not arguments:
        return value if isinstance(value, container) else container(value)
    items = list(value)
    if container is tuple and not (len(arguments) == 2 and arguments[1] is Ellipsis):
        if len(items) != len(arguments):
            raise Unfit(f"it has {len(items)} items, not {len(arguments)}")
        return tuple(_part(item, k, f"[{at}]") for at, (item, k) in enumerate(zip(items, arguments, strict=True)))
    return container(_part(item, arguments[0], f"[{at}]") for at, item in enumerate(items))


def _read_json(text: str) -> object:
    try:
        return json.loads(text, parse_constant=_no_constant)
    except ValueError as error:
        raise Unfit(f"it is not JSON: {error}") from None
    except RecursionError:
        raise Unfit("it nests too deep") from None


def _part(value: object, kind: object, place: str) -> object:
    try:
        return convert(value, kind)
    except Unfit as error:
        raise Unfit(f"{place} is {value!r}: {error}") from error


def _no_constant(text: str) -> object:
    raise ValueError(f"{text} is not JSON")
