"""Functions and classes for kernels that are made block by block: attributes and methods."""

from __future__ import annotations

from typing import Any


class Plain:
    """An instance dict, methods, class attributes."""

    limit = 7

    def __init__(self, value: Any) -> None:
        self.value = value

    def __repr__(self) -> str:
        return f"{type(self).__name__}({vars(self)})"

    def plus(self, more: Any) -> Any:
        return self.value + more

    @classmethod
    def made(cls, value: Any) -> Plain:
        return cls(value)

    @staticmethod
    def twice(value: Any) -> Any:
        return value * 2


def methods_of_every_kind(plain: Any, count: int) -> Any:
    total = 0
    for i in range(count):
        total += plain.plus(i) + plain.twice(i) + plain.made(i).value
    return total


def methods_of_built_in_classes(values: list[Any], text: str, number: int, real: float) -> Any:
    values.append(number.bit_length())
    values.append(real.is_integer())
    values.append(text.upper().lower().strip())
    values.append(text.maketrans("a", "b"))
    return values, (number > 3).bit_length(), real.fromhex("0x1p3"), values.pop()


def missing_methods(value: Any) -> Any:
    found = []
    try:
        value.missing(1)
    except AttributeError as error:
        found.append((str(error), error.name, type(error.obj).__name__))
    return found, value.also_missing()


def method_and_exit(plain: Any, values: list[Any]) -> Any:
    total = 0
    for value in values:
        total += plain.plus(value + 1)
    return total
