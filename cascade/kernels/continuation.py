"""Continuations: the rest of a function, from a statement on, as a function.

Typed code exits at the start of a statement, with the number of the statement and the values of the locals. CPython
then continues from there, in a function made of the original's own tree, so that whatever happens next (big integers,
exceptions, tracebacks) is CPython's. The continuation from the third statement of

    def f(n, total=0):                      def f(n, total, .loop0):
        for i in range(n):                      for .item0 in .loop0:
            if i % 3:                               if .item0 is None:
                total += g(i)       # here              del .loop0, .item0
            total *= 2                                  total += g(i)
        return total                                    total *= 2
                                                    else:
                                                        i = .item0
                                                        del .item0
                                                        if i % 3:
                                                            total += g(i)
                                                        total *= 2
                                                return total

The names with a dot cannot be the user's. `.loop0` yields None for the iteration that was interrupted, and then the
rest of the range. These names are unbound again before a statement of the user's is executed, so no traceback, debugger
or `locals()` shows them. A `while` needs none of them:

    while n > 0:                            for () in ((),):
        n -= g(n)                               total += n
        total += n                  # here  else:
                                                while n > 0:
                                                    n -= g(n)
                                                    total += n

The tree is the original's with its positions, so lines and columns in a traceback are the file's. No statement of the
user's follows a store to an inserted variable: CPython 3.11 runs a store and the load after it as one instruction once
a function is warm, and an unbound variable would then be reported at the line of the store.
"""

from __future__ import annotations

import ast
import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from types import CodeType, FunctionType
from typing import Literal, NamedTuple

from cascade.kernels.program_points import ProgramPoints
from cascade.kernels.source import FunctionSource, Step, compile_function, function_definition


class IterationEnd(NamedTuple):
    """The end of an iteration of a loop.

    Attributes:
        kind: "again" (another one begins: the test of a `while` has been made), "done" or "broken".
        values: the variables that are bound.
    """

    kind: Literal["again", "done", "broken"]
    values: dict[str, object]

    @staticmethod
    def again(values: dict[str, object]) -> IterationEnd:
        return IterationEnd("again", values)

    @staticmethod
    def done(values: dict[str, object]) -> IterationEnd:
        return IterationEnd("done", values)

    @staticmethod
    def broken(values: dict[str, object]) -> IterationEnd:
        return IterationEnd("broken", values)


# A syntax tree cannot hold these functions, and variables would show in tracebacks. So each has a placeholder constant:
# a NaN is equal to no other one, so the compiler never merges it with a constant of the user's.
CALLED: dict[str, Callable[..., object]] = {
    "locals": locals,
    "again": IterationEnd.again,
    "done": IterationEnd.done,
    "broken": IterationEnd.broken,
}
CONSTANTS = {name: float("nan") for name in CALLED}


