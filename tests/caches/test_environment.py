"""The environment, as a part of the keys of what reads it; files of modules that are not installed."""

from __future__ import annotations

import os
import sys
import types
from os import environ, getenv
from pathlib import Path
from typing import Any

import pytest

import cascade as cs
from cascade.adapters.caches.library import version_of
from cascade.errors import CacheWarning
from cascade.runtime.events import TaskSkipped
from tests.support.recording import heard_from


def read_subscript() -> Any:
    return os.environ["CASCADE_MODE"]


def read_get() -> Any:
    return os.environ.get("CASCADE_MODE", "none")


def read_getenv(default: str = "none") -> Any:
    return os.getenv("CASCADE_MODE", default)


def read_imported() -> Any:
    return environ["CASCADE_MODE"] + getenv("CASCADE_MODE", "")


@pytest.mark.parametrize("function", [read_subscript, read_get, read_getenv, read_imported])
def test_a_variable_of_a_constant_name_is_a_part_of_the_key(
    path: Any, monkeypatch: pytest.MonkeyPatch, function: Any
) -> None:
    task = cs.task(cache=cs.MemoryCache())(function)
    for mode in ("one", "two", "one"):
        monkeypatch.setenv("CASCADE_MODE", mode)
        assert heard_from(path, task())[0] == function()
    outcome, events = heard_from(path, task())
    assert outcome == function()
    assert sum(isinstance(event, TaskSkipped) for event in events) == 1


def all_of() -> Any:
    return dict(os.environ)["CASCADE_MODE"]


def computed(name: str = "MODE") -> Any:
    return os.getenv("CASCADE_" + name)


def both(name: str = "CASCADE_MODE") -> Any:
    return os.environ["CASCADE_MODE"] + os.environ[name]


def imported_inside() -> Any:
    import os

    return os.environ["CASCADE_MODE"]


@pytest.mark.parametrize("function", [all_of, computed, both, imported_inside])
def test_other_reads_of_the_environment_are_not_cached_and_a_warning_says_so(
    run: Any, monkeypatch: pytest.MonkeyPatch, function: Any
) -> None:
    task = cs.task(cache=cs.MemoryCache())(function)
    for mode in ("one", "two"):
        monkeypatch.setenv("CASCADE_MODE", mode)
        with pytest.warns(CacheWarning, match=r"os\.(environ|getenv)"):
            assert run(task()) == function()


def test_a_module_that_is_not_installed_has_the_version_of_its_own_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    versions = set()
    for build in (b"one", b"two"):
        folder = tmp_path / build.decode()
        folder.mkdir()
        for name, file, data in (("own_package", "__init__.py", b""), ("own_package.extension", "extension.so", build)):
            module = types.ModuleType(name)
            module.__file__ = str(folder / file)
            (folder / file).write_bytes(data)
            monkeypatch.setitem(sys.modules, name, module)
        versions.add(version_of("own_package.extension"))
    assert len(versions) == 2
