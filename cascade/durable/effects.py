"""Effects: calls of a saved run that must not be repeated, waits for signals, attempts, and the notes of these that snapshots hold."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Generator, Mapping, Sequence
from operator import itemgetter
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, cast

from cascade._vm import SAVE_FIRST, TailCall, is_awaitable
from cascade.adapters.caches.codec import Codec
from cascade.declare.failed import Failed
from cascade.durable.codec import LARGE, SCALARS, read_value, unsaved
from cascade.durable.groups import Groups, ItemsAhead
from cascade.durable.notes import EffectRow, Key, Note
from cascade.durable.store import Store
from cascade.errors import DeclarationError, InDoubtError, KeyingError, SavingError, TaskTimeoutError
from cascade.imports import asyncio
from cascade.runtime.nodes.call import close_awaitable
from cascade.runtime.nodes.policies import call_with_policies, without_effect

if TYPE_CHECKING:
    from cascade.declare.task import Task
    from cascade.graph.operations import Call as CallOperation
    from cascade.graph.operations import Map as MapOperation
    from cascade.runtime.nodes.call import Call as NodeCall
    from cascade.runtime.nodes.call import ItemCall
    from cascade.runtime.nodes.context import NodeContext
    from cascade.runtime.spine.run_context import RunContext

    AnyTask = Task[..., object]

POLL_SECONDS = 0.05
"""Between two looks for a signal, of a wait beside which other calls are under way."""


class Saved(Protocol):
    """The run, as its effects use it; see `cascade.durable.saving.SavedRun`."""

    context: RunContext
    store: Store
    id: str
    owner: str
    number: int
    must_save: bool
    has_transaction: bool
    failure: BaseException | None

    def is_due(self) -> bool: ...
    def request_save(self) -> None: ...
    def save(self) -> None: ...
    def end_transaction(self) -> None: ...


class Returned(NamedTuple):
    """The value that a call in doubt has returned; see `cascade.resume`."""

    value: object


Doubt = Returned | str | Callable[[str, dict[str, object]], Returned | str]
"""The treatment of a call in doubt: "again", the value that it has returned, or a function of the task's name and the arguments."""


class Wait:
    """The awaitable of a wait for a signal, while there is none."""

    def __init__(self, take: Callable[[], tuple[bool, object]]) -> None:
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


