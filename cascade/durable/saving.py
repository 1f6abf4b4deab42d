"""A run that saves itself, as the driver sees it: it has the methods of a run, and takes snapshots between its slices."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Generator, Mapping, Sequence
from operator import itemgetter
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from cascade._vm import PAUSE, SAVE_FIRST, WAIT, Machine, TailCall, is_awaitable
from cascade.adapters.caches.codec import Codec
from cascade.declare.failed import Failed
from cascade.durable.codec import LARGE, SCALARS, StateReader, StateWriter
from cascade.durable.frames import Shapes, written_frames
from cascade.durable.groups import Groups, ItemsAhead
from cascade.durable.notes import EffectRow, Key, Note
from cascade.durable.pinned import FunctionRow, function_rows
from cascade.durable.store import Store
from cascade.errors import DeclarationError, InDoubtError, SavingError, StoreError, TaskTimeoutError
from cascade.imports import asyncio
from cascade.runtime.nodes.call import close_awaitable
from cascade.runtime.nodes.policies import call_with_policies, without_effect
from cascade.runtime.spine.interpreter import Interpreter
from cascade.runtime.spine.task_group import TaskGroup
from cascade.runtime.spine.walk_state import frame_states

if TYPE_CHECKING:
    from cascade.declare.task import Task
    from cascade.graph.operations import Call as CallOperation
    from cascade.graph.operations import Map as MapOperation
    from cascade.runtime.nodes.call import Call as NodeCall
    from cascade.runtime.nodes.call import ItemCall
    from cascade.runtime.nodes.context import Durable, NodeContext
    from cascade.runtime.spine.run_context import RunContext

    AnyTask = Task[..., object]

POLL_SECONDS = 0.05
"""Between two looks for a signal, of a wait beside which other calls are under way."""
SHARE = 50
"""A snapshot that took so long to make is followed by an interval of so many times as long, at least: saving takes 2 % at most."""


class Steps(NamedTuple):
    """An interval between snapshots, in task calls; see `cascade.steps`."""

    calls: int


def steps(count: int) -> Steps:
    """Returns an interval for `every=`: a snapshot after each `count` task calls."""
    if not isinstance(count, int) or isinstance(count, bool) or count < 1:
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


class Returned(NamedTuple):
    """The value that a call in doubt has returned; see `cascade.resume`."""

    value: object


Doubt = Returned | str | Callable[[str, dict[str, object]], Returned | str]
"""The treatment of a call in doubt: "again", the value that it has returned, or a function of the task's name and the arguments."""


class Wait:
    """The awaitable of a wait for a signal, while there is none."""

    def __init__(self, run: SavedRun, key: Key, take: Callable[[], tuple[bool, object]]) -> None:
        self._run = run
        self.key = key
        self._take = take

    def __await__(self) -> Generator[Any, None, object]:
        return self.poll().__await__()

    async def poll(self) -> object:
        """Waits beside other calls."""
        while True:
            found, value = self._take()
            if found:
                return value
            await asyncio.sleep(POLL_SECONDS)


def node_of_map(node: int | str) -> int | str:
    """Returns the node of the map that an item belongs to."""
    name = str(node).rpartition("[")[0]
    return int(name) if name.isdecimal() else name


