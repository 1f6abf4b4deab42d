"""The instruction table: every instruction of the virtual machine, one row each.

A word is 16 bytes, drawn here once:

    0               4               8               12              16
    +---------------+---------------+---------------+---------------+
    |    opcode     |   operand a   |   operand b   |   operand c   |
    |     int32     |     int32     |     int32     |     int32     |
    +---------------+---------------+---------------+---------------+

A *slot* is an index into the frame's array of values: the inputs of the run stand first, the registers after them.
A *source* is a slot read as an operand, stored as `slot * 2 + last`, where `last` says that the instruction drops
the value: it is the last one to use it. An operand of kind ARGUMENTS is an index into the blueprint's operand
table, where the count stands first and that many sources follow.

Everything that differs from instruction to instruction is in the rows below; the C enum (`_opcodes.pxd`), the
disassembler, the verifier and the documentation derive from them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from cascade.blueprint import Blueprint

WORD_FIELDS = 4
WORD_BYTES = 16
MAX_SLOTS = 2**30
"""Sources are stored as `slot * 2 + last` in 31 bits."""


class Kind:
    """What an operand means: how it prints, which values are in range, which slots it reads and writes.

    `fault` says why a value is out of range; the other methods are for values that are in range.
    """

    def show(self, value: int, blueprint: Blueprint) -> str:
        return ""

    def fault(self, value: int, blueprint: Blueprint) -> str | None:
        return f"an unused operand is {value}, not 0" if value else None

    def sources(self, value: int, blueprint: Blueprint) -> Sequence[int]:
        """The sources that are read, encoded."""
        return ()

    def writes(self, value: int) -> int:
        """The slot that is written, or -1."""
        return -1


class Destination(Kind):
    def show(self, value: int, blueprint: Blueprint) -> str:
        return f"r{value}"

    def fault(self, value: int, blueprint: Blueprint) -> str | None:
        return None if 0 <= value < blueprint.slots else f"slot {value} is outside 0..{blueprint.slots - 1}"

    def writes(self, value: int) -> int:
        return value


class Source(Kind):
    def show(self, value: int, blueprint: Blueprint) -> str:
        return ", ".join(f"r{source >> 1}{'!' * (source & 1)}" for source in self.sources(value, blueprint))

    def fault(self, value: int, blueprint: Blueprint) -> str | None:
        limit = 2 * blueprint.slots
        return None if 0 <= value < limit else f"slot {value >> 1} is outside 0..{blueprint.slots - 1}"

    def sources(self, value: int, blueprint: Blueprint) -> Sequence[int]:
        return (value,)


class Arguments(Source):
    def fault(self, value: int, blueprint: Blueprint) -> str | None:
        table = blueprint.operand_table
        if not 0 <= value < len(table) or not 0 <= table[value] < len(table) - value:
            return f"argument list {value} leaves the operand table of {len(table)} entries"
        for source in table[value + 1 : value + 1 + table[value]]:
            if not 0 <= source < 2 * blueprint.slots:
                return super().fault(source, blueprint)
        return None

    def sources(self, value: int, blueprint: Blueprint) -> Sequence[int]:
        table = blueprint.operand_table
        return table[value + 1 : value + 1 + table[value]]


class Parameters(Source):
    """All the inputs, which a task's own frame holds in its first slots: nothing that the operand has to say."""

    def fault(self, value: int, blueprint: Blueprint) -> str | None:
        return f"an unused operand is {value}, not 0" if value else None

    def sources(self, value: int, blueprint: Blueprint) -> Sequence[int]:
        return range(0, 2 * blueprint.inputs, 2)


class Constant(Kind):
    """An index into the blueprint's constants: a routine to call, or a function that rebuilds a container."""

    def show(self, value: int, blueprint: Blueprint) -> str:
        constant = blueprint.constants[value]
        return str(getattr(constant, "name", None) or getattr(constant, "__name__", constant))

    def fault(self, value: int, blueprint: Blueprint) -> str | None:
        count = len(blueprint.constants)
        return None if 0 <= value < count else f"constant {value} is outside the table of {count}"


