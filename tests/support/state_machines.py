"""A state machine that records its steps."""

from __future__ import annotations

from typing import Any

import cascade as cs
from tests.support.resources import Log


def machine(log: Log, *more: Any, last: int = 2) -> Any:
    """States that take turns: each is given what `more` stands for."""

    def state(name: str, other: str) -> Any:
        def function(n: int, *given: Any) -> Any:
            log.append((name, n, *given))
            return cs.Jump(other if n < last else "end", n + 1)

        return cs.task(name=name)(function)

    ping, pong = state("ping", "pong")(0, *more), state("pong", "ping")(None, *more)
    selector = cs.select_jump({"ping": ping, "pong": pong, "end": None})
    cs.bind(pong, selector)
    return cs.bind(ping, selector)
