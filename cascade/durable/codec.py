"""Values of a run as bytes, and back: those of the cache's codec, and others that frames hold.

These are results that are not computed yet (`LazyResult`), tasks, functions and classes by name, dataclasses, generators of random
numbers, and objects that stand in several places. Large values are written once by their content: a snapshot costs as much as has changed.
Nothing in the bytes can run code.
"""

from __future__ import annotations

import contextlib
import random
import types
from collections import Counter, OrderedDict, defaultdict, deque
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any, cast

from cascade._vm import KEPT, Jump, Skipped, holds_deferred
from cascade.adapters.caches.codec import TEXT, Codec, msgspec
from cascade.adapters.caches.keys import Encoder, digest, layout_of
from cascade.declare.control import JumpSelector
from cascade.declare.inputs import REQUIRED, Input
from cascade.declare.lazy import LazyResult, lazy_result
from cascade.declare.policies import Policies, RouteSet
from cascade.declare.resources import Injection, Resource, inject
from cascade.declare.task import Task
from cascade.durable.arrays import Arrays, made_array
from cascade.durable.migrations import find_task, task_path
from cascade.durable.references import find, path_of
from cascade.errors import CascadeError, InternalError, KeyingError, SavingError, StoreError
from cascade.graph.calls import NO_INPUT, NoInput
from cascade.graph.route_table import RouteTable
from cascade.runtime.nodes.maps import GATHER, GivenResults
from cascade.runtime.resources.placeholder import ResourcePlaceholder

if TYPE_CHECKING:
    from cascade.durable.store import Store

    AnyTask = Task[..., object]
    LoadBlob = Callable[[bytes], bytes]

(
    SHARED, AGAIN, BLOB, CHUNKS, CHUNKED_DICT, OBJECT, NAMED, RANDOM, GENERATOR, RANGE, COLLECTION, REFERENCE, LAZY, RESULT, TASK,
    SELECTOR, RESOURCE, JUMP, SKIPPED, MARKER, INPUT, INJECTION, GIVEN, PART, RANDOM_BITS,
) = range(32, 57)  # fmt: skip
LARGE = 4096
PIECE = 1 << 16
CHUNK = 256
"""Bytes and items: values of more are kept by content, in pieces of so many bytes or items."""
NUMBERS = frozenset({int, float, bool, type(None)})
SCALARS = frozenset({float, int, bool, type(None), str})
COLLECTIONS: dict[str, type] = {
    "deque": deque, "OrderedDict": OrderedDict, "Counter": Counter, "defaultdict": defaultdict,
}  # fmt: skip
BITS = ("PCG64", "PCG64DXSM", "MT19937", "Philox", "SFC64")
FUNCTIONS = (types.FunctionType, types.BuiltinFunctionType)


class RoutesOfShape:
    """Stands, in frames that are read, for the routes of a Router: they are an input of the frame's graph."""


ROUTES = RoutesOfShape()
CONTINUES: LazyResult[object] = lazy_result(GATHER, ())
"""Stands for an item of a map that continues with another result."""


class _SharedFound(Exception):
    """An object was found in a second place: it is written anew, with a number."""


class _ValuesNeeded(Exception):
    """The rows of a graph lead to values: those of the routes of a Router."""


