"""The execution of a saved run in this process: from its target, or from a snapshot, to its end or to its next wait."""

from __future__ import annotations

import contextlib
import threading
import time
import traceback
import warnings
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple, cast

from cascade._vm import FrameState, Machine, is_awaitable
from cascade.declare.lazy import LazyResult
from cascade.declare.task import Task
from cascade.durable.codec import StateReader, StateWriter, damage_named, elapsed_in, written_value
from cascade.durable.context import SavedContext, SavedSession
from cascade.durable.effects import Doubt
from cascade.durable.frames import FramesReader, operation_in, rows_of, walk_code
from cascade.durable.owner import Owner
from cascade.durable.pinned import Pinned
from cascade.durable.saving import Parked, SavedRun, Steps, Stopped
from cascade.durable.store import LostLease, RunRow, Store
from cascade.errors import (
    PAGE,
    DeclarationError,
    DurabilityWarning,
    InDoubtError,
    KeyingError,
    RunCancelledError,
    SavingError,
    StoreError,
    nearest,
)
from cascade.graph.route_table import Around
from cascade.runtime.engine import Engine
from cascade.runtime.inputs import InputValues
from cascade.runtime.nodes.call import close_awaitable
from cascade.runtime.spine.driver import Outcome, drive, drive_awaited, drive_now, run_loop
from cascade.runtime.spine.walk_state import WalkState, restore_frames

AnyTask = Task[..., object]


class Ended(NamedTuple):
    """How an execution has ended: with an outcome, parked, or stopped."""

    outcome: Outcome | None
    parked: Parked | None = None


def written_target(store: Store, target: object, params: Mapping[str, object] | None) -> tuple[bytes, StateWriter]:
    """Returns the bytes of a target and its parameters, and the writer with the large values and the tasks in them."""
    writer = StateWriter(store.pickle)
    InputValues(params)  # raises unless they are parameters

    def make() -> object:
        try:
            return [writer.plain(target), writer.plain(None if params is None else dict(params))]
        except KeyingError as error:
            raise SavingError(
                f"the target cannot be saved: it holds {error.what}", expected=error.expected, hint=error.hint
            ) from None

    return writer.write(make), writer


def ends_run(error: BaseException) -> bool:
    """Returns whether a run that ended with an error has failed; otherwise it can be resumed."""
    return isinstance(error, Exception) and not isinstance(error, (SavingError, StoreError, InDoubtError))


def title_of(error: BaseException) -> str:
    """Returns a line that names an error; never raises."""
    name = type(error).__name__
    try:
        return f"{name}: {error}".strip(": ").splitlines()[0][:200]
    except Exception:
        return f"{name}, whose text cannot be made"


