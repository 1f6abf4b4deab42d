"""Inputs of a target that are given when it runs: parameters, and variables of the environment.

An input stands in a graph as a LazyResult whose task is an `Input`. The builder makes it an input of the graph, like
a constant whose value comes later; nothing is called for it.
"""

from __future__ import annotations

import keyword

from cascade._vm import entry_point, holds_deferred
from cascade.declare.lazy import LazyResult, lazy_result
from cascade.declare.sameness import is_equal, is_same_value
from cascade.declare.task import Task
from cascade.errors import DeclarationError, InternalError
from cascade.imports import Any, NoReturn


class Required:
    """The default of an input that has none."""

    def __repr__(self) -> str:
        return "<required>"


REQUIRED = Required()


class Input(Task[..., object]):
    """The declaration of an input.

    Attributes:
        kind: "parameter" or "environment variable".
        name: its name.
        default: its value when it is not given, or REQUIRED.
        type: given values are converted to it; None leaves them as they are.
        description: for people.
    """

    takes_policies = False

    def __init__(self, kind: str, name: str, default: object, type: object, description: str) -> None:
        from cascade.declare.conversion import is_type  # it loads modules that a run without inputs does not need

        where = f"{'Param' if kind == 'parameter' else 'Env'}({name!r})"
        if not is_type(type):
            raise DeclarationError(
                f"type={type!r} is not a type", where=where, expected="a type, such as int or list[str], or a function"
            )
        if holds_deferred(default):
            raise DeclarationError(
                "the default is a LazyResult, which is not known before the run", where=where, expected="a plain value"
            )
        if not isinstance(description, str):
            raise DeclarationError(f"description={description!r}", where=where, expected="a text")
        super().__init__(_never_called, name=name)
        self.kind = kind
        self.default = default
        self.type = type
        self.description = description

    @property
    def required(self) -> bool:
        return self.default is REQUIRED

    def same_as(self, other: Input) -> bool:
        """Returns True if both are the same declaration, descriptions apart."""
        if self is other:
            return True
        return (
            (self.kind, self.name) == (other.kind, other.name)
            and (self.type is other.type or is_equal(self.type, other.type))
            and is_same_value(self.default, other.default)
        )

    def __repr__(self) -> str:
        return f"{'Param' if self.kind == 'parameter' else 'Env'}({self.name!r})"

    def __reduce__(self) -> tuple[object, ...]:
        return Input, (self.kind, self.name, self.default, self.type, self.description)

    def describe(self) -> str:
        """Returns a line for people: `n: int = 3  how many`."""
        from cascade.declare.conversion import type_name

        text = self.name if self.type is None else f"{self.name}: {type_name(self.type)}"
        if not self.required:
            text += f" = {self.default!r}"
        return f"{text}  {self.description}" if self.description else text


def _never_called() -> NoReturn:
    raise InternalError("an input was called")


@entry_point
def Param(name: str, default: object = REQUIRED, type: object = None, *, description: str = "") -> Any:  # noqa: N802, ANN401 - of the type of its parameter
    """Declares an input that is given when the target is run: `cs.run(target, params={"n": 3})`.

    It may stand anywhere a LazyResult may. A program compiled from a target takes its parameters by keyword.

    Args:
        name: its name, an identifier.
        default: its value when it is not given; without one it has to be given.
        type: a given value is converted to it, exactly or not at all: a type such as `int` or `list[str]`, or a
            function of the value. The default stays as it is; of a type such as `int` or `date` it has to fit, or be None.
        description: for help texts.

    Raises:
        DeclarationError: (a TypeError) the name is not an identifier, the type no type, the default a LazyResult or unfit.

    >>> import cascade as cs
    >>> @cs.task
    ... def double(x):
    ...     return 2 * x
    >>> cs.run(double(cs.Param("x", type=int)), params={"x": "21"})
    42
    """
    if not isinstance(name, str) or not name.isidentifier() or keyword.iskeyword(name):
        raise DeclarationError(f"Param({name!r})", expected="a name that can be written as a keyword argument")
    declared = Input("parameter", name, default, type, description)
    _check_default(declared)
    return lazy_result(declared, ())


@entry_point
def Env(name: str, default: object = REQUIRED, type: object = None, *, description: str = "") -> Any:  # noqa: N802, ANN401 - as Param
    """Declares an input that is read from the environment when the target is run, and is otherwise like `Param`.

    Args:
        name: the name of the environment's variable.
        default: its value when the variable is not set; without one it has to be set.
        type: the variable's text is converted to it.
        description: for help texts.

    Raises:
        DeclarationError: (a TypeError) as for `Param`.
    """
    if not isinstance(name, str) or not name or "=" in name or "\0" in name:
        raise DeclarationError(f"Env({name!r})", expected="the name of an environment variable")
    declared = Input("environment variable", name, default, type, description)
    _check_default(declared)
    return lazy_result(declared, ())


def _check_default(declared: Input) -> None:
    # Nothing is known of a type that is a user's class or function.
    from cascade.declare.conversion import PLAIN_TYPES, Unfit, convert

    if (
        declared.required
        or declared.default is None
        or not isinstance(declared.type, type)
        or declared.type not in PLAIN_TYPES
    ):
        return
    try:
        convert(declared.default, declared.type)
    except Unfit as error:
        raise DeclarationError(
            f"the default {declared.default!r} does not fit {declared.type.__name__}: {error}",
            where=repr(declared),
            expected="one that fits the type, or None",
        ) from None


def input_of(value: object) -> Input | None:
    """Returns the declaration that `value` stands for if it is an input's LazyResult, otherwise None."""
    task = value.task if type(value) is LazyResult else None
    return task if isinstance(task, Input) else None
