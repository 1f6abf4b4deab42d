"""A run that saves itself, as the driver sees it: it has the methods of a run, and takes snapshots between its slices."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from cascade._vm import PAUSE, WAIT, Machine, entry_point
from cascade.durable.codec import StateWriter
from cascade.durable.effects import Effects, Wait
from cascade.durable.frames import Shape, Shapes, written_frames
from cascade.durable.pinned import FunctionRow, function_rows
from cascade.durable.store import Store
from cascade.errors import DeclarationError, StoreError
from cascade.runtime.nodes.call import close_awaitable
from cascade.runtime.spine.interpreter import Interpreter
from cascade.runtime.spine.task_group import TaskGroup
from cascade.runtime.spine.walk_state import frame_states

if TYPE_CHECKING:
    from cascade.declare.task import Task
    from cascade.runtime.nodes.context import Durable
    from cascade.runtime.spine.run_context import RunContext

    AnyTask = Task[..., object]

SHARE = 50
"""A snapshot that took so long to make is followed by an interval of so many times as long, at least: saving takes 2 % at most."""


class Steps(NamedTuple):
    """An interval between snapshots, in task calls; see `cascade.steps`."""

    calls: int


@entry_point
def steps(count: int) -> Steps:
    """Returns an interval for `every=`: a snapshot after each `count` task calls."""
    if type(count) is not int or not 1 <= count < 2**62:
        raise DeclarationError(f"steps({count!r})", expected="a number of task calls, from 1 up")
    return Steps(count)


class Parked(Exception):
    """A run waits for signals or the time only: it was saved, and ends in this process."""

    def __init__(self, names: Sequence[str], due: float | None) -> None:
        super().__init__(", ".join(names))
        self.names = names
        self.due = due


class Stopped(Exception):
    """A run was asked to end in this process; it was saved."""


class SavedRun:
    """A run on either path that is saved in a store; the driver drives it as any other.

    Args:
        run: the machine or the interpreter.
        context: its run context.
        store, id, owner: where it is saved, and by whom.
        every: seconds, or task calls, between two snapshots.
        number: of the last snapshot.
        shapes: of its graphs.
    """

    def __init__(
        self, run: Machine | Interpreter, context: RunContext, store: Store, id: str, owner: str, every: float | Steps,
        number: int, shapes: Shapes, known_functions: set[str],
    ) -> None:  # fmt: skip
        self.inner = run
        self.context = context
        self.store = store
        self.id = id
        self.owner = owner
        self.number = number
        self.shapes = shapes
        self.effects = Effects(self)
        self.writer = StateWriter(store.pickle)
        self._calls = (
            every.calls if isinstance(every, Steps) else 0
        )  # between two snapshots; 0 where these go by the clock
        self._seconds = 0.0 if isinstance(every, Steps) else every
        self._known_functions = known_functions
        self._noted_functions = 0
        self._written: dict[
            bytes, int
        ] = {}  # the large values in the store, by the last snapshot that is noted with them
        self._entries: dict[Any, object] = {}  # of calls that are awaited
        self._held: list[tuple[Any, Awaitable[object], str]] = []  # those that no event loop awaits yet
        self._group: TaskGroup | None = None
        self._needs_loop = False
        self._due = 0.0
        run.attach(cast("TaskGroup", self))
        context.durable = cast("Durable", self.effects)
        self._set_due(time.monotonic(), 0.0)

    # -- As the driver's run ----------------------------------------------------------------------------------------------

    @property
    def error(self) -> BaseException | None:
        return self.inner.error

    @error.setter
    def error(self, error: BaseException | None) -> None:
        raise AttributeError("error")

    @property
    def steps(self) -> int:
        return self.inner.steps

    def run(self, slice_seconds: float = 0.0) -> int:
        """Runs a slice; takes a snapshot where it is time to."""
        if self.must_save and self._group is not None and self.inner.between_calls and self.inner.error is None:
            self.save()  # results that were awaited have come: nothing continues before they are saved
        end = time.monotonic() + slice_seconds if slice_seconds else float("inf")
        if not self._calls:
            slice_seconds = min(slice_seconds, max(self._seconds, 0.0005)) if slice_seconds else self._seconds
        while True:
            status = self.inner.run(slice_seconds)
            if status == WAIT:
                return self._wait()
            if status != PAUSE:
                return status
            if self.must_save or self.is_due() or self.stop_requested:
                if not self.inner.between_calls:
                    self.inner.stop_before(self.inner.steps)  # it stops at the next tail call
                    if self.has_transaction:
                        continue  # another run of this thread would write into the transaction
                    return PAUSE
                is_last = self.stop_requested
                if is_last:
                    self.effects.take_back()
                self.save()
                if is_last:
                    raise Stopped
                if not self._needs_loop and time.monotonic() < end:
                    continue
            return WAIT if self._needs_loop and self._group is None else PAUSE

    def _wait(self) -> int:
        if self._entries and all(isinstance(each, Wait) for each in self._entries.values()):
            waits = self.effects.waits()
            self.save(waits)
            raise Parked(*waits)
        if self.must_save or self.is_due():
            self.save()
        return WAIT

    def take(self) -> object:
        return self.inner.take()

    def attach(self, task_group: TaskGroup) -> None:
        self._group = task_group
        held, self._held = self._held, []
        for entry, awaitable, name in held:
            task_group.spawn(entry, awaitable, name)
        self._set_stop()

    def spawn(self, entry: Any, awaitable: Awaitable[object], name: str) -> None:  # noqa: ANN401  # each path has its own class
        """Called by the inner run: begins to await, as soon as there is an event loop."""
        self._entries[entry] = awaitable
        self.effects.awaited(entry, awaitable)
        if self._group is not None:
            self._group.spawn(entry, awaitable, name)
            return
        self._held.append((entry, awaitable, name))
        if not isinstance(awaitable, Wait):
            self._needs_loop = True
            self.inner.stop_before(self.inner.steps)

    def complete(self, entry: Any, value: object) -> None:  # noqa: ANN401
        self._end(entry)
        self.inner.complete(entry, value)

    def fail(self, entry: Any, error: BaseException) -> None:  # noqa: ANN401
        self._end(entry)
        self.inner.fail(entry, error)

    def _end(self, entry: Any) -> None:  # noqa: ANN401
        self._entries.pop(entry, None)
        _, serial, node, _ = self.inner.label(entry)
        self.effects.arrived(entry, (serial, node))

    def label(self, entry: Any) -> tuple[AnyTask, int, int, int]:  # noqa: ANN401
        return self.inner.label(entry)

    def close(self) -> None:
        for _, awaitable, _ in self._held:
            close_awaitable(awaitable)
        self._held.clear()
        self.inner.close()

    stop_requested = False
    """Whether the run is to end in this process at its next snapshot."""
    must_save = False
    """Whether the run is saved before anything else is called."""
    has_transaction = False
    """Whether a transaction is open that ends with the next snapshot: of a call with the effect "atomic"."""
    failure: BaseException | None = None
    """The error of a write to the store, which ends the run."""

    # -- Snapshots ----------------------------------------------------------------------------------------------------------

    def is_due(self) -> bool:
        """Returns True if it is time for a snapshot."""
        return (self.inner.steps if self._calls else time.monotonic()) >= self._due

    def _set_due(self, now: float, seconds: float) -> None:
        """Sets when the next snapshot is due, behind one that took so many seconds."""
        if self._calls:
            self._due = self.inner.steps + self._calls
        else:
            self._due = now + max(self._seconds, SHARE * seconds)
        self._set_stop()

    def _set_stop(self) -> None:
        """Has the inner run stop where it is to be saved next, if that is known by the number of calls."""
        if self.must_save:
            self.inner.stop_before(self.inner.steps)
        else:
            self.inner.stop_before(int(self._due) if self._calls else -1)

    def request_save(self) -> None:
        """Has the run saved before anything else is called."""
        self.must_save = True
        self.inner.stop_before(self.inner.steps)

    def save(self, parked: tuple[list[str], float | None] | None = None) -> None:
        """Takes a snapshot; raises SavingError (a TypeError) for a value that cannot be saved."""
        begun = time.monotonic()
        number, inner, writer, effects = self.number + 1, self.inner, self.writer, self.effects
        if self.context.inputs.resources is not None:
            writer.resources = self.context.inputs.resources.injections()
        effects.note_finished()
        states = inner.frames(self._entries) if isinstance(inner, Machine) else frame_states(inner, self._entries)
        used: dict[bytes, Shape] = {}

        def make() -> object:
            first, frames = written_frames(states, writer, self.shapes, used)
            elapsed = begun - self.begun + self.elapsed
            return [inner.steps, inner.graphs, first, frames, effects.written(writer.plain), elapsed]

        state = writer.write(make)
        blobs = writer.blobs
        for key, shape in used.items():
            if key:
                blobs = {**blobs, **shape.blobs, key: shape.data}
        if blobs:
            blobs = self._new(blobs, number)
        if self.has_transaction and parked is not None:
            raise StoreError("a run cannot be parked in the midst of a transaction")
        functions = self._new_functions() if len(writer.tasks) + len(self.shapes.tasks) > self._noted_functions else ()
        try:
            self.store.save(self.id, self.owner, number, inner.steps, state, blobs, functions, effects.taken, parked)
            self.end_transaction()
        except BaseException as error:
            self.failure = error
            raise
        self.number = number
        effects.saved()
        self.must_save = False
        now = time.monotonic()
        self._set_due(now, now - begun)
        self.context.publisher.saved(self.id, number, inner.steps, len(state), now - begun)

    def end_transaction(self) -> None:
        """Commits the writes of a call with the effect "atomic", with those to the store."""
        if self.has_transaction:
            self.has_transaction = False
            self.store.database.commit()

    begun = 0.0
    elapsed = 0.0

    def _new(self, blobs: dict[bytes, bytes], number: int) -> dict[bytes, bytes]:
        """Returns the large values that the store does not have, or has with an old number."""
        new = {key: data for key, data in blobs.items() if number - self._written.get(key, -1000) > 16}
        self._written.update(dict.fromkeys(new, number))
        if len(self._written) > 10_000:
            self._written = {key: at for key, at in self._written.items() if number - at <= 16}
        return new

    def _new_functions(self) -> list[FunctionRow]:
        """Returns the rows of the functions that the store does not have."""
        written, shaped = self.writer.tasks, self.shapes.tasks
        self._noted_functions = len(written) + len(shaped)
        return function_rows({**written, **shaped}, self._known_functions)
