from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from contextvars import ContextVar
from typing import Any, Final, Generic, Never, Protocol, TypeAlias, TypeGuard, TypeVar, final

from cascade.instructions.blueprint import Blueprint

R = TypeVar("R", covariant=True)
T = TypeVar("T")

Handed: TypeAlias = Never
"""A parameter that only the extension passes, with a value of a higher layer: the method may take any type that it was given."""
Opaque: TypeAlias = Any
"""A value of a higher layer, which the extension holds and does not look into."""

DONE: Final[int]
PAUSE: Final[int]
WAIT: Final[int]
FAILED: Final[int]

makes_machine_code: Final[ContextVar[bool]]
"""False where a run is under way that makes no machine code."""

NEVER: Final[int]
WHEN_HOT: Final[int]
AT_ONCE: Final[int]
MUST: Final[int]

@final
class TailCall(Generic[R]):
    def __init__(
        self,
        args: Sequence[object] = (),
        kwargs: Mapping[str, object] | None = None,
        target: object = None,
    ) -> None: ...
    @property
    def args(self) -> tuple[object, ...]: ...
    @property
    def kwargs(self) -> dict[str, object]: ...
    @property
    def target(self) -> object: ...

@final
class Jump(Generic[R]):
    def __init__(self, target_key: object, data: object = ...) -> None: ...
    @property
    def target_key(self) -> object: ...
    @property
    def data(self) -> object: ...

@final
class Routes:
    targets: tuple[tuple[object, int, int], ...] | None
    end: int
    def __init__(self, targets: tuple[tuple[object, int, int], ...] | None, end: int) -> None: ...

@final
class RouteTemplate:
    @property
    def code(self) -> Code: ...
    def __init__(self, code: Code, inputs: list[object], holes: list[tuple[int, int]]) -> None: ...
    def fill(self, values: list[object], first: int) -> list[object] | None: ...

class CompiledRoutes:
    def __init__(self, routes: Mapping[object, object], templates: Mapping[Opaque, object]) -> None: ...

KEPT: Final[object]

@final
class Routine:
    owner: Opaque
    operation: Opaque
    function: Callable[..., object]
    name: str
    parameters: tuple[str, ...]
    positional_only: int
    keywords: tuple[str, ...]
    varargs: bool
    varkwargs: bool
    lowering: int
    @property
    def map_lowering(self) -> int: ...
    @property
    def call_lowering(self) -> int: ...
    @property
    def call(self) -> Callable[..., object]: ...
    kernels: list[Kernel]
    diagnostics: list[tuple[tuple[str, ...], Opaque]]
    made: int
    outdated: int
    may_have_blocks: bool
    def __init__(
        self,
        *,
        owner: object,
        function: Callable[..., object],
        name: str,
        parameters: tuple[str, ...],
        positional: int,
        positional_only: int,
        keywords: tuple[str, ...],
        varargs: bool,
        varkwargs: bool,
        bind: Callable[..., tuple[object, ...]],
        lowering: int = 0,
        call_lowering: int = -1,
        block_lowering: int = -1,
        operation: object = None,
        rebinds: bool = True,
        may_skip: bool = False,
        chooses_route: bool = False,
        state_operands: tuple[tuple[int, int], ...] = (),
    ) -> None: ...
    @property
    def block_kernel(self) -> BlockKernel | None: ...
    @property
    def block_refusal(self) -> Opaque: ...
    @property
    def calls_before_block_kernel(self) -> int: ...
    def lower(self, context: KernelMaker, types: tuple[str, ...]) -> None: ...

@final
class Code:
    blueprint: Blueprint
    def __init__(self, blueprint: Blueprint) -> None: ...

class Shares:
    def run_one_share(self, number: int) -> None: ...

@final
class MapResults:
    def __init__(self, room: int) -> None: ...
    def __len__(self) -> int: ...
    def add(self, value: object) -> None: ...
    def values(self) -> list[object]: ...
    def samples(self) -> list[object] | None: ...
    def taken(self) -> Opaque: ...

@final
class ArrayColumn:
    def __init__(self, array: object) -> None: ...
    def __len__(self) -> int: ...
    def __getitem__(self, number: int) -> object: ...
    def __iter__(self) -> Iterator[object]: ...

@final
class Items(Shares):
    def __init__(
        self,
        context: Context,
        routine: Routine,
        columns: list[list[object]],
        parameters: tuple[int, ...],
        slots: tuple[object, ...],
        results: list[object] | MapResults,
        threads: int,
        start: Callable[[Callable[[int], None], int], Callable[[], object]],
    ) -> None: ...
    @property
    def worth_it(self) -> bool: ...
    def run(self, seconds: float) -> bool: ...
    def call_each(
        self, function: Callable[..., object], positional: int, names: tuple[str, ...] | None, seconds: float
    ) -> bool: ...

