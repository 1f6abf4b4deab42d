"""Cached tasks whose calls are counted."""

from __future__ import annotations

import logging
from typing import Any

import cascade as cs


class Counting:
    """A function that counts its calls. A class: the cache has to see the function only."""

    def __init__(self, function: Any) -> None:
        self.calls: list[Any] = []
        calls = self.calls

        def counted(*args: Any) -> Any:
            calls.append(args)
            return function(*args)

        self.function = counted


CALLS: list[Any] = []


class Listening(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        CALLS.append(record.msg)


def log(x: Any) -> None:
    # By what belongs to a library: a global that changes would make another function of it.
    logging.getLogger("calls").info(x)


logging.getLogger("calls").setLevel(logging.INFO)
logging.getLogger("calls").propagate = False
logging.getLogger("calls").addHandler(Listening())


def counted_task(cache: Any, **options: Any) -> Any:
    CALLS.clear()

    @cs.task(cache=cache, **options)
    def square(x: Any) -> Any:
        log(x)
        return x * x

    return square
