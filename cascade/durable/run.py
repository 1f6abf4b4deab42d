"""The functions for users: start, resume and fork runs that are saved, and look at them."""

from __future__ import annotations

import asyncio
import json
import threading
import time
import uuid
from collections.abc import Generator, Mapping
from typing import Any, NamedTuple, cast

from cascade._vm import entry_point
from cascade.declare.amounts import is_endless
from cascade.declare.lazy import LazyResult
from cascade.durable.arguments import checked_name, checked_seconds
from cascade.durable.codec import StateReader, damage_named, read_value, written_value
from cascade.durable.effects import Doubt, Returned
from cascade.durable.execution import Ended, Execution, written_target
from cascade.durable.notices import log_wait, note_how_it_continues, warn_of_another_target
from cascade.durable.owner import Owner
from cascade.durable.pinned import function_rows
from cascade.durable.saving import Steps
from cascade.durable.store import OVER, RunRow, checked_store
from cascade.durable.store import Store as Store
from cascade.errors import DeclarationError, KeyingError, RunCancelledError, RunFailedError, SavingError, StoreError
from cascade.runtime.api import default_engine
from cascade.runtime.engine import Engine, name_of
from cascade.runtime.spine.driver import Outcome, check_asynchronous

LOOK_SECONDS = 0.05
"""Between two looks at a run that another process has, or that waits."""
DEFAULT_EVERY = 1.0
OPTIONS = frozenset({"use_vm", "timeout", "max_steps"})


class State(NamedTuple):
    """The state of a run as it was saved last.

    Attributes:
        status: "queued", "running", "waiting", "interrupted", "done", "failed" or "cancelled".
        step: how many task calls it had made.
        snapshot: the number of its last snapshot.
        saved: when that was taken, in seconds since the epoch.
        waits: the names of the signals that it waits for.
        due: when it continues in any case.
        where: the tasks of its loops, the outermost first, each with its iteration and its arguments by name.
    """

    status: str
    step: int
    snapshot: int
    saved: float
    waits: tuple[str, ...]
    due: float | None
    where: list[tuple[str, int, dict[str, object]]]


class Entry(NamedTuple):
    """Something that happened to a run.

    Attributes:
        at: when, in seconds since the epoch.
        kind: "saved", "resumed", "parked", "signal", "cancelled", "forked", "refused" (by a worker, whose code
            it cannot continue with), "done" or "failed".
        step: after how many task calls.
        detail: the number of the snapshot, the name of the signal, or other words.
    """

    at: float
    kind: str
    step: int
    detail: str


class _Looked(NamedTuple):
    """What a look at a run has found: that it may continue here, or its value."""

    continues: bool
    value: Any = None


