"""The functions of typed code under translation: bodies of tasks, and helpers."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import FunctionType

from cascade.declare.task import Task
from cascade.kernels.assemble import Label, Space
from cascade.kernels.continuation import Continuations
from cascade.kernels.source import FunctionSource


@dataclass(eq=False)
class BodyPart:
    """A task's body under translation.

    Attributes:
        task: the task.
        types: of its parameters.
        source: the function.
        continuations: makes the continuations of the function.
        number: its position among the bodies.
        label: its first instruction.
        parameters: the name of the register of each parameter.
        kept: for each parameter, the name of the register that holds its argument, and its type.
        state: the number of the state that calls the task; -1 outside of state machines.
    """

    task: Task[..., object]
    types: tuple[str, ...]
    source: FunctionSource
    continuations: Continuations
    number: int
    label: Label = field(default_factory=Label)
    parameters: list[int] = field(default_factory=list)
    kept: list[tuple[int, str]] = field(default_factory=list)
    state: int = -1


class HelperPart:
    """A helper function under translation.

    Attributes:
        function: the function.
        types: of its parameters.
        space: its registers.
        label: its first instruction.
        result: the type of its result; empty while that is not known.
        assumed: whether the type was assumed, because the function calls itself before its first return.
    """

    def __init__(
        self, function: FunctionType, types: tuple[str, ...], space: Space, result: str = "", assumed: bool = False
    ) -> None:
        self.function = function
        self.types = types
        self.space = space
        self.label = Label()
        self.result = result
        self.assumed = assumed


class WrongAssumption(Exception):
    """The result of a recursive helper is not of the assumed type."""

    def __init__(self, part: HelperPart) -> None:
        super().__init__()
        self.part = part
