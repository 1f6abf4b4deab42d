"""Ways round the code of kernels: each takes fuel, as a loop without it could not be ended, not even by Ctrl-C."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from cascade.instructions.kernel import KERNEL_INSTRUCTIONS

WORD_SIZE = 32


def words_without_fuel(kernel: Any) -> list[int]:
    """Returns the words of a kernel of any function from which there is a way round that takes no fuel."""
    following = {
        number: list(_ways_without_fuel(number, opcode, operands)) for number, opcode, operands, *_ in kernel.listing()
    }
    before: dict[int, list[int]] = {}
    for number, ways in following.items():
        for way in ways:
            before.setdefault(way, []).append(number)
    left = {number: sum(way in following for way in ways) for number, ways in following.items()}
    ended = [number for number, count in left.items() if not count]
    while ended:  # words all of whose ways have ended end, too
        number = ended.pop()
        del left[number]
        for other in before.get(number, ()):
            left[other] -= 1
            if not left[other]:
                ended.append(other)
    return sorted(left)


def _ways_without_fuel(number: int, opcode: int, operands: tuple[int, ...]) -> Iterator[int]:
    row = KERNEL_INSTRUCTIONS[opcode]
    if "f" in row.operands and row.operands["f"].role == "target" and not row.takes_fuel:
        yield number + operands[5] // WORD_SIZE
    if not row.ends:
        yield number + 1
