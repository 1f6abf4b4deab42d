"""Identities and classes: numbers are no objects in typed code, and objects may say that they are of another class."""

from __future__ import annotations

import copy
import inspect
from types import FunctionType

import pytest

import cascade as cs
from cascade.kernels.blocks.admission import refusal_of
from cascade.kernels.blocks.kernel import block_kernel
from tests.support import identity_functions as functions
from tests.support.block_functions import assert_same, outcome
from tests.support.machine_code_functions import machine_code


@pytest.mark.parametrize("function", [functions.far, functions.near, functions.letters])
def test_a_number_or_text_that_a_global_names_is_not_compared_by_identity(function):
    diagnostic = refusal_of(function)
    assert diagnostic is not None and diagnostic.code == "CS136"
    program = cs.compile(cs.task(function))
    assert [program(4) for _ in range(3)] == [function(4)] * 3


def test_another_global_is_compared_by_identity():
    assert refusal_of(functions.nothing) is None
    assert_same(functions.nothing, 3)


@pytest.mark.parametrize("cls", [int, float, list, memoryview, dict, type, None])
def test_kernels_do_not_ask_an_object_for_its_class(cls):
    functions.NOTES.clear()
    proxy, other = functions.Proxy(cls), functions.Proxy(cls)
    program = cs.compile(cs.task(lower=True)(functions.uses))
    for count in (3, 3, 5):
        assert program(proxy, count) == functions.uses(other, count)
    assert functions.NOTES == []


@pytest.mark.parametrize(
    "function",
    [functions.member, functions.member_on_the_left, functions.of_a_class, functions.of_a_module, functions.plain],
)
def test_an_object_that_a_name_or_its_attribute_means_is_compared_by_identity(function):
    assert refusal_of(function) is None
    program = cs.compile(cs.task(lower=True)(function))
    assert [program(functions.VALUES) for _ in range(5)] == [function(functions.VALUES)] * 5
    assert "kernel" in str(program.explain())


@pytest.mark.parametrize(
    ("function", "construct"),
    [
        (functions.number_of_a_class, "value is Holder.FAR"),
        (functions.either, "value is (FAR if is_other else NOTHING)"),
        (functions.assigned, "other is OTHER"),
    ],
)
def test_a_refusal_names_the_comparison(function, construct):
    diagnostic = refusal_of(function)
    assert diagnostic is not None and (diagnostic.code, diagnostic.construct) == ("CS136", construct)
    lines, first = inspect.getsourcelines(function)
    assert lines[diagnostic.line - first].index(construct) == diagnostic.column
    assert "an object with the name of a global" in diagnostic.hint


def named(value):
    functions.LATER = value


def of_a_class(value):
    functions.Holder.LATER = value


@pytest.mark.parametrize(
    ("function", "becomes"), [(functions.named_later, named), (functions.of_a_class_later, of_a_class)]
)
def test_a_name_that_means_a_number_later_is_compared_by_cpython(function, becomes):
    assert_follows(function, becomes)


def test_a_variable_of_an_enclosing_function_is_compared_until_it_is_a_number():
    assert_follows(*functions.enclosing(functions.Plain()))


def assert_follows(function, becomes):
    """A name that the function compares with gets another object, and numbers that are among the values."""
    numbers = [1.5 * number for number in range(8)]
    program = cs.compile(cs.task(lower=True)(function))
    for value in (functions.Plain(), functions.NOTHING, functions.Plain(), numbers[3], functions.Plain(), numbers[5]):
        becomes(value)
        assert [program(numbers) for _ in range(4)] == [function(numbers)] * 4 == [type(value) is float] * 4


@pytest.fixture(params=[None, 0], ids=["usual", "hot"])
def hot(request):
    with machine_code(request.param):
        yield


@pytest.mark.parametrize("way", ["kernel", "run", "program", "map", "retry"])
def test_an_object_is_compared_with_a_parameter_by_identity(way, hot):
    for function, arguments in functions.WITH_PARAMETERS:
        task = cs.task(lower=True)(function)
        call = {
            "kernel": block_kernel(function),
            "run": lambda *given, task=task: cs.run(task(*given)),
            "program": cs.compile(task),
            "map": lambda *given, task=task: cs.run(task.map(*([each] * 3 for each in given)))[2],
            "retry": lambda *given, task=task: cs.run(task(*given).with_retry(max_attempts=1)),
        }[way]
        for _ in range(3):
            expected = outcome(function, [copy.copy(each) if type(each) is list else each for each in arguments])
            given = [copy.copy(each) if type(each) is list else each for each in arguments]
            if way == "map" and function is functions.copied_items:
                continue  # each item would get the same list
            assert outcome(call, given) == expected, (function, arguments)


@pytest.mark.parametrize("function", [functions.with_defaults])
def test_defaults_of_parameters_that_are_compared_are_objects(function, hot):
    kernel = block_kernel(function)
    wanted, other = function.__defaults__[0], function.__kwdefaults__["other"]
    for arguments in ([[wanted, other, 1]], [[wanted, other], SHARED], [[1.5], 1.5, 2]):
        assert [kernel(*arguments) for _ in range(3)] == [function(*arguments)] * 3


def test_a_call_with_a_number_for_such_a_parameter_is_made_by_cpython():
    kernel = block_kernel(functions.count_of)
    chain, before = [SHARED, 1], kernel.entries
    assert [kernel(chain, SHARED), kernel(chain, 1), kernel(chain, 2.5), kernel(chain, "a")] == [1, 1, 0, 0]
    assert kernel.entries == before + 1


SHARED = functions.SHARED


def test_a_loop_that_compares_with_a_parameter_stays_in_its_kernel():
    kernel = block_kernel(functions.walked)
    chain = functions.chained(3000)
    assert [kernel(chain, None) for _ in range(3)] == [functions.walked(chain, None)] * 3
    assert kernel.exit_count <= 2 and kernel.called_out <= 2


def assigned(first, wanted):
    if wanted is None:
        wanted = first
    return first.value is wanted


def deleted(first, wanted):
    found = first.value is wanted
    del wanted
    return found


def in_a_cell(first, wanted):
    return [first.value is wanted, (lambda: wanted)()]


def of_items(values):
    return values[0] is values[1]


@pytest.mark.parametrize("function", [assigned, deleted, in_a_cell, of_items])
def test_other_comparisons_are_refused(function):
    function = FunctionType(function.__code__, vars(functions))
    diagnostic = refusal_of(function)
    assert diagnostic is not None and diagnostic.code == "CS136"
