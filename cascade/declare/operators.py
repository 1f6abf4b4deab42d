"""Operators over results: arithmetic, `[key]` and comparison by order make nodes, and every other use as a value is an error.

    price(order) * 3 < budget[0]        <  (  * (price(order), 3),  [] (budget, 0)  )

The operation of such a node is a task whose function is that of the module `operator`, written in C: so a traceback has no frame for it, and the
error of a wrong operand is Python's own. A task is named by its operator.

`==` and `!=` are errors, too: results have to stay hashable and are keys of dicts, so `==` cannot make a node, and an answer by identity would
take the wrong branch in silence.
"""

from __future__ import annotations

import operator
import sys
from collections.abc import Callable, Generator

from cascade._vm import entry_point, inside_task
from cascade.errors import NotRunError, nearest
from cascade.imports import TYPE_CHECKING, Any, Generic, NoReturn, TypeVar, from_above

Node = TypeVar("Node")

FUNCTIONS: dict[str, Callable[..., object]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.truediv,
    "//": operator.floordiv,
    "%": operator.mod,
    "**": operator.pow,
    "@": operator.matmul,
    "<<": operator.lshift,
    ">>": operator.rshift,
    "&": operator.and_,
    "|": operator.or_,
    "^": operator.xor,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "[]": operator.getitem,
    "neg": operator.neg,
    "pos": operator.pos,
    "~": operator.invert,
    "abs": abs,
    "divmod": divmod,
    "pow": pow,
    "round": round,
    "slice": slice,
}
"""The functions of the nodes, by the names of their tasks."""

_tasks: dict[str, Any] = {}
_make_task: Callable[[str, Callable[..., object], Callable[..., object]], object]


def make_tasks_by(make: Callable[[str, Callable[..., object], Callable[..., object]], object]) -> None:
    """Sets the function that makes a task of a name, a function, and one with the same parameters that is written in Python."""
    global _make_task
    _make_task = make


def task_of(name: str) -> Any:  # noqa: ANN401 - a Task, whose class derives nothing from this module
    """Returns the task of an operator; it is made when it is first needed."""
    task = _tasks.get(name)
    if task is None:
        function = FUNCTIONS[name]
        task = _tasks[name] = _make_task(name, function, SHAPES.get(name, _binary))
    return task


def is_operator(task: object) -> bool:
    """Whether a task is that of an operator."""
    return _tasks.get(getattr(task, "name", "")) is task


def _binary(a: object, b: object, /) -> None: ...
def _unary(a: object, /) -> None: ...
def _ternary(a: object, b: object, c: object, /) -> None: ...


SHAPES: dict[str, Callable[..., object]] = {
    **dict.fromkeys(("neg", "pos", "~", "abs"), _unary),
    **dict.fromkeys(("pow", "slice"), _ternary),
}
"""Functions with the parameters of those that do not have two."""

PREFIX = "task of "


def __getattr__(name: str) -> object:
    """Finds a task by its qualified name, as pickle does."""
    if name.startswith(PREFIX) and name.removeprefix(PREFIX) in FUNCTIONS:
        return task_of(name.removeprefix(PREFIX))
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


