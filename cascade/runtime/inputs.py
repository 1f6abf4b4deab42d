"""The values of a run's inputs: parameters that were given, and variables of the environment."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping

from cascade._vm import hands_on_deferred
from cascade.declare.inputs import Input, input_of
from cascade.errors import ParameterError, nearest
from cascade.events.preview import preview
from cascade.graph.containers import PLAIN
from cascade.graph.inputs import Inputs

NOTHING: dict[str, object] = {}
ABSENT = object()
"""Stands for an input that was not given."""


class InputValues:
    """Finds and converts the values of inputs, each once in a run.

    Args:
        params: the parameters of the run, by name.

    Raises:
        ParameterError: (a TypeError) `params` is not a mapping of names, or holds a LazyResult.
    """

    def __init__(self, params: Mapping[str, object] | None = None) -> None:
        if params is None:
            params = NOTHING
        elif not isinstance(params, Mapping):
            raise ParameterError(
                "params", f"params={preview(params)}", expected="a mapping of names to values, such as {'n': 3}"
            )
        for name, value in params.items():
            if not isinstance(name, str):
                raise ParameterError("params", f"params has the key {preview(name)}", expected="names")
            if hands_on_deferred((value,)):
                raise ParameterError(
                    name,
                    f"parameter {name!r} was given a LazyResult",
                    expected="a value",
                    hint="run it first, or pass it as the argument in place of the Param",
                )
        self.params = params
        self._values: dict[tuple[str, str], tuple[Input, object]] = {}
        self._texts: dict[str, object] = {}

    @classmethod
    def found(cls, params: Mapping[str, object], values: dict[tuple[str, str], tuple[Input, object]]) -> InputValues:
        """Returns the values of inputs that have been found already, by kind and name of the inputs."""
        new = cls.__new__(cls)
        new.params, new._values, new._texts = params, values, {}
        return new

    def check(self, declared: Iterable[Input]) -> None:
        """Finds the values of a target's inputs, before anything runs.

        Raises:
            ParameterError: (a TypeError and a ValueError) one is missing, cannot be converted, was declared twice in
                different ways, or a parameter was given that is none of them.
        """
        declared = list(declared)
        known = {each.name for each in declared if each.kind == "parameter"}
        for name in self.params:
            if name not in known:
                raise unknown_parameter(name, known)
        for each in declared:
            self.value(each)

    def value(self, declared: Input) -> object:
        """Returns the value of an input."""
        key = (declared.kind, declared.name)
        found = self._values.get(key)
        if found is None:
            found = self._values[key] = (declared, self._find(declared))
        elif not declared.same_as(found[0]):
            raise ParameterError(
                declared.name,
                f"{declared.kind} {declared.name!r} is declared twice in this run, with another type or default",
                expected=f"{found[0].describe()}, as it was declared first; not {declared.describe()}",
                hint="declare it once and use the same object",
            )
        return found[1]

    def given(self, kind: str, name: str) -> object:
        """Returns the value given for an input: the parameter, or the text of the variable when it was first read; ABSENT for none."""
        if kind == "parameter":
            return self.params.get(name, ABSENT)
        if name not in self._texts:
            self._texts[name] = os.environ.get(name, ABSENT)
        return self._texts[name]

    def known(self, kind: str, name: str) -> object:
        """The value of an input, if it was found already, or ABSENT."""
        found = self._values.get((kind, name))
        return ABSENT if found is None else found[1]

    def _find(self, declared: Input) -> object:
        given = self.given(declared.kind, declared.name)
        if given is not ABSENT:
            return converted(given, declared)
        if declared.required:
            raise missing(declared)
        return declared.default

    def fill(self, inputs: Inputs) -> list[object]:
        """Returns the inputs of a graph, declarations replaced by their values."""
        result = list(inputs)
        for number in inputs.declared:
            declared = input_of(inputs[number])
            assert declared is not None
            result[number] = self.value(declared)
        return result


class ParameterLayout:
    """The parameters of a program, analysed once.

    Args:
        values: of the target's inputs, with any values for parameters.
        parameters: for each parameter its declaration, and the numbers of its inputs.
    """

    def __init__(self, values: list[object], parameters: dict[str, tuple[Input, list[int]]]) -> None:
        self._values = values
        self._parameters = parameters
        self._required = {name for name, (declared, _) in parameters.items() if declared.required}

    def fill(self, params: dict[str, object]) -> tuple[InputValues, list[object]] | None:
        """Returns the inputs of the target; None where the parameters do not fit, for `InputValues` to raise the error.

        Raises:
            ParameterError: (a TypeError and a ValueError) a value cannot be converted.
        """
        parameters = self._parameters
        if not self._required <= params.keys() <= parameters.keys():
            return None
        for value in params.values():
            if type(value) not in PLAIN and hands_on_deferred((value,)):
                return None
        found = {}
        values = self._values.copy()
        for name, (declared, numbers) in parameters.items():
            value = converted(params[name], declared) if name in params else declared.default
            found["parameter", name] = declared, value
            for number in numbers:
                values[number] = value
        return InputValues.found(params, found), values


def layout_of(inputs: Inputs) -> ParameterLayout | None:
    """Returns the layout of a target's inputs; None where it takes other inputs, or declares one parameter in two ways."""
    if inputs.elsewhere or inputs.injections or inputs.tables:
        return None
    parameters: dict[str, tuple[Input, list[int]]] = {}
    for number in inputs.declared:
        declared = input_of(inputs[number])
        assert declared is not None
        first, numbers = parameters.setdefault(declared.name, (declared, []))
        if declared.kind != "parameter" or not declared.same_as(first):
            return None
        numbers.append(number)
    return ParameterLayout(list(inputs), parameters)


def converted(value: object, declared: Input) -> object:
    """Returns a value converted to the input's type."""
    kind = declared.type
    if kind is None or (type(value) is kind and kind in PLAIN):
        return value
    from cascade.declare.conversion import Unfit, convert, type_name  # it imports typing and datetime

    try:
        return convert(value, kind)
    except Unfit as error:
        raise ParameterError(
            declared.name,
            f"{declared.kind} {declared.name!r} is {preview(value)}: {error}",
            expected=type_name(declared.type) + (f" ({declared.description})" if declared.description else ""),
        ) from error


def missing(declared: Input) -> ParameterError:
    """Returns the error of an input that was not given."""
    if declared.kind == "parameter":
        hint = f"give it: params={{{declared.name!r}: ...}}, to a program {declared.name}=...; or declare a default: Param({declared.name!r}, default=...)"
    else:
        hint = f"set it before the run, or declare a default: Env({declared.name!r}, default=...)"
    return ParameterError(
        declared.name, f"{declared.kind} {declared.name!r} is missing", expected=declared.describe(), hint=hint
    )


def unknown_parameter(name: str, known: Iterable[str]) -> ParameterError:
    """Returns the error of a parameter that the target does not have."""
    known = sorted(known)
    return ParameterError(
        name,
        f"the target has no parameter {name!r}",
        expected="one of " + ", ".join(map(repr, known)) if known else "no parameters: the target has none",
        hint=nearest(name, known),
    )
