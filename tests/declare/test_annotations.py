"""The annotations of the public names can be evaluated, though most of their modules are not imported for it before."""

from __future__ import annotations

import inspect
import subprocess
import sys
from collections.abc import Iterator
from typing import Any, ForwardRef, Literal, NoReturn, Protocol, Self, get_args, get_origin, get_type_hints

import pytest

import cascade as cs
from cascade.adapters.executors.local import LocalExecutor
from cascade.adapters.solvers.native import NativeSolver
from cascade.declare.policies import Policies
from cascade.runtime.options import OwnRunOptions
from cascade.runtime.resources.registry import ResourceContainer
from cascade.testing import MockExecutor, SpyExecutor, SpySubscriber

OTHERS = (
    LocalExecutor,
    NativeSolver,
    Policies,
    OwnRunOptions,
    ResourceContainer,
    MockExecutor,
    SpyExecutor,
    SpySubscriber,
)


def with_annotations() -> Iterator[object]:
    """Iterates over the public callables, and the functions that their classes define."""
    for value in [*(getattr(cs, name) for name in cs.__all__), *OTHERS]:
        if callable(value):
            yield value
        if isinstance(value, type):
            classes = [each for each in value.__mro__ if each.__module__.startswith("cascade.")]
            names = {
                name: None
                for each in classes
                for name in vars(each)
                if not name.startswith("_") or name.startswith("__")
            }
            members = [inspect.getattr_static(value, name) for name in names]
            members = [
                member.fget if isinstance(member, property) else getattr(member, "__func__", member)
                for member in members
            ]
            yield from filter(inspect.isfunction, members)


def parts_of(hint: object) -> Iterator[object]:
    """Iterates over a type and all of its arguments."""
    yield hint
    for part in hint if isinstance(hint, list) else () if get_origin(hint) is Literal else get_args(hint):
        yield from parts_of(part)


@pytest.mark.parametrize("value", dict.fromkeys(with_annotations()), ids=lambda value: value.__qualname__)
def test_the_annotations_of_public_names_are_types(value):
    for hint in get_type_hints(value).values():
        assert not any(isinstance(part, (str, ForwardRef)) for part in parts_of(hint))


def test_annotations_are_the_very_types_that_users_know():
    assert get_type_hints(cs.Param)["return"] is Any
    assert get_type_hints(cs.LazyResult.run_if)["return"] is Self
    assert get_type_hints(cs.LazyResult.__bool__)["return"] is NoReturn
    assert get_type_hints(cs.task)["retry"] == cs.Retry | int | get_args(get_type_hints(cs.task)["retry"])[2] | None
    assert get_type_hints(cs.LazyResult.with_cache)["policy"] == cs.CachePolicy | None
    assert get_args(get_type_hints(cs.run)["options"]) == (OwnRunOptions,)


def test_annotations_that_nobody_reads_import_nothing():
    code = "import sys, cascade as cs; cs.run, cs.task, cs.LazyResult, cs.Retry; print('cascade.declare.cache_policy' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-S", "-c", code],
        env={"PYTHONPATH": ":".join(sys.path)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "False\n"


def test_a_protocol_may_extend_that_of_cache_policies():
    class Named(cs.CachePolicy, Protocol):
        name: str

    class Kept(Named):
        name = "kept"

        def __init__(self) -> None:
            self.values: dict[str, object] = {}

        def check(self, task_id: str, arguments: dict[str, object]) -> object:
            return self.values.get(repr(arguments))

        def save(self, task_id: str, arguments: dict[str, object], value: object) -> None:
            self.values[repr(arguments)] = value

    @cs.task
    def double(x: int) -> int:
        return 2 * x

    cache = Kept()
    assert [cs.run(double(2).with_cache(cache)) for _ in range(2)] == [4, 4]
    assert len(cache.values) == 1


def test_an_object_with_the_methods_of_a_cache_policy_is_one():
    assert isinstance(cs.MemoryCache(), cs.CachePolicy)
    assert not isinstance(object(), cs.CachePolicy)