def is_immutable(value: object) -> bool:
    """Returns whether a value cannot be changed, so that a copy is as good as the value itself."""
    if type(value) is tuple:
        return all(is_immutable(each) for each in value)
    if type(value) is str or type(value) is bytes:
        return len(value) < LARGE
    return type(value) in SCALARS


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
        self.notes: dict[Key, Note] = {}
        self.writer = StateWriter(store.pickle)
        self._row_writer = Codec()
        self._groups = Groups(self._write_effects)
        self._failure: BaseException | None = None  # of a write to the store
        self._ahead: dict[Key, ItemsAhead] = {}
        self._saved_maps: set[Key] = set()
        self._found: set[int] = set()  # signals that waits have found
        self._ends: dict[Key, Callable[[], object]] = {}  # of calls whose results the run does not have yet
        self._every = every
        self._known_functions = known_functions
        self._noted_functions = 0
        self._written: dict[
            bytes, int
        ] = {}  # the large values that are in the store, by the last snapshot that is noted with them
        self._taken: list[int] = []
        self._entries: dict[Any, object] = {}  # of calls that are awaited
        self._once: dict[int, Key] = {}  # of awaitables of calls with the effect "once", by id
        self._ends_once: dict[Any, Key] = {}  # the same, by the entries that await them
        self._held: list[tuple[Any, Awaitable[object], str]] = []  # those that no event loop awaits yet
        self._group: TaskGroup | None = None
        self._needs_loop = False
        self._must_save = False
        self._atomic = False
        self._due = 0.0
        run.attach(cast("TaskGroup", self))
        context.durable = cast("Durable", self)
        self._set_due(0.0)

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
        if self._must_save and self._group is not None and self.inner.between_calls:
            self.save()  # results that were awaited have come: nothing continues before they are saved
        end = time.monotonic() + slice_seconds if slice_seconds else float("inf")
        if not isinstance(self._every, Steps):
            slice_seconds = min(slice_seconds, max(self._every, 0.0005)) if slice_seconds else self._every
        while True:
            status = self.inner.run(slice_seconds)
            if status == WAIT:
                return self._wait()
            if status != PAUSE:
                return status
            if self._must_save or self.is_due() or self.stop_requested:
                if not self.inner.between_calls:
                    self.inner.stop_before(self.inner.steps)  # it stops at the next tail call
                    if self._atomic:
                        continue  # another run of this thread would write into the transaction
                    return PAUSE
                self.save()
                if self.stop_requested:
                    raise Stopped
                if not self._needs_loop and time.monotonic() < end:
                    continue
            return WAIT if self._needs_loop and self._group is None else PAUSE

    def _wait(self) -> int:
        if self._entries and all(isinstance(each, Wait) for each in self._entries.values()):
            names = list(dict.fromkeys(note.name for note in self.notes.values() if note.name is not None))
            due = min(
                (note.due for note in self.notes.values() if note.name is not None and note.due is not None),
                default=None,
            )
            self.save((names, due))
            raise Parked(names, due)
        if self._must_save or self.is_due():
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
        if id(awaitable) in self._once:
            self._ends_once[entry] = self._once.pop(id(awaitable))
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
        end = self._ends.pop((serial, node), None)
        if end is not None:
            end()
        key = self._ends_once.pop(entry, None)
        if key is not None:
            self.notes.pop(key, None)
            self._must_save = True  # before anything else is called

    def label(self, entry: Any) -> tuple[AnyTask, int, int, int]:  # noqa: ANN401
        return self.inner.label(entry)

    def close(self) -> None:
        for _, awaitable, _ in self._held:
            close_awaitable(awaitable)
        self._held.clear()
        self.inner.close()

    stop_requested = False
    """Whether the run is to end in this process at its next snapshot."""

    # -- Snapshots ----------------------------------------------------------------------------------------------------------

    def is_due(self) -> bool:
        """Returns True if it is time for a snapshot."""
        if isinstance(self._every, Steps):
            return self.inner.steps >= self._due
        return time.monotonic() >= self._due

    def _set_due(self, seconds: float) -> None:
        if isinstance(self._every, Steps):
            self._due = self.inner.steps + self._every.calls
        else:
            self._due = time.monotonic() + max(self._every, SHARE * seconds)
        self._set_stop()

    def _set_stop(self) -> None:
        """Has the inner run stop where it is to be saved next, if that is known by the number of calls."""
        if self._must_save:
            self.inner.stop_before(self.inner.steps)
        else:
            self.inner.stop_before(int(self._due) if isinstance(self._every, Steps) else -1)

    def request_save(self) -> None:
        """Has the run saved before anything else is called."""
        self._must_save = True
        self.inner.stop_before(self.inner.steps)

    def save(self, parked: tuple[list[str], float | None] | None = None) -> None:
        """Takes a snapshot; raises SavingError (a TypeError) for a value that cannot be saved."""
        begun = time.perf_counter()
        number, inner, writer = self.number + 1, self.inner, self.writer
        if self.context.inputs.resources is not None:
            writer.resources = self.context.inputs.resources.injections()
        elapsed = time.monotonic() - self.begun + self.elapsed
        if self._ahead or self._saved_maps:
            self._note_finished()
        states = inner.frames(self._entries) if isinstance(inner, Machine) else frame_states(inner, self._entries)
        shapes: dict[bytes, Any] = {}

        def make() -> object:
            frames = written_frames(list(states), writer, self.shapes)
            shapes.update(frames.shapes)
            notes = [[*key, self._written_note(note)] for key, note in self.notes.items()]
            return [inner.steps, inner.graphs, frames.first, frames.written, notes, elapsed]

        state = writer.write(lambda: writer.with_results(make))
        blobs = writer.blobs
        for key, shape in shapes.items():
            if key:
                blobs |= {**shape.blobs, key: shape.data}
        if blobs:
            blobs = self._new(blobs, number)
        if self._atomic and parked is not None:
            raise StoreError("a run cannot be parked in the midst of a transaction")
        functions = self._new_functions()
        self._keep(
            lambda: self.store.save(
                self.id, self.owner, number, inner.steps, state, blobs, functions, self._taken, parked
            )
        )
        self._end_transaction()
        self.number = number
        self._saved_maps = {key for key, note in self.notes.items() if note.items is not None}
        self._taken = []
        self._must_save = False
        seconds = time.perf_counter() - begun
        self._set_due(seconds)
        self.context.publisher.saved(self.id, number, inner.steps, len(state), seconds)

    def _end_transaction(self) -> None:
        """Commits the writes of a call with the effect "atomic", with those to the store."""
        if self._atomic:
            self._atomic = False
            self._keep(self.store.database.commit)

    def _keep(self, write: Callable[[], object]) -> None:
        """Writes to the store; an error ends the run, and is no failure of an item."""
        try:
            write()
        except BaseException as error:
            self._failure = error
            raise

    def ends_run(self, error: BaseException) -> bool:
        """Returns whether an error that has come through an item of a map is one of saving."""
        return error is self._failure or isinstance(error, (InDoubtError, SavingError))

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
        count = len(written) + len(shaped)
        if count == self._noted_functions:
            return []
        self._noted_functions = count
        return function_rows({**written, **shaped}, self._known_functions)

    def _note_finished(self) -> None:
        """Notes the items that have returned, and drops the notes of those that their map has as finished."""
        for each in self._ahead.values():
            for row in each.take():
                row.note.begun, row.note.value = False, list(row.value)
        maps: dict[Key, Mapping[int, object]] = {}
        for serial, node in [key for key, note in self.notes.items() if note.value]:
            key = serial, node_of_map(node)
            if key not in maps:
                whole = self.notes.get(key)
                maps[key] = {} if whole is None or whole.items is None else whole.items()
            if int(str(node)[:-1].rpartition("[")[2]) in maps[key]:
                del self.notes[serial, node]

    def _written_note(self, note: Note) -> list[object]:
        plain = self.writer.plain
        value = plain(list(note.value)) if note.value else []
        positions: object = []
        values: object = []
        if note.items is not None:
            items = sorted(note.items().items(), key=itemgetter(0))
            positions, values = plain([at for at, _ in items]), plain([value for _, value in items])
        return [note.begun, note.attempt, note.due, note.name, positions, values, value]

    def restore_notes(self, written: list[list[Any]]) -> None:
        """Takes the notes of a snapshot, of calls that are made again, and of the effects since then."""
        for serial, node, (begun, attempt, due, name, positions, values, value) in written:
            note = self.notes[serial, node] = Note()
            note.begun = note.in_doubt = begun
            note.attempt, note.due, note.name = attempt, due, name
            note.value = value
            note.restored = dict(zip(positions, values, strict=True))
            if note.restored:
                note.items = note.restored.copy
        for serial, node, data in self.store.effects(self.id, self.number):
            note = self._note((serial, node))
            note.begun = note.in_doubt = data is None
            note.value = [] if data is None else [self._row_writer.decode(data)]

    # -- Effects -------------------------------------------------------------------------------------------------------------

    def _note(self, key: Key) -> Note:
        note = self.notes.get(key)
        if note is None:
            note = self.notes[key] = Note()
        return note

    def call_with_effect(
        self, operation: CallOperation, operands: Sequence[object], serial: int, node: int, origin: AnyTask | None
    ) -> object:
        """Makes a call with an effect; see `Task.effect`."""
        key = serial, node
        if operation.effect == "wait":
            return self._wait_for(key, *cast("Any", operands[operation.arguments]))

        def make() -> object:
            return call_with_policies(cast("NodeContext", self.context), operation, operands, serial, node, origin)

        if operation.effect == "atomic":
            return make()  # the transaction is around each attempt
        note = self._note(key)
        if note.in_doubt:
            decided = self._decide(operation, operands, self.context.where(operation.task, serial, node, 0))
            if isinstance(decided, Returned):
                del self.notes[key]
                self.request_save()
                return decided.value
            note.in_doubt = False
        if not note.begun:
            note.begun = True
            self._must_save = True
            return SAVE_FIRST
        try:
            result = make()
        except BaseException:
            del self.notes[key]
            raise
        if is_awaitable(result):
            self._once[id(result)] = key
            return result
        if type(result) is not TailCall or not (result.target is None or result.target is operation.task):
            del self.notes[
                key
            ]  # otherwise the snapshot behind this call says that the next one begins, which is the same
        self.request_save()
        return result

    doubt: Doubt | None = None
    """The treatment of a call in doubt; None raises."""

    def _decide(self, operation: CallOperation, operands: Sequence[object], where: str) -> Returned | str:
        """Returns the treatment of a call in doubt: "again", or the value that it has returned."""
        arguments = dict(zip(operation.task.parameters, operands[operation.arguments], strict=True))
        decided = self.doubt(operation.name, arguments) if callable(self.doubt) else self.doubt
        if decided is None:
            raise InDoubtError(
                f"a call of {operation.name!r} had begun when its process ended: whether its effect took place is not known",
                arguments,
                where=where,
                expected="a look at the effect",
                hint=f"then cascade.resume(store, {self.id!r}, doubt='again') makes it, and doubt=cascade.Returned(value) takes it as made",
            )
        return decided

    def in_transaction(self, name: str, make: Callable[[], object]) -> object:
        """Makes an attempt of a call with the effect "atomic". Its transaction ends with the snapshot behind it."""
        database = self.store.database
        database.begin()
        try:
            result = make()
            if is_awaitable(result):
                close_awaitable(result)
                raise DeclarationError(
                    f"task {name!r} has effect='atomic' and returns an awaitable", expected="a value"
                )
        except BaseException:
            database.roll_back()
            raise
        self._atomic = True
        self.request_save()
        return result

    def items_ahead(self, call: NodeCall, operation: MapOperation, count: int, limit: int | None) -> ItemsAhead | None:
        """Returns how the items of a map are saved in groups; None where they do not have the effect "once"."""
        if operation.item.effect != "once":
            return None

        def begin(position: int) -> EffectRow | None:
            node = f"{call.node}[{position}]"
            note = self._note((call.serial, node))
            if note.in_doubt or note.value or position in finished:
                return None
            note.ahead = made
            return EffectRow(call.serial, node, note, ())

        finished = self.finished_items(call)
        made = self._ahead[call.serial, call.node] = ItemsAhead(self._write_effects, begin, count, limit)
        return made

    async def item_with_effect(self, item: NodeCall) -> object:
        """As `call_with_effect`, for an item of a map."""
        note = self._note((item.serial, item.node))
        if note.value:
            return note.value[0]
        if note.ahead is None:
            await item.park()  # the run stands still now, and can be saved
        operation = cast("CallOperation", item.operation)
        if operation.effect == "atomic":
            value = await without_effect(item)
            if type(value) is not Failed:
                self._write_effects([EffectRow(item.serial, item.node, note, (value,))])
            return value
        decided: Returned | str = "again"
        if note.in_doubt:
            try:
                decided = self._decide(operation, item.operands, item.where())
            except InDoubtError as error:
                return Failed(error)
            note.in_doubt = False
        elif note.ahead is None:
            await self._groups.add(EffectRow(item.serial, item.node, note, ()))
        value = decided.value if isinstance(decided, Returned) else await without_effect(item)
        if type(value) is TailCall:
            value = cast("ItemCall", item).continuation(value)
        if type(value) is Failed:
            return value
        row = EffectRow(item.serial, item.node, note, (value,))
        if note.ahead is not None and not item.parked:
            note.ahead.returned(row)
        else:
            await self._groups.add(row)
        return value

    def _write_effects(self, rows: list[EffectRow]) -> None:
        """Saves that calls have begun or returned: by a row each, or, where a value may be shared with others, by a snapshot."""
        # Before the first row of a map, the map itself is saved: a call that is made again may come to another one.
        is_whole = not all(
            is_immutable(row.value) and (row.serial, node_of_map(row.node)) in self._saved_maps for row in rows
        )
        if not is_whole:
            encode = self._row_writer.encode
            written = [(row.serial, row.node, encode(row.value[0]) if row.value else None) for row in rows]
            self._keep(lambda: self.store.save_effects(self.id, self.owner, self.number, written))
            self._end_transaction()
        for row in rows:
            row.note.begun, row.note.value = not row.value, list(row.value)
        if is_whole:
            self.save()

    # -- Waits ----------------------------------------------------------------------------------------------------------------

    def _wait_for(self, key: Key, name: str, timeout: float | None, default: object, required: bool) -> object:
        note = self._note(key)
        if note.name is None:
            note.name = name
            note.due = None if timeout is None else time.time() + timeout
        # In this process by a clock that is never set. In another one, not longer than the timeout: the clock may have been set back.
        end = float("inf")
        if note.due is not None and timeout is not None:
            left = min(note.due - time.time(), timeout)
            note.due, end = time.time() + left, time.monotonic() + left

        polled = False

        def take() -> tuple[bool, object]:
            found = self.store.signal(self.id, name, [*self._taken, *self._found])
            if found is None and time.monotonic() < end:
                return False, None
            if found is not None:
                self._found.add(found[0])
            if polled:  # as of `ended_later`
                self._ends[key] = lambda: self._end_wait(key, found)
            else:
                self._end_wait(key, found)
            if found is not None:
                return True, read_value(self.store, self.id, found[1])
            if not required:
                return True, default
            raise TaskTimeoutError(
                f"no signal {name!r} came within {timeout:g} s",
                where=f"run {self.id!r}",
                hint="cascade.wait(name, timeout=, default=)",
            )

        found, value = take()
        polled = True
        return value if found else Wait(self, key, take)

    def _end_wait(self, key: Key, found: tuple[int, bytes] | None) -> None:
        self.notes.pop(key, None)
        self.request_save()
        if found is not None:
            self._taken.append(found[0])

    # -- Policies -----------------------------------------------------------------------------------------------------------

    def attempts_made(self, call: NodeCall) -> tuple[int, float]:
        """Returns the number of the next attempt of a call, and how many seconds are left until it."""
        note = self.notes.get((call.serial, call.node))
        if note is None or not note.attempt:
            return 1, 0.0
        return note.attempt + 1, 0.0 if note.due is None else max(0.0, note.due - time.time())

    async def note_attempt(self, call: NodeCall, number: int, delay: float) -> None:
        """Notes that an attempt has failed; the next one of a call with the effect "once" is saved before it begins."""
        note = self._note((call.serial, call.node))
        note.attempt = number
        note.due = time.time() + delay if delay else None
        if call.operation.effect == "once":
            await call.park()
            self.save()

    def finished_items(self, call: NodeCall) -> dict[int, object]:
        """Returns the items of a map that were finished when the run was saved, by position."""
        note = self.notes.get((call.serial, call.node))
        return {} if note is None else dict(note.restored)

    def note_items(self, call: NodeCall, finished: Callable[[], dict[int, object]]) -> None:
        """Has the finished items of a map saved with each snapshot."""
        self._note((call.serial, call.node)).items = finished

    def ended_later(self, serial: int, node: int | str) -> None:
        """As `ended`, when the run has the result of the call: until then it may be saved for another call, as one that is under way."""
        self._ends[serial, node] = lambda: self.ended(serial, node)

    def ended(self, serial: int, node: int | str) -> None:
        """Drops the note of a call that is over, and those of its items."""
        self.notes.pop((serial, node), None)
        self._saved_maps.discard((serial, node))  # a state machine may come to the map again
        self._ahead.pop((serial, node), None)
        items = f"{node}["
        for key in [
            key for key in self.notes if key[0] == serial and isinstance(key[1], str) and key[1].startswith(items)
        ]:
            del self.notes[key]


def read_value(store: Store, id: str, data: bytes) -> object:
    """Returns a value that `written_value` has made."""
    reader = StateReader(lambda key: store.blob(id, key), store.pickle)
    return reader.target(reader.read(data))


def written_value(store: Store, value: object) -> tuple[bytes, dict[bytes, bytes]]:
    """Returns the bytes of a value, and its large parts."""
    writer = StateWriter(store.pickle)
    data = writer.write(lambda: writer.target(value))
    return data, dict(writer.blobs)
