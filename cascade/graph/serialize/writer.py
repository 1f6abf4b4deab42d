"""Writes a graph as JSON: its operations once each, its rows and its inputs."""

from __future__ import annotations

import json
from collections.abc import Mapping

from cascade._vm import entry_point, holds_deferred
from cascade.declare.cache_policy import CachePolicy
from cascade.declare.operators import is_operator
from cascade.declare.resources import Injection
from cascade.declare.task import Task
from cascade.errors import SerializationError
from cascade.graph.build import build_graph
from cascade.graph.calls import NO_INPUT
from cascade.graph.containers import Container
from cascade.graph.operations import PolicyOperation, operation_of
from cascade.graph.outline import Entry, Outline, outline
from cascade.graph.serialize.format import FORMAT, FROM_JUMP, TASK_OPTIONS, VERSION
from cascade.graph.serialize.names import path_of, resolve_loaded
from cascade.graph.serialize.policies import check_caches, describe_policies
from cascade.graph.serialize.values import encode_value


@entry_point
def to_json(target: object, *, indent: int | None = None, caches: Mapping[str, CachePolicy] | None = None) -> str:
    """Writes a graph as JSON, with its policies.

    Args:
        target: a Graph, a LazyResult, or a container of LazyResults.
        indent: spaces for each level, to be read by people.
        caches: names for the caches of nodes, which are objects of this program; `from_json` has to be given caches of
            these names. One that is the default of a task needs none.

    Raises:
        SerializationError: (a ValueError) a task cannot be found by its name, or an argument or a policy has no JSON form;
            the message names the node and the parameter or policy.
    """
    writer = Writer(outline(build_graph(target)), check_caches(caches))
    return json.dumps(writer.document(), indent=indent, allow_nan=False)


class Writer:
    """Writes the entries of an outline as rows: those of the graph last."""

    def __init__(self, whole: Outline, caches: Mapping[str, CachePolicy]) -> None:
        self.whole = whole
        self.caches = caches
        self.described: list[dict[str, object]] = []
        self.numbers: dict[object, int] = {}  # of operations, and of what was described, as text

    def document(self) -> dict[str, object]:
        entries, count = self.whole.entries, len(self.whole.entries)
        order = [*range(self.whole.rows, count), *range(self.whole.rows)]
        shift = {number: row for row, number in enumerate(order)}
        rows, jumps = [], []
        for row, number in enumerate(order):
            entry = entries[number]
            references = (*entry.references[:1], *(route for _, route in entry.routes), *entry.references[1:])
            rows.append([self.operation(number), *(shift[r] if r >= 0 else r for r in references)])
            if entry.jumps is not None:
                ways = [[self.key(key, number), None if state is None else shift[state]] for key, state in entry.jumps]
                jumps.append([row, ways])
        document: dict[str, object] = {"format": FORMAT, "version": VERSION, "operations": self.described, "rows": rows}
        if jumps:
            document["jumps"] = jumps
        document["inputs"] = [self.input(number) for number in range(len(self.whole.inputs))]
        return document

    def operation(self, number: int) -> int:
        """Returns the number of an entry's operation among the described ones; describes it first if it is new."""
        entry = self.whole.entries[number]
        known = None if entry.is_router else self.numbers.get(entry.operation)
        if known is None:
            described = self.describe(entry, number)
            text = json.dumps(described)
            known = self.numbers.get(text)
            if known is None:
                known = self.numbers[text] = len(self.described)
                self.described.append(described)
            self.numbers[entry.operation] = known
        return known

    def describe(self, entry: Entry, number: int) -> dict[str, object]:
        operation = entry.operation
        if isinstance(operation, Container):
            return {"container": operation.name}
        if isinstance(operation, Injection):
            return _describe_injection(operation)
        task, own = operation.task, None
        described: dict[str, object]
        if entry.is_router:
            described = {"router": [self.key(key, number) for key, _ in entry.routes]}
        else:
            described = self.task(task)
            own = task.policies.cache if task.policies is not None and "task" in described else None
        if isinstance(operation, PolicyOperation):
            described |= describe_policies(operation, self.caches, self.whole.label(number), own)
        return described

    def task(self, task: Task[..., object]) -> dict[str, object]:
        if is_operator(task):
            return {"operator": task.name}
        where = f"task {task.name!r}"
        path = path_of(task, task.func, where)
        if resolve_loaded(path) is task:
            return {"task": path}
        described = {"function": path, **{name: getattr(task, name) for name in TASK_OPTIONS}}
        operation = operation_of(task)
        if isinstance(operation, PolicyOperation):
            described["defaults"] = describe_policies(operation, self.caches, where)
        return described

    def key(self, key: object, number: int) -> object:
        where = f"a key of {self.whole.label(number)}"
        if holds_deferred(key):
            raise SerializationError(f"{key!r} has no JSON form", where=where, expected="a value")
        return encode_value(key, where)

    def input(self, number: int) -> object:
        value = self.whole.inputs[number]
        return FROM_JUMP if value is NO_INPUT else encode_value(value, lambda: self.user(number))

    def user(self, number: int) -> str:
        """Returns the use of an input, for messages."""
        for index, entry in enumerate(self.whole.entries):
            for position, reference in enumerate(entry.references):
                if reference == -1 - number:
                    if position < len(entry.names):
                        return f"argument {entry.names[position]!r} of {self.whole.label(index)}"
                    return f"a {entry.operation.name} in an argument"
            if -1 - number in (route for _, route in entry.routes):
                return f"a route of {self.whole.label(index)}"
        return f"input {number}"


def _describe_injection(operation: Injection) -> dict[str, object]:
    described: dict[str, object] = {"resource": operation.name}
    if operation.resource is not None:
        described["of"] = path_of(operation.resource, operation.resource.func, f"resource {operation.name!r}")
    return described
