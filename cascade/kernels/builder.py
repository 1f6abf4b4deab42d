"""CodeBuilder: builds the typed code of a task from its body, the bodies of its tail calls, and the helpers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import FunctionType
from typing import Protocol

from cascade.declare.lazy import LazyResult
from cascade.declare.task import Task
from cascade.graph.containers import is_container
from cascade.kernels.admission import captured, check_signature
from cascade.kernels.assemble import ROWS, Assembler, Code, Constant, Item, Label, halves
from cascade.kernels.continuation import Continuations
from cascade.kernels.diagnostics import Diagnostic, Refusal, refuse
from cascade.kernels.fuse import fuse
from cascade.kernels.loop_rotation import rotate_loops
from cascade.kernels.model import BOOL, FLOAT, INT, NONE, OBJECT, Body, CallOut, Exit, Helper, TypedCode
from cascade.kernels.names import Names
from cascade.kernels.parts import BodyPart, HelperPart, WrongAssumption
from cascade.kernels.source import FunctionSource, SourceError, read_source

SIZE_LIMIT = 4000  # instructions
HELPER_LIMIT = 32
BODY_LIMIT = 12  # bodies that tail calls lead to

Read = Callable[[Task[..., object]], tuple[FunctionSource, Continuations]]
"""Returns the source of a task's function and its continuations; raises SourceError."""


class Translators(Protocol):
    """Translates the functions of a builder."""

    def body(self, code: CodeBuilder, part: BodyPart) -> None:
        """Translates a body."""

    def helper(self, code: CodeBuilder, part: HelperPart, source: FunctionSource) -> None:
        """Translates a helper."""


