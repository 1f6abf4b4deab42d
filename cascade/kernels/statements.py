"""Statements -> instructions, one program point after the other.

A program point is translated once for each combination of types that the variables have there (see
`cascade.kernels.versions`). At its end, a version continues with the matching version of the next program point; by a
jump, if that is translated already.

Loops are inverted: instead of a jump back to the test, the test is repeated at the end of the body, and jumps back to
its start. A few simple statements before such a test are repeated as well.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Sequence
from typing import Protocol, TypeVarTuple

from cascade.kernels.assemble import Item, Label
from cascade.kernels.calls import two_values
from cascade.kernels.containers import call_before
from cascade.kernels.diagnostics import Refusal
from cascade.kernels.expressions import Expressions
from cascade.kernels.function_builder import FunctionBuilder
from cascade.kernels.identity import IdentityRefusal
from cascade.kernels.model import INT, NONE
from cascade.kernels.program_points import END, Point, ProgramPoints
from cascade.kernels.values import SideExit, Value
from cascade.kernels.versions import FIRST_RESULT, Version, Versions, named, version_of

RANGE = range  # users may replace it later
Ts = TypeVarTuple("Ts")


class FunctionKind(Protocol):
    """The differences between the functions in the code: a body, or a helper."""

    def exit_at(self, point: Point) -> int:
        """Returns the number of the side exit at a program point."""
        raise NotImplementedError

    def note_entry(self, point: Point, label: Label) -> None:
        """Notes a label where a loop's iteration may begin."""

    def refused(self, node: ast.stmt, point: Point, refusal: Refusal) -> Point | None:
        """Returns the program point with which translation continues after a statement that cannot be lowered."""

    def return_value(self, node: ast.expr | None) -> None:
        """Translates `return node`."""

    def end(self) -> None:
        """Translates the function's end."""


