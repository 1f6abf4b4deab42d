"""Loop rotation: the test at the start of a body is also made at the tail calls to it, which jump past it.

    0  JUMP_LESS_EQUAL_INT  if n <= 0: go to 4          0  JUMP_LESS_EQUAL_INT  if n <= 0: go to 4
    1  ADD_INT              total = total + n      ->   1  ADD_INT              total = total + n
    2  SUB_INT              n = n - 1                   2  SUB_INT              n = n - 1
    3  STEP                 one step; back to 0         3  STEP_LESS_INT        one step; if 0 < n: back to 1
    4  RETURN_INT           total                       4  BACK                 back to 5
                                                        5  RETURN_INT           total

Of the test's two branches, the one that reaches a return first ends the loop.
"""

from __future__ import annotations

from cascade.kernels.assemble import ROWS, Code, Item, Label

STEPS = {f"JUMP_{name}_INT": (f"STEP_{name}_INT", False) for name in ("LESS", "LESS_EQUAL", "EQUAL", "NOT_EQUAL")}
"""For a test, the step that jumps where the test jumps, and whether its operands are swapped."""
OPPOSITE_STEPS = {
    "JUMP_LESS_INT": ("STEP_LESS_EQUAL_INT", True), "JUMP_LESS_EQUAL_INT": ("STEP_LESS_INT", True),
    "JUMP_EQUAL_INT": ("STEP_NOT_EQUAL_INT", False), "JUMP_NOT_EQUAL_INT": ("STEP_EQUAL_INT", False),
}  # fmt: skip


def rotate_loops(items: Code) -> dict[Label, Label]:
    """Replaces each tail call to a body that begins with a test by a step with that test.

    Returns:
        For the targets of these steps, the label of the body.
    """
    bodies: dict[Label, Label] = {}
    positions = _positions(items)
    made: dict[Label, Label] = {}
    number = 0
    while number < len(items):
        step = items[number]
        number += 1
        if type(step) is not Item or step.name != "STEP" or step.target is None:
            continue
        at, test = _first_instruction(items, positions[step.target])
        if test.name not in STEPS or test.target is None:
            continue
        past = made.get(test.target)
        if past is None:
            past = made[test.target] = Label()
            past.placed = True
            items.insert(at + 1, past)
            number += at + 1 <= number
        tested = _tested_step(step, test, test.target, past, _ends_loop(items, at + 1))
        assert type(tested[0]) is Item and tested[0].target is not None
        bodies[tested[0].target] = step.target
        items[number - 1 : number] = tested
        positions = _positions(items)
    return bodies


def _positions(items: Code) -> dict[Label, int]:
    return {item: number for number, item in enumerate(items) if type(item) is Label}


def _first_instruction(items: Code, at: int) -> tuple[int, Item]:
    """Returns the position of the first instruction from `at` on, and the instruction."""
    return next((number, item) for number, item in enumerate(items[at:], at) if type(item) is Item)


def _ends_loop(items: Code, at: int) -> bool:
    """Returns whether the branch that begins at a position ends the loop: its next end is a return."""
    return next(ROWS[item.name] for item in items[at:] if type(item) is Item and ROWS[item.name].ends).returns


def _tested_step(step: Item, test: Item, taken: Label, past: Label, past_ends: bool) -> Code:
    name, swapped = (STEPS if past_ends else OPPOSITE_STEPS)[test.name]
    continues, ends = (taken, past) if past_ends else (past, taken)
    a, b = test.operands["a"], test.operands["b"]
    if swapped:
        a, b = b, a
    continues.uses += 1
    ends.uses += 1
    return [
        step.replaced(name, {"a": a, "b": b}, continues),
        step.replaced("BACK", {}, ends),
    ]
