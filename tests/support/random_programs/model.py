"""What a program is: its text, and a script of what is done with it. Data only.

    FACTOR = 3
    def h0(u, v=FACTOR): ...                     helper functions, some of them recursive
    @task
    def g(k, x): ...                             at times a second task; each makes tail calls to both
    @task(lower=True)
    def f(k, a, b=2): ...                        the task that is run

`k` counts tail calls down, so that they end. At times the tasks are the states of a machine, `"f"` and `"g"`, and go on by
`Jump`s as well, which count `k` down, too.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

HEADER = """\
import math
from math import floor, inf, isnan, nan, pi, sqrt

import cascade as cs
from cascade import Jump, TailCall, task


class Trouble(Exception):
    pass

"""
"""What a program sees besides its own text: the imports and the names that a way of running puts into its module."""

IMPORTED = ("sqrt", "floor", "pi", "inf", "nan", "isnan")
"""Names of `math` that programs also know without `math.` before them."""

KINDS = ("int", "float", "bool", "any", "object")
"""What a parameter can be declared to be. Variables can also be "real", "none", "mixed" or "maybe" (unbound)."""


@dataclass(frozen=True)
class Parameter:
    """A parameter: what it mostly is, and its default as text, if it has one."""

    name: str
    kind: str
    default: str | None = None


@dataclass(frozen=True)
class Helper:
    """A plain function that expressions call, and the kind of its result."""

    name: str
    parameters: tuple[Parameter, ...]
    kind: str


class Signature(NamedTuple):
    """A task: its name, and its parameters after `k`."""

    name: str
    parameters: tuple[Parameter, ...]


class Object(NamedTuple):
    """Stands in a script for an object that typed code can only move: see `worlds.OBJECTS` for the kinds."""

    kind: str
    name: str


class Name(NamedTuple):
    """Stands in a script for what a name of the program means."""

    name: str


@dataclass(frozen=True)
class Call:
    """The task is called, several times over on the path that lowers what is called often.

    Attributes:
        others: of a machine, the arguments of the state "g".
    """

    arguments: tuple[Any, ...]
    times: int = 1
    others: tuple[Any, ...] = ()


@dataclass(frozen=True)
class Change:
    """Something gets another meaning.

    Attributes:
        what: "name" (a global or a free variable is rebound), "delete", "shadow" (a global hides a builtin),
            "unshadow", "defaults" or "code" (of a function); or "math" or "builtins", the module whose attribute it is.
        value: the new meaning; None gives a module's attribute back its own.
    """

    what: str
    name: str
    value: Any = None


@dataclass(frozen=True)
class Program:
    """A program and its script.

    Attributes:
        stateless: whether equal calls give equal results as long as nothing is changed from outside.
        enclosed: whether all is defined inside a function, so that the names are free variables. Its text then puts
            them into a dictionary `made`.
        machine: whether the tasks are the states of a machine.
    """

    seed: int
    text: str
    script: tuple[Call | Change, ...]
    stateless: bool = True
    enclosed: bool = False
    machine: bool = False
