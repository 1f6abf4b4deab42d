"""Makes a program that shows a difference smaller, as long as it shows one of the same kind."""

from __future__ import annotations

import ast
import dataclasses
import time
import warnings
from collections.abc import Callable, Iterator
from functools import partial

from tests.support.whole_programs.model import Call, Program
from tests.support.whole_programs.runner import in_a_child

Smaller = Callable[[], Program]


def minimise(program: Program, kind: str, seconds: float) -> Program:
    """Returns the smallest program found in that time that shows a difference of that kind."""
    end = time.monotonic() + seconds
    size = -1
    while size != (size := len(program.text) + len(repr(program.calls))) and time.monotonic() < end:
        for smaller_ones in (_calls, _statements, _expressions):
            program = _reduced(program, smaller_ones, kind, end)
    return program


def _reduced(program: Program, smaller_ones: Callable[[Program], list[Smaller]], kind: str, end: float) -> Program:
    place = 0
    candidates = smaller_ones(program)
    while place < len(candidates) and time.monotonic() < end:
        smaller = candidates[place]()
        if len(str(smaller)) < len(str(program)) and in_a_child(smaller) == kind:
            program = smaller
            candidates = smaller_ones(program)
        else:
            place += 1
    return program


def _calls(program: Program) -> list[Smaller]:
    calls = program.calls
    fewer = [calls[len(calls) // 2 :], calls[: len(calls) // 2]]
    fewer += [calls[:place] + calls[place + 1 :] for place in range(len(calls))]
    fewer += [(*calls[:place], call, *calls[place + 1 :]) for place, old in enumerate(calls) for call in _simpler(old)]
    return [partial(dataclasses.replace, program, calls=each) for each in fewer if each]


def _simpler(call: Call) -> Iterator[Call]:
    if call.times > 1:
        yield dataclasses.replace(call, times=1)
    if call.before:
        yield dataclasses.replace(call, before="")
    if call.around:
        yield dataclasses.replace(call, around="")
    tree = ast.parse(call.arguments, mode="eval")
    for node in ast.walk(tree):
        if isinstance(node, (ast.List, ast.Tuple)) and node is not tree.body:
            for place in range(len(node.elts)):
                held = node.elts.pop(place)
                yield dataclasses.replace(call, arguments=ast.unparse(tree))
                node.elts.insert(place, held)


def _tree(text: str) -> ast.Module:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return ast.parse(text)


def _suites(tree: ast.AST) -> list[list[ast.stmt]]:
    names = ("body", "orelse", "finalbody", "handlers")
    return [
        suite
        for node in ast.walk(tree)
        for name in names
        if isinstance(suite := getattr(node, name, None), list) and suite
    ]


def _changed(program: Program, change: Callable[[ast.Module], None]) -> Program:
    tree = _tree(program.text)
    change(tree)
    try:
        text = ast.unparse(ast.fix_missing_locations(tree)) + "\n"
        compile(text, "program", "exec")
    except (ValueError, SyntaxError, AttributeError):
        return program
    return dataclasses.replace(program, text=text)


def _statements(program: Program) -> list[Smaller]:
    """Without a statement; with its body in its place."""
    found: list[Smaller] = []
    for number, suite in enumerate(_suites(_tree(program.text))):
        for place, node in enumerate(suite):
            if not isinstance(node, ast.Pass):
                found.append(partial(_changed, program, partial(_delete, number, place)))
            if isinstance(node, (ast.For, ast.While, ast.If, ast.With, ast.Try)):
                found.append(partial(_changed, program, partial(_open, number, place)))
    return found


def _delete(number: int, place: int, tree: ast.Module) -> None:
    suite = _suites(tree)[number]
    del suite[place]
    if not suite:
        suite.append(ast.Pass())


def _open(number: int, place: int, tree: ast.Module) -> None:
    suite = _suites(tree)[number]
    suite[place : place + 1] = suite[place].body  # type: ignore[attr-defined]


def _expressions(program: Program) -> list[Smaller]:
    """With one of its parts in place of an expression, or a constant."""
    return [
        partial(_changed, program, partial(_replace, place, part))
        for place, node in enumerate(ast.walk(_tree(program.text)))
        if isinstance(node, ast.expr) and not isinstance(node, (ast.Constant, ast.Name))
        for part in range(1 + sum(isinstance(child, ast.expr) for child in ast.iter_child_nodes(node)))
    ]


def _replace(place: int, part: int, tree: ast.Module) -> None:
    node = list(ast.walk(tree))[place]
    parts = [child for child in ast.iter_child_nodes(node) if isinstance(child, ast.expr)]
    by = [*parts, ast.Constant(1)][part]
    for parent in ast.walk(tree):
        for field, value in ast.iter_fields(parent):
            if value is node:
                setattr(parent, field, by)
            elif isinstance(value, list):
                setattr(parent, field, [by if item is node else item for item in value])
