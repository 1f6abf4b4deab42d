"""Tail calls: the target of a `return`, and the arguments of its parameters."""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from types import FunctionType
from typing import NamedTuple

from cascade._vm import TailCall
from cascade.declare.task import Task
from cascade.kernels.arguments import Argument, arguments_by_name, bind_call, by_parameter
from cascade.kernels.function_builder import FunctionBuilder
from cascade.kernels.parts import BodyPart
from cascade.kernels.values import SideExit, of_type


class FoundTailCall(NamedTuple):
    """A tail call.

    Attributes:
        task: its target.
        arguments: of each parameter, in their order.
        deferred: whether it is spelled as a call of the task itself.
    """

    task: Task[..., object]
    arguments: Mapping[str, Argument]
    deferred: bool


class _Spelled(NamedTuple):
    form: str  # "tail", "TailCall" or "call"
    target: Task[..., object]
    positional: Sequence[ast.expr]
    keywords: list[tuple[str | None, ast.expr]]


class TailCallReader:
    """Reads the tail calls of a body.

    Args:
        function: knows the meaning of names.
        part: the body.
    """

    def __init__(self, function: FunctionBuilder, part: BodyPart) -> None:
        self.function = function
        self.part = part
        code = part.source.code
        self.parameters = code.co_varnames[: code.co_argcount]

    def read(self, node: ast.Call) -> FoundTailCall | None:
        """Returns the tail call that `return node` makes; None where it is no tail call that may stay in the code."""
        spelled = self.spelling(node)
        if spelled is None:
            return None
        form, target, positional, keywords = spelled
        named = [(name, value) for name, value in keywords if name is not None]
        if len(named) < len(keywords) or not may_stay_in_code(target):
            return None
        if target is not self.part.task or form == "call":
            assert isinstance(target.func, FunctionType)
            arguments = bind_call(self.function, target.func, positional, named, node)
            return FoundTailCall(target, arguments, form == "call")
        return FoundTailCall(target, self.own_arguments(positional, named, form == "tail"), False)

    def spelling(self, node: ast.Call) -> _Spelled | None:
        """Returns the spelling of a tail call: `task.tail(...)`, `TailCall(...)` or `task(...)`; None for other calls."""
        func = node.func
        keywords: list[tuple[str | None, ast.expr]] = [(keyword.arg, keyword.value) for keyword in node.keywords]
        meaning = self.function.meaning
        if isinstance(func, ast.Attribute) and func.attr == "tail" and type(target := meaning(func.value)) is Task:
            return _Spelled("tail", target, node.args, keywords)
        meant = meaning(func)
        if meant is TailCall:
            return self.constructed(node)
        return _Spelled("call", meant, node.args, keywords) if type(meant) is Task else None

    def constructed(self, node: ast.Call) -> _Spelled | None:
        """Returns the tail call of `TailCall(args, kwargs, target)`; None where its arguments are not all written."""
        given = arguments_by_name(node, ("args", "kwargs", "target"))
        if given is None:
            return None
        target = self.function.meaning(given["target"]) if "target" in given else self.part.task
        args, kwargs = given.get("args", ast.Tuple([], ast.Load())), given.get("kwargs", ast.Dict([], []))
        if type(target) is not Task or not isinstance(args, ast.Tuple) or not isinstance(kwargs, ast.Dict):
            return None
        keywords = [
            (key.value if isinstance(key, ast.Constant) and type(key.value) is str else None, value)
            for key, value in zip(kwargs.keys, kwargs.values, strict=True)
        ]
        return _Spelled("TailCall", target, args.elts, keywords)

    def own_arguments(
        self, positional: Sequence[ast.expr], named: Sequence[tuple[str, ast.expr]], checked: bool
    ) -> dict[str, Argument]:
        """Returns the arguments of a tail call of the task itself: a parameter that is not named keeps its argument."""
        parameters, function = self.parameters, self.part.source.function
        if any(isinstance(item, ast.Starred) for item in positional):
            raise SideExit
        given = by_parameter(parameters, function.__code__.co_posonlyargcount, positional, named)
        required = parameters[: len(parameters) - len(function.__defaults__ or ())]
        if checked and any(name not in given for name in required):
            raise SideExit
        kept = zip(parameters, self.part.kept, strict=True)
        return {name: given.get(name, of_type(kind, register)) for name, (register, kind) in kept}


def may_stay_in_code(task: Task[..., object]) -> bool:
    """Returns whether a tail call to the task may stay in the code."""
    return (
        task.lower is not False
        and task.policies is None
        and not task.is_async
        and task.mode == "inline"
        and type(task.func) is FunctionType
    )