class Statements:
    """Translates the statements of one function.

    The method for a statement translates it, with `bound` as it is there, and returns the program point that follows;
    None where nothing does.
    """

    def __init__(
        self, function: FunctionBuilder, expressions: Expressions, points: ProgramPoints, kind: FunctionKind
    ) -> None:
        self.function = function
        self.expressions = expressions
        self.points = points
        self.kind = kind
        self.versions = Versions(points)

    # -- Program points -----------------------------------------------------------------------------------------------

    def run(self, entry: dict[str, str]) -> None:
        """Translates everything that is reached from the first statement."""
        self.follow(version_of(Point(0), entry))
        for version in self.versions.untranslated():
            self.follow(version)

    def follow(self, version: Version) -> None:
        """Translates a version, and the program points after it, to a jump or an end."""
        function = self.function
        point: Point | None = version.point
        function.bound = dict(version.types)
        arriving = True
        while point is not None:
            tested_here = not arriving and self.points.is_test(point)  # the end of a loop's body
            if not tested_here and not self.begin(point):
                return
            arriving = False
            if point == END:
                function.exit = self.kind.exit_at(END)
                self.kind.end()
                return
            point = self.statement(point)
            function.bound = named(function.bound)

    def begin(self, point: Point) -> bool:
        """Places the label of a program point; returns False where it is translated already, and is jumped to."""
        function = self.function
        bound = function.bound
        label = self.versions.label_inside(point, bound)
        if label.placed:
            if self.versions.worth_repeating(point):
                return True
            function.emit_jump("JUMP", label)
            return False
        if FIRST_RESULT in bound:  # inside of a statement
            function.put(label)
            return True
        self.versions.add(version_of(point, bound))
        function.put(label)
        self.kind.note_entry(point, label)
        return True

    def statement(self, point: Point) -> Point | None:
        function = self.function
        node = function.source.statements[point.statement]
        function.line = (function.source, node.lineno)
        function.exit = self.kind.exit_at(point)
        items = len(function.assembler.items)
        try:
            if point.again:
                assert isinstance(node, ast.For)
                return self.next_of(node, point.statement)
            call_before(self.expressions, self.versions, node, point)
            return self.translated(node, point.statement)
        except SideExit:
            self.exit_here(items)
        except Refusal as refusal:
            self.exit_instead(items)
            return self.kind.refused(node, point, refusal)
        return None

    def exit_here(self, first: int) -> None:
        """Makes a side exit, and places the labels that the instructions from the first one on jump to in vain."""
        code = self.function.code
        pending = {*self.versions.labels.values(), *(part.label for part in code.bodies.values())}
        for item in self.function.assembler.items[first:]:
            if type(item) is Item and item.name != "CALL":
                label = item.target
                if label is not None and not label.placed and label not in pending:
                    self.function.put(label)
        self.function.emit("EXIT")

    def exit_instead(self, first: int) -> None:
        """Makes a side exit in place of the instructions from the first one on."""
        del self.function.assembler.items[first:]
        self.function.emit("EXIT")

    # -- Statements -----------------------------------------------------------------------------------------------------

    def translated(self, node: ast.stmt, number: int) -> Point | None:
        """Translates a statement and returns the program point that follows."""
        match node:
            case ast.Assign():
                self.assign(node)
            case ast.AugAssign():
                self.assign_in_place(node)
            case ast.If():
                return self.choose(node, number)
            case ast.While():
                return self.loop(node, number)
            case ast.For():
                return self.loop_over_range(node, number)
            case ast.Return():
                self.return_expression(node.value)
                return None
            case ast.AnnAssign():
                self.assign_annotated(node)
            case ast.Break():
                return self.points.after(self.points.loops_around(number)[-1])
            case ast.Continue():
                loop = self.points.loops_around(number)[-1]
                return Point(loop, isinstance(self.function.source.statements[loop], ast.For))
            case ast.Assert():
                return self.check(node, number)
            case ast.Raise():
                raise SideExit
            case ast.Pass():
                pass
            case ast.Expr():
                if not isinstance(node.value, ast.Constant):
                    raise self.function.refuse("CS111", node, "a call for its effect is not lowered")
            case _:
                hint = f"statements of this kind ({type(node).__name__}) are not lowered"
                raise self.function.refuse("CS110", node, hint)
        return self.points.after(number)

    # -- Assignments --------------------------------------------------------------------------------------------------

    def assign(self, node: ast.Assign) -> None:
        if len(node.targets) == 1 and isinstance(node.targets[0], ast.Tuple):
            targets = node.targets[0].elts
            values = self.several(node.value, len(targets), node)
        else:
            targets = node.targets
            values = [self.expressions.value(node.value)] * len(targets)
        self.store([(self.target(item), value) for item, value in zip(targets, values, strict=True)])

    def several(self, node: ast.expr, count: int, statement: ast.stmt) -> list[Value]:
        """Returns the values that are unpacked into a tuple of variables."""
        if isinstance(node, (ast.Tuple, ast.List)) and len(node.elts) == count:
            return [self.expressions.value(item) for item in node.elts]
        values = two_values(self.expressions, node) if count == 2 and isinstance(node, ast.Call) else None
        if values is not None:
            return values
        hint = "the right side has to show as many values as there are variables"
        raise self.function.refuse("CS112", statement, hint)

    def target(self, node: ast.expr) -> str:
        if not isinstance(node, ast.Name) or node.id not in self.function.source.locals:
            raise self.function.refuse("CS113", node, "only local variables can be assigned")
        return node.id

    def store(self, pairs: Sequence[tuple[str, Value]]) -> None:
        """Assigns variables, all at once."""
        function = self.function
        bound = dict(function.bound)
        moves = []
        for name, value in pairs:
            bound[name] = value.type
            if value.type != NONE:
                moves.append((function.variable(name, value.type), function.register(value)))
        function.move_all(moves)
        function.bound = bound

    def assign_annotated(self, node: ast.AnnAssign) -> None:
        if node.value is not None:
            self.store([(self.target(node.target), self.expressions.value(node.value))])
        elif not isinstance(node.target, ast.Name):
            raise self.function.refuse("CS113", node.target, "only local variables can be annotated")

    def assign_in_place(self, node: ast.AugAssign) -> None:
        name = self.target(node.target)
        left = ast.copy_location(ast.Name(name, ast.Load()), node.target)
        operation = ast.copy_location(ast.BinOp(left, node.op, node.value), node)
        self.store([(name, self.expressions.value(operation))])

    # -- Branches and loops -------------------------------------------------------------------------------------------

    def choose(self, node: ast.If, number: int) -> Point | None:
        other = self.points.start_of(node.orelse) if node.orelse else self.points.after(number)
        reached = self.expressions.jump(node.test, self.versions.label(other, self.function.bound), False)
        return self.points.start_of(node.body) if reached else None

    def check(self, node: ast.Assert, number: int) -> Point | None:
        if __debug__:
            holds = Label()
            if self.expressions.jump(node.test, holds, True):
                self.function.emit("EXIT")
            if not holds.uses:
                return None
            self.function.put(holds)
        return self.points.after(number)

    def loop(self, node: ast.While, number: int) -> Point | None:
        bound = self.function.bound
        body = self.versions.label(self.points.start_of(node.body), bound)
        if body.placed:
            return self.points.out_of(number) if self.expressions.jump(node.test, body, True) else None
        out = self.versions.label(self.points.out_of(number), bound)
        return self.points.start_of(node.body) if self.expressions.jump(node.test, out, False) else None

    def loop_over_range(self, node: ast.For, number: int) -> Point:
        function = self.function
        arguments = self.range_arguments(node.iter)
        self.target(node.target)
        values = [self.expressions.integer(argument) for argument in arguments]
        if len(values) == 1:
            values.insert(0, Value(INT, known=0))
        if len(values) == 2:
            values.append(Value(INT, known=1))
        state_at = function.range_of(number)
        for offset, value in enumerate(values):
            function.emit("MOVE", a=state_at + offset, b=function.register(value))
        function.emit("RANGE", a=state_at)
        return self.next_of(node, number, first=True)

    def range_arguments(self, node: ast.expr) -> list[ast.expr]:
        """Returns the arguments of the `range` that a `for` runs over."""
        called = self.function.meaning(node.func) if isinstance(node, ast.Call) else None
        if isinstance(node, ast.Call) and called is RANGE and not node.keywords and 0 < len(node.args) < 4:
            return node.args
        raise self.function.refuse("CS114", node, "only `for ... in range(...)` is lowered")

    def next_of(self, node: ast.For, number: int, *, first: bool = False) -> Point:
        """Emits the step to the next item of a range, at the start of the loop or at the end of its body."""
        function, points = self.function, self.points
        name = self.target(node.target)
        item, state_at = function.variable(name, INT), function.range_of(number)
        inside = {**function.bound, name: INT}
        body = self.versions.label(points.start_of(node.body), inside)
        if body.placed and not first:
            function.emit("NEXT_BACK", a=item, b=state_at, target=body)
            return points.out_of(number)
        out = self.versions.label(points.out_of(number), function.bound)
        function.emit("NEXT_OR_BACK" if out.placed else "NEXT", a=item, b=state_at, target=out)
        function.bound = inside
        return points.start_of(node.body)

    # -- Returns --------------------------------------------------------------------------------------------------------

    def return_expression(self, node: ast.expr | None) -> None:
        """Translates `return node`."""
        if isinstance(node, ast.IfExp):
            other = Label()
            if self.expressions.jump(node.test, other, False):
                self.return_expression(node.body)
            if other.uses:
                self.function.put(other)
                self.return_expression(node.orelse)
            return
        self.or_exit(self.kind.return_value, node)

    def or_exit(self, translate: Callable[[*Ts], None], *arguments: *Ts) -> None:
        """Translates an expression that is returned; where it has no typed form, CPython returns it."""
        items = len(self.function.assembler.items)
        try:
            translate(*arguments)
        except IdentityRefusal:
            raise
        except (SideExit, Refusal):
            self.exit_instead(items)