class Execution:
    """One execution of a run by this process, which has its lease.

    Args:
        store, id, owner: the run, and its lease.
        engine: runs it.
        options: of the run: `use_vm`, `timeout`, `max_steps`, `every`.
        doubt: the treatment of a call in doubt; see `cascade.resume`.
    """

    def __init__(
        self,
        store: Store,
        id: str,
        owner: str,
        engine: Engine,
        options: Mapping[str, Any],
        doubt: Doubt | None = None,
    ) -> None:
        self.store = store
        self.id = id
        self.owner = owner
        self.engine = engine
        self.options = options
        self.doubt = doubt
        self.saved: SavedRun | None = None

    def begin(self, target: object, params: Mapping[str, object] | None) -> None:
        """Sets the run up and takes its first snapshot."""
        session = self._session(target, params)
        known = {each[0] for each in self.store.functions(self.id)}
        saved = self._make_saved(session, 0, known)
        session.__enter__()
        saved.save()

    def begin_later(self) -> None:
        """As `begin`, of a run that was left to a worker: with its target as it was saved."""
        pinned = self._compared()
        target, params = self._read_target(_Reader(self.store, self.id, pinned))
        self._take_code(pinned, target, params)
        self.begin(target, params)

    def _compared(self) -> Pinned:
        """Returns the code of the run compared with the code that is here; warns where it has changed."""
        pinned = Pinned(self.store.functions(self.id))
        if pinned.changes:
            warnings.warn(
                f"the run {self.id!r} continues with code that has changed (more: {PAGE.format(DurabilityWarning.__name__)}):\n"
                + "\n".join(pinned.changes),
                DurabilityWarning,
                stacklevel=5,
            )
        return pinned

    def _read_target(self, reader: StateReader) -> tuple[object, Any]:
        with damage_named(self.store, self.id):
            target, params = cast("tuple[object, Any]", reader.target(reader.read(self.store.target(self.id))))
        return target, params

    def _take_code(self, pinned: Pinned, target: object, params: Mapping[str, object] | None) -> None:
        """Has the run belong to the code that is here from now on."""
        if not pinned.is_current:
            self.store.replace_functions(self.id, pinned.rows_now())
        if pinned.migrated:
            data, writer = written_target(self.store, target, params)
            self.store.replace_target(self.id, data, writer.blobs)

    def restore(self, row: RunRow, number: int | None = None, changed: Mapping[str, object] | None = None) -> None:
        """Sets the run up as it was at a snapshot.

        Args:
            number: of the snapshot; by default the last one.
            changed: new values of variables, by name.
        """
        store = self.store
        pinned = self._compared()
        reader = _Reader(store, self.id, pinned)
        target, params = self._read_target(reader)
        wanted = row.snapshot if number is None else number
        state = store.snapshot(self.id, wanted)
        with damage_named(store, self.id):
            elapsed = elapsed_in(state)
        session = self._session(target, params, elapsed)
        resources = session.context.inputs.resources
        if resources is not None:
            reader.take_resources(resources.acquire)
        with damage_named(store, self.id, lambda: reader.failure):
            steps, notes = self._restore_frames(reader, state, changed)
        known = {each[0] for each in (store.functions(self.id) if pinned.is_current else pinned.rows_now())}
        saved = self._make_saved(session, row.snapshot, known)
        with damage_named(store, self.id):
            saved.effects.restore(notes)
        saved.elapsed = elapsed
        self.code = "migrated" if pinned.migrated else "same" if pinned.is_current else "compatible"
        store.note(self.id, "resumed", steps, f"snapshot {wanted}, {self.code} code")
        session.__enter__()
        with store.database.transaction():
            self._take_code(pinned, target, params)
            if pinned.migrated:  # older snapshots have calls with the old parameters under names that mean others now
                saved.save()
                store.drop_snapshots(self.id, saved.number)
        session.context.publisher.resumed(self.id, wanted, steps, self.code)

    def _restore_frames(self, reader: _Reader, state: bytes, changed: Mapping[str, object] | None) -> tuple[int, Any]:
        """Gives the session's run the frames of a state; returns its number of calls, and its notes."""
        steps, graphs, first, frames, notes, _ = cast("tuple[Any, ...]", reader.target(reader.read(state)))
        session, run = self.session, self.session.run
        if isinstance(run, Machine):
            root: Any = (session.code, session.inputs)
        else:
            frame = run.current
            assert frame is not None and frame.graph is not None
            root = (walk_code(frame.shape, frame.graph.rows, frame.graph.inputs), frame.graph.inputs)
        context = cast("SavedContext", session.context)
        states = FramesReader(context, root, reader.pinned.task, reader.shape).states(frames)
        if changed:
            change_variables(states, frames, dict(changed))
        if isinstance(run, Machine):
            run.restore(cast("list[FrameState]", states), first, steps, graphs)
        else:
            restore_frames(run, cast("list[WalkState]", states), first, steps, graphs)
        return steps, notes

    def _session(self, target: object, params: Mapping[str, object] | None, elapsed: float = 0.0) -> SavedSession:
        options = {
            name: self.options[name]
            for name in ("use_vm", "timeout", "max_steps")
            if self.options.get(name) is not None
        }
        self.session = session = SavedSession(self.engine, target, params, elapsed=elapsed, **options)
        context = cast("SavedContext", session.context)
        context.shapes.pickle = self.store.pickle
        if isinstance(session.run, Machine):
            context.shapes.root(rows_of(session.code), session.code, session.inputs)
        return session

    def _make_saved(self, session: SavedSession, number: int, known: set[str]) -> SavedRun:
        every = self.options.get("every", 1.0)
        interval: float | Steps = Steps(every["steps"]) if isinstance(every, dict) else float(every)
        context = cast("SavedContext", session.context)
        self.saved = SavedRun(
            session.run, context, self.store, self.id, self.owner, interval, number, context.shapes, known
        )  # fmt: skip
        self.saved.effects.doubt = self.doubt
        self.saved.begun = time.monotonic()
        return self.saved

    @property
    def snapshot(self) -> int:
        """The number of the last snapshot."""
        return 0 if self.saved is None else self.saved.number

    def stop(self) -> None:
        """Has the run saved and ended in this process, from another thread."""
        if self.saved is not None:
            self.saved.stop_requested = True

    def drive(self) -> Ended:
        """Runs to the end, or until the run is parked. The lease is over then."""
        session, saved = self.session, cast("Any", self.saved)
        with self._leased() as ended:
            if session.asynchronous:
                outcome = run_loop(lambda: drive(saved, session.context, session.deadline))
            else:
                outcome = drive_now(saved, session.context, session.deadline)
            self._finish(outcome)
        return ended[0]

    async def drive_in_loop(self) -> Ended:
        """As `drive`, in the running event loop."""
        session, saved = self.session, cast("Any", self.saved)
        with self._leased() as ended:
            self._finish(await drive_awaited(saved, session.context, session.deadline))
        return ended[0]

    @contextlib.contextmanager
    def _leased(self) -> Iterator[list[Ended]]:
        """Has the lease renewed in this block, and ended with it. The list has how the execution has ended, behind the block."""
        session, saved = self.session, self.saved
        assert saved is not None
        ended: list[Ended] = []
        with Heartbeat(self.store, self.owner):
            try:
                yield ended
                session.__exit__(None, None, None)
                ended.append(Ended(session.outcome))
            except Parked as parked:
                session.context.publisher.parked(self.id, saved.steps, tuple(parked.names), parked.due)
                session.end_observers(None)
                ended.append(Ended(None, parked))
            except Stopped:
                self.store.release(self.id, self.owner, "interrupted")
                ended.append(Ended(None))
            except LostLease as lost:
                if not lost.cancelled:
                    raise StoreError(
                        f"{lost}", hint="this process was silent for longer than the lease: Store(path, lease=...)"
                    ) from None
                self.store.finish(self.id, self.owner, "cancelled", saved.steps, None, {}, None)
                raise RunCancelledError(f"the run {self.id!r} was cancelled") from None
            except BaseException:
                self.store.database.roll_back()
                self.store.release(self.id, self.owner, "interrupted")
                raise
            finally:
                Owner.end(self.owner)

    def _finish(self, outcome: Outcome) -> None:
        saved, error = self.saved, outcome.error
        assert saved is not None
        if isinstance(error, LostLease):  # through an item of a map
            raise error
        if error is None:
            try:
                data, blobs = written_value(self.store, outcome.value)
            except KeyingError as refused:
                raise SavingError(
                    f"the result of the run {self.id!r} cannot be saved: it holds {refused.what}", hint=refused.hint
                ) from None
            self.store.finish(self.id, self.owner, "done", saved.steps, data, blobs, None)
        elif ends_run(error):
            text = "".join(traceback.format_exception(error))
            self.store.database.roll_back()
            self.store.finish(self.id, self.owner, "failed", saved.steps, None, {}, text, title_of(error))
        else:
            self.store.database.roll_back()
            self.store.release(self.id, self.owner, "interrupted")
        self.session.outcome = outcome


