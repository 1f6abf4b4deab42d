"""Workers that are killed at random moments: a few times here, 200 times by tools/kill_workers.py."""

from __future__ import annotations

import multiprocessing
import os
import sys
from concurrent.futures import ProcessPoolExecutor

import pytest

import cascade as cs
from cascade.adapters.executors.blocks import Blocks
from cascade.adapters.executors.local import LocalExecutor
from tests.support.killing import Killer, values_while_killing

pytest.importorskip("loky")
pytestmark = [pytest.mark.once, pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL")]
SEED = int(os.environ.get("CASCADE_SEED", "1"))


def processes() -> ProcessPoolExecutor:
    return ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("forkserver"))


@pytest.mark.parametrize("place", ["built-in", "processes"])
def test_no_item_is_lost_and_none_counted_twice(place):
    with LocalExecutor(processes=2) if place == "built-in" else Blocks(processes, workers=2) as executor:
        engine = cs.Engine(executor=executor)
        with Killer(SEED, limit=3, longest=0.3) as killer:
            while killer.count < 3:
                assert list(values_while_killing(engine, 400, killer)) == list(range(400))
