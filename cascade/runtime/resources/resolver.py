"""The resolver: finds the resource of an injection, the order of set-ups, and the inputs that resources take."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable

from cascade.declare.inputs import Input, input_of
from cascade.declare.resources import Injection, Resource, injection_of
from cascade.errors import CycleError, ResourceError, nearest
from cascade.graph.inputs import Inputs
from cascade.runtime.resources.registry import ResourceContainer


class ResourceResolver:
    """Finds the resources of one run by the names that they are injected by.

    Args:
        container: the resources that are known by name. Later changes to it do not change this run.
        input_value: finds the value of an input that a resource takes.
    """

    def __init__(self, container: ResourceContainer, input_value: Callable[[Input], object]) -> None:
        self._registered = container.registered
        self._overrides = dict(container.overrides)
        self._input_value = input_value
        self._checked: set[Injection] = set()
        self.names: dict[Resource, str] = {}
        """The names that resources were first injected by in this run."""

    def find(self, injection: Injection) -> Resource:
        """Returns the resource that is injected.

        Raises:
            ResourceError: (a RuntimeError) there is none of that name.
        """
        name = injection.name
        found = self._overrides.get(name) or injection.resource or self._registered.get(name)
        if found is None:
            known = sorted({*self._overrides, *self._registered})
            raise ResourceError(
                name,
                f"no resource {name!r} is known",
                expected="one of " + ", ".join(map(repr, known)) if known else None,
                hint=nearest(name, known)
                or "register it with engine.register(resource), or inject the resource itself",
            )
        self.names.setdefault(found, name)
        return found

    def is_overridden(self, name: str) -> bool:
        """Whether another resource takes the place of those of this name."""
        return name in self._overrides

    def check(self, injections: Iterable[Injection], values: Iterable[Injection] = ()) -> list[Input]:
        """Finds resources and all that they need, before anything is set up; returns the inputs that these take.

        Args:
            values: those whose value is used elsewhere than as an argument of a call.

        Raises:
            ResourceError: (a RuntimeError) one is not known, or needs one that does not live as long as itself, or lives
                for one call only and is used elsewhere.
            CycleError: (a ValueError) they need each other.
        """
        for injection in values:
            if self.find(injection).scope == "task":
                raise ResourceError(
                    injection.name,
                    f"resource {injection.name!r} of scope 'task' is used where there is no call that it is set up for",
                    expected="an argument of a task's call; not a result, a route, a Jump's data, a condition, an amount, a "
                    "selector, or what a map iterates over",
                    hint=f"give {injection.name!r} the scope 'run', or inject it into the call that needs it",
                )
        inputs: list[Input] = []
        for injection in injections:
            if injection not in self._checked:
                for resource in self.order([self.find(injection)], ()):
                    inputs.extend(i for i in map(input_of, resource.parameters.values()) if i is not None)
                self._checked.add(injection)
        return inputs

    def order(self, wanted: Iterable[Resource], ready: Container[Resource]) -> list[Resource]:
        """Returns the resources to be set up for `wanted`, each after those that it needs itself; without those that are ready."""
        order: list[Resource] = []
        entered: dict[Resource, None] = {}
        stack: list[tuple[Resource, bool]] = [(resource, False) for resource in reversed(list(wanted))]
        while stack:
            resource, complete = stack.pop()
            if complete:
                del entered[resource]
                order.append(resource)
            elif resource in entered:
                raise self._cycle(entered, resource)
            elif resource not in ready and resource not in order:
                entered[resource] = None
                stack.append((resource, True))
                stack += [(self._needed(resource, injection), False) for injection in reversed(resource.needs)]
        return order

    def _cycle(self, entered: Iterable[Resource], resource: Resource) -> CycleError:
        names = [self.names[each] for each in entered]
        names = names[names.index(self.names[resource]) :]
        return CycleError([*names, names[0]], where="resources that inject each other")

    def _needed(self, resource: Resource, injection: Injection) -> Resource:
        needed = self.find(injection)
        if resource.scope == "run" and needed.scope == "task":
            raise ResourceError(
                resource.name,
                f"resource {resource.name!r} of scope 'run' needs {injection.name!r}, which is of scope 'task'",
                expected="a resource that lives at least as long",
                hint=f"give {injection.name!r} the scope 'run', or {resource.name!r} the scope 'task'",
            )
        return needed

    def arguments(self, resource: Resource, value_of: Callable[[Resource], object]) -> dict[str, object]:
        """Returns the arguments of a resource's function; `value_of` finds those that are resources."""
        arguments: dict[str, object] = {}
        for name, default in resource.parameters.items():
            injection, declared = injection_of(default), input_of(default)
            if injection is not None:
                arguments[name] = value_of(self.find(injection))
            else:
                arguments[name] = default if declared is None else self._input_value(declared)
        return arguments


def parameters_of(inputs: Inputs, container: ResourceContainer) -> tuple[Input, ...]:
    """Returns the parameters of a graph and of the resources that it names, in the order in which they stand there; each once."""
    declared = inputs.all_declared()
    if inputs.injections:
        declared += ResourceResolver(container, _no_value).check(inputs.injections, inputs.values)
    return tuple({each.name: each for each in declared if each.kind == "parameter"}.values())


def _no_value(declared: Input) -> object:
    raise LookupError(declared.name)  # nothing is set up there
