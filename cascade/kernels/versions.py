"""Versions of program points: one for each combination of types that the variables have there.

    best = None                       # best: None
    for i in range(n):                # best: None the first time, then int
        if best is None or ...:       # settled while translating where best is None
            best = i

There is a `for` for each (basic block versioning; Chevalier-Boisvert and Feeley, ECOOP 2015). So variables may change
their type, and "has no value" is a type among others.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import NamedTuple

from cascade.kernels.assemble import Label
from cascade.kernels.diagnostics import Refusal, refuse
from cascade.kernels.program_points import LOOPS, Point, ProgramPoints

VERSION_LIMIT = 6  # of one program point, before its variables are said to change type too often
REPEATED = 3  # simple statements before the end of a loop that are repeated rather than jumped to
FIRST_RESULT = ".0"  # of the calls before a statement
SIMPLE = (ast.Assign, ast.AugAssign, ast.AnnAssign, ast.Pass)


class Version(NamedTuple):
    """A program point, and the types that variables have there; both hash by value."""

    point: Point
    types: tuple[tuple[str, str], ...]


def version_of(point: Point, bound: dict[str, str]) -> Version:
    return Version(point, tuple(sorted(bound.items())))


def named(bound: dict[str, str]) -> dict[str, str]:
    """Returns the variables of the function, without the results of calls before a statement (see `containers`)."""
    if FIRST_RESULT not in bound:
        return bound
    return {name: kind for name, kind in bound.items() if not name.startswith(".")}


class Versions:
    """The versions of one function's program points, with their labels."""

    def __init__(self, points: ProgramPoints) -> None:
        self.points = points
        self.labels: dict[Version, Label] = {}
        self.pending: list[Version] = []
        self.translated: dict[Point, list[Version]] = {}

    def label(self, point: Point, bound: dict[str, str]) -> Label:
        """Returns the label of a program point for some types of variables; a new one is translated if it is jumped to."""
        return self.label_inside(point, named(bound))

    def label_inside(self, point: Point, bound: dict[str, str]) -> Label:
        """Returns the label of a statement for some types of the variables and of the calls that are made before it."""
        version = version_of(point, bound)
        label = self.labels.get(version)
        if label is None:
            label = self.labels[version] = Label()
        if not label.placed:
            self.pending.append(version)
        return label

    def untranslated(self) -> Iterator[Version]:
        """Yields the versions that are jumped to and not translated, until there is none."""
        while self.pending:
            version = self.pending.pop()
            label = self.labels[version]
            if label.uses and not label.placed:
                yield version

    def add(self, version: Version) -> None:
        """Notes that a version is translated; refuses one too many of a program point."""
        known = self.translated.setdefault(version.point, [])
        known.append(version)
        if len(known) > VERSION_LIMIT:
            raise self.too_many(known)

    def too_many(self, known: list[Version]) -> Refusal:
        source = self.points.source
        node = self.points.node(known[0].point) or source.tree
        types: dict[str, list[str]] = {}
        for version in known:
            for name, kind in version.types:
                if kind not in types.setdefault(name, []):
                    types[name].append(kind)
        name = max(types, key=lambda name: len(types[name]))
        kinds = " or ".join(types[name])
        hint = f"the types of the variables change too often: {name!r} is {kinds} here"
        return refuse("CS120", node, hint, source)

    def worth_repeating(self, point: Point) -> bool:
        """Returns whether only a few simple statements separate a program point from the end of a loop's body."""
        for _ in range(REPEATED):
            node = self.points.node(point)
            if not isinstance(node, SIMPLE):
                return False
            point = self.points.after(point.statement)
            if self.points.is_test(point):
                return self.ends_iteration(point)
        return False

    def ends_iteration(self, point: Point) -> bool:
        """Returns whether a loop's head is reached from the end of its body; it may be that of a following loop."""
        loop = self.points.node(point)
        if point.again or not isinstance(loop, LOOPS):
            return point.again
        body = self.points.start_of(loop.body)
        return any(version.point == body and label.placed for version, label in self.labels.items())
