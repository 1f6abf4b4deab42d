"""The verifier of typed code: it shares no code with the translator.

After it, the handlers trust every operand: registers, targets and tables are in range, a register is read only where
it holds a value of the type that the instruction reads, on every path that leads there, every path round a loop takes
fuel, and wherever the code may exit, the variables are where the exit looks for them.
"""

from __future__ import annotations

from collections.abc import Iterator

from cascade.errors import BlueprintError
from cascade.instructions.kernel import (
    FIELDS,
    FLOAT,
    INT,
    KERNEL_INSTRUCTIONS,
    KERNEL_WORD_BYTES,
    KERNEL_WORD_FIELDS,
    OBJECT,
    KernelInstruction,
)
from cascade.kernels.model import CallOut, Exit, Helper, TypedCode

REGISTER_LIMIT = 10_000
MAIN = -1
HELD = {"int": INT, "bool": INT, "float": FLOAT, "object": OBJECT}
"""The content of a register for a value of a type; None has no register."""

State = dict[int, str]


def verify_typed(code: object) -> None:
    """Checks typed code completely.

    Raises:
        BlueprintError: with the faults.
    """
    if type(code) is not TypedCode:
        raise BlueprintError(f"{code!r} is not typed code", [f"its type is {type(code).__name__}"])
    faults = sorted(_table_faults(code)) or _Flow(code).faults()
    if faults:
        raise BlueprintError(f"typed code {code.name!r} is malformed", faults)


def _words(code: TypedCode) -> list[tuple[int, ...]]:
    fields = memoryview(code.words).cast("i")
    return [tuple(fields[at : at + KERNEL_WORD_FIELDS]) for at in range(0, len(fields), KERNEL_WORD_FIELDS)]


def _table_faults(code: TypedCode) -> Iterator[str]:
    if type(code.words) is not bytes or not code.words or len(code.words) % KERNEL_WORD_BYTES:
        yield "the words are not bytes of a positive multiple of 32"
        return
    count = len(code.words) // KERNEL_WORD_BYTES
    if not max(len(code.types), 1) <= code.registers <= REGISTER_LIMIT:
        yield "the number of registers does not fit"
    if len(code.exit_of) != count or not all(0 <= number < len(code.exits) for number in code.exit_of):
        yield "the exits do not fit the words"
    yield from _body_faults(code, count)
    yield from _exit_faults(code)
    for register, kind, value in code.constants:
        if not len(code.types) <= register < code.registers or not _constant_fits(kind, value):
            yield "a constant does not fit"
    for word, number in code.entries:
        if not 0 <= word < count or not 0 <= number < len(code.exits):
            yield "an entry does not fit"
    if not all(_helper_fits(helper, count) for helper in code.helpers):
        yield "a helper does not fit"
    for number, fields in enumerate(_words(code)):
        if not 0 <= fields[0] < len(KERNEL_INSTRUCTIONS) or fields[1] != 0:
            yield f"word {number}: unknown opcode {fields[0]}"


def _body_faults(code: TypedCode, count: int) -> Iterator[str]:
    if not code.bodies or code.bodies[0].types != code.types or code.bodies[0].entry != 0:
        yield "the first body is not that of the parameters"
    for body in code.bodies:
        if not 0 <= body.entry < count or len(body.types) != len(body.kept) or len(body.types) != len(body.parameters):
            yield "a body does not fit the words"
        for register, kind in zip((*body.kept, *body.parameters), 2 * body.types, strict=False):
            if not _register_fits(kind, register, code.registers):
                yield "an argument is kept out of range"


def _exit_faults(code: TypedCode) -> Iterator[str]:
    for side_exit in code.exits:
        if not 0 <= side_exit.body < len(code.bodies):
            yield "an exit names a body out of range"
        for _, register, kind in side_exit.names:
            if not _register_fits(kind, register, code.registers):
                yield "an exit names a register out of range"
        if not all(0 <= register <= code.registers - 3 for register in side_exit.ranges):
            yield "an exit names a range out of range"


def _register_fits(kind: str, register: int, registers: int) -> bool:
    return 0 <= register < registers if kind in HELD else kind == "none"


def _helper_fits(helper: Helper, count: int) -> bool:
    return (
        0 <= helper.entry < count
        and len(helper.types) <= helper.registers <= REGISTER_LIMIT
        and {helper.result, *helper.types} <= {*HELD}
    )