class _Reader(StateReader):
    """Reads the target and the snapshots of a run, whose code may have changed."""

    def __init__(self, store: Store, id: str, pinned: Pinned) -> None:
        super().__init__(lambda key: store.blob(id, key), store.pickle, task=pinned.task)
        self.pinned = pinned
        self.failure: BaseException | None = None
        """The error of a resource."""
        self._store = store
        self._id = id

    def take_resources(self, acquire: Callable[..., object]) -> None:
        """Has resources in a state set up anew."""

        def value_of(lazy: LazyResult[object]) -> object:
            try:
                value = acquire(lazy.task, lazy)
            except BaseException as error:
                self.failure = error
                raise
            if not is_awaitable(value):
                return value
            close_awaitable(value)
            raise StoreError(
                f"the run holds the resource {lazy.task.name!r}, which is set up by a coroutine: it cannot be set up anew here",
                hint="let the tasks that take it begin behind the last snapshot, or make it a plain generator",
            )

        self._resource_value = value_of

    def shape(self, key: bytes) -> LazyResult[object]:
        """Returns the results that a graph was built of."""
        inner = _Reader(self._store, self._id, self.pinned)
        found = cast("LazyResult[object]", inner.target(inner.read(self._store.blob(self._id, key))))
        if inner.given:  # as in the graph that was saved: inputs are numbered by where these stand
            found.around = Around(dict.fromkeys(inner.given.values()), {})
        return found


def change_variables(states: list[Any], frames: list[Any], changed: dict[str, object]) -> None:
    """Puts new values in the place of variables: the arguments of loops, those of the innermost first."""
    known: list[str] = []
    for state in reversed(states):
        operation = operation_in(state)
        if operation is None:
            continue
        known += operation.parameters
        for at, name in enumerate(operation.parameters):
            if name in changed:
                state.slots[at] = changed.pop(name)
    if changed:
        name = next(iter(changed))
        raise DeclarationError(
            f"fork: there is no variable {name!r} in the snapshot",
            expected="one of " + ", ".join(dict.fromkeys(known))
            if known
            else "a snapshot in a loop: this one is in none",
            hint=nearest(name, known),
        )


class Heartbeat:
    """Renews the lease of an owner while the context lasts, also during a long call."""

    def __init__(self, store: Store, owner: str) -> None:
        self._store = store
        self._owner = owner
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._beat, name="cascade-lease", daemon=True)

    def _beat(self) -> None:
        while not self._over.wait(self._store.lease / 3):
            try:
                self._store.renew(self._owner)
            except StoreError:
                pass  # it is busy, or gone: the next snapshot says so
        self._store.close()

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._over.set()
