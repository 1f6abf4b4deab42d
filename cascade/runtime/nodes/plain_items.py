"""The items of a map that are called plainly: by a loop of the VM, or by kernels."""

from __future__ import annotations

import itertools
import time

from cascade._vm import call_each
from cascade.compiler.code_cache import has_plain_items
from cascade.declare.failed import Failed
from cascade.declare.lazy import LazyResult
from cascade.declare.task import Task
from cascade.graph.operations import Map
from cascade.imports import TYPE_CHECKING
from cascade.runtime.nodes.call import Call
from cascade.runtime.nodes.item_calls import Fairness, Rows, failed_item
from cascade.runtime.nodes.item_failures import ItemFailures
from cascade.runtime.nodes.kernel_maps import Column, kernels_of, lists_of

if TYPE_CHECKING:
    from cascade.runtime.nodes.context import NodeContext

MAP_LIMIT = 16
"""Inputs and shared values of a map whose items are called plainly."""


class PlainItems:
    """The items of a map that are called plainly: by a loop of the VM, or by kernels.

    Attributes:
        results: those so far.
        is_special: whether the last result is not a value yet; then the items behind it are not called.
        has_continued: whether results of a saved run are not values yet: those of items that continue.
        failed: the first failure that is not tolerated.
    """

    def __init__(self, rows: Rows, task: Task[..., object], inputs: _Inputs, failures: ItemFailures) -> None:
        context = rows.call.context
        columns, self._positional, self._names = inputs
        self._rows = rows
        self._failures = failures
        self._count = len(rows.columns[0])
        self._kernels, self.results = kernels_of(rows.call, columns, self._positional, self._names, self._count)
        self._lists = [] if self._kernels is not None else lists_of(columns, self._count)
        self._called = task.by_kernel if context.lowers else task.called
        self._function = task.called
        self.is_special = False
        self.has_continued = False
        self.failed: Failed | None = None

    @classmethod
    def of(cls, rows: Rows, operation: Map, failures: ItemFailures) -> PlainItems | None:
        """Returns the items of a map, None where they are not called plainly."""
        call = rows.call
        subscribed = call.context.publisher.observes_items and call.is_published
        if subscribed or not is_plain(operation, call.context):
            return None
        inputs = _with_shared(call, operation, rows.columns)
        if inputs is None or len(inputs[0]) > MAP_LIMIT:
            return None
        return cls(rows, operation.task, inputs, failures)

    @property
    def is_done(self) -> bool:
        return self.is_special or self.failed is not None or len(self.results) >= self._count

    async def run(self, fairness: Fairness) -> None:
        """Calls all of them, up to the first failure that is not tolerated."""
        call = self._rows.call
        if call.context.durable is not None and isinstance(self.results, list) and self._kernels is None:
            found, results = call.context.durable.finished_items(call), self.results
            results += [found[at] for at in itertools.takewhile(found.__contains__, range(self._count))]
            self.has_continued = any(type(each) is LazyResult for each in results)
            # A special result is that of an item which continues.
            call.context.durable.note_items(call, lambda: dict(enumerate(results[: len(results) - self.is_special])))
        while not self.is_done:
            self.advance(fairness.seconds)
            if len(self.results) < self._count and self.failed is None:
                await fairness.check(len(self.results))

    def advance(self, seconds: float) -> None:
        """Calls some of them, for about `seconds`."""
        results, kernels, end = self.results, self._kernels, time.monotonic() + seconds
        # Not left at each failure: each error's frames would keep a frame of this function alive.
        while True:
            try:
                if isinstance(results, list) and kernels is None:
                    self.is_special = call_each(
                        self._called, self._lists, self._positional, self._names, results, seconds
                    )
                elif kernels is not None and kernels.run(seconds):
                    self.is_special = kernels.call_each(self._function, self._positional, self._names, seconds)
                return
            except Exception as error:
                self._fail(error)
            if self.is_done or time.monotonic() >= end:
                return

    def _fail(self, error: Exception) -> None:
        results, call = self.results, self._rows.call
        position = self._rows.first + len(results)
        failure = self._failures.take(error, self._rows.item(position)) if self._failures.may_take else None
        if failure is None:
            self.failed = failed_item(call, error, position)
        elif isinstance(results, list):
            results.append(failure)
        else:
            results.add(failure)

    def take_failed(self) -> Failed | None:
        """Returns the failure that has ended the map, and drops it: frames of its traceback lead to this object."""
        failed, self.failed = self.failed, None
        try:
            return failed
        finally:
            del failed


_Inputs = tuple[list[Column], int, tuple[str, ...] | None]


def _with_shared(call: Call, operation: Map, columns: list[Column]) -> _Inputs | None:
    """Returns the columns with shared values, each in a tuple, the number of positional ones, and the names of the others; None if one has no name."""
    signature = operation.signature
    first = signature.leading
    named = tuple(each for each in signature.shared[first:] if isinstance(each, str))
    if len(named) < len(signature.shared) - first:
        return None
    more: list[Column] = [(value,) for value in call.operands[operation.shared]]
    return more[:first] + columns + more[first:], first + signature.positional, (*signature.names, *named) or None


def is_plain(operation: Map, context: NodeContext) -> bool:
    """Returns True if items that are not observed are called directly, by a loop of the VM or by kernels."""
    return (
        not context.inputs.takes_placeholders  # an item may hold a resource that is set up for its call
        and has_plain_items(operation)
        and context.calls_inline
    )
