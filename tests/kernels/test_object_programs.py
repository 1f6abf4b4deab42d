"""Random programs with objects in them give what plain Python gives; and the comparison itself would see it if they did not."""

from __future__ import annotations

import ast
import gc
import os
import signal
import subprocess
import sys
import types
import warnings
import weakref
from pathlib import Path

import pytest

import cascade as cs
from tests.support.object_programs import Call, Difference, Program, Tasks, compare, write_program
from tests.support.object_programs.corners import CORNERS
from tests.support.object_programs.minimise import minimise, shown_by
from tests.support.object_programs.runner import Options, Runner

FIRST = int(os.environ.get("CASCADE_SEED", "1"))


def module(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "tests.support.object_programs", *arguments]
    return subprocess.run(
        command, capture_output=True, text=True, check=False, env={**os.environ, "PYTHONHASHSEED": "0"}
    )


@pytest.mark.parametrize(
    ("first", "count", "options"), [(FIRST, 200, []), (CORNERS + FIRST, 60, ["--blocks"])], ids=["usual", "corners"]
)
def test_random_programs_with_objects_give_what_python_gives(first, count, options):
    done = module("--programs", str(count), "--seed", str(first), "--shrink", "0", *options)
    assert done.returncode == 0, done.stdout + done.stderr
    compared = int(done.stdout.split("compared ")[1].split()[0])
    assert compared > count * 0.9


def test_the_same_seed_gives_the_same_program():
    shown = [module("--show", "--programs", "20", "--seed", "100").stdout for _ in range(2)]
    assert shown[0] == shown[1]
    assert shown[0] != module("--show", "--programs", "20", "--seed", "101").stdout


# -- What the comparison sees -----------------------------------------------------------------------------------------

BASIC = """\
import warnings, weakref
LOG = []
WATCHED = []
KEPT = []
class Tracked:
    def __init__(self):
        WATCHED.append(weakref.ref(self))
    def __del__(self):
        LOG.append("del")
def note(value):
    LOG.append(value)
    return value
def f(xs, n):
    found = Tracked()
    note(n)
    for i in range(n):
        xs.append(xs[i] * 0.5)
    warnings.warn("slow")
    return xs, len(xs), xs
"""


def basic(*calls: Call) -> Program:
    return Program(0, BASIC, calls or (Call("f", "([1, 2], 3)", ("program",)),))


class Twice(Tasks):
    def run(self, call, place, arguments):
        super().run(call, place, arguments)
        return super().run(call, place, arguments)


class Copies(Tasks):
    def run(self, call, place, arguments):
        return super().run(call, place, ([*arguments[0]], *arguments[1:]))


class NoAlias(Tasks):
    def run(self, call, place, arguments):
        first, count, last = super().run(call, place, arguments)
        return first, count, [*last]


class OtherType(Tasks):
    def run(self, call, place, arguments):
        first, count, last = super().run(call, place, arguments)
        return first, float(count), last


class OtherBits(Tasks):
    def run(self, call, place, arguments):
        found = super().run(call, place, arguments)
        found[0][-1] = -0.0 if found[0][-1] == 0 else found[0][-1]
        return found


class Leaks(Tasks):
    kept: list[object] = []

    def run(self, call, place, arguments):
        self.kept.append(arguments[0])
        return super().run(call, place, arguments)


class KeepsObjects(Tasks):
    """As one whose references are dropped too late."""

    kept: list[object] = []

    def run(self, call, place, arguments):
        self.world.names["Tracked"].__init__.__globals__["WATCHED"].append(weakref.ref(self))
        return super().run(call, place, arguments)


class NoWarnings(Tasks):
    def run(self, call, place, arguments):
        found = super().run(call, place, arguments)
        self.caught.clear()
        return found


class Rebinds(Tasks):
    def run(self, call, place, arguments):
        found = super().run(call, place, arguments)
        self.world.names["KEPT"] = ()
        return found


@pytest.mark.parametrize(
    ("wrong", "kind"),
    [
        (Twice, "result value/value"),
        (Copies, "afterwards value/value"),
        (NoAlias, "result value/value"),
        (OtherType, "result value/value"),
        (Leaks, "counts value/value"),
        (KeepsObjects, "afterwards value/value"),
        (NoWarnings, "warned value/value"),
        (Rebinds, "afterwards value/value"),
    ],
)
def test_an_engine_that_is_wrong_is_seen(wrong, kind):
    compare(basic())
    with pytest.raises(Difference, match="seed 0") as raised:
        compare(basic(), wrong)
    assert raised.value.kind == kind


def test_another_zero_is_a_difference():
    zeros = basic(Call("f", "([0, 2], 1)", ("run",)))
    compare(zeros)
    with pytest.raises(Difference, match=r"-0\.0"):
        compare(zeros, OtherBits)