class StateWriter(Codec):
    """Writes values that may share objects.

    Attributes:
        blobs: the large values that were written, by the digests of their bytes.
        tasks: the tasks that were written, by their names; `paths` has the names.
        resources: the injections of values that are resources, by id; they are not written themselves.
    """

    def __init__(self, pickle: bool = False) -> None:
        super().__init__(pickle)
        self.blobs: dict[bytes, bytes] = {}
        self.tasks: dict[str, AnyTask] = {}
        self.paths: dict[AnyTask, str] = {}
        self.resources: dict[int, LazyResult[object]] = {}
        self._shared: set[int] = set()
        self._arrays = Arrays()
        self._is_clean = False  # whether nothing was written but numbers and short texts, which leave nothing behind
        self._begin()
        self._given: dict[LazyResult[object], int] = {}
        self._shape = False

    def _begin(self) -> None:
        if self._is_clean:
            return
        self._is_clean = True
        self.blobs = {}
        self._arrays.begin()
        self._numbers: dict[int, int] = {}  # of shared objects that were written, by id
        self._open: set[int] = set()
        self._seen: dict[int, object] = {}
        self._results: dict[LazyResult[object], int] = {}
        self._missing: list[LazyResult[object]] = []
        self._written: list[object] = []  # the results, in their order

    def write(self, make: Callable[[], object]) -> bytes:
        """Returns the bytes of the plain data that `make` returns, which calls `plain` for each of its values, and of all results in them.

        It may be called several times.
        """
        self._arrays.shared.clear()
        while True:
            self._begin()
            try:
                return self._encode(self._with_results(make))
            except _SharedFound:
                continue

    def plain(self, value: object) -> object:
        """Returns the plain form of a value; raises KeyingError (a TypeError) for one that has none."""
        kind = type(value)
        if kind in NUMBERS and (type(value) is not int or -(2**63) <= value < 2**63):
            return value
        if type(value) is str and len(value) < LARGE and value.isascii():
            return value
        self._is_clean = False
        try:
            return self._plain(value, 0, Encoder())
        except KeyingError:
            if not self.pickle:
                raise
            return self._pickled(value)

    # -- Targets ------------------------------------------------------------------------------------------------------

    def shape(self, value: object, given: Iterable[LazyResult[object]] = ()) -> bytes:
        """Returns the bytes of a target without the values in it: for its graph's rows only.

        Args:
            given: results that the graph around it has computed.
        """
        self._shape, self._given = True, {lazy: number for number, lazy in enumerate(given)}
        try:
            return self.write(lambda: self.plain(value))
        except _ValuesNeeded:
            self._shape = False
            return self.write(lambda: self.plain(value))
        finally:
            self._shape, self._given = False, {}

    def _with_results(self, make: Callable[[], object]) -> list[object]:
        """Returns the results that the values of `make` lead to, the policies of these, and the plain data that it returns."""
        root = self._after_results(make)
        if not self._results:
            return [[], [], root]
        policies: list[object] = []
        numbers: dict[int, int] = {}  # of policies that several results have, as a Router's copy of a state does
        found = list(self._results)
        for number, lazy in enumerate(found):  # which grows
            first = numbers.setdefault(id(lazy.policies), number)
            if lazy.policies is not None and first < number:
                policies.append(first)
                continue
            policies.append(self._after_results(lambda lazy=lazy: self._policies(lazy)))  # type: ignore[misc]
            found += list(self._results)[len(found) :]
        return [self._written, policies, root]

    def _after_results(self, make: Callable[[], object]) -> object:
        """Returns the value of `make`, after the results in it have been written."""
        while True:
            before = len(self._seen), len(self._numbers)
            self._missing = []
            made = make()
            if not self._missing:
                return made
            self._forget(before)
            self._write_results(self._missing)

    def _write_results(self, wanted: list[LazyResult[object]]) -> None:
        """Writes results, each after those in it."""
        stack = list(dict.fromkeys(reversed(wanted)))
        active: set[LazyResult[object]] = set()
        while stack:
            lazy = stack[-1]
            before = len(self._seen), len(self._numbers)
            self._missing = []
            if lazy not in self._results:
                made = self._extended(LAZY, self._encode([self._called(lazy.task), self._slots(lazy)]))
                if self._missing:
                    self._forget(before)
                    if any(each in active for each in self._missing):
                        raise KeyingError("results that depend on each other")
                    stack += dict.fromkeys(reversed(self._missing))
                    active.add(lazy)
                    continue
                self._results[lazy] = len(self._results)
                self._written.append(made)
            stack.pop()
            active.discard(lazy)

    def _forget(self, before: tuple[int, int]) -> None:
        """Forgets the objects that were written behind the first ones: they are written again, after the results in them."""
        for key in list(self._seen)[before[0] :]:
            del self._seen[key]
        for key in list(self._numbers)[before[1] :]:
            del self._numbers[key]

    def _slots(self, lazy: LazyResult[object]) -> list[object]:
        names = lazy.task.parameters if lazy.policies is None else ()
        return [self._slot(value, lazy, names[at] if at < len(names) else None) for at, value in enumerate(lazy.slots)]

    def _slot(self, value: object, lazy: LazyResult[object], name: str | None) -> object:
        if self._shape and not holds_deferred(value):
            return None
        try:
            return self._plain(value, 1, Encoder())
        except KeyingError as error:
            if self.pickle:
                return self._pickled(value)
            argument = "an argument" if name is None else f"the argument {name!r}"
            raise unsaved(argument, lazy.task, error) from None

    def _policies(self, lazy: LazyResult[object]) -> object:
        policies = lazy.policies
        if policies is None or policies is lazy.task.policies:
            return policies is not None
        if policies.cache is not None:
            raise unsaved("the policies", lazy.task, KeyingError("a cache, which is an object of this process"))
        if self._shape and isinstance(policies.construct, RouteSet):
            raise _ValuesNeeded
        return [self._plain(part, 1, Encoder()) for part in policies]

    def _called(self, task: AnyTask) -> object:
        if isinstance(task, Injection):
            return self._injection(INJECTION, task)
        if isinstance(task, Input):
            default = [] if task.default is REQUIRED else [task.default]
            return self._extension(INPUT, [task.kind, task.name, default, task.type, task.description], 1, Encoder())
        try:
            path = task_path(task)
        except KeyingError as error:
            raise unsaved("the run", task, error) from None
        self.tasks[path] = task
        return path

    def _injection(self, code: int, task: AnyTask) -> object:
        assert isinstance(task, Injection)
        return self._extension(
            code,
            [task.name, None if task.resource is None else path_of(task.resource.func, task.resource)],
            1,
            Encoder(),
        )

    # -- Values -------------------------------------------------------------------------------------------------------

    def _plain(self, value: object, depth: int, seen: Encoder) -> object:
        kind = type(value)
        if kind is float or kind is bool or value is None:
            return value
        if type(value) is str:
            return value if len(value) < LARGE and value.isascii() else self._text(value, depth, seen)
        if type(value) is bytes:
            return value if len(value) < LARGE else self._large(0, value)
        if self.resources and id(value) in self.resources:
            return self._injection(RESOURCE, self.resources[id(value)].task)
        if type(value) is list and len(value) > CHUNK:
            return self._again(value, kind, depth, seen) or self._chunked(CHUNKS, value, depth, seen)
        if type(value) is dict and len(value) > CHUNK:
            pairs = [part for pair in value.items() for part in pair]
            return self._again(value, kind, depth, seen) or self._chunked(CHUNKED_DICT, pairs, depth, seen)
        return super()._plain(value, depth, seen)

    def _text(self, value: str, depth: int, seen: Encoder) -> object:
        data = value.encode("utf-8", "surrogatepass")
        return self._large(TEXT, data) if len(data) >= LARGE else super()._plain(value, depth, seen)

    def _again(self, value: object, kind: type, depth: int, seen: Encoder) -> object:
        key = id(value)
        if key in self._shared:
            if key in self._numbers:
                return self._extended(AGAIN, self._encode(self._numbers[key]))
            if key in self._open:
                return None  # its contents are being written
            self._open.add(key)
            content = self._plain(value, depth + 1, seen)
            self._open.discard(key)
            self._numbers[key] = len(self._numbers)
            return self._extended(SHARED, self._encode([self._numbers[key], content]))
        if key in self._seen:
            self._shared.add(key)
            raise _SharedFound
        if kind is bytearray and self._arrays.has_memory_of(value):
            raise KeyingError("an array whose memory a bytearray has as well")
        self._seen[key] = value
        return None

    def _chunked(self, code: int, items: list[object], depth: int, seen: Encoder) -> object:
        size = CHUNK if code == CHUNKS else 2 * CHUNK
        pieces = [self._piece(items[at : at + size], depth, seen) for at in range(0, len(items), size)]
        return self._extended(code, b"".join(pieces))

    def _piece(self, items: list[object], depth: int, seen: Encoder) -> bytes:
        if set(map(type, items)) <= SCALARS:
            try:
                return self._put(self._encode(items))
            except (OverflowError, UnicodeEncodeError):
                pass  # an integer of more than 64 bits, or a surrogate
        return self._put(self._encode([self._plain(item, depth + 1, seen) for item in items]))

    def _put(self, data: bytes) -> bytes:
        key = digest(data)
        self.blobs[key] = data
        return key

    def _large(self, code: int, data: bytes) -> object:
        pieces = [self._put(data[at : at + PIECE]) for at in range(0, len(data), PIECE)]
        return self._extended(BLOB, bytes([code]) + b"".join(pieces))

    def _array(self, value: Any, kind: type, numpy: types.ModuleType, seen: Encoder) -> object:  # noqa: ANN401  # NumPy may not be there
        if kind is numpy.ndarray:
            if (again := self._again(value, kind, 0, seen)) is not None:
                return again
            description = self._description(value, numpy)
            if self._arrays.finds_sharing(value, numpy, lambda base: id(base) in self._seen):
                raise _SharedFound
            if not self._arrays.is_plain(value, numpy):
                return self._extension(PART, self._arrays.parts(value, numpy, description), 0, seen)
        written = cast("Any", super()._array(value, kind, numpy, Encoder()))
        return written if len(written.data) < LARGE else self._large(written.code, written.data)

    def _other(self, value: object, kind: type, seen: Encoder) -> object:
        if type(value) is LazyResult and value is not CONTINUES:
            return self._result(value)
        if type(value) is Task:
            path = task_path(value)
            self.tasks[path] = value
            return self._extended(TASK, path.encode())
        if type(value) is ResourcePlaceholder:
            return self._injection(RESOURCE, value.injection.task)
        if type(value) is range:
            return self._extension(RANGE, (value.start, value.stop, value.step), 0, seen)
        if kind is random.Random:
            return self._again(value, kind, 0, seen) or self._extension(
                RANDOM, [cast("random.Random", value).getstate()], 0, seen
            )
        if kind.__module__ == "numpy.random._generator":
            bits = cast("Any", value).bit_generator  # which another generator may have as well
            return self._again(value, kind, 0, seen) or self._extension(GENERATOR, [bits], 0, seen)
        if kind.__module__ == f"numpy.random._{kind.__name__.lower().removesuffix('dxsm')}" and kind.__name__ in BITS:
            return self._again(value, kind, 0, seen) or self._extension(
                RANDOM_BITS, [cast("Any", value).state], 0, seen
            )
        if type(value) is Jump:
            return self._extension(JUMP, [value.target_key, value.data], 0, seen)
        if value is KEPT:
            return self._extended(MARKER, b"k")
        if type(value) is NoInput:
            return self._extended(MARKER, b"n")
        if type(value) is RouteTable:
            if value.common or value.uses:
                raise KeyingError("a result that several Routers share")
            return self._extended(MARKER, b"r")
        if type(value) is Skipped:
            return self._extension(SKIPPED, [value.task_id, value.reason], 0, seen)
        if type(value) is GivenResults:
            given = [CONTINUES if type(each) is LazyResult else each for each in value.given]
            return self._extension(GIVEN, [value.name, value.as_array, given], 0, seen)
        if value is CONTINUES:
            return self._extended(MARKER, b"c")
        if type(value) is JumpSelector:
            return self._extension(SELECTOR, [value.routes], 0, seen)
        if kind in FUNCTIONS or issubclass(kind, type):
            return self._extended(REFERENCE, path_of(value).encode())
        return self._composed(value, kind, seen)

    def _result(self, lazy: LazyResult[object]) -> object:
        if lazy in self._given:
            return self._extended(MARKER, b"g%d" % self._given[lazy])
        number = self._results.get(lazy)
        if number is None:
            self._missing.append(lazy)
            return None
        return self._extended(RESULT, self._encode(number))

    def _composed(self, value: object, kind: type, seen: Encoder) -> object:
        if COLLECTIONS.get(kind.__name__) is kind:
            items = list(value) if isinstance(value, deque) else list(cast("dict[object, object]", value).items())
            return self._again(value, kind, 0, seen) or self._extension(
                COLLECTION, [kind.__name__, items, *_options_of(value)], 0, seen
            )
        if issubclass(kind, tuple) and "_fields" in kind.__dict__ and not kind.__dictoffset__:
            return self._extension(NAMED, [path_of(kind), *tuple.__iter__(cast("tuple[object, ...]", value))], 0, seen)
        if is_record(kind):
            return self._again(value, kind, 0, seen) or self._extension(
                OBJECT, [path_of(kind), _fields_of(value, kind)], 0, seen
            )
        return super()._other(value, kind, seen)


