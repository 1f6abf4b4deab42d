"""Reduction of a program that shows a difference: the search for a smaller one, and changes of its tree that make it smaller."""

from __future__ import annotations

import ast
import itertools
import time
from collections.abc import Callable, Iterable
from functools import partial
from typing import TypeVar

P = TypeVar("P")
Change = Callable[[ast.Module], None]

SUITES = ("body", "orelse", "finalbody")


def reduced(
    program: P, smaller_ones: Callable[[P], list[Callable[[], P]]], is_better: Callable[[P, P], bool], end: float
) -> P:
    """Returns the program after all of its smaller ones have been tried, or when the time is over.

    `is_better(smaller, program)` says whether a smaller one takes the place of the program.
    """
    place = 0
    candidates = smaller_ones(program)
    while place < len(candidates) and time.monotonic() < end:
        smaller = candidates[place]()
        if is_better(smaller, program):
            program = smaller
            candidates = smaller_ones(program)  # and what is at this place now is tried next
        else:
            place += 1
    return program


def statement_changes(tree: ast.Module, names: Iterable[str] = SUITES) -> list[Change]:
    """Without a statement; with its body in its place. `names` are those of the lists of statements."""
    found: list[Change] = []
    for number, suite in enumerate(_suites(tree, names)):
        for place, node in enumerate(suite):
            if not isinstance(node, ast.Pass):
                found.append(partial(_delete, names, number, place))
            if isinstance(node, (ast.For, ast.While, ast.If, ast.With, ast.Try)):
                found.append(partial(_open, names, number, place))
    return found


def _suites(tree: ast.AST, names: Iterable[str]) -> list[list[ast.stmt]]:
    # The outer ones first.
    return [
        suite
        for node in ast.walk(tree)
        for name in names
        if isinstance(suite := getattr(node, name, None), list) and suite
    ]


def _delete(names: Iterable[str], number: int, place: int, tree: ast.Module) -> None:
    suite = _suites(tree, names)[number]
    del suite[place]
    if not suite:
        suite.append(ast.Pass())


def _open(names: Iterable[str], number: int, place: int, tree: ast.Module) -> None:
    suite = _suites(tree, names)[number]
    suite[place : place + 1] = suite[place].body  # type: ignore[attr-defined]


def expression_changes(tree: ast.Module, kept: Iterable[ast.AST] = ()) -> list[Change]:
    """With one of its parts, or with 1, in place of an expression that is none of `kept`."""
    known = set(map(id, kept))
    return [
        partial(_simplify, place, part)
        for place, node in enumerate(ast.walk(tree))
        if isinstance(node, ast.expr) and id(node) not in known and not isinstance(node, (ast.Constant, ast.Name))
        for part in range(1 + sum(isinstance(child, ast.expr) for child in ast.iter_child_nodes(node)))
    ]


def _simplify(place: int, part: int, tree: ast.Module) -> None:
    node = next(itertools.islice(ast.walk(tree), place, None))
    parts = [child for child in ast.iter_child_nodes(node) if isinstance(child, ast.expr)]
    replace(tree, node, [*parts, ast.Constant(1)][part])


def replace(root: ast.AST, node: ast.AST, by: ast.expr) -> None:
    """Puts an expression in the place of a node."""
    for parent in ast.walk(root):
        for field, value in ast.iter_fields(parent):
            if value is node:
                setattr(parent, field, by)
            elif isinstance(value, list):
                setattr(parent, field, [by if item is node else item for item in value])
