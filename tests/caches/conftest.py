"""Fixtures of the tests of caches."""

from __future__ import annotations

from pathlib import Path as FilePath
from typing import Any

import pytest

import cascade as cs


@pytest.fixture(params=["memory", "disk"])
def cache(request: pytest.FixtureRequest, tmp_path: FilePath) -> Any:
    return cs.MemoryCache() if request.param == "memory" else cs.DiskCache(tmp_path / "cache.db")
