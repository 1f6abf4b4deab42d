"""Writes expressions and statements: draws rows of the tables and fills in their holes."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from random import Random
from re import Match

from tests.support.object_programs.blocks import EXCEPTIONS
from tests.support.object_programs.dialects import COMPOUND, PLAIN, Dialect
from tests.support.object_programs.expressions import NPTYPES
from tests.support.object_programs.grammar import HOLE, NoVariable, Row, Table
from tests.support.object_programs.library import HELPERS
from tests.support.object_programs.values import HOSTILE, LITERALS

NAMES = [
    "i",
    "j",
    "k",
    "x",
    "y",
    "v",
    "w",
    "total",
    "best",
    "cell",
    "row",
    "item",
    "part",
    "seen",
    "found",
    "last",
    "n2",
    "z",
]
GROWING = {"multiplication", "power"}
LENGTHENING = {"append", "list-methods", "deque-methods", "buffer-resize", "set-methods"}
SCALARS = ("int", "count", "float", "bool", "str")
ABSTRACT = {
    "sequence": "[1, 2]",
    "iterable": "range(3)",
    "index": "0",
    "item": "None",
    "slice": ":",
    "key": "Key(1)",
    "num": "1",
    "operation": "None",
}
"""Kinds that no variable is of, and what stands for them where nothing else can."""
SAME = {
    "int": ("int", "count", "step"),
    "count": ("count", "step"),
    "num": ("int", "count", "step", "float"),
    "ints": ("ints", "heap"),
    "item": SCALARS,
}
"""Kinds whose variables are of other kinds, too; a `step` counts the rounds of a loop, and is changed by it alone."""
ADDRESSED = ("func", "random", "buffer", "any")
"""Kinds whose values have addresses in their texts."""
COUNTING = ("count", "step")


class Writer:
    """Writes the body of one function after the other."""

    def __init__(self, pick: Random, dialect: Dialect = PLAIN) -> None:
        self.pick = pick
        self.dialect = dialect
        self.lines: list[str] = []
        self.features: set[str] = set()
        self.classes: list[str] = []
        self.helpers: list[str] = list(pick.sample(HELPERS, 2))
        self.excluded = {
            feature
            for feature in ("tracing", "patches-module", "class-change", "warns", "frames", "changes-type")
            if pick.random() < 0.7
        }
        self.careful = pick.random() < 0.7
        self.numpy = pick.random() < 0.3
        self.begin({})

    def begin(self, scope: dict[str, str], in_loop: bool = False) -> None:
        """Starts a function with these variables."""
        self.scope = dict(scope)
        self.iterated: list[str] = []  # what the loops around iterate
        self.pending: dict[str, str] = {}
        self.indent, self.loops, self.room = 1, 0, 0
        self.grows_in_loop = in_loop
        self.inner = False  # inside a comprehension or lambda, where no name may be bound

    def chance(self) -> float:
        return self.pick.random()

    def line(self, text: str) -> None:
        self.lines.append("    " * self.indent + text)

    # -- Expressions --------------------------------------------------------------------------------------------------

    def names(self, kind: str) -> list[str]:
        """The variables that an expression of a kind may be."""
        if kind == "any":
            return list(self.scope)
        if kind == "printable":
            return [name for name, found in self.scope.items() if found not in ADDRESSED]
        kinds = SAME.get(kind, (kind,))
        return [name for name, found in self.scope.items() if found in kinds]

    def name(self, kind: str) -> str:
        found = [name for name in self.names(kind) if kind == "count" or self.scope[name] != "step"]
        if not found:
            raise NoVariable(kind)
        return self.pick.choice(found)

    def leaf(self, kind: str) -> str:
        found = self.names(kind)
        if found and self.chance() < 0.85:
            return self.pick.choice(found)
        if kind in ("obj", "objs"):
            return (
                f"{self.class_name()}({self.pick.choice([1, 2, 5])})"
                if kind == "obj"
                else f"[{self.class_name()}(1), {self.class_name()}(4)]"
            )
        if kind not in LITERALS:
            return ABSTRACT.get(kind, "None")
        hostile = self.chance() < 0.02 and kind in HOSTILE
        text = self.pick.choice((HOSTILE if hostile else LITERALS)[kind])
        if "np." in text and not self.numpy:
            raise NoVariable(kind)
        return text

    def class_name(self) -> str:
        return self.pick.choice(self.classes or ["Tracked"])

    def write(self, kind: str, depth: int) -> str:
        """An expression of a kind, with at most so many levels."""
        if kind in ("array", "matrix") and not self.numpy:
            raise NoVariable(kind)
        if kind not in ABSTRACT:
            if depth <= 0 or self.chance() < 0.3:
                return self.leaf(kind)
            depth -= 1
        for _ in range(8):
            row = self.dialect.expressions[kind].draw(self.pick)
            if self.usable(row) and (depth > -3 or not row.bound):
                with contextlib.suppress(NoVariable, RecursionError):
                    return self.expression(row, depth if depth > -3 else 0, kind)
        return self.leaf(kind) if kind not in ABSTRACT else ABSTRACT[kind]

    def usable(self, row: Row) -> bool:
        if row.risky and self.careful and self.chance() < 0.93:
            return False
        return row.feature not in self.excluded and all(self.names(kind) for kind in row.needs)

    def expression(self, row: Row, depth: int, kind: str) -> str:
        bound = {letter: self.fresh() for letter, _ in row.bound}
        taken = {letter: self.name(of) for letter, of in row.taken}
        outside, was_inner = self.scope, self.inner
        self.scope = {**outside, **{bound[letter]: of for letter, of in row.bound}}
        self.inner = was_inner or bool(bound)
        try:
            text = self.fill(row.text, depth - (kind in ABSTRACT and bool(bound)), bound | taken, outside)
        finally:
            self.scope, self.inner = outside, was_inner
        self.features.add(row.feature)
        if kind == "int" and row.feature in GROWING and (self.loops or self.grows_in_loop):
            return f"({text}) % {self.pick.choice(['97', '1000003', '2**61', '10**20'])}"
        return text

    def fresh(self) -> str:
        return self.pick.choice([name for name in NAMES if name not in self.scope] or ["other"])

    def fill(self, text: str, depth: int, bound: dict[str, str], outside: dict[str, str] | None = None) -> str:
        """The text with its holes filled."""

        def hole(match: Match[str]) -> str:
            mark, kind, choice = match.groups()
            if choice is not None:
                return self.pick.choice(choice.split("|"))
            if kind in bound and not mark:
                return bound[kind]
            if mark == "!":
                return self.name(kind)
            if mark == "=":
                return self.target(kind)
            if mark == "^" and outside is not None:
                with self.seeing(outside):
                    return self.special(kind, depth)
            return self.special(kind, depth)

        return HOLE.sub(hole, text)

    @contextlib.contextmanager
    def seeing(self, scope: dict[str, str]) -> Iterator[None]:
        inside, self.scope = self.scope, scope
        try:
            yield
        finally:
            self.scope = inside

    def special(self, kind: str, depth: int) -> str:
        """An expression, or another text that a hole stands for."""
        if kind in self.dialect.fixed:
            return self.pick.choice(self.dialect.fixed[kind])
        method = getattr(self, f"write_{kind}", None)
        return method(depth) if method else self.write(kind, depth)

    def write_printable(self, depth: int) -> str:
        found = self.names("printable")
        return self.pick.choice(found) if found else self.write("item", depth)

    def write_cls(self, depth: int) -> str:
        return self.class_name()

    def write_helper(self, depth: int) -> str:
        return self.pick.choice(self.helpers)

    def write_nptype(self, depth: int) -> str:
        return self.pick.choice(NPTYPES)

    def write_exceptions(self, depth: int) -> str:
        return self.pick.choice(EXCEPTIONS)

    def write_bounded(self, depth: int) -> str:
        return self.write("int", depth)

    def write_short_str(self, depth: int) -> str:
        text = self.write("str", depth)
        return f"({text})[:{self.pick.choice([8, 20])}]" if self.loops else text

    def write_short_ints(self, depth: int) -> str:
        text = self.write("ints", depth)
        return f"({text})[:12]" if self.loops and not text.startswith("[") else text

    def write_break(self, depth: int) -> str:
        if not self.loops:
            raise NoVariable("loop")
        return "break"

    def write_continue(self, depth: int) -> str:
        if not self.loops:
            raise NoVariable("loop")
        return "continue"

    def target(self, kind: str) -> str:
        """A variable that gets a value of this kind: one of the kind, one of another kind, or a new one."""
        if self.inner:
            raise NoVariable("no name can be bound here")
        found = [name for name in self.names(kind) if self.scope[name] not in COUNTING]
        chance = self.chance()
        if found and chance < 0.6:
            name = self.pick.choice(found)
        elif chance < 0.66 and self.scope:
            name = self.pick.choice([name for name, of in self.scope.items() if of not in COUNTING] or [self.fresh()])
        else:
            name = self.fresh()
        self.pending[name] = kind
        return name

    # -- Statements ---------------------------------------------------------------------------------------------------

    def statement(self, table: Table | None = None) -> None:
        """Writes one statement, with those inside of it."""
        self.room -= 1
        while True:
            usual = self.dialect.statements if self.indent < 5 and self.room > 0 else self.dialect.simple
            row = (table or usual).draw(self.pick)
            if not self.usable(row) or (self.loops >= 2 and row in self.dialect.loops.rows):
                continue
            kept = len(self.lines), dict(self.scope), self.indent, self.loops, len(self.iterated)
            try:
                return self.expand(row)
            except NoVariable:
                del self.lines[kept[0] :]
                _, self.scope, self.indent, self.loops, iterated = kept
                del self.iterated[iterated:]
                self.pending = {}

    def expand(self, row: Row) -> None:
        bound = {letter: self.fresh() for letter, _ in row.bound}
        bound |= {letter: self.name(kind) for letter, kind in row.taken}
        before = dict(self.scope)
        for number, line in enumerate(row.text.split("\n")):
            bare = line.lstrip(" ")
            self.indent += (len(line) - len(bare)) // 4
            if bare in ("<block>", "<loop>"):
                self.block(bare == "<loop>")
            else:
                self.line(self.fill(bare, self.pick.choice([1, 1, 2, 2, 3]), bound))
                self.keep_bounded(row)
                self.scope |= self.pending
                self.pending = {}
            self.indent -= (len(line) - len(bare)) // 4
            if number == 0:
                self.iterated.append(self.lines[-1].partition(" in ")[2] if bare.startswith("for") else "")
                inner = row.feature.startswith("inner")  # a function must not call itself for ever
                self.scope |= {bound[letter]: kind for letter, kind in row.bound if not (inner and letter == "g")}
        self.iterated.pop()
        self.features.add(row.feature)
        self.leave(row, bound, before)

    def keep_bounded(self, row: Row) -> None:
        """A list that grows while it is iterated must not do so for ever."""
        name = self.lines[-1].strip().partition(".")[0]
        if row.feature in LENGTHENING and any(name in header for header in self.iterated):
            line = self.lines.pop()
            self.line(f"if len({name}) < {self.pick.choice([12, 30])}:")
            self.lines.append("    " + line)

    def leave(self, row: Row, bound: dict[str, str], before: dict[str, str]) -> None:
        """Forgets the names that may have no value after a statement, mostly."""
        if row.feature.startswith(COMPOUND) and "\n" in row.text:
            self.scope = {
                name: kind
                for name, kind in self.scope.items()
                if name in before or self.chance() < (0.02 if self.careful else 0.2)
            }
        if row.feature == "delete-name" and self.chance() < 0.8:
            deleted = self.lines[-1].split()[-1]
            self.scope.pop(deleted, None)
        for letter, kind in row.bound:
            name = bound[letter]
            if row.feature.startswith("inner") and letter == "g":
                self.scope[name] = kind
            elif name not in before and not (row.feature.startswith(("for", "while")) and self.chance() < 0.5):
                self.scope.pop(name, None)

    def block(self, loop: bool) -> None:
        self.loops += loop
        for _ in range(self.pick.choice([1, 1, 2, 2, 3] if loop else [1, 1, 1, 2])):
            self.statement()
            if self.lines[-1].strip().startswith(("return", "break", "continue", "raise")):
                break
        self.loops -= loop

    def body(self, room: int) -> None:
        """About so many statements."""
        self.room = room
        while self.room > 0:
            self.statement()
