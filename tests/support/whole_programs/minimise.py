"""Makes a program that shows a difference smaller, as long as it shows one of the same kind."""

from __future__ import annotations

import ast
import dataclasses
import time
import warnings
from collections.abc import Callable, Iterator
from functools import partial

from tests.support.reduction import SUITES, Change, expression_changes, reduced, statement_changes
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
    def is_better(smaller: Program, program: Program) -> bool:
        return len(str(smaller)) < len(str(program)) and in_a_child(smaller) == kind

    return reduced(program, smaller_ones, is_better, end)


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


def _changed(program: Program, change: Change) -> Program:
    tree = _tree(program.text)
    change(tree)
    try:
        text = ast.unparse(ast.fix_missing_locations(tree)) + "\n"
        compile(text, "program", "exec")
    except (ValueError, SyntaxError, AttributeError):
        return program
    return dataclasses.replace(program, text=text)


def _statements(program: Program) -> list[Smaller]:
    changes = statement_changes(_tree(program.text), (*SUITES, "handlers"))
    return [partial(_changed, program, change) for change in changes]


def _expressions(program: Program) -> list[Smaller]:
    return [partial(_changed, program, change) for change in expression_changes(_tree(program.text))]