@final
class ArrayItems(Shares):
    def __init__(
        self,
        routine: Routine,
        columns: Sequence[list[object] | tuple[object] | ArrayColumn],
        parameters: tuple[int, ...],
        slots: tuple[object, ...],
        results: list[object] | MapResults,
        threads: int,
        start: Callable[[Callable[[int], None], int], Callable[[], object]],
    ) -> None: ...
    @property
    def worth_it(self) -> bool: ...
    def run(self, seconds: float) -> bool: ...
    def call_each(
        self, function: Callable[..., object], positional: int, names: tuple[str, ...] | None, seconds: float
    ) -> bool: ...

@final
class ProfiledRun:
    def __call__(self) -> int: ...

@final
class Kernel:
    code: Opaque
    start: int
    entries: int
    steps: int
    work: int
    retired: bool
    slower: bool
    retired_in_maps: bool
    @property
    def forms_in_machine_code(self) -> int: ...
    def machine_code(self) -> tuple[bytes, list[int], int] | None: ...
    @property
    def trial_seconds(self) -> tuple[float, float] | None: ...
    @property
    def map_trial_seconds(self) -> tuple[float, float] | None: ...
    @property
    def exits(self) -> int: ...
    def __init__(self, code: object) -> None: ...
    def exits_by_word(self) -> dict[int, int]: ...

@final
class Skipped:
    task_id: str
    reason: str
    def __init__(self, task_id: str, reason: str) -> None: ...

@final
class Pending: ...

@final
class Mark:
    """A value that is told by its identity; see vm/snapshot.pxi."""

    meaning: str
    def __init__(self, meaning: str) -> None: ...

ABSENT: Final[Mark]
SAVE_FIRST: Final[Mark]

def scalars_of(values: list[object], longest: int) -> list[list[object]] | None: ...

@final
class FrameState:
    """A frame as data; see vm/snapshot.pxi."""

    code: Code
    pc: int
    slots: list[object]
    calls: list[tuple[int, list[object]]]
    owner: int
    owner_pc: int
    waits: bool
    may_skip: bool
    inner: bool
    iteration: int
    serial: int
    node: int
    origin: Opaque
    routine: Routine | None
    def __init__(
        self,
        code: Code,
        pc: int,
        slots: list[object],
        calls: list[tuple[int, list[object]]],
        owner: int = -1,
        owner_pc: int = 0,
        waits: bool = False,
        may_skip: bool = False,
        inner: bool = False,
        iteration: int = 0,
        serial: int = 0,
        node: int = 0,
        origin: object = None,
        routine: Routine | None = None,
    ) -> None: ...

class TaskGroup(Protocol):
    """Awaits the awaitables of a `Machine`, once there is an event loop."""

    def spawn(self, entry: Pending, awaitable: Awaitable[object], name: str) -> None:
        """Starts a task that awaits `awaitable`, and then calls `Machine.complete` or `Machine.fail` with `entry`."""

def array_fields(array: object, dimensions: int) -> tuple[object, ...]: ...
def buffer_address(array: object) -> int: ...
def learn_numpy(
    array_type: type,
    descrs: Iterable[object],
    scalars: Iterable[type],
    bools: tuple[object, object],
    error_state: Callable[[], object],
) -> None: ...
def scalar_of(number: int, value: float) -> object: ...

class Handover:
    def __iter__(self) -> Handover: ...
    def __next__(self) -> object: ...

class BlockKernel:
    entries: int
    exit_count: int
    work: int
    growths: int
    stale: bool
    retired: bool
    slower: bool
    exits_often: bool
    called_out: int
    @property
    def forms_in_machine_code(self) -> int: ...
    def machine_code(self) -> tuple[bytes, list[int], int] | None: ...
    @property
    def runs(self) -> tuple[int, float]: ...
    def call_outs_made(self) -> list[tuple[int, int, float]]: ...
    def exits_made(self) -> list[tuple[int, int, int, float]]: ...
    @property
    def trial_seconds(self) -> tuple[float, float] | None: ...
    @property
    def trial_in_batches(self) -> bool: ...
    @property
    def names(self) -> list[str]: ...
    @property
    def translator(self) -> Opaque: ...
    def __init__(self, translator: object, exits: object) -> None: ...
    def __call__(self, *arguments: object) -> object: ...
    def listing(self) -> list[tuple[int, int, tuple[int, ...], int, int]]: ...

