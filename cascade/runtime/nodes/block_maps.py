"""Maps of compute tasks in blocks: so many items at once go to a worker as are worth a message, and their results come back together.

Blocks are given out in order, no more than the workers need. Items that fail in a block, and results that are not values yet, continue here as calls
with policies. Where items observe, wait for capacity, have a time limit or a cache, each is a call of its own (`item_calls`).
"""

from __future__ import annotations

import hashlib
import heapq
import pickle
import time
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from typing import NamedTuple, Protocol

from cascade._vm import TailCall, holds_made
from cascade.adapters.executors.cancelled import Cancelled
from cascade.adapters.executors.handshake import digest
from cascade.adapters.executors.messages import error_of_answer
from cascade.adapters.executors.packing import NUMBERS, SCALARS, SHARED, Packed, joined, pack, unpack
from cascade.adapters.executors.sending import dumps_for_worker, has_name
from cascade.adapters.executors.shared_arrays import SharedArray, is_worth_sharing
from cascade.adapters.executors.stateless import is_stateless
from cascade.adapters.executors.worker_pool import WorkerPool
from cascade.declare.control import together
from cascade.declare.failed import Failed, add_note
from cascade.declare.lazy import LazyResult
from cascade.declare.task import Task
from cascade.errors import WorkerError
from cascade.graph.operations import Map
from cascade.imports import asyncio, cast, weakref
from cascade.runtime.nodes.attempts import attempts
from cascade.runtime.nodes.block_pool import is_sliced
from cascade.runtime.nodes.block_sizes import BYTES, LIMIT, BlockSizes
from cascade.runtime.nodes.block_work import DONE, MISSING, REFUSED, UNSHARED, Block, BlockCancelled, Program, run_block
from cascade.runtime.nodes.call import Call, ItemCall
from cascade.runtime.nodes.item_calls import UNKNOWN, Fairness, Items, Rows, check_columns, failed_item
from cascade.runtime.nodes.item_failures import ItemFailures
from cascade.runtime.nodes.kernel_maps import is_array
from cascade.runtime.spine.task_group import cancel_all

SMALL = 2000
"""Bytes of a program that goes with each block: less than it costs to ask for it."""
PIECES = 1000
"""A block whose worker died is divided into so many at most."""
TAKING = 0.05
"""Seconds that items may take to come from an iterator; what has come by then is a block."""
PATIENCE = 4.0
"""Seconds that a map which has failed waits for items before the one that failed: one of them may fail as well."""


class Out(Protocol):
    """Where results go: a `Sink`, or a `Gathered`."""

    on_room: Callable[[], None] | None

    def put(self, position: int, values: Sequence[object]) -> None: ...
    @property
    def is_full(self) -> bool: ...


class Gathered:
    """The results of a map, put in any order.

    Attributes:
        are_values: whether none of them is a result that has to be computed.
    """

    is_full = False
    on_room: Callable[[], None] | None = None
    are_values = True

    def __init__(self) -> None:
        self._parts: dict[int, Sequence[object]] = {}
        self._packed: dict[int, Packed] = {}

    def put(self, position: int, values: Sequence[object]) -> None:
        """Puts the results of items that begin at `position`; one that has to be computed is put alone."""
        self._parts[position] = values
        if len(values) == 1 and type(values[0]) is LazyResult:
            self.are_values = False

    def put_packed(self, position: int, packed: Packed) -> None:
        """As `put`, of results as they have come."""
        self._packed[position] = packed

    def array(self) -> object:
        """Returns the array of all results, where they are numbers of one type that were put as they came; else None."""
        return joined([self._packed[position] for position in sorted(self._packed)]) if not self._parts else None

    def values(self) -> list[object]:
        """Returns all results in order, and keeps none."""
        parts = self._parts | {position: unpack(packed) for position, packed in self._packed.items()}
        self._parts, self._packed = {}, {}
        found: list[object] = []
        for position in sorted(parts):
            found += parts.pop(position)
        return found


