"""Exceptions of worker processes: they come back as the same class with the same attributes, or as a subclass of it."""

from __future__ import annotations

import importlib.util
import pickle
import subprocess
import sys
import textwrap
from types import MemberDescriptorType
from typing import Any

import pytest

import cascade as cs
from cascade.adapters.executors.sending import dumps_for_caller
from cascade.errors import SendingError
from tests.support import compute_errors as errors
from tests.support import compute_tasks as compute

pytestmark = pytest.mark.skipif(importlib.util.find_spec("loky") is None, reason="loky is not here")

WHOLE = [name for name in errors.MADE if not name.startswith("not whole")]


def content(value: Any) -> Any:
    """What an exception consists of, with those in it likewise; all else as it is."""
    if isinstance(value, (list, tuple)):
        return [content(each) for each in value]
    if not isinstance(value, BaseException):
        return value
    kind = type(value)
    fields = [
        name for each in kind.__mro__ for name, field in vars(each).items() if isinstance(field, MemberDescriptorType)
    ]
    named = {name: content(getattr(value, name, "unset")) for name in fields if name != "__suppress_context__"}
    others = {name: content(each) for name, each in vars(value).items() if name != "__notes__"}
    return kind, content(value.args), str(value), named, others


@pytest.mark.parametrize("kind", WHOLE)
def test_an_exception_comes_back_with_its_class_and_attributes(path, kind):
    with pytest.raises(BaseException) as raised:  # noqa: PT011
        path.run(compute.fail(kind))
    assert content(raised.value) == content(errors.MADE[kind]())
    assert "fail" in str(raised.value.__cause__) and "worker process" in str(raised.value.__cause__)


@pytest.mark.parametrize("kind", WHOLE)
def test_an_exception_that_came_back_can_be_sent_on(kind):
    once = pickle.loads(dumps_for_caller(errors.MADE[kind](), always_rebuild=True))
    assert content(pickle.loads(dumps_for_caller(once, always_rebuild=True))) == content(errors.MADE[kind]())


def test_exceptions_in_values_and_arguments_are_sent_like_raised_ones(run):
    given = [errors.Keywords(code=1), {"a": errors.TwoArguments(1, 2)}]
    (keywords, inner), _ = run(compute.process_of(given))
    assert (content(keywords), content(inner["a"])) == (content(given[0]), content(given[1]["a"]))


def test_an_exception_that_cannot_be_sent_whole_is_still_of_its_class(run):
    with pytest.raises(
        errors.Locked, match="the Locked that it raised cannot be sent back from task 'fail': .*cannot pickle"
    ) as raised:
        run(compute.fail("not whole: locked"))
    error: Any = raised.value
    assert isinstance(error, SendingError) and isinstance(error, OSError)
    assert (error.code, error.kept) == (1, [1]) and not hasattr(error, "lock")
    assert "these attributes of it are missing here: 'lock'" in str(error)
    assert "Locked: 1 <unlocked" in str(error) and "Locked: 1" in str(error.__cause__)
    again = pickle.loads(pickle.dumps(error))
    assert isinstance(again, errors.Locked) and str(again) == str(error) and again.kept == [1]


def test_one_that_is_no_exception_stays_none(run):
    with pytest.raises(errors.LockedQuit) as raised:
        run(compute.fail("not whole: locked quit"))
    assert not isinstance(raised.value, Exception)


def test_a_class_without_subclasses_is_stood_for_by_its_base(run):
    with pytest.raises(KeyError, match="the NoSubclass that it raised") as raised:
        run(compute.fail("not whole: no subclass"))
    assert isinstance(raised.value, SendingError)


def test_a_retry_sees_the_class(run, tmp_path):
    target = compute.fail_first(str(tmp_path / "marker"), "two arguments").with_retry(2, retry_on=errors.TwoArguments)
    assert run(target) == "second"


def test_an_exception_of_the_main_script_is_caught_there(tmp_path):
    file = tmp_path / "script.py"
    file.write_text(
        textwrap.dedent("""
        import cascade as cs

        class Mine(Exception):
            def __init__(self, a, *, b):
                super().__init__(f"{a} {b}")
                self.b = b

        @cs.task(mode="compute")
        def fail():
            raise Mine(1, b=2)

        for use_vm in (False, True):
            try:
                cs.run(fail(), use_vm=use_vm)
            except Mine as error:
                print(type(error) is Mine, error, error.b)
    """)
    )
    done = subprocess.run([sys.executable, str(file)], capture_output=True, text=True, timeout=60, cwd=tmp_path)
    assert (done.stdout, done.stderr) == ("True 1 2 2\n" * 2, "")


def test_a_class_that_only_the_worker_has_is_stood_for_by_its_base(path, tmp_path):
    with pytest.raises(
        LookupError, match="the OnlyThere that it raised cannot be sent back .*No module named 'cascade_only_there'"
    ):
        path.run(raise_only_there(str(tmp_path)))


@cs.task(mode="compute")
def raise_only_there(folder: str) -> None:
    with open(f"{folder}/cascade_only_there.py", "w") as file:
        file.write("class OnlyThere(LookupError):\n    def __init__(self, a, b):\n        self.a = a\n")
    sys.path.insert(0, folder)
    from cascade_only_there import OnlyThere

    raise OnlyThere(1, 2)
