"""Random scripts: calls with arguments of several types, and changes of what names mean between them."""

from __future__ import annotations

from collections.abc import Iterable
from random import Random
from typing import Any

from tests.support.random_programs.model import Call, Change, Helper, Name, Object, Signature
from tests.support.random_programs.numbers import FLOATS, INTS, WIDE_INTS

CONSTANTS = ("FACTOR", "SCALE", "NOTHING", "FLAG", "SIZED")
BUILTINS = ("abs", "min", "max", "int", "float", "bool", "round", "pow", "len", "range")


def replacement_of_seven(*arguments: Any) -> int:
    return 7


def replacement_of_half(*arguments: Any) -> float:
    return 0.5


def replacement_that_fails(*arguments: Any) -> Any:
    raise ValueError("replaced", len(arguments))


REPLACEMENTS = (replacement_of_seven, replacement_of_half, replacement_that_fails)
REPLACED_BUILTINS = ("pow", "round", "divmod")
REPLACED_MATH = ("floor", "gcd", "isqrt", "sin", "exp", "fmod", "atan2", "pi")
"""What can be rebound for the whole process for a moment: Cascade itself uses none of these while it runs a program."""
TIMES = (3,) * 9 + (20,)
"""How often the first call is made: at times so often that CPython specialises the code that it runs after side exits."""
OBJECT_KINDS = ("plain", "plain", "plain", "noisy", "meddling", "sized")


class ScriptWriter:
    """Writes what is done with a program: calls with arguments of several types, and changes between them."""

    def __init__(
        self,
        pick: Random,
        text: str,
        tasks: list[Signature],
        helpers: list[Helper],
        many_tails: bool,
        machine: bool = False,
    ) -> None:
        self.pick = pick
        self.text = text
        self.tasks = tasks
        self.helpers = helpers
        self.many_tails = many_tails
        self.has_others = machine and len(tasks) > 1
        self.stateless = True
        self.objects = 0

    def script(self) -> tuple[Call | Change, ...]:
        # Making a kernel takes as long as dozens of calls: values are cheap, other types are not.
        actions: list[Call | Change] = [self.call(times=self.pick.choice(TIMES))]
        actions += [self.call() for _ in range(self.pick.randint(8, 14))]
        actions += [self.call(strange=True, times=2) for _ in range(self.pick.choice([0, 0, 1, 1, 2]))]
        if self.pick.random() < 0.3:
            for _ in range(self.pick.choice([1, 1, 2])):
                actions += [*self.changes(), self.call(times=2)]
        return tuple(actions)

    def call(self, *, strange: bool = False, times: int = 1) -> Call:
        arguments = self.arguments(self.tasks[-1], strange)
        return Call(arguments, times, self.arguments(self.tasks[0], strange) if self.has_others else ())

    def arguments(self, task: Signature, strange: bool = False) -> tuple[Any, ...]:
        """Arguments for a task; `strange` ones are of other types than the parameters are made for."""
        parameters = task.parameters
        odd = self.pick.randrange(len(parameters)) if strange else -1
        values: list[Any] = [self.count(strange)]
        for place, parameter in enumerate(parameters):
            if parameter.default is not None and self.pick.random() < 0.3:
                break
            kind = parameter.kind
            if place == odd or strange and self.pick.random() < 0.3:
                kind = self.pick.choice(["int", "float", "float", "bool", "wide", "any", "object", "subclass"])
            values.append(self.value(kind))
        return tuple(values)

    def count(self, strange: bool) -> Any:
        if strange and self.pick.random() < 0.15:
            return self.pick.choice([True, 2.0, 1.5, -(2**63), None, float("nan"), -1])
        return self.pick.choice([0, 1, 3, 40, 45] if self.many_tails else [0, 0, 1, 2, 3])

    def value(self, kind: str) -> Any:
        pick = self.pick
        if kind == "int":
            chance = pick.random()
            return pick.randint(-20, 20) if chance < 0.55 else pick.choice(INTS if chance < 0.95 else WIDE_INTS)
        if kind == "float":
            return pick.randint(-40, 40) / 8 if pick.random() < 0.45 else pick.choice(FLOATS)
        if kind == "bool":
            return pick.random() < 0.5
        if kind == "wide":
            return pick.choice(WIDE_INTS)
        if kind == "object" or kind == "any" and pick.random() < 0.3:
            return self.object(pick.choice(OBJECT_KINDS))
        if kind == "subclass":
            return self.object(pick.choice(["whole", "broken"]))
        return pick.choice([None, self.value("int"), self.value("float"), self.value("bool"), 1j])

    def object(self, kind: str) -> Object:
        self.objects += 1
        if kind == "meddling":
            self.stateless = False
        return Object(kind, f"{kind}{self.objects}")

    # -- Changes ------------------------------------------------------------------------------------------------------

    def changes(self) -> list[Call | Change]:
        """Something is rebound, and perhaps bound back again after a call."""
        kind = self.pick.choice(["constant", "constant", "constant", "builtin", "helper", "helper", "module", "task"])
        made: list[Call | Change] = getattr(self, "change_" + kind)()
        return made or self.change_constant()

    def used(self, names: Iterable[str]) -> list[str]:
        return [name for name in names if name in self.text]

    def change_constant(self) -> list[Call | Change]:
        name = self.pick.choice([name for name in CONSTANTS if self.text.count(name) > 1] or ["FACTOR"])
        if self.pick.random() < 0.1:
            return [Change("delete", name)]
        value = self.pick.choice(["int", "int", "float", "bool", "wide", "any"])
        return [Change("name", name, self.value(value))]

    def change_builtin(self) -> list[Call | Change]:
        """A global hides the builtin of that name, for one call or for good."""
        names = self.used([f"{name}(" for name in BUILTINS])
        if not names:
            return []
        name = self.pick.choice(names)[:-1]
        value = self.pick.choice([*REPLACEMENTS, Name("range")]) if name == "range" else self.pick.choice(REPLACEMENTS)
        made: list[Call | Change] = [Change("shadow", name, value)]
        if self.pick.random() < 0.5:
            made += [self.call(times=2), Change("unshadow", name)]
        return made

    def change_helper(self) -> list[Call | Change]:
        if not self.helpers:
            return []
        helper = self.pick.choice(self.helpers)
        what = self.pick.choice(["name", "name", "defaults", "code"])
        other = self.pick.choice(self.helpers)
        if what == "name":
            value = self.pick.choice([*REPLACEMENTS, abs, Name(other.name), None])
            return [Change("name", helper.name, value)]
        if what == "code":
            return [Change("code", helper.name, Name(other.name))]
        return [Change("defaults", helper.name, tuple(self.value("any") for _ in helper.parameters[1:]))]

    def change_module(self) -> list[Call | Change]:
        module = self.pick.choice(["math", "builtins"])
        if module == "math":
            names = self.used([f"math.{name}" for name in REPLACED_MATH])
        else:
            names = self.used([f"{name}(" for name in REPLACED_BUILTINS])
        if not names:
            return []
        name = self.pick.choice(names).removeprefix("math.").removesuffix("(")
        made: list[Call | Change] = [Change(module, name, self.pick.choice(REPLACEMENTS) if name != "pi" else 3)]
        return [*made, self.call(times=2), Change(module, name, None)]

    def change_task(self) -> list[Call | Change]:
        if "target='" in self.text:
            return []
        if len(self.tasks) > 1:
            return [Change("name", "f", Name("g"))]
        # What is not a task is no target: that error is Cascade's own.
        return [Change("name", "f", self.pick.choice([None, *REPLACEMENTS]))] if "target=f" not in self.text else []
