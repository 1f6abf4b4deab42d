"""Records: the names that the value of a graph depends on, where a cached task returned the graph.

The inputs and resources that a graph takes from its run are known only when it was computed. So the entry of the call is a record: the
names that were taken, in one list for each way that the computation has gone. The value is kept under the call, these names and their
states, which `cascade.runtime.taken` finds.
"""

from __future__ import annotations

from collections.abc import Iterable

from cascade.declare.policies import Hit

Name = tuple[str, str]
"""The kind of something that is taken, and its name. The kinds are those of inputs, and the two below."""

States = dict[Name, bytes]
"""What was taken, and the state that it was in, as a part of keys."""

BY_NAME, BY_ITSELF = "resource", "injected resource"
MARK = "cascade: the value depends on"
MOST = 8
"""Lists of names in one record; the oldest go first."""


def described(name: Name) -> str:
    """Returns the description of a name that is taken."""
    kind, own = name
    return f"{'resource' if kind in (BY_NAME, BY_ITSELF) else kind} {own!r}"


def value_in(found: object) -> object:
    """Returns the value in a cache's entry, which is in a Hit or by itself."""
    return found.value if type(found) is Hit else found


def record_in(found: object) -> list[tuple[Name, ...]] | None:
    """Returns the lists of names in a cache's entry, or None if that is a value."""
    value = value_in(found)
    if type(value) is not dict or value.keys() != {MARK}:
        return None
    return [tuple([(kind, name) for kind, name in names]) for names in value[MARK]]


def record_with(names: Iterable[Name], others: list[tuple[Name, ...]]) -> dict[str, list[list[list[str]]]]:
    """A record of these names and of those of an earlier one: plain data, which any cache can keep."""
    first = tuple(sorted(names))
    lists = [first, *[each for each in others if each != first]][:MOST]
    return {MARK: [[list(name) for name in each] for each in lists]}


def key_with(key: bytes, states: States) -> bytes:
    """The key of a value that depends on these states."""
    from cascade.adapters.caches.keys import digest, encode  # they load modules that a run without caches does not need

    return digest(key + encode((MARK, *[(*name, states[name]) for name in sorted(states)])))


def arguments_with(arguments: dict[str, object], states: States) -> dict[str, object]:
    """The arguments of a call and the states, under names that no parameter has, for policies of users."""
    return {**arguments, **{f"{kind} {name!r}": states[kind, name].hex() for kind, name in sorted(states)}}
