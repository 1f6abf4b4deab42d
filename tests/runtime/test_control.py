"""While a loop runs, the event loop has its turn, and cancellation, timeouts and Ctrl-C take effect."""

from __future__ import annotations

import asyncio
import itertools
import signal
import subprocess
import sys
import textwrap
import time
from typing import Any

import pytest

import cascade as cs
from cascade.errors import RunTimeoutError
from cascade.runtime.spine import driver as drive
from tests.conftest import Path
from tests.support.heartbeat import ENOUGH, beats_beside
from tests.support.tasks import chain, identity, increment, later


@cs.task
def forever(n: int = 0) -> Any:
    return cs.TailCall((n + 1,))


@cs.task
def answer_forever(n: int = 0) -> Any:
    return answer_forever(n + 1)


@cs.task
async def async_forever(n: int = 0) -> Any:
    return cs.TailCall((n + 1,))


@cs.task
def slow_forever(n: int = 0) -> Any:
    time.sleep(0.001)
    return cs.TailCall((n + 1,))


@cs.task
def grow_forever(n: int = 0) -> Any:
    return grow_forever(chain(50, n))


LOOPS = [forever, answer_forever, async_forever, slow_forever, grow_forever]


@pytest.mark.parametrize("loop", LOOPS, ids=lambda task: task.name)
def test_the_event_loop_has_its_turn_beside_a_loop(path, loop):
    # Without turns there would be none at all; how many there are is a matter for perf/, not for a test.
    assert asyncio.run(beats_beside(path.arun(loop()))) == ENOUGH


def test_the_event_loop_has_its_turn_beside_a_long_chain(path):
    @cs.task
    def work(x: int) -> int:
        time.sleep(0.0005)
        return x

    value: Any = 0
    for _ in range(2000):
        value = work(value)
    assert asyncio.run(beats_beside(path.arun(value))) == ENOUGH


@pytest.mark.parametrize("loop", LOOPS, ids=lambda task: task.name)
def test_asyncio_timeout_stops_a_loop(path, loop):
    async def main() -> None:
        async with asyncio.timeout(0.05):
            await path.arun(loop())

    with pytest.raises(TimeoutError):
        asyncio.run(main())


CTRL_C = """
    import asyncio, sys, threading, time
    import cascade as cs

    @cs.task
    def forever(n=0):
        return cs.TailCall((n + 1,))

    @cs.task
    async def async_forever(n=0):
        await asyncio.sleep(0)
        return cs.TailCall((n + 1,))

    @cs.task
    async def wait():
        print("waits", flush=True)
        try:
            await asyncio.sleep(60)
        finally:
            print("cleaned up", flush=True)

    @cs.task
    async def wait_a_moment():
        await asyncio.sleep(0)

    def nest(after, inner):
        return cs.task(lambda _: cs.run(inner, **path))(after)

    @cs.task
    def nest_program(_):
        return cs.compile(forever)()

    path = {{"use_vm": {use_vm}}}
    cs.run(nest(wait_a_moment(), wait_a_moment()), **path)      # everything is imported
    try:
        print("ready", flush=True)
        {statement}
    except KeyboardInterrupt:
        print("interrupted", threading.active_count(), flush=True)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")
@pytest.mark.parametrize(
    "statement",
    [
        "cs.run(forever(), **path)",
        "cs.run([async_forever(), wait()], **path)",
        "cs.run(wait(), **path)",
        "asyncio.run(cs.arun([wait(), forever()], **path))",
        "cs.compile(forever)()",
        "cs.run(nest(wait_a_moment(), forever()), **path)",
        "cs.run(nest(wait_a_moment(), [wait()]), **path)",
        "cs.run(nest(0, forever()), **path)",
        "cs.run(nest_program(wait_a_moment()), **path)",
        "cs.compile(wait())()",
    ],
)
def test_ctrl_c_ends_a_run(path, statement):
    if "compile" in statement and not path.use_vm:
        pytest.skip("a program has one path")
    script = textwrap.dedent(CTRL_C).format(use_vm=path.use_vm, statement=statement)
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            assert process.stdout.readline() == "ready\n"
            if "wait()" in statement:
                assert process.stdout.readline() == "waits\n"
            time.sleep(0.2)  # into a loop: there is nothing to wait for but the passing of time
            process.send_signal(signal.SIGINT)
            output, _ = process.communicate(timeout=20)
        finally:
            process.kill()
    assert output.splitlines()[-1] == "interrupted 1"
    if "wait()" in statement:
        assert "cleaned up" in output


def test_a_pause_does_not_lose_a_step(path):
    async def main() -> Any:
        @cs.task
        def slow(x: int) -> int:
            time.sleep(0.0003)
            return x + 1

        value: Any = 0
        for _ in range(60):
            value = increment(slow(value))
        return await path.arun(value)

    assert asyncio.run(main()) == 120


@cs.task
def busy(x: Any) -> Any:
    time.sleep(0.001)
    return x


def _many_ready(count: int) -> Any:
    return busy([busy(later(i)) for i in range(count)])


def test_the_event_loop_has_its_turn_beside_what_becomes_ready_at_once(path):
    assert asyncio.run(beats_beside(path.arun(_many_ready(400)))) == ENOUGH


def test_a_timeout_stops_what_became_ready_at_once(path):
    with pytest.raises(RunTimeoutError) as raised:
        path.run(_many_ready(1000), timeout=0.2)
    assert raised.value.steps < 2000


def test_the_event_loop_has_its_turn_while_a_large_graph_is_built(path):
    assert asyncio.run(beats_beside(path.arun(chain(60_000)))) == ENOUGH


@pytest.mark.parametrize("path", [Path(True)], ids=["vm"])
def test_steps_that_become_slow_are_noticed(path):
    gaps: list[int] = []

    @cs.task
    def loop(n: int) -> Any:
        if n > 5000:
            time.sleep(0.002)
            gaps.append(turns[0])
        return n if n == 5030 else cs.TailCall((n + 1,))

    turns = [0]

    async def main() -> None:
        async def count() -> None:
            while True:
                turns[0] += 1
                await asyncio.sleep(0)

        counter = asyncio.ensure_future(count())
        await path.arun(loop(0))
        counter.cancel()

    asyncio.run(main())
    # After the first few slow steps, every one of them is followed by a turn.
    assert len(set(gaps[5:])) == len(gaps[5:])


def test_a_run_makes_headway_however_short_its_slices(path, monkeypatch):
    monkeypatch.setattr(drive, "SLICE", 1e-9)
    assert asyncio.run(path.arun(increment(increment(later(chain(30)))))) == 32


def test_a_timeout_ends_a_map_whose_items_never_end(run):
    with pytest.raises(RunTimeoutError):
        run(identity.map((number for number in itertools.count())), timeout=0.05)