def is_record(kind: type) -> bool:
    """Returns whether instances of a class are its fields and nothing else: of a dataclass, or a class of attrs."""
    layout = layout_of(kind)
    declared = any(
        "__dataclass_fields__" in each.__dict__ or "__attrs_attrs__" in each.__dict__ for each in kind.__mro__
    )
    return declared and layout is not None and layout.base is object


def _fields_of(value: object, kind: type) -> dict[object, object]:
    layout = layout_of(kind)
    assert layout is not None
    found: dict[object, object] = {}
    for number, held in cast("tuple[tuple[int, object], ...]", layout.held_by(value)):
        slot = layout.slots[number]
        found.update(
            cast("tuple[tuple[str, object], ...]", held) if slot.__name__ == "__dict__" else [(slot.__name__, held)]
        )
    return found


def unsaved(what: str, task: AnyTask, error: KeyingError) -> SavingError:
    """Returns the error for a value that cannot be saved: it names the variable, and the line of the task."""
    code = getattr(task.func, "__code__", None)
    where = f"task {task.name!r}" + ("" if code is None else f", {code.co_filename}:{code.co_firstlineno}")
    return SavingError(
        f"{what} cannot be saved: it holds {error.what}",
        where=where,
        expected="plain data, dates, paths, NumPy arrays, dataclasses, named tuples, generators of random numbers, results",
        hint=error.hint or "make it a resource (cascade.resource), or open the store by Store(path, pickle=True)",
    )


