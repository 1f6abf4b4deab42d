"""TypedCode: the typed code of a kernel, made by the translator. Data only."""

from __future__ import annotations

from dataclasses import dataclass, field

from cascade._vm import Routine
from cascade.declare.task import Task
from cascade.kernels.continuation import Continuations
from cascade.kernels.source import FunctionSource

INT, FLOAT, BOOL, NONE, OBJECT = "int", "float", "bool", "none", "object"
"""The types of values. A bool is an int in its register; None has no register; an object is only moved and compared."""

PARAMETER_LIMIT = 32
"""Parameters of a function that has a kernel, as in vm/kernel.pxi."""
MISSING: object = type("Missing", (), {"__repr__": lambda self: "MISSING"})()


@dataclass(frozen=True)
class Guard:
    """A condition for entering the code: `name` of `holder` has to be `expected`.

    Attributes:
        kind: "item" of a dict, "contents" of a cell, or "attribute" of a function.
        expected: the very object, or MISSING.
    """

    kind: str
    holder: object
    name: str
    expected: object

    @property
    def missing(self) -> bool:
        """Whether the name has to be missing."""
        return self.expected is MISSING


@dataclass(frozen=True)
class Exit:
    """A side exit: the program point from which CPython continues, and where the variables are.

    Attributes:
        body: the function: an index into `TypedCode.bodies`.
        statement: the number of the statement that begins there; -1 at the function's end.
        again: whether it is the end of a `for`'s body, which takes its next item.
        names: the local variables that are bound, each with its register and its type.
        ranges: for each active `for`, the outermost first, the first register of its range.
    """

    body: int
    statement: int
    again: bool
    names: tuple[tuple[str, int, str], ...]
    ranges: tuple[int, ...]


@dataclass(frozen=True, eq=False)
class Body:
    """A task's function inside the code, for certain types of its arguments.

    Attributes:
        task: the task.
        types: of its parameters.
        parameters: the register of each parameter.
        kept: for each parameter, the register of the value that it came with; -1 for None.
        continuations: makes the continuations of the function.
        entry: its first word.
        state: of a state machine, the number of the state that calls the task; the parameters are then the operands of
            all states. Else -1.
    """

    task: Task[..., object]
    types: tuple[str, ...]
    parameters: tuple[int, ...]
    kept: tuple[int, ...]
    continuations: Continuations = field(repr=False)
    entry: int
    state: int = -1

    @property
    def routine(self) -> Routine:
        """The calling convention of the task."""
        routine: Routine = self.task.routine
        return routine


@dataclass(frozen=True, eq=False)
class Helper:
    """A plain function that the code calls, with registers of its own: the parameters first.

    Attributes:
        entry: its first word.
        types: of its parameters.
        result: the type of its result.
        registers: the number of its registers.
    """

    name: str
    entry: int
    types: tuple[str, ...]
    result: str
    registers: int


@dataclass(frozen=True, eq=False)
class CallOut:
    """A call-out: a function of Python's own that is called with values of the given types. It has no effect, and may raise.

    Attributes:
        groups: for each argument, of how many values it is a tuple; -1 where it is one value. Empty where all are.
        names: of the last arguments, those that are given by keyword.
    """

    function: object
    types: tuple[str, ...]
    result: str
    groups: tuple[int, ...] = ()
    names: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class TypedCode:
    """The body of a task's function for one tuple of argument types, and the functions that it calls.

    Attributes:
        name: the task's, for people.
        words: the instructions, 32 bytes each (see `cascade.instructions.kernel`).
        types: of the parameters, which have the first registers.
        registers: their number.
        constants: the registers that hold a constant from the start: (register, type, value).
        objects: those that LOAD_OBJECT and CALL_OUT refer to.
        exits: the side exits; `exit_of` has the number of one for each word.
        steps_to: for each word that counts a tail call, the body that it leads to; -1 for the others.
        bodies: the tasks' functions in the code; the first is the one that is entered.
        helpers: the functions that it calls.
        entries: for re-entry, where a loop's iteration begins: (word, exit at the same program point).
        guards: the conditions for entering the code.
        deferring: whether a task that returns a call of a task continues inside the code.
        hands_on: whether objects among the arguments are passed to other parameters: they must hold no LazyResult.
        loops: whether it has a loop or a tail call.
        lines: for each word the source, and the line in it, that it comes from.
    """

    name: str
    words: bytes
    types: tuple[str, ...]
    registers: int
    constants: tuple[tuple[int, str, object], ...]
    objects: tuple[object, ...]
    exit_of: tuple[int, ...] = field(repr=False)
    steps_to: tuple[int, ...] = field(repr=False)
    exits: tuple[Exit, ...] = field(repr=False)
    bodies: tuple[Body, ...] = field(repr=False)
    helpers: tuple[Helper, ...] = field(repr=False)
    entries: tuple[tuple[int, int], ...] = field(repr=False)
    guards: tuple[Guard, ...] = field(repr=False)
    deferring: bool
    hands_on: bool
    loops: bool
    lines: tuple[tuple[FunctionSource, int], ...] = field(repr=False)
