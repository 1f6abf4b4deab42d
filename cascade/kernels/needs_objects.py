"""Functions that certainly have no kernel of numbers, by a look at their bytecode: a tenth of a millisecond, where translation takes some.

A kernel of numbers has the whole function, up to the end of its last loop. If that part contains `xs.append(x)`, `xs[i]` or `for x in xs` with a variable
`xs`, there is none for arguments of any types, unless a condition stands before it that their types decide, as `if log is not None` does.
"""

from __future__ import annotations

from opcode import opmap
from types import CodeType, FunctionType


def _numbers(*names: str) -> frozenset[int]:
    return frozenset(opmap[name] for name in names if name in opmap)


BACKWARD = frozenset(number for name, number in opmap.items() if "JUMP_BACKWARD" in name)
CONDITIONS = frozenset(
    number for name, number in opmap.items() if name.startswith(("POP_JUMP", "JUMP_IF")) and number not in BACKWARD
)
VARIABLE = _numbers("LOAD_FAST", "LOAD_FAST_CHECK")
VARIABLES = _numbers("LOAD_FAST_LOAD_FAST", "STORE_FAST_LOAD_FAST")
"""The last four bits of their argument are the variable that is loaded last."""
STORES = _numbers("STORE_FAST", "STORE_FAST_LOAD_FAST", "STORE_FAST_STORE_FAST")
EFFECTS = _numbers(
    "STORE_ATTR", "DELETE_ATTR", "STORE_SUBSCR", "DELETE_SUBSCR", "STORE_SLICE", "STORE_GLOBAL", "DELETE_GLOBAL", "DELETE_FAST", "BEFORE_WITH",
)  # fmt: skip
MADE = _numbers("BUILD_LIST", "BUILD_MAP", "BUILD_SET", "BUILD_STRING")
"""Instructions that make objects: a variable cannot hold one."""
TAKEN = _numbers("LOAD_METHOD", "LOAD_ATTR", "GET_ITER")
"""Instructions that take a variable's value for an object."""
COMPARED, SUBSCRIPT, RAISE = opmap["COMPARE_OP"], opmap["BINARY_SUBSCR"], opmap["RAISE_VARARGS"]
CONSTANT, LOAD_FAST = opmap["LOAD_CONST"], opmap["LOAD_FAST"]
FORWARD, EXTENDED, CACHE = opmap["JUMP_FORWARD"], opmap["EXTENDED_ARG"], opmap["CACHE"]
SIMPLE = VARIABLE | {CONSTANT}
NOTHING = (CACHE, 0)


def needs_objects(function: FunctionType) -> bool:
    """Returns whether a function has loops, and certainly uses objects, before the last one ends, as no kernel of numbers can."""
    code = function.__code__
    text = code.co_code
    ends = {_head(text, unit): unit for unit in range(len(text) // 2) if text[2 * unit] in BACKWARD}
    last = max(ends.values(), default=0)
    raised = _lines_of_raises(code)
    lines = [line for line, _, _, _ in code.co_positions()] if raised else []
    with_default = range(code.co_argcount - len(function.__defaults__ or ()), code.co_argcount)
    decided = extended = 0  # up to this unit, code may be left out by the types of the arguments
    before, former = NOTHING, NOTHING
    for unit in range(last):
        number, argument = text[2 * unit], text[2 * unit + 1] | extended
        if number == CACHE:
            continue
        extended = argument << 8 if number == EXTENDED else 0
        if number == EXTENDED:
            continue
        if (number in CONDITIONS and before[0] != COMPARED) or (number == FORWARD and unit < decided):
            decided = max(decided, unit + 2 + argument)
        elif number in BACKWARD and unit < decided:
            decided = ends[_head(text, unit)]  # what follows in the loop is the other branch
        elif unit >= decided and (not raised or lines[unit] not in raised):
            if number in EFFECTS or (number in STORES and before[0] in MADE):
                return True
            if number in TAKEN and _variable(before, with_default):
                return True
            if number == SUBSCRIPT and before[0] in SIMPLE and _variable(former, with_default):
                return True
            if number == SUBSCRIPT and before[0] in VARIABLES and before[1] >> 4 not in with_default:
                return True
        before, former = (number, argument), before
    return False


def _head(text: bytes, unit: int) -> int:
    """Returns where a jump backward leads, but for the units between it and the next instruction, which all of them have."""
    argument, prefix, shift = text[2 * unit + 1], unit - 1, 8
    while prefix >= 0 and text[2 * prefix] == EXTENDED:
        argument |= text[2 * prefix + 1] << shift
        prefix, shift = prefix - 1, shift + 8
    return unit - argument


def _variable(loaded: tuple[int, int], with_default: range) -> bool:
    """Returns whether an instruction loads a variable last, whose value is not known beforehand, as that of a default may be."""
    number, argument = loaded
    if number in VARIABLES:
        number, argument = LOAD_FAST, argument & 15
    return number in VARIABLE and argument not in with_default


def _lines_of_raises(code: CodeType) -> set[int]:
    """The lines of `raise` and `assert` statements: CPython executes them, whatever they contain."""
    if RAISE not in code.co_code[::2]:
        return set()
    found: set[int] = set()
    for unit, (first, end, _, _) in enumerate(code.co_positions()):
        if code.co_code[2 * unit] == RAISE and first is not None:
            found.update(range(first, (end or first) + 1))
    return found
