"""What a program is: the text of a module, and the calls of its functions."""

from __future__ import annotations

import functools
import types
import warnings
from dataclasses import dataclass

HEADER = "import cascade as cs  # each function that is called is a task: cs.task(function)"


@dataclass(frozen=True)
class Call:
    """So many calls of one function of a program.

    Attributes:
        function: its name.
        arguments: the text of a tuple, evaluated in the program's module for each call, so that the calls share nothing.
        ways: how the calls are made in turn, names of `comparison.WAYS`.
        times: how many calls.
        before: a statement that is executed in the module first: names get another meaning between the calls.
    """

    function: str
    arguments: str
    ways: tuple[str, ...]
    times: int = 2
    before: str = ""

    def way(self, place: int) -> str:
        """How the call with this number is made."""
        return self.ways[place % len(self.ways)]


@dataclass(frozen=True)
class Program:
    """A module's text, what is called in it, and which rows of the grammar it was made of."""

    seed: int
    text: str
    calls: tuple[Call, ...]
    features: frozenset[str] = frozenset()


@functools.lru_cache(maxsize=2)
def compiled(text: str) -> types.CodeType:
    """The code of a module's text.

    Raises:
        SyntaxError: it is not Python.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about comparisons of literals and the like
        return compile(text, "program", "exec", dont_inherit=True)
