"""Graph instructions: one row each.

A word is 16 bytes, drawn here once:

    0               4               8               12              16
    +---------------+---------------+---------------+---------------+
    |    opcode     |   operand a   |   operand b   |   operand c   |
    |     int32     |     int32     |     int32     |     int32     |
    +---------------+---------------+---------------+---------------+

`cascade.instructions.operands` has the kinds of operands. Everything that differs from instruction to instruction is
in the rows below; the C enum (`_opcodes.pxd`), the disassembler, the verifier and the documentation derive from them.
"""

from __future__ import annotations

from cascade.imports import NamedTuple
from cascade.instructions.operands import (
    ARGUMENTS,
    DESTINATION,
    FUNCTION,
    NOTHING,
    PARAMETERS,
    ROUTES,
    ROUTINE,
    SOURCE,
    Kind,
)

WORD_FIELDS = 4
WORD_BYTES = 16


class Instruction(NamedTuple):
    """A row of the table: the instruction's name, its operands, its flags, and its effect in one line."""

    name: str
    a: Kind
    b: Kind
    c: Kind
    synopsis: str
    calls: bool = False
    """Calls a task: one step of the run."""
    policies: bool = False
    """The call is executed with policies, by the run context."""
    ends: bool = False
    """Nothing after it is reached."""
    pairs: bool = False
    """Its arguments come in pairs."""
    jumps: bool = False
    """The next word is reached only if it is one of its targets."""


INSTRUCTIONS: tuple[Instruction, ...] = (
    # Calls of tasks.
    Instruction("CALL_ONE", DESTINATION, ROUTINE, SOURCE, "{a} = {b}({c})", calls=True),
    Instruction("CALL", DESTINATION, ROUTINE, ARGUMENTS, "{a} = {b}({c})", calls=True),
    Instruction(
        "CALL_POLICIES", DESTINATION, ROUTINE, ARGUMENTS, "{a} = {b}({c}) with policies", calls=True, policies=True
    ),
    Instruction("LOOP", DESTINATION, ROUTINE, PARAMETERS, "{a} = {b}({c}), again on TailCall", calls=True),
    Instruction(
        "LOOP_POLICIES",
        DESTINATION,
        ROUTINE,
        PARAMETERS,
        "{a} = {b}({c}) with policies, again on TailCall",
        calls=True,
        policies=True,
    ),
    Instruction(
        "CALL_KERNEL", DESTINATION, ROUTINE, ARGUMENTS, "{a} = {b}({c}), by a kernel if there is one", calls=True
    ),
    # Containers that held LazyResults.
    Instruction("LIST", DESTINATION, NOTHING, ARGUMENTS, "{a} = [{c}]"),
    Instruction("TUPLE", DESTINATION, NOTHING, ARGUMENTS, "{a} = ({c},)"),
    Instruction("SET", DESTINATION, NOTHING, ARGUMENTS, "{a} = {{{c}}}"),
    Instruction("DICT", DESTINATION, NOTHING, ARGUMENTS, "{a} = {{key, value: {c}}}", pairs=True),
    Instruction("REBUILD", DESTINATION, FUNCTION, ARGUMENTS, "{a} = {b}({c})"),
    Instruction("EITHER", DESTINATION, NOTHING, ARGUMENTS, "{a} = the first of {c} that was not skipped"),
    # State machines.
    Instruction("SELECT", NOTHING, ROUTES, SOURCE, "if {c} is a Jump: go to {b}", jumps=True),
    # The end of a frame.
    Instruction("RETURN", NOTHING, NOTHING, SOURCE, "return {c}", ends=True),
)

OPCODES: dict[str, int] = {row.name: number for number, row in enumerate(INSTRUCTIONS)}
