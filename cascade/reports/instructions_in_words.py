"""What CPython's instructions do, in the user's words: the text of their source, a verb, and the code that docs/lowering.md explains."""

from __future__ import annotations

import linecache
from collections.abc import Iterable, Sequence
from types import FunctionType
from typing import TYPE_CHECKING, NamedTuple

from cascade.instructions.causes import HANDLES, RAISES

if TYPE_CHECKING:
    from cascade.kernels.blocks.decode import Instruction

WIDTH = 70
"""Characters of an expression that are shown."""


class Words(NamedTuple):
    """The reason code of an instruction without a typed form, and what happens to its expression."""

    code: str
    verb: str


CALLED = Words("CS138", "is called")
EXECUTED = Words("CS110", "is executed")
ENTERED = Words("CS110", "is entered")
LEFT = Words("CS110", "is left")
ASSIGNED = Words("CS113", "is assigned")
WORDS: dict[str, Words] = {
    **dict.fromkeys(("CALL", "CALL_KW", "CALL_FUNCTION_EX"), CALLED),
    **dict.fromkeys(("GET_ITER", "FOR_ITER"), Words("CS114", "is iterated over")),
    **dict.fromkeys(("UNPACK_SEQUENCE", "UNPACK_EX"), Words("CS112", "is unpacked")),
    **dict.fromkeys(("STORE_ATTR", "STORE_SUBSCR", "STORE_SLICE", "STORE_GLOBAL"), ASSIGNED),
    **dict.fromkeys(("DELETE_ATTR", "DELETE_SUBSCR", "DELETE_GLOBAL"), Words("CS113", "is deleted")),
    **dict.fromkeys(("MAKE_FUNCTION", "LOAD_BUILD_CLASS", "SET_FUNCTION_ATTRIBUTE"), Words("CS102", "is made")),
    **dict.fromkeys(("COMPARE_OP", "CONTAINS_OP", "IS_OP"), Words("CS135", "is compared")),
    **dict.fromkeys(("UNARY_NOT", "TO_BOOL"), Words("CS137", "is tested for its truth")),
    **dict.fromkeys(
        ("BINARY_OP", "UNARY_NEGATIVE", "UNARY_POSITIVE", "UNARY_INVERT"), Words("CS134", "is computed")
    ),
    **dict.fromkeys(("LOAD_ATTR", "LOAD_METHOD"), Words("CS130", "is looked up")),
    **dict.fromkeys(("BINARY_SUBSCR", "BINARY_SLICE"), Words("CS130", "is taken out")),
    **dict.fromkeys(
        (
            "BUILD_TUPLE", "BUILD_LIST", "BUILD_SET", "BUILD_MAP", "BUILD_STRING", "BUILD_SLICE", "BUILD_CONST_KEY_MAP", "LIST_EXTEND",
            "LIST_TO_TUPLE", "SET_UPDATE", "DICT_UPDATE", "FORMAT_VALUE", "FORMAT_SIMPLE", "FORMAT_WITH_SPEC", "CONVERT_VALUE",
        ),
        Words("CS130", "is made"),
    ),
    "LOAD_GLOBAL": Words("CS133", "is looked up"),
    "BEFORE_WITH": ENTERED,
    "IMPORT_NAME": Words("CS110", "is imported"),
    "IMPORT_FROM": Words("CS110", "is imported"),
}  # fmt: skip
"""By the name of the instruction; `EXECUTED` for others."""

LEAVES = {"RAISE_VARARGS": RAISES, "RERAISE": HANDLES, "PUSH_EXC_INFO": HANDLES}
"""Why CPython continues at instructions that typed code never executes."""

PREPARES = frozenset((
    "CACHE", "NOP", "RESUME", "PRECALL", "KW_NAMES", "PUSH_NULL", "COPY", "SWAP", "POP_TOP", "LOAD_CONST", "LOAD_FAST", "LOAD_FAST_CHECK",
    "LOAD_FAST_LOAD_FAST", "LOAD_DEREF",
))  # fmt: skip
"""Instructions that only prepare others."""


class Expression(NamedTuple):
    """A part of a function's source.

    Attributes:
        line: its first line.
        source: its text; empty where the source is not there.
        words: what CPython does with it.
    """

    line: int
    source: str
    words: Words


class FunctionText:
    """The source of a function's instructions.

    Args:
        function: the user's.
        instructions: all of its instructions.
    """

    def __init__(self, function: FunctionType, instructions: Iterable[Instruction]) -> None:
        self._code = function.__code__
        self._globals = function.__globals__
        self._positions = list(self._code.co_positions())
        self._with = {self._positions[each.last // 2] for each in instructions if each.name == "BEFORE_WITH"}

    def expression(self, instructions: Sequence[Instruction]) -> Expression:
        """Returns what neighbouring instructions execute; the first one that does more than to prepare others has the code."""
        doing = [each for each in instructions if each.name not in PREPARES] or list(instructions)
        first = WORDS.get(doing[0].name, EXECUTED)
        last = WORDS.get(doing[-1].name, EXECUTED)
        positions = [self._positions[each.last // 2] for each in doing]
        line, source = self._source(positions)
        if positions[-1] in self._with:  # that of the statement, up to CPython 3.12, or of its expression
            whole = self.line(line)
            words = ENTERED if last is ENTERED else LEFT
            return Expression(line, shortened(whole if whole.startswith("with ") else source), words)
        whole_statement = last is ASSIGNED and len(doing) > 1
        return Expression(line, shortened(source), Words(first.code, EXECUTED.verb if whole_statement else last.verb))

    def line(self, number: int) -> str:
        """Returns the text of a line; empty where the source is not there."""
        return self._raw(number).strip()

    def _raw(self, number: int) -> str:
        return linecache.getline(self._code.co_filename, number, self._globals)

    def _source(self, positions: Sequence[tuple[int | None, int | None, int | None, int | None]]) -> tuple[int, str]:
        known = [each for each in positions if each[0] is not None]
        if not known:
            return self._code.co_firstlineno, ""
        line = min(each[0] or 0 for each in known)
        if any(None in each for each in known):
            return line, self.line(line)  # CPython was told to keep no columns
        begin = min((each[0] or 0, each[2] or 0) for each in known)
        end = max((each[1] or 0, each[3] or 0) for each in known)
        return line, self._between(begin, end)

    def _between(self, begin: tuple[int, int], end: tuple[int, int]) -> str:
        lines = [self._raw(number).encode() for number in range(begin[0], end[0] + 1)]  # columns count bytes
        lines[-1] = lines[-1][: end[1]]
        lines[0] = lines[0][begin[1] :]
        return b"\n".join(lines).decode(errors="replace")


def shortened(text: str) -> str:
    """Returns a text in one line of limited length."""
    text = " ".join(text.split())
    return text if len(text) <= WIDTH else f"{text[: WIDTH - 4]} ..."