class WithoutException(Tasks):
    def run(self, call, place, arguments):
        try:
            return super().run(call, place, arguments)
        except IndexError:
            return None


class OtherTraceback(Tasks):
    def run(self, call, place, arguments):
        try:
            return super().run(call, place, arguments)
        except IndexError as error:
            raise error.with_traceback(None)


class OtherContext(Tasks):
    def run(self, call, place, arguments):
        try:
            return super().run(call, place, arguments)
        except IndexError as error:
            raise error from ValueError()


@pytest.mark.parametrize(
    ("wrong", "kind"),
    [
        (WithoutException, "result IndexError/value"),
        (OtherTraceback, "result IndexError/IndexError"),
        (OtherContext, "result IndexError/IndexError"),
    ],
)
def test_an_engine_with_another_exception_is_seen(wrong, kind):
    fails = basic(Call("f", "([], 1)", ("program", "run")))
    assert compare(fails).raised == 2
    with pytest.raises(Difference) as raised:
        compare(fails, wrong)
    assert raised.value.kind == kind


class Swap(ast.NodeTransformer):
    """Subtracts in place of the first addition of a function."""

    done = False

    def visit_BinOp(self, node):
        self.generic_visit(node)
        if isinstance(node.op, ast.Add) and not self.done:
            self.done, node.op = True, ast.Sub()
        return node


class Subtracts(Tasks):
    """As one that translates one addition in a function wrongly."""

    def change(self, function):
        return Swap().visit(function)

    def task(self, name):
        if name not in self.tasks:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # about the comparison of literals
                tree = ast.parse(Path(self.file).read_text(encoding="utf-8"))
                function = next(node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == name)
                code = compile(ast.Module([self.change(function)], []), self.file, "exec", dont_inherit=True)
            body = next(constant for constant in code.co_consts if isinstance(constant, types.CodeType))
            self.world.names[name].__code__ = body
        return super().task(name)


class Unchanged(Subtracts):
    """Compiles the function anew, and changes nothing."""

    def change(self, function):
        return function


def differences(tasks):
    found = []
    for seed in range(FIRST, FIRST + 60):
        program = write_program(seed)
        if "\ndef make_f" in program.text or "\ndef make_g" in program.text:
            continue  # its code has free variables
        try:
            compare(program, tasks)
        except Difference as difference:
            print(difference)
            found.append(difference.kind)
    gc.collect()
    return found


@pytest.mark.filterwarnings("ignore")
def test_a_wrong_operator_is_seen_by_random_programs():
    assert differences(Unchanged) == []
    wrong = differences(Subtracts)
    assert len([kind for kind in wrong if kind.startswith(("result", "afterwards"))]) > 5


class Crashes(Tasks):
    def run(self, call, place, arguments):
        if arguments == (13,):
            os.kill(os.getpid(), signal.SIGSEGV)
        return super().run(call, place, arguments)


def test_a_process_that_crashes_is_reported_with_its_seed_and_the_others_go_on(monkeypatch, capsys):
    def write(seed):
        return Program(seed, "def f(n):\n    return n\n", (Call("f", f"({seed},)", ("program",)),))

    monkeypatch.setattr("tests.support.object_programs.runner.write_program", write)
    runner = Runner(Options(10, programs=8, tasks=Crashes, shrink=5))
    assert runner.run() == 1
    assert (runner.crashed, runner.found) == ([13], [])
    assert "CRASH, seed 13" in capsys.readouterr().out
    assert "compared 8 programs" not in runner.summary() and runner.tally.programs >= 4


def test_a_difference_is_made_smaller():
    long = basic(
        Call("f", "([0, 2], 1)", ("run",)), Call("f", "([], 1)", ("program", "run")), Call("f", "([3], 1)", ("run",))
    )
    kind, text = shown_by(long, WithoutException)
    assert kind == "result IndexError/value"
    assert "expected" in text
    small = minimise(long, kind, WithoutException, seconds=20)
    assert len(small.calls) == 1
    assert "WATCHED" not in small.text and "warn" not in small.text and "f(" in small.text
    assert shown_by(small, WithoutException)[0] == kind


# -- What the programs have shown --------------------------------------------------------------------------------------


class Argument:
    """Something that can be watched."""


def helper(a):
    effects = [a]
    effects.append(a)
    return a


def helped(kept, n):
    total = 0
    for i in range(n):
        total += helper(i)
    return total


def test_arguments_of_a_function_that_is_not_lowered_die_with_the_call():
    gc.collect()
    gc.disable()
    try:
        kept = Argument()
        watched = weakref.ref(kept)
        assert cs.run(cs.task(helped)(kept, 3)) == 3
        del kept
        assert watched() is None
    finally:
        gc.enable()
