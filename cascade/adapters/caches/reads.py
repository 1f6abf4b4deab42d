"""The globals that code reads, and the imports inside of functions."""

from __future__ import annotations

import dis
import types
from functools import lru_cache
from typing import NamedTuple, cast

GLOBAL_LOADS = frozenset({"LOAD_GLOBAL", "LOAD_NAME", "LOAD_FROM_DICT_OR_GLOBALS"})
ATTRIBUTE_LOADS = frozenset({"LOAD_ATTR", "LOAD_METHOD"})
OF_NO_MATTER = frozenset({"CACHE", "PUSH_NULL", "EXTENDED_ARG"})
SIMPLE_LOADS = frozenset({"LOAD_CONST", "LOAD_FAST", "LOAD_SMALL_INT"})

HIDDEN = frozenset(
    {
        "__builtins__", "__globals__", "__import__", "__loader__", "__subclasses__", "ag_frame", "cr_frame", "f_back",
        "f_builtins", "f_globals", "f_locals", "gi_frame", "tb_frame",
    }
)  # fmt: skip
"""Names by which code reaches objects that cannot be seen in it."""

HIDDEN_IN_SYS = frozenset({"modules", "_getframe", "_current_frames"})

ANNOTATIONS = frozenset({"__annotations__", "get_annotations", "get_type_hints", "getfullargspec", "signature"})
"""Names by which code reaches annotations of functions, which do not count otherwise."""


class Import(NamedTuple):
    """An import statement: `from ..module import names`, or `import module`, with names None."""

    level: int
    module: str
    names: tuple[str, ...] | None


class Reads(NamedTuple):
    """The globals and imports that one code object reads.

    Attributes:
        chains: the globals, each with the attributes that are read from it, in order.
        imports: the import statements.
        subjects: for each chain, the constant texts that it is subscripted with or called with first, as in `os.environ["NAME"]`;
            None if it is used in another way as well.
    """

    chains: tuple[tuple[str, ...], ...]
    imports: tuple[Import, ...]
    subjects: dict[tuple[str, ...], frozenset[str] | None]


@lru_cache(maxsize=4096)
def reads_of(code: types.CodeType) -> Reads:
    """Returns the globals and imports that a code object reads."""
    chains: dict[tuple[str, ...], None] = {}
    imports: dict[Import, None] = {}
    chain: list[str] = []
    constants: list[object] = [0, None]
    subjects: dict[tuple[str, ...], frozenset[str] | None] = {}
    instructions = [each for each in dis.get_instructions(code) if each.opname not in OF_NO_MATTER]
    for at, instruction in enumerate(instructions):
        name = instruction.opname
        if name in ATTRIBUTE_LOADS and chain:
            chain.append(instruction.argval)
        else:
            if chain:
                chains[tuple(chain)] = None
                text, known = _subject(instructions[at : at + 4]), subjects.get(tuple(chain), frozenset())
                subjects[tuple(chain)] = None if text is None or known is None else known | {text}
            chain = [instruction.argval] if name in GLOBAL_LOADS else []
            if name == "IMPORT_NAME":
                level, names = constants[-2:]
                imports[Import(cast("int", level), instruction.argval, cast("tuple[str, ...] | None", names))] = None
            elif name == "LOAD_CONST":
                constants.append(instruction.argval)
    return Reads(tuple(chains), tuple(imports), subjects)


def _subject(following: list[dis.Instruction]) -> str | None:
    """Returns the constant text with which the loaded value is subscripted, or called as the first argument."""
    text = following[0].argval
    if following[0].opname != "LOAD_CONST" or type(text) is not str or len(following) < 2:
        return None
    if following[1].opname == "BINARY_SUBSCR":
        return text
    rest = [each for each in following[1:] if each.opname != "PRECALL"]
    # After a second argument that is loaded by one instruction, or none.
    for count, call in enumerate(rest[:2], start=1):
        if call.opname == "CALL":
            return text if call.arg == count else None
        if call.opname not in SIMPLE_LOADS:
            return None
    return None


@lru_cache(maxsize=4096)
def names_in(code: types.CodeType) -> frozenset[str]:
    """Returns all names and texts in the code, and in that of the functions inside of it."""
    names = set(code.co_names)
    for constant in code.co_consts:
        if type(constant) is types.CodeType:
            names |= names_in(constant)
        elif type(constant) is str:
            names.add(constant)
    return frozenset(names)