class _Block:
    """Items on their way.

    Attributes:
        start: the number of the first.
        columns: the items of each input.
        attempt: how many workers have died with it.
        due: when it may be sent, on the clock of `time.monotonic()`.
    """

    __slots__ = ("attempt", "columns", "count", "due", "start")

    def __init__(self, start: int, columns: list[Sequence[object]], attempt: int = 0) -> None:
        self.start = start
        self.columns = columns
        self.count = len(columns[0])
        self.attempt = attempt
        self.due = 0.0

    def part(self, start: int, end: int) -> _Block:
        return _Block(self.start + start, [column[start:end] for column in self.columns], self.attempt)

    def pieces(self, size: int) -> list[_Block]:
        return [self.part(start, start + size) for start in range(0, self.count, size)]

    def __lt__(self, other: _Block) -> bool:
        return self.start < other.start


class _Answer(NamedTuple):
    """The answer of `run_block` whose items were done."""

    seconds: float
    done: int
    results: Packed
    failures: dict[int, bytes]


class BlockRows(Rows):
    """The arguments of items that are taken block by block.

    Args:
        given: the inputs.
        count: the number of items of each of them; None where that is not known.

    Attributes:
        taken: how many items were taken.
        is_slow: whether the last ones took long to come.
    """

    def __init__(self, call: Call, operation: Map, given: Sequence[object], count: int | None) -> None:
        super().__init__(call, operation, [])
        self.count = count
        self.taken = 0
        self.is_slow = False
        self._given = given
        self.shared = {} if count is None else _shared(given)
        self._iterators: list[Iterator[object] | None] = [None if is_sliced(items) else iter(items) for items in given]  # type: ignore[call-overload]

    def take(self, count: int) -> list[Sequence[object]]:
        """Returns the next items of each input: as many as there are, or have come in time."""
        columns: list[Sequence[object]] = []
        taken, count = self._taken_in_time(count)
        for items, iterator in zip(self._given, self._iterators, strict=True):
            if iterator is not None:
                columns.append(taken.pop(0))
            else:
                part = items[self.taken : self.taken + count]  # type: ignore[index]
                columns.append(list(part) if type(part) is tuple else part)
        if self.count is None:
            check_columns(self.call, columns, self.taken)
        self.taken += len(columns[0])
        return columns

    def _taken_in_time(self, count: int) -> tuple[list[list[object]], int]:
        """Returns the next items of the inputs that are iterators, and how many were asked for: fewer than `count` where they are slow to come."""
        iterators = [iterator for iterator in self._iterators if iterator is not None]
        columns: list[list[object]] = [[] for _ in iterators]
        self.is_slow = False
        if not iterators:
            return columns, count
        latest = time.monotonic() + TAKING
        asked = 0
        while asked < count and not self.is_slow:
            asked = min(count, 2 * asked + 1, asked + 64)
            for iterator, column in zip(iterators, columns, strict=True):
                column += islice(iterator, asked - len(column))
            if any(len(column) < asked for column in columns):
                break
            self.is_slow = time.monotonic() > latest
        return columns, asked

    def call_in(self, block: _Block, number: int) -> ItemCall:
        """Returns the call of an item of a block."""
        return self.call_with(block.start + number, [column[number] for column in block.columns])


def _shared(given: Sequence[object]) -> dict[int, SharedArray]:
    """Returns, by the numbers of the inputs, the arrays that workers of this machine read in shared memory."""
    return {
        number: SharedArray(items)  # type: ignore[arg-type]
        for number, items in enumerate(given)
        if is_array(items) and is_worth_sharing(items)  # type: ignore[arg-type]
    }


