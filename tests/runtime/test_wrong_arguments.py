"""Wrong arguments of each public name: the error is shown at the user's line, without a frame of the library, and says what to pass instead."""

from __future__ import annotations

import contextlib
import io
import itertools
import math
import traceback
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

import cascade as cs
from cascade import testing


@cs.task
def add(a: int, b: int = 2) -> int:
    return a + b


@cs.task
def countdown(n: int) -> Any:
    return countdown.tail(n - 1) if n > 0 else n


class Account:
    @cs.task
    def deposit(self, amount: int) -> int:
        return amount


@cs.resource
def database() -> Any:
    yield 1


WRONG = [None, 3, -1, 2.5, "text", b"bytes", [], {}, object(), math.nan, True, add, add(1), len]
OF_RESULTS = {
    "run_if": (True,), "with_retry": (3,), "with_cache": (None,), "with_timeout": (1,), "with_concurrency": (1,), "after": (add(2),),
}  # fmt: skip


def calls(folder: Path) -> dict[str, tuple[Callable[..., Any], tuple[Any, ...], dict[str, Any]]]:
    """Returns a right call of each name: what is called, and with which arguments."""
    pool = ThreadPoolExecutor(1)
    by_name, task_program = cs.compile(add(cs.Param("n"))), cs.compile(countdown)
    engine = cs.Engine(resources=[database])
    found: dict[str, tuple[Callable[..., Any], tuple[Any, ...], dict[str, Any]]] = {
        "Blocks": (cs.Blocks, (pool,), {"workers": 1, "threads": 1}),
        "CachePolicy": (add(1).with_cache, (None,), {}),
        "DaskExecutor": (cs.DaskExecutor, ("nowhere",), {"threads": 1}),
        "DiskCache": (cs.DiskCache, (str(folder / "cache.db"),), {}),
        "Engine": (
            cs.Engine,
            (),
            {"solver": None, "executor": None, "bus": None, "system_resources": None, "resources": [], "observers": []},
        ),
        "Engine.register": (engine.register, (database,), {}),
        "Engine.run_now": (engine.run_now, (add(1),), {"timeout": 1, "max_steps": 9}),
        "Engine.stream": (engine.stream, (add.map([1]),), {"ordered": True}),
        "Env": (cs.Env, ("HOME",), {"type": str, "description": ""}),
        "MemoryCache": (cs.MemoryCache, (), {}),
        "MessageBus": (cs.MessageBus().subscribe, (cs.Event, print), {}),
        "Param": (cs.Param, ("n",), {"default": 1, "type": int, "description": ""}),
        "Program": (by_name, (1,), {}),
        "Program of a task": (task_program, (1,), {}),
        "Resource": (cs.Resource, (database.func,), {"name": "db", "scope": "run"}),
        "Retry": (cs.Retry, (), {"max_attempts": 2, "delay": 0, "backoff": 1, "jitter": 0, "retry_on": ValueError}),
        "Router": (cs.Router, (1,), {"routes": {1: add(1)}}),
        "Task": (cs.Task, (add.func,), {"pure": False, "lower": None, "retry": 3, "timeout": 1, "effect": "again"}),
        "bind": (cs.bind, (add(1), cs.select_jump({"end": None})), {}),
        "compile": (cs.compile, (add(1),), {"resources": (), "system_resources": None}),
        "console": (cs.console, (), {"interval": 1}),
        "create_cli": (cs.create_cli, (add(1),), {}),
        "dry_run": (cs.dry_run, (add(1),), {}),
        "explain": (cs.explain, (add(1),), {}),
        "from_json": (cs.from_json, (cs.to_json(add(1)),), {}),
        "inject": (cs.inject, ("database",), {}),
        "override_resource": (cs.override_resource, (None, "database", database), {}),
        "pipeline": (cs.pipeline, (1, [add]), {}),
        "report": (cs.report, (folder / "run.html",), {}),
        "resource": (cs.resource, (database.func,), {}),
        "run": (
            cs.run,
            (add(1), None),
            {"use_vm": True, "timeout": 1, "max_steps": 9, "observers": [], "report": None},
        ),
        "select_jump": (cs.select_jump, ({"end": None},), {}),
        "sequence": (cs.sequence, ([add(1), add(2)],), {}),
        "steps": (cs.steps, (3,), {}),
        "stream": (cs.stream, (add.map([1]), None), {"ordered": True}),
        "task": (cs.task(), (add.func,), {}),
        "to_json": (cs.to_json, (add(1),), {}),
        "trace": (cs.trace, (folder / "run.json",), {}),
        "visualize": (cs.visualize, (add(1),), {"format": "dot"}),
        "watch": (cs.watch, (add(1),), {}),
        "call of a task": (add, (1,), {"b": 2}),
        "call of a method": (Account().deposit, (1,), {}),
        "call of a partial": (add.partial(b=3), (1,), {}),
        "partial": (add.partial, (1,), {"b": 2}),
        "map": (add.map, ([1],), {"b": [2]}),
        "testing.SpySubscriber": (testing.SpySubscriber, (engine,), {}),
        "testing.SpyExecutor": (testing.SpyExecutor, (None,), {}),
        "testing.MockExecutor": (testing.MockExecutor, (0.1,), {}),
    }
    for option in ("mode", "pure", "lower", "retry", "timeout", "cache", "constraints", "effect"):
        value = {"mode": "inline", "pure": False, "effect": "again"}.get(option)
        found[f"task({option}=)"] = (lambda **options: cs.task(**options)(add.func), (), {option: value})
    for name, arguments in OF_RESULTS.items():
        target = add.map([1]) if name == "with_concurrency" else add(1)
        found[name] = (getattr(target, name), arguments, {})
    if _is_there("msgspec"):
        store = cs.Store(folder / "runs.db")
        cs.start(add(1), store=store, id="done").result()
        found |= {
            "Run": (cs.resume(store, "done").result, (), {"timeout": 1}),
            "Store": (cs.Store, (folder / "more.db",), {"lease": 1.0}),
            "Worker": (cs.Worker, (store,), {}),
            "every": (cs.every, (60, add(1)), {"store": store, "id": "schedule", "queue": None, "params": None}),
            "fork": (cs.fork, (store, "done"), {"at": 1}),
            "migrate": (cs.migrate, ("module:old", add, len), {}),
            "resume": (cs.resume, (store, "done"), {}),
            "signal": (cs.signal, (store, "done", "name", 3), {}),
            "sleep": (cs.sleep, (1,), {}),
            "start": (cs.start, (add(1),), {"store": store, "id": "other", "every": 1}),
            "wait": (cs.wait, ("name",), {"timeout": 1}),
        }
    if _is_there("cronsim"):
        found["cron"] = (cs.cron, ("* * * * *", add(1)), {"store": store, "id": "schedule"})
    if _is_there("opentelemetry"):
        found["otel"] = (cs.otel, (), {})
    return found