NOTHING, DESTINATION, SOURCE, ARGUMENTS = Kind(), Destination(), Source(), Arguments()
PARAMETERS, ROUTINE, FUNCTION, ROUTES = Parameters(), Constant(), Constant(), Constant()


class Instruction(NamedTuple):
    name: str
    a: Kind
    b: Kind
    c: Kind
    synopsis: str
    calls: bool = False
    """Calls a task: one step of the run."""
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
    Instruction("CALL_MANAGED", DESTINATION, ROUTINE, ARGUMENTS, "{a} = managed {b}({c})", calls=True),
    Instruction("LOOP", DESTINATION, ROUTINE, PARAMETERS, "{a} = {b}({c}), again on TailCall", calls=True),
    Instruction("LOOP_TYPED", DESTINATION, ROUTINE, PARAMETERS, "{a} = typed {b}({c}), again on TailCall", calls=True),
    Instruction("LOOP_MANAGED", DESTINATION, ROUTINE, PARAMETERS, "{a} = managed {b}({c}), again on TailCall", calls=True),
    Instruction("CALL_FRAME", DESTINATION, ROUTINE, ARGUMENTS, "{a} = {b}({c}), in a frame of its own", calls=True),
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


# ---------------------------------------------------------------------------------------------------------------
# Typed code: the bodies of lowered tasks
# ---------------------------------------------------------------------------------------------------------------
#
# The same words, run by a loop of their own over *registers*: an array of 8-byte values that are integers or floats
# and no Python objects (a bool is an integer, 0 or 1). Each instruction either does exactly what Python does or, where
# it says "or leaves", changes nothing and leaves the typed code at the statement that it belongs to.

INT, FLOAT = "int", "float"


class Operand(NamedTuple):
    """An operand of a typed instruction.

    Attributes:
        role: "reads", "writes", "hidden" (the three registers of a range), "value", "target" (a word) or "constant".
        type: that of the register.
    """

    role: str
    type: str = INT


UNUSED = Operand("unused")
INT_OUT, FLOAT_OUT = Operand("writes", INT), Operand("writes", FLOAT)
INT_IN, FLOAT_IN = Operand("reads", INT), Operand("reads", FLOAT)
RANGE_STATE = Operand("hidden")
VALUE, TARGET, OBJECT = Operand("value"), Operand("target"), Operand("constant")


class TypedInstruction(NamedTuple):
    name: str
    a: Operand
    b: Operand
    c: Operand
    synopsis: str
    ends: bool = False
    """The next word is not reached from it."""