class Run:
    """A run in a store. As a context, its end waits until the run is over or parked, or stops it if there was an exception.

    Attributes:
        id: its name there.
        store: the store.
    """

    def __init__(self, store: Store, id: str, engine: Engine | None = None, doubt: Doubt | None = None) -> None:
        self.store = checked_store(store)
        self.id = checked_name(id, "id={}", "the name of a run")
        self._engine = engine  # where this process continues it
        self._doubt = doubt
        self._execution: Execution | None = None
        self._thread: threading.Thread | None = None
        self._over = (
            threading.Event()
        )  # set at its end: CPython 3.11 takes a thread for stopped whose `join` is interrupted
        self._ended: Ended | None = None
        self._due: tuple[float, float] | None = (
            None  # of a parked run: as it is saved, and by a clock that is never set
        )
        self._error: BaseException | None = None
        self.logs_waits = False
        self._logged: tuple[str, ...] = ()  # the waits that were logged last

    def __repr__(self) -> str:
        return f"<Run {self.id!r} in {self.store.path}>"

    # -- For users ---------------------------------------------------------------------------------------------------

    @entry_point
    def result(self, timeout: float | None = None) -> Any:  # noqa: ANN401  # of the target's type
        """Waits until the run is over, and returns its value.

        A run that was started or resumed by this process continues here when a signal that it waits for has come. Ctrl-C stops it: it
        can be resumed.

        Args:
            timeout: seconds; None for no limit.

        Raises:
            TimeoutError: it is not over by then; it continues.
            RunFailedError: (a RuntimeError) it has failed in another process.
            RunCancelledError: (a RuntimeError) it was cancelled.
            Exception: whatever a task raised, as itself, if it ran here.
        """
        deadline = _deadline(timeout)
        while True:
            self._join(deadline)
            looked = self._look(deadline)
            if looked is None:
                time.sleep(LOOK_SECONDS)
            elif looked.continues:
                self.proceed()
            else:
                return looked.value

    async def aresult(self, timeout: float | None = None) -> Any:  # noqa: ANN401  # of the target's type
        """As `result`, awaited; `await run` is the same.

        A run that was parked continues in this event loop. Cancelling it stops the run, which can be resumed, as Ctrl-C does.
        """
        deadline = _deadline(timeout)
        while True:
            await self._thread_over(deadline)
            looked = self._look(deadline)
            if looked is None:
                await asyncio.sleep(LOOK_SECONDS)
            elif looked.continues:
                await self.proceed_in_loop()
            else:
                return looked.value

    def __await__(self) -> Generator[Any, None, Any]:
        return self.aresult().__await__()

    def __enter__(self) -> Run:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        """Waits until the run is over or parked; stops it behind an exception."""
        if kind is not None:
            self.stop()
        else:
            self.wait()

    async def __aenter__(self) -> Run:
        return self

    async def __aexit__(self, kind: type[BaseException] | None, *_: object) -> None:
        """As `__exit__`, awaited."""
        if kind is not None:
            self._request_stop()
        await self._thread_over(None)

    def _look(self, deadline: float | None) -> _Looked | None:
        """Returns the value of the run, if it is over, or that it may continue here; None where it is to be waited for."""
        if self._error is not None:
            error, self._error = self._error, None
            raise error
        if self._ended is not None and self._ended.outcome is not None:
            outcome = self._ended.outcome  # it is kept for the next time
            return _Looked(False, Outcome(outcome.value, outcome.error).unwrap())
        row = self.store.run(self.id)
        if row.is_over:
            return _Looked(False, self._outcome(row))
        if self._engine is not None and (_may_continue(row, self.store) or self._has_waited(row)):
            return _Looked(True)
        if self.logs_waits and row.status == "waiting" and row.waits != self._logged:
            self._logged = row.waits
            log_wait(self.store, row)
        if deadline is not None and time.monotonic() >= deadline:
            raise TimeoutError(f"the run {self.id!r} is {row.status} at the end of the timeout")
        return None

    @entry_point
    def state(self) -> State:
        """Returns the state of the run as it was saved last."""
        row = self.store.run(self.id)
        while True:
            try:
                where = [] if row.snapshot == 0 or row.is_over else _variables(self.store, row)
                break
            except StoreError:  # unless it is damaged, the run goes on, and has dropped this snapshot meanwhile
                before, row = row, self.store.run(self.id)
                if (row.snapshot, row.status) == (before.snapshot, before.status):
                    raise
        return State(
            row.status, row.step, row.snapshot, row.saved, row.waits if row.status == "waiting" else (), row.due, where
        )

    @entry_point
    def history(self) -> list[Entry]:
        """Returns the snapshots that are kept, and other events, in order."""
        entries = [Entry(at, "saved", step, f"snapshot {number}") for number, at, step in self.store.snapshots(self.id)]
        entries += [Entry(*each) for each in self.store.events(self.id)]
        return sorted(entries, key=lambda entry: (entry.step, entry.at))  # the clock may have been set back

    @entry_point
    def cancel(self) -> None:
        """Cancels the run: it ends at its next snapshot, wherever it is under way."""
        self.store.cancel(self.id)

    # -- Execution in this process ----------------------------------------------------------------------------------------

    def begin(self, execution: Execution, *, in_thread: bool) -> Run:
        """Drives an execution that is set up: in a thread of its own, or in this one."""
        self._execution = execution
        if in_thread:
            self._over.clear()
            self._thread = threading.Thread(target=self._drive, name=f"cascade-run-{self.id}")
            self._thread.start()
        else:
            self._drive()
        return self

    async def begin_in_loop(self, execution: Execution) -> Run:
        """Drives an execution that is set up in the running event loop."""
        self._execution = execution
        try:
            self._ended = await execution.drive_in_loop()
        finally:
            self._execution = None
        return self

    def _drive(self) -> None:
        assert self._execution is not None
        try:
            self._ended = self._execution.drive()
        except BaseException as error:
            self._error = error
        finally:
            self._execution = None
            try:
                if self._thread is threading.current_thread():
                    self.store.close()
            finally:
                self._over.set()

    def _join(self, deadline: float | None) -> None:
        thread = self._thread
        if thread is None or thread is threading.current_thread():
            return
        try:
            is_over = self._over.wait(None if deadline is None else max(0.0, deadline - time.monotonic()))
        except BaseException:
            self.stop()
            raise
        if is_over:
            thread.join()
            self._thread = None

    def _has_waited(self, row: RunRow) -> bool:
        """Returns whether a parked run was waited for until it is due, by a clock that is never set: it then looks itself."""
        if row.status != "waiting" or row.due is None:
            return False
        if self._due is None or self._due[0] != row.due:
            self._due = row.due, time.monotonic() + row.due - time.time()
        return time.monotonic() >= self._due[1]

    async def _thread_over(self, deadline: float | None) -> None:
        """As `_join`, awaited."""
        pause = 0.001
        try:
            while self._thread is not None and self._thread.is_alive():
                if deadline is not None and time.monotonic() >= deadline:
                    return
                await asyncio.sleep(pause)
                pause = min(2 * pause, LOOK_SECONDS)
        except BaseException:
            self._request_stop()
            raise
        self._thread = None

    def _request_stop(self) -> None:
        execution = self._execution
        if execution is not None:
            execution.stop()

    def stop(self) -> None:
        """Ends the run in this process, saved; it can be resumed."""
        self._request_stop()
        thread = self._thread
        if thread is not None and thread is not threading.current_thread():
            self._over.wait()
            thread.join()

    def wait(self) -> None:
        """Waits until the execution in this process has ended: the run is over or parked."""
        self._join(None)

    def take_error(self) -> BaseException | None:
        """Returns the error of the execution in this process, if it has failed."""
        error, self._error = self._error, None
        return (
            error
            if error is not None or self._ended is None or self._ended.outcome is None
            else self._ended.outcome.error
        )

    def proceed(self) -> None:
        """Continues the run in this thread, where no other process has it."""
        execution = self._claimed()
        if execution is not None:
            self.begin(execution, in_thread=False)

    async def proceed_in_loop(self) -> None:
        """As `proceed`, in the running event loop."""
        execution = self._claimed()
        if execution is not None:
            await self.begin_in_loop(execution)

    def _claimed(self) -> Execution | None:
        owner = Owner.new()
        try:
            row = self.store.claim(self.id, owner)
        except StoreError:
            Owner.end(owner)  # another process was faster
            return None
        self._ended = None
        return resumed(self.store, row, owner, self._engine or default_engine(), self._doubt)

    def _outcome(self, row: RunRow) -> object:
        if row.status == "cancelled":
            raise RunCancelledError(f"the run {self.id!r} was cancelled")
        if row.status == "failed":
            raise RunFailedError(f"the run {self.id!r} has failed:\n{row.error}")
        data = self.store.outcome(self.id)
        assert data is not None
        return read_value(self.store, self.id, data)


