"""The registry: the resources that an engine knows by name, and their overrides."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from cascade._vm import entry_point
from cascade.declare.resources import GeneratorFunction, Resource
from cascade.errors import DeclarationError
from cascade.imports import TYPE_CHECKING, annotation

if TYPE_CHECKING:
    from contextlib import AbstractContextManager
else:
    AbstractContextManager = annotation("contextlib", "AbstractContextManager")

Source = Resource | GeneratorFunction


class ResourceContainer:
    """The resources that an engine knows by name, and their overrides."""

    def __init__(self) -> None:
        # Replaced, never changed: a run continues with those that it found when it began.
        self.registered: Mapping[str, Resource] = {}
        self.overrides: tuple[tuple[str, Resource], ...] = ()

    @entry_point
    def register(self, resource: Source, *, replace: bool = False) -> Resource:
        """Makes a resource known by its name.

        Args:
            resource: a resource, or a generator function, which becomes one.
            replace: whether it may take the place of another one of its name.

        Raises:
            DeclarationError: (a TypeError) it must be a generator; or its name is taken by another.
        """
        new = resource if isinstance(resource, Resource) else Resource(resource)
        if self.registered.get(new.name, new) is not new and not replace:
            raise DeclarationError(
                f"a resource {new.name!r} is registered already",
                hint="give it another name, or override the first one for a while: resource_container.override(...)",
            )
        self.registered = {**self.registered, new.name: new}
        return new

    def register_all(self, resources: Iterable[Source]) -> None:
        """Makes several resources known by their names, as `register` does.

        Raises:
            DeclarationError: (a TypeError) `resources` is no list of resources.
        """
        if not isinstance(resources, Iterable):
            raise DeclarationError(
                f"resources={resources!r}",
                expected="a list of resources",
                hint="resources=[...], also for a single one",
            )
        for resource in resources:
            self.register(resource)

    @entry_point
    def override(self, name: str, resource: Source) -> AbstractContextManager[Resource]:
        """While the context lasts, runs that begin get `resource` where `name` is injected.

        Raises:
            DeclarationError: (a TypeError) it is neither a resource nor a generator function.
        """
        if not isinstance(name, str) or not name:
            raise DeclarationError(f"override({name!r}, ...)", expected="the name of a resource")
        if not isinstance(resource, Resource):
            resource = Resource(resource, name=name)
        return _Override(self, name, resource)


class _Override:
    """The context manager of one override; those of one name may overlap, and the last one counts."""

    def __init__(self, container: ResourceContainer, name: str, resource: Resource) -> None:
        self._container = container
        self._entry = (name, resource)

    def __enter__(self) -> Resource:
        self._container.overrides = (*self._container.overrides, self._entry)
        return self._entry[1]

    def __exit__(self, *_: object) -> None:
        self._container.overrides = tuple(other for other in self._container.overrides if other is not self._entry)
