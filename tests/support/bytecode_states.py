"""The state of a function at any instruction: it is run up to there, and its locals and its stack are spilled.

Instructions are overwritten with jumps to code behind the function's own, which stores the stack to spare locals and calls `_spill`.
The functions are compiled here from their source, with spare locals; they must be shorter than 250 code units.
"""

from __future__ import annotations

import ast
import dis
import opcode
import sys
from types import CellType, CodeType, FunctionType
from typing import Any, NamedTuple

OP = opcode.opmap
SPARE = tuple(f"_spare{number}" for number in range(16))
JUMPS = frozenset(opcode.hasjrel)
ENDS = frozenset(OP[name] for name in ("RETURN_VALUE", "RERAISE", "RAISE_VARARGS", "RETURN_CONST") if name in OP)
NO_FALL = ENDS | {OP[name] for name in ("JUMP_FORWARD", "JUMP_BACKWARD", "JUMP_BACKWARD_NO_INTERRUPT")}


class State(NamedTuple):
    """A function that is about to execute the instruction `at`; None in the stack is NULL, all else a tuple of one."""

    at: int
    bound: dict[int, object]
    stack: tuple[tuple[object] | None, ...]
    first_spare: int

    def arguments(self) -> list[object]:
        return [self.bound[slot] for slot in sorted(self.bound)] + [item[0] for item in self.stack if item]

    def without_spare(self, names: tuple[str, ...]) -> State:
        """Returns the state of a function with the given variables, that has no spare locals or the same ones."""
        spare = len(SPARE) if SPARE[0] not in names else 0
        first = self.first_spare
        return self._replace(
            bound={slot - spare if slot > first else slot: value for slot, value in self.bound.items()}
        )

    def shape(self) -> tuple[tuple[int, ...], tuple[bool, ...]]:
        return tuple(sorted(self.bound)), tuple(item is not None for item in self.stack)


def with_spare_locals(module_source: str, filename: str, namespace: dict[str, Any]) -> None:
    """Executes a module whose functions get spare locals, which they never use."""
    tree = ast.parse(module_source, filename)
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef):
            last = node.body[-1]
            names = [ast.Name(name, ast.Store()) for name in SPARE]
            unused = ast.If(ast.Constant(0), [ast.Assign(names, ast.Constant(None))], [])
            node.body.append(ast.fix_missing_locations(ast.copy_location(unused, last)))
    exec(compile(tree, filename, "exec", dont_inherit=True), namespace)


def without_spare_locals(module_source: str, filename: str, function: FunctionType) -> FunctionType:
    """Returns the function that the source makes without spare locals; it has the same instructions."""
    codes = [compile(module_source, filename, "exec", dont_inherit=True)]
    for code in codes:  # it grows
        codes += [const for const in code.co_consts if isinstance(const, CodeType)]
    code = next(
        code
        for code in codes
        if (code.co_qualname, code.co_firstlineno) == (function.__qualname__, function.__code__.co_firstlineno)
    )
    assert code.co_code[::2] == function.__code__.co_code[::2]
    return FunctionType(code, function.__globals__, function.__name__, None, function.__closure__)


class Step(NamedTuple):
    """An instruction: its unit (that of its first prefix), the unit behind its caches, and where it may jump to."""

    unit: int
    end: int
    opcode: int
    argument: int
    target: int | None


def steps(code: CodeType) -> dict[int, Step]:
    """Returns the instructions of a code object by their units."""
    raw, found, unit = code.co_code, {}, 0
    while unit < len(raw) // 2:
        start, argument = unit, 0
        while raw[2 * unit] == OP["EXTENDED_ARG"]:
            argument = (argument | raw[2 * unit + 1]) << 8
            unit += 1
        number, argument = raw[2 * unit], argument | raw[2 * unit + 1]
        end = unit + 1 + caches(number)
        found[start] = Step(start, end, number, argument, _target(number, argument, end))
        unit = end
    return found