class Operators(Generic[Node]):
    """The special methods of a LazyResult. `Node` is the type of the results that operators make."""

    __slots__ = ()

    task: Any
    # NumPy and pandas leave operators to the other operand, which is this one, instead of applying them to each of their elements.
    __array_ufunc__ = None
    __pandas_priority__ = 10_000

    def _node(self, name: str, *operands: object) -> Node:
        node: Any = object.__new__(type(self))
        node.task = task_of(name)
        node.slots = operands
        node.policies = None
        return node  # type: ignore[no-any-return]

    def __add__(self, other: object) -> Node:
        return self._node("+", self, other)

    def __radd__(self, other: object) -> Node:
        return self._node("+", other, self)

    def __sub__(self, other: object) -> Node:
        return self._node("-", self, other)

    def __rsub__(self, other: object) -> Node:
        return self._node("-", other, self)

    def __mul__(self, other: object) -> Node:
        return self._node("*", self, other)

    def __rmul__(self, other: object) -> Node:
        return self._node("*", other, self)

    def __truediv__(self, other: object) -> Node:
        return self._node("/", self, other)

    def __rtruediv__(self, other: object) -> Node:
        return self._node("/", other, self)

    def __floordiv__(self, other: object) -> Node:
        return self._node("//", self, other)

    def __rfloordiv__(self, other: object) -> Node:
        return self._node("//", other, self)

    def __mod__(self, other: object) -> Node:
        return self._node("%", self, other)

    def __rmod__(self, other: object) -> Node:
        return self._node("%", other, self)

    def __pow__(self, other: object, modulus: object = None) -> Node:
        return self._node("**", self, other) if modulus is None else self._node("pow", self, other, modulus)

    def __rpow__(self, other: object) -> Node:
        return self._node("**", other, self)

    def __matmul__(self, other: object) -> Node:
        return self._node("@", self, other)

    def __rmatmul__(self, other: object) -> Node:
        return self._node("@", other, self)

    def __lshift__(self, other: object) -> Node:
        return self._node("<<", self, other)

    def __rlshift__(self, other: object) -> Node:
        return self._node("<<", other, self)

    def __rshift__(self, other: object) -> Node:
        return self._node(">>", self, other)

    def __rrshift__(self, other: object) -> Node:
        return self._node(">>", other, self)

    def __and__(self, other: object) -> Node:
        return self._node("&", self, other)

    def __rand__(self, other: object) -> Node:
        return self._node("&", other, self)

    def __or__(self, other: object) -> Node:
        return self._node("|", self, other)

    def __ror__(self, other: object) -> Node:
        return self._node("|", other, self)

    def __xor__(self, other: object) -> Node:
        return self._node("^", self, other)

    def __rxor__(self, other: object) -> Node:
        return self._node("^", other, self)

    def __divmod__(self, other: object) -> Node:
        return self._node("divmod", self, other)

    def __rdivmod__(self, other: object) -> Node:
        return self._node("divmod", other, self)

    def __neg__(self) -> Node:
        return self._node("neg", self)

    def __pos__(self) -> Node:
        return self._node("pos", self)

    def __invert__(self) -> Node:
        return self._node("~", self)

    def __abs__(self) -> Node:
        return self._node("abs", self)

    def __round__(self, digits: object = None) -> Node:
        return self._node("round", self, digits)

    def __lt__(self, other: object) -> Node:
        return self._node("<", self, other)

    def __le__(self, other: object) -> Node:
        return self._node("<=", self, other)

    def __gt__(self, other: object) -> Node:
        return self._node(">", self, other)

    def __ge__(self, other: object) -> Node:
        return self._node(">=", self, other)

    def __getitem__(self, key: object) -> Node:
        return self._node("[]", self, self._as_key(key))

    def _as_key(self, key: object) -> object:
        """Returns a key in which a slice with results among its bounds is a node of its own: results are looked for in containers only."""
        if type(key) is tuple:
            return tuple([self._as_key(part) for part in key])
        if type(key) is slice:
            bounds = (key.start, key.stop, key.step)
            if any(isinstance(bound, Operators) for bound in bounds):
                return self._node("slice", *bounds)
        return key

    # -- Uses as a value --------------------------------------------------------------------------------------------

    @entry_point
    def __eq__(self, other: object) -> bool:
        if other is self:
            return True
        raise self._not_run("cannot be compared by ==", COMPARE)

    @entry_point
    def __ne__(self, other: object) -> bool:
        if other is self:
            return False
        raise self._not_run("cannot be compared by !=", COMPARE)

    __hash__ = object.__hash__

    @entry_point
    def __bool__(self) -> NoReturn:
        raise self._not_run("has no truth value", CONDITION)

    @entry_point
    def __len__(self) -> NoReturn:
        raise self._not_run("cannot be measured by len()")

    @entry_point
    def __iter__(self) -> NoReturn:
        raise self._not_run("cannot be iterated over", ITEMS)

    @entry_point
    def __reversed__(self) -> NoReturn:
        raise self._not_run("cannot be reversed")

    @entry_point
    def __contains__(self, item: object) -> NoReturn:
        raise self._not_run("cannot be searched by in")

    @entry_point
    def __setitem__(self, key: object, value: object) -> NoReturn:
        raise self._not_run("cannot be changed")

    @entry_point
    def __delitem__(self, key: object) -> NoReturn:
        raise self._not_run("cannot be changed")

    @entry_point
    def __int__(self) -> NoReturn:
        raise self._not_run("cannot be converted by int()")

    @entry_point
    def __float__(self) -> NoReturn:
        raise self._not_run("cannot be converted by float()")

    @entry_point
    def __complex__(self) -> NoReturn:
        raise self._not_run("cannot be converted by complex()")

    @entry_point
    def __index__(self) -> NoReturn:
        raise self._not_run("cannot be used as an index or a number of items")

    def __await__(self) -> Generator[object, None, Any]:
        return from_above("cascade.runtime.api", "arun")(self).__await__()  # type: ignore[no-any-return]

    @entry_point
    def __format__(self, specification: str) -> str:
        if specification:
            raise self._not_run(f"cannot be formatted by {specification!r}")
        return str(self)

    def _no_attribute(self, name: str) -> NotRunError:
        if name in OF_FUTURES:
            return self._not_run(f"has no {name!r}", FETCH)
        near = nearest(name, dir(type(self))) if name.startswith(("with_", "run_")) else None
        return self._not_run(f"its attribute {name!r} cannot be read", near or ATTRIBUTE.format(name=name))

    def _not_run(self, use: str, hint: str | None = None) -> NotRunError:
        task, inside = self.task, inside_task()
        kind = "the result of task" if task.takes_policies else "the input"
        return NotRunError(
            f"{kind} {task.name!r} is not known yet, and {use}",
            where="a task, in which a call of a task is lazy as everywhere" if inside else None,
            hint=INSIDE if inside else hint or VALUE,
        )


