"""Maps in blocks, and streams, that are cancelled or interrupted at random moments: nothing is left running."""

from __future__ import annotations

import asyncio
import gc
import os
import random
import signal
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

import cascade as cs
from cascade.adapters.executors import cancelled
from cascade.adapters.executors.blocks import Blocks
from tests.support.block_tasks import doubled, slow
from tests.support.tasks import increment, later

pytest.importorskip("cloudpickle")
pytestmark = pytest.mark.skipif(os.name != "posix", reason="sends signals")
SEED = int(os.environ.get("CASCADE_SEED", "1"))
MAIN = threading.main_thread().ident


@pytest.fixture
def engine() -> Iterator[cs.Engine]:
    """An engine whose workers are threads; when they have ended, nothing of a run is left."""
    with ThreadPoolExecutor(2) as executor:
        engine = cs.Engine(executor=Blocks(executor))
        yield engine
        assert engine.run_now(doubled.map(range(10))) == list(range(0, 20, 2))
    gc.collect()
    assert not [task for task in gc.get_objects() if isinstance(task, asyncio.Task) and not task.done()]
    assert cancelled._folder is not None and os.listdir(cancelled._folder) == []


def maps() -> list[Any]:
    count = 10**6
    return [
        doubled.map(range(count)),
        slow.map(range(count), (0.0005 for _ in range(count))),
        later.map(range(count), (0.0005 for _ in range(count))),
        increment.map(range(count)),
    ]


def test_runs_that_are_cancelled_at_random_turns_leave_nothing(engine, path):
    async def main(target: Any, turns: int) -> None:
        async def consume() -> None:
            async for _ in engine.stream(target, use_vm=path.use_vm):
                pass

        running = asyncio.ensure_future(consume())
        for _ in range(turns):
            await asyncio.sleep(0)
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        assert len(asyncio.all_tasks()) == 1

    chosen = random.Random(SEED)
    for _ in range(3):
        for target in maps():
            asyncio.run(main(target, chosen.randrange(40)))


def test_maps_that_are_cancelled_at_random_turns_leave_nothing(engine, path):
    async def main(turns: int) -> None:
        running = asyncio.ensure_future(engine.run(slow.map(range(10_000)), use_vm=path.use_vm))
        for _ in range(turns):
            await asyncio.sleep(0.001)
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running

    chosen = random.Random(SEED)
    for _ in range(6):
        asyncio.run(main(chosen.randrange(30)))


def test_ctrl_c_at_random_moments_ends_a_stream(engine, path):
    def press() -> None:
        assert MAIN is not None
        signal.pthread_kill(MAIN, signal.SIGINT)

    chosen = random.Random(SEED)
    for _ in range(2):
        for target in maps():
            timer = threading.Timer(chosen.uniform(0.005, 0.06), press)
            with pytest.raises(KeyboardInterrupt):
                timer.start()
                for _ in engine.stream(target, use_vm=path.use_vm):
                    pass
                timer.join()  # it was quick
            timer.join()
            gc.collect()
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_a_run_that_takes_too_long_ends_its_blocks(engine, path):
    with pytest.raises(cs.RunTimeoutError):
        engine.run_now(slow.map(range(10_000)), use_vm=path.use_vm, timeout=0.1)


def test_an_executor_that_is_shut_down_while_a_map_runs_is_an_error(path):
    executor = ThreadPoolExecutor(2)
    engine = cs.Engine(executor=Blocks(executor))
    with pytest.raises(cs.WorkerError, match="a function that makes one"):
        for value in engine.stream(slow.map(range(10_000)), use_vm=path.use_vm):
            if value == 5:
                executor.shutdown(wait=False, cancel_futures=True)
