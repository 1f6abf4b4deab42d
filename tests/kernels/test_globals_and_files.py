"""Lowered functions and what is around them: globals, modules, containers, the source file, debuggers."""

from __future__ import annotations

import builtins
import importlib
import linecache
import os
import pathlib
import subprocess
import sys
import traceback
import warnings
import weakref
from types import ModuleType
from typing import Any

import pytest

import cascade as cs
from tests.conftest import Path
from tests.support.tasks import one

TOTAL = 0
ZERO, FLAG, TEXT = (-0.0,), (True, 2), "".join(["a", "b", "c"])
HELD = [one()]
OPTIONAL = ModuleType("optional")


# -- Names ------------------------------------------------------------------------------------------------------------


def test_a_global_is_assigned_after_the_last_loop(run, monkeypatch):
    monkeypatch.setattr(sys.modules[__name__], "TOTAL", 7)

    @cs.task
    def add(n: int) -> int:
        global TOTAL
        for _ in range(n):
            pass
        TOTAL = TOTAL + n
        return TOTAL

    assert [run(add(5)), run(add(1))] == [12, 13]
    assert TOTAL == 13


def test_a_variable_of_the_function_around_is_assigned_after_the_last_loop(run):
    count = 0

    @cs.task
    def add(n: int) -> int:
        nonlocal count
        for _ in range(n):
            pass
        count += n
        return count

    assert [run(add(5)), run(add(1)), count] == [5, 6, 6]


@pytest.mark.parametrize("mapped", [False, True])
def test_an_object_of_the_function_around_dies_when_its_variable_changes(run, mapped):
    class Held:
        pass

    kept = Held()

    def replace(n: int) -> int:
        nonlocal kept
        old = kept  # noqa: F841
        for i in range(n):
            n += i
        kept = Held()
        return n

    first, replacing = weakref.ref(kept), cs.task(replace)
    for _ in range(3):
        found = run(replacing.map([3]))[0] if mapped else run(replacing(3))
        assert found == 6
    assert first() is None


def test_a_global_that_is_not_there_is_a_name_error(run):
    @cs.task
    def read(n: int) -> Any:
        global nowhere
        for _ in range(n):
            pass
        return [nowhere]  # noqa: F821

    with pytest.raises(NameError) as raised:
        run(read(3))
    assert type(raised.value) is NameError


def test_a_state_assigns_a_global_before_it_jumps(run, monkeypatch):
    monkeypatch.setattr(sys.modules[__name__], "TOTAL", 0)

    @cs.task
    def count(n: int) -> Any:
        global TOTAL
        for _ in range(2):
            pass
        TOTAL = TOTAL + 1
        return cs.Jump("again", n - 1) if n else cs.Jump("end", TOTAL)

    state = count(3)
    assert run(cs.bind(state, cs.select_jump({"again": state, "end": None}))) == 4


def test_a_global_equal_to_a_constant_is_itself(run):
    @cs.task
    def zero(n: int) -> Any:
        for _ in range(n):
            pass
        return (0.0,) if n > 100 else ZERO

    @cs.task
    def flag(n: int) -> Any:
        for _ in range(n):
            pass
        return (1, 2) if n > 100 else FLAG

    @cs.task
    def same(text: str, n: int) -> Any:
        for _ in range(n):
            pass
        return "abc" if n > 100 else text is TEXT

    assert [repr(run(zero(3))), repr(run(flag(3))), run(same(TEXT, 3))] == ["(-0.0,)", "(True, 2)", True]


def test_a_module_is_not_asked_for_a_name_before_the_function_does(run, monkeypatch):
    def missing(name: str) -> Any:
        raise ImportError("not installed")

    monkeypatch.setattr(OPTIONAL, "__getattr__", missing, raising=False)

    @cs.task
    def work(n: int, fast: bool) -> int:
        total = 0
        for i in range(n):
            if fast:
                total += OPTIONAL.accelerated
            total += i
        return total

    assert run(work(10, False)) == 45
    with pytest.raises(ImportError, match="not installed"):
        run(work(10, True))


