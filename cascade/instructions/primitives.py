"""The parts of machine code: the instructions that have a form in it, and how the others are put together from them.

A superinstruction is the instructions that it fuses, one after the other; a value that one hands to the next stands in a *temporary*. An
instruction without a form is executed by its handler, between the machine code before it and behind it.
"""

from __future__ import annotations

from cascade.imports import NamedTuple
from cascade.instructions.kernel import FIELDS, KERNEL_INSTRUCTIONS, KernelInstruction

ROWS = {row.name: row for row in KERNEL_INSTRUCTIONS}
SOURCES = "bcdef"
TEMPORARIES = ("t", "u")
"""The results that operations hand on: that of the first one, and that of the second side of a tree."""

_COMPARED = ("LESS", "LESS_EQUAL", "EQUAL", "NOT_EQUAL")
_ITEMS = ("BOOL_", "UINT8", "INT32", "INT64", "FLOAT32", "FLOAT64")

NATIVE: tuple[str, ...] = (
    "LOAD_INT", "LOAD_FLOAT", "LOAD_OBJECT", "MOVE", "MOVE2",
    *(f"{name}_INT" for name in ("ADD", "SUB", "MUL", "FLOORDIV", "MOD", "AND", "OR", "XOR", "LSHIFT", "RSHIFT")),
    "NEGATE_INT", "ABS_INT", "INVERT_INT", "DIVIDE_INT",
    *(f"{name}_FLOAT" for name in ("ADD", "SUB", "MUL", "DIVIDE", "NEGATE", "ABS")), "SQRT",
    *(f"{name}_FLOAT64" for name in ("ADD", "SUB", "MUL", "DIVIDE")),
    "TO_FLOAT", "TO_EXACT_FLOAT", "TRUNCATE",
    *(f"{name}_{kind}" for name in _COMPARED for kind in ("INT", "FLOAT")), "SAME",
    *(f"{way}_{name}_{kind}" for way in ("JUMP", "BACK") for name in _COMPARED for kind in ("INT", "FLOAT")),
    *(f"{way}_{name}" for way in ("JUMP", "BACK") for name in ("NOT_LESS_FLOAT", "NOT_LESS_EQUAL_FLOAT", "SAME", "NOT_SAME")),
    *(f"STEP_{name}_INT" for name in _COMPARED), "JUMP", "BACK", "STEP",
    "RANGE", "NEXT", "NEXT_OR_BACK", "NEXT_BACK",
    "UNBOX_INT", "UNBOX_FLOAT", "UNBOX_BOOL", "EXPECT_NONE", "EXPECT_CLASS", "EXPECT_LIST", "EXPECT_TUPLE", "EXPECT_STR", "BORROW", "SIZE", "EXIT_IF_NAN",
    *(f"{kind}_{name}" for kind in ("LIST", "TUPLE") for name in ("ITEM", "NEXT", "NEXT_BACK")),
    *(f"ARRAY{axes}_{kind}" for axes in (1, 2) for kind in _ITEMS),
    *(f"ARRAY{axes}_STORE_{kind}" for axes in (1, 2) for kind in _ITEMS if kind != "FLOAT32"),
    *(f"ARRAY_NEXT_{kind}" for kind in _ITEMS),
    "OWN", "RELEASE", "CELL_ITEM", "GUARD", "EXPECT_ROOM", "EXPECT_CODE", "EXPECT_TAG", "EXPECT_OWN_TAG", "ATTRIBUTE_VALUE", "ATTRIBUTE_ITEM", "ATTRIBUTE_SLOT",
    "EXPECT_NO_VALUE",
    *(f"STORE_{place}_{kind}" for place in ("SLOT", "VALUE") for kind in ("FLOAT", "INT", "BOOL", "OWNED", "BORROWED")),
    *(f"{kind}_{name}" for kind in ("TEXT", "BYTES", "BYTEARRAY") for name in ("ITEM", "NEXT")), "BYTEARRAY_STORE", "TEXT_SIZE",
    *(f"LIST_STORE_{kind}" for kind in ("FLOAT", "INT", "BOOL", "OWNED", "BORROWED")), "LIST_REPLACE",
    "APPEND", "APPEND_INT", "LIST_POP", "BOX_INT", "BOX_BOOL", "TRUTH", "ARRAY_DIMENSION",
)  # fmt: skip
"""Instructions with a form of their own; the emitter has one for each, by these names."""


class Part(NamedTuple):
    """One of the instructions that a word stands for.

    Attributes:
        name: of the instruction.
        operands: for each of its own operands the field of the word, or a temporary.
    """

    name: str
    operands: dict[str, str]


def parts_of(row: KernelInstruction) -> tuple[Part, ...]:
    """Returns the parts of a word with this instruction, in order; none where one of them has no form."""
    parts = _expanded(row, {field: field for field in row.operands})
    return parts if all(part.name in NATIVE for part in parts) else ()


def _expanded(row: KernelInstruction, names: dict[str, str]) -> tuple[Part, ...]:
    """Returns the parts of an instruction whose operands have these names."""
    fusion = row.fuses
    if row.name in NATIVE or fusion is None:
        return (Part(row.name, names),)
    if "_TREE_" in row.name and "_TREE_" not in fusion.first:
        return _tree(row, names)
    first, second = ROWS[fusion.first], ROWS[fusion.second]
    given = [field for field in SOURCES if field in first.operands]
    fused = [field for field in SOURCES if field in names and row.operands[field].role != "target"]
    result = names["a"] if fusion.join in ("then", "beside") else TEMPORARIES[0]
    own = {"a": result} | {field: names[fused[number]] for number, field in enumerate(given)}
    rest = [names[field] for field in fused[len(given) :]]
    return _expanded(first, own) + _expanded(second, _second(second, fusion.join, rest, names))


def _second(second: KernelInstruction, join: str, rest: list[str], names: dict[str, str]) -> dict[str, str]:
    """Returns the names of the operands of the instruction that comes second."""
    own = {"f": names["f"]} if "f" in second.operands and second.operands["f"].role == "target" else {}
    fields = [field for field in FIELDS if field in second.operands and field not in own]
    if join in ("then", "beside"):
        return own | dict(zip(fields, rest, strict=True))
    if not own:
        fields.remove("a")
        own["a"] = names["a"]
    at = {"left": 0, "right": 1, "last": len(fields) - 1}[join]
    return own | dict(zip(fields, [*rest[:at], TEMPORARIES[0], *rest[at:]], strict=True))


def _tree(row: KernelInstruction, names: dict[str, str]) -> tuple[Part, ...]:
    # a = (b op c) op (d op e)
    sides, join = row.name.removesuffix("_FLOAT").split("_TREE_")
    first, second = sides.split("_")
    one, other = TEMPORARIES
    return (
        Part(f"{first}_FLOAT", {"a": one, "b": names["b"], "c": names["c"]}),
        Part(f"{second}_FLOAT", {"a": other, "b": names["d"], "c": names["e"]}),
        Part(f"{join}_FLOAT", {"a": names["a"], "b": one, "c": other}),
    )
