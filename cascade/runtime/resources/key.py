"""The part of a cache's key that stands for a resource."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from cascade.adapters.caches.identity import code_of, identity_of
from cascade.adapters.caches.keys import encode
from cascade.declare.resources import Resource
from cascade.errors import KeyingError
from cascade.runtime.resources.lifetime import Lifetime
from cascade.runtime.resources.placeholder import ResourcePlaceholder, replaced
from cascade.runtime.resources.resolver import ResourceResolver


@dataclass(frozen=True)
class Origin:
    """Stands for a resource in the key of a cache: its code, and the arguments that it was given.

    The resource itself may be a connection, which has no bytes; and one of scope "task" is not there yet.
    """

    identity: str
    arguments: dict[str, object]


def with_origins(
    arguments: dict[str, object], lifetimes: Iterable[Lifetime], resolver: ResourceResolver
) -> dict[str, object]:
    """Returns the arguments of a call, with Origins in place of resources whose values cannot be part of a key.

    Raises:
        KeyingError: (a TypeError) the code of one of them cannot be identified.
    """
    origins = {id(each.value): each.resource for each in lifetimes if not _has_key(each.value)}

    def replacement(value: object) -> object:
        resource = value.resource if type(value) is ResourcePlaceholder else origins.get(id(value))
        return value if resource is None else origin_of(resource)

    def origin_of(resource: Resource) -> Origin:
        return Origin(identity_of(resource), resolver.arguments(resource, origin_of))

    return {name: replaced(value, replacement) for name, value in arguments.items()}


def _has_key(value: object) -> bool:
    try:
        encode(value, code_of)
    except KeyingError:
        return False
    return True
