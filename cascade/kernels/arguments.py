"""The arguments of a call, by the parameters that they are for."""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from types import FunctionType
from typing import NamedTuple, TypeAlias

from cascade.kernels.function_builder import FunctionBuilder
from cascade.kernels.values import SideExit, Value


class Default(NamedTuple):
    """The default value of a parameter without an argument."""

    value: object


Argument: TypeAlias = ast.expr | Default | Value
"""An expression, a default, or the value of a parameter."""


def named_arguments(function: FunctionBuilder, node: ast.Call) -> list[tuple[str, ast.expr]]:
    """Returns the arguments of a call that are passed by name."""
    result = []
    for keyword in node.keywords:
        if keyword.arg is None:
            raise function.refuse("CS138", node, "write the arguments one by one")
        result.append((keyword.arg, keyword.value))
    return result


def bind_call(
    function: FunctionBuilder,
    called: FunctionType,
    positional: Sequence[ast.expr],
    named: Sequence[tuple[str, ast.expr]],
    node: ast.expr,
) -> Mapping[str, Argument]:
    """Returns the argument for each parameter of a function that is called, in the order of the parameters.

    Raises:
        SideExit: the call does not fit the signature; CPython raises.
    """
    code = called.__code__
    if code.co_flags & 0xC or code.co_kwonlyargcount:
        hint = "functions with *args, **kwargs or keyword-only parameters are not lowered"
        raise function.refuse("CS101", node, hint)
    if any(isinstance(item, ast.Starred) for item in positional):
        raise function.refuse("CS138", node, "write the arguments one by one")
    parameters = code.co_varnames[: code.co_argcount]
    given: dict[str, Argument] = {**by_parameter(parameters, code.co_posonlyargcount, positional, named)}
    defaults = called.__defaults__ or ()
    for name, default in zip(parameters[len(parameters) - len(defaults) :], defaults, strict=False):
        given.setdefault(name, Default(default))
    if len(given) != len(parameters):
        raise SideExit
    return {name: given[name] for name in parameters}


def by_parameter(
    parameters: Sequence[str],
    positional_only: int,
    positional: Sequence[ast.expr],
    named: Sequence[tuple[str, ast.expr]],
) -> dict[str, ast.expr]:
    """Returns the arguments that a call has, by the names of their parameters.

    Raises:
        SideExit: there is one too many, or one without a parameter; CPython raises.
    """
    if len(positional) > len(parameters):
        raise SideExit
    given = dict(zip(parameters, positional, strict=False))
    for name, value in named:
        if name in given or name not in parameters[positional_only:]:
            raise SideExit
        given[name] = value
    return given


def arguments_by_name(node: ast.Call, names: Sequence[str]) -> dict[str, ast.expr] | None:
    """Returns the arguments of a call by the names of the parameters; None where some are unpacked, or do not fit."""
    given = dict(zip(names, node.args, strict=False))
    for keyword in node.keywords:
        if keyword.arg is None or keyword.arg not in names or keyword.arg in given:
            return None
        given[keyword.arg] = keyword.value
    starred = any(isinstance(item, ast.Starred) for item in node.args)
    return given if len(node.args) <= len(names) and not starred else None
