"""The syntax tree of a function, with the positions that it has in its file, and its statements numbered.

    def f(n):            # no number: the function itself
        while n > 0:     # 0
            n -= 1       # 1
        return n         # 2
"""

from __future__ import annotations

import ast
import linecache
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import combinations, islice
from opcode import opmap
from tokenize import TokenError
from types import CodeType, FunctionType, ModuleType
from typing import Any

IMPORTS_TRIED = 4
RESUME = opmap["RESUME"]
SCOPES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
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
        declarations: its `global` and `nonlocal` statements, in whose place the tree has a `pass`.
        text: its lines; `first` is the number of the first one in the file.
    """

    function: FunctionType
    tree: ast.FunctionDef
    statements: tuple[ast.stmt, ...]
    paths: tuple[tuple[Step, ...], ...]
    declarations: tuple[ast.stmt, ...]
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

    The source is compiled and compared with the function's own code: a file may have changed since it was loaded.

    Raises:
        SourceError: it is no plain Python function, its source is not there, or does not hold just this function.
    """
    if type(function) is not FunctionType:
        raise SourceError(f"{function!r} is no plain Python function")
    lines = linecache.getlines(function.__code__.co_filename, function.__globals__)
    found = _find(function, lines)
    if found is None:
        linecache.checkcache(function.__code__.co_filename)
        lines = linecache.getlines(function.__code__.co_filename, function.__globals__)
        found = _find(function, lines)
    if found is None:
        why = "is not that of the function" if lines else "is not there"
        raise SourceError(f"the source of {function.__qualname__} {why}")
    tree, text = found
    declarations = _taken_out(tree)
    statements: list[ast.stmt] = []
    paths: list[tuple[Step, ...]] = []
    for statement, path in _walk(tree, ()):
        statements.append(statement)
        paths.append(path)
    return FunctionSource(
        function, tree, tuple(statements), tuple(paths), declarations, tuple(text), function.__code__.co_firstlineno
    )


def _find(function: FunctionType, lines: list[str]) -> tuple[ast.FunctionDef, list[str]] | None:
    first = function.__code__.co_firstlineno
    for text in _candidates(function.__code__, lines[first - 1 :]):
        tree = _parse("".join(text), first)
        if tree is not None and _same(function, tree):
            return tree, text
    return None


def _candidates(code: CodeType, lines: list[str]) -> Iterator[list[str]]:
    # To the last line that an instruction comes from; a `pass` after it needs the tokenizer to be found.
    ends = [end for _, end, _, _ in code.co_positions() if end is not None]
    if ends:
        yield lines[: max(ends) - code.co_firstlineno + 1]
    from inspect import getblock  # takes long to import

    try:
        yield getblock(lines)
    except (SyntaxError, IndentationError, TokenError):
        pass