class BlockItems(Items):
    """The items of a map under way, most of them in blocks.

    Args:
        out: where results go.
    """

    def __init__(
        self,
        rows: BlockRows,
        out: Out,
        failures: ItemFailures,
        fairness: Fairness,
        pool: WorkerPool,
        completes: bool,
    ) -> None:
        super().__init__(rows, [], failures, fairness, completes, None)
        self._blocks = rows
        self._out = out
        out.on_room = self._wake
        self._pool = pool
        operation = rows.call.operation
        limit = operation.concurrency
        self._workers = pool.count if limit is None else min(pool.count, limit)
        self._room = self._workers if limit is not None else 2 * self._workers
        self._die_together: bool = getattr(pool, "die_together", False)
        self._sizes = BlockSizes(self._workers, getattr(pool, "message_bytes", BYTES))
        self._waiting: list[_Block] = []
        self._under_way: dict[asyncio.Future[object], _Block] = {}
        self._landed: list[asyncio.Future[object]] = []
        self._program: _Sent | None = None
        self._cancelled: BlockCancelled = getattr(pool, "cancelled", Cancelled)()
        self._is_measured = False
        self._failed_at = -1
        self._as_array = operation.signature is not None and operation.signature.as_array
        self._give_up = 0.0

    # -- The loop ---------------------------------------------------------------------------------------------------

    async def run(self, begun: int = 0, special: object = None) -> Failed | None:
        try:
            return await self._run()
        finally:  # also where the coroutine is closed, and nothing can be awaited any more
            self._cancelled.end()
            for array in self._blocks.shared.values():
                array.close()

    async def _run(self) -> Failed | None:
        await self._call.park()
        self.task = asyncio.current_task()
        while True:
            self._give_out()
            if not self._goes_on():
                return self._failed
            if not self._landed:
                await self._wait()
            landed, self._landed = self._landed, []
            for future in landed:
                await self._land(self._under_way.pop(future), future)
            self._fairness.publish_progress(self._done)

    def _goes_on(self) -> bool:
        if self._failed is None:
            return bool(self._under_way or self._active or self._out.is_full)
        # Plain Python would raise the failure of the first item.
        before = [block.start for block in self._under_way.values()] + [item.position for item in self._active.values()]
        return any(start < self._failed_at for start in before) and time.monotonic() < self._give_up

    def _end_block(self, future: asyncio.Future[object]) -> None:
        if future in self._under_way:
            self._landed.append(future)
            self._wake()

    def _give_out(self) -> None:
        room = self._room if self._is_measured else self._workers
        while len(self._under_way) < room and not self._waits_for_others():
            block = self._next()
            if block is None:
                return
            task: asyncio.Future[object] = asyncio.get_running_loop().create_task(
                self._send(block), name=f"{self._call.operation.name} block"
            )
            self._under_way[task] = block
            task.add_done_callback(self._end_block)
            if self._blocks.is_slow:  # the block is sent, and answers are taken, before the next items
                asyncio.get_running_loop().call_soon(self._wake)
                return

    def _waits_for_others(self) -> bool:
        """Returns whether no block may be sent beside those under way: where workers die together, a last attempt is made alone."""
        if not self._die_together or not self._under_way:
            return False
        return any(map(self._is_last, self._under_way.values())) or any(map(self._is_last, self._waiting[:1]))

    def _is_last(self, block: _Block) -> bool:
        retry = self._call.operation.retry
        return retry is not None and 0 < block.attempt == retry.max_attempts - 1

    def _next(self) -> _Block | None:
        if self._waiting and (self._failed is None or self._waiting[0].start < self._failed_at):
            return heapq.heappop(self._waiting)
        if self._failed is not None or self._out.is_full:
            return None
        rows = self._blocks
        start = rows.taken
        left = None if rows.count is None else rows.count - start
        if left == 0:
            return None
        columns = rows.take(self._sizes.next(left))
        return _Block(start, columns) if len(columns[0]) else None

    async def stop(self) -> None:
        interrupted = await cancel_all(self._under_way)
        self._under_way.clear()
        await super().stop()
        if interrupted is not None:
            raise interrupted

    # -- One block --------------------------------------------------------------------------------------------------

    async def _send(self, block: _Block) -> object:
        """Returns the content of a block's answer; None where it cannot be sent, or not be read there."""
        if block.due:
            await asyncio.sleep(block.due - time.monotonic())
        name = self._call.operation.name
        message = self._message_of(block)
        if message is None or self._program is None:
            return None
        program, (packed, sent) = self._program, message
        body = program.body_if_needed()
        while True:
            answer = await self._pool.send(name, run_block, program.key, body, packed)
            content = pickle.loads(cast("bytes", answer))
            if content[0] == MISSING:
                body = program.body
            elif content[0] == UNSHARED:
                self._blocks.shared = {}
                message = self._message_of(block)
                if message is None:
                    return None
                packed, sent = message
            else:
                break
        del sent  # the answer may lead back to tasks that it holds
        if content[0] == REFUSED:
            raise error_of_answer(content[1], self._call.operation.task)
        if content[0] != DONE:
            return None
        answered = _Answer(*content[1:])
        program.note()
        return answered

    def _message_of(self, block: _Block) -> tuple[bytes, list[Task[..., object]]] | None:
        """Returns the message of a block, and the tasks in it; None where it cannot be sent."""
        try:
            if self._program is None:
                self._program = _Sent.of(self._call, self._pool, self._failures.may_take)
            columns = tuple(
                (SHARED, self._blocks.shared[number].part, block.start, block.start + block.count)
                if number in self._blocks.shared
                else pack(column)
                for number, column in enumerate(block.columns)
            )
            message, sent = dumps_for_worker(tuple(Block(columns, LIMIT, self._cancelled)))
        except Exception:
            return None
        self._sizes.note_message(block.count, len(message))
        return message, sent.tasks

    async def _land(self, block: _Block, future: asyncio.Future[object]) -> None:
        try:
            answer: _Answer | None = future.result()  # type: ignore[assignment]
        except WorkerError as error:
            self._died(block, error)
            return
        except Exception as error:
            self._fail_all(block, error)
            return
        if answer is None:
            await self._divide(block)
            return
        self._is_measured = True
        self._sizes.note(answer.done, answer.seconds)
        if answer.done < block.count:
            heapq.heappush(self._waiting, block.part(answer.done, block.count))
        await self._take(block, answer.done, answer.results, answer.failures)

    async def _take(self, block: _Block, done: int, packed: Packed, answers: dict[int, bytes]) -> None:
        """Takes the results of a block: values as they are, all others as calls that continue here."""
        if self._as_array and packed[0] in (NUMBERS, SCALARS) and not answers:
            assert isinstance(self._out, Gathered)
            self._out.put_packed(block.start, packed)
            self._done += done
            return
        values = unpack(packed)
        odd = sorted(answers)
        if packed[0] != NUMBERS:
            is_odd = _is_continuation if holds_made(values, UNKNOWN) else _is_tail_call
            odd = sorted({*odd, *(at for at, value in enumerate(values) if is_odd(value))})
        begun = 0
        for at in [*odd, len(values)]:
            if at > begun:
                self._out.put(block.start + begun, values[begun:at] if odd else values)
                self._done += at - begun
            begun = at + 1
        for at in odd:
            item = self._blocks.call_in(block, at)
            if at not in answers:
                value = values[at]
                await self._start(self._finish(item, together(value) if holds_made(value, UNKNOWN) else value), item)
                continue
            error = error_of_answer(answers[at], item.operation.task)
            if item.operation.retry is not None and isinstance(error, Exception):
                await self._start(self._again(item, error, block.attempt + 1), item)
            else:
                self._fail(error, item)

    async def _again(self, item: ItemCall, error: BaseException, number: int) -> object:
        return await self._finish(item, await attempts(item, error, number))

    async def _divide(self, block: _Block) -> None:
        """Sends halves of a block that could not be sent; a single item is a call of its own, which knows the reason."""
        if block.count > 1:
            for piece in block.pieces((block.count + 1) // 2):
                heapq.heappush(self._waiting, piece)
            return
        item = self._blocks.call_in(block, 0)
        await self._start(self._run_item(item), item)

    def _died(self, block: _Block, error: WorkerError) -> None:
        """Sends a block again whose worker has died, if the policy of the task says so: in pieces, as one item may be the reason."""
        retry = self._call.operation.retry
        block.attempt += 1
        if retry is None or block.attempt >= retry.max_attempts or not isinstance(error, retry.retry_on):
            self._fail_all(block, error)
            return
        delay = retry.delay_after(block.attempt)
        self._call.context.publisher.retrying(
            self._call.task_id(), self._call.operation.name, block.attempt, retry.max_attempts, delay, error
        )
        left = retry.max_attempts - block.attempt
        size = max(1, round(block.count ** ((left - 1) / left)), block.count // PIECES)
        due = time.monotonic() + delay if delay else 0.0
        for piece in block.pieces(size):
            piece.due = due
            heapq.heappush(self._waiting, piece)

    # -- Results ----------------------------------------------------------------------------------------------------

    def _put(self, position: int, value: object) -> None:
        self._out.put(position, (value,))
        self._done += 1

    def _fail_all(self, block: _Block, error: Exception) -> None:
        if block.count > 1:
            add_note(
                error,
                f"in items {block.start:,} to {block.start + block.count - 1:,} of the map, which were sent together",
            )
        for number in range(block.count):
            if self._failed is not None and block.start + number >= self._failed_at:
                return
            self._fail(error, self._blocks.call_in(block, number))

    def _fail(self, error: BaseException, item: ItemCall) -> None:
        if self._failed is not None and item.position > self._failed_at:
            super()._fail(error, item)
            return
        failure = self._failures.take(error, item)
        if failure is not None:
            self._put(item.position, failure)
            return
        if self._failed is None:
            self._give_up = time.monotonic() + PATIENCE
            asyncio.get_running_loop().call_later(PATIENCE, self._wake)
        self._failed = failed_item(self._call, error, item.position)
        self._failed_at = item.position


class _Sent:
    """The program of a map, and how often workers of a pool have had it.

    Attributes:
        key: its hash.
        body: its bytes.
    """

    def __init__(self, body: bytes, tasks: list[object], pool: WorkerPool) -> None:
        self.body = body
        self.key = hashlib.blake2b(body, digest_size=16).digest()
        self._tasks = tasks  # answers may lead back to them
        self._pool = pool
        self._known = _known.setdefault(pool, {})

    @classmethod
    def of(cls, call: Call, pool: WorkerPool, collects: bool) -> _Sent:
        """Returns the program of a map.

        Raises:
            Exception: it cannot be sent.
        """
        operation = call.operation
        assert isinstance(operation, Map)
        task = operation.task
        named = has_name(task)
        stateless = named or is_stateless(task.called)
        shared = tuple(call.operands[operation.shared])
        program = Program(
            task if named else task.called,
            digest(task.called) if named else None,
            task.name,
            task.lower,
            operation.signature,
            shared,
            not collects and operation.retry is None,
            call.context.lowers and task.lower is not False,
            stateless and all(type(value) in _LASTING for value in shared),
        )
        body, sent = dumps_for_worker(tuple(program))
        return cls(body, [*sent.tasks], pool)

    def body_if_needed(self) -> bytes | None:
        """Returns its bytes, as long as some worker may not have it yet; one that has not says so."""
        return None if len(self.body) > SMALL and self._known.get(self.key, 0) >= self._pool.count else self.body

    def note(self) -> None:
        """Notes that a worker has had it."""
        self._known[self.key] = self._known.get(self.key, 0) + 1


_LASTING = frozenset({type(None), bool, int, float, complex, str, bytes})
_known: weakref.WeakKeyDictionary[WorkerPool, dict[bytes, int]] = weakref.WeakKeyDictionary()


def _is_continuation(value: object) -> bool:
    return type(value) in (TailCall, LazyResult) or holds_made(value, UNKNOWN)


def _is_tail_call(value: object) -> bool:
    return type(value) is TailCall
