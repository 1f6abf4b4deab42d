"""DaskExecutor: compute tasks, and maps of them in blocks, on the workers of a Dask cluster."""

from __future__ import annotations

import asyncio
import contextlib
import importlib.util
import socket
import time
from _thread import allocate_lock
from collections.abc import Callable, Sequence
from concurrent.futures import Future, InvalidStateError
from importlib import import_module
from typing import Protocol, TypeGuard, cast

from cascade._vm import entry_point
from cascade.adapters.executors.blocks import next_ticket
from cascade.adapters.executors.handshake import enter, greeting
from cascade.adapters.executors.kept import LEAST, Answer, Kept, KeptAnswer, kept_answer
from cascade.adapters.executors.local import LocalExecutor
from cascade.adapters.executors.messages import died, not_finished
from cascade.adapters.executors.worker_call import answer_of
from cascade.adapters.executors.worker_pool import WorkerPool
from cascade.declare.amounts import as_timeout
from cascade.errors import CascadeError, DeclarationError, MissingExtraError, SchedulerError, SendingError, WorkerError

MESSAGE_BYTES = 4 << 20
"""Bytes of a block's message, about: they pass through the scheduler."""
COUNT_SECONDS = 5.0
"""Seconds for which the number of workers is taken to be the same."""
MARK = "-cascade-"
"""Stands in the keys of Dask's tasks behind the name of ours."""
LARGE = 8 << 20
"""Larger arguments, as programs with much data, go to the workers directly, once to each."""
LARGE_KEPT = 4
"""How many of them the workers keep: those that were sent last."""
RETRY_SECONDS = 0.1
"""Seconds between two attempts to reach a scheduler, which may just be starting."""
SCATTERS = 3
"""How often one call sends its large arguments: workers that held them may have died."""


class _Loop(Protocol):
    def add_callback(self, function: Callable[..., object], *arguments: object) -> None: ...


class Client(Protocol):
    """A `distributed.Client`, as far as it is used here; checkers need not have that package."""

    @property
    def loop(self) -> _Loop: ...
    @property
    def status(self) -> str: ...
    def submit(self, function: Callable[..., object], *arguments: object, **options: object) -> object: ...
    def scatter(self, data: object, *, broadcast: bool, hash: bool) -> _DaskFuture: ...
    def subscribe_topic(self, topic: str, handler: Callable[[tuple[float, object]], object]) -> None: ...
    def nthreads(self) -> dict[str, int]: ...
    def close(self) -> object: ...


class DaskExecutor(LocalExecutor):
    """Runs compute tasks on the workers of a Dask cluster, and everything else on this machine, as `LocalExecutor` does.

    A map of compute tasks travels in blocks, as with `cascade.Blocks`; a block is one task for Dask's scheduler, with the name of the task.

        with distributed.Client("tcp://scheduler:8786") as client:
            engine = cascade.Engine(executor=cascade.DaskExecutor(client))

    Results that only other compute tasks need stay on the workers, unless they are small.

    A worker that dies has its work done again by Dask, on another one, three times by default (`distributed.scheduler.allowed-failures`); then it is a
    WorkerError, which the retry policy of the task may answer. The workers need the same versions of Cascade and Python, the modules of the
    tasks, and the same code of those tasks that go by their names; one that differs says so.

    Args:
        client: a `distributed.Client`, or the address of a scheduler, to which a client is made; `close()` closes that.
        threads: as in `LocalExecutor`.
        timeout: seconds in which a scheduler has to answer, where `client` is its address.

    Raises:
        MissingExtraError: (an ImportError) distributed is not installed.
        SchedulerError: (a ConnectionError, which is an OSError) no scheduler answers at the address.
        DeclarationError: (a TypeError) `client` is something else.
        PolicyError: (a ValueError) `timeout` is not a positive number of seconds.
    """

    keeps_results = True
    """Whether results may stay on the workers; a subclass may say that they come back, each."""

    @entry_point
    def __init__(self, client: Client | str, *, threads: int | None = None, timeout: float = 10.0) -> None:
        if importlib.util.find_spec("distributed") is None:
            raise MissingExtraError("DaskExecutor", "distributed", "dask")
        self._is_own = isinstance(client, str)
        if not self._is_own and not isinstance(client, import_module("distributed").Client):
            raise DeclarationError(
                f"DaskExecutor was given {client!r}", expected="a distributed.Client, or the address of a scheduler"
            )
        if getattr(client, "asynchronous", False):
            raise DeclarationError(
                "DaskExecutor was given an asynchronous client",
                expected="a synchronous one: distributed.Client(address), which may be used in event loops as well",
            )
        if getattr(client, "status", None) == "closed":
            raise DeclarationError("DaskExecutor was given a client that is closed", expected="one that is open")
        super().__init__(threads=threads)
        self._client: Client = _client_to(client, timeout) if isinstance(client, str) else client
        self._workers = DaskPool(self._client)

    def worker_pool(self) -> WorkerPool:
        """Returns the workers."""
        return self._workers

    def close(self) -> None:
        """Ends the threads that are this executor's own, and the client, if it was made of an address."""
        super().close()
        if self._is_own:
            self._client.close()


