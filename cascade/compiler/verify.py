"""The verifier: the one door to the virtual machine.

It shares no code with the compiler. After it, the dispatch loop trusts every operand: opcodes and operands are in
range, a slot is read only while it holds a value and written only while it is empty, a call has as many arguments as
its routine has slots, and the code ends with a RETURN. It reports all the faults it finds.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from cascade._vm import Routine
from cascade.blueprint import Blueprint
from cascade.errors import BlueprintError
from cascade.opcodes import (
    FUNCTION,
    INSTRUCTIONS,
    MAX_SLOTS,
    PARAMETERS,
    ROUTINE,
    WORD_BYTES,
    WORD_FIELDS,
    Instruction,
)

NO_FAULTS = (None, None, None)
FAULT_LIMIT = 20


def verify(blueprint: Blueprint) -> None:
    """Checks a blueprint completely.

    Raises:
        BlueprintError: with all faults, each with the number of its word.
    """
    faults = _table_faults(blueprint) or _word_faults(blueprint)
    if faults:
        shown = [*faults[:FAULT_LIMIT], *([f"and {len(faults) - FAULT_LIMIT} more"] if len(faults) > FAULT_LIMIT else [])]
        raise BlueprintError(f"blueprint {blueprint.name!r} is malformed", shown)


def _table_faults(blueprint: Blueprint) -> list[str]:
    faults = []
    for name, kind in (("words", bytes), ("operands", bytes), ("nodes", bytes), ("constants", tuple)):
        if type(getattr(blueprint, name)) is not kind:
            faults.append(f"{name} is not {kind.__name__}")
    for name in ("inputs", "slots"):
        if type(getattr(blueprint, name)) is not int:
            faults.append(f"{name} is not int")
    if faults:
        return faults
    if not blueprint.words or len(blueprint.words) % WORD_BYTES:
        faults.append(f"{len(blueprint.words)} bytes of words are no positive multiple of {WORD_BYTES}")
    if len(blueprint.operands) % 4:
        faults.append(f"{len(blueprint.operands)} bytes of operands are no multiple of 4")
    if len(blueprint.nodes) * 4 != len(blueprint.words):
        faults.append("the node table has not one entry a word")
    if blueprint.slots > blueprint.inputs + len(blueprint.words) // WORD_BYTES:
        faults.append(f"{blueprint.slots} slots are more than there are values")
    if not 0 <= blueprint.inputs <= blueprint.slots <= MAX_SLOTS:
        faults.append(f"{blueprint.inputs} inputs and {blueprint.slots} slots: expected 0 <= inputs <= slots <= {MAX_SLOTS}")
    return faults


def _word_faults(blueprint: Blueprint) -> list[str]:
    # One pass: there are no jumps but a loop's own back edge. `full` says which slots hold a value.
    found: list[str] = []
    full = bytearray(blueprint.slots)
    full[: blueprint.inputs] = b"\x01" * blueprint.inputs
    # The number of slots that each routine takes, -1 for a constant that is none.
    widths = [len(c.parameters) if type(c) is Routine else -1 for c in blueprint.constants]
    words = blueprint.word_table
    last = len(words) // WORD_FIELDS - 1
    fields = (words[position::WORD_FIELDS] for position in range(WORD_FIELDS))
    for number, (opcode, a, b, c) in enumerate(zip(*fields, strict=True)):
        if not 0 <= opcode < len(INSTRUCTIONS):
            found.append(f"word {number}: unknown opcode {opcode}")
            continue
        row = INSTRUCTIONS[opcode]
        out_of_range = row.a.fault(a, blueprint), row.b.fault(b, blueprint), row.c.fault(c, blueprint)
        if out_of_range != NO_FAULTS:
            found += [f"word {number}: {fault}" for fault in out_of_range if fault]
            continue
        sources = row.c.sources(c, blueprint)
        for source in sources:
            slot = source >> 1
            if not full[slot]:
                found.append(f"word {number}: slot {slot} is read while it is empty")
            if source & 1:
                full[slot] = 0
        written = row.a.writes(a)
        if written >= 0:
            if full[written]:
                found.append(f"word {number}: slot {written} is written while it holds a value")
            full[written] = 1
        if row.b is ROUTINE:
            if widths[b] != len(sources):
                found.append(f"word {number}: constant {b} is no routine of {len(sources)} parameters")
        elif row.b is FUNCTION and not callable(blueprint.constants[b]):
            found.append(f"word {number}: constant {b} cannot be called")
        if row.ends or number == last or row.c is PARAMETERS or row.pairs or not sources:
            found += [f"word {number}: {fault}" for fault in _shape_faults(row, number, last, sources)]
    return found


def _shape_faults(row: Instruction, number: int, last: int, sources: Sequence[int]) -> Iterator[str]:
    if row.ends != (number == last):
        yield "a return has to be the last word, and only that"
    if row.ends and not sources[0] & 1:
        yield "a return has to drop what it returns"
    if row.c is PARAMETERS and (number, last) != (0, 1):
        yield "a loop has to be the first of two words"
    if row.name == "EITHER" and not sources:
        yield "there is nothing to take the first of"
    if row.pairs and len(sources) % 2:
        yield "keys and values do not come in pairs"