class CodeBuilder:
    """Builds the typed code of a task.

    Args:
        read: reads a task's function.
        translators: translate bodies and helpers into the builder's assembler.
    """

    def __init__(self, read: Read, translators: Translators) -> None:
        self.read = read
        self.translators = translators
        self.assembler = Assembler()
        self.names = Names()
        self.space = self.assembler.space()
        self.exits: dict[Exit, int] = {}
        self.bodies: dict[tuple[object, tuple[str, ...]], BodyPart] = {}
        self.waiting: list[BodyPart] = []
        self.helpers: dict[tuple[FunctionType, tuple[str, ...]], HelperPart] = {}
        self.pieces: list[Code] = []
        self.diagnostics: list[Diagnostic] = []
        self.entries: list[tuple[Label, int]] = []
        self.deferring = False
        self.hands_on = False

    def build(self, task: Task[..., object], types: tuple[str, ...]) -> TypedCode:
        """Returns the code of a task for arguments of the given types.

        Raises:
            SourceError: the source of a function is not there.
            Refusal: it cannot be lowered.
        """
        first = self.body(task, types)
        assert first is not None
        return self.translate(first)

    def translate(self, first: BodyPart) -> TypedCode:
        """Returns the code of a body, and of those that its tail calls lead to."""
        while self.waiting:
            self.translators.body(self, self.waiting.pop(0))
        if self.diagnostics:
            raise Refusal(*self.diagnostics)
        return self.finish(first)

    def body(self, task: Task[..., object], types: tuple[str, ...]) -> BodyPart | None:
        """Returns the part of a task's body for some types, which waits for its translation; None for one too many."""
        part = self.bodies.get((task, types))
        if part is None and len(self.bodies) < BODY_LIMIT:
            source, continuations = self.read_task(task)
            self.diagnostics += captured(source)
            part = BodyPart(task, types, source, continuations, len(self.bodies))
            part.parameters = [self.assembler.name() for _ in types]
            (self.space.variables if self.bodies else self.space.parameters).extend(part.parameters)
            self.add(task, part)
        return part

    def read_task(self, task: Task[..., object]) -> tuple[FunctionSource, Continuations]:
        """Reads a task's function, and guards its signature."""
        self.names.signature(task.func)
        source, continuations = self.read(task)
        check_signature(source)
        return source, continuations

    def add(self, owner: object, part: BodyPart) -> None:
        """Adds a body, of a task or of a state, to those that wait for their translation."""
        self.bodies[owner, part.types] = part
        self.waiting.append(part)

    def exit(self, at: Exit) -> int:
        """Returns the number of an exit."""
        return self.exits.setdefault(at, len(self.exits))

    # -- Helpers ------------------------------------------------------------------------------------------------------

    def helper(self, function: FunctionType, types: tuple[str, ...]) -> HelperPart:
        """Returns the part of a helper for some types of its arguments, which is translated when it is first called."""
        part = self.helpers.get((function, types))
        if part is not None:
            if not part.result:
                part.result, part.assumed = INT, True  # it calls itself before it has returned anything
            return part
        name = function.__qualname__
        if len(self.helpers) >= HELPER_LIMIT:
            raise Refusal(Diagnostic("CS141", 0, 0, name, "too many helper functions for one kernel"))
        source = self.read_helper(function)
        for guess in ("", FLOAT, BOOL):
            part = HelperPart(function, types, self.assembler.space(), result=guess, assumed=bool(guess))
            if self.make_helper(part, source):
                return part
        raise refuse("CS142", source.tree, "it returns values of different types", source)

    def read_helper(self, function: FunctionType) -> FunctionSource:
        """Reads a helper, and guards its signature."""
        self.names.signature(function)
        try:
            source = read_source(function)
        except SourceError as error:
            raise Refusal(Diagnostic("CS100", 0, 0, function.__qualname__, str(error))) from None
        check_signature(source)
        if diagnostics := captured(source):
            raise Refusal(*diagnostics)
        return source

    def make_helper(self, part: HelperPart, source: FunctionSource) -> bool:
        """Translates a helper into a piece of code; returns False where its result is not of the assumed type."""
        assembler = self.assembler
        helpers, items, pieces = dict(self.helpers), assembler.items, list(self.pieces)
        assembler.items = []
        self.helpers[part.function, part.types] = part
        done = False
        try:
            self.translators.helper(self, part, source)
            self.pieces.append(self.with_constants(part, source))
            done = True
        except WrongAssumption as error:
            if error.part is not part:
                raise
        finally:
            assembler.items = items
            if not done:
                self.helpers, self.pieces = helpers, pieces
        return done

    def with_constants(self, part: HelperPart, source: FunctionSource) -> Code:
        """Returns the instructions of a helper, with its constants loaded first: its registers are new at each call."""
        label, *items = self.assembler.items
        line = (source, source.tree.lineno)
        loads: Code = [
            Item(f"LOAD_{key[0].upper()}", _loaded(name, key), 0, line, part.space)
            for key, name in part.space.constants.items()
        ]
        return [label, *loads, *items]

    # -- The end ------------------------------------------------------------------------------------------------------

    def finish(self, first: BodyPart) -> TypedCode:
        """Assembles the code, after all functions are translated."""
        assembler = self.assembler
        for piece in self.pieces:
            assembler.items += piece
        for label in [
            *(body.label for body in self.bodies.values()),
            *(helper.label for helper in self.helpers.values()),
        ]:
            label.uses += 1  # an entry, also where nothing jumps to it
        rotated = rotate_loops(assembler.items)
        assembler.items = fuse(assembler.items, assembler.temporaries)
        self.check_code(first)
        assembler.assign()
        words, items = assembler.words()
        return TypedCode(
            name=first.task.name,
            words=words,
            types=first.types,
            registers=max(self.space.total, 1),
            constants=self.constants_of_code(),
            objects=tuple(assembler.objects),
            exit_of=tuple(item.exit for item in items),
            steps_to=tuple(self.body_reached(item, rotated) for item in items),
            exits=tuple(map(self.exit_of_code, self.exits)),
            bodies=tuple(map(self.body_of_code, self.bodies.values())),
            helpers=tuple(
                Helper(part.function.__name__, part.label.index, part.types, part.result, part.space.total)
                for part in self.helpers.values()
            ),
            entries=tuple((label.index, number) for label, number in self.entries),
            guards=tuple(self.names.guards.values()),
            deferring=self.deferring,
            hands_on=self.hands_on,
            loops=any(ROWS[item.name].takes_fuel for item in items),
            lines=tuple((item.line[0], item.line[1]) for item in items if item.line[0] is not None),
        )

    def body_reached(self, item: Item, rotated: Mapping[Label, Label]) -> int:
        """Returns the number of the body that a tail call leads to; -1 for other instructions."""
        if not ROWS[item.name].counts or item.target is None:
            return -1
        label = rotated.get(item.target, item.target)
        return next(part.number for part in self.bodies.values() if part.label is label)

    def check_code(self, first: BodyPart) -> None:
        """Refuses code that is too long, or that might pass on a LazyResult."""
        if len(self.assembler.items) > SIZE_LIMIT:
            raise refuse("CS143", first.source.tree, "the typed code would be too long", first.source)
        if self.hands_on and not all(
            isinstance(each, CallOut) or holds_no_results(each) for each in self.assembler.objects
        ):
            hint = "it hands objects on, and names containers in which there may be LazyResults"
            raise refuse("CS123", first.source.tree, hint, first.source)

    def constants_of_code(self) -> tuple[tuple[int, str, object], ...]:
        """Returns the constants by register number."""
        numbers, constants = self.space.numbers, self.space.constants
        return tuple((numbers[name], key[0], self.assembler.constant_value(key)) for key, name in constants.items())

    def exit_of_code(self, at: Exit) -> Exit:
        """Returns an exit with numbers of registers in place of their names."""
        numbers = self.space.numbers
        names = tuple((name, -1 if kind == NONE else numbers[register], kind) for name, register, kind in at.names)
        return Exit(at.body, at.statement, at.again, names, tuple(numbers[register] for register in at.ranges))

    def body_of_code(self, part: BodyPart) -> Body:
        """Returns a body with numbers of registers in place of their names."""
        numbers = self.space.numbers
        parameters = tuple(numbers[register] for register in part.parameters)
        kept = tuple(-1 if kind == NONE else numbers[register] for register, kind in part.kept)
        return Body(part.task, part.types, parameters, kept, part.continuations, part.label.index, part.state)


def _loaded(name: int, key: Constant) -> dict[str, int]:
    """Returns the operands of the instruction that loads a constant."""
    kind, bits = key
    if kind == OBJECT:
        assert isinstance(bits, int)
        return {"a": name, "e": bits}
    low, high = halves(bits if isinstance(bits, bytes) else bits.to_bytes(8, "little", signed=True))
    return {"a": name, "e": low, "f": high}


def holds_no_results(value: object) -> bool:
    """Returns whether an object holds no LazyResult, and never will."""
    if isinstance(value, (tuple, frozenset)) and type(value) in (tuple, frozenset):
        return all(map(holds_no_results, value))
    return type(value) is not LazyResult and not is_container(value)
