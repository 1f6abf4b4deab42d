"""Inputs and resources that graphs take from their run, as part of the keys of caches: inputs by their values, resources by their code.

The value of a graph that a cached task returned depends on this besides the call of the task.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from cascade.adapters.caches.identity import code_of, identity_of
from cascade.adapters.caches.keys import Encoder, digest, framed, is_immutable
from cascade.declare.inputs import Input, input_of
from cascade.declare.resources import Injection, Resource, inject, injection_of
from cascade.errors import CascadeError, KeyingError
from cascade.imports import TYPE_CHECKING
from cascade.runtime.inputs import ABSENT, InputValues
from cascade.runtime.nodes.cache_records import BY_ITSELF, BY_NAME, Name, described

if TYPE_CHECKING:
    from cascade.runtime.resources.resolver import ResourceResolver


class _Note:
    """The last taking of one name.

    Attributes:
        last: the number of that taking.
        other: the number of the last taking in another state; 0 for none.
    """

    __slots__ = ("last", "other", "state")

    def __init__(self, state: bytes | KeyingError, last: int) -> None:
        self.state = state
        self.last = last
        self.other = 0


class Taken:
    """The notes of a run: the names that its graphs took, and their states.

    Attributes:
        count: how often something was taken so far.
    """

    def __init__(self) -> None:
        self.count = 0
        self._notes: dict[Name, _Note] = {}

    def note(self, name: Name, state: bytes | KeyingError) -> None:
        """Notes that something was taken; a KeyingError in place of its state says why it has none."""
        self.count += 1
        note = self._notes.get(name)
        if note is None:
            self._notes[name] = _Note(state, self.count)
            return
        if note.state != state:
            note.state, note.other = state, note.last
        note.last = self.count

    def since(self, count: int) -> dict[Name, bytes]:
        """Returns the names taken after so many takings, and their states.

        Raises:
            KeyingError: (a TypeError) something has no state, or has changed meanwhile.
        """
        states = {}
        for name, note in self._notes.items():
            if note.last <= count:
                continue
            if isinstance(note.state, KeyingError):
                raise note.state
            if note.other > count:
                raise KeyingError(f"{described(name)}, which was changed meanwhile")
            states[name] = note.state
        return states


class RunStates:
    """The present states of a run's inputs and resources.

    Args:
        values: those of the run's inputs.
        resolver: finds the run's resources.
    """

    def __init__(self, values: InputValues, resolver: ResourceResolver) -> None:
        self._values = values
        self._resolver = resolver

    def of_input(self, kind: str, name: str) -> bytes:
        """Returns the state of an input: the value given for it. Its type and its default belong to the code that declares it.

        Raises:
            KeyingError: (a TypeError) that has no key.
        """
        try:
            return digest(self._written(kind, name))
        except KeyingError as error:
            raise KeyingError(f"{described((kind, name))}, which is {error.what}", hint=error.hint) from None
        except Exception as error:  # from code of its class
            reason = f"{type(error).__name__}: {error}"
            raise KeyingError(f"{described((kind, name))}, which cannot be looked into ({reason})") from None

    def _written(self, kind: str, name: str) -> bytes:
        given, value = self._values.given(kind, name), self._values.known(kind, name)
        encoder = Encoder(code_of)
        written = b"absent" if given is ABSENT else framed(b"given", encoder.write(given))
        if value is ABSENT or value is given or is_immutable(value):
            return written
        return written + encoder.write(value)  # tasks that got it may have changed it

    def of_injection(self, injection: Injection) -> bytes:
        """The code of the resource that an injection means, and the states of all that this takes itself.

        Raises:
            KeyingError: (a TypeError) one of them is overridden, or its code cannot be identified.
            CascadeError: one of them is not known, or they need each other.
        """
        # Resources that need each other raise here, or they would be gone through for ever.
        self._resolver.order([self._resolver.find(injection)], ())
        return self._of(injection)

    def _of(self, injection: Injection) -> bytes:
        name = injection.name
        if self._resolver.is_overridden(name):
            raise KeyingError(f"resource {name!r}, which is overridden")
        resource = self._resolver.find(injection)
        try:
            parts = [identity_of(resource).encode()]
        except KeyingError as error:
            raise KeyingError(f"resource {name!r}, which depends on {error.what}", hint=error.hint) from None
        for default in resource.parameters.values():
            inner, declared = injection_of(default), input_of(default)
            if inner is not None:
                parts.append(self._of(inner))
            elif declared is not None:
                parts.append(self.of_input(declared.kind, declared.name))
        return digest(b"".join([framed(b"part", part) for part in parts]))

    def of(self, name: Name, injected: Mapping[str, Resource]) -> bytes | None:
        """As the others, by name; None where it has no state now.

        Args:
            injected: resources that are injected by themselves, by their names.
        """
        kind, own = name
        try:
            if kind not in (BY_NAME, BY_ITSELF):
                return self.of_input(kind, own)
            injection = injection_of(inject(own if kind == BY_NAME else injected[own]))
            return None if injection is None else self.of_injection(injection)
        except (CascadeError, KeyError):
            return None


def name_of(taken: Input | Injection) -> Name:
    """Returns the name of an input or a resource."""
    if isinstance(taken, Input):
        return taken.kind, taken.name
    return BY_NAME if taken.resource is None else BY_ITSELF, taken.name


def note_all(taken: Iterable[Input | Injection], notes: Taken, states: RunStates) -> None:
    """Notes all that a graph takes, before it changes."""
    for each in taken:
        state: bytes | KeyingError
        try:
            state = states.of_input(each.kind, each.name) if isinstance(each, Input) else states.of_injection(each)
        except KeyingError as error:
            state = error
        notes.note(name_of(each), state)