def _deadline(timeout: float | None) -> float | None:
    if timeout is None or is_endless(timeout):
        return None
    return time.monotonic() + checked_seconds(timeout, "result(timeout={})", expected="seconds, from 0 up, or None")


def _may_continue(row: RunRow, store: Store) -> bool:
    if row.status == "waiting":
        return row.due is not None and row.due <= time.time()
    if row.status == "running":
        return store.is_free(row)
    return row.status == "interrupted" or (row.status == "queued" and row.queue is None)


def _variables(store: Store, row: RunRow) -> list[tuple[str, int, dict[str, object]]]:
    reader = StateReader(lambda key: store.blob(row.id, key), store.pickle)
    parameters = {path: names for path, _, _, names, *_ in store.functions(row.id)}
    found = []
    with damage_named(store, row.id):
        _, _, _, frames, _, _ = cast("Any", reader.target(reader.read(store.snapshot(row.id, row.snapshot))))
        for reference, _, slots, _, _, _, _, _, _, _, iteration, *_ in frames:
            if reference[0] == "task":
                names = json.loads(parameters.get(reference[1], "[]"))
                found.append((reference[1], iteration, {names[at]: value for at, value in slots if at < len(names)}))
    return found


# -- Starting -------------------------------------------------------------------------------------------------------------


@entry_point
def start(
    target: LazyResult[Any],
    *,
    store: Store,
    id: str | None = None,
    every: float | Steps = DEFAULT_EVERY,
    params: Mapping[str, object] | None = None,
    queue: str | None = None,
    engine: Engine | None = None,
    **options: Any,  # noqa: ANN401  # the options of a run
) -> Run:
    """Starts a run that is saved in a store, in a thread of its own.

    Args:
        target: a LazyResult, or a nest of them; its tasks are found again by their names.
        store: where it is saved.
        id: its name there; by default a new one.
        every: seconds between two snapshots, or `cascade.steps(n)` task calls. A snapshot that takes long to make is followed by a
            longer interval, so that at most 2 % of the time is spent on them.
        params: the values of the target's parameters, by name.
        queue: leaves the run to the workers of that queue (`cascade work`).
        engine: runs it; by default as `cascade.run` does.
        use_vm, timeout, max_steps: as of `Engine.run`; all executions of the run together have one limit.

    Raises:
        StoreError: (a RuntimeError) there is a run of that name, or the store cannot be written.
        SavingError: (a TypeError) an argument cannot be saved: it is named, with the task and its line.
    """
    run, execution = _new_run(target, store, id, every, params, queue, engine, options)
    return run if execution is None else run.begin(execution, in_thread=True)