class KernelMaker(Protocol):
    """Makes the kernels of routines."""

    def kernel(self, owner: Handed, types: tuple[str, ...], in_map: bool = False) -> object:
        """Returns the `Kernel` of a task for arguments of these types; the diagnostics, or None where there is none for any types."""

    def state_machine_kernel(self, routine: Handed, types: tuple[str, ...], start: int) -> object:
        """As `kernel`, for a state machine that begins with its state number `start`."""

class Context(KernelMaker, Protocol):
    """The services of the run that a `Machine` belongs to. The extension calls these methods and reads no attribute.

    An *owner* is a task, an *operation* a task or its call with policies; both are passed through from `Routine`. A
    call is identified by its frame's number (`serial`), the number of its node there, and the iteration.
    """

    # Code

    def together(self, nest: object) -> object:
        """Returns one deferred value for a container that holds some."""

    def expand(self, deferred: Handed, hands_on: bool = False) -> tuple[Code, Sequence[object]]:
        """Returns the code of a deferred value and its inputs. `hands_on`: its arguments are data, which are not searched."""

    def deferred(self, operation: Handed, slots: tuple[Handed, ...]) -> object:
        """Returns a call of an operation as a deferred value, for a tail call with deferred values among its arguments."""

    def loop_code(self, operation: Handed) -> Code:
        """Returns the code that runs an operation on its own; its parameters are the inputs."""

    def target(self, target: Handed, owner: Handed) -> Routine:
        """Returns the routine of the target that a tail call of `owner` names; raises where there is none."""

    def rebind(
        self, operation: Handed, current: tuple[Handed, ...], args: tuple[Handed, ...], kwargs: dict[str, Opaque]
    ) -> tuple[object, ...]:
        """Returns the slots of a tail call of an operation to itself; `current` has those of the present call."""

    # Calls

    def call(self, operation: Handed, operands: Sequence[Handed], serial: int, node: int, origin: Handed) -> object:
        """Makes a call with policies; returns its value, or any other result of a task. `origin` is set inside of a loop."""

    def holds_resources(self) -> bool:
        """Returns whether each call may have resources of its own: then `call` chooses each route."""

    def admit(self, operation: Handed, operands: Sequence[Handed], serial: int, node: int) -> Skipped | None:
        """Returns the Skipped of a state machine that is skipped by its conditions; None for one that runs."""

    def computed_jump(self, jump: Jump[object], made: int) -> object:
        """Returns a Jump as a deferred value, if its data has to be computed first; else None. `made` is from `results_made`."""

    def not_continued(self, value: object) -> BaseException:
        """Returns the error of a run whose value is a Jump, or holds a tail call."""

    def jump_error(self, targets: Handed, jump: Jump[object], owner: Handed) -> BaseException:
        """Returns the error of a Jump that leads nowhere; `targets` are those of `Routes`."""

    # Events: only where the run is observed

    def started(self, owner: Handed, serial: int, node: int) -> None:
        """Publishes that a call begins."""

    def finished(self, owner: Handed, serial: int, node: int, value: object, error: BaseException | None) -> None:
        """Publishes that a call has ended, with a value or an error."""

    def progress(self, owner: Handed, serial: int, node: int, iteration: int) -> None:
        """Publishes the progress of a loop, some ten times a second."""

    # Errors

    def where(self, owner: Handed, serial: int, node: int, iteration: int) -> str:
        """Returns the name of a call, for messages."""

    def timed_out(self, steps: int, iterations: int, where: str | None) -> BaseException:
        """Returns the error of a run that has reached its deadline."""

    def annotate(
        self, error: BaseException, owner: Handed, origin: Handed, serial: int, node: int, iteration: int
    ) -> None:
        """Adds the call that it comes from to an error of a task's function."""

@final
class Machine:
    error: BaseException | None
    def __init__(
        self,
        code: Code,
        inputs: Sequence[object],
        context: Context,
        observed: bool = False,
        calls_by_context: bool = False,
        deadline: float = 0.0,
        max_steps: int = -1,
        serial: int = 0,
    ) -> None: ...
    def run(self, slice_seconds: float = 0.0) -> int: ...
    def take(self) -> Opaque: ...
    def attach(self, task_group: TaskGroup) -> None: ...
    def complete(self, entry: Pending, value: object) -> None: ...
    def fail(self, entry: Pending, error: BaseException) -> None: ...
    def label(self, entry: Pending) -> tuple[Opaque, int, int, int]: ...
    def close(self) -> None: ...
    def stop_before(self, step: int) -> None: ...
    @property
    def between_calls(self) -> bool: ...
    def frames(self, awaited: Iterable[Pending] = ()) -> list[FrameState]: ...
    def restore(self, states: Iterable[FrameState], first: int, steps: int, serials: int) -> None: ...
    @property
    def graphs(self) -> int: ...
    @property
    def steps(self) -> int: ...
    @property
    def iteration(self) -> int: ...

