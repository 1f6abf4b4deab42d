"""Functions that cannot be lowered whatever their statements are."""

from __future__ import annotations

import ast

from cascade.kernels.diagnostics import Diagnostic, Refusal, refuse
from cascade.kernels.names import has_plain_names
from cascade.kernels.source import FunctionSource

LOOKING = {"locals", "vars", "dir", "eval", "exec"}
CODE_FLAGS = 0x2A0  # a generator, a coroutine, an async generator
INNER = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda, ast.GeneratorExp)


def check_signature(source: FunctionSource) -> None:
    """Refuses a function that cannot be lowered whatever its statements are."""
    tree = source.tree

    def no(code: str, hint: str) -> Refusal:
        return refuse(code, tree, hint, source)

    if tree.args.vararg or tree.args.kwarg or tree.args.kwonlyargs:
        raise no("CS101", "only plain parameters can be lowered: no *args, **kwargs or keyword-only ones")
    code = source.code
    if code.co_flags & CODE_FLAGS:
        raise no("CS103", "generators and coroutine functions are not lowered")
    if any(name.startswith("__") and not name.endswith("__") for name in (*code.co_names, *code.co_varnames)):
        raise no("CS104", "names with two leading underscores have another meaning in a class")
    if not has_plain_names(source.function):
        raise no("CS106", "its globals are not a plain dict, or its builtins are not those of its module")
    named = {node.id for node in source.own_nodes if isinstance(node, ast.Name)}
    looking = LOOKING & named & {*code.co_names}
    if "__class__" in code.co_freevars:
        looking |= {"super"}
    if looking:
        raise no("CS105", f"it looks at its own variables by {', '.join(sorted(looking))}(), and typed code has others")


def captured(source: FunctionSource) -> list[Diagnostic]:
    """Returns the diagnostic of functions inside that use the variables; translation continues past it to find others.

    A comprehension is no such function, although CPython 3.11 compiles it to one: it does not outlive its expression.
    """
    inside = (node for node in source.nodes if isinstance(node, INNER) and node is not source.tree)
    used = {name.id for node in inside for name in ast.walk(node) if isinstance(name, ast.Name)}
    names = [name for name in source.code.co_cellvars if name in used]
    return (
        [*refuse("CS102", source.tree, f"a function inside uses its variables {', '.join(names)}", source).diagnostics]
        if names
        else []
    )
