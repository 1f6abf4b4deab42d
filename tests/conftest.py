"""Fixtures: every behavioural test runs on both paths."""

from __future__ import annotations

import asyncio
import contextlib
import functools
from collections.abc import Callable, Iterator
from pathlib import Path as FilePath
from typing import Any

import hypothesis
import pytest

import cascade as cs
from cascade import _vm
from cascade.runtime.engine import Engine
from cascade.runtime.nodes import attempts
from cascade.runtime.nodes import item_calls as mapping
from cascade.runtime.spine import driver as drive
from cascade.runtime.spine import interpreter as interpreter

# However long an example takes on a busy machine, and however few are found in a while: no clock decides.
hypothesis.settings.register_profile(
    "any machine", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("any machine")


class Path:
    """One of the two ways to run a target."""

    def __init__(self, use_vm: bool) -> None:
        self.use_vm = use_vm

    def run(self, target: Any, **options: Any) -> Any:
        return cs.run(target, use_vm=self.use_vm, **options)

    async def arun(self, target: Any, **options: Any) -> Any:
        return await cs.arun(target, use_vm=self.use_vm, **options)

    def run_with(self, engine: Engine, target: Any, **options: Any) -> Any:
        return asyncio.run(engine.run(target, use_vm=self.use_vm, **options))

    def __repr__(self) -> str:
        return "vm" if self.use_vm else "graph"


@pytest.fixture(params=[False, True], ids=["graph", "vm"])
def path(request: pytest.FixtureRequest) -> Path:
    return Path(request.param)


@pytest.fixture(params=["sync", "async"])
def run(request: pytest.FixtureRequest, path: Path) -> Any:
    """Runs a target: on either path, from synchronous code and inside an event loop."""
    if request.param == "sync":
        return path.run
    return functools.partial(_run_in_loop, path)


def _run_in_loop(path: Path, target: Any, **options: Any) -> Any:
    return asyncio.run(path.arun(target, **options))


@contextlib.contextmanager
def no_clock() -> Iterator[None]:
    """No turns for the event loop and no progress by the clock: on a slow machine they would decide what comes first.

    A loop of the machine still tells its progress.
    """
    with pytest.MonkeyPatch.context() as patch:
        for module in (drive, mapping):
            patch.setattr(module, "SLICE", 3600.0)
        for module in (interpreter, mapping):
            patch.setattr(module, "PROGRESS_TIME", 3600.0)
        patch.setattr(attempts, "PATIENCE", 3600.0)
        yield


@pytest.fixture(autouse=True)
def no_kernel_is_slower() -> Iterator[None]:
    """In trials of kernels both ways take no time: on a busy machine a kernel could be given up in any test."""
    _vm.use_trial_clock(lambda plain: 0.0)
    yield
    _vm.use_trial_clock(None)


@pytest.fixture
def one_slice() -> Iterator[None]:
    with no_clock():
        yield


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--rewrite-golden", action="store_true", help="write the golden listings anew")


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Callable[[str, str], None]:
    """Compares a text with the file of that name in tests/golden."""

    def compare(name: str, text: str) -> None:
        file = FilePath(__file__).parent / "golden" / f"{name}.txt"
        if request.config.getoption("--rewrite-golden"):
            file.write_text(text + "\n")
        assert text + "\n" == file.read_text()

    return compare


@pytest.fixture(params=[False, True], ids=["sync", "async"])
def is_async(request: pytest.FixtureRequest) -> bool:
    """Whether a task or resource of the test is a coroutine function."""
    return bool(request.param)


@pytest.fixture
def log() -> list[Any]:
    """What tasks and resources write down."""
    return []
