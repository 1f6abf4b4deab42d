"""Blocks of items in a worker: the items are called plainly, by kernels where the task has some, and the answer is bytes."""

from __future__ import annotations

import pickle
import time
from typing import NamedTuple, Protocol, cast

from cascade.adapters.executors.handshake import check_code
from cascade.adapters.executors.packing import SHARED, VALUES, Packed, pack, unpack
from cascade.adapters.executors.sending import dumps_for_caller
from cascade.adapters.executors.shared_arrays import NotShared, SharedPart
from cascade.adapters.executors.worker import UNREADABLE, UNSENDABLE, failure_of, prepare, reason_of
from cascade.declare.policies import PLAIN, MapSignature
from cascade.declare.task import Task
from cascade.errors import SendingError
from cascade.events.silent import SILENT
from cascade.graph.operations import Map, operation_with
from cascade.imports import TYPE_CHECKING
from cascade.runtime.kernel_hooks import KernelsOfCalls
from cascade.runtime.nodes.call import Call
from cascade.runtime.nodes.item_calls import Rows
from cascade.runtime.nodes.item_failures import ItemFailures
from cascade.runtime.nodes.kernel_maps import Column, array_column
from cascade.runtime.nodes.plain_items import PlainItems
from cascade.runtime.run_inputs import RunInputs
from cascade.runtime.spine.failures import NO_LIMITS

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    from numpy.typing import NDArray

    from cascade.runtime.nodes.call import ItemCall
    from cascade.runtime.nodes.context import NodeContext

DONE, MISSING, REFUSED, UNSHARED = "done", "missing", "refused", "unshared"
KEPT_LIMIT, KEPT_BYTES = 100, 1 << 28
SLICE = 0.05
"""Seconds of calls between two looks whether the block has to end."""

_kept: dict[bytes, tuple[bytes, _Made | None]] = {}
"""By their hashes, programs that have come, and what was made of those that may be kept."""


class Program(NamedTuple):
    """What the blocks of a map have in common: it is sent once to each worker.

    Attributes:
        function: the function, its task, or its pickle.
        digest: of the function's code, where it goes by its name.
        shared: the values that all items share.
        stops: whether a failure ends the map.
        by_kernel: whether kernels may be made of the function.
        keeps: whether no call can find out that others were made before, so that it is read once and kept.
    """

    function: object
    digest: bytes | None
    name: str
    lower: bool | None
    signature: MapSignature
    shared: tuple[object, ...]
    stops: bool
    by_kernel: bool
    keeps: bool


class BlockCancelled(Protocol):
    """Says to a block in its worker whether nobody waits for it any more."""

    def __call__(self) -> bool: ...
    def end(self) -> None: ...


class Block(NamedTuple):
    """Some items.

    Attributes:
        columns: for each input its items.
        seconds: after so many no further item is begun, and the rest is sent back.
        cancelled: says whether nobody waits for it any more.
    """

    columns: tuple[Packed, ...]
    seconds: float
    cancelled: BlockCancelled


class _Made(NamedTuple):
    """A program that can be run here."""

    program: Program
    operation: Map


def run_block(path: list[str] | None, key: bytes, program: bytes | None, block: bytes) -> bytes:
    """Calls a task for a block of items.

    Args:
        path: the caller's sys.path, if it has changed since the worker was started.
        key: the hash of the program.
        program: the pickle of a Program; None where the worker may have it.
        block: the pickle of a Block.

    Returns:
        The pickle of one of
            (DONE, seconds, count, results, failures): `count` items are done; `failures` has answers by the number of the item
            (MISSING,): the program is not here
            (UNSHARED,): it cannot read the memory of the sender, and needs the arrays themselves
            (REFUSED, answer): the task has other code here
            (UNREADABLE, reason): the program or the block cannot be unpickled here
    """
    prepare(path)
    try:
        made = _made(key, program)
        if made is None:
            return pickle.dumps((MISSING,))
        content = Block(*pickle.loads(block))
        columns = [_column(packed, made.program.by_kernel) for packed in content.columns]
    except NotShared:
        return pickle.dumps((UNSHARED,))
    except SendingError as error:
        return pickle.dumps((REFUSED, failure_of(error)))
    except BaseException as error:
        return pickle.dumps((UNREADABLE, reason_of(error)))
    return _Work(made, columns).run(content)


