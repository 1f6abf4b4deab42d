"""What people see of the package in an interactive session, an editor, a help text or a warning."""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import pydoc
import re
import sqlite3
import threading
import typing
import warnings
from pathlib import Path

import pytest

import cascade as cs
from cascade import errors
from cascade.declare.warn import warn_user
from cascade.events import types as events

ROOT = Path(__file__).parents[2]


@cs.task
def annotated(x: int, y: list[Later] | None = None) -> str:
    return str(x)


class Methods:
    @cs.task
    def method(self, x: int) -> Later: ...

    @cs.task
    @staticmethod
    def static(x: int) -> Later: ...

    @cs.task
    @classmethod
    def of_class(cls, x: int) -> Later: ...


class Later:
    """Defined after the tasks whose annotations name it."""


def test_a_task_has_the_annotations_of_its_function():
    assert annotated.__annotations__ == annotated.func.__annotations__ == inspect.get_annotations(annotated)
    assert typing.get_type_hints(annotated) == {"x": int, "y": list[Later] | None, "return": str}


@pytest.mark.parametrize(
    "task", [Methods.method, Methods().method, Methods.static, Methods().static, Methods.of_class, Methods().of_class]
)
def test_tasks_of_classes_have_the_annotations_of_their_functions(task):
    assert typing.get_type_hints(task) == {"x": int, "return": Later}


def test_a_callable_without_annotations_has_none():
    assert cs.task(len).__annotations__ == {} == typing.get_type_hints(cs.task(round))


def test_the_class_keeps_annotations_of_its_own():
    assert set(cs.Task.__annotations__) == {"func", "name"}


def test_help_shows_the_options_of_task():
    signature = pydoc.plain(pydoc.render_doc(cs.task)).partition("Makes a function a task")[0]
    for option in inspect.signature(cs.Task).parameters:
        assert re.search(rf"\b{option}: ", signature), option
    with pytest.raises(TypeError, match=r"unknown option 'nmae'[\s\S]*'name'"):
        cs.task(nmae="x")


def test_an_explanation_is_readable_where_its_value_is_shown():
    found = cs.explain(annotated)
    assert repr(found) == str(found) and repr(found).startswith("annotated  call")


def test_every_event_and_every_error_is_exported():
    for module, base in ((errors, (cs.CascadeError, Warning)), (events, cs.Event)):
        for name, value in vars(module).items():
            if isinstance(value, type) and issubclass(value, base):
                assert getattr(cs, name) is value


def test_an_editor_completes_the_package_and_shows_signatures():
    jedi = pytest.importorskip("jedi")
    project = jedi.Project(ROOT, smart_sys_path=False, added_sys_path=[str(Path(cs.__file__).parent.parent)])
    names = {found.name for found in jedi.Script("import cascade as cs\ncs.", project=project).complete()}
    assert set(cs.__all__) <= names
    signature = jedi.Script("import cascade as cs\ncs.run(", project=project).get_signatures()[0]
    assert signature.params[0].name == "target"


class Unkeyable:
    """Has no key in a cache."""

    def __reduce__(self):
        raise TypeError("not to be pickled")


@cs.task
def cached(x):
    return 1


@cs.task
async def cached_later(x):
    return 1


@pytest.mark.parametrize("task", [cached, cached_later])
def test_a_cache_warning_points_to_the_call_of_the_user(path, task):
    target = task(Unkeyable()).with_cache(cs.MemoryCache())
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        path.run(target)
    assert {warning.category for warning in caught} == {cs.CacheWarning}
    # The fixture makes the call.
    assert {Path(warning.filename).name for warning in caught} == {"conftest.py"}


def test_a_warning_in_a_task_of_the_event_loop_points_to_the_function(path):
    async def main():
        return await path.arun([cached_later(Unkeyable()).with_cache(cs.MemoryCache()) for _ in range(2)])

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        asyncio.run(main())
    assert {warning.category for warning in caught} == {cs.CacheWarning}
    assert {Path(warning.filename).name for warning in caught} <= {"conftest.py", Path(__file__).name}


def test_a_warning_in_a_thread_points_to_the_function():
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        thread = threading.Thread(target=warn_user, args=("text", cs.CacheWarning, cached.func))
        thread.start()
        thread.join()
        warn_user("text", cs.CacheWarning)
        warn_user("text", cs.CacheWarning, cached.func)
    assert {warning.filename for warning in caught} == {__file__}
    assert caught[0].lineno == cached.func.__code__.co_firstlineno


def test_a_damaged_entry_of_a_disk_cache_is_told_where_the_user_called(path, tmp_path):
    cache = cs.DiskCache(tmp_path / "cache")
    path.run(cached(1).with_cache(cache))
    cache.close()
    with contextlib.closing(sqlite3.connect(cache.path)) as connection, connection:
        connection.execute("UPDATE entries SET checksum = x'00'")
    with pytest.warns(cs.CacheWarning, match="damaged") as caught:
        path.run(cached(1).with_cache(cache))
    assert Path(caught[0].filename).name == "conftest.py"
    cache.close()


def test_the_options_of_a_run_are_those_that_type_checkers_know():
    from cascade.runtime import api, engine, options

    assert options.RunOptions.__annotations__.keys() == engine.RUN_OPTIONS
    assert options.OwnRunOptions.__annotations__.keys() == api.OWN_RUN_OPTIONS
    for name in api.OWN_RUN_OPTIONS:
        assert f"\n    {name}: " in inspect.getdoc(cs.run)


@pytest.mark.parametrize("run", ["run", "arun"])
def test_an_option_that_a_run_does_not_have_is_refused_by_its_name(run):
    def start(function, **options):
        result = function(annotated(1), **options)
        return asyncio.run(result) if inspect.isawaitable(result) else result

    with pytest.raises(
        TypeError,
        match=rf"^{run}\(\) got an unexpected keyword argument 'use_vn'; did you mean 'use_vm'\?\n  expected: every, ",
    ):
        start(getattr(cs, run), use_vn=False)
    method = "run_now" if run == "run" else "run"
    with pytest.raises(
        TypeError, match=rf"^Engine\.{method}\(\) got an unexpected keyword argument 'observers'\n  expected: max_steps"
    ):
        start(getattr(cs.Engine(), method), observers=[])
