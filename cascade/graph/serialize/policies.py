"""Policies of a graph that is written as JSON.

    {"task": "my.module:load", "retry": {"max_attempts": 3, "delay": 0.5, ..., "retry_on": "builtins:OSError"},
     "timeout": 5.0, "cache": "results", "constraints": {"cpu": 1, "gpu": null}, "conditions": 1, "after": 2,
     "concurrency": 10, "map": {"positional": 1, "names": ["y"], "as_array": true, "on_error": "collect"}}

Policies that are not set are left out. Amounts that are null, conditions, and results that come before in order, are references of the row, as
in a graph. A task's defaults are written as they were when it was called, like the defaults of its parameters.

Caches are objects of the program, with files and locks: a document only names them, and whoever reads it supplies them.
`"cache": true` stands for that of the task's own defaults.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any, cast

from cascade.declare.amounts import as_timeout, check_amount
from cascade.declare.cache_policy import CachePolicy
from cascade.declare.failure import as_tolerated
from cascade.declare.policies import MapSignature, Policies, as_cache
from cascade.declare.retry import Retry
from cascade.declare.task import Task
from cascade.errors import CascadeError, SerializationError, nearest
from cascade.graph.operations import Map, PolicyOperation
from cascade.graph.serialize.names import Names, check_keys, class_path, fail

DEFAULTS = ("retry", "timeout", "cache", "constraints")
"""What may be set as a default of a task."""
KEYS = (*DEFAULTS, "conditions", "after", "concurrency", "map")


def check_caches(caches: Mapping[str, CachePolicy] | None) -> dict[str, CachePolicy]:
    """The caches that a caller names.

    Raises:
        DeclarationError: (a TypeError) one of them is not a cache policy.
        SerializationError: (a ValueError) they have no names.
    """
    if caches is None:
        return {}
    if not isinstance(caches, Mapping) or any(
        not isinstance(name, str) or cache is None for name, cache in caches.items()
    ):
        raise SerializationError(f"caches={caches!r}", expected="a dict of cache policies by names")
    return {name: as_cache(cache) for name, cache in caches.items()}


# -- Writing ----------------------------------------------------------------------------------------------------------


def describe_policies(
    operation: PolicyOperation, caches: Mapping[str, CachePolicy], where: str, own: CachePolicy | None = None
) -> dict[str, object]:
    """The policies of an operation.

    Args:
        own: the cache that `true` stands for.
    """
    described: dict[str, object] = {}
    if operation.retry is not None:
        described["retry"] = _describe_retry(operation.retry, f"the retry policy of {where}")
    if operation.timeout is not None:
        described["timeout"] = operation.timeout
    if operation.cache is not None:
        described["cache"] = _describe_cache(operation.cache, caches, f"the cache policy of {where}", own)
    if operation.amounts:
        described["constraints"] = dict(operation.amounts)
    counts = {
        "conditions": operation.condition_count,
        "after": operation.order_count,
        "concurrency": operation.concurrency,
    }
    described |= {name: number for name, number in counts.items() if number}
    if isinstance(operation, Map):
        signature = operation.signature._asdict()
        del signature["streamed"]  # a target that is streamed is read off a graph as a map
        for name in ("as_array", "on_error"):
            if signature[name] == MapSignature._field_defaults[name]:
                del signature[name]
        described["map"] = {
            name: list(value) if isinstance(value, tuple) else value for name, value in signature.items()
        }
    return described


def _describe_retry(retry: Retry, where: str) -> dict[str, object]:
    described = {field.name: getattr(retry, field.name) for field in dataclasses.fields(retry)}
    kinds = described["retry_on"]
    try:
        described["retry_on"] = [class_path(kind) for kind in kinds] if isinstance(kinds, tuple) else class_path(kinds)
    except SerializationError as error:
        raise SerializationError(error.what, where=where, expected=error.expected) from None
    return described


def _describe_cache(
    cache: CachePolicy, caches: Mapping[str, CachePolicy], where: str, own: CachePolicy | None
) -> str | bool:
    for name, known in caches.items():
        if known is cache:
            return name
    if cache is own:
        return True
    raise SerializationError(
        f"a {type(cache).__name__} is an object of this program, which has no JSON form",
        where=where,
        expected="one of " + ", ".join(map(repr, caches)) if caches else "a cache that has a name",
        hint="name it: to_json(target, caches={'name': cache}), and from_json(text, caches={'name': cache})",
    )


# -- Reading ----------------------------------------------------------------------------------------------------------


class PolicyReader:
    """Reads descriptions that `describe_policies` has written.

    Args:
        names: decides which exception types may be named.
        caches: those that the caller names.
        widest: no row has more references.
    """

    def __init__(self, names: Names, caches: Mapping[str, CachePolicy], widest: int) -> None:
        self.names = names
        self.caches = caches
        self.widest = widest

    def read(self, value: dict[str, object], task: Task[..., object], where: str) -> Policies:
        """Returns the policies in `value`, with None for references of the row."""
        try:
            return self._read(value, task, where)
        except CascadeError as error:
            if isinstance(error, SerializationError):
                raise
            raise SerializationError(error.what, where=where, expected=error.expected, hint=error.hint) from None

    def _read(self, value: dict[str, object], task: Task[..., object], where: str) -> Policies:
        form = self._form(value["map"], task, f"{where}.map") if "map" in value else None
        concurrency = value.get("concurrency")
        if concurrency is not None and (form is None or type(concurrency) is not int or concurrency < 1):
            fail(f"it is {concurrency!r}", f"{where}.concurrency", expected="a number from 1 up, for a map")
        return Policies(
            self._retry(value["retry"], f"{where}.retry") if "retry" in value else None,
            as_timeout(cast("float | None", value.get("timeout"))),
            self._cache(value["cache"], task, f"{where}.cache") if "cache" in value else None,
            self._constraints(value["constraints"], f"{where}.constraints") if "constraints" in value else (),
            (None,) * self._count(value.get("conditions", 0), f"{where}.conditions"),
            (None,) * self._count(value.get("after", 0), f"{where}.after"),
            concurrency,
            form,
        )

    def _count(self, value: object, where: str) -> int:
        # Before anything is made of that size.
        if type(value) is not int or not 0 <= value <= self.widest:
            fail(f"it is {value!r}", where, expected=f"a number from 0 to {self.widest}, as no row has more references")
        return value

    def _retry(self, value: object, where: str) -> Retry:
        names = tuple(field.name for field in dataclasses.fields(Retry))
        options = dict(check_keys(value, where, names[:1], names[1:]))
        if "retry_on" in options:
            paths = options["retry_on"]
            if isinstance(paths, list):
                options["retry_on"] = tuple(
                    self.names.find_error(path, f"{where}.retry_on[{at}]") for at, path in enumerate(paths)
                )
            else:
                options["retry_on"] = self.names.find_error(paths, f"{where}.retry_on")
        return Retry(**options)

    def _cache(self, value: object, task: Task[..., object], where: str) -> CachePolicy:
        if value is True:
            own: CachePolicy | None = None if task.policies is None else task.policies.cache
            if own is None:
                fail(f"task {task.name!r} has no cache of its own", where)
            return own
        if not isinstance(value, str):
            fail(f"it is {value!r}", where, expected="the name of a cache, or true for the task's own")
        if value not in self.caches:
            fail(
                f"the cache {value!r} is not known",
                where,
                expected="one of " + ", ".join(map(repr, self.caches))
                if self.caches
                else "a cache that the caller names",
                hint=nearest(value, self.caches) or f"give it: from_json(text, caches={{{value!r}: ...}})",
            )
        return self.caches[value]

    def _constraints(self, value: object, where: str) -> tuple[tuple[str, object], ...]:
        if not isinstance(value, dict):
            fail(f"it is a {type(value).__name__}", where, expected="an object: amounts by name")
        for name, amount in value.items():
            if amount is not None:
                check_amount(name, amount)
        return tuple(value.items())

    def _form(self, value: object, task: Task[..., object], where: str) -> MapSignature:
        fields, defaults = MapSignature._fields, MapSignature._field_defaults
        optional = tuple(name for name in defaults if name != "streamed")
        described = check_keys(value, where, tuple(name for name in fields if name not in defaults), optional)
        names: list[str] = []
        options: dict[str, Any] = {
            "positional": self._count(described["positional"], f"{where}.positional"),
            "as_array": described.get("as_array", False),
            "on_error": described.get("on_error", "raise"),
        }
        as_tolerated(options["on_error"])
        if type(options["as_array"]) is not bool:
            fail(f"it is {options['as_array']!r}", f"{where}.as_array", expected="true or false")
        slots: list[int] = []  # of what is shared and goes by position
        for field in ("names", "shared"):
            given = described.get(field, [])
            kinds = (str, int) if field == "shared" else (str,)
            if not isinstance(given, list) or any(type(name) not in kinds for name in given):
                fail("it is not a list of names", f"{where}.{field}")
            options[field] = tuple(given)
            names += [name for name in given if isinstance(name, str)]
            slots += [slot for slot in given if isinstance(slot, int)]
        form = MapSignature(**options)
        if not form.inputs:
            fail("it has no inputs", where)
        if len(set(names)) < len(names):
            fail("a name stands twice", where)
        first = form.leading
        if any(not first + form.positional <= slot < task.binder.positional_only for slot in slots[first:]) or len(
            set(slots)
        ) < len(slots):
            fail("it names no parameter of the task that goes by position only", f"{where}.shared")
        try:
            task.bind(*(None,) * (first + form.positional), **dict.fromkeys(names))
        except TypeError as error:
            fail(f"the task cannot be called so: {error}", where)
        return form