VALUE = "pass it to a task, which is given its value; or run it first: value = cs.run(result)"
ITEMS = "call a task for each of its items: task.map(result); pass it to a task; or run it first: for item in cs.run(result)"
CONDITION = (
    "task(...).run_if(condition) or cs.Router(condition, routes); pass it to a task; or run it first: if cs.run(result)"
)
FETCH = "cs.run(result) runs it, and returns the value"
ATTRIBUTE = "read it in a task, which is given the value; or run it first: cs.run(result).{name}"
COMPARE = (
    "compare in a task, which is given the value; or run it first: cs.run(result) == value. "
    "`is` tells whether two results are the same one"
)
INSIDE = (
    "return the result, or pass it to another task: return other_task(result, ...); loop with return this_task.tail(...); "
    "call the function itself: this_task.func(...); or run it here: cs.run(result)"
)


OF_FUTURES = frozenset({"compute", "execute", "fetch", "result", "run", "value", "wait"})
"""What other engines call the way to a value."""

OF_ARRAYS = frozenset(
    {"T", "all", "any", "astype", "columns", "describe", "dtype", "flatten", "groupby", "head", "iloc", "loc", "max", "mean", "min", "plot",
     "reshape", "shape", "size", "std", "sum", "to_csv", "tolist"}
)  # fmt: skip
"""The attributes of arrays and data frames that are read most."""


# Attributes of values are errors that say so. A `__getattr__` costs nothing since CPython 3.12; before, a class that has one has all of its
# attributes looked up in a slow way, which is 5 % of building and running a node. There the attributes of built-in values are named instead.


@entry_point
def _get_attribute(result: Operators[object], name: str) -> NoReturn:
    if (
        name.startswith("__") or name in type(result).__slots__
    ):  # asked for by copy, pickle, inspect; or of one that has not been made yet
        raise AttributeError(f"{type(result).__name__!r} object has no attribute {name!r}")
    raise result._no_attribute(name)


class _OfValues:
    """An attribute of values that a result does not have."""

    def __init__(self, name: str) -> None:
        self.name = name

    @entry_point
    def __get__(self, result: Operators[object] | None, kind: type) -> NoReturn:
        if result is None:
            raise AttributeError(f"type object {kind.__name__!r} has no attribute {self.name!r}")
        raise result._no_attribute(self.name)


if not TYPE_CHECKING:
    if sys.version_info >= (3, 12):
        Operators.__getattr__ = _get_attribute
    else:
        OF_VALUES = {name for kind in (list, dict, set, str, bytes, complex, int, float) for name in dir(kind)}
        OF_VALUES |= OF_FUTURES | OF_ARRAYS
        for _name in OF_VALUES:
            if not _name.startswith("_"):
                setattr(Operators, _name, _OfValues(_name))
        Operators.__dir__ = lambda result: [
            name for name in object.__dir__(result) if name not in OF_VALUES or name.startswith("_")
        ]
