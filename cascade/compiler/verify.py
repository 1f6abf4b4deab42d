"""The verifier: the one door to the virtual machine.

It shares no code with the compiler. After it, the dispatch loop trusts every operand: opcodes and operands are in
range, a slot is read only while it holds a value and written only while it is empty, a call has as many arguments as
its routine has slots, and the code ends with a RETURN. It reports all the faults it finds.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from cascade._vm import Routes, Routine
from cascade.errors import BlueprintError
from cascade.instructions.blueprint import Blueprint
from cascade.instructions.graph import INSTRUCTIONS, WORD_BYTES, WORD_FIELDS, Instruction
from cascade.instructions.operands import FUNCTION, MAX_SLOTS, PARAMETERS, ROUTINE

NO_FAULTS = (None, None, None)
FAULT_LIMIT = 20


def verify(blueprint: Blueprint) -> None:
    """Checks a blueprint completely.

    Raises:
        BlueprintError: with all faults, each with the number of its word.
    """
    faults = _table_faults(blueprint) or _word_faults(blueprint)
    if faults:
        shown = [
            *faults[:FAULT_LIMIT],
            *([f"and {len(faults) - FAULT_LIMIT} more"] if len(faults) > FAULT_LIMIT else []),
        ]
        raise BlueprintError(f"blueprint {blueprint.name!r} is malformed", shown)


def _table_faults(blueprint: Blueprint) -> list[str]:
    fields = {"words": bytes, "operands": bytes, "nodes": bytes, "constants": tuple, "inputs": int, "slots": int}
    faults = [
        f"{name} is not {kind.__name__}" for name, kind in fields.items() if type(getattr(blueprint, name)) is not kind
    ]
    if faults:
        return faults
    if not blueprint.words or len(blueprint.words) % WORD_BYTES:
        faults.append(f"{len(blueprint.words)} bytes of words are not a positive multiple of {WORD_BYTES}")
    if len(blueprint.operands) % 4:
        faults.append(f"{len(blueprint.operands)} bytes of operands are not a multiple of 4")
    if len(blueprint.nodes) * 4 != len(blueprint.words):
        faults.append("the node table has not one entry a word")
    if blueprint.slots > blueprint.inputs + len(blueprint.words) // WORD_BYTES:
        faults.append(f"{blueprint.slots} slots are more than there are values")
    if not 0 <= blueprint.inputs <= blueprint.slots <= MAX_SLOTS:
        faults.append(
            f"{blueprint.inputs} inputs and {blueprint.slots} slots: expected 0 <= inputs <= slots <= {MAX_SLOTS}"
        )
    return faults


def _word_faults(blueprint: Blueprint) -> list[str]:
    # One pass. `full` says which slots hold a value; where a SELECT leads, it has to be the same on every way.
    found: list[str] = []
    full = bytearray(blueprint.slots)
    full[: blueprint.inputs] = b"\x01" * blueprint.inputs
    states = _States(blueprint)
    # The number of slots that each routine takes, -1 for a constant that is none.
    widths = [len(c.parameters) if type(c) is Routine else -1 for c in blueprint.constants]
    words = blueprint.word_table
    last = len(words) // WORD_FIELDS - 1
    fields = (words[position::WORD_FIELDS] for position in range(WORD_FIELDS))
    for number, (opcode, a, b, c) in enumerate(zip(*fields, strict=True)):
        if number in states.targets:
            found += states.reach(number, full)
        elif states.ended:
            found.append(f"word {number}: nothing leads to it")
            break
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
        if row.jumps:
            found += [f"word {number}: {fault}" for fault in states.select(number, b, c, full)]
        if row.b is ROUTINE:
            if widths[b] != len(sources):
                found.append(f"word {number}: constant {b} is not a routine of {len(sources)} parameters")
        elif row.b is FUNCTION and not callable(blueprint.constants[b]):
            found.append(f"word {number}: constant {b} cannot be called")
        if row.ends or number == last or row.c is PARAMETERS or row.pairs or not sources:
            found += [f"word {number}: {fault}" for fault in _shape_faults(row, number, last, sources)]
    return found


class _States:
    """The slots that hold a value at the targets of SELECTs."""

    def __init__(self, blueprint: Blueprint) -> None:
        self._blueprint = blueprint
        self._known: dict[int, bytes] = {}
        self.ended = False
        tables = [constant for constant in blueprint.constants if type(constant) is Routes]
        self.targets = {word for table in tables for word in (table.end, *(word for _, word, _ in table.targets or ()))}

    def reach(self, number: int, full: bytearray) -> list[str]:
        """Checks a word that is the target of a SELECT, when the pass comes to it."""
        known = self._known.get(number)
        faults = []
        if self.ended:
            if known is None:
                faults.append(f"word {number}: nothing before leads to it")
            else:
                full[:] = known
        elif known is not None and known != full:
            faults.append(f"word {number}: slots hold values on one way to it and not on another")
        self.ended = False
        self._known[number] = bytes(full)
        return faults

    def select(self, number: int, constant: int, source: int, full: bytearray) -> Iterator[str]:
        self.ended = True
        table, words = self._blueprint.constants[constant], self._blueprint.word_table
        if type(table) is not Routes:
            yield f"constant {constant} is not a table of routes"
            return
        before = words[WORD_FIELDS * (number - 1) : WORD_FIELDS * (number - 1) + 2] if number else (-1, -1)
        if (
            source & 1
            or not 0 <= before[0] < len(INSTRUCTIONS)
            or not INSTRUCTIONS[before[0]].calls
            or before[1] != source >> 1
        ):
            yield "a selection has to follow the call whose result it reads, and not to drop it"
            return
        count = len(words) // WORD_FIELDS
        yield from self._lead(number, table.end, full, count)
        jumped = bytearray(full)
        jumped[source >> 1] = 0
        for _, word, slot in table.targets or ():
            if word == -1:
                continue
            if slot != -1 and (not 0 <= slot < len(full) or not jumped[slot]):
                yield f"a route gives its data to slot {slot}, which is empty, or outside 0..{len(full) - 1}"
            yield from self._lead(number, word, jumped, count)

    def _lead(self, number: int, word: int, full: bytearray, count: int) -> Iterator[str]:
        if not 0 <= word < count:
            yield f"a route leads to word {word}, outside 0..{count - 1}"
        elif self._known.setdefault(word, bytes(full)) != full:
            yield f"a route leads to word {word}, where other slots hold values"


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
