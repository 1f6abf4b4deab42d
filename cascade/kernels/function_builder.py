"""FunctionBuilder: emits the instructions of one function, and names its registers."""

from __future__ import annotations

import ast
from collections.abc import Sequence

from cascade.kernels.assemble import Item, Label, Space
from cascade.kernels.builder import CodeBuilder
from cascade.kernels.diagnostics import Refusal, refuse
from cascade.kernels.functions import ARGUMENT_LIMIT
from cascade.kernels.model import FLOAT, INT, NONE, OBJECT, CallOut
from cascade.kernels.source import FunctionSource
from cascade.kernels.values import UNKNOWN, SideExit, Value

RESULT_AND_SOURCES = "abcdef"


class FunctionBuilder:
    """Emits the instructions of one function.

    Attributes:
        code: builds the code that the function is a part of.
        source: the function.
        space: its registers.
        bound: the types of the variables that have a value at the present program point.
        registers: the name of the register of each variable, for each of its types.
        ranges: for each `for`, the name of the first of its three registers.
        made_before: the calls that are made before the present statement, by id: the variable of the result (see
            `containers`).
        exit: the number of the side exit of the present statement.
        line: the source and the line that the present statement comes from.
    """

    def __init__(self, code: CodeBuilder, source: FunctionSource, space: Space) -> None:
        self.code = code
        self.source = source
        self.space = space
        self.assembler = code.assembler
        self.bound: dict[str, str] = {}
        self.registers: dict[tuple[str, str], int] = {}
        self.made_before: dict[int, str] = {}
        self.ranges: dict[int, int] = {}
        self.exit = 0
        self.line = (source, source.tree.lineno)

    # -- Names and diagnostics --------------------------------------------------------------------------------------

    def meaning(self, node: ast.expr) -> object:
        """Returns the object that a name or attribute means that is no variable; MISSING for anything else."""
        return self.code.names.meaning(self.source, node)

    def refuse(self, code: str, node: ast.expr | ast.stmt, hint: str) -> Refusal:
        return refuse(code, node, hint, self.source)

    # -- Instructions -----------------------------------------------------------------------------------------------

    def emit(self, name: str, *, target: Label | None = None, callee: Space | None = None, **operands: int) -> None:
        self._emit(name, operands, target, callee)

    def _emit(
        self, name: str, operands: dict[str, int], target: Label | None = None, callee: Space | None = None
    ) -> None:
        self.assembler.emit(Item(name, operands, self.exit, self.line, self.space, target, callee))

    def put(self, label: Label) -> None:
        self.assembler.place(label)

    def emit_jump(self, name: str, target: Label, **operands: int) -> None:
        """Emits a jump; back to a label that is placed already, it takes fuel."""
        way = "BACK" if target.placed else "JUMP"
        full = way if name == "JUMP" else f"{way}_{name}"
        self._emit(full, operands, target)

    def computed(self, kind: str, name: str, *operands: Value) -> Value:
        """Emits an instruction and returns its result, in a temporary register."""
        result = self.assembler.temporary()
        registers = dict(zip(RESULT_AND_SOURCES, (result, *map(self.register, operands)), strict=False))
        self._emit(name, registers)
        return Value(kind, result)

    def copied(self, value: Value) -> Value:
        """Returns the value in a temporary register of its own."""
        result = self.assembler.temporary()
        self.emit("MOVE", a=result, b=self.register(value))
        return Value(value.type, result)

    def move_all(self, moves: Sequence[tuple[int, int]]) -> None:
        """Emits moves that happen at once, one after the other."""
        waiting = dict(moves)  # of several to one register, the last one counts
        waiting = {to: source for to, source in waiting.items() if to != source}
        while waiting:
            sources = set(waiting.values())
            to = next((to for to in reversed(waiting) if to not in sources), None)
            if to is not None:
                self.emit("MOVE", a=to, b=waiting.pop(to))
                continue
            to, source = next(iter(waiting.items()))
            if waiting[source] == to:
                self.emit("MOVE2", a=to, b=source, c=source, d=to)
                del waiting[to], waiting[source]
                continue
            spare = self.assembler.temporary()
            self.emit("MOVE", a=spare, b=to)
            waiting = {one: spare if other == to else other for one, other in waiting.items()}

    # -- Registers --------------------------------------------------------------------------------------------------

    def register(self, value: Value) -> int:
        """Returns the name of the register of a value."""
        if value.register >= 0:
            return value.register
        return self.assembler.constant(self.space, OBJECT if value.type in (NONE, OBJECT) else value.type, value.known)

    def variable(self, name: str, kind: str) -> int:
        """Returns the name of the register that holds a variable while it is of this type."""
        found = self.registers.get((name, kind))
        if found is None:
            found = self.registers[name, kind] = self.assembler.name()
            self.space.variables.append(found)
        return found

    def range_of(self, loop: int) -> int:
        """Returns the first of the three registers, side by side, that a `for` has for its range."""
        if loop not in self.ranges:
            state = [self.assembler.name() for _ in range(3)]
            self.space.variables.extend(state)
            self.ranges[loop] = state[0]
        return self.ranges[loop]

    def argument(self, number: int) -> int:
        """Returns the name of the register for an argument of a call."""
        calls = self.space.calls
        if number not in calls:
            calls[number] = self.assembler.name()
        return calls[number]

    # -- Conversions and calls --------------------------------------------------------------------------------------

    def as_int(self, value: Value) -> Value:
        """Returns an int or bool as an int."""
        constant = value.constant
        return Value(INT, value.register, UNKNOWN if constant is None else int(constant))

    def as_float(self, value: Value, *, exact: bool = False) -> Value:
        """Returns a number as a float; `exact` refuses to round it."""
        if value.type == FLOAT:
            return value
        constant = value.constant
        if constant is not None and abs(int(constant)) <= 2**53:
            return Value(FLOAT, known=float(constant))
        return self.computed(FLOAT, "TO_EXACT_FLOAT" if exact else "TO_FLOAT", value)

    def call_out(self, function: object, values: Sequence[Value], result: str) -> Value:
        """Emits a call-out to a function of Python's that has no effect; returns its result."""
        return Value(result, self.emit_call_out(function, values, result))

    def emit_call_out(
        self,
        function: object,
        values: Sequence[Value],
        result: str,
        groups: tuple[int, ...] = (),
        names: tuple[str, ...] = (),
        **registers: int,
    ) -> int:
        """Emits a call-out with the arguments that `CallOut` describes; returns the name of the register of its result.

        Args:
            registers: for the result: `a`, or `a`, `c` and `d` of a CALL_OUT_NUMBER. Without any, `a` is a temporary
                one.
        """
        if len(values) > ARGUMENT_LIMIT or len(groups) > ARGUMENT_LIMIT:
            raise SideExit
        values = [_as_object(value) for value in values]
        called = CallOut(function, tuple(value.type for value in values), result, groups, names)
        self.pass_arguments(values)
        registers = registers or {"a": self.assembler.temporary()}
        instruction = "CALL_OUT_NUMBER" if "d" in registers else "CALL_OUT"
        self._emit(instruction, {**registers, "b": 0, "e": self.assembler.object_number(called)})
        return registers["a"]

    def pass_arguments(self, values: Sequence[Value]) -> None:
        """Moves values into the registers for the arguments of a call."""
        for number, value in enumerate(values):
            self.emit("MOVE", a=self.argument(number), b=self.register(value))


def _as_object(value: Value) -> Value:
    # A number that is known: a call-out need not make an object of it each time.
    return value if value.constant is None else Value(OBJECT, known=value.known)
