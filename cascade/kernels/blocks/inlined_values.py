"""What the paths of an inlined function have, and why a function is not inlined: see inlining.py."""

from __future__ import annotations

from cascade.kernels.blocks.values import PLAIN, UNBOXED, Value
from cascade.kernels.model import FLOAT, INT, OBJECT


class NotInlined(Exception):
    """The function, or the path, has something that is not inlined."""


class Borrowed(NotInlined):
    """A store comes while values stand on the stack of the outermost function that are only borrowed."""


class NotMet(NotInlined):
    """The function's own kernel has met no class yet where one is needed."""


class Mixed(NotInlined):
    """Some paths return numbers, and others objects or other numbers; `common` is the kind that all can be made."""

    def __init__(self, common: str) -> None:
        super().__init__()
        self.common = common


def is_borrowed(value: Value, fixed: set[int]) -> bool:
    """Returns whether an object may be another one's item, of which nobody has a reference here."""
    return (
        value.kind == OBJECT
        and not (value.owned or value.constant or value.local >= 0 or value.register in fixed)
        and (value.cls is None or value.cls in PLAIN)
    )


def may_die(value: Value) -> bool:
    """Returns whether an operand is an object that nobody else may have, so that code of users may run when it is dropped."""
    return value.kind == OBJECT and value.owned and value.cls not in PLAIN


def owned_in(value: Value) -> list[Value]:
    return [value] * value.owned + [each for part in value.parts for each in owned_in(part)]


def registers_in(value: Value) -> list[int]:
    return [value.register, *(each for part in value.parts for each in registers_in(part))]


def common_kind(returned: list[Value]) -> str:
    """Returns the kind that results are made of which some are numbers and others are not.

    An object of which nothing is known is taken for such a number as the others are: an attribute beside the sum of some.
    """
    kinds = {value.kind for value in returned if value.kind in UNBOXED}
    objects = [value for value in returned if value.kind not in UNBOXED]
    return kinds.pop() if kinds in ({INT}, {FLOAT}) and all(value.unseen for value in objects) else OBJECT


def joined(results: list[Value]) -> Value:
    """Returns the common facts of the results of several paths."""
    first = results[0]
    if any(value.kind != first.kind for value in results):
        raise NotInlined
    if all(value == first for value in results):
        return first
    if first.kind != OBJECT:
        raise NotInlined
    return Value(OBJECT, first.register, owned=True)
