"""Tasks for worker processes."""

from __future__ import annotations

import math
import os
import signal
import sys
import threading
import time
from pathlib import Path
from typing import Any

import cascade as cs
from tests.support import compute_errors


class Noted(ValueError):
    pass


@cs.task(mode="compute")
def square_root(x: float) -> float:
    return math.sqrt(x)


@cs.task(mode="compute")
def process_of(x: Any) -> tuple[Any, int]:
    return x, os.getpid()


@cs.task(mode="compute")
def work(n: int, *rest: int, scale: int = 1, **more: int) -> Any:
    return n * scale + sum(rest) + sum(more.values())


@cs.task(mode="compute")
def nap(seconds: float, started: str = "") -> float:
    if started:
        Path(started).write_text(str(os.getpid()))
    time.sleep(seconds)
    return seconds


@cs.task(mode="compute")
def die(code: int = 3) -> None:
    os._exit(code)


@cs.task(mode="compute")
def crash() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


@cs.task(mode="compute")
def die_once(marker: str) -> str:
    if not Path(marker).exists():
        Path(marker).write_text("died")
        os._exit(1)
    return "alive"


@cs.task(mode="compute")
def fail(kind: str) -> Any:
    if kind == "value":
        error = Noted("from there")
        error.add_note("a note")
        raise error
    if kind == "stop":
        raise StopIteration(5)
    if kind == "exit":
        sys.exit(7)
    raise compute_errors.MADE[kind]()


@cs.task(mode="compute")
def give_back(what: str) -> Any:
    if what == "lock":
        return threading.Lock()
    if what == "tail":
        return work.tail(2, scale=5)
    if what == "graph":
        return work(work(3), scale=2)
    return bytes(1_000_000)


@cs.task(mode="compute")
def countdown(n: int) -> Any:
    return cs.TailCall((n - 1,)) if n else "done"


@cs.task(mode="compute")
def nested(n: int) -> Any:
    return cs.run(work(n)) + 1


@cs.task(mode="compute")
def fail_first(marker: str, kind: str) -> str:
    if not Path(marker).exists():
        Path(marker).write_text("failed")
        raise compute_errors.MADE[kind]()
    return "second"
