"""The verifier of typed code: it shares no code with the translator.

After it, the typed loop trusts every operand: registers, targets and constants are in range, and a register is read
only where it holds a value of the type that the instruction reads, on every way that leads there.
"""

from __future__ import annotations

from typing import Any

from cascade.errors import BlueprintError
from cascade.opcodes import FLOAT, INT, TYPED_INSTRUCTIONS, WORD_BYTES, WORD_FIELDS, Operand

REGISTER_LIMIT = 10_000


def verify_typed(code: Any) -> None:
    """Checks typed code completely.

    Raises:
        BlueprintError: with the faults.
    """
    faults = _range_faults(code) or _flow_faults(code)
    if faults:
        raise BlueprintError(f"typed code {code.name!r} is malformed", faults)


def _words(code: Any) -> list[tuple[int, int, int, int]]:
    fields = memoryview(code.words).cast("i")
    return [tuple(fields[at : at + WORD_FIELDS]) for at in range(0, len(fields), WORD_FIELDS)]  # type: ignore[misc]


def _range_faults(code: Any) -> list[str]:
    if type(code.words) is not bytes or not code.words or len(code.words) % WORD_BYTES:
        return ["the words are no bytes of a positive multiple of 16"]
    words = _words(code)
    count = code.registers
    if not len(code.types) <= count <= REGISTER_LIMIT or len(code.statements) != len(words):
        return ["the number of registers or statements does not fit"]
    faults = []
    if len(code.kept) != len(code.types) or not all(0 <= register < count for register in code.kept):
        faults.append("the kept arguments are out of range")
    if not all(0 <= statement < len(code.exits) for statement in code.statements):
        faults.append("a statement is out of range")
    for way in code.exits:
        if not all(0 <= register < count for _, register, _ in way.names):
            faults.append("an exit names a register out of range")
        if not all(0 <= register <= count - 3 for register in way.ranges):
            faults.append("an exit names a range out of range")
    for number, (opcode, *values) in enumerate(words):
        if not 0 <= opcode < len(TYPED_INSTRUCTIONS):
            faults.append(f"word {number}: unknown opcode {opcode}")
            continue
        row = TYPED_INSTRUCTIONS[opcode]
        for operand, value in zip((row.a, row.b, row.c), values, strict=True):
            if not _in_range(operand, value, count, len(words), len(code.constants)):
                faults.append(f"word {number}: {row.name}: operand {value} is out of range")
        if row.name.endswith(("FLOORDIV_INT_VALUE", "MOD_INT_VALUE")) and values[2] <= 0:
            faults.append(f"word {number}: {row.name}: the divisor is not positive")
        if not row.ends and number + 1 == len(words):
            faults.append("the code does not end")
    return faults


def _in_range(operand: Operand, value: int, registers: int, words: int, constants: int) -> bool:
    limits = {
        "reads": registers, "writes": registers, "hidden": registers - 2, "target": words, "constant": constants, "unused": 1,
    }  # fmt: skip
    return operand.role == "value" or 0 <= value < limits[operand.role]


def _flow_faults(code: Any) -> list[str]:
    # Known types of registers at each word; at a merge, what the ways agree on.
    words = _words(code)
    start = {number: FLOAT if kind == FLOAT else INT for number, kind in enumerate(code.types)}
    states: dict[int, dict[int, str]] = {0: start}
    faults: set[str] = set()
    waiting = [0]
    while waiting:
        number = waiting.pop()
        state = dict(states[number])
        opcode, *values = words[number]
        row = TYPED_INSTRUCTIONS[opcode]
        operands = list(zip((row.a, row.b, row.c), values, strict=True))
        following = [] if row.ends else [number + 1]
        for operand, value in operands:
            read = {"reads": (value,), "hidden": range(value, value + 3)}.get(operand.role, ())
            for register in read:
                if state.get(register) != operand.type:
                    faults.add(f"word {number}: {row.name} reads register {register} as {operand.type}, which it is not")
            if operand.role == "target":
                following.append(value)
        for way in [code.exits[code.statements[number]]]:
            for name, register, kind in way.names:
                if state.get(register) != (FLOAT if kind == FLOAT else INT):
                    faults.add(f"word {number}: {name} is not in register {register} when the code is left here")
        for register, kind in zip(code.kept, code.types, strict=True):
            if row.name != "MOVE_INT" and row.name != "MOVE_FLOAT" and state.get(register) != (FLOAT if kind == FLOAT else INT):
                faults.add(f"word {number}: an argument is not kept in register {register}")
        for operand, value in operands:
            if operand.role == "writes":
                state[value] = operand.type
        if row.name == "TAIL":
            following = [0]
        for target in following:
            known = states.get(target)
            merged = state if known is None else {key: kind for key, kind in known.items() if state.get(key) == kind}
            if merged != known:
                states[target] = dict(merged)
                waiting.append(target)
    return sorted(faults)
