"""A shape with a `match` statement, in a file of its own: not every interpreter beside ours has it."""

from __future__ import annotations

from shape_functions import shape


@shape("rest", 300)
def matched(rounds: int) -> int:
    total = 0
    for i in range(rounds):
        for command in (("move", i, 1), ("turn", i), ("stop",), ("wait", i, i, i)):
            match command:
                case ("move", x, y):
                    total += x * y
                case ("turn", angle):
                    total -= angle % 90
                case ("stop",):
                    total += 1
                case _:
                    total ^= 1
    return total
