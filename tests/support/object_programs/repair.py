"""Programs that get further: most statements at which plain Python fails are taken out or caught, so that those behind them are executed.

Of programs as they are written three of four calls fail, after a third of their lines: each statement has its chance to fail.
"""

from __future__ import annotations

import ast
import dataclasses
import signal
import types
import warnings
from collections.abc import Iterator
from random import Random

from tests.support.object_programs.comparison import PLAIN_SECONDS, Plain, Runaway, World, undisturbed
from tests.support.object_programs.model import Call, Program, compiled

ROUNDS = 25
"""Statements that are taken out or caught, at most."""

KEPT = 0.06
"""The probability with which a statement that fails stays, and the program with it as it is."""

CAUGHT = 0.35
"""The probability with which its exception is caught."""

BODY = ("f", "g", "h0", "h1", "make_f", "make_g")
"""Functions of the program itself; all others are of the library."""


def repaired(program: Program, pick: Random) -> Program:
    """The program with most of the statements at which the first call of each of its functions fails taken out or caught."""
    for _ in range(ROUNDS):
        line = failing_line(program)
        if line is None or pick.random() < KEPT:
            break
        tree = ast.parse(program.text)
        statement = statement_at(tree, line)
        if statement is None:
            break
        replace(tree, statement, caught(statement) if pick.random() < CAUGHT else without(statement))
        changed = dataclasses.replace(program, text=ast.unparse(ast.fix_missing_locations(tree)) + "\n")
        try:
            compiled(changed.text)
        except SyntaxError:  # a `nonlocal` has lost its variable
            break
        program = changed
    return program


def failing_line(program: Program) -> int | None:
    """The line of the program's own functions at which a first call fails; None if none does."""
    warned: list[warnings.WarningMessage] = []
    calls = compile(f"[{', '.join(f'lambda: {call.arguments}' for call in program.calls)}]", "<arguments>", "eval")
    with warnings.catch_warnings(), undisturbed(warned):
        warnings.simplefilter("ignore")
        try:
            plain = Plain(World(compiled(program.text), calls), warned)
        except Exception:
            return None
        known: set[str] = set()
        for number, call in enumerate(program.calls):
            if call.before or call.function in known:
                continue
            known.add(call.function)
            try:
                error = failure(plain, number, call)
            except (Runaway, MemoryError):
                return None
            lines = [*lines_of(error, program)] if error is not None else []
            if lines:
                return lines[-1]
    return None


def failure(plain: Plain, number: int, call: Call) -> BaseException | None:
    plain.number = number
    signal.setitimer(signal.ITIMER_REAL, PLAIN_SECONDS, PLAIN_SECONDS)
    try:
        plain.run(call, 0, plain.prepare(number))
    except (Runaway, MemoryError):
        raise
    except BaseException as error:
        return error
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
    return None


def lines_of(error: BaseException, program: Program) -> Iterator[int]:
    """The lines of the program's own functions in a traceback, the outermost first."""
    own = own_lines(program.text)
    trace: types.TracebackType | None = error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == "program" and trace.tb_lineno in own:
            yield trace.tb_lineno
        trace = trace.tb_next


def own_lines(text: str) -> set[int]:
    functions = [each for each in ast.parse(text).body if isinstance(each, ast.FunctionDef) and each.name in BODY]
    return {line for each in functions for line in range(each.lineno + 1, (each.end_lineno or 0) + 1)}


def statement_at(tree: ast.Module, line: int) -> ast.stmt | None:
    """The smallest statement inside a function that has the line."""
    found = [
        each
        for function in ast.walk(tree)
        if isinstance(function, ast.FunctionDef) and function.name in BODY
        for each in ast.walk(function)
        if isinstance(each, ast.stmt) and each is not function and each.lineno <= line <= (each.end_lineno or 0)
    ]
    return min(found, key=lambda each: (each.end_lineno or 0) - each.lineno, default=None)


def without(statement: ast.stmt) -> ast.stmt:
    """A statement that does nothing; in the place of a return, one that returns a constant."""
    return ast.Return(ast.Constant(0)) if isinstance(statement, ast.Return) else ast.Pass()


def caught(statement: ast.stmt) -> ast.stmt:
    handler = ast.parse("try: pass\nexcept Exception as error: LOG.append(type(error).__name__)").body[0]
    assert isinstance(handler, ast.Try)
    handler.body = [statement]
    return handler


def replace(tree: ast.Module, statement: ast.stmt, other: ast.stmt) -> None:
    for node in ast.walk(tree):
        for field in ("body", "orelse", "finalbody"):
            block = getattr(node, field, None)
            if isinstance(block, list) and statement in block:
                block[block.index(statement)] = other
                return
