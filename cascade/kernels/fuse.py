"""Peephole fusion: neighbouring instructions become one superinstruction.

    MUL_INT      t1 = i * i                   MUL_MOD_INT         t2 = i * i % seven
    MOD_INT      t2 = t1 % seven        ->    ADD_INT_NEXT_BACK   total = total + t2; next of the range, and back
    ADD_INT      t3 = total + t2
    MOVE         total = t3
    NEXT_BACK    i, range, back

The rows of `cascade.instructions.kernel` define them (`fuses`): the names of the two, and how they are joined:

    left, right     the second one reads the first one's result as its left or right operand
    last            ... as its last operand
    beside          a MOVE beside it; neither sees the other's result
    then            the first one's result is kept, the second one is a jump

Two are never fused across a label, and a result that is not kept has no other reader. The superinstruction has the
first one's exit: the second one never exits, or belongs to the same statement.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from cascade.instructions.kernel import KERNEL_INSTRUCTIONS
from cascade.kernels.assemble import ROWS, Code, Item, Label
from cascade.kernels.operand_fields import FIELDS_OF

if TYPE_CHECKING:
    from cascade.instructions.kernel import Join

FUSIONS: dict[tuple[str, str], list[tuple[str, Join]]] = {}
for _row in KERNEL_INSTRUCTIONS:
    if _row.fuses is not None:
        FUSIONS.setdefault((_row.fuses.first, _row.fuses.second), []).append((_row.name, _row.fuses.join))
WITH_MOVE = {first: rows[0][0] for (first, second), rows in FUSIONS.items() if second == "MOVE" != first}
"""For an instruction, the superinstruction of it and a MOVE."""
MOVES = ("MOVE", "MOVE2")
"""Instructions that may be fused with any one before them."""


def fuse(items: Code, temporaries: set[int], registers: Mapping[int, int] | None = None) -> Code:
    """Returns the items with neighbours fused wherever there is an instruction for both.

    Args:
        temporaries: the names that no other items use.
        registers: of names, where these are assigned already: several names may stand for one register then.
    """
    reads, writes = _uses(items)
    registers = registers or {}

    def single(name: int) -> bool:
        return name in temporaries and reads.get(name) == 1 and writes.get(name) == 1

    result: Code = []
    for item in items:
        if type(item) is Label:
            if item.uses:
                result.append(item)
        elif type(item) is Item:
            # Fused with the ones before it as often as there is an instruction for both.
            while result and type(previous := result[-1]) is Item:
                if item.name not in MOVES and (previous.name, item.name) not in FUSIONS:
                    break
                joined = _join(previous, item, single)
                if joined is None or _writes_twice(joined, registers):
                    break
                result.pop()
                item = joined
            result.append(item)
    return result


def _uses(items: Code) -> tuple[dict[int, int], dict[int, int]]:
    """Returns how often each name is read, and how often it is written."""
    reads: dict[int, int] = {}
    writes: dict[int, int] = {}
    for item in items:
        if type(item) is Item:
            fields, operands = FIELDS_OF[item.name], item.operands
            for field in fields.reads:
                name = operands[field]
                reads[name] = reads.get(name, 0) + 1
            for field in fields.writes:
                name = operands[field]
                writes[name] = writes.get(name, 0) + 1
    return reads, writes


def _writes_twice(item: Item, registers: Mapping[int, int]) -> bool:
    """Returns whether two results of an instruction have one register: the first one was not used any more."""
    fields = FIELDS_OF[item.name].writes
    if len(fields) < 2:
        return False
    written = [registers.get(name, name) for name in map(item.operands.__getitem__, fields)]
    return len(set(written)) < len(written)


def _join(first: Item, second: Item, single: Callable[[int], bool]) -> Item | None:
    if first.space is not second.space:
        return None
    if "a" not in FIELDS_OF[first.name].writes:
        return None
    given = first.operands["a"]
    if second.name == "MOVE" and second.operands["b"] == given and single(given):
        if second.operands["a"] in _written(first):
            return None
        # A result for a variable is written to it at once.
        return first.with_result(second.operands["a"])
    if first.name == second.name == "MOVE" and first.operands["a"] != second.operands["a"]:
        source = first.operands["b"] if second.operands["b"] == given else second.operands["b"]
        operands = {**first.operands, "c": second.operands["a"], "d": source}
        return first.replaced("MOVE2", operands)
    if second.name == "MOVE2":
        return _beside(first, second, single)
    for name, join in FUSIONS.get((first.name, second.name), ()):
        fields = _operands(first, second, join, single)
        if fields is not None:
            return first.replaced(name, fields, second.target)
    return None


def _written(item: Item) -> list[int]:
    """Returns the registers that an instruction writes, but the first one."""
    return [item.operands[field] for field in FIELDS_OF[item.name].writes if field != "a"]


def _beside(first: Item, second: Item, single: Callable[[int], bool]) -> Item | None:
    # t = b op c; then a = t and d = e at once.
    name = WITH_MOVE.get(first.name)
    given, moves = first.operands["a"], second.operands
    if name is None or not single(given):
        return None
    for one, other in (("ab", "cd"), ("cd", "ab")):
        if moves[one[1]] == given and moves[other[1]] != given:
            fields = [field for field in "bcdef" if field in first.operands]
            free = [field for field in "bcdef" if field not in fields]
            operands = {**first.operands, "a": moves[one[0]], free[0]: moves[other[0]], free[1]: moves[other[1]]}
            return first.replaced(name, operands)
    return None


def _operands(first: Item, second: Item, join: Join, single: Callable[[int], bool]) -> dict[str, int] | None:
    """Returns the operands of the instruction that does both; None where they are not joined so."""
    given = first.operands["a"]
    sources = [first.operands[field] for field in "bcde" if field in first.operands]
    after = second.operands
    if join == "then":
        rest = [after[field] for field in "ab" if field in after]
        return {"a": given, **dict(zip("bcde", [*sources, *rest], strict=False))}
    if join == "beside":
        if given in (after["b"], after["a"]):
            return None
        return {"a": given, **dict(zip("bcdef", [*sources, after["a"], after["b"]], strict=False))}
    if not single(given):
        return None
    jump = second.target is not None
    fields = [field for field in ("ab" if jump else "bcde") if field in after]
    at = _joined_field(fields, second, join, given)
    rest = [after[field] for field in fields if field != at]
    if at is None or given in rest:
        return None
    result = dict(zip("bcdef", [*sources, *rest], strict=False))
    return result if jump else {**result, "a": after["a"]}


def _joined_field(fields: list[str], second: Item, join: Join, given: int) -> str | None:
    """Returns the field in which the second instruction reads the first one's result; None where `join` fails."""
    if join == "last":
        at = fields[-1]
    else:
        at = fields[0] if join == "left" else fields[1]
        if second.operands[at] != given and ROWS[second.name].commutes:
            at = fields[1] if join == "left" else fields[0]
    return at if second.operands[at] == given else None