def _options_of(collection: object) -> list[object]:
    """Returns the arguments of a collection besides its items."""
    if isinstance(collection, deque):
        return [collection.maxlen]
    return [collection.default_factory] if isinstance(collection, defaultdict) else []


@contextlib.contextmanager
def damage_named(store: Store, id: str, failure: Callable[[], BaseException | None] = lambda: None) -> Iterator[None]:
    """Raises StoreError (a RuntimeError) for errors of this block that come from damaged bytes: for all but those of Cascade and `failure`."""
    try:
        yield
    except Exception as error:
        if error is failure() or (isinstance(error, CascadeError) and not isinstance(error, InternalError)):
            raise
        raise StoreError(
            f"the run {id!r} in {store.path} is damaged: it cannot be read ({type(error).__name__}: {error})",
            hint=f"continue from another snapshot, cascade.fork(store, {id!r}, at=number), or restore the store from a copy",
        ) from error


def elapsed_in(state: bytes) -> float:
    """Returns the seconds that a run has taken, as its state says, whose values are not read for that."""
    assert msgspec is not None
    return float(msgspec.msgpack.decode(state)[2][-1])


class StateReader(Codec):
    """Reads the bytes that a `StateWriter` has written.

    Args:
        load: returns the bytes of a large value.
        pickle: as of the writer.
        task: finds a task by its name; by default among the modules that are imported.
        resource: returns the value of a resource.
    """

    def __init__(
        self,
        load: LoadBlob,
        pickle: bool = False,
        task: Callable[[str], AnyTask] | None = None,
        resource: Callable[[LazyResult[object]], object] | None = None,
    ) -> None:
        super().__init__(pickle)
        self._load = load
        self._find_task = find_task if task is None else task
        self._resource_value = (lambda lazy: lazy) if resource is None else resource
        self._objects: dict[int, object] = {}
        self._results: list[LazyResult[object]] = []
        self.given: dict[int, LazyResult[object]] = {}  # in the place of results that the graph around has computed

    def read(self, data: bytes) -> object:
        """Returns the plain data that was written, its values as they were."""
        self._objects, self._results, self.given = {}, [], {}
        return self._decode(data)

    def target(self, data: object) -> object:
        """Returns the nest of results, or the data, that `StateWriter.write` has written."""
        results, policies, root = cast("tuple[list[LazyResult[object]], list[object], object]", data)
        for lazy, written in zip(results, policies, strict=True):
            if type(written) is int:
                lazy.policies = results[written].policies
            elif written is True:
                lazy.policies = lazy.task.policies
            elif written is False:
                lazy.policies = None
            else:
                lazy.policies = Policies(*cast("list[Any]", written))
        return root

    def _from_extension(self, code: int, data: memoryview) -> object:
        make = _READERS.get(code)
        return super()._from_extension(code, data) if make is None else make(self, data)

    def _known(self, data: memoryview) -> object:
        return self._objects[cast("int", self._decode(data))]

    def _shared(self, data: memoryview) -> object:
        number, value = cast("tuple[int, object]", self._decode(data))
        self._objects[number] = value
        return value

    def _loaded(self, data: memoryview) -> list[bytes]:
        return [self._load(bytes(data[at : at + 20])) for at in range(0, len(data), 20)]

    def _blob(self, data: memoryview) -> object:
        whole = b"".join(self._loaded(data[1:]))
        return whole if data[0] == 0 else self._from_extension(data[0], memoryview(whole))

    def _chunks(self, data: memoryview) -> list[object]:
        return [item for piece in self._loaded(data) for item in cast("list[object]", self._decode(piece))]

    def _chunked_dict(self, data: memoryview) -> dict[object, object]:
        items = self._chunks(data)
        return dict(zip(items[::2], items[1::2], strict=True))

    def _items(self, data: memoryview) -> list[Any]:
        return cast("list[Any]", self._decode(data))

    def _object(self, data: memoryview) -> object:
        path, fields = self._items(data)
        kind = cast("type", find(path, type, "class"))
        if not is_record(kind):
            raise StoreError(f"{path} is not a dataclass any more", expected="the class that the run was saved with")
        value: Any = object.__new__(kind)
        slots = {slot.__name__: slot for slot in layout_of(kind).slots}  # type: ignore[union-attr]  # it is a record
        for name, held in fields.items():
            if name in slots:
                slots[name].__set__(value, held)
            else:
                value.__dict__[name] = held
        return value

    def _named(self, data: memoryview) -> object:
        path, *items = self._items(data)
        kind = cast("type[tuple[object, ...]]", find(path, type, "class"))
        if not issubclass(kind, tuple) or len(items) != len(getattr(kind, "_fields", ())):
            raise StoreError(f"{path} has other fields now", expected=f"a named tuple of {len(items)} fields")
        return tuple.__new__(kind, items)

    def _random(self, data: memoryview) -> random.Random:
        made = random.Random()
        made.setstate(self._items(data)[0])
        return made

    def _generator(self, data: memoryview) -> object:
        from importlib import import_module

        (bits,) = self._items(data)
        made: object = import_module("numpy.random").Generator(bits)
        return made

    def _random_bits(self, data: memoryview) -> object:
        from importlib import import_module

        (state,) = self._items(data)
        if state["bit_generator"] not in BITS:
            raise StoreError(f"the generator {state['bit_generator']!r} is not known", expected="one of NumPy's own")
        bits: Any = getattr(import_module("numpy.random"), state["bit_generator"])()
        bits.state = state
        return bits

    def _collection(self, data: memoryview) -> object:
        name, items, *options = self._items(data)
        if name == "deque":
            return deque(items, *options)
        if name == "defaultdict" and not (options[0] is None or isinstance(options[0], (*FUNCTIONS, type))):
            raise StoreError("a defaultdict in the store has a factory that is no function or class")
        return COLLECTIONS[name](*options, dict(items))

    def _reference(self, data: memoryview) -> object:
        return find(bytes(data).decode(), (*FUNCTIONS, type), "function or class")

    def _task(self, data: memoryview) -> AnyTask:
        return self._find_task(bytes(data).decode())

    def _lazy(self, data: memoryview) -> LazyResult[object]:
        called, slots = self._items(data)
        if type(called) is str:
            called = lazy_result(self._find_task(called), tuple(slots))
        elif isinstance(called, Input):
            called = lazy_result(called, ())
        self._results.append(called)
        return cast("LazyResult[object]", called)

    def _injection(self, data: memoryview) -> LazyResult[object]:
        name, path = self._items(data)
        lazy: LazyResult[object] = inject(name if path is None else cast("Resource", find(path, Resource, "resource")))
        return lazy

    def _resource(self, data: memoryview) -> object:
        return self._resource_value(self._injection(data))

    def _input(self, data: memoryview) -> Input:
        kind, name, default, type_, description = self._items(data)
        return Input(kind, name, default[0] if default else REQUIRED, type_, description)

    def _marker(self, data: memoryview) -> object:
        if bytes(data[:1]) == b"g":
            return self.given.setdefault(int(bytes(data[1:])), lazy_result(GATHER, ()))
        return {b"k": KEPT, b"n": NO_INPUT, b"r": ROUTES, b"c": CONTINUES}[bytes(data)]


