"""Workers that are killed at random moments: a few times here, 200 times by tools/kill_workers.py."""

from __future__ import annotations

import os
import sys

import pytest

from tests.support.killing import PLACES, Killer, values_while_killing

pytest.importorskip("loky")
pytestmark = [pytest.mark.once, pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL")]
SEED = int(os.environ.get("CASCADE_SEED", "1"))


@pytest.mark.parametrize("place", PLACES)
def test_no_item_is_lost_and_none_counted_twice(place):
    if place == "dask":
        pytest.importorskip("distributed")
    with PLACES[place]() as engine, Killer(SEED, limit=3, longest=1.0 if place == "dask" else 0.3) as killer:
        while killer.count < 3:
            assert list(values_while_killing(engine, 400, killer)) == list(range(400))
