"""Equal calls of a pure task are one row.

    total([square(2), square(2)])

    rows    0  square  input 0              0  square  input 0
            1  square  input 1       ->     1  list    0 0
            2  list    0 1                  2  total   1
            3  total   2
    inputs  2, 2                            2

Calls are equal when they do the same (their operations are the same object, so their policies are equal), and their operands are the
very same results, containers of these, or constants: equal numbers, texts and tuples of them, or the very same object.
"""

from __future__ import annotations

from collections.abc import Collection, Hashable, Sequence

from cascade.graph.containers import Container
from cascade.graph.model import Row
from cascade.graph.operations import AnyTask, Call, Operation
from cascade.imports import cast

BY_VALUE = frozenset({int, bool, str, bytes, type(None)})
BY_TEXT = frozenset({float, complex})  # 0.0 is not -0.0, and a nan equals itself
LONGEST_TUPLE, DEEPEST_TUPLE = 100, 3


def merged(
    rows: Sequence[Row], inputs: Sequence[object], unknown: Collection[int]
) -> tuple[tuple[Row, ...], list[int]]:
    """The rows without those that repeat a call of a pure task, and the numbers of the inputs that they use, in their new order.

    Args:
        unknown: the numbers of the inputs that are not constants; each is equal to itself only.
    """
    target = _targets(rows, inputs, unknown)
    kept = _needed(rows, target)
    numbers = {index: number for number, index in enumerate(kept)}
    used: dict[int, int] = {}

    def moved(reference: int) -> int:
        if reference >= 0:
            return numbers[target[reference]]
        return -1 - used.setdefault(-1 - reference, len(used))

    return tuple((rows[index][0], *map(moved, rows[index][1:])) for index in kept), list(used)


def _targets(rows: Sequence[Row], inputs: Sequence[object], unknown: Collection[int]) -> list[int]:
    """For each row, the one that takes its place: itself, or an earlier one that makes the same call."""
    target = list(range(len(rows)))
    # Also of containers: they stay, as each is an object of its own, but they are equal as operands.
    same = list(target)
    seen: dict[Hashable, int] = {}

    def key_of(reference: int) -> Hashable:
        if reference >= 0:
            return same[reference]
        number = -1 - reference
        return ("input", number) if number in unknown else _constant(inputs[number])

    for index, (operation, *references) in enumerate(rows):
        is_container = isinstance(operation, Container)
        if is_container or operation.pure:
            keys = [*map(key_of, references)]
            at = -1 if is_container else _keywords_at(operation)
            if at >= 0 and references[at] < 0:
                keys[at] = _keywords(cast("dict[str, object]", inputs[-1 - references[at]]))
            same[index] = seen.setdefault((operation, *keys), index)
            if not is_container:
                target[index] = same[index]
    return target


def _keywords_at(operation: AnyTask | Operation) -> int:
    """The operand that is the dict of a call's `**keywords`, which is made anew by each call; -1 where there is none."""
    if isinstance(operation, Operation) and not isinstance(operation, Call) or not operation.task.binder.varkwargs:
        return -1
    return len(operation.task.binder.parameters) - 1


def _keywords(values: dict[str, object]) -> Hashable:
    return "keywords", tuple((name, _constant(value)) for name, value in values.items())


def _needed(rows: Sequence[Row], target: Sequence[int]) -> list[int]:
    """The rows that stay: all but the repeated calls, and the containers that only these needed."""
    used = {len(rows) - 1}
    kept = []
    for index in reversed(range(len(rows))):
        operation, *references = rows[index]
        if target[index] == index and (index in used or not isinstance(operation, Container)):
            kept.append(index)
            used.update(target[reference] for reference in references if reference >= 0)
    return kept[::-1]


def _constant(value: object, depth: int = DEEPEST_TUPLE) -> Hashable:
    """Returns a key that equal constants have in common."""
    kind = type(value)
    if kind in BY_VALUE:
        return kind, value
    if kind in BY_TEXT:
        return kind, repr(value)
    if type(value) is tuple and depth and len(value) <= LONGEST_TUPLE:
        return kind, tuple(_constant(part, depth - 1) for part in value)
    return "object", id(value)  # the inputs hold it