def _column(packed: Packed, typed: bool) -> Column:
    values = packed[1]
    if packed[0] == SHARED:
        part, start, end = cast("tuple[SharedPart, int, int]", packed[1:])
        values = part.array()[start:end]
    array = array_column(values) if typed and packed[0] in (SHARED, VALUES) else None
    if array is not None:
        return array
    # A copy: rows of an array may be written to.
    return unpack(packed) if packed[0] != SHARED else list(cast("NDArray[np.generic]", values).copy())


def _made(key: bytes, program: bytes | None) -> _Made | None:
    kept, made = _kept.get(key, (None, None))
    if made is not None:
        return made
    if kept is None:
        if program is None:
            return None
        _drop_old(len(program))
        _kept[key] = kept, made = program, None
    found = Program(*pickle.loads(kept))
    made = _Made(found, _operation(found))
    if found.keeps:
        _kept[key] = kept, made
    return made


def _drop_old(coming: int) -> None:
    """Makes room for a program of so many bytes: the oldest ones go first."""
    size = sum(len(body) for body, _ in _kept.values())
    while _kept and (len(_kept) >= KEPT_LIMIT or size + coming > KEPT_BYTES):
        body, _ = _kept.pop(next(iter(_kept)))
        size -= len(body)


def _operation(program: Program) -> Map:
    function = cast(
        "Callable[..., object]",
        pickle.loads(program.function) if type(program.function) is bytes else program.function,
    )
    if isinstance(function, Task):
        function = function.called
    check_code(program.name, function, program.digest)
    task: Task[..., object] = Task(function, name=program.name, lower=program.lower)
    signature = program.signature._replace(on_error="collect", as_array=False, streamed=False)
    # One thread for each block: there are as many blocks as there are cores.
    return cast("Map", operation_with(task, PLAIN._replace(construct=signature, concurrency=1)))


class _Context:
    """The services of a run that plain items use."""

    publisher = SILENT
    observed = False
    calls_inline = True
    limits = NO_LIMITS
    kernel = staticmethod(KernelsOfCalls.kernel)

    def __init__(self, lowers: bool) -> None:
        self.lowers = lowers
        self.inputs = RunInputs()


_FAILED = object()


class _Failures(ItemFailures):
    """The failures of a block's items, as answers by their numbers."""

    def __init__(self, stops: bool) -> None:
        self.may_take = True
        self.answers: dict[int, bytes] = {}
        self._stops = stops

    @property
    def end(self) -> bool:
        return self._stops and bool(self.answers)

    def take(self, error: BaseException, item: ItemCall, text: str | None = None) -> object:  # type: ignore[override]
        self.answers[item.position] = failure_of(error)
        return _FAILED


class _Work:
    """The items of a block under way."""

    def __init__(self, made: _Made, columns: list[Column]) -> None:
        program, operation = made
        context = cast("NodeContext", _Context(program.by_kernel))
        call = Call(context, operation, (*(None,) * operation.signature.inputs, *program.shared), 0, 0)
        self._failures = _Failures(program.stops)
        plain = PlainItems.of(Rows(call, operation, columns), operation, self._failures)
        assert plain is not None and isinstance(plain.results, list)
        self._plain = plain
        self._results = plain.results

    def run(self, block: Block) -> bytes:
        begun = time.perf_counter()
        plain, failures = self._plain, self._failures
        while not plain.is_done and not failures.end:
            try:
                plain.advance(SLICE)
            except BaseException as error:  # as SystemExit: it ends the map
                failures.answers[len(self._results)] = failure_of(error)
                self._results.append(_FAILED)
                break
            plain.is_special = False  # the caller continues with such a result
            if time.perf_counter() - begun > block.seconds or block.cancelled():
                break
        return self._answer(time.perf_counter() - begun)

    def _answer(self, seconds: float) -> bytes:
        results, answers = self._results, self._failures.answers
        for number in answers:
            results[number] = 0 if number == 0 else results[number - 1]  # any value that can be sent with the others
        try:
            return dumps_for_caller((DONE, seconds, len(results), pack(results), answers))
        except BaseException:
            return self._answer_one_by_one(seconds)

    def _answer_one_by_one(self, seconds: float) -> bytes:
        results, answers = self._results, self._failures.answers
        for number, value in enumerate(results):
            try:
                dumps_for_caller(value)
            except BaseException as error:
                what = f"its value, of type {type(value).__name__},"
                answers.setdefault(number, pickle.dumps((UNSENDABLE, what, reason_of(error))))
                results[number] = None
        return dumps_for_caller((DONE, seconds, len(results), pack(results), answers))