def run_saved(
    target: object,
    params: Mapping[str, object] | None = None,
    *,
    store: Store,
    id: str | None = None,
    every: float | Steps = DEFAULT_EVERY,
    engine: Engine,
    **options: Any,  # noqa: ANN401  # the options of a run
) -> object:
    """As `cascade.run(target, store=, id=)`: starts a run in this thread, or continues the one of that name, and returns its value."""
    name = uuid.uuid4().hex if id is None else id
    try:
        if id is not None and isinstance(store, Store) and store.has(id):
            warn_of_another_target(store, id, target, params)
            run = resume(store, id, engine=engine, _in_thread=False)
        else:
            run = start_here(target, params, store=store, id=name, every=every, engine=engine, **options)
        run.logs_waits = True
        return run.result()
    except KeyboardInterrupt as error:
        note_how_it_continues(error, checked_store(store), name, id is not None)
        raise


async def arun_saved(
    target: object,
    params: Mapping[str, object] | None = None,
    *,
    store: Store,
    id: str | None = None,
    every: float | Steps = DEFAULT_EVERY,
    engine: Engine,
    **options: Any,  # noqa: ANN401  # the options of a run
) -> object:
    """As `run_saved`, in the running event loop."""
    check_asynchronous("arun", "cascade.run, target")
    if id is not None and isinstance(store, Store) and store.has(id):
        warn_of_another_target(store, id, target, params)
        run, execution = _known_run(store, id, engine, None)
    else:
        run, execution = _new_run(target, store, id, every, params, None, engine, options)
    if execution is not None:
        await run.begin_in_loop(execution)
    return await run.aresult()


def start_here(
    target: object,
    params: Mapping[str, object] | None = None,
    *,
    store: Store,
    id: str | None = None,
    every: float | Steps = DEFAULT_EVERY,
    engine: Engine,
    **options: Any,  # noqa: ANN401  # the options of a run
) -> Run:
    """As `start`, in this thread: returns when the run is over or parked."""
    run, execution = _new_run(target, store, id, every, params, None, engine, options)
    assert execution is not None
    return run.begin(execution, in_thread=False)


def _new_run(
    target: object, store: Store, id: str | None, every: float | Steps, params: Mapping[str, object] | None, queue: str | None,
    engine: Engine | None, options: Mapping[str, Any],
) -> tuple[Run, Execution | None]:  # fmt: skip
    _check(store, id, every, queue, options)
    id = uuid.uuid4().hex if id is None else id
    chosen = _engine_or_default(engine)
    kept = {**options, "every": {"steps": every.calls} if isinstance(every, Steps) else float(every)}
    data, writer = written_target(store, target, params)
    blobs = dict(writer.blobs)
    owner = None if queue is not None else Owner.new()
    try:
        store.create(id, data, name_of(target), kept, queue, owner, blobs, function_rows(writer.tasks, set()))
        if owner is None:
            return Run(store, id), None
        execution = Execution(store, id, owner, chosen, kept)
        try:
            execution.begin(target, params)
        except BaseException:
            store.remove(id)
            raise
    except BaseException:
        if owner is not None:
            Owner.end(owner)
        raise
    return Run(store, id, chosen), execution


def _check(store: object, id: object, every: object, queue: object, options: Mapping[str, object]) -> None:
    checked_store(store)
    if id is not None:
        checked_name(id, "id={}", "the name of a run")
    if queue is not None:
        checked_name(queue, "queue={}", "the name of a queue")
    if not isinstance(every, Steps):
        checked_seconds(every, "every={}", expected="seconds, from 0 up, or cascade.steps(n)")
    if not options.keys() <= OPTIONS:
        from cascade.runtime.options import unexpected_option

        raise unexpected_option("start", options, {*OPTIONS, "store", "id", "every", "params", "queue", "engine"})


