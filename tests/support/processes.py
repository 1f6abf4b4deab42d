"""Child processes: programs run in one, and what is left of them."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
import time
from pathlib import Path
from typing import Any


def until(condition: Any, seconds: float = 60.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not come about"
        time.sleep(0.005)


def alive(process: int) -> bool:
    try:
        os.kill(process, 0)
        return Path(f"/proc/{process}/stat").read_text().split(") ")[-1][0] != "Z" if Path("/proc").exists() else True
    except (ProcessLookupError, FileNotFoundError):  # it may go between the two questions
        return False


PRELUDE = """
    import asyncio, gc, sys
    import cascade as cs
    from tests.support.tasks import *

    def rss():
        with open("/proc/self/statm") as file:
            return int(file.read().split()[1]) * 4096

    @cs.resource
    async def held():
        yield bytearray(80_000)

    @cs.resource(scope="task")
    def leased():
        yield bytearray(80_000)

    @cs.task
    def recurse(n):
        return "done" if n <= 0 else recurse(n - 1)

    from tests.support import kernel_functions

    add_up, wide = cs.task(lower=True)(kernel_functions.add_up.func), cs.task(lower=True)(kernel_functions.breaks_wide)
    given_back = cs.task(lower=True)(kernel_functions.opaque_returned)

    @cs.task
    def sum_up(n):
        return 0 if n == 0 else add(n, sum_up(n - 1))

    def grows(action, times):
        # Returns by how many bytes memory grows with each of several rounds: an arena (1 MiB) that comes in one of them is no leak.
        cs.run(countdown(5000))  # lowering loads modules, and keeps its code
        for _ in range(3):
            action()
        least = None
        for _ in range(4):
            gc.collect()
            before = rss()
            for _ in range(times):
                action()
            gc.collect()
            grown = rss() - before
            least = grown if least is None else min(least, grown)
            if least < 200_000:
                break
        return least
"""


def in_child(code: str) -> str:
    script = textwrap.dedent(PRELUDE) + textwrap.dedent(code)
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout.strip()
