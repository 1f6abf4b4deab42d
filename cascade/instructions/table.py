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

from cascade.imports import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from cascade.instructions.blueprint import Blueprint

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


class RouteTargets(Constant):
    """An index into the constants, where the Jumps of a state lead to."""

    def show(self, value: int, blueprint: Blueprint) -> str:
        routes = blueprint.constants[value]
        ways = []
        for key, word, slot in routes.targets or ():
            data = f" with r{slot}" if slot >= 0 else ""  # which gets the Jump's data
            ways.append(f"{key!r} -> {routes.end if word < 0 else word}{data}")
        return ", ".join(ways) + f"; else to {routes.end}" if ways else f"{routes.end}, like any other value"


NOTHING, DESTINATION, SOURCE, ARGUMENTS = Kind(), Destination(), Source(), Arguments()
PARAMETERS, ROUTINE, FUNCTION, ROUTES = Parameters(), Constant(), Constant(), RouteTargets()


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
    Instruction("LOOP_MANAGED", DESTINATION, ROUTINE, PARAMETERS, "{a} = managed {b}({c}), again on TailCall", calls=True),
    Instruction("CALL_TYPED", DESTINATION, ROUTINE, ARGUMENTS, "{a} = {b}({c}), typed code if there is some", calls=True),
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
# Words of 32 bytes: the opcode in the first eight (in memory, the address of its handler), then the operands a to f,
# an int32 each. They work on *registers*: an array of 8-byte values that are integers, floats, or objects that are only
# moved and compared; a bool is an integer, 0 or 1. Constants stand in registers, too, so every operand may be one.
# An instruction either does exactly what Python does or, where it *leaves*, changes nothing and leaves the typed code
# at the statement that it belongs to. `cascade/vm/kernel.h` has the handlers, by the same names.

TYPED_WORD_BYTES = 32
TYPED_FIELDS = 8
"""int32 fields of a word: the opcode, an unused one, and the operands a to f."""
FIELDS = "abcdef"
INT, FLOAT, OBJECT = "int", "float", "object"


class Operand(NamedTuple):
    """An operand of a typed instruction.

    Attributes:
        role: "reads", "then reads" (after it has written), "writes", "copies" (writes a register with the type of another one), "range" (the three registers
            of a range), "target" (a word), "value" (32 bits that may be anything), "call" (an index into the table of
            functions to ask), "window" (how many registers of the caller stand before those of the called) or "size".
        type: of the register.
        source: for "copies", the operand that is copied.
    """

    role: str
    type: str = ""
    source: str = ""


class TypedInstruction(NamedTuple):
    name: str
    operands: dict[str, Operand]
    synopsis: str
    leaves: str = ""
    """Why it may leave, for people; empty where it never does."""
    ends: bool = False
    """The next word is not reached from it."""
    fuses: tuple[str, ...] = ()
    """Two names of instructions that it does in one, and how they hang together (see compiler/lower/fuse.py)."""

    @property
    def takes_fuel(self) -> bool:
        """Whether its jump takes fuel, as every jump back has to."""
        return "BACK" in self.name or "STEP" in self.name or self.name in ("DEFER", "CALL")


_ROLES = {"<": "reads", ">": "writes", "=": "copies", "~": "range", "@": "target", "#": "value", "?": "call", "^": "window",
          "$": "size", ";": "then reads"}  # fmt: skip


def _operands(text: str) -> dict[str, Operand]:
    # "a>int b<int c=b f@": a is written, b is read, c gets what b has, f is a target.
    result = {}
    for item in text.split():
        role, rest = _ROLES[item[1]], item[2:]
        result[item[0]] = Operand(role, "" if role == "copies" else rest, rest if role == "copies" else "")
    return result


