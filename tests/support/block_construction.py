"""Functions for kernels that are made block by block: construction of instances."""

from __future__ import annotations

import sys
import weakref
from dataclasses import dataclass, field
from typing import Any, NamedTuple


class Node:
    __slots__ = ("__weakref__", "left", "value")

    def __init__(self, value: Any, left: Any = None) -> None:
        self.value, self.left = value, left

    def __repr__(self) -> str:
        return f"Node({self.value!r}, {self.left!r})"


@dataclass
class Point:
    x: Any
    y: Any = 2
    history: list[Any] = field(default_factory=list)


class Pair(NamedTuple):
    left: Any
    right: Any = 7


class Triple(Pair):
    """Has a dict, and makes its instances as its base does."""


def nodes(values: list[Any]) -> Any:
    made = None
    for value in values:
        made = Node(value, made)
        other = Node([value])
        other.left = made
    return made, other


def points(values: list[Any]) -> Any:
    return [(Point(value, value), Point(value), Point(x=value, y=3), Point(value, history=[value])) for value in values]


def pairs(values: list[Any]) -> Any:
    found = []
    for value in values:
        pair = Pair(value, value + value)
        found.append((pair, Pair(pair.left), Pair(right=pair.right, left=0), Triple(value, [value]), type(pair)))
    return found


def wrong_arguments(values: list[Any]) -> Any:
    found = []
    for value in values:
        try:
            if value == 1:
                Node()  # type: ignore[call-arg]
            elif value == 2:
                Node(1, 2, 3)  # type: ignore[call-arg]
            elif value == 3:
                Pair(1, 2, 3)  # type: ignore[call-arg]
            elif value == 4:
                Pair()  # type: ignore[call-arg]
            else:
                found.append(Node(value))
        except TypeError as error:
            found.append(str(error))
    return found, Node(1, 2, 3)  # type: ignore[call-arg]


class Refusing:
    def __init__(self, value: Any) -> None:
        if value == 1:
            raise ValueError(value)
        if value == 2:
            return value  # type: ignore[return-value]  # noqa: PLE0101
        self.value = value

    def __repr__(self) -> str:
        return f"Refusing({vars(self)})"


def refused(values: list[Any]) -> Any:
    found: list[Any] = []
    for value in values:
        try:
            found.append([Refusing(value), Refusing(value + 3)])
        except (TypeError, ValueError) as error:
            found.append(repr(error))
    return found


class Early:
    def __init__(self, value: Any, name: Any = None) -> None:
        if value is None:
            return
        if name == value:
            return
        self.value, self.name = value, name

    def __repr__(self) -> str:
        return f"Early({vars(self)})"


def made_early(values: list[Any]) -> Any:
    found: list[Any] = []
    for value in values:
        found.append([Early(value), Early(None), Early(value, 1), Early(name=value, value=value)])
    return found


def refused_outside(value: Any) -> Any:
    return [Refusing(3), Refusing(value)]


class Looking:
    def __init__(self, value: Any) -> None:
        frame = sys._getframe(1)
        self.seen = (frame.f_code.co_name, frame.f_lineno, value, sys._getframe().f_code.co_name)

    def __repr__(self) -> str:
        return f"Looking({self.seen})"


def looked_at(values: list[Any]) -> Any:
    return [Looking(value) for value in values], Looking(values)


def lives_of_nodes(count: int) -> Any:
    found = []
    for number in range(count):
        node = Node(number)
        reference = weakref.ref(node)
        node = Node(number, node)
        found.append(reference() is not None)
        node = None
        found.append(reference() is not None)
    return found


class Mutable:
    def __init__(self, value: Any) -> None:
        self.value = ("first", value)

    def __repr__(self) -> str:
        return f"Mutable({vars(self)})"


first_init = Mutable.__init__
first_code = first_init.__code__


def change_mutable(step: int) -> None:
    if step == 2:
        Mutable.__init__ = lambda self, value: setattr(self, "value", ("second", value))  # type: ignore[assignment, method-assign]
    elif step == 4:
        Mutable.__new__ = lambda cls, value: object.__new__(cls)  # type: ignore[assignment, method-assign]
    elif step == 6:
        del Mutable.__new__
        Mutable.__init__ = first_init  # type: ignore[method-assign]
    elif step == 8:
        first_init.__code__ = (lambda self, value: setattr(self, "value", ("third", value))).__code__


def restore_mutable() -> None:
    Mutable.__init__ = first_init  # type: ignore[method-assign]
    first_init.__code__ = first_code


def changing(count: int) -> Any:
    found = []
    for step in range(count):
        found.append(Mutable(step))
        change_mutable(step)
    restore_mutable()
    return found


class Base:
    def __init__(self, value: Any) -> None:
        self.value = value


class Derived(Base):
    def __init__(self, value: Any) -> None:
        super().__init__(value + 1)
        self.more = Base(value).value

    def __repr__(self) -> str:
        return f"Derived({vars(self)})"


def derived(values: list[Any]) -> Any:
    return [Derived(value) for value in values], Derived(values[0])
