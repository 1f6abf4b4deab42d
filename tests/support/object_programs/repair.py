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
    tree = ast.parse(program.text)
    code = compiled(program.text)
    changed = False
    for _ in range(ROUNDS):
        line = failing_line(program, tree, code)
        if line is None or pick.random() < KEPT:
            break
        statement = statement_at(tree, line)
        if statement is None:
            break
        other = caught(statement) if pick.random() < CAUGHT else without(statement)
        block, place = block_of(tree, statement)
        block[place] = at_place_of(other, statement)
        try:
            code = compiled_tree(tree)
        except SyntaxError:  # a `nonlocal` has lost its variable
            block[place] = statement
            break
        changed = True
    return dataclasses.replace(program, text=ast.unparse(tree) + "\n") if changed else program


def compiled_tree(tree: ast.Module) -> types.CodeType:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return compile(tree, "program", "exec", dont_inherit=True)


def failing_line(program: Program, tree: ast.Module, code: types.CodeType) -> int | None:
    """The line of the program's own functions at which a first call fails; None if none does."""
    warned: list[warnings.WarningMessage] = []
    calls = compile(f"[{', '.join(f'lambda: {call.arguments}' for call in program.calls)}]", "<arguments>", "eval")
    with warnings.catch_warnings(), undisturbed(warned):
        warnings.simplefilter("ignore")
        try:
            plain = Plain(World(code, calls), warned)
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
            lines = [*lines_of(error, tree)] if error is not None else []
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


def lines_of(error: BaseException, tree: ast.Module) -> Iterator[int]:
    """The lines of the program's own functions in a traceback, the outermost first."""
    own = {line for each in own_functions(tree) for line in range(each.lineno + 1, (each.end_lineno or 0) + 1)}
    trace: types.TracebackType | None = error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == "program" and trace.tb_lineno in own:
            yield trace.tb_lineno
        trace = trace.tb_next


def own_functions(tree: ast.Module) -> list[ast.FunctionDef]:
    return [each for each in tree.body if isinstance(each, ast.FunctionDef) and each.name in BODY]


def statement_at(tree: ast.Module, line: int) -> ast.stmt | None:
    """The smallest statement inside a function that has the line."""
    found = [
        each
        for function in own_functions(tree)
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


def at_place_of(other: ast.stmt, statement: ast.stmt) -> ast.stmt:
    """The new parts of a statement have the place of the one that it replaces."""
    waiting: list[ast.AST] = [other]
    while waiting:
        node = waiting.pop()
        if node is not statement:
            ast.copy_location(node, statement)
            waiting += ast.iter_child_nodes(node)
    return other


def block_of(tree: ast.Module, statement: ast.stmt) -> tuple[list[ast.stmt], int]:
    """The list of statements that holds a statement, and where in it."""
    for function in own_functions(tree):
        for node in ast.walk(function):
            for field in ("body", "orelse", "finalbody"):
                block = getattr(node, field, None)
                if isinstance(block, list) and statement in block:
                    return block, block.index(statement)
    raise AssertionError("the statement is not in the tree")