_WIDE = "the result does not fit 64 bits"
_ZERO = "a division by zero"
_DOMAIN = "an argument outside the domain, or an overflow"
INT_OPERATIONS = {
    "ADD": ("+", _WIDE), "SUB": ("-", _WIDE), "MUL": ("*", _WIDE), "FLOORDIV": ("//", _ZERO), "MOD": ("%", _ZERO),
    "AND": ("&", ""), "OR": ("|", ""), "XOR": ("^", ""), "LSHIFT": ("<<", "a shift that does not fit 64 bits"),
    "RSHIFT": (">>", "a negative shift"), "POW": ("**", "a power that is no int of 64 bits"),
}  # fmt: skip
FLOAT_OPERATIONS = {
    "ADD": ("+", ""), "SUB": ("-", ""), "MUL": ("*", ""), "DIVIDE": ("/", _ZERO), "FLOORDIV": ("//", _ZERO),
    "MOD": ("%", _ZERO), "POW": ("**", "a power that is no finite float"),
}  # fmt: skip
COMPARISONS = {"LESS": "<", "LESS_EQUAL": "<=", "EQUAL": "==", "NOT_EQUAL": "!="}
ORDERS = COMPARISONS | {"MORE": ">", "MORE_EQUAL": ">="}
FLOAT_TESTS = ("LESS", "LESS_EQUAL", "MORE", "MORE_EQUAL", "NOT_LESS", "NOT_LESS_EQUAL", "NOT_MORE", "NOT_MORE_EQUAL")
MATH_FUNCTIONS = (
    "SQRT", "CBRT", "EXP", "EXP2", "EXPM1", "LOG", "LOG2", "LOG10", "LOG1P", "SIN", "COS", "TAN", "ASIN", "ACOS", "ATAN",
    "SINH", "COSH", "TANH", "ASINH", "ACOSH", "ATANH",
)  # fmt: skip
MATH_TOTAL = ("DEGREES", "RADIANS", "ERF", "ERFC", "ULP")
"""Functions of a float that never raise."""
MATH_OF_TWO = {"ATAN2": "", "COPYSIGN": "", "NEXTAFTER": "", "FMOD": _DOMAIN, "REMAINDER": _DOMAIN, "POWER": _DOMAIN}
"""Functions of two floats, and why they may leave."""
MATH_OF_INTS = {
    "GCD": (2, _WIDE), "LCM": (2, _WIDE), "COMB": (2, f"a negative argument, or {_WIDE}"),
    "PERM": (2, f"a negative argument, or {_WIDE}"), "FACTORIAL": (1, f"a negative argument, or {_WIDE}"),
    "ISQRT": (1, "a negative argument"),
}  # fmt: skip

# Superinstructions, chosen from what benchmarks execute most.
INT_PAIRS = {
    "ADD": ("ADD", "SUB", "MUL", "AND", "FLOORDIV", "MOD"), "SUB": ("ADD", "SUB", "MUL", "AND", "FLOORDIV"),
    "MUL": ("ADD", "SUB", "MUL", "AND", "FLOORDIV", "MOD"), "MOD": ("ADD",), "AND": ("ADD",), "RSHIFT": ("AND", "XOR"),
    "LSHIFT": ("XOR",),
}  # fmt: skip
FLOAT_PAIRS = {name: ("ADD", "SUB", "MUL", "DIVIDE") for name in ("ADD", "SUB", "MUL")}
INT_FROM = FLOAT_FROM = ("ADD", "SUB", "MUL")
TESTED = ("ADD", "SUB", "MUL", "MOD", "AND")
COUNTED = ("ADD", "SUB", "RSHIFT", "FLOORDIV")


