"""The syntax tree of a function, with the positions that it has in its file, and its statements numbered.

The function itself has no number:

    def f(n):
        while n > 0:     # 0
            n -= 1       # 1
        return n         # 2
"""

from __future__ import annotations

import ast
import linecache
import re
import sys
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations, islice
from opcode import opmap
from tokenize import TokenError
from types import CodeType, FunctionType, ModuleType

OURS = "<cascade lowering>"
"""The file name under which source is compiled again; its warnings, which CPython has issued before, are ignored."""
IGNORED = ("ignore", None, Warning, re.compile(f"{re.escape(OURS)}|{re.escape(__name__)}$"), 0)
"""Warnings of operators that the compiler executes, as in `~True`, are of the module that calls it."""
IMPORTS_TRIED = 4
CO_NEWLOCALS = 0x2  # of functions; `inspect`, which has it, takes long to import
RESUME = opmap["RESUME"]
SCOPES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
BLOCKS = ("body", "orelse", "handlers", "finalbody")


class SourceError(Exception):
    """The source of a function cannot be read, or is not that of one plain function."""


@dataclass(frozen=True)
class Step:
    """One step on the path from a function to a statement: the block, and the position in it."""

    owner: ast.stmt | ast.FunctionDef
    field: str
    index: int

    @property
    def block(self) -> list[ast.stmt]:
        block: list[ast.stmt] = getattr(self.owner, self.field)
        return block


class FunctionSource:
    """A function's tree.

    Attributes:
        function: the function.
        code: its code, as it was when the source was read.
        imported: names that its code was compiled for as imported ones.
        tree: its definition; line and column numbers are those of its file.
        statements: all its statements, in the order of the text; the number of one is its position here.
        paths: for each statement, the steps that lead to it.
        declarations: its `global` and `nonlocal` statements, which are replaced by `pass` in the tree.
        text: its lines; `first` is the number of the first one in the file.
    """

    def __init__(
        self,
        function: FunctionType,
        code: CodeType,
        imported: tuple[str, ...],
        tree: ast.FunctionDef,
        statements: tuple[ast.stmt, ...],
        paths: tuple[tuple[Step, ...], ...],
        declarations: tuple[ast.Global | ast.Nonlocal, ...],
        text: tuple[str, ...],
        first: int,
    ) -> None:
        self.function = function  # set here: pyright takes a function that the class declares for a method
        self.code = code
        self.imported = imported
        self.tree = tree
        self.statements = statements
        self.paths = paths
        self.declarations = declarations
        self.text = text
        self.first = first

    def line(self, number: int) -> str:
        """Returns the text of a line of the file; empty for one outside the function."""
        at = number - self.first
        return self.text[at].rstrip() if 0 <= at < len(self.text) else ""

    @property
    def file(self) -> str:
        """The name of the file, as in tracebacks."""
        return self.code.co_filename

    # The translator reads the tree often: for each combination of types, and each `is`.

    @cached_property
    def nodes(self) -> tuple[ast.AST, ...]:
        """All nodes of the tree."""
        return tuple(ast.walk(self.tree))

    @cached_property
    def own_nodes(self) -> tuple[ast.AST, ...]:
        """The nodes of the tree, without those inside of functions and classes in it."""
        return tuple(own_nodes(self.tree))

    @cached_property
    def stored(self) -> frozenset[str]:
        """The names that the tree assigns."""
        return frozenset(
            node.id for node in self.nodes if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
        )

    @cached_property
    def has_calls(self) -> bool:
        """Whether there is a call, apart from those that a `for` iterates over."""
        iterated = {id(node.iter) for node in self.nodes if isinstance(node, ast.For)}
        return any(isinstance(node, ast.Call) and id(node) not in iterated for node in self.nodes)

    @cached_property
    def locals(self) -> tuple[str, ...]:
        """The names of local variables, without those of comprehensions, which CPython 3.12 keeps among them."""
        own = _bound_outside_comprehensions(self)
        return tuple(name for name in self.code.co_varnames + self.code.co_cellvars if name in own)


def read_source(function: Callable[..., object]) -> FunctionSource:
    """Reads the tree of a function.

    The source is compiled and compared with the function's own code: a file may have changed since it was loaded.

    Raises:
        SourceError: it is not a plain Python function, its source is not there, or does not hold just this function.
    """
    if type(function) is not FunctionType:
        raise SourceError(f"{function!r} is not a plain Python function")
    code = function.__code__
    lines = _lines(function, code)
    found = _find(function, code, lines)
    if found is None:
        linecache.checkcache(code.co_filename)
        lines = _lines(function, code)
        found = _find(function, code, lines)
    if found is None:
        why = "is not that of the function" if lines else "is not there"
        raise SourceError(f"the source of {function.__qualname__} {why}")
    tree, text, imported = found
    declarations = _taken_out(tree)
    statements: list[ast.stmt] = []
    paths: list[tuple[Step, ...]] = []
    for statement, path in _walk(tree, ()):
        statements.append(statement)
        paths.append(path)
    return FunctionSource(
        function, code, imported, tree, tuple(statements), tuple(paths), declarations, tuple(text), code.co_firstlineno
    )