def _constant_fits(kind: str, value: object) -> bool:
    if kind == "int":
        return type(value) is int and -(2**63) <= value < 2**63
    return type(value) is float if kind == "float" else kind == "object"


def _groups_fit(called: CallOut) -> bool:
    if type(called.names) is not tuple or not all(type(size) is int and size >= -1 for size in called.groups):
        return False
    sizes = [abs(size) for size in called.groups] if called.groups else [1] * len(called.types)
    return (
        sum(sizes) == len(called.types)
        and len(called.names) <= len(sizes)
        and all(type(name) is str for name in called.names)
    )


class _Flow:
    """Follows every path through the code, with the types that the registers have on it."""

    def __init__(self, code: TypedCode) -> None:
        self.code = code
        self.words = _words(code)
        self.found: set[str] = set()
        self.states: dict[int, State] = {}
        self.function: dict[int, int] = {}
        self.waiting: list[int] = []
        self.entered = {helper.entry: number for number, helper in enumerate(code.helpers)}
        self.constants = {register for register, _, _ in code.constants}
        self.returned: set[int] = set()  # words at which the code may exit after it has yielded to the event loop

    def faults(self) -> list[str]:
        code = self.code
        start = {number: HELD[kind] for number, kind in enumerate(code.types) if kind in HELD}
        start |= {register: HELD[kind] for register, kind, _ in code.constants}
        self.reach(0, MAIN, start)
        for number, helper in enumerate(code.helpers):
            self.reach(helper.entry, number, {at: HELD[kind] for at, kind in enumerate(helper.types)})
        for word, number in code.entries:
            self.enter(word, code.exits[number], start)
        while self.waiting and not self.found:
            self.visit(self.waiting.pop())
        if not self.found:
            for number in self.states:
                self.check_exit(number)
        return sorted(self.found)

    def enter(self, word: int, side_exit: Exit, start: State) -> None:
        """Follows a re-entry at a word, with the variables as they are at its exit; the arguments are still kept."""
        body = self.code.bodies[side_exit.body]
        state = {at: kind for at, kind in start.items() if at in self.constants}
        state |= {at: HELD[kind] for at, kind in zip(body.kept, body.types, strict=True) if kind in HELD}
        state |= {at: HELD[kind] for _, at, kind in side_exit.names if kind in HELD}
        state |= {at + offset: INT for at in side_exit.ranges for offset in range(3)}
        self.returned.add(word)
        self.reach(word, MAIN, state)

    def fault(self, number: int, text: str) -> None:
        self.found.add(f"word {number}: {KERNEL_INSTRUCTIONS[self.words[number][0]].name} {text}")

    def reach(self, number: int, function: int, state: State) -> None:
        if self.function.setdefault(number, function) != function:
            self.fault(number, "is reached from two functions")
            return
        known = self.states.get(number)
        merged = state if known is None else {at: kind for at, kind in known.items() if state.get(at) == kind}
        if merged != known:
            self.states[number] = dict(merged)
            self.waiting.append(number)

    def visit(self, number: int) -> None:
        row = KERNEL_INSTRUCTIONS[self.words[number][0]]
        values = dict(zip(FIELDS, self.words[number][2:], strict=True))
        function = self.function[number]
        state = dict(self.states[number])
        if not self.operands_fit(number, row, values, self.registers_of(function)):
            return
        self.check_reads(number, row, values, state, "reads")
        if self.found:
            return
        written = self.check_written(number, row, values, state)
        if row.only_in in ("block", "helper" if function == MAIN else "body"):
            self.fault(number, "stands in the wrong kind of function")
        if (
            row.name == "HELPER_RETURN"
            and function != MAIN
            and state.get(values["a"]) != HELD[self.code.helpers[function].result]
        ):
            self.fault(number, "returns a value of another type than the helper does")
        state |= written
        self.check_reads(number, row, values, state, "then reads")
        self.follow(number, row, values, state)

    def registers_of(self, function: int) -> int:
        return self.code.registers if function == MAIN else self.code.helpers[function].registers

    def check_written(self, number: int, row: KernelInstruction, values: dict[str, int], state: State) -> State:
        """Returns the registers that an instruction writes; a call also clears those of its window in `state`."""
        written: State = {}
        for field, operand in row.operands.items():
            if operand.role == "copies":
                written[values[field]] = state[values[operand.source]]
            elif operand.role == "writes" and operand.type:
                written[values[field]] = operand.type
        function = self.function[number]
        if row.name in ("CALL", "CALL_OUT", "CALL_OUT_NUMBER"):
            self.check_call(number, row.name, values, state, self.registers_of(function), written)
        if function == MAIN and not self.constants.isdisjoint(written):
            self.fault(number, "writes a constant")
        return written

    def follow(self, number: int, row: KernelInstruction, values: dict[str, int], state: State) -> None:
        """Follows the paths from an instruction on."""
        function = self.function[number]
        if "f" in row.operands and row.operands["f"].role == "target" and row.name != "CALL":
            target = values["f"]
            if row.takes_fuel:
                self.returned.add(target)
            elif target <= number:
                self.fault(number, "jumps back without taking fuel")
            self.reach(target, function, state)
        if not row.ends:
            if number + 1 == len(self.words):
                self.fault(number, "is the last word, and the code continues")
            else:
                self.reach(number + 1, function, state)

    def operands_fit(self, number: int, row: KernelInstruction, values: dict[str, int], registers: int) -> bool:
        limits = {
            "reads": registers, "then reads": registers, "writes": registers, "copies": registers, "range": registers - 2, "target": len(self.words),
            "object": len(self.code.objects), "gathering": 0, "window": registers + 1, "size": 2**31,
        }  # fmt: skip
        for field, value in values.items():
            operand = row.operands.get(field)
            if operand is None:
                if value:
                    self.fault(number, f"has {value} in the unused operand {field}")
            elif operand.role != "value" and not 0 <= value < limits[operand.role]:
                self.fault(number, f"has {value} in operand {field}, which is out of range")
        if row.name == "DEFER" and not 0 <= values["e"] < len(self.code.bodies):
            self.fault(number, "names a body out of range")
        return not self.found

    def check_reads(self, number: int, row: KernelInstruction, values: dict[str, int], state: State, role: str) -> None:
        for field, operand in row.operands.items():
            at = values[field]
            if operand.role == role and (at not in state or (operand.type and state[at] != operand.type)):
                self.fault(
                    number, f"reads register {at} as {operand.type or 'anything'}, and it is {state.get(at, 'nothing')}"
                )
            if operand.role == "range" and any(state.get(at + offset) != INT for offset in range(3)):
                self.fault(number, f"reads a range at register {at}, and there is none")

    def check_call(
        self, number: int, name: str, values: dict[str, int], state: State, registers: int, written: State
    ) -> None:
        window = values["b"]
        if name == "CALL":
            if values["f"] not in self.entered:
                self.fault(number, "calls no helper")
                return
            called: Helper | CallOut = self.code.helpers[self.entered[values["f"]]]
            if values["d"] != self.code.helpers[self.entered[values["f"]]].registers:
                self.fault(number, "calls a helper that has another number of registers")
        else:
            found = self.code.objects[values["e"]]
            if type(found) is not CallOut or not callable(found.function) or found.result not in HELD:
                self.fault(number, "calls out to something that is not a function")
                return
            if not _groups_fit(found):
                self.fault(number, "calls out with arguments that do not fit the values")
                return
            called = found
        for position, kind in enumerate(called.types):
            if window + position >= registers or state.get(window + position) != HELD[kind]:
                self.fault(number, f"hands over an argument in register {window + position}, which is not there")
        if name == "CALL":
            for at in [at for at in state if at >= window]:
                del state[at]  # the called function may have written them
        if name == "CALL_OUT_NUMBER" and called.result != FLOAT:
            self.fault(number, "calls out to a function with a result of one type")
        written[values["a"]] = HELD[called.result]

    def check_exit(self, number: int) -> None:
        row = KERNEL_INSTRUCTIONS[self.words[number][0]]
        if self.function[number] != MAIN or not (row.exits_for or number in self.returned):
            return
        state = self.states[number]
        side_exit = self.code.exits[self.code.exit_of[number]]
        for name, register, kind in side_exit.names:
            if kind in HELD and state.get(register) != HELD[kind]:
                self.fault(number, f"may exit, and {name} is not in register {register}")
        for register in side_exit.ranges:
            if any(state.get(register + offset) != INT for offset in range(3)):
                self.fault(number, f"may exit, and there is no range in register {register}")
        body = self.code.bodies[side_exit.body]
        # At its entry, a body makes no exit: it is entered anew.
        kept = body.parameters if number == body.entry else body.kept
        for register, kind in zip(kept, body.types, strict=True):
            if kind in HELD and state.get(register) != HELD[kind]:
                self.fault(number, f"may exit, and an argument is not kept in register {register}")