def _engine_or_default(engine: Engine | None) -> Engine:
    if engine is not None and not isinstance(engine, Engine):
        raise DeclarationError(f"engine={engine!r}", expected="a cascade.Engine")
    return default_engine() if engine is None else engine


def resumed(store: Store, row: RunRow, owner: str, engine: Engine, doubt: Doubt | None = None) -> Execution:
    """Returns the execution of a run that was claimed, set up as it was saved."""
    execution = Execution(store, row.id, owner, engine, row.options, doubt)
    try:
        if row.snapshot == 0:
            execution.begin_later()
        else:
            execution.restore(row)
    except BaseException:
        store.release(row.id, owner, "interrupted")
        Owner.end(owner)
        raise
    return execution


@entry_point
def resume(
    store: Store, id: str, *, engine: Engine | None = None, doubt: Doubt | None = None, _in_thread: bool = True
) -> Run:
    """Continues a run from its last snapshot, in a thread of its own. One that is over is only returned.

    Args:
        store, id: the run. The modules of its tasks have to be imported.
        engine: runs it; by default as `cascade.run` does.
        doubt: the treatment of a call of a task with `effect="once"` that had begun when its process ended: "again" makes it again,
            `cascade.Returned(value)` takes it as made; a function of the task's name and the arguments (in a dict) decides between
            the two; None raises an InDoubtError there.

    Raises:
        StoreError: (a RuntimeError) there is no such run, or another process has it.
        ChangedCodeError: (a RuntimeError) its code has changed so that it cannot continue; the error shows the change.
        UnknownCodeError: (a LookupError) a task or class is not found.
    """
    if doubt is not None and doubt != "again" and not isinstance(doubt, Returned) and not callable(doubt):
        raise DeclarationError(f"resume(doubt={doubt!r})", expected="'again', cascade.Returned(value), or a function")
    run, execution = _known_run(store, id, _engine_or_default(engine), doubt)
    return run if execution is None else run.begin(execution, in_thread=_in_thread)


def _known_run(store: Store, id: str, engine: Engine, doubt: Doubt | None) -> tuple[Run, Execution | None]:
    """Returns a run of a store, and its execution here, unless it is over or waits."""
    row = checked_store(store).run(id)
    run = Run(store, id, engine, doubt)
    if row.status in OVER or (row.status == "waiting" and not _may_continue(row, store)):
        return run, None
    owner = Owner.new()
    try:
        row = store.claim(id, owner)
    except BaseException:
        Owner.end(owner)
        raise
    return run, resumed(store, row, owner, engine, doubt)


@entry_point
def fork(
    store: Store,
    id: str,
    at: int | None = None,
    *,
    fork_id: str | None = None,
    engine: Engine | None = None,
    **changed: object,
) -> Run:
    """Starts a new run from a snapshot of another one.

    Args:
        store, id: that one, which may be over.
        at: the number of the snapshot; by default the last one.
        fork_id: the name of the new run; by default `id` with a number.
        engine: runs it.
        changed: new values of variables: of the arguments of its loops, those of the innermost first.

    Raises:
        StoreError: (a RuntimeError) there is no such run or snapshot.
        DeclarationError: (a TypeError) there is no such variable.
    """
    chosen = _engine_or_default(engine)
    if at is not None and type(at) is not int:
        raise DeclarationError(f"fork(at={at!r})", expected="the number of a snapshot")
    if fork_id is not None:
        checked_name(fork_id, "fork_id={}", "the name of a run")
    new = checked_store(store).copy(id, at, fork_id)
    owner = Owner.new()
    row = store.claim(new, owner)
    execution = Execution(store, new, owner, chosen, row.options)
    try:
        execution.restore(row, changed=changed)
    except BaseException:
        store.remove(new)
        Owner.end(owner)
        raise
    return Run(store, new, chosen).begin(execution, in_thread=True)


@entry_point
def signal(store: Store, id: str, name: str, value: object = None) -> None:
    """Sends a signal to a run, which continues with its value where it waits for that name, now or later.

    Raises:
        StoreError: (a RuntimeError) there is no such run, or it is over.
        SavingError: (a TypeError) the value cannot be saved.
    """
    checked_name(name, "signal(..., {})", "the name of a signal")
    try:
        data, blobs = written_value(checked_store(store), value)
    except KeyingError as error:
        raise SavingError(
            f"the value of the signal {name!r} cannot be saved: it holds {error.what}",
            expected="plain data, dates, paths, NumPy arrays, dataclasses, named tuples",
            hint="send what it is made from, or open the store by Store(path, pickle=True)",
        ) from None
    store.send(id, name, data, blobs)
