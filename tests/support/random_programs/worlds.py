"""Worlds: a program's module, executed anew for each way of running it, so that none sees what another has changed.

In the world of plain Python `task`, `TailCall` and `Jump` are a few lines of Python that call the functions themselves.
"""

from __future__ import annotations

import builtins
import contextlib
import math
from collections.abc import Callable
from types import CodeType, FunctionType, SimpleNamespace
from typing import Any, NamedTuple

import cascade as cs
from tests.support.random_programs.model import IMPORTED, Change, Name, Object
from tests.support.random_programs.scripts import BUILTINS

STEP_LIMIT = 60
"""Task calls of a run: more than any program makes, so that a wrong count of `k` ends as a difference."""


class Trouble(Exception):
    """The programs' own exception class."""


# -- Plain Python -----------------------------------------------------------------------------------------------------


class PlainTailCall:
    """`TailCall`, in the world of plain Python."""

    def __init__(self, args: Any = (), kwargs: Any = None, target: Any = None) -> None:
        self.args, self.kwargs, self.target = args, kwargs or {}, target


class PlainJump:
    """`Jump`, in the world of plain Python."""

    def __init__(self, target_key: Any, data: Any = None) -> None:
        self.target_key, self.data = target_key, data


class PlainLazy(NamedTuple):
    """A call of a task that has not been made yet."""

    task: PlainTask
    arguments: dict[str, Any]

    def __bool__(self) -> bool:
        raise TypeError(
            f"the result of task {self.task.name!r} is not known yet, so it has no truth value; "
            "pass it to a task that decides, or run it first with cascade.run"
        )


class PlainTask:
    """`task`, in the world of plain Python: tail calls are rounds of a loop that calls the function itself."""

    def __init__(self, func: Any) -> None:
        self.func = func
        self.name = func.__name__
        code = func.__code__
        self.parameters: tuple[str, ...] = code.co_varnames[: code.co_argcount]
        self.names = set(self.parameters)
        defaults = func.__defaults__ or ()
        self.defaults = dict(zip(self.parameters[code.co_argcount - len(defaults) :], defaults, strict=True))

    def bind(self, args: Any, kwargs: dict[str, Any], current: dict[str, Any]) -> dict[str, Any]:
        """The arguments by name; what is not given is as in `current`."""
        given = {**dict(zip(self.parameters, args, strict=False)), **kwargs}
        bound = {**current, **given}
        if len(given) < len(args) + len(kwargs) or bound.keys() != self.names:
            self.func(*args, **kwargs)  # raises TypeError with Python's own words
        return bound

    def in_order(self, arguments: tuple[Any, ...]) -> tuple[Any, ...]:
        bound = self.bind(arguments, {}, self.defaults)
        return tuple(bound[name] for name in self.parameters)

    def __call__(self, *args: Any, **kwargs: Any) -> PlainLazy:
        return PlainLazy(self, self.bind(args, kwargs, self.defaults))

    def tail(self, *args: Any, **kwargs: Any) -> PlainTailCall:
        self.bind(args, kwargs, self.defaults)
        return PlainTailCall(args, kwargs, self)

    def run(self, arguments: tuple[Any, ...], by_name: Callable[[str], PlainTask]) -> Any:
        task, current = self, self.bind(arguments, {}, self.defaults)
        for _ in range(STEP_LIMIT):
            value = task.func(**current)
            if type(value) is PlainTailCall:
                target = value.target or task
                target = by_name(target) if isinstance(target, str) else target
                current = target.bind(value.args, value.kwargs, current if target is task else target.defaults)
                task = target
            elif type(value) is PlainLazy:
                task, current = value
            else:
                return value
        raise RecursionError  # `k` never gets to 0


def run_plain_machine(states: dict[str, tuple[PlainTask, tuple[Any, ...]]], by_name: Callable[[str], PlainTask]) -> Any:
    """What a state machine gives that begins with the state "f"."""
    current = {name: list(task.in_order(arguments)) for name, (task, arguments) in states.items()}
    name = "f"
    for _ in range(STEP_LIMIT):
        value = states[name][0].run(tuple(current[name]), by_name)
        if type(value) is not PlainJump:
            return value
        name = value.target_key
        if name == "end":
            return value.data
        current[name][0] = value.data
    raise RecursionError


def plain_task(func: Any = None, *, lower: bool | None = None) -> Any:
    return PlainTask if func is None else PlainTask(func)


# -- Objects that typed code can only move ----------------------------------------------------------------------------


class Plain:
    """Has nothing but its identity."""

    def __init__(self, world: World, name: str) -> None:
        self.world, self.name = world, name

    def __repr__(self) -> str:
        return f"<{self.name}>"