def configure(
    *,
    deferred_type: type | None = None,
    no_input_type: type | None = None,
    verify: Callable[[Blueprint], None] | None = None,
    verify_typed: Callable[[object], None] | None = None,
    call_out_type: type | None = None,
    reenter: Callable[[Handed, int, Handed, list[range], list[object] | None], tuple[object, Sequence[object]]]
    | None = None,
    iteration_end_type: type | None = None,
    profiled_caller: Callable[[Handed], Callable[[Callable[[], object]], object]] | None = None,
    missing: object = None,
    block_kernel_of: Callable[[Handed], object] | None = None,
    translator_type: type | None = None,
    kernel_of_call: KernelMaker | type[KernelMaker] | None = None,
    innermost_scope: ContextVar[Opaque] | None = None,
    check_scopes: Callable[[], None] | None = None,
) -> None: ...
def kernel_of_call() -> object: ...
def check_cpython(fault: str | None = None) -> None: ...
def loop_code_of(context: Context, routine: Routine) -> Code: ...
def holds_deferred(value: object) -> bool: ...
def look_for_deferred(value: object, limit: int) -> bool | None: ...
def hands_on_deferred(slots: tuple[object, ...], gathered: tuple[int, ...] = ()) -> bool: ...
def holds_made(value: object, made: int) -> bool: ...
def is_not_continued(value: object) -> bool: ...
def holds_new_deferred(
    slots: tuple[object, ...], current: Sequence[object] | None, made: int, gathered: tuple[int, ...] = ()
) -> bool: ...
def results_made() -> int: ...
def results_alive() -> int: ...
def is_only_result(result: object, made: int) -> bool: ...
def length(value: object) -> int: ...
def use_machine_code(work: int | None) -> None: ...
def has_machine_code() -> bool: ...
def machine_code_bytes() -> int: ...
def use_trial_clock(clock: Callable[[bool], float] | None) -> None: ...
def call_each(
    function: Callable[..., object],
    columns: list[list[object]],
    positional: int,
    names: tuple[str, ...] | None,
    results: list[object],
    seconds: float,
) -> bool: ...
def pack_items(items: list[object], start: int, end: int) -> tuple[str, bytearray] | None: ...
def unpack_items(code: str, packed: bytes | bytearray | memoryview) -> list[object]: ...
def task_depth() -> int: ...

class DirectCall:
    def __init__(
        self,
        code: Code,
        context: Context,
        slice_seconds: float,
        *,
        inputs: Sequence[object] | None = None,
        bind: Callable[..., tuple[object, ...]] | None = None,
        positional: int = -1,
        gathered: tuple[int, ...] = (),
    ) -> None: ...

def called_directly(kind: type[T]) -> type[T]: ...
def entry_point(function: T) -> T: ...
def show_full_tracebacks(full: bool) -> bool: ...
def is_awaitable(value: object) -> TypeGuard[Awaitable[object]]: ...
def learn_partial(cls: type) -> bool: ...
def learn_random(cls: type, functions: tuple[object, ...]) -> None: ...
def random_numbers(source: object, count: int) -> list[tuple[float, int, int]]: ...
def random_state(source: object) -> tuple[int, ...]: ...
def jump_data_is_deferred(jump: Jump[object], made: int) -> bool: ...
def instance_of(kind: type[T], fields: dict[str, object]) -> T: ...
def enter_task() -> None: ...
def leave_task() -> None: ...
def inside_task() -> bool: ...
def lower_without_delay(on: bool) -> None: ...
def is_like(value: object, function: object) -> bool: ...
def find_in_class(cls: type, name: str, default: object = None) -> object: ...
def class_tag(cls: type) -> int: ...
def slot_offset(cls: type, name: str) -> int: ...
def value_index(cls: type, name: str) -> int: ...
def shares_keys(cls: type) -> bool: ...
def has_instance_dict(cls: type) -> bool: ...
def is_data_descriptor(value: object) -> bool: ...
def is_descriptor(value: object) -> bool: ...
def loads_plainly(cls: type) -> bool: ...
def stores_plainly(cls: type) -> bool: ...
def makes_plainly(cls: type) -> bool: ...
def use_stopwatch_clock(clock: Callable[[], float] | None) -> None: ...