class Effects:
    """The calls of a saved run that are under way, as its nodes see it: `context.durable`.

    Attributes:
        notes: of these calls.
        taken: the signals that the run has taken since its last snapshot, by number.
        doubt: the treatment of a call in doubt; None raises.
    """

    def __init__(self, run: Saved) -> None:
        self._run = run
        self.notes: dict[Key, Note] = {}
        self.taken: list[int] = []
        self.doubt: Doubt | None = None
        self._row_writer = Codec()
        self._groups = Groups(self._write_rows)
        self._ahead: dict[Key, ItemsAhead] = {}
        self._has_maps = False  # whether the run has come to a map
        self._saved_maps: set[Key] = set()
        self._announced: set[Key] = set()  # calls that are saved as begun, and were not made yet
        self._found: set[int] = set()  # signals that waits have found
        self._ends: dict[Key, Callable[[], object]] = {}  # of calls whose results the run does not have yet
        self._once: dict[int, Key] = {}  # of awaitables of calls with the effect "once", by id
        self._ends_once: dict[Any, Key] = {}  # the same, by the entries that await them

    # -- Notes --------------------------------------------------------------------------------------------------------------

    def _note(self, key: Key) -> Note:
        note = self.notes.get(key)
        if note is None:
            note = self.notes[key] = Note()
        return note

    def note_finished(self) -> None:
        """Called before a snapshot: notes the items that have returned, and drops the notes of those that their map has as finished."""
        if not self._ahead and not self._saved_maps:
            return
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

    def take_back(self) -> None:
        """Called before the last snapshot of a run that is stopped: calls that were announced, and were not made, have not begun."""
        for key in self._announced:
            if key in self.notes:
                self.notes[key].begun = False
        self._announced.clear()

    def written(self, plain: Callable[[object], object]) -> list[list[object]]:
        """Returns the notes as plain data, given a function that returns the plain form of a value."""
        return [[*key, _written(note, plain)] for key, note in self.notes.items()] if self.notes else []

    def waits(self) -> tuple[list[str], float | None]:
        """Returns the names of the signals that the run waits for, and when it continues in any case."""
        waits = [note for note in self.notes.values() if note.name is not None]
        names = dict.fromkeys(cast("str", note.name) for note in waits)
        return list(names), min((note.due for note in waits if note.due is not None), default=None)

    def saved(self) -> None:
        """Called behind each snapshot."""
        if self._has_maps:
            self._saved_maps = {key for key, note in self.notes.items() if note.items is not None}
        if self.taken:
            self.taken = []

    def restore(self, written: list[list[Any]]) -> None:
        """Takes the notes of a snapshot, of calls that are made again, and of the effects since then."""
        run = self._run
        for serial, node, (begun, attempt, due, name, positions, values, value) in written:
            note = self.notes[serial, node] = Note()
            note.begun = note.in_doubt = begun
            note.attempt, note.due, note.name = attempt, due, name
            note.value = value
            note.restored = dict(zip(positions, values, strict=True))
            if note.restored:
                note.items, self._has_maps = note.restored.copy, True
        for serial, node, data in run.store.effects(run.id, run.number):
            note = self._note((serial, node))
            note.begun = note.in_doubt = data is None
            note.value = [] if data is None else [self._row_writer.decode(data)]

    # -- Effects -------------------------------------------------------------------------------------------------------------

    def call_with_effect(
        self, operation: CallOperation, operands: Sequence[object], serial: int, node: int, origin: AnyTask | None
    ) -> object:
        """Makes a call with an effect; see `Task.effect`."""
        if operation.effect == "once":
            return self._call_once(operation, operands, serial, node, origin)
        if operation.effect == "wait":
            return self._wait_for((serial, node), *cast("Any", operands[operation.arguments]))
        # "atomic": the transaction is around each attempt.
        return call_with_policies(cast("NodeContext", self._run.context), operation, operands, serial, node, origin)

    def _call_once(
        self, operation: CallOperation, operands: Sequence[object], serial: int, node: int, origin: AnyTask | None
    ) -> object:
        run, key = self._run, (serial, node)
        note = self._note(key)
        if note.in_doubt:
            decided = self._decide(operation, operands, run.context.where(operation.task, serial, node, 0))
            if isinstance(decided, Returned):
                del self.notes[key]
                run.request_save()
                return decided.value
            note.in_doubt = False
        if not note.begun:
            note.begun = True
            self._announced.add(key)
            run.must_save = True
            return SAVE_FIRST
        self._announced.discard(key)
        try:
            result = call_with_policies(cast("NodeContext", run.context), operation, operands, serial, node, origin)
        except BaseException:
            del self.notes[key]
            raise
        if is_awaitable(result):
            self._once[id(result)] = key
            return result
        if type(result) is not TailCall or not (result.target is None or result.target is operation.task):
            del self.notes[key]
        else:  # the snapshot behind this call says that the next one begins, which is the same
            self._announced.add(key)
        run.request_save()
        return result

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
                hint=f"then cascade.resume(store, {self._run.id!r}, doubt='again') makes it, and doubt=cascade.Returned(value) takes it as made",
            )
        return decided

    def in_transaction(self, name: str, make: Callable[[], object]) -> object:
        """Makes an attempt of a call with the effect "atomic". Its transaction ends with the snapshot behind it."""
        database = self._run.store.database
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
        self._run.has_transaction = True
        self._run.request_save()
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
            self._announced.add((call.serial, node))
            return EffectRow(call.serial, node, note, ())

        finished = self.finished_items(call)
        made = self._ahead[call.serial, call.node] = ItemsAhead(self._write_rows, begin, count, limit)
        return made

    async def item_with_effect(self, item: NodeCall) -> object:
        """As `call_with_effect`, for an item of a map."""
        note = self._note((item.serial, item.node))
        if note.value:
            return note.value[0]
        if note.ahead is None:
            await item.park()  # the run stands still now, and can be saved
        operation = cast("CallOperation", item.operation)
        note.task = operation.task
        if operation.effect == "atomic":
            value = await without_effect(item)
            if type(value) is not Failed:
                self._write_rows([EffectRow(item.serial, item.node, note, (value,))])
            return value
        decided: Returned | str = "again"
        if note.in_doubt:
            try:
                decided = self._decide(operation, item.operands, item.where())
            except InDoubtError as error:
                return Failed(error)
            note.in_doubt = False
        elif note.ahead is None:
            self._announced.add((item.serial, item.node))
            await self._groups.add(EffectRow(item.serial, item.node, note, ()))
        self._announced.discard((item.serial, item.node))
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

    def _write_rows(self, rows: list[EffectRow]) -> None:
        """Saves that calls have begun or returned: by a row each, or, where a value may be shared with others, by a snapshot."""
        # Before the first row of a map, the map itself is saved: a call that is made again may come to another one.
        is_whole = not all(
            is_immutable(row.value) and (row.serial, node_of_map(row.node)) in self._saved_maps for row in rows
        )
        if not is_whole:
            run, encode = self._run, self._row_writer.encode
            written = [(row.serial, row.node, encode(row.value[0]) if row.value else None) for row in rows]
            try:
                run.store.save_effects(run.id, run.owner, run.number, written)
                run.end_transaction()
            except BaseException as error:
                run.failure = error
                raise
        for row in rows:
            row.note.begun, row.note.value = not row.value, list(row.value)
        if is_whole:
            self._run.save()

    # -- Calls that are awaited -----------------------------------------------------------------------------------------------

    def awaited(self, entry: object, awaitable: Awaitable[object]) -> None:
        """Called when the run begins to await the result of a call."""
        if id(awaitable) in self._once:
            self._ends_once[entry] = self._once.pop(id(awaitable))

    def arrived(self, entry: object, key: Key) -> None:
        """Called when the run has the result of a call that was awaited."""
        end = self._ends.pop(key, None)
        if end is not None:
            end()
        once = self._ends_once.pop(entry, None)
        if once is not None:
            self.notes.pop(once, None)
            self._run.must_save = True  # before anything else is called

    # -- The run ---------------------------------------------------------------------------------------------------------------

    def is_due(self) -> bool:
        """Returns whether it is time for a snapshot."""
        return self._run.is_due()

    def ends_run(self, error: BaseException) -> bool:
        """Returns whether an error that has come through an item of a map is one of saving."""
        return error is self._run.failure or isinstance(error, (InDoubtError, SavingError))

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
            found = self._run.store.signal(self._run.id, name, [*self.taken, *self._found])
            if found is None and time.monotonic() < end:
                return False, None
            if found is not None:
                self._found.add(found[0])
            if polled:  # as of `ended_later`
                self._ends[key] = lambda: self._end_wait(key, found)
            else:
                self._end_wait(key, found)
            if found is not None:
                return True, read_value(self._run.store, self._run.id, found[1])
            if not required:
                return True, default
            raise TaskTimeoutError(
                f"no signal {name!r} came within {timeout:g} s",
                where=f"run {self._run.id!r}",
                hint="cascade.wait(name, timeout=, default=)",
            )

        found, value = take()
        polled = True
        return value if found else Wait(take)

    def _end_wait(self, key: Key, found: tuple[int, bytes] | None) -> None:
        self.notes.pop(key, None)
        self._run.request_save()
        if found is not None:
            self.taken.append(found[0])

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
            self._run.save()

    def finished_items(self, call: NodeCall) -> dict[int, object]:
        """Returns the items of a map that were finished when the run was saved, by position."""
        note = self.notes.get((call.serial, call.node))
        return {} if note is None else dict(note.restored)

    def note_items(self, call: NodeCall, finished: Callable[[], dict[int, object]]) -> None:
        """Has the finished items of a map saved with each snapshot."""
        note = self._note((call.serial, call.node))
        note.items, note.task = finished, cast("MapOperation", call.operation).item.task
        self._has_maps = True

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


def _written(note: Note, plain: Callable[[object], object]) -> list[object]:
    if note.items is None and not note.value:
        return [note.begun, note.attempt, note.due, note.name, [], [], []]
    items = [] if note.items is None else sorted(note.items().items(), key=itemgetter(0))
    try:
        value = plain(list(note.value)) if note.value else []
        positions, values = plain([at for at, _ in items]), plain([value for _, value in items])
    except KeyingError as error:
        assert note.task is not None
        raise unsaved("the result of an item", note.task, error) from None
    return [note.begun, note.attempt, note.due, note.name, positions, values, value]
