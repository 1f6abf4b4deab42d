"""Statements -> instructions, one program point after the other.

**Versions.** A program point is translated once for each combination of types that the variables have there
(basic block versioning; Chevalier-Boisvert and Feeley, ECOOP 2015). In

    best = None                       # best: None
    for i in range(n):                # best: None the first time, then int
        if best is None or ...:       # settled while translating where best is None
            best = i

there is a `for` for each. So variables may change their type, and "has no value" is a type among others. At its end, a
version continues with the version of the next program point that fits: one that is there already by a jump.

A loop's test stands at its end as well: instead of a jump back to the test, the test is made again and jumps back to
the body. A few simple statements before such a test are repeated rather than jumped to.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Sequence
from types import FunctionType
from typing import Any, NamedTuple

from cascade.kernels.assemble import Item, Label, Space
from cascade.kernels.builder import CodeBuilder
from cascade.kernels.calls import Calls
from cascade.kernels.diagnostics import Refusal
from cascade.kernels.expressions import SideExit, Value
from cascade.kernels.identity import IdentityRefusal, check_identities
from cascade.kernels.model import INT, NONE, Exit
from cascade.kernels.parts import HelperPart
from cascade.kernels.program_points import END, LOOPS, Point, ProgramPoints
from cascade.kernels.source import FunctionSource

VERSION_LIMIT = 6  # of one program point, before its variables are said to change type too often
REPEATED = 3  # simple statements before the end of a loop that are repeated rather than jumped to
RANGE = range  # what it is now: builtins may be replaced
SIMPLE = (ast.Assign, ast.AugAssign, ast.AnnAssign, ast.Pass)


class Version(NamedTuple):
    """A program point, and the types that variables have there; both hash by value."""

    point: Point
    types: tuple[tuple[str, str], ...]


class StatementTranslator(Calls):
    """Translates the statements of one function.

    Each `do_` method translates a statement, with `bound` as it is there, and returns the program point that follows; None
    where nothing does.
    """

    def __init__(self, builder: CodeBuilder, source: FunctionSource, space: Space, body: int) -> None:
        super().__init__(source, builder.assembler, builder.names, space)
        self.builder = builder
        self.body_number = body
        self.labels: dict[Version, Label] = {}
        self.pending: list[Version] = []
        self.versions: dict[Point, list[Version]] = {}
        self.ranges: dict[int, int] = {}
        self.points = ProgramPoints(source)
        self.numbers = self.points.numbers
        loops = [number for number, statement in enumerate(source.statements) if isinstance(statement, LOOPS)]
        self.first_loop, self.last_loop = (loops[0], loops[-1]) if loops else (-1, -1)

    def helper(self, function: FunctionType, types: tuple[str, ...], node: ast.expr) -> HelperPart:
        return self.builder.helper(function, types)

    def check_identities(self, types: tuple[str, ...]) -> None:
        names = self.source.code.co_varnames[: len(types)]
        check_identities(self.source, dict(zip(names, types, strict=True)), self.meaning)

    # -- ProgramPoints ---------------------------------------------------------------------------------------------------------

    def label(self, point: Point, bound: dict[str, str]) -> Label:
        """Returns the label of a program point for some types of the variables; a new one is translated if something jumps there."""
        version = Version(point, tuple(sorted(bound.items())))
        label = self.labels.get(version)
        if label is None:
            label = self.labels[version] = Label()
        if not label.placed:
            self.pending.append(version)
        return label

    def run(self, entry: dict[str, str]) -> None:
        """Translates everything that is reached from the first statement."""
        self.follow(Version(Point(0), tuple(sorted(entry.items()))))
        while self.pending:
            version = self.pending.pop()
            label = self.labels[version]
            if label.uses and not label.placed:
                self.follow(version)

    def follow(self, version: Version) -> None:
        """Translates a version, and the program points after it, to a jump or an end."""
        point: Point | None = version.point
        bound = dict(version.types)
        arriving = True
        while point is not None:
            if not arriving and (point.again or isinstance(self.points.node(point), ast.While)):
                pass  # the end of a loop's body: the test is made here
            else:
                label = self.label(point, bound)
                if not label.placed:
                    self.check_versions(Version(point, tuple(sorted(bound.items()))))
                    self.put(label)
                    self.bound = bound
                    self.note_entry(point, label)
                elif not self.worth_repeating(point):
                    self.emit_jump("JUMP", label)
                    return
            arriving = False
            self.bound = bound
            if point == END:
                self.exit = self.builder.exit(Exit(max(self.body_number, 0), END.statement, False, (), ()))
                self.end()
                return
            point = self.statement(point)
            bound = self.bound

    def note_entry(self, point: Point, label: Label) -> None:
        """Notes a label where a loop's iteration may begin."""

    def worth_repeating(self, point: Point) -> bool:
        """Whether only a few simple statements stand between a program point and the end of a loop."""
        for _ in range(REPEATED):
            node = self.points.node(point)
            if not isinstance(node, SIMPLE):
                return False
            point = self.points.after(point.statement)
            if point.again or isinstance(self.points.node(point), ast.While):
                return self.loop_around_point(point)
        return False

    def loop_around_point(self, point: Point) -> bool:
        # The end of a loop's body, not the start of a loop that follows.
        body = self.points.node(point)
        return point.again or any(
            version.point == self.points.start_of(body.body) and label.placed  # type: ignore[union-attr]
            for version, label in self.labels.items()
        )

    def check_versions(self, version: Version) -> None:
        known = self.versions.setdefault(version.point, [])
        known.append(version)
        if len(known) <= VERSION_LIMIT:
            return
        node = self.points.node(version.point) or self.source.tree
        types: dict[str, list[str]] = {}
        for other in known:
            for name, kind in other.types:
                if kind not in types.setdefault(name, []):
                    types[name].append(kind)
        name = max(types, key=lambda name: len(types[name]))
        kinds = " or ".join(types[name])
        raise self.refuse("CS120", node, f"the types of the variables change too often: {name!r} is {kinds} here")

    # -- Statements -----------------------------------------------------------------------------------------------------

    def statement(self, point: Point) -> Point | None:
        node = self.source.statements[point.statement]
        self.line = (self.source, node.lineno)
        self.exit = self.exit_at(point)
        items = len(self.assembler.items)
        try:
            if point.again:
                assert isinstance(node, ast.For)
                return self.next_of(node, point.statement)
            method: Callable[[Any], Point | None] | None = getattr(self, f"do_{type(node).__name__}", None)
            if method is None:
                raise self.refuse("CS110", node, f"statements of this kind ({type(node).__name__}) are not lowered")
            return method(node)
        except SideExit:
            self.exit_here(items)
        except Refusal as refusal:
            del self.assembler.items[items:]
            self.emit("EXIT")
            if isinstance(refusal, IdentityRefusal) or not self.after_loops(point.statement):
                return self.refused(node, point, refusal)
        return None

    def exit_here(self, first: int) -> None:
        """Makes a side exit; also at the labels that the instructions from the first one on jump to, and that are now not placed."""
        pending = {*self.labels.values(), *(part.label for part in self.builder.bodies.values())}
        for item in self.assembler.items[first:]:
            if isinstance(item, Item) and item.name != "CALL":
                label = item.operands.get("f")
                if isinstance(label, Label) and not label.placed and label not in pending:
                    self.put(label)
        self.emit("EXIT")

    def refused(self, node: ast.stmt, point: Point, refusal: Refusal) -> Point | None:
        """Notes the diagnostics, and continues to find more of them."""
        new = [each for each in refusal.diagnostics if each not in self.builder.diagnostics]
        self.builder.diagnostics += new
        if not new:
            return None
        assigned = {name.id for name in ast.walk(node) if isinstance(name, ast.Name) and isinstance(name.ctx, ast.Store)}
        self.bound = {name: kind for name, kind in self.bound.items() if name not in assigned}
        following = self.points.after(point.statement)
        if not isinstance(node, (ast.If, *LOOPS)):
            return following
        self.label(following, self.bound).uses += 1
        return self.points.start_of(node.body)

    def after_loops(self, number: int) -> bool:
        """Whether all loops come before a statement: then CPython can run the rest."""
        return 0 <= self.last_loop < number and not self.points.loops_around(number)

    def exit_at(self, point: Point) -> int:
        """Returns the number of the side exit at a program point."""
        names = tuple((name, -1 if kind == NONE else self.variable(name, kind), kind) for name, kind in self.bound.items())
        loops = self.points.loops_around(point.statement)
        if point.again:
            loops = [*loops, point.statement]
        ranges = tuple(self.range_of(loop) for loop in loops if isinstance(self.source.statements[loop], ast.For))
        return self.builder.exit(Exit(self.body_number, point.statement, point.again, names, ranges))

    def number_of(self, node: ast.stmt) -> int:
        return self.numbers[id(node)]

    def do_Pass(self, node: ast.Pass) -> Point:
        return self.points.after(self.number_of(node))

    def do_Expr(self, node: ast.Expr) -> Point:
        if not isinstance(node.value, ast.Constant):
            raise self.refuse("CS111", node, "a call for its effect is not lowered")
        return self.points.after(self.number_of(node))

    def do_Assign(self, node: ast.Assign) -> Point:
        if len(node.targets) == 1 and isinstance(node.targets[0], ast.Tuple):
            targets = node.targets[0].elts
            values = self.several(node.value, len(targets), node)
        else:
            targets = node.targets
            values = [self.value(node.value)] * len(targets)
        self.store([(self.target(item), value) for item, value in zip(targets, values, strict=True)])
        return self.points.after(self.number_of(node))

    def several(self, node: ast.expr, count: int, statement: ast.stmt) -> list[Value]:
        """Returns the values that a tuple on the left gets."""
        if isinstance(node, (ast.Tuple, ast.List)) and len(node.elts) == count:
            return [self.value(item) for item in node.elts]
        values = self.two_values(node) if count == 2 and isinstance(node, ast.Call) else None
        if values is not None:
            return values
        raise self.refuse("CS112", statement, "the right side has to show as many values as there are variables")

    def target(self, node: ast.expr) -> str:
        if not isinstance(node, ast.Name) or node.id not in self.source.locals:
            raise self.refuse("CS113", node, "only local variables can be assigned")
        return node.id

    def store(self, pairs: Sequence[tuple[str, Value]]) -> None:
        """Assigns variables, all at once."""
        bound = dict(self.bound)
        moves = []
        for name, value in pairs:
            bound[name] = value.type
            if value.type != NONE:
                moves.append((self.variable(name, value.type), self.register(value)))
        self.move_all(moves)
        self.bound = bound

    def move_all(self, moves: Sequence[tuple[int, int]]) -> None:
        """Emits moves that happen at once, one after the other."""
        waiting = dict(moves)  # of several to one register, the last one counts
        waiting = {to: source for to, source in waiting.items() if to != source}
        while waiting:
            sources = set(waiting.values())
            to = next((to for to in reversed(waiting) if to not in sources), None)
            if to is not None:
                self.emit("MOVE", a=to, b=waiting.pop(to))
                continue
            to, source = next(iter(waiting.items()))
            if waiting[source] == to:
                self.emit("MOVE2", a=to, b=source, c=source, d=to)
                del waiting[to], waiting[source]
                continue
            spare = self.assembler.temporary()
            self.emit("MOVE", a=spare, b=to)
            waiting = {one: spare if other == to else other for one, other in waiting.items()}

    def do_AnnAssign(self, node: ast.AnnAssign) -> Point:
        if node.value is not None:
            self.store([(self.target(node.target), self.value(node.value))])
        elif not isinstance(node.target, ast.Name):
            raise self.refuse("CS113", node.target, "only local variables can be annotated")
        return self.points.after(self.number_of(node))

    def do_AugAssign(self, node: ast.AugAssign) -> Point:
        name = self.target(node.target)
        left = ast.copy_location(ast.Name(name, ast.Load()), node.target)
        self.store([(name, self.value(ast.copy_location(ast.BinOp(left, node.op, node.value), node)))])
        return self.points.after(self.number_of(node))

    def do_If(self, node: ast.If) -> Point | None:
        other = self.points.start_of(node.orelse) if node.orelse else self.points.after(self.number_of(node))
        return self.points.start_of(node.body) if self.jump(node.test, self.label(other, self.bound), False) else None

    def do_While(self, node: ast.While) -> Point | None:
        number = self.number_of(node)
        body = self.label(self.points.start_of(node.body), self.bound)
        if body.placed:
            return self.points.out_of(number) if self.jump(node.test, body, True) else None
        out = self.label(self.points.out_of(number), self.bound)
        return self.points.start_of(node.body) if self.jump(node.test, out, False) else None

    def do_For(self, node: ast.For) -> Point | None:
        call = node.iter
        if not (isinstance(call, ast.Call) and self.meaning(call.func) is RANGE and not call.keywords and 0 < len(call.args) < 4):
            raise self.refuse("CS114", node.iter, "only `for ... in range(...)` is lowered")
        self.target(node.target)
        number = self.number_of(node)
        values = [self.integer(argument) for argument in call.args]
        if len(values) == 1:
            values.insert(0, Value(INT, known=0))
        if len(values) == 2:
            values.append(Value(INT, known=1))
        state_at = self.range_of(number)
        for offset, value in enumerate(values):
            self.emit("MOVE", a=state_at + offset, b=self.register(value))
        self.emit("RANGE", a=state_at)
        return self.next_of(node, number, first=True)

    def range_of(self, number: int) -> int:
        """Returns the first of the three registers, side by side, that a `for` has for its range."""
        if number not in self.ranges:
            state = [self.assembler.name() for _ in range(3)]
            self.space.variables.extend(state)
            self.ranges[number] = state[0]
        return self.ranges[number]

    def next_of(self, node: ast.For, number: int, *, first: bool = False) -> Point:
        """Emits the next of a range, at the start of the loop or at the end of its body."""
        name = self.target(node.target)
        operands = {"a": self.variable(name, INT), "b": self.range_of(number)}
        inside = {**self.bound, name: INT}
        body = self.label(self.points.start_of(node.body), inside)
        if body.placed and not first:
            self.emit("NEXT_BACK", **operands, f=body)
            return self.points.out_of(number)
        out = self.label(self.points.out_of(number), self.bound)
        self.emit("NEXT_OR_BACK" if out.placed else "NEXT", **operands, f=out)
        self.bound = inside
        return self.points.start_of(node.body)

    def do_Break(self, node: ast.Break) -> Point:
        return self.points.after(self.points.loops_around(self.number_of(node))[-1])

    def do_Continue(self, node: ast.Continue) -> Point:
        loop = self.points.loops_around(self.number_of(node))[-1]
        return Point(loop, isinstance(self.source.statements[loop], ast.For))

    def do_Assert(self, node: ast.Assert) -> Point | None:
        if not __debug__:
            return self.points.after(self.number_of(node))
        holds = Label()
        if self.jump(node.test, holds, True):
            self.emit("EXIT")
        if not holds.uses:
            return None
        self.put(holds)
        return self.points.after(self.number_of(node))

    def do_Raise(self, node: ast.Raise) -> None:
        raise SideExit

    def do_Return(self, node: ast.Return) -> None:
        self.return_expression(node.value)

    def return_expression(self, node: ast.expr | None) -> None:
        """Translates `return node`."""
        if isinstance(node, ast.IfExp):
            other = Label()
            if self.jump(node.test, other, False):
                self.return_expression(node.body)
            if other.uses:
                self.put(other)
                self.return_expression(node.orelse)
            return
        self.or_exit(self.return_value, node)

    def or_exit(self, translate: Callable[..., None], *arguments: object) -> None:
        """Translates an expression that is returned; where it has no typed form, CPython returns it."""
        items = len(self.assembler.items)
        try:
            translate(*arguments)
        except IdentityRefusal:
            raise
        except (SideExit, Refusal):
            del self.assembler.items[items:]
            self.emit("EXIT")

    def return_value(self, node: ast.expr | None) -> None:
        raise NotImplementedError

    def end(self) -> None:
        """Translates the function's end."""
        raise NotImplementedError