def _typed() -> Iterator[TypedInstruction]:
    yield TypedInstruction("MOVE_INT", INT_OUT, INT_IN, UNUSED, "a = b")
    yield TypedInstruction("MOVE_FLOAT", FLOAT_OUT, FLOAT_IN, UNUSED, "a = b")
    yield TypedInstruction("LOAD_INT", INT_OUT, VALUE, VALUE, "a = the 64-bit integer c:b")
    yield TypedInstruction("LOAD_FLOAT", FLOAT_OUT, VALUE, VALUE, "a = the double with the bits c:b")
    for name, sign in (("ADD", "+"), ("SUB", "-"), ("MUL", "*"), ("FLOORDIV", "//"), ("MOD", "%")):
        yield TypedInstruction(f"{name}_INT", INT_OUT, INT_IN, INT_IN, f"a = b {sign} c, or leaves")
        yield TypedInstruction(f"{name}_FLOAT", FLOAT_OUT, FLOAT_IN, FLOAT_IN, f"a = b {sign} c, or leaves")
    for name, sign in (("ADD", "+"), ("MUL", "*"), ("FLOORDIV", "//"), ("MOD", "%")):
        yield TypedInstruction(f"{name}_INT_VALUE", INT_OUT, INT_IN, VALUE, f"a = b {sign} the value c, or leaves")
    for name, sign in (("LSHIFT", "<<"), ("RSHIFT", ">>")):
        yield TypedInstruction(f"{name}_INT", INT_OUT, INT_IN, INT_IN, f"a = b {sign} c, or leaves")
    for name, sign in (("AND", "&"), ("OR", "|"), ("XOR", "^")):
        yield TypedInstruction(f"{name}_INT", INT_OUT, INT_IN, INT_IN, f"a = b {sign} c")
    yield TypedInstruction("NEGATE_INT", INT_OUT, INT_IN, UNUSED, "a = -b, or leaves")
    yield TypedInstruction("NEGATE_FLOAT", FLOAT_OUT, FLOAT_IN, UNUSED, "a = -b")
    yield TypedInstruction("INVERT_INT", INT_OUT, INT_IN, UNUSED, "a = ~b")
    yield TypedInstruction("DIVIDE_INT", FLOAT_OUT, INT_IN, INT_IN, "a = b / c, or leaves")
    yield TypedInstruction("DIVIDE_FLOAT", FLOAT_OUT, FLOAT_IN, FLOAT_IN, "a = b / c, or leaves")
    yield TypedInstruction("TO_FLOAT", FLOAT_OUT, INT_IN, UNUSED, "a = float(b)")
    yield TypedInstruction("TO_EXACT_FLOAT", FLOAT_OUT, INT_IN, UNUSED, "a = float(b), or leaves if that rounds")
    for name, sign in (("LESS", "<"), ("LESS_EQUAL", "<="), ("EQUAL", "=="), ("NOT_EQUAL", "!=")):
        for kind, operand in (("INT", INT_IN), ("FLOAT", FLOAT_IN)):
            yield TypedInstruction(f"{name}_{kind}", INT_OUT, operand, operand, f"a = b {sign} c")
            yield TypedInstruction(f"JUMP_{name}_{kind}", operand, operand, TARGET, f"if a {sign} b: go to c")
    for name, sign in (("LESS", "<"), ("LESS_EQUAL", "<=")):
        yield TypedInstruction(f"JUMP_NOT_{name}_FLOAT", FLOAT_IN, FLOAT_IN, TARGET, f"if not a {sign} b: go to c")
    for name, sign in (
        ("LESS", "<"), ("LESS_EQUAL", "<="), ("EQUAL", "=="), ("NOT_EQUAL", "!="), ("MORE", ">"), ("MORE_EQUAL", ">="),
    ):  # fmt: skip
        yield TypedInstruction(f"JUMP_{name}_VALUE", INT_IN, VALUE, TARGET, f"if a {sign} the value b: go to c")
    yield TypedInstruction("JUMP_FALSE_FLOAT", FLOAT_IN, UNUSED, TARGET, "if a == 0: go to c")
    yield TypedInstruction("JUMP_TRUE_FLOAT", FLOAT_IN, UNUSED, TARGET, "if a != 0: go to c")
    yield TypedInstruction("JUMP", UNUSED, UNUSED, TARGET, "go to c", ends=True)
    yield TypedInstruction("BACK", UNUSED, UNUSED, TARGET, "go to c, and look at the fuel", ends=True)
    yield TypedInstruction("RANGE", RANGE_STATE, UNUSED, UNUSED, "a.. = start, stop, step -> next, left, step; or leaves")
    yield TypedInstruction("NEXT", INT_OUT, RANGE_STATE, TARGET, "a = the next of range b, or go to c at its end")
    yield TypedInstruction("TAIL", UNUSED, UNUSED, UNUSED, "start again: one step", ends=True)
    yield TypedInstruction("LEAVE", UNUSED, UNUSED, UNUSED, "leaves", ends=True)
    yield TypedInstruction("RETURN_INT", INT_IN, UNUSED, UNUSED, "return a", ends=True)
    yield TypedInstruction("RETURN_BOOL", INT_IN, UNUSED, UNUSED, "return bool(a)", ends=True)
    yield TypedInstruction("RETURN_FLOAT", FLOAT_IN, UNUSED, UNUSED, "return a", ends=True)
    yield TypedInstruction("RETURN_OBJECT", OBJECT, UNUSED, UNUSED, "return the constant a", ends=True)


TYPED_INSTRUCTIONS: tuple[TypedInstruction, ...] = tuple(_typed())
TYPED_OPCODES: dict[str, int] = {row.name: number for number, row in enumerate(TYPED_INSTRUCTIONS)}