class Continuations:
    """Makes and caches the continuations of one function."""

    def __init__(self, source: FunctionSource) -> None:
        self.source = source
        self.points = ProgramPoints(source)
        self._iterations: dict[tuple[int, tuple[str, ...]], Callable[..., object] | None] = {}
        self._made: dict[tuple[int, tuple[str, ...]], Callable[..., object]] = {}

    def function(self, statement: int, names: tuple[str, ...]) -> Callable[..., object]:
        """Returns the continuation from the start of a statement; it returns or raises as the original would.

        Its arguments are the values of the local variables that are bound, and then, for each `for` around the
        statement, the outermost first, the iterator that `remaining` returns for the rest of its range.

        Args:
            statement: its number; -1 for the function's end.
            names: the variables that are bound.
        """
        if statement < 0:
            return _at_the_end
        function = self._made.get((statement, names))
        if function is None:
            function = self._made[statement, names] = self._make(statement, names)
        return function

    def resume(self, statement: int, values: Mapping[str, object], loops: Iterable[range] = ()) -> object:
        """Calls the continuation from the start of a statement, with the variables that are bound."""
        return self.function(statement, tuple(values))(*values.values(), *map(remaining, loops))

    def iteration(self, statement: int, names: tuple[str, ...]) -> Callable[..., object] | None:
        """Returns the continuation from the start of a statement to the end of the iteration of the innermost loop.

        It returns or raises as the original would, if that ends in the iteration, and returns an `IterationEnd`
        otherwise. Its arguments are the values of the local variables that are bound. From the start of a `while` it
        makes the test.

        Returns:
            None where there is no loop around the statement.
        """
        key = (statement, names)
        if key not in self._iterations:
            self._iterations[key] = self._make_iteration(statement, names) if statement >= 0 else None
        return self._iterations[key]

    def _make_iteration(self, statement: int, names: tuple[str, ...]) -> Callable[..., object] | None:
        source = self.source
        node = source.statements[statement]
        if isinstance(node, ast.While):
            body = _tested(node)
        else:
            loops = self.points.loops_around(statement)
            if not loops:
                return None
            loop = source.statements[loops[-1]]
            assert isinstance(loop, (ast.While, ast.For))
            path = source.paths[statement]
            depth = max(at for at, step in enumerate(path) if step.owner is loop)
            then = _tested(loop) if isinstance(loop, ast.While) else [_ended("again", loop)]
            body = [_once(_rest(path, depth, []), then, loop), _ended("broken", loop)]
        return self._function_of(names, body)

    def _make(self, statement: int, names: tuple[str, ...]) -> Callable[..., object]:
        source = self.source
        path = source.paths[statement]
        count = sum(isinstance(owner, ast.For) for owner in _loops_around(path))
        return self._function_of([*names, *(f".loop{number}" for number in range(count))], _rest(path, 0, []))

    def _function_of(self, parameters: Sequence[str], body: list[ast.stmt]) -> Callable[..., object]:
        source = self.source
        # Every local stays one, also where the continuation never assigns it: it may be unbound, and is no global.
        # Every free variable stays one, so that a debugger sees it.
        targets: list[ast.expr] = [ast.Name(name, ast.Store()) for name in source.locals]
        never = ast.If(
            test=ast.Constant(False),
            body=[
                ast.Assign(targets=targets, value=ast.Constant(0), type_comment=None) if targets else ast.Pass(),
                *(ast.Expr(ast.Name(name, ast.Load())) for name in source.code.co_freevars),
            ],
            orelse=[],
        )
        block = [*source.declarations, _placed(never, source.statements[0]), *body]
        # Under its own name it would hide the global that a recursive call means.
        return self._function(function_definition(".function", _parameters(list(parameters)), block))

    def _function(self, definition: ast.FunctionDef) -> Callable[..., object]:
        original = self.source.code
        definition.lineno = definition.end_lineno = original.co_firstlineno
        definition.col_offset = definition.end_col_offset = 0
        inner = compile_function(definition, original, self.source.imported)
        known = {(type(item), repr(item)): item for item in original.co_consts if not isinstance(item, CodeType)}
        inner = inner.replace(
            co_name=original.co_name,
            co_consts=tuple(
                _callable_for(item) or known.get((type(item), repr(item)), item) for item in inner.co_consts
            ),
        )
        function = self.source.function
        cells = dict(zip(original.co_freevars, function.__closure__ or (), strict=True))
        return FunctionType(
            inner, function.__globals__, function.__name__, None, tuple(cells[name] for name in inner.co_freevars)
        )


def _at_the_end(*values: object) -> None:
    return None


def remaining(rest: range) -> Iterator[object]:
    """Returns an iterator over one item for the interrupted iteration, and then the rest of a range."""
    return itertools.chain((None,), rest)


def _loops_around(path: tuple[Step, ...]) -> list[ast.stmt]:
    """Returns the loops around the end of a path, the outermost first."""
    return [step.owner for step in path[1:] if isinstance(step.owner, (ast.For, ast.While)) and step.field == "body"]