_READERS: dict[int, Callable[[StateReader, memoryview], object]] = {
    SHARED: StateReader._shared,
    AGAIN: StateReader._known,
    BLOB: StateReader._blob,
    CHUNKS: StateReader._chunks,
    CHUNKED_DICT: StateReader._chunked_dict,
    OBJECT: StateReader._object,
    NAMED: StateReader._named,
    RANDOM: StateReader._random,
    GENERATOR: StateReader._generator,
    RANDOM_BITS: StateReader._random_bits,
    PART: lambda reader, data: made_array(*reader._items(data)),
    GIVEN: lambda reader, data: GivenResults(*reader._items(data)),
    RANGE: lambda reader, data: range(*reader._items(data)),
    COLLECTION: StateReader._collection,
    REFERENCE: StateReader._reference,
    LAZY: lambda reader, data: reader._lazy(data),
    RESULT: lambda reader, data: reader._results[cast("int", reader._decode(data))],
    TASK: StateReader._task,
    SELECTOR: lambda reader, data: JumpSelector(reader._items(data)[0]),
    RESOURCE: StateReader._resource,
    INJECTION: StateReader._injection,
    JUMP: lambda reader, data: Jump(*reader._items(data)),
    SKIPPED: lambda reader, data: Skipped(*reader._items(data)),
    MARKER: StateReader._marker,
    INPUT: StateReader._input,
}


def read_value(store: Store, id: str, data: bytes) -> object:
    """Returns a value that `written_value` has made."""
    reader = StateReader(lambda key: store.blob(id, key), store.pickle)
    with damage_named(store, id):
        return reader.target(reader.read(data))


def written_value(store: Store, value: object) -> tuple[bytes, dict[bytes, bytes]]:
    """Returns the bytes of a value, and its large parts."""
    writer = StateWriter(store.pickle)
    data = writer.write(lambda: writer.plain(value))
    return data, dict(writer.blobs)
