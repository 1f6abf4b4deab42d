"""The syntax tree of a function, with the positions that it has in its file, and its statements numbered.

    def f(n):            # no number: the function itself
        while n > 0:     # 0
            n -= 1       # 1
        return n         # 2
"""

from __future__ import annotations

import ast
import inspect
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import FunctionType
from typing import Any

BLOCKS = ("body", "orelse", "handlers", "finalbody")


class SourceError(Exception):
    """The source of a function cannot be had, or is not that of one plain function."""


@dataclass(frozen=True)
class Step:
    """One step on the way from a function to a statement: the block, and the place in it."""

    owner: ast.stmt | ast.FunctionDef
    field: str
    index: int

    @property
    def block(self) -> list[ast.stmt]:
        block: list[ast.stmt] = getattr(self.owner, self.field)
        return block


@dataclass(frozen=True, eq=False)
class FunctionSource:
    """A function's tree.

    Attributes:
        function: the function.
        tree: its definition; line and column numbers are those of its file.
        statements: all its statements, in the order of the text; the number of one is its place here.
        paths: for each statement, the steps that lead to it.
        text: its lines; `first` is the number of the first one in the file.
    """

    function: FunctionType
    tree: ast.FunctionDef
    statements: tuple[ast.stmt, ...]
    paths: tuple[tuple[Step, ...], ...]
    text: tuple[str, ...]
    first: int

    def line(self, number: int) -> str:
        """The text of a line of the file; empty for one outside the function."""
        at = number - self.first
        return self.text[at].strip() if 0 <= at < len(self.text) else ""

    @property
    def file(self) -> str:
        """The name of the file, as in tracebacks."""
        return self.function.__code__.co_filename

    @property
    def locals(self) -> tuple[str, ...]:
        """The names of parameters and other local variables."""
        code = self.function.__code__
        return code.co_varnames + code.co_cellvars


def read_source(function: Callable[..., Any]) -> FunctionSource:
    """Reads the tree of a function.

    Raises:
        SourceError: it is no plain Python function, its source is not there, or does not hold just this function.
    """
    if type(function) is not FunctionType:
        raise SourceError(f"{function!r} is no plain Python function")
    try:
        lines, first = inspect.getsourcelines(function)
    except (OSError, TypeError, IndentationError, SyntaxError) as error:
        raise SourceError(f"the source of {function.__qualname__} is not there: {error}") from None
    tree = _parse("".join(lines), first)
    code = function.__code__
    if tree is None or tree.name != code.co_name or _parameters(tree) != code.co_varnames[: len(_parameters(tree))]:
        raise SourceError(f"the source found for {function.__qualname__} is not that of the function")
    found: list[ast.stmt] = []
    paths: list[tuple[Step, ...]] = []
    for statement, path in _walk(tree, ()):
        found.append(statement)
        paths.append(path)
    return FunctionSource(function, tree, tuple(found), tuple(paths), tuple(lines), first)


def _parse(text: str, first: int) -> ast.FunctionDef | None:
    # An indented definition is parsed inside an `if`, not dedented: columns stay those of the file.
    indented = text[:1].isspace()
    try:
        module = ast.parse("if 1:\n" + text if indented else text)
    except SyntaxError:
        return None
    ast.increment_lineno(module, first - 1 - indented)
    body = module.body[0].body if indented and isinstance(module.body[0], ast.If) else module.body
    return body[0] if len(body) == 1 and isinstance(body[0], ast.FunctionDef) else None


def _parameters(tree: ast.FunctionDef) -> tuple[str, ...]:
    spec = tree.args
    names = [*spec.posonlyargs, *spec.args, *spec.kwonlyargs]
    return tuple(argument.arg for argument in [*names, *filter(None, (spec.vararg, spec.kwarg))])


def _walk(owner: ast.stmt, path: tuple[Step, ...]) -> Iterator[tuple[ast.stmt, tuple[Step, ...]]]:
    for field in BLOCKS:
        for index, statement in enumerate(getattr(owner, field, ())):
            here = (*path, Step(owner, field, index))
            if isinstance(statement, ast.stmt):
                yield statement, here
                yield from _walk(statement, here)
