"""Containers: the operation that puts one together again, and the values that it holds."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence

from cascade._vm import Skipped, find_in_class
from cascade.declare.derived import Derived
from cascade.graph.operations import Operation
from cascade.imports import TYPE_CHECKING, Any, cast, copy, dataclasses, final

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

PLAIN = frozenset({int, str, float, bool, bytes, complex, type(None)})
"""Types whose values hold nothing."""


@final
class Container(Operation):
    """Puts a container together again, its LazyResults replaced by their values."""

    hands_on = True

    def __init__(self, name: str, opcode: str) -> None:
        self.name = name
        self.opcode = opcode
        self.derived = Derived()

    def make(self, values: Sequence[object]) -> object:
        """The container made of `values`; those of a dict alternate: key, value."""
        if self is LIST:
            return list(values)
        if self is TUPLE:
            return tuple(values)
        if self is SET:
            return set(values)
        if self is DICT:
            return dict(zip(values[::2], values[1::2], strict=True))
        if self is EITHER:
            return next((value for value in values if type(value) is not Skipped), values[-1])
        return rebuild(*values)

    def __repr__(self) -> str:
        return f"<{self.name}>"


LIST = Container("list", "LIST")
TUPLE = Container("tuple", "TUPLE")
SET = Container("set", "SET")
DICT = Container("dict", "DICT")
EITHER = Container("either", "EITHER")
"""The first of its operands that was not skipped."""
REBUILT = Container("rebuilt", "REBUILD")
"""Any other container; the first operand is the original, the others are its parts (see `parts`)."""
CONTAINERS: dict[type, Container] = {list: LIST, tuple: TUPLE, set: SET, dict: DICT}


def is_container(value: object) -> bool:
    """Whether LazyResults are looked for inside `value`."""
    return issubclass(type(value), (list, tuple, dict, set, frozenset)) or is_dataclass(value)


def is_dataclass(value: object) -> bool:
    """Returns whether a value is an instance of a dataclass. Nothing is called: a metaclass may have code of its own."""
    kind = type(value)
    return not issubclass(kind, type) and any(
        find_in_class(each, "__dataclass_fields__") is not None for each in (kind, type(kind))
    )


def parts(original: object) -> list[object]:
    """Returns the parts of a container, in the order that `rebuild` and `Container.make` take; of a dict, keys and values.

    Those of a list, tuple, set or dict are the ones that it holds, also where a subclass iterates in another way.
    """
    if isinstance(original, list):
        return list(list.__iter__(original))
    if isinstance(original, tuple):
        return list(tuple.__iter__(original))
    if isinstance(original, set):
        return list(set.__iter__(original))
    if isinstance(original, frozenset):
        return list(frozenset.__iter__(original))
    if isinstance(original, dict):
        items = OrderedDict.items(original) if isinstance(original, OrderedDict) else dict.items(original)
        return [part for pair in items for part in pair]
    return [getattr(original, name) for name in _fields(original)]


def rebuild(original: object, *values: object) -> object:
    """A copy of `original`, of the same type, that holds `values`."""
    if type(original) is Sparse:
        return original.filled(values)
    result: Any
    if isinstance(original, (tuple, frozenset)):
        base: Any = tuple if isinstance(original, tuple) else frozenset
        result = base.__new__(type(original), values)
        getattr(result, "__dict__", {}).update(getattr(original, "__dict__", {}))
        return result
    result = copy.copy(original)
    # Item by item: a subclass may give `update` another meaning, as Counter does.
    if isinstance(original, list):
        result[:] = values
    elif isinstance(original, set):
        result.clear()
        for value in values:
            result.add(value)
    elif isinstance(original, dict):
        result.clear()
        for key, value in zip(values[::2], values[1::2], strict=True):
            result[key] = value
    else:
        for name, value in zip(_fields(original), values, strict=True):
            object.__setattr__(result, name, value)
    return result


class Sparse:
    """A long list, tuple or dict with the places of the few parts that have to be computed.

    In a row it stands in the place of the container, so that the other parts are not operands: a list of a million numbers and one
    result costs a copy, where a million operands would keep an event loop waiting for a fifth of a second.

    Attributes:
        original: the container.
        places: of the parts, their positions or keys.
    """

    __slots__ = ("original", "places")

    def __init__(
        self, original: list[object] | tuple[object, ...] | dict[object, object], places: list[object]
    ) -> None:
        # A copy: it may be changed before a run.
        self.original = original if isinstance(original, tuple) else original.copy()
        self.places = places

    @property
    def parts(self) -> list[object]:
        """The parts that have to be computed."""
        original: Any = self.original  # by position or by key
        return [original[place] for place in self.places]

    def filled(self, values: Sequence[object]) -> object:
        """Returns a copy of the container with `values` in these places."""
        original = self.original
        result: Any = list(original) if isinstance(original, tuple) else original.copy()
        for place, value in zip(self.places, values, strict=True):
            result[place] = value
        return tuple(result) if isinstance(original, tuple) else result


def _fields(instance: object) -> list[str]:
    return [
        field.name for field in dataclasses.fields(cast("DataclassInstance", instance)) if hasattr(instance, field.name)
    ]