def _is_there(module: str) -> bool:
    with contextlib.suppress(ImportError):
        return bool(__import__(module))
    return False


CALLED_ELSEWHERE = {"arun", "emit", "full_tracebacks"}
"""A coroutine function; and functions that take any value."""
HOLDS_ANY_VALUE = {"Failure", "Hit", "Jump", "LazyResult", "Returned", "TailCall"}


def test_each_public_name_is_called_here(tmp_path: Path) -> None:
    for package in ("msgspec", "cronsim", "opentelemetry"):
        pytest.importorskip(package)
    named = {name for name in cs.__all__ if callable(getattr(cs, name))}
    kinds = {name for name in named if isinstance(getattr(cs, name), type)}
    ours = {name for name in kinds if issubclass(getattr(cs, name), (BaseException, cs.Event))}
    assert named - ours - CALLED_ELSEWHERE - HOLDS_ANY_VALUE <= calls(tmp_path).keys()


def wrong_calls(arguments: tuple[Any, ...], options: dict[str, Any]) -> Any:
    yield (), {}
    yield (*arguments, *[1] * 9), options
    yield arguments, {**options, "unknown_option": 1}
    for value in WRONG:
        for at in range(len(arguments)):
            yield (*arguments[:at], value, *arguments[at + 1 :]), options
        for name in options:
            yield arguments, {**options, name: value}