def _lines(function: FunctionType, code: CodeType) -> list[str]:
    try:
        return linecache.getlines(code.co_filename, function.__globals__)
    except Exception as error:  # of a loader
        raise SourceError(
            f"the source of {function.__qualname__} cannot be read: {type(error).__name__}: {error}"
        ) from None


def _find(
    function: FunctionType, code: CodeType, lines: list[str]
) -> tuple[ast.FunctionDef, list[str], tuple[str, ...]] | None:
    first = code.co_firstlineno
    for text in _candidates(code, lines[first - 1 :]):
        tree = _parse("".join(text), first)
        imported = None if tree is None else _imports_for(function, code, tree)
        if tree is not None and imported is not None:
            return tree, text, imported
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
        module = _compiled("if 1:\n" + text if indented else text, ast.PyCF_ONLY_AST)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    assert isinstance(module, ast.Module)
    ast.increment_lineno(module, first - 1 - indented)
    body = module.body[0].body if indented and isinstance(module.body[0], ast.If) else module.body
    return body[0] if len(body) == 1 and isinstance(body[0], ast.FunctionDef) else None


def _imports_for(function: FunctionType, code: CodeType, tree: ast.FunctionDef) -> tuple[str, ...] | None:
    """Returns the imported names with which the tree compiles to the function's code; None for another function's tree."""
    if tree.name != code.co_name:
        return None
    bare = ast.FunctionDef(**{field: getattr(tree, field) for field in tree._fields})
    bare = ast.copy_location(bare, tree)
    bare.name = ".function"  # under its own name it would hide the global that a recursive call means
    bare.decorator_list, bare.returns = [], None
    bare.args = _without_defaults(tree.args)
    try:
        return next(
            (names for names in _imported(function, code, tree) if _alike(code, compile_function(bare, code, names))),
            None,
        )
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def _imported(function: FunctionType, code: CodeType, tree: ast.FunctionDef) -> Iterator[tuple[str, ...]]:
    # CPython compiles `name.method()` differently where the module imports the name. Which names it imports is not
    # known here: the likely ones first, then any.
    names = []
    for node in ast.walk(tree):
        if (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and isinstance(node.func.value, ast.Name)
        ):
            name = node.func.value.id
            if name in function.__globals__ and name not in code.co_varnames and name not in names:
                names.append(name)
    likely = tuple(name for name in names if issubclass(type(function.__globals__[name]), ModuleType))
    yield likely
    for count in range(len(names) + 1 if len(names) <= IMPORTS_TRIED else 0):
        yield from (chosen for chosen in combinations(names, count) if chosen != likely)


def _without_defaults(arguments: ast.arguments) -> ast.arguments:
    # Defaults and annotations are code of the enclosing scope.
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
    """Compiles a definition where the original's free variables are free, and names are imported.

    The code, and what is defined inside it, is qualified by the original's name.
    """
    free = [ast.parse(" = ".join(original.co_freevars) + " = 0").body[0]] if original.co_freevars else []
    outer = function_definition("outer", ast.arguments([], [], None, [], [], None, []), [*free, definition])
    ast.copy_location(outer, definition)
    imports: list[ast.stmt] = [ast.Import([ast.alias(name) for name in imported])] if imported else []
    module = ast.fix_missing_locations(ast.Module(body=[*imports, outer], type_ignores=[]))
    code = _compiled(module, original.co_flags & FUTURE_FLAGS)
    assert isinstance(code, CodeType)
    inner = _in_file(_code_named(_code_named(code, "outer"), definition.name), original.co_filename)
    return _qualified(inner, inner.co_qualname, original.co_qualname)


def _qualified(code: CodeType, old: str, new: str) -> CodeType:
    """Returns code with another prefix of its qualified name, and of those of the functions and classes in it."""
    name = new + code.co_qualname.removeprefix(old)
    constants: list[object] = []
    for item in code.co_consts:
        if isinstance(item, CodeType):
            item = _qualified(item, old, new)
        elif item == code.co_qualname and not code.co_flags & CO_NEWLOCALS:  # the body of a class, which stores it
            item = name
        constants.append(item)
    return code.replace(co_consts=tuple(constants), co_qualname=name)


