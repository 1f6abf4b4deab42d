"""Kills workers at random moments while maps run."""

from __future__ import annotations

import contextlib
import logging
import multiprocessing
import os
import random
import signal
import threading
import time
from collections import deque
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from typing import Any

import cascade as cs
from cascade.adapters.executors.blocks import Blocks
from cascade.adapters.executors.local import LocalExecutor
from cascade.errors import WorkerError
from tests.support.dask_clusters import client_of_two_workers

ATTEMPTS = 10_000


@cs.task(mode="compute")
def worked(x: int, seconds: float = 0.001) -> tuple[int, int]:
    """Returns the item and the worker's process."""
    time.sleep(seconds)
    return x, os.getpid()


class Killer:
    """Kills processes that it is told of, at random moments.

    Attributes:
        count: how many it has killed.
    """

    def __init__(self, seed: int, limit: int, longest: float) -> None:
        self.count = 0
        self._random = random.Random(seed)
        self._limit = limit
        self._longest = longest
        self._seen: deque[int] = deque(maxlen=50)
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._run, name="cascade-killer", daemon=True)

    def see(self, process: int) -> None:
        self._seen.append(process)

    def __enter__(self) -> Killer:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()
        self._thread.join()

    def _run(self) -> None:
        while self.count < self._limit and not self._end.wait(self._random.uniform(0.0, self._longest)):
            if self._seen and (process := self._random.choice(self._seen)) != os.getpid():
                self._seen.clear()
                with contextlib.suppress(ProcessLookupError):
                    os.kill(process, signal.SIGKILL)
                    self.count += 1


def values_while_killing(engine: cs.Engine, count: int, killer: Killer, **options: Any) -> Iterator[int]:
    """Yields the values of a stream of so many items, while workers that have answered are killed."""
    policy = cs.Retry(ATTEMPTS, retry_on=WorkerError)
    for value, process in engine.stream(worked.map(range(count)).with_retry(policy), **options):
        killer.see(process)
        yield value


def processes() -> ProcessPoolExecutor:
    return ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("forkserver"))


@contextlib.contextmanager
def built_in() -> Iterator[cs.Engine]:
    with LocalExecutor(processes=2) as executor:
        yield cs.Engine(executor=executor)


@contextlib.contextmanager
def on_processes() -> Iterator[cs.Engine]:
    with Blocks(processes, workers=2) as executor:
        yield cs.Engine(executor=executor)


@contextlib.contextmanager
def on_dask() -> Iterator[cs.Engine]:
    with client_of_two_workers(silence_logs=logging.CRITICAL) as client:
        yield cs.Engine(executor=cs.DaskExecutor(client))


PLACES = {"built-in": built_in, "processes": on_processes, "dask": on_dask}