def _typed() -> Iterator[TypedInstruction]:
    def row(name: str, operands: str, synopsis: str, leaves: str = "", **more: Any) -> TypedInstruction:
        return TypedInstruction(name, _operands(operands), synopsis, leaves, **more)

    for kind in (INT, FLOAT):
        yield row(f"LOAD_{kind.upper()}", f"a>{kind} e# f#", "a = the 64 bits f:e")
    yield row("LOAD_OBJECT", "a>object e?", "a = constant e")
    yield row("MOVE", "a=b b<", "a = b")
    yield row("MOVE2", "a=b b< c=d d<", "a = b, c = d at once", fuses=("MOVE", "MOVE", "both"))
    for kind, operations in ((INT, INT_OPERATIONS), (FLOAT, FLOAT_OPERATIONS)):
        for name, (sign, leaves) in operations.items():
            own = f"{name}_{kind.upper()}"
            yield row(own, f"a>{kind} b<{kind} c<{kind}", f"a = b {sign} c", leaves)
            yield row(f"{own}_MOVE", f"a>{kind} b<{kind} c<{kind} d=e e<", f"a = b {sign} c and d = e, at once", leaves,
                      fuses=(own, "MOVE", "both"))  # fmt: skip
    for kind, operations, pairs, froms in (
        (INT, INT_OPERATIONS, INT_PAIRS, INT_FROM), (FLOAT, FLOAT_OPERATIONS, FLOAT_PAIRS, FLOAT_FROM),
    ):  # fmt: skip
        for first, seconds in pairs.items():
            for second in seconds:
                leaves = " or ".join(dict.fromkeys(filter(None, (operations[first][1], operations[second][1]))))
                yield row(f"{first}_{second}_{kind.upper()}", f"a>{kind} b<{kind} c<{kind} d<{kind}",
                          f"a = (b {operations[first][0]} c) {operations[second][0]} d", leaves,
                          fuses=(f"{first}_{kind.upper()}", f"{second}_{kind.upper()}", "left"))  # fmt: skip
        for first in froms:
            yield row(f"{first}_FROM_{kind.upper()}", f"a>{kind} b<{kind} c<{kind} d<{kind}",
                      f"a = d - (b {operations[first][0]} c)", operations[first][1],
                      fuses=(f"{first}_{kind.upper()}", f"SUB_{kind.upper()}", "right"))  # fmt: skip
    yield row("ADD_MOD_INT_MOVE", "a>int b<int c<int d<int e=f f<", "a = (b + c) % d and e = f, at once", _ZERO,
              fuses=("ADD_MOD_INT", "MOVE", "both"))  # fmt: skip
    yield row("MUL_MOD_ADD_INT", "a>int b<int c<int d<int e<int", "a = b * c % d + e", f"{_ZERO} or {_WIDE}",
              fuses=("MUL_MOD_INT", "ADD_INT", "left"))  # fmt: skip
    for first in FLOAT_FROM:
        for second in FLOAT_FROM:
            for join in FLOAT_FROM:
                # The first one waits while the second one is made.
                one, two, between = (FLOAT_OPERATIONS[name][0] for name in (first, second, join))
                made = f"{second}_FROM_FLOAT" if join == "SUB" else f"{second}_{join}_FLOAT"
                yield row(f"{first}_{second}_TREE_{join}_FLOAT", "a>float b<float c<float d<float e<float",
                          f"a = (b {one} c) {between} (d {two} e)", fuses=(f"{first}_FLOAT", made, "last"))  # fmt: skip
    for join, sign in (("ADD", "+"), ("SUB", "-")):
        yield row(f"MUL_MUL_TREE_{join}_ADD_FLOAT", "a>float b<float c<float d<float e<float f<float",
                  f"a = (b * c {sign} d * e) + f", fuses=(f"MUL_MUL_TREE_{join}_FLOAT", "ADD_FLOAT", "left"))  # fmt: skip
    yield row("MUL_MUL_THEN_ADD_FLOAT", "a>float b<float c<float d<float e<float", "a = b * c * d + e",
              fuses=("MUL_MUL_FLOAT", "ADD_FLOAT", "left"))  # fmt: skip
    for name, sign in COMPARISONS.items():
        for kind in (INT, FLOAT):
            yield row(f"{name}_{kind.upper()}", f"a>int b<{kind} c<{kind}", f"a = b {sign} c")
            yield row(f"JUMP_{name}_{kind.upper()}", f"a<{kind} b<{kind} f@", f"if a {sign} b: go to f")
            yield row(f"BACK_{name}_{kind.upper()}", f"a<{kind} b<{kind} f@", f"if a {sign} b: back to f")
        yield row(f"STEP_{name}_INT", "a<int b<int f@", f"one step; if a {sign} b: back to f")
    for name, sign in (("LESS", "<"), ("LESS_EQUAL", "<=")):
        for way, word in (("JUMP", "go"), ("BACK", "back")):
            yield row(f"{way}_NOT_{name}_FLOAT", "a<float b<float f@", f"if not a {sign} b: {word} to f")
    yield row("SAME", "a>int b<object c<object", "a = b is c")
    for way, word in (("JUMP", "go"), ("BACK", "back")):
        yield row(f"{way}_SAME", "a<object b<object f@", f"if a is b: {word} to f")
        yield row(f"{way}_NOT_SAME", "a<object b<object f@", f"if a is not b: {word} to f")
    for way, word in (("JUMP", "go"), ("BACK", "back")):
        for operation in TESTED:
            operation_sign, leaves = INT_OPERATIONS[operation]
            for name, sign in ORDERS.items():
                side = "right" if name.startswith("MORE") else "left"
                jump = f"{way}_{name.replace('MORE', 'LESS')}_INT"
                yield row(f"{operation}_{way}_{name}_INT", "b<int c<int d<int f@",
                          f"if (b {operation_sign} c) {sign} d: {word} to f", leaves,
                          fuses=(f"{operation}_INT", jump, side))  # fmt: skip
        for operation in FLOAT_PAIRS:
            for name in FLOAT_TESTS:
                side = "right" if "MORE" in name else "left"
                jump = f"{way}_{name.replace('MORE', 'LESS')}_FLOAT"
                sign = ORDERS[name.replace("NOT_", "")]
                yield row(f"{operation}_{way}_{name}_FLOAT", "b<float c<float d<float f@",
                          f"if {'not ' * ('NOT_' in name)}(b {FLOAT_OPERATIONS[operation][0]} c) {sign} d: {word} to f",
                          fuses=(f"{operation}_FLOAT", jump, side))  # fmt: skip
    for name, sign in COMPARISONS.items():
        for operation in COUNTED:
            operation_sign, leaves = INT_OPERATIONS[operation]
            yield row(f"{operation}_THEN_BACK_{name}_INT", "a>int b<int c<int d;int e;int f@",
                      f"a = b {operation_sign} c; if d {sign} e: back to f", leaves,
                      fuses=(f"{operation}_INT", f"BACK_{name}_INT", "then"))  # fmt: skip
        for operation in ("ADD", "SUB"):
            yield row(f"{operation}_THEN_STEP_{name}_INT", "a>int b<int c<int d;int e;int f@",
                      f"a = b {INT_OPERATIONS[operation][0]} c; one step; if d {sign} e: back to f", _WIDE,
                      fuses=(f"{operation}_INT", f"STEP_{name}_INT", "then"))  # fmt: skip
    for way, note in (("BACK", ""), ("STEP", "one step; ")):
        for name, sign in COMPARISONS.items():
            yield row(f"MOVE_THEN_{way}_{name}_INT", "a=b b< c;int d;int f@", f"a = b; {note}if c {sign} d: back to f",
                      fuses=("MOVE", f"{way}_{name}_INT", "then"))  # fmt: skip
    yield row("NEGATE_INT", "a>int b<int", "a = -b", _WIDE)
    yield row("ABS_INT", "a>int b<int", "a = abs(b)", _WIDE)
    yield row("INVERT_INT", "a>int b<int", "a = ~b")
    yield row("POW_MOD_INT", "a>int b<int c<int d<int", "a = pow(b, c, d)", "a power that typed code does not take")
    yield row("DIVIDE_INT", "a>float b<int c<int", "a = b / c", f"{_ZERO}, or an int that is no float")
    yield row("NEGATE_FLOAT", "a>float b<float", "a = -b")
    yield row("ABS_FLOAT", "a>float b<float", "a = abs(b)")
    yield row("TO_FLOAT", "a>float b<int", "a = float(b)")
    yield row("TO_EXACT_FLOAT", "a>float b<int", "a = float(b), exactly", "an int beyond 2**53 is compared with a float")
    for name, call in (("TRUNCATE", "int(b)"), ("ROUND", "round(b)"), ("FLOOR", "floor(b)"), ("CEIL", "ceil(b)")):
        yield row(name, "a>int b<float", f"a = {call}", "a float that is no int of 64 bits")
    for name in MATH_FUNCTIONS:
        yield row(name, "a>float b<float", f"a = math.{name.lower()}(b)", _DOMAIN)
    for name in MATH_TOTAL:
        yield row(name, "a>float b<float", f"a = math.{name.lower()}(b)")
    for name, leaves in MATH_OF_TWO.items():
        call = "pow" if name == "POWER" else name.lower()
        yield row(name, "a>float b<float c<float", f"a = math.{call}(b, c)", leaves)
    for name, (count, leaves) in MATH_OF_INTS.items():
        yield row(name, "a>int b<int c<int" if count == 2 else "a>int b<int", f"a = math.{name.lower()}({'b, c'[: 3 * count - 2]})", leaves)
    yield row("LDEXP", "a>float b<float c<int", "a = math.ldexp(b, c)", "an overflow")
    yield row("FMA", "a>float b<float c<float d<float", "a = math.fma(b, c, d)", _DOMAIN)
    yield row("ISCLOSE", "a>int b<float c<float d<float e<float", "a = math.isclose(b, c, rel_tol=d, abs_tol=e)", "a negative tolerance")
    yield row("FREXP_MANTISSA", "a>float b<float", "a = math.frexp(b)[0]")
    yield row("FREXP_EXPONENT", "a>int b<float", "a = math.frexp(b)[1]")
    yield row("MODF_FRACTION", "a>float b<float", "a = math.modf(b)[0]")
    yield row("MODF_WHOLE", "a>float b<float", "a = math.modf(b)[1]")
    for name in ("ISNAN", "ISINF", "ISFINITE"):
        yield row(name, "a>int b<float", f"a = math.{name.lower()}(b)")
    yield row("JUMP", "f@", "go to f", ends=True)
    yield row("BACK", "f@", "back to f", ends=True)
    yield row("STEP", "f@", "one step; back to f", ends=True)
    yield row("DEFER", "e# f@", "one step, to a call of task e; back to f", ends=True)
    yield row("RANGE", "a~", "a.. = start, stop, step -> next, left, step", "a step of zero, or too long a range")
    yield row("NEXT", "a>int b~ f@", "a = the next of range b, or go to f at its end")
    yield row("NEXT_OR_BACK", "a>int b~ f@", "a = the next of range b, or back to f at its end")
    yield row("NEXT_BACK", "a>int b~ f@", "if range b goes on: a = its next, back to f")
    for kind, names in ((INT, ("ADD", "SUB", "MUL", "XOR")), (FLOAT, ("ADD", "SUB", "MUL"))):
        for name in names:
            sign, leaves = (INT_OPERATIONS if kind == INT else FLOAT_OPERATIONS)[name]
            yield row(f"{name}_{kind.upper()}_NEXT_BACK", f"a>{kind} b<{kind} c<{kind} d>int e~ f@",
                      f"a = b {sign} c; if range e goes on: d = its next, back to f", leaves,
                      fuses=(f"{name}_{kind.upper()}", "NEXT_BACK", "then"))  # fmt: skip
    yield row("CALL", "a> b^ d$ f@", "a = the function at f, with its registers from b on", "the recursion limit")
    yield row("GIVE", "a<", "a is what the call gives", ends=True)
    yield row("ASK", "a> b^ e?", "a = function e of Python's, of the registers from b on", "the function raises, or its result has no register")
    yield row("LEAVE", "", "leaves", "CPython does this", ends=True)
    for kind, operand in (("INT", INT), ("BOOL", INT), ("FLOAT", FLOAT), ("OBJECT", OBJECT)):
        yield row(f"RETURN_{kind}", f"a<{operand}", "return a", ends=True)


TYPED_INSTRUCTIONS: tuple[TypedInstruction, ...]
TYPED_OPCODES: dict[str, int]


def __getattr__(name: str) -> Any:
    # The table of typed code takes 3 ms to make, and not every program has some.
    if name not in ("TYPED_INSTRUCTIONS", "TYPED_OPCODES"):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    rows = tuple(_typed())
    globals()["TYPED_OPCODES"] = {row.name: number for number, row in enumerate(rows)}
    globals().setdefault("TYPED_INSTRUCTIONS", rows)
    return globals()[name]