def _client_to(address: str, timeout: float) -> Client:
    seconds = as_timeout(timeout)
    try:
        _await_scheduler(address, seconds)
        return cast("Client", import_module("distributed").Client(address, set_as_default=False, timeout=seconds))
    except ValueError as error:
        raise DeclarationError(
            f"DaskExecutor was given {address!r}: {error}",
            expected="the address of a scheduler, such as 'tcp://127.0.0.1:8786'",
        ) from None
    except OSError as error:
        raise SchedulerError(
            f"no scheduler answered at {address!r} within {timeout:g} s",
            where=f"{type(error).__name__}: {error}",
            expected="the address of a scheduler that is running, such as 'tcp://127.0.0.1:8786'",
            hint="start one with `dask scheduler`, which prints its address; or wait longer: DaskExecutor(address, timeout=60)",
        ) from None


def _await_scheduler(address: str, seconds: float | None) -> None:
    # A client that does not reach its scheduler cannot be closed: it writes errors when it is collected, and when the process ends.
    comm = import_module("distributed.comm")
    protocol, location = comm.parse_address(address)
    if protocol not in ("tcp", "tls"):
        return
    place, end = comm.parse_host_port(location), float("inf") if seconds is None else time.monotonic() + seconds
    while True:
        try:
            socket.create_connection(place, timeout=min(end - time.monotonic(), 1.0)).close()
        except OSError:
            if time.monotonic() + RETRY_SECONDS > end:
                raise
            time.sleep(RETRY_SECONDS)
        else:
            return


class _State(Protocol):
    async def wait(self) -> None: ...


class _DaskFuture(Protocol):
    key: str
    _state: _State

    @property
    def status(self) -> str: ...
    @property
    def type(self) -> object: ...
    async def _result(self, raiseit: bool) -> object: ...
    def cancel(self) -> None: ...


class DaskPool:
    """The workers of a cluster: a `WorkerPool`."""

    message_bytes = MESSAGE_BYTES

    def __init__(self, client: Client) -> None:
        self._client = client
        self._count = 1
        self._counted = 0.0
        self._large: dict[bytes, _DaskFuture] = {}
        self._digests: _Digests | None = None
        self._lock = allocate_lock()

    @property
    def count(self) -> int:
        now = time.monotonic()
        if (
            now >= self._counted and self._client.status != "closed"
        ):  # workers come and go; the scheduler has to be asked
            self._count = max(1, sum(self._client.nthreads().values()))
            self._counted = now + COUNT_SECONDS
        return self._count

    def cancelled(self) -> TaskCancelled:
        """Returns what tells a block that nobody waits for it any more."""
        return TaskCancelled()

    def keeper(self) -> KeeperOnDask:
        """Returns what has an answer stay on its worker, as a `KeepingPool` does."""
        with self._lock:
            if self._digests is None:
                self._digests = _Digests()
                self._client.subscribe_topic(self._digests.topic, self._digests.note)
            return KeeperOnDask(self._digests.topic, LEAST)

    def submit(self, name: str, function: Callable[..., object], *arguments: object) -> _Submitted | None:
        """Begins to call a function in a worker, as a `WorkerPool` does; one that is cancelled notices it, if it is a block."""
        return None if _large_of(arguments) else self._submitted(name, function, arguments)

    async def send(self, name: str, function: Callable[..., object], *arguments: object) -> Answer:
        """Calls a function in a worker, as a `WorkerPool` does."""
        self._check_open(name)
        large = _large_of(arguments)
        for _ in range(SCATTERS if large else 0):
            scattered = await asyncio.to_thread(self._scattered, arguments)
            if scattered is None:
                break  # a worker that is still to come gets the arguments with its call
            submitted = self._submitted(name, function, scattered)
            try:
                return await answer_of(submitted)
            except WorkerError:
                if not submitted.is_lost:
                    raise
            self._forget(large)
        return await answer_of(self._submitted(name, function, arguments))

    def _check_open(self, name: str) -> None:
        if self._client.status == "closed":
            raise not_finished(name, "its Dask client is closed", "a client is closed when its runs are over")

    def _submitted(self, name: str, function: Callable[..., object], arguments: Sequence[object]) -> _Submitted:
        self._check_open(name)
        ticket = next_ticket()
        key = f"{name}{MARK}{'-'.join(map(str, ticket))}"
        digests = self._digests if any(type(each) is KeeperOnDask for each in arguments) else None
        if digests is not None:
            digests.expect(key)
        future = cast(
            "_DaskFuture",
            self._client.submit(enter, greeting(), ticket, function, None, *arguments, key=key, pure=False),
        )
        return _Submitted(self._client, name, future, digests)

    def _scattered(self, arguments: Sequence[object]) -> list[object] | None:
        """Returns the arguments, with large ones as data that each worker has; None if there is no worker to have it."""
        with self._lock:
            try:
                return [self._scatter(each) if _is_large(each) else each for each in arguments]
            except TimeoutError:  # no worker has come for as long as the client waits
                return None

    def _scatter(self, argument: bytes) -> object:
        data = self._large.pop(argument, None)
        if data is None or data.status != "finished":  # the cluster may have begun anew
            # Not by its content: the scheduler may still be forgetting data of the same content.
            data = self._client.scatter(argument, broadcast=True, hash=False)
            while len(self._large) >= LARGE_KEPT:
                del self._large[next(iter(self._large))]
        self._large[argument] = data
        return data

    def _forget(self, arguments: list[bytes]) -> None:
        with self._lock:
            for argument in arguments:
                self._large.pop(argument, None)


