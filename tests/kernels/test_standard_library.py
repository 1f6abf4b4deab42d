"""CPython's own tests of its library pass in kernels as they do without: the tests as tasks, and the library's functions as tasks."""

from __future__ import annotations

import importlib.util
import inspect
from collections.abc import Iterator

import pytest

from cascade import _vm
from tests.support.standard_library import entries, runner
from tests.support.standard_library.suites import SUITES, Suite

QUICK = [pytest.param(suite, id=suite.tests) for suite in SUITES if suite.quick]
"""All others are run by `python -m tests.support.standard_library`: they take some ten minutes."""


@pytest.mark.parametrize("suite", QUICK)
def test_tests_of_the_library_have_the_same_outcomes(suite: Suite):
    if importlib.util.find_spec(f"test.{suite.tests}") is None:
        pytest.skip("this Python has no such tests")
    for compared in runner.compare(suite):
        assert not compared.differences, str(compared)
        assert compared.count and compared.counts["tasks"] and compared.counts["entries"], str(compared)


# -- Functions whose calls are made by tasks ---------------------------------------------------------------------------


class Base:
    def total(self, values, /, factor=2):
        total = 0
        for value in values:
            total += value
        return total * factor


class Double(Base):
    def total(self, values, /, factor=2):
        return 2 * super().total(values, factor=factor)


def scaled_by(step):
    def scaled(values):
        return [value * step for value in values]

    return scaled


@pytest.fixture
def at_once() -> Iterator[None]:
    _vm.lower_without_delay(True)
    yield
    _vm.lower_without_delay(False)


def test_a_function_stays_what_it_is_when_a_task_makes_its_calls(at_once):
    function, signature, source = Base.total, inspect.signature(Base.total), inspect.getsource(Base.total)
    task = entries.make_task(function)
    assert Base.total is function and function.__name__ == "total"
    assert (inspect.signature(function), inspect.getsource(function)) == (signature, source)
    assert (Base().total([3]), Base().total([3, 4], factor=1), Base().total([2], 5)) == (6, 7, 10)
    with pytest.raises(TypeError, match="positional-only"):
        Base().total(values=[3])
    assert task.routine.block_kernel.entries == 3


def test_variables_of_enclosing_functions_are_shared(at_once):
    scaled = scaled_by(3)
    task, other = entries.make_task(scaled), entries.make_task(Double.total)
    assert scaled([1, 2]) == [3, 6]
    scaled.__closure__[0].cell_contents = 5
    assert scaled([1, 2]) == [5, 10]
    assert Double().total([3, 4]) == 28
    assert task.routine.block_kernel.entries == 2 and other.routine.block_kernel.entries == 1


def warns(message):
    import warnings

    warnings.warn(message, stacklevel=2)


def test_generators_functions_with_other_parameters_and_those_that_look_at_their_caller_stay_as_they_are():
    refused = [lambda *values: values, lambda *, key: key, lambda: (yield), warns, inspect.currentframe]
    assert [entries.may_be_task(each) for each in refused] == [False] * len(refused)
    assert entries.may_be_task(scaled_by)


@pytest.mark.parametrize(
    ("found", "difference"),
    [
        ({"outcomes": {"test_a": "failed"}, "texts": {"test_a": "1 != 2"}}, "test_a: passed without kernels, failed with\n1 != 2"),
        ({"outcomes": {}, "texts": {}}, "test_a: passed without kernels, None with"),
        ("exit code -11: Segmentation fault", "exit code -11"),
    ],
    ids=["outcome", "missing", "crash"],
)  # fmt: skip
def test_another_outcome_is_seen(found, difference, monkeypatch):
    plain = {"outcomes": {"test_a": "passed"}, "texts": {}}
    monkeypatch.setattr(runner, "run_child", lambda suite, way, *rest: plain if way == runner.PLAIN else found)
    for compared in runner.compare(SUITES[0]):
        assert len(compared.differences) == 1 and difference in str(compared)