def _compiled(source: str | ast.Module, flags: int) -> object:
    # Not `warnings.catch_warnings`, which changes the filters of all threads, and resets the record of warnings that
    # were shown.
    filters = warnings.filters
    assert isinstance(filters, list)
    filters.insert(0, IGNORED)
    try:
        return compile(source, OURS, "exec", flags=flags, dont_inherit=True)
    finally:
        if IGNORED in filters:
            filters.remove(IGNORED)


def _in_file(code: CodeType, file: str) -> CodeType:
    inside = tuple(_in_file(item, file) if isinstance(item, CodeType) else item for item in code.co_consts)
    return code.replace(co_consts=inside, co_filename=file)


FUTURE_FLAGS = 0x1000000  # __future__.annotations; the other features are always on since CPython 3.11


def function_definition(name: str, arguments: ast.arguments, body: list[ast.stmt]) -> ast.FunctionDef:
    """Returns the definition of a function, without decorators or annotations."""
    definition = ast.FunctionDef(
        name=name, args=arguments, body=body, decorator_list=[], returns=None, type_comment=None
    )
    if sys.version_info >= (3, 12):
        definition.type_params = []
    return definition


def _code_named(code: CodeType, name: str) -> CodeType:
    return next(constant for constant in code.co_consts if isinstance(constant, CodeType) and constant.co_name == name)


def _alike(one: CodeType, other: CodeType) -> bool:
    if list(_positions(one)) != list(_positions(other)):
        return False
    names = ("co_code", "co_names", "co_varnames", "co_freevars", "co_cellvars", "co_argcount")
    if any(getattr(one, name) != getattr(other, name) for name in names) or len(one.co_consts) != len(other.co_consts):
        return False
    for left, right in zip(one.co_consts, other.co_consts, strict=True):
        if isinstance(left, CodeType) and isinstance(right, CodeType):
            if not _alike(left, right):
                return False
        elif type(left) is not type(right) or repr(left) != repr(right):
            return False
    return True


def _positions(code: CodeType) -> Iterator[tuple[int | None, ...]]:
    # Instructions before the first statement have the line of the definition, or that of its first decorator.
    return islice(code.co_positions(), code.co_code[::2].index(RESUME) + 1, None)


def _taken_out(tree: ast.FunctionDef) -> tuple[ast.Global | ast.Nonlocal, ...]:
    """Takes the `global` and `nonlocal` statements out of a function and returns them; functions inside keep theirs."""
    found: list[ast.Global | ast.Nonlocal] = []
    for node in own_nodes(tree):
        for _, block in ast.iter_fields(node):
            for index, statement in enumerate(block if isinstance(block, list) else ()):
                if isinstance(statement, (ast.Global, ast.Nonlocal)):
                    found.append(statement)
                    block[index] = ast.copy_location(ast.Pass(), statement)
    return tuple(found)


def own_nodes(tree: ast.AST) -> Iterator[ast.AST]:
    """Yields the nodes of a function's tree, without those inside of functions and classes in it."""
    waiting = [tree]
    for node in waiting:  # which grows
        yield node
        if node is tree or not isinstance(node, (*SCOPES, ast.Lambda)):
            waiting.extend(ast.iter_child_nodes(node))


def _bound_outside_comprehensions(source: FunctionSource) -> set[str]:
    targets = {
        id(name) for node in source.own_nodes if isinstance(node, ast.comprehension) for name in ast.walk(node.target)
    }
    bound = {argument.arg for argument in ast.walk(source.tree.args) if isinstance(argument, ast.arg)}
    for node in source.own_nodes:
        if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load) and id(node) not in targets:
            bound.add(node.id)
        elif isinstance(node, ast.alias):
            bound.add(node.asname or node.name.split(".")[0])
        elif isinstance(node, (*SCOPES, ast.ExceptHandler, ast.MatchAs, ast.MatchStar)) and node.name is not None:
            bound.add(node.name)
        elif isinstance(node, ast.MatchMapping) and node.rest is not None:
            bound.add(node.rest)
    return bound


def _walk(owner: ast.stmt, path: tuple[Step, ...]) -> Iterator[tuple[ast.stmt, tuple[Step, ...]]]:
    if path and isinstance(owner, SCOPES):
        return
    for field in BLOCKS:
        for index, statement in enumerate(getattr(owner, field, ())):
            here = (*path, Step(owner, field, index))
            if isinstance(statement, ast.stmt):
                yield statement, here
                yield from _walk(statement, here)