def _is_large(argument: object) -> TypeGuard[bytes]:
    return isinstance(argument, bytes) and len(argument) > LARGE


def _large_of(arguments: Sequence[object]) -> list[bytes]:
    return [*filter(_is_large, arguments)]


class _Lost(Exception):
    """The scheduler has cancelled a call: data that was sent for it is on no worker any more."""


class _Submitted:
    """A call that was submitted to the cluster."""

    def __init__(self, client: Client, name: str, future: _DaskFuture, digests: _Digests | None) -> None:
        self.future: Future[Answer] = Future()
        self._name = name
        self._future = future
        client.loop.add_callback(_settle, self.future, future, name, digests)

    @property
    def is_lost(self) -> bool:
        return type(self.future.exception()) is _Lost

    def answer(self) -> Answer:
        try:
            return self.future.result()
        except _Lost as lost:
            raise died(self._name, str(lost)) from None

    def cancel(self) -> None:
        self._future.cancel()


class TaskCancelled:
    """Says, on a worker, whether the task of Dask's that runs there is not wanted any more."""

    def __call__(self) -> bool:
        worker = import_module("distributed").get_worker()
        task = worker.state.tasks.get(worker.get_current_task())
        return task is None or task.state in ("cancelled", "released", "forgotten")

    def end(self) -> None:
        """Does nothing: Dask tells its workers."""


class KeeperOnDask:
    """Has an answer of `least` bytes or more stay on the worker of Dask's where it is called.

    The client is told its digest by an event, which reaches it before the end of the task does: both go the same way, one after the other.
    """

    def __init__(self, topic: str, least: int) -> None:
        self._topic = topic
        self._least = least

    def __call__(self, answer: bytes) -> bytes | KeptAnswer:
        if len(answer) < self._least:
            return answer
        worker = import_module("distributed").get_worker()
        kept = kept_answer(answer)
        worker.log_event(self._topic, (worker.get_current_task(), kept.digest))
        return kept


class _Digests:
    """The digests of answers that have stayed on workers, from the event that tells of one to the end of its task.

    Attributes:
        topic: of the events.
    """

    def __init__(self) -> None:
        self.topic = f"cascade-{'-'.join(map(str, next_ticket()))}"
        self._by_key: dict[str, bytes | None] = {}

    def expect(self, key: str) -> None:
        """Says that there may be an event for a task of Dask's."""
        self._by_key[key] = None

    def note(self, event: tuple[float, object]) -> None:
        """Takes an event. Where a task was begun again, on another worker, the last one counts."""
        key, digest = cast("tuple[str, bytes]", event[1])
        if key in self._by_key:
            self._by_key[key] = digest

    def take(self, key: str) -> bytes | None:
        """Returns the digest of a task's answer when that has ended; None if it is not known."""
        return self._by_key.pop(key, None)


async def _settle(outcome: Future[Answer], future: _DaskFuture, name: str, digests: _Digests | None) -> None:
    """Gives the outcome of a call of Dask's to the one that is awaited; runs in the event loop of the client."""
    result: object = None
    error: BaseException | None = None
    try:
        result = await _answer(future, name, digests)
        if future.status == "error":
            error = _error_of(cast("tuple[type, BaseException, object]", result)[1], name)
        elif future.status == "cancelled":
            error = _Lost(f"the scheduler says: {future.status}")
        elif future.status != "finished":
            error = died(name, f"the scheduler says: {future.status}")
    except BaseException as trouble:  # the result was lost on its way
        error = died(name, f"{type(trouble).__name__}: {trouble}")
    with contextlib.suppress(InvalidStateError):  # its caller has been cancelled
        if error is None:
            outcome.set_result(cast("Answer", result))
        else:
            outcome.set_exception(error)


async def _answer(future: _DaskFuture, name: str, digests: _Digests | None) -> object:
    """Returns the answer of a call that may stay on its worker, or, without `digests`, may not."""
    if digests is not None:
        await future._state.wait()
        digest = digests.take(future.key)
        if digest is not None and future.status == "finished" and future.type is KeptAnswer:
            return Kept(name, digest, future)
    result = await future._result(raiseit=False)
    return result.data if type(result) is KeptAnswer else result


def _error_of(error: BaseException | None, name: str) -> BaseException:
    if isinstance(error, CascadeError):
        return error
    if type(error).__name__ == "KilledWorker":  # perhaps another task, whose result was lost and is needed
        return died(str(getattr(error, "task", name)).partition(MARK)[0], str(error))
    return SendingError(
        f"a worker of the cluster could not call task {name!r}: {type(error).__name__}: {error}",
        where="the Dask cluster",
        hint="the workers need cascade and the modules of the tasks, in the same versions",
    )
