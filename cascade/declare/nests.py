"""Types of targets that are not a single result. Only type checkers import this module."""

from __future__ import annotations

from typing import Any, ClassVar, Protocol, TypeAlias, TypeVar

Nest: TypeAlias = list[Any] | tuple[Any, ...] | dict[Any, Any] | set[Any] | frozenset[Any]
"""A container that holds results at any depth; the value has its shape."""

Values: TypeAlias = Any
"""The value of such a container, whose type holds other ones in the places of results."""


class Dataclass(Protocol):
    """An instance of a dataclass."""

    __dataclass_fields__: ClassVar[dict[str, Any]]


D = TypeVar("D", bound=Dataclass)