class Noisy(Plain):
    """Is a number of sorts, and writes down what is done to it: nothing may be done twice, or in another order."""

    answer = 3

    def __bool__(self) -> bool:
        return bool(self.done("bool"))

    def __len__(self) -> int:
        return self.done("len")

    def __index__(self) -> int:
        return self.done("index")

    def __eq__(self, other: object) -> Any:
        return self is other or self.done("eq") == other

    __hash__ = object.__hash__

    def __lt__(self, other: Any) -> Any:
        return self.done("lt") < other

    def __gt__(self, other: Any) -> Any:
        return self.done("gt") > other

    def __add__(self, other: Any) -> Any:
        return self.done("add") + other

    def __radd__(self, other: Any) -> Any:
        return other + self.done("radd")

    def __sub__(self, other: Any) -> Any:
        return self.done("sub") - other

    def __abs__(self) -> Any:
        return self.done("abs")

    def __float__(self) -> float:
        return float(self.done("float"))

    def done(self, what: str) -> int:
        self.world.log.append((self.name, what))
        return self.answer


class Meddling(Noisy):
    """Gives a global another meaning when something is done to it."""

    def done(self, what: str) -> int:
        self.world.set_name("FACTOR", len(self.world.log) - 1)
        return super().done(what)


class Sized(Plain):
    """Has a length and nothing else."""

    def __len__(self) -> int:
        return 5


class Whole(int):
    """No int for typed code, although it is one."""


class Broken(float):
    """No float for typed code."""


OBJECTS: dict[str, Callable[[World, str], Any]] = {
    "plain": Plain,
    "noisy": Noisy,
    "meddling": Meddling,
    "sized": Sized,
    "whole": lambda world, name: Whole(len(name)),
    "broken": lambda world, name: Broken(len(name) / 2),
}


# -- Worlds -----------------------------------------------------------------------------------------------------------


class Names(NamedTuple):
    """What a way of running puts into a program's module."""

    cs: Any
    task: Any
    TailCall: Any
    Jump: Any


PLAIN = Names(SimpleNamespace(TailCall=PlainTailCall, Jump=PlainJump), plain_task, PlainTailCall, PlainJump)
MATH = {name: getattr(math, name) for name in IMPORTED}
MODULES: dict[str, Any] = {"math": math, "builtins": builtins}


class World:
    """A program's module, and the objects of its script."""

    def __init__(self, code: CodeType, enclosed: bool, names: Names) -> None:
        self.namespace: dict[str, Any] = {
            "__name__": "random_program", "math": math, "Trouble": Trouble, **MATH, **names._asdict(),
        }  # fmt: skip
        exec(code, self.namespace)
        self.defined: dict[str, Any] = self.namespace["made"] if enclosed else dict(self.namespace)
        self.enclosed = enclosed
        self.task: Any = self.defined["f"]
        if not isinstance(self.task, (cs.Task, PlainTask)):
            raise TypeError("no task")  # one of the minimiser's trials
        self.objects: dict[str, Any] = {}
        self.log: list[Any] = []
        self.file = code.co_filename

    def arguments(self, values: tuple[Any, ...]) -> tuple[Any, ...]:
        return tuple([self.object(value) if type(value) is Object else value for value in values])

    def object(self, wanted: Object) -> Any:
        if wanted.name not in self.objects:
            self.objects[wanted.name] = OBJECTS[wanted.kind](self, wanted.name)
        return self.objects[wanted.name]

    def states(self, arguments: tuple[Any, ...], others: tuple[Any, ...]) -> dict[str, tuple[Any, tuple[Any, ...]]]:
        """Of a machine, the task and the arguments of each state."""
        states = {"f": (self.task, arguments)}
        if others:
            states["g"] = (self.defined["g"], others)
        return states

    # -- Changes ------------------------------------------------------------------------------------------------------

    def change(self, change: Change) -> None:
        value = change.value
        if type(value) is tuple:
            value = self.arguments(value)
        elif type(value) is Object:
            value = self.object(value)
        elif type(value) is Name:
            value = getattr(builtins, value.name) if value.name in BUILTINS else self.defined[value.name]
        getattr(self, f"set_{change.what}")(change.name, value)

    def set_name(self, name: str, value: Any) -> None:
        """Rebinds a global, or the cell of a free variable."""
        cell = self.cell(name)
        if cell is None:
            self.namespace[name] = value
        else:
            cell.cell_contents = value

    def set_delete(self, name: str, value: Any) -> None:
        cell = self.cell(name)
        if cell is None:
            self.namespace.pop(name, None)
        else:
            with contextlib.suppress(ValueError):
                del cell.cell_contents

    def set_shadow(self, name: str, value: Any) -> None:
        self.namespace[name] = value

    def set_unshadow(self, name: str, value: Any) -> None:
        self.namespace.pop(name, None)

    def set_defaults(self, name: str, value: Any) -> None:
        function = self.defined[name]
        function.__defaults__ = value[len(value) - len(function.__defaults__ or ()) :]

    def set_code(self, name: str, value: Any) -> None:
        function = self.defined[name]
        if len(function.__code__.co_freevars) == len(value.__code__.co_freevars):
            function.__code__ = value.__code__

    def cell(self, name: str) -> Any:
        if not self.enclosed:
            return None
        for value in self.defined.values():
            function = getattr(value, "func", value)
            if type(function) is FunctionType and name in function.__code__.co_freevars:
                return (function.__closure__ or ())[function.__code__.co_freevars.index(name)]
        return None
