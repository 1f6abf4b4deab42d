"""Diagnostics: the causes for which a function is not lowered."""

from __future__ import annotations

import ast
from dataclasses import dataclass

from cascade.kernels.source import FunctionSource

ALWAYS = {"CS100", "CS101", "CS102", "CS103", "CS104", "CS105", "CS106", "CS110", "CS111", "CS113", "CS114", "CS140"}
SLOWER_THAN_CALLING = "CS150"
"""Of typed code that was retired because a trial has shown that CPython is faster (`cascade/vm/kernel_trial.pxi`)."""

IDENTITY = "numbers have no identity in typed code, and both sides may be numbers: compare numbers with ==, an object with the name of a global"
"""How to write a comparison by `is` (CS136) instead."""


@dataclass(frozen=True)
class Diagnostic:
    """A diagnostic.

    Attributes:
        code: stable, CS1 and two digits; docs/lowering.md lists them.
        file, line, column: where, as in a traceback; columns count from 0.
        construct: the user's own text there.
        hint: how to write it instead.
    """

    code: str
    line: int
    column: int
    construct: str
    hint: str
    file: str = ""

    @property
    def for_all_types(self) -> bool:
        """Whether it holds for all types of the arguments."""
        return self.code in ALWAYS

    def __str__(self) -> str:
        return f"line {self.line}, column {self.column}: {self.code} {self.construct}: {self.hint}"


class Refusal(Exception):
    """The function cannot be lowered: one diagnostic or several."""

    def __init__(self, *diagnostics: Diagnostic) -> None:
        super().__init__("; ".join(map(str, diagnostics)))
        self.diagnostics = diagnostics


def refuse(code: str, node: ast.expr | ast.stmt, hint: str, source: FunctionSource) -> Refusal:
    """Returns a refusal because of `node`."""
    line = source.line(node.lineno).encode()  # the tree's columns count bytes
    begin = node.col_offset
    column = len(line[:begin].decode(errors="replace"))
    if isinstance(node, ast.FunctionDef):
        construct = f"def {node.name}(...)"
    else:
        end = node.end_col_offset if node.end_lineno == node.lineno else None
        construct = line[begin:end].decode(errors="replace").rstrip(": ") or ast.unparse(node)
    return Refusal(Diagnostic(code, node.lineno, column, construct, hint, source.file))