@pytest.mark.parametrize("look", ["sorted(locals())", "sorted(vars())", "dir()", "eval('dir()')"])
def test_a_function_that_looks_at_its_variables_sees_its_own(run, tmp_path, monkeypatch, look):
    (tmp_path / "looking.py").write_text(
        f"def look(n):\n    for i in range(n):\n        if i == 3:\n            return {look}\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "looking", raising=False)
    importlib.invalidate_caches()
    assert run(cs.task(importlib.import_module("looking").look)(9)) == ["i", "n"]


def test_functions_made_after_the_last_loop_have_their_names(run):
    @cs.task
    def make(n: int) -> Any:
        for _ in range(n):
            pass
        return lambda x: [item for item in (lambda: x,)]

    made = run(make(3))
    assert made.__qualname__ == make.func(3).__qualname__
    assert made(1)[0].__qualname__ == make.func(3)(1)[0].__qualname__


@pytest.mark.parametrize(
    "declare",
    [
        "try:\n            pass\n        except ValueError:\n            {}",
        "match n:\n            case 1000:\n                {}",
    ],
)
@pytest.mark.parametrize("scope", ["global", "nonlocal"])
def test_a_declaration_may_stand_anywhere(path, tmp_path, monkeypatch, declare, scope):
    name = f"declaring_{path.use_vm}_{scope}_{len(declare)}"
    statement = declare.format(f"{scope} KEPT; KEPT = 1")
    (tmp_path / f"{name}.py").write_text(
        f"KEPT = None\ndef make():\n    {'KEPT = None' if scope == 'nonlocal' else 'pass'}\n    def f(n):\n        total = 0\n"
        f"        for i in range(n):\n            total += i\n        if n > 500:\n            pass\n        {statement}\n"
        "        KEPT = total\n        return total\n    return f, lambda: KEPT\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    function, kept = importlib.import_module(name).make()
    assert (path.run(cs.task(function)(5)), kept()) == (10, 10)


def test_the_variable_of_a_comprehension_hides_no_global(run):
    @cs.task
    def mixed(n: int) -> Any:
        total = 0
        for i in range(n):
            total += TOTAL + i
        return [TOTAL for TOTAL in (1, 2)], total, TOTAL

    assert run(mixed(3)) == ([1, 2], 3, 0)


def test_super_finds_its_object(run):
    class Base:
        def value(self, n: int) -> Any:
            return "base", n

    class Own(Base):
        def value(self, n: int) -> Any:
            for i in range(3):
                n += i
            return super().value(n)

    assert run(cs.task(Own.value)(Own(), 2)) == ("base", 5)


def test_the_code_of_a_function_may_be_replaced(run):
    def before(n: int) -> Any:
        total = 0
        for _ in range(n):
            total += 1
        return total

    def after(n: int) -> Any:
        total = 0
        for _ in range(n):
            total += 2
        return total, "new"

    task = cs.task(before)
    assert run(task(20)) == 20
    before.__code__ = after.__code__
    assert run(task(20)) == (40, "new")


def test_numbers_that_may_be_compared_by_is_stay_objects(run):
    class Box:
        value: Any

    @cs.task
    def kept(box: Box, n: int, x: float) -> Any:
        y = x
        for _ in range(n):
            pass
        box.value = x
        return box.value is y

    @cs.task
    def inside(n: int, x: float) -> Any:
        y = x
        for _ in range(n):
            pass
        return [v is w for v, w in [(x, y)]], (lambda p, q: p is q)(x, y)

    @cs.task
    def text(n: int) -> Any:
        found = "hello world"
        for _ in range(n):
            pass
        return [found, "hello world"]

    assert [run(kept(Box(), 5, 2.5)), run(inside(5, 2.5))] == [True, ([True], True)]
    one_text, other_text = run(text(5))
    assert one_text is other_text


class Hundred(dict):
    def __getitem__(self, key: str) -> Any:
        return 100 if key == "K" else dict.__getitem__(self, key)


def test_globals_and_builtins_of_other_kinds_are_asked_as_python_does(run):
    text = "K = 1\ndef f(n):\n    t = 0\n    for i in range(n):\n        t += K\n    return [t, abs(-5)]\n"
    for number, names in enumerate([Hundred(__builtins__=builtins), {"__builtins__": builtins}]):
        file = f"<names {number}>"
        linecache.cache[file] = (len(text), None, text.splitlines(True), file)
        exec(compile(text, file, "exec"), names)
        function = dict.__getitem__(names, "f")
        if number:
            names["__builtins__"] = {**vars(builtins), "abs": lambda x: "other"}
        assert run(cs.task(function)(20)) == function(20)


# -- Containers -------------------------------------------------------------------------------------------------------


@cs.task
def end(x: Any) -> Any:
    for _ in range(2):
        pass
    return x


@cs.task
def with_default(n: int, x: Any = HELD) -> Any:
    for _ in range(n):
        pass
    return x


def by_tail(n: int, x: Any) -> Any:
    for _ in range(n):
        pass
    return end.tail(HELD)


def by_call(n: int, x: Any) -> Any:
    for _ in range(n):
        pass
    return end(HELD)


def by_default(n: int, x: Any) -> Any:
    for _ in range(n):
        pass
    return with_default.tail(n)


def given_to_another(n: int, x: Any) -> Any:
    for _ in range(n):
        pass
    return end.tail(x)


def answered(n: int, x: Any) -> Any:
    for _ in range(n):
        pass
    return end(x)


def by_variable(n: int, x: Any) -> Any:
    p = HELD
    for _ in range(n):
        pass
    return end.tail(p)


def by_choice(n: int, x: Any) -> Any:
    for _ in range(n):
        pass
    return end.tail(HELD if n > 0 else x)


@pytest.mark.parametrize("function", [by_tail, by_call, by_default, by_variable, by_choice, given_to_another, answered])
def test_results_in_a_container_that_is_handed_on_are_computed(run, function):
    late: list[Any] = []
    task = cs.task(function)

    @cs.task
    def begin(n: int) -> Any:
        late[:] = [one()]  # when `begin` is called, there is nothing to be computed in what it is given
        return task.tail(n, late)

    assert run(begin(3)) == [1]


def test_what_holds_no_results_is_handed_on_in_typed_code():
    @cs.task
    def ping(n: int, state: Any, other: Any) -> Any:
        return pong.tail(n - 1, other, state) if n > 0 else state

    @cs.task
    def pong(n: int, state: Any, other: Any) -> Any:
        return ping.tail(n - 1, other, state) if n > 0 else other

    state, other = [1, 2], object()
    assert cs.run(ping(100_000, state, other)) is state
    made = [kernel for task in (ping, pong) for kernel in cs.explain(task)[task.name].kernels]
    assert sum(kernel.steps for kernel in made) > 50_000


# -- The file ---------------------------------------------------------------------------------------------------------


def test_a_file_that_was_edited_since_gives_the_lines_that_were_loaded(path, tmp_path, monkeypatch):
    text = "def f(n):\n    s = 0\n    for i in range(n):\n        s += 1 // (3 - i)\n    return s\n"
    name = f"edited_{path.use_vm}"
    file = tmp_path / f"{name}.py"
    file.write_text(text)
    monkeypatch.syspath_prepend(tmp_path)
    task = cs.task(importlib.import_module(name).f)
    file.write_text(text.replace("s = 0\n", "s = 0\n    # a comment\n\n"))
    with pytest.raises(ZeroDivisionError) as raised:
        path.run(task(5))
    assert traceback.extract_tb(raised.value.__traceback__)[-1].lineno == 4


class Unreadable:
    def get_source(self, name: str) -> str:
        raise RuntimeError("no source here")


def test_a_loader_that_raises_is_no_error(run):
    names: dict[str, Any] = {"__name__": "ghost", "__loader__": Unreadable()}
    exec(compile("def f(n):\n    for i in range(n):\n        pass\n    return n\n", "ghost.py", "exec"), names)
    assert run(cs.task(names["f"])(20)) == 20


def test_the_file_may_get_other_letters_before_it_is_quoted(path, tmp_path, monkeypatch):
    name = f"accents_{path.use_vm}"
    text = "def f(n, x):\n    t = 0\n    for i in range(n):\n        t += x\n    return t\n"
    (tmp_path / f"{name}.py").write_text(text)
    monkeypatch.syspath_prepend(tmp_path)
    task = cs.task(importlib.import_module(name).f)
    assert path.run(task(20, 1)) == 20
    (tmp_path / f"{name}.py").write_text(text.replace("    t +=", "é" * 300 + "    t +="), encoding="utf-8")
    linecache.checkcache()
    with pytest.raises(TypeError):
        path.run(task(20, "a"))


def test_a_call_over_several_lines_has_its_positions(path):
    @cs.task
    def call(n: int) -> Any:
        for _ in range(n):
            pass
        return (os
           .getcwd
           (1, 2))  # fmt: skip

    places = []
    for run in (lambda: call.func(5), lambda: path.run(call(5))):
        with pytest.raises(TypeError) as raised:
            run()
        last = traceback.extract_tb(raised.value.__traceback__)[-1]
        places.append((last.lineno, last.end_lineno, last.colno, last.end_colno))
    assert places[0] == places[1]


def test_lowering_leaves_the_filters_of_warnings_alone():
    @cs.task
    def count(n: int) -> Any:
        for _ in range(n):
            pass
        return [n]

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("default")
        before = list(warnings.filters)
        for _ in range(3):
            warnings.warn("once", stacklevel=1)
            cs.run(count(3))
        assert list(warnings.filters) == before
    assert [str(each.message) for each in caught if each.category is UserWarning] == ["once"]


def test_lowering_issues_no_warnings_of_operators_that_the_compiler_executes(tmp_path, monkeypatch):
    lines = (
        "def inverted(n):",
        "    total = 0",
        "    for i in range(n):",
        "        total += ~True * 7",
        "    return total // (n - 4)",
    )
    (tmp_path / "inverting.py").write_text("\n".join(lines))
    monkeypatch.syspath_prepend(tmp_path)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        inverted = importlib.import_module("inverting").inverted
        caught.clear()
        for n in (9, 3):
            assert cs.run(cs.task(inverted)(n)) == inverted(n)
        with pytest.raises(ZeroDivisionError):
            cs.run(cs.task(inverted)(4))
    assert caught == []


def test_a_loop_of_a_function_inside_is_not_the_functions_own():
    @cs.task
    def outer(n: int) -> Any:
        total = 0
        for i in range(n):
            total += i

        def inner() -> int:
            found = 0
            for j in [1, 2]:
                found += j
            return found

        return inner() + total

    assert cs.run(outer(5)) == 13
    assert cs.explain(outer)["outer"].regime == "kernel"


def fibonacci(n: int) -> int: return n if n < 2 else fibonacci(n - 1) + fibonacci(n - 2)  # fmt: skip  # noqa: E704


def test_a_function_in_one_line_with_a_helper_that_calls_itself_is_lowered_at_once():
    @cs.task
    def top(n: int) -> int: return fibonacci(n)  # fmt: skip  # noqa: E704

    assert cs.run(top(15)) == 610
    assert cs.explain(top)["top"].kernels


# -- Debuggers --------------------------------------------------------------------------------------------------------


def lines_seen(path: Path, task: cs.Task[..., Any], *arguments: Any) -> list[int]:
    seen: list[int] = []
    first = task.func.__code__.co_firstlineno

    def trace(frame: Any, event: str, argument: Any) -> Any:
        if frame.f_code is not task.func.__code__:
            return None
        if event == "line":
            seen.append(frame.f_lineno - first)
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        path.run(task(*arguments))
    finally:
        sys.settrace(before)
    return seen


def test_a_tracer_sees_every_line(path):
    @cs.task
    def add(n: int) -> int:
        total = 0
        for i in range(n):
            total += i
        return total

    path.run(add(3))  # on the VM path it has typed code then
    assert lines_seen(path, add, 2) == [2, 3, 4, 3, 4, 3, 5]


@pytest.mark.skipif(not hasattr(sys, "monitoring"), reason="from CPython 3.12 on")
@pytest.mark.parametrize("tool", [0, 1, 3, 4, 5])
def test_a_monitoring_tool_sees_every_line(path, tool):
    @cs.task
    def add(n: int) -> int:
        total = 0
        for i in range(n):
            total += i
        return total

    path.run(add(3))
    seen: list[int] = []
    monitoring: Any = sys.monitoring  # type: ignore[attr-defined]
    if monitoring.get_tool(tool) is not None:
        pytest.skip("there is such a tool")
    monitoring.use_tool_id(tool, "test")
    try:
        monitoring.register_callback(tool, monitoring.events.LINE, lambda code, line: seen.append(line))
        monitoring.set_local_events(tool, add.func.__code__, monitoring.events.LINE)
        path.run(add(2))
    finally:
        monitoring.set_local_events(tool, add.func.__code__, 0)
        monitoring.free_tool_id(tool)
    first = add.func.__code__.co_firstlineno
    assert [line - first for line in seen] == [2, 3, 4, 3, 4, 3, 5]


def test_a_breakpoint_in_a_lowered_function_is_met(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(
        "import cascade as cs\n@cs.task\ndef area(n):\n    s = 0.0\n    for i in range(n):\n        s += i / n\n    return s\nprint(cs.run(area(5)))\n"
    )
    done = subprocess.run(
        [sys.executable, "-m", "pdb", str(script)], input="b 6\nc\np i + 100\nq\n", capture_output=True, text=True, timeout=60,
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
    )  # fmt: skip
    assert "\n-> s += i / n\n(Pdb) 100\n" in done.stdout, done.stdout + done.stderr


def test_a_checkout_without_the_extension_says_what_to_do(tmp_path):
    source = pathlib.Path(cs.__file__).parent
    for file in source.rglob("*.py"):
        copy = tmp_path / "cascade" / file.relative_to(source)
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes(file.read_bytes())
    for code in ("import cascade; cascade.run", "from cascade.runtime import Engine"):
        ended = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True)
        assert ended.returncode == 1
        assert ended.stderr.splitlines()[-1].startswith(
            f"ModuleNotFoundError: cascade's extension module (cascade._vm) is not built in {tmp_path}"
        )
        assert "pip install -e ." in ended.stderr
