"""The placeholder of a resource of scope "task" among a task's arguments, and how values take its place."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from cascade.declare.lazy import LazyResult
from cascade.declare.resources import Resource
from cascade.graph.containers import is_container, parts, rebuild
from cascade.imports import TypeVar

T = TypeVar("T")


class ResourcePlaceholder:
    """Stands for a resource of scope "task" among the arguments of a task, until the task is called."""

    __slots__ = ("injection", "resource")

    def __init__(self, injection: LazyResult[object], resource: Resource) -> None:
        self.injection = injection
        self.resource = resource

    def __repr__(self) -> str:
        return f"<resource {self.resource.name!r}, set up when the task is called>"


def placeholders_in(value: object) -> dict[Resource, None]:
    """Returns the resources that a value holds placeholders of, each once, from left to right."""
    return dict.fromkeys(part.resource for part in all_parts(value) if type(part) is ResourcePlaceholder)


def fresh(slots: tuple[object, ...]) -> tuple[object, ...]:
    """Returns the arguments of a tail call, with injections in place of placeholders: the next call has resources of its own."""
    return tuple(replaced(slot, _injection_of) for slot in slots)


def _injection_of(value: object) -> object:
    return value.injection if type(value) is ResourcePlaceholder else value


def with_values(
    args: tuple[object, ...], kwargs: dict[str, object], values: Mapping[Resource, object]
) -> tuple[tuple[object, ...], dict[str, object]]:
    """Returns the arguments of a call, with the values of the resources in place of placeholders."""

    def value_of(value: object) -> object:
        return values[value.resource] if type(value) is ResourcePlaceholder else value

    return (
        tuple(replaced(value, value_of) for value in args),
        {name: replaced(value, value_of) for name, value in kwargs.items()},
    )


def replaced(value: object, replacement: Callable[[object], object]) -> object:
    """Returns the value with `replacement(part)` in place of each part; a container in which nothing changes is returned as it is."""
    new = replacement(value)
    if new is not value or not is_container(value):
        return new
    if all(replacement(part) is part for part in all_parts(value)):
        return value
    return rebuild(value, *(replaced(part, replacement) for part in parts(value)))


def all_parts(value: object) -> Iterator[object]:
    """Yields a value and its parts, also those of nested containers, from left to right."""
    stack = [value]
    seen: set[int] = set()
    while stack:
        value = stack.pop()
        yield value
        if is_container(value) and id(value) not in seen:
            seen.add(id(value))
            stack.extend(reversed(parts(value)))