def _rest(path: tuple[Step, ...], depth: int, bound: list[str]) -> list[ast.stmt]:
    """Returns the rest of the block of `path[depth]`; `bound` holds our variables that are bound there."""
    step = path[depth]
    following = step.block[step.index + 1 :]
    if depth == len(path) - 1:
        return [*_unbound(bound, step.block[step.index]), *step.block[step.index :]]
    inner = path[depth + 1]
    owner = inner.owner
    if inner.field == "body" and isinstance(owner, ast.For):
        return [_resumed_for(owner, path, depth, bound), *following]
    if inner.field == "body" and isinstance(owner, ast.While):
        again = ast.While(test=owner.test, body=owner.body, orelse=owner.orelse)
        return [_once(_rest(path, depth + 1, bound), [ast.copy_location(again, owner)], owner), *following]
    # An `if`, or the `else` of a loop: its block ends where the next statement begins.
    return [*_rest(path, depth + 1, bound), *following]


def _resumed_for(owner: ast.For, path: tuple[Step, ...], depth: int, bound: list[str]) -> ast.stmt:
    """Returns a `for` around the path: the rest of the interrupted iteration, and then the remaining ones."""
    loop = len(bound) // 2
    iterator, item = f".loop{loop}", f".item{loop}"
    choice = ast.If(
        test=ast.Compare(ast.Name(item, ast.Load()), [ast.Is()], [ast.Constant(None)]),
        body=_rest(path, depth + 1, [*bound, iterator, item]),
        orelse=[_assign(owner.target, ast.Name(item, ast.Load()), owner), *_unbound([item], owner), *owner.body],
    )
    resumed = ast.For(
        target=ast.Name(item, ast.Store()),
        iter=ast.Name(iterator, ast.Load()),
        body=[_placed(choice, owner)],
        orelse=owner.orelse,
        type_comment=None,
    )
    return _placed(resumed, owner)


def _once(body: list[ast.stmt], then: list[ast.stmt], loop: ast.stmt) -> ast.stmt:
    """Returns a loop, without a variable, that executes statements once, and then others, unless a `break` ends it."""
    target, items = ast.Tuple([], ast.Store()), ast.Tuple([ast.Tuple([], ast.Load())], ast.Load())  # for () in ((),)
    return _placed(ast.For(target=target, iter=items, body=body, orelse=then, type_comment=None), loop)


def _unbound(names: list[str], at: ast.stmt) -> list[ast.stmt]:
    return [_placed(ast.Delete([ast.Name(name, ast.Del()) for name in names]), at)] if names else []


def _tested(loop: ast.While) -> list[ast.stmt]:
    """Returns the test of a loop, and the returns for both its results."""
    choice = ast.If(test=loop.test, body=[_ended("again", loop)], orelse=[])
    return [_placed(choice, loop), _ended("done", loop)]


def _ended(kind: str, at: ast.stmt) -> ast.stmt:
    variables = ast.Call(ast.Constant(CONSTANTS["locals"]), [], [])
    return _placed(ast.Return(ast.Call(ast.Constant(CONSTANTS[kind]), [variables], [])), at)


def _callable_for(constant: object) -> Callable[..., object] | None:
    """Returns the function for a placeholder constant in compiled code; None for a constant of the user's."""
    return next((CALLED[name] for name, ours in CONSTANTS.items() if ours is constant), None)


def _assign(target: str | ast.expr, value: ast.expr, at: ast.stmt) -> ast.stmt:
    name = ast.Name(target, ast.Store()) if isinstance(target, str) else target
    return _placed(ast.Assign(targets=[name], value=value, type_comment=None), at)


def _placed(node: ast.stmt, at: ast.stmt) -> ast.stmt:
    # Inserted code has the position of the loop that it implements; it never raises.
    node = ast.copy_location(node, at)
    return ast.fix_missing_locations(node)


def _parameters(names: list[str]) -> ast.arguments:
    arguments = [ast.arg(arg=name, annotation=None, type_comment=None) for name in names]
    return ast.arguments(
        posonlyargs=[], args=arguments, vararg=None, kwonlyargs=[], kw_defaults=[], kwarg=None, defaults=[]
    )