def caches(number: int) -> int:
    counts = opcode._inline_cache_entries
    return counts.get(opcode.opname[number], 0) if isinstance(counts, dict) else counts[number]


def _target(number: int, argument: int, end: int) -> int | None:
    if number not in JUMPS:
        return None
    if opcode.opname[number] == "FOR_ITER" and sys.version_info >= (3, 12):
        # It skips END_FOR, and POP_TOP behind that.
        return end + argument + (1 if sys.version_info < (3, 13) else 2)
    return end - argument if "BACKWARD" in opcode.opname[number] else end + argument


def handlers(code: CodeType) -> list[Any]:
    return dis._parse_exception_table(code)


def stack_depths(code: CodeType, raising: int | None = None) -> dict[int, int]:
    """Returns the depth of the stack at each instruction that can be reached; it must be the same on all ways there.

    The instruction at the unit `raising` always raises.
    """
    all_steps, table = steps(code), handlers(code)
    depths: dict[int, int] = {}
    ways = [(0, 0)]
    while ways:
        unit, depth = ways.pop()
        assert depth >= 0, f"the stack is below its bottom at unit {unit}"
        if unit in depths:
            assert depths[unit] == depth, f"depths {depths[unit]} and {depth} at unit {unit}"
            continue
        step, depths[unit] = all_steps[unit], depth
        assert step.opcode != OP["RETURN_VALUE"] or depth == 1, f"{depth} values at a return"
        if step.opcode not in NO_FALL and unit != raising:
            ways.append((step.end, depth + effect(step, False)))
        if step.target is not None:
            ways.append((step.target, depth + effect(step, True)))
        for entry in table:
            if entry.start <= 2 * unit < entry.end:
                assert entry.depth <= depth
                ways.append((entry.target // 2, entry.depth + entry.lasti + 1))
    return depths


def effect(step: Step, jump: bool) -> int:
    name = opcode.opname[step.opcode]
    if name == "FOR_ITER":
        return -1 if jump else 1
    if "PRECALL" in OP and name in ("PRECALL", "CALL"):  # dis counts the arguments at the former
        return 0 if name == "PRECALL" else -1 - step.argument
    argument = step.argument if step.opcode >= opcode.HAVE_ARGUMENT else None
    return dis.stack_effect(step.opcode, argument, jump=jump)


def stopping(function: FunctionType, units: set[int]) -> FunctionType:
    """Returns a copy of a function that returns its `State` when it comes to one of the instructions."""
    code, depths = function.__code__, stack_depths(function.__code__)
    raw, constants = bytearray(code.co_code), [*code.co_consts, _spill]
    for unit in units & depths.keys():
        distance = len(raw) // 2 - unit - 1
        assert distance < 256, "the function is too long"
        raw[2 * unit : 2 * unit + 2] = bytes((OP["JUMP_FORWARD"], distance))
        constants += [unit, depths[unit]]
        raw += _spilling(code, depths[unit], len(constants))
    added = (len(raw) - len(code.co_code)) // 2
    made = code.replace(
        co_code=bytes(raw),
        co_consts=tuple(constants),
        co_linetable=code.co_linetable + bytes((0x80 | 15 << 3,)) * added,
        co_stacksize=code.co_stacksize + len(code.co_cellvars) + 5,
    )
    copy = FunctionType(made, function.__globals__, function.__name__, function.__defaults__, function.__closure__)
    copy.__kwdefaults__ = function.__kwdefaults__
    return copy


def handle(error: BaseException | None) -> None:
    """Makes an exception the one that is being handled by the caller: a function that has stopped in a handler leaves it."""


handle.__code__ = handle.__code__.replace(
    co_code=b"".join(
        map(
            bytes,
            [
                (OP["RESUME"], 0),
                (OP["LOAD_FAST"], 0),
                (OP["POP_EXCEPT"], 0),
                (OP["LOAD_CONST"], 0),
                (OP["RETURN_VALUE"], 0),
            ],
        )
    ),
    co_consts=(None,),
    co_linetable=bytes((0x80 | 15 << 3 | 4,)),
)


def slots_of(step: Step) -> tuple[int, ...]:
    """Returns the slots of locals, cells and free variables that an instruction names."""
    if step.opcode not in (*opcode.haslocal, *opcode.hasfree):
        return ()
    if opcode.opname[step.opcode].count("_FAST") == 2:
        return step.argument >> 4, step.argument & 15
    return (step.argument,)


def behind_keyword_names(function: FunctionType) -> dict[int, int]:
    """Returns the units of the instructions between a KW_NAMES and its call, each with the KW_NAMES: none can stop there.

    The names stand in no place of the frame, and would be those of the call of `_spill`.
    """
    found, last = {}, None
    for unit, step in steps(function.__code__).items():
        if step.opcode == OP.get("KW_NAMES"):
            last = unit
        elif last is not None:
            found[unit] = last
            last = None if step.opcode == OP["CALL"] else last
    return found


def straight_ends(function: FunctionType, unit: int) -> list[int]:
    """Returns the ends of the ranges of instructions from `unit` on that nothing jumps into or out of."""
    code = function.__code__
    all_steps = steps(code)
    entered = {step.target for step in all_steps.values()} | {entry.target // 2 for entry in handlers(code)}
    keywords, ends = behind_keyword_names(function), []
    while all_steps[unit].target is None and all_steps[unit].opcode not in NO_FALL:
        unit = all_steps[unit].end
        if unit not in keywords:
            ends.append(unit)
        if unit in entered:
            break
    return ends


def stored(function: FunctionType, start: int, end: int) -> set[int]:
    """Returns the slots of locals that the instructions of a range store or delete."""
    found = set()
    for step in steps(function.__code__).values():
        name = opcode.opname[step.opcode]
        if start <= step.unit < end and "_FAST" in name and (name.startswith(("STORE", "DELETE")) or "CLEAR" in name):
            found.update(slots_of(step))
    return found


def _spilling(code: CodeType, depth: int, constants: int) -> bytes:
    slots = slot_names(code)
    made = [(OP["STORE_FAST"], slots.index(SPARE[number])) for number in reversed(range(depth))]
    spill = (OP["LOAD_CONST"], len(code.co_consts))
    made += [spill, (OP["PUSH_NULL"], 0)] if sys.version_info >= (3, 13) else [(OP["PUSH_NULL"], 0), spill]
    made += [(OP["LOAD_CONST"], constants - 2), (OP["LOAD_CONST"], constants - 1)]
    made += [
        (OP.get("LOAD_CLOSURE", 0) if sys.version_info < (3, 13) else OP["LOAD_FAST"], slots.index(name))
        for name in code.co_cellvars
    ]
    count = 2 + len(code.co_cellvars)
    for name in ("PRECALL", "CALL"):
        if name in OP:
            made += [(OP[name], count), *[(0, 0)] * caches(OP[name])]
    return b"".join(map(bytes, [*made, (OP["RETURN_VALUE"], 0)]))


def slot_names(code: CodeType) -> tuple[str, ...]:
    return (*code.co_varnames, *(name for name in code.co_cellvars if name not in code.co_varnames))


def _spill(unit: int, depth: int, *cells: CellType) -> State:
    frame = sys._getframe(1)
    code, variables = frame.f_code, dict(frame.f_locals)
    made = dict(zip(code.co_cellvars, cells, strict=True))
    bound = {
        slot: made.get(name, variables.get(name))
        for slot, name in enumerate(slot_names(code))
        if name in made or (name in variables and name not in SPARE)
    }
    stack = tuple((variables[name],) if name in variables else None for name in SPARE[:depth])
    frame.f_locals.clear() if sys.version_info < (3, 13) else None
    return State(2 * unit, bound, stack, code.co_varnames.index(SPARE[0]))


def first_state(function: FunctionType, *arguments: Any, **named: Any) -> State:
    """Returns the state behind RESUME."""
    unit = function.__code__.co_code[::2].index(OP["RESUME"]) + 1
    return stopping(function, {unit})(*arguments, **named)
