"""Refuses comparisons by `is` whose results typed code could change: a number in a register is no object.

At a side exit each variable with a number gets a new object, while in CPython two variables may hold the same one. So a
function is lowered only if each `is` in it has a side that is no number on any path:

    x is None           o is MISSING (a global)         o is p, where o comes as an object and is not assigned
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Iterator, Mapping

from cascade.kernels.diagnostics import IDENTITY, Diagnostic, Refusal, refuse
from cascade.kernels.model import FLOAT, INT, MISSING
from cascade.kernels.source import FunctionSource

NUMBERS = (int, float, complex)


class IdentityRefusal(Refusal):
    """A refusal that not even a side exit can avoid."""


def check_identities(source: FunctionSource, types: Mapping[str, str], meaning: Callable[[ast.expr], object]) -> None:
    """Refuses a function whose `is` may compare two numbers.

    Args:
        types: of the parameters.
        meaning: returns the object that a name means that is no variable, or MISSING.
    """

    def may_be_number(node: ast.expr) -> bool:
        if isinstance(node, ast.Constant):
            return type(node.value) in NUMBERS
        if not isinstance(node, (ast.Name, ast.Attribute)):
            return True
        if isinstance(node, ast.Name) and node.id in source.locals:
            return node.id in source.stored or types.get(node.id, INT) in (INT, FLOAT)
        meant = meaning(node)
        return meant is MISSING or type(meant) in NUMBERS or (isinstance(node, ast.Name) and node.id in declared)

    declared = {name for statement in source.declarations for name in statement.names}
    outer = {id(comparison) for comparison, _, _ in _comparisons(source.own_nodes)}
    found: list[Diagnostic] = []
    for comparison, left, right in _comparisons(source.nodes):
        inside = id(comparison) not in outer  # names may be those of a function in the function
        if all(may_be_number(side) or (inside and not isinstance(side, ast.Constant)) for side in (left, right)):
            found += refuse("CS136", comparison, IDENTITY, source).diagnostics
    if found:
        raise IdentityRefusal(*dict.fromkeys(found))


def _comparisons(nodes: Iterable[ast.AST]) -> Iterator[tuple[ast.Compare, ast.expr, ast.expr]]:
    for node in nodes:
        if isinstance(node, ast.Compare):
            sides = [node.left, *node.comparators]
            for operation, left, right in zip(node.ops, sides, sides[1:], strict=False):
                if isinstance(operation, (ast.Is, ast.IsNot)):
                    yield node, left, right
