"""The program points of a function, and their order."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from typing import NamedTuple

from cascade.kernels.source import FunctionSource

LOOPS = (ast.While, ast.For)


class Point(NamedTuple):
    """A program point: the start of a statement, the end of a `for`'s body, or (-1) the function's end."""

    statement: int
    again: bool = False


END = Point(-1)


class ProgramPoints:
    """The program points of one function."""

    def __init__(self, source: FunctionSource) -> None:
        self.source = source
        self.numbers = {id(statement): number for number, statement in enumerate(source.statements)}

    def node(self, point: Point) -> ast.stmt | None:
        """Returns the statement at a program point; None at the function's end."""
        return self.source.statements[point.statement] if point.statement >= 0 else None

    def is_test(self, point: Point) -> bool:
        """Returns whether a loop is tested at a program point."""
        return point.again or isinstance(self.node(point), ast.While)

    def start_of(self, block: Sequence[ast.stmt]) -> Point:
        return Point(self.numbers[id(block[0])])

    def after(self, number: int) -> Point:
        """Returns the program point that follows a statement."""
        step = self.source.paths[number][-1]
        if step.index + 1 < len(step.block):
            return Point(self.numbers[id(step.block[step.index + 1])])
        owner = step.owner
        if owner is self.source.tree:
            return END
        if isinstance(owner, LOOPS) and step.field == "body":
            return Point(self.numbers[id(owner)], isinstance(owner, ast.For))
        return self.after(self.numbers[id(owner)])

    def out_of(self, loop: int) -> Point:
        """Returns the program point that follows the last iteration of a loop."""
        node = self.source.statements[loop]
        assert isinstance(node, LOOPS)
        return self.start_of(node.orelse) if node.orelse else self.after(loop)

    def body_of(self, loop: int) -> Point:
        """Returns the first program point in a loop."""
        node = self.source.statements[loop]
        assert isinstance(node, LOOPS)
        return self.start_of(node.body)

    def loops_around(self, number: int) -> list[int]:
        """Returns the numbers of the loops whose bodies contain a statement, the outermost first."""
        return [
            self.numbers[id(step.owner)]
            for step in self.source.paths[number]
            if isinstance(step.owner, LOOPS) and step.field == "body"
        ]