def _parse(text: str, first: int) -> ast.FunctionDef | None:
    # An indented definition is parsed inside an `if`, not dedented: columns stay those of the file.
    indented = text[:1].isspace()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            module = ast.parse("if 1:\n" + text if indented else text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    ast.increment_lineno(module, first - 1 - indented)
    body = module.body[0].body if indented and isinstance(module.body[0], ast.If) else module.body
    return body[0] if len(body) == 1 and isinstance(body[0], ast.FunctionDef) else None


def _same(function: FunctionType, tree: ast.FunctionDef) -> bool:
    """Whether the tree is that of the function."""
    code = function.__code__
    if tree.name != code.co_name:
        return False
    bare = ast.FunctionDef(**{field: getattr(tree, field) for field in tree._fields})
    bare = ast.copy_location(bare, tree)
    bare.name = ".function"  # under its own name it would hide the global that a recursive call means
    bare.decorator_list, bare.returns = [], None
    bare.args = _without_defaults(tree.args)
    try:
        return any(_alike(code, compile_function(bare, code, names)) for names in _imported(function, tree))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False


def _imported(function: FunctionType, tree: ast.FunctionDef) -> Iterator[tuple[str, ...]]:
    # CPython compiles `name.method()` differently where the module imports the name. Which names it does import is not to be
    # seen here: the likely ones first, then any.
    names = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and isinstance(node.func.value, ast.Name):
            name = node.func.value.id
            if name in function.__globals__ and name not in function.__code__.co_varnames and name not in names:
                names.append(name)
    likely = tuple(name for name in names if isinstance(function.__globals__[name], ModuleType))
    yield likely
    for count in range(len(names) + 1 if len(names) <= IMPORTS_TRIED else 0):
        yield from (chosen for chosen in combinations(names, count) if chosen != likely)


def _without_defaults(arguments: ast.arguments) -> ast.arguments:
    # Defaults and annotations are code of the scope around; only how many there are does not matter.
    def plain(argument: ast.arg) -> ast.arg:
        return ast.copy_location(ast.arg(argument.arg, None, None), argument)

    return ast.arguments(
        posonlyargs=[plain(item) for item in arguments.posonlyargs],
        args=[plain(item) for item in arguments.args],
        vararg=arguments.vararg and plain(arguments.vararg),
        kwonlyargs=[plain(item) for item in arguments.kwonlyargs],
        kw_defaults=[None] * len(arguments.kwonlyargs),
        kwarg=arguments.kwarg and plain(arguments.kwarg),
        defaults=[],
    )


def compile_function(definition: ast.FunctionDef, original: CodeType, imported: tuple[str, ...] = ()) -> CodeType:
    """The code of a definition, compiled where the original's free variables are free, and names are imported."""
    free = [ast.parse(" = ".join(original.co_freevars) + " = 0").body[0]] if original.co_freevars else []
    outer = ast.FunctionDef(
        name="outer",
        args=ast.arguments([], [], None, [], [], None, []),
        body=[*free, definition],
        decorator_list=[],
        returns=None,
        type_comment=None,
        **type_parameters(),
    )
    ast.copy_location(outer, definition)
    imports: list[ast.stmt] = [ast.Import([ast.alias(name) for name in imported])] if imported else []
    module = ast.fix_missing_locations(ast.Module(body=[*imports, outer], type_ignores=[]))
    flags = original.co_flags & FUTURE_FLAGS
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # they were given when the file was compiled
        code = compile(module, original.co_filename, "exec", flags=flags, dont_inherit=True)
    return _code_named(_code_named(code, "outer"), definition.name)


FUTURE_FLAGS = 0x1000000  # __future__.annotations; the others are always on in the versions that we run on


def type_parameters() -> dict[str, Any]:
    """The field for them that CPython 3.12 has added."""
    return {"type_params": []} if "type_params" in ast.FunctionDef._fields else {}


def _code_named(code: CodeType, name: str) -> CodeType:
    return next(constant for constant in code.co_consts if isinstance(constant, CodeType) and constant.co_name == name)


def _alike(one: CodeType, other: CodeType) -> bool:
    if list(_positions(one)) != list(_positions(other)):
        return False
    names = ("co_code", "co_names", "co_varnames", "co_freevars", "co_cellvars", "co_argcount")
    if any(getattr(one, name) != getattr(other, name) for name in names) or len(one.co_consts) != len(other.co_consts):
        return False
    for left, right in zip(one.co_consts, other.co_consts):
        if isinstance(left, CodeType) and isinstance(right, CodeType):
            if not _alike(left, right):
                return False
        elif type(left) is not type(right) or repr(left) != repr(right):
            return False
    return True


def _positions(code: CodeType) -> Iterator[tuple[int | None, ...]]:
    # What comes before the first statement has the line of the definition, or that of its first decorator.
    return islice(code.co_positions(), code.co_code[::2].index(RESUME) + 1, None)


def _taken_out(tree: ast.FunctionDef) -> tuple[ast.stmt, ...]:
    """The `global` and `nonlocal` statements of a function; those of functions inside are their own affair."""
    found: list[ast.stmt] = []
    for statement, path in list(_walk(tree, ())):
        if isinstance(statement, (ast.Global, ast.Nonlocal)) and not any(isinstance(step.owner, SCOPES) for step in path[1:]):
            found.append(statement)
            path[-1].block[path[-1].index] = ast.copy_location(ast.Pass(), statement)
    return tuple(found)


def _walk(owner: ast.stmt, path: tuple[Step, ...]) -> Iterator[tuple[ast.stmt, tuple[Step, ...]]]:
    for field in BLOCKS:
        for index, statement in enumerate(getattr(owner, field, ())):
            here = (*path, Step(owner, field, index))
            if isinstance(statement, ast.stmt):
                yield statement, here
                yield from _walk(statement, here)