@pytest.mark.filterwarnings("ignore")
def test_wrong_arguments_are_answered_at_the_line_of_the_user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    errors, library = 0, str(Path(cs.__file__).parent)
    for name, (function, arguments, options) in calls(tmp_path).items():
        for wrong, wrong_options in wrong_calls(arguments, options):
            try:
                with contextlib.redirect_stdout(io.StringIO()):
                    function(*wrong, **wrong_options)
            except Exception as error:
                errors += 1
                call = f"{name}(*{wrong!r}, **{wrong_options!r})"
                frames = [frame.filename for frame in traceback.extract_tb(error.__traceback__)]
                own = any("<cascade" in frame or frame.startswith(library) for frame in frames)
                assert not own, f"{call}: {traceback.format_exc()}"
                says = "expected: " in "".join(traceback.format_exception_only(error)) or "hint: " in str(error)
                of_python = type(error) is TypeError and "argument" in str(error)  # of the call itself
                of_task = "in task" in "".join(getattr(error, "__notes__", ()))
                is_plain = isinstance(error, (cs.StoreError, cs.SavingError, cs.SerializationError))
                assert says or of_python or of_task or is_plain, f"{call}: {error!r}"
    assert errors > 1_000


@pytest.mark.parametrize(
    ("write", "message", "note"),
    [
        (lambda: add(), "add() missing 1 required positional argument: 'a'", "add(a, b=2)"),
        (lambda: add(1, 2, 3), "add() takes from 1 to 2 positional arguments but 3 were given", "add(a, b=2)"),
        (lambda: add.partial(c=1), "add() got an unexpected keyword argument 'c'", "add(a, b=2)"),
        (lambda: add.tail(c=1), "add() got an unexpected keyword argument 'c'", "add(a, b=2)"),
        (lambda: Account().deposit(), "Account.deposit() missing 1 required positional argument: 'amount'", "deposit(self, amount)"),
        (lambda: cs.compile(add)(1, 2, 3), "add() takes from 1 to 2 positional arguments but 3 were given", "add(a, b=2)"),
        (lambda: cs.compile(countdown)(unknown=1), "countdown() got an unexpected keyword argument 'unknown'", "countdown(n)"),
    ],
)  # fmt: skip
def test_a_call_that_does_not_fit_is_pythons_own_error_with_the_parameters_beside_it(
    write: Callable[[], Any], message: str, note: str
) -> None:
    with pytest.raises(TypeError) as found:
        write()
    assert type(found.value) is TypeError and str(found.value) == message
    assert found.value.__notes__ == [f"  expected: {note}"]


def test_the_calls_of_the_tail_in_a_task_have_the_same_error_on_both_paths(path: Any) -> None:
    @cs.task
    def wrong(n: int) -> Any:
        return add.tail(1, 2, n)

    with pytest.raises(TypeError, match="takes from 1 to 2 positional arguments but 3 were given") as found:
        path.run(wrong(1))
    assert found.value.__notes__[0] == "  expected: add(a, b=2)"
    assert traceback.extract_tb(found.value.__traceback__)[-1].line == "return add.tail(1, 2, n)"


def test_a_stream_of_an_iterator_without_an_end_is_answered_by_a_generator() -> None:
    with pytest.raises(cs.MapError, match=r"cs.stream\(task.map\(item for item in items\)\)"):
        cs.stream(add.map(itertools.count()))
    with cs.stream(add.map(n for n in itertools.count())) as values:
        assert list(itertools.islice(values, 3)) == [2, 3, 4]


def test_a_failure_in_a_function_written_in_c_has_no_frame_of_the_library(path: Any) -> None:
    with pytest.raises(ValueError, match="invalid literal") as found:
        path.run(cs.task(int)("x"))
    names = [frame.filename for frame in traceback.extract_tb(found.value.__traceback__)]
    assert not any("cascade" in Path(name).parts and "tests" not in Path(name).parts for name in names), names


@pytest.mark.parametrize("wrong", [{"target": 3}, {"target": add(1), "every": "often"}])
def test_wrong_arguments_of_crashes_are_answered_before_a_process_is_started(wrong: Any) -> None:
    with pytest.raises(cs.DeclarationError, match="expected: ") as found:
        testing.crash_at_every_commit(**wrong)
    assert len(traceback.extract_tb(found.value.__traceback__)) == 1
